#include "sandbox/schema_internal.h"

#include <stdlib.h>
#include <string.h>

enum level { LEVEL_ROOT, LEVEL_ITEM, LEVEL_FIELD };

struct checker {
    struct buf path;
    struct field_errors *errors;
    const struct schema *schema; /* to judge defaults with */
};

static void check_node(struct checker *checker, const struct jv *node, enum level level);
static void check_nested(struct checker *checker, const struct jv *node);

static const char *text_of(const struct jv *node, const char *name)
{
    const char *text = jv_str(jv_get(node, name));
    return text ? text : "";
}

static bool flag(const struct jv *node, const char *name)
{
    return jv_bool_value(jv_get(node, name));
}

/* The path of a member of the node, for one message: checker->path must be cut back to *len. */
static const char *at(struct checker *checker, const char *member, size_t *len)
{
    *len = checker->path.len;
    schema_path_add(&checker->path, member);
    return buf_str(&checker->path);
}

static void forbid(struct checker *checker, const char *member, const char *why)
{
    size_t len;
    field_forbidden(checker->errors, at(checker, member, &len), "%s", why);
    schema_path_cut(&checker->path, len);
}

static void require(struct checker *checker, const char *member, const char *why)
{
    size_t len;
    field_required(checker->errors, at(checker, member, &len), why);
    schema_path_cut(&checker->path, len);
}

static void refuse_value(struct checker *checker, const char *member, const struct jv *value,
                         const char *why)
{
    size_t len;
    field_invalid(checker->errors, at(checker, member, &len), value, "%s", why);
    schema_path_cut(&checker->path, len);
}

static void want_type(struct checker *checker, const struct jv *node, const char *wanted,
                      const char *why)
{
    const char *type = text_of(node, "type");
    if (!*type)
        require(checker, "type", why);
    else if (strcmp(type, wanted) != 0)
        refuse_value(checker, "type", jv_get(node, "type"), why);
}

static void check_type(struct checker *checker, const struct jv *node, enum level level)
{
    static const char *const known[] = {"array",  "boolean", "integer", "number",
                                        "object", "string",  NULL};
    static const char *const missing[] = {"must not be empty at the root",
                                          "must not be empty for specified array items",
                                          "must not be empty for specified object fields"};
    const char *type = text_of(node, "type");
    bool is_known = !*type, embedded = flag(node, "x-kubernetes-embedded-resource");
    for (size_t i = 0; known[i]; i++)
        is_known |= strcmp(type, known[i]) == 0;
    if (!is_known) {
        size_t len;
        field_unsupported(checker->errors, at(checker, "type", &len), type, known);
        schema_path_cut(&checker->path, len);
    }
    bool free_type = flag(node, "x-kubernetes-int-or-string") ||
                     flag(node, "x-kubernetes-preserve-unknown-fields");
    if (embedded)
        want_type(checker, node, "object",
                  "must be object if x-kubernetes-embedded-resource is true");
    else if (!*type && !free_type && !jv_get(node, "$ref"))
        require(checker, "type", missing[level]);
    if (strcmp(type, "null") == 0)
        forbid(checker, "type", "type cannot be set to null, use nullable as an alternative");
    if (level == LEVEL_ROOT && *type && strcmp(type, "object") != 0)
        refuse_value(checker, "type", jv_get(node, "type"), "must be object at the root");
    if (strcmp(type, "array") == 0 && !jv_get(node, "items"))
        require(checker, "items", "must be specified");
}

static void check_unsupported(struct checker *checker, const struct jv *node)
{
    static const char *const names[] = {"id",          "additionalItems", "patternProperties",
                                        "definitions", "dependencies",    "$ref"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (!jv_get(node, names[i]))
            continue;
        char *why = mem_printf("%s is not supported", names[i]);
        forbid(checker, names[i], why);
        free(why);
    }
    if (jv_is_array(jv_get(node, "items")))
        forbid(checker, "items", "items must be a schema object and not an array");
    if (flag(node, "uniqueItems"))
        forbid(checker, "uniqueItems",
               "uniqueItems cannot be set to true since the runtime complexity becomes quadratic");
}

