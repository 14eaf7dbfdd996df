/* A sandbox API server behind the loopback transport, on a virtual clock.
 *
 * `call` is one request to its end; `watch_open` holds a watch whose events are parsed as they come.
 * stage_end proves that nothing is left open. */
#ifndef NEMETON_TESTS_SANDBOX_SUPPORT_H
#define NEMETON_TESTS_SANDBOX_SUPPORT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "idle.h"

#include "loop/loopback.h"
#include "sandbox/apiserver.h"

#define SERVER_URL "https://sandbox"

struct stage {
    struct clock *clock;
    struct loop *loop;
    struct random_source *random;
    struct transport *transport;
    struct apiserver *server;
    const char *accept, *user, *token; /* headers of the next calls */
    char content_type[64];
    int code;          /* of the last call */
    struct jv *answer; /* NULL when it was not JSON */
    char *text;
    char warning[256];
    bool done;
};

static inline void stage_init_with(struct stage *stage, struct apiserver_options options)
{
    memset(stage, 0, sizeof(*stage));
    stage->clock = clock_virtual_new(1767225600LL * 1000000000);
    stage->loop = loop_new(stage->clock, NULL);
    stage->random = random_seeded_new(7);
    stage->transport = loopback_new(stage->loop, stage->random);
    options.random = stage->random;
    struct err err = {0};
    stage->server = apiserver_new(stage->loop, &options, &err);
    if (!stage->server)
        fail_msg("%s", err.text);
    loopback_route(stage->transport, SERVER_URL, apiserver_handle, stage->server);
}

static inline void stage_init(struct stage *stage)
{
    stage_init_with(stage, (struct apiserver_options){0});
}

static inline void stage_forget(struct stage *stage)
{
    jv_unref(stage->answer);
    free(stage->text);
    stage->answer = NULL;
    stage->text = NULL;
}

static inline void stage_end(struct stage *stage)
{
    stage_forget(stage);
    assert_int_equal(transport_pending(stage->transport), 0);
    for (int i = 0; i < 50; i++) /* pieces still under way, and the closing of what was cut */
        loop_turn(stage->loop, 0);
    apiserver_free(stage->server);
    transport_free(stage->transport);
    random_free(stage->random);
    loop_free_idle(stage->loop);
    clock_free(stage->clock);
}

static inline void stage_done(void *arg, const struct http_response *response,
                              const struct err *err)
{
    struct stage *stage = arg;
    stage->done = true;
    assert_null(err);
    stage->code = response->status;
    stage->text = strdup(response->body);
    const char *warning = http_response_header(response, "Warning");
    snprintf(stage->warning, sizeof(stage->warning), "%s", warning ? warning : "");
    if (jv_parse(response->body, response->body_len, &stage->answer, NULL) < 0)
        stage->answer = NULL;
}

static inline bool stage_is_done(void *arg)
{
    return ((struct stage *)arg)->done;
}

/* type NULL: application/json. Quotes in body may be written as '. */
static inline struct jv *call_typed(struct stage *stage, const char *method, const char *path,
                                    const char *type, const char *body)
{
    char url[1024];
    char *copy = strdup(body ? body : "");
    for (char *at = copy; *at; at++)
        if (*at == '\'')
            *at = '"';
    snprintf(url, sizeof(url), SERVER_URL "%s", path);
    struct http_header headers[4];
    size_t count = 0;
    headers[count++] = (struct http_header){"Content-Type", type ? type : "application/json"};
    headers[count++] = (struct http_header){"User-Agent", stage->user ? stage->user : "test/1"};
    if (stage->accept)
        headers[count++] = (struct http_header){"Accept", stage->accept};
    if (stage->token)
        headers[count++] = (struct http_header){"Authorization", stage->token};
    const struct http_request request = {.method = method,
                                         .url = url,
                                         .headers = headers,
                                         .header_count = count,
                                         .body = copy,
                                         .body_len = strlen(copy),
                                         .timeout_ms = 60000};
    const struct http_callbacks callbacks = {.on_done = stage_done};
    stage_forget(stage);
    stage->done = false;
    assert_non_null(transport_start(stage->transport, &request, &callbacks, stage, NULL));
    assert_true(loop_run_until(stage->loop, stage_is_done, stage, 60000));
    free(copy);
    return stage->answer;
}

