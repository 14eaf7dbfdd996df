#include "admin.h"

#include "kube/apply.h"
#include "kube/config.h"

#include <stdlib.h>
#include <string.h>

enum { HEADERS_MAX = 16, HTTP_MS = 10000 };

extern char **environ;

struct admin {
    struct effects effects;
    struct rest *rest;
    struct discovery *discovery;
    struct transport *transport;
    admin_world_fn world;
    void *world_arg;
};

struct effect_call {
    struct admin *admin;
    struct effect effect; /* strings are copies */
    struct jv *body;
    char *uid;
    const struct kube_kind *kind;
    struct rest_call *request;
    struct http_call *http;
    struct jv *headers;
    struct loop_timer *timer;
    effect_fn fn;
    void *arg;
};

static void call_free(struct effect_call *call)
{
    const char **strings[] = {
        &call->effect.api_version, &call->effect.kind,        &call->effect.namespace,
        &call->effect.name,        &call->effect.subresource, &call->effect.label_selector,
        &call->effect.patch_type,  &call->effect.propagation, &call->effect.http_url,
        &call->effect.http_method, &call->effect.http_body,
    };
    for (size_t i = 0; i < sizeof(strings) / sizeof(strings[0]); i++) {
        free((char *)*strings[i]);
    }
    jv_unref(call->body);
    jv_unref(call->headers);
    free(call->uid);
    free(call);
}

static void call_finish(struct effect_call *call, struct jv *result, const struct err *err)
{
    effect_fn fn = call->fn;
    void *arg = call->arg;
    call_free(call);
    fn(arg, result, err);
}

/* Items of a list do not say what they are; objects read one by one do. */
static struct jv *list_result(const struct effect_call *call, const struct jv *list)
{
    struct jv *result = jv_object();
    struct jv *items = jv_array();
    const struct jv *from = jv_get(list, "items");
    for (size_t i = 0; i < jv_size(from); i++) {
        struct jv *item = jv_dup(jv_at(from, i));
        jv_set_str(item, "apiVersion", call->effect.api_version);
        jv_set_str(item, "kind", call->effect.kind);
        jv_append(items, item);
    }
    jv_set(result, "items", items);
    return result;
}

static void call_send(struct effect_call *call, enum write_verb verb);

static void on_answer(void *arg, const struct rest_response *response, const struct err *err)
{
    struct effect_call *call = arg;
    call->request = NULL;
    if (call->effect.verb == EFFECT_DELETE && !call->uid) {
        if (err && err->code == ERR_NOT_FOUND) {
            call_finish(call, NULL, NULL);
        } else if (err) {
            call_finish(call, NULL, err);
        } else {
            call->uid = mem_str(jv_path_str(response->object, "metadata", "uid", NULL));
            call_send(call, WRITE_DELETE);
        }
        return;
    }
    if (err) {
        bool gone = call->effect.verb == EFFECT_DELETE && err->code == ERR_NOT_FOUND;
        call_finish(call, NULL, gone ? NULL : err);
        return;
    }
    struct jv *result = call->effect.verb == EFFECT_READ_LIST
                            ? list_result(call, response->object)
                            : jv_ref((struct jv *)response->object);
    if (call->effect.verb == EFFECT_APPLY) {
        struct jv *wrapped = jv_object();
        jv_set(wrapped, "object", result);
        jv_set_str(wrapped, "change", response->status == 201 ? "created" : "updated");
        result = wrapped;
    }
    call_finish(call, result, NULL);
    jv_unref(result);
}

static void call_send(struct effect_call *call, enum write_verb verb)
{
    const struct effect *effect = &call->effect;
    struct write_request request = {
        .verb = verb,
        .kind = call->kind,
        .namespace = call->kind->namespaced ? effect->namespace : NULL,
        .name = verb == WRITE_CREATE || verb == WRITE_LIST ? NULL : effect->name,
        .subresource = effect->subresource,
        .label_selector = effect->label_selector,
        .body = call->body,
        .field_manager = "scenario",
        .uid = call->uid,
        .propagation = effect->propagation ? effect->propagation : "Background",
        .grace_period_s = effect->immediate ? 0 : -1,
    };
    call->request = write_start(call->admin->rest, &request, on_answer, call);
}

