/* string.find, match, gmatch and gsub on the bounded matcher. */
#include "script/vm_match.h"

#include <ctype.h>
#include <string.h>

static size_t start_position(lua_Integer init, size_t len)
{
    if (init > 0)
        return (size_t)init - 1;
    size_t back = (size_t)0 - (size_t)init;
    return init == 0 || back > len ? 0 : len - back;
}

RAISES static int find_or_match(lua_State *L, bool find)
{
    size_t len, pattern_len;
    const char *s = luaL_checklstring(L, 1, &len);
    const char *p = luaL_checklstring(L, 2, &pattern_len);
    size_t start = start_position(luaL_optinteger(L, 3, 1), len);
    if (start > len) {
        lua_pushnil(L);
        return 1;
    }
    bool plain = find && (lua_toboolean(L, 4) || strpbrk(p, "^$*+?.([%-") == NULL);
    if (plain && strlen(p) == pattern_len) {
        vm_charge(L, (len - start) / 64);
        const char *hit = memmem(s + start, len - start, p, pattern_len);
        if (hit == NULL) {
            lua_pushnil(L);
            return 1;
        }
        lua_pushinteger(L, hit - s + 1);
        lua_pushinteger(L, hit - s + (lua_Integer)pattern_len);
        return 2;
    }
    bool anchored = pattern_len > 0 && *p == '^';
    struct matcher m;
    const char *end;
    matcher_init(&m, L, 1, 2);
    m.pattern += anchored;
    const char *at = matcher_next(&m, s + start, anchored, &end);
    vm_charge(L, m.steps / 4);
    if (at == NULL) {
        lua_pushnil(L);
        return 1;
    }
    if (!find)
        return matcher_push_all(&m, at, end);
    lua_pushinteger(L, at - s + 1);
    lua_pushinteger(L, end - s);
    return 2 + matcher_push_all(&m, NULL, NULL);
}

int vm_find(lua_State *L)
{
    return find_or_match(L, true);
}

int vm_match(lua_State *L)
{
    return find_or_match(L, false);
}

/* Upvalues: subject, pattern, where to go on, end of the last match (both from 0; -1 for none). */
static int gmatch_next(lua_State *L)
{
    lua_Integer last = lua_tointeger(L, lua_upvalueindex(4));
    struct matcher m;
    const char *end;
    matcher_init(&m, L, lua_upvalueindex(1), lua_upvalueindex(2));
    const char *at = m.subject + lua_tointeger(L, lua_upvalueindex(3));
    if (at > m.subject_end)
        return 0;
    at = matcher_next(&m, at, false, &end);
    if (at != NULL && end - m.subject == last) /* empty, where the last one ended */
        at = at < m.subject_end ? matcher_next(&m, at + 1, false, &end) : NULL;
    vm_charge(L, m.steps / 4);
    if (at == NULL)
        return 0;
    lua_pushinteger(L, end - m.subject);
    lua_pushvalue(L, -1);
    lua_replace(L, lua_upvalueindex(3));
    lua_replace(L, lua_upvalueindex(4));
    return matcher_push_all(&m, at, end);
}

int vm_gmatch(lua_State *L)
{
    size_t len;
    luaL_checklstring(L, 1, &len);
    luaL_checkstring(L, 2);
    size_t start = start_position(luaL_optinteger(L, 3, 1), len);
    lua_settop(L, 2);
    lua_pushinteger(L, (lua_Integer)(start > len ? len + 1 : start));
    lua_pushinteger(L, -1);
    lua_pushcclosure(L, gmatch_next, 4);
    return 1;
}

RAISES static void add_template(struct matcher *m, luaL_Buffer *out, const char *s, const char *e)
{
    lua_State *L = m->L;
    size_t len;
    const char *text = lua_tolstring(L, 3, &len);
    for (size_t i = 0; i < len; i++) {
        if (text[i] != '%') {
            luaL_addchar(out, text[i]);
            continue;
        }
        i++;
        if (i < len && text[i] == '%') {
            luaL_addchar(out, '%');
        } else if (i < len && text[i] == '0') {
            luaL_addlstring(out, s, (size_t)(e - s));
        } else if (i < len && isdigit((unsigned char)text[i])) {
            matcher_push(m, text[i] - '1', s, e);
            luaL_tolstring(L, -1, NULL);
            lua_remove(L, -2);
            luaL_addvalue(out);
        } else {
            luaL_error(L, "invalid use of '%%' in replacement string");
        }
    }
}

RAISES static bool add_replacement(struct matcher *m, luaL_Buffer *out, const char *s,
                                   const char *e)
{
    lua_State *L = m->L;
    int count;
    switch (lua_type(L, 3)) {
    case LUA_TFUNCTION:
        lua_pushvalue(L, 3);
        count = matcher_push_all(m, s, e);
        lua_call(L, count, 1);
        break;
    case LUA_TTABLE:
        matcher_push(m, 0, s, e);
        lua_gettable(L, 3);
        break;
    default:
        add_template(m, out, s, e);
        return true;
    }
    if (!lua_toboolean(L, -1)) {
        lua_pop(L, 1);
        luaL_addlstring(out, s, (size_t)(e - s));
        return false;
    }
    if (!lua_isstring(L, -1))
        luaL_error(L, "invalid replacement value (a %s)", luaL_typename(L, -1));
    luaL_addvalue(out);
    return true;
}

int vm_gsub(lua_State *L)
{
    size_t len, pattern_len;
    const char *s = luaL_checklstring(L, 1, &len);
    const char *p = luaL_checklstring(L, 2, &pattern_len);
    int type = lua_type(L, 3);
    luaL_argexpected(L,
                     type == LUA_TNUMBER || type == LUA_TSTRING || type == LUA_TFUNCTION ||
                         type == LUA_TTABLE,
                     3, "string/function/table");
    lua_Integer max = luaL_optinteger(L, 4, (lua_Integer)len + 1), count = 0;
    bool anchored = pattern_len > 0 && *p == '^', changed = false;
    struct matcher m;
    matcher_init(&m, L, 1, 2);
    m.pattern += anchored;
    const char *at = s, *last = NULL;
    luaL_Buffer out;
    luaL_buffinit(L, &out);
    while (count < max) {
        const char *end, *start = matcher_next(&m, at, anchored, &end);
        if (start == NULL)
            break;
        luaL_addlstring(&out, at, (size_t)(start - at));
        at = start;
        if (end != last) {
            count++;
            changed |= add_replacement(&m, &out, start, end);
            at = last = end;
        } else if (at < m.subject_end) {
            luaL_addchar(&out, *at++);
        } else {
            break;
        }
        if (anchored)
            break;
    }
    vm_charge(L, m.steps / 4);
    if (!changed) {
        lua_pushvalue(L, 1);
    } else {
        luaL_addlstring(&out, at, (size_t)(m.subject_end - at));
        luaL_pushresult(&out);
    }
    lua_pushinteger(L, count);
    return 2;
}
