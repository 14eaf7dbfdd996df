#include "sandbox/shape.h"

#include <stdlib.h>
#include <string.h>

static const struct jv *schema_text(const struct shape *shape, const char *name)
{
    return jv_get((const struct jv *)shape->node, name);
}

static struct shape of_ref(const struct type_ref *ref, const struct type_field *field)
{
    return (struct shape){.source = SHAPE_TYPE, .ref = *ref, .field = field};
}

static struct shape of_type(const struct type *type)
{
    struct type_ref ref = {.form = TYPE_NAMED, .type = type};
    return of_ref(&ref, NULL);
}

static struct shape of_node(const struct schema_node *node, const struct type *meta)
{
    struct shape shape = {
        .source = node ? SHAPE_SCHEMA : SHAPE_DEDUCED, .node = node, .meta = meta};
    shape.resource = jv_bool_value(schema_text(&shape, "x-kubernetes-embedded-resource"));
    return shape;
}

static enum shape_form form_of_value(const struct jv *value)
{
    if (!value || jv_type(value) == JV_NULL || jv_is_object(value))
        return FORM_MAP;
    return jv_is_array(value) ? FORM_LIST : FORM_SCALAR;
}

static enum shape_form form_of_ref(const struct type_ref *ref, const struct jv *value)
{
    switch (ref->form) {
    case TYPE_LIST:
        return FORM_LIST;
    case TYPE_NAMED:
    case TYPE_MAP:
        return FORM_MAP;
    case TYPE_SCALAR:
        break;
    }
    return ref->letter == 'r' ? form_of_value(value) : FORM_SCALAR;
}

static size_t list_keys(const struct shape *shape, const char *keys[TYPE_KEYS_MAX])
{
    size_t count = 0;
    if (shape->source == SHAPE_SCHEMA)
        return schema_list_type(shape->node) == SCHEMA_LIST_MAP
                   ? schema_list_keys(shape->node, keys)
                   : 0;
    while (shape->field && count < TYPE_KEYS_MAX && shape->field->keys[count]) {
        keys[count] = shape->field->keys[count];
        count++;
    }
    return count;
}

/* What a list key is when an item leaves it out: the defaults that the published schemas declare. */
static struct jv *key_default(const struct shape *shape, const char *key)
{
    if (shape->source == SHAPE_SCHEMA) {
        const struct schema_node *items = schema_items(shape->node);
        const struct schema_node *property = items ? schema_property(items, key) : NULL;
        struct jv *value = property ? jv_get((const struct jv *)property, "default") : NULL;
        return value ? jv_ref(value) : NULL;
    }
    if (strcmp(key, "protocol") == 0)
        return jv_string("TCP");
    const struct type_ref *items = shape->ref.element;
    const struct type_field *field =
        items && items->form == TYPE_NAMED ? type_field(items->type, key) : NULL;
    if (!field || !field->always || field->ref.form != TYPE_SCALAR)
        return NULL;
    return field->ref.letter == 'i' || field->ref.letter == 'l' ? jv_int(0) : jv_string("");
}

static int step_by_keys(const struct shape *shape, const char *const *keys, size_t count,
                        const struct jv *item, struct buf *out, struct err *err)
{
    if (!jv_is_object(item))
        return err_set(err, ERR_INVALID,
                       jv_type(item) == JV_NULL
                           ? "associative list with keys may not have a null element"
                           : "associative list with keys may not have non-map elements");
    struct jv *values = jv_object();
    struct buf names;
    buf_init(&names, 1024);
    for (size_t i = 0; i < count; i++) {
        struct jv *value = jv_get(item, keys[i]);
        jv_set(values, keys[i], value ? jv_ref(value) : key_default(shape, keys[i]));
        buf_printf(&names, "%s\"%s\"", i ? " " : "", keys[i]);
    }
    int result = 0;
    if (jv_size(values) == 0)
        result = err_set(err, ERR_INVALID,
                         "associative list with keys has an element that omits all key fields [%s] "
                         "(and doesn't have default values for any key fields)",
                         buf_str(&names));
    buf_add_str(out, "k:");
    jv_print(values, JV_PRINT_SORTED, out);
    buf_deinit(&names);
    jv_unref(values);
    return result;
}

enum shape_form shape_form(const struct shape *shape, const struct jv *value)
{
    if (shape->source == SHAPE_TYPE)
        return form_of_ref(&shape->ref, value);
    if (shape->source == SHAPE_DEDUCED)
        return form_of_value(value);
    const char *type = jv_str(schema_text(shape, "type"));
    if (jv_bool_value(schema_text(shape, "x-kubernetes-int-or-string")))
        return FORM_SCALAR;
    if (!type)
        return form_of_value(value);
    if (strcmp(type, "object") == 0)
        return FORM_MAP;
    return strcmp(type, "array") == 0 ? FORM_LIST : FORM_SCALAR;
}

