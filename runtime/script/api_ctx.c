/* ctx: what a run may do. Each call checks its arguments and the controller's rights, starts an
 * effect and yields; its continuation turns the effect's answer into results. */
#include "script/api.h"

#include "script/convert.h"
#include "script/policy_internal.h"
#include "script/view.h"

#include <string.h>

struct task *task_of(lua_State *L, const char *call)
{
    struct task *task = vm_run_of(L)->task;
    if (task == NULL)
        luaL_error(L,
                   "%s works only inside a run, not while loading, in tests or in pure functions",
                   call);
    return task;
}

static bool is_watched(const struct policy_controller *controller, const char *api_version,
                       const char *kind)
{
    for (size_t i = 0; i < controller->watch_count; i++) {
        if (policy_watch_covers(&controller->watches[i], api_version, kind))
            return true;
    }
    return false;
}

void task_check_right(lua_State *L, struct task *task, enum effect_verb verb,
                      const char *api_version, const char *kind, const char *call)
{
    const struct policy_controller *controller = task->controller;
    if (controller == NULL)
        return;
    for (size_t i = 0; i < controller->right_count; i++) {
        const struct policy_right *right = &controller->rights[i];
        if ((right->verbs & (1U << verb)) != 0 &&
            (verb == EFFECT_HTTP || policy_right_covers(right, api_version, kind)))
            return;
    }
    bool reading = verb == EFFECT_READ || verb == EFFECT_READ_LIST;
    if (reading && is_watched(controller, api_version, kind))
        return;
    if (verb == EFFECT_HTTP)
        luaL_error(L, "%s: the rights of controller '%s' lack `http = true`", call,
                   controller->name);
    luaL_error(L, "%s: the rights of controller '%s' do not allow it for %s/%s", call,
               controller->name, api_version, kind);
}

/* Refuses ctx:apply(x), whose first argument would be ctx. */
RAISES struct task *api_ctx_begin(lua_State *L, const char *call)
{
    struct task *task = task_of(L, call);
    if (lua_istable(L, 1) && lua_getmetatable(L, 1)) {
        lua_rawgetp(L, LUA_REGISTRYINDEX, &vm_keys.ctx_mt);
        if (lua_rawequal(L, -1, -2))
            luaL_error(L, "%s is called with a dot, not with a colon", call);
        lua_pop(L, 2);
    }
    return task;
}

RAISES struct jv *api_take_object(lua_State *L, struct task *task, size_t index, int idx,
                                  const char *call)
{
    struct err err;
    struct op_item *item = &task->op.items[index];
    item->body = convert_take(L, idx, call, CONVERT_WHOLE_REALS, &err);
    if (item->body == NULL)
        api_raise(L, &err);
    struct effect target = {0};
    if (jv_is_object(item->body))
        effect_target_of(&target, item->body);
    enum effect_verb verb = item->merge ? EFFECT_PATCH : task->op.verb;
    bool named =
        target.name != NULL || (verb == EFFECT_CREATE &&
                                jv_path_str(item->body, "metadata", "generateName", NULL) != NULL);
    if (target.api_version == NULL || target.kind == NULL || !named)
        luaL_error(L, "%s: an object needs apiVersion, kind and metadata.name", call);
    task_check_right(L, task, verb, target.api_version, target.kind, call);
    vm_charge(L, 200);
    return item->body;
}

/* object, err */
static int answered(lua_State *L, int status, lua_KContext context)
{
    (void)status;
    (void)context;
    struct op_item *item = &vm_run_of(L)->task->op.items[0];
    if (item->failed)
        return api_push_failure(L, &item->err);
    if (item->result != NULL)
        view_push(L, item->result);
    else
        lua_pushboolean(L, 1);
    return 1;
}

static int done(lua_State *L, int status, lua_KContext context)
{
    (void)status;
    (void)context;
    struct op_item *item = &vm_run_of(L)->task->op.items[0];
    if (item->failed && !(context == EFFECT_DELETE && item->err.code == ERR_NOT_FOUND))
        return api_push_failure(L, &item->err);
    lua_pushboolean(L, 1);
    return 1;
}

