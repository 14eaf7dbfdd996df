#include "script/task.h"

#include "script/convert.h"
#include "script/policy_internal.h"
#include "script/task_internal.h"
#include "script/view.h"

#include <stdlib.h>
#include <string.h>

enum { TRACE_MAX = 4096 };

const char *task_outcome_name(enum task_outcome outcome)
{
    switch (outcome) {
    case TASK_DONE:
        return "done";
    case TASK_REQUEUE:
        return "requeue";
    case TASK_RETRY:
        return "retry";
    case TASK_TERMINAL:
        return "terminal";
    case TASK_FAILED:
        return "failed";
    case TASK_KILLED:
        return "killed";
    }
    return "unknown";
}

static int entry_done(lua_State *L, int status, lua_KContext context)
{
    (void)status;
    (void)context;
    return lua_gettop(L);
}

/* The first function of the coroutine: everything that may raise happens inside the run. */
static int entry(lua_State *L)
{
    struct task *task = vm_run_of(L)->task;
    lua_settop(L, 0);
    policy_push_function(L, task->policy, task->module, task->function);
    task_push_ctx(L, task);
    lua_callk(L, 1, LUA_MULTRET, 0, entry_done);
    return entry_done(L, LUA_OK, 0);
}

struct answer {
    struct task *task;
    struct task_result *result;
};

/* What serve returned is an answer to its caller, whatever it is. */
static void take_served(lua_State *L, struct task_result *result)
{
    if (lua_isnil(L, 2))
        return;
    result->value = convert_take(L, 2, "what serve returned", CONVERT_WHOLE_REALS, &result->err);
    if (result->value == NULL)
        result->outcome = TASK_FAILED;
}

/* What the function returned, read raw on the main thread: values 2 and 3 of the stack. */
static int protected_answer(lua_State *L)
{
    struct answer *answer = lua_touserdata(L, 1);
    struct task_result *result = answer->result;
    struct vm_run *run = &answer->task->run;
    int count = run->result_count < 2 ? run->result_count : 2;
    lua_settop(run->L, lua_gettop(run->L) - (run->result_count - count));
    lua_xmove(run->L, L, count);
    lua_settop(L, 3);
    result->outcome = TASK_DONE;
    if (lua_isnil(L, 2) && lua_isnil(L, 3))
        return 0;
    if (lua_isnil(L, 2)) {
        result->outcome = TASK_RETRY;
        vm_error_describe(L, 3, &result->err);
        return 0;
    }
    if (answer->task->request != NULL) {
        take_served(L, result);
        return 0;
    }
    if (!lua_istable(L, 2))
        return luaL_error(L,
                          "reconcile returned a value of type %s; it may return nothing, "
                          "{ requeue_ms = n }, { terminal = \"why\" } or nil, err",
                          luaL_typename(L, 2));
    lua_pushliteral(L, "terminal");
    if (lua_rawget(L, 2) == LUA_TSTRING) {
        result->outcome = TASK_TERMINAL;
        vm_err_text(vm_of(L), &result->err, ERR_INVALID, lua_tostring(L, -1));
        return 0;
    }
    lua_pushliteral(L, "requeue_ms");
    if (lua_rawget(L, 2) != LUA_TNUMBER)
        return luaL_error(L, "reconcile returned a table with neither requeue_ms (a number) nor "
                             "terminal (a string)");
    lua_Number ms = lua_tonumber(L, -1);
    result->outcome = TASK_REQUEUE;
    result->requeue_ms = ms >= 9e15 ? (int64_t)9e15 : ms > 0 ? (int64_t)ms : 0;
    return 0;
}

static void task_free(struct task *task)
{
    struct policy *policy = task->policy;
    free((char *)task->key.api_version);
    free((char *)task->key.kind);
    free((char *)task->key.namespace);
    free((char *)task->key.name);
    free((char *)task->key.uid);
    free(task->module);
    free(task->function);
    jv_unref(task->request);
    if (task->object != NULL)
        store_item_unref(task->object);
    policy_task_ended(policy);
    free(task);
    policy_unref(policy);
}

static void ready_remove(struct task *task)
{
    struct vm *vm = task->run.vm;
    if (task->ready_link == NULL)
        return;
    *task->ready_link = task->ready_next;
    if (task->ready_next != NULL)
        task->ready_next->ready_link = task->ready_link;
    else
        vm->ready_tail = task->ready_link;
    task->ready_link = NULL;
    if (--vm->ready_count == 0) {
        loop_timer_cancel(vm->loop, vm->ready_turn);
        vm->ready_turn = NULL;
    }
}

/* Stops everything of the task but its memory. */
static void task_shut(struct task *task)
{
    struct loop *loop = task->run.vm->loop;
    op_cancel(task);
    ready_remove(task);
    loop_timer_cancel(loop, task->deadline);
    task->deadline = NULL;
    vm_run_end(&task->run);
}

static void task_finish(struct task *task, enum vm_step step)
{
    struct task_result result = {.trace = ""};
    struct buf trace;
    buf_init(&trace, TRACE_MAX);
    if (task->stillborn) {
        result.outcome = TASK_FAILED;
        result.err = task->run_err;
    } else if (step == VM_DONE) {
        struct answer answer = {task, &result};
        if (vm_protect(task->run.vm, protected_answer, &answer, &result.err) != 0)
            result.outcome = TASK_FAILED;
    } else {
        bool expected = vm_run_failure(&task->run, &result.err, &trace);
        result.outcome = step == VM_KILLED ? TASK_KILLED : expected ? TASK_RETRY : TASK_FAILED;
        result.trace = buf_str(&trace);
    }
    result.cpu_ns = task->run.cpu_ns;
    result.wall_ms = loop_now_ms(task->run.vm->loop) - task->started_ms;
    result.effects = task->effects_used;
    task_shut(task);
    task_fn fn = task->fn;
    void *arg = task->arg;
    fn(arg, &result);
    jv_unref(result.value);
    task_free(task);
    buf_deinit(&trace);
}

