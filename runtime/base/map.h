/* A hash map from strings to pointers that iterates in insertion order.
 *
 * Keys are copied; values belong to the caller unless a free function is given. The order of
 * iteration never depends on the hash, so that simulated runs are reproducible; the seed (from the
 * random door) only defends against chosen keys. map_remove during map_next over the same map is
 * allowed for the entry just returned.
 */
#ifndef NEMETON_BASE_MAP_H
#define NEMETON_BASE_MAP_H

#include <stddef.h>
#include <stdint.h>

struct map;
struct map *map_new(uint64_t seed, void (*value_free)(void *value));
void map_free(struct map *map); /* NULL is fine; frees values when a free function was given */
size_t map_count(const struct map *map);
void *map_get(const struct map *map, const char *key);       /* NULL when absent */
void map_put(struct map *map, const char *key, void *value); /* frees a replaced value */
void *map_take(struct map *map, const char *key);            /* removes without freeing */
void map_remove(struct map *map, const char *key);
void map_clear(struct map *map);

struct map_iter {
    size_t index; /* start with 0 */
    const char *key;
    void *value;
};
int map_next(const struct map *map, struct map_iter *iter); /* 1 and fills iter, or 0 at the end */

/* The hash of the keys, for other tables: who does not know the seed cannot make keys collide. */
uint64_t map_hash(uint64_t seed, const char *key, size_t len);

#endif
