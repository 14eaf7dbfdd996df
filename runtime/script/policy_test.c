/* The tests beside policies, case by case. */
#include "script/policy_internal.h"

#include "script/api.h"

#include <stdlib.h>
#include <string.h>

struct test_case {
    struct module *module;
    const char *test;
};

static int all_results(lua_State *L, int status, lua_KContext context)
{
    (void)status;
    (void)context;
    return lua_gettop(L);
}

static int test_entry(lua_State *L)
{
    struct test_case *call = lua_touserdata(L, 1);
    lua_settop(L, 0);
    lua_rawgeti(L, LUA_REGISTRYINDEX, call->module->value_ref);
    lua_pushstring(L, call->test);
    lua_rawget(L, -2);
    if (!lua_isfunction(L, -1))
        return luaL_error(L, "%s: case '%s' is not a function", call->module->source, call->test);
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

struct policy_testing {
    struct policy *policy;
    char *only; /* the layer; NULL: all */
    policy_test_fn fn;
    void *arg;
    bool found;
    size_t layer, module, next_case; /* under way */
    struct module_run loading;
    struct names names; /* of the module under way; names.names NULL: not read yet */
    struct test_case test_case;
    struct vm_run run;
    bool running; /* a case */
    int failed;
};

static void tell(struct policy_testing *testing, const char *test, const char *failure)
{
    const struct layer *layer = &testing->policy->layers[testing->layer];
    testing->failed += failure != NULL;
    testing->fn(testing->arg, layer->modules[testing->module].name, test, failure);
}

static void forget_names(struct policy_testing *testing)
{
    for (size_t i = 0; i < testing->names.count; i++)
        free(testing->names.names[i]);
    free(testing->names.names);
    testing->names = (struct names){0};
    testing->next_case = 0;
}

/* The next module with cases; NULL: there is none. */
static struct module *find_module(struct policy_testing *testing)
{
    struct policy *policy = testing->policy;
    for (; testing->layer < policy->layer_count; testing->layer++, testing->module = 0) {
        struct layer *layer = &policy->layers[testing->layer];
        if (testing->only != NULL && strcmp(layer->name, testing->only) != 0)
            continue;
        testing->found = true;
        for (; testing->module < layer->count; testing->module++) {
            if (layer->modules[testing->module].is_test)
                return &layer->modules[testing->module];
        }
    }
    return NULL;
}

static void step_names(struct policy_testing *testing, struct module *module)
{
    struct err err;
    int loaded = 1;
    if (module->state != MODULE_LOADED)
        loaded = policy_module_step(testing->policy, &testing->loading, module, &err);
    if (loaded == 0)
        return;
    testing->names.module = module;
    if (loaded < 0 ||
        vm_protect(testing->policy->vm, protected_names, &testing->names, &err) != 0) {
        tell(testing, "(loading)", err.text);
        forget_names(testing);
        testing->module++;
    }
}

static int begin_case(struct policy_testing *testing, struct module *module, struct err *err)
{
    struct policy *policy = testing->policy;
    if (policy->runs_used > POLICY_TEST_RUNS)
        return err_set(err, ERR_LIMIT,
                       "not run: the tests take more than %d times what one may take",
                       (int)POLICY_TEST_RUNS);
    if (vm_run_start(policy->vm, &testing->run, NULL, err) != 0)
        return -1;
    testing->test_case = (struct test_case){module, testing->names.names[testing->next_case]};
    lua_pushcfunction(testing->run.L, test_entry);
    lua_pushlightuserdata(testing->run.L, &testing->test_case);
    return 0;
}

static void step_case(struct policy_testing *testing, struct module *module)
{
    struct err err;
    int arguments = 0;
    bool ok = true;
    if (!testing->running) {
        ok = begin_case(testing, module, &err) == 0;
        testing->running = ok;
        arguments = 1;
    }
    if (testing->running) {
        enum vm_step step = vm_run_resume(&testing->run, arguments);
        if (step == VM_SLICED)
            return;
        ok = step == VM_DONE || policy_run_error(&testing->run, &err) == 0;
        policy_used_up(testing->policy, &testing->run, POLICY_TEST_RUNS);
        vm_run_end(&testing->run);
        testing->running = false;
    }
    tell(testing, testing->names.names[testing->next_case++], ok ? NULL : err.text);
}

static int step_once(struct policy_testing *testing, struct err *err)
{
    struct module *module = find_module(testing);
    if (module == NULL)
        return testing->found
                   ? 1
                   : err_set(err, ERR_NOT_FOUND, "no layer is named '%s'", testing->only);
    if (testing->names.names == NULL) {
        step_names(testing, module);
    } else if (testing->next_case < testing->names.count) {
        step_case(testing, module);
    } else {
        forget_names(testing);
        testing->module++;
    }
    return 0;
}

struct policy_testing *policy_test_begin(struct policy *policy, const char *layer,
                                         policy_test_fn fn, void *arg)
{
    struct policy_testing *testing = mem_alloc(sizeof *testing);
    policy->runs_used = 0;
    testing->policy = policy_ref(policy);
    testing->only = mem_str(layer);
    testing->fn = fn;
    testing->arg = arg;
    testing->found = layer == NULL;
    return testing;
}

int policy_test_step(struct policy_testing *testing, struct err *err)
{
    const struct vm *vm = testing->policy->vm;
    int64_t began_ms = clock_mono_ms(vm->clock);
    int result = 0;
    while (result == 0 && clock_mono_ms(vm->clock) - began_ms < vm->limits.slice_ms)
        result = step_once(testing, err);
    return result;
}

int policy_test_failed(const struct policy_testing *testing)
{
    return testing->failed;
}

void policy_test_end(struct policy_testing *testing)
{
    if (testing == NULL)
        return;
    policy_module_abandon(&testing->loading);
    if (testing->running)
        vm_run_end(&testing->run);
    forget_names(testing);
    policy_unref(testing->policy);
    free(testing->only);
    free(testing);
}

int policy_test(struct policy *policy, const char *layer, policy_test_fn fn, void *arg,
                struct err *err)
{
    struct policy_testing *testing = policy_test_begin(policy, layer, fn, arg);
    int result;
    while ((result = policy_test_step(testing, err)) == 0)
        ;
    if (result == 1)
        result = testing->failed;
    policy_test_end(testing);
    return result;
}
