/* Connect, lead, drain, exit. */
#include "control/manager_internal.h"

#include <stdlib.h>
#include <string.h>

static void on_poll(void *arg);

static int64_t now_ms(const struct manager *manager)
{
    return loop_now_ms(manager->options.loop);
}

static void poll_again(struct manager *manager, int64_t delay_ms)
{
    loop_timer_cancel(manager->options.loop, manager->timer);
    manager->timer = loop_timer_add(manager->options.loop, delay_ms, on_poll, manager);
}

static void on_exit_now(void *arg)
{
    struct manager *manager = arg;
    manager->exit_timer = NULL;
    struct manager_end end = manager->end;
    char *why = manager->end_why;
    end.why = why;
    manager->end_why = NULL;
    manager->options.on_exit(manager->options.arg, &end);
    free(why);
}

static int exit_code_of(enum manager_end_reason reason)
{
    switch (reason) {
    case MANAGER_DRAINED:
        return EXIT_DONE;
    case MANAGER_LEASE_LOST:
    case MANAGER_NO_POLICIES:
        return EXIT_FAILED;
    case MANAGER_NO_CONNECTION:
        return EXIT_NO_CONNECTION;
    }
    return EXIT_FAILED;
}

void manager_exit(struct manager *manager, enum manager_end_reason reason, const char *why)
{
    if (manager->phase == PHASE_EXITING)
        return;
    manager->phase = PHASE_EXITING;
    loop_timer_cancel(manager->options.loop, manager->timer);
    manager->timer = NULL;
    manager->end = (struct manager_end){.reason = reason, .exit_code = exit_code_of(reason)};
    manager->end_why = mem_str(why);
    manager->exit_timer = loop_defer(manager->options.loop, on_exit_now, manager);
}

void manager_pump(struct manager *manager)
{
    for (size_t i = 0; i < manager->controller_count; i++)
        controller_pump(manager->controllers[i]);
}

static void on_acquired(void *arg)
{
    struct manager *manager = arg;
    if (manager->lease != NULL)
        log_info(manager->options.log, "Leading", "lease", manager->name, "identity",
                 manager->identity);
    manager->leading = true;
    policies_set_leading(manager->policies, true);
    manager_pump(manager);
}

static void on_lost(void *arg, const struct err *why)
{
    struct manager *manager = arg;
    manager->leading = false;
    policies_set_leading(manager->policies, false);
    char *text = mem_printf("the lease %s/%s was lost%s%s", manager->lease_namespace, manager->name,
                            why != NULL ? ": " : "", why != NULL ? why->text : "");
    manager_exit(manager, MANAGER_LEASE_LOST, text);
    free(text);
}

static void on_holder(void *arg, const char *identity)
{
    struct manager *manager = arg;
    log_info(manager->options.log, "Standing by; somebody else leads", "holder", identity);
}

static void start_running(struct manager *manager)
{
    static const struct lease_callbacks callbacks = {on_acquired, on_lost, on_holder};
    const char *version = discovery_server_version(manager->discovery);
    log_info(manager->options.log, "Connected", "server",
             kube_config_server(manager->options.config), "version", version, "configuration",
             kube_config_source(manager->options.config));
    manager->phase = PHASE_RUNNING;
    policies_start(manager->policies);
    if (manager->options.skip_lease) {
        on_acquired(manager);
    } else {
        struct lease_options options = {
            .namespace = manager->lease_namespace,
            .name = manager->name,
            .identity = manager->identity,
            .log = manager->options.log,
            .random = manager->options.random,
        };
        manager->lease = lease_start(manager->rest, &options, &callbacks, manager);
    }
    poll_again(manager, MANAGER_POLL_MS);
}

/* What no waiting heals: wrong credentials, a certificate that does not fit, a missing file. */
static bool is_hopeless(const struct err *err)
{
    switch (err->code) {
    case ERR_NETWORK:
        return strcmp(err->reason, HTTP_REASON_PEER_CERTIFICATE) == 0 ||
               strcmp(err->reason, HTTP_REASON_CLIENT_CERTIFICATE) == 0;
    case ERR_TIMEOUT:
    case ERR_SERVER:
    case ERR_TOO_MANY:
        return false;
    default:
        return true;
    }
}

/* Who may not ask for the version, or whose server hides it, may still do everything else. */
static bool is_kept_secret(const struct err *err)
{
    return err->http_status > 0 && (err->code == ERR_FORBIDDEN || err->code == ERR_NOT_FOUND);
}

