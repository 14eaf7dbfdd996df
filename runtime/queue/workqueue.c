#include "queue/workqueue.h"

#include "base/backoff.h"
#include "base/buf.h"
#include "base/map.h"
#include "queue/heap.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

enum {
    PRIORITY_MS = 500, /* one step of priority is worth this much waiting: +10 per 5 s */
    PRIORITY_ABS_MAX = 1000000,
    NO_PRIORITY = INT_MIN,
};
static const int64_t delay_ms_max = INT64_C(1) << 40; /* decades; keeps sums in range */

struct item {
    struct heap_node node; /* first: a node is its item */
    struct heap *heap;     /* the one it is in; NULL when it does not wait */
    char *key;
    int priority;     /* of the adds since the last take */
    int taken;        /* the priority at the last take */
    int64_t ready_ms; /* since when, or at what time */
    unsigned failures;
    bool in_work;
    bool again; /* added while in work */
};

struct workqueue {
    struct loop *loop;
    struct workqueue_options options;
    struct map *items;
    struct heap ready, delayed;
    struct loop_timer *timer; /* for the first of `delayed` */
    int64_t timer_ms;
    struct loop_timer *signal; /* a call of on_ready that is under way */
    uint64_t order;
    int64_t bucket_ms; /* when the bucket of retries will be full again */
    size_t processing;
    uint64_t adds, retries;
    bool shut;
};

static void on_timer(void *arg);

static void item_free(void *value)
{
    struct item *item = value;

    free(item->key);
    free(item);
}

static bool is_idle(const struct item *item)
{
    return item->heap == NULL && !item->in_work;
}

static void drop_if_unused(struct workqueue *queue, struct item *item)
{
    if (is_idle(item) && item->failures == 0)
        map_remove(queue->items, item->key);
}

/* Failures of keys that nobody waits for are the first thing to go when room is short. */
static void drop_idle(struct workqueue *queue)
{
    struct map_iter iter = {0};

    while (map_next(queue->items, &iter))
        if (is_idle(iter.value))
            map_remove(queue->items, iter.key);
}

static struct item *item_get(struct workqueue *queue, const char *key)
{
    struct item *item = map_get(queue->items, key);

    if (item != NULL)
        return item;
    if (map_count(queue->items) >= queue->options.keys_max)
        drop_idle(queue);
    if (map_count(queue->items) >= queue->options.keys_max)
        return NULL;
    item = mem_alloc(sizeof(*item));
    item->key = mem_str(key);
    item->priority = NO_PRIORITY;
    map_put(queue->items, key, item);
    return item;
}

static void on_signal(void *arg)
{
    struct workqueue *queue = arg;

    queue->signal = NULL;
    if (queue->ready.count > 0)
        queue->options.on_ready(queue->options.on_ready_arg);
}

static void leave_heap(struct item *item)
{
    if (item->heap == NULL)
        return;
    heap_remove(item->heap, &item->node);
    item->heap = NULL;
}

/* All waiting keys age alike, so the order of two of them never changes and a heap can hold it. */
static int64_t ready_rank(const struct item *item)
{
    return item->ready_ms - (int64_t)item->priority * PRIORITY_MS;
}

static void make_ready(struct workqueue *queue, struct item *item)
{
    leave_heap(item);
    item->ready_ms = loop_now_ms(queue->loop);
    item->node.key = ready_rank(item);
    item->node.order = ++queue->order;
    item->heap = &queue->ready;
    heap_add(&queue->ready, &item->node);
    if (queue->signal == NULL && queue->options.on_ready != NULL)
        queue->signal = loop_defer(queue->loop, on_signal, queue);
}

static void arm_timer(struct workqueue *queue)
{
    struct heap_node *first = heap_first(&queue->delayed);
    int64_t delay_ms;

    if (queue->timer != NULL && (first == NULL || first->key != queue->timer_ms)) {
        loop_timer_cancel(queue->loop, queue->timer);
        queue->timer = NULL;
    }
    if (first == NULL || queue->timer != NULL)
        return;
    delay_ms = first->key - loop_now_ms(queue->loop);
    queue->timer_ms = first->key;
    queue->timer = loop_timer_add(queue->loop, delay_ms > 0 ? delay_ms : 1, on_timer, queue);
}

