/* Which kinds the server has, and how they are addressed. */
#include "unit/kube_front_support.h"

#include "kube/discovery.h"

static const char apps_v1[] =
    "{\"kind\":\"APIResourceList\",\"groupVersion\":\"apps/v1\",\"resources\":["
    "{\"name\":\"deployments\",\"namespaced\":true,\"kind\":\"Deployment\"},"
    "{\"name\":\"deployments/status\",\"namespaced\":true,\"kind\":\"Deployment\"},"
    "{\"name\":\"deployments/"
    "scale\",\"group\":\"autoscaling\",\"version\":\"v1\",\"kind\":\"Scale\"},"
    "{\"name\":\"controllerrevisions\",\"namespaced\":true,\"kind\":\"ControllerRevision\"}]}";
static const char core_v1[] =
    "{\"kind\":\"APIResourceList\",\"groupVersion\":\"v1\",\"resources\":["
    "{\"name\":\"nodes\",\"namespaced\":false,\"kind\":\"Node\"},"
    "{\"name\":\"pods\",\"namespaced\":true,\"kind\":\"Pod\"},"
    "{\"name\":\"pods/status\",\"namespaced\":true,\"kind\":\"Pod\"}]}";

struct fixture {
    struct world world;
    struct random_source *random;
    struct transport *transport;
    struct kube_config *config;
    struct rest *rest;
    struct discovery *discovery;
    struct peer peer;
};

static int setup(void **state)
{
    struct fixture *f = mem_alloc(sizeof *f);
    f->world = world_new(clock_virtual_new(0));
    f->random = random_seeded_new(1);
    f->transport = loopback_new(f->world.loop, f->random);
    f->peer.loop = f->world.loop;
    loopback_route(f->transport, "http://api", peer_handle, &f->peer);
    f->config = kube_config_fixed(f->world.loop, "http://api", NULL);
    f->rest = rest_new(f->world.loop, f->transport, f->config, NULL);
    f->discovery = discovery_new(f->rest);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    discovery_free(f->discovery);
    assert_int_equal(rest_pending(f->rest), 0);
    rest_free(f->rest);
    kube_config_free(f->config);
    assert_int_equal(transport_pending(f->transport), 0);
    transport_free(f->transport);
    random_free(f->random);
    world_end(&f->world);
    free(f);
    return 0;
}

struct got {
    int calls;
    const struct kube_kind *kind;
    struct err err;
};

static void on_kind(void *arg, const struct kube_kind *kind, const struct err *err)
{
    struct got *got = arg;
    got->calls++;
    got->kind = kind;
    assert_true((kind != NULL) != (err != NULL));
    if (err)
        got->err = *err;
}

static void on_ping(void *arg, const struct err *err)
{
    struct got *got = arg;
    got->calls++;
    if (err)
        got->err = *err;
}

static bool is_done(void *arg)
{
    return ((struct got *)arg)->calls > 0;
}

static struct got find(struct fixture *f, const char *api_version, const char *kind)
{
    struct got got = {0};
    discovery_find(f->discovery, api_version, kind, on_kind, &got);
    assert_int_equal(got.calls, 0); /* never from inside the question */
    assert_true(loop_run_until(f->world.loop, is_done, &got, 200000));
    assert_int_equal(got.calls, 1);
    return got;
}

static struct got ping(struct fixture *f)
{
    struct got got = {0};
    discovery_ping(f->discovery, on_ping, &got);
    assert_true(loop_run_until(f->world.loop, is_done, &got, 200000));
    return got;
}

#define ANSWER(f, code, ...) peer_answer(&(f)->peer, (struct answer){.status = (code), __VA_ARGS__})