static inline struct jv *call(struct stage *stage, const char *method, const char *path,
                              const char *body)
{
    bool patch = strcmp(method, "PATCH") == 0;
    return call_typed(stage, method, path, patch ? "application/merge-patch+json" : NULL, body);
}

static inline struct jv *call_ok(struct stage *stage, const char *method, const char *path,
                                 const char *body)
{
    struct jv *answer = call(stage, method, path, body);
    if (stage->code >= 300)
        fail_msg("%s %s: %d %s", method, path, stage->code, stage->text);
    return answer;
}

/* The answer must be this refusal. */
static inline void expect_refusal(struct stage *stage, int code, const char *reason,
                                  const char *message)
{
    if (stage->code != code)
        fail_msg("wanted %d, got %d: %s", code, stage->code, stage->text);
    assert_string_equal(jv_path_str(stage->answer, "kind", NULL), "Status");
    if (reason)
        assert_string_equal(jv_path_str(stage->answer, "reason", NULL), reason);
    if (message)
        assert_string_equal(jv_path_str(stage->answer, "message", NULL), message);
}

/* A watch held open. */
enum { WATCHED_MAX = 256 };
struct watch {
    struct stage *stage;
    struct http_call *call;
    struct jv *events[WATCHED_MAX];
    size_t count;
    char *partial;
    size_t partial_len;
    int code;
    bool ended;
};

static inline int watch_data(void *arg, const char *data, size_t len)
{
    struct watch *watch = arg;
    watch->partial = realloc(watch->partial, watch->partial_len + len + 1);
    memcpy(watch->partial + watch->partial_len, data, len);
    watch->partial_len += len;
    for (;;) {
        char *end = memchr(watch->partial, '\n', watch->partial_len);
        if (!end)
            return 0;
        size_t line = (size_t)(end - watch->partial);
        assert_true(watch->count < WATCHED_MAX);
        assert_int_equal(jv_parse(watch->partial, line, &watch->events[watch->count++], NULL), 0);
        watch->partial_len -= line + 1;
        memmove(watch->partial, end + 1, watch->partial_len);
    }
}

static inline void watch_done(void *arg, const struct http_response *response,
                              const struct err *err)
{
    struct watch *watch = arg;
    watch->ended = true;
    watch->call = NULL;
    if (!err)
        watch->code = response->status;
}

static inline void watch_open(struct watch *watch, struct stage *stage, const char *path)
{
    char url[1024];
    memset(watch, 0, sizeof(*watch));
    watch->stage = stage;
    snprintf(url, sizeof(url), SERVER_URL "%s", path);
    const struct http_header headers[] = {{"User-Agent", "watcher/1"},
                                          {"Accept", stage->accept ? stage->accept : "*/*"}};
    const struct http_request request = {.method = "GET",
                                         .url = url,
                                         .headers = headers,
                                         .header_count = 2,
                                         .lane = HTTP_LANE_WATCH,
                                         .stream = true};
    const struct http_callbacks callbacks = {.on_data = watch_data, .on_done = watch_done};
    watch->call = transport_start(stage->transport, &request, &callbacks, watch, NULL);
    assert_non_null(watch->call);
}

struct watch_wait {
    struct watch *watch;
    size_t count;
};

static inline bool watch_has(void *arg)
{
    struct watch_wait *wait = arg;
    return wait->watch->count >= wait->count || wait->watch->ended;
}

static inline void watch_expect(struct watch *watch, size_t count)
{
    struct watch_wait wait = {watch, count};
    loop_run_until(watch->stage->loop, watch_has, &wait, 10000);
    assert_int_equal(watch->count, count);
}

static inline const char *watch_type(const struct watch *watch, size_t index)
{
    assert_true(index < watch->count);
    return jv_path_str(watch->events[index], "type", NULL);
}

static inline const char *watch_name(const struct watch *watch, size_t index)
{
    return jv_path_str(watch->events[index], "object", "metadata", "name", NULL);
}

static inline void watch_close(struct watch *watch)
{
    if (watch->call)
        transport_cancel(watch->stage->transport, watch->call);
    for (size_t i = 0; i < watch->count; i++)
        jv_unref(watch->events[i]);
    free(watch->partial);
}

#endif
