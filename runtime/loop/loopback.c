#include "loop/loopback_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct loopback *from_base(const struct transport *transport)
{
    return (struct loopback *)transport;
}

static void piece_free(struct loop *loop, struct loopback_piece *piece)
{
    loop_timer_cancel(loop, piece->timer);
    http_headers_free(piece->headers, piece->header_count);
    free(piece->data);
    free(piece->refusal);
    free(piece);
}

/* Takes the call out of the network: no timer, no piece and no exchange knows it afterwards. */
static void call_detach(struct http_call *call)
{
    struct loopback *loopback = call->loopback;
    struct loop *loop = loopback->loop;
    if (call->prev)
        call->prev->next = call->next;
    else
        loopback->calls = call->next;
    if (call->next)
        call->next->prev = call->prev;
    loopback->call_count--;
    loop_timer_cancel(loop, call->arrive_timer);
    loop_timer_cancel(loop, call->timeout_timer);
    loop_timer_cancel(loop, call->resume_timer);
    while (call->first) {
        struct loopback_piece *piece = call->first;
        call->first = piece->next;
        piece_free(loop, piece);
    }
    if (call->exchange)
        loopback_exchange_leave(call->exchange);
    call->exchange = NULL;
    call->is_done = true;
}

static void call_free(struct http_call *call)
{
    http_headers_free(call->headers, call->header_count);
    http_headers_free(call->answer_headers, call->answer_header_count);
    buf_deinit(&call->answer);
    free(call->method);
    free(call->url);
    free(call->body);
    free(call);
}

static struct http_response call_response(const struct http_call *call)
{
    return (struct http_response){
        .status = call->status,
        .headers = call->answer_headers,
        .header_count = call->answer_header_count,
        .body = buf_str(&call->answer),
        .body_len = call->answer.len,
    };
}

/* Ends the call; err NULL is success. A call inside one of its callbacks is freed by who called. */
static void call_finish(struct http_call *call, const struct err *err)
{
    struct http_response response = call_response(call);
    call_detach(call);
    call->callbacks.on_done(call->arg, err ? NULL : &response, err);
    if (call->in_callback == 0)
        call_free(call);
}

static void call_fail(struct http_call *call, enum err_code code, const char *reason,
                      const char *what)
{
    struct err err = {0};
    err_set(&err, code, "%s", what);
    snprintf(err.reason, sizeof err.reason, "%s", reason);
    call_finish(call, &err);
}

static void deliver_head(struct http_call *call, struct loopback_piece *piece)
{
    call->status = piece->status;
    call->answer_headers = piece->headers;
    call->answer_header_count = piece->header_count;
    piece->status = 0;
    piece->headers = NULL;
    piece->header_count = 0;
    if (call->callbacks.on_head) {
        struct http_response head = call_response(call);
        call->callbacks.on_head(call->arg, &head);
    }
}

static void deliver_data(struct http_call *call, struct loopback_piece *piece)
{
    char *data = piece->data;
    size_t len = piece->len;
    piece->data = NULL; /* the callback may cancel and so free the piece */
    piece->len = 0;
    call->pending_bytes -= len;
    if (!call->is_stream) {
        if (buf_add(&call->answer, data, len) != 0)
            call_fail(call, ERR_TOO_LARGE, "", "read answer: the body is over the maximum");
    } else if (call->callbacks.on_data && call->callbacks.on_data(call->arg, data, len) != 0) {
        if (!call->is_canceled)
            call_fail(call, ERR_CANCELED, "", "read answer: stopped by the reader");
    }
    free(data);
}

/* Delivers what has arrived, in order, until the reader pauses or the call ends. */
static void call_deliver(struct http_call *call)
{
    call->in_callback++;
    while (!call->is_done && !call->is_paused && call->first && !call->first->timer) {
        struct loopback_piece *piece = call->first;
        if (piece->status != 0) {
            deliver_head(call, piece);
        } else if (piece->len > 0) {
            deliver_data(call, piece);
        } else if (piece->refusal) {
            call_fail(call, ERR_NETWORK, HTTP_REASON_REFUSED, piece->refusal);
        } else if (piece->is_cut) {
            call_fail(call, ERR_NETWORK, HTTP_REASON_RESET,
                      "read answer: connection reset by peer");
        } else if (piece->is_end) {
            call_finish(call, NULL);
        } else {
            call->first = piece->next;
            if (!call->first)
                call->last = NULL;
            piece_free(call->loopback->loop, piece);
        }
    }
    call->in_callback--;
    if (call->is_done && call->in_callback == 0)
        call_free(call);
}

