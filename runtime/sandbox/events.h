/* The two shapes of an Event: core v1 (stored) and events.k8s.io/v1. Both take over and give one
 * reference. */
#ifndef NEMETON_SANDBOX_EVENTS_H
#define NEMETON_SANDBOX_EVENTS_H

#include "base/json.h"

struct jv *events_to_new(struct jv *core);
struct jv *events_to_core(struct jv *event);

#endif
