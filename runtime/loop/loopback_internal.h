/* The two ends of a loopback call: loopback.c holds the client's (struct http_call) and the network,
 * loopback_exchange.c the server's. Either end may go first; the other then loses its pointer.
 */
#ifndef NEMETON_LOOP_LOOPBACK_INTERNAL_H
#define NEMETON_LOOP_LOOPBACK_INTERNAL_H

#include "base/buf.h"
#include "loop/loopback.h"

struct loopback_route {
    char *prefix;
    size_t prefix_len;
    exchange_handler handler;
    void *arg;
};

struct loopback {
    struct transport base;
    struct loop *loop;
    struct random_source *random;
    struct loopback_faults faults;
    struct loopback_route *routes;
    size_t route_count;
    struct http_call *calls;             /* doubly linked, newest first */
    struct loopback_exchange *exchanges; /* the same */
    size_t call_count;
};

/* A piece of an answer on its way to the client. Its parts are delivered in the order of the fields,
 * each cleared when it is done, so that a paused reader goes on where it stopped. */
struct loopback_piece {
    struct http_call *call;
    struct loopback_piece *next;
    struct loop_timer *timer; /* NULL: has arrived */
    int status;               /* 0: no head */
    struct http_header *headers;
    size_t header_count;
    char *data;
    size_t len;
    bool is_end, is_cut;
    char *refusal; /* why no connection came about */
};

struct http_call {
    struct loopback *loopback;
    struct http_call *prev, *next;
    struct http_callbacks callbacks;
    void *arg;
    bool is_stream;
    int64_t timeout_ms;

    char *method, *url, *body; /* until it arrives */
    size_t body_len;
    struct http_header *headers;
    size_t header_count;

    struct loop_timer *arrive_timer, *timeout_timer, *resume_timer;
    int64_t delivered_by_ns; /* no later piece may overtake */
    struct loopback_piece *first, *last;
    size_t pending_bytes;
    struct loopback_exchange *exchange; /* NULL before arrival and after the server is done */

    int status;
    struct http_header *answer_headers;
    size_t answer_header_count;
    struct buf answer;
    bool is_paused, is_done, is_canceled;
    unsigned in_callback;
};

struct loopback_exchange {
    struct exchange base;
    struct loopback *loopback;
    struct loopback_exchange *prev, *next;
    struct http_call *call;         /* NULL once the client has left */
    struct loop_timer *close_timer; /* the server will learn of it */
    bool is_closing;                /* inside on_close */
};

int64_t loopback_delay_ns(struct loopback *loopback);
bool loopback_happens(struct loopback *loopback, double probability);

/* Sends a piece (taken) towards the client. */
void loopback_push(struct http_call *call, struct loopback_piece *piece);
/* The answer will never come: the client learns by its timeout, or else by a reset. */
void loopback_lose(struct http_call *call);

/* A new exchange for a request that has arrived; takes the request's strings out of the call. */
struct loopback_exchange *loopback_exchange_new(struct http_call *call);
/* The client has left: on_close will run, from the loop. */
void loopback_exchange_leave(struct loopback_exchange *exchange);
/* The network ends: on_close runs now. */
void loopback_exchange_close(struct loopback_exchange *exchange);

#endif
