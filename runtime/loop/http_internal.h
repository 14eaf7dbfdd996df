/* What the files of the HTTP client share: http.c (lanes, queue, the multi handles on the loop),
 * http_easy.c (one request on one easy handle), http_tls.c (identities). curl's handles are void
 * pointers, as curl itself declares them, so that only those files need its header.
 */
#ifndef NEMETON_LOOP_HTTP_INTERNAL_H
#define NEMETON_LOOP_HTTP_INTERNAL_H

#include "base/buf.h"
#include "loop/http.h"

enum { HTTP_HEADERS_MAX = 256, HTTP_HEADER_BYTES_MAX = 256 << 10, HTTP_ERROR_BYTES = 256 };

struct http_tls {
    unsigned refs;
    char *ca_pem, *cert_pem, *key_pem, *server_name;
    bool insecure;
};

struct http;

struct http_list {
    struct http_call *first, *last;
};

struct http_multi {
    struct http *http;
    void *multi;
    struct loop_timer *timer;
    struct http_list active;        /* in the multi handle */
    struct http_list exempt, queue; /* to be added: at once; when there is room */
    struct http_list patient;       /* when the lane has little to do, nearly */
    size_t queued;                  /* in the queue and among the patient */
    unsigned passed;                /* patient ones by others since the last of them left */
    size_t in_flight;               /* active ones that are not exempt */
};

struct http {
    struct transport base;
    struct loop *loop;
    char *user_agent;
    size_t in_flight_max, queue_max;
    struct http_multi lanes[HTTP_LANE_COUNT];
    struct loop_timer *work_timer; /* admit and reap, outside of curl's callbacks */
    size_t pending;
    unsigned in_callback; /* a user's callback runs inside curl: its handles must not be touched */
};

enum http_call_state {
    HTTP_CALL_QUEUED,
    HTTP_CALL_ACTIVE,
    HTTP_CALL_DOOMED, /* cancelled inside a callback; freed as soon as curl has returned */
    HTTP_CALL_DONE,
};

struct http_call {
    struct http_multi *lane;
    struct http_call *prev, *next;
    struct http_list *list; /* the one it is in */
    enum http_call_state state;
    bool is_exempt;
    struct http_callbacks callbacks;
    void *arg;
    struct http_request request; /* with strings of its own */
    struct loop_timer *timeout_timer, *resume_timer;

    void *easy;
    void *header_list, *connect_to; /* curl_slist */
    unsigned tries;
    bool is_paused, is_head_done, is_too_large, is_stopped;
    bool is_ended; /* curl says so; a handle taken away earlier forsakes its connection */
    char error[HTTP_ERROR_BYTES];
    struct err refusal; /* what on_send said against it */

    int status;
    struct http_header *headers;
    size_t header_count, header_bytes;
    struct buf body;
};

/* Makes the easy handle of a call, or fails. */
int http_easy_open(struct http_call *call, struct err *err);
void http_easy_close(struct http_call *call);
/* The transfer will end before its answer did: its connection goes with it unless others use it. A
 * peer that did not answer may be dead; and curl does not send the reset of an HTTP/2 stream before
 * something else happens on the connection, so the peer would go on with its answer. */
void http_easy_forsake(struct http_call *call);
/* Why curl ended the call; `code` is a CURLcode other than CURLE_OK. */
void http_easy_error(const struct http_call *call, int code, struct err *err);
struct http_response http_easy_response(const struct http_call *call);
/* "GET `https://host/path`", without what could be secret. Yours to free. */
char *http_call_title(const struct http_call *call);

/* Sets what an identity asks for on an easy handle; returns a CURLcode. */
int http_tls_apply(const struct http_tls *tls, void *easy);

#endif
