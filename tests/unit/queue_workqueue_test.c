#include "loop_support.h"

#include "queue/workqueue.h"

struct bench {
    struct world world;
    struct workqueue *queue;
    int signals;
};

static void count_signal(void *arg)
{
    ((struct bench *)arg)->signals++;
}

static struct bench *bench_with(struct workqueue_options options)
{
    struct bench *bench = mem_alloc(sizeof(*bench));

    bench->world = world_new(clock_virtual_new(0));
    options.on_ready = count_signal;
    options.on_ready_arg = bench;
    if (options.keys_max == 0)
        options.keys_max = 1000;
    bench->queue = workqueue_new(bench->world.loop, &options);
    return bench;
}

static struct bench *bench_new(void)
{
    return bench_with((struct workqueue_options){0});
}

static void bench_end(struct bench *bench)
{
    workqueue_free(bench->queue);
    world_end(&bench->world);
    free(bench);
}

static bool never(void *arg)
{
    (void)arg;
    return false;
}

static void pass_ms(struct bench *bench, int64_t ms)
{
    loop_run_until(bench->world.loop, never, NULL, ms);
}

static void assert_takes(struct bench *bench, const char *want)
{
    const char *key = workqueue_take(bench->queue);

    if (want == NULL) {
        assert_null(key);
        return;
    }
    assert_non_null(key);
    assert_string_equal(key, want);
    workqueue_done(bench->queue, key);
}

static void a_key_waits_once_however_often_it_is_added(void **state)
{
    struct bench *bench = bench_new();

    (void)state;
    for (int i = 0; i < 10; i++)
        workqueue_add(bench->queue, "a", WORKQUEUE_NORMAL);
    assert_int_equal(workqueue_stats(bench->queue).depth, 1);
    assert_int_equal(bench->signals, 0); /* only from the loop */
    pass_ms(bench, 1);
    assert_int_equal(bench->signals, 1);
    assert_takes(bench, "a");
    assert_takes(bench, NULL);
    bench_end(bench);
}

static void a_key_added_in_work_runs_again_after_done_and_not_before(void **state)
{
    struct bench *bench = bench_new();
    const char *key;

    (void)state;
    workqueue_add(bench->queue, "a", 0);
    key = workqueue_take(bench->queue);
    workqueue_add(bench->queue, "a", 0);
    workqueue_add(bench->queue, "a", 0);
    assert_int_equal(workqueue_stats(bench->queue).depth, 0);
    assert_int_equal(workqueue_stats(bench->queue).processing, 1);
    assert_takes(bench, NULL);
    workqueue_remove(bench->queue, "a"); /* has no say over what is in work */
    assert_string_equal(key, "a");
    workqueue_done(bench->queue, key);
    pass_ms(bench, 1);
    assert_int_equal(bench->signals, 1);
    assert_takes(bench, "a");
    assert_takes(bench, NULL);
    bench_end(bench);
}

static void higher_priority_first_then_first_come(void **state)
{
    struct bench *bench = bench_new();

    (void)state;
    workqueue_add(bench->queue, "low1", WORKQUEUE_LOW);
    workqueue_add(bench->queue, "b", 0);
    workqueue_add(bench->queue, "a", 0);
    workqueue_add(bench->queue, "low2", WORKQUEUE_LOW);
    workqueue_add(bench->queue, "high", 50);
    assert_takes(bench, "high");
    assert_takes(bench, "b");
    assert_takes(bench, "a");
    assert_takes(bench, "low1");
    assert_takes(bench, "low2");
    bench_end(bench);
}

static void a_second_add_may_raise_but_not_lower_the_priority(void **state)
{
    struct bench *bench = bench_new();

    (void)state;
    workqueue_add(bench->queue, "a", WORKQUEUE_LOW);
    workqueue_add(bench->queue, "b", WORKQUEUE_LOW);
    workqueue_add(bench->queue, "b", 0);
    workqueue_add(bench->queue, "b", WORKQUEUE_LOW);
    workqueue_add_after(bench->queue, "a", 1000, -50);
    assert_takes(bench, "b");
    assert_takes(bench, "a");
    workqueue_add(bench->queue, "b", WORKQUEUE_LOW); /* not what it was long ago */
    workqueue_add(bench->queue, "a", -50);
    assert_takes(bench, "a");
    assert_takes(bench, "b");
    bench_end(bench);
}

