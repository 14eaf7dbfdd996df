/* The table library of policies: raw lengths and raw access, so that no metamethod runs from C, and a
 * maximum on everything. concat, unpack and the source of move also take views. */
#include "script/vm.h"

#include "script/convert.h"
#include "script/view.h"

#include <string.h>

enum { UNPACK_MAX = 8000 };

/* The length of a table (raw) or a view at arg. */
RAISES static lua_Integer sequence_len(lua_State *L, int arg)
{
    struct jv *value = view_check(L, arg);
    if (value != NULL)
        return jv_is_array(value) ? (lua_Integer)jv_size(value) : 0;
    luaL_checktype(L, arg, LUA_TTABLE);
    return (lua_Integer)lua_rawlen(L, arg);
}

RAISES static void sequence_push(lua_State *L, int arg, lua_Integer at)
{
    if (lua_istable(L, arg))
        lua_rawgeti(L, arg, at);
    else
        view_push_at(L, arg, (size_t)(at - 1));
}

/* Number of positions in first..last, checked against max. */
RAISES static lua_Integer range(lua_State *L, lua_Integer first, lua_Integer last, lua_Integer max)
{
    if (first > last)
        return 0;
    lua_Unsigned span = (lua_Unsigned)last - (lua_Unsigned)first;
    if (span >= (lua_Unsigned)max)
        luaL_error(L, "a range of more than %I elements", (LUAI_UACINT)max);
    return (lua_Integer)span + 1;
}

/* Bytes of the pieces first..last, none of which may be anything but text or a number. Counted before
 * anything is copied: what would be too long costs no copy. */
RAISES static size_t concat_bytes(lua_State *L, lua_Integer first, lua_Integer last,
                                  size_t separator_len)
{
    size_t total = 0;
    for (lua_Integer i = first; i <= last; i++) {
        size_t piece;
        sequence_push(L, 1, i);
        if (lua_tolstring(L, -1, &piece) == NULL)
            luaL_error(L, "table.concat: element %I is a %s", (LUAI_UACINT)i, luaL_typename(L, -1));
        lua_pop(L, 1);
        total += piece + (i == last ? 0 : separator_len);
        if (total > VM_TEXT_MAX)
            luaL_error(L, "table.concat: the result would be over %d bytes", (int)VM_TEXT_MAX);
        if (i == last)
            break; /* it may be the greatest integer */
    }
    return total;
}

static int table_concat(lua_State *L)
{
    lua_Integer len = sequence_len(L, 1);
    size_t separator_len;
    const char *separator = luaL_optlstring(L, 2, "", &separator_len);
    lua_Integer first = luaL_optinteger(L, 3, 1), last = luaL_optinteger(L, 4, len);
    vm_charge(L, (uint64_t)range(L, first, last, VM_LIST_MAX));
    size_t total = concat_bytes(L, first, last, separator_len);
    luaL_Buffer buffer;
    luaL_buffinitsize(L, &buffer, total);
    for (lua_Integer i = first; i <= last; i++) {
        sequence_push(L, 1, i);
        luaL_addvalue(&buffer);
        if (i == last)
            break;
        luaL_addlstring(&buffer, separator, separator_len);
    }
    luaL_pushresult(&buffer);
    vm_charge(L, total / 64);
    return 1;
}

static int table_insert(lua_State *L)
{
    luaL_checktype(L, 1, LUA_TTABLE);
    lua_Integer len = (lua_Integer)lua_rawlen(L, 1), at = len + 1;
    if (len >= VM_LIST_MAX)
        return luaL_error(L, "table.insert: more than %d elements", (int)VM_LIST_MAX);
    if (lua_gettop(L) == 3) {
        at = luaL_checkinteger(L, 2);
        luaL_argcheck(L, at >= 1 && at <= len + 1, 2, "position out of bounds");
        vm_charge(L, (uint64_t)(len - at + 1));
        for (lua_Integer i = len; i >= at; i--) {
            lua_rawgeti(L, 1, i);
            lua_rawseti(L, 1, i + 1);
        }
    } else if (lua_gettop(L) != 2) {
        return luaL_error(L, "table.insert takes (table, value) or (table, position, value)");
    }
    lua_rawseti(L, 1, at);
    return 0;
}

static int table_remove(lua_State *L)
{
    luaL_checktype(L, 1, LUA_TTABLE);
    lua_Integer len = (lua_Integer)lua_rawlen(L, 1), at = luaL_optinteger(L, 2, len);
    if (lua_gettop(L) > 1)
        luaL_argcheck(L, at == len || (at >= 1 && at <= len + 1) || (len == 0 && at == 0), 2,
                      "position out of bounds");
    lua_rawgeti(L, 1, at);
    if (at < 1 || at > len)
        return 1;
    vm_charge(L, (uint64_t)(len - at));
    for (; at < len; at++) {
        lua_rawgeti(L, 1, at + 1);
        lua_rawseti(L, 1, at);
    }
    lua_pushnil(L);
    lua_rawseti(L, 1, len);
    return 1;
}

