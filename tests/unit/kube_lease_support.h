/* What the tests of kube/lease share: two candidates with a loop each, one virtual clock, and a server
 * that keeps one Lease.
 */
#ifndef NEMETON_TESTS_KUBE_LEASE_SUPPORT_H
#define NEMETON_TESTS_KUBE_LEASE_SUPPORT_H

#include "unit/loop_support.h"

#include "kube/lease.h"
#include "loop/loopback.h"

struct server {
    struct jv *object;
    int rv, gets, posts, puts;
    int fail_status;   /* answers this instead of doing anything */
    bool mute;         /* does it, but never answers */
    bool steal_on_put; /* somebody is faster than the next PUT */
    char last_put[4096];
};

struct side {
    struct loop *loop;
    struct random_source *random;
    struct transport *transport;
    struct kube_config *config;
    struct rest *rest;
    struct lease *lease;
    struct server *server;
    int acquired, lost, released;
    struct err why;
    char seen[128];
    bool paused;
    struct exchange *muted[64];
};

struct fixture {
    struct clock *clock;
    struct server server;
    struct side a, b;
    size_t fds_before;
};

static inline const char *holder(const struct server *server)
{
    const char *text = jv_path_str(server->object, "spec", "holderIdentity", NULL);
    return text ? text : "";
}

static inline void bump(struct server *server)
{
    char rv[32];
    snprintf(rv, sizeof rv, "%d", ++server->rv);
    jv_set_str(jv_ensure(server->object, "metadata", NULL), "resourceVersion", rv);
}

static inline void reply_status(struct exchange *exchange, int status, const char *reason)
{
    char *text = mem_printf("{\"kind\":\"Status\",\"status\":\"Failure\",\"reason\":\"%s\","
                            "\"message\":\"no\",\"code\":%d}",
                            reason, status);
    exchange_reply(exchange, status, NULL, 0, text, strlen(text));
    free(text);
}

static inline void muted_closed(void *arg)
{
    *(struct exchange **)arg = NULL;
}

static inline void reply_object(struct side *side, struct exchange *exchange)
{
    char *text = jv_print_str(side->server->object, 0);
    if (side->server->mute) {
        size_t i = 0;
        while (side->muted[i])
            i++;
        assert_true(i < 64);
        side->muted[i] = exchange;
        exchange_on_close(exchange, muted_closed, &side->muted[i]);
    } else {
        exchange_reply(exchange, 200, NULL, 0, text, strlen(text));
    }
    free(text);
}

static inline void take_over(struct server *server, const char *who)
{
    jv_set_str(jv_ensure(server->object, "spec", NULL), "holderIdentity", who);
    bump(server);
}

static inline void put_object(struct side *side, struct exchange *exchange, struct jv *object,
                              bool create)
{
    struct server *server = side->server;
    const char *rv = jv_path_str(object, "metadata", "resourceVersion", NULL);
    const char *have = jv_path_str(server->object, "metadata", "resourceVersion", NULL);

    if (server->steal_on_put && !create) {
        server->steal_on_put = false;
        take_over(server, "thief");
        have = jv_path_str(server->object, "metadata", "resourceVersion", NULL);
    }
    if (create && server->object) {
        reply_status(exchange, 409, "AlreadyExists");
    } else if (!create && !server->object) {
        reply_status(exchange, 404, "NotFound");
    } else if (!create && rv && strcmp(rv, have) != 0) {
        reply_status(exchange, 409, "Conflict");
    } else {
        jv_unref(server->object);
        server->object = jv_dup(object);
        bump(server);
        reply_object(side, exchange);
    }
}

