/* The HTTP client against peers that speak badly, compressed, or as a proxy: a bare socket that
 * answers what the test says.
 */
#include "loop_support.h"

#include "loop/http.h"

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

struct wire {
    struct world world;
    struct transport *http;
    int listen_fd, fd;
    char heard[8192];
    size_t heard_len;
    const char *answers[4]; /* one after each piece heard */
    size_t lens[4];
    int answered;
    bool is_closed_after; /* the last answer */
    bool is_endless;      /* repeats the last answer for ever */
    char url[64];
};

static void wire_close(struct wire *wire)
{
    if (wire->fd < 0)
        return;
    loop_fd_remove(wire->world.loop, wire->fd);
    close(wire->fd);
    wire->fd = -1;
}

static void wire_ready(void *arg, int fd, unsigned events)
{
    struct wire *wire = arg;
    if (events & LOOP_READ) {
        ssize_t got = recv(fd, wire->heard + wire->heard_len,
                           sizeof wire->heard - 1 - wire->heard_len, MSG_DONTWAIT);
        if (got == 0 || (got < 0 && !(events & LOOP_WRITE))) {
            wire_close(wire);
            return;
        }
        if (got > 0)
            wire->heard_len += (size_t)got;
    }
    if (!wire->answers[wire->answered])
        return;
    ssize_t sent = send(fd, wire->answers[wire->answered], wire->lens[wire->answered],
                        MSG_DONTWAIT | MSG_NOSIGNAL);
    if (wire->is_endless && wire->answered == 1) {
        if (sent < 0 && !(events & LOOP_WRITE))
            wire_close(wire);
        return;
    }
    wire->answered++;
    if (wire->is_endless)
        loop_fd_set(wire->world.loop, fd, LOOP_READ | LOOP_WRITE, wire_ready, wire, NULL);
    if (!wire->answers[wire->answered] && wire->is_closed_after)
        wire_close(wire);
}

static void wire_accept(void *arg, int fd, unsigned events)
{
    struct wire *wire = arg;
    (void)events;
    wire_close(wire);
    wire->fd = accept(fd, NULL, NULL);
    loop_fd_set(wire->world.loop, wire->fd, LOOP_READ, wire_ready, wire, NULL);
}

