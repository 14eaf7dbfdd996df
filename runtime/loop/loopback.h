/* A transport whose peer is a handler in this process: the sandbox's API server, or a test's script.
 *
 * Every request and every piece of an answer crosses the "network" as a timer of the loop, so the
 * order is that of a real one and a virtual clock makes it free. Delays and faults are drawn from
 * the random source given; with the defaults (no delay, no faults) everything is delivered in order
 * in the next turn. URLs are routed by prefix; an URL without a route is ERR_NETWORK, as a
 * connection refused would be.
 */
#ifndef NEMETON_LOOP_LOOPBACK_H
#define NEMETON_LOOP_LOOPBACK_H

#include "loop/exchange.h"
#include "loop/loop.h"
#include "loop/random.h"

struct loopback_faults {
    int64_t delay_mean_us; /* exponential, one way, per message; 0 = none */
    double drop_request;   /* never reaches the server: ERR_TIMEOUT after timeout_ms, else reset */
    double drop_reply;     /* the server did it, the answer is lost */
    double cut_stream;     /* per written piece: the stream ends in the middle of it */
    double refuse;         /* connection refused at once */
};

struct transport *loopback_new(struct loop *loop, struct random_source *random);
/* Longest prefix wins: "https://sandbox" or "http://web.default.svc:8888"; "http://" is every other
 * address. */
void loopback_route(struct transport *loopback, const char *url_prefix, exchange_handler handler,
                    void *arg);
void loopback_unroute(struct transport *loopback, const char *url_prefix);
void loopback_set_faults(struct transport *loopback, const struct loopback_faults *faults);
/* Cuts everything under way, as the death of the connection or of this process would. */
void loopback_cut(struct transport *loopback);

#endif
