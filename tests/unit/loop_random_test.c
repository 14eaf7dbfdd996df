#include "loop_support.h"

#include "loop/random.h"

static void repeats_the_same_numbers_for_the_same_seed(void **state)
{
    (void)state;
    struct random_source *a = random_seeded_new(42), *b = random_seeded_new(42),
                         *c = random_seeded_new(43);
    uint64_t first = random_u64(a);
    assert_int_equal(first, random_u64(b));
    assert_int_not_equal(first, random_u64(c));
    char uuid_a[37], uuid_b[37];
    random_uuid(a, uuid_a);
    random_uuid(b, uuid_b);
    assert_string_equal(uuid_a, uuid_b);
    random_free(a);
    random_free(b);
    random_free(c);
}

static void stays_in_bounds_and_covers_them(void **state)
{
    (void)state;
    struct random_source *sources[] = {random_seeded_new(1), random_system_new()};
    for (size_t s = 0; s < 2; s++) {
        unsigned seen[10] = {0};
        double sum = 0;
        for (int i = 0; i < 10000; i++) {
            seen[random_below(sources[s], 10)]++;
            double unit = random_unit(sources[s]);
            assert_true(unit >= 0 && unit < 1);
            sum += unit;
        }
        for (int i = 0; i < 10; i++)
            assert_in_range(seen[i], 800, 1200);
        assert_in_range((unsigned)sum, 4800, 5200);
        random_free(sources[s]);
    }
}

static void makes_version_4_uuids(void **state)
{
    (void)state;
    struct random_source *random = random_system_new();
    char a[37], b[37];
    random_uuid(random, a);
    random_uuid(random, b);
    assert_int_equal(strlen(a), 36);
    assert_int_equal(strspn(a, "0123456789abcdef-"), 36);
    assert_int_equal(a[14], '4');
    assert_non_null(strchr("89ab", a[19]));
    assert_string_not_equal(a, b);
    random_free(random);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(repeats_the_same_numbers_for_the_same_seed),
        cmocka_unit_test(stays_in_bounds_and_covers_them),
        cmocka_unit_test(makes_version_4_uuids),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
