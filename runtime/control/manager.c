#include "control/manager_internal.h"

#include <stdlib.h>
#include <string.h>

static bool may_write(void *arg)
{
    const struct manager *manager = arg;
    return manager->leading && manager->lease != NULL && lease_holds(manager->lease);
}

static bool lease_covers(void *arg, int64_t margin_ms)
{
    const struct manager *manager = arg;
    if (manager->options.skip_lease)
        return manager->leading;
    return may_write(arg) && lease_margin_ms(manager->lease) >= margin_ms;
}

static bool all_synced(void *arg)
{
    const struct manager *manager = arg;
    for (size_t i = 0; i < manager->controller_count; i++) {
        if (!controller_synced(manager->controllers[i]))
            return false;
    }
    return manager->controller_count > 0;
}

static bool version_in_force(void *arg, const char *version)
{
    const struct manager *manager = arg;
    const struct policy *policy = policies_current(manager->policies);
    return policy != NULL && strcmp(policy_version(policy), version) == 0;
}

static bool may_run(void *arg)
{
    const struct manager *manager = arg;
    return manager->leading && manager->phase == PHASE_RUNNING;
}

static void free_retired(struct manager *manager)
{
    size_t kept = 0;
    for (size_t i = 0; i < manager->retired_count; i++) {
        if (controller_running(manager->retired[i]) > 0)
            manager->retired[kept++] = manager->retired[i];
        else
            controller_free(manager->retired[i]);
    }
    manager->retired_count = kept;
}

static void on_sweep(void *arg)
{
    struct manager *manager = arg;
    manager->sweep_timer = NULL;
    free_retired(manager);
}

/* What a burst of runs has used is given back once it is over. */
static void on_rest(void *arg)
{
    struct manager *manager = arg;
    struct loop *loop = manager->options.loop;
    manager->rest_timer = NULL;
    if (manager->slots.used > 0) {
        manager->rest_timer = loop_timer_add(loop, MANAGER_REST_MS, on_rest, manager);
        return;
    }
    manager->rested_ms = loop_now_ms(loop);
    if (policies_current(manager->policies) != NULL)
        policy_collect(policies_current(manager->policies));
    informer_set_trim(manager->informers);
    mem_trim();
}

static void rest_later(struct manager *manager)
{
    struct loop *loop = manager->options.loop;
    int64_t again_ms = manager->rested_ms + MANAGER_REST_AGAIN_MS - loop_now_ms(loop);
    if (manager->rest_timer == NULL)
        manager->rest_timer = loop_timer_add(
            loop, again_ms > MANAGER_REST_MS ? again_ms : MANAGER_REST_MS, on_rest, manager);
}

bool manager_has_room(void *arg)
{
    struct manager *manager = arg;
    bool room = manager->slots.used < MANAGER_CONCURRENT_BUSY ||
                rest_pending_unary(manager->rest) < MANAGER_REQUESTS_BUSY;
    manager->held_back = manager->held_back || !room;
    return room;
}

static void on_run_ended(void *arg)
{
    struct manager *manager = arg;
    rest_later(manager);
    /* The controllers whose keys found no slot; each looks only when one is free. */
    if (manager->slots.used + 1 == manager->slots.max || manager->held_back) {
        manager->held_back = false;
        manager_pump(manager);
    }
    if (manager->retired_count > 0 && manager->sweep_timer == NULL)
        manager->sweep_timer = loop_defer(manager->options.loop, on_sweep, manager);
}

static struct controller *find_controller(const struct manager *manager, const char *name,
                                          size_t *index)
{
    for (size_t i = 0; i < manager->controller_count; i++) {
        if (strcmp(controller_name(manager->controllers[i]), name) == 0) {
            *index = i;
            return manager->controllers[i];
        }
    }
    return NULL;
}

static bool ignores(void *arg, const char *namespace)
{
    const struct manager *manager = arg;
    for (size_t i = 0; i < manager->options.ignored_namespace_count; i++) {
        if (strcmp(manager->ignored_namespaces[i], namespace) == 0)
            return true;
    }
    return false;
}

/* "ingestion" means the module of that name, and "things.ingestion" too. */
static bool is_called(const char *controller, const char *name)
{
    size_t len = strlen(controller), own = strlen(name);
    return len >= own && strcmp(controller + len - own, name) == 0 &&
           (len == own || controller[len - own - 1] == '.');
}

static bool wants(void *arg, const char *controller)
{
    const struct manager *manager = arg;
    for (size_t i = 0; i < manager->options.disabled_controller_count; i++) {
        if (is_called(controller, manager->disabled_controllers[i]))
            return false;
    }
    return true;
}

/* A name that no controller has is most likely a slip. */
static void tell_unknown_names(const struct manager *manager, struct policy *policy)
{
    for (size_t i = 0; i < manager->options.disabled_controller_count; i++) {
        const char *name = manager->disabled_controllers[i];
        bool known = false;
        for (size_t k = 0; k < policy_controller_count(policy) && !known; k++)
            known = is_called(policy_controller_at(policy, k)->name, name);
        if (!known)
            log_warn(manager->options.log,
                     "The policies have no controller of this name to disable", "name", name);
    }
}