static void reads_a_group_once_for_all_its_kinds(void **state)
{
    struct fixture *f = *state;
    ANSWER(f, 200, .body = apps_v1);
    assert_null(discovery_get(f->discovery, "apps/v1", "Deployment"));
    struct got got = find(f, "apps/v1", "Deployment");
    assert_string_equal(got.kind->group, "apps");
    assert_string_equal(got.kind->version, "v1");
    assert_string_equal(got.kind->kind, "Deployment");
    assert_string_equal(got.kind->plural, "deployments");
    assert_string_equal(got.kind->api_version, "apps/v1");
    assert_true(got.kind->namespaced);
    assert_true(got.kind->has_status);
    assert_ptr_equal(discovery_get(f->discovery, "apps/v1", "Deployment"), got.kind);
    got = find(f, "apps/v1", "ControllerRevision");
    assert_false(got.kind->has_status);
    assert_int_equal(f->peer.seen_count, 1);
    assert_string_equal(f->peer.seen[0].path, "/apis/apps/v1");
}

static void reads_the_core_group_under_its_own_path(void **state)
{
    struct fixture *f = *state;
    ANSWER(f, 200, .body = core_v1);
    struct got got = find(f, "v1", "Node");
    assert_string_equal(got.kind->group, "");
    assert_string_equal(got.kind->api_version, "v1");
    assert_false(got.kind->namespaced);
    assert_string_equal(f->peer.seen[0].path, "/api/v1");
}

static void asks_once_for_many_who_wait(void **state)
{
    struct fixture *f = *state;
    ANSWER(f, 200, .body = core_v1);
    struct got pod = {0}, node = {0}, other = {0}, canceled = {0};
    discovery_find(f->discovery, "v1", "Pod", on_kind, &pod);
    discovery_find(f->discovery, "v1", "Node", on_kind, &node);
    discovery_find(f->discovery, "v1", "Other", on_kind, &other);
    discovery_find(f->discovery, "v1", "Pod", on_kind, &canceled);
    discovery_cancel(f->discovery, &canceled);
    pass_ms(f->world.loop, 1000);
    assert_string_equal(pod.kind->plural, "pods");
    assert_string_equal(node.kind->plural, "nodes");
    assert_int_equal(other.err.code, ERR_NOT_FOUND);
    assert_int_equal(canceled.calls, 0);
    assert_int_equal(f->peer.seen_count, 1);
}

static void asks_for_a_missing_kind_every_10_seconds_at_most(void **state)
{
    struct fixture *f = *state;
    ANSWER(f, 404, .body = "404 page not found", .type = "text/plain");
    ANSWER(f, 200, .body = apps_v1);
    for (int i = 0; i < 9; i++) {
        struct got got = find(f, "apps/v1", "Deployment");
        assert_int_equal(got.err.code, ERR_NOT_FOUND);
        assert_contains(got.err.text, "no kind `Deployment` in `apps/v1`");
        assert_contains(got.err.text, "install its CustomResourceDefinition");
        pass_ms(f->world.loop, 1000);
    }
    assert_int_equal(f->peer.seen_count, 1);
    pass_ms(f->world.loop, 1000);
    assert_non_null(find(f, "apps/v1", "Deployment").kind); /* it was installed meanwhile */
    assert_int_equal(f->peer.seen_count, 2);
}

static void limits_each_missing_kind_by_itself(void **state)
{
    struct fixture *f = *state;
    ANSWER(f, 200, .body = core_v1);
    assert_int_equal(find(f, "v1", "A").err.code, ERR_NOT_FOUND);
    assert_int_equal(find(f, "v1", "B").err.code, ERR_NOT_FOUND);
    assert_int_equal(find(f, "v1", "A").err.code, ERR_NOT_FOUND);
    assert_non_null(find(f, "v1", "Pod").kind);
    assert_int_equal(f->peer.seen_count, 2);
}

static void passes_other_errors_on_and_asks_again(void **state)
{
    struct fixture *f = *state;
    ANSWER(f, 403, .body = "{}");
    ANSWER(f, 500, .body = "{}");
    ANSWER(f, 200, .body = "{\"kind\":\"APIResourceList\"}");
    ANSWER(f, 200, .body = "garbage");
    ANSWER(f, 200, .body = core_v1);
    assert_int_equal(find(f, "v1", "Pod").err.code, ERR_FORBIDDEN);
    assert_int_equal(find(f, "v1", "Pod").err.code, ERR_SERVER);
    assert_int_equal(find(f, "v1", "Pod").err.code, ERR_PARSE);
    assert_int_equal(find(f, "v1", "Pod").err.code, ERR_PARSE);
    assert_non_null(find(f, "v1", "Pod").kind);
}

