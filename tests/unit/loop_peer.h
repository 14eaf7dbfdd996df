/* A server on 127.0.0.1 that does what the path says, for the tests of http and server. */
#ifndef NEMETON_TESTS_LOOP_PEER_H
#define NEMETON_TESTS_LOOP_PEER_H

#include "loop_support.h"

#include "loop/http.h"
#include "loop/server.h"

struct peer {
    struct loop *loop;
    struct server *server;
    struct server_certificate certificate;
    struct exchange *held; /* of /hold and /stream */
    int requests, closes, at_once, at_once_max;
    char url[64];
    char host[64]; /* what the last request said */
};

static inline void peer_closed(void *arg)
{
    struct peer *peer = arg;
    peer->closes++;
    peer->held = NULL;
}

static inline void peer_reply_sized(struct exchange *exchange, size_t len)
{
    char *body = malloc(len);
    for (size_t i = 0; i < len; i++)
        body[i] = (char)('a' + i % 26);
    static const struct http_header header = {"Content-Type", "text/plain"};
    exchange_reply(exchange, 200, &header, 1, body, len);
    free(body);
}

struct later {
    struct peer *peer;
    struct exchange *exchange;
};

static inline void peer_reply_later(void *arg)
{
    struct later *later = arg;
    later->peer->at_once--;
    exchange_reply(later->exchange, 200, NULL, 0, "late", 4);
    free(later);
}

static inline void peer_handle(void *arg, struct exchange *exchange)
{
    struct peer *peer = arg;
    const char *path = exchange_path(exchange);
    size_t len;
    const char *body = exchange_body(exchange, &len);
    const char *host = exchange_header(exchange, "host");
    peer->requests++;
    snprintf(peer->host, sizeof peer->host, "%s", host ? host : "");
    if (strcmp(path, "/echo%2F") == 0) {
        const char *type = exchange_header(exchange, "content-type");
        const char *agent = exchange_header(exchange, "user-agent");
        const char *query = exchange_query(exchange, "q");
        char *text = mem_printf("%s|%s|%s|%s|%.*s", exchange_method(exchange), type ? type : "",
                                agent ? agent : "", query ? query : "", (int)len, body);
        static const struct http_header headers[] = {{"X-One", "1"}, {"X-Two", "zwei"}};
        exchange_reply(exchange, 201, headers, 2, text, strlen(text));
        free(text);
    } else if (strcmp(path, "/size") == 0) {
        peer_reply_sized(exchange, strtoul(exchange_query(exchange, "n"), NULL, 10));
    } else if (strcmp(path, "/length") == 0) {
        char text[32];
        exchange_reply(exchange, 200, NULL, 0, text,
                       (size_t)snprintf(text, sizeof text, "%zu", len));
    } else if (strcmp(path, "/late") == 0) {
        struct later *later = malloc(sizeof *later);
        *later = (struct later){peer, exchange};
        if (++peer->at_once > peer->at_once_max)
            peer->at_once_max = peer->at_once;
        loop_timer_add(peer->loop, 20, peer_reply_later, later);
    } else if (strcmp(path, "/stream") == 0 || strcmp(path, "/hold") == 0) {
        exchange_on_close(exchange, peer_closed, peer);
        peer->held = exchange;
        if (path[1] == 's')
            exchange_stream(exchange, 200, NULL, 0);
    } else {
        exchange_reply(exchange, 404, NULL, 0, "no", 2);
    }
}

static inline void peer_start(struct peer *peer, struct loop *loop, bool tls,
                              unsigned idle_timeout_s)
{
    struct err err = {0};
    memset(peer, 0, sizeof *peer);
    peer->loop = loop;
    if (server_certificate_make(&peer->certificate, &err) != 0)
        fail_msg("%s", err.text);
    struct server_options options = {
        .address = "127.0.0.1",
        .cert_pem = tls ? peer->certificate.cert_pem : NULL,
        .key_pem = tls ? peer->certificate.key_pem : NULL,
        .body_bytes_max = 1 << 20,
        .connections_max = 300,
        .idle_timeout_s = idle_timeout_s,
    };
    peer->server = server_start(loop, &options, peer_handle, peer, &err);
    if (!peer->server)
        fail_msg("%s", err.text);
    snprintf(peer->url, sizeof peer->url, "%s://127.0.0.1:%u", tls ? "https" : "http",
             (unsigned)server_port(peer->server));
}

static inline void peer_end(struct peer *peer)
{
    server_free(peer->server);
    server_certificate_deinit(&peer->certificate);
    assert_null(peer->held);
}

static inline bool peer_has_held(void *arg)
{
    return ((struct peer *)arg)->held != NULL;
}

static inline bool peer_has_closed(void *arg)
{
    return ((struct peer *)arg)->closes > 0;
}

#endif
