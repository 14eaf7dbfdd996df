#include "sandbox/openapi_internal.h"

#include <string.h>

static bool flag(const struct jv *node, const char *name)
{
    return jv_bool_value(jv_get(node, name));
}

/* What v2 cannot say, or what its readers stumble over: alternatives, defaults, and anything about
 * the inside of what may be null or may hold unknown fields. */
static void simplify(struct jv *node)
{
    static const char *const never[] = {"allOf", "anyOf",   "oneOf",
                                        "not",   "default", "x-kubernetes-validations"};
    struct jv *properties, *items, *additional;
    struct jv_iter iter = {0};
    bool nullable = flag(node, "nullable");
    bool open = flag(node, "x-kubernetes-preserve-unknown-fields");
    for (size_t i = 0; i < sizeof(never) / sizeof(never[0]); i++)
        jv_remove(node, never[i]);
    jv_remove(node, "nullable");
    if (nullable || open) {
        jv_remove(node, "properties");
        jv_remove(node, "items");
        jv_remove(node, "required");
        jv_remove(node, "type");
    }
    if (nullable)
        jv_remove(node, "additionalProperties");
    properties = jv_get(node, "properties");
    items = jv_get(node, "items");
    additional = jv_get(node, "additionalProperties");
    while (properties && jv_next(properties, &iter))
        simplify(iter.value);
    if (jv_is_object(items))
        simplify(items);
    if (jv_is_object(additional))
        simplify(additional);
}

/* A member that may be null need not be there, to readers of v2. */
static void relax_required(struct jv *node)
{
    struct jv *required = jv_get(node, "required"), *properties = jv_get(node, "properties");
    struct jv *items = jv_get(node, "items"), *additional = jv_get(node, "additionalProperties");
    struct jv_iter iter = {0};
    for (size_t i = jv_size(required); i > 0; i--) {
        const char *name = jv_str(jv_at(required, i - 1));
        if (name && flag(jv_get(properties, name), "nullable"))
            jv_remove_at(required, i - 1);
    }
    if (required && jv_size(required) == 0)
        jv_remove(node, "required");
    while (properties && jv_next(properties, &iter))
        relax_required(iter.value);
    if (jv_is_object(items))
        relax_required(items);
    if (jv_is_object(additional))
        relax_required(additional);
}

static struct jv *text_property(const char *description)
{
    struct jv *out = jv_object();
    jv_set_str(out, "type", "string");
    jv_set_str(out, "description", description);
    return out;
}

/* apiVersion, kind and metadata, for the object itself and for those inside of it. */
static void add_resource(const struct openapi *api, struct jv *node)
{
    struct jv *properties = jv_ensure(node, "properties", NULL);
    struct jv *metadata = openapi_ref(api, OPENAPI_META "ObjectMeta");
    jv_set_str(metadata, "description", "Standard object's metadata.");
    jv_set(properties, "apiVersion", text_property("The group and version of this object's kind."));
    jv_set(properties, "kind", text_property("The kind of this object."));
    jv_set(properties, "metadata", metadata);
}

static void add_embedded(const struct openapi *api, struct jv *node)
{
    struct jv *properties = jv_get(node, "properties"), *items = jv_get(node, "items");
    struct jv *additional = jv_get(node, "additionalProperties");
    struct jv_iter iter = {0};
    while (properties && jv_next(properties, &iter))
        add_embedded(api, iter.value);
    if (jv_is_object(items))
        add_embedded(api, items);
    if (jv_is_object(additional))
        add_embedded(api, additional);
    bool open = flag(node, "x-kubernetes-preserve-unknown-fields");
    if (flag(node, "x-kubernetes-embedded-resource") && (api->v3 || !open))
        add_resource(api, node);
}

struct jv *openapi_custom(const struct openapi *api, const struct kind *kind,
                          const struct kind_version *version)
{
    const struct jv *own = jv_path(version->definition, "schema", "openAPIV3Schema", NULL);
    struct jv *out = jv_is_object(own) ? jv_dup(own) : jv_object();
    (void)kind;
    if (!jv_get(out, "type"))
        jv_set_str(out, "type", "object");
    if (!api->v3) {
        relax_required(out);
        simplify(out);
    }
    bool open = !api->v3 && flag(out, "x-kubernetes-preserve-unknown-fields");
    add_embedded(api, out);
    if (!open)
        add_resource(api, out);
    return out;
}
