#include "kube/event_internal.h"

#include "base/utf8.h"

#include <stdlib.h>
#include <string.h>

static void arm_sweep(struct event_recorder *recorder);

static bool busy(const struct event *event)
{
    return event->queued || event->call != NULL || event->retry != NULL;
}

static void event_free(void *value)
{
    struct event *event = value;

    rest_cancel(event->recorder->rest, event->call);
    loop_timer_cancel(event->recorder->loop, event->retry);
    jv_unref(event->regarding);
    free(event->key);
    free(event->namespace);
    free(event->name);
    free(event->type);
    free(event->reason);
    free(event->action);
    free(event->note);
    free(event);
}

void event_forget(struct event *event)
{
    map_remove(event->recorder->events, event->key); /* frees it */
}

static void sweep(void *arg)
{
    struct event_recorder *recorder = arg;
    int64_t now = clock_mono_ms(loop_clock(recorder->loop));
    struct map_iter iter = {0};

    recorder->sweep = NULL;
    while (map_next(recorder->events, &iter)) {
        struct event *event = iter.value;
        bool over = now - event->last_ms >= EVENT_SERIES_MS;
        bool news = event->count > event->written && event->count > 1;

        if (busy(event))
            continue;
        if (news && (over || now - event->written_ms >= EVENT_REFRESH_MS))
            event_enqueue(event);
        else if (over)
            map_remove(recorder->events, iter.key);
    }
    event_buckets_sweep(recorder);
    arm_sweep(recorder);
}

/* Only while there is something to forget: an idle operator has no timer. */
static void arm_sweep(struct event_recorder *recorder)
{
    if (recorder->sweep != NULL)
        return;
    if (map_count(recorder->events) + map_count(recorder->buckets) > 0)
        recorder->sweep = loop_timer_add(recorder->loop, EVENT_SWEEP_MS, sweep, recorder);
}

static void seen_again(struct event *event)
{
    struct event_recorder *recorder = event->recorder;

    event->count++;
    event->last_ms = clock_mono_ms(loop_clock(recorder->loop));
    event->last_ns = clock_wall_ns(loop_clock(recorder->loop));
    /* The second sighting makes the series; later ones are counted here and written at times. */
    if (event->written == 1 && !busy(event) && recorder->queued < EVENT_QUEUE_MAX &&
        event_bucket_take(recorder, event->regarding, event->type))
        event_enqueue(event);
}

static void drop(struct event_recorder *recorder, const char *reason)
{
    recorder->dropped++;
    if (recorder->said_full)
        return;
    recorder->said_full = true;
    log_warn(recorder->log, "events are dropped: too many at once", "reason", reason);
}

static bool make_room(struct event_recorder *recorder)
{
    struct map_iter iter = {0};

    if (map_count(recorder->events) < EVENT_KEPT_MAX)
        return true;
    while (map_next(recorder->events, &iter)) {
        if (busy(iter.value))
            continue;
        map_remove(recorder->events, iter.key);
        return true;
    }
    return false;
}

struct event_recorder *event_recorder_new(struct rest *rest, struct discovery *discovery,
                                          const struct event_options *options)
{
    struct event_recorder *recorder = mem_alloc(sizeof(*recorder));
    uint64_t seed = options->random != NULL ? random_u64(options->random) : 0;

    recorder->rest = rest;
    recorder->loop = rest_loop(rest);
    recorder->discovery = discovery;
    recorder->controller = mem_str(options->controller);
    recorder->instance = event_cut(
        options->instance != NULL ? options->instance : options->controller, EVENT_WORD_MAX);
    recorder->log = options->log;
    recorder->random = options->random;
    recorder->events = map_new(seed, event_free);
    recorder->buckets = map_new(seed, free);
    recorder->tail = &recorder->head;
    return recorder;
}

void event_recorder_free(struct event_recorder *recorder)
{
    if (recorder == NULL)
        return;
    if (recorder->asking)
        discovery_cancel(recorder->discovery, recorder);
    loop_timer_cancel(recorder->loop, recorder->sweep);
    loop_timer_cancel(recorder->loop, recorder->ask_again);
    map_free(recorder->events);
    map_free(recorder->buckets);
    free(recorder->controller);
    free(recorder->instance);
    free(recorder);
}

void event_record(struct event_recorder *recorder, const struct jv *regarding, const char *type,
                  const char *reason, const char *action, const char *note)
{
    const char *kind = jv_str(jv_get(regarding, "kind"));
    const char *name = jv_path_str(regarding, "metadata", "name", NULL);
    const char *namespace = jv_path_str(regarding, "metadata", "namespace", NULL);
    const char *uid = jv_path_str(regarding, "metadata", "uid", NULL);
    struct event *event;
    char *key;

    if (kind == NULL || name == NULL || type == NULL || reason == NULL)
        return;
    action = action != NULL && action[0] != '\0' ? action : reason;
    key = mem_printf("%s|%s|%s|%s|%s|%s|%s", type, reason, action, kind,
                     namespace != NULL ? namespace : "", name, uid != NULL ? uid : "");
    event = map_get(recorder->events, key);
    if (event != NULL) {
        free(key);
        seen_again(event);
        return;
    }
    event = mem_alloc(sizeof(*event));
    event->recorder = recorder;
    event->key = key;
    event->regarding = event_reference(regarding);
    event->namespace = mem_str(namespace != NULL ? namespace : "default");
    event->type = mem_str(type);
    event->reason = event_cut(reason, EVENT_WORD_MAX);
    event->action = event_cut(action, EVENT_WORD_MAX);
    struct buf visible;
    buf_init(&visible, EVENT_NOTE_MAX * 8);
    utf8_add_visible(&visible, note != NULL ? note : "",
                     note != NULL ? strnlen(note, EVENT_NOTE_MAX + 1) : 0);
    event->note = event_cut(buf_str(&visible), EVENT_NOTE_MAX);
    buf_deinit(&visible);
    event->first_ns = event->last_ns = clock_wall_ns(loop_clock(recorder->loop));
    event->last_ms = clock_mono_ms(loop_clock(recorder->loop));
    event->count = 1;
    if (recorder->queued >= EVENT_QUEUE_MAX || !make_room(recorder) ||
        !event_bucket_take(recorder, event->regarding, type)) {
        drop(recorder, event->reason);
        event_free(event);
    } else {
        map_put(recorder->events, event->key, event);
        event_enqueue(event);
    }
    arm_sweep(recorder);
}

size_t event_recorder_pending(const struct event_recorder *recorder)
{
    return recorder->queued + recorder->in_flight + recorder->waiting;
}
