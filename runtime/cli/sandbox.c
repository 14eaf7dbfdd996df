/* nemeton sandbox: a Kubernetes of one's own, with the operator in it. */
#include "cli/command.h"
#include "cli/files.h"
#include "cli/sandbox_kubeconfig.h"
#include "cli/world.h"
#include "cli/world_ready.h"
#include "loop/server.h"

#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    POLL_MS = 200,
    RESTART_MS = 1000,
    BODY_BYTES_MAX = 4 << 20,
    CONNECTIONS_MAX = 512,
    IDLE_S = 300,
    TIMEOUT_DEFAULT_S = 600,
    RUN_WALL_MS = 120 * 1000, /* of a policy, by a clock that runs as fast as the world */
};

struct sandbox_options {
    struct option_list load;
    const char *policies, *kubeconfig_out, *until, *log_format, *log_level;
    int64_t port, pods_port, timeout_s;
    double speed;
    bool no_operator, api_only;
    int64_t until_s; /* parsed; 0: ready or never */
};

struct sandbox {
    struct cli *cli;
    struct sandbox_options options;
    struct clock *clock;
    struct random_source *random;
    struct loop *loop;
    struct log *log, *world_log;
    struct world *world;
    struct server *server, *pods; /* the API; the pods, as a proxy */
    struct loop_timer *poll_timer, *restart_timer;
    char *kubeconfig; /* the file written */
    bool kubeconfig_is_ours;
    bool was_ready; /* the operator, once */
    int64_t started_ms;
    int exit_code;
};

static void end(struct sandbox *sandbox, int exit_code, const char *why)
{
    if (why != NULL)
        fprintf(sandbox->cli->err, "nemeton: %s\n", why);
    sandbox->exit_code = exit_code;
    loop_stop(sandbox->loop);
}

static void on_signal(void *arg, int signo)
{
    struct sandbox *sandbox = arg;
    if (signo == SIGHUP) {
        struct manager *op = world_operator(sandbox->world, 0);
        if (op != NULL)
            manager_reload_files(op);
        return;
    }
    end(sandbox, EXIT_DONE, NULL);
}

static void on_restart(void *arg)
{
    struct sandbox *sandbox = arg;
    struct err err = {0};
    sandbox->restart_timer = NULL;
    if (world_operator_start(sandbox->world, 0, &err) != 0)
        end(sandbox, EXIT_FAILED, err.text);
}

static void on_operator_ready(void *arg, size_t index)
{
    struct sandbox *sandbox = arg;
    (void)index;
    sandbox->was_ready = true;
}

/* As the kubelet would. A machine too busy for a fast clock costs the operator its lease, or the time in
 * which it has to connect; but policies that cannot be loaded from the start do not heal. */
static void on_operator_exit(void *arg, size_t index, const struct manager_end *ended)
{
    struct sandbox *sandbox = arg;
    (void)index;
    if (ended->reason == MANAGER_NO_POLICIES && !sandbox->was_ready) {
        end(sandbox, ended->exit_code, ended->why);
        return;
    }
    log_warn(sandbox->log, "The operator has ended and starts again", "reason", ended->why);
    sandbox->restart_timer = loop_timer_add(sandbox->loop, RESTART_MS, on_restart, sandbox);
}

static void on_world_failed(void *arg, const char *why)
{
    char *text = mem_printf("what plays Kubernetes has ended: %s", why != NULL ? why : "");
    end(arg, EXIT_FAILED, text);
    free(text);
}

static int64_t passed_s(const struct sandbox *sandbox)
{
    return (clock_mono_ms(sandbox->clock) - sandbox->started_ms) / 1000;
}

static void on_poll(void *arg)
{
    struct sandbox *sandbox = arg;
    const struct sandbox_options *options = &sandbox->options;
    int64_t seconds = passed_s(sandbox);
    sandbox->poll_timer = NULL;
    if (options->until_s > 0) {
        if (seconds >= options->until_s) {
            end(sandbox, EXIT_DONE, NULL);
            return;
        }
    } else {
        struct buf waits;
        buf_init(&waits, 4096);
        bool ready = world_is_ready(sandbox->world, 0, NULL, NULL, &waits);
        if (ready) {
            fprintf(sandbox->cli->out, "Ready after %lld s.\n", (long long)seconds);
            end(sandbox, EXIT_DONE, NULL);
        } else if (seconds >= options->timeout_s) {
            char *why =
                mem_printf("not ready after %lld s: %s", (long long)seconds, buf_str(&waits));
            end(sandbox, EXIT_FAILED, why);
            free(why);
            ready = true;
        }
        buf_deinit(&waits);
        if (ready)
            return;
    }
    sandbox->poll_timer = loop_timer_add(sandbox->loop, POLL_MS, on_poll, sandbox);
}

