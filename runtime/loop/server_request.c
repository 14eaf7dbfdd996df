#include "loop/server_internal.h"

#include <microhttpd.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { STREAM_BLOCK_BYTES = 32 << 10 };

static struct server_request *from_base(struct exchange *exchange)
{
    return (struct server_request *)exchange;
}

static void request_hold_ends(struct server_request *request)
{
    if (!request->is_held)
        return;
    request->is_held = false;
    if (request->base.on_close)
        request->base.on_close(request->base.on_close_arg);
}

static void peer_hung_up(void *arg, int fd, unsigned events)
{
    (void)fd;
    (void)events;
    server_request_cut(arg);
}

static void request_unwatch(struct server_request *request)
{
    if (request->is_watched)
        loop_fd_remove(request->connection->server->loop, request->connection->fd);
    request->is_watched = false;
}

/* The daemon looks away from a suspended connection, so the loop must see the peer go. */
static void request_suspend(struct server_request *request)
{
    struct server_connection *connection = request->connection;
    MHD_suspend_connection(request->mhd);
    request->is_suspended = true;
    if (!request->is_watched)
        request->is_watched = loop_fd_set(connection->server->loop, connection->fd, LOOP_HANGUP,
                                          peer_hung_up, request, NULL) == 0;
}

static void request_wake(struct server_request *request)
{
    if (!request->is_suspended)
        return;
    request->is_suspended = false;
    MHD_resume_connection(request->mhd);
    server_wake(request->connection->server);
}

static void response_add_headers(struct MHD_Response *response, const struct http_header *headers,
                                 size_t header_count)
{
    for (size_t i = 0; i < header_count; i++) {
        /* How the body is framed is the daemon's business. */
        if (strcasecmp(headers[i].name, "Content-Length") == 0 ||
            strcasecmp(headers[i].name, "Transfer-Encoding") == 0)
            continue;
        MHD_add_response_header(response, headers[i].name, headers[i].value);
    }
}

static void on_reply(struct exchange *base, int status, const struct http_header *headers,
                     size_t header_count, const void *body, size_t len)
{
    struct server_request *request = from_base(base);
    request->is_held = false;
    if (request->is_cut)
        return;
    void *data = (void *)(uintptr_t)body; /* copied; the interface only forgot to say const */
    request->response = MHD_create_response_from_buffer(len, data, MHD_RESPMEM_MUST_COPY);
    request->status = status;
    if (request->response)
        response_add_headers(request->response, headers, header_count);
    else
        request->is_cut = true;
    request_wake(request);
}

/* Gives the daemon the next piece of a stream, or puts the connection to sleep until there is one. */
static ssize_t on_read(void *arg, uint64_t position, char *out, size_t out_max)
{
    struct server_request *request = arg;
    (void)position;
    if (request->is_cut)
        return MHD_CONTENT_READER_END_WITH_ERROR;
    size_t left = request->out.len - request->out_taken;
    if (left == 0) {
        if (request->is_ended)
            return MHD_CONTENT_READER_END_OF_STREAM;
        request_suspend(request);
        return 0;
    }
    size_t len = left < out_max ? left : out_max;
    memcpy(out, request->out.data + request->out_taken, len);
    request->out_taken += len;
    if (len == left) {
        request->out_taken = 0;
        buf_deinit(&request->out); /* thousands of silent streams must not keep a buffer each */
        buf_init(&request->out, EXCHANGE_PENDING_MAX);
    }
    return (ssize_t)len;
}

static void on_stream(struct exchange *base, int status, const struct http_header *headers,
                      size_t header_count)
{
    struct server_request *request = from_base(base);
    if (request->is_cut)
        return;
    request->is_streaming = true;
    request->status = status;
    request->response = MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, STREAM_BLOCK_BYTES,
                                                          on_read, request, NULL);
    if (request->response)
        response_add_headers(request->response, headers, header_count);
    else
        request->is_cut = true;
    request_wake(request);
}

static int on_write(struct exchange *base, const void *data, size_t len)
{
    struct server_request *request = from_base(base);
    if (request->is_cut)
        return 0; /* on_close has told, or is about to */
    if (request->out_taken > 0 && request->out.len + len > EXCHANGE_PENDING_MAX) {
        buf_consume(&request->out, request->out_taken);
        request->out_taken = 0;
    }
    if (request->out.len + len > EXCHANGE_PENDING_MAX || buf_add(&request->out, data, len) != 0)
        return -1;
    request_wake(request);
    return 0;
}

static void on_end(struct exchange *base)
{
    struct server_request *request = from_base(base);
    request->is_held = false;
    request->is_ended = true;
    request_wake(request);
}

