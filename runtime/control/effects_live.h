/* The door of a run that acts: its effects become requests.
 *
 * What is wanted is compared with the cache first and nothing is sent when nothing differs. Deletes
 * and lowered replicas pass the gate. The server's answer to a write of ours enters the caches at
 * once, so that a run reads what it wrote. An object that another controller owns is never
 * overwritten. effects_shared is what all runs of one operator have in common; effects_run is one
 * run's door, made before its task and freed after it (which cancels what is under way).
 */
#ifndef NEMETON_CONTROL_EFFECTS_LIVE_H
#define NEMETON_CONTROL_EFFECTS_LIVE_H

#include "cache/informer.h"
#include "control/gate.h"
#include "control/metrics.h"
#include "kube/event.h"
#include "script/policy.h"
#include "script/task.h"

enum {
    EFFECTS_HTTP_TIMEOUT_MS = 10000,
    EFFECTS_HTTP_TIMEOUT_MAX_MS = 60000,
    EFFECTS_HTTP_BODY_MAX = 1 << 20,
    EFFECTS_HTTP_TLS_MAX = 8, /* CA bundles kept ready */
    EFFECTS_DIGEST_BYTES_MAX = 8 << 20,
    EFFECTS_LOG_TIMEOUT_MS = 5000,
    EFFECTS_LOG_BYTES_MAX = 64 << 10,
};

struct effects_shared_options {
    struct loop *loop;
    struct rest *rest;
    struct transport *transport;
    struct discovery *discovery;
    struct informer_set *informers;
    struct event_recorder *events;
    struct gate *gate;
    struct log *log;
    struct metrics *metrics;
    const char *field_manager;
    const char *const *env; /* names the proxies of policies' HTTP; NULL: none */
    uint64_t hash_seed;
};
struct effects_shared;
struct effects_shared *effects_shared_new(const struct effects_shared_options *options);
void effects_shared_free(struct effects_shared *shared); /* after all runs */

struct effects_run_options {
    const struct policy_controller *controller; /* lent; must outlive the run */
    const char *policy_version;
    struct task_key key;
    struct store_item *primary; /* NULL: it is gone */
    struct log *log;
    /* The informer that a declared kind is read from; NULL when it is not declared. */
    struct informer *(*informer)(void *arg, const char *api_version, const char *kind);
    /* Its cache is complete, or known to be of a kind that the server lacks. */
    bool (*readable)(void *arg, const struct informer *informer);
    bool (*synced)(void *arg); /* all caches of the controller in this scope */
    void *arg;
};
struct effects_run;
struct effects_run *effects_run_new(struct effects_shared *shared,
                                    const struct effects_run_options *options);
struct effects *effects_run_door(struct effects_run *run);
size_t effects_run_writes(const struct effects_run *run); /* sent so far */
void effects_run_free(struct effects_run *run);

#endif
