#include "loop_support.h"

#include "loop/loopback.h"

/* A peer that does what the path says. */
struct peer {
    struct loop *loop;
    struct exchange *held;
    int requests, closes;
    char last_body[64], last_header[64], last_query[64];
};

static void peer_closed(void *arg)
{
    struct peer *peer = arg;
    peer->closes++;
    peer->held = NULL;
}

static void peer_handle(void *arg, struct exchange *exchange)
{
    struct peer *peer = arg;
    const char *path = exchange_path(exchange);
    static const struct http_header json = {"Content-Type", "application/json"};
    peer->requests++;
    size_t len;
    const char *body = exchange_body(exchange, &len);
    snprintf(peer->last_body, sizeof peer->last_body, "%.*s", (int)len, body);
    const char *header = exchange_header(exchange, "authorization");
    snprintf(peer->last_header, sizeof peer->last_header, "%s", header ? header : "");
    const char *query = exchange_query(exchange, "labelSelector");
    snprintf(peer->last_query, sizeof peer->last_query, "%s", query ? query : "");
    if (strcmp(path, "/hold") == 0 || strcmp(path, "/watch") == 0) {
        exchange_on_close(exchange, peer_closed, peer);
        if (path[1] == 'w')
            exchange_stream(exchange, 200, &json, 1);
        peer->held = exchange;
        return;
    }
    exchange_reply(exchange, 201, &json, 1, "{\"ok\":true}", 11);
}

struct net {
    struct world world;
    struct random_source *random;
    struct transport *transport;
    struct peer peer;
};

static void net_init(struct net *net, uint64_t seed)
{
    memset(net, 0, sizeof *net);
    net->world = world_new(clock_virtual_new(0));
    net->random = random_seeded_new(seed);
    net->transport = loopback_new(net->world.loop, net->random);
    net->peer.loop = net->world.loop;
    loopback_route(net->transport, "http://peer", peer_handle, &net->peer);
}

static void net_end(struct net *net)
{
    assert_int_equal(transport_pending(net->transport), 0);
    while (loop_turn(net->world.loop, 1000) > 0)
        ;
    assert_null(net->peer.held);
    transport_free(net->transport);
    random_free(net->random);
    world_end(&net->world);
}

static struct http_request get(const char *url)
{
    return (struct http_request){.method = "GET", .url = url, .timeout_ms = 5000};
}

static void turns(struct net *net, int count)
{
    while (count-- > 0)
        loop_turn(net->world.loop, 0);
}

static void answers_with_status_headers_and_body(void **state)
{
    (void)state;
    struct net net;
    net_init(&net, 1);
    struct client client = {.wanted = "content-type"};
    struct http_header auth = {"Authorization", "Bearer x"};
    struct http_request request =
        get("http://peer/a%2Fb?x=1&labelSelector=a%3Db%2Cc+d&labelSelector=z");
    request.method = "POST";
    request.body = "hello";
    request.body_len = 5;
    request.headers = &auth;
    request.header_count = 1;
    client_start(&client, net.transport, &request);
    assert_int_equal(transport_pending(net.transport), 1);
    client_wait(&client, net.world.loop);
    assert_int_equal(client.status, 201);
    assert_int_equal(client.heads, 1);
    assert_string_equal(client.body, "{\"ok\":true}");
    assert_string_equal(client.header, "application/json");
    assert_string_equal(net.peer.last_body, "hello");
    assert_string_equal(net.peer.last_header, "Bearer x");
    assert_string_equal(net.peer.last_query, "a=b,c d");
    net_end(&net);
}

static void refuses_an_url_without_a_route(void **state)
{
    (void)state;
    struct net net;
    net_init(&net, 1);
    struct client client = {0}, other = {0};
    struct http_request request = get("http://peer2/");
    client_start(&client, net.transport, &request);
    client_wait(&client, net.world.loop);
    assert_int_equal(client.err.code, ERR_NETWORK);
    loopback_unroute(net.transport, "http://peer");
    request = get("http://peer/");
    client_start(&other, net.transport, &request);
    client_wait(&other, net.world.loop);
    assert_int_equal(other.err.code, ERR_NETWORK);
    assert_int_equal(net.peer.requests, 0);
    net_end(&net);
}