static int make_world(struct sandbox *sandbox, const char *token, struct err *err)
{
    double speed = sandbox->options.speed;
    struct world_options options = {
        .loop = sandbox->loop,
        /* The clock runs faster, this machine does not: what it has to do takes as long as ever. */
        .run_wall_ms = speed > 1 ? (int64_t)(RUN_WALL_MS * speed) : RUN_WALL_MS,
        .random = sandbox->random,
        .log = sandbox->log,
        .world_log = sandbox->world_log,
        .token = token,
        .policy_dir = sandbox->options.policies,
        .on_operator_exit = on_operator_exit,
        .on_operator_ready = on_operator_ready,
        .on_failed = on_world_failed,
        .arg = sandbox,
    };
    sandbox->world = world_new(&options, err);
    if (sandbox->world == NULL)
        return -1;
    struct object_files files;
    const struct option_list *load = &sandbox->options.load;
    if (object_files_read(&files, (const char *const *)load->items, load->count, err) != 0)
        return -1;
    int failed = world_load_files(sandbox->world, &files, err);
    object_files_deinit(&files);
    return failed;
}

static int open_server(struct sandbox *sandbox, const struct server_certificate *certificate,
                       struct err *err)
{
    struct server_options options = {
        .address = "127.0.0.1",
        .port = (uint16_t)sandbox->options.port,
        .cert_pem = certificate->cert_pem,
        .key_pem = certificate->key_pem,
        .body_bytes_max = BODY_BYTES_MAX,
        .too_large_type = "application/json",
        .too_large_body = "{\"kind\":\"Status\",\"apiVersion\":\"v1\",\"metadata\":{},\"status\":"
                          "\"Failure\",\"message\":\"Request entity too large: limit is 3145728\","
                          "\"reason\":\"RequestEntityTooLarge\",\"code\":413}\n",
        .connections_max = CONNECTIONS_MAX,
        .idle_timeout_s = IDLE_S,
    };
    sandbox->server = server_start(sandbox->loop, &options, apiserver_handle,
                                   world_apiserver(sandbox->world), err);
    return sandbox->server != NULL ? 0 : err_wrap(err, "--port %u", options.port);
}

/* For clients outside of this process: what they ask for by a pod's or Service's name comes here. */
static int open_pods(struct sandbox *sandbox, struct err *err)
{
    struct server_options options = {
        .address = "127.0.0.1",
        .port = (uint16_t)sandbox->options.pods_port,
        .body_bytes_max = BODY_BYTES_MAX,
        .connections_max = CONNECTIONS_MAX,
        .idle_timeout_s = IDLE_S,
    };
    sandbox->pods = server_start(sandbox->loop, &options, apiserver_handle_pods,
                                 world_apiserver(sandbox->world), err);
    return sandbox->pods != NULL ? 0 : err_wrap(err, "--pods-port %u", options.port);
}

static int write_kubeconfig(struct sandbox *sandbox, const struct server_certificate *certificate,
                            const char *token, struct err *err)
{
    const char *path = sandbox->options.kubeconfig_out;
    if (path == NULL) {
        const char *dir = env_get(sandbox->cli->env, "TMPDIR");
        sandbox->kubeconfig =
            mem_printf("%s/nemeton-sandbox.%d", dir != NULL ? dir : "/tmp", (int)getpid());
        sandbox->kubeconfig_is_ours = true;
    } else {
        sandbox->kubeconfig = mem_str(path);
    }
    struct buf text;
    buf_init(&text, 1 << 20);
    sandbox_kubeconfig_print(server_port(sandbox->server), certificate->ca_pem, token, &text);
    int failed = file_replace(sandbox->kubeconfig, buf_str(&text), text.len, err);
    buf_deinit(&text);
    if (failed != 0)
        sandbox->kubeconfig_is_ours = false;
    return failed;
}

