/* What commands without a server load policies on: a loop that never waits, a clock that stands
 * still, and numbers that are the same every time, so that their answers are.
 */
#ifndef NEMETON_CLI_WORKBENCH_H
#define NEMETON_CLI_WORKBENCH_H

#include "script/policy.h"

struct workbench {
    struct clock *clock;
    struct random_source *random;
    struct loop *loop;
    struct policy_env env; /* points into the workbench */
};

int workbench_init(struct workbench *bench, struct err *err);
void workbench_deinit(struct workbench *bench); /* after its policies */
/* Loads what --policies names (see bundle_open). Yours. */
struct policy *workbench_policy(struct workbench *bench, const char *const *paths, size_t count,
                                struct err *err);

/* The controller that looks after objects of this kind, or NULL. Lent by the policy. */
const struct policy_controller *workbench_controller(const struct policy *policy,
                                                     const struct jv *object);

#endif
