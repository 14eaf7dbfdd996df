/* One run: from the key to the outcome. */
#include "control/controller_internal.h"

#include <stdlib.h>
#include <string.h>

static struct informer *find_informer(void *arg, const char *api_version, const char *kind)
{
    const struct run *run = arg;
    return watches_find(run->watches, run->parts.namespace, api_version, kind);
}

static bool is_readable(void *arg, const struct informer *informer)
{
    const struct run *run = arg;
    return watches_readable(run->watches, informer);
}

static bool is_synced(void *arg)
{
    const struct run *run = arg;
    return watches_synced(run->watches, run->parts.namespace);
}

static void count_result(struct controller *controller, const char *name, const char *result)
{
    struct buf labels;
    buf_init(&labels, 256);
    metrics_label(&labels, "controller", controller->name);
    if (result != NULL)
        metrics_label(&labels, "result", result);
    metrics_add(controller->env.metrics, name, buf_str(&labels), 1);
    buf_deinit(&labels);
}

static void observe_seconds(struct controller *controller, const char *name, bool queue,
                            int64_t milliseconds)
{
    struct buf labels;
    buf_init(&labels, 256);
    if (queue)
        metrics_label(&labels, "name", controller->name);
    metrics_label(&labels, "controller", controller->name);
    metrics_observe(controller->env.metrics, name, buf_str(&labels), (double)milliseconds / 1e3);
    buf_deinit(&labels);
}

static int64_t jittered(struct controller *controller, int64_t delay_ms)
{
    double unit = controller->env.random != NULL ? random_unit(controller->env.random) : 0.5;
    return delay_ms + (int64_t)((double)delay_ms * 0.2 * (unit - 0.5));
}

static void schedule_resync(struct run *run)
{
    struct controller *controller = run->controller;
    int64_t resync_ms = watches_controller(run->watches)->resync_ms;
    workqueue_forget(controller->queue, run->key);
    if (resync_ms > 0 && run->item != NULL)
        workqueue_add_after(controller->queue, run->key, jittered(controller, resync_ms),
                            WORKQUEUE_LOW);
}

static void log_outcome(struct run *run, enum log_level level, const char *message)
{
    struct log_num_buf took, cpu;
    if (level == LOG_DEBUG && !log_enabled(run->log, LOG_DEBUG))
        return;
    log_write(run->log, level, message, "outcome", task_outcome_name(run->result.outcome), "error",
              run->result.err.text[0] != '\0' ? run->result.err.text : NULL, "took_ms",
              log_num(&took, run->result.wall_ms), "cpu_us",
              log_num(&cpu, run->result.cpu_ns / 1000), (char *)NULL);
}

/* What the server has judged and found wrong (400, 413, 422) is found wrong again until something changes. */
static bool is_refused(const struct err *err)
{
    return err->http_status == 400 || err->http_status == 413 || err->http_status == 422;
}

/* The least pause until the key is run again, 0 = none. One lost race is everyday life and tried again at once; who
 * loses again and again has met somebody who writes the same all the time: each try costs both sides all their requests.
 * A refusal may come of something read too early: a few quick tries first. */
static int64_t retry_pause_ms(const struct run *run)
{
    const struct err *err = &run->result.err;
    unsigned failures = workqueue_failures(run->controller->queue, run->key);
    int64_t pause_ms =
        err->retry_after_ms < CONTROLLER_REFUSED_MS ? err->retry_after_ms : CONTROLLER_REFUSED_MS;
    int64_t least_ms = 0;
    if (is_refused(err) && failures >= CONTROLLER_REFUSED_TRIES)
        least_ms = CONTROLLER_REFUSED_MS;
    else if (err->code == ERR_CONFLICT && failures > 0)
        least_ms = (int64_t)CONTROLLER_CONFLICT_MS << (failures < 8 ? failures - 1 : 7);
    return pause_ms > least_ms ? pause_ms : least_ms;
}

/* Nothing can be made in a namespace that is being deleted; what is in it goes with it. */
static bool is_going(const struct run *run)
{
    return run->result.outcome == TASK_RETRY && run->result.err.code == ERR_FORBIDDEN &&
           strcmp(run->result.err.reason, "NamespaceTerminating") == 0;
}

