#include "loop/loopback_internal.h"

#include <stdlib.h>

static struct loopback_exchange *from_base(struct exchange *exchange)
{
    return (struct loopback_exchange *)exchange;
}

static void exchange_free(struct loopback_exchange *exchange)
{
    struct loopback *loopback = exchange->loopback;
    if (exchange->prev)
        exchange->prev->next = exchange->next;
    else
        loopback->exchanges = exchange->next;
    if (exchange->next)
        exchange->next->prev = exchange->prev;
    if (exchange->call)
        exchange->call->exchange = NULL;
    loop_timer_cancel(loopback->loop, exchange->close_timer);
    exchange_deinit(&exchange->base);
    free(exchange);
}

/* The server is done with it. Inside on_close the exchange is about to go anyway. */
static void exchange_gone(struct loopback_exchange *exchange)
{
    if (!exchange->is_closing)
        exchange_free(exchange);
}

static struct loopback_piece *piece_new(const void *data, size_t len)
{
    struct loopback_piece *piece = mem_alloc(sizeof *piece);
    piece->data = len > 0 ? mem_strn(data, len) : NULL;
    piece->len = len;
    return piece;
}

static void piece_set_head(struct loopback_piece *piece, int status,
                           const struct http_header *headers, size_t header_count)
{
    piece->status = status;
    piece->headers = http_headers_dup(headers, header_count);
    piece->header_count = header_count;
}

static void on_reply(struct exchange *base, int status, const struct http_header *headers,
                     size_t header_count, const void *body, size_t len)
{
    struct loopback_exchange *exchange = from_base(base);
    struct http_call *call = exchange->call;
    if (call && loopback_happens(exchange->loopback, exchange->loopback->faults.drop_reply)) {
        loopback_lose(call);
    } else if (call) {
        struct loopback_piece *piece = piece_new(body, len);
        piece_set_head(piece, status, headers, header_count);
        piece->is_end = true;
        loopback_push(call, piece);
    }
    exchange_gone(exchange);
}

static void on_stream(struct exchange *base, int status, const struct http_header *headers,
                      size_t header_count)
{
    struct loopback_exchange *exchange = from_base(base);
    if (!exchange->call)
        return;
    struct loopback_piece *piece = piece_new(NULL, 0);
    piece_set_head(piece, status, headers, header_count);
    loopback_push(exchange->call, piece);
}

static int on_write(struct exchange *base, const void *data, size_t len)
{
    struct loopback_exchange *exchange = from_base(base);
    struct http_call *call = exchange->call;
    if (!call || len == 0)
        return 0; /* the server does not know yet that nobody reads */
    if (len > EXCHANGE_PENDING_MAX || call->pending_bytes > EXCHANGE_PENDING_MAX - len)
        return -1;
    if (loopback_happens(exchange->loopback, exchange->loopback->faults.cut_stream)) {
        struct loopback_piece *piece = piece_new(data, len / 2);
        piece->is_cut = true;
        loopback_push(call, piece);
        call->exchange = NULL;
        loopback_exchange_leave(exchange);
        return 0;
    }
    loopback_push(call, piece_new(data, len));
    return 0;
}

static void on_end(struct exchange *base)
{
    struct loopback_exchange *exchange = from_base(base);
    if (exchange->call) {
        struct loopback_piece *piece = piece_new(NULL, 0);
        piece->is_end = true;
        loopback_push(exchange->call, piece);
    }
    exchange_gone(exchange);
}

static void on_abort(struct exchange *base)
{
    struct loopback_exchange *exchange = from_base(base);
    if (exchange->call) {
        struct loopback_piece *piece = piece_new(NULL, 0);
        piece->is_cut = true;
        loopback_push(exchange->call, piece);
    }
    exchange_gone(exchange);
}

static void on_refuse(struct exchange *base, const char *why)
{
    struct loopback_exchange *exchange = from_base(base);
    if (exchange->call) {
        struct loopback_piece *piece = piece_new(NULL, 0);
        piece->refusal = mem_str(why);
        loopback_push(exchange->call, piece);
    }
    exchange_gone(exchange);
}

static void close_due(void *arg)
{
    struct loopback_exchange *exchange = arg;
    exchange->close_timer = NULL;
    loopback_exchange_close(exchange);
}

static const struct exchange_ops ops = {
    .reply = on_reply,
    .stream = on_stream,
    .write = on_write,
    .end = on_end,
    .abort = on_abort,
    .refuse = on_refuse,
};

struct loopback_exchange *loopback_exchange_new(struct http_call *call)
{
    struct loopback *loopback = call->loopback;
    struct loopback_exchange *exchange = mem_alloc(sizeof *exchange);
    exchange->base.ops = &ops;
    exchange->base.method = call->method;
    exchange->base.headers = call->headers;
    exchange->base.header_count = call->header_count;
    exchange->base.body = call->body;
    exchange->base.body_len = call->body_len;
    call->method = call->body = NULL;
    call->headers = NULL;
    call->header_count = 0;
    exchange->loopback = loopback;
    exchange->call = call;
    exchange->next = loopback->exchanges;
    if (exchange->next)
        exchange->next->prev = exchange;
    loopback->exchanges = exchange;
    return exchange;
}

void loopback_exchange_leave(struct loopback_exchange *exchange)
{
    struct loopback *loopback = exchange->loopback;
    exchange->call = NULL;
    if (!exchange->close_timer && !exchange->is_closing)
        exchange->close_timer =
            loop_timer_add_ns(loopback->loop, loopback_delay_ns(loopback), close_due, exchange);
}

void loopback_exchange_close(struct loopback_exchange *exchange)
{
    exchange->is_closing = true;
    if (exchange->base.on_close)
        exchange->base.on_close(exchange->base.on_close_arg);
    exchange_free(exchange);
}
