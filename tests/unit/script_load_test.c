/* Loading and testing step by step, in real time. */
#include "unit/script_fake.h"

#include <time.h>

static int64_t cpu_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void ignore_case(void *arg, const char *module, const char *test, const char *failure)
{
    (void)module;
    (void)test;
    *(int *)arg += failure != NULL;
}

/* Whoever loads has a lease to renew: no step is much longer than a slice, with room for sanitizers. */
static void loads_and_tests_in_steps_that_a_busy_loop_can_afford(void **state)
{
    static const char slow[] = "local n = 0; for i = 1, 1e6 do n = n + i % 7 end return { n = n }";
    static const char test[] = "return { ['for ever'] = function() while true do end end }";
    struct policy_file files[] = {{"bundle", "bundle.lua", "return { api = 1 }", 18},
                                  {"m", "m.lua", slow, sizeof slow - 1},
                                  {"m_test", "m_test.lua", test, sizeof test - 1}};
    struct policy_layer layer = {"base", files, 3};
    struct fake real;
    struct err err = {0};
    struct policy *policy = NULL;
    int steps = 0, result = 0, failed = 0;
    int64_t longest = 0;
    (void)state;
    fake_init(&real, clock_real_new());
    real.env.limits.run_cpu_ms = 2000; /* a machine may be slow */
    struct policy_load *load = policy_load_begin(&real.env, &layer, 1, &err);
    for (; result == 0; steps++) {
        int64_t began = cpu_ms();
        result = policy_load_step(load, &policy, &err);
        longest = cpu_ms() - began > longest ? cpu_ms() - began : longest;
    }
    policy_load_end(load);
    if (result != 1)
        fail_msg("%s", err.text);
    assert_true(steps >= 2);
    struct policy_testing *testing = policy_test_begin(policy, NULL, ignore_case, &failed);
    for (steps = 0; (result = policy_test_step(testing, &err)) == 0; steps++) {
        int64_t began = cpu_ms();
        loop_turn(real.loop, 0);
        longest = cpu_ms() - began > longest ? cpu_ms() - began : longest;
    }
    assert_int_equal(result, 1);
    assert_int_equal(failed, 1);
    assert_true(steps > 20);
    assert_in_range(longest, 0, 150);
    policy_test_end(testing);
    /* One that is given up halfway leaves nothing behind. */
    load = policy_load_begin(&real.env, &layer, 1, &err);
    assert_int_equal(policy_load_step(load, &policy, &err), 0);
    policy_load_end(load);
    policy_unref(policy);
    fake_deinit(&real);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(loads_and_tests_in_steps_that_a_busy_loop_can_afford),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
