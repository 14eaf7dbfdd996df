#include "script/vm.h"

#include "script/convert.h"
#include "script/view.h"

#include <lualib.h>
#include <string.h>

/* The message of a failed pcall is the policy's; a kill passes through, whoever catches it. */
static int pcall_done(lua_State *L, int status, lua_KContext extra)
{
    if (status == LUA_OK || status == LUA_YIELD)
        return lua_gettop(L) - (int)extra;
    struct vm_run *run = vm_run_of(L);
    if (status == LUA_ERRMEM)
        return vm_raise_kill(L, VM_KILL_MEMORY);
    if (run->killed != VM_ALIVE)
        return vm_raise_kill(L, run->killed);
    /* What failed in C may have noted much work, and catching costs Lua a walk over its call stack. */
    vm_charge(L, 10 + run->vm->bytes / 256);
    lua_pushboolean(L, 0);
    lua_pushvalue(L, -2);
    return 2;
}

static int base_pcall(lua_State *L)
{
    luaL_checkany(L, 1);
    lua_pushboolean(L, 1);
    lua_insert(L, 1);
    int status = lua_pcallk(L, lua_gettop(L) - 2, LUA_MULTRET, 0, 0, pcall_done);
    return pcall_done(L, status, 0);
}

static int tostring_done(lua_State *L, int status, lua_KContext extra)
{
    (void)status;
    (void)extra;
    if (lua_type(L, -1) != LUA_TSTRING)
        return luaL_error(L, "'__tostring' must return a string");
    return 1;
}

/* [-0, +1, m] Text of a value without a __tostring. Addresses are left out: they would differ from
 * run to run. */
RAISES static void push_plain_text(lua_State *L, int idx)
{
    switch (lua_type(L, idx)) {
    case LUA_TNIL:
        lua_pushliteral(L, "nil");
        return;
    case LUA_TBOOLEAN:
        lua_pushstring(L, lua_toboolean(L, idx) ? "true" : "false");
        return;
    case LUA_TNUMBER:
    case LUA_TSTRING:
        lua_pushvalue(L, idx);
        lua_tolstring(L, -1, NULL);
        return;
    default:
        if (luaL_getmetafield(L, idx, "__name") == LUA_TSTRING)
            return;
        lua_pushstring(L, luaL_typename(L, idx));
        return;
    }
}

static int base_tostring(lua_State *L)
{
    luaL_checkany(L, 1);
    lua_settop(L, 1);
    if (luaL_getmetafield(L, 1, "__tostring") == LUA_TNIL) {
        push_plain_text(L, 1);
        return 1;
    }
    lua_pushvalue(L, 1);
    lua_callk(L, 1, 1, 0, tostring_done);
    return tostring_done(L, LUA_OK, 0);
}

const char *vm_text(lua_State *L, int idx, size_t *len)
{
    idx = lua_absindex(L, idx);
    if (luaL_getmetafield(L, idx, "__tostring") == LUA_TNIL) {
        push_plain_text(L, idx);
    } else {
        lua_pushvalue(L, idx);
        lua_call(L, 1, 1);
        if (lua_type(L, -1) != LUA_TSTRING)
            luaL_error(L, "'__tostring' must return a string");
    }
    return lua_tolstring(L, -1, len);
}

static int base_setmetatable(lua_State *L)
{
    static const char *const refused[] = {"__gc", "__mode", "__close"};
    luaL_checktype(L, 1, LUA_TTABLE);
    if (lua_type(L, 2) != LUA_TNIL)
        luaL_checktype(L, 2, LUA_TTABLE);
    if (luaL_getmetafield(L, 1, "__metatable") != LUA_TNIL)
        return luaL_error(L, "the metatable of this value is protected");
    for (size_t i = 0; lua_istable(L, 2) && i < sizeof refused / sizeof refused[0]; i++) {
        lua_pushstring(L, refused[i]);
        if (lua_rawget(L, 2) != LUA_TNIL)
            return luaL_error(L, "metatables of policies may not have %s", refused[i]);
        lua_pop(L, 1);
    }
    lua_settop(L, 2);
    lua_setmetatable(L, 1);
    return 1;
}

/* Upvalue 1: the log library. */
int vm_print(lua_State *L)
{
    int count = lua_gettop(L);
    luaL_Buffer buffer;
    luaL_buffinit(L, &buffer);
    for (int i = 1; i <= count; i++) {
        size_t len;
        if (i > 1)
            luaL_addchar(&buffer, '\t');
        vm_text(L, i, &len);
        luaL_addvalue(&buffer);
    }
    luaL_pushresult(&buffer);
    lua_getfield(L, lua_upvalueindex(1), "info");
    lua_insert(L, -2);
    lua_call(L, 1, 0);
    return 0;
}

static int raise_unknown(lua_State *L)
{
    return luaL_error(L, "unknown global '%s'", luaL_tolstring(L, 2, NULL));
}

static int raise_frozen(lua_State *L)
{
    if (lua_type(L, lua_upvalueindex(1)) == LUA_TSTRING)
        return luaL_error(L, "'%s' is read-only", lua_tostring(L, lua_upvalueindex(1)));
    return luaL_error(L, "globals are frozen: declare `local %s`", luaL_tolstring(L, 2, NULL));
}

