/* Pieces outlive their arena, blocks go with their last piece (the leak checker looks), and parsed
 * values, which live in such blocks, can be changed like others. */
#include "unit/base_support.h"

#include "base/arena.h"
#include "base/json.h"

#include <stdio.h>
#include <string.h>

enum { PIECES = 5000 };

static void pieces_keep_what_was_written_after_the_arena_is_closed(void **state)
{
    (void)state;
    struct arena arena;
    static unsigned char *pieces[PIECES];
    static uint16_t homes[PIECES];

    arena_open(&arena, 1000);
    for (size_t i = 0; i < PIECES; i++) {
        pieces[i] = arena_take(&arena, i % 97 + 1, &homes[i]);
        assert_int_equal((uintptr_t)pieces[i] % 8, 0);
        memset(pieces[i], (int)(i % 251), i % 97 + 1);
    }
    arena_close(&arena);
    for (size_t i = 0; i < PIECES; i++) {
        for (size_t k = 0; k <= i % 97; k++)
            assert_int_equal(pieces[i][k], i % 251);
    }
    for (size_t i = 0; i < PIECES; i++)
        arena_drop(pieces[(i * 7) % PIECES], homes[(i * 7) % PIECES]);
}

static void a_large_piece_is_allocated_alone(void **state)
{
    (void)state;
    struct arena arena;
    uint16_t home = 1;

    arena_open(&arena, 10);
    void *piece = arena_take(&arena, 100000, &home);
    assert_int_equal(home, 0);
    memset(piece, 1, 100000);
    arena_close(&arena);
    arena_drop(piece, home);
}

static void an_arena_that_was_never_used_leaves_nothing(void **state)
{
    (void)state;
    struct arena arena;

    arena_open(&arena, 100);
    arena_close(&arena);
    arena_drop(NULL, 0);
}

static struct jv *parsed(const char *text)
{
    struct err err = {0};
    struct jv *value = NULL;

    assert_int_equal(jv_parse(text, strlen(text), &value, &err), 0);
    return value;
}

static void a_parsed_object_grows_and_shrinks(void **state)
{
    (void)state;
    struct jv *value = parsed("{\"a\":true,\"b\\n\":null,\"c\":{\"d\":[1,2]}}");
    char key[16];

    for (int i = 0; i < 40; i++) {
        snprintf(key, sizeof key, "k%d", i);
        jv_set_int(value, key, i);
    }
    jv_set_str(value, "a", "other");
    jv_remove(value, "b\n");
    for (int i = 0; i < 9; i++)
        jv_append(jv_path(value, "c", "d", NULL), jv_int(i));
    assert_int_equal(jv_size(value), 42);
    assert_int_equal(jv_size(jv_path(value, "c", "d", NULL)), 11);
    assert_string_equal(jv_path_str(value, "a", NULL), "other");
    assert_int_equal(jv_int_value(jv_get(value, "k39")), 39);
    assert_null(jv_get(value, "b\n"));
    jv_unref(value);
}

static void a_part_outlives_the_whole(void **state)
{
    (void)state;
    struct jv *value = parsed("{\"a\":{\"b\":[\"x\",{\"yes\":true}]},\"c\":\"d\"}");
    struct jv *part = jv_ref(jv_path(value, "a", "b", NULL));
    struct jv *copy = jv_dup(value);

    jv_unref(value);
    assert_string_equal(jv_str(jv_at(part, 0)), "x");
    assert_true(jv_bool_value(jv_get(jv_at(part, 1), "yes")));
    jv_unref(part);
    assert_string_equal(jv_path_str(copy, "c", NULL), "d");
    jv_unref(copy);
}

static void a_key_that_is_there_twice_is_found_among_few_and_many(void **state)
{
    (void)state;
    struct err err = {0};
    struct jv *value = NULL;
    struct buf text;

    for (int n = 2; n < 60; n += 19) {
        buf_init(&text, 4096);
        buf_add_char(&text, '{');
        for (int i = 0; i < n; i++)
            buf_printf(&text, "\"k%d\":%d,", i == n - 1 ? 0 : i, i);
        text.data[text.len - 1] = '}';
        assert_int_equal(jv_parse(text.data, text.len, &value, &err), -1);
        assert_non_null(strstr(err.text, "duplicate key"));
        buf_deinit(&text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pieces_keep_what_was_written_after_the_arena_is_closed),
        cmocka_unit_test(a_large_piece_is_allocated_alone),
        cmocka_unit_test(an_arena_that_was_never_used_leaves_nothing),
        cmocka_unit_test(a_parsed_object_grows_and_shrinks),
        cmocka_unit_test(a_part_outlives_the_whole),
        cmocka_unit_test(a_key_that_is_there_twice_is_found_among_few_and_many),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
