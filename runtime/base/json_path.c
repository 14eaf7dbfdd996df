#include "base/json_internal.h"

#include <stdarg.h>

static struct jv *path_at(const struct jv *object, va_list keys)
{
    struct jv *value = (struct jv *)(uintptr_t)object;
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
