#include "base/map.h"

#include "base/buf.h"

#include <stdlib.h>
#include <string.h>

/* Entries stand in an array in the order of insertion; a table of indexes into it, open addressing
 * with linear probing, finds them. A removed entry stays as a gap until the array is full. */

enum { MAP_SLOTS_MIN = 8, MAP_SLOTS_KEPT = 256 };

struct map_entry {
    char *key; /* NULL: a gap */
    void *value;
    uint64_t hash;
};

struct map {
    uint64_t seed;
    void (*value_free)(void *value);
    struct map_entry *entries;
    size_t used;       /* entries including gaps */
    size_t count;      /* without gaps */
    uint32_t *slots;   /* index + 1; 0 = never used */
    size_t slot_count; /* a power of two; at most half of them point at entries */
};

static uint64_t rotate(uint64_t x, unsigned bits)
{
    return (x << bits) | (x >> (64 - bits));
}

static void sip_round(uint64_t v[4])
{
    v[0] += v[1];
    v[1] = rotate(v[1], 13) ^ v[0];
    v[0] = rotate(v[0], 32);
    v[2] += v[3];
    v[3] = rotate(v[3], 16) ^ v[2];
    v[0] += v[3];
    v[3] = rotate(v[3], 21) ^ v[0];
    v[2] += v[1];
    v[1] = rotate(v[1], 17) ^ v[2];
    v[2] = rotate(v[2], 32);
}

/* SipHash-1-3: keys come from whoever can create an object, so they may be chosen to collide. */
uint64_t map_hash(uint64_t seed, const char *key, size_t len)
{
    uint64_t k1 = seed ^ 0x9E3779B97F4A7C15ULL;
    uint64_t v[4] = {seed ^ 0x736F6D6570736575ULL, k1 ^ 0x646F72616E646F6DULL,
                     seed ^ 0x6C7967656E657261ULL, k1 ^ 0x7465646279746573ULL};
    uint64_t last = (uint64_t)len << 56, word;
    size_t i;

    for (i = 0; i + 8 <= len; i += 8) {
        memcpy(&word, key + i, 8);
        v[3] ^= word;
        sip_round(v);
        v[0] ^= word;
    }
    for (size_t shift = 0; i < len; i++, shift += 8)
        last |= (uint64_t)(unsigned char)key[i] << shift;
    v[3] ^= last;
    sip_round(v);
    v[0] ^= last;
    v[2] ^= 0xFF;
    for (int round = 0; round < 3; round++)
        sip_round(v);
    return v[0] ^ v[1] ^ v[2] ^ v[3];
}

static struct map_entry *find(const struct map *map, const char *key)
{
    uint64_t hash;

    if (map->count == 0)
        return NULL;
    hash = map_hash(map->seed, key, strlen(key));
    for (size_t i = hash & (map->slot_count - 1); map->slots[i] != 0;
         i = (i + 1) & (map->slot_count - 1)) {
        struct map_entry *entry = &map->entries[map->slots[i] - 1];
        if (entry->key != NULL && entry->hash == hash && strcmp(entry->key, key) == 0)
            return entry;
    }
    return NULL;
}

static void link_entry(struct map *map, size_t index)
{
    size_t i = map->entries[index].hash & (map->slot_count - 1);

    while (map->slots[i] != 0)
        i = (i + 1) & (map->slot_count - 1);
    map->slots[i] = (uint32_t)index + 1;
}

/* Closes the gaps and makes the table fit what is left and as much again. */
static void rebuild(struct map *map)
{
    size_t slots = MAP_SLOTS_MIN, kept = 0;

    while (slots < (map->count + 1) * 3)
        slots *= 2;
    for (size_t i = 0; i < map->used; i++)
        if (map->entries[i].key != NULL)
            map->entries[kept++] = map->entries[i];
    map->used = kept;
    if (slots != map->slot_count) {
        map->slot_count = slots;
        map->entries = mem_grow(map->entries, slots / 2 * sizeof(*map->entries));
        map->slots = mem_grow(map->slots, slots * sizeof(*map->slots));
    }
    memset(map->slots, 0, slots * sizeof(*map->slots));
    for (size_t i = 0; i < map->used; i++)
        link_entry(map, i);
}

/* Without entries the gaps can go at once: a map used as a set of what is under way stays small. */
static void forget_gaps(struct map *map)
{
    map->used = 0;
    if (map->slot_count > MAP_SLOTS_KEPT) {
        free(map->entries);
        free(map->slots);
        map->entries = NULL;
        map->slots = NULL;
        map->slot_count = 0;
    } else {
        memset(map->slots, 0, map->slot_count * sizeof(*map->slots));
    }
}

struct map *map_new(uint64_t seed, void (*value_free)(void *value))
{
    struct map *map = mem_alloc(sizeof(*map));

    map->seed = seed;
    map->value_free = value_free;
    return map;
}

void map_free(struct map *map)
{
    if (map == NULL)
        return;
    map_clear(map);
    free(map->entries);
    free(map->slots);
    free(map);
}

size_t map_count(const struct map *map)
{
    return map->count;
}

void *map_get(const struct map *map, const char *key)
{
    struct map_entry *entry = find(map, key);

    return entry != NULL ? entry->value : NULL;
}

void map_put(struct map *map, const char *key, void *value)
{
    struct map_entry *entry = find(map, key);
    size_t len;

    if (entry != NULL) {
        void *old = entry->value;
        entry->value = value;
        if (old != value && map->value_free != NULL)
            map->value_free(old);
        return;
    }
    if (map->used >= map->slot_count / 2)
        rebuild(map);
    len = strlen(key);
    entry = &map->entries[map->used];
    entry->key = mem_strn(key, len);
    entry->value = value;
    entry->hash = map_hash(map->seed, key, len);
    link_entry(map, map->used);
    map->used++;
    map->count++;
}

void *map_take(struct map *map, const char *key)
{
    struct map_entry *entry = find(map, key);
    void *value;

    if (entry == NULL)
        return NULL;
    value = entry->value;
    free(entry->key); /* key may be the lent one: not used below */
    entry->key = NULL;
    entry->value = NULL;
    map->count--;
    if (map->count == 0)
        forget_gaps(map);
    return value;
}

void map_remove(struct map *map, const char *key)
{
    void *value = map_take(map, key);

    if (value != NULL && map->value_free != NULL)
        map->value_free(value);
}

void map_clear(struct map *map)
{
    struct map_entry *entries = map->entries;
    size_t used = map->used;

    /* Detached first, so that a free function that looks at the map sees it empty. */
    map->entries = NULL;
    map->used = 0;
    map->count = 0;
    free(map->slots);
    map->slots = NULL;
    map->slot_count = 0;
    for (size_t i = 0; i < used; i++) {
        if (entries[i].key == NULL)
            continue;
        free(entries[i].key);
        if (entries[i].value != NULL && map->value_free != NULL)
            map->value_free(entries[i].value);
    }
    free(entries);
}

int map_next(const struct map *map, struct map_iter *iter)
{
    while (iter->index < map->used) {
        const struct map_entry *entry = &map->entries[iter->index++];
        if (entry->key == NULL)
            continue;
        iter->key = entry->key;
        iter->value = entry->value;
        return 1;
    }
    return 0;
}
