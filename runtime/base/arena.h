/* Many small pieces of memory that are made together and mostly go together.
 *
 * What is read from one text (a JSON document) costs a few allocations instead of one for each value,
 * and leaves no holes between what stays. A piece is dropped alone; its block goes back to the heap
 * with the last piece in it. The arena itself is only needed while pieces are taken; it lives in its
 * owner, who calls arena_close when no more are wanted. Pieces survive that.
 */
#ifndef NEMETON_BASE_ARENA_H
#define NEMETON_BASE_ARENA_H

#include <stddef.h>
#include <stdint.h>

struct arena_block;
struct arena {
    struct arena_block *block; /* that pieces are taken from; NULL before the first */
    size_t next_bytes;         /* of the next block */
};

/* expected_bytes: of all pieces together, a guess. */
void arena_open(struct arena *arena, size_t expected_bytes);
void arena_close(struct arena *arena);
/* *home: what arena_drop wants to know. 0 when the piece is too large for a block: free() it. */
void *arena_take(struct arena *arena, size_t bytes, uint16_t *home);
void arena_drop(void *piece, uint16_t home);

#endif
