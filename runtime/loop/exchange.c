#include "loop/exchange.h"

#include "base/buf.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { QUERY_PAIRS_MAX = 256 };

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

/* A broken escape stays as it is, and so does %00, which would cut the string. */
static char *query_decode(const char *text, size_t len)
{
    char *out = mem_alloc(len + 1);
    size_t used = 0;
    for (size_t i = 0; i < len; i++) {
        if (text[i] == '%' && i + 2 < len) {
            int high = hex_digit(text[i + 1]), low = hex_digit(text[i + 2]);
            if (high >= 0 && low >= 0 && (high | low) != 0) {
                out[used++] = (char)(high * 16 + low);
                i += 2;
                continue;
            }
        }
        out[used++] = text[i] == '+' ? ' ' : text[i];
    }
    return out;
}

/* Fills `decoded` with name, value, name, value, … */
static void query_parse(struct exchange *exchange)
{
    exchange->decoded = mem_alloc(2 * QUERY_PAIRS_MAX * sizeof *exchange->decoded);
    const char *at = exchange->query ? exchange->query : "";
    while (*at && exchange->decoded_count < 2 * QUERY_PAIRS_MAX) {
        size_t len = strcspn(at, "&");
        const char *equals = memchr(at, '=', len);
        size_t name_len = equals ? (size_t)(equals - at) : len;
        const char *value = equals ? equals + 1 : at + len;
        if (len > 0) {
            exchange->decoded[exchange->decoded_count++] = query_decode(at, name_len);
            exchange->decoded[exchange->decoded_count++] =
                query_decode(value, (size_t)(at + len - value));
        }
        at += len + (at[len] == '&');
    }
}

const char *exchange_method(const struct exchange *exchange)
{
    return exchange->method;
}

const char *exchange_path(const struct exchange *exchange)
{
    return exchange->path;
}

const char *exchange_query_raw(const struct exchange *exchange)
{
    return exchange->query ? exchange->query : "";
}

const char *exchange_query(const struct exchange *exchange, const char *name)
{
    if (!exchange->decoded) /* the cache is no part of what the caller sees as constant */
        query_parse((struct exchange *)exchange);
    for (size_t i = 0; i < exchange->decoded_count; i += 2)
        if (strcmp(exchange->decoded[i], name) == 0)
            return exchange->decoded[i + 1];
    return NULL;
}

const char *exchange_header(const struct exchange *exchange, const char *name)
{
    for (size_t i = 0; i < exchange->header_count; i++)
        if (strcasecmp(exchange->headers[i].name, name) == 0)
            return exchange->headers[i].value;
    return NULL;
}

const char *exchange_authority(const struct exchange *exchange)
{
    return exchange->authority ? exchange->authority : exchange_header(exchange, "Host");
}

const char *exchange_scheme(const struct exchange *exchange)
{
    return exchange->scheme ? exchange->scheme : "http";
}

const char *exchange_body(const struct exchange *exchange, size_t *len)
{
    if (len)
        *len = exchange->body_len;
    return exchange->body ? exchange->body : "";
}

void exchange_reply(struct exchange *exchange, int status, const struct http_header *headers,
                    size_t header_count, const void *body, size_t len)
{
    exchange->ops->reply(exchange, status, headers, header_count, body, len);
}

void exchange_stream(struct exchange *exchange, int status, const struct http_header *headers,
                     size_t header_count)
{
    exchange->ops->stream(exchange, status, headers, header_count);
}

int exchange_write(struct exchange *exchange, const void *data, size_t len)
{
    return exchange->ops->write(exchange, data, len);
}

void exchange_end(struct exchange *exchange)
{
    exchange->ops->end(exchange);
}

void exchange_abort(struct exchange *exchange)
{
    exchange->ops->abort(exchange);
}

void exchange_refuse(struct exchange *exchange, const char *why)
{
    static const struct http_header headers[] = {{"Content-Type", "text/plain"}};
    if (exchange->ops->refuse)
        exchange->ops->refuse(exchange, why);
    else
        exchange->ops->reply(exchange, 502, headers, 1, why, strlen(why));
}

void exchange_on_close(struct exchange *exchange, void (*fn)(void *arg), void *arg)
{
    exchange->on_close = fn;
    exchange->on_close_arg = arg;
}

void exchange_set_target(struct exchange *exchange, const char *target)
{
    const char *fragment = strchr(target, '#');
    size_t len = fragment ? (size_t)(fragment - target) : strlen(target);
    const char *query = memchr(target, '?', len);
    size_t path_len = query ? (size_t)(query - target) : len;
    exchange->path = path_len > 0 ? mem_strn(target, path_len) : mem_str("/");
    exchange->query = query ? mem_strn(query + 1, len - path_len - 1) : mem_str("");
}

void exchange_deinit(struct exchange *exchange)
{
    http_headers_free(exchange->headers, exchange->header_count);
    for (size_t i = 0; i < exchange->decoded_count; i++)
        free(exchange->decoded[i]);
    free(exchange->decoded);
    free(exchange->method);
    free(exchange->path);
    free(exchange->query);
    free(exchange->authority);
    free(exchange->scheme);
    free(exchange->body);
}
