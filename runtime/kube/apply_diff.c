#include "base/digest.h"
#include "kube/apply.h"
#include "kube/apply_quantity.h"

#include <string.h>

/* Where we are: the keys above decide what a value means. */
struct place {
    const char *key, *parent;
};

struct comparison {
    const char *kind;
    bool built_in;
    struct buf *path; /* may be NULL */
};

static bool differs(struct comparison *c, struct place place, const struct jv *wanted,
                    const struct jv *live);

static bool is_one_of(const char *key, const char *const *list)
{
    for (; key != NULL && *list != NULL; list++) {
        if (strcmp(*list, key) == 0)
            return true;
    }
    return false;
}

/* Groups of the API server itself; those of custom resources keep every value as it was sent. */
static bool is_built_in(const char *api_version)
{
    const char *slash = api_version != NULL ? strchr(api_version, '/') : NULL;
    const char *dot = api_version != NULL ? strchr(api_version, '.') : NULL;

    if (slash == NULL || dot == NULL || dot > slash)
        return true; /* "v1", "apps/v1", "batch/v1" */
    return slash - api_version > 7 && strncmp(slash - 7, ".k8s.io", 7) == 0;
}

/* Fields that are pointers in the Go types: zero is kept and is not what absence means. */
static bool absence_matters(struct place place, const struct jv *wanted)
{
    static const char *const fields[] = {
        "activeDeadlineSeconds",
        "allowPrivilegeEscalation",
        "automountServiceAccountToken",
        "averageUtilization",
        "backoffLimit",
        "blockOwnerDeletion",
        "controller",
        "defaultMode",
        "emptyDir",
        "enableServiceLinks",
        "fsGroup",
        "hostUsers",
        "immutable",
        "ingressClassName",
        "minReplicas",
        "mode",
        "namespaceSelector",
        "optional",
        "partition",
        "podSelector",
        "privileged",
        "progressDeadlineSeconds",
        "readOnlyRootFilesystem",
        "replicas",
        "revisionHistoryLimit",
        "runAsGroup",
        "runAsNonRoot",
        "runAsUser",
        "setHostnameAsFQDN",
        "shareProcessNamespace",
        "storageClassName",
        "suspend",
        "terminationGracePeriodSeconds",
        "tolerationSeconds",
        "ttlSecondsAfterFinished",
        NULL,
    };
    static const char *const maps[] = {
        "data",        "binaryData",   "labels",     "annotations",
        "matchLabels", "nodeSelector", "parameters", NULL,
    };

    if (jv_type(wanted) == JV_STRING && is_one_of(place.parent, maps))
        return true;
    return is_one_of(place.key, fields);
}

/* Fields of built-in kinds that the server fills in when they are empty. */
static bool server_fills(const char *key)
{
    static const char *const fields[] = {
        "clusterIP",
        "dnsPolicy",
        "failureThreshold",
        "healthCheckNodePort",
        "imagePullPolicy",
        "nodePort",
        "periodSeconds",
        "podManagementPolicy",
        "protocol",
        "restartPolicy",
        "schedulerName",
        "scheme",
        "serviceAccount",
        "serviceAccountName",
        "sessionAffinity",
        "successThreshold",
        "terminationMessagePath",
        "terminationMessagePolicy",
        "timeoutSeconds",
        "type",
        NULL,
    };

    return is_one_of(key, fields);
}

static bool is_quantity(struct place place)
{
    static const char *const parents[] = {
        "requests", "limits",         "capacity", "allocatable", "hard", "used",
        "default",  "defaultRequest", "max",      "min",         NULL,
    };
    static const char *const keys[] = {"sizeLimit", "divisor", "averageValue", NULL};

    if (is_one_of(place.parent, parents) || is_one_of(place.key, keys))
        return true;
    return place.key != NULL && strcmp(place.key, "value") == 0 && place.parent != NULL &&
           strcmp(place.parent, "target") == 0;
}

static bool is_zero(const struct jv *value)
{
    switch (jv_type(value)) {
    case JV_NULL:
        return true;
    case JV_BOOL:
        return !jv_bool_value(value);
    case JV_INT:
        return jv_int_value(value) == 0;
    case JV_REAL:
        return jv_real_value(value) == 0;
    case JV_STRING:
        return jv_str(value)[0] == '\0';
    case JV_ARRAY:
    case JV_OBJECT:
        break;
    }
    return jv_size(value) == 0;
}

/* The path grows on the way down and is cut back where nothing was found. */
static size_t path_mark(const struct comparison *c)
{
    return c->path != NULL ? c->path->len : 0;
}

static void path_cut(const struct comparison *c, size_t mark)
{
    if (c->path == NULL || c->path->len == mark)
        return;
    c->path->len = mark;
    c->path->data[mark] = '\0';
}

