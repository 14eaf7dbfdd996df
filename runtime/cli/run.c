/* nemeton run: the operator against a real API server. */
#include "cli/bundle.h"
#include "cli/command.h"
#include "cli/listen.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { HOST_BYTES = 256 };

struct run_options {
    const char *kubeconfig, *context, *policies, *policy_namespace, *pod_namespace;
    struct option_list watch_namespaces, ignored_namespaces, disabled_controllers;
    const char *metrics_address, *health_address, *log_format, *log_level;
    const char *zap_encoder, *zap_level;
    bool leader_elect, old_flag;
    const char *old_value;
    struct listen_address metrics, health;
};

struct run {
    struct cli *cli;
    struct run_options options;
    struct clock *clock;
    struct random_source *random;
    struct loop *loop;
    struct log *log;
    struct kube_config *config;
    struct transport *transport;
    struct policy_set *embedded;
    struct metrics *metrics;
    struct health *health;
    struct server *servers[2];
    struct manager *manager;
    bool stopping;
    int exit_code;
};

static void on_exit_of_manager(void *arg, const struct manager_end *end)
{
    struct run *run = arg;
    if (end->why != NULL)
        log_error(run->log, "Ends", "reason", end->why);
    run->exit_code = end->exit_code;
    loop_stop(run->loop);
}

static void on_stop(void *arg, int signo)
{
    struct run *run = arg;
    (void)signo;
    if (run->stopping) {
        log_warn(run->log, "Told to stop twice: ends at once");
        run->exit_code = EXIT_FAILED;
        loop_stop(run->loop);
        return;
    }
    run->stopping = true;
    manager_drain(run->manager);
}

static void on_hangup(void *arg, int signo)
{
    struct run *run = arg;
    (void)signo;
    manager_reload_files(run->manager);
}

/* Flags of former operators: said once, all together with what holds instead. */
static void tell_old(struct run *run, const struct arguments *arguments)
{
    for (size_t i = 0; i < arguments->old_count; i++) {
        const char *text = arguments->old[i]->old;
        struct buf flags;
        bool said = false;
        buf_init(&flags, 1024);
        for (size_t k = 0; k < arguments->old_count; k++) {
            if (strcmp(arguments->old[k]->old, text) != 0)
                continue;
            said = said || k < i;
            buf_printf(&flags, "%s--%s", flags.len > 0 ? " " : "", arguments->old[k]->name);
        }
        if (!said)
            log_warn(run->log, text, "flags", buf_str(&flags));
        buf_deinit(&flags);
    }
    if (!run->options.leader_elect)
        log_warn(run->log,
                 "There is always a leader: what deletes needs the lease, and a single "
                 "replica is its own leader",
                 "flag", "--leader-elect=false");
    static const char *const unused[] = {"RECONCILE_WAIT", "MAX_CONCURRENT_RECONCILES"};
    for (size_t i = 0; i < sizeof(unused) / sizeof(unused[0]); i++) {
        if (env_get(run->cli->env, unused[i]) != NULL)
            log_warn(run->log,
                     "This environment variable has no effect: changes are acted on at once and "
                     "side by side",
                     "variable", unused[i]);
    }
}

/* Nothing happens there, and somebody will wonder why. */
static void tell_ignored(struct run *run)
{
    const struct option_list *ignored = &run->options.ignored_namespaces;
    struct buf names;
    buf_init(&names, 4096);
    for (size_t i = 0; i < ignored->count; i++)
        buf_printf(&names, "%s%s", i > 0 ? ", " : "", ignored->items[i]);
    if (ignored->count > 0)
        log_info(run->log, "Namespaces that are left alone (--ignore-namespace or DENY_LIST)",
                 "namespaces", buf_str(&names));
    buf_deinit(&names);
}

/* zap's words, where ours were not given. */
static int map_old(struct run_options *options, struct err *err)
{
    if (options->zap_encoder != NULL)
        options->log_format = strcmp(options->zap_encoder, "console") == 0 ? "text" : "json";
    if (options->zap_level != NULL) {
        const char *level = options->zap_level;
        bool number = level[0] >= '0' && level[0] <= '9';
        options->log_level = number ? "debug" : level;
        if (strcmp(level, "panic") == 0)
            options->log_level = "error";
    }
    if (option_namespace("policy-namespace", options->policy_namespace, err) != 0 ||
        option_namespace("pod-namespace", options->pod_namespace, err) != 0)
        return -1;
    for (size_t i = 0; i < options->watch_namespaces.count; i++) {
        if (option_namespace("watch-namespace (WATCH_NAMESPACE)",
                             options->watch_namespaces.items[i], err) != 0)
            return -1;
    }
    enum log_level level;
    if (log_level_parse(options->log_level, &level, err) != 0)
        return err_set(err, ERR_USAGE,
                       "--zap-log-level: debug, info or error is expected, not `%s`",
                       options->zap_level);
    if (listen_parse("metrics-bind-address", options->metrics_address, &options->metrics, err) != 0)
        return -1;
    return listen_parse("health-probe-bind-address", options->health_address, &options->health,
                        err);
}

