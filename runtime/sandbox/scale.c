#include "sandbox/subresource.h"

#include "base/selector.h"
#include "sandbox/meta.h"

#include <string.h>

static const struct jv *custom_scale(const struct request *request)
{
    return jv_path(request->version->definition, "subresources", "scale", NULL);
}

/* The value at ".spec.replicas"; the parent is created when `create`. */
static struct jv *at_path(struct jv *object, const char *path, bool create, char last[128])
{
    struct jv *at = object;
    while (*path == '.')
        path++;
    for (;;) {
        size_t len = strcspn(path, ".");
        if (len == 0 || len >= 128)
            return NULL;
        memcpy(last, path, len);
        last[len] = '\0';
        if (!path[len])
            return at;
        struct jv *next = jv_get(at, last);
        if (!jv_is_object(next) && !create)
            return NULL;
        at = jv_is_object(next) ? next : jv_ensure(at, last, NULL);
        path += len + 1;
    }
}

static const struct jv *read_path(const struct jv *object, const char *path)
{
    char last[128];
    if (!path)
        return NULL;
    struct jv *parent = at_path((struct jv *)object, path, false, last);
    return parent ? jv_get(parent, last) : NULL;
}

static const char *scale_path(const struct request *request, const char *member,
                              const char *builtin)
{
    const struct jv *scale = custom_scale(request);
    return scale ? jv_str(jv_get(scale, member)) : builtin;
}

static void set_selector(const struct request *request, const struct jv *object, struct jv *status)
{
    struct buf text;
    const struct jv *scale = custom_scale(request);
    if (scale) {
        const char *path = jv_str(jv_get(scale, "labelSelectorPath"));
        jv_set_str(status, "selector", jv_str(read_path(object, path)));
        return;
    }
    struct selector *selector = selector_of_object(jv_path(object, "spec", "selector", NULL), NULL);
    if (!selector)
        return;
    buf_init(&text, 16 << 10);
    selector_print(selector, &text);
    jv_set_str(status, "selector", buf_str(&text));
    buf_deinit(&text);
    selector_free(selector);
}

struct jv *scale_of(const struct request *request, const struct jv *object)
{
    static const char *const copied[] = {"name", "namespace", "uid", "resourceVersion",
                                         "creationTimestamp"};
    struct jv *scale = jv_object(), *metadata = jv_object();
    jv_set_str(scale, "kind", "Scale");
    jv_set_str(scale, "apiVersion", "autoscaling/v1");
    for (size_t i = 0; i < sizeof(copied) / sizeof(copied[0]); i++)
        jv_set_str(metadata, copied[i], jv_path_str(object, "metadata", copied[i], NULL));
    jv_set(scale, "metadata", metadata);
    const struct jv *wanted =
        read_path(object, scale_path(request, "specReplicasPath", ".spec.replicas"));
    const struct jv *live =
        read_path(object, scale_path(request, "statusReplicasPath", ".status.replicas"));
    jv_set(scale, "spec", jv_object());
    if (wanted && jv_int_value(wanted))
        jv_set_int(jv_get(scale, "spec"), "replicas", jv_int_value(wanted));
    struct jv *status = jv_object();
    jv_set_int(status, "replicas", jv_int_value(live));
    set_selector(request, object, status);
    jv_set(scale, "status", status);
    return scale;
}

int scale_into(const struct request *request, const struct jv *scale, struct jv *object,
               struct refusal *refusal)
{
    char last[128];
    const struct jv *replicas = jv_path(scale, "spec", "replicas", NULL);
    const char *name = meta_name(scale);
    const struct jv *revision = jv_path(scale, "metadata", "resourceVersion", NULL);
    if (replicas && jv_type(replicas) != JV_INT)
        return refuse_bad_request(refusal,
                                  "Scale in version \"v1\" cannot be handled as a Scale: json: "
                                  "cannot unmarshal into Go struct field ScaleSpec.spec.replicas "
                                  "of type int32");
    if (jv_int_value(replicas) < 0) {
        struct field_errors errors;
        field_errors_init(&errors);
        field_invalid(&errors, "spec.replicas", replicas, "must be greater than or equal to 0");
        refuse(refusal, 422, "Invalid", "Scale.autoscaling \"%s\" is invalid: %s", request->name,
               buf_str(&errors.text));
        struct jv *details = jv_ensure(refusal->status, "details", NULL);
        jv_set_str(details, "name", request->name);
        jv_set_str(details, "group", "autoscaling");
        jv_set_str(details, "kind", "Scale");
        jv_set(details, "causes", jv_ref(errors.causes));
        field_errors_deinit(&errors);
        return -1;
    }
    if (name && strcmp(name, request->name) != 0)
        return refuse_bad_request(refusal,
                                  "the name of the object (%s) does not match the name on the URL "
                                  "(%s)",
                                  name, request->name);
    const char *path = scale_path(request, "specReplicasPath", ".spec.replicas");
    struct jv *parent = path ? at_path(object, path, true, last) : NULL;
    if (parent)
        jv_set_int(parent, last, jv_int_value(replicas));
    /* The version the client has seen, so that a stale one conflicts. */
    if (revision)
        jv_set(jv_get(object, "metadata"), "resourceVersion", jv_dup(revision));
    return 0;
}