static void path_key(const struct comparison *c, const char *key)
{
    if (c->path == NULL)
        return;
    if (strpbrk(key, "./") != NULL)
        buf_printf(c->path, "[%s]", key);
    else
        buf_printf(c->path, "%s%s", c->path->len > 0 ? "." : "", key);
}

static bool absent_differs(struct comparison *c, struct place place, const struct jv *wanted)
{
    struct jv_iter iter = {0};
    size_t mark = path_mark(c);

    if (!c->built_in || absence_matters(place, wanted))
        return true;
    if (!jv_is_object(wanted))
        return !is_zero(wanted);
    while (jv_next(wanted, &iter)) {
        path_key(c, iter.key);
        if (differs(c, (struct place){iter.key, place.key}, iter.value, NULL))
            return true;
        path_cut(c, mark);
    }
    return false;
}

/* Up to two keys tell the elements of a list apart. */
struct list_key {
    const char *field, *first, *second;
};

static struct list_key list_key_of(const struct comparison *c, struct place place,
                                   const struct jv *element)
{
    static const struct list_key keys[] = {
        {"containers", "name", NULL},
        {"initContainers", "name", NULL},
        {"ephemeralContainers", "name", NULL},
        {"env", "name", NULL},
        {"volumes", "name", NULL},
        {"imagePullSecrets", "name", NULL},
        {"secrets", "name", NULL},
        {"resourceClaims", "name", NULL},
        {"schedulingGates", "name", NULL},
        {"volumeMounts", "mountPath", NULL},
        {"volumeDevices", "devicePath", NULL},
        {"hostAliases", "ip", NULL},
        {"topologySpreadConstraints", "topologyKey", "whenUnsatisfiable"},
        {"conditions", "type", NULL},
    };
    struct list_key none = {NULL, NULL, NULL};

    if (place.key == NULL)
        return none;
    if (strcmp(place.key, "ownerReferences") == 0)
        return (struct list_key){place.key, "uid", NULL};
    if (!c->built_in)
        return none;
    if (strcmp(place.key, "ports") == 0 && jv_get(element, "containerPort") != NULL)
        return (struct list_key){place.key, "containerPort", "protocol"};
    if (strcmp(place.key, "ports") == 0 && c->kind != NULL && strcmp(c->kind, "Service") == 0)
        return (struct list_key){place.key, "port", "protocol"};
    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
        if (strcmp(place.key, keys[i].field) == 0 && jv_get(element, keys[i].first) != NULL)
            return keys[i];
    }
    return none;
}

static bool key_equal(const char *key, const struct jv *a, const struct jv *b)
{
    const struct jv *x = jv_get(a, key), *y = jv_get(b, key);

    if (strcmp(key, "protocol") == 0) /* empty means TCP */
        return strcmp(jv_str(x) != NULL && jv_str(x)[0] != '\0' ? jv_str(x) : "TCP",
                      jv_str(y) != NULL && jv_str(y)[0] != '\0' ? jv_str(y) : "TCP") == 0;
    return (x == NULL && y == NULL) || (x != NULL && y != NULL && jv_equal(x, y));
}

static bool same_element(struct list_key key, const struct jv *a, const struct jv *b)
{
    return key_equal(key.first, a, b) && (key.second == NULL || key_equal(key.second, a, b));
}

/* The live element for wanted[at]; the same position first, which is nearly always right. */
static const struct jv *counterpart(struct list_key key, const struct jv *wanted, size_t at,
                                    const struct jv *live)
{
    const struct jv *element = jv_at(wanted, at);

    if (at < jv_size(live) && same_element(key, element, jv_at(live, at)))
        return jv_at(live, at);
    for (size_t i = 0; i < jv_size(live); i++) {
        if (same_element(key, element, jv_at(live, i)))
            return jv_at(live, i);
    }
    return NULL;
}

static void path_element(const struct comparison *c, struct list_key key, const struct jv *element,
                         size_t at)
{
    const struct jv *value = key.first != NULL ? jv_get(element, key.first) : NULL;

    if (c->path == NULL)
        return;
    if (value == NULL) {
        buf_printf(c->path, "[%zu]", at);
        return;
    }
    buf_printf(c->path, "[%s=", key.first);
    jv_print(value, 0, c->path);
    buf_add_str(c->path, "]");
}

static bool set_differs(const struct jv *wanted, const struct jv *live)
{
    for (size_t i = 0; i < jv_size(wanted); i++) {
        bool found = false;

        for (size_t k = 0; k < jv_size(live) && !found; k++)
            found = jv_equal(jv_at(wanted, i), jv_at(live, k));
        if (!found)
            return true;
    }
    return false;
}

