/* A binary heap of nodes that live in what they order: smallest (key, order) first.
 *
 * A node knows its place, so that it can be taken out or moved from the middle. A node is in one
 * heap at most; a zeroed node is in none.
 */
#ifndef NEMETON_QUEUE_HEAP_H
#define NEMETON_QUEUE_HEAP_H

#include <stddef.h>
#include <stdint.h>

struct heap_node {
    int64_t key;
    uint64_t order; /* breaks ties */
    size_t place;   /* index + 1; 0 = in no heap */
};

struct heap { /* zeroed = empty */
    struct heap_node **nodes;
    size_t count, cap;
};

void heap_deinit(struct heap *heap);                   /* the nodes belong to their owner */
struct heap_node *heap_first(const struct heap *heap); /* NULL when empty */
void heap_add(struct heap *heap, struct heap_node *node);
void heap_remove(struct heap *heap, struct heap_node *node);
void heap_moved(struct heap *heap, struct heap_node *node); /* after its key changed */

#endif
