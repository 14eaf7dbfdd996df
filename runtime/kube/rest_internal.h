/* What the files of kube/rest share: rest.c runs calls, rest_status.c and rest_body.c read what
 * a server says. */
#ifndef NEMETON_KUBE_REST_INTERNAL_H
#define NEMETON_KUBE_REST_INTERNAL_H

#include "base/map.h"
#include "kube/rest.h"

enum { REST_WARNINGS_MAX = 1000, REST_WARNING_BYTES_MAX = 512 };

struct rest_call {
    struct rest *rest;
    struct rest_call *prev, *next;

    char *method, *path, *content_type, *accept;
    char *body;
    size_t body_len;
    enum http_lane lane;
    int64_t timeout_ms;
    bool no_retry, fresh_connection, sparse, is_patient, is_write, is_stream;
    rest_fn fn;
    struct rest_stream_callbacks callbacks;
    void *arg;

    /* Exactly one of these is going on until the call ends. */
    bool awaits_credentials;
    struct http_call *http;
    struct loop_timer *timer; /* a retry or, when it has failed, the news of it */

    bool has_replayed;
    unsigned retries;
    int64_t started_ms;
    uint64_t generation; /* of the credentials it was sent with */
    int status;          /* of a stream */
    struct buf error_body;
    struct err err;
};

struct rest {
    struct loop *loop;
    struct transport *transport;
    struct kube_config *config;
    struct rest_options options;
    char *user_agent;
    bool (*may_write)(void *arg);
    void *may_write_arg;
    struct rest_call *calls;
    size_t call_count, stream_count;
    uint64_t generation;
    bool lane_is_stale[HTTP_LANE_COUNT]; /* no request with this generation yet */
    struct map *warnings;                /* texts already logged */
};

/* Seconds of a Retry-After header in ms; -1 when absent or not a whole number. */
int64_t rest_retry_after_ms(const struct http_response *response);
/* Logs each text of the Warning headers once. */
void rest_warnings_log(struct rest *rest, const char *path, const struct http_response *response);
/* The flow control headers go into the log of every 429. */
void rest_throttled_log(struct rest *rest, const struct rest_call *call,
                        const struct http_response *response);
/* err of an answer that is one: status >= 300, or a Status that says Failure. */
int rest_response_err(const struct rest_call *call, const struct http_response *response,
                      const char *body, size_t len, struct err *err);
/* Parses a body that claims to be JSON. *out NULL: it does not. sparse: what managedFields holds is
 * left out on the way. An object that is nested too deeply, or has numbers beyond 64 bits, is mended. */
int rest_body_parse(const struct http_response *response, bool sparse, struct log *log,
                    struct jv **out, struct err *err);

#endif
