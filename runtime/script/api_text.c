/* cjson (lua-cjson, for text that is not a Kubernetes object) and yaml. */
#include "script/api.h"

#include "base/yaml.h"
#include "script/convert.h"

#include <lua-cjson.h>
#include <math.h>

enum {
    CJSON_TEXT_MAX = 1 << 20,
    CJSON_DEPTH_MAX = 64,
    CJSON_NODES_MAX = 100000,
    CJSON_BYTES_MAX = 4 << 20,
    CJSON_HEADROOM = 32, /* Lua bytes that a byte of text may become */
    YAML_TEXT_MAX = 1 << 20,
    YAML_OUT_MAX = 4 << 20,
};

struct counted {
    size_t nodes, bytes;
};

/* lua-cjson writes through malloc and exits the process when that fails, so what it would write is
 * counted first; a table that is placed twice counts twice, as it would be written twice. */
RAISES static void count_value(lua_State *L, int idx, int depth, struct counted *counted)
{
    size_t len = 0;
    if (lua_type(L, idx) == LUA_TSTRING)
        len = lua_rawlen(L, idx) * 6; /* \u0000 */
    counted->bytes += len + 24;
    if (++counted->nodes > CJSON_NODES_MAX || counted->bytes > CJSON_BYTES_MAX) {
        vm_note(L, counted->nodes * 4);
        luaL_error(L,
                   "cjson.encode: more than %d values or %d bytes (a table placed several times "
                   "counts each time)",
                   (int)CJSON_NODES_MAX, (int)CJSON_BYTES_MAX);
    }
    if (!lua_istable(L, idx)) {
        if (lua_type(L, idx) == LUA_TUSERDATA)
            luaL_error(L, "cjson.encode: a view; use json.encode, or json.copy first");
        return;
    }
    if (depth > CJSON_DEPTH_MAX)
        luaL_error(L, "cjson.encode: nested deeper than %d", (int)CJSON_DEPTH_MAX);
    luaL_checkstack(L, 4, NULL);
    for (lua_pushnil(L); lua_next(L, idx); lua_pop(L, 1)) {
        if (lua_type(L, -2) == LUA_TSTRING)
            counted->bytes += lua_rawlen(L, -2) * 6;
        count_value(L, lua_gettop(L), depth + 1, counted);
    }
}

/* Upvalue 1: lua-cjson's own function. */
static int cjson_encode(lua_State *L)
{
    luaL_checkany(L, 1);
    lua_settop(L, 1);
    struct counted counted = {0};
    count_value(L, 1, 1, &counted);
    vm_charge(L, counted.nodes * 4 + counted.bytes / 16);
    lua_pushvalue(L, lua_upvalueindex(1));
    lua_insert(L, 1);
    lua_call(L, 1, 1);
    return 1;
}

/* lua-cjson makes every number a float; those without a fraction become integers again. */
RAISES static void restore_integers(lua_State *L, int idx)
{
    luaL_checkstack(L, 6, NULL);
    for (lua_pushnil(L); lua_next(L, idx); lua_pop(L, 1)) {
        if (lua_istable(L, -1)) {
            restore_integers(L, lua_gettop(L));
        } else if (lua_type(L, -1) == LUA_TNUMBER && !lua_isinteger(L, -1)) {
            lua_Number number = lua_tonumber(L, -1);
            if (number == floor(number) && fabs(number) < 0x1p53) {
                lua_pushvalue(L, -2);
                lua_pushinteger(L, (lua_Integer)number);
                lua_rawset(L, idx); /* an existing key: the traversal goes on */
            }
        }
    }
}

static int cjson_decode(lua_State *L)
{
    size_t len;
    luaL_checklstring(L, 1, &len);
    if (len > CJSON_TEXT_MAX)
        return luaL_error(L, "cjson.decode: text of more than %d bytes", (int)CJSON_TEXT_MAX);
    struct vm *vm = vm_of(L);
    if (vm->bytes + vm->outside_bytes + len * CJSON_HEADROOM > vm->limits.memory_bytes_max)
        lua_gc(L, LUA_GCCOLLECT);
    if (vm->bytes + vm->outside_bytes + len * CJSON_HEADROOM > vm->limits.memory_bytes_max)
        vm_raise_kill(L, VM_KILL_MEMORY); /* its buffer would leak if memory ran out inside */
    vm_charge(L, len / 4);
    lua_settop(L, 1);
    lua_pushvalue(L, lua_upvalueindex(1));
    lua_insert(L, 1);
    lua_call(L, 1, 1);
    if (lua_istable(L, 1)) {
        restore_integers(L, 1);
    } else if (lua_type(L, 1) == LUA_TNUMBER) {
        lua_Integer integer;
        if (lua_numbertointeger(lua_tonumber(L, 1), &integer) &&
            (lua_Number)integer == lua_tonumber(L, 1))
            lua_pushinteger(L, integer);
    }
    return 1;
}