static void piece_arrives(void *arg)
{
    struct loopback_piece *piece = arg;
    piece->timer = NULL;
    call_deliver(piece->call);
}

static const struct loopback_route *route_find(const struct loopback *loopback, const char *url)
{
    const struct loopback_route *best = NULL;
    for (size_t i = 0; i < loopback->route_count; i++) {
        const struct loopback_route *route = &loopback->routes[i];
        size_t len = route->prefix_len;
        if (strncmp(url, route->prefix, len) != 0)
            continue;
        bool at_boundary = strchr("/?#", url[len]) != NULL || (len > 0 && url[len - 1] == '/');
        if (at_boundary && (!best || best->prefix_len < len))
            best = route;
    }
    return best;
}

static void request_arrives(void *arg)
{
    struct http_call *call = arg;
    struct loopback *loopback = call->loopback;
    call->arrive_timer = NULL;
    const struct loopback_route *route = route_find(loopback, call->url);
    if (!route || loopback_happens(loopback, loopback->faults.refuse)) {
        call_fail(call, ERR_NETWORK, HTTP_REASON_REFUSED, "connect: connection refused");
        return;
    }
    if (loopback_happens(loopback, loopback->faults.drop_request)) {
        loopback_lose(call);
        return;
    }
    const char *authority = strstr(call->url, "://") + 3;
    size_t authority_len = strcspn(authority, "/?#");
    struct loopback_exchange *exchange = loopback_exchange_new(call);
    exchange->base.scheme = mem_strn(call->url, (size_t)(authority - 3 - call->url));
    exchange->base.authority = mem_strn(authority, authority_len);
    exchange_set_target(&exchange->base, authority + authority_len);
    call->exchange = exchange;
    route->handler(route->arg, &exchange->base);
}

static void call_timed_out(void *arg)
{
    struct http_call *call = arg;
    call->timeout_timer = NULL;
    struct err err = {0};
    err_set(&err, ERR_TIMEOUT, "wait for the answer: none within %lld ms",
            (long long)call->timeout_ms);
    call_finish(call, &err);
}

static void call_resumes(void *arg)
{
    struct http_call *call = arg;
    call->resume_timer = NULL;
    call_deliver(call);
}

static struct http_call *on_start(struct transport *self, const struct http_request *request,
                                  const struct http_callbacks *callbacks, void *arg,
                                  struct err *err)
{
    struct loopback *loopback = from_base(self);
    if (callbacks->on_send && callbacks->on_send(arg, err) != 0)
        return NULL;
    struct http_call *call = mem_alloc(sizeof *call);
    call->loopback = loopback;
    call->callbacks = *callbacks;
    call->arg = arg;
    call->is_stream = request->stream;
    call->timeout_ms = request->timeout_ms;
    call->method = mem_str(request->method);
    call->url = mem_str(request->url);
    call->headers = http_headers_dup(request->headers, request->header_count);
    call->header_count = request->header_count;
    call->body = request->body_len > 0 ? mem_strn(request->body, request->body_len) : NULL;
    call->body_len = request->body_len;
    buf_init(&call->answer,
             request->body_bytes_max > 0 ? request->body_bytes_max : HTTP_BODY_BYTES_DEFAULT);
    call->arrive_timer =
        loop_timer_add_ns(loopback->loop, loopback_delay_ns(loopback), request_arrives, call);
    if (request->timeout_ms > 0)
        call->timeout_timer =
            loop_timer_add(loopback->loop, request->timeout_ms, call_timed_out, call);
    call->next = loopback->calls;
    if (call->next)
        call->next->prev = call;
    loopback->calls = call;
    loopback->call_count++;
    return call;
}

static void on_cancel(struct transport *self, struct http_call *call)
{
    (void)self;
    if (call->is_done)
        return;
    call->is_canceled = true;
    call_detach(call);
    if (call->in_callback == 0)
        call_free(call);
}

static void on_pause(struct transport *self, struct http_call *call, bool paused)
{
    call->is_paused = paused;
    if (!paused && !call->is_done && !call->resume_timer)
        call->resume_timer = loop_defer(from_base(self)->loop, call_resumes, call);
}

static size_t on_pending(const struct transport *self)
{
    return from_base(self)->call_count;
}

