#include "loop_support.h"

#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

enum { MS = 1000000 };

struct trace {
    struct loop *loop;
    char text[256];
    struct loop_timer *victim;
    int fd[2];
};
struct mark {
    struct trace *trace;
    char name;
};

static void note(void *arg)
{
    struct mark *mark = arg;
    size_t len = strlen(mark->trace->text);
    mark->trace->text[len] = mark->name;
}

static void note_and_defer_again(void *arg)
{
    struct mark *mark = arg;
    note(arg);
    if (strlen(mark->trace->text) < 6)
        loop_defer(mark->trace->loop, note_and_defer_again, arg);
}

static void note_and_add_now(void *arg)
{
    struct mark *mark = arg;
    note(arg);
    if (strlen(mark->trace->text) < 6)
        loop_timer_add(mark->trace->loop, 0, note_and_add_now, arg);
}

static void note_and_cancel(void *arg)
{
    struct mark *mark = arg;
    note(arg);
    loop_timer_cancel(mark->trace->loop, mark->trace->victim);
}

static void note_fd(void *arg, int fd, unsigned events)
{
    char c;
    if (events & LOOP_READ)
        assert_true(read(fd, &c, 1) >= 0);
    note(arg);
}

static void runs_fds_then_timers_then_deferred(void **state)
{
    (void)state;
    struct world world = world_new(clock_virtual_new(0));
    struct trace trace = {.loop = world.loop};
    struct mark f = {&trace, 'f'}, t = {&trace, 't'}, u = {&trace, 'u'}, d = {&trace, 'd'},
                e = {&trace, 'e'};
    int fd[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fd), 0);
    assert_int_equal(loop_fd_set(world.loop, fd[0], LOOP_READ, note_fd, &f, NULL), 0);
    loop_defer(world.loop, note, &d);
    loop_defer(world.loop, note, &e);
    loop_timer_add(world.loop, 0, note, &t);
    loop_timer_add(world.loop, 0, note, &u);
    assert_int_equal(write(fd[1], "x", 1), 1);
    assert_int_equal(loop_turn(world.loop, 0), 5);
    assert_string_equal(trace.text, "ftude");
    loop_fd_remove(world.loop, fd[0]);
    close(fd[0]);
    close(fd[1]);
    world_end(&world);
}

static void fires_timers_by_time_then_creation(void **state)
{
    (void)state;
    struct world world = world_new(clock_virtual_new(5));
    struct trace trace = {.loop = world.loop};
    struct mark marks[100];
    for (int i = 0; i < 26; i++) {
        marks[i] = (struct mark){&trace, (char)('a' + i)};
        loop_timer_add(world.loop, (i * 7) % 5 * 10, note, &marks[i]);
    }
    int64_t start = clock_mono_ns(world.clock);
    while (loop_stats(world.loop).timers > 0)
        loop_turn(world.loop, -1);
    assert_string_equal(trace.text, "afkpuzdinsxbglqvejotychmrw");
    assert_int_equal(clock_mono_ns(world.clock) - start, 40 * MS);
    assert_int_equal(clock_wall_ns(world.clock), 40 * MS + 5);
    world_end(&world);
}

static void keeps_what_callbacks_add_for_the_next_turn(void **state)
{
    (void)state;
    struct world world = world_new(clock_virtual_new(0));
    struct trace trace = {.loop = world.loop};
    struct mark d = {&trace, 'd'}, t = {&trace, 't'};
    loop_defer(world.loop, note_and_defer_again, &d);
    loop_timer_add(world.loop, 0, note_and_add_now, &t);
    loop_turn(world.loop, -1);
    assert_string_equal(trace.text, "td");
    loop_turn(world.loop, -1);
    assert_string_equal(trace.text, "tdtd");
    while (loop_turn(world.loop, 0) > 0)
        ;
    world_end(&world);
}

