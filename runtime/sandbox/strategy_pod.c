#include "sandbox/strategy_internal.h"

#include "sandbox/meta.h"
#include "sandbox/quantity.h"

#include <string.h>

static void default_requests(const struct jv *containers)
{
    for (size_t i = 0; i < jv_size(containers); i++) {
        struct jv *resources = member_object(jv_at(containers, i), "resources");
        const struct jv *limits = jv_get(resources, "limits");
        struct jv_iter iter = {0};
        while (jv_size(limits) && jv_next(limits, &iter))
            if (!jv_get(jv_get(resources, "requests"), iter.key))
                jv_set(jv_ensure(resources, "requests", NULL), iter.key, jv_ref(iter.value));
    }
}

static void defaults(struct jv *pod)
{
    struct jv *spec = jv_ensure(pod, "spec", NULL);
    default_pod_spec(spec);
    default_bool(spec, "enableServiceLinks", true);
    default_requests(jv_get(spec, "containers"));
    default_requests(jv_get(spec, "initContainers"));
}

static bool quantity_is_zero(const struct jv *value)
{
    __int128 nano = 0;
    return !jv_str(value) || !quantity_parse(jv_str(value), &nano) || nano == 0;
}

/* One container's part in the class: 0 nothing asked, 1 something, 2 all limited and equal. */
static int qos_of(const struct jv *container)
{
    static const char *const counted[] = {"cpu", "memory"};
    const struct jv *requests = jv_path(container, "resources", "requests", NULL);
    const struct jv *limits = jv_path(container, "resources", "limits", NULL);
    int full = 0, any = 0;
    for (size_t i = 0; i < 2; i++) {
        const struct jv *request = jv_get(requests, counted[i]);
        const struct jv *limit = jv_get(limits, counted[i]);
        any |= !quantity_is_zero(request) || !quantity_is_zero(limit);
        full += !quantity_is_zero(limit) && same_or_absent(request, limit);
    }
    return full == 2 ? 2 : any;
}

static const char *qos_class(const struct jv *spec)
{
    static const char *const lists[] = {"containers", "initContainers"};
    bool none = true, full = true;
    for (size_t l = 0; l < 2; l++) {
        const struct jv *list = jv_get(spec, lists[l]);
        for (size_t i = 0; i < jv_size(list); i++) {
            int part = qos_of(jv_at(list, i));
            none &= part == 0;
            full &= part == 2;
        }
    }
    return none ? "BestEffort" : full ? "Guaranteed" : "Burstable";
}

static void add_toleration(struct jv *list, const char *key)
{
    for (size_t i = 0; i < jv_size(list); i++) {
        const char *other = member_str(jv_at(list, i), "key");
        if (!*other || strcmp(other, key) == 0)
            return;
    }
    struct jv *toleration = jv_object();
    jv_set_str(toleration, "key", key);
    jv_set_str(toleration, "operator", "Exists");
    jv_set_str(toleration, "effect", "NoExecute");
    jv_set_int(toleration, "tolerationSeconds", 300);
    jv_append(list, toleration);
}

static void admit_tolerations(struct jv *spec)
{
    if (!jv_is_array(jv_get(spec, "tolerations")))
        jv_set(spec, "tolerations", jv_array());
    add_toleration(jv_get(spec, "tolerations"), "node.kubernetes.io/not-ready");
    add_toleration(jv_get(spec, "tolerations"), "node.kubernetes.io/unreachable");
}

/* The account "default" is there without being created, because no controller makes it. */
static int admit_account(const struct request *request, const struct jv *pod,
                         struct refusal *refusal)
{
    char key[KIND_TEXT_BYTES];
    const char *name = jv_path_str(pod, "spec", "serviceAccountName", NULL);
    const struct kind *accounts = kinds_find(request->server->kinds, "", "serviceaccounts");
    if (strcmp(name, "default") == 0 || storage_get(accounts, request_key(request, name, key)))
        return 0;
    return refuse_forbidden(refusal, request->kind, meta_name(pod),
                            "error looking up service account %s/%s: serviceaccount \"%s\" not "
                            "found",
                            request->namespace, name, name);
}