/* A target: an object, a view, or { apiVersion=, kind=, namespace=, name=, uid= }. The strings stay on
 * the stack. */
RAISES static void read_target(lua_State *L, int idx, struct effect *effect, const char *call)
{
    idx = lua_absindex(L, idx);
    luaL_checkstack(L, 12, NULL);
    if (!lua_istable(L, idx) && view_check(L, idx) == NULL)
        luaL_error(L, "%s: a target is an object or { apiVersion=, kind=, namespace=, name= }",
                   call);
    effect->api_version = api_field(L, idx, "apiVersion", call);
    effect->kind = api_field(L, idx, "kind", call);
    api_push_field(L, idx, "metadata");
    int from = lua_isnil(L, -1) ? idx : lua_gettop(L);
    effect->namespace = api_field(L, from, "namespace", call);
    effect->name = api_field(L, from, "name", call);
    effect->uid = api_field(L, from, "uid", call);
    if (from == idx)
        effect->resource_version = api_field(L, idx, "resourceVersion", call);
    if (effect->namespace == NULL)
        effect->namespace = "";
    if (effect->api_version == NULL || effect->kind == NULL || effect->name == NULL)
        luaL_error(L, "%s: a target needs apiVersion, kind and name", call);
}

static void target_primary(struct task *task, struct effect *effect)
{
    effect->api_version = task->key.api_version;
    effect->kind = task->key.kind;
    effect->namespace = task->key.namespace;
    effect->name = task->key.name;
    effect->uid = task->key.uid[0] != '\0' ? task->key.uid : NULL;
}

/* Pushes opts[field] of the options at idx (which may be absent). */
RAISES static const char *option(lua_State *L, int idx, const char *field, const char *call)
{
    if (lua_isnoneornil(L, idx))
        return NULL;
    luaL_checktype(L, idx, LUA_TTABLE);
    return api_field(L, idx, field, call);
}

/* With { of = target, subresource = "…" } what is made is a subresource of the target: a Binding, an
 * Eviction. */
static int ctx_create(lua_State *L)
{
    struct task *task = api_ctx_begin(L, "ctx.create");
    struct effect effect = {.verb = EFFECT_CREATE};
    struct err err;
    lua_settop(L, 2);
    op_begin(task, EFFECT_CREATE, 1);
    effect.subresource = option(L, 2, "subresource", "ctx.create");
    if (effect.subresource == NULL) {
        effect_target_of(&effect, api_take_object(L, task, 0, 1, "ctx.create"));
    } else {
        api_push_field(L, 2, "of");
        read_target(L, -1, &effect, "ctx.create: of");
        task_check_right(L, task, EFFECT_CREATE, effect.api_version, effect.kind, "ctx.create");
        task->op.items[0].body = convert_take(L, 1, "ctx.create", CONVERT_WHOLE_REALS, &err);
        if (task->op.items[0].body == NULL)
            return api_raise(L, &err);
    }
    op_start(L, task, &effect);
    return lua_yieldk(L, 0, 0, answered);
}

static int ctx_patch(lua_State *L)
{
    struct task *task = api_ctx_begin(L, "ctx.patch");
    struct effect effect = {.verb = EFFECT_PATCH};
    struct err err;
    lua_settop(L, 3);
    op_begin(task, EFFECT_PATCH, 1);
    read_target(L, 1, &effect, "ctx.patch");
    task_check_right(L, task, EFFECT_PATCH, effect.api_version, effect.kind, "ctx.patch");
    effect.patch_type = option(L, 3, "type", "ctx.patch");
    effect.subresource = option(L, 3, "subresource", "ctx.patch");
    if (effect.patch_type == NULL)
        effect.patch_type = "merge";
    if (strcmp(effect.patch_type, "merge") != 0 && strcmp(effect.patch_type, "json") != 0)
        return luaL_error(L, "ctx.patch: type must be \"merge\" or \"json\"");
    task->op.items[0].body = convert_take(L, 2, "ctx.patch", CONVERT_WHOLE_REALS, &err);
    if (task->op.items[0].body == NULL)
        return api_raise(L, &err);
    if (jv_is_array(task->op.items[0].body) != (effect.patch_type[0] == 'j'))
        return luaL_error(L, "ctx.patch: a json patch is an array, a merge patch an object");
    op_start(L, task, &effect);
    return lua_yieldk(L, 0, 0, answered);
}

