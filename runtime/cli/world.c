#include "cli/world.h"

#include "cli/pods.h"

#include <stdlib.h>
#include <string.h>

/* What plays the world is ours, and 64 clusters and more may start at once: the usual limit of 64 MiB,
 * meant for other people's policies, then parks pods that were to be made. */
enum { HISTORY_MAX = 50000, PLAY_BYTES_MAX = 256 << 20 };

struct world_operator {
    struct world *world;
    size_t index;
    struct transport *transport;
    struct kube_config *config;
    struct metrics *metrics;
    struct manager *manager; /* NULL: not running */
};

struct world {
    struct world_options options;
    char *token, *policy_dir;
    struct apiserver *apiserver;
    struct policy_set *policies, *play; /* the operators'; what plays the world */
    struct transport *transport;
    struct kube_config *config;
    struct metrics *metrics;
    struct manager *manager; /* what plays the world */
    struct loopback_faults faults;
    struct world_operator operators[WORLD_OPERATORS_MAX];
};

static int load_text(struct world *world, const char *json, struct err *err)
{
    struct jv *object = NULL;
    int failed = jv_parse(json, strlen(json), &object, err);
    if (failed == 0)
        failed = apiserver_load(world->apiserver, object, false, err);
    jv_unref(object);
    return failed;
}

/* What every world has from its beginning. */
static int furnish(struct world *world, struct err *err)
{
    struct jv *crds = bundle_crds(err);
    int failed = crds != NULL ? 0 : -1;
    for (size_t i = 0; failed == 0 && i < jv_size(crds); i++)
        failed = apiserver_load(world->apiserver, jv_at(crds, i), false, err);
    jv_unref(crds);
    if (failed != 0)
        return err_wrap(err, "load the CRDs");
    if (world_make_namespace(world, WORLD_NAMESPACE, err) != 0 ||
        load_text(world,
                  "{\"apiVersion\":\"storage.k8s.io/v1\",\"kind\":\"StorageClass\",\"metadata\":{"
                  "\"name\":\"" WORLD_STORAGE_CLASS "\",\"annotations\":{"
                  "\"storageclass.kubernetes.io/is-default-class\":\"true\"}},"
                  "\"provisioner\":\"sandbox.nemeton.dev/volume\",\"reclaimPolicy\":\"Delete\","
                  "\"volumeBindingMode\":\"Immediate\",\"allowVolumeExpansion\":true}",
                  err) != 0)
        return -1;
    struct jv *map = bundle_configmap();
    failed = apiserver_load(world->apiserver, map, false, err);
    jv_unref(map);
    return failed != 0 ? err_wrap(err, "load the policies ConfigMap") : 0;
}

/* The kinds of all CRDs, as {apiVersion, kind}. */
static struct jv *custom_kinds(struct world *world)
{
    struct jv *crds =
        apiserver_dump(world->apiserver, "apiextensions.k8s.io/v1", "CustomResourceDefinition");
    struct jv *kinds = jv_array();
    for (size_t i = 0; i < jv_size(crds); i++)
        bundle_add_custom_kinds(kinds, jv_at(crds, i));
    jv_unref(crds);
    return kinds;
}

static void pass_on(struct world_operator *op, struct exchange *exchange, exchange_handler handle)
{
    const struct world_options *options = &op->world->options;
    options->on_operator_request(options->arg, op->index, exchange, handle, op->world->apiserver);
}

static void on_request_of_operator(void *arg, struct exchange *exchange)
{
    pass_on(arg, exchange, apiserver_handle);
}

static void on_request_to_pods(void *arg, struct exchange *exchange)
{
    pass_on(arg, exchange, apiserver_handle_pods);
}

/* op: whose it is; NULL: a client's. */
static struct transport *connection_make(struct world *world, struct world_operator *op)
{
    struct transport *transport = loopback_new(world->options.loop, world->options.random);
    bool watched = op != NULL && world->options.on_operator_request != NULL;
    void *arg = watched ? (void *)op : (void *)world->apiserver;
    exchange_handler to_pods = watched ? on_request_to_pods : apiserver_handle_pods;
    loopback_route(transport, WORLD_URL, watched ? on_request_of_operator : apiserver_handle, arg);
    loopback_route(transport, "http://", to_pods, arg);
    loopback_route(transport, "https://", to_pods, arg);
    return transport;
}

