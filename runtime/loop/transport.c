#include "loop/transport.h"

#include "base/buf.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

static bool is_token(const char *text)
{
    for (const char *at = text; *at; at++)
        if (*at <= ' ' || *at >= 127 || strchr("\"(),/:;<=>?@[\\]{}", *at))
            return false;
    return *text != '\0';
}

static bool has_control(const char *text)
{
    for (; *text; text++)
        if (((unsigned char)*text < ' ' && *text != '\t') || *text == 127)
            return true;
    return false;
}

/* What would let a value slip into another header or another request. Values may be secrets: the
 * text names the header only. */
static int request_check(const struct http_request *request, struct err *err)
{
    if (!request->method || !is_token(request->method))
        return err_set(err, ERR_INVALID, "send request: the method is not a word");
    if (!request->url || !strstr(request->url, "://") || has_control(request->url) ||
        strchr(request->url, ' '))
        return err_set(err, ERR_INVALID, "send request: `%s` is not an absolute URL",
                       request->url ? request->url : "");
    for (size_t i = 0; i < request->header_count; i++) {
        if (!is_token(request->headers[i].name))
            return err_set(err, ERR_INVALID, "send request: `%s` is not a header name",
                           request->headers[i].name);
        if (has_control(request->headers[i].value))
            return err_set(err, ERR_INVALID,
                           "send request: the value of header `%s` has a control character",
                           request->headers[i].name);
    }
    return 0;
}

struct http_call *transport_start(struct transport *transport, const struct http_request *request,
                                  const struct http_callbacks *callbacks, void *arg,
                                  struct err *err)
{
    if (request_check(request, err) != 0)
        return NULL;
    return transport->ops->start(transport, request, callbacks, arg, err);
}

void transport_cancel(struct transport *transport, struct http_call *call)
{
    if (call)
        transport->ops->cancel(transport, call);
}

void transport_pause(struct transport *transport, struct http_call *call, bool paused)
{
    if (transport->ops->pause)
        transport->ops->pause(transport, call, paused);
}

void transport_free(struct transport *transport)
{
    if (transport)
        transport->ops->free(transport);
}

size_t transport_pending(const struct transport *transport)
{
    return transport->ops->pending(transport);
}

const char *http_response_header(const struct http_response *response, const char *name)
{
    for (size_t i = 0; i < response->header_count; i++)
        if (strcasecmp(response->headers[i].name, name) == 0)
            return response->headers[i].value;
    return NULL;
}

struct http_header *http_headers_dup(const struct http_header *headers, size_t count)
{
    struct http_header *copy = mem_alloc((count + 1) * sizeof *copy);
    for (size_t i = 0; i < count; i++) {
        copy[i].name = mem_str(headers[i].name);
        copy[i].value = mem_str(headers[i].value);
    }
    return copy;
}

void http_headers_free(struct http_header *headers, size_t count)
{
    for (size_t i = 0; headers && i < count; i++) {
        free((char *)headers[i].name);
        free((char *)headers[i].value);
    }
    free(headers);
}
