#include "kube/watch_internal.h"

#include "base/backoff.h"

#include <stdlib.h>

int64_t watch_now(const struct watch *watch)
{
    return clock_mono_ms(loop_clock(watch->loop));
}

static void watch_destroy(void *arg)
{
    struct watch *watch = arg;

    rest_cancel(watch->rest, watch->call);
    if (watch->scanning)
        scan_deinit(&watch->scan);
    free(watch->namespace);
    free(watch->label_selector);
    free(watch->field_selector);
    free(watch->continue_token);
    free(watch);
}

void watch_enter(struct watch *watch)
{
    watch->depth++;
}

void watch_leave(struct watch *watch)
{
    watch->depth--;
}

static void timer_fired(void *arg)
{
    struct watch *watch = arg;

    watch->timer = NULL;
    watch_enter(watch);
    watch_next(watch);
    watch_leave(watch);
}

void watch_wait(struct watch *watch, int64_t delay_ms)
{
    if (watch->stopped)
        return;
    loop_timer_cancel(watch->loop, watch->timer);
    watch->timer = loop_timer_add(watch->loop, delay_ms, timer_fired, watch);
}

void watch_next(struct watch *watch)
{
    if (watch->stopped)
        return;
    if (watch->state == WATCH_INIT && watch->no_watchlist)
        watch->state = WATCH_LIST;
    watch_open(watch);
}

static void report(struct watch *watch, const struct err *err)
{
    bool same = watch->reported && watch->problem.code == err->code &&
                watch->problem.http_status == err->http_status;

    watch->problem = *err;
    watch->reported = true;
    if (same)
        return;
    log_warn(watch->log, "watch has a problem", "kind", watch->kind->kind, "namespace",
             watch->namespace, "error", err->text);
    if (watch->callbacks.on_problem != NULL)
        watch->callbacks.on_problem(watch->arg, err);
}

/* Notes a failure; says so at once while nothing is known yet, later only when it lasts. */
void watch_failed(struct watch *watch, const struct err *err)
{
    int64_t now = watch_now(watch);

    if (!watch->failing) {
        watch->failing = true;
        watch->failing_since_ms = now;
    }
    if (!watch->synced || now - watch->failing_since_ms >= WATCH_GRACE_MS)
        report(watch, err);
    else
        log_debug(watch->log, "watch is tried again", "kind", watch->kind->kind, "error",
                  err->text);
}

void watch_healthy(struct watch *watch)
{
    watch->failing = false;
    if (!watch->reported)
        return;
    watch->reported = false;
    err_clear(&watch->problem);
    log_info(watch->log, "watch works again", "kind", watch->kind->kind, "namespace",
             watch->namespace);
    if (watch->callbacks.on_problem != NULL)
        watch->callbacks.on_problem(watch->arg, NULL);
}

void watch_backoff(struct watch *watch, const struct err *err)
{
    int64_t now = watch_now(watch), delay;

    watch_failed(watch, err);
    if (watch->failures > 0 && now - watch->last_failure_ms >= WATCH_BACKOFF_RESET_MS)
        watch->failures = 0;
    delay = backoff_delay_ms(WATCH_BACKOFF_MIN_MS, WATCH_BACKOFF_MAX_MS, watch->failures);
    if (watch->random != NULL)
        delay = backoff_jitter_ms(delay, 1.0, random_unit(watch->random));
    if (err->retry_after_ms > delay)
        delay = err->retry_after_ms < WATCH_RETRY_AFTER_MAX_MS ? err->retry_after_ms
                                                               : WATCH_RETRY_AFTER_MAX_MS;
    if (watch->failures < 30)
        watch->failures++;
    watch->last_failure_ms = now + delay;
    watch->stats.restarts++;
    watch_wait(watch, delay);
}

/* The state for a new full state; the caller starts it with watch_next or a wait. */
void watch_relist(struct watch *watch, bool from_scratch)
{
    watch->state = watch->no_watchlist ? WATCH_LIST : WATCH_INIT;
    watch->from_scratch = from_scratch || watch->rv[0] == '\0';
    watch->list_restarts = 0;
    watch->unlimited = false;
    watch->init_strikes = 0;
    watch->stream_strikes = 0;
    watch->old_streak = 0;
    free(watch->continue_token);
    watch->continue_token = NULL;
    if (watch->synced)
        watch->stats.relists++;
}

