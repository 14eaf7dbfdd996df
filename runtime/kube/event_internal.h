/* The parts of the recorder: event.c remembers and limits, event_send.c writes, event_body.c builds
 * what is written.
 */
#ifndef NEMETON_KUBE_EVENT_INTERNAL_H
#define NEMETON_KUBE_EVENT_INTERNAL_H

#include "base/map.h"
#include "kube/event.h"

enum {
    EVENT_KEPT_MAX = 4096,  /* series and recent events remembered */
    EVENT_QUEUE_MAX = 1000, /* waiting to be written */
    EVENT_IN_FLIGHT_MAX = 4,
    EVENT_BUCKETS_MAX = 4096,
    EVENT_BURST = 25,
    EVENT_REFILL_MS = 300000,
    EVENT_SERIES_MS = 360000,   /* idle for so long: the series is over */
    EVENT_REFRESH_MS = 1800000, /* a series that goes on is written so often */
    EVENT_SWEEP_MS = 60000,
    EVENT_RETRY_MS = 10000,
    EVENT_TRIES_MAX = 12,
    EVENT_NOTE_MAX = 1024,
    EVENT_WORD_MAX = 128, /* reason, action, instance */
};

/* One event object on the server and what has happened since it was written. */
struct event {
    struct event_recorder *recorder;
    struct event *next; /* in the queue */
    char *key;
    struct jv *regarding; /* an ObjectReference */
    char *namespace, *name, *type, *reason, *action, *note;
    int64_t first_ns, last_ns; /* wall clock, for people */
    int64_t last_ms, written_ms;
    int64_t count, written; /* sightings; how many the server knows, 0: not created yet */
    int64_t sending;        /* the count in the request under way */
    bool queued;
    unsigned tries;
    struct rest_call *call;
    struct loop_timer *retry;
};

struct event_recorder {
    struct rest *rest;
    struct loop *loop;
    struct discovery *discovery;
    char *controller, *instance;
    struct log *log;
    struct random_source *random;
    struct map *events;  /* key → struct event, the oldest first */
    struct map *buckets; /* object and type → struct event_bucket */
    struct event *head, **tail;
    size_t queued, in_flight, waiting;
    int64_t last_name_ns;
    struct loop_timer *sweep, *ask_again;
    const struct kube_kind *kind; /* of the events we write; NULL until the server said */
    bool asking, legacy;          /* legacy: core v1 */
    bool said_refused, said_full;
    uint64_t dropped;
};

struct event_bucket {
    double tokens;
    int64_t at_ms;
};

/* event_send.c */
void event_enqueue(struct event *event);
void event_pump(struct event_recorder *recorder);

/* event_limit.c */
bool event_bucket_take(struct event_recorder *recorder, const struct jv *regarding,
                       const char *type);
void event_buckets_sweep(struct event_recorder *recorder);

/* event_body.c */
struct jv *event_create_body(const struct event *event);
struct jv *event_series_patch(const struct event *event);
/* "<object>.<nanoseconds in hex>", or a UUID where that is not a name; never the same twice. */
char *event_make_name(struct event_recorder *recorder, const char *object_name);
struct jv *event_reference(const struct jv *object);
/* A copy of at most max bytes, cut between characters. */
char *event_cut(const char *text, size_t max);

/* event.c */
void event_forget(struct event *event);

#endif
