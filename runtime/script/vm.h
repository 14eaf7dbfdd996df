/* One Lua state and the runs inside it: internal to script/, like every header that shows lua.h.
 *
 * The state is built from an allow-list, its memory is counted and capped by the allocator, and all
 * policy code runs in coroutines (`struct vm_run`) that one function resumes. Normal running is
 * unhooked; a slice timer (loop/slice) installs a hook from its signal handler, the hook yields, or,
 * where Lua cannot yield, looks at the budget. With a virtual clock a plain count hook does the same
 * by instructions. A kill latches in the run: no pcall stops it, and a killed coroutine never runs
 * policy code again.
 *
 * Functions marked RAISES may longjmp: own nothing when you call one.
 */
#ifndef NEMETON_SCRIPT_VM_H
#define NEMETON_SCRIPT_VM_H

#include "loop/slice.h"
#include "script/policy.h"

#include <lauxlib.h>
#include <lua.h>
#include <signal.h>

#define RAISES

enum {
    VM_STRETCH_MS = 100
}; /* CPU of one resume: only where Lua cannot yield does it outlast a slice */
enum { VM_POOL_MAX = 32, VM_TEXT_MAX = 16 << 20, VM_LIST_MAX = 1 << 20, VM_SORT_MAX = 1 << 16 };

enum vm_kill {
    VM_ALIVE,
    VM_KILL_CPU,
    VM_KILL_MEMORY,
    VM_KILL_WALL,
    VM_KILL_EFFECTS,
    VM_KILL_CANCEL
};
enum vm_step { VM_DONE, VM_WAITS, VM_SLICED, VM_FAILED, VM_KILLED };

struct vm;
struct task;

struct vm_run {
    struct vm *vm;
    lua_State *L;      /* the coroutine */
    int ref;           /* what anchors it */
    struct task *task; /* NULL: loading, a pure call, a test */
    enum vm_kill killed;
    volatile sig_atomic_t due; /* set by the slice's signal */
    bool sliced;               /* the hook yielded, not an API call */
    const char *killed_in;     /* the file where a hook killed it, lent by the code; or NULL */
    int killed_line;
    int64_t cpu_ns, cpu_ns_max, resumed_cpu_ns;
    uint64_t instructions, instructions_max;
    int64_t grown_bytes;  /* of the state's memory, while this run was running */
    int result_count;     /* after VM_DONE: values on top of L's stack */
    struct vm_box *boxes; /* parsed objects and the like, alive for the length of the run */
    bool has_docs;        /* the registry has a table of them */
};

struct vm_thread {
    lua_State *L;
    int ref;
};

struct vm {
    lua_State *L;
    struct loop *loop;
    struct clock *clock;
    struct random_source *random;
    struct log *log;
    struct slice *slice;
    struct policy_limits limits; /* defaults filled in */
    /* The whole name of the file whose name ends so; NULL when there is none. May be NULL. */
    const char *(*source_of)(void *arg, const char *tail, size_t len);
    void *source_arg;
    struct slab *slab;                /* where Lua's values live */
    size_t bytes, bytes_peak;         /* Lua's own */
    size_t outside_bytes;             /* held in C for views */
    struct vm_run *current;           /* in lua_resume or lua_resetthread now */
    struct vm_run idle;               /* what the main thread belongs to */
    struct task *ready, **ready_tail; /* tasks that want to be resumed, first come first served */
    size_t ready_count;
    struct loop_timer *ready_turn;
    struct vm_thread pool[VM_POOL_MAX];
    size_t pool_count;
    const void *view_mt, *array_mt, *object_mt, *err_mt; /* addresses, to tell values apart fast */
    uint64_t kills;
    int64_t cpu_ns;
};

/* Metatables and the like in the registry are found by the addresses of these. */
struct vm_keys {
    char view_mt, box_mt, array_mt, object_mt, err_mt, ctx_mt, globals, docs, json_equal;
};
extern const struct vm_keys vm_keys;

struct vm *vm_new(const struct policy_env *env, struct err *err);
void vm_free(struct vm *vm);