static void tells_with_which_priority_a_key_was_taken_and_how_many_of_less_wait(void **state)
{
    struct bench *bench = bench_new();

    (void)state;
    workqueue_add(bench->queue, "low", WORKQUEUE_LOW);
    workqueue_add(bench->queue, "normal", WORKQUEUE_NORMAL);
    assert_int_equal(workqueue_stats(bench->queue).depth, 2);
    assert_int_equal(workqueue_stats(bench->queue).depth_low, 1);
    assert_string_equal(workqueue_take(bench->queue), "normal");
    assert_string_equal(workqueue_take(bench->queue), "low");
    assert_int_equal(workqueue_priority(bench->queue, "normal"), WORKQUEUE_NORMAL);
    assert_int_equal(workqueue_priority(bench->queue, "low"), WORKQUEUE_LOW);
    assert_int_equal(workqueue_stats(bench->queue).depth_low, 0);
    workqueue_done(bench->queue, "normal");
    workqueue_done(bench->queue, "low");
    bench_end(bench);
}

static void low_priority_ages_and_does_not_starve(void **state)
{
    struct bench *bench = bench_new();
    char key[32];
    int64_t waited_ms = 0;

    (void)state;
    workqueue_add(bench->queue, "low", WORKQUEUE_LOW);
    for (int i = 0;; i++) {
        const char *taken;
        snprintf(key, sizeof(key), "busy-%d", i);
        workqueue_add(bench->queue, key, WORKQUEUE_NORMAL);
        taken = workqueue_take(bench->queue);
        bool is_low = strcmp(taken, "low") == 0;
        workqueue_done(bench->queue, taken);
        if (is_low)
            break;
        pass_ms(bench, 1000);
        waited_ms += 1000;
        assert_true(waited_ms < 100000);
    }
    assert_int_equal(waited_ms, 50000); /* 100 steps of priority at 10 per 5 s */
    bench_end(bench);
}

static void delays_keep_the_earlier_time(void **state)
{
    struct bench *bench = bench_new();

    (void)state;
    workqueue_add_after(bench->queue, "a", 1000, 0);
    workqueue_add_after(bench->queue, "a", 5000, 0);
    workqueue_add_after(bench->queue, "b", 3000, 0);
    workqueue_add_after(bench->queue, "b", 500, 0);
    assert_int_equal(workqueue_stats(bench->queue).delayed, 2);
    assert_takes(bench, NULL);
    pass_ms(bench, 499);
    assert_takes(bench, NULL);
    pass_ms(bench, 1);
    assert_takes(bench, "b");
    pass_ms(bench, 500);
    assert_takes(bench, "a");
    pass_ms(bench, 10000);
    assert_takes(bench, NULL);
    assert_int_equal(bench->signals, 2);
    bench_end(bench);
}

static void an_immediate_add_cancels_the_delay(void **state)
{
    struct bench *bench = bench_new();

    (void)state;
    workqueue_add_after(bench->queue, "a", 1000, 0);
    workqueue_add(bench->queue, "a", 0);
    assert_takes(bench, "a");
    assert_int_equal(loop_stats(bench->world.loop).timers, 0);
    pass_ms(bench, 2000);
    assert_takes(bench, NULL);
    bench_end(bench);
}

static void strange_delays_mean_now_or_far_away(void **state)
{
    struct bench *bench = bench_new();

    (void)state;
    workqueue_add_after(bench->queue, "a", INT64_MIN, 0);
    workqueue_add_after(bench->queue, "b", INT64_MAX, 0);
    workqueue_add(bench->queue, "c", INT32_MAX);
    workqueue_add(bench->queue, "d", INT32_MIN);
    assert_takes(bench, "c");
    assert_takes(bench, "a");
    assert_takes(bench, "d");
    assert_takes(bench, NULL);
    assert_int_equal(workqueue_stats(bench->queue).delayed, 1);
    bench_end(bench);
}

static void a_delay_set_in_work_counts_from_then(void **state)
{
    struct bench *bench = bench_new();
    const char *key;

    (void)state;
    workqueue_add(bench->queue, "a", 0);
    key = workqueue_take(bench->queue);
    workqueue_add_after(bench->queue, "a", 1000, 0);
    pass_ms(bench, 2000); /* comes due while still in work */
    assert_takes(bench, NULL);
    workqueue_done(bench->queue, key);
    assert_takes(bench, "a");

    workqueue_add(bench->queue, "a", 0);
    key = workqueue_take(bench->queue);
    workqueue_add_after(bench->queue, "a", 1000, 0);
    workqueue_done(bench->queue, key);
    assert_takes(bench, NULL);
    pass_ms(bench, 1000);
    assert_takes(bench, "a");
    bench_end(bench);
}

