#include "loop_net.h"

#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

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

/* One request at a time: the order in which they are answered is that in which they left. */
static void lets_the_patient_wait_for_others_but_not_for_ever(void **state)
{
    (void)state;
    struct net net;
    net_init_with(&net, true, (struct http_options){.in_flight_max = 1});
    enum { COUNT = 40 };
    struct client hog = {0}, patient[3] = {0};
    struct client *others = mem_alloc(COUNT * sizeof *others);
    struct http_request request = get(&net, "/hold");
    client_start(&hog, net.http, &request);
    wait_for(&net, peer_has_held, &net.peer);
    request = get(&net, "/size?n=1");
    request.is_patient = true;
    for (int i = 0; i < 2; i++)
        client_start(&patient[i], net.http, &request);
    request.is_patient = false;
    for (int i = 0; i < COUNT; i++)
        client_start(&others[i], net.http, &request);
    exchange_reply(net.peer.held, 200, NULL, 0, NULL, 0);
    net.peer.held = NULL;
    int done[2] = {0};
    for (int p = 0; p < 2; p++) {
        client_wait(&patient[p], net.world.loop);
        for (int i = 0; i < COUNT; i++)
            done[p] += others[i].dones;
    }
    assert_int_equal(done[0], 15);
    assert_int_equal(done[1], 30);
    client_wait(&others[COUNT - 1], net.world.loop);
    client_wait(&hog, net.world.loop);
    request.is_patient = true;
    client_send(&patient[2], &net, request); /* alone: at once */
    free(others);
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
        client_send(&client, &net, request);
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
    stream_begin(&client, &net);
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
    transport_pause(net.http, client.call, false);
    stream_end(&client, &net);
    assert_int_equal(client.body_len, wrote);
    net_end(&net);
}

static void reports_a_stream_cut_by_the_server(void **state)
{
    (void)state;
    struct net net;
    net_init(&net);
    struct client client = {0};
    stream_begin(&client, &net);
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
    stream_begin(&a, &net);
    struct http_request request = get(&net, "/late");
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
        cmocka_unit_test(serves_100_requests_at_once_within_the_limit),
        cmocka_unit_test(lets_leases_and_other_lanes_pass_a_full_one),
        cmocka_unit_test(lets_the_patient_wait_for_others_but_not_for_ever),
        cmocka_unit_test(reuses_a_connection_but_not_across_lanes_or_when_told_not_to),
        cmocka_unit_test(holds_the_server_back_while_paused),
        cmocka_unit_test(reports_a_stream_cut_by_the_server),
        cmocka_unit_test(repeats_get_but_not_post_when_a_reused_connection_dies),
        cmocka_unit_test(free_ends_everything_without_callbacks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
