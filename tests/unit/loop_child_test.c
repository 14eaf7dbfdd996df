#include "loop_support.h"

#include "loop/child.h"

#include <signal.h>
#include <unistd.h>

struct outcome {
    int calls, code;
    struct err err;
    char output[256];
    size_t len;
};

static void on_end(void *arg, int exit_code, const char *output, size_t len, const struct err *err)
{
    struct outcome *outcome = arg;
    outcome->calls++;
    outcome->code = exit_code;
    outcome->len = len;
    snprintf(outcome->output, sizeof outcome->output, "%s", output);
    if (err)
        outcome->err = *err;
}

static bool has_ended(void *arg)
{
    return ((struct outcome *)arg)->calls > 0;
}

static struct outcome run(struct world *world, const char *script, int64_t timeout_ms,
                          size_t output_bytes_max)
{
    struct outcome outcome = {0};
    const char *argv[] = {"sh", "-c", script, NULL};
    const char *env[] = {"PATH=/usr/bin:/bin", "GIVEN=yes", NULL};
    struct child_options options = {
        .argv = argv, .env = env, .timeout_ms = timeout_ms, .output_bytes_max = output_bytes_max};
    struct err err = {0};
    assert_non_null(child_start(world->loop, &options, on_end, &outcome, &err));
    assert_true(loop_run_until(world->loop, has_ended, &outcome, 20000));
    assert_int_equal(outcome.calls, 1);
    return outcome;
}

static void gives_output_and_exit_code(void **state)
{
    (void)state;
    struct world world = world_new(clock_real_new());
    struct outcome outcome = run(&world, "echo $GIVEN; echo $HOME; read x; exit 7", 10000, 1000);
    assert_string_equal(outcome.output, "yes\n\n");
    assert_int_equal(outcome.code, 7);
    assert_int_equal(outcome.err.code, ERR_NONE);
    world_end(&world);
}

static void collects_output_larger_than_a_pipe(void **state)
{
    (void)state;
    struct world world = world_new(clock_real_new());
    struct outcome outcome = run(&world, "head -c 300000 /dev/zero", 10000, 300000);
    assert_int_equal(outcome.len, 300000);
    assert_int_equal(outcome.err.code, ERR_NONE);
    world_end(&world);
}

static void kills_a_child_that_outlives_its_timeout(void **state)
{
    (void)state;
    struct world world = world_new(clock_real_new());
    int64_t start = clock_mono_ms(world.clock);
    struct outcome outcome = run(&world, "trap '' TERM; sleep 60; sleep 60", 100, 1000);
    assert_int_equal(outcome.err.code, ERR_TIMEOUT);
    assert_int_equal(outcome.code, 128 + SIGKILL);
    assert_true(clock_mono_ms(world.clock) - start < 5000);
    world_end(&world);
}

static void kills_a_child_that_writes_too_much(void **state)
{
    (void)state;
    struct world world = world_new(clock_real_new());
    struct outcome outcome = run(&world, "yes", 10000, 100000);
    assert_int_equal(outcome.err.code, ERR_TOO_LARGE);
    world_end(&world);
}

static void does_not_wait_for_a_grandchild_that_keeps_the_pipe(void **state)
{
    (void)state;
    struct world world = world_new(clock_real_new());
    int64_t start = clock_mono_ms(world.clock);
    struct outcome outcome = run(&world, "sleep 3 & echo done", 10000, 1000);
    assert_string_equal(outcome.output, "done\n");
    assert_true(clock_mono_ms(world.clock) - start < 2500);
    world_end(&world);
}

static void reports_death_by_a_signal(void **state)
{
    (void)state;
    struct world world = world_new(clock_real_new());
    struct outcome outcome = run(&world, "kill -TERM $$", 10000, 1000);
    assert_int_equal(outcome.code, 128 + SIGTERM);
    world_end(&world);
}

static void does_not_inherit_blocked_signals_or_descriptors(void **state)
{
    (void)state;
    struct world world = world_new(clock_real_new());
    /* One of ours that a careless exec would hand down; the shell's own come and go below it. */
    assert_int_equal(dup2(STDERR_FILENO, 77), 77);
    struct outcome outcome = run(&world,
                                 "grep SigBlk /proc/self/status | tr -d '\\t '; "
                                 "if [ -e /proc/$$/fd/77 ]; then echo inherited; fi",
                                 10000, 1000);
    close(77);
    assert_string_equal(outcome.output, "SigBlk:0000000000000000\n");
    world_end(&world);
}

static void says_why_a_program_cannot_start(void **state)
{
    (void)state;
    struct world world = world_new(clock_real_new());
    const char *argv[] = {"no-such-credential-plugin", NULL}, *env[] = {NULL};
    struct child_options options = {.argv = argv, .env = env, .output_bytes_max = 10};
    struct err err = {0};
    assert_null(child_start(world.loop, &options, on_end, NULL, &err));
    assert_int_equal(err.code, ERR_IO);
    assert_non_null(strstr(err.text, "no-such-credential-plugin"));
    assert_non_null(strstr(err.text, "No such file"));
    world_end(&world);
}

static void cancel_kills_without_a_callback(void **state)
{
    (void)state;
    struct world world = world_new(clock_real_new());
    struct outcome outcome = {0};
    const char *argv[] = {"sleep", "60", NULL}, *env[] = {NULL};
    struct child_options options = {.argv = argv, .env = env, .output_bytes_max = 10};
    struct err err = {0};
    struct child *child = child_start(world.loop, &options, on_end, &outcome, &err);
    assert_non_null(child);
    loop_turn(world.loop, 10);
    child_cancel(child);
    loop_turn(world.loop, 10);
    assert_int_equal(outcome.calls, 0);
    world_end(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gives_output_and_exit_code),
        cmocka_unit_test(collects_output_larger_than_a_pipe),
        cmocka_unit_test(kills_a_child_that_outlives_its_timeout),
        cmocka_unit_test(kills_a_child_that_writes_too_much),
        cmocka_unit_test(does_not_wait_for_a_grandchild_that_keeps_the_pipe),
        cmocka_unit_test(reports_death_by_a_signal),
        cmocka_unit_test(does_not_inherit_blocked_signals_or_descriptors),
        cmocka_unit_test(says_why_a_program_cannot_start),
        cmocka_unit_test(cancel_kills_without_a_callback),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
