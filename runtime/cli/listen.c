#include "cli/listen.h"

#include <stdlib.h>
#include <string.h>

enum { BODY_BYTES_MAX = 64 << 10, PORT_MAX = 65535 };

static int expected(const char *option, const char *text, struct err *err)
{
    return err_set(err, ERR_USAGE,
                   "--%s: an address is expected, such as :8080 or 127.0.0.1:8080 (0 = off), not "
                   "`%s`",
                   option, text);
}

int listen_parse(const char *option, const char *text, struct listen_address *out, struct err *err)
{
    *out = (struct listen_address){0};
    if (strcmp(text, "0") == 0 || text[0] == '\0') {
        out->off = true;
        return 0;
    }
    const char *colon = strrchr(text, ':');
    if (colon == NULL || colon[1] < '0' || colon[1] > '9')
        return expected(option, text, err);
    char *end = NULL;
    long port = strtol(colon + 1, &end, 10);
    size_t len = (size_t)(colon - text);
    const char *host = text;
    if (len >= 2 && text[0] == '[' && colon[-1] == ']') {
        host++;
        len -= 2;
    } else if (memchr(text, ':', len) != NULL) {
        return expected(option, text, err); /* an IPv6 address without brackets */
    }
    if (*end != '\0' || port < 1 || port > PORT_MAX || len >= sizeof(out->host))
        return expected(option, text, err);
    memcpy(out->host, host, len);
    out->host[len] = '\0';
    out->port = (uint16_t)port;
    return 0;
}

bool listen_same(const struct listen_address *a, const struct listen_address *b)
{
    return !a->off && !b->off && a->port == b->port && strcmp(a->host, b->host) == 0;
}

struct server *listen_start(struct loop *loop, const char *option,
                            const struct listen_address *address, exchange_handler handler,
                            void *arg, struct err *err)
{
    struct server_options options = {
        .address = address->host,
        .port = address->port,
        .body_bytes_max = BODY_BYTES_MAX,
        .connections_max = LISTEN_CONNECTIONS_MAX,
        .idle_timeout_s = LISTEN_IDLE_S,
    };
    struct server *server = server_start(loop, &options, handler, arg, err);
    if (server == NULL)
        err_wrap(err, "--%s %s:%u", option, address->host, address->port);
    return server;
}
