#include "base/arena.h"

#include "base/buf.h"

#include <stdlib.h>

/* A home is the distance from the block's start in units, which must fit 16 bits. */
enum { UNIT = 8, BLOCK_MIN = 512, BLOCK_MAX = 32768, PIECE_MAX = BLOCK_MAX / 8 };

struct arena_block {
    uint32_t live; /* pieces, and one while the arena takes from it */
    uint32_t used, bytes;
};

static size_t round_up(size_t bytes)
{
    return (bytes + UNIT - 1) & ~(size_t)(UNIT - 1);
}

static void block_release(struct arena_block *block)
{
    if (--block->live == 0)
        free(block);
}

static void block_next(struct arena *arena, size_t bytes)
{
    size_t size = arena->next_bytes;

    if (size < bytes + round_up(sizeof(struct arena_block)))
        size = bytes + round_up(sizeof(struct arena_block));
    arena_close(arena);
    arena->block = mem_grow(NULL, size);
    *arena->block = (struct arena_block){
        .live = 1, .used = (uint32_t)round_up(sizeof(struct arena_block)), .bytes = (uint32_t)size};
}

void arena_open(struct arena *arena, size_t expected_bytes)
{
    size_t bytes = round_up(expected_bytes) + round_up(sizeof(struct arena_block));

    *arena = (struct arena){.next_bytes = bytes < BLOCK_MIN   ? BLOCK_MIN
                                          : bytes > BLOCK_MAX ? BLOCK_MAX
                                                              : bytes};
}

void arena_close(struct arena *arena)
{
    if (arena->block != NULL)
        block_release(arena->block);
    arena->block = NULL;
}

void *arena_take(struct arena *arena, size_t bytes, uint16_t *home)
{
    char *piece;

    bytes = round_up(bytes);
    *home = 0;
    if (bytes > PIECE_MAX)
        return mem_grow(NULL, bytes);
    if (arena->block == NULL || arena->block->bytes - arena->block->used < bytes)
        block_next(arena, bytes);
    piece = (char *)arena->block + arena->block->used;
    *home = (uint16_t)(arena->block->used / UNIT);
    arena->block->used += (uint32_t)bytes;
    arena->block->live++;
    return piece;
}

void arena_drop(void *piece, uint16_t home)
{
    if (home == 0)
        free(piece);
    else
        block_release((struct arena_block *)(void *)((char *)piece - (size_t)home * UNIT));
}
