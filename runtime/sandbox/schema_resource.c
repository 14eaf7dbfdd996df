#include "sandbox/schema_internal.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

static const struct schema_node *as_node(const struct jv *value)
{
    return (const struct schema_node *)value;
}

static void judge_list(const struct jv *node, const struct jv *list, struct buf *path,
                       struct field_errors *errors);

/* {key: value} of an item of a list of maps. Yours. */
static struct jv *key_of(const struct jv *node, const struct jv *item)
{
    const char *keys[4];
    struct jv *out = jv_object();
    size_t count = schema_list_keys(as_node(node), keys);
    for (size_t i = 0; i < count; i++)
        if (jv_get(item, keys[i]))
            jv_set(out, keys[i], jv_ref(jv_get(item, keys[i])));
    return out;
}

/* Each value that is there again is told once. */
static void judge_unique(const struct jv *node, const struct jv *list, bool by_key,
                         struct buf *path, struct field_errors *errors)
{
    struct map *seen = map_new(0, NULL);
    char once, twice;
    size_t len = path->len;
    for (size_t i = 0; i < jv_size(list); i++) {
        struct jv *key = by_key ? key_of(node, jv_at(list, i)) : jv_ref(jv_at(list, i));
        char *text = jv_print_str(key, JV_PRINT_SORTED);
        char *before = map_get(seen, text);
        map_put(seen, text, before ? &twice : &once);
        if (before == &once) {
            buf_printf(path, "[%zu]", i);
            field_duplicate(errors, buf_str(path), key);
            schema_path_cut(path, len);
        }
        free(text);
        jv_unref(key);
    }
    map_free(seen);
}

static bool all_objects(const struct jv *list, struct buf *path, struct field_errors *errors)
{
    size_t len = path->len;
    for (size_t i = 0; i < jv_size(list); i++) {
        const struct jv *item = jv_at(list, i);
        if (jv_is_object(item) || jv_type(item) == JV_NULL)
            continue;
        buf_printf(path, "[%zu]", i);
        field_invalid(errors, buf_str(path), item,
                      "must be an object for an array of list-type map");
        schema_path_cut(path, len);
        return false;
    }
    return true;
}

static void judge_list(const struct jv *node, const struct jv *list, struct buf *path,
                       struct field_errors *errors)
{
    const struct jv *items = jv_get(node, "items");
    enum schema_list type = schema_list_type(as_node(node));
    size_t len = path->len;
    if (type == SCHEMA_LIST_SET)
        judge_unique(node, list, false, path, errors);
    else if (type == SCHEMA_LIST_MAP && all_objects(list, path, errors))
        judge_unique(node, list, true, path, errors);
    for (size_t i = 0; jv_is_object(items) && i < jv_size(list); i++) {
        buf_printf(path, "[%zu]", i);
        schema_judge_lists(items, jv_at(list, i), path, errors);
        schema_path_cut(path, len);
    }
}

/* The schema of a member; *key: it is one of a map, shown as path[member]. */
static const struct jv *member_of(const struct jv *node, const char *name, bool *key)
{
    const struct jv *own = jv_get(jv_get(node, "properties"), name);
    const struct jv *additional = jv_get(node, "additionalProperties");
    *key = !own;
    return own ? own : jv_is_object(additional) ? additional : NULL;
}

static void add_member(struct buf *path, const char *name, bool key)
{
    if (key)
        buf_printf(path, "[%s]", name);
    else
        schema_path_add(path, name);
}

static bool is_kind(const char *text)
{
    size_t len = strlen(text);
    if (len > 63 || !isalpha((unsigned char)*text) || !isalnum((unsigned char)text[len - 1]))
        return false;
    for (; *text; text++)
        if (!isalnum((unsigned char)*text) && *text != '-')
            return false;
    return true;
}

static void judge_type_meta(const struct jv *value, const char *name, struct buf *path,
                            struct field_errors *errors)
{
    const struct jv *member = jv_get(value, name);
    const char *text = jv_str(member);
    size_t len = path->len;
    schema_path_add(path, name);
    if (!member)
        field_required(errors, buf_str(path), NULL);
    else if (!text)
        field_invalid(errors, buf_str(path), member, "must be a string");
    else if (!*text)
        field_invalid(errors, buf_str(path), member, "must not be empty");
    else if (strcmp(name, "kind") == 0 && !is_kind(text))
        field_invalid(errors, buf_str(path), member,
                      "may have mixed case, but should otherwise match: a DNS-1035 label must "
                      "consist of lower case alphanumeric characters or '-', start with an "
                      "alphabetic character, and end with an alphanumeric character (e.g. "
                      "'my-name',  or 'abc-123', regex used for validation is "
                      "'[a-z]([-a-z0-9]*[a-z0-9])?')");
    schema_path_cut(path, len);
}

void schema_judge_lists(const struct jv *node, const struct jv *value, struct buf *path,
                        struct field_errors *errors)
{
    struct jv_iter iter = {0};
    size_t len = path->len;
    if (jv_is_array(value)) {
        judge_list(node, value, path, errors);
        return;
    }
    while (jv_is_object(value) && jv_next(value, &iter)) {
        bool key;
        const struct jv *member = member_of(node, iter.key, &key);
        if (!member)
            continue;
        add_member(path, iter.key, key);
        schema_judge_lists(member, iter.value, path, errors);
        schema_path_cut(path, len);
    }
}

void schema_judge_resources(const struct jv *node, const struct jv *value, struct buf *path,
                            struct field_errors *errors)
{
    struct jv_iter iter = {0};
    const struct jv *items = jv_get(node, "items");
    size_t len = path->len;
    if (jv_is_object(value) && jv_bool_value(jv_get(node, "x-kubernetes-embedded-resource"))) {
        judge_type_meta(value, "apiVersion", path, errors);
        judge_type_meta(value, "kind", path, errors);
    }
    for (size_t i = 0; jv_is_array(value) && jv_is_object(items) && i < jv_size(value); i++) {
        buf_printf(path, "[%zu]", i);
        schema_judge_resources(items, jv_at(value, i), path, errors);
        schema_path_cut(path, len);
    }
    while (jv_is_object(value) && jv_next(value, &iter)) {
        bool key;
        const struct jv *member = member_of(node, iter.key, &key);
        if (!member)
            continue;
        add_member(path, iter.key, key);
        schema_judge_resources(member, iter.value, path, errors);
        schema_path_cut(path, len);
    }
}
