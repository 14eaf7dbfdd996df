#include "cli/world.h"

#include "cli/bundle.h"

#include <stdlib.h>
#include <string.h>

struct world {
    struct world_options options;
    struct apiserver *apiserver;
    struct transport *transport;
    struct kube_config *config;
    struct jv *customs; /* kinds from CRDs */
    struct policy_set *operator_set, *world_set;
    struct manager *operator, * controllers;
    char *token;
};

static void on_operator_exit(void *arg, int exit_code, const char *why)
{
    struct world *world = arg;
    world_operator_stop(world);
    if (world->options.on_exit != NULL)
        world->options.on_exit(world->options.arg, exit_code, why);
}

static void on_controllers_exit(void *arg, int exit_code, const char *why)
{
    struct world *world = arg;
    manager_free(world->controllers);
    world->controllers = NULL;
    if (world->options.on_exit != NULL)
        world->options.on_exit(world->options.arg, exit_code, why);
}

static struct jv *make_namespace(const char *name)
{
    struct jv *object = jv_object();
    jv_set_str(object, "apiVersion", "v1");
    jv_set_str(object, "kind", "Namespace");
    struct jv *metadata = jv_ensure(object, "metadata", NULL);
    jv_set_str(metadata, "name", name);
    jv_set_str(jv_ensure(metadata, "labels", NULL), "kubernetes.io/metadata.name", name);
    return object;
}

static int load_namespaces(struct world *world, struct err *err)
{
    static const char *const names[] = {"default", "kube-system", "kube-public", BUNDLE_NAMESPACE};
    int failed = 0;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]) && failed == 0; i++) {
        struct jv *object = make_namespace(names[i]);
        failed = apiserver_load(world->apiserver, object, false, err);
        jv_unref(object);
    }
    return failed;
}

static int load_basics(struct world *world, struct err *err)
{
    struct jv *crds = bundle_crds(err);
    if (crds == NULL)
        return -1;
    int failed = load_namespaces(world, err);
    for (size_t i = 0; i < jv_size(crds) && failed == 0; i++)
        failed = world_load(world, jv_at(crds, i), false, err);
    jv_unref(crds);
    if (failed == 0 && world->options.policies_configmap) {
        struct jv *configmap = bundle_configmap();
        failed = apiserver_load(world->apiserver, configmap, false, err);
        jv_unref(configmap);
    }
    return failed;
}

struct world *world_new(const struct world_options *options, struct err *err)
{
    struct world *world = mem_alloc(sizeof(*world));
    world->options = *options;
    world->token = mem_str(options->token);
    world->customs = jv_array();
    struct apiserver_options server = {
        .random = options->random,
        .log = options->quiet_log,
        .token = world->token,
        .on_commit = options->on_commit,
        .on_commit_arg = options->arg,
    };
    world->apiserver = apiserver_new(options->loop, &server, err);
    if (world->apiserver == NULL || load_basics(world, err) != 0) {
        world_free(world);
        return NULL;
    }
    world->transport = loopback_new(options->loop, options->random);
    loopback_route(world->transport, WORLD_URL, apiserver_handle, world->apiserver);
    world->config = kube_config_fixed(options->loop, WORLD_URL, world->token);
    return world;
}

void world_free(struct world *world)
{
    if (world == NULL)
        return;
    manager_free(world->operator);
    manager_free(world->controllers);
    if (world->config != NULL)
        kube_config_free(world->config);
    if (world->transport != NULL)
        transport_free(world->transport);
    apiserver_free(world->apiserver);
    policy_set_unref(world->operator_set);
    policy_set_unref(world->world_set);
    jv_unref(world->customs);
    free(world->token);
    free(world);
}

struct apiserver *world_apiserver(struct world *world)
{
    return world->apiserver;
}

struct transport *world_transport(struct world *world)
{
    return world->transport;
}

int world_load(struct world *world, const struct jv *object, bool with_status, struct err *err)
{
    const char *kind = jv_path_str(object, "kind", NULL);
    if (apiserver_load(world->apiserver, object, with_status, err) != 0)
        return -1;
    if (kind != NULL && strcmp(kind, "CustomResourceDefinition") == 0)
        bundle_add_custom_kinds(world->customs, object);
    return 0;
}

static const struct policy_layer *only_layer(const struct policy_set *set)
{
    size_t count = 0;
    return policy_set_layers(set, &count);
}

static void fill_options(struct world *world, struct manager_options *options, const char *identity)
{
    options->loop = world->options.loop;
    options->transport = world->transport;
    options->random = world->options.random;
    options->config = world->config;
    options->identity = identity;
    options->skip_lease = !world->options.leases;
    options->arg = world;
}

int world_controllers_start(struct world *world, struct err *err)
{
    struct manager_options options = {
        .name = "sandbox-controllers",
        .lease_namespace = "kube-system",
        .log = world->options.quiet_log,
        .on_exit = on_controllers_exit,
    };
    world->world_set = bundle_world(world->customs, err);
    if (world->world_set == NULL)
        return -1;
    fill_options(world, &options, "sandbox");
    options.embedded = only_layer(world->world_set);
    world->controllers = manager_new(&options, err);
    if (world->controllers == NULL)
        return -1;
    manager_start(world->controllers);
    return 0;
}

int world_operator_start(struct world *world, const struct manager_options *what, struct err *err)
{
    struct manager_options options = *what;
    char uuid[37];
    random_uuid(world->options.random, uuid);
    char *identity = mem_printf("sandbox_%s", uuid);
    fill_options(world, &options, identity);
    options.name = options.name != NULL ? options.name : "nemeton";
    options.log = options.log != NULL ? options.log : world->options.log;
    options.lease_namespace = BUNDLE_NAMESPACE;
    options.policy_namespace = world->options.policies_configmap ? BUNDLE_NAMESPACE : NULL;
    options.on_exit = on_operator_exit;
    if (options.embedded == NULL && world->operator_set == NULL)
        world->operator_set = bundle_operator(err);
    if (options.embedded == NULL && world->operator_set != NULL)
        options.embedded = only_layer(world->operator_set);
    if (options.embedded != NULL)
        world->operator= manager_new(&options, err);
    free(identity);
    if (world->operator== NULL)
        return -1;
    manager_start(world->operator);
    return 0;
}

void world_operator_stop(struct world *world)
{
    manager_free(world->operator);
    world->operator= NULL;
}

struct manager *world_operator(struct world *world)
{
    return world->operator;
}

struct manager *world_controllers(struct world *world)
{
    return world->controllers;
}

bool world_is_idle(struct world *world)
{
    return (world->operator== NULL || manager_is_idle(world->operator)) &&
           (world->controllers == NULL || manager_is_idle(world->controllers));
}

void world_drain(struct world *world)
{
    if (world->operator!= NULL)
        manager_drain(world->operator);
    if (world->controllers != NULL)
        manager_drain(world->controllers);
}
