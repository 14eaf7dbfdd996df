#include "sandbox/schema.h"

#include "sandbox/decode.h"
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

static bool is_refused_null(const struct schema_node *node, const struct jv *value)
{
    return value && jv_type(value) == JV_NULL && node && !flag(node, "nullable");
}

static const struct jv *default_of(const struct schema_node *node)
{
    return jv_get(node_value(node), "default");
}

/* Members and items that are null but must not be, where a default stands in. */
static void replace_nulls(const struct schema_node *node, struct jv *value)
{
    const struct schema_node *items = schema_items(node), *others = additional(node);
    struct jv_iter iter = {0};
    for (size_t i = 0; items && default_of(items) && jv_is_array(value) && i < jv_size(value); i++)
        if (is_refused_null(items, jv_at(value, i)))
            jv_replace_at(value, i, jv_dup(default_of(items)));
    while (others && default_of(others) && jv_is_object(value) && jv_next(value, &iter))
        if (!schema_property(node, iter.key) && is_refused_null(others, iter.value))
            jv_set(value, iter.key, jv_dup(default_of(others)));
}

static void set_defaults(const struct schema_node *node, struct jv *value)
{
    struct jv_iter iter = {0};
    replace_nulls(node, value);
    if (jv_is_array(value) && schema_items(node)) {
        for (size_t i = 0; i < jv_size(value); i++)
            set_defaults(schema_items(node), jv_at(value, i));
        return;
    }
    if (!jv_is_object(value))
        return;
    const struct jv *properties = jv_get(node_value(node), "properties");
    while (properties && jv_next(properties, &iter)) {
        const struct jv *live = jv_get(value, iter.key),
                        *standard = default_of(as_node(iter.value));
        if (standard && (!live || is_refused_null(as_node(iter.value), live)))
            jv_set(value, iter.key, jv_dup(standard));
    }
    iter = (struct jv_iter){0};
    while (jv_next(value, &iter))
        if (member_node(node, iter.key))
            set_defaults(member_node(node, iter.key), iter.value);
}

static void drop_nulls(const struct schema_node *node, struct jv *value)
{
    struct jv *drop = jv_array();
    struct jv_iter iter = {0};
    for (size_t i = 0; jv_is_array(value) && node && i < jv_size(value); i++)
        drop_nulls(schema_items(node), jv_at(value, i));
    while (jv_is_object(value) && node && jv_next(value, &iter)) {
        const struct schema_node *member = member_node(node, iter.key);
        if (member && is_refused_null(member, iter.value) && !default_of(member))
            jv_append(drop, jv_string(iter.key));
        else if (member)
            drop_nulls(member, iter.value);
    }
    for (size_t i = 0; i < jv_size(drop); i++)
        jv_remove(value, jv_str(jv_at(drop, i)));
    jv_unref(drop);
}

static void decode_metadata(const struct type *meta, struct jv *resource, struct buf *path,
                            struct jv *unknown)
{
    struct jv *found = jv_array(), *metadata = jv_get(resource, "metadata");
    struct jv *clean = jv_is_object(metadata) ? decode_object(meta, metadata, found, NULL) : NULL;
    for (size_t i = 0; clean && unknown && i < jv_size(found); i++)
        if (jv_size(unknown) < SCHEMA_UNKNOWN_MAX)
            jv_append(unknown,
                      jv_stringf("%s.metadata.%s", buf_str(path), jv_str(jv_at(found, i))));
    jv_set(resource, "metadata", clean);
    jv_unref(found);
}

static void decode_resources(const struct schema_node *node, const struct type *meta,
                             struct jv *value, struct buf *path, struct jv *unknown)
{
    struct jv_iter iter = {0};
    size_t len = path->len;
    if (jv_is_object(value) && flag(node, "x-kubernetes-embedded-resource"))
        decode_metadata(meta, value, path, unknown);
    for (size_t i = 0; jv_is_array(value) && schema_items(node) && i < jv_size(value); i++) {
        buf_printf(path, "[%zu]", i);
        decode_resources(schema_items(node), meta, jv_at(value, i), path, unknown);
        schema_path_cut(path, len);
    }
    while (jv_is_object(value) && jv_next(value, &iter)) {
        if (!member_node(node, iter.key))
            continue;
        schema_path_add(path, iter.key);
        decode_resources(member_node(node, iter.key), meta, iter.value, path, unknown);
        schema_path_cut(path, len);
    }
}

void schema_path_add(struct buf *path, const char *member)
{
    buf_printf(path, "%s%s", path->len ? "." : "", member);
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
    schema->patterns = map_new(0, pattern_free);
    schema_judge_structure(schema, path, errors);
    return schema;
}

void schema_free(struct schema *schema)
{
    if (!schema)
        return;
    jv_unref(schema->root);
    map_free(schema->patterns);
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

void schema_drop_nulls(const struct schema *schema, struct jv *object)
{
    if (schema)
        drop_nulls(schema_root(schema), object);
}

void schema_decode_resources(const struct schema *schema, const struct type *meta,
                             struct jv *object, struct jv *unknown)
{
    struct buf path;
    if (!schema)
        return;
    buf_init(&path, SCHEMA_PATH_BYTES);
    decode_resources(schema_root(schema), meta, object, &path, unknown);
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
