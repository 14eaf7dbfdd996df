#include "script/convert.h"

#include "base/json_build.h"
#include "base/utf8.h"
#include "script/view.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { BUILD_BYTES = 2048 }; /* at a time: few objects of a cluster are larger */

struct place { /* where in the value we are: for error texts */
    const struct place *parent;
    const char *key; /* NULL: index */
    lua_Integer index;
};
struct taking {
    const char *what;
    unsigned flags;
    size_t nodes, bytes;
    struct err *err;
    struct json_build build;
};

static void place_print(const struct place *place, struct buf *out)
{
    if (place->parent == NULL)
        return;
    place_print(place->parent, out);
    if (place->key == NULL)
        buf_printf(out, "[%lld]", (long long)place->index);
    else if (strpbrk(place->key, "./[]") != NULL || place->key[0] == '\0')
        buf_printf(out, "[\"%s\"]", place->key);
    else
        buf_printf(out, "%s%s", out->len > 0 ? "." : "", place->key);
}

__attribute__((format(printf, 3, 4))) static struct jv *
taking_fails(struct taking *t, const struct place *place, const char *format, ...)
{
    char text[256];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    struct buf path;
    buf_init(&path, 512);
    place_print(place, &path);
    if (path.len > 0)
        err_set(t->err, ERR_INVALID, "%s: %s: %s", t->what, buf_str(&path), text);
    else
        err_set(t->err, ERR_INVALID, "%s: %s", t->what, text);
    buf_deinit(&path);
    return NULL;
}

static bool taking_count(struct taking *t, const struct place *place, size_t nodes, size_t bytes)
{
    t->nodes += nodes;
    t->bytes += bytes;
    if (t->nodes <= CONVERT_NODES_MAX && t->bytes <= CONVERT_BYTES_MAX)
        return true;
    taking_fails(t, place,
                 "too large: more than %d values or %d bytes (a table placed several times "
                 "counts each time)",
                 (int)CONVERT_NODES_MAX, (int)CONVERT_BYTES_MAX);
    return false;
}

static size_t nodes_of(const struct jv *value, size_t max, size_t *bytes)
{
    size_t nodes = 1, len = 0;
    if (jv_type(value) == JV_STRING)
        jv_strn(value, &len);
    *bytes += len + 8;
    if (jv_is_array(value)) {
        for (size_t i = 0; i < jv_size(value) && nodes <= max; i++)
            nodes += nodes_of(jv_at(value, i), max - nodes, bytes);
    } else if (jv_is_object(value)) {
        struct jv_iter it = {0};
        while (nodes <= max && jv_next(value, &it)) {
            *bytes += strlen(it.key);
            nodes += nodes_of(it.value, max - nodes, bytes);
        }
    }
    return nodes;
}

/* key: where the value will stand; NULL in an array. */
static struct jv *take_value(lua_State *L, int idx, struct taking *t, const struct place *place,
                             int depth, struct json_key *key);

static struct jv *take_array(lua_State *L, int idx, struct taking *t, const struct place *place,
                             int depth, struct json_key *its_key)
{
    lua_Integer n = (lua_Integer)lua_rawlen(L, idx), seen = 0;
    lua_pushnil(L);
    while (lua_next(L, idx)) {
        lua_pop(L, 1);
        bool fits = lua_isinteger(L, -1) && lua_tointeger(L, -1) >= 1 && lua_tointeger(L, -1) <= n;
        if (!fits || ++seen > n) {
            const char *key = lua_type(L, -1) == LUA_TSTRING ? lua_tostring(L, -1) : NULL;
            lua_Integer at = lua_tointegerx(L, -1, NULL);
            lua_pop(L, 1);
            if (key != NULL)
                return taking_fails(t, place, "an array has the key \"%.60s\" as well", key);
            return taking_fails(t, place, "an array has a hole before [%lld]", (long long)at);
        }
    }
    if (seen < n)
        return taking_fails(t, place, "an array has a hole");
    size_t mark;
    struct jv *array = json_build_begin(&t->build, JV_ARRAY, its_key, &mark);
    for (lua_Integer i = 1; i <= n; i++) {
        lua_rawgeti(L, idx, i);
        struct place at = {.parent = place, .index = i};
        struct jv *element = take_value(L, lua_gettop(L), t, &at, depth + 1, NULL);
        lua_pop(L, 1);
        if (element == NULL) {
            json_build_forget(&t->build, mark);
            jv_unref(array);
            return NULL;
        }
        json_build_put(&t->build, NULL, element);
    }
    json_build_end(&t->build, array, mark, false);
    return array;
}