static void on_kind(void *arg, const struct kube_kind *kind, const struct err *err)
{
    struct effect_call *call = arg;
    if (err) {
        call_finish(call, NULL, err);
        return;
    }
    call->kind = kind;
    switch (call->effect.verb) {
    case EFFECT_READ:
        call_send(call, WRITE_GET);
        return;
    case EFFECT_READ_LIST:
        call_send(call, WRITE_LIST);
        return;
    case EFFECT_APPLY:
        call_send(call, WRITE_APPLY);
        return;
    case EFFECT_CREATE:
        call_send(call, WRITE_CREATE);
        return;
    case EFFECT_PATCH:
        call_send(call, call->effect.patch_type && strcmp(call->effect.patch_type, "json") == 0
                            ? WRITE_PATCH_JSON
                            : WRITE_PATCH_MERGE);
        return;
    case EFFECT_DELETE:
        call_send(call, WRITE_GET);
        return;
    case EFFECT_STATUS:
    case EFFECT_FINALIZER_ADD:
    case EFFECT_FINALIZER_REMOVE:
    case EFFECT_EVENT:
    case EFFECT_HTTP:
    case EFFECT_SLEEP:
    case EFFECT_GAUGES:
    case EFFECT_LOG:
        break;
    }
    struct err refused = {0};
    err_set(&refused, ERR_UNSUPPORTED, "a scenario has no such call");
    call_finish(call, NULL, &refused);
}

static void on_http(void *arg, const struct http_response *response, const struct err *err)
{
    struct effect_call *call = arg;
    call->http = NULL;
    if (err) {
        call_finish(call, NULL, err);
        return;
    }
    struct jv *result = jv_object();
    jv_set_int(result, "status", response->status);
    jv_set(result, "headers", jv_object());
    jv_set(result, "body", jv_stringn(response->body, response->body_len));
    call_finish(call, result, NULL);
    jv_unref(result);
}

/* As a user's client would, who reaches the pods as the operator does. */
static void send_http(struct effect_call *call)
{
    static const struct http_callbacks callbacks = {.on_done = on_http};
    const struct effect *effect = &call->effect;
    struct http_header headers[HEADERS_MAX];
    struct jv_iter iter = {0};
    struct err err = {0};
    char *proxy = NULL;
    struct http_request request = {.method = effect->http_method ? effect->http_method : "GET",
                                   .url = effect->http_url,
                                   .headers = headers,
                                   .body = effect->http_body,
                                   .body_len = effect->http_body_len,
                                   .lane = HTTP_LANE_POLICY,
                                   .timeout_ms =
                                       effect->timeout_ms > 0 ? effect->timeout_ms : HTTP_MS};
    while (request.header_count < HEADERS_MAX && jv_next(call->headers, &iter)) {
        headers[request.header_count++] = (struct http_header){iter.key, jv_str(iter.value)};
    }
    if (kube_proxy_from_env(effect->http_url, (const char *const *)environ, &proxy, &err) == 0) {
        request.proxy = proxy;
        call->http = transport_start(call->admin->transport, &request, &callbacks, call, &err);
    }
    free(proxy);
    if (!call->http) {
        call_finish(call, NULL, &err);
    }
}

