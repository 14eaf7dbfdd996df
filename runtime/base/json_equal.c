#include "base/json.h"

#include <string.h>

static bool equal_members(const struct jv *a, const struct jv *b)
{
    struct jv_iter iter = {0};

    if (jv_size(a) != jv_size(b))
        return false;
    while (jv_next(a, &iter)) {
        if (!jv_equal(iter.value, jv_get(b, iter.key)))
            return false;
    }
    return true;
}

static bool equal_items(const struct jv *a, const struct jv *b)
{
    size_t count = jv_size(a);
    bool same = count == jv_size(b);

    for (size_t i = 0; same && i < count; i++)
        same = jv_equal(jv_at(a, i), jv_at(b, i));
    return same;
}

bool jv_equal(const struct jv *a, const struct jv *b)
{
    size_t len_a, len_b;
    const char *text_a, *text_b;

    if (a == NULL || b == NULL || jv_type(a) != jv_type(b))
        return false;
    if (a == b)
        return true;
    switch (jv_type(a)) {
    case JV_NULL:
        return true;
    case JV_BOOL:
        return jv_bool_value(a) == jv_bool_value(b);
    case JV_INT:
        return jv_int_value(a) == jv_int_value(b);
    case JV_REAL:
        return jv_real_value(a) == jv_real_value(b);
    case JV_STRING:
        text_a = jv_strn(a, &len_a);
        text_b = jv_strn(b, &len_b);
        return len_a == len_b && memcmp(text_a, text_b, len_a) == 0;
    case JV_ARRAY:
        return equal_items(a, b);
    case JV_OBJECT:
        return equal_members(a, b);
    }
    return false;
}
