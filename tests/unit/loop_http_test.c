#include "loop_peer.h"

#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

struct net {
    struct world world;
    struct peer peer;
    struct transport *http;
    struct http_tls *tls;
    char url[256];
};

static void net_init_with(struct net *net, bool tls, struct http_options options)
{
    memset(net, 0, sizeof *net);
    net->world = world_new(clock_real_new());
    struct err err = {0};
    options.user_agent = "nemeton-test/1";
    net->http = http_transport_new(net->world.loop, &options, &err);
    assert_non_null(net->http);
    peer_start(&net->peer, net->world.loop, tls, 0);
    struct http_tls_options tls_options = {.ca_pem = net->peer.certificate.ca_pem};
    net->tls = http_tls_new(&tls_options, &err);
    assert_non_null(net->tls);
}

static void net_init(struct net *net)
{
    net_init_with(net, true, (struct http_options){0});
}

static void net_end(struct net *net)
{
    assert_int_equal(transport_pending(net->http), 0);
    transport_free(net->http);
    http_tls_unref(net->tls);
    peer_end(&net->peer);
    world_end(&net->world);
}

static struct http_request get(struct net *net, const char *path)
{
    snprintf(net->url, sizeof net->url, "%s%s", net->peer.url, path);
    return (struct http_request){
        .method = "GET", .url = net->url, .tls = net->tls, .timeout_ms = 10000};
}

static void wait_for(struct net *net, bool (*done)(void *arg), void *arg)
{
    assert_true(loop_run_until(net->world.loop, done, arg, 10000));
}

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
    client_start(&client, net.http, &request);
    client_wait(&client, net.world.loop);
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
        client_start(&client, net.http, &request);
        client_wait(&client, net.world.loop);
        char *expected = mem_printf("%s||nemeton-test/1||", methods[i]);
        assert_string_equal(client.body, expected);
        free(expected);
    }
    struct client head = {0};
    struct http_request request = get(&net, "/size?n=100");
    request.method = "HEAD";
    client_start(&head, net.http, &request);
    client_wait(&head, net.world.loop);
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
    struct http_request request = get(&net, "/stream");
    request.stream = true;
    request.timeout_ms = 0;
    request.lane = HTTP_LANE_WATCH;
    client_start(&client, net.http, &request);
    wait_for(&net, peer_has_held, &net.peer);
    for (int i = 1; i <= 5; i++) {
        assert_int_equal(exchange_write(net.peer.held, "event\n", 6), 0);
        for (int turn = 0; turn < 200 && client.body_len < 6 * (size_t)i; turn++)
            loop_turn(net.world.loop, 10);
        assert_int_equal(client.body_len, 6 * i);
    }
    assert_int_equal(client.heads, 1);
    exchange_end(net.peer.held);
    net.peer.held = NULL;
    client_wait(&client, net.world.loop);
    assert_int_equal(client.err.code, ERR_NONE);
    assert_int_equal(net.peer.closes, 0);
    net_end(&net);
}

static void delivers_the_head_of_a_silent_stream_at_once(void **state)
{
    (void)state;
    struct net net;
    net_init(&net);
    struct client client = {0};
    struct http_request request = get(&net, "/stream");
    request.stream = true;
    client_start(&client, net.http, &request);
    wait_for(&net, peer_has_held, &net.peer);
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
    struct http_request request = get(&net, "/stream");
    request.stream = true;
    client_start(&client, net.http, &request);
    wait_for(&net, peer_has_held, &net.peer);
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
    client_start(&client, net.http, &request);
    client_wait(&client, net.world.loop);
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
    client_start(&client, net.http, &request);
    client_wait(&client, net.world.loop);
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
    client_start(&client, net.http, &request);
    client_wait(&client, net.world.loop);
    assert_int_equal(client.err.code, ERR_TOO_LARGE);
    request = get(&net, "/size?n=100000");
    request.body_bytes_max = 100000;
    client_start(&fits, net.http, &request);
    client_wait(&fits, net.world.loop);
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
        client_start(&client, net.http, &request);
        client_wait(&client, net.world.loop);
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
    client_start(&client, net.http, &request);
    client_wait(&client, net.world.loop);
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
    client_start(&client, net.http, &request);
    client_wait(&client, net.world.loop);
    assert_int_equal(client.err.code, ERR_INVALID);
    net_end(&net);
}