static void on_timer(void *arg)
{
    struct effect_call *call = arg;
    call->timer = NULL;
    if (call->effect.verb == EFFECT_SLEEP) {
        call_finish(call, NULL, NULL);
        return;
    }
    const char *prefix = "http://world/";
    if (strncmp(call->effect.http_url, prefix, strlen(prefix)) != 0) {
        send_http(call);
        return;
    }
    struct buf words;
    buf_init(&words, 1 << 20);
    int status = call->admin->world(call->admin->world_arg,
                                    call->effect.http_url + strlen(prefix) - 1, &words);
    struct jv *result = jv_object();
    jv_set_int(result, "status", status);
    jv_set(result, "headers", jv_object());
    jv_set_str(result, "body", buf_str(&words));
    buf_deinit(&words);
    call_finish(call, result, NULL);
    jv_unref(result);
}

static struct effect_call *admin_start(void *self, const struct effect *effect, effect_fn fn,
                                       void *arg)
{
    struct admin *admin = self;
    struct effect_call *call = mem_alloc(sizeof(*call));
    call->admin = admin;
    call->fn = fn;
    call->arg = arg;
    call->body = effect->body ? jv_dup(effect->body) : NULL;
    call->effect = (struct effect){
        .verb = effect->verb,
        .api_version = mem_str(effect->api_version),
        .kind = mem_str(effect->kind),
        .namespace = mem_str(effect->namespace),
        .name = mem_str(effect->name),
        .subresource = mem_str(effect->subresource),
        .label_selector = mem_str(effect->label_selector),
        .patch_type = mem_str(effect->patch_type),
        .propagation = mem_str(effect->propagation),
        .http_url = mem_str(effect->http_url),
        .http_method = mem_str(effect->http_method),
        .http_body = effect->http_body ? mem_strn(effect->http_body, effect->http_body_len) : NULL,
        .http_body_len = effect->http_body_len,
        .timeout_ms = effect->timeout_ms,
        .immediate = effect->immediate,
    };
    call->headers = effect->http_headers ? jv_dup(effect->http_headers) : NULL;
    if (effect->verb == EFFECT_SLEEP || effect->verb == EFFECT_HTTP) {
        int64_t delay_ms = effect->verb == EFFECT_SLEEP ? effect->delay_ms : 0;
        call->timer = loop_timer_add(rest_loop(admin->rest), delay_ms, on_timer, call);
    } else {
        discovery_find(admin->discovery, effect->api_version, effect->kind, on_kind, call);
    }
    return call;
}

static void admin_cancel(void *self, struct effect_call *call)
{
    struct admin *admin = self;
    discovery_cancel(admin->discovery, call);
    rest_cancel(admin->rest, call->request);
    loop_timer_cancel(rest_loop(admin->rest), call->timer);
    if (call->http) {
        transport_cancel(admin->transport, call->http);
    }
    call_free(call);
}

static struct store *admin_store(void *self, const char *api_version, const char *kind,
                                 struct err *err)
{
    (void)self;
    err_set(err, ERR_INVALID, "a scenario has no cache of %s %s: use kube.read", api_version, kind);
    return NULL;
}

static int64_t admin_wall_ns(void *self)
{
    const struct admin *admin = self;
    return clock_wall_ns(loop_clock(rest_loop(admin->rest)));
}

static bool admin_previewing(void *self)
{
    (void)self;
    return false;
}

static const struct effects_ops admin_ops = {
    .start = admin_start,
    .cancel = admin_cancel,
    .store = admin_store,
    .wall_ns = admin_wall_ns,
    .previewing = admin_previewing,
};

struct admin *admin_new(struct rest *rest, struct discovery *discovery, struct transport *transport,
                        admin_world_fn world, void *arg)
{
    struct admin *admin = mem_alloc(sizeof(*admin));
    admin->effects = (struct effects){.ops = &admin_ops, .self = admin};
    admin->rest = rest;
    admin->discovery = discovery;
    admin->transport = transport;
    admin->world = world;
    admin->world_arg = arg;
    return admin;
}

void admin_free(struct admin *admin)
{
    free(admin);
}

struct effects *admin_effects(struct admin *admin)
{
    return &admin->effects;
}
