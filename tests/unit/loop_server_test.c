#include "loop_peer.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

struct net {
    struct world world;
    struct peer peer;
};

static void net_init(struct net *net, bool tls, unsigned idle_timeout_s)
{
    net->world = world_new(clock_real_new());
    peer_start(&net->peer, net->world.loop, tls, idle_timeout_s);
}

static void net_end(struct net *net)
{
    peer_end(&net->peer);
    world_end(&net->world);
}

static void turns(struct net *net, int64_t ms)
{
    int64_t end = clock_mono_ms(net->world.clock) + ms;
    while (clock_mono_ms(net->world.clock) < end)
        loop_turn(net->world.loop, end - clock_mono_ms(net->world.clock));
}

static int dial(struct net *net)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons(server_port(net->peer.server)),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof address), 0);
    fcntl(fd, F_SETFL, O_NONBLOCK);
    return fd;
}

static void say(int fd, const char *text)
{
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
}

/* Reads for at most `ms` until `wanted` is in what came or the end; returns the text so far. */
static const char *hear(struct net *net, int fd, const char *wanted, int64_t ms)
{
    static char text[65536];
    size_t len = 0;
    int64_t end = clock_mono_ms(net->world.clock) + ms;
    text[0] = '\0';
    while (clock_mono_ms(net->world.clock) < end && !(wanted && strstr(text, wanted))) {
        loop_turn(net->world.loop, 5);
        ssize_t got = read(fd, text + len, sizeof text - 1 - len);
        if (got == 0 || (got < 0 && errno != EAGAIN))
            break;
        if (got > 0)
            text[len += (size_t)got] = '\0';
    }
    return text;
}

static bool is_closed(struct net *net, int fd, int64_t within_ms)
{
    int64_t end = clock_mono_ms(net->world.clock) + within_ms;
    char c;
    while (clock_mono_ms(net->world.clock) < end) {
        ssize_t got = read(fd, &c, 1);
        if (got == 0 || (got < 0 && errno != EAGAIN))
            return true;
        loop_turn(net->world.loop, 5);
    }
    return false;
}

