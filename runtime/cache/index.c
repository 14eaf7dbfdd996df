#include "cache/index.h"

#include <stdlib.h>
#include <string.h>

enum { CHUNK_CAP_MIN = 8 };

void index_init(struct index *index,
                int (*compare)(const struct store_item *a, const struct store_item *b))
{
    memset(index, 0, sizeof(*index));
    index->compare = compare;
}

void index_deinit(struct index *index)
{
    for (size_t i = 0; i < index->chunk_count; i++)
        free(index->chunks[i].items);
    free(index->chunks);
    memset(index, 0, sizeof(*index));
}

/* The last chunk whose first item is not greater than the probe, else the first. */
static size_t chunk_for(const struct index *index, const struct store_item *probe)
{
    size_t low = 0, high = index->chunk_count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (index->compare(index->chunks[middle].items[0], probe) <= 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low > 0 ? low - 1 : 0;
}

struct index_place index_seek(const struct index *index, const struct store_item *probe)
{
    struct index_place place = {0, 0};
    const struct index_chunk *chunk;
    unsigned low = 0, high;

    if (probe == NULL || index->chunk_count == 0)
        return place;
    place.chunk = chunk_for(index, probe);
    chunk = &index->chunks[place.chunk];
    high = chunk->count;
    while (low < high) {
        unsigned middle = low + (high - low) / 2;

        if (index->compare(chunk->items[middle], probe) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    place.at = low;
    return place;
}

struct store_item *index_next(const struct index *index, struct index_place *place)
{
    while (place->chunk < index->chunk_count) {
        const struct index_chunk *chunk = &index->chunks[place->chunk];

        if (place->at < chunk->count)
            return chunk->items[place->at++];
        place->chunk++;
        place->at = 0;
    }
    return NULL;
}

struct store_item *index_get(const struct index *index, const struct store_item *probe)
{
    struct index_place place = index_seek(index, probe);
    struct store_item *item = index_next(index, &place);

    return item != NULL && index->compare(item, probe) == 0 ? item : NULL;
}

static void chunk_room(struct index_chunk *chunk)
{
    if (chunk->count < chunk->cap)
        return;
    chunk->cap = chunk->cap == 0 ? CHUNK_CAP_MIN : chunk->cap * 2;
    chunk->items = mem_grow(chunk->items, chunk->cap * sizeof(chunk->items[0]));
}

static struct index_chunk *chunk_add(struct index *index, size_t at)
{
    if (index->chunk_count == index->chunk_cap) {
        index->chunk_cap = index->chunk_cap == 0 ? 4 : index->chunk_cap * 2;
        index->chunks = mem_grow(index->chunks, index->chunk_cap * sizeof(index->chunks[0]));
    }
    memmove(index->chunks + at + 1, index->chunks + at,
            (index->chunk_count - at) * sizeof(index->chunks[0]));
    memset(index->chunks + at, 0, sizeof(index->chunks[0]));
    index->chunk_count++;
    return &index->chunks[at];
}

/* Makes two of a full chunk. A list arrives in order: then the new item begins the next chunk. */
static void split(struct index *index, struct index_place *place)
{
    unsigned keep = place->at == INDEX_CHUNK ? INDEX_CHUNK : INDEX_CHUNK / 2;
    struct index_chunk *next = chunk_add(index, place->chunk + 1);
    struct index_chunk *chunk = &index->chunks[place->chunk];

    next->cap = chunk->count - keep > CHUNK_CAP_MIN ? chunk->count - keep : CHUNK_CAP_MIN;
    next->items = mem_alloc(next->cap * sizeof(next->items[0]));
    next->count = chunk->count - keep;
    memcpy(next->items, chunk->items + keep, next->count * sizeof(chunk->items[0]));
    chunk->count = keep;
    if (place->at >= keep) {
        place->chunk++;
        place->at -= keep;
    }
}

void index_insert(struct index *index, struct store_item *item)
{
    struct index_place place = index_seek(index, item);
    struct index_chunk *chunk;

    if (index->chunk_count == 0)
        chunk_add(index, 0);
    chunk = &index->chunks[place.chunk];
    if (place.at < chunk->count && index->compare(chunk->items[place.at], item) == 0) {
        chunk->items[place.at] = item;
        return;
    }
    if (chunk->count == INDEX_CHUNK) {
        split(index, &place);
        chunk = &index->chunks[place.chunk];
    }
    chunk_room(chunk);
    memmove(chunk->items + place.at + 1, chunk->items + place.at,
            (chunk->count - place.at) * sizeof(chunk->items[0]));
    chunk->items[place.at] = item;
    chunk->count++;
    index->count++;
}

void index_remove(struct index *index, const struct store_item *probe)
{
    struct index_place place = index_seek(index, probe);
    struct index_chunk *chunk;

    if (index->chunk_count == 0)
        return;
    chunk = &index->chunks[place.chunk];
    if (place.at >= chunk->count || index->compare(chunk->items[place.at], probe) != 0)
        return;
    chunk->count--;
    memmove(chunk->items + place.at, chunk->items + place.at + 1,
            (chunk->count - place.at) * sizeof(chunk->items[0]));
    index->count--;
    if (chunk->count > 0)
        return;
    free(chunk->items);
    index->chunk_count--;
    memmove(index->chunks + place.chunk, index->chunks + place.chunk + 1,
            (index->chunk_count - place.chunk) * sizeof(index->chunks[0]));
}
