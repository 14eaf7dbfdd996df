/* The event loop: the only code that sleeps.
 *
 * One turn is, in this order: (1) sleep until the first of: a ready fd, a due timer, a deferred
 * call; (2) file descriptors; (3) timers that are due, in order of (time, creation); (4) deferred
 * calls that existed when the phase began, first in first out. Callbacks record and schedule; long
 * work goes in bounded pieces through loop_defer. With a virtual clock nothing sleeps: when no fd
 * and no deferred call is ready, the clock jumps to the next timer.
 *
 * Timer and deferred handles are valid until they fire or are cancelled; the loop owns them.
 * fds belong to the caller, who removes them before closing.
 */
#ifndef NEMETON_LOOP_LOOP_H
#define NEMETON_LOOP_LOOP_H

#include "base/err.h"
#include "loop/clock.h"

#include <stddef.h>

struct loop;
struct loop_timer;

/* Errors and hang-ups are reported as both. LOOP_HANGUP: only tell when the peer has gone. */
enum { LOOP_READ = 1, LOOP_WRITE = 2, LOOP_HANGUP = 4 };

typedef void (*loop_fn)(void *arg);
typedef void (*loop_fd_fn)(void *arg, int fd, unsigned events);

/* Also sets SIGPIPE to ignored: a peer that has gone is an error of the write, not of the process. */
struct loop *loop_new(struct clock *clock, struct err *err);
void loop_free(struct loop *loop); /* asserts in sanitizer builds that no fd or timer is left */
struct clock *loop_clock(struct loop *loop);
int64_t loop_now_ms(struct loop *loop); /* monotonic, of the current turn */

struct loop_timer *loop_timer_add(struct loop *loop, int64_t delay_ms, loop_fn fn, void *arg);
struct loop_timer *loop_timer_add_ns(struct loop *loop, int64_t delay_ns, loop_fn fn, void *arg);
struct loop_timer *loop_defer(struct loop *loop, loop_fn fn, void *arg);
void loop_timer_cancel(struct loop *loop, struct loop_timer *timer); /* NULL is fine */

int loop_fd_set(struct loop *loop, int fd, unsigned events, loop_fd_fn fn, void *arg,
                struct err *err); /* adds or changes; events 0 keeps it registered, silent */
void loop_fd_remove(struct loop *loop, int fd);

/* Blocks the signal for the thread and calls fn from the loop; arg is passed on. A NULL fn undoes it,
 * as loop_free does for all. */
int loop_signal_set(struct loop *loop, int signo, void (*fn)(void *arg, int signo), void *arg,
                    struct err *err);

/* Until loop_stop; with a virtual clock also when nothing is registered that could ever run. */
void loop_run(struct loop *loop);
void loop_stop(struct loop *loop);
/* One turn; sleeps max_wait_ms at most (-1: no limit). Returns the number of callbacks run. */
int loop_turn(struct loop *loop, int64_t max_wait_ms);
/* Turns until done(arg) is true or timeout_ms of the loop's clock have passed. True when done. */
bool loop_run_until(struct loop *loop, bool (*done)(void *arg), void *arg, int64_t timeout_ms);

/* For "nothing is left open": what is still registered. */
struct loop_stats {
    size_t fds, timers, deferred, turns;
    int64_t longest_turn_ns;
};
struct loop_stats loop_stats(const struct loop *loop);

#endif
