/* An HTTP(S) server on the loop. The only place that includes microhttpd.
 *
 * Used for metrics and health and for the sandbox's face to kubectl. Requests become exchanges (see
 * exchange.h). Limits: body, header size, connections, idle time. server_stop refuses new requests
 * and cuts what is open (on_close runs); then server_free.
 */
#ifndef NEMETON_LOOP_SERVER_H
#define NEMETON_LOOP_SERVER_H

#include "loop/exchange.h"
#include "loop/loop.h"

struct server;

struct server_options {
    const char *address;   /* "127.0.0.1", "::", … ; NULL or "" = every address */
    uint16_t port;         /* 0 = any */
    const char *cert_pem, *key_pem; /* both: HTTPS */
    size_t body_bytes_max;
    unsigned connections_max;
    unsigned idle_timeout_s; /* 0 = none: streams may be silent */
};

struct server *server_start(struct loop *loop, const struct server_options *options,
                            exchange_handler handler, void *arg, struct err *err);
uint16_t server_port(const struct server *server);
void server_free(struct server *server);

/* A fresh key and a certificate for loopback names, signed by a CA made for it (the sandbox). */
struct server_certificate {
    char *ca_pem, *cert_pem, *key_pem;
};
int server_certificate_make(struct server_certificate *out, struct err *err);
void server_certificate_deinit(struct server_certificate *certificate);

#endif
