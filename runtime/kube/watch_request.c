#include "kube/watch_internal.h"

#include <stdio.h>
#include <string.h>

enum { PATH_BYTES_MAX = 16 << 10, LIST_TIMEOUT_MS = 60000, UNLIMITED_TIMEOUT_MS = 300000 };

static bool too_large_rv(const struct err *err)
{
    return strcmp(err->reason, "ResourceVersionTooLarge") == 0 ||
           (err->http_status == 504 && strstr(err->text, "Too large resource version") != NULL);
}

static bool refused(const struct err *err)
{
    return err->http_status == 400 || err->http_status == 403 || err->http_status == 405 ||
           err->http_status == 415 || err->http_status == 422;
}

static void park(struct watch *watch, const struct err *err)
{
    watch_failed(watch, err);
    watch_relist(watch, true);
    watch_wait(watch, WATCH_PARK_MS);
}

/* Back to a full state because of `err`; at once, unless that was tried just now. */
static void relist_for(struct watch *watch, bool from_scratch, const struct err *err)
{
    int64_t now = watch_now(watch);
    bool again = watch->state == WATCH_STREAM ? now < watch->relist_again_ms : watch->from_scratch;

    if (watch->state == WATCH_STREAM)
        watch->relist_again_ms = now + WATCH_RELIST_MS;
    log_debug(watch->log, "watch lists again", "kind", watch->kind->kind, "why", err->text);
    watch_relist(watch, from_scratch);
    if (again)
        watch_backoff(watch, err);
    else
        watch_next(watch);
}

static void no_watchlist(struct watch *watch, const struct err *err)
{
    log_debug(watch->log, "streaming lists do not work here", "kind", watch->kind->kind, "why",
              err->text);
    watch->no_watchlist = true;
    watch->state = WATCH_LIST;
}

static void init_ended(struct watch *watch, const struct err *err)
{
    struct err silent = {0};

    if (err->code == ERR_NONE) {
        err_set(&silent, ERR_NETWORK, "watch %s: ended before the initial objects were complete",
                watch->kind->plural);
        err = &silent;
    }
    if (err->code == ERR_GONE || too_large_rv(err)) {
        relist_for(watch, true, err);
        return;
    }
    if (err->http_status == 404) {
        park(watch, err);
        return;
    }
    watch->init_strikes++;
    if (refused(err) || (watch->open && err->code == ERR_TIMEOUT)) {
        no_watchlist(watch, err);
        watch_next(watch);
        return;
    }
    if (watch->init_strikes >= 2)
        no_watchlist(watch, err);
    watch_backoff(watch, err);
}

static void list_ended(struct watch *watch, const struct err *err)
{
    bool paging = watch->continue_token != NULL;

    if (err->code == ERR_NONE) {
        if (paging) {
            watch_healthy(watch);
            watch_next(watch);
        } else {
            watch_complete(watch, watch->list_rv);
            watch_next(watch);
        }
        return;
    }
    if (err->code == ERR_GONE && paging) {
        unsigned restarts = watch->list_restarts + 1;

        watch_relist(watch, watch->from_scratch);
        watch->state = WATCH_LIST;
        watch->list_restarts = restarts;
        watch->unlimited = restarts > WATCH_LIST_RESTARTS_MAX;
        watch_next(watch);
    } else if (err->code == ERR_GONE || too_large_rv(err)) {
        relist_for(watch, true, err);
    } else if (err->http_status == 404) {
        park(watch, err);
    } else {
        watch_backoff(watch, err);
    }
}

static void stream_ended(struct watch *watch, const struct err *err)
{
    struct err brief = {0};
    bool quick = watch_now(watch) - watch->opened_ms < WATCH_SETTLE_MS;

    if (err->code == ERR_NONE) {
        if (watch->open && (!quick || watch->stream_events > 0)) {
            watch_next(watch); /* the server's own timeout: goes on where it ended */
            return;
        }
        err_set(&brief, ERR_SERVER, "watch %s: the stream ended at once", watch->kind->plural);
        err = &brief;
    }
    if (err->code == ERR_GONE) {
        relist_for(watch, watch->from_scratch, err);
        return;
    }
    if (too_large_rv(err)) {
        relist_for(watch, true, err);
        return;
    }
    if (err->http_status == 404) {
        park(watch, err);
        return;
    }
    /* The place may be what the server cannot serve: a few tries, then the full state. */
    if (err->code == ERR_PARSE || err->code == ERR_TOO_LARGE || err->code == ERR_INVALID ||
        (watch->open && err->http_status == 500))
        watch->stream_strikes++;
    if (watch->stream_strikes >= WATCH_STRIKES_MAX)
        watch_relist(watch, false);
    watch->fresh = watch->fresh || err->code == ERR_NETWORK || err->code == ERR_PARSE;
    watch_backoff(watch, err);
}

void watch_end_stream(struct watch *watch, const struct err *err)
{
    struct err none = {0};

    loop_timer_cancel(watch->loop, watch->watchdog);
    watch->watchdog = NULL;
    if (watch->stopped)
        return;
    if (err == NULL)
        err = &none;
    if (watch->state == WATCH_INIT)
        init_ended(watch, err);
    else if (watch->state == WATCH_LIST)
        list_ended(watch, err);
    else
        stream_ended(watch, err);
    watch->open = false;
}