static int table_move(lua_State *L)
{
    lua_Integer first = luaL_checkinteger(L, 2), last = luaL_checkinteger(L, 3);
    lua_Integer to = luaL_checkinteger(L, 4);
    int target = lua_isnoneornil(L, 5) ? 1 : 5;
    sequence_len(L, 1);
    luaL_checktype(L, target, LUA_TTABLE);
    lua_Integer count = range(L, first, last, VM_LIST_MAX);
    luaL_argcheck(L, to <= LUA_MAXINTEGER - count, 4, "destination wraps around");
    vm_charge(L, (uint64_t)count);
    bool backwards = target == 1 && to > first;
    for (lua_Integer i = 0; i < count; i++) {
        lua_Integer at = backwards ? count - 1 - i : i;
        sequence_push(L, 1, first + at);
        lua_rawseti(L, target, to + at);
    }
    lua_pushvalue(L, target);
    return 1;
}

static int table_pack(lua_State *L)
{
    int count = lua_gettop(L);
    lua_createtable(L, count, 1);
    lua_insert(L, 1);
    for (int i = count; i >= 1; i--)
        lua_rawseti(L, 1, i);
    lua_pushinteger(L, count);
    lua_setfield(L, 1, "n");
    return 1;
}

static int table_unpack(lua_State *L)
{
    lua_Integer first = luaL_optinteger(L, 2, 1);
    lua_Integer last = lua_isnoneornil(L, 3) ? sequence_len(L, 1) : luaL_checkinteger(L, 3);
    sequence_len(L, 1);
    lua_Integer count = range(L, first, last, UNPACK_MAX);
    luaL_checkstack(L, (int)count + 4, "too many results to unpack");
    for (lua_Integer i = 0; i < count; i++)
        sequence_push(L, 1, first + i);
    return (int)count;
}

/* Does the element on stack position a come before the one on b? */
RAISES static bool before(lua_State *L, int a, int b)
{
    vm_charge(L, 4);
    if (lua_isnil(L, 2))
        return lua_compare(L, a, b, LUA_OPLT);
    lua_pushvalue(L, 2);
    lua_pushvalue(L, a);
    lua_pushvalue(L, b);
    lua_call(L, 2, 1);
    bool answer = lua_toboolean(L, -1);
    lua_pop(L, 1);
    return answer;
}

/* Merges from[low, middle) and from[middle, high) of the table at `from` into the one at `to`. */
RAISES static void merge(lua_State *L, int from, int to, lua_Integer low, lua_Integer middle,
                         lua_Integer high)
{
    lua_Integer a = low, b = middle;
    for (lua_Integer out = low; out < high; out++) {
        bool take_b = a >= middle;
        if (!take_b && b < high) {
            lua_rawgeti(L, from, b);
            lua_rawgeti(L, from, a);
            take_b = before(L, lua_gettop(L) - 1, lua_gettop(L));
            lua_pop(L, 2);
        }
        lua_rawgeti(L, from, take_b ? b++ : a++);
        lua_rawseti(L, to, out);
    }
}

/* A merge sort: stable, and a comparator that contradicts itself costs no more than another. */
static int table_sort(lua_State *L)
{
    luaL_checktype(L, 1, LUA_TTABLE);
    lua_Integer n = (lua_Integer)lua_rawlen(L, 1);
    if (!lua_isnoneornil(L, 2))
        luaL_checktype(L, 2, LUA_TFUNCTION);
    if (n > VM_SORT_MAX)
        return luaL_error(L, "table.sort: more than %d elements", (int)VM_SORT_MAX);
    lua_settop(L, 2);
    lua_createtable(L, (int)n, 0);
    lua_createtable(L, (int)n, 0);
    int from = 3, to = 4;
    for (lua_Integer i = 1; i <= n; i++) {
        lua_rawgeti(L, 1, i);
        lua_rawseti(L, from, i);
    }
    for (lua_Integer width = 1; width < n; width *= 2) {
        for (lua_Integer low = 1; low <= n; low += 2 * width) {
            lua_Integer middle = low + width < n + 1 ? low + width : n + 1;
            lua_Integer high = low + 2 * width < n + 1 ? low + 2 * width : n + 1;
            merge(L, from, to, low, middle, high);
        }
        int swap = from;
        from = to;
        to = swap;
    }
    for (lua_Integer i = 1; i <= n; i++) {
        lua_rawgeti(L, from, i);
        lua_rawseti(L, 1, i);
    }
    return 0;
}

void vm_table_open(lua_State *L)
{
    static const luaL_Reg functions[] = {{"concat", table_concat}, {"insert", table_insert},
                                         {"remove", table_remove}, {"move", table_move},
                                         {"pack", table_pack},     {"unpack", table_unpack},
                                         {"sort", table_sort},     {NULL, NULL}};
    luaL_newlib(L, functions);
    vm_add_library(L, "table");
}
