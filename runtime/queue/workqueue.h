/* Keys that want a run: each at most once waiting and at most once in work.
 *
 * Order: higher priority first, then who became ready first; a waiting key gains +10 per 5 s
 * (continuously), so that nothing starves. A key added while in work runs again after
 * workqueue_done. Delayed adds keep the earlier time and the higher priority; an immediate add
 * cancels the delay. Delays of zero or less mean now.
 *
 * Retries wait for their own backoff and for a bucket that all keys share, whichever is longer.
 * on_ready runs once after keys became ready, not once for each, and not again while they wait.
 */
#ifndef NEMETON_QUEUE_WORKQUEUE_H
#define NEMETON_QUEUE_WORKQUEUE_H

#include "loop/loop.h"
#include "loop/random.h"

struct workqueue;
struct workqueue_options {
    size_t keys_max;
    int64_t backoff_min_ms, backoff_max_ms; /* 0 = 5, 1000000 */
    unsigned retries_per_s, retries_burst;  /* 0 = 10, 100 */
    uint64_t hash_seed;
    struct random_source *random; /* jitter; NULL = none */
    void (*on_ready)(void *arg);  /* something can be taken; called from the loop */
    void *on_ready_arg;
};
enum { WORKQUEUE_LOW = -100, WORKQUEUE_NORMAL = 0 };

struct workqueue *workqueue_new(struct loop *loop, const struct workqueue_options *options);
void workqueue_free(struct workqueue *queue);
int workqueue_add(struct workqueue *queue, const char *key, int priority); /* -1: full */
int workqueue_add_after(struct workqueue *queue, const char *key, int64_t delay_ms, int priority);
/* Counts a failure and adds after the next delay of the key's exponential backoff (a tenth more or
 * less when there is randomness). Returns the delay, or -1: full. workqueue_forget resets it. */
int64_t workqueue_add_backoff(struct workqueue *queue, const char *key, int priority);
/* The same, but not before at_least_ms have passed. */
int64_t workqueue_add_backoff_least(struct workqueue *queue, const char *key, int priority,
                                    int64_t at_least_ms);
void workqueue_forget(struct workqueue *queue, const char *key);
/* With which priority the key was last taken: what comes back after it is no more urgent than it was. */
int workqueue_priority(const struct workqueue *queue, const char *key);
unsigned workqueue_failures(const struct workqueue *queue, const char *key);
/* The next key, now in work; NULL when none is ready. Lent until workqueue_done. */
const char *workqueue_take(struct workqueue *queue);
void workqueue_done(struct workqueue *queue, const char *key);
void workqueue_remove(struct workqueue *queue, const char *key); /* not those in work */
/* Adds are ignored from now on and delayed keys are dropped; ready ones can still be taken. */
void workqueue_shut(struct workqueue *queue);

struct workqueue_stats {
    size_t depth, delayed, processing;
    size_t depth_low; /* of depth: those of less than normal priority */
    uint64_t adds, retries;
    int64_t oldest_ready_ms; /* how long the longest-waiting ready key has waited */
};
struct workqueue_stats workqueue_stats(const struct workqueue *queue);

#endif
