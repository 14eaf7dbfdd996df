#include "loop_net.h"

#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

static void sends_a_request_and_returns_the_answer(void **state)
{
    (void)state;
    struct net net;
    net_init(&net);
    struct client client = {.wanted = "x-two"};
    struct http_request request = get(&net, "/echo%2F?q=a%20b");
    struct http_header header = {"Content-Type", "application/apply-patch+yaml"};
    request.method = "PATCH";
    request.headers = &header;
    request.header_count = 1;
    request.body = "{}";
    request.body_len = 2;
    client_send(&client, &net, request);
    assert_string_equal(client.err.text, "");
    assert_int_equal(client.status, 201);
    assert_int_equal(client.heads, 1);
    assert_string_equal(client.body, "PATCH|application/apply-patch+yaml|nemeton-test/1|a b|{}");
    assert_string_equal(client.header, "zwei");
    net_end(&net);
}

static void sends_every_method_as_it_is(void **state)
{
    (void)state;
    struct net net;
    net_init(&net);
    const char *methods[] = {"GET", "POST", "PUT", "DELETE", "OPTIONS"};
    for (size_t i = 0; i < 5; i++) {
        struct client client = {0};
        struct http_request request = get(&net, "/echo%2F");
        request.method = methods[i];
        client_send(&client, &net, request);
        char *expected = mem_printf("%s||nemeton-test/1||", methods[i]);
        assert_string_equal(client.body, expected);
        free(expected);
    }
    struct client head = {0};
    struct http_request request = get(&net, "/size?n=100");
    request.method = "HEAD";
    client_send(&head, &net, request);
    assert_int_equal(head.status, 200);
    assert_int_equal(head.body_len, 0);
    net_end(&net);
}

static void uploads_a_body_larger_than_any_buffer(void **state)
{
    (void)state;
    struct net net;
    net_init(&net);
    struct client client = {0};
    struct http_request request = get(&net, "/length");
    request.method = "POST";
    request.body_len = 1 << 20;
    request.body = calloc(1, 1 << 20);
    client_start(&client, net.http, &request);
    free((void *)request.body); /* the request was copied */
    client_wait(&client, net.world.loop);
    assert_string_equal(client.body, "1048576");
    net_end(&net);
}

static void streams_pieces_as_they_come(void **state)
{
    (void)state;
    struct net net;
    net_init(&net);
    struct client client = {0};
    stream_begin(&client, &net);
    for (int i = 1; i <= 5; i++) {
        assert_int_equal(exchange_write(net.peer.held, "event\n", 6), 0);
        for (int turn = 0; turn < 200 && client.body_len < 6 * (size_t)i; turn++)
            loop_turn(net.world.loop, 10);
        assert_int_equal(client.body_len, 6 * i);
    }
    assert_int_equal(client.heads, 1);
    stream_end(&client, &net);
    assert_int_equal(net.peer.closes, 0);
    net_end(&net);
}

static void delivers_the_head_of_a_silent_stream_at_once(void **state)
{
    (void)state;
    struct net net;
    net_init(&net);
    struct client client = {0};
    stream_begin(&client, &net);
    for (int turn = 0; turn < 200 && client.heads == 0; turn++)
        loop_turn(net.world.loop, 10);
    assert_int_equal(client.heads, 1);
    transport_cancel(net.http, client.call);
    wait_for(&net, peer_has_closed, &net.peer);
    net_end(&net);
}

static void cancel_in_a_stream_frees_the_server_side(void **state)
{
    (void)state;
    struct net net;
    net_init(&net);
    struct client client = {.cancel_in_data = true};
    stream_begin(&client, &net);
    exchange_write(net.peer.held, "one", 3);
    wait_for(&net, peer_has_closed, &net.peer);
    assert_string_equal(client.body, "one");
    assert_int_equal(client.dones, 0);
    net_end(&net);
}

