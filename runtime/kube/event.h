/* Events (events.k8s.io/v1, core v1 where that is missing): recorded, merged, limited, never waited for.
 *
 * Same (type, action, reason, regarding) again within 6 minutes becomes a series; a token bucket
 * (25, one per 300 s) per object and type bounds the rest. A full queue or a refusal (403) is
 * counted and logged once. Notes are cut at 1 kB.
 */
#ifndef NEMETON_KUBE_EVENT_H
#define NEMETON_KUBE_EVENT_H

#include "kube/discovery.h"

struct event_recorder;
struct event_options {
    const char *controller; /* reporting controller, "nemeton" */
    const char *instance;
    struct log *log;
    struct random_source *random;
};
struct event_recorder *event_recorder_new(struct rest *rest, struct discovery *discovery,
                                          const struct event_options *options);
void event_recorder_free(struct event_recorder *recorder);
/* regarding: an object with apiVersion, kind and metadata. type "Normal" or "Warning". */
void event_record(struct event_recorder *recorder, const struct jv *regarding, const char *type,
                  const char *reason, const char *action, const char *note);
size_t event_recorder_pending(const struct event_recorder *recorder);

#endif