static struct controller *make_controller(struct manager *manager, struct watches *watches)
{
    struct controller_env env = {
        .loop = manager->options.loop,
        .effects = manager->effects,
        .events = manager->events,
        .log = manager->options.log,
        .metrics = manager->options.metrics,
        .random = manager->options.random,
        .slots = &manager->slots,
        .may_run = may_run,
        .has_room = manager_has_room,
        .on_run_ended = on_run_ended,
        .ignores = manager->options.ignored_namespace_count > 0 ? ignores : NULL,
        .arg = manager,
    };
    return controller_new(&env, watches);
}

static void retire(struct manager *manager, struct controller *controller)
{
    controller_retire(controller);
    manager->retired =
        mem_grow(manager->retired, (manager->retired_count + 1) * sizeof(*manager->retired));
    manager->retired[manager->retired_count++] = controller;
}

static void on_swap(void *arg, struct policy *policy, struct watches **watches, size_t count)
{
    struct manager *manager = arg;
    struct controller **next = mem_alloc((count + 1) * sizeof(struct controller *));
    if (manager->controllers == NULL)
        tell_unknown_names(manager, policy);
    for (size_t i = 0; i < count; i++) {
        size_t index = 0;
        const char *name = watches_controller(watches[i])->name;
        struct controller *controller = find_controller(manager, name, &index);
        if (controller == NULL) {
            next[i] = make_controller(manager, watches[i]);
            continue;
        }
        controller_swap(controller, watches[i]);
        next[i] = controller;
        manager->controllers[index] = manager->controllers[--manager->controller_count];
    }
    for (size_t i = 0; i < manager->controller_count; i++)
        retire(manager, manager->controllers[i]);
    free(manager->controllers);
    manager->controllers = next;
    manager->controller_count = count;
    free_retired(manager);
}

static bool is_failing(void *arg, const char *name, const char *kind, const char *namespace,
                       const char *object)
{
    const struct manager *manager = arg;
    size_t index = 0;
    const struct controller *controller = find_controller(manager, name, &index);
    return controller != NULL && controller_is_failing(controller, kind, namespace, object);
}

static void on_fatal(void *arg, const struct err *err)
{
    struct manager *manager = arg;
    char *why = mem_printf("no policies can be loaded: %s", err->text);
    manager_exit(manager, MANAGER_NO_POLICIES, why);
    free(why);
}

static char **copy_list(const char *const *items, size_t count)
{
    char **copy = mem_alloc((count + 1) * sizeof(*copy));
    for (size_t i = 0; i < count; i++)
        copy[i] = mem_str(items[i]);
    return copy;
}

static void free_list(char **items, size_t count)
{
    for (size_t i = 0; i < count; i++)
        free(items[i]);
    free(items);
}

static void copy_options(struct manager *manager, const struct manager_options *options)
{
    manager->options = *options;
    manager->name = mem_str(options->name);
    manager->identity = mem_str(options->identity);
    manager->lease_namespace = mem_str(options->lease_namespace);
    manager->policy_namespace = mem_str(options->policy_namespace);
    manager->policy_dir = mem_str(options->policy_dir);
    manager->namespaces = copy_list(options->namespaces, options->namespace_count);
    manager->ignored_namespaces =
        copy_list(options->ignored_namespaces, options->ignored_namespace_count);
    manager->disabled_controllers =
        copy_list(options->disabled_controllers, options->disabled_controller_count);
    manager->slots.max =
        options->concurrent_max > 0 ? options->concurrent_max : (size_t)MANAGER_CONCURRENT_DEFAULT;
    const char *server = kube_config_server(options->config);
    const char *host = strstr(server, "://");
    manager->host = mem_str(host != NULL ? host + 3 : server);
}

static void make_clients(struct manager *manager)
{
    const struct manager_options *options = &manager->options;
    char *user_agent = mem_printf("%s/%s", manager->name, NEMETON_VERSION);
    struct rest_options rest = {
        .log = options->log,
        .random = options->random,
        .on_request = manager_on_request,
        .on_request_arg = manager,
        .user_agent = user_agent,
    };
    struct event_options events = {
        .controller = manager->name,
        .instance = manager->identity,
        .log = options->log,
        .random = options->random,
    };
    manager->rest = rest_new(options->loop, options->transport, options->config, &rest);
    free(user_agent);
    if (!options->skip_lease)
        rest_set_fence(manager->rest, may_write, manager);
    manager->discovery = discovery_new(manager->rest);
    manager->informers =
        informer_set_new(manager->rest, manager->discovery, options->log, options->random);
    manager->events = event_recorder_new(manager->rest, manager->discovery, &events);
}

