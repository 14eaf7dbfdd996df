/* The `t` of tests beside policies, and the difference of two values in words. */
#include "script/api.h"

#include "script/convert.h"

#include <string.h>

enum { SHOWN_MAX = 400 };

static bool is_empty(const struct jv *value)
{
    return (jv_is_array(value) || jv_is_object(value)) && jv_size(value) == 0;
}

static void print_short(const struct jv *value, struct buf *out)
{
    struct buf text;
    buf_init(&text, SHOWN_MAX);
    bool cut = value != NULL && (jv_print(value, JV_PRINT_SORTED, &text) != 0 || text.failed);
    buf_printf(out, "%s%s", value == NULL ? "nothing" : buf_str(&text), cut ? "…" : "");
    buf_deinit(&text);
}

static bool number_equal(const struct jv *a, const struct jv *b)
{
    bool a_is = jv_type(a) == JV_INT || jv_type(a) == JV_REAL;
    bool b_is = jv_type(b) == JV_INT || jv_type(b) == JV_REAL;
    return a_is && b_is && jv_real_value(a) == jv_real_value(b);
}

/* True when they differ; path and out then tell where and how. */
static bool differs(const struct jv *a, const struct jv *b, struct buf *path, struct buf *out)
{
    if (a != NULL && b != NULL) {
        if ((is_empty(a) && is_empty(b)) || jv_equal(a, b) || number_equal(a, b))
            return false;
        size_t len = path->len;
        if (jv_is_object(a) && jv_is_object(b)) {
            for (int side = 0; side < 2; side++) {
                const struct jv *from = side == 0 ? a : b;
                struct jv_iter it = {0};
                while (jv_next(from, &it)) {
                    buf_printf(path, "%s%s", len > 0 ? "." : "", it.key);
                    if (differs(jv_get(a, it.key), jv_get(b, it.key), path, out))
                        return true;
                    path->len = len;
                }
            }
            return false;
        }
        if (jv_is_array(a) && jv_is_array(b)) {
            for (size_t i = 0; i < jv_size(a) || i < jv_size(b); i++) {
                buf_printf(path, "[%zu]", i + 1);
                if (differs(jv_at(a, i), jv_at(b, i), path, out))
                    return true;
                path->len = len;
            }
            return false;
        }
    }
    if (path->len > 0)
        buf_printf(out, "at %.*s: ", (int)path->len, path->data);
    buf_add_str(out, "got ");
    print_short(a, out);
    buf_add_str(out, ", wanted ");
    print_short(b, out);
    return true;
}

const char *api_difference(lua_State *L, int a, int b, const char *what)
{
    unsigned flags = CONVERT_WHOLE_REALS | CONVERT_BARE_EMPTY;
    struct jv *got = api_take_jv(L, a, what, flags);
    struct jv *wanted = api_take_jv(L, b, what, flags);
    struct vm_box *box;
    struct buf *out = api_push_buf(L, 4096, &box);
    struct buf *path = api_push_buf(L, 2048, &box);
    return differs(got, wanted, path, out) ? buf_str(out) : NULL;
}

static bool is_jsonable(lua_State *L, int idx)
{
    int type = lua_type(L, idx);
    return type == LUA_TTABLE || type == LUA_TUSERDATA;
}

/* t.equal(got, wanted [, text]) */
static int test_equal(lua_State *L)
{
    lua_settop(L, 3);
    const char *text = luaL_optstring(L, 3, NULL);
    const char *difference = NULL;
    if (is_jsonable(L, 1) && is_jsonable(L, 2)) {
        difference = lua_rawequal(L, 1, 2) ? NULL : api_difference(L, 1, 2, "t.equal");
    } else if (!lua_compare(L, 1, 2, LUA_OPEQ)) {
        const char *quote_got = lua_type(L, 1) == LUA_TSTRING ? "\"" : "";
        const char *quote_wanted = lua_type(L, 2) == LUA_TSTRING ? "\"" : "";
        lua_pushfstring(L, "got %s%s%s, wanted %s%s%s", quote_got, vm_text(L, 1, NULL), quote_got,
                        quote_wanted, vm_text(L, 2, NULL), quote_wanted);
        difference = lua_tostring(L, -1);
    }
    if (difference == NULL)
        return 0;
    return luaL_error(L, "%s%s%s", text != NULL ? text : "", text != NULL ? ": " : "", difference);
}

/* t.ok(value [, text]) */
static int test_ok(lua_State *L)
{
    luaL_checkany(L, 1);
    if (lua_toboolean(L, 1))
        return 0;
    if (lua_isnoneornil(L, 2))
        return luaL_error(L, "got %s", vm_text(L, 1, NULL));
    return luaL_error(L, "%s", vm_text(L, 2, NULL));
}

static int fails_done(lua_State *L, int status, lua_KContext context)
{
    (void)context;
    if (status == LUA_OK || status == LUA_YIELD)
        return luaL_error(L, "it did not fail");
    struct vm_run *run = vm_run_of(L);
    if (status == LUA_ERRMEM || run->killed != VM_ALIVE)
        return vm_raise_kill(L, status == LUA_ERRMEM ? VM_KILL_MEMORY : run->killed);
    const char *message = vm_text(L, -1, NULL);
    lua_replace(L, 2);
    lua_settop(L, 2);
    if (lua_isnil(L, 1))
        return 1;
    lua_pushcfunction(L, vm_find);
    lua_pushvalue(L, 2);
    lua_pushvalue(L, 1);
    lua_call(L, 2, 1);
    if (lua_isnil(L, -1))
        return luaL_error(L, "it failed with \"%s\", not with \"%s\"", message, lua_tostring(L, 1));
    lua_settop(L, 2);
    return 1;
}

/* t.fails(f [, pattern]) gives the message. */
static int test_fails(lua_State *L)
{
    luaL_checktype(L, 1, LUA_TFUNCTION);
    luaL_optstring(L, 2, NULL);
    lua_settop(L, 2);
    lua_insert(L, 1);
    int status = lua_pcallk(L, 0, 0, 0, 0, fails_done);
    return fails_done(L, status, 0);
}

void api_push_test(lua_State *L)
{
    static const luaL_Reg functions[] = {
        {"equal", test_equal}, {"ok", test_ok}, {"fails", test_fails}, {NULL, NULL}};
    luaL_newlib(L, functions);
}
