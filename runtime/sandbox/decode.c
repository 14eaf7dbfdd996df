#include "sandbox/decode.h"

#include "sandbox/quantity.h"
#include "sandbox/timestamp.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PATH_BYTES = 512, UNKNOWN_MAX = 64 };

struct decoder {
    struct jv *unknown;
    struct err *err;
    bool as_written;        /* only looks for the first mistake, in the order of the text */
    bool mismatched;        /* err is that of a value of another type; what is worse may follow */
    const char *owner;      /* name of the innermost struct */
    char path[PATH_BYTES];  /* with indices, for unknown fields */
    char plain[PATH_BYTES]; /* without, for type errors */
};

struct place { /* lengths to go back to */
    size_t path, plain;
    const char *owner;
};

static struct jv *decode_ref(struct decoder *decoder, const struct type_ref *ref,
                             const struct jv *value);

static struct place enter(struct decoder *decoder, const char *key)
{
    struct place place = {strlen(decoder->path), strlen(decoder->plain), decoder->owner};
    snprintf(decoder->path + place.path, PATH_BYTES - place.path, "%s%s", place.path ? "." : "",
             key);
    snprintf(decoder->plain + place.plain, PATH_BYTES - place.plain, "%s%s", place.plain ? "." : "",
             key);
    return place;
}

static void leave(struct decoder *decoder, struct place place)
{
    decoder->path[place.path] = '\0';
    decoder->plain[place.plain] = '\0';
    decoder->owner = place.owner;
}

/* The one group here whose version is not v1. */
static bool is_autoscaling(const char *type)
{
    return strncmp(type, "HorizontalPodAutoscaler", 23) == 0 || strncmp(type, "HPA", 3) == 0 ||
           strncmp(type, "Metric", 6) == 0 || strstr(type, "MetricSource") ||
           strstr(type, "MetricStatus");
}

const char *decode_go_scalar(char letter)
{
    switch (letter) {
    case 'b':
        return "bool";
    case 'i':
    case 'x': /* which it tries last */
        return "int32";
    case 'l':
        return "int64";
    case 'n':
        return "float64";
    default:
        return "string";
    }
}

const char *decode_json_name(const struct jv *value)
{
    static const char *const names[] = {"null",   "bool",  "number", "number",
                                        "string", "array", "object"};
    return names[jv_type(value)];
}

static const char *go_type(const struct type_ref *ref, char out[PATH_BYTES])
{
    char inner[PATH_BYTES];
    switch (ref->form) {
    case TYPE_NAMED:
        snprintf(out, PATH_BYTES, "%s.%s", is_autoscaling(ref->type->name) ? "v2" : "v1",
                 ref->type->name);
        return out;
    case TYPE_LIST:
        snprintf(out, PATH_BYTES, "[]%s", go_type(ref->element, inner));
        return out;
    case TYPE_MAP:
        snprintf(out, PATH_BYTES, "map[string]%s", go_type(ref->element, inner));
        return out;
    case TYPE_SCALAR:
        break;
    }
    return decode_go_scalar(ref->letter);
}

/* Of what is wrong the first is told, and nothing behind it is looked at; but for values of another type,
 * where that goes on. Types that decode themselves are of the former. */
static struct jv *mismatch(struct decoder *decoder, const struct type_ref *ref,
                           const struct jv *value)
{
    char type[PATH_BYTES], number[64] = "";
    enum jv_type got = jv_type(value);
    bool wants_int = ref->form == TYPE_SCALAR && (ref->letter == 'i' || ref->letter == 'l');
    bool itself = ref->form == TYPE_SCALAR && strchr("qtmx", ref->letter);
    if (!itself && decoder->mismatched)
        return jv_null();
    if (wants_int && (got == JV_INT || got == JV_REAL)) {
        char *text = jv_print_str(value, 0);
        snprintf(number, sizeof(number), " %s", text);
        free(text);
    }
    err_set(decoder->err, ERR_INVALID,
            "json: cannot unmarshal %s%s into Go struct field %s.%s of type %s",
            decode_json_name(value), number, decoder->owner, decoder->plain, go_type(ref, type));
    decoder->mismatched = !itself;
    return itself ? NULL : jv_null();
}

static struct jv *decode_quantity(struct decoder *decoder, const struct type_ref *ref,
                                  const struct jv *value)
{
    char canonical[QUANTITY_TEXT_BYTES];
    enum jv_type type = jv_type(value);
    if (type != JV_STRING && type != JV_INT && type != JV_REAL)
        return mismatch(decoder, ref, value);
    char *text = type == JV_STRING ? mem_str(jv_str(value)) : jv_print_str(value, 0);
    bool valid = quantity_canonical(text, canonical);
    free(text);
    if (valid)
        return jv_string(canonical);
    err_set(decoder->err, ERR_INVALID,
            "quantities must match the regular expression "
            "'^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'");
    return NULL;
}

