/* What a manager tells about itself: readiness in words, metrics, checks. */
#include "control/manager_internal.h"

#include <stdlib.h>
#include <string.h>

struct scrape {
    struct metrics *metrics;
    int64_t now_ms;
};

static void scrape_informer(void *arg, struct informer *informer)
{
    struct scrape *scrape = arg;
    struct metrics *metrics = scrape->metrics;
    const struct informer_spec *spec = informer_spec_of(informer);
    struct watch_stats stats = informer_stats(informer);
    struct store *store = informer_store(informer);
    struct buf labels;
    buf_init(&labels, 1024);
    metrics_label(&labels, "kind", spec->kind);
    metrics_label(&labels, "namespace", spec->namespace);
    metrics_label(&labels, "selector", spec->label_selector);
    metrics_set(metrics, "nemeton_informer_objects", buf_str(&labels), (double)store_count(store));
    metrics_set(metrics, "nemeton_informer_bytes", buf_str(&labels), (double)store_bytes(store));
    metrics_set(metrics, "nemeton_informer_relists_total", buf_str(&labels), (double)stats.relists);
    metrics_set(metrics, "nemeton_informer_restarts_total", buf_str(&labels),
                (double)stats.restarts);
    metrics_set(metrics, "nemeton_informer_synced", buf_str(&labels),
                informer_synced(informer) ? 1 : 0);
    if (stats.last_event_ms > 0)
        metrics_set(metrics, "nemeton_informer_last_event_seconds", buf_str(&labels),
                    (double)(scrape->now_ms - stats.last_event_ms) / 1e3);
    buf_deinit(&labels);
}

static void scrape_policy(const struct policy *policy, struct metrics *metrics)
{
    struct policy_stats stats = policy_stats(policy);
    metrics_set(metrics, "nemeton_policy_memory_bytes", NULL, (double)stats.memory_bytes);
    metrics_set(metrics, "nemeton_policy_memory_peak_bytes", NULL, (double)stats.memory_peak_bytes);
    metrics_set(metrics, "nemeton_policy_cpu_seconds", NULL, (double)stats.cpu_ns / 1e9);
    metrics_set(metrics, "nemeton_policy_kills_total", NULL, (double)stats.kills);
}

void manager_scrape(void *arg, struct metrics *metrics)
{
    static const char *const informer_gauges[] = {
        "nemeton_informer_objects",       "nemeton_informer_bytes",
        "nemeton_informer_relists_total", "nemeton_informer_restarts_total",
        "nemeton_informer_synced",        "nemeton_informer_last_event_seconds"};
    struct manager *manager = arg;
    struct scrape scrape = {metrics, loop_now_ms(manager->options.loop)};
    struct buf labels;
    for (size_t i = 0; i < sizeof(informer_gauges) / sizeof(informer_gauges[0]); i++)
        metrics_clear(metrics, informer_gauges[i]);
    informer_set_each(manager->informers, scrape_informer, &scrape);
    for (size_t i = 0; i < manager->controller_count; i++)
        controller_scrape(manager->controllers[i], metrics);
    if (policies_current(manager->policies) != NULL)
        scrape_policy(policies_current(manager->policies), metrics);
    buf_init(&labels, 256);
    metrics_label(&labels, "name", manager->name);
    metrics_set(metrics, "leader_election_master_status", buf_str(&labels),
                manager->leading ? 1 : 0);
    if (manager->lease != NULL)
        metrics_set(metrics, "leader_election_slowpath_total", buf_str(&labels),
                    (double)lease_slow_paths(manager->lease));
    buf_deinit(&labels);
}

static void count_request(const struct manager *manager, const struct rest_sent *sent)
{
    struct metrics *metrics = manager->options.metrics;
    struct buf labels;
    struct log_num_buf number;
    const char *code = sent->code > 0 ? log_num(&number, sent->code) : "<error>";
    buf_init(&labels, 1024);
    metrics_label(&labels, "code", code);
    metrics_label(&labels, "method", sent->method);
    metrics_label(&labels, "host", manager->host);
    metrics_add(metrics, "rest_client_requests_total", buf_str(&labels), 1);
    buf_clear(&labels);
    metrics_label(&labels, "code", code);
    metrics_label(&labels, "verb", sent->method);
    metrics_label(&labels, "host", manager->host);
    if (sent->is_repeat)
        metrics_add(metrics, "rest_client_request_retries_total", buf_str(&labels), 1);
    buf_clear(&labels);
    metrics_label(&labels, "verb", sent->method);
    metrics_label(&labels, "host", manager->host);
    metrics_observe(metrics, "rest_client_request_duration_seconds", buf_str(&labels),
                    (double)sent->duration_ms / 1e3);
    metrics_observe(metrics, "rest_client_request_size_bytes", buf_str(&labels),
                    (double)sent->body_bytes);
    if (sent->answer_bytes >= 0)
        metrics_observe(metrics, "rest_client_response_size_bytes", buf_str(&labels),
                        (double)sent->answer_bytes);
    buf_deinit(&labels);
}

void manager_on_request(void *arg, const struct rest_sent *sent)
{
    struct manager *manager = arg;
    if (manager->held_back && manager_has_room(manager)) {
        manager->held_back = false;
        manager_pump(manager);
    }
    if (manager->options.metrics != NULL)
        count_request(manager, sent);
}

char *manager_problem(const struct manager *manager)
{
    if (manager->phase == PHASE_NEW || manager->phase == PHASE_CONNECTING)
        return mem_printf(
            "no connection to %s yet%s%s", kube_config_server(manager->options.config),
            manager->connect_err.text[0] != '\0' ? ": " : "", manager->connect_err.text);
    if (manager->phase == PHASE_DRAINING || manager->phase == PHASE_EXITING)
        return mem_str("stopping");
    char *problem = policies_problem(manager->policies);
    if (problem != NULL)
        return problem;
    for (size_t i = 0; i < manager->controller_count; i++) {
        const char *why = watches_problem(controller_watches(manager->controllers[i]));
        if (why != NULL)
            return mem_printf("%s: %s", controller_name(manager->controllers[i]), why);
    }
    return NULL;
}

static char *check_ready(void *arg)
{
    return manager_problem(arg);
}

/* Who leads has renewed lately, or has stopped. */
static char *check_lease(void *arg)
{
    const struct manager *manager = arg;
    if (!manager->leading || manager->lease == NULL || lease_holds(manager->lease))
        return NULL;
    return mem_str("leading, but the lease was not renewed in time");
}

void manager_watch_health(struct manager *manager, struct health *health)
{
    health_add(health, manager->name, false, check_ready, manager);
    health_add(health, "lease", true, check_lease, manager);
}
