/* Small pieces of memory that live apart from the rest of the heap, in pages of pieces of one size.
 *
 * For what comes and goes by the hundred thousand (the values of a Lua state), and for what stays
 * for hours among what does not (the cache): a page that is empty again goes back to the system,
 * which no page of a common heap does while one small thing in it lives on. Pieces above
 * SLAB_PIECE_MAX come from the heap. Whoever drops a piece says its size. The slab is counted: its
 * maker has one reference and gives it back; pieces do not count, they must all be dropped before.
 * Under the address sanitizer every piece comes from the heap, so that it sees each of them.
 */
#ifndef NEMETON_BASE_SLAB_H
#define NEMETON_BASE_SLAB_H

#include <stdbool.h>
#include <stddef.h>

enum { SLAB_PIECE_MAX = 1024 };

struct slab;
struct slab *slab_new(void);
/* pages: false takes every piece from the heap. For tests; slab_new knows what is right. */
struct slab *slab_new_as(bool pages);
struct slab *slab_ref(struct slab *slab);
void slab_unref(struct slab *slab); /* NULL is fine */

/* Not zeroed, 16-aligned, never NULL: an exhausted heap ends the process, as in base/buf.h. */
void *slab_take(struct slab *slab, size_t bytes);
/* NULL is fine. bytes: as it was taken. */
void slab_drop(struct slab *slab, void *piece, size_t bytes);
/* As realloc, with the former size said; piece may be NULL. */
void *slab_resize(struct slab *slab, void *piece, size_t bytes, size_t bytes_new);
/* Gives empty pages back to the system; microseconds a page. */
void slab_trim(struct slab *slab);
/* Of the pages that the system has given memory for; without what is in the heap. */
size_t slab_bytes(const struct slab *slab);

#endif
