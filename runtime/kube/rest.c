#include "kube/rest_internal.h"

#include "base/backoff.h"

#include <stdlib.h>
#include <string.h>

#define USER_AGENT "nemeton/" NEMETON_VERSION

enum { BACKOFF_MIN_MS = 100, BACKOFF_MAX_MS = 5000 };

static void attempt(struct rest_call *call);

/* --- life of a call --------------------------------------------------------------------------- */

static void call_unlink(struct rest_call *call)
{
    struct rest *rest = call->rest;
    if (call->prev)
        call->prev->next = call->next;
    else
        rest->calls = call->next;
    if (call->next)
        call->next->prev = call->prev;
    rest->call_count--;
    rest->stream_count -= call->is_stream;
}

static void call_free(struct rest_call *call)
{
    struct rest *rest = call->rest;
    if (call->awaits_credentials)
        kube_config_credentials_cancel(rest->config, call);
    transport_cancel(rest->transport, call->http);
    loop_timer_cancel(rest->loop, call->timer);
    buf_deinit(&call->error_body);
    free(call->method);
    free(call->path);
    free(call->content_type);
    free(call->accept);
    free(call->body);
    free(call);
}

/* Ends the call. Nothing of it or of rest may be touched afterwards: the owner may free both. */
static void call_finish(struct rest_call *call, const struct rest_response *response,
                        const struct err *err)
{
    struct err copy;
    if (err)
        copy = *err; /* it may live in the call */
    bool is_stream = call->is_stream;
    rest_fn fn = call->fn;
    void (*stream_done)(void *, const struct err *) = call->callbacks.on_done;
    void *arg = call->arg;
    call_unlink(call);
    call_free(call);
    if (is_stream)
        stream_done(arg, err ? &copy : NULL);
    else
        fn(arg, response, err ? &copy : NULL);
}

static void on_failure_due(void *arg)
{
    struct rest_call *call = arg;
    call->timer = NULL;
    call_finish(call, NULL, &call->err);
}

/* Callbacks come from the loop, never from inside rest_start. */
static void call_fail_later(struct rest_call *call, const struct err *err)
{
    call->err = *err;
    call->timer = loop_defer(call->rest->loop, on_failure_due, call);
}

static void on_retry_due(void *arg)
{
    struct rest_call *call = arg;
    call->timer = NULL;
    attempt(call);
}

static void call_retry_later(struct rest_call *call, int64_t at_least_ms)
{
    struct rest *rest = call->rest;
    int64_t delay_ms = backoff_delay_ms(BACKOFF_MIN_MS, BACKOFF_MAX_MS, call->retries);
    if (rest->options.random)
        delay_ms = backoff_jitter_ms(delay_ms, 0.5, random_unit(rest->options.random));
    if (delay_ms < at_least_ms)
        delay_ms = at_least_ms;
    call->retries++;
    call->timer = loop_timer_add(rest->loop, delay_ms, on_retry_due, call);
}

static bool call_may_retry(const struct rest_call *call)
{
    return !call->is_stream && !call->no_retry && call->retries < REST_RETRY_MAX;
}

/* --- what comes back -------------------------------------------------------------------------- */

static void count(const struct rest_call *call, const struct http_response *response,
                  const struct err *err)
{
    const struct rest_options *options = &call->rest->options;
    struct rest_sent sent = {
        .method = call->method,
        .code = response ? response->status : 0,
        .duration_ms = loop_now_ms(call->rest->loop) - call->started_ms,
        .body_bytes = call->body ? call->body_len : 0,
        .answer_bytes = response && !call->is_stream ? (int64_t)response->body_len : -1,
        .is_repeat = call->retries > 0 || call->has_replayed,
    };
    bool was_sent = !err || err->code != ERR_FENCED;
    if (options->on_request && was_sent)
        options->on_request(options->on_request_arg, &sent);
}

/* Unless the text names it already, as that of the fence and of the real network does. */
static void err_name_request(const struct rest_call *call, struct err *err)
{
    char *path = mem_strn(call->path, strcspn(call->path, "?"));
    if (!strstr(err->text, path))
        err_wrap(err, "`%s %s`", call->method, path);
    free(path);
}

static void on_transport_err(struct rest_call *call, const struct err *err)
{
    bool is_get = strcmp(call->method, "GET") == 0;
    bool is_reset = err->code == ERR_NETWORK && strcmp(err->reason, HTTP_REASON_RESET) == 0;
    if (is_get && is_reset && call_may_retry(call)) {
        call->fresh_connection = true;
        call_retry_later(call, 0);
        return;
    }
    struct err copy = *err;
    err_name_request(call, &copy);
    call_finish(call, NULL, &copy);
}

