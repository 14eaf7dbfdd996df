/* json: exact text and tables for objects that are written back. */
#include "script/api.h"

#include "script/convert.h"
#include "script/view.h"

#include <stdlib.h>
#include <string.h>

enum { TEXT_MAX = 4 << 20, DECODE_MAX = 2 << 20 };

static void release_jv(void *value)
{
    jv_unref(value);
}

static void release_buf(void *value)
{
    buf_deinit(value);
    free(value);
}

struct buf *api_push_buf(lua_State *L, size_t bytes_max, struct vm_box **box)
{
    *box = vm_box_push(L, release_buf);
    struct buf *buf = mem_alloc(sizeof *buf);
    buf_init(buf, bytes_max);
    (*box)->value = buf;
    return buf;
}

int api_raise(lua_State *L, const struct err *err)
{
    return luaL_error(L, "%s", err->text);
}

struct jv *api_take_jv(lua_State *L, int idx, const char *what, unsigned flags)
{
    idx = lua_absindex(L, idx);
    struct vm_box *box = vm_box_push(L, release_jv);
    struct err err;
    box->value = convert_take(L, idx, what, flags, &err);
    if (box->value == NULL)
        api_raise(L, &err);
    return box->value;
}

static int json_decode(lua_State *L)
{
    size_t len;
    const char *text = luaL_checklstring(L, 1, &len);
    if (len > DECODE_MAX)
        return luaL_error(L, "json.decode: text of more than %d bytes", (int)DECODE_MAX);
    vm_charge(L, len / 4);
    struct vm_box *box = vm_box_push(L, release_jv);
    struct jv *value = NULL;
    struct err err;
    if (jv_parse(text, len, &value, &err) != 0)
        return api_push_failure(L, &err);
    box->value = value;
    convert_push(L, value);
    vm_box_release(box);
    return 1;
}

static int json_encode(lua_State *L)
{
    luaL_checkany(L, 1);
    struct jv *value = api_take_jv(L, 1, "json.encode", 0);
    struct vm_box *value_box = vm_box_at(L, -1), *box;
    struct buf *out = api_push_buf(L, TEXT_MAX, &box);
    if (jv_print(value, JV_PRINT_SORTED, out) != 0 || out->failed)
        return luaL_error(L, "json.encode: the text would be over %d bytes", (int)TEXT_MAX);
    vm_charge(L, out->len / 4);
    lua_pushlstring(L, buf_str(out), out->len);
    vm_box_release(box);
    vm_box_release(value_box);
    return 1;
}

RAISES static int tag(lua_State *L, const void *key, enum convert_tag wanted)
{
    if (view_check(L, 1) != NULL)
        return luaL_error(L, "a view is tagged already; json.copy gives a table");
    if (lua_isnoneornil(L, 1)) {
        lua_settop(L, 0);
        lua_newtable(L);
    }
    luaL_checktype(L, 1, LUA_TTABLE);
    lua_settop(L, 1);
    if (lua_getmetatable(L, 1)) {
        lua_pop(L, 1);
        if (convert_tag(L, 1) == wanted)
            return 1;
        return luaL_error(L, "the table has another metatable already");
    }
    lua_rawgetp(L, LUA_REGISTRYINDEX, key);
    lua_setmetatable(L, 1);
    return 1;
}

static int json_array(lua_State *L)
{
    return tag(L, &vm_keys.array_mt, CONVERT_ARRAY);
}

static int json_object(lua_State *L)
{
    return tag(L, &vm_keys.object_mt, CONVERT_OBJECT);
}

static int json_copy(lua_State *L)
{
    luaL_checkany(L, 1);
    struct jv *value = api_take_jv(L, 1, "json.copy", 0);
    struct vm_box *box = vm_box_at(L, -1);
    convert_push(L, value);
    vm_box_release(box);
    return 1;
}

static bool is_scalar(lua_State *L, int idx)
{
    int type = lua_type(L, idx);
    return type == LUA_TNIL || type == LUA_TBOOLEAN || type == LUA_TNUMBER || type == LUA_TSTRING ||
           type == LUA_TLIGHTUSERDATA;
}

/* Exact where both sides say what their empty tables are; where one does not, an empty table equals
 * an empty array and an empty object: comparing is not sending. */
static int json_equal(lua_State *L)
{
    lua_settop(L, 2);
    if (is_scalar(L, 1) || is_scalar(L, 2)) {
        lua_pushboolean(L, lua_compare(L, 1, 2, LUA_OPEQ));
        return 1;
    }
    struct err err;
    struct vm_box *a = vm_box_push(L, release_jv), *b = vm_box_push(L, release_jv);
    a->value = convert_take(L, 1, "json.equal", CONVERT_WHOLE_REALS, &err);
    b->value = convert_take(L, 2, "json.equal", CONVERT_WHOLE_REALS, &err);
    bool equal;
    if (a->value != NULL && b->value != NULL) {
        equal = jv_equal(a->value, b->value);
    } else {
        equal = api_difference(L, 1, 2, "json.equal") == NULL;
    }
    vm_box_release(a);
    vm_box_release(b);
    lua_pushboolean(L, equal);
    return 1;
}

void api_json_open(lua_State *L)
{
    static const luaL_Reg functions[] = {{"array", json_array},
                                         {"object", json_object},
                                         {"decode", json_decode},
                                         {"encode", json_encode},
                                         {"equal", json_equal},
                                         {"copy", json_copy},
                                         {NULL, NULL}};
    luaL_newlib(L, functions);
    convert_push_null(L);
    lua_setfield(L, -2, "null");
    vm_add_library(L, "json");
}
