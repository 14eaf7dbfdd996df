/* What task.c, op.c and the api_* files share: internal to script/.
 *
 * An op is what a run waits for: one effect, or up to a list of them started side by side. It
 * belongs to the task, so whatever a longjmp skips is freed at the next op or at the end of the run.
 */
#ifndef NEMETON_SCRIPT_TASK_INTERNAL_H
#define NEMETON_SCRIPT_TASK_INTERNAL_H

#include "script/task.h"
#include "script/vm.h"

enum { OP_IN_FLIGHT_MAX = 16, OP_ITEMS_MAX = 1000, OP_WHOLE_MAX = 16, TASK_LOG_LINES_MAX = 200 };

struct op_item {
    struct task *task;
    struct effect_call *call; /* under way */
    struct jv *body, *result;
    struct err err;
    bool failed, done;
    bool merge; /* of an apply_all: a merge patch, with the names of its target in it */
};
struct op {
    struct op_item *items;
    size_t count, started, in_flight;
    enum effect_verb verb;
    char *whole[OP_WHOLE_MAX];
    size_t whole_count;
};

struct task {
    struct vm_run run;
    struct policy *policy;
    const struct policy_controller *controller; /* NULL: a scenario, everything is allowed */
    struct task_key key;                        /* strings owned */
    struct store_item *object;
    struct jv *request;      /* of a serve; NULL for every other task */
    char *module, *function; /* what the run calls with ctx */
    struct effects *effects;
    struct log *log;
    task_fn fn;
    void *arg;
    struct task *ready_next, **ready_link; /* in the queue of its state; link NULL: not waiting */
    struct loop_timer *deadline;
    int64_t started_ms;
    size_t effects_used;
    unsigned log_lines;
    bool stillborn; /* it could not even be set up, for run_err; told like any other end */
    struct err run_err;
    struct op op;
};

/* Frees what the op before held and prepares `count` items. */
void op_begin(struct task *task, enum effect_verb verb, size_t count);
/* Starts the single item with this effect (its body is the item's). Counts against effects_max. */
RAISES void op_start(lua_State *L, struct task *task, const struct effect *effect);
/* Starts the items of an apply_all, OP_IN_FLIGHT_MAX at a time. */
RAISES void op_start_all(lua_State *L, struct task *task);
bool op_is_done(const struct op *op);
void op_cancel(struct task *task); /* cancels what is under way and frees everything */
void task_wake(struct task *task); /* resumes from the loop */

/* The target of an object: lent strings of body. */
void effect_target_of(struct effect *effect, const struct jv *body);

/* Raises when the controller's rights lack the verb for the kind. */
RAISES void task_check_right(lua_State *L, struct task *task, enum effect_verb verb,
                             const char *api_version, const char *kind, const char *call);
/* The task of the run, or an error saying that `call` works only inside a run. */
RAISES struct task *task_of(lua_State *L, const char *call);

RAISES void task_push_ctx(lua_State *L, struct task *task); /* api_ctx.c */

#endif
