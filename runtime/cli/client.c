#include "cli/client.h"

#include <stdlib.h>
#include <string.h>

struct client {
    struct client_options options;
    struct rest *rest;
    struct discovery *discovery;
    /* The one thing that is waited for. */
    bool done;
    struct err err;
    const struct kube_kind *kind;
    struct jv *object;
};

static bool is_done(void *arg)
{
    return ((struct client *)arg)->done;
}

static void finish(struct client *client, const struct err *err)
{
    client->done = true;
    err_clear(&client->err);
    if (err != NULL)
        client->err = *err;
}

/* 0 when answered without an error. */
static int await(struct client *client, int64_t ms, struct err *err)
{
    if (!loop_run_until(client->options.loop, is_done, client, ms))
        return err_set(err, ERR_TIMEOUT, "no answer from %s within %lld s",
                       kube_config_server(client->options.config), (long long)(ms / 1000));
    if (client->err.code == ERR_NONE)
        return 0;
    if (err != NULL)
        *err = client->err;
    return -1;
}

static void on_ping(void *arg, const struct err *err)
{
    finish(arg, err);
}

static void on_kind(void *arg, const struct kube_kind *kind, const struct err *err)
{
    struct client *client = arg;
    client->kind = kind;
    finish(client, err);
}

static void on_answer(void *arg, const struct rest_response *response, const struct err *err)
{
    struct client *client = arg;
    if (err == NULL && response->object != NULL)
        client->object = jv_ref((struct jv *)response->object);
    finish(client, err);
}

struct client *client_new(const struct client_options *options)
{
    struct client *client = mem_alloc(sizeof(*client));
    struct rest_options rest = {.random = options->random, .user_agent = options->user_agent};
    client->options = *options;
    client->rest = rest_new(options->loop, options->transport, options->config, &rest);
    client->discovery = discovery_new(client->rest);
    return client;
}

void client_free(struct client *client)
{
    if (client == NULL)
        return;
    discovery_free(client->discovery);
    rest_free(client->rest);
    free(client);
}

int client_ping(struct client *client, struct err *err)
{
    client->done = false;
    discovery_ping(client->discovery, on_ping, client);
    if (await(client, CLIENT_CONNECT_MS, err) == 0)
        return 0;
    discovery_cancel(client->discovery, client);
    return -1;
}

const char *client_version(const struct client *client)
{
    return discovery_server_version(client->discovery);
}

static const struct kube_kind *find_kind(struct client *client, const char *api_version,
                                         const char *kind, struct err *err)
{
    client->done = false;
    discovery_find(client->discovery, api_version, kind, on_kind, client);
    if (await(client, CLIENT_ANSWER_MS, err) == 0)
        return client->kind;
    discovery_cancel(client->discovery, client);
    return NULL;
}

/* The answer, yours; NULL and err. */
static struct jv *ask(struct client *client, const struct write_request *request, struct err *err)
{
    client->done = false;
    client->object = NULL;
    struct rest_call *call = write_start(client->rest, request, on_answer, client);
    if (call == NULL) {
        err_set(err, ERR_INVALID, "%s `%s` cannot be asked for", request->kind->kind,
                request->name != NULL ? request->name : "");
        return NULL;
    }
    if (await(client, CLIENT_ANSWER_MS, err) == 0 && client->object != NULL)
        return client->object;
    if (!client->done)
        rest_cancel(client->rest, call);
    else if (client->err.code == ERR_NONE)
        err_set(err, ERR_SERVER, "%s answered something that is no object",
                kube_config_server(client->options.config));
    return NULL;
}

/* All pages of a list, one after another. Yours. */
static struct jv *list_pages(struct client *client, const struct kube_kind *kind,
                             const char *namespace, const char *labels, struct err *err)
{
    struct jv *out = jv_array();
    char *token = NULL;
    do {
        struct write_request request = {.verb = WRITE_LIST,
                                        .kind = kind,
                                        .namespace = kind->namespaced ? namespace : NULL,
                                        .label_selector = labels,
                                        .limit = CLIENT_PAGE,
                                        .continue_token = token};
        struct jv *list = ask(client, &request, err);
        free(token);
        token = NULL;
        if (list == NULL) {
            jv_unref(out);
            return NULL;
        }
        const struct jv *items = jv_get(list, "items");
        for (size_t i = 0; i < jv_size(items); i++)
            jv_append(out, jv_dup(jv_at(items, i)));
        const char *more = jv_path_str(list, "metadata", "continue", NULL);
        if (more != NULL && more[0] != '\0')
            token = mem_str(more);
        jv_unref(list);
    } while (token != NULL);
    return out;
}

struct jv *client_list(struct client *client, const char *api_version, const char *kind,
                       const char *namespace, const char *labels, struct err *err)
{
    const struct kube_kind *found = find_kind(client, api_version, kind, err);
    if (found == NULL)
        return NULL;
    struct jv *out = NULL;
    for (int tries = 0; tries < CLIENT_LIST_TRIES && out == NULL; tries++) {
        struct err failure = {0};
        out = list_pages(client, found, namespace, labels, &failure);
        if (out != NULL || failure.code != ERR_GONE || tries + 1 == CLIENT_LIST_TRIES) {
            if (out == NULL && err != NULL)
                *err = failure;
            break; /* a list that went on for too long is begun anew */
        }
    }
    for (size_t i = 0; i < jv_size(out); i++) {
        jv_set_str(jv_at(out, i), "apiVersion", api_version);
        jv_set_str(jv_at(out, i), "kind", kind);
    }
    return out;
}

struct jv *client_get(struct client *client, const char *api_version, const char *kind,
                      const char *namespace, const char *name, struct err *err)
{
    const struct kube_kind *found = find_kind(client, api_version, kind, err);
    if (found == NULL)
        return NULL;
    struct write_request request = {.verb = WRITE_GET,
                                    .kind = found,
                                    .namespace = found->namespaced ? namespace : NULL,
                                    .name = name};
    return ask(client, &request, err);
}

int client_write(struct client *client, enum write_verb verb, const struct jv *object,
                 struct err *err)
{
    const struct kube_kind *found = find_kind(client, jv_path_str(object, "apiVersion", NULL),
                                              jv_path_str(object, "kind", NULL), err);
    if (found == NULL)
        return -1;
    struct write_request request = {.verb = verb, .kind = found, .body = object};
    struct jv *answer = ask(client, &request, err);
    jv_unref(answer);
    return answer != NULL ? 0 : -1;
}

int client_delete(struct client *client, const struct jv *object, struct err *err)
{
    const struct kube_kind *found = find_kind(client, jv_path_str(object, "apiVersion", NULL),
                                              jv_path_str(object, "kind", NULL), err);
    if (found == NULL)
        return -1;
    struct write_request request = {.verb = WRITE_DELETE,
                                    .kind = found,
                                    .body = object,
                                    .uid = jv_path_str(object, "metadata", "uid", NULL),
                                    .grace_period_s = -1};
    struct jv *answer = ask(client, &request, err);
    jv_unref(answer);
    return answer != NULL ? 0 : -1;
}

int client_is_namespaced(struct client *client, const char *api_version, const char *kind,
                         struct err *err)
{
    const struct kube_kind *found = find_kind(client, api_version, kind, err);
    return found != NULL ? found->namespaced : -1;
}
