/* Requests to an API server: credentials, limits, retries, and Status objects turned into errors.
 *
 * A call is one logical request: it may be replayed once after a 401, and is retried (up to 10
 * times) on 429 and 5xx that carry Retry-After, and on a lost connection when it is a GET. A
 * Retry-After over a minute is not waited for: the error carries it. Streams are replayed after a
 * 401 only; who watches retries as a watch must. Every request that can change something asks the
 * fence immediately before its bytes leave, also on a retry; without a valid lease it ends with
 * ERR_FENCED and nothing is sent. on_done runs exactly once, from the loop, unless rest_cancel was
 * called; the call is gone by then. The answer is lent to on_done (jv_ref to keep).
 */
#ifndef NEMETON_KUBE_REST_H
#define NEMETON_KUBE_REST_H

#include "base/json.h"
#include "base/log.h"
#include "kube/config.h"
#include "loop/loop.h"
#include "loop/random.h"
#include "loop/transport.h"

struct rest;
struct rest_call;

enum {
    REST_BODY_BYTES_MAX = 64 << 20,
    REST_ERROR_BYTES_MAX = 1 << 20, /* of a stream that turns out to be an error */
    REST_RETRY_MAX = 10,
    REST_RETRY_AFTER_MS_MAX = 60000,
    REST_TIMEOUT_MS = 60000,
};

/* One request that was sent, as metrics count it. */
struct rest_sent {
    const char *method;
    int code; /* 0 = transport failure */
    int64_t duration_ms;
    size_t body_bytes;
    int64_t answer_bytes; /* -1: a stream, or no answer */
    bool is_repeat;       /* of one that was sent before */
};
struct rest_options {
    struct log *log;
    struct random_source *random;
    void (*on_request)(void *arg, const struct rest_sent *sent); /* may be NULL */
    void *on_request_arg;
    const char *user_agent; /* NULL = "nemeton/VERSION" */
};

struct rest *rest_new(struct loop *loop, struct transport *transport, struct kube_config *config,
                      const struct rest_options *options);
void rest_free(struct rest *rest); /* cancels what is under way */
struct loop *rest_loop(struct rest *rest);

/* may_write is asked before each mutating request leaves, except on HTTP_LANE_LEASE. */
void rest_set_fence(struct rest *rest, bool (*may_write)(void *arg), void *arg);

struct rest_request {
    const char *method;
    const char *path; /* absolute path with query, encoded: "/api/v1/namespaces/x/pods?limit=1" */
    const char *content_type; /* of body; NULL = application/json */
    const char *accept;       /* NULL = application/json */
    const void *body;
    size_t body_len;
    enum http_lane lane;
    int64_t timeout_ms; /* of each try; 0 = REST_TIMEOUT_MS, for streams none */
    bool no_retry;      /* lease renewals decide for themselves */
    bool fresh_connection;
    bool is_patient; /* only tells: others go first (see transport.h) */
    bool sparse;     /* metadata.managedFields, often half of an answer, comes back empty */
};
struct rest_response {
    int status;
    const struct jv *object; /* parsed body; NULL when it is not JSON */
    const char *body;
    size_t body_len;
};
/* With an err the response is what the server said, or NULL when no answer came. */
typedef void (*rest_fn)(void *arg, const struct rest_response *response, const struct err *err);

/* Returns the call, or NULL only for programmer errors; failures come through fn. */
struct rest_call *rest_start(struct rest *rest, const struct rest_request *request, rest_fn fn,
                             void *arg);
void rest_cancel(struct rest *rest, struct rest_call *call); /* NULL is fine */

/* A response that goes on: watches. on_data as in transport.h. A status >= 300 is collected (1 MiB
 * at most) and arrives as err in on_done; a clean end has err NULL. */
struct rest_stream_callbacks {
    void (*on_open)(void *arg);
    int (*on_data)(void *arg, const char *data, size_t len);
    void (*on_done)(void *arg, const struct err *err);
};
struct rest_call *rest_stream(struct rest *rest, const struct rest_request *request,
                              const struct rest_stream_callbacks *callbacks, void *arg);

/* Fills err from an HTTP answer: code from status and Status.reason, text from Status.message and
 * the fields its causes name. err->reason is Status.reason, or the cause where that says more:
 * ResourceVersionTooLarge, NamespaceTerminating, FieldManagerConflict. */
void rest_err_from_status(struct err *err, const char *method, const char *path, int status,
                          const char *body, size_t len);

/* Takes what programs and logs want off an error of a request (method, path, status) and leaves the
 * server's words, for those who look at an object. */
void rest_err_words(struct err *err);

size_t rest_pending(const struct rest *rest);
size_t rest_pending_unary(const struct rest *rest); /* without streams */

#endif
