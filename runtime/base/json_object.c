#include "base/json_object.h"

#include "base/map.h"

#include <stdlib.h>
#include <string.h>

enum { CAP_MIN = 4, UNINDEXED_MAX = 16 };

static uint32_t slot_of(const struct members *members, const char *key, size_t len)
{
    /* Where the object lies in memory is known to nobody outside: a seed that costs nothing. */
    return (uint32_t)map_hash((uint64_t)(uintptr_t)members, key, len) & (members->index_cap - 1);
}

static void note(struct members *members, uint32_t position)
{
    const struct member *member = &members->list[position];
    uint32_t slot = slot_of(members, member->key, member->key_len);

    while (members->index[slot] != 0)
        slot = (slot + 1) & (members->index_cap - 1);
    members->index[slot] = position + 1;
}

/* A table with at least twice as many slots as there is room for members: it never fills up, as each
 * place in the list is noted once until the list is closed up. */
static void reindex(struct members *members)
{
    free(members->index);
    members->index = NULL;
    members->index_cap = CAP_MIN * 2;
    while (members->index_cap < members->cap * 2)
        members->index_cap *= 2;
    if (members->used < UNINDEXED_MAX)
        return;
    members->index = mem_alloc(members->index_cap * sizeof(*members->index));
    for (uint32_t i = 0; i < members->used; i++) {
        if (members->list[i].key != NULL)
            note(members, i);
    }
}

static void close_gaps(struct members *members)
{
    uint32_t to = 0;

    for (uint32_t i = 0; i < members->used; i++) {
        if (members->list[i].key != NULL)
            members->list[to++] = members->list[i];
    }
    members->used = to;
}

/* Capacities are powers of two, which the index counts on. */
static void grow(struct members *members)
{
    struct member *list = members->home != 0 ? NULL : members->list;
    uint32_t cap = CAP_MIN;

    while (cap <= members->cap)
        cap *= 2;
    list = mem_grow(list, cap * sizeof(*list));
    if (members->home != 0) {
        memcpy(list, members->list, members->used * sizeof(*list));
        arena_drop(members->list, members->home);
        members->home = 0;
    }
    members->list = list;
    members->cap = cap;
}

/* Room for one more. */
static void make_room(struct members *members)
{
    if (members->used < members->cap)
        return;
    if (members->used - members->count > members->used / 4) {
        close_gaps(members);
    } else {
        grow(members);
    }
    reindex(members);
}

static bool is_key(const struct member *member, const char *key, size_t len)
{
    return member->key_len == len && member->key != NULL && memcmp(member->key, key, len) == 0;
}

struct member *members_find(const struct members *members, const char *key, size_t len)
{
    if (members->index == NULL) {
        for (uint32_t i = 0; i < members->used; i++) {
            if (is_key(&members->list[i], key, len))
                return &members->list[i];
        }
        return NULL;
    }
    for (uint32_t slot = slot_of(members, key, len); members->index[slot] != 0;
         slot = (slot + 1) & (members->index_cap - 1)) {
        struct member *member = &members->list[members->index[slot] - 1];

        if (is_key(member, key, len))
            return member;
    }
    return NULL;
}

void members_add(struct members *members, const struct json_key *key, struct jv *take)
{
    make_room(members);
    members->list[members->used] =
        (struct member){.key = key->beside ? key->text : mem_strn(key->text, key->len),
                        .value = take,
                        .key_len = (uint32_t)key->len,
                        .own_key = !key->beside};
    members->used++;
    members->count++;
    if (members->index != NULL)
        note(members, members->used - 1);
    else if (members->used == UNINDEXED_MAX)
        reindex(members);
}

/* A handful is compared with each other; more meet in the table of indexes. */
static bool is_unique(const struct members *members, uint32_t position)
{
    const struct member *member = &members->list[position];

    if (members->index != NULL)
        return members_find(members, member->key, member->key_len) == member;
    for (uint32_t i = 0; i < position; i++) {
        if (is_key(&members->list[i], member->key, member->key_len))
            return false;
    }
    return true;
}

bool members_fill(struct members *members, const struct member *list, size_t count,
                  struct arena *arena)
{
    if (count == 0)
        return true;
    members->list = arena_take(arena, count * sizeof(*list), &members->home);
    memcpy(members->list, list, count * sizeof(*list));
    members->used = members->count = members->cap = (uint32_t)count;
    reindex(members);
    for (uint32_t i = 0; i < count; i++) {
        if (!is_unique(members, i))
            return false;
    }
    return true;
}

void members_replace(struct member *member, struct jv *take)
{
    if (!member->own_key)
        member->key = mem_strn(member->key, member->key_len);
    member->own_key = true;
    jv_unref(member->value);
    member->value = take;
}

void member_release(struct member *member)
{
    if (member->own_key)
        arena_drop((char *)(uintptr_t)member->key, member->key_home);
    jv_unref(member->value);
}

void members_remove(struct members *members, struct member *member)
{
    member_release(member);
    *member = (struct member){0};
    members->count--;
}

void members_deinit(struct members *members)
{
    for (uint32_t i = 0; i < members->used; i++) {
        if (members->list[i].key != NULL)
            member_release(&members->list[i]);
    }
    arena_drop(members->list, members->home);
    free(members->index);
}