static void make_parts(struct manager *manager)
{
    const struct manager_options *options = &manager->options;
    uint64_t seed = random_u64(options->random);
    struct gate_options gate = {
        .rest = manager->rest,
        .discovery = manager->discovery,
        .log = options->log,
        .metrics = options->metrics,
        .lease_holds = lease_covers,
        .synced = all_synced,
        .version_in_force = version_in_force,
        .arg = manager,
        .hash_seed = seed,
        .plays_kubernetes = options->plays_kubernetes,
    };
    manager->gate = gate_new(&gate);
    struct effects_shared_options effects = {
        .loop = options->loop,
        .rest = manager->rest,
        .transport = options->transport,
        .discovery = manager->discovery,
        .informers = manager->informers,
        .events = manager->events,
        .gate = manager->gate,
        .log = options->log,
        .metrics = options->metrics,
        .field_manager = manager->name,
        .env = options->env,
        .hash_seed = seed,
    };
    manager->effects = effects_shared_new(&effects);
    struct policies_options policies = {
        .env = {options->loop, options->random, options->log, options->limits},
        .rest = manager->rest,
        .discovery = manager->discovery,
        .informers = manager->informers,
        .events = manager->events,
        .metrics = options->metrics,
        .watches = {manager->informers, (const char *const *)manager->namespaces,
                    options->namespace_count},
        .namespace = manager->policy_namespace,
        .embedded = options->embedded,
        .dir = manager->policy_dir,
        .on_swap = on_swap,
        .is_failing = is_failing,
        .wants = wants,
        .on_fatal = on_fatal,
        .arg = manager,
    };
    manager->policies = policies_new(&policies);
}

struct manager *manager_new(const struct manager_options *options, struct err *err)
{
    if (options->embedded == NULL && options->policy_dir == NULL) {
        err_set(err, ERR_USAGE, "no policies are given");
        return NULL;
    }
    if (!options->skip_lease && (options->lease_namespace == NULL || options->identity == NULL)) {
        err_set(err, ERR_USAGE, "leader election needs a namespace and an identity");
        return NULL;
    }
    struct manager *manager = mem_alloc(sizeof(*manager));
    copy_options(manager, options);
    make_clients(manager);
    make_parts(manager);
    metrics_on_scrape(options->metrics, manager_scrape, manager);
    return manager;
}

void manager_start(struct manager *manager)
{
    manager_connect(manager);
}

void manager_reload_files(struct manager *manager)
{
    log_info(manager->options.log, "Reading the policy files again");
    policies_reload_files(manager->policies);
}

void manager_free(struct manager *manager)
{
    if (manager == NULL)
        return;
    struct loop *loop = manager->options.loop;
    metrics_off_scrape(manager->options.metrics, manager);
    loop_timer_cancel(loop, manager->timer);
    loop_timer_cancel(loop, manager->exit_timer);
    loop_timer_cancel(loop, manager->sweep_timer);
    loop_timer_cancel(loop, manager->rest_timer);
    if (manager->pinging)
        discovery_cancel(manager->discovery, manager);
    for (size_t i = 0; i < manager->controller_count; i++)
        controller_free(manager->controllers[i]);
    for (size_t i = 0; i < manager->retired_count; i++)
        controller_free(manager->retired[i]);
    free(manager->controllers);
    free(manager->retired);
    policies_free(manager->policies);
    effects_shared_free(manager->effects);
    gate_free(manager->gate);
    if (manager->lease != NULL)
        lease_free(manager->lease);
    event_recorder_free(manager->events);
    informer_set_free(manager->informers);
    discovery_free(manager->discovery);
    rest_free(manager->rest);
    free_list(manager->namespaces, manager->options.namespace_count);
    free_list(manager->ignored_namespaces, manager->options.ignored_namespace_count);
    free_list(manager->disabled_controllers, manager->options.disabled_controller_count);
    free(manager->end_why);
    free(manager->name);
    free(manager->identity);
    free(manager->lease_namespace);
    free(manager->policy_namespace);
    free(manager->policy_dir);
    free(manager->host);
    free(manager);
}

bool manager_is_leading(const struct manager *manager)
{
    return manager->leading;
}

bool manager_is_idle(const struct manager *manager)
{
    if (manager->phase != PHASE_RUNNING || !manager->was_ready ||
        policies_busy(manager->policies) || event_recorder_pending(manager->events) > 0)
        return false;
    for (size_t i = 0; i < manager->controller_count; i++) {
        if (!controller_synced(manager->controllers[i]) ||
            !controller_is_idle(manager->controllers[i]))
            return false;
    }
    return manager->retired_count == 0;
}

struct policy *manager_policy(struct manager *manager)
{
    return policies_current(manager->policies);
}

size_t manager_running(const struct manager *manager)
{
    size_t running = 0;
    for (size_t i = 0; i < manager->controller_count; i++)
        running += controller_running(manager->controllers[i]);
    for (size_t i = 0; i < manager->retired_count; i++)
        running += controller_running(manager->retired[i]);
    return running;
}
