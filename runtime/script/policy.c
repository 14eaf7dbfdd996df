#include "script/policy.h"

#include "script/api.h"
#include "script/policy_internal.h"

#include <stdlib.h>
#include <string.h>

enum { SUFFIX_TEST = sizeof "_test" - 1, GENERATIONAL_BYTES = 8 << 20 };

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

static const char *source_of(void *arg, const char *tail, size_t len)
{
    const struct policy *policy = arg;
    for (size_t i = 0; i < policy->layer_count; i++) {
        const struct layer *layer = &policy->layers[i];
        for (size_t m = 0; m < layer->count; m++) {
            const char *source = layer->modules[m].source;
            size_t source_len = strlen(source);
            if (source_len > len && memcmp(source + source_len - len, tail, len) == 0)
                return source;
        }
    }
    return NULL;
}

static int module_compare(const void *a, const void *b)
{
    return strcmp(((const struct module *)a)->name, ((const struct module *)b)->name);
}

static struct module *layer_find(struct layer *layer, const char *name)
{
    struct module wanted = {.name = (char *)name};
    return layer->count == 0 ? NULL
                             : bsearch(&wanted, layer->modules, layer->count,
                                       sizeof layer->modules[0], module_compare);
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
static int require(lua_State *L)
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

static int load_entry(lua_State *L)
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

int policy_load_module(struct policy *policy, struct module *module, struct err *err)
{
    struct vm_run run;
    if (vm_run_start(policy->vm, &run, NULL, err) != 0)
        return -1;
    lua_pushcfunction(run.L, load_entry);
    lua_pushlightuserdata(run.L, module);
    int result = 0;
    if (vm_run_sync(&run, 1) != VM_DONE) {
        result = policy_run_error(&run, err);
        if (run.killed != VM_ALIVE)
            err_wrap(err, "%s", module->source);
        module->state = MODULE_COMPILED;
    } else if (policy_used_up(policy, &run, POLICY_LOAD_RUNS)) {
        result = err_set(err, ERR_LIMIT,
                         "%s: loading all modules takes more than %d times what one may take",
                         module->source, (int)POLICY_LOAD_RUNS);
    }
    vm_run_end(&run);
    return result;
}

static int protected_open(lua_State *L)
{
    struct policy *policy = lua_touserdata(L, 1);
    vm_open(L);
    api_open(L);
    for (size_t i = 0; i < policy->layer_count; i++) {
        struct layer *layer = &policy->layers[i];
        lua_pushlightuserdata(L, layer);
        lua_pushcclosure(L, require, 1);
        vm_env_push(L);
        layer->env_ref = luaL_ref(L, LUA_REGISTRYINDEX);
    }
    return 0;
}

struct compile_call {
    struct layer *layer;
    struct module *module;
    const struct policy_file *file;
};

static int protected_compile(lua_State *L)
{
    struct compile_call *call = lua_touserdata(L, 1);
    lua_pushfstring(L, "@%s", call->module->source);
    const struct policy_file *file = call->file;
    if (memchr(file->text, '\0', file->len) != NULL || (file->len > 0 && file->text[0] == '\x1b'))
        return luaL_error(L, "%s: binary data, not the text of a Lua module", call->module->source);
    if (luaL_loadbufferx(L, file->text, file->len, lua_tostring(L, -1), "t") != LUA_OK)
        return lua_error(L);
    lua_rawgeti(L, LUA_REGISTRYINDEX, call->layer->env_ref);
    if (lua_setupvalue(L, -2, 1) == NULL)
        lua_pop(L, 1);
    call->module->chunk_ref = luaL_ref(L, LUA_REGISTRYINDEX);
    return 0;
}

static bool ends_in_test(const char *name)
{
    size_t len = strlen(name);
    return len > SUFFIX_TEST && strcmp(name + len - SUFFIX_TEST, "_test") == 0;
}

static int layer_fill(struct layer *layer, const struct policy_layer *from, struct err *err)
{
    layer->name = mem_str(from->name);
    layer->modules = mem_alloc((from->file_count + 1) * sizeof layer->modules[0]);
    for (size_t i = 0; i < from->file_count; i++) {
        const struct policy_file *file = &from->files[i];
        layer->modules[layer->count++] = (struct module){
            .name = mem_str(file->module),
            .source = mem_str(file->source != NULL ? file->source : file->module),
            .layer = layer->index,
            .chunk_ref = LUA_NOREF,
            .value_ref = LUA_NOREF,
            .is_test = ends_in_test(file->module),
        };
    }
    qsort(layer->modules, layer->count, sizeof layer->modules[0], module_compare);
    for (size_t i = 1; i < layer->count; i++) {
        if (strcmp(layer->modules[i - 1].name, layer->modules[i].name) == 0)
            return err_set(err, ERR_INVALID, "module '%s' is there twice: %s and %s",
                           layer->modules[i].name, layer->modules[i - 1].source,
                           layer->modules[i].source);
    }
    return 0;
}

static int layer_compile(struct layer *layer, const struct policy_layer *from,
                         struct digest *digest, struct err *err)
{
    for (size_t m = 0; m < layer->count; m++) {
        struct module *module = &layer->modules[m];
        const struct policy_file *file = from->files;
        while (strcmp(file->module, module->name) != 0)
            file++;
        struct compile_call call = {layer, module, file};
        if (vm_protect(layer->policy->vm, protected_compile, &call, err) != 0)
            return -1;
        digest_add(digest, module->name, strlen(module->name) + 1);
        digest_add(digest, file->text, file->len);
        digest_add(digest, "", 1);
    }
    digest_add(digest, "\n", 1);
    return 0;
}

static int check_sizes(const struct policy_layer *layers, size_t layer_count, struct err *err)
{
    size_t files = 0, bytes = 0;
    for (size_t i = 0; i < layer_count; i++) {
        for (size_t f = 0; f < layers[i].file_count; f++, files++)
            bytes += layers[i].files[f].len;
    }
    if (files > POLICY_FILES_MAX || bytes > POLICY_BYTES_MAX)
        return err_set(err, ERR_LIMIT,
                       "policies of %zu files, %zu bytes: at most %d files, %d bytes", files, bytes,
                       (int)POLICY_FILES_MAX, (int)POLICY_BYTES_MAX);
    return 0;
}

static int compile_all(struct policy *policy, const struct policy_layer *layers, struct err *err)
{
    for (size_t i = 0; i < policy->layer_count; i++) {
        policy->layers[i].policy = policy;
        policy->layers[i].index = i;
        if (layer_fill(&policy->layers[i], &layers[i], err) != 0)
            return -1;
    }
    if (vm_protect(policy->vm, protected_open, policy, err) != 0)
        return -1;
    struct digest *digest = digest_sha256_new();
    int result = 0;
    for (size_t i = 0; result == 0 && i < policy->layer_count; i++)
        result = layer_compile(&policy->layers[i], &layers[i], digest, err);
    digest_finish_hex(digest, policy->version);
    return result;
}

/* Every module that can be seen, so that a `require` inside a run finds it loaded. */
static int load_all(struct policy *policy, struct err *err)
{
    for (size_t i = 0; i < policy->layer_count; i++) {
        struct layer *layer = &policy->layers[i];
        for (size_t m = 0; m < layer->count; m++) {
            struct module *module = &layer->modules[m];
            bool seen = policy_find(policy, policy->layer_count, module->name) == module;
            bool is_bundle = strcmp(module->name, "bundle") == 0;
            if (module->is_test || module->state == MODULE_LOADED || !(seen || is_bundle))
                continue;
            if (policy_load_module(policy, module, err) != 0)
                return -1;
        }
    }
    return 0;
}

struct policy *policy_load(const struct policy_env *env, const struct policy_layer *layers,
                           size_t layer_count, struct err *err)
{
    if (check_sizes(layers, layer_count, err) != 0)
        return NULL;
    struct policy *policy = mem_alloc(sizeof *policy);
    policy->refs = 1;
    policy->vm = vm_new(env, err);
    policy->layers = mem_alloc((layer_count + 1) * sizeof policy->layers[0]);
    policy->layer_count = layer_count;
    if (policy->vm != NULL) {
        policy->vm->source_of = source_of;
        policy->vm->source_arg = policy;
    }
    if (policy->vm == NULL || compile_all(policy, layers, err) != 0 || load_all(policy, err) != 0 ||
        policy_read_contract(policy, err) != 0) {
        policy_unref(policy);
        return NULL;
    }
    lua_gc(policy->vm->L, LUA_GCCOLLECT);
    if (policy->vm->bytes < GENERATIONAL_BYTES)
        lua_gc(policy->vm->L, LUA_GCGEN, 0, 0);
    policy->vm->bytes_peak = policy->vm->bytes;
    return policy;
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
}
