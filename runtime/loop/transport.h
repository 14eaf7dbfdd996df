/* The network door: one HTTP request from its start to its end.
 *
 * Behind it stand libcurl (loop/http), an in-process server (loop/loopback: the sandbox and every
 * scripted peer of the tests), or anything else with these functions. A request is copied at start.
 * on_done runs exactly once, from the loop, never inside transport_start and never after
 * transport_cancel (which may be called from any callback, also of the same call). An HTTP status of
 * any value is success here and err is NULL; err is for what prevented an answer, and then response
 * is NULL.
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
enum http_lane {
    HTTP_LANE_MAIN,
    HTTP_LANE_WATCH,
    HTTP_LANE_LEASE,
    HTTP_LANE_POLICY,
    HTTP_LANE_COUNT
};

struct http_request {
    const char *method;
    const char *url; /* absolute */
    const struct http_header *headers;
    size_t header_count;
    const void *body;
    size_t body_len;
    struct http_tls *tls; /* NULL: the system's CA, no client certificate */
    const char *proxy;    /* NULL: none */
    enum http_lane lane;
    int64_t timeout_ms;         /* whole exchange; 0 = none (streams) */
    int64_t connect_timeout_ms; /* 0 = 30 s */
    size_t body_bytes_max; /* of the answer when collected; more is ERR_TOO_LARGE; 0 = default */
    bool stream;           /* deliver through on_data instead of collecting */
    bool fresh_connection; /* after a watchdog kill: never reuse a maybe dead connection */
    bool compressed;       /* accept gzip */
    bool is_patient; /* what only tells: while others of its lane wait, one of 16 that leave */
};

enum { HTTP_BODY_BYTES_DEFAULT = 64 << 20, HTTP_CONNECT_TIMEOUT_DEFAULT_MS = 30000 };

struct http_response {
    int status;
    const struct http_header *headers;
    size_t header_count;
    const char *body; /* "" for streams; NUL-terminated */
    size_t body_len;
};

struct http_callbacks {
    void (*on_head)(void *arg, const struct http_response *head); /* optional */
    /* Streams; -1 aborts: on_done then says ERR_CANCELED. */
    int (*on_data)(void *arg, const char *data, size_t len);
    void (*on_done)(void *arg, const struct http_response *response, const struct err *err);
    /* Optional. Asked immediately before the first byte leaves, after any queueing: the fence of a
     * write. -1 with err set ends the call with that error (transport_start itself returns NULL
     * when it asks at once); nothing was sent. */
    int (*on_send)(void *arg, struct err *err);
};

/* err.reason of an ERR_NETWORK, "" when none fits; loop/http.h has those of certificates. */
#define HTTP_REASON_RESET "Reset" /* an established connection was lost: a GET may be repeated */
#define HTTP_REASON_REFUSED                                                                        \
    "Refused" /* no connection came about: refused, unreachable, no such name */

struct transport_ops {
    struct http_call *(*start)(struct transport *self, const struct http_request *request,
                               const struct http_callbacks *callbacks, void *arg, struct err *err);
    void (*cancel)(struct transport *self, struct http_call *call);
    void (*free)(struct transport *self);
    size_t (*pending)(const struct transport *self); /* calls under way */
    void (*pause)(struct transport *self, struct http_call *call, bool paused);
};
struct transport { /* first member of every implementation */
    const struct transport_ops *ops;
};

struct http_call *transport_start(struct transport *transport, const struct http_request *request,
                                  const struct http_callbacks *callbacks, void *arg,
                                  struct err *err);
void transport_cancel(struct transport *transport, struct http_call *call); /* NULL is fine */
/* A reader that cannot keep up: while paused, on_data is not called and the peer is held back. The
 * timeout goes on. May be called from on_data. */
void transport_pause(struct transport *transport, struct http_call *call, bool paused);
void transport_free(struct transport *transport); /* cancels what is under way; NULL is fine */
size_t transport_pending(const struct transport *transport);
/* Case-insensitive; NULL when absent. Lent. */
const char *http_response_header(const struct http_response *response, const char *name);

/* Headers with strings of their own. */
struct http_header *http_headers_dup(const struct http_header *headers, size_t count);
void http_headers_free(struct http_header *headers, size_t count); /* NULL is fine */

#endif
