/* One run of a controller for one key: a coroutine, its budgets, its effects.
 *
 * The run sees one snapshot per lookup and one policy version. It ends in exactly one outcome,
 * reported from the loop (never inside task_start). task_cancel abandons it: pending effects are
 * cancelled, `<close>` handlers run under a budget, nothing is reported.
 */
#ifndef NEMETON_SCRIPT_TASK_H
#define NEMETON_SCRIPT_TASK_H

#include "script/policy.h"

enum task_outcome {
    TASK_DONE,     /* nil */
    TASK_REQUEUE,  /* { requeue_ms = n } */
    TASK_RETRY,    /* nil, err: an expected failure; retry with backoff */
    TASK_TERMINAL, /* { terminal = "message" }: wait for a change */
    TASK_FAILED,   /* the policy raised an error */
    TASK_KILLED,   /* over a budget: CPU, memory, wall time, effects */
};
const char *task_outcome_name(enum task_outcome outcome);

struct task_key {
    const char *api_version, *kind, *namespace, *name; /* namespace "" for cluster-scoped */
    const char *uid; /* of the incarnation last seen; "" when unknown */
};
struct task_result {
    enum task_outcome outcome;
    int64_t requeue_ms;
    struct err err;    /* RETRY, TERMINAL, FAILED, KILLED: text for people */
    const char *trace; /* FAILED: file:line and stack; lent; "" otherwise */
    int64_t cpu_ns, wall_ms;
    size_t effects;
    struct jv *value; /* of a serve: what it returned; lent; NULL when that was nothing */
};
typedef void (*task_fn)(void *arg, const struct task_result *result);

struct task;
/* object: the primary as cached, or NULL when it is gone. effects must outlive the task. */
struct task *task_start(struct policy *policy, const struct policy_controller *controller,
                        const struct task_key *key, struct store_item *object,
                        struct effects *effects, struct log *log, task_fn fn, void *arg);
void task_cancel(struct task *task);

/* Runs the controller's serve(ctx) for a request to an object: ctx.request is the request. What it
 * returns comes with TASK_DONE. */
struct task *task_start_serve(struct policy *policy, const struct policy_controller *controller,
                              const struct task_key *key, struct store_item *object,
                              struct jv *request, struct effects *effects, struct log *log,
                              task_fn fn, void *arg);

/* Runs any function module.function(ctx) as a task: scenario tests. */
struct task *task_start_function(struct policy *policy, const char *module, const char *function,
                                 struct effects *effects, struct log *log, task_fn fn, void *arg);

#endif
