#include "script/vm.h"

#include "script/view.h"

#include <stdlib.h>
#include <string.h>

const struct vm_keys vm_keys;

enum {
    MIB = 1 << 20,
    STRETCH_MS = 100, /* CPU of one resume: only where Lua cannot yield does it outlast a slice */
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
        free(ptr);
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
    void *fresh = realloc(ptr, new_size);
    if (fresh == NULL) {
        if (new_size > before)
            abort(); /* the C heap is exhausted: one place decides, see base/buf.h */
        fresh = ptr;
    }
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
    return stretch > STRETCH_MS * 1000000 || run->cpu_ns + stretch > run->cpu_ns_max;
}

/* [-0, +0, e]: a count hook, or the hook that a slice's signal installed. Where Lua can yield it does,
 * and a run over its budget is never resumed: nothing it wrote can catch that. Where it cannot yield
 * (a sort's comparator, say) the hook raises, at every instruction once the run is killed, so that
 * neither pcall nor <close> keeps it alive. */
static void hook(lua_State *L, lua_Debug *ar)
{
    (void)ar;
    struct vm_run *run = vm_run_of(L);
    bool counted = clock_is_virtual(run->vm->clock);
    if (run->killed == VM_ALIVE) {
        if (counted)
            run->instructions += run->vm->limits.slice_instructions;
        else
            lua_sethook(L, NULL, 0, 0);
        if (over_budget(run))
            vm_run_kill(run, VM_KILL_CPU);
        else if (!counted)
            run->due = 0;
    }
    if (lua_isyieldable(L)) {
        run->sliced = true;
        lua_yield(L, 0);
    } else if (run->killed != VM_ALIVE) {
        vm_raise_kill(L, run->killed);
    }
}

/* In a signal handler: lua_sethook is made for that. */
static void on_slice(void *arg)
{
    struct vm *vm = arg;
    struct vm_run *run = vm->current;
    if (run == NULL)
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
    else if (counted)
        lua_sethook(run->L, hook, LUA_MASKCOUNT, (int)vm->limits.slice_instructions);
    slice_arm(vm->slice, counted ? VALVE_MS : vm->limits.slice_ms);
}

