#include "sandbox/watcher_internal.h"

#include "sandbox/options.h"
#include "sandbox/read.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

static void watcher_pump(struct watcher *watcher);
static void pump_all(void *arg);

static void watcher_free(struct watcher *watcher)
{
    struct watchers *set = watcher->set;
    if (watcher->prev)
        watcher->prev->next = watcher->next;
    else
        set->first = watcher->next;
    if (watcher->next)
        watcher->next->prev = watcher->prev;
    set->count--;
    loop_timer_cancel(set->server->loop, watcher->timeout);
    loop_timer_cancel(set->server->loop, watcher->bookmark);
    loop_timer_cancel(set->server->loop, watcher->retry);
    filter_deinit(&watcher->filter);
    request_deinit(&watcher->request);
    buf_deinit(&watcher->pending);
    free(watcher->after);
    free(watcher);
}

static void on_close(void *arg)
{
    watcher_free(arg);
}

static void on_retry(void *arg)
{
    struct watcher *watcher = arg;
    watcher->retry = NULL;
    watcher_pump(watcher);
}

/* False when the watcher is gone. */
static bool flush(struct watcher *watcher)
{
    struct exchange *exchange = watcher->request.exchange;
    struct loop *loop = watcher->set->server->loop;
    if (watcher->pending.failed) {
        exchange_abort(exchange);
        watcher_free(watcher);
        return false;
    }
    if (watcher->pending.len == 0)
        return true;
    if (exchange_write(exchange, watcher->pending.data, watcher->pending.len) == 0) {
        buf_clear(&watcher->pending);
        watcher->stalled_since_ms = 0;
        return true;
    }
    int64_t now_ms = loop_now_ms(loop);
    if (!watcher->stalled_since_ms)
        watcher->stalled_since_ms = now_ms;
    if (now_ms - watcher->stalled_since_ms >= WATCH_STALLED_MS) {
        exchange_abort(exchange);
        watcher_free(watcher);
        return false;
    }
    if (!watcher->retry)
        watcher->retry = loop_timer_add(loop, WATCH_RETRY_MS, on_retry, watcher);
    return true;
}

static void watcher_pump(struct watcher *watcher)
{
    struct watchers *set = watcher->set;
    bool more = false;
    if (watcher->pending.len == 0)
        more = watcher_fill(watcher);
    if (!flush(watcher))
        return;
    if (watcher->ended && watcher->pending.len == 0) {
        exchange_end(watcher->request.exchange);
        watcher_free(watcher);
        return;
    }
    if (more || (watcher->pending.len == 0 && watcher_lag_ms(watcher) == 0 &&
                 watcher->sequence < storage_sequence_end(set->server->storage)))
        watchers_notify(set);
}

static void on_lag(void *arg)
{
    struct watchers *set = arg;
    set->lagging = NULL;
    watchers_notify(set);
}

/* With a lag, news is not due yet: come back when the oldest unsent change is. */
static void wait_for_lag(struct watchers *set)
{
    const struct apiserver *server = set->server;
    int64_t due_ms = INT64_MAX;
    for (struct watcher *watcher = set->first; watcher; watcher = watcher->next) {
        int64_t lag_ms = watcher_lag_ms(watcher);
        const struct change *change =
            lag_ms > 0 ? storage_change(server->storage, watcher->sequence) : NULL;
        if (change && change->at_ms + lag_ms < due_ms)
            due_ms = change->at_ms + lag_ms;
    }
    if (due_ms == INT64_MAX || set->lagging)
        return;
    int64_t wait_ms = due_ms - server_now_ms(server);
    set->lagging = loop_timer_add(server->loop, wait_ms > 0 ? wait_ms : 1, on_lag, set);
}

static void pump_all(void *arg)
{
    struct watchers *set = arg;
    set->deferred = NULL;
    for (struct watcher *watcher = set->first, *next; watcher; watcher = next) {
        next = watcher->next;
        if (!watcher->retry)
            watcher_pump(watcher);
    }
    if (set->server->faults.watch_lag_ms > 0)
        wait_for_lag(set);
}

static void on_timeout(void *arg)
{
    struct watcher *watcher = arg;
    watcher->timeout = NULL;
    watcher->ended = true;
    watcher_pump(watcher);
}