/* How long the stream may still be silent; <= 0: dead. */
static int64_t silence_left(const struct watch *watch, int64_t now)
{
    int64_t limit = watch->server_timeout_ms + WATCH_SILENCE_EXTRA_MS;

    if (!watch->open)
        limit = WATCH_ANSWER_MS;
    else if (watch->state == WATCH_INIT)
        limit = WATCH_MARK_MS;
    else if (watch->bookmark_seen)
        limit = WATCH_SILENCE_MS;
    return limit - (now - watch->last_byte_ms);
}

static void watchdog_fired(void *arg)
{
    struct watch *watch = arg;
    int64_t now = watch_now(watch), left = silence_left(watch, now);
    struct err err = {0};

    watch->watchdog = NULL;
    watch_enter(watch);
    if (left > 0) {
        if (watch->open && watch->state == WATCH_STREAM &&
            now - watch->opened_ms >= WATCH_SETTLE_MS)
            watch_healthy(watch);
        if (watch->open && watch->state == WATCH_INIT && now - watch->warned_ms >= WATCH_MARK_MS) {
            watch->warned_ms = now;
            log_warn(watch->log, "the server has not said yet where the initial objects end",
                     "kind", watch->kind->kind);
        }
        if (watch->state == WATCH_INIT && left > WATCH_MARK_MS)
            left = WATCH_MARK_MS;
        if (!watch->stopped)
            watch->watchdog = loop_timer_add(watch->loop, left, watchdog_fired, watch);
    } else {
        rest_cancel(watch->rest, watch->call);
        watch->call = NULL;
        watch->fresh = true; /* the connection may be dead as well */
        err_set(&err, ERR_TIMEOUT, "watch %s: nothing came for %lld s", watch->kind->plural,
                (long long)((now - watch->last_byte_ms) / 1000));
        watch_end_stream(watch, &err);
    }
    watch_leave(watch);
}

void watch_guard(struct watch *watch)
{
    int64_t now = watch_now(watch);

    watch->opened_ms = now;
    watch->last_byte_ms = now;
    watch->warned_ms = now;
    loop_timer_cancel(watch->loop, watch->watchdog);
    watch->watchdog = loop_timer_add(watch->loop, WATCH_SETTLE_MS, watchdog_fired, watch);
}

void watch_shorten_guard(struct watch *watch)
{
    loop_timer_cancel(watch->loop, watch->watchdog);
    watch->watchdog =
        loop_timer_add(watch->loop, silence_left(watch, watch_now(watch)), watchdog_fired, watch);
}

struct watch *watch_start(struct rest *rest, const struct watch_options *options,
                          const struct watch_callbacks *callbacks, void *arg)
{
    struct watch *watch = mem_alloc(sizeof(*watch));

    watch->rest = rest;
    watch->loop = rest_loop(rest);
    watch->kind = options->kind;
    watch->namespace = mem_str(options->namespace);
    watch->label_selector = mem_str(options->label_selector);
    watch->field_selector = mem_str(options->field_selector);
    watch->metadata_only = options->metadata_only;
    watch->frame_bytes_max =
        options->frame_bytes_max > 0 ? options->frame_bytes_max : WATCH_FRAME_BYTES_MAX;
    watch->log = options->log;
    watch->random = options->random;
    watch->callbacks = *callbacks;
    watch->arg = arg;
    watch_relist(watch, true);
    watch_wait(watch, 0);
    return watch;
}

void watch_stop(struct watch *watch)
{
    if (watch == NULL || watch->stopped)
        return;
    watch->stopped = true;
    loop_timer_cancel(watch->loop, watch->timer);
    loop_timer_cancel(watch->loop, watch->watchdog);
    watch->timer = NULL;
    watch->watchdog = NULL;
    if (watch->depth == 0)
        watch_destroy(watch);
    else
        loop_defer(watch->loop, watch_destroy, watch); /* our own frames are still on the stack */
}

struct watch_stats watch_stats(const struct watch *watch)
{
    struct watch_stats stats = watch->stats;

    stats.synced = watch->synced;
    stats.streaming = watch->state == WATCH_STREAM && watch->open;
    return stats;
}