/* "sandbox_<uuid>"; yours. */
static char *make_identity(struct world *world)
{
    char uuid[37];
    random_uuid(world->options.random, uuid);
    return mem_printf("sandbox_%s", uuid);
}

static void on_world_exit(void *arg, const struct manager_end *end)
{
    struct world *world = arg;
    manager_free(world->manager);
    world->manager = NULL;
    if (world->options.on_failed != NULL)
        world->options.on_failed(world->options.arg, end->why);
}

static void operator_close(struct world_operator *op)
{
    manager_free(op->manager);
    metrics_free(op->metrics);
    kube_config_free(op->config);
    if (op->transport != NULL) {
        loopback_cut(op->transport);
        transport_free(op->transport);
    }
    op->manager = NULL;
    op->metrics = NULL;
    op->config = NULL;
    op->transport = NULL;
}

static void on_operator_exit(void *arg, const struct manager_end *end)
{
    struct world_operator *op = arg;
    const struct world_options *options = &op->world->options;
    size_t index = op->index;
    operator_close(op);
    if (options->on_operator_exit != NULL)
        options->on_operator_exit(options->arg, index, end);
}

static void on_operator_ready(void *arg)
{
    struct world_operator *op = arg;
    const struct world_options *options = &op->world->options;
    if (options->on_operator_ready != NULL)
        options->on_operator_ready(options->arg, op->index);
}

static int take_policies(struct world *world, struct err *err)
{
    if (world->options.policies == NULL) {
        world->policies = bundle_operator(err);
        return world->policies != NULL ? 0 : -1;
    }
    world->policies = policy_set_new(NULL);
    int failed = policy_set_add(world->policies, world->options.policies, err);
    world->options.policies = NULL;
    return failed;
}

struct world *world_new(const struct world_options *options, struct err *err)
{
    struct world *world = mem_alloc(sizeof(*world));
    world->options = *options;
    world->options.token = world->token = mem_str(options->token);
    world->options.policy_dir = world->policy_dir = mem_str(options->policy_dir);
    for (size_t i = 0; i < WORLD_OPERATORS_MAX; i++) {
        world->operators[i].world = world;
        world->operators[i].index = i;
    }
    struct apiserver_options server = {
        .random = options->random,
        .log = options->world_log,
        .token = world->token,
        .history_max = options->history_max > 0 ? options->history_max : (size_t)HISTORY_MAX,
        .on_commit = options->on_commit,
        .on_commit_arg = options->arg,
        .on_refusal = options->on_refusal,
        .on_refusal_arg = options->arg,
        .pod_log = pods_log,
        .pod_request = pods_request,
        .pod_request_arg = &world->manager,
    };
    world->apiserver = apiserver_new(options->loop, &server, err);
    if (world->apiserver == NULL || take_policies(world, err) != 0 || furnish(world, err) != 0) {
        world_free(world);
        return NULL;
    }
    world->transport = connection_make(world, NULL);
    world->config = kube_config_fixed(options->loop, WORLD_URL, world->token);
    return world;
}

void world_free(struct world *world)
{
    if (world == NULL)
        return;
    for (size_t i = 0; i < WORLD_OPERATORS_MAX; i++)
        operator_close(&world->operators[i]);
    manager_free(world->manager);
    metrics_free(world->metrics);
    if (world->config != NULL)
        kube_config_free(world->config);
    if (world->transport != NULL)
        transport_free(world->transport);
    apiserver_free(world->apiserver);
    policy_set_unref(world->policies);
    policy_set_unref(world->play);
    free(world->token);
    free(world->policy_dir);
    free(world);
}

int world_load(struct world *world, const struct jv *object, bool with_status, struct err *err)
{
    return apiserver_load(world->apiserver, object, with_status, err);
}

int world_make_namespace(struct world *world, const char *name, struct err *err)
{
    struct jv *namespace = jv_object();
    jv_set_str(namespace, "apiVersion", "v1");
    jv_set_str(namespace, "kind", "Namespace");
    jv_set_str(jv_ensure(namespace, "metadata", NULL), "name", name);
    int failed = apiserver_load(world->apiserver, namespace, false, err);
    jv_unref(namespace);
    return failed;
}