/* The member whose key and value are on top of the stack. */
static bool take_member(lua_State *L, struct taking *t, const struct place *place, int depth)
{
    struct json_key key = {0};
    if (lua_type(L, -2) == LUA_TSTRING)
        key.text = lua_tolstring(L, -2, &key.len);
    struct place at = {.parent = place, .key = key.text};
    struct jv *value = NULL;
    if (key.text == NULL)
        taking_fails(t, place, "an object has a key of type %s", luaL_typename(L, -2));
    else if (strlen(key.text) != key.len || !utf8_valid(key.text, key.len))
        taking_fails(t, place, "a key is not valid UTF-8 or contains a NUL");
    else if (taking_count(t, &at, 0, key.len))
        value = take_value(L, lua_gettop(L), t, &at, depth + 1, &key);
    if (value != NULL)
        json_build_put(&t->build, &key, value);
    return value != NULL;
}

/* One pass over the table; in the order of keys, which is Lua's only by chance. */
static struct jv *take_members(lua_State *L, int idx, struct taking *t, const struct place *place,
                               int depth, struct json_key *its_key)
{
    size_t mark;
    struct jv *object = json_build_begin(&t->build, JV_OBJECT, its_key, &mark);
    lua_pushnil(L);
    while (lua_next(L, idx)) {
        bool taken = take_member(L, t, place, depth);
        lua_pop(L, 1);
        if (!taken) {
            lua_pop(L, 1);
            json_build_forget(&t->build, mark);
            jv_unref(object);
            return NULL;
        }
    }
    json_build_end(&t->build, object, mark, true);
    return object;
}

static struct jv *take_table(lua_State *L, int idx, struct taking *t, const struct place *place,
                             int depth, struct json_key *key)
{
    enum convert_tag tag = convert_tag(L, idx);
    int top = lua_gettop(L);
    size_t mark;
    if (tag == CONVERT_UNTAGGED) {
        if (lua_rawlen(L, idx) > 0) {
            tag = CONVERT_ARRAY;
        } else {
            lua_pushnil(L);
            if (!lua_next(L, idx) && (t->flags & CONVERT_BARE_EMPTY) != 0)
                return json_build_begin(&t->build, JV_OBJECT, key, &mark);
            if (lua_gettop(L) == top)
                return taking_fails(t, place,
                                    "an empty table must be json.array{} or json.object{}");
            lua_pop(L, 2);
            tag = CONVERT_OBJECT;
        }
    }
    return tag == CONVERT_ARRAY ? take_array(L, idx, t, place, depth, key)
                                : take_members(L, idx, t, place, depth, key);
}

static struct jv *take_number(lua_State *L, int idx, struct taking *t, const struct place *place,
                              struct json_key *key)
{
    if (lua_isinteger(L, idx))
        return json_build_int(&t->build, lua_tointeger(L, idx), key);
    double real = lua_tonumber(L, idx);
    if (!isfinite(real))
        return taking_fails(t, place, "%s is not a number JSON can hold",
                            isnan(real) ? "NaN" : "inf");
    if ((t->flags & CONVERT_WHOLE_REALS) != 0 && real == floor(real) && fabs(real) < 0x1p63)
        return json_build_int(&t->build, (int64_t)real, key);
    return jv_real(real);
}

static struct jv *take_userdata(lua_State *L, int idx, struct taking *t, const struct place *place)
{
    bool is_view;
    struct jv *value = view_peek(L, idx, &is_view);
    if (value == NULL)
        return taking_fails(t, place,
                            is_view ? "a view of a run that has ended"
                                    : "a value of type userdata is not JSON");
    size_t bytes = 0, nodes = nodes_of(value, CONVERT_NODES_MAX, &bytes);
    return taking_count(t, place, nodes, bytes) ? jv_ref(value) : NULL;
}