static void check_extensions(struct checker *checker, const struct jv *node)
{
    const char *map_type = text_of(node, "x-kubernetes-map-type");
    const struct jv *preserve = jv_get(node, "x-kubernetes-preserve-unknown-fields");
    static const char *const map_types[] = {"atomic", "granular", NULL};
    size_t len;
    if (preserve && !jv_bool_value(preserve))
        refuse_value(checker, "x-kubernetes-preserve-unknown-fields", preserve,
                     "must be true or undefined");
    if (preserve && flag(node, "x-kubernetes-int-or-string"))
        refuse_value(checker, "x-kubernetes-preserve-unknown-fields", preserve,
                     "must be false if x-kubernetes-int-or-string is true");
    if (*map_type)
        want_type(checker, node, "object", "must be object if x-kubernetes-map-type is specified");
    if (*map_type && strcmp(map_type, "atomic") != 0 && strcmp(map_type, "granular") != 0) {
        field_unsupported(checker->errors, at(checker, "x-kubernetes-map-type", &len), map_type,
                          map_types);
        schema_path_cut(&checker->path, len);
    }
    if (flag(node, "x-kubernetes-embedded-resource") && !preserve &&
        jv_size(jv_get(node, "properties")) == 0)
        require(checker, "properties",
                "must not be empty if x-kubernetes-embedded-resource is true without "
                "x-kubernetes-preserve-unknown-fields");
}

static bool requires(const struct jv *node, const char *name)
{
    const struct jv *required = jv_get(node, "required");
    for (size_t i = 0; i < jv_size(required); i++) {
        const char *text = jv_str(jv_at(required, i));
        if (text && strcmp(text, name) == 0)
            return true;
    }
    return false;
}

static void check_key(struct checker *checker, const struct jv *node, const char *key)
{
    const struct jv *items = jv_get(node, "items");
    const struct jv *property = jv_get(jv_get(items, "properties"), key);
    const struct jv *keys = jv_get(node, "x-kubernetes-list-map-keys");
    size_t len = checker->path.len;
    if (!property) {
        refuse_value(checker, "x-kubernetes-list-map-keys", keys,
                     "entries must all be names of item properties");
        return;
    }
    buf_printf(&checker->path, ".items.properties[%s]", key);
    if (!requires(items, key) && !jv_get(property, "default"))
        require(checker, "default",
                "this property is in x-kubernetes-list-map-keys, so it must have a default or be "
                "a required property");
    if (flag(property, "nullable"))
        forbid(checker, "nullable",
               "this property is in x-kubernetes-list-map-keys, so it cannot be nullable");
    schema_path_cut(&checker->path, len);
}

static void check_list(struct checker *checker, const struct jv *node)
{
    static const char *const types[] = {"atomic", "set", "map", NULL};
    const char *type = text_of(node, "x-kubernetes-list-type");
    const struct jv *keys = jv_get(node, "x-kubernetes-list-map-keys");
    bool known = !*type, map = strcmp(type, "map") == 0;
    size_t len;
    for (size_t i = 0; types[i]; i++)
        known |= strcmp(type, types[i]) == 0;
    if (*type)
        want_type(checker, node, "array", "must be array if x-kubernetes-list-type is specified");
    if (!known) {
        field_unsupported(checker->errors, at(checker, "x-kubernetes-list-type", &len), type,
                          types);
        schema_path_cut(&checker->path, len);
    }
    if (jv_size(keys) && !map)
        require(checker, "x-kubernetes-list-type",
                "must be map if x-kubernetes-list-map-keys is non-empty");
    if (map && jv_size(keys) == 0)
        require(checker, "x-kubernetes-list-map-keys",
                "must not be empty if x-kubernetes-list-type is map");
    for (size_t i = 0; map && i < jv_size(keys); i++)
        if (jv_str(jv_at(keys, i)))
            check_key(checker, node, jv_str(jv_at(keys, i)));
}

