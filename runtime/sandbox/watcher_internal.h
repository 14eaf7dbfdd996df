#ifndef NEMETON_SANDBOX_WATCHER_INTERNAL_H
#define NEMETON_SANDBOX_WATCHER_INTERNAL_H

#include "sandbox/filter.h"
#include "sandbox/watcher.h"

enum {
    WATCH_PIECE_BYTES = 256 << 10, /* written to one watch in one turn */
    WATCH_PENDING_BYTES_MAX = 64 << 20,
    WATCH_RETRY_MS = 10,
    WATCH_STALLED_MS = 30000, /* a reader that takes nothing for so long is cut */
    WATCH_BOOKMARK_MS = 60000,
    WATCH_TIMEOUT_MIN_MS = 1800000,
};

struct watcher {
    struct watchers *set;
    struct watcher *next, *prev;
    struct request request;
    struct filter filter;
    uint64_t revision; /* everything up to here was sent or was the beginning */
    uint64_t sequence; /* of the next change to look at */
    bool initial;      /* the state at `revision` is still being sent */
    bool mark_initial; /* the reader wants to be told where it ends */
    bool bookmarks;
    char *after;              /* key of the last initial object sent */
    struct buf pending;       /* what the exchange did not take yet */
    int64_t stalled_since_ms; /* 0 = not */
    bool ended;               /* end when pending is written */
    struct loop_timer *timeout, *bookmark, *retry;
};

struct watchers {
    struct apiserver *server;
    struct watcher *first;
    size_t count;
    struct loop_timer *deferred, *lagging;
};

/* Appends one event line to pending. */
void watcher_event(struct watcher *watcher, const char *type, const struct stored *stored,
                   uint64_t revision);
void watcher_bookmark(struct watcher *watcher, bool end_of_initial);
void watcher_too_large(struct watcher *watcher, uint64_t wanted);
void watcher_error(struct watcher *watcher, int code, const char *reason, const char *message);
/* Fills pending with what is due, up to a piece. True when there is more at once. */
bool watcher_fill(struct watcher *watcher);
/* How late changes reach it; 0: at once. */
int64_t watcher_lag_ms(const struct watcher *watcher);

#endif