int world_start(struct world *world, struct err *err)
{
    struct jv *kinds = custom_kinds(world);
    world->play = bundle_world(kinds, err);
    jv_unref(kinds);
    if (world->play == NULL)
        return -1;
    world->metrics = metrics_new(random_u64(world->options.random));
    metrics_declare_runtime(world->metrics);
    struct manager_options options = {
        .limits = {.memory_bytes_max = PLAY_BYTES_MAX, .run_wall_ms = world->options.run_wall_ms},
        .loop = world->options.loop,
        .transport = world->transport,
        .random = world->options.random,
        .log = world->options.world_log,
        .config = world->config,
        .metrics = world->metrics,
        .name = WORLD_USER,
        .embedded = world->play,
        .skip_lease =
            true, /* nobody else plays here, and a stalled machine must not end the world */
        .plays_kubernetes = true,
        .on_exit = on_world_exit,
        .arg = world,
    };
    world->manager = manager_new(&options, err);
    if (world->manager == NULL)
        return -1;
    manager_start(world->manager);
    return 0;
}

int world_operator_start(struct world *world, size_t index, struct err *err)
{
    if (index >= WORLD_OPERATORS_MAX)
        return err_set(err, ERR_INVALID, "a world has at most %d operators", WORLD_OPERATORS_MAX);
    struct world_operator *op = &world->operators[index];
    if (op->manager != NULL)
        return err_set(err, ERR_EXISTS, "operator %zu runs already", index);
    op->transport = connection_make(world, op);
    loopback_set_faults(op->transport, &world->faults);
    op->config = kube_config_fixed(world->options.loop, WORLD_URL, world->token);
    op->metrics = metrics_new(random_u64(world->options.random));
    metrics_declare_runtime(op->metrics);
    char *identity = make_identity(world);
    struct manager_options options = {
        .loop = world->options.loop,
        .transport = op->transport,
        .random = world->options.random,
        .log = world->options.log,
        .config = op->config,
        .metrics = op->metrics,
        .name = WORLD_OPERATOR_USER,
        .limits.run_wall_ms = world->options.run_wall_ms,
        .identity = identity,
        .lease_namespace = WORLD_NAMESPACE,
        .policy_namespace = WORLD_NAMESPACE,
        .embedded = world->policies,
        .policy_dir = world->policy_dir,
        .skip_lease = world->options.no_leases,
        .on_exit = on_operator_exit,
        .on_ready = on_operator_ready,
        .arg = op,
    };
    op->manager = manager_new(&options, err);
    free(identity);
    if (op->manager == NULL) {
        operator_close(op);
        return -1;
    }
    manager_start(op->manager);
    return 0;
}

void world_operator_kill(struct world *world, size_t index)
{
    if (index < WORLD_OPERATORS_MAX)
        operator_close(&world->operators[index]);
}

struct manager *world_operator(struct world *world, size_t index)
{
    return index < WORLD_OPERATORS_MAX ? world->operators[index].manager : NULL;
}

void world_set_faults(struct world *world, const struct loopback_faults *faults)
{
    world->faults = *faults;
    for (size_t i = 0; i < WORLD_OPERATORS_MAX; i++) {
        if (world->operators[i].transport != NULL)
            loopback_set_faults(world->operators[i].transport, faults);
    }
}

struct apiserver *world_apiserver(struct world *world)
{
    return world->apiserver;
}

struct transport *world_transport(struct world *world)
{
    return world->transport;
}

struct kube_config *world_config(struct world *world)
{
    return world->config;
}

void world_drain(struct world *world)
{
    for (size_t i = 0; i < WORLD_OPERATORS_MAX; i++) {
        if (world->operators[i].manager != NULL)
            manager_drain(world->operators[i].manager);
    }
    if (world->manager != NULL)
        manager_drain(world->manager);
}

bool world_is_idle(struct world *world)
{
    if (world->manager == NULL || !manager_is_idle(world->manager))
        return false;
    for (size_t i = 0; i < WORLD_OPERATORS_MAX; i++) {
        struct manager *manager = world->operators[i].manager;
        if (manager != NULL && manager_is_leading(manager) && !manager_is_idle(manager))
            return false;
    }
    return true;
}