static struct jv *decode_time(struct decoder *decoder, const struct type_ref *ref,
                              const struct jv *value)
{
    char canonical[TIMESTAMP_TEXT_BYTES];
    const char *text = jv_str(value);
    if (!text)
        return mismatch(decoder, ref, value);
    if (!*text)
        return jv_null();
    if (!timestamp_canonical(text, ref->letter == 'm', canonical)) {
        timestamp_problem(text, ref->letter == 'm', decoder->err);
        return NULL;
    }
    if (strcmp(text, canonical) == 0)
        return jv_ref((struct jv *)value);
    return jv_string(canonical);
}

/* Only looked at: bytes stay as the text they came in. */
static struct jv *decode_bytes(struct decoder *decoder, const struct type_ref *ref,
                               const struct jv *value)
{
    static const char alphabet[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const char *text = jv_str(value);
    if (!text)
        return mismatch(decoder, ref, value);
    size_t len = strlen(text), good = strspn(text, alphabet), padding = strspn(text + good, "=");
    if (padding > 2 || good + padding < len || len % 4 != 0) {
        if (decoder->mismatched)
            return jv_null();
        decoder->mismatched = true;
        err_set(decoder->err, ERR_INVALID, "illegal base64 data at input byte %zu",
                good + padding < len || padding ? good : len);
        return jv_null();
    }
    return jv_ref((struct jv *)value);
}

static struct jv *decode_scalar(struct decoder *decoder, const struct type_ref *ref,
                                const struct jv *value)
{
    enum jv_type type = jv_type(value);
    bool fits = false;
    switch (ref->letter) {
    case 'r':
        return jv_ref((struct jv *)value);
    case 'q':
        return decode_quantity(decoder, ref, value);
    case 't':
    case 'm':
        return decode_time(decoder, ref, value);
    case 'y':
        return decode_bytes(decoder, ref, value);
    case 'b':
        fits = type == JV_BOOL;
        break;
    case 'i':
        fits =
            type == JV_INT && jv_int_value(value) >= INT32_MIN && jv_int_value(value) <= INT32_MAX;
        break;
    case 'l':
        fits = type == JV_INT;
        break;
    case 'n':
        fits = type == JV_INT || type == JV_REAL;
        break;
    case 'x':
        fits = type == JV_INT || type == JV_STRING;
        break;
    default:
        fits = type == JV_STRING;
        break;
    }
    /* Shared, not copied: nobody changes a scalar. */
    return fits ? jv_ref((struct jv *)value) : mismatch(decoder, ref, value);
}

static bool is_zero(const struct jv *value)
{
    switch (jv_type(value)) {
    case JV_NULL:
        return true;
    case JV_BOOL:
        return !jv_bool_value(value);
    case JV_INT:
        return jv_int_value(value) == 0;
    case JV_REAL:
        return false;
    case JV_STRING:
        return !*jv_str(value);
    case JV_ARRAY:
    case JV_OBJECT:
        return jv_size(value) == 0;
    }
    return false;
}

static struct jv *zero_of(const struct type_ref *ref)
{
    switch (ref->form) {
    case TYPE_NAMED:
        return decode_object(ref->type, NULL, NULL, NULL);
    case TYPE_LIST:
    case TYPE_MAP:
        return jv_null();
    case TYPE_SCALAR:
        break;
    }
    switch (ref->letter) {
    case 'b':
        return jv_bool(false);
    case 'i':
    case 'l':
    case 'n':
    case 'x':
        return jv_int(0);
    case 'q':
        return jv_string("0");
    case 't':
    case 'm':
    case 'r':
        return jv_null();
    default:
        return jv_string("");
    }
}

static void note_unknown(struct decoder *decoder, const struct type *type, const struct jv *object)
{
    struct jv_iter iter = {0};
    while (decoder->unknown && jv_next(object, &iter)) {
        if (type_field(type, iter.key) || jv_size(decoder->unknown) >= UNKNOWN_MAX)
            continue;
        jv_append(decoder->unknown,
                  jv_stringf("%s%s%s", decoder->path, *decoder->path ? "." : "", iter.key));
    }
}

/* NULL when it is wrong. */
static struct jv *decode_member(struct decoder *decoder, const struct type *type,
                                const struct type_field *field, const struct jv *value)
{
    struct place place = enter(decoder, field->name);
    decoder->owner = type->name;
    struct jv *decoded = decode_ref(decoder, &field->ref, value);
    leave(decoder, place);
    return decoded;
}

static struct jv *look_as_written(struct decoder *decoder, const struct type *type,
                                  const struct jv *object)
{
    struct jv_iter iter = {0};
    while (jv_next(object, &iter)) {
        const struct type_field *field = type_field(type, iter.key);
        if (!field || jv_type(iter.value) == JV_NULL)
            continue;
        struct jv *decoded = decode_member(decoder, type, field, iter.value);
        if (!decoded)
            return NULL;
        jv_unref(decoded);
    }
    return jv_object();
}

static struct jv *decode_named(struct decoder *decoder, const struct type *type,
                               const struct jv *object)
{
    if (decoder->as_written)
        return look_as_written(decoder, type, object);
    struct jv *out = jv_object();
    size_t known = 0;
    for (size_t i = 0; i < type->field_count; i++) {
        const struct type_field *field = &type->fields[i];
        const struct jv *value = jv_get(object, field->name);
        struct jv *decoded = NULL;
        known += value != NULL;
        if (value && jv_type(value) != JV_NULL) {
            decoded = decode_member(decoder, type, field, value);
            if (!decoded) {
                jv_unref(out);
                return NULL;
            }
        }
        if (decoded && jv_type(decoded) == JV_NULL) { /* an empty time */
            jv_unref(decoded);
            decoded = NULL;
        }
        if (decoded && field->omit_zero && is_zero(decoded)) {
            jv_unref(decoded);
            decoded = NULL;
        } else if (!decoded && field->always) {
            decoded = zero_of(&field->ref);
        }
        if (decoded)
            jv_set(out, field->name, decoded);
    }
    if (known < jv_size(object))
        note_unknown(decoder, type, object);
    return out;
}

static struct jv *decode_list(struct decoder *decoder, const struct type_ref *element,
                              const struct jv *list)
{
    struct jv *out = jv_array();
    size_t len = strlen(decoder->path);
    for (size_t i = 0; i < jv_size(list); i++) {
        snprintf(decoder->path + len, PATH_BYTES - len, "[%zu]", i);
        const struct jv *value = jv_at(list, i);
        struct jv *decoded =
            jv_type(value) == JV_NULL ? zero_of(element) : decode_ref(decoder, element, value);
        if (!decoded) {
            jv_unref(out);
            return NULL;
        }
        jv_append(out, decoded);
    }
    decoder->path[len] = '\0';
    return out;
}

static struct jv *decode_map(struct decoder *decoder, const struct type_ref *element,
                             const struct jv *map)
{
    struct jv *out = jv_object();
    struct jv_iter iter = {0};
    while (jv_next(map, &iter)) {
        struct jv *decoded = jv_type(iter.value) == JV_NULL
                                 ? zero_of(element)
                                 : decode_ref(decoder, element, iter.value);
        if (!decoded) {
            jv_unref(out);
            return NULL;
        }
        jv_set(out, iter.key, decoded);
    }
    return out;
}

static struct jv *decode_ref(struct decoder *decoder, const struct type_ref *ref,
                             const struct jv *value)
{
    switch (ref->form) {
    case TYPE_SCALAR:
        return decode_scalar(decoder, ref, value);
    case TYPE_NAMED:
        return jv_is_object(value) ? decode_named(decoder, ref->type, value)
                                   : mismatch(decoder, ref, value);
    case TYPE_LIST:
        return jv_is_array(value) ? decode_list(decoder, ref->element, value)
                                  : mismatch(decoder, ref, value);
    case TYPE_MAP:
        return jv_is_object(value) ? decode_map(decoder, ref->element, value)
                                   : mismatch(decoder, ref, value);
    }
    return NULL;
}

struct jv *decode_object(const struct type *type, const struct jv *object, struct jv *unknown,
                         struct err *err)
{
    struct decoder decoder = {.unknown = unknown, .err = err, .owner = type->name};
    struct jv *decoded = decode_named(&decoder, type, object);
    if (decoded && !decoder.mismatched)
        return decoded;
    jv_unref(decoded);
    decoder = (struct decoder){.err = err, .owner = type->name, .as_written = true};
    jv_unref(decode_named(&decoder, type, object));
    return NULL;
}

struct jv *decode_value(const struct type_ref *ref, const struct jv *value, struct err *err)
{
    struct decoder decoder = {.err = err, .owner = ""};
    struct jv *decoded = decode_ref(&decoder, ref, value);
    if (decoded && !decoder.mismatched)
        return decoded;
    jv_unref(decoded);
    return NULL;
}
