/* An HTTP(S) server on the loop (libmicrohttpd in its epoll mode, no threads).
 *
 * Used for metrics and health and for the sandbox's face to kubectl. Requests become exchanges (see
 * exchange.h). Limits: body (413), head (64 KiB, 431), connections, idle time. A request must be in
 * whole after twice the idle time, however it trickles. A peer that leaves is noticed at once, also
 * in the middle of a silent stream. server_free cuts what is open: on_close runs before it returns.
 * Times are the kernel's, also with a fast clock; a virtual clock does not work here.
 */
#ifndef NEMETON_LOOP_SERVER_H
#define NEMETON_LOOP_SERVER_H

#include "loop/exchange.h"
#include "loop/loop.h"

struct server;

struct server_options {
    const char *address;            /* "127.0.0.1", "::", … ; NULL or "" = every address */
    uint16_t port;                  /* 0 = any */
    const char *cert_pem, *key_pem; /* both: HTTPS */
    size_t body_bytes_max;
    /* The answer to a body over the maximum; NULL: a line of plain text. Must outlive the server. */
    const char *too_large_type, *too_large_body;
    unsigned connections_max;
    unsigned
        idle_timeout_s; /* 0 = none; silent streams and handlers at work do not count as idle */
};

struct server *server_start(struct loop *loop, const struct server_options *options,
                            exchange_handler handler, void *arg, struct err *err);
uint16_t server_port(const struct server *server);
void server_free(struct server *server);

/* A fresh key and a certificate for 127.0.0.1, ::1 and localhost, valid for ten years, signed by a CA
 * made for it whose key is thrown away (the sandbox). */
struct server_certificate {
    char *ca_pem, *cert_pem, *key_pem;
};
int server_certificate_make(struct server_certificate *out, struct err *err);
void server_certificate_deinit(struct server_certificate *certificate);

#endif