static int ctx_delete(lua_State *L)
{
    struct task *task = api_ctx_begin(L, "ctx.delete");
    struct effect effect = {.verb = EFFECT_DELETE};
    lua_settop(L, 2);
    op_begin(task, EFFECT_DELETE, 1);
    read_target(L, 1, &effect, "ctx.delete");
    task_check_right(L, task, EFFECT_DELETE, effect.api_version, effect.kind, "ctx.delete");
    effect.reason = option(L, 2, "reason", "ctx.delete");
    effect.propagation = option(L, 2, "propagation", "ctx.delete");
    if (!lua_isnil(L, 2)) {
        api_push_field(L, 2, "immediate");
        effect.immediate = lua_toboolean(L, -1);
    }
    op_start(L, task, &effect);
    return lua_yieldk(L, 0, EFFECT_DELETE, done);
}

static int ctx_status(lua_State *L)
{
    struct task *task = api_ctx_begin(L, "ctx.status");
    struct effect effect = {.verb = EFFECT_STATUS};
    struct err err;
    lua_settop(L, 2);
    op_begin(task, EFFECT_STATUS, 1);
    if (lua_isnil(L, 2))
        target_primary(task, &effect);
    else
        read_target(L, 2, &effect, "ctx.status");
    task_check_right(L, task, EFFECT_STATUS, effect.api_version, effect.kind, "ctx.status");
    task->op.items[0].body = convert_take(L, 1, "ctx.status", CONVERT_WHOLE_REALS, &err);
    if (task->op.items[0].body == NULL)
        return api_raise(L, &err);
    if (!jv_is_object(task->op.items[0].body))
        return luaL_error(L, "ctx.status: a status is an object");
    op_start(L, task, &effect);
    return lua_yieldk(L, 0, 0, answered);
}

RAISES static int finalizer(lua_State *L, enum effect_verb verb, const char *call)
{
    struct task *task = api_ctx_begin(L, call);
    struct effect effect = {.verb = verb, .value = luaL_checkstring(L, 1)};
    op_begin(task, verb, 1);
    target_primary(task, &effect);
    task_check_right(L, task, verb, effect.api_version, effect.kind, call);
    op_start(L, task, &effect);
    return lua_yieldk(L, 0, 0, answered);
}

static int ctx_finalizer_add(lua_State *L)
{
    return finalizer(L, EFFECT_FINALIZER_ADD, "ctx.finalizer_add");
}

static int ctx_finalizer_remove(lua_State *L)
{
    return finalizer(L, EFFECT_FINALIZER_REMOVE, "ctx.finalizer_remove");
}

static void on_event(void *arg, struct jv *result, const struct err *err)
{
    (void)arg;
    (void)result;
    (void)err;
}