/* True when the call goes on: replayed with other credentials, or tried again later. */
static bool call_goes_on(struct rest_call *call, const struct http_response *response)
{
    int64_t retry_after_ms = rest_retry_after_ms(response);
    if (response->status == 429)
        rest_throttled_log(call->rest, call, response);
    if (response->status == 401 && !call->has_replayed &&
        kube_config_unauthorized(call->rest->config, call->started_ms)) {
        call->has_replayed = true;
        attempt(call);
        return true;
    }
    if ((response->status == 429 || response->status >= 500) && call_may_retry(call) &&
        retry_after_ms >= 0 && retry_after_ms <= REST_RETRY_AFTER_MS_MAX) {
        call_retry_later(call, retry_after_ms);
        return true;
    }
    return false;
}

static bool says_failure(const struct jv *object)
{
    const char *kind = jv_path_str(object, "kind", NULL);
    const char *status =
        kind && strcmp(kind, "Status") == 0 ? jv_path_str(object, "status", NULL) : NULL;
    return status && strcmp(status, "Failure") == 0;
}

static void on_done(void *arg, const struct http_response *response, const struct err *err)
{
    struct rest_call *call = arg;
    call->http = NULL;
    count(call, response, err);
    if (err) {
        on_transport_err(call, err);
        return;
    }
    rest_warnings_log(call->rest, call->path, response);
    if (call_goes_on(call, response))
        return;
    struct jv *object = NULL;
    struct err why = {0};
    int result = rest_body_parse(response, call->sparse, call->rest->options.log, &object, &why);
    if (response->status >= 300 || says_failure(object))
        result = rest_response_err(call, response, response->body, response->body_len, &why);
    else if (result != 0)
        err_name_request(call, &why);
    struct rest_response answer = {
        .status = response->status,
        .object = object,
        .body = response->body,
        .body_len = response->body_len,
    };
    call_finish(call, &answer, result != 0 ? &why : NULL);
    jv_unref(object);
}

static void on_stream_head(void *arg, const struct http_response *head)
{
    struct rest_call *call = arg;
    call->status = head->status;
    rest_warnings_log(call->rest, call->path, head);
    if (head->status < 300 && call->callbacks.on_open)
        call->callbacks.on_open(call->arg);
}

static int on_stream_data(void *arg, const char *data, size_t len)
{
    struct rest_call *call = arg;
    if (call->status < 300)
        return call->callbacks.on_data(call->arg, data, len);
    buf_add(&call->error_body, data, len); /* past the maximum the rest is not needed */
    return 0;
}

static void on_stream_done(void *arg, const struct http_response *response, const struct err *err)
{
    struct rest_call *call = arg;
    call->http = NULL;
    count(call, response, err);
    if (err) {
        on_transport_err(call, err);
        return;
    }
    if (response->status < 300) {
        call_finish(call, NULL, NULL);
        return;
    }
    if (call_goes_on(call, response))
        return;
    struct err why = {0};
    rest_response_err(call, response, buf_str(&call->error_body), call->error_body.len, &why);
    call_finish(call, NULL, &why);
}

/* --- sending ---------------------------------------------------------------------------------- */

static int on_send(void *arg, struct err *err)
{
    const struct rest_call *call = arg;
    const struct rest *rest = call->rest;
    if (!call->is_write || call->lane == HTTP_LANE_LEASE || !rest->may_write ||
        rest->may_write(rest->may_write_arg))
        return 0;
    return err_set(err, ERR_FENCED, "`%s %.*s`: not sent, because this instance holds no lease",
                   call->method, (int)strcspn(call->path, "?"), call->path);
}

/* Connections made with an old client certificate speak for somebody who may be gone. */
static void generation_begin(struct rest *rest, uint64_t generation)
{
    struct err err = {0};
    err_set(&err, ERR_NETWORK, "the client certificate has changed; the stream is opened again");
    rest->generation = generation;
    for (size_t i = 0; i < HTTP_LANE_COUNT; i++)
        rest->lane_is_stale[i] = true;
    for (struct rest_call *call = rest->calls; call; call = call->next) {
        if (!call->is_stream || !call->http || call->generation == generation)
            continue;
        transport_cancel(rest->transport, call->http);
        call->http = NULL;
        call_fail_later(call, &err);
    }
}

static struct http_call *send(struct rest_call *call, const struct kube_credentials *credentials,
                              struct err *err)
{
    struct rest *rest = call->rest;
    size_t count_max = credentials->header_count + 3, header_count = 0;
    struct http_header *headers = mem_alloc(count_max * sizeof(*headers));
    headers[header_count++] = (struct http_header){"User-Agent", rest->user_agent};
    headers[header_count++] = (struct http_header){"Accept", call->accept};
    if (call->body)
        headers[header_count++] = (struct http_header){"Content-Type", call->content_type};
    for (size_t i = 0; i < credentials->header_count; i++)
        headers[header_count++] = credentials->headers[i];
    char *url = mem_printf("%s%s", kube_config_server(rest->config), call->path);
    struct http_request request = {
        .method = call->method,
        .url = url,
        .headers = headers,
        .header_count = header_count,
        .body = call->body,
        .body_len = call->body_len,
        .tls = credentials->tls,
        .proxy = credentials->proxy,
        .lane = call->lane,
        .timeout_ms = call->timeout_ms,
        .body_bytes_max = REST_BODY_BYTES_MAX,
        .stream = call->is_stream,
        .fresh_connection = call->fresh_connection || rest->lane_is_stale[call->lane],
        .compressed = credentials->compressed,
        .is_patient = call->is_patient,
    };
    struct http_callbacks callbacks = {
        .on_head = call->is_stream ? on_stream_head : NULL,
        .on_data = call->is_stream ? on_stream_data : NULL,
        .on_done = call->is_stream ? on_stream_done : on_done,
        .on_send = on_send,
    };
    rest->lane_is_stale[call->lane] = false;
    struct http_call *http = transport_start(rest->transport, &request, &callbacks, call, err);
    free(headers);
    free(url);
    return http;
}