static void task_step(struct task *task)
{
    if (task->stillborn) {
        task_finish(task, VM_FAILED);
        return;
    }
    enum vm_step step = vm_run_resume(&task->run, 0);
    switch (step) {
    case VM_WAITS:
        return;
    case VM_SLICED:
        task_wake(task);
        return;
    case VM_DONE:
    case VM_FAILED:
    case VM_KILLED:
        task_finish(task, step);
        return;
    }
}

/* Resumes who was ready when the turn began, for one slice in all: the loop looks at the network, the
 * lease and the timers in between. */
static void ready_turn(void *arg)
{
    struct vm *vm = arg;
    int64_t began_ms = clock_mono_ms(vm->clock);
    struct policy *policy = policy_ref(vm->ready->policy);
    vm->ready_turn = NULL;
    for (size_t left = vm->ready_count; left > 0 && vm->ready != NULL; left--) {
        struct task *task = vm->ready;
        ready_remove(task);
        task_step(task);
        if (clock_mono_ms(vm->clock) - began_ms >= vm->limits.slice_ms)
            break;
    }
    if (vm->ready != NULL && vm->ready_turn == NULL)
        vm->ready_turn = loop_defer(vm->loop, ready_turn, vm);
    policy_unref(policy);
}

void task_wake(struct task *task)
{
    struct vm *vm = task->run.vm;
    if (task->ready_link != NULL)
        return;
    if (vm->ready == NULL)
        vm->ready_tail = &vm->ready;
    task->ready_next = NULL;
    task->ready_link = vm->ready_tail;
    *vm->ready_tail = task;
    vm->ready_tail = &task->ready_next;
    vm->ready_count++;
    if (vm->ready_turn == NULL)
        vm->ready_turn = loop_defer(vm->loop, ready_turn, vm);
}

static void on_deadline(void *arg)
{
    struct task *task = arg;
    task->deadline = NULL;
    vm_run_kill(&task->run, VM_KILL_WALL);
    op_cancel(task);
    task_finish(task, VM_KILLED);
}

static struct task *task_new(struct policy *policy, struct effects *effects, struct log *log,
                             task_fn fn, void *arg)
{
    struct task *task = mem_alloc(sizeof *task);
    task->policy = policy_ref(policy);
    policy_task_began(policy);
    task->effects = effects;
    task->log = log;
    task->fn = fn;
    task->arg = arg;
    return task;
}

/* A run looks at all of its primary: a large one has more time. */
static void grant_for_size(struct task *task)
{
    const struct policy_limits *limits = &task->run.vm->limits;
    int64_t kib = task->object != NULL ? (int64_t)task->object->json_len >> 10 : 0;
    int64_t more = kib * POLICY_CPU_MS_PER_KIB;
    task->run.cpu_ns_max += more * 1000000;
    task->run.instructions_max +=
        limits->run_instructions / (uint64_t)limits->run_cpu_ms * (uint64_t)more;
}

static struct task *task_begin(struct task *task, const char *module, const char *function)
{
    struct vm *vm = policy_vm(task->policy);
    task->module = mem_str(module);
    task->function = mem_str(function);
    task->started_ms = loop_now_ms(vm->loop);
    task->stillborn = vm_run_start(vm, &task->run, task, &task->run_err) != 0;
    if (!task->stillborn) {
        grant_for_size(task);
        lua_pushcfunction(task->run.L, entry);
        task->deadline = loop_timer_add(vm->loop, vm->limits.run_wall_ms, on_deadline, task);
    }
    task_wake(task);
    return task;
}

static void key_copy(struct task_key *to, const struct task_key *from)
{
    to->api_version = mem_str(from->api_version != NULL ? from->api_version : "");
    to->kind = mem_str(from->kind != NULL ? from->kind : "");
    to->namespace = mem_str(from->namespace != NULL ? from->namespace : "");
    to->name = mem_str(from->name != NULL ? from->name : "");
    to->uid = mem_str(from->uid != NULL ? from->uid : "");
}

struct task *task_start(struct policy *policy, const struct policy_controller *controller,
                        const struct task_key *key, struct store_item *object,
                        struct effects *effects, struct log *log, task_fn fn, void *arg)
{
    struct task *task = task_new(policy, effects, log, fn, arg);
    task->controller = controller;
    key_copy(&task->key, key);
    if (object != NULL)
        task->object = store_item_ref(object);
    return task_begin(task, controller->module, "reconcile");
}

struct task *task_start_function(struct policy *policy, const char *module, const char *function,
                                 struct effects *effects, struct log *log, task_fn fn, void *arg)
{
    struct task *task = task_new(policy, effects, log, fn, arg);
    key_copy(&task->key, &(struct task_key){0});
    return task_begin(task, module, function);
}

struct task *task_start_serve(struct policy *policy, const struct policy_controller *controller,
                              const struct task_key *key, struct store_item *object,
                              struct jv *request, struct effects *effects, struct log *log,
                              task_fn fn, void *arg)
{
    struct task *task = task_new(policy, effects, log, fn, arg);
    task->controller = controller;
    key_copy(&task->key, key);
    if (object != NULL)
        task->object = store_item_ref(object);
    task->request = jv_ref(request);
    return task_begin(task, controller->module, "serve");
}

void task_cancel(struct task *task)
{
    if (task == NULL)
        return;
    vm_run_kill(&task->run, VM_KILL_CANCEL);
    task_shut(task);
    task_free(task);
}
