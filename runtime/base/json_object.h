/* The members of a JSON object, in their own order, found by key.
 *
 * Internal to the JSON module. A handful is searched one by one; beyond that a table of indexes is
 * kept, with hashes that cannot be foreseen. A removed member leaves a gap until there is no room.
 */
#ifndef NEMETON_BASE_JSON_OBJECT_H
#define NEMETON_BASE_JSON_OBJECT_H

#include "base/json_internal.h"

struct member {
    const char *key; /* NULL: a gap */
    struct jv *value;
    uint32_t key_len;
    bool own_key; /* allocated for this member; otherwise it stands behind the value */
};

struct members {
    struct member *list;
    uint32_t *index; /* position + 1; 0 = never used */
    uint32_t used, cap, count, index_cap;
};

struct member *members_find(const struct members *members, const char *key, size_t len);
/* The key must not be there. Takes over the value. */
void members_add(struct members *members, const struct json_key *key, struct jv *take);
void members_replace(struct member *member, struct jv *take);
void members_remove(struct members *members, struct member *member);
void members_deinit(struct members *members);

#endif