/* An event never waits and outlives the run. */
static int ctx_event(lua_State *L)
{
    struct task *task = api_ctx_begin(L, "ctx.event");
    struct effect effect = {.verb = EFFECT_EVENT};
    luaL_checktype(L, 1, LUA_TTABLE);
    lua_settop(L, 1);
    luaL_checkstack(L, 24, NULL);
    effect.event_type = api_field(L, 1, "type", "ctx.event");
    effect.event_reason = api_field(L, 1, "reason", "ctx.event");
    effect.event_note = api_field(L, 1, "message", "ctx.event");
    effect.event_action = api_field(L, 1, "action", "ctx.event");
    if (effect.event_type == NULL)
        effect.event_type = "Normal";
    if (effect.event_reason == NULL || effect.event_note == NULL ||
        (strcmp(effect.event_type, "Normal") != 0 && strcmp(effect.event_type, "Warning") != 0))
        return luaL_error(
            L, "ctx.event takes { type = \"Normal\" or \"Warning\", reason=, message= }");
    api_push_field(L, 1, "regarding");
    if (lua_isnil(L, -1))
        target_primary(task, &effect);
    else
        read_target(L, -1, &effect, "ctx.event");
    task_check_right(L, task, EFFECT_EVENT, effect.api_version, effect.kind, "ctx.event");
    if (++task->effects_used > task->run.vm->limits.effects_max)
        return vm_raise_kill(L, VM_KILL_EFFECTS);
    task->effects->ops->start(task->effects->self, &effect, on_event, NULL);
    return 0;
}

static int ctx_sleep(lua_State *L)
{
    struct task *task = api_ctx_begin(L, "ctx.sleep");
    lua_Number ms = luaL_checknumber(L, 1);
    struct effect effect = {.verb = EFFECT_SLEEP};
    effect.delay_ms = ms > 0 ? ms < 1e12 ? (int64_t)ms : (int64_t)1e12 : 0;
    op_begin(task, EFFECT_SLEEP, 1);
    op_start(L, task, &effect);
    return lua_yieldk(L, 0, 0, done);
}

RAISES static void set_text(lua_State *L, const char *field, const char *text)
{
    lua_pushstring(L, text);
    lua_setfield(L, -2, field);
}

void task_push_ctx(lua_State *L, struct task *task)
{
    lua_createtable(L, 0, 7);
    lua_createtable(L, 0, 5);
    set_text(L, "apiVersion", task->key.api_version);
    set_text(L, "kind", task->key.kind);
    set_text(L, "namespace", task->key.namespace);
    set_text(L, "name", task->key.name);
    set_text(L, "uid", task->key.uid);
    lua_setfield(L, -2, "key");
    if (task->object != NULL) {
        view_push_item(L, task->object);
        lua_setfield(L, -2, "object");
    }
    if (task->request != NULL) {
        view_push(L, task->request);
        lua_setfield(L, -2, "request");
    }
    set_text(L, "controller", task->controller != NULL ? task->controller->name : task->module);
    set_text(L, "policy_version", policy_version(task->policy));
    lua_pushboolean(L, task->effects->ops->previewing(task->effects->self));
    lua_setfield(L, -2, "previewing");
    lua_rawgetp(L, LUA_REGISTRYINDEX, &vm_keys.ctx_mt);
    lua_setmetatable(L, -2);
}

void api_ctx_open(lua_State *L)
{
    static const luaL_Reg functions[] = {{"apply", api_ctx_apply},
                                         {"apply_all", api_ctx_apply_all},
                                         {"create", ctx_create},
                                         {"patch", ctx_patch},
                                         {"delete", ctx_delete},
                                         {"status", ctx_status},
                                         {"finalizer_add", ctx_finalizer_add},
                                         {"finalizer_remove", ctx_finalizer_remove},
                                         {"event", ctx_event},
                                         {"gauges", api_ctx_gauges},
                                         {"sleep", ctx_sleep},
                                         {NULL, NULL}};
    lua_createtable(L, 0, 2);
    luaL_newlib(L, functions);
    luaL_getsubtable(L, LUA_REGISTRYINDEX, LUA_LOADED_TABLE); /* names for tracebacks */
    lua_pushvalue(L, -2);
    lua_setfield(L, -2, "ctx");
    lua_pop(L, 1);
    lua_setfield(L, -2, "__index");
    lua_pushboolean(L, 0);
    lua_setfield(L, -2, "__metatable");
    lua_rawsetp(L, LUA_REGISTRYINDEX, &vm_keys.ctx_mt);
}