/* When to try again: not before the server wants it. */
static int64_t connect_delay_ms(struct manager *manager, const struct err *err)
{
    int64_t latest_ms = manager->began_ms + MANAGER_CONNECT_MAX_MS;
    int64_t wait_ms = err->retry_after_ms;
    if (wait_ms > latest_ms - now_ms(manager))
        wait_ms = latest_ms - now_ms(manager);
    if (wait_ms <= MANAGER_CONNECT_RETRY_MS)
        return MANAGER_CONNECT_RETRY_MS;
    manager->deadline_ms += wait_ms; /* a server that answers is there */
    return wait_ms;
}

static void on_ping(void *arg, const struct err *err)
{
    struct manager *manager = arg;
    manager->pinging = false;
    if (err != NULL && is_kept_secret(err))
        log_warn(manager->options.log, "The server does not tell its version; goes on", "error",
                 err->text);
    if (err == NULL || is_kept_secret(err)) {
        start_running(manager);
        return;
    }
    manager->connect_err = *err;
    if (is_hopeless(err) || now_ms(manager) >= manager->deadline_ms) {
        char *why =
            mem_printf("no connection to %s (%s): %s", kube_config_server(manager->options.config),
                       kube_config_source(manager->options.config), err->text);
        manager_exit(manager, MANAGER_NO_CONNECTION, why);
        free(why);
        return;
    }
    manager->tries++;
    if ((manager->tries & (manager->tries - 1)) == 0)
        log_warn(manager->options.log, "No connection yet; tries again", "error", err->text);
    poll_again(manager, connect_delay_ms(manager, err));
}

static void ping(struct manager *manager)
{
    manager->pinging = true;
    discovery_ping(manager->discovery, on_ping, manager);
}

void manager_connect(struct manager *manager)
{
    manager->phase = PHASE_CONNECTING;
    manager->began_ms = now_ms(manager);
    manager->deadline_ms = manager->began_ms + MANAGER_CONNECT_MS;
    ping(manager);
}

static void check_ready(struct manager *manager)
{
    char *problem = manager_problem(manager);
    bool ready = problem == NULL && manager->leading;
    free(problem);
    if (!ready) {
        poll_again(manager, MANAGER_POLL_MS);
        return;
    }
    manager->was_ready = true;
    log_info(manager->options.log, "Ready");
    if (manager->options.on_ready != NULL)
        manager->options.on_ready(manager->options.arg);
}

static void on_released(void *arg)
{
    struct manager *manager = arg;
    log_info(manager->options.log, "Stopped");
    manager_exit(manager, MANAGER_DRAINED, NULL);
}

static void continue_drain(struct manager *manager)
{
    int64_t over_ms = now_ms(manager) - manager->deadline_ms;
    bool runs_done = manager_running(manager) == 0 || over_ms >= 0;
    bool events_done = event_recorder_pending(manager->events) == 0 || over_ms >= MANAGER_EVENTS_MS;
    if (!runs_done || !events_done) {
        poll_again(manager, MANAGER_POLL_MS);
        return;
    }
    bool abandoned = manager_running(manager) > 0;
    for (size_t i = 0; i < manager->controller_count; i++)
        controller_free(manager->controllers[i]);
    manager->controller_count = 0;
    manager->leading = false;
    /* What was cut off may still be under way to the server: then the next leader waits until the lease has run out. */
    if (abandoned)
        log_warn(manager->options.log, "Runs did not end in time; the lease is left to run out");
    if (manager->lease != NULL && !abandoned)
        lease_release(manager->lease, MANAGER_RELEASE_MS, on_released, manager);
    else
        on_released(manager);
}

static void on_poll(void *arg)
{
    struct manager *manager = arg;
    manager->timer = NULL;
    switch (manager->phase) {
    case PHASE_CONNECTING:
        ping(manager);
        return;
    case PHASE_RUNNING:
        if (!manager->was_ready)
            check_ready(manager);
        return;
    case PHASE_DRAINING:
        continue_drain(manager);
        return;
    case PHASE_NEW:
    case PHASE_EXITING:
        return;
    }
}

void manager_drain(struct manager *manager)
{
    if (manager->phase == PHASE_DRAINING || manager->phase == PHASE_EXITING)
        return;
    log_info(manager->options.log, "Draining");
    if (manager->phase != PHASE_RUNNING) {
        manager_exit(manager, MANAGER_DRAINED, NULL);
        return;
    }
    manager->phase = PHASE_DRAINING;
    manager->deadline_ms = now_ms(manager) + MANAGER_DRAIN_MS;
    policies_set_leading(manager->policies, false);
    continue_drain(manager);
}
