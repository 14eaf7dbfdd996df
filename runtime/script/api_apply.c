/* ctx.apply and ctx.apply_all: objects as a policy wants them, one or many side by side. */
#include "script/api.h"

#include "script/policy_internal.h"
#include "script/view.h"

#include <string.h>

/* Reads opts.whole of the options at idx into the op. */
RAISES static void read_whole(lua_State *L, struct task *task, int idx, const char *call)
{
    if (lua_isnoneornil(L, idx))
        return;
    luaL_checktype(L, idx, LUA_TTABLE);
    api_push_field(L, idx, "whole");
    if (lua_isnil(L, -1))
        return;
    if (!lua_istable(L, -1) || lua_rawlen(L, -1) > OP_WHOLE_MAX)
        luaL_error(L, "%s: whole must be a list of at most %d paths", call, (int)OP_WHOLE_MAX);
    lua_Integer count = (lua_Integer)lua_rawlen(L, -1);
    for (lua_Integer i = 1; i <= count; i++) {
        if (lua_rawgeti(L, -1, i) != LUA_TSTRING)
            luaL_error(L, "%s: whole[%d] must be a string", call, (int)i);
        task->op.whole[task->op.whole_count++] = mem_str(lua_tostring(L, -1));
        lua_pop(L, 1);
    }
}

/* [-0, +1] The object as it is cached, parsed only when somebody looks into it. */
RAISES static void push_cached(lua_State *L, struct op_item *item)
{
    struct task *task = item->task;
    struct effect target = {0};
    struct store_item *cached = NULL;
    effect_target_of(&target, item->body);
    struct store *store =
        task->effects->ops->store(task->effects->self, target.api_version, target.kind, NULL);
    const char *namespace = target.namespace != NULL ? target.namespace : task->key.namespace;
    if (store != NULL)
        cached = store_get(store, namespace, target.name);
    if (store != NULL && cached == NULL)
        cached = store_get(store, "", target.name); /* a cluster-scoped one */
    if (cached != NULL)
        view_push_item(L, cached);
    else
        lua_pushnil(L);
}

/* [-0, +3] object, err, change */
RAISES static int push_applied(lua_State *L, struct op_item *item)
{
    if (item->failed) {
        api_push_failure(L, &item->err);
        lua_pushnil(L);
        return 3;
    }
    struct jv *object = item->merge ? item->result : jv_get(item->result, "object");
    if (object != NULL)
        view_push(L, object);
    else
        push_cached(L, item);
    lua_pushnil(L);
    lua_pushstring(L, item->merge ? "updated" : jv_path_str(item->result, "change", NULL));
    return 3;
}

static int applied(lua_State *L, int status, lua_KContext context)
{
    (void)status;
    (void)context;
    return push_applied(L, &vm_run_of(L)->task->op.items[0]);
}

int api_ctx_apply(lua_State *L)
{
    struct task *task = api_ctx_begin(L, "ctx.apply");
    op_begin(task, EFFECT_APPLY, 1);
    api_take_object(L, task, 0, 1, "ctx.apply");
    read_whole(L, task, 2, "ctx.apply");
    op_start_all(L, task);
    return lua_yieldk(L, 0, 0, applied);
}

static int applied_all(lua_State *L, int status, lua_KContext context)
{
    (void)status;
    (void)context;
    struct op *op = &vm_run_of(L)->task->op;
    lua_createtable(L, (int)op->count, 0);
    for (size_t i = 0; i < op->count; i++) {
        lua_createtable(L, 0, 3);
        push_applied(L, &op->items[i]);
        lua_setfield(L, -4, "change");
        lua_setfield(L, -3, "err");
        lua_setfield(L, -2, "object");
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
    return 1;
}

/* Takes the objects of the list on top of the stack, from item `first` on. */
RAISES static void take_list(lua_State *L, struct task *task, size_t first, bool merge,
                             const char *call)
{
    int list = lua_gettop(L);
    size_t count = lua_rawlen(L, list);
    for (size_t i = 0; i < count; i++) {
        task->op.items[first + i].merge = merge;
        lua_rawgeti(L, list, (lua_Integer)i + 1);
        lua_pushfstring(L, "%s[%d]", call, (int)i + 1);
        api_take_object(L, task, first + i, list + 1, lua_tostring(L, -1));
        lua_pop(L, 2);
    }
}

int api_ctx_apply_all(lua_State *L)
{
    struct task *task = api_ctx_begin(L, "ctx.apply_all");
    lua_settop(L, 2);
    luaL_checktype(L, 1, LUA_TTABLE);
    if (!lua_isnil(L, 2))
        luaL_checktype(L, 2, LUA_TTABLE);
    lua_createtable(L, 0, 0);
    if (!lua_isnil(L, 2) && lua_getfield(L, 2, "merges") != LUA_TNIL)
        luaL_argcheck(L, lua_istable(L, -1), 2, "merges must be a list of objects");
    else
        lua_settop(L, 3);
    size_t applies = lua_rawlen(L, 1), merges = lua_rawlen(L, -1);
    if (applies + merges > OP_ITEMS_MAX)
        return luaL_error(L, "ctx.apply_all: more than %d objects", (int)OP_ITEMS_MAX);
    op_begin(task, EFFECT_APPLY, applies + merges);
    take_list(L, task, applies, true, "ctx.apply_all: merges");
    lua_pushvalue(L, 1);
    take_list(L, task, 0, false, "ctx.apply_all: ");
    read_whole(L, task, 2, "ctx.apply_all");
    if (applies + merges == 0)
        return applied_all(L, LUA_OK, 0);
    op_start_all(L, task);
    return lua_yieldk(L, 0, 0, applied_all);
}
