#include "script/vm.h"

#include "base/slab.h"
#include "script/view.h"

#include <stdlib.h>
#include <string.h>

const struct vm_keys vm_keys;

enum {
    MIB = 1 << 20,
    VALVE_MS = 30000, /* real time that one resume may take when instructions are counted */
};

/* An eighth is kept for runs that did not fill the rest: one that does must not take others along. */
static size_t memory_cap(const struct vm *vm)
{
    size_t cap = vm->limits.memory_bytes_max;
    bool greedy = vm->current != NULL && vm->current->grown_bytes > (int64_t)(cap / 8);
    return greedy ? cap - cap / 8 : cap;
}

static void *counted_alloc(void *arg, void *ptr, size_t old_size, size_t new_size)
{
    struct vm *vm = arg;
    size_t before = ptr != NULL ? old_size : 0;
    if (new_size == 0) {
        slab_drop(vm->slab, ptr, before);
        vm->bytes -= before;
        return NULL;
    }
    if (new_size > before) {
        size_t used = vm->bytes + vm->outside_bytes, cap = memory_cap(vm);
        if (used > cap || new_size - before > cap - used) {
            if (vm->current != NULL)
                vm->current->instructions += vm->bytes / 64; /* Lua collects all, then asks again */
            return NULL;
        }
    }
    if (vm->current != NULL)
        vm->current->grown_bytes += (int64_t)new_size - (int64_t)before;
    void *fresh = slab_resize(vm->slab, ptr, before, new_size);
    vm->bytes += new_size - before;
    if (vm->bytes > vm->bytes_peak)
        vm->bytes_peak = vm->bytes;
    return fresh;
}

static struct policy_limits limits_filled(struct policy_limits limits)
{
    if (limits.memory_bytes_max == 0)
        limits.memory_bytes_max = 64 * (size_t)MIB;
    if (limits.slice_ms == 0)
        limits.slice_ms = 5;
    if (limits.run_cpu_ms == 0)
        limits.run_cpu_ms = 250;
    if (limits.run_wall_ms == 0)
        limits.run_wall_ms = 120000;
    if (limits.slice_instructions == 0)
        limits.slice_instructions = 100000;
    if (limits.run_instructions == 0)
        limits.run_instructions = 20000000;
    if (limits.effects_max == 0)
        limits.effects_max = 2000;
    return limits;
}

static bool over_budget(struct vm_run *run)
{
    struct vm *vm = run->vm;
    if (clock_is_virtual(vm->clock))
        return run->due || run->instructions > run->instructions_max;
    int64_t stretch = clock_cpu_ns(vm->clock) - run->resumed_cpu_ns;
    return stretch > VM_STRETCH_MS * 1000000 || run->cpu_ns + stretch > run->cpu_ns_max;
}

/* [-0, +0, e]: a count hook, or the hook that a slice's signal installed. Where Lua can yield it does,
 * and a run over its budget is never resumed: nothing it wrote can catch that. Where it cannot yield
 * (a sort's comparator, say) the hook raises, at every instruction once the run is killed, so that
 * neither pcall nor <close> keeps it alive. */
static void hook(lua_State *L, lua_Debug *ar)
{
    struct vm_run *run = vm_run_of(L);
    bool counted = clock_is_virtual(run->vm->clock);
    if (run->killed == VM_ALIVE) {
        if (counted)
            run->instructions += run->vm->limits.slice_instructions;
        else
            lua_sethook(L, NULL, 0, 0);
        if (over_budget(run)) {
            vm_run_kill(run, VM_KILL_CPU);
            lua_getinfo(L, "Sl", ar); /* after the yield Lua would give the line before */
            run->killed_in = ar->source;
            run->killed_line = ar->currentline;
        } else if (!counted)
            run->due = 0;
    }
    if (lua_isyieldable(L)) {
        run->sliced = true;
        lua_yield(L, 0);
    } else if (run->killed != VM_ALIVE) {
        vm_raise_kill(L, run->killed);
    }
}

/* In a signal handler: lua_sethook is made for that. It visits every frame, so it is not called again
 * while the hook waits for its turn: on a deep stack and a busy machine nothing else would be done. */
