/* Loading, step by step: compile each file, run each module, read the contract. */
#include "script/policy_internal.h"

#include "base/slab.h"
#include "script/api.h"

#include <stdlib.h>
#include <string.h>

enum { SUFFIX_TEST = sizeof "_test" - 1, GENERATIONAL_BYTES = 8 << 20 };

enum load_phase { LOAD_OPEN, LOAD_COMPILE, LOAD_RUN, LOAD_CONTRACT };

struct policy_load {
    struct policy *policy; /* NULL once it is handed over */
    const struct policy_layer *from;
    size_t from_count;
    enum load_phase phase;
    size_t layer, module; /* the next */
    struct digest *digest;
    struct module_run running;
};

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

int policy_module_step(struct policy *policy, struct module_run *running, struct module *module,
                       struct err *err)
{
    struct vm_run *run = &running->run;
    bool begins = running->module == NULL;
    if (begins) {
        if (vm_run_start(policy->vm, run, NULL, err) != 0)
            return -1;
        lua_pushcfunction(run->L, policy_push_module);
        lua_pushlightuserdata(run->L, module);
        running->module = module;
    }
    enum vm_step step = vm_run_resume(run, begins ? 1 : 0);
    if (step == VM_SLICED)
        return 0;
    int result = 1;
    if (step != VM_DONE) {
        result = policy_run_error(run, err);
        if (run->killed != VM_ALIVE)
            err_wrap(err, "%s", module->source);
        module->state = MODULE_COMPILED;
    } else if (policy_used_up(policy, run, POLICY_LOAD_RUNS)) {
        result = err_set(err, ERR_LIMIT,
                         "%s: loading all modules takes more than %d times what one may take",
                         module->source, (int)POLICY_LOAD_RUNS);
    }
    policy_module_abandon(running);
    return result;
}

void policy_module_abandon(struct module_run *running)
{
    if (running->module != NULL)
        vm_run_end(&running->run);
    running->module = NULL;
}