static inline void handle(void *arg, struct exchange *exchange)
{
    struct side *side = arg;
    struct server *server = side->server;
    const char *method = exchange_method(exchange);
    bool post = strcmp(method, "POST") == 0, put = strcmp(method, "PUT") == 0;
    struct jv *object = NULL;
    size_t len = 0;
    const char *body = exchange_body(exchange, &len);

    server->gets += !post && !put;
    server->posts += post;
    server->puts += put;
    assert_string_equal(exchange_path(exchange),
                        post ? "/apis/coordination.k8s.io/v1/namespaces/sys/leases"
                             : "/apis/coordination.k8s.io/v1/namespaces/sys/leases/nemeton");
    if (post || put) {
        snprintf(server->last_put, sizeof server->last_put, "%.*s", (int)len, body);
        assert_int_equal(jv_parse(body, len, &object, NULL), 0);
    }
    if (server->fail_status)
        reply_status(exchange, server->fail_status, "InternalError");
    else if (object)
        put_object(side, exchange, object, post);
    else if (server->object)
        reply_object(side, exchange);
    else
        reply_status(exchange, 404, "NotFound");
    jv_unref(object);
}

static inline void on_acquired(void *arg)
{
    struct side *side = arg;
    side->acquired++;
    assert_true(lease_holds(side->lease));
}

static inline void on_lost(void *arg, const struct err *why)
{
    struct side *side = arg;
    side->lost++;
    side->why = *why;
    assert_false(lease_holds(side->lease));
}

static inline void on_holder(void *arg, const char *identity)
{
    snprintf(((struct side *)arg)->seen, 128, "%s", identity);
}

static inline void on_released(void *arg)
{
    ((struct side *)arg)->released++;
}

static inline void side_begin(struct fixture *f, struct side *side, uint64_t seed)
{
    side->server = &f->server;
    side->loop = loop_new(f->clock, NULL);
    side->random = random_seeded_new(seed);
    side->transport = loopback_new(side->loop, side->random);
    loopback_route(side->transport, "https://api", handle, side);
    side->config = kube_config_fixed(side->loop, "https://api", NULL);
    side->rest = rest_new(side->loop, side->transport, side->config, NULL);
}

static inline void side_lead(struct side *side, const char *identity)
{
    struct lease_options options = {
        .namespace = "sys", .name = "nemeton", .identity = identity, .random = side->random};
    struct lease_callbacks callbacks = {on_acquired, on_lost, on_holder};
    side->lease = lease_start(side->rest, &options, &callbacks, side);
}

static inline void side_end(struct side *side)
{
    lease_free(side->lease);
    assert_int_equal(rest_pending(side->rest), 0);
    rest_free(side->rest);
    for (int i = 0; i < 10; i++)
        loop_turn(side->loop, 0);
    transport_free(side->transport);
    kube_config_free(side->config);
    random_free(side->random);
    loop_free_idle(side->loop);
}

static inline int setup(void **state)
{
    struct fixture *f = mem_alloc(sizeof *f);
    f->fds_before = open_fds();
    f->clock = clock_virtual_new(1700000000LL * 1000000000);
    side_begin(f, &f->a, 1);
    side_begin(f, &f->b, 2);
    *state = f;
    return 0;
}

static inline int teardown(void **state)
{
    struct fixture *f = *state;
    side_end(&f->a);
    side_end(&f->b);
    clock_free(f->clock);
    jv_unref(f->server.object);
    assert_int_equal(open_fds(), f->fds_before);
    free(f);
    return 0;
}

static inline bool holds(const struct side *side)
{
    return side->lease && lease_holds(side->lease);
}

/* The one property: never two at once, and who holds is who the server says. */
static inline void check(struct fixture *f)
{
    assert_false(holds(&f->a) && holds(&f->b));
    if (holds(&f->a))
        assert_string_not_equal(holder(&f->server), "b");
    if (holds(&f->b))
        assert_string_not_equal(holder(&f->server), "a");
}

static inline void pass(struct fixture *f, int64_t ms)
{
    for (int64_t t = 0; t < ms; t += 20) {
        clock_advance_ns(f->clock, 20 * 1000000);
        check(f);
        for (int i = 0; i < 12; i++) {
            if (!f->a.paused)
                loop_turn(f->a.loop, 0);
            check(f);
            if (!f->b.paused)
                loop_turn(f->b.loop, 0);
            check(f);
        }
    }
}

static inline int64_t until_held(struct fixture *f, struct side *side, int64_t max_ms)
{
    int64_t t = 0;
    while (!holds(side) && t < max_ms) {
        pass(f, 20);
        t += 20;
    }
    assert_true(holds(side));
    return t;
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

#endif
