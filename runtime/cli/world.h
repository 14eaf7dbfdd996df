/* A small Kubernetes in this process: the API server, what plays its controllers and nodes, and an
 * operator, all on one loop and talking over the loopback network.
 *
 * With a real clock it is `nemeton sandbox`, with a virtual one a test or a plan. The controllers
 * and the operator are two managers that know nothing of each other. world_operator_stop drops the
 * operator as kill -9 would; it can be started again.
 */
#ifndef NEMETON_CLI_WORLD_H
#define NEMETON_CLI_WORLD_H

#include "control/manager.h"
#include "loop/loopback.h"
#include "sandbox/apiserver.h"

#define WORLD_URL "https://sandbox"

struct world;
struct world_options {
    struct loop *loop;
    struct random_source *random;
    struct log *log;         /* of the operator */
    struct log *quiet_log;   /* of the server and the controllers; NULL: they are silent */
    const char *token;       /* NULL: anybody may call */
    bool policies_configmap; /* the operator's policies are there as a ConfigMap, to be edited */
    bool leases;             /* managers elect leaders; else they simply lead */
    void (*on_commit)(void *arg, const char *verb, const char *user, const struct jv *before,
                      const struct jv *after);
    /* A manager has ended by itself; may be NULL. */
    void (*on_exit)(void *arg, int exit_code, const char *why);
    void *arg;
};

/* The server with the CRDs and the namespaces default, kube-system and nemeton-system. */
struct world *world_new(const struct world_options *options, struct err *err);
void world_free(struct world *world);
struct apiserver *world_apiserver(struct world *world);
struct transport *world_transport(struct world *world);
/* Puts an object there as an admin would; a CRD's kinds are known to the controllers when they are
 * started afterwards. */
int world_load(struct world *world, const struct jv *object, bool with_status, struct err *err);

int world_controllers_start(struct world *world, struct err *err);
/* what: policies (embedded, policy_dir, limits), metrics, name and namespaces are used; the rest is
 * filled in. what->embedded NULL: the operator's policies of this binary. */
int world_operator_start(struct world *world, const struct manager_options *what, struct err *err);
void world_operator_stop(struct world *world);
struct manager *world_operator(struct world *world); /* NULL when there is none */
struct manager *world_controllers(struct world *world);
bool world_is_idle(struct world *world); /* both managers have nothing to do now */
void world_drain(struct world *world);   /* ends the managers in order; on_exit tells of each */

#endif
