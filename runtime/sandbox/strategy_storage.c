#include "sandbox/strategy_internal.h"

#include "sandbox/meta.h"
#include "sandbox/quantity.h"

#include <string.h>

static const char *const access_modes[] = {"ReadOnlyMany", "ReadWriteMany", "ReadWriteOnce",
                                           "ReadWriteOncePod", NULL};

static void check_access_modes(const struct jv *modes, const char *path,
                               struct field_errors *errors)
{
    if (jv_size(modes) == 0)
        field_required(errors, path, "at least 1 access mode is required");
    for (size_t i = 0; i < jv_size(modes); i++) {
        const char *mode = jv_str(jv_at(modes, i));
        size_t known = 0;
        while (access_modes[known] && strcmp(access_modes[known], mode ? mode : "") != 0)
            known++;
        if (!access_modes[known])
            field_unsupported(errors, path, mode, access_modes);
    }
}

void validate_claim_spec(const struct jv *spec, const char *path, struct field_errors *errors)
{
    static const char *const modes[] = {"Block", "Filesystem", NULL};
    char at[FIELD_PATH_BYTES];
    const char *storage = jv_path_str(spec, "resources", "requests", "storage", NULL);
    __int128 nano = 0;
    check_access_modes(jv_get(spec, "accessModes"), field_path(at, "%s.accessModes", path), errors);
    field_path(at, "%s.resources[storage]", path);
    if (!storage)
        field_required(errors, at, NULL);
    else if (quantity_parse(storage, &nano) && nano <= 0)
        field_invalid_str(errors, at, storage, "must be greater than zero");
    const char *class = member_str(spec, "storageClassName");
    const char *problem = *class ? name_check_subdomain(class) : NULL;
    if (problem)
        field_invalid_str(errors, field_path(at, "%s.storageClassName", path), class, "%s",
                          problem);
    validate_one_of(spec, "volumeMode", field_path(at, "%s.volumeMode", path), modes, errors);
}

static void claim_defaults(struct jv *claim)
{
    default_claim_spec(jv_ensure(claim, "spec", NULL));
    default_str(jv_ensure(claim, "status", NULL), "phase", "Pending");
}

struct default_class {
    const char *name; /* lent by the storage */
};

static bool find_default(void *arg, struct stored *stored)
{
    struct default_class *found = arg;
    struct jv *class = stored_parse(stored);
    const char *mark = jv_path_str(class, "metadata", "annotations",
                                   "storageclass.kubernetes.io/is-default-class", NULL);
    if (mark && strcmp(mark, "true") == 0)
        found->name = stored->name;
    jv_unref(class);
    return true;
}

/* The admission plugins DefaultStorageClass and StorageObjectInUseProtection. */
static int claim_prepare_create(struct request *request, struct jv *claim, struct refusal *refusal)
{
    (void)refusal;
    struct jv *spec = jv_ensure(claim, "spec", NULL);
    const struct kind *classes =
        kinds_find(request->server->kinds, "storage.k8s.io", "storageclasses");
    struct default_class found = {NULL};
    if (!jv_get(spec, "storageClassName"))
        storage_each(request->server->storage, classes, NULL, NULL, 0, find_default, &found);
    jv_set_str(spec, "storageClassName", found.name);
    meta_add_finalizer(claim, "kubernetes.io/pvc-protection");
    if (request->exchange)
        jv_remove(claim, "status");
    default_str(jv_ensure(claim, "status", NULL), "phase", "Pending");
    return 0;
}

static void claim_validate(const struct jv *claim, struct field_errors *errors)
{
    validate_claim_spec(jv_get(claim, "spec"), "spec", errors);
}

static bool is_bound(const struct jv *claim)
{
    const char *phase = jv_path_str(claim, "status", "phase", NULL);
    return phase && strcmp(phase, "Bound") == 0;
}

/* The binder may fill volumeName once, and a class may be set where there was none. */
static void drop_fillable(struct jv *old, struct jv *new)
{
    static const char *const members[] = {"volumeName", "storageClassName",
                                          "volumeAttributesClassName"};
    for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++)
        if (!*member_str(old, members[i]) && !jv_get(old, members[i]))
            jv_remove(new, members[i]);
}

