/* What the files of the loop share: loop.c (the turn), loop_timer.c (timers and deferred calls),
 * loop_fd.c (file descriptors and signals). Nobody else includes it.
 */
#ifndef NEMETON_LOOP_LOOP_INTERNAL_H
#define NEMETON_LOOP_LOOP_INTERNAL_H

#include "loop/loop.h"

#include <signal.h>
#include <sys/epoll.h>

enum { LOOP_EVENTS_PER_TURN = 64, LOOP_FD_MAX = 1 << 20 };

/* Both a timer (in the heap) and a deferred call (in the list): one handle, one cancel. */
struct loop_timer {
    int64_t due_ns;
    uint64_t seq; /* creation order: breaks ties, bounds a phase */
    loop_fn fn;
    void *arg;
    size_t heap_index; /* timers; deferred: LOOP_NOT_IN_HEAP */
    struct loop_timer *prev, *next;
};
#define LOOP_NOT_IN_HEAP ((size_t)-1)

struct loop_slot { /* one per descriptor number */
    loop_fd_fn fn; /* NULL: not registered */
    void *arg;
    unsigned events;
    uint32_t generation; /* tells a late event of a closed descriptor from one of its successor */
};

struct loop_signal {
    void (*fn)(void *arg, int signo);
    void *arg;
    bool was_blocked;
};

struct loop {
    struct clock *clock;
    int epoll_fd;
    int timer_fd;     /* sleeps; edge-triggered, so it is never read */
    int64_t armed_ns; /* what timer_fd is set to, in the loop's time; -1 = not armed */
    int signal_fd;    /* -1 until the first signal */
    sigset_t signals;
    struct loop_signal handlers[NSIG];

    struct loop_slot *slots;
    size_t slot_count, fd_count;

    struct loop_timer **heap;
    size_t heap_count, heap_cap;
    struct loop_timer *deferred_first, *deferred_last;
    size_t deferred_count;
    uint64_t seq_next;

    bool in_turn, stop;
    int64_t turn_now_ns;
    struct loop_stats stats;
};

/* Tags in epoll_event.data for the loop's own descriptors; others carry generation << 32 | fd. */
#define LOOP_TAG_TIMER UINT64_MAX
#define LOOP_TAG_SIGNAL (UINT64_MAX - 1)

int64_t loop_timer_next_ns(const struct loop *loop); /* -1: none */
int loop_timer_run_due(struct loop *loop, int64_t now_ns);
int loop_deferred_run(struct loop *loop);
void loop_timer_free_all(struct loop *loop);

int loop_fd_dispatch(struct loop *loop, const struct epoll_event *event);
void loop_fd_free_all(struct loop *loop);

#endif
