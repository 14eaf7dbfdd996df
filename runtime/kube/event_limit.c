/* A token bucket for each object and type: a burst of 25, then one per 300 s. */
#include "kube/event_internal.h"

#include <stdlib.h>

static void refill(struct event_bucket *bucket, int64_t now)
{
    bucket->tokens += (double)(now - bucket->at_ms) / EVENT_REFILL_MS;
    if (bucket->tokens > EVENT_BURST)
        bucket->tokens = EVENT_BURST;
    bucket->at_ms = now;
}

bool event_bucket_take(struct event_recorder *recorder, const struct jv *regarding,
                       const char *type)
{
    int64_t now = clock_mono_ms(loop_clock(recorder->loop));
    const char *uid = jv_str(jv_get(regarding, "uid"));
    const char *namespace = jv_str(jv_get(regarding, "namespace"));
    char *key = mem_printf("%s|%s|%s|%s|%s", type, jv_str(jv_get(regarding, "kind")),
                           namespace != NULL ? namespace : "", jv_str(jv_get(regarding, "name")),
                           uid != NULL ? uid : "");
    struct event_bucket *bucket = map_get(recorder->buckets, key);
    bool taken;

    if (bucket == NULL) {
        if (map_count(recorder->buckets) >= EVENT_BUCKETS_MAX)
            map_clear(recorder->buckets);
        bucket = mem_alloc(sizeof(*bucket));
        *bucket = (struct event_bucket){.tokens = EVENT_BURST, .at_ms = now};
        map_put(recorder->buckets, key, bucket);
    }
    free(key);
    refill(bucket, now);
    taken = bucket->tokens >= 1;
    if (taken)
        bucket->tokens -= 1;
    return taken;
}

void event_buckets_sweep(struct event_recorder *recorder)
{
    int64_t now = clock_mono_ms(loop_clock(recorder->loop));
    struct map_iter iter = {0};

    while (map_next(recorder->buckets, &iter)) {
        struct event_bucket *bucket = iter.value;

        refill(bucket, now);
        if (bucket->tokens >= EVENT_BURST)
            map_remove(recorder->buckets, iter.key);
    }
}
