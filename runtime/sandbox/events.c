#include "sandbox/events.h"

#include <stddef.h>

static const struct {
    const char *core, *modern;
} renamed[] = {
    {"involvedObject", "regarding"},
    {"message", "note"},
    {"reportingComponent", "reportingController"},
    {"source", "deprecatedSource"},
    {"firstTimestamp", "deprecatedFirstTimestamp"},
    {"lastTimestamp", "deprecatedLastTimestamp"},
    {"count", "deprecatedCount"},
};

static void rename_member(struct jv *object, const char *from, const char *to)
{
    struct jv *value = jv_get(object, from);
    if (!value)
        return;
    jv_set(object, to, jv_ref(value));
    jv_remove(object, from);
}

struct jv *events_to_new(struct jv *core)
{
    for (size_t i = 0; i < sizeof(renamed) / sizeof(renamed[0]); i++)
        rename_member(core, renamed[i].core, renamed[i].modern);
    jv_set_str(core, "apiVersion", "events.k8s.io/v1");
    return core;
}

struct jv *events_to_core(struct jv *event)
{
    for (size_t i = 0; i < sizeof(renamed) / sizeof(renamed[0]); i++)
        rename_member(event, renamed[i].modern, renamed[i].core);
    jv_set_str(event, "apiVersion", "v1");
    return event;
}
