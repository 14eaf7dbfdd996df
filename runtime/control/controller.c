#include "control/controller_internal.h"

#include <stdlib.h>
#include <string.h>

static void on_pump(void *arg)
{
    struct controller *controller = arg;
    const struct controller_env *env = &controller->env;
    controller->pump = NULL;
    if (controller->retired || !env->may_run(env->arg))
        return;
    for (int started = 0; env->slots->used < env->slots->max; started++) {
        if (started == CONTROLLER_STARTS_PER_TURN) {
            controller_pump(controller);
            return;
        }
        if (env->has_room != NULL && !env->has_room(env->arg))
            return;
        const char *key = workqueue_take(controller->queue);
        if (key == NULL)
            return;
        run_start(controller, key);
    }
}

static void on_ready(void *arg)
{
    controller_pump(arg);
}

static void on_synced(void *arg)
{
    controller_pump(arg);
}

/* Every metric is there from the start, at zero. */
static void init_metrics(struct controller *controller)
{
    static const char *const results[] = {"success", "error", "requeue", "requeue_after"};
    static const char *const counters[] = {"controller_runtime_reconcile_errors_total",
                                           "controller_runtime_terminal_reconcile_errors_total",
                                           "controller_runtime_reconcile_panics_total",
                                           "controller_runtime_reconcile_timeouts_total",
                                           "nemeton_policy_errors_total"};
    struct buf labels;
    buf_init(&labels, 512);
    metrics_label(&labels, "controller", controller->name);
    for (size_t i = 0; i < sizeof(counters) / sizeof(counters[0]); i++)
        metrics_add(controller->env.metrics, counters[i], buf_str(&labels), 0);
    for (size_t i = 0; i < sizeof(results) / sizeof(results[0]); i++) {
        buf_clear(&labels);
        metrics_label(&labels, "controller", controller->name);
        metrics_label(&labels, "result", results[i]);
        metrics_add(controller->env.metrics, "controller_runtime_reconcile_total", buf_str(&labels),
                    0);
    }
    buf_deinit(&labels);
}

static void adopt_watches(struct controller *controller, struct watches *take)
{
    const struct policy_controller *decl = watches_controller(take);
    for (size_t i = 0; i < decl->primary_count; i++)
        controller_kind_index(controller, decl->watches[i].api_version, decl->watches[i].kind);
    controller->watches = take;
    watches_listen(take, controller_on_change, on_synced, controller);
}

struct controller *controller_new(const struct controller_env *env, struct watches *take)
{
    struct controller *controller = mem_alloc(sizeof(*controller));
    uint64_t seed = env->random != NULL ? random_u64(env->random) : 0;
    controller->env = *env;
    controller->name = mem_str(watches_controller(take)->name);
    controller->states = map_new(seed, key_state_free);
    struct workqueue_options options = {
        .keys_max = CONTROLLER_KEYS_MAX,
        .hash_seed = seed,
        .random = env->random,
        .on_ready = on_ready,
        .on_ready_arg = controller,
    };
    controller->queue = workqueue_new(env->loop, &options);
    init_metrics(controller);
    adopt_watches(controller, take);
    return controller;
}

void controller_free(struct controller *controller)
{
    if (controller == NULL)
        return;
    watches_unlisten(controller->watches);
    controller_drop_serves(controller);
    while (controller->runs != NULL)
        run_abandon(controller->runs);
    loop_timer_cancel(controller->env.loop, controller->pump);
    workqueue_free(controller->queue);
    watches_unref(controller->watches);
    map_free(controller->states);
    for (size_t i = 0; i < controller->kind_count; i++) {
        free(controller->kinds[i].api_version);
        free(controller->kinds[i].kind);
    }
    free(controller->kinds);
    free(controller->name);
    free(controller);
}

void controller_swap(struct controller *controller, struct watches *take)
{
    struct watches *former = controller->watches;
    watches_unlisten(former);
    adopt_watches(controller, take);
    watches_unref(former);
    controller_pump(controller);
}

void controller_retire(struct controller *controller)
{
    controller->retired = true;
    watches_unlisten(controller->watches);
    workqueue_shut(controller->queue);
}

void controller_pump(struct controller *controller)
{
    if (controller->pump == NULL)
        controller->pump = loop_defer(controller->env.loop, on_pump, controller);
}

