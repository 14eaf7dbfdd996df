/* A kubeconfig against a real HTTPS server: whom we trust, what we send, how failures are told. Real
 * sockets, so the real clock. */
#include "unit/kube_config_support.h"

#include "base/digest.h"
#include "kube/rest.h"
#include "loop/server.h"

struct tls_fixture {
    struct fixture *base;
    struct server_certificate certificate;
    struct server *server;
    struct transport *transport;
    struct kube_config *config;
    struct rest *rest;
    struct peer peer;
    int counted;
    bool may_write;
};

static int tls_setup(void **state)
{
    struct tls_fixture *t = mem_alloc(sizeof *t);
    struct err err = {0};
    struct fixture *f = mem_alloc(sizeof *f);
    snprintf(f->dir, sizeof f->dir, "/tmp/nemeton-tls-XXXXXX");
    assert_non_null(mkdtemp(f->dir));
    lines_init(&f->lines);
    /* Libraries keep files open after their first use; that is not what is counted. */
    assert_int_equal(server_certificate_make(&t->certificate, &err), 0);
    f->world = world_new(clock_real_new());
    t->base = f;
    t->peer.loop = f->world.loop;
    struct server_options options = {
        .address = "127.0.0.1",
        .cert_pem = t->certificate.cert_pem,
        .key_pem = t->certificate.key_pem,
        .body_bytes_max = 1 << 20,
        .connections_max = 16,
    };
    t->server = server_start(f->world.loop, &options, peer_handle, &t->peer, &err);
    if (!t->server)
        fail_msg("%s", err.text);
    t->transport =
        http_transport_new(f->world.loop, &(struct http_options){.user_agent = "x"}, &err);
    assert_non_null(t->transport);
    *state = t;
    return 0;
}

static int tls_teardown(void **state)
{
    struct tls_fixture *t = *state;
    rest_free(t->rest);
    kube_config_free(t->config);
    assert_int_equal(transport_pending(t->transport), 0);
    transport_free(t->transport);
    server_free(t->server);
    server_certificate_deinit(&t->certificate);
    struct fixture *f = t->base;
    world_end(&f->world);
    lines_deinit(&f->lines);
    dir_remove(f->dir);
    free(f);
    free(t);
    return 0;
}

static void on_request(void *arg, const struct rest_sent *sent)
{
    struct tls_fixture *t = arg;
    (void)sent;
    t->counted++;
}

static bool may_write(void *arg)
{
    return ((struct tls_fixture *)arg)->may_write;
}

static void connect_to(struct tls_fixture *t, unsigned port, const char *ca_pem,
                       const char *cluster)
{
    char text[8192];
    struct buf data;
    buf_init(&data, 4096);
    if (ca_pem)
        base64_encode(ca_pem, strlen(ca_pem), &data);
    snprintf(text, sizeof text, "    server: https://127.0.0.1:%u\n%s%s\n%s", port,
             ca_pem ? "    certificate-authority-data: " : "", buf_str(&data), cluster);
    buf_deinit(&data);
    t->config = accept(t->base, one(text, "    token: abc\n"));
    t->rest = rest_new(t->base->world.loop, t->transport, t->config,
                       &(struct rest_options){.on_request = on_request, .on_request_arg = t});
    rest_set_fence(t->rest, may_write, t);
}

struct answer_got {
    int calls;
    struct err err;
};

static void on_done(void *arg, const struct rest_response *response, const struct err *err)
{
    struct answer_got *got = arg;
    (void)response;
    got->calls++;
    if (err)
        got->err = *err;
}

static bool is_done(void *arg)
{
    return ((struct answer_got *)arg)->calls > 0;
}

static struct err ask(struct tls_fixture *t, const char *method)
{
    struct answer_got got = {0};
    struct rest_request request = {.method = method, .path = "/version"};
    rest_start(t->rest, &request, on_done, &got);
    assert_true(loop_run_until(t->base->world.loop, is_done, &got, 10000));
    return got.err;
}

static void trusts_the_authority_of_the_cluster_and_sends_the_token(void **state)
{
    struct tls_fixture *t = *state;
    peer_answer(&t->peer, (struct answer){.status = 200});
    connect_to(t, server_port(t->server), t->certificate.ca_pem, "");
    assert_string_equal(ask(t, "GET").text, "");
    assert_string_equal(t->peer.seen[0].authorization, "Bearer abc");
    assert_string_equal(t->peer.seen[0].user_agent, "nemeton/" NEMETON_VERSION);
}