static void on_slice(void *arg)
{
    struct vm *vm = arg;
    struct vm_run *run = vm->current;
    if (run == NULL || run->due)
        return;
    run->due = 1;
    lua_sethook(run->L, hook, LUA_MASKCOUNT, 1);
}

static void arm(struct vm_run *run)
{
    struct vm *vm = run->vm;
    bool counted = clock_is_virtual(vm->clock);
    run->due = 0;
    run->resumed_cpu_ns = clock_cpu_ns(vm->clock);
    vm->current = run;
    if (run->killed != VM_ALIVE)
        lua_sethook(run->L, hook, LUA_MASKCOUNT, 1);
    else if (counted && !run->sliced)
        lua_sethook(run->L, hook, LUA_MASKCOUNT, (int)vm->limits.slice_instructions);
    slice_arm(vm->slice, counted ? VALVE_MS : vm->limits.slice_ms);
}

static void disarm(struct vm_run *run)
{
    struct vm *vm = run->vm;
    slice_disarm(vm->slice);
    vm->current = NULL;
    /* Between slices a count hook stays: set anew, Lua would skip it once after each yield of it. */
    if (!run->sliced || !clock_is_virtual(vm->clock))
        lua_sethook(run->L, NULL, 0, 0);
    int64_t used = clock_cpu_ns(vm->clock) - run->resumed_cpu_ns;
    run->cpu_ns += used;
    vm->cpu_ns += used;
}

void vm_run_kill(struct vm_run *run, enum vm_kill why)
{
    if (run->killed != VM_ALIVE)
        return;
    run->killed = why;
    if (why != VM_KILL_CANCEL)
        run->vm->kills++;
}

/* Leaves by a yield that nobody will resume where Lua can yield: an error would have to pass through
 * every pcall on the way, of which a policy can stack up hundreds of thousands. */
int vm_raise_kill(lua_State *L, enum vm_kill why)
{
    vm_run_kill(vm_run_of(L), why);
    if (lua_isyieldable(L))
        return lua_yield(L, 0);
    if (lua_gethook(L) != hook || lua_gethookcount(L) != 1)
        lua_sethook(L, hook, LUA_MASKCOUNT, 1); /* walks the whole call stack: not each time */
    lua_pushnil(L);                             /* no text: memory may be what is missing */
    return lua_error(L);
}

void vm_charge(lua_State *L, uint64_t units)
{
    struct vm_run *run = vm_run_of(L);
    run->instructions += units;
    bool look = run->due || clock_is_virtual(run->vm->clock);
    if (look && run != &run->vm->idle && over_budget(run))
        vm_raise_kill(L, VM_KILL_CPU);
}

struct vm *vm_new(const struct policy_env *env, struct err *err)
{
    struct vm *vm = mem_alloc(sizeof *vm);
    vm->loop = env->loop;
    vm->clock = loop_clock(env->loop);
    vm->random = env->random;
    vm->log = env->log;
    vm->limits = limits_filled(env->limits);
    vm->slab = slab_new();
    vm->slice = slice_new(on_slice, vm, err);
    if (vm->slice == NULL) {
        slab_unref(vm->slab);
        free(vm);
        return NULL;
    }
    vm->L = lua_newstate(counted_alloc, vm);
    if (vm->L == NULL) {
        err_set(err, ERR_LIMIT, "a memory limit of %zu bytes is too small for a Lua state",
                vm->limits.memory_bytes_max);
        vm_free(vm);
        return NULL;
    }
    vm->idle = (struct vm_run){.vm = vm, .L = vm->L};
    *(struct vm_run **)lua_getextraspace(vm->L) = &vm->idle;
    return vm;
}

void vm_free(struct vm *vm)
{
    if (vm == NULL)
        return;
    slice_free(vm->slice);
    while (vm->idle.boxes != NULL)
        vm_box_release(vm->idle.boxes);
    if (vm->L != NULL)
        lua_close(vm->L);
    slab_unref(vm->slab);
    free(vm);
}

