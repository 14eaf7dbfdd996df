#include "script/policy.h"

#include "base/slab.h"
#include "script/policy_internal.h"

#include <stdlib.h>
#include <string.h>

struct vm *policy_vm(struct policy *policy)
{
    return policy->vm;
}

void policy_task_began(struct policy *policy)
{
    policy->tasks++;
}

void policy_task_ended(struct policy *policy)
{
    policy->tasks--;
}

int policy_module_compare(const void *a, const void *b)
{
    return strcmp(((const struct module *)a)->name, ((const struct module *)b)->name);
}

static struct module *layer_find(struct layer *layer, const char *name)
{
    struct module wanted = {.name = (char *)name};
    return layer->count == 0 ? NULL
                             : bsearch(&wanted, layer->modules, layer->count,
                                       sizeof layer->modules[0], policy_module_compare);
}

struct module *policy_find(struct policy *policy, size_t above, const char *name)
{
    while (above-- > 0) {
        struct layer *layer = &policy->layers[above];
        struct module *module = layer_find(layer, name);
        if (module == NULL && strlen(name) < 200) {
            char init[208];
            snprintf(init, sizeof init, "%s.init", name);
            module = layer_find(layer, init);
        }
        if (module != NULL)
            return module;
    }
    return NULL;
}

static int module_done(lua_State *L, int status, lua_KContext context)
{
    struct module *module = (struct module *)context;
    module->state = MODULE_COMPILED;
    if (status != LUA_OK && status != LUA_YIELD) {
        if (vm_run_of(L)->killed != VM_ALIVE || status == LUA_ERRMEM)
            return vm_raise_kill(L, status == LUA_ERRMEM ? VM_KILL_MEMORY : vm_run_of(L)->killed);
        return lua_error(L);
    }
    if (!lua_istable(L, -1))
        return luaL_error(L, "%s: a module returns a table; this one returned a value of type %s",
                          module->source, luaL_typename(L, -1));
    lua_pushvalue(L, -1);
    module->value_ref = luaL_ref(L, LUA_REGISTRYINDEX);
    module->state = MODULE_LOADED;
    return 1;
}

/* [-0, +1, e] The module's table; the first time, by running its chunk. */
RAISES static int push_module(lua_State *L, struct module *module)
{
    if (module->state == MODULE_LOADED) {
        lua_rawgeti(L, LUA_REGISTRYINDEX, module->value_ref);
        return 1;
    }
    if (module->state == MODULE_LOADING)
        return luaL_error(L, "%s: module '%s' requires itself, directly or through others",
                          module->source, module->name);
    lua_rawgeti(L, LUA_REGISTRYINDEX, module->chunk_ref);
    lua_pushstring(L, module->name);
    module->state = MODULE_LOADING;
    int status = lua_pcallk(L, 1, 1, 0, (lua_KContext)module, module_done);
    return module_done(L, status, (lua_KContext)module);
}

/* Upvalue 1: the layer of the chunk that calls. `base.x` is x as the layers underneath have it. */
int policy_require(lua_State *L)
{
    struct layer *layer = lua_touserdata(L, lua_upvalueindex(1));
    const char *name = luaL_checkstring(L, 1);
    size_t above = layer->policy->layer_count;
    const char *wanted = name;
    if (strncmp(name, "base.", 5) == 0) {
        above = layer->index;
        wanted = name + 5;
    }
    struct module *module = policy_find(layer->policy, above, wanted);
    if (module == NULL)
        return luaL_error(L, "module '%s' not found%s", name,
                          wanted != name ? " in the layers underneath" : "");
    return push_module(L, module);
}

void policy_push_function(lua_State *L, struct policy *policy, const char *module,
                          const char *function)
{
    struct module *found = policy_find(policy, policy->layer_count, module);
    if (found == NULL || found->state != MODULE_LOADED)
        luaL_error(L, "module '%s' not found", module);
    lua_rawgeti(L, LUA_REGISTRYINDEX, found->value_ref);
    lua_pushstring(L, function);
    lua_rawget(L, -2);
    if (!lua_isfunction(L, -1))
        luaL_error(L, "%s: function '%s' is missing", found->source, function);
    lua_remove(L, -2);
}

int policy_push_module(lua_State *L)
{
    return push_module(L, lua_touserdata(L, 1));
}

int policy_run_error(struct vm_run *run, struct err *err)
{
    vm_run_failure(run, err, NULL);
    return -1;
}

bool policy_used_up(struct policy *policy, const struct vm_run *run, int max)
{
    const struct policy_limits *limits = &policy->vm->limits;
    policy->runs_used += (double)run->cpu_ns / (double)(limits->run_cpu_ms * 1000000);
    if (clock_is_virtual(policy->vm->clock))
        policy->runs_used += (double)run->instructions / (double)limits->run_instructions;
    return policy->runs_used > max;
}

struct policy *policy_ref(struct policy *policy)
{
    policy->refs++;
    return policy;
}

void policy_unref(struct policy *policy)
{
    if (policy == NULL || --policy->refs > 0)
        return;
    vm_free(policy->vm);
    for (size_t i = 0; i < policy->layer_count; i++) {
        struct layer *layer = &policy->layers[i];
        for (size_t m = 0; m < layer->count; m++) {
            free(layer->modules[m].name);
            free(layer->modules[m].source);
        }
        free(layer->modules);
        free(layer->name);
    }
    free(policy->layers);
    policy_controllers_free(policy);
    free(policy);
}

const char *policy_module_source(struct policy *policy, const char *module)
{
    const struct module *found = policy_find(policy, policy->layer_count, module);
    return found != NULL ? found->source : module;
}

const char *policy_version(const struct policy *policy)
{
    return policy->version;
}

size_t policy_controller_count(const struct policy *policy)
{
    return policy->controller_count;
}

const struct policy_controller *policy_controller_at(const struct policy *policy, size_t index)
{
    return index < policy->controller_count ? &policy->controllers[index] : NULL;
}

struct policy_stats policy_stats(const struct policy *policy)
{
    const struct vm *vm = policy->vm;
    return (struct policy_stats){.memory_bytes = vm->bytes + vm->outside_bytes,
                                 .memory_peak_bytes = vm->bytes_peak,
                                 .tasks = policy->tasks,
                                 .kills = vm->kills,
                                 .cpu_ns = vm->cpu_ns};
}

void policy_collect(struct policy *policy)
{
    lua_gc(policy->vm->L, LUA_GCCOLLECT);
    slab_trim(policy->vm->slab);
}