static void on_abort(struct exchange *base)
{
    struct server_request *request = from_base(base);
    request->is_held = false;
    request->is_cut = true;
    request_wake(request);
}

static const struct exchange_ops ops = {
    .reply = on_reply,
    .stream = on_stream,
    .write = on_write,
    .end = on_end,
    .abort = on_abort,
};

static enum MHD_Result on_request_header(void *arg, enum MHD_ValueKind kind, const char *name,
                                         const char *value)
{
    struct server_request *request = arg;
    (void)kind;
    request->base.headers[request->base.header_count++] = (struct http_header){
        .name = mem_str(name),
        .value = mem_str(value ? value : ""),
    };
    return MHD_YES;
}

static void request_read_head(struct server_request *request, const char *method)
{
    int count = MHD_get_connection_values(request->mhd, MHD_HEADER_KIND, NULL, NULL);
    request->base.method = mem_str(method);
    request->base.headers = mem_alloc(((size_t)count + 1) * sizeof *request->base.headers);
    MHD_get_connection_values(request->mhd, MHD_HEADER_KIND, on_request_header, request);
    const char *length = exchange_header(&request->base, "Content-Length");
    if (length && strtoull(length, NULL, 10) > request->connection->server->body_bytes_max)
        request->is_too_large = true;
}

static void reply_too_large(struct server_request *request)
{
    const struct server *server = request->connection->server;
    const struct http_header headers[] = {{"Content-Type", server->too_large_type},
                                          {"Connection", "close"}};
    on_reply(&request->base, MHD_HTTP_CONTENT_TOO_LARGE, headers, 2, server->too_large_body,
             strlen(server->too_large_body));
}

/* Hands the answer to the daemon when there is one, or sleeps until there is. */
static int request_answer(struct server_request *request)
{
    if (request->is_cut || (request->is_ended && !request->is_streaming))
        return MHD_NO;
    if (!request->response) {
        request_suspend(request);
        return MHD_YES;
    }
    struct MHD_Response *response = request->response;
    request->response = NULL;
    int result = (int)MHD_queue_response(request->mhd, (unsigned)request->status, response);
    MHD_destroy_response(response);
    return result;
}

static int request_upload(struct server_request *request, const char *data, size_t *len)
{
    if (!request->is_too_large && buf_add(&request->upload, data, *len) != 0) {
        request->is_too_large = true;
        buf_clear(&request->upload);
    }
    if (request->is_too_large)
        request->discarded += *len;
    *len = 0;
    /* The daemon can answer only after the body: swallow some, then cut. */
    return request->discarded > request->connection->server->body_bytes_max ? MHD_NO : MHD_YES;
}

int server_request_step(struct server_request *request, struct MHD_Connection *mhd,
                        const char *method, const char *data, size_t *len)
{
    struct server *server = request->connection->server;
    if (!request->mhd) {
        request->mhd = mhd;
        request_read_head(request, method);
        if (!request->is_too_large)
            return MHD_YES;
        request->is_dispatched = true;
        reply_too_large(request);
        return request_answer(request);
    }
    if (*len > 0)
        return request_upload(request, data, len);
    if (!request->is_dispatched) {
        request->is_dispatched = true;
        server_connection_deadline(request->connection, 0);
        if (request->is_too_large) {
            reply_too_large(request);
        } else {
            request->base.body = buf_take(&request->upload, &request->base.body_len);
            request->is_held = true;
            server->handler(server->arg, &request->base);
        }
    }
    return request_answer(request);
}

struct server_request *server_request_new(struct server_connection *connection, const char *target)
{
    struct server_request *request = mem_alloc(sizeof *request);
    request->base.ops = &ops;
    request->connection = connection;
    buf_init(&request->upload, connection->server->body_bytes_max);
    buf_init(&request->out, EXCHANGE_PENDING_MAX);
    const char *authority = target[0] == '/' ? NULL : strstr(target, "://");
    size_t len = authority ? strcspn(authority + 3, "/?#") : 0;
    if (authority) { /* asked as a proxy */
        request->base.scheme = mem_strn(target, (size_t)(authority - target));
        request->base.authority = mem_strn(authority + 3, len);
    }
    exchange_set_target(&request->base, authority ? authority + 3 + len : target);
    return request;
}

void server_request_cut(struct server_request *request)
{
    request->is_cut = true;
    request_unwatch(request);
    request_hold_ends(request);
    request_wake(request);
}

void server_request_free(struct server_request *request)
{
    request_unwatch(request);
    request->is_cut = true;
    request_hold_ends(request);
    if (request->response)
        MHD_destroy_response(request->response);
    buf_deinit(&request->upload);
    buf_deinit(&request->out);
    exchange_deinit(&request->base);
    free(request);
}