static void announce(struct sandbox *sandbox)
{
    FILE *out = sandbox->cli->out;
    char *full = realpath(sandbox->kubeconfig, NULL);
    fprintf(out, "The sandbox serves on https://127.0.0.1:%u", server_port(sandbox->server));
    if (sandbox->options.speed != 1)
        fprintf(out, ", %g times as fast as the world", sandbox->options.speed);
    fprintf(out, ". In another terminal:\n\n  export KUBECONFIG=%s\n  kubectl get all -A\n\n",
            full != NULL ? full : sandbox->kubeconfig);
    fprintf(out,
            "Its pods are reached through a proxy, by their names and addresses:\n\n"
            "  export http_proxy=http://127.0.0.1:%u\n"
            "  unset HTTP_PROXY no_proxy NO_PROXY\n"
            "  curl http://SERVICE.NAMESPACE:PORT/\n\n",
            server_port(sandbox->pods));
    if (sandbox->options.until == NULL)
        fprintf(out, "Ctrl-C ends it, and everything in it is gone.\n");
    fflush(out);
    free(full);
}

static int open_all(struct sandbox *sandbox, struct err *err)
{
    unsigned char secret[24];
    struct buf token;
    struct server_certificate certificate = {0};
    buf_init(&token, 256);
    random_bytes(sandbox->random, secret, sizeof(secret));
    for (size_t i = 0; i < sizeof(secret); i++)
        buf_printf(&token, "%02x", secret[i]);
    int failed = make_world(sandbox, buf_str(&token), err);
    if (failed == 0)
        failed = server_certificate_make(&certificate, err);
    if (failed == 0)
        failed = open_server(sandbox, &certificate, err);
    if (failed == 0)
        failed = open_pods(sandbox, err);
    if (failed == 0 && !sandbox->options.api_only)
        failed = world_start(sandbox->world, err);
    if (failed == 0 && !sandbox->options.no_operator)
        failed = world_operator_start(sandbox->world, 0, err);
    if (failed == 0)
        failed = write_kubeconfig(sandbox, &certificate, buf_str(&token), err);
    server_certificate_deinit(&certificate);
    buf_deinit(&token);
    return failed;
}

static void close_all(struct sandbox *sandbox)
{
    if (sandbox->kubeconfig_is_ours)
        unlink(sandbox->kubeconfig);
    if (sandbox->loop != NULL) {
        loop_timer_cancel(sandbox->loop, sandbox->poll_timer);
        loop_timer_cancel(sandbox->loop, sandbox->restart_timer);
    }
    if (sandbox->server != NULL)
        server_free(sandbox->server);
    server_free(sandbox->pods);
    world_free(sandbox->world);
    loop_free(sandbox->loop);
    log_free(sandbox->log);
    log_free(sandbox->world_log);
    random_free(sandbox->random);
    clock_free(sandbox->clock);
    free(sandbox->kubeconfig);
}

static int serve(struct sandbox *sandbox)
{
    const struct sandbox_options *options = &sandbox->options;
    struct err err = {0};
    bool debug = strcmp(options->log_level, "debug") == 0;
    sandbox->clock = clock_fast_new(options->speed);
    sandbox->random = random_system_new();
    sandbox->log =
        command_log(sandbox->cli, options->log_format, options->log_level, sandbox->clock);
    sandbox->world_log =
        command_log(sandbox->cli, options->log_format, debug ? "debug" : "warn", sandbox->clock);
    sandbox->loop = loop_new(sandbox->clock, &err);
    sandbox->started_ms = clock_mono_ms(sandbox->clock);
    sandbox->exit_code = EXIT_FAILED;
    static const int signals[] = {SIGTERM, SIGINT, SIGHUP};
    int failed = sandbox->loop != NULL ? 0 : -1;
    for (size_t i = 0; failed == 0 && i < sizeof(signals) / sizeof(signals[0]); i++)
        failed = loop_signal_set(sandbox->loop, signals[i], on_signal, sandbox, &err);
    if (failed == 0)
        failed = open_all(sandbox, &err);
    if (failed != 0) {
        sandbox->exit_code = command_fail(sandbox->cli, &err);
    } else {
        announce(sandbox);
        if (options->until != NULL)
            sandbox->poll_timer = loop_timer_add(sandbox->loop, POLL_MS, on_poll, sandbox);
        loop_run(sandbox->loop);
    }
    close_all(sandbox);
    return sandbox->exit_code;
}