static bool list_differs(struct comparison *c, struct place place, const struct jv *wanted,
                         const struct jv *live)
{
    struct list_key key = list_key_of(c, place, jv_at(wanted, 0));
    size_t mark = path_mark(c);

    if (place.key != NULL && strcmp(place.key, "finalizers") == 0)
        return set_differs(wanted, live);
    if (key.first == NULL && jv_size(wanted) != jv_size(live))
        return true;
    for (size_t i = 0; i < jv_size(wanted); i++) {
        const struct jv *other =
            key.first != NULL ? counterpart(key, wanted, i, live) : jv_at(live, i);

        path_element(c, key, jv_at(wanted, i), i);
        if (other == NULL || differs(c, place, jv_at(wanted, i), other))
            return true;
        path_cut(c, mark);
    }
    return false;
}

static bool object_differs(struct comparison *c, const char *parent, const struct jv *wanted,
                           const struct jv *live)
{
    struct jv_iter iter = {0};
    size_t mark = path_mark(c);

    while (jv_next(wanted, &iter)) {
        path_key(c, iter.key);
        if (differs(c, (struct place){iter.key, parent}, iter.value, jv_get(live, iter.key)))
            return true;
        path_cut(c, mark);
    }
    return false;
}

static bool is_number(const struct jv *value)
{
    return jv_type(value) == JV_INT || jv_type(value) == JV_REAL;
}

static bool scalar_differs(struct place place, const struct jv *wanted, const struct jv *live)
{
    if (jv_equal(wanted, live))
        return false;
    if (is_number(wanted) && is_number(live) && jv_type(wanted) != jv_type(live))
        return jv_real_value(wanted) != jv_real_value(live);
    return !is_quantity(place) || !quantity_equal(wanted, live);
}

static bool differs(struct comparison *c, struct place place, const struct jv *wanted,
                    const struct jv *live)
{
    if (jv_type(wanted) == JV_NULL)
        return false;
    if (live == NULL || jv_type(live) == JV_NULL)
        return absent_differs(c, place, wanted);
    if (jv_is_object(wanted))
        return !jv_is_object(live) || object_differs(c, place.key, wanted, live);
    if (jv_is_array(wanted))
        return !jv_is_array(live) || list_differs(c, place, wanted, live);
    if (c->built_in && is_zero(wanted) && server_fills(place.key))
        return false;
    return scalar_differs(place, wanted, live);
}

static bool secret_differs(struct comparison *c, const struct jv *strings, const struct jv *live)
{
    const struct jv *data = jv_get(live, "data");
    struct jv_iter iter = {0};
    size_t mark = path_mark(c);

    while (jv_next(strings, &iter)) {
        const char *have = jv_str(jv_get(data, iter.key));
        size_t len = 0;
        const char *text = jv_strn(iter.value, &len);
        struct buf encoded;
        bool same;

        if (text == NULL)
            continue;
        path_key(c, iter.key);
        buf_init(&encoded, 4 << 20);
        same = have != NULL && base64_encode(text, len, &encoded) == 0 &&
               strcmp(buf_str(&encoded), have) == 0;
        buf_deinit(&encoded);
        if (!same)
            return true;
        path_cut(c, mark);
    }
    return false;
}

static bool metadata_differs(struct comparison *c, const struct jv *wanted, const struct jv *live)
{
    static const char *const ours[] = {"annotations", "labels", "ownerReferences", "finalizers"};
    size_t mark = path_mark(c);

    for (size_t i = 0; i < sizeof(ours) / sizeof(ours[0]); i++) {
        const struct jv *value = jv_get(wanted, ours[i]);

        if (value == NULL)
            continue;
        path_key(c, ours[i]);
        if (differs(c, (struct place){ours[i], "metadata"}, value, jv_get(live, ours[i])))
            return true;
        path_cut(c, mark);
    }
    return false;
}

bool apply_differs(const struct jv *wanted, const struct jv *live, struct buf *path)
{
    static const char *const skipped[] = {"apiVersion", "kind", "status", NULL};
    struct comparison c = {.kind = jv_str(jv_get(wanted, "kind")), .path = path};
    struct jv_iter iter = {0};
    size_t mark = path_mark(&c);

    c.built_in = is_built_in(jv_str(jv_get(wanted, "apiVersion")));
    while (jv_next(wanted, &iter)) {
        const struct jv *other = jv_get(live, iter.key);
        bool different;

        if (is_one_of(iter.key, skipped))
            continue;
        path_key(&c, iter.key);
        if (strcmp(iter.key, "metadata") == 0)
            different = metadata_differs(&c, iter.value, other);
        else if (strcmp(iter.key, "stringData") == 0 && c.kind != NULL &&
                 strcmp(c.kind, "Secret") == 0)
            different = secret_differs(&c, iter.value, live);
        else
            different = differs(&c, (struct place){iter.key, NULL}, iter.value, other);
        if (different)
            return true;
        path_cut(&c, mark);
    }
    return false;
}
