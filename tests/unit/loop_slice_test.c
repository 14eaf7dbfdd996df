#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "loop/clock.h"
#include "loop/slice.h"

#include <signal.h>

static void count(void *arg)
{
    volatile sig_atomic_t *fired = arg;
    *fired = *fired + 1;
}

static void spin_ms(const struct clock *clock, int64_t ms)
{
    int64_t until = clock_mono_ms(clock) + ms;
    while (clock_mono_ms(clock) < until)
        continue;
}

static void fires_again_and_again_while_armed_and_never_after(void **state)
{
    (void)state;
    struct clock *clock = clock_real_new();
    volatile sig_atomic_t fired = 0, other = 0;
    struct err err;
    struct slice *slice = slice_new(count, (void *)&fired, &err);
    struct slice *second = slice_new(count, (void *)&other, &err);
    assert_non_null(slice);
    assert_non_null(second);
    spin_ms(clock, 5);
    assert_int_equal(fired, 0);
    slice_arm(slice, 2);
    for (int i = 0; i < 1000 && fired < 3; i++)
        spin_ms(clock, 2);
    slice_disarm(slice);
    sig_atomic_t seen = fired;
    assert_true(seen >= 3);
    spin_ms(clock, 10);
    assert_int_equal(fired, seen);
    assert_int_equal(other, 0);
    slice_arm(second, 1);
    slice_free(second); /* armed: nothing may come later */
    spin_ms(clock, 5);
    slice_free(slice);
    clock_free(clock);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fires_again_and_again_while_armed_and_never_after),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
