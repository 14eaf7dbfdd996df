/* Pure calls from C into a policy: render, check, summary. */
#include "script/policy_internal.h"

#include "script/api.h"
#include "script/convert.h"
#include "script/view.h"

#include <stdlib.h>
#include <string.h>

struct call {
    struct policy *policy;
    const char *module, *function;
    struct jv *const *args;
    size_t arg_count;
};

static int all_results(lua_State *L, int status, lua_KContext context)
{
    (void)status;
    (void)context;
    return lua_gettop(L);
}

static int call_entry(lua_State *L)
{
    struct call *call = lua_touserdata(L, 1);
    lua_settop(L, 0);
    policy_push_function(L, call->policy, call->module, call->function);
    luaL_checkstack(L, (int)call->arg_count + 4, NULL);
    for (size_t i = 0; i < call->arg_count; i++)
        view_push(L, call->args[i]);
    lua_callk(L, (int)call->arg_count, LUA_MULTRET, 0, all_results);
    return all_results(L, LUA_OK, 0);
}

struct failure {
    struct vm_run *run;
    struct err *err;
};

static int protected_nil_err(lua_State *L)
{
    struct failure *failure = lua_touserdata(L, 1);
    lua_xmove(failure->run->L, L, 1);
    vm_error_describe(L, -1, failure->err);
    return 0;
}

/* An empty list of answers needs no tag. */
static bool is_empty_table(struct vm_run *run, int idx)
{
    if (!lua_istable(run->L, idx) || !lua_checkstack(run->L, 2))
        return false;
    lua_pushnil(run->L);
    if (lua_next(run->L, idx) == 0)
        return true;
    lua_pop(run->L, 2);
    return false;
}

/* The values on the coroutine: value, or nil and an error. */
static int call_answer(struct vm_run *run, const char *what, struct jv **result, struct err *err)
{
    int first = lua_gettop(run->L) - run->result_count + 1;
    if (run->result_count >= 2 && lua_isnil(run->L, first) && !lua_isnil(run->L, first + 1)) {
        struct failure failure = {run, err};
        lua_settop(run->L, first + 1);
        if (vm_protect(run->vm, protected_nil_err, &failure, err) == 0 && err != NULL)
            err->code = ERR_INVALID;
        return -1;
    }
    if (run->result_count == 0 || lua_isnil(run->L, first)) {
        *result = jv_null();
        return 0;
    }
    if (is_empty_table(run, first) && convert_tag(run->L, first) != CONVERT_OBJECT) {
        *result = jv_array();
        return 0;
    }
    *result = convert_take(run->L, first, what, CONVERT_WHOLE_REALS, err);
    return *result != NULL ? 0 : -1;
}

int policy_call(struct policy *policy, const char *module, const char *function,
                struct jv *const *args, size_t arg_count, struct jv **result, struct err *err)
{
    struct module *found = policy_find(policy, policy->layer_count, module);
    if (found == NULL)
        return err_set(err, ERR_NOT_FOUND, "module '%s' not found", module);
    struct call call = {policy, module, function, args, arg_count};
    struct vm_run run;
    if (vm_run_start(policy->vm, &run, NULL, err) != 0)
        return -1;
    lua_pushcfunction(run.L, call_entry);
    lua_pushlightuserdata(run.L, &call);
    char what[256];
    snprintf(what, sizeof what, "%s: what %s returned", found->source, function);
    *result = NULL;
    int answer = vm_run_sync(&run, 1) == VM_DONE ? call_answer(&run, what, result, err)
                                                 : policy_run_error(&run, err);
    vm_run_end(&run);
    return answer;
}
