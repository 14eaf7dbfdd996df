/* The real network: libcurl's multi interface on the loop. The only place that includes curl.h.
 *
 * HTTP/2 where the server offers it, else 1.1. TCP keep-alive 15/5/3 s and TCP_USER_TIMEOUT 20 s,
 * so that a dead peer is found; each lane has connections of its own (see transport.h). A stream
 * that is not read fast enough is paused, not buffered (on HTTP/2 this may hold up its neighbours on
 * the same connection until it goes on). Redirects are not followed. A request that may have reached
 * the server is never repeated here, except GET and HEAD. transport_free cancels what is under way
 * without callbacks.
 *
 * Failures that do not heal by waiting carry a reason (err.reason): HTTP_REASON_PEER_CERTIFICATE
 * when the server's certificate is not accepted, HTTP_REASON_CLIENT_CERTIFICATE when ours is bad.
 */
#ifndef NEMETON_LOOP_HTTP_H
#define NEMETON_LOOP_HTTP_H

#include "loop/loop.h"
#include "loop/transport.h"

struct http_options {
    const char *user_agent;
    /* Unary requests at once, in each lane, so that slow peers of one lane never hold up another;
     * the rest waits its turn. Streams and LEASE are exempt. 0 = 64. */
    size_t in_flight_max;
    size_t queue_max;              /* waiting in each lane; more is ERR_LIMIT; 0 = 10000 */
    size_t streams_per_connection; /* 0 = 80 */
};

#define HTTP_REASON_PEER_CERTIFICATE "PeerCertificate"
#define HTTP_REASON_CLIENT_CERTIFICATE "ClientCertificate"

struct transport *http_transport_new(struct loop *loop, const struct http_options *options,
                                     struct err *err);

/* TLS identity. PEM blobs are copied and checked (each parses, the key belongs to the certificate
 * and needs no pass phrase); NULL members are absent. With a CA, only that CA is trusted. */
struct http_tls_options {
    const char *ca_pem; /* NULL: system store */
    const char *cert_pem, *key_pem;
    const char *server_name; /* SNI and verification name */
    bool insecure;           /* no verification */
};
struct http_tls *http_tls_new(const struct http_tls_options *options, struct err *err);
struct http_tls *http_tls_ref(struct http_tls *tls);
void http_tls_unref(struct http_tls *tls);

#endif