static void cancel_before_the_answer_frees_the_server_side(void **state)
{
    (void)state;
    struct net net;
    net_init(&net);
    struct client client = {0}, queued = {0};
    struct http_request request = get(&net, "/hold");
    client_start(&client, net.http, &request);
    wait_for(&net, peer_has_held, &net.peer);
    transport_cancel(net.http, client.call);
    client_start(&queued, net.http, &request);
    transport_cancel(net.http, queued.call); /* not even given to curl yet */
    wait_for(&net, peer_has_closed, &net.peer);
    assert_int_equal(client.dones + queued.dones, 0);
    net_end(&net);
}

static void ends_as_canceled_when_the_reader_says_stop(void **state)
{
    (void)state;
    struct net net;
    net_init(&net);
    struct client client = {.stop_after_bytes = 1};
    struct http_request request = get(&net, "/size?n=100000");
    request.stream = true;
    client_send(&client, &net, request);
    assert_int_equal(client.err.code, ERR_CANCELED);
    net_end(&net);
}

static void times_out_when_no_answer_comes(void **state)
{
    (void)state;
    struct net net;
    net_init(&net);
    struct client client = {0};
    struct http_request request = get(&net, "/hold?token=secret");
    request.timeout_ms = 150;
    int64_t start = clock_mono_ms(net.world.clock);
    client_send(&client, &net, request);
    assert_int_equal(client.err.code, ERR_TIMEOUT);
    assert_in_range(clock_mono_ms(net.world.clock) - start, 150, 2000);
    assert_null(strstr(client.err.text, "secret"));
    wait_for(&net, peer_has_closed, &net.peer);
    net_end(&net);
}

static void refuses_an_answer_over_the_maximum(void **state)
{
    (void)state;
    struct net net;
    net_init(&net);
    struct client client = {0}, fits = {0};
    struct http_request request = get(&net, "/size?n=100001");
    request.body_bytes_max = 100000;
    client_send(&client, &net, request);
    assert_int_equal(client.err.code, ERR_TOO_LARGE);
    request = get(&net, "/size?n=100000");
    request.body_bytes_max = 100000;
    client_send(&fits, &net, request);
    assert_int_equal(fits.err.code, ERR_NONE);
    assert_int_equal(fits.body_len, 100000);
    net_end(&net);
}

static void refuses_a_server_of_a_foreign_ca(void **state)
{
    (void)state;
    struct net net;
    net_init(&net);
    struct server_certificate other;
    assert_int_equal(server_certificate_make(&other, NULL), 0);
    struct http_tls *foreign =
        http_tls_new(&(struct http_tls_options){.ca_pem = other.ca_pem}, NULL);
    struct http_tls *insecure = http_tls_new(&(struct http_tls_options){.insecure = true}, NULL);
    struct http_tls *identities[] = {foreign, NULL, insecure};
    for (int i = 0; i < 3; i++) {
        struct client client = {0};
        struct http_request request = get(&net, "/size?n=1");
        request.tls = identities[i];
        client_send(&client, &net, request);
        assert_int_equal(client.err.code, i < 2 ? ERR_NETWORK : ERR_NONE);
        assert_string_equal(client.err.reason, i < 2 ? HTTP_REASON_PEER_CERTIFICATE : "");
    }
    assert_int_equal(net.peer.requests, 1);
    http_tls_unref(foreign);
    http_tls_unref(insecure);
    server_certificate_deinit(&other);
    net_end(&net);
}

static void verifies_against_server_name_when_it_differs_from_the_host(void **state)
{
    (void)state;
    struct net net;
    net_init(&net);
    const char *names[] = {"localhost", "::1", "kubernetes.default.svc"};
    for (int i = 0; i < 3; i++) {
        struct client client = {0};
        struct http_tls_options options = {.ca_pem = net.peer.certificate.ca_pem,
                                           .server_name = names[i]};
        struct http_tls *tls = http_tls_new(&options, NULL);
        struct http_request request = get(&net, "/size?n=3");
        request.tls = tls;
        client_start(&client, net.http, &request);
        http_tls_unref(tls); /* the call holds it */
        client_wait(&client, net.world.loop);
        if (i < 2) {
            assert_string_equal(client.err.text, "");
            assert_string_equal(client.body, "abc");
            assert_string_equal(net.peer.host, net.peer.url + strlen("https://"));
        } else {
            assert_int_equal(client.err.code, ERR_NETWORK);
            assert_string_equal(client.err.reason, HTTP_REASON_PEER_CERTIFICATE);
        }
    }
    net_end(&net);
}

