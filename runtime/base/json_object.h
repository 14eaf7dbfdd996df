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
    bool own_key;      /* allocated for this member; otherwise it stands behind the value */
    uint16_t key_home; /* of its own key in an arena */
};

struct members {
    struct member *list;
    uint32_t *index; /* position + 1; 0 = never used */
    uint32_t used, cap, count, index_cap;
    uint16_t home; /* of the list in an arena */
};

struct member *members_find(const struct members *members, const char *key, size_t len);
/* The key must not be there. Takes over the value. */
void members_add(struct members *members, const struct json_key *key, struct jv *take);
/* Of an empty one: takes over the values in `list`, which is copied. False for a duplicate key. */
bool members_fill(struct members *members, const struct member *list, size_t count,
                  struct arena *arena);
void member_release(struct member *member); /* what it holds; itself it is not freed */
void members_replace(struct member *member, struct jv *take);
void members_remove(struct members *members, struct member *member);
void members_deinit(struct members *members);

#endif