static void on_open(void *arg)
{
    struct watch *watch = arg;

    watch_enter(watch);
    if (!watch->stopped) {
        watch->open = true;
        watch_guard(watch);
        if ((watch->state == WATCH_INIT ||
             (watch->state == WATCH_LIST && watch->continue_token == NULL)) &&
            watch->callbacks.on_begin != NULL)
            watch->callbacks.on_begin(watch->arg);
    }
    watch_leave(watch);
}

static int on_data(void *arg, const char *data, size_t len)
{
    struct watch *watch = arg;
    struct err err = {0};
    int result;

    if (watch->stopped)
        return -1;
    watch_enter(watch);
    watch->last_byte_ms = watch_now(watch);
    result = scan_feed(&watch->scan, data, len,
                       watch->scan.kind == SCAN_LIST ? watch_on_item : watch_on_frame, watch, &err);
    if (result != 0 && err.code != ERR_CANCELED)
        watch->verdict = err;
    watch_leave(watch);
    return result;
}

static void on_done(void *arg, const struct err *err)
{
    struct watch *watch = arg;
    struct err copy = {0};

    watch->call = NULL;
    if (watch->stopped)
        return;
    watch_enter(watch);
    if (watch->verdict.code != ERR_NONE)
        copy = watch->verdict;
    else if (err != NULL)
        copy = *err;
    else if (watch->state == WATCH_LIST)
        watch_read_envelope(watch, &copy);
    else if (!scan_at_rest(&watch->scan))
        err_set(&copy, ERR_NETWORK, "watch %s: the stream ends in the middle of an event",
                watch->kind->plural);
    watch_end_stream(watch, &copy);
    watch_leave(watch);
}

static void add_query(const struct watch *watch, struct buf *path)
{
    char number[32];

    if (watch->label_selector != NULL && watch->label_selector[0] != '\0')
        kube_query_add(path, "labelSelector", watch->label_selector);
    if (watch->field_selector != NULL && watch->field_selector[0] != '\0')
        kube_query_add(path, "fieldSelector", watch->field_selector);
    if (watch->state == WATCH_LIST) {
        bool at_least = !watch->from_scratch && watch->rv[0] != '\0';

        if (watch->continue_token == NULL && at_least)
            kube_query_add(path, "resourceVersion", watch->rv); /* without limit: from the cache */
        if (!watch->unlimited && !(at_least && watch->continue_token == NULL)) {
            snprintf(number, sizeof(number), "%d", WATCH_PAGE_ITEMS);
            kube_query_add(path, "limit", number);
        }
        if (watch->continue_token != NULL)
            kube_query_add(path, "continue", watch->continue_token);
        return;
    }
    kube_query_add(path, "watch", "1");
    kube_query_add(path, "allowWatchBookmarks", "true");
    if (watch->state == WATCH_INIT) {
        kube_query_add(path, "sendInitialEvents", "true");
        kube_query_add(path, "resourceVersionMatch", "NotOlderThan");
    }
    if (watch->state == WATCH_STREAM || !watch->from_scratch)
        kube_query_add(path, "resourceVersion", watch->rv);
    snprintf(number, sizeof(number), "%lld", (long long)(watch->server_timeout_ms / 1000));
    kube_query_add(path, "timeoutSeconds", number);
}

static const char *accept_of(const struct watch *watch)
{
    if (!watch->metadata_only)
        return NULL;
    return watch->state == WATCH_LIST
               ? "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,application/json"
               : "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1,application/json";
}

void watch_open(struct watch *watch)
{
    static const struct rest_stream_callbacks callbacks = {on_open, on_data, on_done};
    struct rest_request request = {.method = "GET", .lane = HTTP_LANE_WATCH, .no_retry = true};
    uint64_t span = watch->random != NULL ? random_below(watch->random, WATCH_TIMEOUT_SPAN_S) : 0;
    bool listing = watch->state == WATCH_LIST;
    struct buf path;

    if (watch->scanning)
        scan_deinit(&watch->scan);
    scan_init(&watch->scan, listing ? SCAN_LIST : SCAN_FRAMES, watch->frame_bytes_max);
    watch->scanning = true;
    err_clear(&watch->verdict);
    watch->open = false;
    watch->stream_events = 0;
    watch->server_timeout_ms = (WATCH_TIMEOUT_MIN_S + (int64_t)span) * 1000;
    watch_guard(watch);

    buf_init(&path, PATH_BYTES_MAX);
    kube_path(&path, watch->kind, watch->namespace, NULL, NULL);
    add_query(watch, &path);
    request.path = buf_str(&path);
    request.accept = accept_of(watch);
    request.fresh_connection = watch->fresh;
    if (listing)
        request.timeout_ms = watch->unlimited ? UNLIMITED_TIMEOUT_MS : LIST_TIMEOUT_MS;
    else
        request.timeout_ms = watch->server_timeout_ms + 2 * WATCH_SILENCE_MS;
    watch->fresh = false;
    watch->call = rest_stream(watch->rest, &request, &callbacks, watch);
    if (watch->call == NULL) {
        struct err err = {0};

        err_set(&err, ERR_INTERNAL, "watch %s: the request could not be made", watch->kind->plural);
        watch_backoff(watch, &err);
    }
    buf_deinit(&path);
}
