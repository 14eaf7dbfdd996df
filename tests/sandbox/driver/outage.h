/* For how long something was away: pods that were Ready and are not, or segments of a modelled Druid.
 *
 * Told of every commit, so that it costs little and misses nothing. What is away is there again when
 * as many pods are Ready as ever were, and the model says that all is loaded as often as it should be.
 */
#ifndef NEMETON_TESTS_OUTAGE_H
#define NEMETON_TESTS_OUTAGE_H

#include "base/json.h"

struct outage { /* zeroed at first */
    int64_t ready, ready_max;
    bool segments_away;
    int64_t since_ms; /* 0: nothing is away */
    int64_t away_ms;  /* in all, without what is under way */
};

void outage_commit(struct outage *outage, const struct jv *before, const struct jv *after,
                   int64_t now_ms);

#endif
