#include "sandbox/convert.h"

#include "sandbox/decode.h"

#include <stdlib.h>
#include <string.h>

static int check_ref(const struct type_ref *ref, const struct jv *value, struct err *err);

/* Go's name of what the value is. */
static const char *kind_of(const struct jv *value)
{
    static const char *const names[] = {"invalid", "bool",  "int64", "float64",
                                        "string",  "slice", "map"};
    return names[jv_type(value)];
}

/* Simple types: what Go could convert (a number into text, too) is refused as such, all else is not
 * known at all. */
static int check_simple(char letter, const struct jv *value, struct err *err)
{
    enum jv_type type = jv_type(value);
    bool number = type == JV_INT || type == JV_REAL;
    bool fits = letter == 'b'                    ? type == JV_BOOL
                : letter == 'n'                  ? number
                : letter == 'i' || letter == 'l' ? type == JV_INT
                                                 : type == JV_STRING;
    bool text = letter != 'b' && letter != 'n' && letter != 'i' && letter != 'l';
    if (fits)
        return 0;
    if ((text && type == JV_INT) || (!text && letter != 'b' && number))
        return err_set(err, ERR_INVALID, "cannot convert %s to %s", kind_of(value),
                       decode_go_scalar(letter));
    return err_set(err, ERR_INVALID, "unrecognized type: %s", decode_go_scalar(letter));
}

/* Types that decode themselves from JSON. */
static int check_own(const struct type_ref *ref, const struct jv *value, struct err *err)
{
    enum jv_type type = jv_type(value);
    if (ref->letter == 'x' && type != JV_INT && type != JV_STRING) {
        char *text = type == JV_REAL ? jv_print_str(value, 0) : NULL;
        err_set(err, ERR_INVALID, "json: cannot unmarshal %s%s%s into Go value of type int32",
                decode_json_name(value), text ? " " : "", text ? text : "");
        free(text);
        return -1;
    }
    if ((ref->letter == 't' || ref->letter == 'm') && type != JV_STRING)
        return err_set(err, ERR_INVALID, "json: cannot unmarshal %s into Go value of type string",
                       decode_json_name(value));
    bool text = type == JV_STRING || type == JV_INT || type == JV_REAL;
    struct jv *any =
        text ? NULL : jv_string("no quantity"); /* which it does not look at more closely */
    struct jv *decoded = decode_value(ref, text ? value : any, err);
    jv_unref(any);
    jv_unref(decoded);
    return decoded ? 0 : -1;
}

static int check_bytes(const struct type_ref *ref, const struct jv *value, struct err *err)
{
    struct err why = {0};
    if (jv_type(value) == JV_STRING) {
        struct jv *decoded = decode_value(ref, value, &why);
        jv_unref(decoded);
        return decoded ? 0 : err_set(err, ERR_INVALID, "error decoding from json: %s", why.text);
    }
    if (!jv_is_array(value))
        return err_set(err, ERR_INVALID, "cannot restore slice from %s", kind_of(value));
    for (size_t i = 0; i < jv_size(value); i++)
        if (jv_type(jv_at(value, i)) != JV_INT)
            return err_set(err, ERR_INVALID, "unrecognized type: uint8");
    return 0;
}

/* The place of a field in its Go struct: its number in the protobuf encoding, which follows it. */
static unsigned place_of(const struct type_field *field)
{
    if (strcmp(field->name, "metadata") == 0)
        return 0;
    return field->outer ? field->outer : field->number;
}

static int check_named(const struct type *type, const struct jv *object, struct err *err)
{
    if (!jv_is_object(object))
        return err_set(err, ERR_INVALID, "cannot restore struct from: %s", kind_of(object));
    const struct type_field *first = NULL;
    for (size_t i = 0; i < type->field_count; i++) {
        const struct type_field *field = &type->fields[i];
        struct err why = {0};
        const struct jv *value = jv_get(object, field->name);
        if (!value || (first && place_of(first) <= place_of(field)) ||
            check_ref(&field->ref, value, &why) == 0)
            continue;
        first = field;
        *err = why;
    }
    return first ? -1 : 0;
}

static int check_ref(const struct type_ref *ref, const struct jv *value, struct err *err)
{
    if (jv_type(value) == JV_NULL)
        return 0;
    if (ref->form == TYPE_NAMED)
        return check_named(ref->type, value, err);
    if (ref->form == TYPE_LIST) {
        if (!jv_is_array(value))
            return err_set(err, ERR_INVALID, "cannot restore slice from %s", kind_of(value));
        for (size_t i = 0; i < jv_size(value); i++)
            if (check_ref(ref->element, jv_at(value, i), err) < 0)
                return -1;
        return 0;
    }
    if (ref->form == TYPE_MAP) {
        struct jv_iter iter = {0};
        if (!jv_is_object(value))
            return err_set(err, ERR_INVALID, "cannot restore map from %s", kind_of(value));
        while (jv_next(value, &iter))
            if (check_ref(ref->element, iter.value, err) < 0)
                return -1;
        return 0;
    }
    switch (ref->letter) {
    case 'r':
        return 0;
    case 'y':
        return check_bytes(ref, value, err);
    case 'q':
    case 't':
    case 'm':
    case 'x':
        return check_own(ref, value, err);
    default:
        return check_simple(ref->letter, value, err);
    }
}

int convert_check(const struct type *type, const struct jv *object, struct err *err)
{
    return check_named(type, object, err);
}
