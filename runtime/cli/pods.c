#include "cli/pods.h"

#include "control/serve.h"

#include <stdlib.h>
#include <string.h>

enum { HEADERS_MAX = 32, STATUS_MIN = 200, STATUS_MAX = 599 };

#define REFUSED "connect: connection refused"

/* A request that waits for its answer; gone with its exchange. */
struct pod_call {
    struct exchange *exchange;
    struct serve *serve; /* NULL: answered, and the answer is to wait for ever */
};

static void on_close(void *arg)
{
    struct pod_call *call = arg;
    serve_cancel(call->serve);
    free(call);
}

static void reply_text(struct exchange *exchange, int status, const char *text)
{
    static const struct http_header headers[] = {{"Content-Type", "text/plain"}};
    exchange_reply(exchange, status, headers, 1, text, strlen(text));
}

static void reply(struct exchange *exchange, const struct jv *answer)
{
    struct http_header headers[HEADERS_MAX];
    struct jv_iter iter = {0};
    size_t count = 0, len = 0;
    const char *body = jv_strn(jv_get(answer, "body"), &len);
    int64_t status =
        jv_get(answer, "status") != NULL ? jv_int_value(jv_get(answer, "status")) : STATUS_MIN;
    while (count < HEADERS_MAX && jv_next(jv_get(answer, "headers"), &iter)) {
        if (jv_str(iter.value) != NULL)
            headers[count++] = (struct http_header){iter.key, jv_str(iter.value)};
    }
    if (status < STATUS_MIN || status > STATUS_MAX)
        reply_text(exchange, 500, "serve returned a status that is none\n");
    else
        exchange_reply(exchange, (int)status, headers, count, body != NULL ? body : "", len);
}

static void on_served(void *arg, const struct jv *answer, const struct err *err)
{
    struct pod_call *call = arg;
    struct exchange *exchange = call->exchange;
    call->serve = NULL;
    if (answer != NULL && jv_bool_value(jv_get(answer, "hang")))
        return; /* until the client has had enough */
    exchange_on_close(exchange, NULL, NULL);
    free(call);
    if (err != NULL && err->code == ERR_CANCELED)
        exchange_abort(exchange);
    else if (err != NULL)
        reply_text(exchange, 500, err->text);
    else if (answer == NULL)
        exchange_refuse(exchange, REFUSED);
    else if (jv_bool_value(jv_get(answer, "cut")))
        exchange_abort(exchange);
    else
        reply(exchange, answer);
}

/* { method, scheme, port, path, query, headers, body }; NULL when the body is not text. */
static struct jv *describe(const struct exchange *exchange, unsigned port)
{
    size_t len;
    const char *body = exchange_body(exchange, &len);
    struct jv *text = jv_stringn(body, len);
    if (text == NULL)
        return NULL;
    struct jv *request = jv_object(), *headers = jv_object();
    jv_set_str(request, "method", exchange_method(exchange));
    jv_set_str(request, "scheme", exchange_scheme(exchange));
    jv_set_int(request, "port", port);
    jv_set_str(request, "path", exchange_path(exchange));
    jv_set_str(request, "query", exchange_query_raw(exchange));
    for (size_t i = 0; i < exchange->header_count; i++) {
        char *name = mem_str(exchange->headers[i].name);
        for (char *c = name; *c != '\0'; c++)
            *c = (char)(*c >= 'A' && *c <= 'Z' ? *c + 32 : *c);
        jv_set(headers, name, jv_string(exchange->headers[i].value));
        free(name);
    }
    jv_set(request, "headers", headers);
    jv_set(request, "body", text);
    return request;
}

void pods_request(void *arg, const struct jv *pod, unsigned port, struct exchange *exchange)
{
    struct manager *manager = *(struct manager **)arg;
    struct serve_target target = {
        .api_version = "v1",
        .kind = "Pod",
        .namespace = jv_path_str(pod, "metadata", "namespace", NULL),
        .name = jv_path_str(pod, "metadata", "name", NULL),
        .uid = jv_path_str(pod, "metadata", "uid", NULL),
    };
    struct jv *request = describe(exchange, port);
    if (request == NULL) {
        reply_text(exchange, 400, "the body is not UTF-8 text\n");
        return;
    }
    struct pod_call *call = mem_alloc(sizeof(*call));
    call->exchange = exchange;
    if (manager != NULL)
        call->serve = manager_serve(manager, &target, request, on_served, call);
    jv_unref(request);
    if (call->serve != NULL) {
        exchange_on_close(exchange, on_close, call);
        return;
    }
    free(call);
    exchange_refuse(exchange, REFUSED);
}

char *pods_log(void *arg, const struct jv *pod)
{
    (void)arg;
    const char *text = jv_path_str(pod, "metadata", "annotations", PODS_LOG, NULL);
    return text != NULL ? mem_printf("%s\n", text) : NULL;
}
