/* A whole Kubernetes in this process: an API server, what plays its controllers and nodes, and
 * operators.
 *
 * All of it runs on one loop and talks over loopback transports, so a virtual clock and a seed make
 * it free and repeatable. The API server starts with the CRDs that travel in the binary, the usual
 * namespaces and WORLD_NAMESPACE, the policies ConfigMap, and the default StorageClass `standard`.
 * Controllers and nodes are policies on the same runtime, run by a manager that needs no lease, for
 * nobody competes with it; they send WORLD_USER as their User-Agent, operators send WORLD_OPERATOR_USER.
 */
#ifndef NEMETON_CLI_WORLD_H
#define NEMETON_CLI_WORLD_H

#include "cli/bundle.h"
#include "control/manager.h"
#include "loop/loopback.h"
#include "sandbox/apiserver.h"

#define WORLD_NAMESPACE BUNDLE_NAMESPACE
#define WORLD_URL "https://sandbox"
#define WORLD_USER "kube-controller-manager"
#define WORLD_OPERATOR_USER "nemeton"
#define WORLD_STORAGE_CLASS "standard"

enum { WORLD_OPERATORS_MAX = 4 };

struct world;
struct world_options { /* loop, random and logs must outlive the world */
    struct loop *loop;
    struct random_source *random;
    struct log *log;        /* of the operators; may be NULL */
    struct log *world_log;  /* of everything else; may be NULL */
    bool no_leases;         /* operators simply lead: less to do in a world of one operator */
    const char *token;      /* wanted of every client; NULL: anybody */
    const char *policy_dir; /* of the operators, in place of the ConfigMap; NULL: none */
    const struct policy_layer *policies; /* their embedded layer; NULL: what the binary has */
    size_t history_max;                  /* of the API server; 0 = its default */
    int64_t run_wall_ms;                 /* of each run of a policy; 0 = the default */
    /* As in struct apiserver_options; may be NULL. */
    void (*on_commit)(void *arg, const char *verb, const char *user, const struct jv *before,
                      const struct jv *after);
    void (*on_refusal)(void *arg, const char *user, const struct jv *status);
    /* An operator has come to its end and is gone (it may be started again here). May be NULL. */
    void (*on_operator_exit)(void *arg, size_t index, const struct manager_end *end);
    void (*on_operator_ready)(void *arg, size_t index); /* leads for the first time; may be NULL */
    /* A request of an operator has arrived and is to be given to `handle`. The operator may be killed
     * before that (the exchange is gone then) or after. NULL: it goes on at once. */
    void (*on_operator_request)(void *arg, size_t index, struct exchange *exchange,
                                exchange_handler handle, void *handle_arg);
    /* What plays the world cannot go on; it is over. */
    void (*on_failed)(void *arg, const char *why); /* NULL: it was drained */
    void *arg;
};

struct world *world_new(const struct world_options *options, struct err *err);
/* At any time; everything under way is dropped. */
void world_free(struct world *world);
/* Straight into the API server, as an admin would. Call it before world_start for CRDs, so that what
 * plays the world knows their kinds. */
int world_load(struct world *world, const struct jv *object, bool with_status, struct err *err);
/* Makes namespaces that objects name and that are not there. */
int world_make_namespace(struct world *world, const char *name, struct err *err);
/* Controllers and nodes begin to work. */
int world_start(struct world *world, struct err *err);

/* Operators by index, below WORLD_OPERATORS_MAX. Each has connections of its own. */
int world_operator_start(struct world *world, size_t index, struct err *err);
void world_operator_kill(struct world *world, size_t index); /* as kill -9; none there is fine */
struct manager *world_operator(struct world *world, size_t index); /* lent; NULL: none runs */
/* Faults of the network between operators and the API server, present and future ones. */
void world_set_faults(struct world *world, const struct loopback_faults *faults);

struct apiserver *world_apiserver(struct world *world);
/* For clients in this process; lent. The configuration carries the token. */
struct transport *world_transport(struct world *world);
struct kube_config *world_config(struct world *world);
/* Operators and controllers end in order; on_operator_exit and on_failed tell of each. */
void world_drain(struct world *world);
/* Nobody has work that could start now. Delayed work does not count: watch the commits for that. */
bool world_is_idle(struct world *world);

#endif
