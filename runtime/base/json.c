#include "base/json.h"

#include "base/json_internal.h"
#include "base/utf8.h"

#include <jansson.h>

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A jv is the library's json_t under another name, so that no other file can depend on it. */

static json_t *lib(const struct jv *value)
{
    return (json_t *)(uintptr_t)value;
}

static struct jv *own(json_t *value)
{
    if (value == NULL) {
        fprintf(stderr, "nemeton: out of memory (a JSON value)\n");
        abort();
    }
    return (struct jv *)value;
}

static struct jv *lent(json_t *value)
{
    return (struct jv *)value;
}

/* A text of ours may quote bytes from anywhere; it must still become a string. */
static struct jv *string_repaired(const char *str, size_t len)
{
    struct buf text;
    struct jv *value;

    buf_init(&text, SIZE_MAX);
    utf8_add_valid(&text, str, len);
    value = own(json_stringn_nocheck(buf_str(&text), text.len));
    buf_deinit(&text);
    return value;
}

void jv_seed(uint32_t seed)
{
    json_object_seed(seed != 0 ? seed : 1); /* 0 would let the library draw one itself */
}

struct jv *jv_null(void)
{
    return lent(json_null());
}

struct jv *jv_bool(bool value)
{
    return lent(json_boolean(value));
}

struct jv *jv_int(int64_t value)
{
    return own(json_integer(value));
}

struct jv *jv_real(double value)
{
    return isfinite(value) ? own(json_real(value)) : NULL;
}

struct jv *jv_string(const char *str)
{
    json_t *value;

    if (str == NULL)
        return NULL;
    value = json_string(str);
    return value != NULL ? lent(value) : string_repaired(str, strlen(str));
}

struct jv *jv_stringn(const char *str, size_t len)
{
    return utf8_valid(str, len) ? own(json_stringn_nocheck(str != NULL ? str : "", len)) : NULL;
}

struct jv *jv_stringf(const char *format, ...)
{
    va_list args;
    struct buf text;
    struct jv *value;

    buf_init(&text, SIZE_MAX);
    va_start(args, format);
    buf_vprintf(&text, format, args);
    va_end(args);
    value = jv_string(buf_str(&text));
    buf_deinit(&text);
    return value;
}

struct jv *jv_array(void)
{
    return own(json_array());
}

struct jv *jv_object(void)
{
    return own(json_object());
}

struct jv *jv_ref(struct jv *value)
{
    return lent(json_incref(lib(value)));
}

void jv_unref(struct jv *value)
{
    json_decref(lib(value));
}

/* Scalars cannot be changed through this interface, so copies share them. */
struct jv *jv_dup(const struct jv *value)
{
    json_t *from = lib(value), *copy;

    if (json_is_object(from)) {
        copy = lib(jv_object());
        for (void *i = json_object_iter(from); i != NULL; i = json_object_iter_next(from, i))
            json_object_setn_new_nocheck(copy, json_object_iter_key(i), json_object_iter_key_len(i),
                                         lib(jv_dup(lent(json_object_iter_value(i)))));
        return lent(copy);
    }
    if (json_is_array(from)) {
        copy = lib(jv_array());
        for (size_t i = 0; i < json_array_size(from); i++)
            json_array_append_new(copy, lib(jv_dup(lent(json_array_get(from, i)))));
        return lent(copy);
    }
    return lent(json_incref(from));
}

enum jv_type jv_type(const struct jv *value)
{
    if (value == NULL)
        return JV_NULL;
    switch (json_typeof(lib(value))) {
    case JSON_OBJECT:
        return JV_OBJECT;
    case JSON_ARRAY:
        return JV_ARRAY;
    case JSON_STRING:
        return JV_STRING;
    case JSON_INTEGER:
        return JV_INT;
    case JSON_REAL:
        return JV_REAL;
    case JSON_TRUE:
    case JSON_FALSE:
        return JV_BOOL;
    case JSON_NULL:
        return JV_NULL;
    }
    return JV_NULL;
}

bool jv_is_object(const struct jv *value)
{
    return json_is_object(lib(value));
}

bool jv_is_array(const struct jv *value)
{
    return json_is_array(lib(value));
}

const char *jv_str(const struct jv *value)
{
    return json_string_value(lib(value));
}

const char *jv_strn(const struct jv *value, size_t *len)
{
    *len = json_string_length(lib(value));
    return json_string_value(lib(value));
}

int64_t jv_int_value(const struct jv *value)
{
    double real;

    if (!json_is_real(lib(value)))
        return json_integer_value(lib(value));
    real = json_real_value(lib(value));
    if (real >= 0x1p63)
        return INT64_MAX;
    return real <= -0x1p63 ? INT64_MIN : (int64_t)real;
}

double jv_real_value(const struct jv *value)
{
    return json_number_value(lib(value));
}

bool jv_bool_value(const struct jv *value)
{
    return json_is_true(lib(value));
}

size_t jv_size(const struct jv *value)
{
    return json_is_object(lib(value)) ? json_object_size(lib(value)) : json_array_size(lib(value));
}

struct jv *jv_get(const struct jv *object, const char *key)
{
    return lent(json_object_get(lib(object), key));
}