/* [-1, +1, m] The table on top becomes the __index of an empty proxy. */
void vm_freeze(lua_State *L, const char *name)
{
    lua_newtable(L);
    lua_createtable(L, 0, 3);
    lua_pushvalue(L, -3);
    lua_setfield(L, -2, "__index");
    lua_pushstring(L, name);
    lua_pushcclosure(L, raise_frozen, 1);
    lua_setfield(L, -2, "__newindex");
    lua_pushboolean(L, 0);
    lua_setfield(L, -2, "__metatable");
    lua_setmetatable(L, -2);
    lua_remove(L, -2);
}

void vm_add_library(lua_State *L, const char *name)
{
    luaL_getsubtable(L, LUA_REGISTRYINDEX, LUA_LOADED_TABLE); /* names for tracebacks */
    lua_pushvalue(L, -2);
    lua_setfield(L, -2, name);
    lua_pop(L, 1);
    vm_freeze(L, name);
    lua_rawgetp(L, LUA_REGISTRYINDEX, &vm_keys.globals);
    lua_insert(L, -2);
    lua_setfield(L, -2, name);
    lua_pop(L, 1);
}

/* [-1, +1, m] require → a frozen environment: the globals and this require. */
void vm_env_push(lua_State *L)
{
    int require = lua_gettop(L);
    lua_newtable(L);
    int env = lua_gettop(L);
    lua_rawgetp(L, LUA_REGISTRYINDEX, &vm_keys.globals);
    lua_pushnil(L);
    while (lua_next(L, env + 1)) {
        lua_pushvalue(L, -2);
        lua_insert(L, -2);
        lua_rawset(L, env);
    }
    lua_pop(L, 1);
    lua_pushvalue(L, require);
    lua_setfield(L, env, "require");
    lua_createtable(L, 0, 1);
    lua_pushcfunction(L, raise_unknown);
    lua_setfield(L, -2, "__index");
    lua_setmetatable(L, env);
    vm_freeze(L, NULL);
    lua_remove(L, require);
}

/* Copies the named functions of the table at `from` into the table at `to`. */
RAISES static void copy_fields(lua_State *L, int from, int to, const char *const *names)
{
    for (; *names != NULL; names++) {
        lua_getfield(L, from, *names);
        lua_setfield(L, to, *names);
    }
}

static int math_random(lua_State *L)
{
    struct random_source *random = vm_of(L)->random;
    lua_Integer low = 1, high;
    switch (lua_gettop(L)) {
    case 0:
        lua_pushnumber(L, random_unit(random));
        return 1;
    case 1:
        high = luaL_checkinteger(L, 1);
        break;
    default:
        low = luaL_checkinteger(L, 1);
        high = luaL_checkinteger(L, 2);
    }
    luaL_argcheck(L, low <= high, lua_gettop(L), "the interval is empty");
    uint64_t span = (uint64_t)high - (uint64_t)low;
    uint64_t drawn = span == UINT64_MAX ? random_u64(random) : random_below(random, span + 1);
    lua_pushinteger(L, (lua_Integer)((uint64_t)low + drawn));
    return 1;
}

/* utf8 functions walk whole strings: their work is counted. */
static int charged_call(lua_State *L)
{
    if (lua_type(L, 1) == LUA_TSTRING)
        vm_charge(L, lua_rawlen(L, 1) / 8);
    return lua_tocfunction(L, lua_upvalueindex(1))(L);
}

RAISES static void open_utf8_and_math(lua_State *L)
{
    static const char *const walking[] = {"codes", "codepoint", "len", "offset", NULL};
    luaopen_utf8(L);
    for (const char *const *name = walking; *name != NULL; name++) {
        lua_getfield(L, -1, *name);
        lua_pushcclosure(L, charged_call, 1);
        lua_setfield(L, -2, *name);
    }
    vm_add_library(L, "utf8");
    luaopen_math(L);
    lua_pushcfunction(L, math_random);
    lua_setfield(L, -2, "random");
    lua_pushnil(L);
    lua_setfield(L, -2, "randomseed");
    vm_add_library(L, "math");
}

void vm_open(lua_State *L)
{
    static const char *const allowed[] = {
        "assert", "error",  "getmetatable", "ipairs", "rawequal", "rawget",
        "rawlen", "select", "tonumber",     "type",   NULL};
    static const luaL_Reg own[] = {{"pcall", base_pcall},
                                   {"setmetatable", base_setmetatable},
                                   {"tostring", base_tostring},
                                   {NULL, NULL}};
    lua_settop(L, 0);
    lua_newtable(L);
    lua_pushvalue(L, -1);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &vm_keys.globals);
    lua_newtable(L);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &vm_keys.docs);
    luaopen_base(L);
    copy_fields(L, 2, 1, allowed);
    lua_settop(L, 1);
    lua_newtable(L); /* forget the rest of the base library */
    lua_rawseti(L, LUA_REGISTRYINDEX, LUA_RIDX_GLOBALS);
    luaL_setfuncs(L, own, 0);
    lua_pushliteral(L, LUA_VERSION);
    lua_setfield(L, 1, "_VERSION");
    luaL_getsubtable(L, LUA_REGISTRYINDEX, LUA_LOADED_TABLE);
    lua_pushvalue(L, 1);
    lua_setfield(L, -2, "_G");
    lua_pop(L, 1);
    convert_open(L);
    view_open(L);
    vm_pairs_open(L, 1);
    vm_string_open(L);
    vm_table_open(L);
    open_utf8_and_math(L);
    lua_settop(L, 0);
}
