/* What the parts of the API server share: one struct, owned by apiserver.c. */
#ifndef NEMETON_SANDBOX_SERVER_H
#define NEMETON_SANDBOX_SERVER_H

#include "base/map.h"
#include "sandbox/apiserver.h"
#include "sandbox/kinds.h"
#include "sandbox/storage.h"

struct watchers;

enum {
    HISTORY_DEFAULT = 20000,
    HISTORY_BYTES_MAX = 96 << 20,
    OBJECTS_DEFAULT = 200000,
    BODY_BYTES_DEFAULT = 3 << 20,
    LIST_BYTES_MAX = 1 << 30, /* one answer */
    TIME_TEXT_BYTES = 40,
};

/* The version this server claims; its kinds and texts are those of that release. */
#define SERVER_MAJOR "1"
#define SERVER_MINOR "35"
#define SERVER_GIT_VERSION "v1.35.4+nemeton-sandbox"

struct apiserver {
    struct loop *loop;
    struct apiserver_options options;
    char *token;
    struct types *types;
    struct kinds *kinds;
    struct storage *storage;
    struct watchers *watchers;
    struct apiserver_faults faults;
    char *fault_user;
    struct map *addresses;  /* cluster IPs in use, value unused */
    struct map *node_ports; /* the same */
    uint32_t next_address;
    int64_t events_swept_ms;
};

int64_t server_now_ms(const struct apiserver *server); /* monotonic */
/* "2026-01-31T10:20:30Z" of the wall clock. */
const char *server_time(const struct apiserver *server, bool micros, char out[TIME_TEXT_BYTES]);

#endif