struct jv *jv_at(const struct jv *array, size_t index)
{
    return lent(json_array_get(lib(array), index));
}

static struct jv *path_at(const struct jv *object, va_list keys)
{
    struct jv *value = lent(lib(object));
    const char *key;

    while (value != NULL && (key = va_arg(keys, const char *)) != NULL)
        value = jv_get(value, key);
    return value;
}

struct jv *jv_path(const struct jv *object, ...)
{
    va_list keys;
    struct jv *value;

    va_start(keys, object);
    value = path_at(object, keys);
    va_end(keys);
    return value;
}

const char *jv_path_str(const struct jv *object, ...)
{
    va_list keys;
    struct jv *value;

    va_start(keys, object);
    value = path_at(object, keys);
    va_end(keys);
    return jv_str(value);
}

void jv_set(struct jv *object, const char *key, struct jv *take)
{
    json_object_set_new(lib(object), key, lib(take));
}

void jv_set_str(struct jv *object, const char *key, const char *str)
{
    jv_set(object, key, jv_string(str));
}

void jv_set_int(struct jv *object, const char *key, int64_t value)
{
    jv_set(object, key, jv_int(value));
}

void jv_remove(struct jv *object, const char *key)
{
    json_object_del(lib(object), key);
}

void jv_append(struct jv *array, struct jv *take)
{
    json_array_append_new(lib(array), lib(take));
}

void jv_replace_at(struct jv *array, size_t index, struct jv *take)
{
    json_array_set_new(lib(array), index, lib(take));
}

void jv_insert_at(struct jv *array, size_t index, struct jv *take)
{
    json_array_insert_new(lib(array), index, lib(take));
}

void jv_remove_at(struct jv *array, size_t index)
{
    json_array_remove(lib(array), index);
}

struct jv *jv_ensure(struct jv *object, ...)
{
    va_list keys;
    const char *key;

    va_start(keys, object);
    while (object != NULL && (key = va_arg(keys, const char *)) != NULL) {
        if (!jv_is_object(jv_get(object, key)))
            jv_set(object, key, jv_object());
        object = jv_get(object, key);
    }
    va_end(keys);
    return object;
}

int jv_next(const struct jv *object, struct jv_iter *iter)
{
    json_t *o = lib(object);

    iter->position =
        iter->position != NULL ? json_object_iter_next(o, iter->position) : json_object_iter(o);
    if (iter->position == NULL)
        return 0;
    iter->key = json_object_iter_key(iter->position);
    iter->key_len = json_object_iter_key_len(iter->position);
    iter->value = lent(json_object_iter_value(iter->position));
    return 1;
}

bool jv_equal(const struct jv *a, const struct jv *b)
{
    return json_equal(lib(a), lib(b));
}

/* The library's own texts quote the input, which may be a secret; these do not. */
static const char *error_text(const json_error_t *error)
{
    switch (json_error_code(error)) {
    case json_error_numeric_overflow:
        return strncmp(error->text, "too big", 7) == 0 ? "integer outside 64 bits"
                                                       : "number too large";
    case json_error_duplicate_key:
        return "duplicate key";
    case json_error_invalid_utf8:
        return "not valid UTF-8";
    case json_error_premature_end_of_input:
        return "ends in the middle of a value";
    case json_error_end_of_input_expected:
        return "something follows the value";
    case json_error_null_byte_in_key:
    case json_error_null_character:
        return "NUL in a key";
    case json_error_out_of_memory:
        return "out of memory";
    default:
        return "not JSON";
    }
}

static int fail_at(struct err *err, enum err_code code, const char *text, size_t len, size_t at,
                   const char *what)
{
    struct json_place place;

    if (err == NULL)
        return -1;
    json_locate(text, len, at, &place);
    if (place.path.len > 0)
        err_set(err, code, "JSON line %zu column %zu, `%s`: %s", place.line, place.column,
                buf_str(&place.path), what);
    else
        err_set(err, code, "JSON line %zu column %zu: %s", place.line, place.column, what);
    buf_deinit(&place.path);
    return -1;
}

int jv_parse(const char *text, size_t len, struct jv **out, struct err *err)
{
    struct jv *plain;
    json_error_t error;
    json_t *value;
    size_t at = 0;

    if (len == 0)
        return err_set(err, ERR_PARSE, "JSON: the text is empty");
    plain = json_parse_plain(text, len);
    if (plain != NULL) {
        *out = plain;
        return 0;
    }
    switch (json_prescan(text, len, JV_DEPTH_MAX, &at)) {
    case JSON_TOO_DEEP:
        return fail_at(err, ERR_LIMIT, text, len, at, "nested too deep (128 levels at most)");
    case JSON_NUL:
        return fail_at(err, ERR_PARSE, text, len, at, "a NUL outside a string");
    case JSON_FLAWLESS:
        break;
    }
    value =
        json_loadb(text, len, JSON_ALLOW_NUL | JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &error);
    if (value == NULL)
        return fail_at(err, ERR_PARSE, text, len, error.position > 0 ? (size_t)error.position : 0,
                       error_text(&error));
    *out = lent(value);
    return 0;
}
