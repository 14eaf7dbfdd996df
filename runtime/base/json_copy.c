#include "base/json_value.h"

static struct jv *dup_into(const struct jv *value, struct json_key *key);

static struct jv *dup_object(const struct jv *value, struct json_key *key)
{
    const struct members *from = members_of(value);
    struct jv *copy = json_make_container(JV_OBJECT, key, NULL);

    for (uint32_t i = 0; i < from->used; i++) {
        const struct member *member = &from->list[i];
        struct json_key its = {member->key, member->key_len, !member->own_key};

        if (member->key != NULL) {
            struct jv *its_value = dup_into(member->value, &its);
            members_add(members_of(copy), &its, its_value);
        }
    }
    return copy;
}

/* Scalars cannot be changed through this interface, so copies share them, and the keys beside. */
static struct jv *dup_into(const struct jv *value, struct json_key *key)
{
    const struct array *array = array_of(value);
    struct jv *copy;

    if (value != NULL && value->type == JV_OBJECT)
        return dup_object(value, key);
    if (array == NULL)
        return jv_ref(word(value));
    copy = json_make_container(JV_ARRAY, key, NULL);
    for (uint32_t i = 0; i < array->count; i++)
        jv_append(copy, dup_into(array->items[i], NULL));
    return copy;
}

struct jv *jv_dup(const struct jv *value)
{
    return dup_into(value, NULL);
}

struct jv *jv_copy(const struct jv *value)
{
    const struct members *members = members_of(value);
    const struct array *array = array_of(value);
    struct jv *copy;

    if (members == NULL && array == NULL)
        return jv_ref(word(value));
    copy = json_make_container(type_of(value), NULL, NULL);
    for (uint32_t i = 0; members != NULL && i < members->used; i++) {
        const struct member *member = &members->list[i];
        struct json_key its = {member->key, member->key_len, !member->own_key};

        if (member->key != NULL)
            members_add(members_of(copy), &its, jv_ref(member->value));
    }
    for (uint32_t i = 0; array != NULL && i < array->count; i++)
        jv_append(copy, jv_ref(array->items[i]));
    return copy;
}
