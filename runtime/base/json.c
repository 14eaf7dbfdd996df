#include "base/json.h"

#include "base/json_value.h"
#include "base/utf8.h"

#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

enum { ITEMS_MIN = 4 };

/* A value of `bytes`, with room for the key behind it. */
static void *make(enum jv_type type, size_t bytes, struct json_key *key, struct arena *arena)
{
    size_t all = bytes + (key != NULL ? key->len + 1 : 0);
    uint16_t home = 0;
    struct jv *value = arena != NULL ? arena_take(arena, all, &home) : mem_grow(NULL, all);

    *value = (struct jv){.refs = 1, .type = (uint8_t)type, .home = home};
    if (key != NULL) {
        char *beside = (char *)value + bytes;

        memcpy(beside, key->text, key->len);
        beside[key->len] = '\0';
        key->text = beside;
        key->beside = true;
    }
    return value;
}

struct jv *json_make_string(const char *text, size_t len, struct json_key *key, struct arena *arena)
{
    struct string *string = make(JV_STRING, sizeof(*string) + len + 1, key, arena);

    string->len = len;
    memcpy(string->text, text, len);
    string->text[len] = '\0';
    return &string->head;
}

struct jv *json_make_int(int64_t value, struct json_key *key, struct arena *arena)
{
    struct number *number = make(JV_INT, sizeof(*number), key, arena);

    number->is.integer = value;
    return &number->head;
}

struct jv *json_make_container(enum jv_type type, struct json_key *key, struct arena *arena)
{
    if (type == JV_OBJECT) {
        struct object *object = make(type, sizeof(*object), key, arena);

        object->members = (struct members){0};
        return &object->head;
    }
    struct array *array = make(type, sizeof(*array), key, arena);

    array->count = array->cap = 0;
    array->items = NULL;
    array->home = 0;
    return &array->head;
}

/* A text of ours may quote bytes from anywhere; it must still become a string. */
static struct jv *string_repaired(const char *str, size_t len)
{
    struct buf text;
    struct jv *value;

    buf_init(&text, SIZE_MAX);
    utf8_add_valid(&text, str, len);
    value = json_make_string(buf_str(&text), text.len, NULL, NULL);
    buf_deinit(&text);
    return value;
}

struct jv *jv_null(void)
{
    static const struct jv null = {.refs = JSON_REFS_FOREVER, .type = JV_NULL};

    return word(&null);
}

struct jv *jv_bool(bool value)
{
    static const struct jv yes = {.refs = JSON_REFS_FOREVER, .type = JV_BOOL, .truth = true};
    static const struct jv no = {.refs = JSON_REFS_FOREVER, .type = JV_BOOL};

    return word(value ? &yes : &no);
}

struct jv *jv_int(int64_t value)
{
    return json_make_int(value, NULL, NULL);
}

struct jv *jv_real(double value)
{
    struct number *number;

    if (!isfinite(value))
        return NULL;
    number = make(JV_REAL, sizeof(*number), NULL, NULL);
    number->is.real = value;
    return &number->head;
}

struct jv *jv_string(const char *str)
{
    size_t len;

    if (str == NULL)
        return NULL;
    len = strlen(str);
    return utf8_valid(str, len) ? json_make_string(str, len, NULL, NULL)
                                : string_repaired(str, len);
}

struct jv *jv_stringn(const char *str, size_t len)
{
    return utf8_valid(str, len) ? json_make_string(str != NULL ? str : "", len, NULL, NULL) : NULL;
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
    return json_make_container(JV_ARRAY, NULL, NULL);
}

struct jv *jv_object(void)
{
    return json_make_container(JV_OBJECT, NULL, NULL);
}

struct jv *jv_ref(struct jv *value)
{
    if (value != NULL && value->refs != JSON_REFS_FOREVER)
        value->refs++;
    return value;
}

void jv_unref(struct jv *value)
{
    struct array *array;

    if (value == NULL || value->refs == JSON_REFS_FOREVER || --value->refs > 0)
        return;
    array = array_of(value);
    if (array != NULL) {
        for (uint32_t i = 0; i < array->count; i++)
            jv_unref(array->items[i]);
        arena_drop(array->items, array->home);
    } else if (value->type == JV_OBJECT) {
        members_deinit(members_of(value));
    }
    arena_drop(value, value->home);
}

enum jv_type jv_type(const struct jv *value)
{
    return value != NULL ? type_of(value) : JV_NULL;
}

bool jv_is_object(const struct jv *value)
{
    return value != NULL && value->type == JV_OBJECT;
}

bool jv_is_array(const struct jv *value)
{
    return value != NULL && value->type == JV_ARRAY;
}

const char *jv_str(const struct jv *value)
{
    size_t len;

    return jv_strn(value, &len);
}

const char *jv_strn(const struct jv *value, size_t *len)
{
    const struct string *string = (const struct string *)(const void *)value;

    *len = 0;
    if (value == NULL || value->type != JV_STRING)
        return NULL;
    *len = string->len;
    return string->text;
}

static const struct number *number_of(const struct jv *value, enum jv_type type)
{
    return value != NULL && value->type == type ? (const struct number *)(const void *)value : NULL;
}