static void serves_100_requests_at_once_within_the_limit(void **state)
{
    (void)state;
    struct net net;
    net_init_with(&net, true, (struct http_options){.in_flight_max = 16});
    enum { COUNT = 100 };
    struct client *clients = mem_alloc(COUNT * sizeof *clients);
    for (int i = 0; i < COUNT; i++) {
        struct http_request request = get(&net, "/late");
        client_start(&clients[i], net.http, &request);
    }
    assert_int_equal(transport_pending(net.http), COUNT);
    for (int i = 0; i < COUNT; i++) {
        client_wait(&clients[i], net.world.loop);
        assert_string_equal(clients[i].body, "late");
    }
    assert_int_equal(net.peer.requests, COUNT);
    assert_in_range(net.peer.at_once_max, 8, 16);
    free(clients);
    net_end(&net);
}

static void lets_leases_and_other_lanes_pass_a_full_one(void **state)
{
    (void)state;
    struct net net;
    net_init_with(&net, true, (struct http_options){.in_flight_max = 1, .queue_max = 1});
    struct client hog = {0}, waits = {0}, lease = {0}, policy = {0};
    struct http_request request = get(&net, "/hold");
    client_start(&hog, net.http, &request);
    wait_for(&net, peer_has_held, &net.peer);
    request = get(&net, "/size?n=1");
    client_start(&waits, net.http, &request);
    struct err err = {0};
    assert_null(transport_start(net.http, &request, &client_callbacks, NULL, &err));
    assert_int_equal(err.code, ERR_LIMIT);
    request.lane = HTTP_LANE_LEASE;
    client_start(&lease, net.http, &request);
    request.lane = HTTP_LANE_POLICY;
    client_start(&policy, net.http, &request);
    client_wait(&lease, net.world.loop);
    client_wait(&policy, net.world.loop);
    assert_int_equal(waits.dones, 0);
    exchange_reply(net.peer.held, 200, NULL, 0, NULL, 0);
    net.peer.held = NULL;
    client_wait(&hog, net.world.loop);
    client_wait(&waits, net.world.loop);
    assert_int_equal(waits.status, 200);
    net_end(&net);
}

static void reuses_a_connection_but_not_across_lanes_or_when_told_not_to(void **state)
{
    (void)state;
    struct net net;
    net_init(&net);
    size_t fds[4];
    for (int i = 0; i < 4; i++) {
        struct client client = {0};
        struct http_request request = get(&net, "/size?n=1");
        request.lane = i < 2 ? HTTP_LANE_MAIN : HTTP_LANE_LEASE;
        request.fresh_connection = i == 3;
        client_start(&client, net.http, &request);
        client_wait(&client, net.world.loop);
        fds[i] = open_fds();
    }
    assert_int_equal(fds[1], fds[0]);
    assert_int_equal(fds[2], fds[1] + 2); /* both ends are ours */
    assert_int_equal(fds[3], fds[2] + 2);
    net_end(&net);
}

static void holds_the_server_back_while_paused(void **state)
{
    (void)state;
    struct net net;
    net_init(&net);
    struct client client = {0};
    struct http_request request = get(&net, "/stream");
    request.stream = true;
    request.timeout_ms = 0;
    client_start(&client, net.http, &request);
    wait_for(&net, peer_has_held, &net.peer);
    transport_pause(net.http, client.call, true);
    static char block[1 << 20];
    size_t wrote = 0;
    int silent = 0;
    while (wrote < 64 * sizeof block && silent < 20) {
        if (exchange_write(net.peer.held, block, sizeof block) == 0) {
            wrote += sizeof block;
            silent = 0;
        } else {
            silent++;
        }
        loop_turn(net.world.loop, 10);
    }
    assert_int_equal(client.body_len, 0);
    assert_in_range(wrote, 8 << 20, 40 << 20); /* what buffers of kernel and server take */
    exchange_end(net.peer.held);
    net.peer.held = NULL;
    transport_pause(net.http, client.call, false);
    client_wait(&client, net.world.loop);
    assert_int_equal(client.err.code, ERR_NONE);
    assert_int_equal(client.body_len, wrote);
    net_end(&net);
}

static void reports_a_stream_cut_by_the_server(void **state)
{
    (void)state;
    struct net net;
    net_init(&net);
    struct client client = {0};
    struct http_request request = get(&net, "/stream");
    request.stream = true;
    client_start(&client, net.http, &request);
    wait_for(&net, peer_has_held, &net.peer);
    exchange_write(net.peer.held, "half", 4);
    while (client.body_len == 0)
        loop_turn(net.world.loop, 100);
    exchange_abort(net.peer.held);
    net.peer.held = NULL;
    client_wait(&client, net.world.loop);
    assert_int_equal(client.err.code, ERR_NETWORK);
    assert_string_equal(client.body, "half");
    net_end(&net);
}

