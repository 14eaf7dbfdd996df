/* The real network: libcurl's multi interface on the loop. The only place that includes curl.h.
 *
 * HTTP/2 where the server offers it, else 1.1. TCP keep-alive 15/5/3 s and TCP_USER_TIMEOUT 20 s,
 * so that a dead peer is found; each lane has connections of its own (see transport.h). A stream
 * that is not read fast enough is paused, not buffered. http_transport_free cancels what is under
 * way without callbacks.
 */
#ifndef NEMETON_LOOP_HTTP_H
#define NEMETON_LOOP_HTTP_H

#include "loop/loop.h"
#include "loop/transport.h"

struct http_options {
    const char *user_agent;
    size_t in_flight_max;           /* unary requests at once over all lanes but LEASE; rest queue */
    size_t queue_max;               /* waiting requests; more is ERR_LIMIT */
    size_t streams_per_connection;  /* 0 = 80 */
};

struct transport *http_transport_new(struct loop *loop, const struct http_options *options,
                                     struct err *err);

/* TLS identity. PEM blobs are copied; NULL members are absent. */
struct http_tls_options {
    const char *ca_pem;          /* NULL: system store */
    const char *cert_pem, *key_pem;
    const char *server_name;     /* SNI and verification name */
    bool insecure;               /* no verification */
};
struct http_tls *http_tls_new(const struct http_tls_options *options, struct err *err);
struct http_tls *http_tls_ref(struct http_tls *tls);
void http_tls_unref(struct http_tls *tls);

#endif
