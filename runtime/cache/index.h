/* Pointers to items in a sorted order: the store's indexes.
 *
 * Chunks of at most INDEX_CHUNK pointers, so that a change in tens of thousands moves a few
 * kilobytes and a scan is a walk over arrays. An index refers to items and does not own them. The
 * order comes from a comparison, equal items are the same item.
 */
#ifndef NEMETON_CACHE_INDEX_H
#define NEMETON_CACHE_INDEX_H

#include "cache/store.h"

enum { INDEX_CHUNK = 512 };

struct index_chunk {
    unsigned count, cap;
    struct store_item **items;
};
struct index {
    int (*compare)(const struct store_item *a, const struct store_item *b);
    struct index_chunk *chunks; /* none is empty */
    size_t chunk_count, chunk_cap, count;
};
struct index_place {
    size_t chunk;
    unsigned at;
};

void index_init(struct index *index,
                int (*compare)(const struct store_item *a, const struct store_item *b));
void index_deinit(struct index *index);
/* The item that compares equal to the probe, or NULL. */
struct store_item *index_get(const struct index *index, const struct store_item *probe);
void index_insert(struct index *index, struct store_item *item); /* replaces an equal one */
void index_remove(struct index *index, const struct store_item *probe);
/* Walking: from the first item that is not less than the probe (NULL: the first of all). */
struct index_place index_seek(const struct index *index, const struct store_item *probe);
struct store_item *index_next(const struct index *index, struct index_place *place);

#endif
