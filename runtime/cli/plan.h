/* A plan: a file applied in a world of its own. Internal to plan*.c. */
#ifndef NEMETON_CLI_PLAN_H
#define NEMETON_CLI_PLAN_H

#include "cli/changes.h"
#include "cli/command.h"
#include "cli/live.h"
#include "cli/world.h"
#include "cli/world_ready.h"

enum {
    PLAN_QUIET_MS = 120000, /* nothing was written for so long: it is over */
    PLAN_LENGTH_MAX_MS = 24 * 3600000,
};

struct plan {
    struct cli *cli;
    bool live, deletes;
    const char *kubeconfig, *context, *namespace, *policies, *policy_namespace;
    const char *only_name; /* live: of all primaries this one, in `namespace`; NULL: all */
    const char *const *paths;
    size_t path_count;

    struct live server; /* with --live */
    bool no_connection;
    char *default_namespace;
    struct object_files files;
    struct clock *clock;
    struct random_source *random;
    struct loop *loop;
    struct changes *changes;
    struct world *world;
    struct client *client;
    char *failure;     /* an operator or the world has ended */
    struct jv *result; /* of changes_result, with "ready" and "outcome" */
};

/* The text of one entry of result's changes, with its fields. */
void plan_print_change(FILE *out, const struct jv *change);
/* Fills result. */
int plan_make(struct plan *plan, struct err *err);
void plan_close(struct plan *plan);

/* plan_live.c: brings what is in the cluster into the world. */
int plan_load_live(struct plan *plan, struct err *err);
/* plan_apply.c: the namespaces of the files, where nothing is there yet; and then applies the files
 * in the world, as kubectl apply would, or deletes what is in them. */
int plan_make_namespaces(struct plan *plan, struct err *err);
int plan_apply(struct plan *plan, struct err *err);
int plan_delete(struct plan *plan, struct err *err);

#endif