static void refuses_bad_identities_with_a_clear_text(void **state)
{
    (void)state;
    struct server_certificate a, b;
    assert_int_equal(server_certificate_make(&a, NULL), 0);
    assert_int_equal(server_certificate_make(&b, NULL), 0);
    struct {
        struct http_tls_options options;
        const char *text;
    } cases[] = {
        {{.ca_pem = "garbage"}, "read CA certificate: there is no PEM certificate in it"},
        {{.cert_pem = a.cert_pem}, "read client certificate: it is given without its key"},
        {{.key_pem = a.key_pem}, "read client certificate: it is given without its certificate"},
        {{.cert_pem = a.cert_pem, .key_pem = "x"},
         "read client key: there is no PEM key without pass phrase in it"},
        {{.cert_pem = a.cert_pem, .key_pem = b.key_pem},
         "read client key: it does not belong to the client certificate"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct err err = {0};
        assert_null(http_tls_new(&cases[i].options, &err));
        assert_int_equal(err.code, ERR_INVALID);
        assert_string_equal(err.text, cases[i].text);
    }
    struct http_tls_options good = {.cert_pem = a.cert_pem, .key_pem = a.key_pem};
    struct http_tls *tls = http_tls_new(&good, NULL);
    assert_non_null(tls);
    http_tls_unref(tls);
    server_certificate_deinit(&a);
    server_certificate_deinit(&b);
}

static void fails_at_once_when_nobody_listens(void **state)
{
    (void)state;
    struct net net;
    net_init(&net);
    struct client client = {0};
    struct http_request request = get(&net, "/");
    char url[64];
    int fd = socket(AF_INET, SOCK_STREAM, 0); /* a port that is ours and not listening */
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof address;
    assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
    getsockname(fd, (struct sockaddr *)&address, &len);
    snprintf(url, sizeof url, "http://user:pass@127.0.0.1:%d/x?y=z", ntohs(address.sin_port));
    request.url = url;
    client_send(&client, &net, request);
    assert_int_equal(client.err.code, ERR_NETWORK);
    assert_null(strstr(client.err.text, "pass@"));
    close(fd);
    net_end(&net);
}

static void refuses_other_protocols_and_unknown_urls(void **state)
{
    (void)state;
    struct net net;
    net_init(&net);
    struct err err = {0};
    struct http_request request = {.method = "GET", .url = "file:///etc/passwd"};
    assert_null(transport_start(net.http, &request, &client_callbacks, NULL, &err));
    assert_int_equal(err.code, ERR_INVALID);
    struct client client = {0};
    request.url = "http://[::1/";
    client_send(&client, &net, request);
    assert_int_equal(client.err.code, ERR_INVALID);
    net_end(&net);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sends_a_request_and_returns_the_answer),
        cmocka_unit_test(sends_every_method_as_it_is),
        cmocka_unit_test(uploads_a_body_larger_than_any_buffer),
        cmocka_unit_test(streams_pieces_as_they_come),
        cmocka_unit_test(delivers_the_head_of_a_silent_stream_at_once),
        cmocka_unit_test(cancel_in_a_stream_frees_the_server_side),
        cmocka_unit_test(cancel_before_the_answer_frees_the_server_side),
        cmocka_unit_test(ends_as_canceled_when_the_reader_says_stop),
        cmocka_unit_test(times_out_when_no_answer_comes),
        cmocka_unit_test(refuses_an_answer_over_the_maximum),
        cmocka_unit_test(refuses_a_server_of_a_foreign_ca),
        cmocka_unit_test(verifies_against_server_name_when_it_differs_from_the_host),
        cmocka_unit_test(refuses_bad_identities_with_a_clear_text),
        cmocka_unit_test(fails_at_once_when_nobody_listens),
        cmocka_unit_test(refuses_other_protocols_and_unknown_urls),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
