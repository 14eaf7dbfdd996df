#include "sandbox/table_internal.h"

#include <stdlib.h>
#include <string.h>

/* What the columns of a pod are gathered into. */
struct summary {
    char *reason; /* owned */
    int64_t restarts, sidecar_restarts;
    const char *last_restart, *last_sidecar_restart; /* RFC 3339 in UTC; NULL: never */
    int64_t total, ready;
    bool initializing;
};

static void say(struct summary *summary, char *reason)
{
    free(summary->reason);
    summary->reason = reason;
}

static const struct jv *find_named(const struct jv *list, const char *key, const char *value)
{
    for (size_t i = 0; i < jv_size(list); i++)
        if (strcmp(row_str(jv_at(list, i), key), value) == 0)
            return jv_at(list, i);
    return NULL;
}

static bool condition_is(const struct jv *status, const char *type, const char *wanted)
{
    const struct jv *condition = find_named(jv_get(status, "conditions"), "type", type);
    return condition && strcmp(row_str(condition, "status"), wanted) == 0;
}

static bool is_sidecar(const struct row *row, const char *name)
{
    const struct jv *container = find_named(jv_get(row->spec, "initContainers"), "name", name);
    return container && strcmp(row_str(container, "restartPolicy"), "Always") == 0;
}

static void count_restarts(const struct jv *status, int64_t *restarts, const char **last)
{
    const char *ended = jv_path_str(status, "lastState", "terminated", "finishedAt", NULL);
    *restarts += row_int(status, "restartCount");
    if (ended && (!*last || strcmp(ended, *last) > 0))
        *last = ended;
}

static char *ended_text(const char *prefix, const struct jv *terminated)
{
    const char *reason = row_str(terminated, "reason");
    if (*reason)
        return mem_printf("%s%s", prefix, reason);
    if (row_int(terminated, "signal"))
        return mem_printf("%sSignal:%lld", prefix, (long long)row_int(terminated, "signal"));
    return mem_printf("%sExitCode:%lld", prefix, (long long)row_int(terminated, "exitCode"));
}

/* False when this init container is what the pod waits for. */
static bool init_is_done(const struct row *row, const struct jv *status, size_t index,
                         struct summary *summary)
{
    const struct jv *terminated = jv_path(status, "state", "terminated", NULL);
    const char *waiting = jv_path_str(status, "state", "waiting", "reason", NULL);
    bool sidecar = is_sidecar(row, row_str(status, "name"));
    count_restarts(status, &summary->restarts, &summary->last_restart);
    if (sidecar)
        count_restarts(status, &summary->sidecar_restarts, &summary->last_sidecar_restart);
    if (terminated && row_int(terminated, "exitCode") == 0)
        return true;
    if (sidecar && jv_bool_value(jv_get(status, "started"))) {
        summary->ready += jv_bool_value(jv_get(status, "ready"));
        return true;
    }
    if (terminated)
        say(summary, ended_text("Init:", terminated));
    else if (waiting && *waiting && strcmp(waiting, "PodInitializing") != 0)
        say(summary, mem_printf("Init:%s", waiting));
    else
        say(summary,
            mem_printf("Init:%zu/%zu", index, jv_size(jv_get(row->spec, "initContainers"))));
    return false;
}

static void sum_init(const struct row *row, struct summary *summary)
{
    const struct jv *specs = jv_get(row->spec, "initContainers");
    const struct jv *list = jv_get(row->status, "initContainerStatuses");
    for (size_t i = 0; i < jv_size(specs); i++)
        summary->total += is_sidecar(row, row_str(jv_at(specs, i), "name"));
    for (size_t i = 0; !summary->initializing && i < jv_size(list); i++)
        summary->initializing = !init_is_done(row, jv_at(list, i), i, summary);
}