static int check_options(struct sandbox_options *options, struct err *err)
{
    options->no_operator |= options->api_only;
    if (options->until == NULL)
        return 0;
    if (strcmp(options->until, "ready") == 0)
        return !options->no_operator
                   ? 0
                   : err_set(err, ERR_USAGE, "--until ready needs the operator: not %s",
                             options->api_only ? "--api-only" : "--no-operator");
    char *rest = NULL;
    long long seconds = strtoll(options->until, &rest, 10);
    if (*rest != '\0' || seconds < 1 || seconds > INT_MAX)
        return err_set(err, ERR_USAGE, "--until: `ready` or seconds are expected, not `%s`",
                       options->until);
    options->until_s = seconds;
    return 0;
}

static int run(struct cli *cli, int argc, char *const *argv)
{
    struct sandbox sandbox = {
        .cli = cli,
        .options = {
            .speed = 1, .timeout_s = TIMEOUT_DEFAULT_S, .log_format = "auto", .log_level = "info"}};
    struct sandbox_options *o = &sandbox.options;
    /* clang-format off */
    const struct option options[] = {
        {.name = "load", .kind = OPTION_LIST, .value_name = "FILE", .value = &o->load,
         .help = "YAML of objects to begin with, a directory of such, or - for the standard input; may be repeated"},
        {.name = "speed", .kind = OPTION_REAL, .value_name = "N", .value = &o->speed, .min = 0.001, .max = 1e6,
         .help = "its clock runs N times as fast (default 1)"},
        {.name = "port", .kind = OPTION_INT, .value_name = "N", .value = &o->port, .min = 0, .max = 65535,
         .help = "the port on 127.0.0.1 (default 0: a free one)"},
        {.name = "pods-port", .kind = OPTION_INT, .value_name = "N", .value = &o->pods_port, .min = 0, .max = 65535,
         .help = "the port on 127.0.0.1 of the proxy to its pods (default 0: a free one)"},
        {.name = "kubeconfig-out", .kind = OPTION_STRING, .value_name = "FILE", .value = &o->kubeconfig_out,
         .help = "where the kubeconfig is written once it serves (default: a file that goes when it ends)"},
        {.name = "until", .kind = OPTION_STRING, .value_name = "WHEN", .value = &o->until,
         .help = "end when everything is `ready`, or after so many seconds of its clock (default: Ctrl-C)"},
        {.name = "timeout", .kind = OPTION_INT, .value_name = "SECONDS", .value = &o->timeout_s, .min = 1, .max = INT_MAX,
         .help = "for --until ready: fail after this many seconds of its clock (default 600)"},
        {.name = "no-operator", .kind = OPTION_FLAG, .value = &o->no_operator,
         .help = "without the operator: point another one at it, or `nemeton run`"},
        {.name = "api-only", .kind = OPTION_FLAG, .value = &o->api_only,
         .help = "the API server alone: without the operator, and nobody plays controllers and nodes"},
        {.name = "policies", .kind = OPTION_STRING, .value_name = "DIR", .value = &o->policies,
         .help = "the operator's policies from a directory, in place of the ConfigMap; SIGHUP reads them again"},
        {.name = "log-format", .kind = OPTION_CHOICE, .value_name = "FORMAT", .value = &o->log_format, .choices = "auto|text|json",
         .help = "auto|text|json; auto is text on a terminal and one JSON object a line elsewhere"},
        {.name = "log-level", .kind = OPTION_CHOICE, .value_name = "LEVEL", .value = &o->log_level, .choices = "debug|info|warn|error",
         .help = "debug|info|warn|error (default info); debug shows what plays Kubernetes, too"},
    };
    /* clang-format on */
    struct arguments arguments;
    struct err err = {0};
    int code = command_begin(cli, &command_sandbox, options, sizeof(options) / sizeof(options[0]),
                             argc, argv, 0, 0, &arguments);
    if (code == COMMAND_GOES_ON)
        code = check_options(o, &err) != 0 ? command_fail(cli, &err) : serve(&sandbox);
    option_list_deinit(&o->load);
    return code;
}

const struct command command_sandbox = {
    .name = "sandbox",
    .arguments = "",
    .summary = "a Kubernetes API server of your own, with the operator in it",
    .about =
        "Serves a Kubernetes API on 127.0.0.1 from memory: with the CRDs, controllers and nodes "
        "that are played, and the operator. Nothing is installed, no containers run; kubectl and "
        "other clients work as ever. Only who has the token in the kubeconfig gets in. The "
        "programs in its pods answer where policies play them; curl and an operator outside reach "
        "them with http_proxy, as printed at the start.",
    .examples = "  nemeton sandbox --load deploy/examples/tiny-cluster.yaml\n"
                "  nemeton sandbox --load FILE --speed 60 --until ready",
    .run = run,
};