/* What comes next for the key. */
static void conclude(struct run *run)
{
    struct controller *controller = run->controller;
    struct workqueue *queue = controller->queue;
    int priority = workqueue_priority(queue, run->key);
    if (is_going(run)) {
        count_result(controller, "controller_runtime_reconcile_total", "success");
        workqueue_forget(queue, run->key);
        workqueue_add_after(queue, run->key, CONTROLLER_REFUSED_MS, WORKQUEUE_LOW);
        log_outcome(run, LOG_DEBUG, "A namespace is being deleted: nothing can be made in it");
        return;
    }
    switch (run->result.outcome) {
    case TASK_DONE:
        count_result(controller, "controller_runtime_reconcile_total", "success");
        schedule_resync(run);
        log_outcome(run, LOG_DEBUG, "Reconciled");
        return;
    case TASK_REQUEUE:
        count_result(controller, "controller_runtime_reconcile_total", "requeue_after");
        workqueue_forget(queue, run->key);
        workqueue_add_after(queue, run->key, run->result.requeue_ms, priority);
        log_outcome(run, LOG_DEBUG, "Reconciled; looks again later");
        return;
    case TASK_RETRY:
        count_result(controller, "controller_runtime_reconcile_total", "error");
        count_result(controller, "controller_runtime_reconcile_errors_total", NULL);
        /* A conflict is everyday life, and so is one failure; a row of them is not. */
        log_outcome(run, workqueue_failures(queue, run->key) >= 3 ? LOG_WARN : LOG_INFO,
                    "Could not reconcile; tries again");
        workqueue_add_backoff_least(queue, run->key, priority, retry_pause_ms(run));
        return;
    case TASK_TERMINAL:
        count_result(controller, "controller_runtime_reconcile_total", "error");
        count_result(controller, "controller_runtime_terminal_reconcile_errors_total", NULL);
        schedule_resync(run);
        log_outcome(run, LOG_WARN, "Cannot reconcile until something changes");
        return;
    case TASK_FAILED:
        count_result(controller, "controller_runtime_reconcile_total", "error");
        count_result(controller, "controller_runtime_reconcile_panics_total", NULL);
        count_result(controller, "nemeton_policy_errors_total", NULL);
        log_outcome(run, LOG_ERROR, "The policy raised an error");
        workqueue_add_backoff(queue, run->key, priority);
        return;
    case TASK_KILLED:
        count_result(controller, "controller_runtime_reconcile_total", "error");
        count_result(controller, "controller_runtime_reconcile_timeouts_total", NULL);
        count_result(controller, "nemeton_policy_errors_total", NULL);
        log_outcome(run, LOG_ERROR, "The run was killed over a budget");
        workqueue_add_backoff(queue, run->key, priority);
        return;
    }
}

static void on_task(void *arg, const struct task_result *result)
{
    struct run *run = arg;
    struct controller *controller = run->controller;
    run->task = NULL;
    run->result = *result;
    run->result.trace = "";
    if (result->trace != NULL && result->trace[0] != '\0')
        log_error(run->log, "Where the policy failed", "trace", result->trace);
    observe_seconds(controller, "controller_runtime_reconcile_time_seconds", false,
                    loop_now_ms(controller->env.loop) - run->started_ms);
    conclude(run);
    report_run(run);
}

static void unlink_run(struct run *run)
{
    struct controller *controller = run->controller;
    if (run->prev != NULL)
        run->prev->next = run->next;
    else
        controller->runs = run->next;
    if (run->next != NULL)
        run->next->prev = run->prev;
    controller->run_count--;
    controller->env.slots->used--;
}

static void run_free(struct run *run)
{
    effects_run_free(run->effects);
    if (run->item != NULL)
        store_item_unref(run->item);
    watches_unref(run->watches);
    key_parts_deinit(&run->parts);
    log_free(run->log);
    free(run->key);
    free(run);
}

void run_end(struct run *run)
{
    struct controller *controller = run->controller;
    struct key_state *state = key_state_of(controller, run->key, false);
    bool good = run->result.outcome == TASK_DONE || run->result.outcome == TASK_TERMINAL;
    if (state != NULL && run->item == NULL && good) {
        free(state->gone_uid);
        state->gone_uid = NULL;
    }
    state = key_state_of(controller, run->key, true);
    state->running = false;
    state->ran_ms = run->item != NULL ? loop_now_ms(controller->env.loop) : -1;
    key_state_drop_if_empty(controller, run->key);
    observe_seconds(controller, "workqueue_work_duration_seconds", true,
                    loop_now_ms(controller->env.loop) - run->started_ms);
    workqueue_done(controller->queue, run->key);
    unlink_run(run);
    run_free(run);
    controller->env.on_run_ended(controller->env.arg);
}

void run_abandon(struct run *run)
{
    if (run->task != NULL)
        task_cancel(run->task);
    unlink_run(run);
    run_free(run);
}

