#include "sandbox/schema.h"

#include "sandbox/schema_internal.h"

#include <stdlib.h>
#include <string.h>

static const struct jv *node_value(const struct schema_node *node)
{
    return (const struct jv *)node;
}

static const struct schema_node *as_node(const struct jv *value)
{
    return jv_is_object(value) ? (const struct schema_node *)value : NULL;
}

static bool flag(const struct schema_node *node, const char *name)
{
    return jv_bool_value(jv_get(node_value(node), name));
}

static const struct schema_node *additional(const struct schema_node *node)
{
    return as_node(jv_get(node_value(node), "additionalProperties"));
}

/* properties, else additionalProperties; NULL when the schema does not know the member. */
static const struct schema_node *member_node(const struct schema_node *node, const char *name)
{
    const struct schema_node *own = schema_property(node, name);
    return own ? own : additional(node);
}

static bool is_object_meta(const char *key)
{
    return strcmp(key, "apiVersion") == 0 || strcmp(key, "kind") == 0 ||
           strcmp(key, "metadata") == 0;
}

static bool keeps(const struct schema_node *node, const char *key, bool resource, bool preserve)
{
    if ((resource && is_object_meta(key)) || preserve || member_node(node, key))
        return true;
    return jv_bool_value(jv_get(node_value(node), "additionalProperties"));
}

static void prune(const struct schema_node *node, struct jv *value, struct jv *unknown,
                  struct buf *path, bool root);

static void prune_object(const struct schema_node *node, struct jv *object, struct jv *unknown,
                         struct buf *path, bool root)
{
    bool preserve = flag(node, "x-kubernetes-preserve-unknown-fields");
    bool resource = root || flag(node, "x-kubernetes-embedded-resource");
    struct jv *drop = jv_array();
    struct jv_iter iter = {0};
    size_t len = path->len;
    while (jv_next(object, &iter)) {
        buf_printf(path, "%s%s", len ? "." : "", iter.key);
        if (!keeps(node, iter.key, resource, preserve)) {
            jv_append(drop, jv_string(iter.key));
            if (unknown && jv_size(unknown) < SCHEMA_UNKNOWN_MAX)
                jv_append(unknown, jv_string(buf_str(path)));
        } else if (!(resource && is_object_meta(iter.key)) && member_node(node, iter.key)) {
            prune(member_node(node, iter.key), iter.value, unknown, path, false);
        }
        schema_path_cut(path, len);
    }
    for (size_t i = 0; i < jv_size(drop); i++)
        jv_remove(object, jv_str(jv_at(drop, i)));
    jv_unref(drop);
}

static void prune(const struct schema_node *node, struct jv *value, struct jv *unknown,
                  struct buf *path, bool root)
{
    size_t len = path->len;
    if (jv_is_object(value)) {
        prune_object(node, value, unknown, path, root);
    } else if (jv_is_array(value) && schema_items(node)) {
        for (size_t i = 0; i < jv_size(value); i++) {
            buf_printf(path, "[%zu]", i);
            prune(schema_items(node), jv_at(value, i), unknown, path, false);
            schema_path_cut(path, len);
        }
    }
}

static void set_defaults(const struct schema_node *node, struct jv *value)
{
    struct jv_iter iter = {0};
    if (jv_is_array(value) && schema_items(node)) {
        for (size_t i = 0; i < jv_size(value); i++)
            set_defaults(schema_items(node), jv_at(value, i));
        return;
    }
    if (!jv_is_object(value))
        return;
    const struct jv *properties = jv_get(node_value(node), "properties");
    while (properties && jv_next(properties, &iter)) {
        const struct jv *standard = jv_get(iter.value, "default");
        const struct jv *live = jv_get(value, iter.key);
        bool refused_null =
            live && jv_type(live) == JV_NULL && !jv_bool_value(jv_get(iter.value, "nullable"));
        if (standard && (!live || refused_null))
            jv_set(value, iter.key, jv_dup(standard));
    }
    iter = (struct jv_iter){0};
    while (jv_next(value, &iter))
        if (member_node(node, iter.key))
            set_defaults(member_node(node, iter.key), iter.value);
}

void schema_path_cut(struct buf *path, size_t len)
{
    path->len = len;
    if (path->data)
        path->data[len] = '\0';
}

struct schema *schema_new(const struct jv *open_api_v3_schema, const char *path,
                          struct field_errors *errors)
{
    if (!open_api_v3_schema)
        return NULL;
    if (!jv_is_object(open_api_v3_schema)) {
        field_invalid(errors, path, open_api_v3_schema, "must be an object");
        return NULL;
    }
    struct schema *schema = mem_alloc(sizeof(*schema));
    schema->root = jv_dup(open_api_v3_schema);
    return schema;
}

void schema_free(struct schema *schema)
{
    if (!schema)
        return;
    jv_unref(schema->root);
    free(schema);
}

void schema_prune(const struct schema *schema, struct jv *object, struct jv *unknown)
{
    struct buf path;
    if (!schema)
        return;
    buf_init(&path, 64 << 10);
    prune(schema_root(schema), object, unknown, &path, true);
    buf_deinit(&path);
}

void schema_default(const struct schema *schema, struct jv *object)
{
    if (schema)
        set_defaults(schema_root(schema), object);
}

const struct schema_node *schema_root(const struct schema *schema)
{
    return as_node(schema->root);
}

const struct schema_node *schema_property(const struct schema_node *node, const char *name)
{
    return as_node(jv_get(jv_get(node_value(node), "properties"), name));
}

const struct schema_node *schema_items(const struct schema_node *node)
{
    return as_node(jv_get(node_value(node), "items"));
}

bool schema_map_is_atomic(const struct schema_node *node)
{
    const char *type = jv_str(jv_get(node_value(node), "x-kubernetes-map-type"));
    return type && strcmp(type, "atomic") == 0;
}

enum schema_list schema_list_type(const struct schema_node *node)
{
    const char *type = jv_str(jv_get(node_value(node), "x-kubernetes-list-type"));
    if (type && strcmp(type, "map") == 0)
        return SCHEMA_LIST_MAP;
    return type && strcmp(type, "set") == 0 ? SCHEMA_LIST_SET : SCHEMA_LIST_ATOMIC;
}

size_t schema_list_keys(const struct schema_node *node, const char *keys[4])
{
    const struct jv *list = jv_get(node_value(node), "x-kubernetes-list-map-keys");
    size_t count = 0;
    for (; count < jv_size(list) && count < 4; count++)
        keys[count] = jv_str(jv_at(list, count));
    return count;
}
