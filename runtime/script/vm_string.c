/* The string library of policies: the linear functions of Lua's own, bounded ones for the rest. */
#include "script/vm.h"

#include <lualib.h>
#include <string.h>

static int string_rep(lua_State *L)
{
    size_t len, separator_len;
    const char *text = luaL_checklstring(L, 1, &len);
    lua_Integer count = luaL_checkinteger(L, 2);
    const char *separator = luaL_optlstring(L, 3, "", &separator_len);
    if (count <= 0 || len + separator_len == 0) {
        lua_pushliteral(L, "");
        return 1;
    }
    if (len + separator_len > VM_TEXT_MAX ||
        count > (lua_Integer)(VM_TEXT_MAX / (len + separator_len)))
        return luaL_error(L, "string.rep: the result would be over %d bytes", (int)VM_TEXT_MAX);
    size_t total = (size_t)count * len + (size_t)(count - 1) * separator_len;
    vm_charge(L, total / 64 + (uint64_t)count / 4);
    luaL_Buffer buffer;
    char *out = luaL_buffinitsize(L, &buffer, total);
    while (count-- > 1) {
        memcpy(out, text, len);
        memcpy(out + len, separator, separator_len);
        out += len + separator_len;
    }
    memcpy(out, text, len);
    luaL_pushresultsize(&buffer, total);
    return 1;
}

/* Lua's own format does the work; here %p is refused and what %s shows carries no address. */
static int string_format(lua_State *L)
{
    const char *format = luaL_checkstring(L, 1);
    int argument = 1, top = lua_gettop(L);
    for (const char *p = format; *p != '\0'; p++) {
        if (*p != '%')
            continue;
        if (p[1] == '%') {
            p++;
            continue;
        }
        argument++;
        p++;
        p += strspn(p, "-+ #0123456789.");
        if (*p == '\0')
            break;
        if (*p == 'p')
            return luaL_error(L, "string.format: %%p would differ from run to run");
        int type = argument <= top ? lua_type(L, argument) : LUA_TNONE;
        if (*p == 's' && type != LUA_TNONE && type != LUA_TSTRING && type != LUA_TNUMBER) {
            vm_text(L, argument, NULL);
            lua_replace(L, argument);
            lua_settop(L, top);
        }
    }
    return lua_tocfunction(L, lua_upvalueindex(1))(L);
}

static int charged_call(lua_State *L)
{
    if (lua_type(L, 1) == LUA_TSTRING)
        vm_charge(L, lua_rawlen(L, 1) / 32);
    return lua_tocfunction(L, lua_upvalueindex(1))(L);
}

void vm_string_open(lua_State *L)
{
    static const char *const kept[] = {"byte", "char", "len", "sub", NULL};
    static const char *const charged[] = {"lower", "upper", "reverse", NULL};
    static const luaL_Reg own[] = {{"find", vm_find}, {"match", vm_match}, {"gmatch", vm_gmatch},
                                   {"gsub", vm_gsub}, {"rep", string_rep}, {NULL, NULL}};
    luaopen_string(L);
    int stock = lua_gettop(L);
    luaL_newlib(L, own);
    for (const char *const *name = kept; *name != NULL; name++) {
        lua_getfield(L, stock, *name);
        lua_setfield(L, -2, *name);
    }
    for (const char *const *name = charged; *name != NULL; name++) {
        lua_getfield(L, stock, *name);
        lua_pushcclosure(L, charged_call, 1);
        lua_setfield(L, -2, *name);
    }
    lua_getfield(L, stock, "format");
    lua_pushcclosure(L, string_format, 1);
    lua_setfield(L, -2, "format");
    lua_pushliteral(L, ""); /* the metatable that all strings share */
    lua_createtable(L, 0, 2);
    lua_pushvalue(L, -3);
    lua_setfield(L, -2, "__index");
    lua_pushboolean(L, 0);
    lua_setfield(L, -2, "__metatable");
    lua_setmetatable(L, -2);
    lua_pop(L, 1);
    vm_add_library(L, "string");
    lua_settop(L, stock - 1);
}