static void wire_init(struct wire *wire)
{
    memset(wire, 0, sizeof *wire);
    wire->world = world_new(clock_real_new());
    wire->http = http_transport_new(wire->world.loop, &(struct http_options){0}, NULL);
    wire->fd = -1;
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof address;
    wire->listen_fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(bind(wire->listen_fd, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(listen(wire->listen_fd, 5), 0);
    getsockname(wire->listen_fd, (struct sockaddr *)&address, &len);
    loop_fd_set(wire->world.loop, wire->listen_fd, LOOP_READ, wire_accept, wire, NULL);
    snprintf(wire->url, sizeof wire->url, "http://127.0.0.1:%d", ntohs(address.sin_port));
}

static void wire_answer(struct wire *wire, const char *text)
{
    int i = 0;
    while (wire->answers[i])
        i++;
    wire->answers[i] = text;
    wire->lens[i] = strlen(text);
}

static void wire_end(struct wire *wire)
{
    assert_int_equal(transport_pending(wire->http), 0);
    transport_free(wire->http);
    wire_close(wire);
    loop_fd_remove(wire->world.loop, wire->listen_fd);
    close(wire->listen_fd);
    world_end(&wire->world);
}

static struct client ask(struct wire *wire, struct http_request request)
{
    struct client client = {.wanted = "x-last"};
    if (!request.method)
        request.method = "GET";
    if (!request.url)
        request.url = wire->url;
    if (request.timeout_ms == 0)
        request.timeout_ms = 5000;
    client_start(&client, wire->http, &request);
    client_wait(&client, wire->world.loop);
    return client;
}

static void unpacks_gzip_within_the_maximum(void **state)
{
    (void)state;
    /* gzip of 1,000 times 'a' */
    static const unsigned char packed[] = {
        0x1f, 0x8b, 0x08, 0x00, 0x00, 0x00, 0x00, 0x00, 0x02, 0x03, 0x4b, 0x4c, 0x1c, 0x05, 0xa3,
        0x60, 0x14, 0x0c, 0x77, 0x00, 0x00, 0x03, 0xda, 0x38, 0x9a, 0xe8, 0x03, 0x00, 0x00};
    for (int i = 0; i < 2; i++) {
        struct wire wire;
        wire_init(&wire);
        char answer[256];
        int len = snprintf(answer, sizeof answer,
                           "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n"
                           "Content-Length: %zu\r\n\r\n",
                           sizeof packed);
        memcpy(answer + len, packed, sizeof packed);
        wire.answers[0] = answer;
        wire.lens[0] = (size_t)len + sizeof packed;
        struct client client =
            ask(&wire, (struct http_request){.compressed = true, .body_bytes_max = i ? 999 : 1000});
        assert_non_null(strstr(wire.heard, "Accept-Encoding: gzip\r\n"));
        if (i) {
            assert_int_equal(client.err.code, ERR_TOO_LARGE);
        } else {
            assert_string_equal(client.err.text, "");
            assert_int_equal(client.body_len, 1000);
            assert_int_equal(strspn(client.body, "a"), 1000);
        }
        wire_end(&wire);
    }
}

static void skips_interim_answers_and_does_not_follow_redirects(void **state)
{
    (void)state;
    struct wire wire;
    wire_init(&wire);
    wire_answer(&wire, "HTTP/1.1 103 Early Hints\r\nX-Last: wrong\r\n\r\n"
                       "HTTP/1.1 302 Found\r\nLocation: /elsewhere\r\nX-Last:  yes \r\n"
                       "Content-Length: 0\r\n\r\n");
    struct client client = ask(&wire, (struct http_request){0});
    assert_int_equal(client.status, 302);
    assert_int_equal(client.heads, 1);
    assert_string_equal(client.header, "yes");
    wire_end(&wire);
}

static void fails_on_what_is_no_http(void **state)
{
    (void)state;
    const char *answers[] = {"garbage\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc",
                             "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", ""};
    for (size_t i = 0; i < sizeof answers / sizeof *answers; i++) {
        struct wire wire;
        wire_init(&wire);
        wire_answer(&wire, answers[i]);
        wire.is_closed_after = true;
        struct client client = ask(&wire, (struct http_request){0});
        assert_int_equal(client.err.code, ERR_NETWORK);
        wire_end(&wire);
    }
}

static void refuses_endless_headers(void **state)
{
    (void)state;
    struct wire wire;
    wire_init(&wire);
    wire_answer(&wire, "HTTP/1.1 200 OK\r\n");
    wire_answer(&wire, "X-More: and more and more and more and more and more and more\r\n");
    wire.is_endless = true;
    struct client client = ask(&wire, (struct http_request){0});
    assert_int_equal(client.err.code, ERR_TOO_LARGE);
    wire_end(&wire);
}

static void sends_empty_headers_and_no_headers_nobody_asked_for(void **state)
{
    (void)state;
    struct wire wire;
    wire_init(&wire);
    wire_answer(&wire, "HTTP/1.1 204 No Content\r\n\r\n");
    struct http_header headers[] = {{"X-Empty", ""}, {"Accept", "application/json"}};
    struct client client = ask(
        &wire,
        (struct http_request){
            .method = "POST", .headers = headers, .header_count = 2, .body = "{}", .body_len = 2});
    assert_int_equal(client.status, 204);
    char *end = strstr(wire.heard, "\r\n\r\n");
    assert_non_null(end);
    assert_non_null(strstr(wire.heard, "\r\nX-Empty:\r\n"));
    assert_non_null(strstr(wire.heard, "\r\nAccept: application/json\r\n"));
    assert_null(strstr(wire.heard, "Expect"));
    assert_null(strstr(wire.heard, "Content-Type"));
    wire_end(&wire);
}

static void asks_an_http_proxy_for_a_tunnel(void **state)
{
    (void)state;
    struct wire wire;
    wire_init(&wire);
    wire_answer(&wire, "HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n");
    struct client client =
        ask(&wire, (struct http_request){.url = "https://api.example:6443/x", .proxy = wire.url});
    assert_int_equal(client.err.code, ERR_NETWORK);
    assert_memory_equal(wire.heard, "CONNECT api.example:6443 HTTP/1.1\r\n", 35);
    wire_end(&wire);
}

static void lets_a_socks5_proxy_resolve_the_name(void **state)
{
    (void)state;
    struct wire wire;
    wire_init(&wire);
    char proxy[96];
    snprintf(proxy, sizeof proxy, "socks5://%s", wire.url + strlen("http://"));
    wire.answers[0] = "\x05\x00"; /* no authentication */
    wire.lens[0] = 2;
    wire.answers[1] = "\x05\x00\x00\x01\x7f\x00\x00\x01\x00\x50"; /* connected */
    wire.lens[1] = 10;
    wire_answer(&wire, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    struct client client =
        ask(&wire, (struct http_request){.url = "http://druid.example/status", .proxy = proxy});
    assert_string_equal(client.err.text, "");
    assert_string_equal(client.body, "ok");
    assert_non_null(memmem(wire.heard, wire.heard_len, "\rdruid.example", 14));
    wire_end(&wire);
}

static void ignores_the_proxies_of_the_environment(void **state)
{
    (void)state;
    struct wire wire;
    wire_init(&wire);
    setenv("http_proxy", "http://127.0.0.1:1", 1);
    wire_answer(&wire, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    struct client client = ask(&wire, (struct http_request){0});
    unsetenv("http_proxy");
    assert_string_equal(client.body, "ok");
    wire_end(&wire);
}

static void gives_up_connecting_after_its_own_timeout(void **state)
{
    (void)state;
    struct wire wire;
    wire_init(&wire);
    int64_t start = clock_mono_ms(wire.world.clock);
    /* accepts, but never answers the TLS greeting */
    char url[96];
    snprintf(url, sizeof url, "https://%s", wire.url + strlen("http://"));
    struct client client = ask(&wire, (struct http_request){.url = url, .connect_timeout_ms = 200});
    assert_int_equal(client.err.code, ERR_TIMEOUT);
    assert_in_range(clock_mono_ms(wire.world.clock) - start, 190, 2000);
    wire_end(&wire);
}

/* The client's end of the wire: the descriptor whose own port is the peer's other one; -1 when none. */
static int client_end_of(const struct wire *wire)
{
    struct sockaddr_in other = {0}, own;
    socklen_t len = sizeof other;
    getpeername(wire->fd, (struct sockaddr *)&other, &len);
    for (int fd = 3; fd < 256; fd++) {
        len = sizeof own;
        if (getsockname(fd, (struct sockaddr *)&own, &len) == 0 && own.sin_family == AF_INET &&
            own.sin_port == other.sin_port)
            return fd;
    }
    return -1;
}

static int option_of(int fd, int level, int name)
{
    int value = -1;
    socklen_t len = sizeof value;
    return getsockopt(fd, level, name, &value, &len) < 0 ? -1 : value;
}

static void the_kernel_gives_up_a_peer_that_is_gone_within_20_to_30_seconds(void **state)
{
    (void)state;
    struct wire wire;
    wire_init(&wire);
    wire_answer(&wire, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    struct client client = ask(&wire, (struct http_request){0});
    assert_int_equal(client.status, 200);
    int fd = client_end_of(&wire);
    assert_true(fd >= 0);
    assert_int_equal(option_of(fd, IPPROTO_TCP, TCP_USER_TIMEOUT), 20000);
    assert_int_equal(option_of(fd, SOL_SOCKET, SO_KEEPALIVE), 1);
    assert_int_equal(option_of(fd, IPPROTO_TCP, TCP_KEEPIDLE), 15);
    assert_int_equal(option_of(fd, IPPROTO_TCP, TCP_KEEPINTVL), 5);
    assert_int_equal(option_of(fd, IPPROTO_TCP, TCP_KEEPCNT), 3);
    wire_end(&wire);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(unpacks_gzip_within_the_maximum),
        cmocka_unit_test(skips_interim_answers_and_does_not_follow_redirects),
        cmocka_unit_test(fails_on_what_is_no_http),
        cmocka_unit_test(refuses_endless_headers),
        cmocka_unit_test(sends_empty_headers_and_no_headers_nobody_asked_for),
        cmocka_unit_test(asks_an_http_proxy_for_a_tunnel),
        cmocka_unit_test(lets_a_socks5_proxy_resolve_the_name),
        cmocka_unit_test(ignores_the_proxies_of_the_environment),
        cmocka_unit_test(gives_up_connecting_after_its_own_timeout),
        cmocka_unit_test(the_kernel_gives_up_a_peer_that_is_gone_within_20_to_30_seconds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
