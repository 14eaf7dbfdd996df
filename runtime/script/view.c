#include "script/view.h"

#include "script/convert.h"

#include <stdlib.h>
#include <string.h>

struct doc { /* the value of a box */
    struct vm *vm;
    struct store_item *item; /* parsed at the first look */
    struct jv *root;
    size_t outside_bytes;
};
struct view { /* a userdata whose user value 1 is the box */
    struct vm_box *box;
    struct jv *value; /* NULL: the root, not looked at yet */
};

enum { PARSED_FACTOR = 6 }; /* measured: parsed JSON takes about six times its text */

static void doc_release(void *value)
{
    struct doc *doc = value;
    doc->vm->outside_bytes -= doc->outside_bytes;
    jv_unref(doc->root);
    if (doc->item != NULL)
        store_item_unref(doc->item);
    free(doc);
}

RAISES static struct doc *doc_push(lua_State *L)
{
    struct vm_box *box = vm_box_push(L, doc_release);
    struct doc *doc = mem_alloc(sizeof *doc);
    doc->vm = vm_of(L);
    box->value = doc;
    return doc;
}

/* [-0, +1, m] A view over value (NULL: the whole doc); the box stands at box_idx. */
RAISES static void push_view(lua_State *L, int box_idx, struct jv *value)
{
    box_idx = lua_absindex(L, box_idx);
    struct view *view = lua_newuserdatauv(L, sizeof *view, 1);
    *view = (struct view){vm_box_at(L, box_idx), value};
    lua_pushvalue(L, box_idx);
    lua_setiuservalue(L, -2, 1);
    lua_rawgetp(L, LUA_REGISTRYINDEX, &vm_keys.view_mt);
    lua_setmetatable(L, -2);
}

/* NULL when its run has ended. */
static struct jv *view_root(const struct view *view)
{
    struct doc *doc = view->box->value;
    if (doc != NULL && doc->root == NULL && doc->item != NULL) {
        doc->root = store_item_parse(doc->item);
        doc->outside_bytes = doc->item->json_len * PARSED_FACTOR;
        doc->vm->outside_bytes += doc->outside_bytes;
    }
    return doc != NULL ? doc->root : NULL;
}

RAISES static struct jv *view_value(lua_State *L, struct view *view)
{
    struct jv *root = view_root(view);
    if (root == NULL)
        luaL_error(L, "this view belongs to a run that has ended");
    struct vm *vm = vm_of(L);
    if (vm->outside_bytes > vm->limits.memory_bytes_max)
        vm_raise_kill(L, VM_KILL_MEMORY);
    return view->value != NULL ? view->value : root;
}

static struct view *view_at(lua_State *L, int idx)
{
    void *pointer = lua_touserdata(L, idx);
    if (pointer == NULL || !lua_getmetatable(L, idx))
        return NULL;
    bool is = lua_topointer(L, -1) == vm_of(L)->view_mt;
    lua_pop(L, 1);
    return is ? pointer : NULL;
}

/* [-0, +1, m] A member of the view at idx. */
RAISES static void push_member(lua_State *L, int idx, struct jv *member)
{
    switch (jv_type(member)) {
    case JV_OBJECT:
    case JV_ARRAY:
        lua_getiuservalue(L, idx, 1);
        push_view(L, -1, member);
        lua_remove(L, -2);
        return;
    case JV_NULL:
    case JV_BOOL:
    case JV_INT:
    case JV_REAL:
    case JV_STRING:
        convert_push_scalar(L, member);
        return;
    }
}

static int view_index(lua_State *L)
{
    struct view *view = lua_touserdata(L, 1);
    struct jv *value = view_value(L, view), *member = NULL;
    if (jv_is_object(value)) {
        if (lua_type(L, 2) == LUA_TSTRING) {
            size_t len;
            const char *key = lua_tolstring(L, 2, &len);
            member = strlen(key) == len ? jv_get(value, key) : NULL;
        }
        if (member != NULL && jv_type(member) == JV_NULL)
            member = NULL;
    } else {
        int is_integer;
        lua_Integer at = lua_type(L, 2) == LUA_TNUMBER ? lua_tointegerx(L, 2, &is_integer) : 0;
        if (at >= 1 && (lua_Unsigned)at <= jv_size(value))
            member = jv_at(value, (size_t)at - 1);
    }
    if (member == NULL)
        lua_pushnil(L);
    else
        push_member(L, 1, member);
    return 1;
}

static int view_newindex(lua_State *L)
{
    return luaL_error(L, "a view is read-only; json.copy gives a table that may be changed");
}

static int view_len(lua_State *L)
{
    struct jv *value = view_value(L, lua_touserdata(L, 1));
    lua_pushinteger(L, jv_is_array(value) ? (lua_Integer)jv_size(value) : 0);
    return 1;
}

static int view_eq(lua_State *L)
{
    struct view *a = view_at(L, 1), *b = view_at(L, 2);
    bool equal = a != NULL && b != NULL && jv_equal(view_value(L, a), view_value(L, b));
    lua_pushboolean(L, equal);
    return 1;
}

static int view_tostring(lua_State *L)
{
    struct jv *value = view_value(L, lua_touserdata(L, 1));
    lua_pushfstring(L, "view of %s with %d", jv_is_array(value) ? "an array" : "an object",
                    (int)jv_size(value));
    return 1;
}