static struct jv *take_value(lua_State *L, int idx, struct taking *t, const struct place *place,
                             int depth, struct json_key *key)
{
    if (depth > JV_DEPTH_MAX || !lua_checkstack(L, 8))
        return taking_fails(t, place, "nested deeper than %d", (int)JV_DEPTH_MAX);
    int type = lua_type(L, idx);
    if (type == LUA_TUSERDATA)
        return take_userdata(L, idx, t, place);
    size_t len = 0;
    const char *text = type == LUA_TSTRING ? lua_tolstring(L, idx, &len) : NULL;
    if (!taking_count(t, place, 1, len + 8))
        return NULL;
    switch (type) {
    case LUA_TBOOLEAN:
        return jv_bool(lua_toboolean(L, idx));
    case LUA_TNUMBER:
        return take_number(L, idx, t, place, key);
    case LUA_TSTRING:
        return utf8_valid(text, len)
                   ? json_build_string(&t->build, text, len, key)
                   : taking_fails(t, place,
                                  "a string is not valid UTF-8 (encode it with digest.base64)");
    case LUA_TTABLE:
        return take_table(L, idx, t, place, depth, key);
    default:
        if (convert_is_null(L, idx))
            return jv_null();
        return taking_fails(t, place, "a value of type %s is not JSON", lua_typename(L, type));
    }
}

struct jv *convert_take(lua_State *L, int idx, const char *what, unsigned flags, struct err *err)
{
    struct taking t = {.what = what, .flags = flags, .err = err};
    struct place root = {0};
    json_build_open(&t.build, BUILD_BYTES);
    struct jv *value = take_value(L, lua_absindex(L, idx), &t, &root, 1, NULL);
    json_build_close(&t.build);
    vm_note(L, t.nodes * 4 + t.bytes / 16);
    return value;
}

void convert_push_null(lua_State *L)
{
    lua_pushlightuserdata(L, NULL);
}

bool convert_is_null(lua_State *L, int idx)
{
    return lua_islightuserdata(L, idx) && lua_touserdata(L, idx) == NULL;
}

void convert_push_scalar(lua_State *L, const struct jv *value)
{
    size_t len;
    const char *text;
    switch (jv_type(value)) {
    case JV_BOOL:
        lua_pushboolean(L, jv_bool_value(value));
        return;
    case JV_INT:
        lua_pushinteger(L, jv_int_value(value));
        return;
    case JV_REAL:
        lua_pushnumber(L, jv_real_value(value));
        return;
    case JV_STRING:
        text = jv_strn(value, &len);
        lua_pushlstring(L, text, len);
        return;
    case JV_NULL:
    case JV_ARRAY:
    case JV_OBJECT:
        convert_push_null(L);
        return;
    }
}

void convert_push(lua_State *L, const struct jv *value)
{
    luaL_checkstack(L, 4, "nested too deep");
    if (jv_is_array(value)) {
        size_t size = jv_size(value);
        lua_createtable(L, (int)size, 0);
        for (size_t i = 0; i < size; i++) {
            convert_push(L, jv_at(value, i));
            lua_rawseti(L, -2, (lua_Integer)i + 1);
        }
        lua_rawgetp(L, LUA_REGISTRYINDEX, &vm_keys.array_mt);
        lua_setmetatable(L, -2);
    } else if (jv_is_object(value)) {
        lua_createtable(L, 0, (int)jv_size(value));
        struct jv_iter it = {0};
        while (jv_next(value, &it)) {
            lua_pushstring(L, it.key);
            convert_push(L, it.value);
            lua_rawset(L, -3);
        }
        lua_rawgetp(L, LUA_REGISTRYINDEX, &vm_keys.object_mt);
        lua_setmetatable(L, -2);
    } else {
        convert_push_scalar(L, value);
    }
}

enum convert_tag convert_tag(lua_State *L, int idx)
{
    if (!lua_getmetatable(L, idx))
        return CONVERT_UNTAGGED;
    const void *mt = lua_topointer(L, -1);
    lua_pop(L, 1);
    struct vm *vm = vm_of(L);
    return mt == vm->array_mt    ? CONVERT_ARRAY
           : mt == vm->object_mt ? CONVERT_OBJECT
                                 : CONVERT_UNTAGGED;
}

void convert_open(lua_State *L)
{
    lua_createtable(L, 0, 1);
    lua_pushliteral(L, "json.array");
    lua_setfield(L, -2, "__metatable");
    vm_of(L)->array_mt = lua_topointer(L, -1);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &vm_keys.array_mt);
    lua_createtable(L, 0, 1);
    lua_pushliteral(L, "json.object");
    lua_setfield(L, -2, "__metatable");
    vm_of(L)->object_mt = lua_topointer(L, -1);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &vm_keys.object_mt);
    convert_push_null(L);
    lua_createtable(L, 0, 1); /* all light userdata: json.null prints as what it is */
    lua_pushliteral(L, "null");
    lua_setfield(L, -2, "__name");
    lua_pushboolean(L, 0);
    lua_setfield(L, -2, "__metatable");
    lua_setmetatable(L, -2);
    lua_pop(L, 1);
}
