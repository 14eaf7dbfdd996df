#include "kube/config_internal.h"

#include "base/digest.h"

#include <stdlib.h>
#include <string.h>

static void headers_build(struct kube_config *config)
{
    const struct config_spec *spec = &config->spec;
    free(config->authorization);
    config->authorization = NULL;
    if (config->token) {
        config->authorization = mem_printf("Bearer %s", config->token);
    } else if (spec->username || spec->password) {
        char *pair = mem_printf("%s:%s", spec->username ? spec->username : "",
                                spec->password ? spec->password : "");
        struct buf value;
        buf_init(&value, SIZE_MAX);
        buf_add_str(&value, "Basic ");
        base64_encode(pair, strlen(pair), &value);
        free(pair);
        config->authorization = buf_take(&value, NULL);
    }
    size_t count = 0;
    if (config->authorization)
        config->headers[count++] =
            (struct http_header){.name = "Authorization", .value = config->authorization};
    for (size_t i = 0; i < spec->impersonate_count; i++)
        config->headers[count++] = spec->impersonate[i];
}

void config_token_set(struct kube_config *config, char *take)
{
    free(config->token);
    config->token = take;
    headers_build(config);
}

static int token_refresh(struct kube_config *config, struct err *err)
{
    const struct config_spec *spec = &config->spec;
    int64_t now_ms = loop_now_ms(config->loop);
    bool fresh = config->token && !config->token_stale &&
                 now_ms - config->token_read_ms < CONFIG_TOKEN_AGE_MS;
    if (!spec->token_file || fresh)
        return 0;
    struct err why = {0};
    char *token = NULL;
    if (config_token_read(spec->token_file, &token, &why) == 0) {
        config_token_set(config, token);
        config->token_read_ms = now_ms;
        config->token_stale = config->token_complained = false;
        return 0;
    }
    err_wrap(&why, "token file");
    if (!config->token)
        return err_set(err, why.code, "%s", why.text);
    if (!config->token_complained)
        log_warn(config->log, "kept the token read before", "error", why.text);
    config->token_complained = true;
    config->token_stale = false;
    config->token_read_ms = now_ms - CONFIG_TOKEN_AGE_MS + CONFIG_TOKEN_RETRY_MS;
    return 0;
}

/* What a request needs now; err when it cannot be had. */
static int credentials_get(struct kube_config *config, struct kube_credentials *out,
                           struct err *err)
{
    const struct config_spec *spec = &config->spec;
    if (spec->send_credentials && token_refresh(config, err) != 0)
        return -1;
    if (config_tls_refresh(config, err) != 0)
        return -1;
    size_t count = spec->impersonate_count + (config->authorization ? 1 : 0);
    *out = (struct kube_credentials){
        .headers = config->headers,
        .header_count = spec->send_credentials ? count : 0,
        .tls = config->tls,
        .proxy = spec->proxy,
        .compressed = spec->compressed,
        .generation = config->generation,
    };
    return 0;
}

static void answer(struct kube_config *config, const struct err *failure, kube_credentials_fn fn,
                   void *arg)
{
    struct kube_credentials credentials;
    struct err err = {0};
    if (failure)
        fn(arg, NULL, failure);
    else if (credentials_get(config, &credentials, &err) != 0)
        fn(arg, NULL, &err);
    else
        fn(arg, &credentials, NULL);
}

void config_deliver(struct kube_config *config, const struct err *err)
{
    /* Who asks again from a callback waits for the next answer; who is cancelled leaves the list. */
    config->delivering = config->waiters;
    config->waiters = NULL;
    while (config->delivering) {
        struct config_waiter *waiter = config->delivering;
        config->delivering = waiter->next;
        config->waiter_count--;
        struct config_waiter copy = *waiter;
        free(waiter);
        answer(config, err, copy.fn, copy.arg);
    }
}

static void waiter_add(struct kube_config *config, kube_credentials_fn fn, void *arg)
{
    struct config_waiter **tail = &config->waiters;
    while (*tail)
        tail = &(*tail)->next;
    *tail = mem_alloc(sizeof(**tail));
    (*tail)->fn = fn;
    (*tail)->arg = arg;
    config->waiter_count++;
}