static int admit_priority(const struct request *request, const struct jv *pod,
                          struct refusal *refusal)
{
    char key[KIND_TEXT_BYTES];
    struct jv *spec = jv_get(pod, "spec");
    const char *name = member_str(spec, "priorityClassName");
    const struct kind *classes =
        kinds_find(request->server->kinds, "scheduling.k8s.io", "priorityclasses");
    struct stored *stored =
        *name ? storage_get(classes, storage_key(key, sizeof(key), NULL, name)) : NULL;
    struct jv *class = stored ? stored_parse(stored) : NULL;
    if (*name && !class && strncmp(name, "system-", 7) != 0)
        return refuse_forbidden(refusal, request->kind, meta_name(pod),
                                "no PriorityClass with name %s was found", name);
    default_int(spec, "priority", jv_int_value(jv_get(class, "value")));
    const char *policy = member_str(class, "preemptionPolicy");
    default_str(spec, "preemptionPolicy", *policy ? policy : "PreemptLowerPriority");
    jv_unref(class);
    return 0;
}

static bool wants_token(const struct request *request, const struct jv *spec)
{
    char key[KIND_TEXT_BYTES];
    const struct jv *own = jv_get(spec, "automountServiceAccountToken");
    const struct kind *accounts = kinds_find(request->server->kinds, "", "serviceaccounts");
    if (own)
        return jv_bool_value(own);
    struct stored *stored =
        storage_get(accounts, request_key(request, member_str(spec, "serviceAccountName"), key));
    struct jv *account = stored ? stored_parse(stored) : NULL;
    const struct jv *mounts = jv_get(account, "automountServiceAccountToken");
    bool wants = !mounts || jv_bool_value(mounts);
    jv_unref(account);
    return wants;
}

static void add_mount(struct jv *container, const char *volume)
{
    static const char path[] = "/var/run/secrets/kubernetes.io/serviceaccount";
    const struct jv *mounts = jv_get(container, "volumeMounts");
    for (size_t i = 0; i < jv_size(mounts); i++)
        if (strcmp(member_str(jv_at(mounts, i), "mountPath"), path) == 0)
            return;
    if (!jv_is_array(mounts))
        jv_set(container, "volumeMounts", jv_array());
    struct jv *mount = jv_object();
    jv_set_str(mount, "mountPath", path);
    jv_set_str(mount, "name", volume);
    jv_set(mount, "readOnly", jv_bool(true));
    jv_append(jv_get(container, "volumeMounts"), mount);
}

/* The account's token, the cluster's certificate and the namespace, as every pod finds them. */
static void mount_token(struct request *request, struct jv *spec)
{
    static const char sources[] =
        "{\"defaultMode\":420,\"sources\":[{\"serviceAccountToken\":{\"expirationSeconds\":3607,"
        "\"path\":\"token\"}},{\"configMap\":{\"items\":[{\"key\":\"ca.crt\",\"path\":\"ca.crt\"}],"
        "\"name\":\"kube-root-ca.crt\"}},{\"downwardAPI\":{\"items\":[{\"fieldRef\":{"
        "\"apiVersion\":"
        "\"v1\",\"fieldPath\":\"metadata.namespace\"},\"path\":\"namespace\"}]}}]}";
    static const char *const lists[] = {"initContainers", "containers"};
    char name[] = "kube-api-access-xxxxx";
    struct jv *volume = jv_object(), *projected = NULL;
    if (!wants_token(request, spec)) {
        jv_unref(volume);
        return;
    }
    meta_random_suffix(request, name + sizeof(name) - 6);
    jv_parse(sources, sizeof(sources) - 1, &projected, NULL);
    jv_set_str(volume, "name", name);
    jv_set(volume, "projected", projected);
    if (!jv_is_array(jv_get(spec, "volumes")))
        jv_set(spec, "volumes", jv_array());
    jv_append(jv_get(spec, "volumes"), volume);
    for (size_t l = 0; l < 2; l++)
        for (size_t i = 0; i < jv_size(jv_get(spec, lists[l])); i++)
            add_mount(jv_at(jv_get(spec, lists[l]), i), name);
}

