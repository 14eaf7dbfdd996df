#include "script/vm.h"

#include <stdlib.h>

void vm_box_release(struct vm_box *box)
{
    if (box->link == NULL)
        return;
    *box->link = box->next;
    if (box->next != NULL)
        box->next->link = box->link;
    box->link = NULL;
    void *value = box->value;
    box->value = NULL;
    if (value != NULL)
        box->release(value);
    if (--box->refs == 0)
        free(box);
}

struct vm_box *vm_box_at(lua_State *L, int idx)
{
    return *(struct vm_box **)lua_touserdata(L, idx);
}

static int box_gc(lua_State *L)
{
    struct vm_box *box = vm_box_at(L, 1);
    if (box == NULL)
        return 0;
    *(struct vm_box **)lua_touserdata(L, 1) = NULL;
    vm_box_release(box);
    if (--box->refs == 0)
        free(box);
    return 0;
}

struct vm_box *vm_box_push(lua_State *L, void (*release)(void *value))
{
    struct vm_box **place = lua_newuserdatauv(L, sizeof(struct vm_box *), 0);
    *place = NULL;
    if (lua_rawgetp(L, LUA_REGISTRYINDEX, &vm_keys.box_mt) != LUA_TTABLE) {
        lua_pop(L, 1);
        lua_createtable(L, 0, 2);
        lua_pushcfunction(L, box_gc);
        lua_setfield(L, -2, "__gc");
        lua_pushboolean(L, 0);
        lua_setfield(L, -2, "__metatable");
        lua_pushvalue(L, -1);
        lua_rawsetp(L, LUA_REGISTRYINDEX, &vm_keys.box_mt);
    }
    lua_setmetatable(L, -2);
    struct vm_run *run = vm_run_of(L);
    struct vm_box *box = mem_alloc(sizeof *box);
    *box = (struct vm_box){.release = release, .refs = 2, .next = run->boxes, .link = &run->boxes};
    if (run->boxes != NULL)
        run->boxes->link = &box->next;
    run->boxes = box;
    *place = box;
    return box;
}