static void claim_validate_update(const struct jv *before, const struct jv *after,
                                  struct field_errors *errors)
{
    struct jv *old = jv_dup(jv_get(before, "spec")), *new = jv_dup(jv_get(after, "spec"));
    const char *was = jv_path_str(old, "resources", "requests", "storage", NULL);
    const char *is = jv_path_str(new, "resources", "requests", "storage", NULL);
    const char *has = jv_path_str(before, "status", "capacity", "storage", NULL);
    __int128 old_size = 0, new_size = 0, capacity = 0;
    quantity_parse(was ? was : "", &old_size);
    quantity_parse(is ? is : "", &new_size);
    quantity_parse(has ? has : "", &capacity);
    drop_fillable(old, new);
    if (is_bound(before)) {
        jv_remove(jv_path(old, "resources", "requests", NULL), "storage");
        jv_remove(jv_path(new, "resources", "requests", NULL), "storage");
    }
    if (!jv_equal(old, new))
        field_forbidden(errors, "spec",
                        "spec is immutable after creation except resources.requests and "
                        "volumeAttributesClassName for bound claims");
    /* A request that could not be met may be taken back, but not below what there is. */
    if (new_size < old_size && new_size <= capacity)
        field_forbidden(errors, "spec.resources.requests.storage",
                        "field can not be less than status.capacity");
    validate_immutable(jv_get(old, "volumeMode"), jv_get(new, "volumeMode"), "volumeMode", errors);
    jv_unref(old);
    jv_unref(new);
}

static bool may_expand(const struct request *request, const char *name)
{
    char key[KIND_TEXT_BYTES];
    const struct kind *classes =
        kinds_find(request->server->kinds, "storage.k8s.io", "storageclasses");
    struct stored *stored = storage_get(classes, storage_key(key, sizeof(key), NULL, name));
    struct jv *class = stored ? stored_parse(stored) : NULL;
    bool may = jv_bool_value(jv_get(class, "allowVolumeExpansion"));
    jv_unref(class);
    return may;
}

/* The admission plugin PersistentVolumeClaimResize. */
static int claim_prepare_update(struct request *request, const struct jv *before, struct jv *after,
                                struct refusal *refusal)
{
    const char *was = jv_path_str(before, "spec", "resources", "requests", "storage", NULL);
    const char *is = jv_path_str(after, "spec", "resources", "requests", "storage", NULL);
    const char *class = jv_path_str(before, "spec", "storageClassName", NULL);
    __int128 old_size = 0, new_size = 0;
    quantity_parse(was ? was : "", &old_size);
    quantity_parse(is ? is : "", &new_size);
    if (new_size <= old_size || !is_bound(before) || (class && may_expand(request, class)))
        return 0;
    return refuse_forbidden(refusal, request->kind, meta_name(before),
                            "only dynamically provisioned pvc can be resized and the storageclass "
                            "that provisions the pvc must support resize");
}

static void volume_defaults(struct jv *volume)
{
    struct jv *spec = jv_ensure(volume, "spec", NULL);
    default_str(spec, "persistentVolumeReclaimPolicy", "Retain");
    default_str(spec, "volumeMode", "Filesystem");
    if (member_object(spec, "hostPath"))
        default_str(member_object(spec, "hostPath"), "type", "");
    default_str(jv_ensure(volume, "status", NULL), "phase", "Pending");
}

static int volume_prepare_create(struct request *request, struct jv *volume,
                                 struct refusal *refusal)
{
    (void)refusal;
    char now[TIME_TEXT_BYTES];
    meta_add_finalizer(volume, "kubernetes.io/pv-protection");
    if (request->exchange)
        jv_remove(volume, "status");
    struct jv *status = jv_ensure(volume, "status", NULL);
    default_str(status, "phase", "Pending");
    default_str(status, "lastPhaseTransitionTime", server_time(request->server, false, now));
    return 0;
}

static const char *const no_source[] = {"accessModes",      "capacity",
                                        "claimRef",         "mountOptions",
                                        "nodeAffinity",     "persistentVolumeReclaimPolicy",
                                        "storageClassName", "volumeAttributesClassName",
                                        "volumeMode"};