/* A bare peer: answers the first request of a connection, closes on the second without a word. */
struct fickle {
    struct loop *loop;
    int listen_fd, fd, requests, connections;
};

static void fickle_read(void *arg, int fd, unsigned events)
{
    struct fickle *fickle = arg;
    char text[4096];
    (void)events;
    ssize_t got = read(fd, text, sizeof text);
    if (got > 0)
        fickle->requests++;
    if (got > 0 && fickle->requests != 2) {
        static const char answer[] = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
        assert_int_equal(write(fd, answer, sizeof answer - 1), sizeof answer - 1);
        return;
    }
    loop_fd_remove(fickle->loop, fd);
    close(fd);
}

static void fickle_accept(void *arg, int fd, unsigned events)
{
    struct fickle *fickle = arg;
    (void)events;
    fickle->connections++;
    fickle->fd = accept(fd, NULL, NULL);
    loop_fd_set(fickle->loop, fickle->fd, LOOP_READ, fickle_read, fickle, NULL);
}

static void repeats_get_but_not_post_when_a_reused_connection_dies(void **state)
{
    (void)state;
    for (int is_post = 0; is_post < 2; is_post++) {
        struct world world = world_new(clock_real_new());
        struct transport *http = http_transport_new(world.loop, &(struct http_options){0}, NULL);
        struct fickle fickle = {.loop = world.loop};
        struct sockaddr_in address = {.sin_family = AF_INET,
                                      .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
        socklen_t len = sizeof address;
        fickle.listen_fd = socket(AF_INET, SOCK_STREAM, 0);
        assert_int_equal(bind(fickle.listen_fd, (struct sockaddr *)&address, sizeof address), 0);
        assert_int_equal(listen(fickle.listen_fd, 5), 0);
        getsockname(fickle.listen_fd, (struct sockaddr *)&address, &len);
        loop_fd_set(world.loop, fickle.listen_fd, LOOP_READ, fickle_accept, &fickle, NULL);
        char url[64];
        snprintf(url, sizeof url, "http://127.0.0.1:%d/", ntohs(address.sin_port));
        struct http_request request = {.method = "GET", .url = url, .timeout_ms = 5000};
        struct client first = {0}, second = {0};
        client_start(&first, http, &request);
        client_wait(&first, world.loop);
        assert_int_equal(first.status, 200);
        request.method = is_post ? "POST" : "GET";
        client_start(&second, http, &request);
        client_wait(&second, world.loop);
        assert_int_equal(second.err.code, is_post ? ERR_NETWORK : ERR_NONE);
        assert_int_equal(fickle.requests, is_post ? 2 : 3);
        transport_free(http);
        for (int turn = 0; turn < 5; turn++)
            loop_turn(world.loop, 20);
        loop_fd_remove(world.loop, fickle.listen_fd);
        close(fickle.listen_fd);
        world_end(&world);
    }
}

static void free_ends_everything_without_callbacks(void **state)
{
    (void)state;
    struct net net;
    net_init(&net);
    struct client a = {0}, b = {0}, c = {0};
    struct http_request request = get(&net, "/stream");
    request.stream = true;
    client_start(&a, net.http, &request);
    wait_for(&net, peer_has_held, &net.peer);
    request = get(&net, "/late");
    client_start(&b, net.http, &request);
    loop_turn(net.world.loop, 5);
    client_start(&c, net.http, &request);
    transport_free(net.http);
    net.http = NULL;
    wait_for(&net, peer_has_closed, &net.peer);
    for (int turn = 0; turn < 10; turn++)
        loop_turn(net.world.loop, 10);
    assert_int_equal(a.dones + b.dones + c.dones, 0);
    http_tls_unref(net.tls);
    peer_end(&net.peer);
    world_end(&net.world);
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
        cmocka_unit_test(serves_100_requests_at_once_within_the_limit),
        cmocka_unit_test(lets_leases_and_other_lanes_pass_a_full_one),
        cmocka_unit_test(reuses_a_connection_but_not_across_lanes_or_when_told_not_to),
        cmocka_unit_test(holds_the_server_back_while_paused),
        cmocka_unit_test(reports_a_stream_cut_by_the_server),
        cmocka_unit_test(repeats_get_but_not_post_when_a_reused_connection_dies),
        cmocka_unit_test(free_ends_everything_without_callbacks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