static void survives_odd_resources(void **state)
{
    struct fixture *f = *state;
    ANSWER(f, 200,
           .body = "{\"resources\":[null,1,{},{\"name\":5,\"kind\":\"A\"},{\"name\":\"\",\"kind\":"
                   "\"A\"},{\"name\":\"/\",\"kind\":\"A\"},{\"name\":\"as\",\"kind\":\"A\"},"
                   "{\"name\":\"a2s\",\"kind\":\"A\"}]}");
    assert_string_equal(find(f, "v1", "A").kind->plural, "as");
}

static void forgets_and_reads_again_without_moving_what_was_lent(void **state)
{
    struct fixture *f = *state;
    ANSWER(f, 200, .body = core_v1);
    ANSWER(f, 200,
           .body = "{\"resources\":[{\"name\":\"nodes\",\"namespaced\":false,\"kind\":\"Node\"},"
                   "{\"name\":\"nodes/status\",\"kind\":\"Node\"}]}");
    const struct kube_kind *node = find(f, "v1", "Node").kind;
    const struct kube_kind *pod = find(f, "v1", "Pod").kind;
    assert_false(node->has_status);
    discovery_forget(f->discovery, "v1");
    discovery_forget(f->discovery, "never/v1");
    assert_ptr_equal(find(f, "v1", "Node").kind, node);
    assert_true(node->has_status);
    assert_int_equal(find(f, "v1", "Pod").err.code, ERR_NOT_FOUND);
    assert_string_equal(pod->plural, "pods"); /* gone from the server, still readable */
    assert_null(discovery_get(f->discovery, "v1", "Pod"));
}

