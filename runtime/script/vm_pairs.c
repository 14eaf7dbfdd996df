/* pairs and next in a fixed order: the array part, then numbers, strings and booleans, sorted. */
#include "script/vm.h"

#include "script/view.h"

#include <stdlib.h>
#include <string.h>

enum { KEYS_MAX = 1 << 16, FEW_KEYS_MAX = 32 };

struct sort_key {
    int rank; /* 0 number, 1 string, 2 boolean */
    double number;
    const char *text;
    size_t len;
    lua_Integer at; /* in the unsorted list */
};

static int key_compare(const void *left, const void *right)
{
    const struct sort_key *a = left, *b = right;
    if (a->rank != b->rank)
        return a->rank < b->rank ? -1 : 1;
    if (a->rank != 1)
        return a->number < b->number ? -1 : a->number > b->number;
    int order = memcmp(a->text, b->text, a->len < b->len ? a->len : b->len);
    return order != 0 ? order : (a->len > b->len) - (a->len < b->len);
}

RAISES static struct sort_key key_describe(lua_State *L, int idx)
{
    struct sort_key key = {0};
    switch (lua_type(L, idx)) {
    case LUA_TNUMBER:
        key.number = lua_tonumber(L, idx);
        break;
    case LUA_TSTRING:
        key.rank = 1;
        key.text = lua_tolstring(L, idx, &key.len);
        break;
    case LUA_TBOOLEAN:
        key.rank = 2;
        key.number = lua_toboolean(L, idx);
        break;
    default:
        luaL_error(L, "pairs: a key of type %s has no place in a fixed order",
                   luaL_typename(L, idx));
    }
    return key;
}

/* Is the key on top one of 1..border? */
static bool in_array(lua_State *L, lua_Integer border)
{
    return lua_isinteger(L, -1) && lua_tointeger(L, -1) >= 1 && lua_tointeger(L, -1) <= border;
}

/* [-0, +1, e] The sorted keys of the table at 1 outside 1..border, or nil when there are none. */
RAISES static void push_sorted_keys(lua_State *L, lua_Integer border)
{
    lua_Integer count = 0, visited = 0;
    lua_pushnil(L);
    while (lua_next(L, 1)) {
        lua_pop(L, 1);
        count += !in_array(L, border);
        visited++;
    }
    vm_charge(L, (uint64_t)visited);
    if (count == 0) {
        lua_pushnil(L);
        return;
    }
    if (count > KEYS_MAX)
        luaL_error(L, "pairs: more than %d keys", (int)KEYS_MAX);
    vm_charge(L, (uint64_t)count * 8);
    struct sort_key *keys = lua_newuserdatauv(L, (size_t)count * sizeof *keys, 0);
    lua_createtable(L, (int)count, 0); /* holds the strings while their bytes are compared */
    int unsorted = lua_gettop(L);
    lua_Integer n = 0;
    lua_pushnil(L);
    while (n < count && lua_next(L, 1)) {
        lua_pop(L, 1);
        if (in_array(L, border))
            continue;
        keys[n] = key_describe(L, -1);
        n++;
        keys[n - 1].at = n;
        lua_pushvalue(L, -1);
        lua_rawseti(L, unsorted, n);
    }
    lua_settop(L, unsorted);
    qsort(keys, (size_t)n, sizeof *keys, key_compare);
    lua_createtable(L, (int)n, 0);
    for (lua_Integer i = 0; i < n; i++) {
        lua_rawgeti(L, unsorted, keys[i].at);
        lua_rawseti(L, -2, i + 1);
    }
    lua_replace(L, unsorted - 1);
    lua_settop(L, unsorted - 1);
}

/* Upvalues: the table, its sorted keys or nil, the border of its array part, the position. */
static int pairs_next(lua_State *L)
{
    lua_Integer border = lua_tointeger(L, lua_upvalueindex(3));
    lua_Integer at = lua_tointeger(L, lua_upvalueindex(4));
    bool keyed = lua_type(L, lua_upvalueindex(2)) == LUA_TTABLE;
    lua_settop(L, 0);
    for (;;) {
        at++;
        if (at <= border) {
            lua_pushinteger(L, at);
        } else if (!keyed || lua_rawgeti(L, lua_upvalueindex(2), at - border) == LUA_TNIL) {
            lua_settop(L, 0);
            lua_pushnil(L);
            return 1;
        }
        lua_pushvalue(L, 1);
        if (lua_rawget(L, lua_upvalueindex(1)) != LUA_TNIL)
            break;
        lua_settop(L, 0); /* removed meanwhile */
    }
    lua_pushinteger(L, at);
    lua_replace(L, lua_upvalueindex(4));
    return 2;
}

