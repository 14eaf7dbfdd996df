/* Parts of the gate: the proof that a volume claim is free, and the budget. Both are synchronous. */
#ifndef NEMETON_CONTROL_GATE_INTERNAL_H
#define NEMETON_CONTROL_GATE_INTERNAL_H

#include "base/json.h"
#include "base/map.h"

/* Lists as the server answered them ({"items":[…]}); autoscalers may be NULL. True when a pod uses
 * the claim or a workload wants it; `why` says who. A StatefulSet that is being deleted wants
 * nothing more when ignore_deleting. */
bool gate_volume_in_use(const struct jv *pods, const struct jv *statefulsets,
                        const struct jv *autoscalers, const char *claim, bool ignore_deleting,
                        struct buf *why);

/* Token buckets by primary and class. */
struct gate_budget {
    struct map *buckets;
    unsigned per_minute;
};
void gate_budget_init(struct gate_budget *budget, unsigned per_minute, uint64_t seed);
void gate_budget_deinit(struct gate_budget *budget);
/* Takes one; when there is none, false and how long until the next. */
bool gate_budget_take(struct gate_budget *budget, const char *primary, bool volume, int64_t now_ms,
                      int64_t *wait_ms);

#endif
