/* What the tests of watches, leases, events and caches share: a client in virtual time whose API
 * server answers from a script, one step a request. A request past the script is left hanging.
 */
#ifndef NEMETON_TESTS_KUBE_STAGE_H
#define NEMETON_TESTS_KUBE_STAGE_H

#include "unit/loop_support.h"

#include "kube/discovery.h"
#include "loop/loopback.h"

/* Steps leave out what they do not need. */
#pragma GCC diagnostic ignored "-Wmissing-field-initializers"

enum act {
    ACT_REPLY,
    ACT_STREAM, /* body written, left open */
    ACT_END,    /* body written, ended cleanly */
    ACT_CUT,    /* body written, cut */
    ACT_HANG,
};
struct step {
    const char *want; /* must be part of "METHOD path?query"; NULL: anything */
    enum act act;
    int status; /* 0 = 200 */
    const char *body, *retry_after;
};

enum { STAGE_STEPS_MAX = 128, STAGE_OPEN_MAX = 32 };

/* Passes everything on and notes what the server cannot see. */
struct spy {
    struct transport base;
    struct transport *inner;
    bool last_fresh, last_patient;
    enum http_lane last_lane;
};

struct stage {
    struct spy spy;
    struct world world;
    struct random_source *random;
    struct transport *transport;
    struct kube_config *config;
    struct rest *rest;
    struct step steps[STAGE_STEPS_MAX];
    size_t step_count, next;
    struct buf requests; /* a line each */
    char last_body[8192];
    size_t request_count;
    struct stage_open {
        struct stage *stage;
        struct exchange *exchange;
    } open[STAGE_OPEN_MAX];
    exchange_handler other; /* instead of the script */
    void *other_arg;
};

static inline void stage_closed(void *arg)
{
    struct stage_open *open = arg;
    open->exchange = NULL;
}

static inline void stage_keep(struct stage *stage, struct exchange *exchange)
{
    for (size_t i = 0; i < STAGE_OPEN_MAX; i++) {
        if (stage->open[i].exchange)
            continue;
        stage->open[i] = (struct stage_open){stage, exchange};
        exchange_on_close(exchange, stage_closed, &stage->open[i]);
        return;
    }
    fail_msg("too many open requests");
}

/* The stream that is open now; there must be exactly one. */
static inline struct exchange *stage_stream(struct stage *stage)
{
    struct exchange *found = NULL;
    for (size_t i = 0; i < STAGE_OPEN_MAX; i++) {
        if (!stage->open[i].exchange)
            continue;
        assert_null(found);
        found = stage->open[i].exchange;
    }
    assert_non_null(found);
    return found;
}

static inline size_t stage_open_count(const struct stage *stage)
{
    size_t count = 0;
    for (size_t i = 0; i < STAGE_OPEN_MAX; i++)
        count += stage->open[i].exchange != NULL;
    return count;
}

static inline void stage_forget(struct stage *stage, struct exchange *exchange)
{
    for (size_t i = 0; i < STAGE_OPEN_MAX; i++)
        if (stage->open[i].exchange == exchange)
            stage->open[i].exchange = NULL;
}

/* Ends what is open, without an answer. */
static inline void stage_cut(struct stage *stage)
{
    for (size_t i = 0; i < STAGE_OPEN_MAX; i++) {
        struct exchange *exchange = stage->open[i].exchange;
        stage->open[i].exchange = NULL;
        if (exchange != NULL)
            exchange_abort(exchange);
    }
}

static inline void stage_act(struct stage *stage, struct exchange *exchange, struct step step)
{
    struct http_header headers[] = {{"Content-Type", "application/json"},
                                    {"Retry-After", step.retry_after}};
    size_t count = step.retry_after ? 2 : 1;
    const char *body = step.body ? step.body : "";
    int status = step.status ? step.status : 200;

    if (step.act == ACT_REPLY) {
        exchange_reply(exchange, status, headers, count, body, strlen(body));
        return;
    }
    if (step.act == ACT_HANG) {
        stage_keep(stage, exchange);
        return;
    }
    exchange_stream(exchange, status, headers, count);
    if (*body)
        exchange_write(exchange, body, strlen(body));
    if (step.act == ACT_END)
        exchange_end(exchange);
    else if (step.act == ACT_CUT)
        exchange_abort(exchange);
    else
        stage_keep(stage, exchange);
}

static inline void stage_handle(void *arg, struct exchange *exchange)
{
    struct stage *stage = arg;
    const char *query = exchange_query_raw(exchange);
    char *line = mem_printf("%s %s%s%s", exchange_method(exchange), exchange_path(exchange),
                            *query ? "?" : "", query);
    size_t len = 0;
    const char *body = exchange_body(exchange, &len);
    struct step step = {.act = ACT_HANG};

    stage->request_count++;
    snprintf(stage->last_body, sizeof stage->last_body, "%.*s", (int)len, body ? body : "");
    buf_printf(&stage->requests, "%s\n", line);
    if (stage->other) {
        free(line);
        stage->other(stage->other_arg, exchange);
        return;
    }
    if (stage->next < stage->step_count)
        step = stage->steps[stage->next++];
    if (step.want && !strstr(line, step.want))
        fail_msg("request %zu is `%s`, not `%s`", stage->request_count, line, step.want);
    free(line);
    stage_act(stage, exchange, step);
}

