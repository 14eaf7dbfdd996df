/* An API server in memory: what a Kubernetes control plane's front door does, without its controllers.
 *
 * Built-in kinds are a table (kinds.c); CRDs add more at run time. Semantics follow the reference
 * list "Semantics the simulator must have" §5.1 and are held against a real server by the
 * conformance tests. It answers exchanges, so it serves the in-process loopback and HTTPS alike. It
 * knows no controller and no application: those are clients like any other.
 */
#ifndef NEMETON_SANDBOX_APISERVER_H
#define NEMETON_SANDBOX_APISERVER_H

#include "base/json.h"
#include "base/log.h"
#include "loop/exchange.h"
#include "loop/loop.h"
#include "loop/random.h"

struct apiserver;
struct apiserver_options {
    struct random_source *random;
    struct log *log;
    const char *token;     /* required as Bearer; NULL: anybody (in process) */
    size_t history_max;    /* events kept for watches; 0 = 20000 */
    size_t objects_max;    /* 0 = 200000 */
    size_t body_bytes_max; /* 0 = 3 MiB */
    /* Called at each commit, before anybody sees it: invariants, recordings. May be NULL.
     * verb: "create", "update", "delete"; before/after NULL where there is none. user: User-Agent. */
    void (*on_commit)(void *arg, const char *verb, const char *user, const struct jv *before,
                      const struct jv *after);
    void *on_commit_arg;
    /* Called for each write that is refused, dry runs aside, with the Status that it gets. May be NULL. */
    void (*on_refusal)(void *arg, const char *user, const struct jv *status);
    void *on_refusal_arg;
    /* Text of a pod's log for GET …/log; NULL answer: a line saying that the sandbox has none. */
    char *(*pod_log)(void *arg, const struct jv *pod);
    void *pod_log_arg;
    /* A request that has reached a running pod: answers it, now or later, or refuses it. NULL: nothing
     * listens in any pod. The pod is lent. */
    void (*pod_request)(void *arg, const struct jv *pod, unsigned port, struct exchange *exchange);
    void *pod_request_arg;
};

struct apiserver *apiserver_new(struct loop *loop, const struct apiserver_options *options,
                                struct err *err);
void apiserver_free(struct apiserver *server);
void apiserver_handle(void *server, struct exchange *exchange); /* an exchange_handler */
/* An exchange_handler too, for every other address: takes it to the pod or Service of that name or
 * address (sandbox/network.h). */
void apiserver_handle_pods(void *server, struct exchange *exchange);

/* Straight into the store, as an admin would: --load, previews. Status is kept when with_status. */
int apiserver_load(struct apiserver *server, const struct jv *object, bool with_status,
                   struct err *err);
/* Exactly as it is, with its uid, generation, times, status and deletion mark: for a server that goes
 * on where another one is. Nothing is defaulted or judged. Not for CRDs. */
int apiserver_restore(struct apiserver *server, const struct jv *object, struct err *err);
/* A copy of every object of a kind ("apps/v1", "StatefulSet"), or of everything (NULL, NULL). */
struct jv *apiserver_dump(struct apiserver *server, const char *api_version, const char *kind);
uint64_t apiserver_revision(const struct apiserver *server);

/* Faults, drawn per request from the random source; all 0 at first. */
struct apiserver_faults {
    double conflict, too_many, server_error, forbidden; /* answers instead of doing it */
    double late_error;                                  /* does it, then answers 504 */
    double watch_gone;                                  /* a 410 inside a watch */
    int64_t watch_lag_ms;                               /* events reach watchers this late */
    const char *only_user; /* only for this User-Agent prefix; NULL = all */
};
void apiserver_set_faults(struct apiserver *server, const struct apiserver_faults *faults);
void apiserver_compact(struct apiserver *server); /* forgets history: older watches get 410 */

#endif
