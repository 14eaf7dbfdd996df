#include "kube/event_internal.h"

#include <stdlib.h>
#include <string.h>

enum { PATH_BYTES_MAX = 4096, BODY_BYTES_MAX = 64 << 10 };

static void ask(struct event_recorder *recorder);

void event_enqueue(struct event *event)
{
    struct event_recorder *recorder = event->recorder;

    if (event->queued || event->call != NULL || event->retry != NULL)
        return;
    event->queued = true;
    event->next = NULL;
    *recorder->tail = event;
    recorder->tail = &event->next;
    recorder->queued++;
    event_pump(recorder);
}

/* Nothing more will be sent for what has been seen so far. */
static void give_up(struct event *event, const struct err *err)
{
    struct event_recorder *recorder = event->recorder;
    bool refused = err->code == ERR_FORBIDDEN && strcmp(err->reason, "NamespaceTerminating") != 0;

    recorder->dropped++;
    if (refused && !recorder->said_refused) {
        recorder->said_refused = true;
        log_warn(recorder->log,
                 "events cannot be written: the role lacks create and patch for them", "error",
                 err->text);
    } else {
        log_debug(recorder->log, "an event is dropped", "reason", event->reason, "error",
                  err->text);
    }
    if (event->written == 0)
        event_forget(event);
    else
        event->written = event->count;
}

static void retry_due(void *arg)
{
    struct event *event = arg;

    event->retry = NULL;
    event->recorder->waiting--;
    event_enqueue(event);
}

static void retry_later(struct event *event, const struct err *err)
{
    struct event_recorder *recorder = event->recorder;
    int64_t delay = EVENT_RETRY_MS;

    if (recorder->random != NULL)
        delay += (int64_t)((double)delay * 0.25 * random_unit(recorder->random));
    if (err->retry_after_ms > delay)
        delay = err->retry_after_ms;
    recorder->waiting++;
    event->retry = loop_timer_add(recorder->loop, delay, retry_due, event);
}

static void failed(struct event *event, const struct err *err)
{
    event->tries++;
    if (event->tries >= EVENT_TRIES_MAX) {
        give_up(event, err);
    } else if (event->written > 0 && err->code == ERR_NOT_FOUND) {
        event->written = 0; /* it has expired on the server: made anew */
        event_enqueue(event);
    } else if (event->written == 0 && err->code == ERR_EXISTS) {
        const char *object = jv_str(jv_get(event->regarding, "name"));

        free(event->name);
        event->name = event_make_name(event->recorder, object);
        event_enqueue(event);
    } else if (err_is_transient(err)) {
        retry_later(event, err);
    } else {
        give_up(event, err);
    }
}

static void on_written(void *arg, const struct rest_response *response, const struct err *err)
{
    struct event *event = arg;
    struct event_recorder *recorder = event->recorder;

    (void)response;
    event->call = NULL;
    recorder->in_flight--;
    if (err != NULL) {
        failed(event, err);
    } else {
        bool created = event->written == 0;

        event->written = event->sending;
        event->written_ms = clock_mono_ms(loop_clock(recorder->loop));
        event->tries = 0;
        if (created && event->count > event->written &&
            event_bucket_take(recorder, event->regarding, event->type))
            event_enqueue(event);
    }
    event_pump(recorder);
}

static void send(struct event *event)
{
    struct event_recorder *recorder = event->recorder;
    bool create = event->written == 0;
    struct rest_request request = {
        .method = create ? "POST" : "PATCH", .no_retry = true, .is_patient = true};
    struct jv *body;
    struct buf path, text;

    buf_init(&path, PATH_BYTES_MAX);
    buf_init(&text, BODY_BYTES_MAX);
    if (create && event->name == NULL)
        event->name = event_make_name(recorder, jv_str(jv_get(event->regarding, "name")));
    body = create ? event_create_body(event) : event_series_patch(event);
    event->sending = create && !recorder->legacy ? 1 : event->count;
    if (kube_path(&path, recorder->kind, event->namespace, create ? NULL : event->name, NULL) ==
            0 &&
        jv_print(body, 0, &text) == 0) {
        request.path = buf_str(&path);
        request.content_type = create ? NULL : "application/merge-patch+json";
        request.body = buf_str(&text);
        request.body_len = text.len;
        recorder->in_flight++;
        event->call = rest_start(recorder->rest, &request, on_written, event);
    } else {
        recorder->dropped++; /* a name that is no part of a path: nothing can be said about it */
        event->written = event->count;
    }
    jv_unref(body);
    buf_deinit(&path);
    buf_deinit(&text);
}

static void ask_again(void *arg)
{
    struct event_recorder *recorder = arg;

    recorder->ask_again = NULL;
    recorder->legacy = false;
    ask(recorder);
}

static void on_kind(void *arg, const struct kube_kind *kind, const struct err *err)
{
    struct event_recorder *recorder = arg;

    recorder->asking = false;
    if (err == NULL) {
        recorder->kind = kind;
        event_pump(recorder);
    } else if (err->code == ERR_NOT_FOUND && !recorder->legacy) {
        recorder->legacy = true;
        ask(recorder);
    } else {
        recorder->ask_again = loop_timer_add(recorder->loop, EVENT_RETRY_MS, ask_again, recorder);
    }
}

static void ask(struct event_recorder *recorder)
{
    recorder->asking = true;
    discovery_find(recorder->discovery, recorder->legacy ? "v1" : "events.k8s.io/v1", "Event",
                   on_kind, recorder);
}

void event_pump(struct event_recorder *recorder)
{
    if (recorder->kind == NULL) {
        if (recorder->head != NULL && !recorder->asking && recorder->ask_again == NULL)
            ask(recorder);
        return;
    }
    while (recorder->head != NULL && recorder->in_flight < EVENT_IN_FLIGHT_MAX) {
        struct event *event = recorder->head;

        recorder->head = event->next;
        if (recorder->head == NULL)
            recorder->tail = &recorder->head;
        recorder->queued--;
        event->queued = false;
        send(event);
    }
}
