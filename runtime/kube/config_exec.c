/* Running a credential plugin: one at a time, its answer kept until it expires or is refused. */
#include "base/digest.h"
#include "kube/config_internal.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

bool config_exec_ready(const struct kube_config *config)
{
    const struct config_exec_state *exec = &config->exec;
    return exec->has && !exec->stale &&
           clock_wall_ns(loop_clock(config->loop)) < exec->expires_wall_ns;
}

static int answer_take(struct kube_config *config, const char *output, size_t len, struct err *err)
{
    struct config_exec_answer answer;
    if (config_exec_answer_parse(output, len, config->spec.exec->api_version, &answer, err) != 0)
        return -1;
    int result = 0;
    if (answer.cert) {
        result = config_tls_set_client(config, answer.cert, answer.key, err);
        if (result != 0)
            err_wrap(err, "its client certificate");
    }
    if (result == 0) {
        config->exec.has = true;
        config->exec.stale = false;
        config->exec.expires_wall_ns = answer.expires_wall_ns;
        config_token_set(config, answer.token);
        answer.token = NULL;
    }
    config_exec_answer_deinit(&answer);
    return result;
}

static int plugin_err(const struct kube_config *config, struct err *err)
{
    const struct config_exec_spec *spec = config->spec.exec;
    if (spec->install_hint && *spec->install_hint) {
        struct err inner = *err;
        err_set(err, inner.code, "%s (%s)", inner.text, spec->install_hint);
    }
    return err_wrap(err, "exec plugin `%s`", spec->command);
}

static void on_child(void *arg, int exit_code, const char *output, size_t len,
                     const struct err *child_err)
{
    struct kube_config *config = arg;
    struct err err = {0};
    int result;
    config->exec.child = NULL;
    config->exec.finished_ms = loop_now_ms(config->loop);
    if (child_err)
        result = err_set(&err, child_err->code, "%s", child_err->text);
    else if (exit_code != 0)
        result = err_set(&err, ERR_IO, "ended with exit code %d; its own messages are on stderr",
                         exit_code);
    else
        result = answer_take(config, output, len, &err);
    if (result != 0) {
        plugin_err(config, &err);
        config->exec.failed_ms = config->exec.finished_ms;
        config->exec.failure = err;
    }
    config_deliver(config, result != 0 ? &err : NULL);
}

/* KUBERNETES_EXEC_INFO: what the plugin is told. */
static char *exec_info(const struct kube_config *config, bool interactive)
{
    const struct config_spec *spec = &config->spec;
    struct jv *root = jv_object();
    jv_set_str(root, "kind", "ExecCredential");
    jv_set_str(root, "apiVersion", spec->exec->api_version);
    struct jv *inner = jv_ensure(root, "spec", NULL);
    jv_set(inner, "interactive", jv_bool(interactive));
    if (spec->exec->provide_cluster_info) {
        struct jv *cluster = jv_dup(spec->exec_cluster);
        if (spec->ca.text) {
            struct buf data;
            buf_init(&data, 2 * (size_t)CONFIG_SECRET_BYTES_MAX);
            base64_encode(spec->ca.text, strlen(spec->ca.text), &data);
            jv_set_str(cluster, "certificate-authority-data", buf_str(&data));
            buf_deinit(&data);
        }
        jv_set(inner, "cluster", cluster);
    }
    char *json = jv_print_str(root, 0);
    jv_unref(root);
    char *line = mem_printf("KUBERNETES_EXEC_INFO=%s", json);
    free(json);
    return line;
}

static bool is_overridden(const char *entry, char *const *env)
{
    size_t len = strcspn(entry, "=");
    for (size_t i = 0; env && env[i]; i++)
        if (strncmp(env[i], entry, len + 1) == 0)
            return true;
    return strncmp(entry, "KUBERNETES_EXEC_INFO=", len + 1) == 0;
}

/* Ours, then the plugin's own entries, then the info. The array is yours, the strings are lent. */
static const char **environment(const struct kube_config *config, const char *info)
{
    size_t count = 0, out = 0;
    char **own = config->spec.exec->env;
    for (size_t i = 0; config->env[i]; i++)
        count++;
    for (size_t i = 0; own && own[i]; i++)
        count++;
    const char **env = mem_alloc((count + 2) * sizeof(*env));
    for (size_t i = 0; config->env[i]; i++)
        if (!is_overridden(config->env[i], own))
            env[out++] = config->env[i];
    for (size_t i = 0; own && own[i]; i++)
        env[out++] = own[i];
    env[out] = info;
    return env;
}

static const char **arguments(const struct config_exec_spec *spec)
{
    size_t count = 0;
    while (spec->args && spec->args[count])
        count++;
    const char **argv = mem_alloc((count + 2) * sizeof(*argv));
    argv[0] = spec->command;
    for (size_t i = 0; i < count; i++)
        argv[i + 1] = spec->args[i];
    return argv;
}

int config_exec_start(struct kube_config *config, struct err *err)
{
    const struct config_exec_spec *spec = config->spec.exec;
    struct err why = {0};
    if (config->exec.child)
        return 0;
    int64_t since_ms = loop_now_ms(config->loop) - config->exec.failed_ms;
    if (config->exec.failed_ms >= 0 && since_ms < CONFIG_EXEC_FAILURE_HOLD_MS) {
        if (err)
            *err = config->exec.failure;
        return -1;
    }
    bool interactive = spec->interactive != INTERACTIVE_NEVER && isatty(STDIN_FILENO);
    if (spec->interactive == INTERACTIVE_ALWAYS && !interactive) {
        err_set(&why, ERR_INVALID, "interactiveMode is Always, but standard input is no terminal");
    } else {
        char *info = exec_info(config, interactive);
        const char **env = environment(config, info), **argv = arguments(spec);
        struct child_options options = {
            .argv = argv,
            .env = env,
            .interactive = interactive,
            .timeout_ms = CONFIG_EXEC_TIMEOUT_MS,
            .output_bytes_max = CONFIG_EXEC_OUTPUT_MAX,
        };
        config->exec.child = child_start(config->loop, &options, on_child, config, &why);
        free(argv);
        free(env);
        free(info);
    }
    if (config->exec.child)
        return 0;
    plugin_err(config, &why);
    config->exec.failed_ms = loop_now_ms(config->loop);
    config->exec.failure = why;
    if (err)
        *err = why;
    return -1;
}

void config_exec_deinit(struct kube_config *config)
{
    if (config->exec.child)
        child_cancel(config->exec.child);
    config->exec.child = NULL;
}