int64_t jv_int_value(const struct jv *value)
{
    const struct number *integer = number_of(value, JV_INT), *real = number_of(value, JV_REAL);

    if (real == NULL)
        return integer != NULL ? integer->is.integer : 0;
    if (real->is.real >= 0x1p63)
        return INT64_MAX;
    return real->is.real <= -0x1p63 ? INT64_MIN : (int64_t)real->is.real;
}

double jv_real_value(const struct jv *value)
{
    const struct number *integer = number_of(value, JV_INT), *real = number_of(value, JV_REAL);

    if (real != NULL)
        return real->is.real;
    return integer != NULL ? (double)integer->is.integer : 0.0;
}

bool jv_bool_value(const struct jv *value)
{
    return value != NULL && value->type == JV_BOOL && value->truth;
}

size_t jv_size(const struct jv *value)
{
    const struct members *members = members_of(value);
    const struct array *array = array_of(value);

    return members != NULL ? members->count : array != NULL ? array->count : 0;
}

struct jv *jv_get(const struct jv *object, const char *key)
{
    const struct members *members = members_of(object);
    const struct member *member;

    if (members == NULL || key == NULL)
        return NULL;
    member = members_find(members, key, strlen(key));
    return member != NULL ? member->value : NULL;
}

struct jv *jv_at(const struct jv *value, size_t index)
{
    const struct array *array = array_of(value);

    return array != NULL && index < array->count ? array->items[index] : NULL;
}

void jv_set(struct jv *object, const char *key, struct jv *take)
{
    struct members *members = members_of(object);
    size_t len = key != NULL ? strlen(key) : 0;
    struct member *member;

    if (members == NULL || take == NULL || take == object || key == NULL || !utf8_valid(key, len)) {
        jv_unref(take);
        return;
    }
    member = members_find(members, key, len);
    if (member != NULL)
        members_replace(member, take);
    else
        members_add(members, &(struct json_key){.text = key, .len = len}, take);
}

static void fill_array(struct array *array, const struct member *members, size_t count,
                       struct arena *arena)
{
    if (count == 0)
        return;
    array->items = arena_take(arena, count * sizeof(struct jv *), &array->home);
    array->count = array->cap = (uint32_t)count;
    for (size_t i = 0; i < count; i++)
        array->items[i] = members[i].value;
}

bool json_fill(struct jv *container, const struct member *members, size_t count,
               struct arena *arena)
{
    if (container->type == JV_OBJECT)
        return members_fill(members_of(container), members, count, arena);
    fill_array(array_of(container), members, count, arena);
    return true;
}

bool json_add_member(struct jv *object, const struct json_key *key, struct jv *take)
{
    struct members *members = members_of(object);

    if (members_find(members, key->text, key->len) != NULL) {
        jv_unref(take);
        return false;
    }
    members_add(members, key, take);
    return true;
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
    struct members *members = members_of(object);
    struct member *member =
        members != NULL && key != NULL ? members_find(members, key, strlen(key)) : NULL;

    if (member != NULL)
        members_remove(members, member);
}

void jv_append(struct jv *array, struct jv *take)
{
    jv_insert_at(array, jv_size(array), take);
}

void jv_replace_at(struct jv *value, size_t index, struct jv *take)
{
    const struct array *array = array_of(value);

    if (array == NULL || take == value || take == NULL || index >= array->count) {
        jv_unref(take);
        return;
    }
    jv_unref(array->items[index]);
    array->items[index] = take;
}

static void grow_array(struct array *array)
{
    uint32_t cap = array->cap > 0 ? array->cap * 2 : ITEMS_MIN;
    struct jv **items = array->home != 0 ? NULL : array->items;

    items = mem_grow(items, cap * sizeof(struct jv *));
    if (array->home != 0) {
        memcpy(items, array->items, array->count * sizeof(struct jv *));
        arena_drop(array->items, array->home);
        array->home = 0;
    }
    array->items = items;
    array->cap = cap;
}

void jv_insert_at(struct jv *value, size_t index, struct jv *take)
{
    struct array *array = array_of(value);

    if (array == NULL || take == value || take == NULL || index > array->count) {
        jv_unref(take);
        return;
    }
    if (array->count == array->cap)
        grow_array(array);
    memmove(array->items + index + 1, array->items + index,
            (array->count - index) * sizeof(struct jv *));
    array->items[index] = take;
    array->count++;
}

void jv_remove_at(struct jv *value, size_t index)
{
    struct array *array = array_of(value);

    if (array == NULL || index >= array->count)
        return;
    jv_unref(array->items[index]);
    array->count--;
    memmove(array->items + index, array->items + index + 1,
            (array->count - index) * sizeof(struct jv *));
}

int jv_next(const struct jv *object, struct jv_iter *iter)
{
    const struct members *members = members_of(object);
    uintptr_t at = (uintptr_t)iter->position; /* of the next one */

    while (members != NULL && at < members->used && members->list[at].key == NULL)
        at++;
    if (members == NULL || at >= members->used)
        return 0;
    iter->position = (void *)(at + 1);
    iter->key = members->list[at].key;
    iter->key_len = members->list[at].key_len;
    iter->value = members->list[at].value;
    return 1;
}