static int open_doors(struct run *run, struct err *err)
{
    struct kube_config_options config = {
        .kubeconfig = run->options.kubeconfig,
        .context = run->options.context,
        .env = run->cli->env,
        .log = run->log,
    };
    run->loop = loop_new(run->clock, err);
    if (run->loop == NULL)
        return -1;
    struct http_options http = {.user_agent = "nemeton/" NEMETON_VERSION};
    run->config = kube_config_load(run->loop, &config, err);
    if (run->config == NULL) {
        run->exit_code = EXIT_NO_CONNECTION;
        return -1;
    }
    run->transport = http_transport_new(run->loop, &http, err);
    return run->transport != NULL ? 0 : -1;
}

static int serve(struct run *run, struct err *err)
{
    const struct run_options *options = &run->options;
    bool shared = listen_same(&options->metrics, &options->health);
    run->metrics = metrics_new(random_u64(run->random));
    metrics_declare_runtime(run->metrics);
    run->health = health_new(run->loop, run->metrics);
    if (!options->metrics.off) {
        run->servers[0] = listen_start(run->loop, "metrics-bind-address", &options->metrics,
                                       health_handle, run->health, err);
        if (run->servers[0] == NULL)
            return -1;
    }
    if (!options->health.off && !shared) {
        run->servers[1] = listen_start(run->loop, "health-probe-bind-address", &options->health,
                                       health_handle, run->health, err);
        if (run->servers[1] == NULL)
            return -1;
    }
    return 0;
}

/* The namespace that is ours: said, or that of the pod, or the usual one. */
static const char *own_namespace(const struct run *run)
{
    if (run->options.policy_namespace != NULL)
        return run->options.policy_namespace;
    if (run->options.pod_namespace != NULL)
        return run->options.pod_namespace;
    if (strcmp(kube_config_source(run->config), "in-cluster") == 0)
        return kube_config_namespace(run->config);
    return BUNDLE_NAMESPACE;
}

static int make_manager(struct run *run, struct err *err)
{
    char host[HOST_BYTES] = "localhost", uuid[37];
    gethostname(host, sizeof(host) - 1);
    random_uuid(run->random, uuid);
    char *identity = mem_printf("%s_%s", host, uuid);
    run->embedded = bundle_operator(err);
    struct manager_options options = {
        .loop = run->loop,
        .transport = run->transport,
        .random = run->random,
        .log = run->log,
        .config = run->config,
        .metrics = run->metrics,
        .name = "nemeton",
        .identity = identity,
        .lease_namespace = own_namespace(run),
        .policy_namespace = own_namespace(run),
        .env = run->cli->env,
        .namespaces = (const char *const *)run->options.watch_namespaces.items,
        .namespace_count = run->options.watch_namespaces.count,
        .ignored_namespaces = (const char *const *)run->options.ignored_namespaces.items,
        .ignored_namespace_count = run->options.ignored_namespaces.count,
        .disabled_controllers = (const char *const *)run->options.disabled_controllers.items,
        .disabled_controller_count = run->options.disabled_controllers.count,
        .embedded = run->embedded,
        .policy_dir = run->options.policies,
        .on_exit = on_exit_of_manager,
        .arg = run,
    };
    if (run->embedded != NULL)
        run->manager = manager_new(&options, err);
    free(identity);
    if (run->manager == NULL)
        return -1;
    manager_watch_health(run->manager, run->health);
    return 0;
}

static int set_signals(struct run *run, struct err *err)
{
    int failed = loop_signal_set(run->loop, SIGTERM, on_stop, run, err);
    if (failed == 0)
        failed = loop_signal_set(run->loop, SIGINT, on_stop, run, err);
    return failed == 0 ? loop_signal_set(run->loop, SIGHUP, on_hangup, run, err) : -1;
}

static void close_all(struct run *run)
{
    if (run->manager != NULL) {
        health_remove(run->health, run->manager);
        manager_free(run->manager);
    }
    for (size_t i = 0; i < 2; i++) {
        if (run->servers[i] != NULL)
            server_free(run->servers[i]);
    }
    if (run->health != NULL)
        health_free(run->health);
    metrics_free(run->metrics);
    policy_set_unref(run->embedded);
    if (run->transport != NULL)
        transport_free(run->transport);
    kube_config_free(run->config);
    loop_free(run->loop);
    log_free(run->log);
    random_free(run->random);
    clock_free(run->clock);
}

static int operate(struct run *run, const struct arguments *arguments)
{
    struct err err = {0};
    run->clock = clock_real_new();
    run->random = random_system_new();
    run->log = command_log(run->cli, run->options.log_format, run->options.log_level, run->clock);
    log_info(run->log, "Nemeton starts", "version", NEMETON_VERSION);
    tell_old(run, arguments);
    tell_ignored(run);
    run->exit_code = EXIT_FAILED;
    if (open_doors(run, &err) != 0 || serve(run, &err) != 0 || make_manager(run, &err) != 0 ||
        set_signals(run, &err) != 0) {
        log_error(run->log, "Cannot start", "error", err.text);
    } else {
        manager_start(run->manager);
        loop_run(run->loop);
    }
    close_all(run);
    return run->exit_code;
}