static void on_free(struct transport *self)
{
    struct loopback *loopback = from_base(self);
    while (loopback->calls)
        on_cancel(self, loopback->calls);
    while (loopback->exchanges)
        loopback_exchange_close(loopback->exchanges);
    for (size_t i = 0; i < loopback->route_count; i++)
        free(loopback->routes[i].prefix);
    free(loopback->routes);
    free(loopback);
}

static const struct transport_ops ops = {
    .start = on_start,
    .cancel = on_cancel,
    .free = on_free,
    .pending = on_pending,
    .pause = on_pause,
};

/* Exponentially distributed by von Neumann's method, which needs no logarithm: the length of a
 * falling run of uniform numbers is odd with just the right probability. */
int64_t loopback_delay_ns(struct loopback *loopback)
{
    if (loopback->faults.delay_mean_us <= 0)
        return 0;
    for (unsigned whole = 0;; whole++) {
        double first = random_unit(loopback->random), last = first;
        bool is_odd = true;
        for (;;) {
            double next = random_unit(loopback->random);
            if (next >= last)
                break;
            last = next;
            is_odd = !is_odd;
        }
        if (is_odd)
            return (int64_t)(((double)whole + first) *
                             (double)(loopback->faults.delay_mean_us * 1000));
    }
}

bool loopback_happens(struct loopback *loopback, double probability)
{
    return probability > 0 && random_unit(loopback->random) < probability;
}

void loopback_push(struct http_call *call, struct loopback_piece *piece)
{
    struct loop *loop = call->loopback->loop;
    int64_t now_ns = clock_mono_ns(loop_clock(loop));
    int64_t due_ns = now_ns + loopback_delay_ns(call->loopback);
    if (due_ns < call->delivered_by_ns)
        due_ns = call->delivered_by_ns;
    call->delivered_by_ns = due_ns;
    piece->call = call;
    piece->timer = loop_timer_add_ns(loop, due_ns - now_ns, piece_arrives, piece);
    call->pending_bytes += piece->len;
    if (call->last)
        call->last->next = piece;
    else
        call->first = piece;
    call->last = piece;
}

void loopback_lose(struct http_call *call)
{
    if (call->timeout_ms > 0)
        return;
    struct loopback_piece *piece = mem_alloc(sizeof *piece);
    piece->is_cut = true;
    loopback_push(call, piece);
}

struct transport *loopback_new(struct loop *loop, struct random_source *random)
{
    struct loopback *loopback = mem_alloc(sizeof *loopback);
    loopback->base.ops = &ops;
    loopback->loop = loop;
    loopback->random = random;
    return &loopback->base;
}

void loopback_unroute(struct transport *transport, const char *url_prefix)
{
    struct loopback *loopback = from_base(transport);
    for (size_t i = 0; i < loopback->route_count; i++) {
        if (strcmp(loopback->routes[i].prefix, url_prefix) != 0)
            continue;
        free(loopback->routes[i].prefix);
        loopback->routes[i] = loopback->routes[--loopback->route_count];
        return;
    }
}

void loopback_route(struct transport *transport, const char *url_prefix, exchange_handler handler,
                    void *arg)
{
    struct loopback *loopback = from_base(transport);
    loopback_unroute(transport, url_prefix);
    loopback->routes =
        mem_grow(loopback->routes, (loopback->route_count + 1) * sizeof *loopback->routes);
    loopback->routes[loopback->route_count++] = (struct loopback_route){
        .prefix = mem_str(url_prefix),
        .prefix_len = strlen(url_prefix),
        .handler = handler,
        .arg = arg,
    };
}

void loopback_set_faults(struct transport *transport, const struct loopback_faults *faults)
{
    from_base(transport)->faults = *faults;
}

void loopback_cut(struct transport *transport)
{
    for (struct http_call *call = from_base(transport)->calls; call; call = call->next) {
        struct loop *loop = call->loopback->loop;
        loop_timer_cancel(loop, call->arrive_timer);
        call->arrive_timer = NULL;
        while (call->first) {
            struct loopback_piece *piece = call->first;
            call->first = piece->next;
            piece_free(loop, piece);
        }
        call->last = NULL;
        call->pending_bytes = 0;
        call->is_paused = false;
        if (call->exchange)
            loopback_exchange_leave(call->exchange);
        call->exchange = NULL;
        struct loopback_piece *cut = mem_alloc(sizeof *cut);
        cut->is_cut = true;
        loopback_push(call, cut);
    }
}
