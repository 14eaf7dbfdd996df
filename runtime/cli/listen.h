/* Addresses to listen on, as options name them: ":8080", "127.0.0.1:8080", "[::1]:8080"; "0" is off. */
#ifndef NEMETON_CLI_LISTEN_H
#define NEMETON_CLI_LISTEN_H

#include "loop/server.h"

enum { LISTEN_HOST_BYTES = 256, LISTEN_CONNECTIONS_MAX = 128, LISTEN_IDLE_S = 90 };

struct listen_address {
    char host[LISTEN_HOST_BYTES]; /* "": every address */
    uint16_t port;
    bool off;
};
/* option: its name, for messages. */
int listen_parse(const char *option, const char *text, struct listen_address *out, struct err *err);
bool listen_same(const struct listen_address *a, const struct listen_address *b);
struct server *listen_start(struct loop *loop, const char *option,
                            const struct listen_address *address, exchange_handler handler,
                            void *arg, struct err *err);

#endif
