/* What a JSON value is made of. Internal to the JSON module. */
#ifndef NEMETON_BASE_JSON_VALUE_H
#define NEMETON_BASE_JSON_VALUE_H

#include "base/json_object.h"

enum { JSON_REFS_FOREVER = UINT32_MAX }; /* of the three words, which are never freed */

struct jv { /* what all values begin with */
    uint32_t refs;
    uint8_t type; /* enum jv_type */
    bool truth;
    uint16_t home; /* in an arena; 0 for a value that was allocated alone */
};
struct string {
    struct jv head;
    size_t len;
    char text[];
};
struct number {
    struct jv head;
    union {
        int64_t integer;
        double real;
    } is;
};
struct array {
    struct jv head;
    uint32_t count, cap;
    struct jv **items;
    uint16_t home; /* of the items in an arena */
};
struct object {
    struct jv head;
    struct members members;
};

static inline enum jv_type type_of(const struct jv *value)
{
    return (enum jv_type)value->type;
}

static inline struct members *members_of(const struct jv *value)
{
    if (value == NULL || value->type != JV_OBJECT)
        return NULL;
    return &((struct object *)(uintptr_t)value)->members;
}

static inline struct array *array_of(const struct jv *value)
{
    return value != NULL && value->type == JV_ARRAY ? (struct array *)(uintptr_t)value : NULL;
}

/* The words are constants; nobody writes to them. */
static inline struct jv *word(const struct jv *value)
{
    return (struct jv *)(uintptr_t)value;
}

#endif