/* Parked after repeated kills, and nothing has changed since? Then for how long still. */
static int64_t parked_ms(struct controller *controller, const char *key,
                         const struct store_item *item)
{
    struct key_state *state = key_state_of(controller, key, false);
    if (state == NULL || state->parked_version == NULL)
        return 0;
    int64_t left = state->parked_until_ms - loop_now_ms(controller->env.loop);
    int64_t generation = item != NULL ? item->generation : -1;
    const char *version = policy_version(watches_policy(controller->watches));
    if (left > 0 && generation == state->parked_generation &&
        strcmp(version, state->parked_version) == 0)
        return left;
    free(state->parked_version);
    state->parked_version = NULL;
    controller->parked--;
    return 0;
}

static void note_waited(struct controller *controller, const char *key)
{
    struct key_state *state = key_state_of(controller, key, false);
    if (state == NULL || state->ready_ms < 0)
        return;
    observe_seconds(controller, "workqueue_queue_duration_seconds", true,
                    loop_now_ms(controller->env.loop) - state->ready_ms);
    state->ready_ms = -1;
}

static void begin(struct controller *controller, const char *key, const struct key_parts *parts,
                  struct store_item *item)
{
    const struct primary_kind *kind = &controller->kinds[parts->kind];
    struct key_state *state = key_state_of(controller, key, true);
    state->running = true;
    const char *uid = item != NULL ? item->uid : "";
    if (item == NULL && state->gone_uid != NULL)
        uid = state->gone_uid;
    struct run *run = mem_alloc(sizeof(*run));
    run->controller = controller;
    run->key = mem_str(key);
    run->parts = *parts;
    run->watches = watches_ref(controller->watches);
    run->item = item != NULL ? store_item_ref(item) : NULL;
    run->started_ms = loop_now_ms(controller->env.loop);
    struct log_num_buf serial;
    run->log = log_child(controller->env.log, "controller", controller->name, "namespace",
                         parts->namespace[0] != '\0' ? parts->namespace : NULL, "name", parts->name,
                         "run", log_num(&serial, (int64_t)++controller->run_serial), (char *)NULL);
    run->next = controller->runs;
    if (controller->runs != NULL)
        controller->runs->prev = run;
    controller->runs = run;
    controller->run_count++;
    controller->env.slots->used++;
    struct policy *policy = watches_policy(run->watches);
    struct effects_run_options options = {
        .controller = watches_controller(run->watches),
        .policy_version = policy_version(policy),
        .key = {kind->api_version, kind->kind, run->parts.namespace, run->parts.name, uid},
        .primary = run->item,
        .log = run->log,
        .informer = find_informer,
        .readable = is_readable,
        .synced = is_synced,
        .arg = run,
    };
    run->effects = effects_run_new(controller->env.effects, &options);
    run->task = task_start(policy, options.controller, &options.key, run->item,
                           effects_run_door(run->effects), run->log, on_task, run);
}

void run_start(struct controller *controller, const char *key)
{
    struct key_parts parts;
    note_waited(controller, key);
    if (key_parse(key, &parts) != 0 || parts.kind >= controller->kind_count) {
        key_parts_deinit(&parts);
        workqueue_done(controller->queue, key);
        return;
    }
    if (!watches_synced(controller->watches, parts.namespace)) {
        workqueue_add_after(controller->queue, key, CONTROLLER_UNSYNCED_MS, WORKQUEUE_NORMAL);
        workqueue_done(controller->queue, key);
        key_parts_deinit(&parts);
        return;
    }
    /* A kind that the version in force no longer has as a primary is not its business any more. */
    const struct policy_controller *decl = watches_controller(controller->watches);
    const struct primary_kind *kind = &controller->kinds[parts.kind];
    size_t index = 0;
    while (index < decl->primary_count &&
           (strcmp(decl->watches[index].kind, kind->kind) != 0 ||
            strcmp(decl->watches[index].api_version, kind->api_version) != 0))
        index++;
    struct store_item *item = NULL;
    if (index < decl->primary_count)
        item = watches_primary(controller->watches, index, parts.namespace, parts.name);
    int64_t wait_ms = parked_ms(controller, key, item);
    if (index >= decl->primary_count || wait_ms > 0) {
        if (wait_ms > 0)
            workqueue_add_after(controller->queue, key, wait_ms, WORKQUEUE_LOW);
        workqueue_done(controller->queue, key);
        key_parts_deinit(&parts);
        return;
    }
    begin(controller, key, &parts, item);
}