static inline struct vm_run *vm_run_of(lua_State *L)
{
    return *(struct vm_run **)lua_getextraspace(L);
}
static inline struct vm *vm_of(lua_State *L)
{
    return vm_run_of(L)->vm;
}

/* Calls fn(lightuserdata arg) protected on the main thread; nothing is returned by Lua values. */
int vm_protect(struct vm *vm, lua_CFunction fn, void *arg, struct err *err);

/* Takes a coroutine; task may be NULL. */
int vm_run_start(struct vm *vm, struct vm_run *run, struct task *task, struct err *err);
/* The only place that calls lua_resume. */
enum vm_step vm_run_resume(struct vm_run *run, int argument_count);
/* Resumes until it is done, failed or killed: for code that has nothing to wait for. */
enum vm_step vm_run_sync(struct vm_run *run, int argument_count);
/* After VM_FAILED or VM_KILLED: what happened, and where (trace may be NULL). True when what was raised
 * is an err the runtime had answered (assert(ctx.apply(…))): an expected failure, not a bug. */
bool vm_run_failure(struct vm_run *run, struct err *err, struct buf *trace);
/* Runs what <close> is left under a small budget, gives the coroutine back, releases the views. */
void vm_run_end(struct vm_run *run);
const char *vm_kill_text(const struct vm_run *run, struct err *err); /* fills err */

/* Latches the kill; from inside Lua, vm_raise_kill also leaves. */
void vm_run_kill(struct vm_run *run, enum vm_kill why);
RAISES int vm_raise_kill(lua_State *L, enum vm_kill why);
/* Work done in C on behalf of Lua, in units of about one instruction: keeps budgets honest. vm_charge
 * also looks whether the budget is used up; vm_note leaves that to the next look. */
RAISES void vm_charge(lua_State *L, uint64_t units);
static inline void vm_note(lua_State *L, uint64_t units)
{
    vm_run_of(L)->instructions += units;
}

/* An error with a policy's words: names of files whole, control characters spelled out. */
void vm_err_text(const struct vm *vm, struct err *err, enum err_code code, const char *text);
/* Turns the error object at idx into an err; never calls what the policy wrote. */
RAISES void vm_error_describe(lua_State *L, int idx, struct err *err);

/* What must be freed even when a longjmp skips the code that would: a C value that a userdata on the
 * stack and the run both know. It is released by vm_box_release, by the collector, or at the end of
 * the run, whichever comes first. (Finalizers alone would not do: Lua drops one without calling it
 * when memory is short.) The box itself stays valid as long as its userdata. */
struct vm_box {
    void *value; /* NULL once released */
    void (*release)(void *value);
    unsigned refs;
    struct vm_box *next, **link; /* of the run; link NULL once released */
};
RAISES struct vm_box *vm_box_push(lua_State *L, void (*release)(void *value));
struct vm_box *vm_box_at(lua_State *L, int idx);
void vm_box_release(struct vm_box *box);

/* vm_base.c: the allow-list. vm_env_push wraps the function on top (require) into a frozen _ENV. */
RAISES void vm_open(lua_State *L);
RAISES void vm_env_push(lua_State *L);
/* Pops a table of functions and adds it, frozen, to the globals. */
RAISES void vm_add_library(lua_State *L, const char *name);
/* Replaces the table on top by a read-only proxy of it. */
RAISES void vm_freeze(lua_State *L, const char *name);
RAISES const char *vm_text(lua_State *L, int idx,
                           size_t *len); /* pushes tostring(value), no addresses */

/* Library openers: each leaves a table of functions (or registers itself). */
RAISES void vm_string_open(lua_State *L);
RAISES void vm_table_open(lua_State *L);
RAISES void vm_pairs_open(lua_State *L, int globals); /* pairs, next */
int vm_print(lua_State *L);
int vm_find(lua_State *L); /* string.find and friends, bounded */
int vm_match(lua_State *L);
int vm_gmatch(lua_State *L);
int vm_gsub(lua_State *L);

#endif
