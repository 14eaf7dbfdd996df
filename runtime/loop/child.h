/* A child process whose output is collected without blocking the loop (posix_spawn, pidfd).
 *
 * Used for credential plugins. stdin is /dev/null (or the terminal when interactive), stderr passes
 * through. The callback runs exactly once unless child_cancel was called; a child that outlives its
 * timeout is killed and reaped. Children live in real time: not for a loop with a virtual clock.
 */
#ifndef NEMETON_LOOP_CHILD_H
#define NEMETON_LOOP_CHILD_H

#include "loop/loop.h"

struct child;

struct child_options {
    const char *const
        *argv;              /* NULL-terminated; argv[0] is looked up on PATH when it has no slash */
    const char *const *env; /* NULL-terminated "K=V", whole environment */
    bool interactive;
    int64_t timeout_ms;
    size_t output_bytes_max;
};
typedef void (*child_fn)(void *arg, int exit_code, const char *output, size_t len,
                         const struct err *err); /* err NULL when it ended by itself */

struct child *child_start(struct loop *loop, const struct child_options *options, child_fn fn,
                          void *arg, struct err *err);
void child_cancel(struct child *child); /* kills, reaps, frees; no callback */

#endif