static void backoff_doubles_until_forgotten(void **state)
{
    struct bench *bench = bench_new();
    int64_t want_ms = 5;

    (void)state;
    for (int i = 0; i < 25; i++) {
        int64_t delay_ms = workqueue_add_backoff(bench->queue, "a", 0);
        assert_int_equal(delay_ms, want_ms);
        assert_int_equal(workqueue_failures(bench->queue, "a"), i + 1);
        pass_ms(bench, delay_ms - 1);
        assert_takes(bench, NULL);
        pass_ms(bench, 1);
        assert_takes(bench, "a");
        want_ms = want_ms * 2 < 1000000 ? want_ms * 2 : 1000000;
    }
    workqueue_forget(bench->queue, "a");
    assert_int_equal(workqueue_failures(bench->queue, "a"), 0);
    assert_int_equal(workqueue_add_backoff(bench->queue, "a", 0), 5);
    assert_int_equal(workqueue_stats(bench->queue).retries, 26);
    bench_end(bench);
}

static void jitter_stays_within_a_tenth(void **state)
{
    struct random_source *random = random_seeded_new(4);
    struct bench *bench = bench_with((struct workqueue_options){
        .backoff_min_ms = 10000, .backoff_max_ms = 10001, .random = random, .retries_burst = 1000});
    int64_t low = INT64_MAX, high = 0;

    (void)state;
    for (int i = 0; i < 300; i++) {
        int64_t delay_ms = workqueue_add_backoff(bench->queue, "a", 0);
        low = delay_ms < low ? delay_ms : low;
        high = delay_ms > high ? delay_ms : high;
    }
    assert_in_range(low, 9000, 9200);
    assert_in_range(high, 10800, 11001);
    bench_end(bench);
    random_free(random);
}

static void many_failing_keys_share_a_bucket(void **state)
{
    struct bench *bench = bench_new();
    char key[32];

    (void)state;
    for (int i = 0; i < 100; i++) {
        snprintf(key, sizeof(key), "%d", i);
        assert_int_equal(workqueue_add_backoff(bench->queue, key, 0), 5);
    }
    for (int i = 100; i < 110; i++) {
        snprintf(key, sizeof(key), "%d", i);
        assert_int_equal(workqueue_add_backoff(bench->queue, key, 0), (i - 99) * 100);
    }
    pass_ms(bench, 3000);
    assert_int_equal(workqueue_stats(bench->queue).depth, 110);
    assert_int_equal(workqueue_add_backoff(bench->queue, "late", 0), 5);
    bench_end(bench);
}

static void a_full_queue_says_so_and_prefers_living_keys(void **state)
{
    struct bench *bench = bench_with((struct workqueue_options){.keys_max = 3});
    const char *key;

    (void)state;
    workqueue_add_backoff(bench->queue, "failed", 0);
    pass_ms(bench, 10);
    assert_takes(bench, "failed");
    assert_int_equal(workqueue_failures(bench->queue, "failed"), 1);
    assert_int_equal(workqueue_add(bench->queue, "a", 0), 0);
    key = workqueue_take(bench->queue);
    assert_int_equal(workqueue_add_after(bench->queue, "b", 1000, 0), 0);
    assert_int_equal(workqueue_add(bench->queue, "c", 0), 0); /* in place of `failed` */
    assert_int_equal(workqueue_failures(bench->queue, "failed"), 0);
    assert_int_equal(workqueue_add(bench->queue, "d", 0), -1);
    assert_int_equal(workqueue_add_backoff(bench->queue, "d", 0), -1);
    assert_int_equal(workqueue_add(bench->queue, "a", 0), 0); /* known keys always fit */
    workqueue_remove(bench->queue, "b");
    assert_int_equal(workqueue_add(bench->queue, "d", 0), 0);
    workqueue_done(bench->queue, key);
    bench_end(bench);
}

static void removed_keys_do_not_run(void **state)
{
    struct bench *bench = bench_new();

    (void)state;
    workqueue_add(bench->queue, "a", 0);
    workqueue_add(bench->queue, "b", 0);
    workqueue_add_after(bench->queue, "c", 100, 0);
    workqueue_remove(bench->queue, "a");
    workqueue_remove(bench->queue, "c");
    workqueue_remove(bench->queue, "unknown");
    workqueue_done(bench->queue, "unknown");
    workqueue_forget(bench->queue, "unknown");
    assert_int_equal(loop_stats(bench->world.loop).timers, 0);
    assert_takes(bench, "b");
    assert_takes(bench, NULL);
    bench_end(bench);
}

