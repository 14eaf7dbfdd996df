/* The first load, when there is no last good version to keep: what loads and passes its tests is taken, the rest is
 * left out and marked; so is what was refused before, for only a running operator can try it on what there is. */
#include "control/policies_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FAILURES_MAX = 64 };

struct first_load {
    struct policies *policies;
    const struct gathered *gathered;
    bool leaves_asking; /* who asks for a version that is not to be had is left out */
    char wanted_digest[DIGEST_SHA256_HEX];
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
}

/* -1: it was refused as all is now, or asks for a version that nobody has any more. */
static int check_marks(const struct first_load *first, size_t index, struct err *err)
{
    const struct jv *object = first->gathered->objects[index];
    const struct jv *annotations = jv_path(object, "metadata", "annotations", NULL);
    const char *refused = jv_path_str(annotations, POLICIES_REFUSED, NULL);
    const char *told = jv_path_str(annotations, POLICIES_ERROR, NULL);
    const char *asked = gather_asked(object);
    if (refused != NULL && strcmp(refused, first->wanted_digest) == 0)
        return err_set(err, ERR_INVALID, "%s", told != NULL ? told : "it was refused before");
    if (asked != NULL && first->leaves_asking)
        return err_set(
            err, ERR_NOT_FOUND,
            "%s: version `%.64s` is not kept since the operator has started anew, and this "
            "ConfigMap is left out: put that version's files into it and take the "
            "annotation away",
            POLICIES_USE_VERSION, asked);
    return 0;
}

struct tests {
    char first_failure[ERR_TEXT_BYTES];
};

static void on_test(void *arg, const char *module, const char *test, const char *failure)
{
    struct tests *tests = arg;
    if (failure != NULL && tests->first_failure[0] == '\0')
        snprintf(tests->first_failure, sizeof(tests->first_failure), "%s: \"%s\": %s", module, test,
                 failure);
}

static int run_tests(struct policy *policy, const char *layer, struct err *err)
{
    struct tests tests = {0};
    struct policy_testing *testing = policy_test_begin(policy, layer, on_test, &tests);
    int result = 0;
    while (result == 0)
        result = policy_test_step(testing, err);
    int failed = policy_test_failed(testing);
    policy_test_end(testing);
    if (result < 0)
        return -1;
    return failed == 0 ? 0 : policies_tests_failed(failed, tests.first_failure, err);
}

static int load_bottom(struct first_load *first, struct err *err)
{
    struct policies *policies = first->policies;
    const struct policy_set *embedded = policies->options.embedded;
    int marked = 0;
    for (size_t i = 0; i < first->gathered->base_count && marked == 0; i++)
        marked = check_marks(first, i, err);
    first->set = policy_set_new(embedded);
    if (marked == 0 && gather_bottom(policies, first->gathered, first->set, err) == 0)
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
    int failed = check_marks(first, index, err);
    for (size_t i = 0; i < count && failed == 0; i++)
        failed = policy_set_add(more, &below[i], err);
    if (failed == 0)
        failed = policy_set_add_configmap(more, gathered_name(first->gathered, index),
                                          first->gathered->objects[index], err);
    if (failed == 0)
        policy = policies_load(first->policies, more, err);
    if (policy == NULL || run_tests(policy, gathered_name(first->gathered, index), err) != 0) {
        policy_unref(policy);
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
    for (size_t i = 0; i < first->failure_count; i++) {
        policies_tell_refused(policies, &first->failures[i].err);
        policies_blame(policies, first->gathered->objects[first->failures[i].index],
                       first->failures[i].err.text);
    }
    if (first->failure_count > 0) {
        snprintf(policies->refused_digest, sizeof(policies->refused_digest), "%s",
                 first->wanted_digest);
        policies->refused_for_good = !first->leaves_asking && first->wanted_digest[0] != '\0';
    }
    marks_sync(policies);
}

static int load_all(struct first_load *first, struct err *err)
{
    first->failure_count = 0;
    if (load_bottom(first, err) != 0)
        return -1;
    for (size_t i = first->gathered->base_count; i < first->gathered->count; i++) {
        struct err failure = {0};
        if (add_overlay(first, i, &failure) != 0)
            note_failure(first, i, &failure);
    }
    return 0;
}

static bool is_asked_version(const struct first_load *first)
{
    const char *asked = gathered_asked(first->gathered);
    return asked == NULL || (strlen(asked) >= POLICIES_VERSION_PREFIX_MIN &&
                             strncmp(policy_version(first->policy), asked, strlen(asked)) == 0);
}

void policies_load_first(struct policies *policies, const struct gathered *gathered)
{
    struct first_load first = {.policies = policies, .gathered = gathered};
    struct policy_set *wanted = gather_set(policies, gathered, NULL);
    struct err err = {0};
    if (wanted != NULL)
        snprintf(first.wanted_digest, sizeof(first.wanted_digest), "%s", policy_set_digest(wanted));
    policy_set_unref(wanted);
    int failed = load_all(&first, &err);
    if (failed == 0 && !is_asked_version(&first)) {
        policy_unref(first.policy);
        policy_set_unref(first.set);
        first.policy = NULL;
        first.set = NULL;
        first.leaves_asking = true;
        failed = load_all(&first, &err);
    }
    if (failed != 0) {
        policies->options.on_fatal(policies->options.arg, &err);
    } else {
        size_t count = 0;
        struct watches **watches = policies_watches(policies, first.policy, &count);
        log_info(policies->options.env.log, "Policies loaded", "version",
                 policy_version(first.policy));
        policies_in_force(policies, first.set, first.policy, watches, count);
        free(watches);
        if (!first.leaves_asking || !is_asked_version(&first))
            blame_failures(&first);
    }
    policy_unref(first.policy);
    policy_set_unref(first.set);
    free(first.failures);
}