static void keeps_the_connection_for_the_next_request(void **state)
{
    (void)state;
    struct net net;
    net_init(&net, false, 5);
    int fd = dial(&net);
    for (int i = 0; i < 3; i++) {
        say(fd, "GET /size?n=5 HTTP/1.1\r\nHost: a\r\n\r\n");
        assert_non_null(strstr(hear(&net, fd, "abcde", 3000), "HTTP/1.1 200 OK\r\n"));
    }
    say(fd, "GET /hold HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_true(loop_run_until(net.world.loop, peer_has_held, &net.peer, 3000));
    exchange_reply(net.peer.held, 418, NULL, 0, "tea", 3);
    net.peer.held = NULL;
    assert_non_null(strstr(hear(&net, fd, "tea", 3000), "HTTP/1.1 418 "));
    assert_int_equal(net.peer.closes, 0);
    close(fd);
    turns(&net, 20);
    net_end(&net);
}

static void answers_413_to_a_body_over_the_maximum(void **state)
{
    (void)state;
    struct net net;
    net_init(&net, false, 5);
    int fd = dial(&net);
    say(fd, "POST /length HTTP/1.1\r\nHost: a\r\nContent-Length: 1048577\r\n\r\n");
    assert_non_null(strstr(hear(&net, fd, "maximum", 3000), "HTTP/1.1 413 "));
    close(fd);

    fd = dial(&net); /* the length comes only with the chunks */
    say(fd, "POST /length HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n");
    static char block[65536];
    memset(block, 'x', sizeof block);
    for (int i = 0; i < 17; i++) {
        say(fd, "10000\r\n");
        for (size_t sent = 0; sent < sizeof block; loop_turn(net.world.loop, 1)) {
            ssize_t got = write(fd, block + sent, sizeof block - sent);
            sent += got > 0 ? (size_t)got : 0;
        }
        say(fd, "\r\n");
    }
    say(fd, "0\r\n\r\n");
    assert_non_null(strstr(hear(&net, fd, "maximum", 3000), "HTTP/1.1 413 "));
    close(fd);
    assert_int_equal(net.peer.requests, 0);
    turns(&net, 20);
    net_end(&net);
}

static void cuts_an_endless_upload(void **state)
{
    (void)state;
    struct net net;
    net_init(&net, false, 5);
    int fd = dial(&net);
    say(fd, "POST /length HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n");
    char block[4096];
    memset(block, 'x', sizeof block);
    size_t sent = 0;
    for (; sent < 16 << 20; sent += sizeof block) {
        static const char head[] = "1000\r\n";
        if (write(fd, head, 6) != 6 || write(fd, block, sizeof block) < 0 ||
            write(fd, "\r\n", 2) < 0)
            if (errno != EAGAIN)
                break;
        loop_turn(net.world.loop, 0);
    }
    assert_true(sent < 16 << 20);
    close(fd);
    turns(&net, 20);
    net_end(&net);
}

static void refuses_a_head_over_the_maximum(void **state)
{
    (void)state;
    struct net net;
    net_init(&net, false, 5);
    int fd = dial(&net);
    say(fd, "GET /size?n=1 HTTP/1.1\r\nHost: a\r\n");
    for (int i = 0; i < 200; i++) {
        char line[600];
        memset(line, 'h', sizeof line);
        memcpy(line, "X-", 2);
        line[300] = ':';
        memcpy(line + sizeof line - 3, "\r\n", 3);
        if (write(fd, line, sizeof line - 1) < 0)
            break;
        loop_turn(net.world.loop, 0);
    }
    const char *text = hear(&net, fd, "\r\n\r\n", 3000);
    assert_true(strncmp(text, "HTTP/1.1 4", 10) == 0);
    close(fd);
    assert_int_equal(net.peer.requests, 0);
    turns(&net, 20);
    net_end(&net);
}

static void closes_who_says_nothing_and_who_trickles(void **state)
{
    (void)state;
    struct net net;
    net_init(&net, false, 1);
    int silent = dial(&net), trickle = dial(&net);
    say(trickle, "GET /size?n=1 HTTP/1.1\r\n");
    int64_t start = clock_mono_ms(net.world.clock);
    bool is_open = true;
    for (int i = 0; i < 50 && is_open; i++) {
        turns(&net, 100);
        is_open = write(trickle, "X", 1) == 1;
        char c;
        ssize_t got = read(trickle, &c, 1);
        is_open = is_open && (got > 0 || (got < 0 && errno == EAGAIN));
    }
    assert_false(is_open);
    assert_in_range(clock_mono_ms(net.world.clock) - start, 900, 4000);
    assert_true(is_closed(&net, silent, 3000));
    close(silent);
    close(trickle);
    turns(&net, 20);
    net_end(&net);
}

static void keeps_silent_streams_and_slow_handlers_beyond_the_idle_time(void **state)
{
    (void)state;
    struct net net;
    net_init(&net, false, 1);
    int fd = dial(&net);
    say(fd, "GET /stream HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_true(loop_run_until(net.world.loop, peer_has_held, &net.peer, 3000));
    turns(&net, 2600);
    assert_non_null(net.peer.held);
    assert_int_equal(exchange_write(net.peer.held, "still here", 10), 0);
    assert_non_null(strstr(hear(&net, fd, "still here", 3000), "still here"));
    exchange_end(net.peer.held);
    net.peer.held = NULL;
    close(fd);
    turns(&net, 20);
    net_end(&net);
}

static void notices_a_peer_that_leaves_while_it_waits(void **state)
{
    (void)state;
    const char *paths[] = {"/hold", "/stream"};
    for (int i = 0; i < 4; i++) {
        struct net net;
        net_init(&net, false, 0);
        int fd = dial(&net);
        char request[64];
        snprintf(request, sizeof request, "GET %s HTTP/1.1\r\nHost: a\r\n\r\n", paths[i % 2]);
        say(fd, request);
        assert_true(loop_run_until(net.world.loop, peer_has_held, &net.peer, 3000));
        if (i >= 2) { /* with a reset instead of an end */
            struct linger linger = {.l_onoff = 1, .l_linger = 0};
            setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof linger);
        }
        close(fd);
        assert_true(loop_run_until(net.world.loop, peer_has_closed, &net.peer, 3000));
        turns(&net, 20);
        assert_int_equal(net.peer.closes, 1);
        assert_int_equal(loop_stats(net.world.loop).fds, 1); /* only the daemon's */
        net_end(&net);
    }
}

static void tells_the_handler_that_a_reader_is_too_slow(void **state)
{
    (void)state;
    struct net net;
    net_init(&net, false, 0);
    int fd = dial(&net);
    say(fd, "GET /stream HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_true(loop_run_until(net.world.loop, peer_has_held, &net.peer, 3000));
    static char block[1 << 20];
    int wrote = 0;
    while (wrote < 100 && exchange_write(net.peer.held, block, sizeof block) == 0) {
        wrote++;
        loop_turn(net.world.loop, 1);
    }
    assert_in_range(wrote, 8, 40);
    exchange_abort(net.peer.held);
    net.peer.held = NULL;
    turns(&net, 50);
    assert_int_equal(net.peer.closes, 0);
    close(fd);
    turns(&net, 20);
    net_end(&net);
}

static void free_closes_what_is_open(void **state)
{
    (void)state;
    struct net net;
    net_init(&net, false, 5);
    int stream = dial(&net), idle = dial(&net), half = dial(&net);
    say(stream, "GET /stream HTTP/1.1\r\nHost: a\r\n\r\n");
    say(half, "GET /str");
    assert_true(loop_run_until(net.world.loop, peer_has_held, &net.peer, 3000));
    peer_end(&net.peer);
    assert_int_equal(net.peer.closes, 1);
    close(stream);
    close(idle);
    close(half);
    world_end(&net.world);
}

static void says_why_it_cannot_listen(void **state)
{
    (void)state;
    struct net net;
    net_init(&net, false, 5);
    struct err err = {0};
    struct server_options options = {.address = "127.0.0.1",
                                     .port = server_port(net.peer.server),
                                     .body_bytes_max = 1,
                                     .connections_max = 1};
    assert_null(server_start(net.world.loop, &options, peer_handle, NULL, &err));
    assert_int_equal(err.code, ERR_IO);
    char where[80];
    snprintf(where, sizeof where, "listen on `127.0.0.1` port %u: Address already in use",
             options.port);
    assert_string_equal(err.text, where);
    options.port = 0;
    options.too_large_type = "application/json";
    options.too_large_body = "{\"code\":413}";
    struct server *server = server_start(net.world.loop, &options, peer_handle, NULL, &err);
    struct sockaddr_in to = {.sin_family = AF_INET,
                             .sin_port = htons(server_port(server)),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    connect(fd, (struct sockaddr *)&to, sizeof to);
    for (int i = 0; i < 20; i++)
        loop_turn(net.world.loop, 5);
    say(fd, "POST /length HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n123456789");
    const char *answer = hear(&net, fd, "{\"code\":413}", 3000);
    assert_non_null(strstr(answer, "HTTP/1.1 413 "));
    assert_non_null(strstr(answer, "application/json"));
    close(fd);
    server_free(server);
    memset(&err, 0, sizeof err);
    options.address = "nowhere";
    assert_null(server_start(net.world.loop, &options, peer_handle, NULL, &err));
    assert_string_equal(err.text, "listen on `nowhere`: it is not an IP address");
    memset(&err, 0, sizeof err);
    options = (struct server_options){.address = "::1",
                                      .cert_pem = "x",
                                      .key_pem = "y",
                                      .body_bytes_max = 1,
                                      .connections_max = 1};
    assert_null(server_start(net.world.loop, &options, peer_handle, NULL, &err));
    assert_int_equal(err.code, ERR_IO);
    net_end(&net);
}

static void listens_on_every_address_by_default(void **state)
{
    (void)state;
    struct net net;
    net_init(&net, false, 5);
    struct err err = {0};
    struct server_options options = {.body_bytes_max = 100, .connections_max = 10};
    struct server *any = server_start(net.world.loop, &options, peer_handle, &net.peer, &err);
    assert_non_null(any);
    struct transport *http = http_transport_new(net.world.loop, &(struct http_options){0}, &err);
    struct client client = {0};
    char url[64];
    snprintf(url, sizeof url, "http://127.0.0.1:%u/size?n=2", (unsigned)server_port(any));
    struct http_request request = {.method = "GET", .url = url, .timeout_ms = 5000};
    client_start(&client, http, &request);
    client_wait(&client, net.world.loop);
    assert_string_equal(client.body, "ab");
    transport_free(http);
    server_free(any);
    net_end(&net);
}

static void waits_quietly_when_all_connections_are_taken(void **state)
{
    (void)state;
    struct net net;
    net_init(&net, false, 0);
    int fds[310];
    for (int i = 0; i < 310; i++) {
        fds[i] = dial(&net);
        loop_turn(net.world.loop, 0);
    }
    turns(&net, 50);
    size_t before = loop_stats(net.world.loop).turns;
    turns(&net, 200);
    assert_true(loop_stats(net.world.loop).turns - before < 50); /* no spinning */
    for (int i = 0; i < 300; i++)
        close(fds[i]);
    turns(&net, 50);
    int fd = dial(&net);
    say(fd, "GET /size?n=3 HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_non_null(strstr(hear(&net, fd, "abc", 3000), "abc"));
    for (int i = 300; i < 310; i++)
        close(fds[i]);
    close(fd);
    turns(&net, 50);
    net_end(&net);
}

static void survives_garbage_instead_of_tls_and_http(void **state)
{
    (void)state;
    for (int tls = 0; tls < 2; tls++) {
        struct net net;
        net_init(&net, tls, 5);
        int fd = dial(&net);
        char garbage[512];
        for (size_t i = 0; i < sizeof garbage; i++)
            garbage[i] = (char)(i * 7919 >> 3);
        assert_int_equal(write(fd, garbage, sizeof garbage), sizeof garbage);
        say(fd, "\r\n\r\n\r\n");
        turns(&net, 50);
        close(fd);
        turns(&net, 20);
        assert_int_equal(net.peer.requests, 0);
        net_end(&net);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keeps_the_connection_for_the_next_request),
        cmocka_unit_test(answers_413_to_a_body_over_the_maximum),
        cmocka_unit_test(cuts_an_endless_upload),
        cmocka_unit_test(refuses_a_head_over_the_maximum),
        cmocka_unit_test(closes_who_says_nothing_and_who_trickles),
        cmocka_unit_test(keeps_silent_streams_and_slow_handlers_beyond_the_idle_time),
        cmocka_unit_test(notices_a_peer_that_leaves_while_it_waits),
        cmocka_unit_test(tells_the_handler_that_a_reader_is_too_slow),
        cmocka_unit_test(free_closes_what_is_open),
        cmocka_unit_test(says_why_it_cannot_listen),
        cmocka_unit_test(listens_on_every_address_by_default),
        cmocka_unit_test(waits_quietly_when_all_connections_are_taken),
        cmocka_unit_test(survives_garbage_instead_of_tls_and_http),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
