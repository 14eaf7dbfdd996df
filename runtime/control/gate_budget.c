#include "control/gate.h"
#include "control/gate_internal.h"

#include <stdlib.h>

struct bucket {
    double tokens;
    int64_t at_ms;
};

static unsigned rate_of(const struct gate_budget *budget, bool volume)
{
    return volume ? budget->per_minute : budget->per_minute * GATE_BUDGET_OTHER_FACTOR;
}

static void refill(struct bucket *bucket, unsigned per_minute, int64_t now_ms)
{
    bucket->tokens += (double)(now_ms - bucket->at_ms) * per_minute / 60000.0;
    if (bucket->tokens > per_minute)
        bucket->tokens = per_minute;
    bucket->at_ms = now_ms;
}

/* A bucket that would be full again by now says nothing: forget it. */
static void forget_full(struct gate_budget *budget, int64_t now_ms)
{
    struct map_iter iter = {0};
    while (map_next(budget->buckets, &iter)) {
        const struct bucket *bucket = iter.value;
        if (now_ms - bucket->at_ms >= 60000)
            map_remove(budget->buckets, iter.key);
    }
}

void gate_budget_init(struct gate_budget *budget, unsigned per_minute, uint64_t seed)
{
    budget->per_minute = per_minute > 0 ? per_minute : GATE_BUDGET_DEFAULT;
    budget->buckets = map_new(seed, free);
}

void gate_budget_deinit(struct gate_budget *budget)
{
    map_free(budget->buckets);
}

bool gate_budget_take(struct gate_budget *budget, const char *primary, bool volume, int64_t now_ms,
                      int64_t *wait_ms)
{
    unsigned rate = rate_of(budget, volume);
    char *key = mem_printf("%c/%s", volume ? 'v' : 'o', primary);
    struct bucket *bucket = map_get(budget->buckets, key);
    if (bucket == NULL) {
        if (map_count(budget->buckets) >= GATE_BUDGET_PRIMARIES_MAX)
            forget_full(budget, now_ms);
        if (map_count(budget->buckets) >= GATE_BUDGET_PRIMARIES_MAX) {
            free(key);
            *wait_ms = 60000;
            return false;
        }
        bucket = mem_alloc(sizeof(*bucket));
        *bucket = (struct bucket){rate, now_ms};
        map_put(budget->buckets, key, bucket);
    }
    free(key);
    refill(bucket, rate, now_ms);
    if (bucket->tokens < 1) {
        *wait_ms = (int64_t)((1 - bucket->tokens) * 60000.0 / rate) + 1;
        return false;
    }
    bucket->tokens -= 1;
    return true;
}