static void waiters_remove(struct kube_config *config, struct config_waiter **list, const void *arg,
                           bool all)
{
    while (*list) {
        struct config_waiter *waiter = *list;
        if (!all && waiter->arg != arg) {
            list = &waiter->next;
            continue;
        }
        *list = waiter->next;
        config->waiter_count--;
        free(waiter);
    }
}

static char **env_dup(const char *const *env)
{
    size_t count = 0;
    while (env && env[count])
        count++;
    char **copy = mem_alloc((count + 1) * sizeof(*copy));
    for (size_t i = 0; i < count; i++)
        copy[i] = mem_str(env[i]);
    return copy;
}

struct kube_config *config_new(struct loop *loop, struct log *log, struct config_spec *spec,
                               const char *const *env, struct err *err)
{
    struct kube_config *config = mem_alloc(sizeof(*config));
    config->loop = loop;
    config->log = log;
    config->spec = *spec;
    *spec = (struct config_spec){0};
    config->env = env_dup(env);
    config->exec.failed_ms = -1;
    config->headers = mem_alloc((config->spec.impersonate_count + 1) * sizeof(*config->headers));
    config->token_stale = true; /* a token from the file is better than one beside it */
    config_token_set(config, mem_str(config->spec.token));
    if (config_tls_refresh(config, err) != 0) {
        err_wrap(err, "%s", config->spec.source);
        kube_config_free(config);
        return NULL;
    }
    return config;
}

struct kube_config *kube_config_fixed(struct loop *loop, const char *server_url, const char *token)
{
    struct config_spec spec = {
        .server = mem_str(server_url),
        .namespace = mem_str("default"),
        .source = mem_str(server_url),
        .token = mem_str(token),
        .send_credentials = true,
    };
    size_t len = strlen(spec.server);
    while (len > 0 && spec.server[len - 1] == '/')
        spec.server[--len] = '\0';
    return config_new(loop, NULL, &spec, NULL, NULL);
}

void kube_config_free(struct kube_config *config)
{
    if (!config)
        return;
    config_exec_deinit(config);
    waiters_remove(config, &config->waiters, NULL, true);
    waiters_remove(config, &config->delivering, NULL, true);
    for (size_t i = 0; config->env[i]; i++)
        free(config->env[i]);
    free(config->env);
    free(config->token);
    free(config->authorization);
    free(config->headers);
    http_tls_unref(config->tls);
    config_spec_deinit(&config->spec);
    free(config);
}

const char *kube_config_server(const struct kube_config *config)
{
    return config->spec.server;
}

const char *kube_config_namespace(const struct kube_config *config)
{
    return config->spec.namespace;
}

const char *kube_config_source(const struct kube_config *config)
{
    return config->spec.source;
}

void kube_config_credentials(struct kube_config *config, kube_credentials_fn fn, void *arg)
{
    struct err err = {0};
    bool plugin = config->spec.exec && config->spec.send_credentials;
    if (!plugin || config_exec_ready(config)) {
        answer(config, NULL, fn, arg);
    } else if (config->waiter_count >= CONFIG_WAITERS_MAX) {
        err_set(&err, ERR_LIMIT, "more than %d requests wait for the exec plugin",
                CONFIG_WAITERS_MAX);
        answer(config, &err, fn, arg);
    } else if (config_exec_start(config, &err) != 0) {
        answer(config, &err, fn, arg);
    } else {
        waiter_add(config, fn, arg);
    }
}

void kube_config_credentials_cancel(struct kube_config *config, void *arg)
{
    waiters_remove(config, &config->waiters, arg, false);
    waiters_remove(config, &config->delivering, arg, false);
}

bool kube_config_unauthorized(struct kube_config *config, int64_t started_mono_ms)
{
    if (!config->spec.send_credentials)
        return false;
    if (config->spec.token_file) {
        if (config->token_read_ms <= started_mono_ms)
            config->token_stale = true;
        return true;
    }
    if (!config->spec.exec)
        return false;
    if (config->exec.finished_ms <= started_mono_ms)
        config->exec.stale = true;
    return true;
}