static void refuses_to_start_a_request_that_would_split_headers(void **state)
{
    (void)state;
    struct net net;
    net_init(&net, 1);
    struct http_header bad = {"X-A", "secret\r\nX-B: 1"};
    struct http_request request = get("http://peer/");
    request.headers = &bad;
    request.header_count = 1;
    struct err err = {0};
    assert_null(transport_start(net.transport, &request, &client_callbacks, NULL, &err));
    assert_int_equal(err.code, ERR_INVALID);
    assert_null(strstr(err.text, "secret"));
    request = get("peer");
    assert_null(transport_start(net.transport, &request, &client_callbacks, NULL, &err));
    net_end(&net);
}

static void streams_pieces_in_order_and_ends(void **state)
{
    (void)state;
    struct net net;
    net_init(&net, 3);
    loopback_set_faults(net.transport, &(struct loopback_faults){.delay_mean_us = 5000});
    struct client client = {0};
    struct http_request request = get("http://peer/watch");
    request.timeout_ms = 0;
    request.stream = true;
    client_start(&client, net.transport, &request);
    while (!net.peer.held)
        loop_turn(net.world.loop, -1);
    char expected[256] = "";
    for (int i = 0; i < 50; i++) {
        char piece[8];
        int len = snprintf(piece, sizeof piece, "%d ", i);
        assert_int_equal(exchange_write(net.peer.held, piece, (size_t)len), 0);
        strcat(expected, piece);
    }
    exchange_end(net.peer.held);
    net.peer.held = NULL;
    client_wait(&client, net.world.loop);
    assert_string_equal(client.body, expected);
    assert_int_equal(client.err.code, ERR_NONE);
    assert_int_equal(net.peer.closes, 0);
    net_end(&net);
}

static void tells_the_server_when_the_client_cancels(void **state)
{
    (void)state;
    struct net net;
    net_init(&net, 1);
    struct client client = {0};
    struct http_request request = get("http://peer/watch");
    request.stream = true;
    client_start(&client, net.transport, &request);
    turns(&net, 3);
    assert_int_equal(client.heads, 1);
    transport_cancel(net.transport, client.call);
    assert_int_equal(net.peer.closes, 0); /* only from the loop */
    assert_int_equal(exchange_write(net.peer.held, "x", 1), 0);
    turns(&net, 2);
    assert_int_equal(net.peer.closes, 1);
    assert_int_equal(client.dones, 0);
    net_end(&net);
}

static void cancels_from_inside_on_data(void **state)
{
    (void)state;
    struct net net;
    net_init(&net, 1);
    struct client client = {.cancel_in_data = true};
    struct http_request request = get("http://peer/watch");
    request.stream = true;
    client_start(&client, net.transport, &request);
    turns(&net, 3);
    exchange_write(net.peer.held, "x", 1);
    exchange_write(net.peer.held, "y", 1);
    turns(&net, 3);
    assert_string_equal(client.body, "x");
    assert_int_equal(client.dones, 0);
    assert_int_equal(net.peer.closes, 1);
    net_end(&net);
}

static void ends_as_canceled_when_the_reader_says_stop(void **state)
{
    (void)state;
    struct net net;
    net_init(&net, 1);
    struct client client = {.stop_after_bytes = 1};
    struct http_request request = get("http://peer/watch");
    request.stream = true;
    client_start(&client, net.transport, &request);
    turns(&net, 3);
    exchange_write(net.peer.held, "x", 1);
    client_wait(&client, net.world.loop);
    assert_int_equal(client.err.code, ERR_CANCELED);
    net_end(&net);
}

static void times_out_and_tells_the_server(void **state)
{
    (void)state;
    struct net net;
    net_init(&net, 1);
    struct client client = {0};
    struct http_request request = get("http://peer/hold");
    int64_t start = clock_mono_ms(net.world.clock);
    client_start(&client, net.transport, &request);
    client_wait(&client, net.world.loop);
    assert_int_equal(client.err.code, ERR_TIMEOUT);
    assert_int_equal(clock_mono_ms(net.world.clock) - start, 5000);
    turns(&net, 2);
    assert_int_equal(net.peer.closes, 1);
    net_end(&net);
}