/* The admission plugins that every server has on: service account, tolerations, priority. */
static int prepare_create(struct request *request, struct jv *pod, struct refusal *refusal)
{
    struct jv *spec = jv_ensure(pod, "spec", NULL);
    default_str(spec, "serviceAccountName", "default");
    default_str(spec, "serviceAccount", member_str(spec, "serviceAccountName"));
    if (admit_account(request, pod, refusal) < 0)
        return -1;
    if (admit_priority(request, pod, refusal) < 0)
        return -1;
    if (request->exchange)
        mount_token(request, spec);
    warn_pod_spec(request, spec, "spec");
    if (jv_int_value(jv_get(spec, "terminationGracePeriodSeconds")) < 0)
        jv_set_int(spec, "terminationGracePeriodSeconds", 1);
    admit_tolerations(spec);
    if (!request->exchange && jv_get(pod, "status"))
        return 0; /* loaded together with its status */
    struct jv *status = jv_object();
    jv_set_str(status, "phase", "Pending");
    jv_set_str(status, "qosClass", qos_class(spec));
    jv_set(pod, "status", status);
    return 0;
}

static int prepare_update(struct request *request, const struct jv *before, struct jv *after,
                          struct refusal *refusal)
{
    static const char *const kept[] = {"priority", "preemptionPolicy"};
    struct jv *spec = jv_ensure(after, "spec", NULL);
    (void)request;
    (void)refusal;
    for (size_t i = 0; i < 2; i++)
        if (!jv_get(spec, kept[i]) && jv_path(before, "spec", kept[i], NULL))
            jv_set(spec, kept[i], jv_ref(jv_path(before, "spec", kept[i], NULL)));
    admit_tolerations(spec);
    return 0;
}

static void validate(const struct jv *pod, struct field_errors *errors)
{
    validate_pod_spec(jv_get(pod, "spec"), NULL, "spec", errors);
}

/* What may change in a pod's spec, taken out before the rest is compared. */
static void drop_mutable(struct jv *spec)
{
    static const char *const members[] = {"activeDeadlineSeconds", "tolerations",
                                          "terminationGracePeriodSeconds", "nodeName",
                                          "schedulingGates"};
    static const char *const lists[] = {"containers", "initContainers"};
    for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++)
        jv_remove(spec, members[i]);
    for (size_t l = 0; l < 2; l++) {
        const struct jv *list = jv_get(spec, lists[l]);
        for (size_t i = 0; i < jv_size(list); i++)
            jv_remove(jv_at(list, i), "image");
    }
}

static void validate_update(const struct jv *before, const struct jv *after,
                            struct field_errors *errors)
{
    struct jv *old = jv_dup(jv_get(before, "spec")), *new = jv_dup(jv_get(after, "spec"));
    const struct jv *was = jv_get(old, "activeDeadlineSeconds");
    if (jv_size(jv_get(old, "containers")) != jv_size(jv_get(new, "containers"))) {
        field_forbidden(errors, "spec.containers", "pod updates may not add or remove containers");
        jv_unref(old);
        jv_unref(new);
        return;
    }
    if (was && !jv_get(new, "activeDeadlineSeconds")) {
        struct jv *nothing = jv_null();
        field_invalid(errors, "spec.activeDeadlineSeconds", nothing,
                      "must not update from a positive integer to nil value");
        jv_unref(nothing);
    }
    const struct jv *containers = jv_get(new, "containers");
    for (size_t i = 0; i < jv_size(containers); i++) {
        char path[FIELD_PATH_BYTES];
        if (!*member_str(jv_at(containers, i), "image")) /* once more: the causes tell */
            field_required(errors, field_path(path, "spec.containers[%zu].image", i), NULL);
    }
    bool moved = !same_or_absent(jv_get(old, "nodeName"), jv_get(new, "nodeName"));
    drop_mutable(old);
    drop_mutable(new);
    if (!jv_equal(old, new) || moved)
        field_forbidden(errors, "spec",
                        "pod updates may not change fields other than "
                        "`spec.containers[*].image`,`spec.initContainers[*].image`,"
                        "`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to "
                        "existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to "
                        "be set to 1 if it was previously negative)");
    jv_unref(old);
    jv_unref(new);
}

const struct strategy strategy_pod = {
    .defaults = defaults,
    .prepare_create = prepare_create,
    .prepare_update = prepare_update,
    .validate = validate,
    .validate_update = validate_update,
};
