/* One operator: caches, lease, policies, controllers; started, synced, led, drained in order.
 *
 * Everything it needs is given, nothing is global, so several managers (the operator and the
 * sandbox's own controllers) live in one process on one loop. Losing the lease, a second signal or
 * an error that cannot heal end in on_exit with the exit code that main returns.
 */
#ifndef NEMETON_CONTROL_MANAGER_H
#define NEMETON_CONTROL_MANAGER_H

#include "control/health.h"
#include "control/metrics.h"
#include "kube/config.h"
#include "script/policy.h"

/* What on_exit gives to main. */
enum { EXIT_DONE = 0, EXIT_FAILED = 1, EXIT_USAGE = 2, EXIT_NO_CONNECTION = 3 };

/* How a manager has come to its end. */
enum manager_end_reason {
    MANAGER_DRAINED,       /* told to stop */
    MANAGER_LEASE_LOST,    /* whoever started it starts it again */
    MANAGER_NO_CONNECTION, /* never had one */
    MANAGER_NO_POLICIES,   /* none can be loaded: starting again does not heal that */
};
struct manager_end {
    enum manager_end_reason reason;
    int exit_code;   /* EXIT_… */
    const char *why; /* one line; NULL when it was drained */
};

enum {
    MANAGER_CONCURRENT_DEFAULT = 64,
    /* While so many requests are under way, no more than so many runs: they would only wait, and each
     * holds all that it rendered. */
    MANAGER_REQUESTS_BUSY = 32,
    MANAGER_CONCURRENT_BUSY = 12,
    MANAGER_REST_MS = 1000,          /* without a run: then memory is given back … */
    MANAGER_REST_AGAIN_MS = 10000,   /* … and not again before this has passed */
    MANAGER_CONNECT_MS = 30000,      /* at the start: then exit code 3 … */
    MANAGER_CONNECT_MAX_MS = 300000, /* … however long the server asks to wait */
    MANAGER_CONNECT_RETRY_MS = 1000,
    MANAGER_DRAIN_MS = 25000,  /* runs under way at a SIGTERM */
    MANAGER_EVENTS_MS = 2000,  /* and then events not yet sent */
    MANAGER_RELEASE_MS = 5000, /* and then the lease */
    MANAGER_POLL_MS = 20,
};

struct manager;

struct manager_options {
    struct loop *loop;
    struct transport *transport;
    struct random_source *random;
    struct log *log;
    struct kube_config *config;
    struct metrics *metrics; /* shared or own; may be NULL */
    const char *name;        /* "nemeton": field manager, lease name, event source */
    const char *identity;    /* hostname_uuid */
    const char *lease_namespace;
    const char *policy_namespace;  /* NULL: no ConfigMaps, only the layers given */
    const char *const *namespaces; /* to watch; count 0 = all */
    size_t namespace_count;
    const char *const *ignored_namespaces; /* primaries in them are left to others */
    size_t ignored_namespace_count;
    const char *const *disabled_controllers; /* by module, or its last part: "ingestion" */
    size_t disabled_controller_count;
    const struct policy_set *embedded; /* fallback and bottom; must outlive the manager */
    const char *policy_dir; /* --policies DIR replaces the embedded layer; SIGHUP re-reads */
    struct policy_limits limits;
    size_t concurrent_max;  /* runs under way at once; 0 = 64 */
    bool skip_lease;        /* previews in a private sandbox only */
    bool plays_kubernetes;  /* the sandbox's own controllers only: see gate.h */
    const char *const *env; /* says through which proxy policies' HTTP goes; NULL: through none */
    /* From the loop, as the last thing: the manager may be freed in it. */
    void (*on_exit)(void *arg, const struct manager_end *end);
    void (*on_ready)(void *arg); /* synced and leading for the first time; may be NULL */
    void *arg;
};

struct manager *manager_new(const struct manager_options *options, struct err *err);
void manager_start(struct manager *manager);
void manager_reload_files(struct manager *manager); /* SIGHUP */
void manager_drain(struct manager *manager);        /* SIGTERM: finish, release, on_exit(0) */
void manager_free(struct manager *manager);         /* at any time: as kill -9 would */

bool manager_is_leading(const struct manager *manager);
bool manager_is_idle(const struct manager *manager); /* synced, no key ready or in work */
/* Why it is not ready, in words; NULL when it is. */
char *manager_problem(const struct manager *manager);   /* yours to free */
struct policy *manager_policy(struct manager *manager); /* in force; lent; NULL before the first */
size_t manager_running(const struct manager *manager);  /* runs under way */
/* Checks of readiness and liveness; remove them with health_remove(health, manager). */
void manager_watch_health(struct manager *manager, struct health *health);

#endif
