/* A client of the real network and a scripted peer, for the tests of loop/http. */
#ifndef NEMETON_TESTS_LOOP_NET_H
#define NEMETON_TESTS_LOOP_NET_H

#include "loop_peer.h"

struct net {
    struct world world;
    struct peer peer;
    struct transport *http;
    struct http_tls *tls;
    char url[256];
};

static inline void net_init_with(struct net *net, bool tls, struct http_options options)
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

static inline void net_init(struct net *net)
{
    net_init_with(net, true, (struct http_options){0});
}

static inline void net_end(struct net *net)
{
    assert_int_equal(transport_pending(net->http), 0);
    transport_free(net->http);
    http_tls_unref(net->tls);
    peer_end(&net->peer);
    world_end(&net->world);
}

static inline struct http_request get(struct net *net, const char *path)
{
    snprintf(net->url, sizeof net->url, "%s%s", net->peer.url, path);
    return (struct http_request){
        .method = "GET", .url = net->url, .tls = net->tls, .timeout_ms = 10000};
}

static inline void wait_for(struct net *net, bool (*done)(void *arg), void *arg)
{
    assert_true(loop_run_until(net->world.loop, done, arg, 10000));
}

/* Sends a request and waits for its end. */
static inline void client_send(struct client *client, struct net *net, struct http_request request)
{
    client_start(client, net->http, &request);
    client_wait(client, net->world.loop);
}

/* Begins a stream, which the peer holds in net->peer.held. */
static inline void stream_begin(struct client *client, struct net *net)
{
    struct http_request request = get(net, "/stream");
    request.stream = true;
    request.timeout_ms = 0;
    request.lane = HTTP_LANE_WATCH;
    client_start(client, net->http, &request);
    wait_for(net, peer_has_held, &net->peer);
}

static inline void stream_end(struct client *client, struct net *net)
{
    exchange_end(net->peer.held);
    net->peer.held = NULL;
    client_wait(client, net->world.loop);
    assert_int_equal(client->err.code, ERR_NONE);
}

#endif