static bool is_ignored(struct controller *controller, const char *key)
{
    struct key_parts parts;
    if (controller->env.ignores == NULL || key_parse(key, &parts) != 0)
        return false;
    bool ignored = controller->env.ignores(controller->env.arg, parts.namespace);
    key_parts_deinit(&parts);
    return ignored;
}

static void tell_full(struct controller *controller, const char *key)
{
    log_error(controller->env.log, "The work queue is full; a change waits for its resync",
              "controller", controller->name, "key", key);
}

void controller_add(struct controller *controller, const char *key, int priority)
{
    if (controller->retired || is_ignored(controller, key))
        return;
    if (controller->env.metrics != NULL) {
        struct key_state *state = key_state_of(controller, key, true);
        if (state->ready_ms < 0)
            state->ready_ms = loop_now_ms(controller->env.loop);
    }
    if (workqueue_add(controller->queue, key, priority) != 0)
        tell_full(controller, key);
}

void controller_add_after(struct controller *controller, const char *key, int64_t delay_ms,
                          int priority)
{
    if (!controller->retired && !is_ignored(controller, key) &&
        workqueue_add_after(controller->queue, key, delay_ms, priority) != 0)
        tell_full(controller, key);
}

const char *controller_name(const struct controller *controller)
{
    return controller->name;
}

struct watches *controller_watches(const struct controller *controller)
{
    return controller->watches;
}

size_t controller_running(const struct controller *controller)
{
    return controller->run_count;
}

bool controller_is_idle(const struct controller *controller)
{
    struct workqueue_stats stats = workqueue_stats(controller->queue);
    return stats.depth == 0 && stats.processing == 0 && controller->run_count == 0 &&
           controller->serve_count == 0;
}

bool controller_synced(const struct controller *controller)
{
    return watches_synced(controller->watches, NULL);
}

bool controller_is_failing(const struct controller *controller, const char *kind,
                           const char *namespace, const char *name)
{
    for (size_t i = 0; i < controller->kind_count; i++) {
        if (strcmp(controller->kinds[i].kind, kind) != 0)
            continue;
        char *key = key_make(i, namespace, name);
        const struct key_state *state = map_get(controller->states, key);
        free(key);
        if (state != NULL && state->error_digest != 0)
            return true;
    }
    return false;
}

static void set_depth(const struct controller *controller, struct metrics *metrics,
                      const char *priority, size_t depth)
{
    struct buf labels;
    buf_init(&labels, 512);
    metrics_label(&labels, "name", controller->name);
    metrics_label(&labels, "controller", controller->name);
    metrics_label(&labels, "priority", priority);
    metrics_set(metrics, "workqueue_depth", buf_str(&labels), (double)depth);
    buf_deinit(&labels);
}

void controller_scrape(struct controller *controller, struct metrics *metrics)
{
    struct workqueue_stats stats = workqueue_stats(controller->queue);
    int64_t now_ms = loop_now_ms(controller->env.loop);
    int64_t unfinished = 0, longest = 0;
    for (const struct run *run = controller->runs; run != NULL; run = run->next) {
        int64_t took = now_ms - run->started_ms;
        unfinished += took;
        longest = took > longest ? took : longest;
    }
    struct buf labels;
    buf_init(&labels, 512);
    metrics_label(&labels, "controller", controller->name);
    metrics_set(metrics, "controller_runtime_active_workers", buf_str(&labels),
                (double)controller->run_count);
    metrics_set(metrics, "controller_runtime_max_concurrent_reconciles", buf_str(&labels),
                (double)controller->env.slots->max);
    metrics_set(metrics, "nemeton_breaker_open", buf_str(&labels), (double)controller->parked);
    buf_clear(&labels);
    metrics_label(&labels, "name", controller->name);
    metrics_label(&labels, "controller", controller->name);
    set_depth(controller, metrics, "0", stats.depth - stats.depth_low);
    set_depth(controller, metrics, "-100", stats.depth_low);
    metrics_set(metrics, "workqueue_adds_total", buf_str(&labels), (double)stats.adds);
    metrics_set(metrics, "workqueue_retries_total", buf_str(&labels), (double)stats.retries);
    metrics_set(metrics, "workqueue_unfinished_work_seconds", buf_str(&labels),
                (double)unfinished / 1e3);
    metrics_set(metrics, "workqueue_longest_running_processor_seconds", buf_str(&labels),
                (double)longest / 1e3);
    buf_deinit(&labels);
}
