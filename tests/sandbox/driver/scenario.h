/* One scenario: its modules loaded into a policy of its own, run against a world, its outcome. */
#ifndef NEMETON_TESTS_SCENARIO_H
#define NEMETON_TESTS_SCENARIO_H

#include "admin.h"
#include "script/policy.h"

/* The worlds a scenario runs in. */
struct setting {
    const char *mode;             /* "virtual", "http" or "cluster" */
    int patience;                 /* waits are so many times longer */
    bool settles;                 /* at its end the world comes to rest and is looked at */
    const char *policy_namespace; /* where policy ConfigMaps live */
    const char *overlay;          /* file of a policy that is in force; NULL: none */
    const char *folder;           /* of the scenarios */
    const char *example;          /* file of the example cluster */
};

/* Names of the scenarios in the folder, sorted: all modules but world, former and runner. NULL-terminated,
 * yours, with its strings. */
char **scenario_names(const char *folder, struct err *err);

/* Runs one to its end. 0 when it held; -1 and err with the reason and the place. title: lent to fn
 * before the run. */
int scenario_run(const struct policy_env *env, const struct setting *setting, const char *name,
                 struct effects *effects, char **title, struct err *err);

#endif
