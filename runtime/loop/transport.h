/* The network door: one HTTP request from its start to its end.
 *
 * Behind it stand libcurl (loop/http), an in-process server (loop/loopback: the sandbox and every
 * scripted peer of the tests), or anything else with these functions. A request is copied at start.
 * on_done runs exactly once, from the loop, never inside transport_start and never after
 * transport_cancel. An HTTP status of any value is success here; err is for what prevented an
 * answer.
 */
#ifndef NEMETON_LOOP_TRANSPORT_H
#define NEMETON_LOOP_TRANSPORT_H

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct transport;
struct http_call;
struct http_tls; /* made by http_tls_new (loop/http.h); shared by requests, reference-counted */

struct http_header {
    const char *name, *value;
};

/* Requests of different lanes never share a connection: lease renewals must not queue behind bulk. */
enum http_lane { HTTP_LANE_MAIN, HTTP_LANE_WATCH, HTTP_LANE_LEASE, HTTP_LANE_POLICY, HTTP_LANE_COUNT };

struct http_request {
    const char *method;
    const char *url; /* absolute */
    const struct http_header *headers;
    size_t header_count;
    const void *body;
    size_t body_len;
    struct http_tls *tls;    /* NULL: the system's CA, no client certificate */
    const char *proxy;       /* NULL: none */
    enum http_lane lane;
    int64_t timeout_ms;      /* whole exchange; 0 = none (streams) */
    int64_t connect_timeout_ms; /* 0 = 30 s */
    size_t body_bytes_max;   /* of the answer when collected; more is ERR_TOO_LARGE */
    bool stream;             /* deliver through on_data instead of collecting */
    bool fresh_connection;   /* after a watchdog kill: never reuse a maybe dead connection */
    bool compressed;         /* accept gzip */
};

struct http_response {
    int status;
    const struct http_header *headers;
    size_t header_count;
    const char *body; /* "" for streams; NUL-terminated */
    size_t body_len;
};

struct http_callbacks {
    void (*on_head)(void *arg, const struct http_response *head);         /* optional */
    int (*on_data)(void *arg, const char *data, size_t len);              /* streams; -1 aborts */
    void (*on_done)(void *arg, const struct http_response *response, const struct err *err);
};

struct transport_ops {
    struct http_call *(*start)(struct transport *self, const struct http_request *request,
                               const struct http_callbacks *callbacks, void *arg, struct err *err);
    void (*cancel)(struct transport *self, struct http_call *call);
    void (*free)(struct transport *self);
    size_t (*pending)(const struct transport *self); /* calls under way */
};
struct transport { /* first member of every implementation */
    const struct transport_ops *ops;
};

struct http_call *transport_start(struct transport *transport, const struct http_request *request,
                                  const struct http_callbacks *callbacks, void *arg,
                                  struct err *err);
void transport_cancel(struct transport *transport, struct http_call *call); /* NULL is fine */
void transport_free(struct transport *transport);
size_t transport_pending(const struct transport *transport);
/* Case-insensitive; NULL when absent. Lent. */
const char *http_response_header(const struct http_response *response, const char *name);

#endif