static void on_timer(void *arg)
{
    struct workqueue *queue = arg;
    int64_t now_ms = loop_now_ms(queue->loop);
    struct heap_node *first;

    queue->timer = NULL;
    while ((first = heap_first(&queue->delayed)) != NULL && first->key <= now_ms) {
        struct item *item = (struct item *)first;
        if (item->in_work) {
            leave_heap(item);
            item->again = true;
        } else {
            make_ready(queue, item);
        }
    }
    arm_timer(queue);
}

static void raise_priority(struct item *item, int priority)
{
    if (priority > PRIORITY_ABS_MAX)
        priority = PRIORITY_ABS_MAX;
    if (priority < -PRIORITY_ABS_MAX)
        priority = -PRIORITY_ABS_MAX;
    if (priority > item->priority)
        item->priority = priority;
}

static void add_now(struct workqueue *queue, struct item *item)
{
    if (item->heap == &queue->ready) {
        item->node.key = ready_rank(item);
        heap_moved(&queue->ready, &item->node);
        return;
    }
    if (item->in_work) {
        leave_heap(item);
        item->again = true;
    } else {
        make_ready(queue, item);
    }
    arm_timer(queue);
}

static void add_later(struct workqueue *queue, struct item *item, int64_t delay_ms)
{
    int64_t at_ms = loop_now_ms(queue->loop) + (delay_ms < delay_ms_max ? delay_ms : delay_ms_max);

    if (item->heap == &queue->ready || item->again) {
        add_now(queue, item); /* it runs sooner anyway; only the priority may count */
        return;
    }
    if (item->heap == &queue->delayed && item->node.key <= at_ms)
        return;
    leave_heap(item);
    item->ready_ms = at_ms;
    item->node.key = at_ms;
    item->node.order = ++queue->order;
    item->heap = &queue->delayed;
    heap_add(&queue->delayed, &item->node);
    arm_timer(queue);
}

/* The wait that the shared bucket asks of the next retry: `burst` at once, then `per_s` a second. */
static int64_t bucket_delay_ms(struct workqueue *queue)
{
    int64_t now_ms = loop_now_ms(queue->loop);
    int64_t each_ms = 1000 / queue->options.retries_per_s;
    int64_t burst_ms = each_ms * (queue->options.retries_burst - 1);
    int64_t delay_ms;

    if (queue->bucket_ms < now_ms)
        queue->bucket_ms = now_ms;
    delay_ms = queue->bucket_ms - burst_ms - now_ms;
    if (delay_ms < queue->options.backoff_max_ms) /* the debt has a maximum, too */
        queue->bucket_ms += each_ms;
    return delay_ms > 0 ? delay_ms : 0;
}

struct workqueue *workqueue_new(struct loop *loop, const struct workqueue_options *options)
{
    struct workqueue *queue = mem_alloc(sizeof(*queue));

    queue->loop = loop;
    queue->options = *options;
    if (queue->options.backoff_min_ms <= 0)
        queue->options.backoff_min_ms = 5;
    if (queue->options.backoff_max_ms <= 0)
        queue->options.backoff_max_ms = 1000000;
    if (queue->options.retries_per_s == 0)
        queue->options.retries_per_s = 10;
    if (queue->options.retries_per_s > 1000)
        queue->options.retries_per_s = 1000;
    if (queue->options.retries_burst == 0)
        queue->options.retries_burst = 100;
    queue->items = map_new(options->hash_seed, item_free);
    return queue;
}

void workqueue_free(struct workqueue *queue)
{
    if (queue == NULL)
        return;
    loop_timer_cancel(queue->loop, queue->timer);
    loop_timer_cancel(queue->loop, queue->signal);
    heap_deinit(&queue->ready);
    heap_deinit(&queue->delayed);
    map_free(queue->items);
    free(queue);
}

int workqueue_add(struct workqueue *queue, const char *key, int priority)
{
    return workqueue_add_after(queue, key, 0, priority);
}

