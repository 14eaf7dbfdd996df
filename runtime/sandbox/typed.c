#include "sandbox/typed.h"

#include <stdlib.h>
#include <string.h>

enum { STEP_BYTES_MAX = 64 << 10 };

static struct jv *fields_of(const struct shape *shape, const struct jv *value, bool *leaf);

static bool is_null(const struct jv *value)
{
    return jv_type(value) == JV_NULL;
}

static void add_member(struct jv *set, const struct shape *shape, const char *name,
                       const struct jv *value)
{
    struct shape member;
    bool declared, leaf;
    shape_member(shape, name, &member, &declared);
    struct jv *below = fields_of(&member, value, &leaf);
    bool empty = is_null(value) || (jv_is_object(value) && jv_size(value) == 0);
    struct field_step step;
    fieldset_add(set, field_step(&step, name), leaf || empty || !declared, below);
    field_step_deinit(&step);
}

static void add_items(struct jv *set, const struct shape *shape, const struct jv *list)
{
    struct shape items = shape_items(shape);
    struct buf step;
    bool leaf;
    buf_init(&step, STEP_BYTES_MAX);
    for (size_t i = 0; i < jv_size(list); i++) {
        buf_clear(&step);
        if (shape_step(shape, jv_at(list, i), &step, NULL) < 0)
            continue;
        if (jv_get(set, buf_str(&step))) /* twice the same: only the item itself is owned */
            fieldset_add(set, buf_str(&step), true, NULL);
        else
            fieldset_add(set, buf_str(&step), true, fields_of(&items, jv_at(list, i), &leaf));
    }
    buf_deinit(&step);
}

/* *leaf: the value itself is a member. */
static struct jv *fields_of(const struct shape *shape, const struct jv *value, bool *leaf)
{
    enum shape_form form = shape_form(shape, value);
    struct jv *set = jv_object();
    struct jv_iter iter = {0};
    *leaf = shape_is_atomic(shape, form);
    if (*leaf)
        return set;
    if (form == FORM_LIST && jv_is_array(value))
        add_items(set, shape, value);
    while (form == FORM_MAP && jv_is_object(value) && jv_next(value, &iter))
        add_member(set, shape, iter.key, iter.value);
    return set;
}

struct validation {
    struct buf path, text;
    size_t count;
};

static void complain(struct validation *validation, const char *what)
{
    if (validation->count++)
        buf_add_str(&validation->text, "\n  ");
    if (validation->path.len)
        buf_printf(&validation->text, "%s: ", buf_str(&validation->path));
    buf_add_str(&validation->text, what);
}

static void cut(struct buf *path, size_t len)
{
    path->len = len;
    if (path->data)
        path->data[len] = '\0';
}

static void validate(struct validation *validation, const struct shape *shape,
                     const struct jv *value);

static void validate_map(struct validation *validation, const struct shape *shape,
                         const struct jv *map)
{
    struct jv_iter iter = {0};
    size_t len = validation->path.len;
    while (jv_next(map, &iter)) {
        struct shape member;
        bool declared;
        buf_printf(&validation->path, ".%s", iter.key);
        if (shape_member(shape, iter.key, &member, &declared))
            validate(validation, &member, iter.value);
        else
            complain(validation, "field not declared in schema");
        cut(&validation->path, len);
    }
}

static void validate_list(struct validation *validation, const struct shape *shape,
                          const struct jv *list)
{
    struct shape items = shape_items(shape);
    bool atomic = shape_is_atomic(shape, FORM_LIST);
    struct jv *seen = jv_object();
    struct buf step;
    size_t len = validation->path.len;
    buf_init(&step, STEP_BYTES_MAX);
    for (size_t i = 0; i < jv_size(list); i++) {
        struct err err = {0};
        buf_clear(&step);
        if (atomic) {
            buf_printf(&step, "i:%zu", i);
        } else if (shape_step(shape, jv_at(list, i), &step, &err) < 0) {
            char *text = mem_printf("element %zu: %s", i, err.text);
            complain(validation, text);
            free(text);
            break;
        } else if (jv_get(seen, buf_str(&step))) {
            struct buf text;
            buf_init(&text, STEP_BYTES_MAX);
            buf_add_str(&text, "duplicate entries for key ");
            fieldset_step_text(buf_str(&step), &text);
            complain(validation, buf_str(&text));
            buf_deinit(&text);
        }
        jv_set(seen, buf_str(&step), jv_null());
        fieldset_step_text(buf_str(&step), &validation->path);
        validate(validation, &items, jv_at(list, i));
        cut(&validation->path, len);
    }
    buf_deinit(&step);
    jv_unref(seen);
}

/* As Go's %v shows a value, or its %#v. */
static void go_print(const struct jv *value, bool exact, struct buf *out)
{
    struct jv_iter iter = {0};
    bool first = true;
    if (jv_is_array(value)) {
        buf_add_str(out, exact ? "[]interface {}{" : "[");
        for (size_t i = 0; i < jv_size(value); i++) {
            buf_add_str(out, i == 0 ? "" : exact ? ", " : " ");
            go_print(jv_at(value, i), exact, out);
        }
        buf_add_char(out, exact ? '}' : ']');
    } else if (jv_is_object(value)) {
        buf_add_str(out, exact ? "map[string]interface {}{" : "map[");
        for (; jv_next(value, &iter); first = false) {
            buf_printf(out, exact ? "%s\"%s\":" : "%s%s:",
                       first   ? ""
                       : exact ? ", "
                               : " ",
                       iter.key);
            go_print(iter.value, exact, out);
        }
        buf_add_char(out, exact ? '}' : ']');
    } else if (jv_str(value) && !exact) {
        buf_add_str(out, jv_str(value));
    } else if (!value || jv_type(value) == JV_NULL) {
        buf_add_str(out, exact ? "interface {}(nil)" : "<nil>");
    } else {
        jv_print(value, 0, out);
    }
}