#define OLD_LOG "The log has its own options now: --log-format and --log-level"

static int run_command(struct cli *cli, int argc, char *const *argv)
{
    struct run run = {.cli = cli,
                      .options = {.metrics_address = ":8080",
                                  .health_address = ":8081",
                                  .log_format = "auto",
                                  .log_level = "info",
                                  .leader_elect = true}};
    struct run_options *o = &run.options;
    /* clang-format off */
    const struct option options[] = {
        OPTION_KUBECONFIG(&o->kubeconfig),
        OPTION_CONTEXT(&o->context),
        {.name = "policies", .kind = OPTION_STRING, .value_name = "DIR", .value = &o->policies,
         .help = "the directory of the policies at the bottom, in place of the ConfigMap labelled `base`; SIGHUP reads it again"},
        {.name = "policy-namespace", .kind = OPTION_STRING, .value_name = "NAMESPACE", .value = &o->policy_namespace,
         .help = "where policy ConfigMaps and the lease live (default: the pod's own namespace, else " BUNDLE_NAMESPACE ")"},
        {.name = "watch-namespace", .kind = OPTION_LIST, .value_name = "A,B", .value = &o->watch_namespaces, .env = "WATCH_NAMESPACE",
         .help = "only these namespaces (default: all)"},
        {.name = "ignore-namespace", .kind = OPTION_LIST, .value_name = "A,B", .value = &o->ignored_namespaces, .env = "DENY_LIST",
         .help = "not these namespaces: what is in them is left to others"},
        {.name = "disable-controller", .kind = OPTION_LIST, .value_name = "A,B", .value = &o->disabled_controllers,
         .help = "not these controllers of the policies, by the last part of their module's name"},
        {.name = "metrics-bind-address", .kind = OPTION_STRING, .value_name = "ADDRESS", .value = &o->metrics_address,
         .help = "where /metrics is served; 0 = nowhere (default :8080)"},
        {.name = "health-probe-bind-address", .kind = OPTION_STRING, .value_name = "ADDRESS", .value = &o->health_address,
         .help = "where /healthz and /readyz are served; 0 = nowhere (default :8081)"},
        {.name = "log-format", .kind = OPTION_CHOICE, .value_name = "FORMAT", .value = &o->log_format, .choices = "auto|text|json",
         .help = "auto|text|json; auto is text on a terminal and one JSON object a line elsewhere"},
        {.name = "log-level", .kind = OPTION_CHOICE, .value_name = "LEVEL", .value = &o->log_level, .choices = "debug|info|warn|error",
         .help = "debug|info|warn|error (default info)"},
        {.name = "leader-elect", .kind = OPTION_FLAG, .value = &o->leader_elect,
         .help = "accepted because manifests have it; there is always a leader"},
        {.name = "zap-encoder", .kind = OPTION_CHOICE, .value_name = "NAME", .value = &o->zap_encoder, .choices = "json|console", .old = OLD_LOG},
        {.name = "zap-log-level", .kind = OPTION_STRING, .value_name = "LEVEL", .value = &o->zap_level, .old = OLD_LOG},
        {.name = "zap-devel", .kind = OPTION_FLAG, .value = &o->old_flag, .old = OLD_LOG},
        {.name = "zap-stacktrace-level", .kind = OPTION_STRING, .value_name = "LEVEL", .value = &o->old_value, .old = OLD_LOG},
        {.name = "zap-time-encoding", .kind = OPTION_STRING, .value_name = "NAME", .value = &o->old_value, .old = OLD_LOG},
        {.name = "disable-*-controller", .kind = OPTION_WORD, .value = &o->disabled_controllers,
         .old = "Say --disable-controller NAME"},
        {.name = "pod-namespace", .kind = OPTION_STRING, .value_name = "NAMESPACE", .value = &o->pod_namespace, .env = "POD_NAMESPACE",
         .old = "Say --policy-namespace"},
    };
    /* clang-format on */
    size_t count = sizeof(options) / sizeof(options[0]);
    struct arguments arguments;
    struct err err = {0};
    int code = command_begin(cli, &command_run, options, count, argc, argv, 0, 0, &arguments);
    if (code == COMMAND_GOES_ON)
        code = map_old(o, &err) != 0 ? command_fail(cli, &err) : operate(&run, &arguments);
    option_list_deinit(&o->watch_namespaces);
    option_list_deinit(&o->ignored_namespaces);
    option_list_deinit(&o->disabled_controllers);
    return code;
}

const struct command command_run = {
    .name = "run",
    .arguments = "",
    .summary = "the operator, against a Kubernetes API server",
    .about =
        "Runs the operator until it is told to stop. In a cluster it needs no options. On a laptop "
        "it uses your kubeconfig and your rights.\n\n"
        "SIGTERM and Ctrl-C finish the runs under way and give the lease back; a second one ends "
        "it at once. SIGHUP reads --policies again. Losing the lease ends the process with 1: "
        "whoever started it starts it again.",
    .examples = "  nemeton run --kubeconfig ~/.kube/config --policies policies/\n"
                "  nemeton run --watch-namespace team-a,team-b --log-format json",
    .run = run_command,
};