static inline void stage_script(struct stage *stage, const struct step *steps, size_t count)
{
    assert_true(stage->step_count + count <= STAGE_STEPS_MAX);
    memcpy(stage->steps + stage->step_count, steps, count * sizeof *steps);
    stage->step_count += count;
}
#define SCRIPT(stage, ...)                                                                         \
    stage_script(stage, (const struct step[]){__VA_ARGS__},                                        \
                 sizeof((const struct step[]){__VA_ARGS__}) / sizeof(struct step))

static inline bool stage_never(void *arg)
{
    (void)arg;
    return false;
}

static inline void stage_run(struct stage *stage, int64_t ms)
{
    loop_run_until(stage->world.loop, stage_never, NULL, ms > 0 ? ms : 1);
}

static inline struct http_call *spy_start(struct transport *self,
                                          const struct http_request *request,
                                          const struct http_callbacks *on, void *arg,
                                          struct err *err)
{
    struct spy *spy = (struct spy *)self;
    spy->last_fresh = request->fresh_connection;
    spy->last_patient = request->is_patient;
    spy->last_lane = request->lane;
    return transport_start(spy->inner, request, on, arg, err);
}

static inline void spy_cancel(struct transport *self, struct http_call *call)
{
    transport_cancel(((struct spy *)self)->inner, call);
}

static inline size_t spy_pending(const struct transport *self)
{
    return transport_pending(((const struct spy *)self)->inner);
}

static const struct transport_ops spy_ops = {
    .start = spy_start, .cancel = spy_cancel, .pending = spy_pending};

static inline struct stage *stage_new(void)
{
    struct stage *stage = mem_alloc(sizeof *stage);
    stage->world = world_new(clock_virtual_new(1700000000LL * 1000000000));
    stage->random = random_seeded_new(7);
    stage->transport = loopback_new(stage->world.loop, stage->random);
    loopback_route(stage->transport, "https://api", stage_handle, stage);
    stage->config = kube_config_fixed(stage->world.loop, "https://api", NULL);
    stage->spy = (struct spy){.base = {&spy_ops}, .inner = stage->transport};
    stage->rest = rest_new(stage->world.loop, &stage->spy.base, stage->config,
                           &(struct rest_options){.random = stage->random});
    buf_init(&stage->requests, 1 << 22);
    return stage;
}

static inline void stage_free(struct stage *stage)
{
    stage_run(stage, 0);
    assert_int_equal(rest_pending(stage->rest), 0);
    rest_free(stage->rest);
    assert_int_equal(transport_pending(stage->transport), 0);
    transport_free(stage->transport);
    assert_int_equal(stage_open_count(stage), 0);
    kube_config_free(stage->config);
    random_free(stage->random);
    buf_deinit(&stage->requests);
    world_end(&stage->world);
    free(stage);
}

/* Every step of the script was used. */
static inline void stage_used_up(const struct stage *stage)
{
    if (stage->next < stage->step_count)
        fail_msg("step %zu of %zu was never asked for; requests:\n%s", stage->next + 1,
                 stage->step_count, buf_str(&stage->requests));
}

/* Texts of objects and watch events. */
#define META(name, uid, rv)                                                                        \
    "\"metadata\":{\"name\":\"" name "\",\"namespace\":\"n\",\"uid\":\"" uid                       \
    "\",\"resourceVersion\":\"" rv                                                                 \
    "\",\"managedFields\":[{\"f\":{\"k:{\\\"a\\\":\\\"}\\\"}\":[1,{}]}}]}"
#define POD(name, uid, rv) "{\"kind\":\"Pod\",\"apiVersion\":\"v1\"," META(name, uid, rv) "}"
#define ITEM(name, uid, rv) "{" META(name, uid, rv) "}"
#define EVENT(type, object) "{\"type\":\"" type "\",\"object\":" object "}\n"
#define BOOKMARK(rv)                                                                               \
    EVENT("BOOKMARK",                                                                              \
          "{\"kind\":\"Pod\",\"apiVersion\":\"v1\",\"metadata\":{\"resourceVersion\":\"" rv        \
          "\"}}")
#define MARK(rv)                                                                                   \
    EVENT("BOOKMARK", "{\"kind\":\"Pod\",\"apiVersion\":\"v1\",\"metadata\":{\"resourceVersion\":" \
                      "\"" rv "\",\"annotations\":{\"k8s.io/initial-events-end\":\"true\"}}}")
#define STATUS(code, reason, message)                                                              \
    "{\"kind\":\"Status\",\"apiVersion\":\"v1\",\"metadata\":{},\"status\":\"Failure\","           \
    "\"message\":\"" message "\",\"reason\":\"" reason "\",\"code\":" code "}"
#define LIST(rv, token, items)                                                                     \
    "{\"kind\":\"PodList\",\"apiVersion\":\"v1\",\"metadata\":{\"resourceVersion\":\"" rv          \
    "\",\"continue\":\"" token "\"},\"items\":[" items "]}\n"

#endif
