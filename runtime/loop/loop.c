#include "loop/loop_internal.h"

#include "base/buf.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

enum { NS_PER_MS = 1000000, NS_PER_S = 1000000000 };

/* Sets the timerfd for `due_ns` of the loop's clock. CLOCK_BOOTTIME, unlike the timeout of
 * epoll_wait, counts the time that a machine was suspended. */
static void sleep_arm(struct loop *loop, int64_t now_ns, int64_t due_ns)
{
    if (loop->armed_ns == due_ns)
        return;
    int64_t ns = clock_sleep_ns(loop->clock, due_ns - now_ns);
    if (ns < 1)
        ns = 1; /* zero would disarm */
    struct itimerspec spec = {.it_value = {.tv_sec = ns / NS_PER_S, .tv_nsec = ns % NS_PER_S}};
    timerfd_settime(loop->timer_fd, 0, &spec, NULL);
    loop->armed_ns = due_ns;
}

static int events_get(struct loop *loop, struct epoll_event *events, int timeout_ms)
{
    int count = epoll_wait(loop->epoll_fd, events, LOOP_EVENTS_PER_TURN, timeout_ms);
    return count < 0 ? 0 : count; /* EINTR: the turn goes on without any */
}

/* When this turn must go on at the latest: -1 = only for an event. */
static int64_t wake_ns(const struct loop *loop, int64_t now_ns, int64_t max_wait_ms)
{
    int64_t wake = loop_timer_next_ns(loop);
    if (max_wait_ms >= 0 && max_wait_ms < (INT64_MAX - now_ns) / NS_PER_MS) {
        int64_t limit = now_ns + max_wait_ms * NS_PER_MS;
        if (wake < 0 || limit < wake)
            wake = limit;
    }
    return wake;
}

static int sleep_virtual(struct loop *loop, struct epoll_event *events, int64_t max_wait_ms)
{
    int count = events_get(loop, events, 0);
    if (count > 0 || loop->deferred_count > 0)
        return count;
    int64_t now = clock_mono_ns(loop->clock);
    int64_t wake = wake_ns(loop, now, max_wait_ms);
    if (wake >= 0) {
        if (wake > now)
            clock_advance_ns(loop->clock, wake - now);
        return 0;
    }
    if (loop->fd_count > 0 || loop->signal_fd >= 0)
        return events_get(loop, events, -1);
    return 0;
}

static int sleep_real(struct loop *loop, struct epoll_event *events, int64_t max_wait_ms)
{
    if (loop->deferred_count > 0)
        return events_get(loop, events, 0);
    int64_t now = clock_mono_ns(loop->clock);
    int64_t wake = wake_ns(loop, now, max_wait_ms);
    if (wake >= 0 && wake <= now)
        return events_get(loop, events, 0);
    if (wake >= 0)
        sleep_arm(loop, now, wake);
    return events_get(loop, events, -1);
}

/* With a virtual clock and nothing registered, no event can ever come. */
static bool is_dead(const struct loop *loop)
{
    return clock_is_virtual(loop->clock) && loop->fd_count == 0 && loop->signal_fd < 0 &&
           loop->heap_count == 0 && loop->deferred_count == 0;
}

struct loop *loop_new(struct clock *clock, struct err *err)
{
    struct loop *loop = mem_alloc(sizeof *loop);
    loop->clock = clock;
    loop->signal_fd = -1;
    loop->armed_ns = -1;
    sigemptyset(&loop->signals);
    signal(SIGPIPE, SIG_IGN);
    loop->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    loop->timer_fd = timerfd_create(CLOCK_BOOTTIME, TFD_NONBLOCK | TFD_CLOEXEC);
    struct epoll_event event = {.events = EPOLLIN | EPOLLET, .data.u64 = LOOP_TAG_TIMER};
    if (loop->epoll_fd < 0 || loop->timer_fd < 0 ||
        epoll_ctl(loop->epoll_fd, EPOLL_CTL_ADD, loop->timer_fd, &event) != 0) {
        err_errno(err, errno, "make the event loop");
        if (loop->epoll_fd >= 0)
            close(loop->epoll_fd);
        if (loop->timer_fd >= 0)
            close(loop->timer_fd);
        free(loop);
        return NULL;
    }
    return loop;
}

void loop_free(struct loop *loop)
{
    if (!loop)
        return;
    assert(!loop->in_turn);
#ifdef __SANITIZE_ADDRESS__
    assert(loop->fd_count == 0 && loop->heap_count == 0 && loop->deferred_count == 0);
#endif
    loop_fd_free_all(loop);
    loop_timer_free_all(loop);
    close(loop->timer_fd);
    close(loop->epoll_fd);
    free(loop);
}

struct clock *loop_clock(struct loop *loop)
{
    return loop->clock;
}

int64_t loop_now_ms(struct loop *loop)
{
    return (loop->in_turn ? loop->turn_now_ns : clock_mono_ns(loop->clock)) / NS_PER_MS;
}

int loop_turn(struct loop *loop, int64_t max_wait_ms)
{
    assert(!loop->in_turn); /* callbacks never run the loop */
    struct epoll_event events[LOOP_EVENTS_PER_TURN];
    int event_count = clock_is_virtual(loop->clock) ? sleep_virtual(loop, events, max_wait_ms)
                                                    : sleep_real(loop, events, max_wait_ms);
    loop->in_turn = true;
    loop->turn_now_ns = clock_mono_ns(loop->clock);
    int count = 0;
    for (int i = 0; i < event_count; i++)
        count += loop_fd_dispatch(loop, &events[i]);
    count += loop_timer_run_due(loop, clock_mono_ns(loop->clock));
    count += loop_deferred_run(loop);
    loop->in_turn = false;
    int64_t took_ns = clock_mono_ns(loop->clock) - loop->turn_now_ns;
    if (took_ns > loop->stats.longest_turn_ns)
        loop->stats.longest_turn_ns = took_ns;
    loop->stats.turns++;
    return count;
}

void loop_run(struct loop *loop)
{
    while (!loop->stop && !is_dead(loop))
        loop_turn(loop, -1);
    loop->stop = false;
}

void loop_stop(struct loop *loop)
{
    loop->stop = true;
}

bool loop_run_until(struct loop *loop, bool (*done)(void *arg), void *arg, int64_t timeout_ms)
{
    int64_t end_ns = clock_mono_ns(loop->clock) + timeout_ms * NS_PER_MS;
    while (!done(arg)) {
        int64_t left_ns = end_ns - clock_mono_ns(loop->clock);
        if (left_ns <= 0)
            return false;
        loop_turn(loop, (left_ns + NS_PER_MS - 1) / NS_PER_MS);
    }
    return true;
}

struct loop_stats loop_stats(const struct loop *loop)
{
    struct loop_stats stats = loop->stats;
    stats.fds = loop->fd_count;
    stats.timers = loop->heap_count;
    stats.deferred = loop->deferred_count;
    return stats;
}