void view_open(lua_State *L)
{
    static const luaL_Reg functions[] = {
        {"__index", view_index}, {"__newindex", view_newindex}, {"__len", view_len},
        {"__eq", view_eq},       {"__tostring", view_tostring}, {NULL, NULL}};
    luaL_newlib(L, functions);
    lua_pushboolean(L, 0);
    lua_setfield(L, -2, "__metatable");
    lua_pushliteral(L, "view");
    lua_setfield(L, -2, "__name");
    vm_of(L)->view_mt = lua_topointer(L, -1);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &vm_keys.view_mt);
}

/* [-0, +1, m] The table item → doc of the current run. */
RAISES static void push_docs(lua_State *L)
{
    struct vm_run *run = vm_run_of(L);
    lua_rawgetp(L, LUA_REGISTRYINDEX, &vm_keys.docs);
    if (lua_rawgetp(L, -1, run) != LUA_TTABLE) {
        lua_pop(L, 1);
        lua_newtable(L);
        lua_pushvalue(L, -1);
        lua_rawsetp(L, -3, run);
        run->has_docs = true;
    }
    lua_remove(L, -2);
}

void view_push_item(lua_State *L, struct store_item *item)
{
    push_docs(L);
    if (lua_rawgetp(L, -1, item) != LUA_TUSERDATA) {
        lua_pop(L, 1);
        struct doc *doc = doc_push(L);
        doc->item = store_item_ref(item);
        lua_pushvalue(L, -1);
        lua_rawsetp(L, -3, item);
    }
    push_view(L, -1, NULL);
    lua_replace(L, -3);
    lua_pop(L, 1);
}

void view_push(lua_State *L, struct jv *value)
{
    if (!jv_is_object(value) && !jv_is_array(value)) {
        if (value == NULL)
            lua_pushnil(L);
        else
            convert_push_scalar(L, value);
        return;
    }
    struct doc *doc = doc_push(L);
    doc->root = jv_ref(value);
    push_view(L, -1, NULL);
    lua_remove(L, -2);
}

struct jv *view_check(lua_State *L, int idx)
{
    struct view *view = view_at(L, idx);
    return view != NULL ? view_value(L, view) : NULL;
}

struct jv *view_peek(lua_State *L, int idx, bool *is_view)
{
    struct view *view = view_at(L, idx);
    *is_view = view != NULL;
    struct jv *root = view != NULL ? view_root(view) : NULL;
    return root != NULL && view->value != NULL ? view->value : root;
}

void view_push_at(lua_State *L, int idx, size_t index)
{
    idx = lua_absindex(L, idx);
    struct jv *value = view_check(L, idx);
    struct jv *member = jv_is_array(value) ? jv_at(value, index) : NULL;
    if (member == NULL)
        lua_pushnil(L);
    else
        push_member(L, idx, member);
}

struct view_walk { /* upvalue 1; upvalue 2 is the view */
    const struct view *view;
    struct jv *array;
    size_t count, position;
    struct view_member {
        const char *key;
        struct jv *value;
    } members[];
};

static int member_compare(const void *a, const void *b)
{
    return strcmp(((const struct view_member *)a)->key, ((const struct view_member *)b)->key);
}

static int walk_next(lua_State *L)
{
    struct view_walk *walk = lua_touserdata(L, lua_upvalueindex(1));
    if (walk->view->box->value == NULL)
        return luaL_error(L, "this view belongs to a run that has ended");
    struct jv *value = NULL;
    if (walk->array != NULL && walk->position < walk->count) {
        value = jv_at(walk->array, walk->position++);
        lua_pushinteger(L, (lua_Integer)walk->position);
    } else if (walk->array == NULL && walk->position < walk->count) {
        lua_pushstring(L, walk->members[walk->position].key);
        value = walk->members[walk->position++].value;
    }
    if (value == NULL) {
        lua_pushnil(L);
        return 1;
    }
    lua_pushvalue(L, lua_upvalueindex(2));
    push_member(L, lua_gettop(L), value);
    lua_remove(L, -2);
    return 2;
}

int view_pairs(lua_State *L, int idx)
{
    idx = lua_absindex(L, idx);
    struct jv *value = view_check(L, idx);
    bool is_array = jv_is_array(value);
    size_t size = jv_size(value);
    vm_charge(L, size);
    struct view_walk *walk =
        lua_newuserdatauv(L, sizeof *walk + (is_array ? 0 : size * sizeof walk->members[0]), 0);
    *walk = (struct view_walk){.view = lua_touserdata(L, idx)};
    if (is_array) {
        walk->array = value;
        walk->count = size;
    } else {
        struct jv_iter it = {0};
        while (walk->count < size && jv_next(value, &it)) {
            if (jv_type(it.value) != JV_NULL)
                walk->members[walk->count++] = (struct view_member){it.key, it.value};
        }
        qsort(walk->members, walk->count, sizeof walk->members[0], member_compare);
    }
    lua_pushvalue(L, idx);
    lua_pushcclosure(L, walk_next, 2);
    lua_pushvalue(L, idx);
    lua_pushnil(L);
    return 3;
}

void view_forget_all(struct vm_run *run)
{
    lua_State *L = run->vm->L;
    lua_rawgetp(L, LUA_REGISTRYINDEX, &vm_keys.docs);
    lua_pushnil(L);
    lua_rawsetp(L, -2, run); /* an existing key: nothing is allocated */
    lua_pop(L, 1);
    run->has_docs = false;
}
