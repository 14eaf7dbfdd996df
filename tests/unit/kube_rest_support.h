/* What the tests of kube/rest share: a client of a scripted server in virtual time, with a fence. */
#ifndef NEMETON_TESTS_KUBE_REST_SUPPORT_H
#define NEMETON_TESTS_KUBE_REST_SUPPORT_H

#include "unit/kube_front_support.h"

struct fixture {
    struct lines lines;
    struct world world;
    struct random_source *random;
    struct transport *transport;
    struct kube_config *config;
    struct rest *rest;
    struct peer peer;
    bool may_write;
    int fence_asked, counted, last_code, repeats;
    char dir[64], path[128];
};

static inline bool may_write(void *arg)
{
    struct fixture *f = arg;
    f->fence_asked++;
    return f->may_write;
}

static inline void on_request(void *arg, const struct rest_sent *sent)
{
    struct fixture *f = arg;
    assert_non_null(sent->method);
    assert_true(sent->duration_ms >= 0);
    f->counted++;
    f->repeats += sent->is_repeat;
    f->last_code = sent->code;
}

static inline void rest_begin(struct fixture *f)
{
    struct rest_options options = {
        .log = f->lines.log, .random = f->random, .on_request = on_request, .on_request_arg = f};
    f->rest = rest_new(f->world.loop, f->transport, f->config, &options);
    rest_set_fence(f->rest, may_write, f);
    f->may_write = true;
}

static inline int setup(void **state)
{
    struct fixture *f = mem_alloc(sizeof *f);
    lines_init(&f->lines);
    f->world = world_new(clock_virtual_new(0));
    f->random = random_seeded_new(1);
    f->transport = loopback_new(f->world.loop, f->random);
    f->peer.loop = f->world.loop;
    loopback_route(f->transport, "https://api", peer_handle, &f->peer);
    f->config = kube_config_fixed(f->world.loop, "https://api", "abc");
    rest_begin(f);
    *state = f;
    return 0;
}

/* The same with a token file. */
static inline int setup_token_file(void **state)
{
    setup(state);
    struct fixture *f = *state;
    rest_free(f->rest);
    kube_config_free(f->config);
    snprintf(f->dir, sizeof f->dir, "/tmp/nemeton-rest-XXXXXX");
    assert_non_null(mkdtemp(f->dir));
    snprintf(f->path, sizeof f->path, "%s/config", f->dir);
    file_write(f->dir, "token", "one");
    file_write(f->dir, "config",
               "current-context: a\ncontexts:\n- {name: a, context: {cluster: c, user: u}}\n"
               "clusters:\n- {name: c, cluster: {server: 'https://api'}}\n"
               "users:\n- {name: u, user: {tokenFile: token, as: jane}}\n");
    struct kube_config_options options = {.kubeconfig = f->path};
    f->config = kube_config_load(f->world.loop, &options, NULL);
    assert_non_null(f->config);
    rest_begin(f);
    return 0;
}

static inline int teardown(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(rest_pending(f->rest), 0);
    rest_free(f->rest);
    assert_int_equal(transport_pending(f->transport), 0);
    transport_free(f->transport);
    kube_config_free(f->config);
    random_free(f->random);
    world_end(&f->world);
    lines_deinit(&f->lines);
    if (f->dir[0])
        dir_remove(f->dir);
    free(f);
    return 0;
}

struct got {
    int calls, status, opens;
    bool has_object, has_response;
    char name[64], text[1024];
    struct err err;
    struct rest *rest;
    struct rest_call *call;
    bool cancel_in_data;
};

static inline void on_done(void *arg, const struct rest_response *response, const struct err *err)
{
    struct got *got = arg;
    got->calls++;
    if (err)
        got->err = *err;
    got->has_response = response != NULL;
    if (!response)
        return;
    got->status = response->status;
    got->has_object = response->object != NULL;
    snprintf(got->text, sizeof got->text, "%s", response->body);
    const char *name = jv_path_str(response->object, "name", NULL);
    snprintf(got->name, sizeof got->name, "%s", name ? name : "");
}

static inline bool is_done(void *arg)
{
    return ((struct got *)arg)->calls > 0;
}

static inline struct got run(struct fixture *f, const struct rest_request *request)
{
    struct got got = {0};
    assert_non_null(rest_start(f->rest, request, on_done, &got));
    assert_int_equal(got.calls, 0);
    assert_true(loop_run_until(f->world.loop, is_done, &got, 3600000));
    assert_int_equal(got.calls, 1);
    return got;
}

static inline struct got get(struct fixture *f, const char *path)
{
    return run(f, &(struct rest_request){.method = "GET", .path = path});
}

static inline struct got post(struct fixture *f)
{
    return run(
        f, &(struct rest_request){
               .method = "POST", .path = "/api/v1/pods?dryRun=All", .body = "{}", .body_len = 2});
}

#define ANSWER(f, code, ...) peer_answer(&(f)->peer, (struct answer){.status = (code), __VA_ARGS__})

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
#define TOKEN(name) cmocka_unit_test_setup_teardown(name, setup_token_file, teardown)

#endif
