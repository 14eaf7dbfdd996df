/* One controller at work: changes → keys → queue → task → outcome.
 *
 * A key is "index/namespace/name"; index counts the kinds of primaries the controller has had. At
 * most one run per key at a time, also across versions of the policy: a run ends on the version it
 * began with. The number of runs under way is bounded by slots that all controllers of a manager
 * share. A run that raises an error, or is killed over a budget, is reported on its primary
 * (condition PolicyError, an event when the error is new) and tried again with growing delay; after
 * CONTROLLER_KILLS_MAX kills in a row the key is parked until its spec or the policy changes, or
 * CONTROLLER_PARK_MS have passed.
 */
#ifndef NEMETON_CONTROL_CONTROLLER_H
#define NEMETON_CONTROL_CONTROLLER_H

#include "control/effects_live.h"
#include "control/watches.h"
#include "queue/workqueue.h"

enum {
    CONTROLLER_KILLS_MAX = 5,
    CONTROLLER_PARK_MS = 600000,
    CONTROLLER_KEYS_MAX = 200000,
    CONTROLLER_STARTS_PER_TURN = 8,
    CONTROLLER_REFUSED_TRIES = 4,   /* quick ones, of what the server found wrong; then … */
    CONTROLLER_REFUSED_MS = 300000, /* … this pause; also the most that a Retry-After is given */
    CONTROLLER_CONFLICT_MS = 500,   /* from the second conflict in a row on, doubled by each */
    CONTROLLER_UNSYNCED_MS = 500,
};

struct run_slots {
    size_t used, max;
};

struct controller_env { /* all must outlive the controller */
    struct loop *loop;
    struct effects_shared *effects;
    struct event_recorder *events;
    struct log *log;
    struct metrics *metrics;
    struct random_source *random;
    struct run_slots *slots;
    bool (*may_run)(void *arg);      /* leading, and not draining */
    bool (*has_room)(void *arg);     /* for one more run now; NULL: while there are slots */
    void (*on_run_ended)(void *arg); /* a slot is free */
    bool (*ignores)(void *arg,
                    const char *namespace); /* no runs for what is there; NULL: nowhere */
    void *arg;
};

struct controller;
/* Takes over the watches, which name the policy and the declaration. */
struct controller *controller_new(const struct controller_env *env, struct watches *take);
void controller_free(struct controller *controller); /* abandons runs */
/* A new version: everything is looked at again. Takes over the watches. */
void controller_swap(struct controller *controller, struct watches *take);
/* Starts no further runs; those under way end. */
void controller_retire(struct controller *controller);
/* Looks for work in the next turn (may_run has become true, a slot is free). */
void controller_pump(struct controller *controller);
void controller_add(struct controller *controller, const char *key, int priority);

const char *controller_name(const struct controller *controller);
struct watches *controller_watches(const struct controller *controller);
size_t controller_running(const struct controller *controller);
/* Nothing is ready and nothing is in work (delayed keys do not count). */
bool controller_is_idle(const struct controller *controller);
bool controller_synced(const struct controller *controller);
/* The last run of this primary raised an error or was killed. */
bool controller_is_failing(const struct controller *controller, const char *kind,
                           const char *namespace, const char *name);
void controller_scrape(struct controller *controller, struct metrics *metrics);

#endif