static void does_not_send_the_token_to_a_server_of_a_foreign_authority(void **state)
{
    struct tls_fixture *t = *state;
    peer_answer(&t->peer, (struct answer){.status = 200});
    connect_to(t, server_port(t->server), pem_cert_one, "");
    struct err err = ask(t, "GET");
    assert_int_equal(err.code, ERR_NETWORK);
    assert_string_equal(err.reason, HTTP_REASON_PEER_CERTIFICATE);
    assert_contains(err.text, "certificate");
    assert_contains(err.text, "/version`");
    assert_lacks(err.text, "\n");
    assert_int_equal(t->peer.seen_count, 0);
    assert_int_equal(t->counted, 1); /* waiting would not heal it */
}

static void checks_the_name_that_was_configured(void **state)
{
    struct tls_fixture *t = *state;
    peer_answer(&t->peer, (struct answer){.status = 200});
    connect_to(t, server_port(t->server), t->certificate.ca_pem,
               "    tls-server-name: other.test\n");
    assert_int_equal(ask(t, "GET").code, ERR_NETWORK);
    assert_int_equal(t->peer.seen_count, 0);
}

static void skips_verification_when_told_to(void **state)
{
    struct tls_fixture *t = *state;
    peer_answer(&t->peer, (struct answer){.status = 200});
    connect_to(t, server_port(t->server), NULL, "    insecure-skip-tls-verify: true\n");
    assert_string_equal(ask(t, "GET").text, "");
}

static void says_that_nobody_listens(void **state)
{
    struct tls_fixture *t = *state;
    peer_answer(&t->peer, (struct answer){.status = 200});
    connect_to(t, 1, NULL, "");
    struct err err = ask(t, "GET");
    assert_int_equal(err.code, ERR_NETWORK);
    assert_string_equal(err.reason, HTTP_REASON_REFUSED);
    assert_int_equal(t->counted, 1);
}

static void repeats_a_get_when_the_connection_is_cut(void **state)
{
    struct tls_fixture *t = *state;
    t->may_write = true;
    peer_answer(&t->peer, (struct answer){.status = 0});
    peer_answer(&t->peer, (struct answer){.status = 200});
    connect_to(t, server_port(t->server), t->certificate.ca_pem, "");
    assert_string_equal(ask(t, "GET").text, "");
    assert_int_equal(t->peer.seen_count, 2);
    t->peer.seen_count = 0;
    struct err err = ask(t, "POST");
    assert_int_equal(err.code, ERR_NETWORK);
    assert_string_equal(err.reason, HTTP_REASON_RESET);
    assert_int_equal(t->peer.seen_count, 1);
}

static void asks_the_fence_as_the_bytes_leave(void **state)
{
    struct tls_fixture *t = *state;
    peer_answer(&t->peer, (struct answer){.status = 200});
    connect_to(t, server_port(t->server), t->certificate.ca_pem, "");
    assert_string_equal(ask(t, "GET").text, ""); /* there is a connection to be used again */
    struct answer_got got = {0};
    struct rest_request request = {.method = "DELETE", .path = "/a"};
    t->may_write = true;
    rest_start(t->rest, &request, on_done, &got);
    t->may_write = false; /* lost between the question and the wire */
    assert_true(loop_run_until(t->base->world.loop, is_done, &got, 10000));
    assert_int_equal(got.err.code, ERR_FENCED);
    assert_int_equal(t->peer.seen_count, 1);
    assert_int_equal(t->counted, 1);
    t->may_write = true;
    assert_string_equal(ask(t, "DELETE").text, "");
}

#define TLS(name) cmocka_unit_test_setup_teardown(name, tls_setup, tls_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TLS(trusts_the_authority_of_the_cluster_and_sends_the_token),
        TLS(does_not_send_the_token_to_a_server_of_a_foreign_authority),
        TLS(checks_the_name_that_was_configured),
        TLS(skips_verification_when_told_to),
        TLS(says_that_nobody_listens),
        TLS(repeats_a_get_when_the_connection_is_cut),
        TLS(asks_the_fence_as_the_bytes_leave),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