static void after_shut_nothing_new_becomes_ready(void **state)
{
    struct bench *bench = bench_new();
    const char *key;

    (void)state;
    workqueue_add(bench->queue, "work", 0);
    key = workqueue_take(bench->queue);
    workqueue_add(bench->queue, "work", 0);
    workqueue_add(bench->queue, "ready", 0);
    workqueue_add_after(bench->queue, "later", 10, 0);
    workqueue_shut(bench->queue);
    assert_int_equal(workqueue_add(bench->queue, "new", 0), 0);
    workqueue_done(bench->queue, key);
    pass_ms(bench, 100);
    assert_takes(bench, "ready");
    assert_takes(bench, NULL);
    assert_int_equal(workqueue_stats(bench->queue).delayed, 0);
    bench_end(bench);
}

static void tells_how_long_the_oldest_waits(void **state)
{
    struct bench *bench = bench_new();

    (void)state;
    assert_int_equal(workqueue_stats(bench->queue).oldest_ready_ms, 0);
    workqueue_add(bench->queue, "a", 0);
    pass_ms(bench, 250);
    workqueue_add(bench->queue, "b", 100);
    pass_ms(bench, 50);
    assert_int_equal(workqueue_stats(bench->queue).oldest_ready_ms, 300);
    bench_end(bench);
}

/* Random operations against the rules: never twice at once, nothing lost, nothing invented. */
static void keeps_its_promises_under_random_use(void **state)
{
    enum { KEYS = 40, STEPS = 20000 };
    struct random_source *random = random_seeded_new(8);
    struct bench *bench = bench_with((struct workqueue_options){.hash_seed = 3, .random = random});
    bool in_work[KEYS] = {0}, wanted[KEYS] = {0};
    char key[16];

    (void)state;
    for (int step = 0; step < STEPS; step++) {
        int i = (int)random_below(random, KEYS);
        const char *taken;
        snprintf(key, sizeof(key), "%d", i);
        switch (random_below(random, 6)) {
        case 0:
            workqueue_add(bench->queue, key, (int)random_below(random, 3) * 50 - 100);
            wanted[i] = true;
            break;
        case 1:
            workqueue_add_after(bench->queue, key, (int64_t)random_below(random, 3000), 0);
            wanted[i] = true;
            break;
        case 2:
            pass_ms(bench, (int64_t)random_below(random, 200));
            break;
        case 3:
            if (in_work[i])
                workqueue_done(bench->queue, key);
            in_work[i] = false;
            break;
        default:
            taken = workqueue_take(bench->queue);
            if (taken == NULL)
                break;
            i = atoi(taken);
            assert_false(in_work[i]);
            assert_true(wanted[i]);
            in_work[i] = true;
            wanted[i] = false;
            break;
        }
    }
    for (int i = 0; i < KEYS; i++) {
        snprintf(key, sizeof(key), "%d", i);
        if (in_work[i])
            workqueue_done(bench->queue, key);
    }
    pass_ms(bench, 10000);
    for (const char *taken; (taken = workqueue_take(bench->queue)) != NULL;) {
        assert_true(wanted[atoi(taken)]);
        wanted[atoi(taken)] = false;
        workqueue_done(bench->queue, taken);
    }
    for (int i = 0; i < KEYS; i++)
        assert_false(wanted[i]);
    bench_end(bench);
    random_free(random);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_key_waits_once_however_often_it_is_added),
        cmocka_unit_test(a_key_added_in_work_runs_again_after_done_and_not_before),
        cmocka_unit_test(higher_priority_first_then_first_come),
        cmocka_unit_test(a_second_add_may_raise_but_not_lower_the_priority),
        cmocka_unit_test(tells_with_which_priority_a_key_was_taken_and_how_many_of_less_wait),
        cmocka_unit_test(low_priority_ages_and_does_not_starve),
        cmocka_unit_test(delays_keep_the_earlier_time),
        cmocka_unit_test(an_immediate_add_cancels_the_delay),
        cmocka_unit_test(strange_delays_mean_now_or_far_away),
        cmocka_unit_test(a_delay_set_in_work_counts_from_then),
        cmocka_unit_test(backoff_doubles_until_forgotten),
        cmocka_unit_test(jitter_stays_within_a_tenth),
        cmocka_unit_test(many_failing_keys_share_a_bucket),
        cmocka_unit_test(a_full_queue_says_so_and_prefers_living_keys),
        cmocka_unit_test(removed_keys_do_not_run),
        cmocka_unit_test(after_shut_nothing_new_becomes_ready),
        cmocka_unit_test(tells_how_long_the_oldest_waits),
        cmocka_unit_test(keeps_its_promises_under_random_use),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
