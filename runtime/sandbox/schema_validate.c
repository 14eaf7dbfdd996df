#include "sandbox/schema_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void check(const struct jv *schema, const struct jv *value, struct buf *path, bool root,
                  struct field_errors *errors);

static const char *type_name(const struct jv *value)
{
    static const char *const names[] = {"null",   "boolean", "integer", "number",
                                        "string", "array",   "object"};
    return names[jv_type(value)];
}

static bool type_fits(const struct jv *schema, const struct jv *value)
{
    const char *wanted = jv_str(jv_get(schema, "type")), *got = type_name(value);
    bool int_or_string = jv_bool_value(jv_get(schema, "x-kubernetes-int-or-string"));
    if (jv_type(value) == JV_NULL)
        return jv_bool_value(jv_get(schema, "nullable"));
    if (int_or_string)
        return jv_type(value) == JV_INT || jv_type(value) == JV_STRING;
    return !wanted || strcmp(wanted, got) == 0 ||
           (strcmp(wanted, "number") == 0 && jv_type(value) == JV_INT);
}

static void check_required(const struct jv *schema, const struct jv *object, struct buf *path,
                           struct field_errors *errors)
{
    const struct jv *required = jv_get(schema, "required");
    size_t len = path->len;
    for (size_t i = 0; i < jv_size(required); i++) {
        const char *name = jv_str(jv_at(required, i));
        if (!name || jv_get(object, name))
            continue;
        buf_printf(path, "%s%s", len ? "." : "", name);
        field_required(errors, buf_str(path), NULL);
        schema_path_cut(path, len);
    }
}

static void check_members(const struct jv *schema, const struct jv *object, struct buf *path,
                          bool root, struct field_errors *errors)
{
    const struct jv *properties = jv_get(schema, "properties");
    const struct jv *additional = jv_get(schema, "additionalProperties");
    struct jv_iter iter = {0};
    size_t len = path->len;
    while (jv_next(object, &iter)) {
        const struct jv *own = jv_get(properties, iter.key);
        bool meta = root && strcmp(iter.key, "metadata") == 0;
        if (!own && jv_is_object(additional))
            own = additional;
        if (!own || meta)
            continue;
        buf_printf(path, "%s%s", len ? "." : "", iter.key);
        check(own, iter.value, path, false, errors);
        schema_path_cut(path, len);
    }
}

static void check_enum(const struct jv *schema, const struct jv *value, const char *path,
                       struct field_errors *errors)
{
    enum { VALUES_MAX = 64 };
    const char *texts[VALUES_MAX + 1] = {NULL};
    const struct jv *values = jv_get(schema, "enum");
    size_t count = 0;
    if (!values)
        return;
    for (size_t i = 0; i < jv_size(values); i++) {
        if (jv_equal(jv_at(values, i), value))
            return;
        if (count < VALUES_MAX && jv_str(jv_at(values, i)))
            texts[count++] = jv_str(jv_at(values, i));
    }
    field_unsupported(errors, path, jv_str(value), texts);
}

static void check_number(const struct jv *schema, const struct jv *value, const char *path,
                         struct field_errors *errors)
{
    const struct jv *minimum = jv_get(schema, "minimum"), *maximum = jv_get(schema, "maximum");
    double number = jv_real_value(value);
    char *text = NULL;
    if (minimum && number < jv_real_value(minimum)) {
        text = jv_print_str(minimum, 0);
        field_invalid(errors, path, value, "%s in body should be greater than or equal to %s", path,
                      text);
    } else if (maximum && number > jv_real_value(maximum)) {
        text = jv_print_str(maximum, 0);
        field_invalid(errors, path, value, "%s in body should be less than or equal to %s", path,
                      text);
    }
    free(text);
}

static void check(const struct jv *schema, const struct jv *value, struct buf *path, bool root,
                  struct field_errors *errors)
{
    const char *here = buf_str(path);
    if (!type_fits(schema, value)) {
        const char *wanted = jv_str(jv_get(schema, "type"));
        struct jv *shown = jv_string(type_name(value));
        field_type_invalid(errors, here, shown, "%s in body must be of type %s: \"%s\"", here,
                           wanted ? wanted : "integer,string", type_name(value));
        jv_unref(shown);
        return;
    }
    check_enum(schema, value, here, errors);
    if (jv_type(value) == JV_INT || jv_type(value) == JV_REAL)
        check_number(schema, value, here, errors);
    if (jv_is_object(value)) {
        check_required(schema, value, path, errors);
        check_members(schema, value, path, root, errors);
    }
    size_t len = path->len;
    const struct jv *items = jv_get(schema, "items");
    for (size_t i = 0; items && jv_is_array(value) && i < jv_size(value); i++) {
        buf_printf(path, "[%zu]", i);
        check(items, jv_at(value, i), path, false, errors);
        schema_path_cut(path, len);
    }
}

void schema_validate(const struct schema *schema, const struct jv *object, const struct jv *before,
                     struct field_errors *errors)
{
    struct buf path;
    (void)before;
    if (!schema)
        return;
    buf_init(&path, 64 << 10);
    check(schema->root, object, &path, true, errors);
    buf_deinit(&path);
}