RAISES static void configure(lua_State *L, const char *name, int depth)
{
    lua_getfield(L, -1, name);
    lua_pushinteger(L, depth);
    lua_call(L, 1, 0);
}

RAISES static void open_cjson(lua_State *L)
{
    luaopen_cjson(L);
    configure(L, "decode_max_depth", CJSON_DEPTH_MAX);
    configure(L, "encode_max_depth", CJSON_DEPTH_MAX);
    lua_getfield(L, -1, "encode_keep_buffer");
    lua_pushboolean(L, 0);
    lua_call(L, 1, 0);
    lua_getfield(L, -1, "decode_invalid_numbers");
    lua_pushboolean(L, 0);
    lua_call(L, 1, 0);
    lua_createtable(L, 0, 3);
    lua_getfield(L, -2, "encode");
    lua_pushcclosure(L, cjson_encode, 1);
    lua_setfield(L, -2, "encode");
    lua_getfield(L, -2, "decode");
    lua_pushcclosure(L, cjson_decode, 1);
    lua_setfield(L, -2, "decode");
    convert_push_null(L);
    lua_setfield(L, -2, "null");
    vm_add_library(L, "cjson");
    lua_pop(L, 1);
}

static void release_docs(void *value)
{
    yaml_docs_free(value);
}

/* Upvalue 1: all documents, as a list? */
static int yaml_decode(lua_State *L)
{
    size_t len;
    const char *text = luaL_checklstring(L, 1, &len);
    bool all = lua_toboolean(L, lua_upvalueindex(1));
    if (len > YAML_TEXT_MAX)
        return luaL_error(L, "yaml.decode: text of more than %d bytes", (int)YAML_TEXT_MAX);
    vm_charge(L, len);
    struct vm_box *box = vm_box_push(L, release_docs);
    struct err err;
    struct yaml_docs *docs = yaml_parse(text, len, &err);
    if (docs == NULL)
        return api_push_failure(L, &err);
    box->value = docs;
    size_t count = yaml_docs_count(docs);
    if (!all && count > 1)
        return luaL_error(L, "yaml.decode: %d documents; use yaml.decode_all", (int)count);
    if (all) {
        lua_createtable(L, (int)count, 0);
        for (size_t i = 0; i < count; i++) {
            convert_push(L, yaml_docs_get(docs, i));
            lua_rawseti(L, -2, (lua_Integer)i + 1);
        }
    } else if (count == 0) {
        convert_push_null(L);
    } else {
        convert_push(L, yaml_docs_get(docs, 0));
    }
    vm_box_release(box);
    return 1;
}

static int yaml_encode(lua_State *L)
{
    luaL_checkany(L, 1);
    struct jv *value = api_take_jv(L, 1, "yaml.encode", 0);
    struct vm_box *value_box = vm_box_at(L, -1), *box;
    struct buf *out = api_push_buf(L, YAML_OUT_MAX, &box);
    if (yaml_print(value, JV_PRINT_SORTED, out) != 0 || out->failed)
        return luaL_error(L, "yaml.encode: the text would be over %d bytes", (int)YAML_OUT_MAX);
    vm_charge(L, out->len);
    lua_pushlstring(L, buf_str(out), out->len);
    vm_box_release(box);
    vm_box_release(value_box);
    return 1;
}

void api_text_open(lua_State *L)
{
    open_cjson(L);
    lua_createtable(L, 0, 3);
    lua_pushboolean(L, 0);
    lua_pushcclosure(L, yaml_decode, 1);
    lua_setfield(L, -2, "decode");
    lua_pushboolean(L, 1);
    lua_pushcclosure(L, yaml_decode, 1);
    lua_setfield(L, -2, "decode_all");
    lua_pushcfunction(L, yaml_encode);
    lua_setfield(L, -2, "encode");
    vm_add_library(L, "yaml");
}