static void refuses_what_is_no_api_version(void **state)
{
    struct fixture *f = *state;
    static const char *const bad[] = {"",      "/v1",     "apps/", "a/b/c",
                                      "../v1", "apps/..", "v1?x",  "V1"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_int_equal(find(f, bad[i], "Pod").err.code, ERR_INVALID);
    assert_int_equal(find(f, "v1", "").err.code, ERR_INVALID);
    assert_int_equal(f->peer.seen_count, 0);
}

static void frees_questions_that_wait(void **state)
{
    struct fixture *f = *state;
    ANSWER(f, -1);
    struct got got = {0};
    discovery_find(f->discovery, "v1", "Pod", on_kind, &got);
    discovery_ping(f->discovery, on_ping, &got);
    discovery_find(f->discovery, "", "Pod", on_kind, &got);
    discovery_free(f->discovery);
    f->discovery = NULL;
    pass_ms(f->world.loop, 100000);
    assert_int_equal(got.calls, 0);
}

static void ping_learns_the_version(void **state)
{
    struct fixture *f = *state;
    ANSWER(f, 200, .body = "{\"gitVersion\":\"v1.35.4\",\"major\":\"1\"}");
    assert_null(discovery_server_version(f->discovery));
    assert_int_equal(ping(f).err.code, ERR_NONE);
    assert_string_equal(discovery_server_version(f->discovery), "v1.35.4");
}

static void ping_says_soon_what_is_wrong(void **state)
{
    struct fixture *f = *state;
    ANSWER(f, 503, .body = "{}", .name = "Retry-After", .value = "1");
    ANSWER(f, 200, .body = "<html>", .type = "text/html");
    ANSWER(f, -1);
    assert_int_equal(ping(f).err.code, ERR_SERVER);
    struct got got = ping(f);
    assert_int_equal(got.err.code, ERR_PARSE);
    assert_contains(got.err.text, "is this a Kubernetes API server?");
    int64_t before_ms = loop_now_ms(f->world.loop);
    assert_int_equal(ping(f).err.code, ERR_TIMEOUT);
    assert_in_range(loop_now_ms(f->world.loop) - before_ms, 9000, 11000);
    loopback_unroute(f->transport, "http://api");
    assert_int_equal(ping(f).err.code, ERR_NETWORK);
    pass_ms(f->world.loop, 100);
}

/* --- paths ------------------------------------------------------------------------------------ */

static struct kube_kind statefulset = {"apps",    "v1", "StatefulSet", "statefulsets",
                                       "apps/v1", true, true};
static struct kube_kind node = {"", "v1", "Node", "nodes", "v1", false, true};

static void paths_name_what_is_meant(void **state)
{
    (void)state;
    static const struct {
        const struct kube_kind *kind;
        const char *namespace, *name, *subresource, *expected;
    } cases[] = {
        {&statefulset, NULL, NULL, NULL, "/apis/apps/v1/statefulsets"},
        {&statefulset, "ns", NULL, NULL, "/apis/apps/v1/namespaces/ns/statefulsets"},
        {&statefulset, "ns", "x", "status", "/apis/apps/v1/namespaces/ns/statefulsets/x/status"},
        {&node, NULL, "n1", NULL, "/api/v1/nodes/n1"},
        {&node, "ignored", "n1", NULL, "/api/v1/nodes/n1"},
        {&node, NULL, "system:node x?", NULL, "/api/v1/nodes/system%3Anode%20x%3F"},
        {&node, NULL, "é", NULL, "/api/v1/nodes/%C3%A9"},
        {&statefulset, "ns", "", NULL, NULL},
        {&statefulset, "", "x", NULL, NULL},
        {&statefulset, NULL, "x", NULL, NULL},
        {&statefulset, "ns", "..", NULL, NULL},
        {&statefulset, "ns", "a/b", NULL, NULL},
        {&statefulset, "ns", "a%2fb", NULL, NULL},
        {&statefulset, "ns", NULL, "status", NULL},
        {&statefulset, "ns", "x", "", NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct buf out;
        buf_init(&out, 1024);
        int result =
            kube_path(&out, cases[i].kind, cases[i].namespace, cases[i].name, cases[i].subresource);
        if (cases[i].expected)
            assert_string_equal(buf_str(&out), cases[i].expected);
        assert_int_equal(result, cases[i].expected ? 0 : -1);
        buf_deinit(&out);
    }
}

static void queries_are_encoded(void **state)
{
    (void)state;
    struct buf out;
    buf_init(&out, 64);
    buf_add_str(&out, "/a");
    assert_int_equal(kube_query_add(&out, "labelSelector", "a=b,c in (d)"), 0);
    assert_int_equal(kube_query_add(&out, "none", NULL), 0);
    assert_int_equal(kube_query_add(&out, "limit", "500"), 0);
    assert_string_equal(buf_str(&out), "/a?labelSelector=a%3Db%2Cc%20in%20%28d%29&limit=500");
    assert_int_equal(kube_query_add(&out, "continue", "0123456789abcdef"), -1);
    buf_deinit(&out);
}

static void resource_versions_are_ordered(void **state)
{
    (void)state;
    static const struct {
        const char *a, *b;
        int order;
        bool comparable;
    } cases[] = {
        {"1", "2", -1, true},     {"10", "9", 1, true},
        {"77", "77", 0, true},    {"99999999999999999999999", "100000000000000000000000", -1, true},
        {"0", "1", 1, false},     {"0", "0", 0, false},
        {"", "1", 1, false},      {"01", "1", 1, false},
        {"abc", "abc", 0, false}, {"1a", "2", 1, false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        bool comparable;
        assert_int_equal(kube_rv_compare(cases[i].a, cases[i].b, &comparable), cases[i].order);
        assert_int_equal(comparable, cases[i].comparable);
    }
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(reads_a_group_once_for_all_its_kinds),
        T(reads_the_core_group_under_its_own_path),
        T(asks_once_for_many_who_wait),
        T(asks_for_a_missing_kind_every_10_seconds_at_most),
        T(limits_each_missing_kind_by_itself),
        T(passes_other_errors_on_and_asks_again),
        T(survives_odd_resources),
        T(forgets_and_reads_again_without_moving_what_was_lent),
        T(refuses_what_is_no_api_version),
        T(frees_questions_that_wait),
        T(ping_learns_the_version),
        T(ping_says_soon_what_is_wrong),
        cmocka_unit_test(paths_name_what_is_meant),
        cmocka_unit_test(queries_are_encoded),
        cmocka_unit_test(resource_versions_are_ordered),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