int workqueue_add_after(struct workqueue *queue, const char *key, int64_t delay_ms, int priority)
{
    struct item *item;

    if (queue->shut)
        return 0;
    item = item_get(queue, key);
    if (item == NULL)
        return -1;
    queue->adds++;
    raise_priority(item, priority);
    if (delay_ms > 0)
        add_later(queue, item, delay_ms);
    else
        add_now(queue, item);
    return 0;
}

int64_t workqueue_add_backoff_least(struct workqueue *queue, const char *key, int priority,
                                    int64_t at_least_ms)
{
    const struct workqueue_options *options = &queue->options;
    struct item *item;
    int64_t delay_ms, bucket_ms;

    if (queue->shut)
        return 0;
    item = item_get(queue, key);
    if (item == NULL)
        return -1;
    delay_ms = backoff_delay_ms(options->backoff_min_ms, options->backoff_max_ms, item->failures);
    item->failures += item->failures < UINT_MAX;
    if (options->random != NULL)
        delay_ms =
            backoff_jitter_ms(delay_ms - delay_ms / 10, 2.0 / 9, random_unit(options->random));
    bucket_ms = bucket_delay_ms(queue);
    if (bucket_ms > delay_ms)
        delay_ms = bucket_ms;
    if (at_least_ms > delay_ms)
        delay_ms = at_least_ms;
    queue->retries++;
    workqueue_add_after(queue, key, delay_ms, priority);
    return delay_ms;
}

int64_t workqueue_add_backoff(struct workqueue *queue, const char *key, int priority)
{
    return workqueue_add_backoff_least(queue, key, priority, 0);
}

void workqueue_forget(struct workqueue *queue, const char *key)
{
    struct item *item = map_get(queue->items, key);

    if (item == NULL)
        return;
    item->failures = 0;
    drop_if_unused(queue, item);
}

int workqueue_priority(const struct workqueue *queue, const char *key)
{
    const struct item *item = map_get(queue->items, key);

    return item != NULL ? item->taken : WORKQUEUE_NORMAL;
}

unsigned workqueue_failures(const struct workqueue *queue, const char *key)
{
    const struct item *item = map_get(queue->items, key);

    return item != NULL ? item->failures : 0;
}

const char *workqueue_take(struct workqueue *queue)
{
    struct item *item = (struct item *)heap_first(&queue->ready);

    if (item == NULL)
        return NULL;
    leave_heap(item);
    item->in_work = true;
    item->taken = item->priority;
    item->priority = NO_PRIORITY;
    queue->processing++;
    return item->key;
}

void workqueue_done(struct workqueue *queue, const char *key)
{
    struct item *item = map_get(queue->items, key);

    if (item == NULL || !item->in_work)
        return;
    item->in_work = false;
    queue->processing--;
    if (item->again && !queue->shut)
        make_ready(queue, item);
    item->again = false;
    drop_if_unused(queue, item);
}

void workqueue_remove(struct workqueue *queue, const char *key)
{
    struct item *item = map_get(queue->items, key);

    if (item == NULL || item->in_work)
        return;
    leave_heap(item);
    map_remove(queue->items, key);
    arm_timer(queue);
}

void workqueue_shut(struct workqueue *queue)
{
    struct heap_node *first;

    queue->shut = true;
    while ((first = heap_first(&queue->delayed)) != NULL) {
        struct item *item = (struct item *)first;
        leave_heap(item);
        drop_if_unused(queue, item);
    }
    arm_timer(queue);
}

struct workqueue_stats workqueue_stats(const struct workqueue *queue)
{
    struct workqueue_stats stats = {
        .depth = queue->ready.count,
        .delayed = queue->delayed.count,
        .processing = queue->processing,
        .adds = queue->adds,
        .retries = queue->retries,
    };
    int64_t now_ms = loop_now_ms(queue->loop);

    for (size_t i = 0; i < queue->ready.count; i++) {
        const struct item *item = (const struct item *)queue->ready.nodes[i];
        int64_t waited_ms = now_ms - item->ready_ms;
        stats.depth_low += item->priority < WORKQUEUE_NORMAL;
        if (waited_ms > stats.oldest_ready_ms)
            stats.oldest_ready_ms = waited_ms;
    }
    return stats;
}
