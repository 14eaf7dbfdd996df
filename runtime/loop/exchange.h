/* The server's side of one HTTP request, wherever it came from (loop/server or loop/loopback).
 *
 * A handler gets an exchange and answers now or later, from the loop: either exchange_reply once,
 * or exchange_stream, any number of exchange_write, exchange_end. After reply or end the exchange
 * is gone. When the peer leaves first, on_close runs and the exchange is gone after it returns.
 * Strings are lent until the exchange ends.
 */
#ifndef NEMETON_LOOP_EXCHANGE_H
#define NEMETON_LOOP_EXCHANGE_H

#include "loop/transport.h"

struct exchange;
typedef void (*exchange_handler)(void *arg, struct exchange *exchange);

const char *exchange_method(const struct exchange *exchange);
const char *exchange_path(const struct exchange *exchange); /* still percent-encoded, no query */
const char *exchange_query_raw(const struct exchange *exchange); /* "" when none; still encoded */
const char *exchange_query(const struct exchange *exchange,
                           const char *name); /* decoded, or NULL */
const char *exchange_header(const struct exchange *exchange, const char *name);
/* "host:port" as the client addressed it, NULL when it did not say; "http" or "https". */
const char *exchange_authority(const struct exchange *exchange);
const char *exchange_scheme(const struct exchange *exchange);
const char *exchange_body(const struct exchange *exchange, size_t *len);

void exchange_reply(struct exchange *exchange, int status, const struct http_header *headers,
                    size_t header_count, const void *body, size_t len);
void exchange_stream(struct exchange *exchange, int status, const struct http_header *headers,
                     size_t header_count);
/* -1 when the reader is so slow that EXCHANGE_PENDING_MAX would be passed: end the exchange then. */
int exchange_write(struct exchange *exchange, const void *data, size_t len);
void exchange_end(struct exchange *exchange);
void exchange_abort(struct exchange *exchange); /* cut the connection in the middle */
/* As if nobody had listened there; `why` for people. Instead of an answer. Where the client has a
 * connection already (it speaks to a proxy) it gets a 502. */
void exchange_refuse(struct exchange *exchange, const char *why);
void exchange_on_close(struct exchange *exchange, void (*fn)(void *arg), void *arg);

enum { EXCHANGE_PENDING_MAX = 8 << 20 };

/* For who implements a source of exchanges. */
struct exchange_ops {
    void (*reply)(struct exchange *, int, const struct http_header *, size_t, const void *, size_t);
    void (*stream)(struct exchange *, int, const struct http_header *, size_t);
    int (*write)(struct exchange *, const void *, size_t);
    void (*end)(struct exchange *);
    void (*abort)(struct exchange *);
    void (*refuse)(struct exchange *, const char *why); /* NULL: a 502 */
};
struct exchange { /* first member of every implementation; filled by it */
    const struct exchange_ops *ops;
    char *method, *path, *query; /* owned */
    char *authority, *scheme;    /* owned; NULL: the Host header, and "http" */
    struct http_header *headers; /* owned, with their strings */
    size_t header_count;
    char *body;
    size_t body_len;
    void (*on_close)(void *arg);
    void *on_close_arg;
    char **decoded; /* cache of exchange_query answers, owned */
    size_t decoded_count;
};
void exchange_set_target(struct exchange *exchange, const char *target); /* path and query */
void exchange_deinit(struct exchange *exchange); /* frees what the base struct owns */

#endif