static void on_credentials(void *arg, const struct kube_credentials *credentials,
                           const struct err *err)
{
    struct rest_call *call = arg;
    struct rest *rest = call->rest;
    struct err why = {0};
    call->awaits_credentials = false;
    if (err) {
        call_fail_later(call, err);
        return;
    }
    if (credentials->generation != rest->generation)
        generation_begin(rest, credentials->generation);
    call->generation = credentials->generation;
    call->started_ms = loop_now_ms(rest->loop);
    call->status = 0;
    buf_clear(&call->error_body);
    call->http = send(call, credentials, &why);
    if (call->http)
        return;
    err_name_request(call, &why);
    call_fail_later(call, &why);
}

static void attempt(struct rest_call *call)
{
    call->awaits_credentials = true;
    kube_config_credentials(call->rest->config, on_credentials, call);
}

static struct rest_call *call_new(struct rest *rest, const struct rest_request *request, void *arg)
{
    if (!request->method || !request->path || request->path[0] != '/')
        return NULL;
    struct rest_call *call = mem_alloc(sizeof(*call));
    call->rest = rest;
    call->method = mem_str(request->method);
    call->path = mem_str(request->path);
    call->content_type =
        mem_str(request->content_type ? request->content_type : "application/json");
    call->accept = mem_str(request->accept ? request->accept : "application/json");
    call->body = request->body ? mem_strn(request->body, request->body_len) : NULL;
    call->body_len = request->body ? request->body_len : 0;
    call->lane = request->lane;
    call->timeout_ms = request->timeout_ms;
    call->no_retry = request->no_retry;
    call->fresh_connection = request->fresh_connection;
    call->sparse = request->sparse;
    call->is_patient = request->is_patient;
    call->is_write = strcmp(request->method, "GET") != 0 && strcmp(request->method, "HEAD") != 0;
    call->arg = arg;
    buf_init(&call->error_body, REST_ERROR_BYTES_MAX);
    call->next = rest->calls;
    if (call->next)
        call->next->prev = call;
    rest->calls = call;
    rest->call_count++;
    return call;
}

/* --- public ----------------------------------------------------------------------------------- */

struct rest *rest_new(struct loop *loop, struct transport *transport, struct kube_config *config,
                      const struct rest_options *options)
{
    struct rest *rest = mem_alloc(sizeof(*rest));
    rest->loop = loop;
    rest->transport = transport;
    rest->config = config;
    if (options)
        rest->options = *options;
    rest->user_agent = mem_str(rest->options.user_agent ? rest->options.user_agent : USER_AGENT);
    rest->warnings = map_new(rest->options.random ? random_u64(rest->options.random) : 0, NULL);
    return rest;
}

void rest_free(struct rest *rest)
{
    if (!rest)
        return;
    while (rest->calls)
        rest_cancel(rest, rest->calls);
    map_free(rest->warnings);
    free(rest->user_agent);
    free(rest);
}

struct loop *rest_loop(struct rest *rest)
{
    return rest->loop;
}

void rest_set_fence(struct rest *rest, bool (*may_write)(void *arg), void *arg)
{
    rest->may_write = may_write;
    rest->may_write_arg = arg;
}

struct rest_call *rest_start(struct rest *rest, const struct rest_request *request, rest_fn fn,
                             void *arg)
{
    struct rest_call *call = call_new(rest, request, arg);
    if (!call)
        return NULL;
    call->fn = fn;
    if (call->timeout_ms <= 0)
        call->timeout_ms = REST_TIMEOUT_MS;
    attempt(call);
    return call;
}

struct rest_call *rest_stream(struct rest *rest, const struct rest_request *request,
                              const struct rest_stream_callbacks *callbacks, void *arg)
{
    struct rest_call *call = call_new(rest, request, arg);
    if (!call)
        return NULL;
    call->is_stream = true;
    rest->stream_count++;
    call->callbacks = *callbacks;
    attempt(call);
    return call;
}

void rest_cancel(struct rest *rest, struct rest_call *call)
{
    (void)rest;
    if (!call)
        return;
    call_unlink(call);
    call_free(call);
}

size_t rest_pending(const struct rest *rest)
{
    return rest->call_count;
}

size_t rest_pending_unary(const struct rest *rest)
{
    return rest->call_count - rest->stream_count;
}