static int protected_open(lua_State *L)
{
    struct policy *policy = lua_touserdata(L, 1);
    vm_open(L);
    api_open(L);
    for (size_t i = 0; i < policy->layer_count; i++) {
        struct layer *layer = &policy->layers[i];
        lua_pushlightuserdata(L, layer);
        lua_pushcclosure(L, policy_require, 1);
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
    qsort(layer->modules, layer->count, sizeof layer->modules[0], policy_module_compare);
    for (size_t i = 1; i < layer->count; i++) {
        if (strcmp(layer->modules[i - 1].name, layer->modules[i].name) == 0)
            return err_set(err, ERR_INVALID, "module '%s' is there twice: %s and %s",
                           layer->modules[i].name, layer->modules[i - 1].source,
                           layer->modules[i].source);
    }
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

static int open_layers(struct policy_load *load, struct err *err)
{
    struct policy *policy = load->policy;
    if (check_sizes(load->from, load->from_count, err) != 0)
        return -1;
    for (size_t i = 0; i < policy->layer_count; i++) {
        policy->layers[i].policy = policy;
        policy->layers[i].index = i;
        if (layer_fill(&policy->layers[i], &load->from[i], err) != 0)
            return -1;
    }
    return vm_protect(policy->vm, protected_open, policy, err);
}

static int compile_one(struct policy_load *load, struct layer *layer, struct module *module,
                       struct err *err)
{
    const struct policy_file *file = load->from[layer->index].files;
    while (strcmp(file->module, module->name) != 0)
        file++;
    struct compile_call call = {layer, module, file};
    if (vm_protect(load->policy->vm, protected_compile, &call, err) != 0)
        return -1;
    digest_add(load->digest, module->name, strlen(module->name) + 1);
    digest_add(load->digest, file->text, file->len);
    digest_add(load->digest, "", 1);
    if (load->module + 1 == layer->count)
        digest_add(load->digest, "\n", 1);
    return 1;
}

/* Every module that can be seen, so that a `require` inside a run finds it loaded. */
static int run_one(struct policy_load *load, struct layer *layer, struct module *module,
                   struct err *err)
{
    struct policy *policy = load->policy;
    bool seen = policy_find(policy, policy->layer_count, module->name) == module;
    bool is_bundle = strcmp(module->name, "bundle") == 0;
    (void)layer;
    if (load->running.module == NULL &&
        (module->is_test || module->state == MODULE_LOADED || !(seen || is_bundle)))
        return 1;
    return policy_module_step(policy, &load->running, module, err);
}

/* The next module: compiled or run. 1: there is none left. */
static int step_modules(struct policy_load *load, struct err *err)
{
    struct policy *policy = load->policy;
    while (load->layer < policy->layer_count && load->module == policy->layers[load->layer].count) {
        load->layer++;
        load->module = 0;
    }
    if (load->layer == policy->layer_count) {
        load->layer = 0;
        return 1;
    }
    struct layer *layer = &policy->layers[load->layer];
    struct module *module = &layer->modules[load->module];
    int result = load->phase == LOAD_COMPILE ? compile_one(load, layer, module, err)
                                             : run_one(load, layer, module, err);
    load->module += result == 1;
    return result < 0 ? -1 : 0;
}

static void settle(struct policy *policy)
{
    lua_gc(policy->vm->L, LUA_GCCOLLECT);
    slab_trim(policy->vm->slab);
    if (policy->vm->bytes < GENERATIONAL_BYTES)
        lua_gc(policy->vm->L, LUA_GCGEN, 0, 0);
    policy->vm->bytes_peak = policy->vm->bytes;
}

static int step_once(struct policy_load *load, struct err *err)
{
    int result = 0;
    switch (load->phase) {
    case LOAD_OPEN:
        result = open_layers(load, err) == 0;
        break;
    case LOAD_COMPILE:
        result = step_modules(load, err);
        if (result == 1)
            digest_finish_hex(load->digest, load->policy->version);
        if (result == 1)
            load->digest = NULL;
        break;
    case LOAD_RUN:
        result = step_modules(load, err);
        break;
    case LOAD_CONTRACT:
        if (policy_read_contract(load->policy, err) != 0)
            return -1;
        settle(load->policy);
        return 1;
    }
    if (load->phase == LOAD_OPEN && result == 0)
        return -1;
    load->phase += result == 1;
    return result < 0 ? -1 : 0;
}

struct policy_load *policy_load_begin(const struct policy_env *env,
                                      const struct policy_layer *layers, size_t layer_count,
                                      struct err *err)
{
    struct vm *vm = vm_new(env, err);
    if (vm == NULL)
        return NULL;
    struct policy_load *load = mem_alloc(sizeof *load);
    struct policy *policy = mem_alloc(sizeof *policy);
    policy->refs = 1;
    policy->vm = vm;
    policy->layers = mem_alloc((layer_count + 1) * sizeof policy->layers[0]);
    policy->layer_count = layer_count;
    vm->source_of = source_of;
    vm->source_arg = policy;
    load->policy = policy;
    load->from = layers;
    load->from_count = layer_count;
    load->digest = digest_sha256_new();
    return load;
}

int policy_load_step(struct policy_load *load, struct policy **policy, struct err *err)
{
    const struct vm *vm = load->policy->vm;
    int64_t began_ms = clock_mono_ms(vm->clock);
    int result = 0;
    while (result == 0 && clock_mono_ms(vm->clock) - began_ms < vm->limits.slice_ms)
        result = step_once(load, err);
    if (result == 1) {
        *policy = load->policy;
        load->policy = NULL;
    }
    return result;
}

void policy_load_end(struct policy_load *load)
{
    char unused[DIGEST_SHA256_HEX];
    if (load == NULL)
        return;
    policy_module_abandon(&load->running);
    if (load->digest != NULL)
        digest_finish_hex(load->digest, unused);
    policy_unref(load->policy);
    free(load);
}

struct policy *policy_load(const struct policy_env *env, const struct policy_layer *layers,
                           size_t layer_count, struct err *err)
{
    struct policy_load *load = policy_load_begin(env, layers, layer_count, err);
    struct policy *policy = NULL;
    while (load != NULL && policy_load_step(load, &policy, err) == 0)
        ;
    policy_load_end(load);
    return policy;
}
