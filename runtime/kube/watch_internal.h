/* The parts of a watch: watch.c holds its life, waits and troubles, watch_request.c its requests and
 * what their ends mean, watch_event.c what is inside an answer.
 */
#ifndef NEMETON_KUBE_WATCH_INTERNAL_H
#define NEMETON_KUBE_WATCH_INTERNAL_H

#include "kube/watch.h"
#include "kube/watch_scan.h"

enum {
    WATCH_FRAME_BYTES_MAX = 16 << 20, /* client-go's maximum */
    WATCH_PAGE_ITEMS = 500,
    WATCH_RV_BYTES = 128,
    WATCH_TIMEOUT_MIN_S = 300,
    WATCH_TIMEOUT_SPAN_S = 301,
    WATCH_BACKOFF_MIN_MS = 800,
    WATCH_BACKOFF_MAX_MS = 30000,
    WATCH_BACKOFF_RESET_MS = 120000,
    WATCH_RETRY_AFTER_MAX_MS = 300000,
    WATCH_SILENCE_MS = 70000,      /* within the 75 s of history that a server keeps */
    WATCH_SILENCE_EXTRA_MS = 5000, /* past the server's own timeout, when it sends no bookmarks */
    WATCH_MARK_MS = 10000,   /* silence without initial-events-end: the server knows no WatchList */
    WATCH_ANSWER_MS = 30000, /* for the head of an answer */
    WATCH_SETTLE_MS = 1000,
    WATCH_RELIST_MS = 30000, /* full states follow one another at once only after this */
    WATCH_PARK_MS = 30000,
    WATCH_GRACE_MS = 60000,
    WATCH_STRIKES_MAX = 3,
    WATCH_OLD_MAX = 8,
    WATCH_LIST_RESTARTS_MAX = 2,
};

enum watch_state {
    WATCH_INIT,   /* a stream that begins with the full state (WatchList) */
    WATCH_LIST,   /* pages */
    WATCH_STREAM, /* changes */
};

struct watch {
    struct rest *rest;
    struct loop *loop;
    const struct kube_kind *kind;
    char *namespace, *label_selector, *field_selector;
    bool metadata_only;
    size_t frame_bytes_max;
    struct log *log;
    struct random_source *random;
    struct watch_callbacks callbacks;
    void *arg;

    enum watch_state state;
    struct rest_call *call;      /* either this … */
    struct loop_timer *timer;    /* … or this is there, always */
    struct loop_timer *watchdog; /* only with a stream */
    struct scan scan;
    bool scanning;
    struct err verdict; /* why we ended a stream ourselves, or what an ERROR frame said */

    char rv[WATCH_RV_BYTES];      /* reached; "" before the first full state */
    char list_rv[WATCH_RV_BYTES]; /* of the first page */
    char *continue_token;
    bool from_scratch; /* the next full state must be the most recent one, not "at least rv" */
    bool unlimited;    /* pages expired too often: the whole list at once */
    unsigned list_restarts;
    bool no_watchlist;
    unsigned init_strikes, stream_strikes;
    unsigned old_streak;

    bool synced, bookmark_seen, open, fresh;
    int64_t opened_ms, last_byte_ms, warned_ms, server_timeout_ms, relist_again_ms;
    uint64_t stream_events;
    unsigned failures;
    int64_t last_failure_ms, failing_since_ms;
    bool failing, reported;
    struct err problem;
    struct watch_stats stats;

    unsigned depth; /* of callbacks: a watch stopped inside one is freed from the loop */
    bool stopped;
};

/* watch.c */
void watch_enter(struct watch *watch);
void watch_leave(struct watch *watch);
void watch_next(struct watch *watch); /* the request that the state asks for, now */
void watch_wait(struct watch *watch, int64_t delay_ms);
void watch_backoff(struct watch *watch, const struct err *err);
void watch_failed(struct watch *watch, const struct err *err);
void watch_healthy(struct watch *watch);
void watch_relist(struct watch *watch, bool from_scratch);
void watch_guard(struct watch *watch); /* arms the watchdog of a stream just opened */
void watch_shorten_guard(struct watch *watch);
int64_t watch_now(const struct watch *watch);

/* watch_request.c */
void watch_open(struct watch *watch);
void watch_end_stream(struct watch *watch, const struct err *err);

/* watch_event.c */
int watch_on_frame(void *arg, const char *text, size_t len);
int watch_on_item(void *arg, const char *text, size_t len);
int watch_read_envelope(struct watch *watch, struct err *err); /* end of a page */
/* The full state is complete at rv. False: history went back, the state was started anew. */
bool watch_complete(struct watch *watch, const char *rv);

#endif