static void refuses_a_body_over_the_maximum(void **state)
{
    (void)state;
    struct net net;
    net_init(&net, 1);
    struct client client = {0}, fits = {0};
    struct http_request request = get("http://peer/");
    request.body_bytes_max = 10;
    client_start(&client, net.transport, &request);
    client_wait(&client, net.world.loop);
    assert_int_equal(client.err.code, ERR_TOO_LARGE);
    request.body_bytes_max = 11;
    client_start(&fits, net.transport, &request);
    client_wait(&fits, net.world.loop);
    assert_int_equal(fits.err.code, ERR_NONE);
    net_end(&net);
}

static void holds_pieces_back_while_paused(void **state)
{
    (void)state;
    struct net net;
    net_init(&net, 1);
    struct client client = {0};
    struct http_request request = get("http://peer/watch");
    request.stream = true;
    request.timeout_ms = 0;
    client_start(&client, net.transport, &request);
    turns(&net, 3);
    transport_pause(net.transport, client.call, true);
    exchange_write(net.peer.held, "ab", 2);
    turns(&net, 3);
    assert_int_equal(client.body_len, 0);
    static char block[1 << 20];
    int wrote = 0;
    while (exchange_write(net.peer.held, block, sizeof block) == 0)
        wrote++;
    assert_int_equal(wrote, EXCHANGE_PENDING_MAX / (int)sizeof block - 1);
    exchange_end(net.peer.held);
    net.peer.held = NULL;
    turns(&net, 3);
    assert_int_equal(client.dones, 0);
    transport_pause(net.transport, client.call, false);
    client_wait(&client, net.world.loop);
    assert_int_equal(client.body_len, 2 + (size_t)wrote * sizeof block);
    net_end(&net);
}

static void cut_ends_every_call_and_closes_every_exchange(void **state)
{
    (void)state;
    struct net net;
    net_init(&net, 1);
    struct client clients[3] = {0};
    struct http_request request = get("http://peer/watch");
    request.stream = true;
    client_start(&clients[0], net.transport, &request);
    turns(&net, 3);
    exchange_write(net.peer.held, "on its way", 10);
    request = get("http://peer/");
    client_start(&clients[1], net.transport, &request);
    loopback_cut(net.transport);
    client_start(&clients[2], net.transport, &request); /* after the cut: a new connection */
    for (int i = 0; i < 3; i++)
        client_wait(&clients[i], net.world.loop);
    assert_int_equal(clients[0].err.code, ERR_NETWORK);
    assert_string_equal(clients[0].body, "");
    assert_int_equal(clients[1].err.code, ERR_NETWORK);
    assert_int_equal(clients[2].err.code, ERR_NONE);
    assert_int_equal(net.peer.requests, 2); /* the watch and the last */
    turns(&net, 2);
    assert_int_equal(net.peer.closes, 1);
    net_end(&net);
}

static void server_abort_resets_the_stream(void **state)
{
    (void)state;
    struct net net;
    net_init(&net, 1);
    struct client client = {0};
    struct http_request request = get("http://peer/watch");
    request.stream = true;
    client_start(&client, net.transport, &request);
    turns(&net, 3);
    exchange_write(net.peer.held, "half", 4);
    exchange_abort(net.peer.held);
    net.peer.held = NULL;
    client_wait(&client, net.world.loop);
    assert_string_equal(client.body, "half");
    assert_int_equal(client.err.code, ERR_NETWORK);
    net_end(&net);
}

static void free_ends_everything_without_callbacks_to_the_client(void **state)
{
    (void)state;
    struct net net;
    net_init(&net, 1);
    struct client client = {0};
    struct http_request request = get("http://peer/watch");
    request.stream = true;
    client_start(&client, net.transport, &request);
    turns(&net, 3);
    transport_free(net.transport);
    assert_int_equal(client.dones, 0);
    assert_int_equal(net.peer.closes, 1);
    random_free(net.random);
    world_end(&net.world);
}