static void skips_a_timer_that_an_earlier_one_cancelled(void **state)
{
    (void)state;
    struct world world = world_new(clock_virtual_new(0));
    struct trace trace = {.loop = world.loop};
    struct mark a = {&trace, 'a'}, b = {&trace, 'b'}, c = {&trace, 'c'};
    loop_timer_add(world.loop, 1, note_and_cancel, &a);
    trace.victim = loop_timer_add(world.loop, 1, note, &b);
    loop_timer_add(world.loop, 1, note, &c);
    loop_turn(world.loop, -1);
    assert_string_equal(trace.text, "ac");
    world_end(&world);
}

static void remove_other_fd(void *arg, int fd, unsigned events)
{
    struct mark *mark = arg;
    (void)events;
    note(arg);
    for (int i = 0; i < 2; i++)
        if (mark->trace->fd[i] != fd)
            loop_fd_remove(mark->trace->loop, mark->trace->fd[i]);
}

static void does_not_call_a_descriptor_removed_in_the_same_turn(void **state)
{
    (void)state;
    struct world world = world_new(clock_virtual_new(0));
    struct trace trace = {.loop = world.loop};
    struct mark mark = {&trace, 'x'};
    int a[2], b[2];
    assert_int_equal(pipe(a), 0);
    assert_int_equal(pipe(b), 0);
    trace.fd[0] = a[0];
    trace.fd[1] = b[0];
    loop_fd_set(world.loop, a[0], LOOP_READ, remove_other_fd, &mark, NULL);
    loop_fd_set(world.loop, b[0], LOOP_READ, remove_other_fd, &mark, NULL);
    assert_int_equal(write(a[1], "x", 1) + write(b[1], "x", 1), 2);
    assert_int_equal(loop_turn(world.loop, 0), 1);
    assert_int_equal(loop_stats(world.loop).fds, 1);
    loop_fd_remove(world.loop, a[0]);
    loop_fd_remove(world.loop, b[0]);
    for (int i = 0; i < 2; i++) {
        close(a[i]);
        close(b[i]);
    }
    world_end(&world);
}

static void stays_silent_for_a_descriptor_without_events(void **state)
{
    (void)state;
    struct world world = world_new(clock_real_new());
    struct trace trace = {.loop = world.loop};
    struct mark mark = {&trace, 'x'};
    int a[2];
    assert_int_equal(pipe(a), 0);
    loop_fd_set(world.loop, a[0], 0, note_fd, &mark, NULL);
    close(a[1]); /* a hang-up, which epoll reports to everybody in its set */
    assert_int_equal(loop_turn(world.loop, 1), 0);
    loop_fd_set(world.loop, a[0], LOOP_READ, note_fd, &mark, NULL);
    assert_int_equal(loop_turn(world.loop, 1000), 1);
    loop_fd_remove(world.loop, a[0]);
    close(a[0]);
    world_end(&world);
}

static void note_hangup(void *arg, int fd, unsigned events)
{
    (void)fd;
    assert_true(events & LOOP_HANGUP);
    note(arg);
}

static void tells_a_hangup_but_not_data_when_only_asked_for_that(void **state)
{
    (void)state;
    struct world world = world_new(clock_real_new());
    struct trace trace = {.loop = world.loop};
    struct mark mark = {&trace, 'h'};
    int a[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, a), 0);
    loop_fd_set(world.loop, a[0], LOOP_HANGUP, note_hangup, &mark, NULL);
    assert_int_equal(write(a[1], "x", 1), 1);
    assert_int_equal(loop_turn(world.loop, 1), 0);
    close(a[1]);
    assert_int_equal(loop_turn(world.loop, 1000), 1);
    loop_fd_remove(world.loop, a[0]);
    close(a[0]);
    world_end(&world);
}

static void on_signal(void *arg, int signo)
{
    assert_int_equal(signo, SIGUSR1);
    note(arg);
}

