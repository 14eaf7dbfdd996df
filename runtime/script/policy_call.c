/* Pure calls from C into a policy: render, check, summary, and the tests beside policies. */
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
    struct module *test_module;
    const char *test;
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
    struct call call = {policy, module, function, args, arg_count, NULL, NULL};
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

static int test_entry(lua_State *L)
{
    struct call *call = lua_touserdata(L, 1);
    lua_settop(L, 0);
    lua_rawgeti(L, LUA_REGISTRYINDEX, call->test_module->value_ref);
    lua_pushstring(L, call->test);
    lua_rawget(L, -2);
    if (!lua_isfunction(L, -1))
        return luaL_error(L, "%s: case '%s' is not a function", call->test_module->source,
                          call->test);
    api_push_test(L);
    lua_callk(L, 1, 0, 0, all_results);
    return 0;
}

struct names {
    struct module *module;
    char **names;
    size_t count;
};

static int name_compare(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static int protected_names(lua_State *L)
{
    struct names *names = lua_touserdata(L, 1);
    lua_rawgeti(L, LUA_REGISTRYINDEX, names->module->value_ref);
    size_t count = 0;
    for (lua_pushnil(L); lua_next(L, 2); lua_pop(L, 1)) {
        if (lua_type(L, -2) != LUA_TSTRING)
            return luaL_error(L,
                              "%s: cases are named: [\"does this when that\"] = function(t) … end",
                              names->module->source);
        count++;
    }
    names->names = mem_alloc((count + 1) * sizeof names->names[0]);
    for (lua_pushnil(L); names->count < count && lua_next(L, 2); lua_pop(L, 1))
        names->names[names->count++] = mem_str(lua_tostring(L, -2));
    qsort(names->names, names->count, sizeof names->names[0], name_compare);
    return 0;
}

static int run_case(struct policy *policy, struct module *module, const char *test, struct err *err)
{
    struct call call = {.policy = policy, .test_module = module, .test = test};
    struct vm_run run;
    if (policy->runs_used > POLICY_TEST_RUNS)
        return err_set(err, ERR_LIMIT,
                       "not run: the tests take more than %d times what one may take",
                       (int)POLICY_TEST_RUNS);
    if (vm_run_start(policy->vm, &run, NULL, err) != 0)
        return -1;
    lua_pushcfunction(run.L, test_entry);
    lua_pushlightuserdata(run.L, &call);
    int result = vm_run_sync(&run, 1) == VM_DONE ? 0 : policy_run_error(&run, err);
    policy_used_up(policy, &run, POLICY_TEST_RUNS);
    vm_run_end(&run);
    return result;
}

static int run_module(struct policy *policy, struct module *module, policy_test_fn fn, void *arg)
{
    struct err err;
    struct names names = {.module = module};
    int failed = 0;
    if ((module->state != MODULE_LOADED && policy_load_module(policy, module, &err) != 0) ||
        vm_protect(policy->vm, protected_names, &names, &err) != 0) {
        fn(arg, module->name, "(loading)", err.text);
        return 1;
    }
    for (size_t i = 0; i < names.count; i++) {
        bool ok = run_case(policy, module, names.names[i], &err) == 0;
        fn(arg, module->name, names.names[i], ok ? NULL : err.text);
        failed += !ok;
        free(names.names[i]);
    }
    free(names.names);
    return failed;
}

int policy_test(struct policy *policy, const char *layer, policy_test_fn fn, void *arg,
                struct err *err)
{
    int failed = 0;
    bool found = layer == NULL;
    policy->runs_used = 0;
    for (size_t i = 0; i < policy->layer_count; i++) {
        if (layer != NULL && strcmp(policy->layers[i].name, layer) != 0)
            continue;
        found = true;
        for (size_t m = 0; m < policy->layers[i].count; m++) {
            if (policy->layers[i].modules[m].is_test)
                failed += run_module(policy, &policy->layers[i].modules[m], fn, arg);
        }
    }
    return found ? failed : err_set(err, ERR_NOT_FOUND, "no layer is named '%s'", layer);
}