/* Upvalues: the table, the border of its array part, the number of other keys, the position, the keys. */
static int pairs_next_few(lua_State *L)
{
    lua_Integer border = lua_tointeger(L, lua_upvalueindex(2));
    lua_Integer count = lua_tointeger(L, lua_upvalueindex(3));
    lua_Integer at = lua_tointeger(L, lua_upvalueindex(4));
    lua_settop(L, 0);
    for (;;) {
        if (++at > border + count) {
            lua_pushnil(L);
            return 1;
        }
        if (at <= border)
            lua_pushinteger(L, at);
        else
            lua_pushvalue(L, lua_upvalueindex(4 + (int)(at - border)));
        lua_pushvalue(L, 1);
        if (lua_rawget(L, lua_upvalueindex(1)) != LUA_TNIL)
            break;
        lua_settop(L, 0); /* removed meanwhile */
    }
    lua_pushinteger(L, at);
    lua_replace(L, lua_upvalueindex(4));
    return 2;
}

/* [-0, +1, e] The iterator for a table with at most FEW_KEYS_MAX keys outside 1..border, as nearly all
 * have: they fit into its upvalues. False: nothing is pushed. */
RAISES static bool push_few(lua_State *L, lua_Integer border)
{
    struct sort_key keys[FEW_KEYS_MAX];
    int top = lua_gettop(L), count = 0;
    uint64_t visited = 0;
    luaL_checkstack(L, 2 * FEW_KEYS_MAX + 8, NULL);
    lua_pushnil(L);
    while (lua_next(L, 1)) { /* the keys so far stay below the one that is looked at */
        lua_pop(L, 1);
        visited++;
        if (in_array(L, border))
            continue;
        if (count == FEW_KEYS_MAX) {
            vm_charge(L, visited);
            lua_settop(L, top);
            return false;
        }
        struct sort_key key = key_describe(L, -1);
        key.at = lua_gettop(L);
        int to = count++;
        for (; to > 0 && key_compare(&key, &keys[to - 1]) < 0; to--)
            keys[to] = keys[to - 1];
        keys[to] = key;
        lua_pushvalue(L, -1);
    }
    vm_charge(L, visited + (uint64_t)count * 8);
    lua_pushvalue(L, 1);
    lua_pushinteger(L, border);
    lua_pushinteger(L, count);
    lua_pushinteger(L, 0);
    for (int i = 0; i < count; i++)
        lua_pushvalue(L, (int)keys[i].at);
    lua_pushcclosure(L, pairs_next_few, 4 + count);
    lua_insert(L, top + 1);
    lua_settop(L, top + 1);
    return true;
}

static int pairs_meta_done(lua_State *L, int status, lua_KContext extra)
{
    (void)L;
    (void)status;
    (void)extra;
    return 3;
}

static int base_pairs(lua_State *L)
{
    luaL_checkany(L, 1);
    lua_settop(L, 1);
    if (view_check(L, 1) != NULL)
        return view_pairs(L, 1);
    if (luaL_getmetafield(L, 1, "__pairs") != LUA_TNIL) {
        lua_pushvalue(L, 1);
        lua_callk(L, 1, 3, 0, pairs_meta_done);
        return 3;
    }
    luaL_checktype(L, 1, LUA_TTABLE);
    lua_Integer border = (lua_Integer)lua_rawlen(L, 1);
    if (!push_few(L, border)) {
        lua_pushvalue(L, 1);
        push_sorted_keys(L, border);
        lua_pushinteger(L, border);
        lua_pushinteger(L, 0);
        lua_pushcclosure(L, pairs_next, 4);
    }
    lua_pushvalue(L, 1);
    lua_pushnil(L);
    return 3;
}

/* [-0, +1 or +2, e] The smallest key of the table at 1 and its value, or nil. */
RAISES static int push_first(lua_State *L)
{
    struct sort_key first = {0};
    uint64_t visited = 0;
    lua_pushnil(L); /* at 2 the smallest so far, at 3 the one that is looked at */
    lua_pushnil(L);
    while (lua_next(L, 1)) {
        lua_pop(L, 1);
        struct sort_key key = key_describe(L, 3);
        if (visited++ == 0 || key_compare(&key, &first) < 0) {
            first = key;
            lua_pushvalue(L, 3);
            lua_replace(L, 2);
        }
    }
    vm_charge(L, visited);
    if (visited == 0)
        return 1;
    lua_pushvalue(L, 2);
    lua_rawget(L, 1);
    return 2;
}

/* Lua's own order is that of the hash; only the question "is it empty?" does not depend on it. */
static int base_next(lua_State *L)
{
    if (!lua_isnoneornil(L, 2))
        return luaL_error(L, "next tells only whether a table is empty: next(t); use pairs");
    lua_settop(L, 1);
    if (view_check(L, 1) != NULL) {
        view_pairs(L, 1);
        lua_pop(L, 2);
        lua_call(L, 0, 2);
        return 2;
    }
    luaL_checktype(L, 1, LUA_TTABLE);
    if (lua_rawlen(L, 1) == 0)
        return push_first(L);
    lua_pushinteger(L, 1);
    lua_rawgeti(L, 1, 1);
    return 2;
}

void vm_pairs_open(lua_State *L, int globals)
{
    lua_pushcfunction(L, base_pairs);
    lua_setfield(L, globals, "pairs");
    lua_pushcfunction(L, base_next);
    lua_setfield(L, globals, "next");
}