static void on_bookmark(void *arg)
{
    struct watcher *watcher = arg;
    struct watchers *set = watcher->set;
    watcher->bookmark = loop_timer_add(set->server->loop, WATCH_BOOKMARK_MS, on_bookmark, watcher);
    if (watcher->initial || watcher->pending.len || watcher->ended)
        return;
    watcher_bookmark(watcher, false);
    flush(watcher);
}

static int64_t timeout_ms(const struct request *request)
{
    const char *text = request_query(request, "timeoutSeconds");
    long long seconds = text ? strtoll(text, NULL, 10) : 0;
    if (seconds > 0 && seconds < 86400 * 365)
        return seconds * 1000;
    return WATCH_TIMEOUT_MIN_MS +
           (int64_t)random_below(request->server->options.random, WATCH_TIMEOUT_MIN_MS);
}

static void begin(struct watcher *watcher, uint64_t wanted, bool send_initial)
{
    struct watchers *set = watcher->set;
    struct storage *storage = set->server->storage;
    struct loop *loop = set->server->loop;
    const char *bookmarks = request_query(&watcher->request, "allowWatchBookmarks");
    buf_init(&watcher->pending, WATCH_PENDING_BYTES_MAX);
    watcher->bookmarks = bookmarks && strcasecmp(bookmarks, "true") == 0;
    watcher->initial = wanted == 0 || send_initial;
    watcher->mark_initial = watcher->initial && watcher->bookmarks;
    watcher->revision = watcher->initial ? storage_revision(storage) : wanted;
    if (send_initial && wanted > storage_revision(storage))
        watcher_too_large(watcher, wanted);
    watcher->sequence = storage_sequence_after(storage, watcher->revision);
    watcher->timeout = loop_timer_add(loop, timeout_ms(&watcher->request), on_timeout, watcher);
    if (watcher->bookmarks)
        watcher->bookmark = loop_timer_add(loop, WATCH_BOOKMARK_MS, on_bookmark, watcher);
    if (!watcher->initial && wanted < storage_compacted(storage))
        watcher->sequence = 0; /* before the oldest change kept: the first fill tells it so */
}

struct watchers *watchers_new(struct apiserver *server)
{
    struct watchers *set = mem_alloc(sizeof(*set));
    set->server = server;
    return set;
}

void watchers_free(struct watchers *set)
{
    if (!set)
        return;
    while (set->first) {
        exchange_abort(set->first->request.exchange);
        watcher_free(set->first);
    }
    loop_timer_cancel(set->server->loop, set->deferred);
    loop_timer_cancel(set->server->loop, set->lagging);
    free(set);
}

void watchers_notify(struct watchers *set)
{
    if (set->first && !set->deferred)
        set->deferred = loop_defer(set->server->loop, pump_all, set);
}

void watchers_end(struct watchers *set, const struct kind *kind)
{
    for (struct watcher *watcher = set->first; watcher; watcher = watcher->next) {
        if (watcher->request.kind == kind)
            watcher->ended = true;
    }
    watchers_notify(set);
}

void watchers_lag_changed(struct watchers *set)
{
    loop_timer_cancel(set->server->loop, set->lagging);
    set->lagging = NULL;
    watchers_notify(set);
}

size_t watchers_count(const struct watchers *set)
{
    return set->count;
}

int verb_watch(struct request *request, struct refusal *refusal)
{
    static const struct http_header headers[] = {{"Content-Type", "application/json"},
                                                 {"Cache-Control", "no-cache, private"}};
    struct watchers *set = request->server->watchers;
    uint64_t wanted;
    const char *send = request_query(request, "sendInitialEvents");
    bool initial = send && strcmp(send, "true") == 0;
    if (options_of_list(request, refusal) < 0 || read_revision(request, &wanted, refusal) < 0)
        return -1;
    struct filter filter;
    if (filter_init(&filter, request, refusal) < 0)
        return -1;
    struct watcher *watcher = mem_alloc(sizeof(*watcher));
    watcher->set = set;
    watcher->request = *request;
    watcher->filter = filter;
    watcher->next = set->first;
    if (set->first)
        set->first->prev = watcher;
    set->first = watcher;
    set->count++;
    *request = (struct request){0};
    begin(watcher, wanted, initial);
    exchange_on_close(watcher->request.exchange, on_close, watcher);
    exchange_stream(watcher->request.exchange, 200, headers, 2);
    watchers_notify(set);
    return 0;
}
