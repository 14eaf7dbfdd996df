/* The parts of a controller: keys (controller_keys.c), runs (controller_run.c), what is told of a
 * failing policy (controller_report.c), and the whole (controller.c). */
#ifndef NEMETON_CONTROL_CONTROLLER_INTERNAL_H
#define NEMETON_CONTROL_CONTROLLER_INTERNAL_H

#include "base/map.h"
#include "control/controller.h"

struct primary_kind {
    char *api_version, *kind;
};

/* What is remembered of a key beyond the queue; only while there is something to remember. */
struct key_state {
    char *gone_uid;        /* of the primary that was removed */
    unsigned kills;        /* in a row */
    uint64_t error_digest; /* of the last error told; 0: the last run was fine */
    int64_t parked_until_ms, parked_generation;
    char *parked_version;
    bool unread;      /* new: its condition may be from an earlier process */
    bool condition;   /* PolicyError is True on the object */
    int64_t ready_ms; /* since when it waits; -1: it does not */
    int64_t
        ran_ms; /* when the last run of a primary that is there ended; -1: none, or one goes on */
    bool running;
};

struct key_parts {
    size_t kind; /* index of controller.kinds */
    char *namespace, *name;
};

struct run {
    struct controller *controller;
    struct run *prev, *next;
    char *key;
    struct key_parts parts;
    struct watches *watches; /* of the version that this run belongs to */
    struct store_item *item; /* NULL: the primary is gone */
    struct effects_run *effects;
    struct task *task;
    struct effect_call *report;
    struct log *log;
    struct task_result result; /* its trace is not kept */
    int64_t started_ms;
};

struct controller {
    struct controller_env env;
    char *name;
    struct watches *watches;
    struct workqueue *queue;
    struct primary_kind *kinds; /* only ever grows, so that keys stay valid */
    size_t kind_count;
    struct map *states; /* key → struct key_state */
    struct run *runs;
    size_t run_count;
    struct serve *serves;
    size_t serve_count;
    struct loop_timer *pump;
    bool retired;
    uint64_t run_serial;
    size_t parked;
};

/* controller_keys.c */
char *key_make(size_t kind, const char *namespace, const char *name);
int key_parse(const char *key, struct key_parts *parts); /* free with key_parts_deinit */
void key_parts_deinit(struct key_parts *parts);
size_t controller_kind_index(struct controller *controller, const char *api_version,
                             const char *kind);
void controller_on_change(void *arg, const struct policy_watch *watch, size_t watch_index,
                          enum informer_event event, struct store_item *item,
                          const struct store_item *former, bool initial);
struct key_state *key_state_of(struct controller *controller, const char *key, bool create);
void key_state_drop_if_empty(struct controller *controller, const char *key);
void key_state_free(void *value);

/* controller.c: wants a run of the key in delay_ms, or sooner when somebody else does. */
void controller_add_after(struct controller *controller, const char *key, int64_t delay_ms,
                          int priority);

/* controller_run.c */
void run_start(struct controller *controller, const char *key);
void run_end(struct run *run); /* frees; the key may run again */
void run_abandon(struct run *run);

/* serve.c */
void controller_drop_serves(struct controller *controller);

/* controller_report.c */
/* Writes the condition when it has to change; calls run_end now or later. */
void report_run(struct run *run);

#endif