/* Many calls under faults; returns a digest of what happened. */
static uint64_t storm(uint64_t seed, struct loopback_faults faults, int counts[ERR_INTERNAL + 1],
                      int *reached)
{
    struct net net;
    net_init(&net, seed);
    loopback_set_faults(net.transport, &faults);
    enum { CALLS = 200 };
    struct client *clients = mem_alloc(CALLS * sizeof *clients);
    for (int i = 0; i < CALLS; i++) {
        struct http_request request = get("http://peer/x");
        request.timeout_ms = i % 2 ? 1000 : 0;
        client_start(&clients[i], net.transport, &request);
    }
    uint64_t digest = 0;
    for (int i = 0; i < CALLS; i++) {
        client_wait(&clients[i], net.world.loop);
        counts[clients[i].err.code]++;
        digest = digest * 31 + (uint64_t)clients[i].err.code;
    }
    *reached = net.peer.requests;
    digest = digest * 31 + (uint64_t)clock_mono_ns(net.world.clock);
    free(clients);
    net_end(&net);
    return digest;
}

static void faults_repeat_exactly_with_the_same_seed(void **state)
{
    (void)state;
    struct loopback_faults faults = {
        .delay_mean_us = 3000, .drop_request = 0.1, .drop_reply = 0.1, .refuse = 0.1};
    int a[ERR_INTERNAL + 1] = {0}, b[ERR_INTERNAL + 1] = {0}, c[ERR_INTERNAL + 1] = {0};
    int reached_a, reached_b, reached_c;
    uint64_t first = storm(9, faults, a, &reached_a);
    assert_int_equal(first, storm(9, faults, b, &reached_b));
    assert_int_not_equal(first, storm(10, faults, c, &reached_c));
    assert_in_range(reached_a, 140, 180);    /* 0.9 · 0.9 of 200 */
    assert_in_range(a[ERR_NONE], 120, 170);  /* 0.9³ */
    assert_in_range(a[ERR_TIMEOUT], 5, 35);  /* lost, with a timeout */
    assert_in_range(a[ERR_NETWORK], 20, 65); /* refused, or lost without one */
    assert_true(reached_a > a[ERR_NONE]);    /* some were done although the answer was lost */
}

static void cut_stream_fault_ends_in_the_middle_of_a_piece(void **state)
{
    (void)state;
    struct net net;
    net_init(&net, 1);
    loopback_set_faults(net.transport, &(struct loopback_faults){.cut_stream = 1});
    struct client client = {0};
    struct http_request request = get("http://peer/watch");
    request.stream = true;
    client_start(&client, net.transport, &request);
    turns(&net, 3);
    exchange_write(net.peer.held, "12345678", 8);
    client_wait(&client, net.world.loop);
    assert_string_equal(client.body, "1234");
    assert_int_equal(client.err.code, ERR_NETWORK);
    turns(&net, 2);
    assert_int_equal(net.peer.closes, 1);
    net_end(&net);
}

static void delays_have_the_mean_asked_for(void **state)
{
    (void)state;
    struct net net;
    net_init(&net, 5);
    loopback_set_faults(net.transport, &(struct loopback_faults){.delay_mean_us = 10000});
    int64_t start = clock_mono_ms(net.world.clock);
    for (int i = 0; i < 500; i++) {
        struct client client = {0};
        struct http_request request = get("http://peer/");
        client_start(&client, net.transport, &request);
        client_wait(&client, net.world.loop);
    }
    assert_in_range(clock_mono_ms(net.world.clock) - start, 9000, 11000); /* 500 · 2 · 10 ms */
    net_end(&net);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answers_with_status_headers_and_body),
        cmocka_unit_test(refuses_an_url_without_a_route),
        cmocka_unit_test(refuses_to_start_a_request_that_would_split_headers),
        cmocka_unit_test(streams_pieces_in_order_and_ends),
        cmocka_unit_test(tells_the_server_when_the_client_cancels),
        cmocka_unit_test(cancels_from_inside_on_data),
        cmocka_unit_test(ends_as_canceled_when_the_reader_says_stop),
        cmocka_unit_test(times_out_and_tells_the_server),
        cmocka_unit_test(refuses_a_body_over_the_maximum),
        cmocka_unit_test(holds_pieces_back_while_paused),
        cmocka_unit_test(cut_ends_every_call_and_closes_every_exchange),
        cmocka_unit_test(server_abort_resets_the_stream),
        cmocka_unit_test(free_ends_everything_without_callbacks_to_the_client),
        cmocka_unit_test(faults_repeat_exactly_with_the_same_seed),
        cmocka_unit_test(cut_stream_fault_ends_in_the_middle_of_a_piece),
        cmocka_unit_test(delays_have_the_mean_asked_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
