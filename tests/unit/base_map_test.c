#include "base_support.h"

#include "base/map.h"

#include <stdio.h>
#include <stdlib.h>

static void iterates_in_order_of_insertion_whatever_the_seed(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 20; seed++) {
        struct map *map = map_new(seed, NULL);
        struct map_iter iter = {0};
        char key[32];
        int values[500], n = 0;
        for (int i = 0; i < 500; i++) {
            snprintf(key, sizeof(key), "ns/name-%d", i * 7919 % 500);
            map_put(map, key, &values[i]);
        }
        while (map_next(map, &iter))
            assert_ptr_equal(iter.value, &values[n++]);
        assert_int_equal(n, 500);
        assert_int_equal(map_count(map), 500);
        map_free(map);
    }
}

static void a_replaced_value_keeps_its_place_and_is_freed(void **state)
{
    struct map *map = map_new(1, free);
    struct map_iter iter = {0};
    char *same = mem_str("same");

    (void)state;
    map_put(map, "a", mem_str("1"));
    map_put(map, "b", same);
    map_put(map, "a", mem_str("2"));
    map_put(map, "b", same);
    assert_int_equal(map_next(map, &iter), 1);
    assert_string_equal(iter.key, "a");
    assert_string_equal(iter.value, "2");
    map_free(map);
    map_free(NULL);
}

static void entries_may_go_while_they_are_visited(void **state)
{
    struct map *map = map_new(1, free);
    struct map_iter iter = {0};
    char key[32];
    int seen = 0;

    (void)state;
    for (int i = 0; i < 1000; i++) {
        snprintf(key, sizeof(key), "%d", i);
        map_put(map, key, mem_str(key));
    }
    while (map_next(map, &iter)) {
        assert_string_equal(iter.key, (char *)iter.value);
        seen++;
        map_remove(map, iter.key);
    }
    assert_int_equal(seen, 1000);
    assert_int_equal(map_count(map), 0);
    map_put(map, "again", mem_str("x"));
    assert_string_equal(map_get(map, "again"), "x");
    map_free(map);
}

/* Every operation against a plain array; gaps, growth and shrinking all happen on the way. */
static void behaves_like_a_list_of_pairs(void **state)
{
    enum { KEYS = 300 };
    uint64_t random = 5;
    struct map *map = map_new(9, NULL);
    intptr_t model[KEYS] = {0};
    size_t count = 0;
    char key[32];

    (void)state;
    for (int step = 0; step < 60000; step++) {
        size_t i = gen_below(&random, KEYS);
        /* Phases that mostly add and phases that mostly remove. */
        bool add = gen_below(&random, 10) < (step / 5000 % 2 ? 2 : 8);
        snprintf(key, sizeof(key), "key-%zu", i);
        if (add) {
            count += model[i] == 0;
            model[i] = step + 1;
            map_put(map, key, (void *)model[i]);
        } else {
            count -= model[i] != 0;
            assert_ptr_equal(map_take(map, key), (void *)model[i]);
            model[i] = 0;
        }
        assert_int_equal(map_count(map), count);
        i = gen_below(&random, KEYS);
        snprintf(key, sizeof(key), "key-%zu", i);
        assert_ptr_equal(map_get(map, key), (void *)model[i]);
    }
    map_clear(map);
    assert_null(map_get(map, "key-1"));
    map_free(map);
}

static void works_as_a_queue_without_growing(void **state)
{
    struct map *map = map_new(3, NULL);
    char key[32];
    int value;

    (void)state;
    for (int i = 0; i < 100000; i++) {
        struct map_iter iter = {0};
        snprintf(key, sizeof(key), "%d", i);
        map_put(map, key, &value);
        if (map_count(map) > 10 && map_next(map, &iter))
            map_remove(map, iter.key);
    }
    assert_int_equal(map_count(map), 10);
    map_free(map);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(iterates_in_order_of_insertion_whatever_the_seed),
        cmocka_unit_test(a_replaced_value_keeps_its_place_and_is_freed),
        cmocka_unit_test(entries_may_go_while_they_are_visited),
        cmocka_unit_test(behaves_like_a_list_of_pairs),
        cmocka_unit_test(works_as_a_queue_without_growing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