int vm_protect(struct vm *vm, lua_CFunction fn, void *arg, struct err *err)
{
    lua_State *L = vm->L;
    int top = lua_gettop(L);
    lua_pushcfunction(L, fn);
    lua_pushlightuserdata(L, arg);
    int status = lua_pcall(L, 1, 0, 0);
    if (status == LUA_OK)
        return 0;
    if (lua_type(L, -1) == LUA_TSTRING && status != LUA_ERRMEM)
        vm_err_text(vm, err, ERR_SCRIPT, lua_tostring(L, -1));
    else
        err_set(err, ERR_LIMIT, "the policies used more than %zu MiB of memory",
                vm->limits.memory_bytes_max / MIB);
    lua_settop(L, top);
    return -1;
}

static int protected_thread(lua_State *L)
{
    struct vm_run *run = lua_touserdata(L, 1);
    run->L = lua_newthread(L);
    run->ref = luaL_ref(L, LUA_REGISTRYINDEX);
    return 0;
}

int vm_run_start(struct vm *vm, struct vm_run *run, struct task *task, struct err *err)
{
    *run = (struct vm_run){.vm = vm,
                           .task = task,
                           .ref = LUA_NOREF,
                           .cpu_ns_max = vm->limits.run_cpu_ms * 1000000,
                           .instructions_max = vm->limits.run_instructions};
    if (vm->pool_count > 0) {
        struct vm_thread thread = vm->pool[--vm->pool_count];
        run->L = thread.L;
        run->ref = thread.ref;
    } else if (vm_protect(vm, protected_thread, run, err) != 0) {
        return -1;
    }
    *(struct vm_run **)lua_getextraspace(run->L) = run;
    return 0;
}

enum vm_step vm_run_resume(struct vm_run *run, int argument_count)
{
    if (run->killed != VM_ALIVE)
        return VM_KILLED;
    run->result_count = 0;
    arm(run);
    run->sliced = false;
    int status = lua_resume(run->L, NULL, argument_count, &run->result_count);
    disarm(run);
    if (status == LUA_ERRMEM)
        vm_run_kill(run, VM_KILL_MEMORY);
    if (run->killed != VM_ALIVE)
        return VM_KILLED;
    if (status == LUA_OK)
        return VM_DONE;
    if (status != LUA_YIELD)
        return VM_FAILED;
    return run->sliced ? VM_SLICED : VM_WAITS;
}

enum vm_step vm_run_sync(struct vm_run *run, int argument_count)
{
    enum vm_step step = vm_run_resume(run, argument_count);
    while (step == VM_SLICED)
        step = vm_run_resume(run, 0);
    return step;
}

/* Runs what is left in <close> under a small budget. */
static void run_close(struct vm_run *run)
{
    run->cpu_ns_max = run->cpu_ns + 10 * 1000000;
    run->instructions_max = run->instructions + 1000000;
    run->killed = VM_ALIVE;
    run->sliced = false;
    arm(run);
    lua_resetthread(run->L);
    disarm(run);
    lua_settop(run->L, 0);
}

static void release_boxes(struct vm_run *run)
{
    while (run->boxes != NULL)
        vm_box_release(run->boxes);
    if (run->has_docs)
        view_forget_all(run);
}

/* A killed coroutine is left to the collector as it is: none of its code runs again. */
void vm_run_end(struct vm_run *run)
{
    struct vm *vm = run->vm;
    enum vm_kill killed = run->killed;
    if (run->L != NULL) {
        bool reusable = killed == VM_ALIVE && lua_status(run->L) == LUA_OK;
        if (killed == VM_ALIVE || killed == VM_KILL_CANCEL)
            run_close(run);
        reusable = reusable && run->killed == VM_ALIVE;
        *(struct vm_run **)lua_getextraspace(run->L) = &vm->idle;
        if (reusable && vm->pool_count < VM_POOL_MAX)
            vm->pool[vm->pool_count++] = (struct vm_thread){run->L, run->ref};
        else
            luaL_unref(vm->L, LUA_REGISTRYINDEX, run->ref);
        run->L = NULL;
    }
    release_boxes(run);
    if (killed != VM_ALIVE && vm->bytes > vm->limits.memory_bytes_max / 8)
        lua_gc(vm->L, LUA_GCCOLLECT);
}