/* What is said about a default has no path in its text. */
static void check_default(struct checker *checker, const struct jv *node)
{
    const struct jv *value = jv_get(node, "default");
    struct judge judge = {.schema = checker->schema};
    struct verdict verdict = {0};
    if (!value)
        return;
    buf_init(&judge.path, SCHEMA_PATH_BYTES);
    schema_judge(&judge, node, value, NULL, &verdict);
    for (size_t i = 0; i < verdict.count; i++) {
        char *below = verdict.list[i].path;
        verdict.list[i].path =
            mem_printf("%s.default%s%s", buf_str(&checker->path), *below ? "." : "", below);
        free(below);
    }
    verdict_tell(&verdict, checker->errors);
    verdict_deinit(&verdict);
    buf_deinit(&judge.path);
}

static void check_pattern(struct checker *checker, const struct jv *node)
{
    char why[256];
    const char *text = text_of(node, "pattern");
    if (!*text || pattern_check(text, why, sizeof(why)))
        return;
    char *whole = mem_printf("must be a valid regular expression, but isn't: %s", why);
    refuse_value(checker, "pattern", jv_get(node, "pattern"), whole);
    free(whole);
}

/* metadata is there by itself; a schema may only narrow the names in it. */
static void check_metadata(struct checker *checker, const struct jv *root)
{
    const struct jv *metadata = jv_get(jv_get(root, "properties"), "metadata");
    const struct jv *properties = jv_get(metadata, "properties");
    struct jv_iter iter = {0};
    bool plain = true;
    while (metadata && jv_next(metadata, &iter))
        plain &= strcmp(iter.key, "type") == 0 || strcmp(iter.key, "properties") == 0 ||
                 strcmp(iter.key, "description") == 0 || strcmp(iter.key, "title") == 0;
    iter = (struct jv_iter){0};
    while (properties && jv_next(properties, &iter))
        plain &= strcmp(iter.key, "name") == 0 || strcmp(iter.key, "generateName") == 0;
    if (!plain)
        forbid(checker, "properties[metadata]",
               "must not specify anything other than name and generateName, but metadata is "
               "implicitly specified");
}

static void check_nested_list(struct checker *checker, const struct jv *node, const char *name)
{
    const struct jv *list = jv_get(node, name);
    size_t len = checker->path.len;
    for (size_t i = 0; i < jv_size(list); i++) {
        buf_printf(&checker->path, ".%s[%zu]", name, i);
        check_nested(checker, jv_at(list, i));
        schema_path_cut(&checker->path, len);
    }
}

/* anyOf [integer, string] of an int-or-string is the one place where types may be repeated. */
static bool is_int_or_string(const struct jv *node)
{
    const struct jv *list = jv_get(node, "anyOf");
    return flag(node, "x-kubernetes-int-or-string") && jv_size(list) == 2 &&
           strcmp(text_of(jv_at(list, 0), "type"), "integer") == 0 &&
           strcmp(text_of(jv_at(list, 1), "type"), "string") == 0;
}

static void check_alternatives(struct checker *checker, const struct jv *node)
{
    const struct jv *not_this = jv_get(node, "not"), *all = jv_get(node, "allOf");
    size_t len = checker->path.len;
    if (!is_int_or_string(node))
        check_nested_list(checker, node, "anyOf");
    bool pattern = flag(node, "x-kubernetes-int-or-string") && jv_get(jv_at(all, 0), "anyOf");
    if (!pattern)
        check_nested_list(checker, node, "allOf");
    check_nested_list(checker, node, "oneOf");
    if (jv_is_object(not_this)) {
        buf_add_str(&checker->path, ".not");
        check_nested(checker, not_this);
        schema_path_cut(&checker->path, len);
    }
}

