#include "outage.h"

#include <string.h>

static bool is_ready(const struct jv *pod)
{
    const struct jv *conditions = jv_path(pod, "status", "conditions", NULL);
    if (!pod || jv_path(pod, "metadata", "deletionTimestamp", NULL)) {
        return false;
    }
    for (size_t i = 0; i < jv_size(conditions); i++) {
        const char *type = jv_path_str(jv_at(conditions, i), "type", NULL);
        const char *status = jv_path_str(jv_at(conditions, i), "status", NULL);
        if (type && status && strcmp(type, "Ready") == 0) {
            return strcmp(status, "True") == 0;
        }
    }
    return false;
}

/* The model's own word (policies/sandbox/druid): figures of the last run that are not 0. */
static bool lacks_segments(const struct jv *map)
{
    const char *status = jv_path_str(map, "data", "status", NULL);
    const char *full = status ? strstr(status, "full:") : NULL;
    const char *simple = full ? strstr(full, "simple:") : NULL;
    for (const char *c = full; c && c < simple; c++) {
        if (*c >= '1' && *c <= '9' && c[-1] == ' ') {
            return true;
        }
    }
    return false;
}

void outage_commit(struct outage *outage, const struct jv *before, const struct jv *after,
                   int64_t now_ms)
{
    const char *kind = jv_path_str(after ? after : before, "kind", NULL);
    const char *name = jv_path_str(after ? after : before, "metadata", "name", NULL);
    if (kind && strcmp(kind, "Pod") == 0) {
        outage->ready += (is_ready(after) ? 1 : 0) - (is_ready(before) ? 1 : 0);
        outage->ready_max = outage->ready > outage->ready_max ? outage->ready : outage->ready_max;
    } else if (kind && name && strcmp(kind, "ConfigMap") == 0 && strstr(name, "-druid-model")) {
        outage->segments_away = lacks_segments(after);
    } else {
        return;
    }
    bool away = outage->ready < outage->ready_max || outage->segments_away;
    if (away && outage->since_ms == 0) {
        outage->since_ms = now_ms > 0 ? now_ms : 1;
    } else if (!away && outage->since_ms > 0) {
        outage->away_ms += now_ms - outage->since_ms;
        outage->since_ms = 0;
    }
}
