/* The only place that includes the JSON library: it judges the texts that are not plain. */
#include "base/json_internal.h"

#include <jansson.h>

#include <string.h>

void jv_seed(uint32_t seed)
{
    json_object_seed(seed != 0 ? seed : 1); /* 0 would let the library draw one itself */
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

static struct jv *take_over(json_t *from, struct json_key *key);

static struct jv *take_members(json_t *from, struct json_key *key)
{
    struct jv *object = json_make_container(JV_OBJECT, key, NULL);

    for (void *i = json_object_iter(from); i != NULL; i = json_object_iter_next(from, i)) {
        struct json_key member = {.text = json_object_iter_key(i),
                                  .len = json_object_iter_key_len(i)};
        struct jv *value = take_over(json_object_iter_value(i), &member);

        json_add_member(object, &member, value);
    }
    return object;
}

static struct jv *take_elements(json_t *from, struct json_key *key)
{
    struct jv *array = json_make_container(JV_ARRAY, key, NULL);

    for (size_t i = 0; i < json_array_size(from); i++)
        jv_append(array, take_over(json_array_get(from, i), NULL));
    return array;
}

static struct jv *take_over(json_t *from, struct json_key *key)
{
    switch (json_typeof(from)) {
    case JSON_OBJECT:
        return take_members(from, key);
    case JSON_ARRAY:
        return take_elements(from, key);
    case JSON_STRING:
        return json_make_string(json_string_value(from), json_string_length(from), key, NULL);
    case JSON_INTEGER:
        return json_make_int(json_integer_value(from), key, NULL);
    case JSON_REAL:
        return jv_real(json_real_value(from));
    case JSON_TRUE:
        return jv_bool(true);
    case JSON_FALSE:
        return jv_bool(false);
    case JSON_NULL:
        return jv_null();
    }
    return jv_null();
}

struct jv *json_parse_by_library(const char *text, size_t len, size_t *position, const char **why)
{
    json_error_t error;
    json_t *read =
        json_loadb(text, len, JSON_ALLOW_NUL | JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &error);
    struct jv *value;

    if (read == NULL) {
        *position = error.position > 0 ? (size_t)error.position : 0;
        *why = error_text(&error);
        return NULL;
    }
    value = take_over(read, NULL);
    json_decref(read);
    return value;
}