static void sum_containers(const struct row *row, struct summary *summary)
{
    const struct jv *list = jv_get(row->status, "containerStatuses");
    bool running = false;
    char *failed = NULL;
    summary->restarts = summary->sidecar_restarts;
    summary->last_restart = summary->last_sidecar_restart;
    for (size_t i = jv_size(list); i > 0; i--) {
        const struct jv *status = jv_at(list, i - 1);
        const struct jv *terminated = jv_path(status, "state", "terminated", NULL);
        const char *waiting = jv_path_str(status, "state", "waiting", "reason", NULL);
        count_restarts(status, &summary->restarts, &summary->last_restart);
        if (waiting && *waiting) {
            say(summary, mem_str(waiting));
        } else if (terminated) {
            say(summary, ended_text("", terminated));
            if (row_int(terminated, "exitCode")) {
                free(failed);
                failed = mem_str(summary->reason);
            }
        } else if (jv_bool_value(jv_get(status, "ready")) &&
                   jv_path(status, "state", "running", NULL)) {
            running = true;
            summary->ready++;
        }
    }
    if (strcmp(summary->reason, "Completed") == 0) {
        if (running && condition_is(row->status, "Ready", "True"))
            say(summary, mem_str("Running"));
        else if (failed)
            say(summary, mem_str(failed));
        else if (running)
            say(summary, mem_str("NotReady"));
    }
    free(failed);
}

static void sum_pod(const struct row *row, struct summary *summary)
{
    const char *phase = row_str(row->status, "phase"), *reason = row_str(row->status, "reason");
    const struct jv *conditions = jv_get(row->status, "conditions");
    const struct jv *scheduled = find_named(conditions, "type", "PodScheduled");
    bool terminal = strcmp(phase, "Succeeded") == 0 || strcmp(phase, "Failed") == 0;
    summary->total = (int64_t)jv_size(jv_get(row->spec, "containers"));
    say(summary, mem_str(*reason ? reason : phase));
    if (scheduled && strcmp(row_str(scheduled, "reason"), "SchedulingGated") == 0)
        say(summary, mem_str("SchedulingGated"));
    sum_init(row, summary);
    if (!summary->initializing || condition_is(row->status, "Initialized", "True"))
        sum_containers(row, summary);
    if (!jv_path(row->object, "metadata", "deletionTimestamp", NULL))
        return;
    if (strcmp(reason, "NodeLost") == 0)
        say(summary, mem_str("Unknown"));
    else if (!terminal)
        say(summary, mem_str("Terminating"));
}

static void wide_cells(struct row *row)
{
    const struct jv *gates = jv_get(row->spec, "readinessGates");
    const char *address = jv_path_str(jv_at(jv_get(row->status, "podIPs"), 0), "ip", NULL);
    size_t open = 0;
    cell_or(row, address, "<none>");
    cell_or(row, row_str(row->spec, "nodeName"), "<none>");
    cell_or(row, row_str(row->status, "nominatedNodeName"), "<none>");
    for (size_t i = 0; i < jv_size(gates); i++)
        open += condition_is(row->status, row_str(jv_at(gates, i), "conditionType"), "True");
    if (jv_size(gates))
        cell_take(row, mem_printf("%zu/%zu", open, jv_size(gates)));
    else
        cell(row, "<none>");
}

/* A row that is over: clients may leave it out. */
static void mark_completed(struct row *row)
{
    const char *phase = row_str(row->status, "phase");
    bool succeeded = strcmp(phase, "Succeeded") == 0;
    if (!succeeded && strcmp(phase, "Failed") != 0)
        return;
    struct jv *condition = jv_object();
    jv_set_str(condition, "type", "Completed");
    jv_set_str(condition, "status", "True");
    jv_set_str(condition, "reason", phase);
    jv_set_str(condition, "message",
               succeeded ? "The pod has completed successfully." : "The pod failed.");
    row->conditions = jv_array();
    jv_append(row->conditions, condition);
}

static void pod_cells(struct row *row)
{
    struct summary summary = {0};
    sum_pod(row, &summary);
    cell_name(row);
    cell_take(row, mem_printf("%lld/%lld", (long long)summary.ready, (long long)summary.total));
    cell_take(row, summary.reason);
    char *since =
        summary.restarts && summary.last_restart ? row_since(row, summary.last_restart) : NULL;
    cell_take(row, mem_printf("%lld%s%s%s", (long long)summary.restarts, since ? " (" : "",
                              since ? since : "", since ? " ago)" : ""));
    free(since);
    cell_age(row);
    wide_cells(row);
    mark_completed(row);
}

const struct printer table_pod_printers[] = {
    {"Pod", "Name|Ready|Status|Restarts|Age|+IP|+Node|+Nominated Node|+Readiness Gates", pod_cells},
    {NULL, NULL, NULL},
};