/* Below anyOf and its like a schema only judges values: it says nothing about their shape. */
static void check_nested(struct checker *checker, const struct jv *node)
{
    static const char *const names[][2] = {
        {"type", "must be empty to be structural"},
        {"additionalProperties", "must be undefined to be structural"},
        {"default", "must be undefined to be structural"},
        {"title", "must be empty to be structural"},
        {"description", "must be empty to be structural"},
        {"nullable", "must be false to be structural"},
        {"x-kubernetes-preserve-unknown-fields", "must be false to be structural"},
        {"x-kubernetes-embedded-resource", "must be false to be structural"},
        {"x-kubernetes-int-or-string", "must be false to be structural"},
        {"x-kubernetes-list-map-keys", "must be empty to be structural"},
        {"x-kubernetes-list-type", "must be undefined to be structural"},
        {"x-kubernetes-map-type", "must be undefined to be structural"},
    };
    const struct jv *properties = jv_get(node, "properties"), *items = jv_get(node, "items");
    struct jv_iter iter = {0};
    size_t len = checker->path.len;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (jv_get(node, names[i][0]))
            forbid(checker, names[i][0], names[i][1]);
    check_alternatives(checker, node);
    while (properties && jv_next(properties, &iter)) {
        buf_printf(&checker->path, ".properties[%s]", iter.key);
        check_nested(checker, iter.value);
        schema_path_cut(&checker->path, len);
    }
    if (jv_is_object(items)) {
        buf_add_str(&checker->path, ".items");
        check_nested(checker, items);
        schema_path_cut(&checker->path, len);
    }
}

static void check_below(struct checker *checker, const struct jv *node, enum level level)
{
    const struct jv *properties = jv_get(node, "properties"), *items = jv_get(node, "items");
    const struct jv *additional = jv_get(node, "additionalProperties");
    struct jv_iter iter = {0};
    size_t len = checker->path.len;
    if (additional && level == LEVEL_ROOT)
        forbid(checker, "additionalProperties", "must not be used at the root");
    if (additional && jv_size(properties) &&
        (jv_is_object(additional) || !jv_bool_value(additional)))
        forbid(checker, "additionalProperties",
               "additionalProperties and properties are mutual exclusive");
    if (jv_is_object(additional)) {
        buf_add_str(&checker->path, ".additionalProperties");
        check_node(checker, additional, LEVEL_FIELD);
        schema_path_cut(&checker->path, len);
    }
    while (properties && jv_next(properties, &iter)) {
        buf_printf(&checker->path, ".properties[%s]", iter.key);
        check_node(checker, iter.value, LEVEL_FIELD);
        schema_path_cut(&checker->path, len);
    }
    if (jv_is_object(items)) {
        buf_add_str(&checker->path, ".items");
        check_node(checker, items, LEVEL_ITEM);
        schema_path_cut(&checker->path, len);
    }
}

static void check_node(struct checker *checker, const struct jv *node, enum level level)
{
    if (!jv_is_object(node))
        return;
    check_type(checker, node, level);
    check_unsupported(checker, node);
    check_extensions(checker, node);
    check_list(checker, node);
    check_default(checker, node);
    check_pattern(checker, node);
    check_alternatives(checker, node);
    check_below(checker, node, level);
}

void schema_judge_structure(const struct schema *schema, const char *path,
                            struct field_errors *errors)
{
    struct checker checker = {.errors = errors, .schema = schema};
    buf_init(&checker.path, SCHEMA_PATH_BYTES);
    buf_add_str(&checker.path, path);
    check_node(&checker, schema->root, LEVEL_ROOT);
    check_metadata(&checker, schema->root);
    if (flag(schema->root, "nullable"))
        forbid(&checker, "nullable", "nullable cannot be true at the root");
    buf_deinit(&checker.path);
}
