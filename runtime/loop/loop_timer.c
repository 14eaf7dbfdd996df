#include "loop/loop_internal.h"

#include "base/buf.h"

#include <stdlib.h>

/* A binary heap ordered by (due, creation). */

static bool is_before(const struct loop_timer *a, const struct loop_timer *b)
{
    return a->due_ns != b->due_ns ? a->due_ns < b->due_ns : a->seq < b->seq;
}

static void heap_place(struct loop *loop, size_t index, struct loop_timer *timer)
{
    loop->heap[index] = timer;
    timer->heap_index = index;
}

static void heap_sift_up(struct loop *loop, size_t index)
{
    struct loop_timer *timer = loop->heap[index];
    while (index > 0) {
        size_t parent = (index - 1) / 2;
        if (!is_before(timer, loop->heap[parent]))
            break;
        heap_place(loop, index, loop->heap[parent]);
        index = parent;
    }
    heap_place(loop, index, timer);
}

static void heap_sift_down(struct loop *loop, size_t index)
{
    struct loop_timer *timer = loop->heap[index];
    for (;;) {
        size_t child = 2 * index + 1;
        if (child >= loop->heap_count)
            break;
        if (child + 1 < loop->heap_count && is_before(loop->heap[child + 1], loop->heap[child]))
            child++;
        if (!is_before(loop->heap[child], timer))
            break;
        heap_place(loop, index, loop->heap[child]);
        index = child;
    }
    heap_place(loop, index, timer);
}

static void heap_add(struct loop *loop, struct loop_timer *timer)
{
    if (loop->heap_count == loop->heap_cap) {
        loop->heap_cap = loop->heap_cap ? 2 * loop->heap_cap : 64;
        loop->heap = mem_grow(loop->heap, loop->heap_cap * sizeof *loop->heap);
    }
    loop->heap[loop->heap_count] = timer;
    heap_sift_up(loop, loop->heap_count++);
}

static void heap_remove(struct loop *loop, size_t index)
{
    struct loop_timer *last = loop->heap[--loop->heap_count];
    if (index == loop->heap_count)
        return;
    heap_place(loop, index, last);
    heap_sift_up(loop, index);
    heap_sift_down(loop, last->heap_index);
}

static void deferred_remove(struct loop *loop, struct loop_timer *timer)
{
    if (timer->prev)
        timer->prev->next = timer->next;
    else
        loop->deferred_first = timer->next;
    if (timer->next)
        timer->next->prev = timer->prev;
    else
        loop->deferred_last = timer->prev;
    loop->deferred_count--;
}

static struct loop_timer *timer_new(struct loop *loop, loop_fn fn, void *arg)
{
    struct loop_timer *timer = mem_alloc(sizeof *timer);
    timer->seq = loop->seq_next++;
    timer->fn = fn;
    timer->arg = arg;
    timer->heap_index = LOOP_NOT_IN_HEAP;
    return timer;
}

/* The handle ends before its callback begins, so that the callback may forget or replace it. */
static void timer_fire(struct loop_timer *timer)
{
    loop_fn fn = timer->fn;
    void *arg = timer->arg;
    free(timer);
    fn(arg);
}

int64_t loop_timer_next_ns(const struct loop *loop)
{
    return loop->heap_count > 0 ? loop->heap[0]->due_ns : -1;
}

int loop_timer_run_due(struct loop *loop, int64_t now_ns)
{
    /* What a callback adds waits for the next turn, or a timer of 0 ms would never let go. */
    uint64_t bound = loop->seq_next;
    int count = 0;
    while (loop->heap_count > 0) {
        struct loop_timer *timer = loop->heap[0];
        if (timer->due_ns > now_ns || timer->seq >= bound)
            break;
        heap_remove(loop, 0);
        timer_fire(timer);
        count++;
    }
    return count;
}

int loop_deferred_run(struct loop *loop)
{
    uint64_t bound = loop->seq_next;
    int count = 0;
    while (loop->deferred_first && loop->deferred_first->seq < bound) {
        struct loop_timer *timer = loop->deferred_first;
        deferred_remove(loop, timer);
        timer_fire(timer);
        count++;
    }
    return count;
}

void loop_timer_free_all(struct loop *loop)
{
    for (size_t i = 0; i < loop->heap_count; i++)
        free(loop->heap[i]);
    free(loop->heap);
    while (loop->deferred_first) {
        struct loop_timer *timer = loop->deferred_first;
        deferred_remove(loop, timer);
        free(timer);
    }
}

struct loop_timer *loop_timer_add_ns(struct loop *loop, int64_t delay_ns, loop_fn fn, void *arg)
{
    int64_t now = clock_mono_ns(loop->clock);
    struct loop_timer *timer = timer_new(loop, fn, arg);
    if (delay_ns < 0)
        delay_ns = 0;
    timer->due_ns = delay_ns > INT64_MAX - now ? INT64_MAX : now + delay_ns;
    heap_add(loop, timer);
    return timer;
}

struct loop_timer *loop_timer_add(struct loop *loop, int64_t delay_ms, loop_fn fn, void *arg)
{
    if (delay_ms < 0)
        delay_ms = 0;
    int64_t ns = delay_ms > INT64_MAX / 1000000 ? INT64_MAX : delay_ms * 1000000;
    return loop_timer_add_ns(loop, ns, fn, arg);
}

struct loop_timer *loop_defer(struct loop *loop, loop_fn fn, void *arg)
{
    struct loop_timer *timer = timer_new(loop, fn, arg);
    timer->prev = loop->deferred_last;
    if (loop->deferred_last)
        loop->deferred_last->next = timer;
    else
        loop->deferred_first = timer;
    loop->deferred_last = timer;
    loop->deferred_count++;
    return timer;
}

void loop_timer_cancel(struct loop *loop, struct loop_timer *timer)
{
    if (!timer)
        return;
    if (timer->heap_index != LOOP_NOT_IN_HEAP)
        heap_remove(loop, timer->heap_index);
    else
        deferred_remove(loop, timer);
    free(timer);
}