bool shape_is_atomic(const struct shape *shape, enum shape_form form)
{
    const char *keys[TYPE_KEYS_MAX];
    if (form == FORM_SCALAR)
        return true;
    if (shape->source == SHAPE_DEDUCED)
        return form == FORM_LIST;
    if (shape->source == SHAPE_SCHEMA)
        return form == FORM_LIST ? schema_list_type(shape->node) == SCHEMA_LIST_ATOMIC
                                 : schema_map_is_atomic(shape->node);
    if (shape->ref.form == TYPE_SCALAR)
        return true; /* anything goes in it, so nothing of it is known */
    if (shape->field && shape->field->atomic)
        return true;
    if (form == FORM_LIST)
        return !(shape->field && shape->field->set) && list_keys(shape, keys) == 0;
    return shape->ref.form == TYPE_NAMED && shape->ref.type->atomic;
}

struct shape shape_of(const struct kind_version *version, const struct type *meta)
{
    if (version->type)
        return of_type(version->type);
    struct shape shape = of_node(version->schema ? schema_root(version->schema) : NULL, meta);
    shape.resource = true;
    return shape;
}

bool shape_member(const struct shape *shape, const char *name, struct shape *out, bool *declared)
{
    *declared = false;
    *out = (struct shape){.source = SHAPE_DEDUCED};
    if (shape->resource) {
        bool scalar = strcmp(name, "apiVersion") == 0 || strcmp(name, "kind") == 0;
        const struct type_ref text = {.form = TYPE_SCALAR, .letter = 's'};
        *declared = scalar || strcmp(name, "metadata") == 0;
        if (*declared)
            *out = scalar ? of_ref(&text, NULL) : of_type(shape->meta);
        if (*declared)
            return true;
    }
    if (shape->source == SHAPE_DEDUCED)
        return true;
    if (shape->source == SHAPE_TYPE) {
        if (shape->ref.form == TYPE_NAMED) {
            const struct type_field *field = type_field(shape->ref.type, name);
            *declared = field != NULL;
            if (field)
                *out = of_ref(&field->ref, field);
            return field != NULL;
        }
        if (shape->ref.form == TYPE_MAP)
            *out = of_ref(shape->ref.element, NULL);
        return true;
    }
    const struct schema_node *node = schema_property(shape->node, name);
    *declared = node != NULL;
    if (!node && jv_is_object(schema_text(shape, "additionalProperties")))
        node = (const struct schema_node *)schema_text(shape, "additionalProperties");
    *out = of_node(node, shape->meta);
    return node || jv_bool_value(schema_text(shape, "additionalProperties")) ||
           jv_bool_value(schema_text(shape, "x-kubernetes-preserve-unknown-fields"));
}

struct shape shape_items(const struct shape *shape)
{
    if (shape->source == SHAPE_TYPE && shape->ref.form == TYPE_LIST)
        return of_ref(shape->ref.element, NULL);
    if (shape->source == SHAPE_SCHEMA)
        return of_node(schema_items(shape->node), shape->meta);
    return (struct shape){.source = SHAPE_DEDUCED};
}

int shape_step(const struct shape *shape, const struct jv *item, struct buf *out, struct err *err)
{
    const char *keys[TYPE_KEYS_MAX];
    size_t count = list_keys(shape, keys);
    if (count)
        return step_by_keys(shape, keys, count, item, out, err);
    if (jv_is_object(item) || jv_is_array(item) || jv_type(item) == JV_NULL)
        return err_set(err, ERR_INVALID,
                       jv_type(item) == JV_NULL
                           ? "associative list without keys has an element that's an explicit null"
                           : "associative list without keys has an element that's a map type");
    buf_add_str(out, "v:");
    return jv_print(item, 0, out);
}

const char *shape_scalar_mismatch(const struct shape *shape, const struct jv *value)
{
    enum jv_type type = jv_type(value);
    bool number = type == JV_INT || type == JV_REAL;
    const char *wanted = NULL;
    if (type == JV_NULL)
        return NULL;
    if (shape->source == SHAPE_TYPE) {
        char letter = shape->ref.letter;
        wanted = strchr("iln", letter) ? "numeric (int or float)" : "string";
        wanted = letter == 'b' ? "boolean" : strchr("qx", letter) ? "any scalar" : wanted;
    } else if (shape->source == SHAPE_SCHEMA) {
        const char *name = jv_str(schema_text(shape, "type"));
        wanted = "any scalar";
        if (name && strcmp(name, "string") == 0)
            wanted = "string";
        else if (name && strcmp(name, "boolean") == 0)
            wanted = "boolean";
        else if (name && (strcmp(name, "integer") == 0 || strcmp(name, "number") == 0))
            wanted = "numeric (int or float)";
        if (jv_bool_value(schema_text(shape, "x-kubernetes-int-or-string")))
            wanted = "any scalar";
    }
    if (!wanted)
        return NULL;
    bool fits = number
                    ? *wanted == 'n' || *wanted == 'a'
                    : (type == JV_STRING ? *wanted == 's' || *wanted == 'a'
                                         : type == JV_BOOL && (*wanted == 'b' || *wanted == 'a'));
    return fits ? NULL : wanted;
}
