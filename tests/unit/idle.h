/* The end of a loop in a test: nothing is left open in it. */
#ifndef NEMETON_TESTS_IDLE_H
#define NEMETON_TESTS_IDLE_H

#include "loop/loop.h"

/* Frees the loop. Include after cmocka.h. */
static inline void loop_free_idle(struct loop *loop)
{
    struct loop_stats stats = loop_stats(loop);
    assert_int_equal(stats.timers, 0);
    assert_int_equal(stats.deferred, 0);
    assert_int_equal(stats.fds, 0);
    loop_free(loop);
}

#endif
