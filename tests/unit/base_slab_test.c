/* Pieces of memory in pages of their own: what is taken is there until it is dropped. */
#include "base_support.h"

#include "base/slab.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { PIECES = 20000, STEPS = 200000, BYTES_MAX = SLAB_PIECE_MAX + 200 };

struct held {
    unsigned char *piece;
    size_t bytes;
};

static void fill(struct held *held, size_t from)
{
    memset(held->piece + from, (int)(held->bytes % 251), held->bytes - from);
}

static void check(const struct held *held, size_t bytes, size_t filled_as)
{
    for (size_t i = 0; i < bytes; i++) {
        if (held->piece[i] != filled_as % 251)
            fail_msg("byte %zu of a piece of %zu is %u", i, held->bytes, held->piece[i]);
    }
}

static uint32_t next(uint32_t *seed)
{
    *seed = *seed * 1664525 + 1013904223;
    return *seed >> 8;
}

static void play(struct slab *slab)
{
    static struct held held[PIECES];
    uint32_t seed = 1;
    memset(held, 0, sizeof(held));
    for (size_t step = 0; step < STEPS; step++) {
        struct held *one = &held[next(&seed) % PIECES];
        size_t bytes = next(&seed) % (next(&seed) % 4 == 0 ? BYTES_MAX : 100) + 1;
        if (one->piece == NULL) {
            *one = (struct held){slab_take(slab, bytes), bytes};
            assert_int_equal((uintptr_t)one->piece % 16, 0);
            fill(one, 0);
        } else if (next(&seed) % 2 == 0) {
            size_t former = one->bytes;
            one->piece = slab_resize(slab, one->piece, former, bytes);
            one->bytes = bytes;
            check(one, former < bytes ? former : bytes, former);
            fill(one, 0);
        } else {
            check(one, one->bytes, one->bytes);
            slab_drop(slab, one->piece, one->bytes);
            one->piece = NULL;
        }
        if (step % 20000 == 0)
            slab_trim(slab);
    }
    for (size_t i = 0; i < PIECES; i++) {
        if (held[i].piece != NULL) {
            check(&held[i], held[i].bytes, held[i].bytes);
            slab_drop(slab, held[i].piece, held[i].bytes);
        }
    }
}

static void pieces_keep_what_is_written_while_others_come_and_go(void **state)
{
    (void)state;
    for (int pages = 0; pages < 2; pages++) {
        struct slab *slab = slab_new_as(pages != 0);
        play(slab);
        slab_trim(slab);
        play(slab); /* from pages that the system took back */
        slab_unref(slab);
    }
}

static void what_is_dropped_is_used_again_before_more_is_asked_for(void **state)
{
    (void)state;
    struct slab *slab = slab_new_as(true);
    void *kept = slab_take(slab, 48), *first = slab_take(slab, 48);
    slab_drop(slab, first, 48);
    assert_ptr_equal(slab_take(slab, 40), first);
    assert_ptr_not_equal(slab_take(slab, 300), first);
    assert_ptr_equal(slab_resize(slab, first, 40, 48), first);
    slab_drop(slab, first, 48);
    slab_drop(slab, kept, 48);
    slab_drop(slab, NULL, 48);
    slab_unref(slab);
}

static void trimming_gives_back_all_pages_without_a_piece(void **state)
{
    (void)state;
    enum { COUNT = 4000, BYTES = 500 };
    static void *pieces[COUNT];
    struct slab *slab = slab_new_as(true);
    for (size_t i = 0; i < COUNT; i++)
        memset(pieces[i] = slab_take(slab, BYTES), 1, BYTES);
    for (size_t i = 1; i < COUNT; i++)
        slab_drop(slab, pieces[i], BYTES);
    size_t before = slab_bytes(slab);
    assert_true(before > (size_t)COUNT * BYTES);
    slab_trim(slab);
    assert_int_equal(slab_bytes(slab), 8192); /* the page that the first piece is in */
    slab_drop(slab, pieces[0], BYTES);
    slab_trim(slab);
    assert_int_equal(slab_bytes(slab), 0);
    slab_unref(slab);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pieces_keep_what_is_written_while_others_come_and_go),
        cmocka_unit_test(what_is_dropped_is_used_again_before_more_is_asked_for),
        cmocka_unit_test(trimming_gives_back_all_pages_without_a_piece),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