static void expected(struct validation *validation, const char *what, const struct jv *value)
{
    struct buf text;
    static const char *const names[] = {"nil", "bool", "int64", "float64", "string", "list", "map"};
    if (strncmp(what, "numeric", 7) == 0) {
        char *short_text = mem_printf("expected %s, got %s", what, names[jv_type(value)]);
        complain(validation, short_text);
        free(short_text);
        return;
    }
    bool scalar =
        strcmp(what, "map") != 0 && strcmp(what, "list") != 0 && strcmp(what, "boolean") != 0;
    buf_init(&text, STEP_BYTES_MAX);
    buf_printf(&text, "expected %s, got &%s{%s", what, scalar ? "value.valueUnstructured" : "",
               scalar ? "Value:" : "");
    go_print(value, scalar, &text);
    buf_add_char(&text, '}');
    complain(validation, buf_str(&text));
    buf_deinit(&text);
}

static void validate(struct validation *validation, const struct shape *shape,
                     const struct jv *value)
{
    const char *mismatch;
    if (is_null(value))
        return;
    switch (shape_form(shape, value)) {
    case FORM_SCALAR:
        mismatch = shape_scalar_mismatch(shape, value);
        if (mismatch)
            expected(validation, mismatch, value);
        break;
    case FORM_MAP:
        if (!jv_is_object(value))
            expected(validation, "map", value);
        else
            validate_map(validation, shape, value);
        break;
    case FORM_LIST:
        if (!jv_is_array(value))
            expected(validation, "list", value);
        else
            validate_list(validation, shape, value);
        break;
    }
}

/* The shape below a step of a set; false when the schema does not have it. */
static bool step_shape(const struct shape *shape, const char *step, struct shape *out,
                       bool *declared)
{
    *declared = false;
    if (strncmp(step, "f:", 2) == 0)
        return shape_member(shape, step + 2, out, declared);
    *out = shape_items(shape);
    return true;
}

/* Is anything in the set below what is atomic now? */
static bool is_stale(const struct shape *shape, const struct jv *set)
{
    struct jv_iter iter = {0};
    while (jv_next(set, &iter)) {
        struct shape below;
        bool declared;
        if (strcmp(iter.key, ".") == 0 || !fieldset_has_below(iter.value) ||
            !step_shape(shape, iter.key, &below, &declared) || below.source == SHAPE_DEDUCED)
            continue;
        enum shape_form form = shape_form(&below, NULL);
        if (form == FORM_SCALAR)
            continue;
        if (shape_is_atomic(&below, form) || is_stale(&below, iter.value))
            return true;
    }
    return false;
}

static struct jv *reconcile(const struct shape *shape, const struct jv *set)
{
    struct jv *out = jv_object();
    struct jv_iter iter = {0};
    while (jv_next(set, &iter)) {
        struct shape below;
        bool declared;
        if (strcmp(iter.key, ".") == 0)
            continue;
        if (!step_shape(shape, iter.key, &below, &declared) || below.source == SHAPE_DEDUCED) {
            jv_set(out, iter.key, jv_ref(iter.value));
            continue;
        }
        enum shape_form form = shape_form(&below, NULL);
        if (form != FORM_SCALAR && shape_is_atomic(&below, form))
            fieldset_add(out, iter.key, true, NULL);
        else
            fieldset_add(out, iter.key, fieldset_is_member(iter.value),
                         reconcile(&below, iter.value));
    }
    return out;
}

int typed_validate(const struct shape *shape, const struct jv *object, struct err *err)
{
    struct validation validation = {0};
    int result = 0;
    buf_init(&validation.path, STEP_BYTES_MAX);
    buf_init(&validation.text, STEP_BYTES_MAX);
    validate(&validation, shape, object);
    if (validation.count == 1)
        result = err_set(err, ERR_INVALID, "%s", buf_str(&validation.text));
    else if (validation.count)
        result = err_set(err, ERR_INVALID, "errors:\n  %s", buf_str(&validation.text));
    buf_deinit(&validation.path);
    buf_deinit(&validation.text);
    return result;
}

struct jv *typed_fields(const struct shape *shape, const struct jv *object)
{
    bool leaf;
    return fields_of(shape, object, &leaf);
}

struct jv *typed_name_structs(const struct shape *shape, const struct jv *set)
{
    struct jv *out = jv_object();
    struct jv_iter iter = {0};
    while (jv_next(set, &iter)) {
        struct shape below;
        bool declared;
        if (strcmp(iter.key, ".") == 0)
            continue;
        bool known = step_shape(shape, iter.key, &below, &declared);
        bool member = fieldset_is_member(iter.value) || declared;
        fieldset_add(out, iter.key, member,
                     known ? typed_name_structs(&below, iter.value) : jv_dup(iter.value));
    }
    return out;
}

struct jv *typed_reconcile(const struct shape *shape, const struct jv *set)
{
    return is_stale(shape, set) ? reconcile(shape, set) : jv_ref((struct jv *)set);
}
