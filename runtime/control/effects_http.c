/* HTTP of policies: its own lane, bounded in time and size. */
#include "control/effects_internal.h"

#include "base/digest.h"
#include "kube/config.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { HEADERS_MAX = 64 };

static void on_http(void *arg, const struct http_response *response, const struct err *err)
{
    struct effect_call *call = arg;
    call->http_call = NULL;
    if (err != NULL) {
        effect_finish(call, NULL, err);
        return;
    }
    struct err invalid = {0};
    struct jv *result = jv_object();
    struct jv *headers = jv_object();
    jv_set_int(result, "status", response->status);
    for (size_t i = 0; i < response->header_count; i++) {
        struct jv *value = jv_string(response->headers[i].value);
        char *name = mem_str(response->headers[i].name);
        for (char *c = name; *c != '\0'; c++)
            *c = (char)(*c >= 'A' && *c <= 'Z' ? *c + 32 : *c);
        if (value != NULL)
            jv_set(headers, name, value);
        free(name);
    }
    jv_set(result, "headers", headers);
    struct jv *body = jv_stringn(response->body, response->body_len);
    if (body == NULL) {
        err_set(&invalid, ERR_PARSE, "the answer of `%s` is not UTF-8 text",
                call->effect->http_url);
        effect_finish(call, NULL, &invalid);
    } else {
        jv_set(result, "body", body);
        effect_finish(call, result, NULL);
    }
    jv_unref(result);
}

/* A TLS identity for the CA, kept for the next request. Lent. */
static struct http_tls *tls_for(struct effects_shared *shared, const char *ca_pem, struct err *err)
{
    uint64_t digest = digest_fnv1a_64(ca_pem, strlen(ca_pem), 0);
    for (size_t i = 0; i < EFFECTS_HTTP_TLS_MAX; i++) {
        if (shared->tls[i].tls != NULL && shared->tls[i].digest == digest)
            return shared->tls[i].tls;
    }
    struct http_tls_options options = {.ca_pem = ca_pem};
    struct http_tls *tls = http_tls_new(&options, err);
    if (tls == NULL)
        return NULL;
    struct effects_tls *slot = &shared->tls[shared->tls_next++ % EFFECTS_HTTP_TLS_MAX];
    if (slot->tls != NULL)
        http_tls_unref(slot->tls);
    *slot = (struct effects_tls){digest, tls};
    return tls;
}

static int check_url(const char *url, struct err *err)
{
    if (url != NULL && (strncmp(url, "http://", 7) == 0 || strncmp(url, "https://", 8) == 0))
        return 0;
    return err_set(err, ERR_INVALID, "http: `url` must begin with http:// or https://");
}

static size_t collect_headers(const struct jv *object, struct http_header *headers)
{
    size_t count = 0;
    struct jv_iter iter = {0};
    while (count < HEADERS_MAX && jv_next(object, &iter)) {
        const char *value = jv_str(iter.value);
        /* A line break would smuggle in further headers. */
        if (value == NULL || strpbrk(value, "\r\n") != NULL || strpbrk(iter.key, "\r\n:") != NULL)
            continue;
        headers[count++] = (struct http_header){iter.key, value};
    }
    return count;
}

void effect_http_start(struct effect_call *call)
{
    static const struct http_callbacks callbacks = {.on_done = on_http};
    const struct effect *effect = call->effect;
    struct effects_shared *shared = call->run->shared;
    struct http_header headers[HEADERS_MAX];
    struct err err = {0};
    struct http_tls *tls = NULL;
    char *proxy = NULL;
    int64_t timeout_ms = effect->timeout_ms > 0 ? effect->timeout_ms : EFFECTS_HTTP_TIMEOUT_MS;
    if (check_url(effect->http_url, &err) != 0 ||
        kube_proxy_from_env(effect->http_url, shared->options.env, &proxy, &err) != 0) {
        effect_finish(call, NULL, &err);
        return;
    }
    if (effect->http_ca_pem != NULL) {
        tls = tls_for(shared, effect->http_ca_pem, &err);
        if (tls == NULL) {
            free(proxy);
            effect_finish(call, NULL, &err);
            return;
        }
    }
    struct http_request request = {
        .method = effect->http_method != NULL ? effect->http_method : "GET",
        .url = effect->http_url,
        .headers = headers,
        .header_count = collect_headers(effect->http_headers, headers),
        .body = effect->http_body,
        .body_len = effect->http_body_len,
        .tls = tls,
        .proxy = proxy,
        .lane = HTTP_LANE_POLICY,
        .timeout_ms =
            timeout_ms < EFFECTS_HTTP_TIMEOUT_MAX_MS ? timeout_ms : EFFECTS_HTTP_TIMEOUT_MAX_MS,
        .body_bytes_max = EFFECTS_HTTP_BODY_MAX,
    };
    call->http_call = transport_start(shared->options.transport, &request, &callbacks, call, &err);
    free(proxy);
    if (call->http_call == NULL)
        effect_finish(call, NULL, &err);
}