static bool has_source(const struct jv *spec)
{
    size_t members = jv_size(spec);
    for (size_t i = 0; i < sizeof(no_source) / sizeof(no_source[0]); i++)
        members -= jv_get(spec, no_source[i]) != NULL;
    return members > 0;
}

static void volume_validate(const struct jv *volume, struct field_errors *errors)
{
    static const char *const capacities[] = {"storage", NULL};
    static const char *const policies[] = {"Delete", "Recycle", "Retain", NULL};
    const struct jv *spec = jv_get(volume, "spec");
    if (jv_size(jv_get(spec, "accessModes")) == 0)
        field_required(errors, "spec.accessModes", NULL);
    else
        check_access_modes(jv_get(spec, "accessModes"), "spec.accessModes", errors);
    if (jv_size(jv_get(spec, "capacity")) == 0)
        field_required(errors, "spec.capacity", NULL);
    if (!jv_path(spec, "capacity", "storage", NULL))
        field_unsupported_value(errors, "spec.capacity", jv_get(spec, "capacity"), capacities);
    if (!has_source(spec))
        field_required(errors, "spec", "must specify a volume type");
    const char *path = jv_path_str(spec, "hostPath", "path", NULL);
    if (jv_get(spec, "hostPath") && jv_get(spec, "local"))
        field_forbidden(errors, "spec.local", "may not specify more than 1 volume type");
    if (path && strstr(path, ".."))
        field_invalid_str(errors, "spec.hostPath.path", path, "must not contain '..'");
    validate_one_of(spec, "persistentVolumeReclaimPolicy", "spec.persistentVolumeReclaimPolicy",
                    policies, errors);
}

/* The source, that is: all but what describes it. */
static void volume_validate_update(const struct jv *before, const struct jv *after,
                                   struct field_errors *errors)
{
    struct jv *old = jv_dup(jv_get(before, "spec")), *new = jv_dup(jv_get(after, "spec"));
    for (size_t i = 0; i < sizeof(no_source) / sizeof(no_source[0]); i++) {
        jv_remove(old, no_source[i]);
        jv_remove(new, no_source[i]);
    }
    if (!jv_equal(old, new))
        field_forbidden(errors, "spec.persistentvolumesource",
                        "spec.persistentvolumesource is immutable after creation");
    jv_unref(old);
    jv_unref(new);
}

static void class_defaults(struct jv *class)
{
    default_str(class, "reclaimPolicy", "Delete");
    default_str(class, "volumeBindingMode", "Immediate");
}

static void class_validate(const struct jv *class, struct field_errors *errors)
{
    static const char *const modes[] = {"Immediate", "WaitForFirstConsumer", NULL};
    static const char *const policies[] = {"Delete", "Retain", NULL};
    validate_one_of(class, "reclaimPolicy", "reclaimPolicy", policies, errors);
    if (!*member_str(class, "provisioner"))
        field_required(errors, "provisioner", NULL);
    validate_one_of(class, "volumeBindingMode", "volumeBindingMode", modes, errors);
}

static void class_validate_update(const struct jv *before, const struct jv *after,
                                  struct field_errors *errors)
{
    static const char *const fixed[] = {"parameters", "provisioner", "reclaimPolicy"};
    for (size_t i = 0; i < 3; i++)
        if (!same_or_absent(jv_get(before, fixed[i]), jv_get(after, fixed[i])))
            field_forbidden(errors, fixed[i], "updates to %s are forbidden.", fixed[i]);
    validate_immutable(jv_get(before, "volumeBindingMode"), jv_get(after, "volumeBindingMode"),
                       "volumeBindingMode", errors);
}

const struct strategy strategy_claim = {
    .defaults = claim_defaults,
    .prepare_create = claim_prepare_create,
    .prepare_update = claim_prepare_update,
    .validate = claim_validate,
    .validate_update = claim_validate_update,
};
const struct strategy strategy_volume = {
    .defaults = volume_defaults,
    .prepare_create = volume_prepare_create,
    .validate = volume_validate,
    .validate_update = volume_validate_update,
};
const struct strategy strategy_storage_class = {
    .defaults = class_defaults,
    .validate = class_validate,
    .validate_update = class_validate_update,
};