static void delivers_signals_from_the_loop(void **state)
{
    (void)state;
    struct world world = world_new(clock_real_new());
    struct trace trace = {.loop = world.loop};
    struct mark mark = {&trace, 's'};
    assert_int_equal(loop_signal_set(world.loop, SIGUSR1, on_signal, &mark, NULL), 0);
    kill(getpid(), SIGUSR1);
    assert_string_equal(trace.text, "");
    loop_turn(world.loop, 1000);
    assert_string_equal(trace.text, "s");
    kill(getpid(), SIGUSR1); /* pending when the loop goes: must not kill the process */
    world_end(&world);
}

static bool never(void *arg)
{
    (void)arg;
    return false;
}

static void gives_up_waiting_exactly_at_the_timeout(void **state)
{
    (void)state;
    struct world world = world_new(clock_virtual_new(0));
    int64_t start = clock_mono_ms(world.clock);
    assert_false(loop_run_until(world.loop, never, NULL, 3600000));
    assert_int_equal(clock_mono_ms(world.clock) - start, 3600000);
    world_end(&world);
}

static void stop_loop(void *arg)
{
    loop_stop(arg);
}

static void sleeps_n_times_less_with_a_fast_clock(void **state)
{
    (void)state;
    struct clock *real = clock_real_new();
    struct world world = world_new(clock_fast_new(50));
    int64_t real_start = clock_mono_ns(real), start = clock_mono_ns(world.clock);
    loop_timer_add(world.loop, 2000, stop_loop, world.loop);
    loop_run(world.loop);
    int64_t real_took = clock_mono_ns(real) - real_start;
    int64_t took = clock_mono_ns(world.clock) - start;
    assert_in_range(took, 2000 * (int64_t)MS, 8000 * (int64_t)MS);
    assert_in_range(real_took, 40 * MS, 160 * MS);
    clock_free(real);
    world_end(&world);
}

static void returns_at_once_when_nothing_can_ever_happen(void **state)
{
    (void)state;
    struct world world = world_new(clock_virtual_new(0));
    struct trace trace = {.loop = world.loop};
    struct mark mark = {&trace, 'x'};
    loop_timer_add(world.loop, 86400000, note, &mark);
    loop_run(world.loop);
    assert_string_equal(trace.text, "x");
    world_end(&world);
}

static void handles_many_timers_added_and_cancelled_at_random(void **state)
{
    (void)state;
    struct world world = world_new(clock_virtual_new(0));
    struct trace trace = {.loop = world.loop};
    struct mark mark = {&trace, 0};
    enum { COUNT = 2000 };
    struct loop_timer *timers[COUNT];
    uint32_t lcg = 7;
    for (int i = 0; i < COUNT; i++) {
        lcg = lcg * 1664525u + 1013904223u;
        timers[i] = loop_timer_add(world.loop, lcg % 1000, note, &mark);
    }
    for (int i = 0; i < COUNT; i += 2)
        loop_timer_cancel(world.loop, timers[i]);
    int fired = 0;
    while (loop_stats(world.loop).timers > 0)
        fired += loop_turn(world.loop, -1);
    assert_int_equal(fired, COUNT / 2);
    world_end(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(runs_fds_then_timers_then_deferred),
        cmocka_unit_test(fires_timers_by_time_then_creation),
        cmocka_unit_test(keeps_what_callbacks_add_for_the_next_turn),
        cmocka_unit_test(skips_a_timer_that_an_earlier_one_cancelled),
        cmocka_unit_test(does_not_call_a_descriptor_removed_in_the_same_turn),
        cmocka_unit_test(stays_silent_for_a_descriptor_without_events),
        cmocka_unit_test(tells_a_hangup_but_not_data_when_only_asked_for_that),
        cmocka_unit_test(delivers_signals_from_the_loop),
        cmocka_unit_test(gives_up_waiting_exactly_at_the_timeout),
        cmocka_unit_test(sleeps_n_times_less_with_a_fast_clock),
        cmocka_unit_test(returns_at_once_when_nothing_can_ever_happen),
        cmocka_unit_test(handles_many_timers_added_and_cancelled_at_random),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