static void disarm(struct vm_run *run)
{
    struct vm *vm = run->vm;
    slice_disarm(vm->slice);
    vm->current = NULL;
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

const char *vm_kill_text(const struct vm_run *run, struct err *err)
{
    const struct policy_limits *limits = &run->vm->limits;
    switch (run->killed) {
    case VM_ALIVE:
        err_set(err, ERR_INTERNAL, "the run was not killed");
        break;
    case VM_KILL_CPU:
        if (clock_is_virtual(run->vm->clock))
            err_set(err, ERR_LIMIT, "killed: it ran more than %llu instructions",
                    (unsigned long long)run->instructions_max);
        else
            err_set(err, ERR_LIMIT,
                    "killed: it used more than %lld ms of CPU, or %d ms in one table.sort or "
                    "string.gsub",
                    (long long)(run->cpu_ns_max / 1000000), (int)STRETCH_MS);
        break;
    case VM_KILL_MEMORY:
        err_set(err, ERR_LIMIT, "killed: the policies used more than %zu MiB of memory",
                limits->memory_bytes_max / MIB);
        break;
    case VM_KILL_WALL:
        err_set(err, ERR_TIMEOUT, "killed: it was not done after %lld s",
                (long long)(limits->run_wall_ms / 1000));
        break;
    case VM_KILL_EFFECTS:
        err_set(err, ERR_LIMIT, "killed: it asked for more than %zu effects", limits->effects_max);
        break;
    case VM_KILL_CANCEL:
        err_set(err, ERR_CANCELED, "the run was cancelled");
        break;
    }
    return err->text;
}

struct vm *vm_new(const struct policy_env *env, struct err *err)
{
    struct vm *vm = mem_alloc(sizeof *vm);
    vm->loop = env->loop;
    vm->clock = loop_clock(env->loop);
    vm->random = env->random;
    vm->log = env->log;
    vm->limits = limits_filled(env->limits);
    vm->slice = slice_new(on_slice, vm, err);
    if (vm->slice == NULL) {
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
    free(vm);
}

struct describe_call {
    struct vm_run *run;
    struct err *err;
    struct buf *trace;
    bool expected;
};

/* [-0, +0, m] The error object of idx is looked at raw: a hostile __tostring is never called. */
void vm_error_describe(lua_State *L, int idx, struct err *err)
{
    idx = lua_absindex(L, idx);
    if (lua_type(L, idx) == LUA_TSTRING) {
        err_set(err, ERR_SCRIPT, "%s", lua_tostring(L, idx));
        return;
    }
    if (!lua_istable(L, idx)) {
        err_set(err, ERR_SCRIPT, "raised a value of type %s", luaL_typename(L, idx));
        return;
    }
    lua_pushliteral(L, "message");
    lua_rawget(L, idx);
    lua_pushliteral(L, "code");
    lua_rawget(L, idx);
    enum err_code code = ERR_SCRIPT;
    if (lua_type(L, -1) == LUA_TSTRING) {
        for (enum err_code c = ERR_USAGE; c <= ERR_INTERNAL; c++) {
            if (strcmp(err_code_name(c), lua_tostring(L, -1)) == 0)
                code = c;
        }
    }
    if (lua_type(L, -2) == LUA_TSTRING)
        err_set(err, code, "%s", lua_tostring(L, -2));
    else
        err_set(err, code, "raised a table without a message");
    lua_pop(L, 2);
}

/* Lua's traceback without its headline and without frames that say nothing. */
static void trace_print(const char *text, struct buf *out)
{
    static const char headline[] = "stack traceback:", nothing[] = "[C]: in ?";
    while (*text != '\0') {
        text += *text == '\n';
        text += strspn(text, "\t");
        size_t len = strcspn(text, "\n");
        bool skip = (len == sizeof headline - 1 && strncmp(text, headline, len) == 0) ||
                    (len == sizeof nothing - 1 && strncmp(text, nothing, len) == 0);
        if (!skip) {
            buf_add_str(out, out->len > 0 ? "\n" : "");
            buf_add(out, text, len);
        }
        text += len;
    }
}

static int protected_describe(lua_State *L)
{
    struct describe_call *call = lua_touserdata(L, 1);
    lua_State *from = call->run->L;
    if (call->err != NULL && call->run->killed == VM_ALIVE) {
        lua_xmove(from, L, 1);
        vm_error_describe(L, -1, call->err);
        if (lua_getmetatable(L, -1)) {
            call->expected = lua_topointer(L, -1) == call->run->vm->err_mt;
            lua_pop(L, 1);
        }
    }
    if (call->trace != NULL) {
        luaL_traceback(L, from, NULL, 0);
        trace_print(lua_tostring(L, -1), call->trace);
    }
    return 0;
}

bool vm_run_failure(struct vm_run *run, struct err *err, struct buf *trace)
{
    if (run->killed != VM_ALIVE && err != NULL)
        vm_kill_text(run, err);
    struct describe_call call = {run, err, trace, false};
    struct err ignored;
    if (vm_protect(run->vm, protected_describe, &call, &ignored) != 0 && run->killed == VM_ALIVE)
        err_set(err, ERR_LIMIT, "the policies' memory is used up");
    return call.expected;
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
        err_set(err, ERR_SCRIPT, "%s", lua_tostring(L, -1));
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
    run->sliced = false;
    run->result_count = 0;
    arm(run);
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

void vm_box_release(struct vm_box *box)
{
    if (box->link == NULL)
        return;
    *box->link = box->next;
    if (box->next != NULL)
        box->next->link = box->link;
    box->link = NULL;
    void *value = box->value;
    box->value = NULL;
    if (value != NULL)
        box->release(value);
    if (--box->refs == 0)
        free(box);
}

struct vm_box *vm_box_at(lua_State *L, int idx)
{
    return *(struct vm_box **)lua_touserdata(L, idx);
}

static int box_gc(lua_State *L)
{
    struct vm_box *box = vm_box_at(L, 1);
    if (box == NULL)
        return 0;
    *(struct vm_box **)lua_touserdata(L, 1) = NULL;
    vm_box_release(box);
    if (--box->refs == 0)
        free(box);
    return 0;
}

struct vm_box *vm_box_push(lua_State *L, void (*release)(void *value))
{
    struct vm_box **place = lua_newuserdatauv(L, sizeof(struct vm_box *), 0);
    *place = NULL;
    if (lua_rawgetp(L, LUA_REGISTRYINDEX, &vm_keys.box_mt) != LUA_TTABLE) {
        lua_pop(L, 1);
        lua_createtable(L, 0, 2);
        lua_pushcfunction(L, box_gc);
        lua_setfield(L, -2, "__gc");
        lua_pushboolean(L, 0);
        lua_setfield(L, -2, "__metatable");
        lua_pushvalue(L, -1);
        lua_rawsetp(L, LUA_REGISTRYINDEX, &vm_keys.box_mt);
    }
    lua_setmetatable(L, -2);
    struct vm_run *run = vm_run_of(L);
    struct vm_box *box = mem_alloc(sizeof *box);
    *box = (struct vm_box){.release = release, .refs = 2, .next = run->boxes, .link = &run->boxes};
    if (run->boxes != NULL)
        run->boxes->link = &box->next;
    run->boxes = box;
    *place = box;
    return box;
}
