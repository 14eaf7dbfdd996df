/* Slices of time for code that cannot be trusted to return: part of the clock door.
 *
 * While armed, `fn` is called every `ms` of real time, from a signal handler, on the thread that
 * made the slice; it may do only what a signal handler may. Disarmed, it costs nothing: no code has
 * to look at a clock. A slice belongs to one thread: every call below must come from it, because a
 * signal that is still under way is then delivered before slice_disarm returns.
 */
#ifndef NEMETON_LOOP_SLICE_H
#define NEMETON_LOOP_SLICE_H

#include "base/err.h"

struct slice;
typedef void (*slice_fn)(void *arg);

struct slice *slice_new(slice_fn fn, void *arg, struct err *err);
void slice_free(struct slice *slice);
void slice_arm(struct slice *slice, int64_t ms);
void slice_disarm(struct slice *slice);

#endif
