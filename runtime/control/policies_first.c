/* The first load, when there is no last good version to keep: what loads is taken, what does not is
 * left out and marked. */
#include "control/policies_internal.h"

#include <stdio.h>
#include <stdlib.h>

enum { FAILURES_MAX = 64 };

struct first_load {
    struct policies *policies;
    const struct gathered *gathered;
    struct policy_set *set;
    struct policy *policy;
    struct failure {
        size_t index; /* of gathered */
        struct err err;
    } * failures;
    size_t failure_count;
};

struct policy *policies_load(struct policies *policies, const struct policy_set *set,
                             struct err *err)
{
    size_t count = 0;
    const struct policy_layer *layers = policy_set_layers(set, &count);
    return policy_load(&policies->options.env, layers, count, err);
}

static void note_failure(struct first_load *first, size_t index, const struct err *err)
{
    if (first->failure_count == FAILURES_MAX)
        return;
    first->failures =
        mem_grow(first->failures, (first->failure_count + 1) * sizeof(*first->failures));
    first->failures[first->failure_count++] = (struct failure){index, *err};
    policies_tell_refused(first->policies, err);
}

static int load_bottom(struct first_load *first, struct err *err)
{
    struct policies *policies = first->policies;
    const struct policy_set *embedded = policies->options.embedded;
    first->set = policy_set_new(embedded);
    if (gather_bottom(policies, first->gathered, first->set, err) == 0)
        first->policy = policies_load(policies, first->set, err);
    if (first->policy != NULL)
        return 0;
    if (first->gathered->base_count == 0 || policies->dir != NULL || embedded == NULL)
        return -1;
    /* The ConfigMap at the bottom is broken: what the binary carries stands in for it. */
    for (size_t i = 0; i < first->gathered->base_count; i++)
        note_failure(first, i, err);
    policy_set_unref(first->set);
    first->set = policy_set_new(embedded);
    if (gather_embedded(policies, first->set, err) == 0)
        first->policy = policies_load(policies, first->set, err);
    return first->policy != NULL ? 0 : -1;
}

static int add_overlay(struct first_load *first, size_t index, struct err *err)
{
    size_t count = 0;
    const struct policy_layer *below = policy_set_layers(first->set, &count);
    struct policy_set *more = policy_set_new(first->set);
    struct policy *policy = NULL;
    int failed = 0;
    for (size_t i = 0; i < count && failed == 0; i++)
        failed = policy_set_add(more, &below[i], err);
    if (failed == 0)
        failed = policy_set_add_configmap(more, gathered_name(first->gathered, index),
                                          first->gathered->objects[index], err);
    if (failed == 0)
        policy = policies_load(first->policies, more, err);
    if (policy == NULL) {
        policy_set_unref(more);
        return -1;
    }
    policy_unref(first->policy);
    policy_set_unref(first->set);
    first->policy = policy;
    first->set = more;
    return 0;
}

/* Only now, for coming into force forgives what was before. */
static void blame_failures(struct first_load *first)
{
    struct policies *policies = first->policies;
    for (size_t i = 0; i < first->failure_count; i++)
        policies_blame(policies, first->gathered->objects[first->failures[i].index],
                       first->failures[i].err.text);
    struct policy_set *wanted = gather_set(policies, first->gathered, NULL);
    if (first->failure_count > 0 && wanted != NULL)
        snprintf(policies->refused_digest, sizeof(policies->refused_digest), "%s",
                 policy_set_digest(wanted));
    policy_set_unref(wanted);
    marks_sync(policies);
}

void policies_load_first(struct policies *policies, const struct gathered *gathered)
{
    struct first_load first = {.policies = policies, .gathered = gathered};
    struct err err = {0};
    if (load_bottom(&first, &err) != 0) {
        policies->options.on_fatal(policies->options.arg, &err);
    } else {
        for (size_t i = gathered->base_count; i < gathered->count; i++) {
            struct err failure = {0};
            if (add_overlay(&first, i, &failure) != 0)
                note_failure(&first, i, &failure);
        }
        size_t count = 0;
        struct watches **watches = policies_watches(policies, first.policy, &count);
        log_info(policies->options.env.log, "Policies loaded", "version",
                 policy_version(first.policy));
        policies_in_force(policies, first.set, first.policy, watches, count);
        free(watches);
        blame_failures(&first);
    }
    policy_unref(first.policy);
    policy_set_unref(first.set);
    free(first.failures);
}
