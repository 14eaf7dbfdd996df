/* Views: read-only faces of parsed JSON objects for policies. Internal to script/.
 *
 * A view is a small userdata that points into a `struct jv`; the parsed object is held by one
 * box (the doc) that all of its views share, is parsed at the first look, and is released when its
 * run ends, whatever the policy kept: a later look raises. A member that is null reads as nil;
 * inside arrays it reads as json.null.
 */
#ifndef NEMETON_SCRIPT_VIEW_H
#define NEMETON_SCRIPT_VIEW_H

#include "script/vm.h"

RAISES void view_open(lua_State *L);
/* Pushes a view of a cached object; the same item is parsed once per run. */
RAISES void view_push_item(lua_State *L, struct store_item *item);
/* Pushes value: a view for objects and arrays, a plain value otherwise. Takes its own reference. */
RAISES void view_push(lua_State *L, struct jv *value);
/* The value behind a view, lent; NULL when idx is not a view. Raises when its run has ended. */
RAISES struct jv *view_check(lua_State *L, int idx);
/* The same without raising: NULL for a view that is dead (or cannot be parsed) as well. */
struct jv *view_peek(lua_State *L, int idx, bool *is_view);
/* Pushes an element of a view, or nil. */
RAISES void view_push_at(lua_State *L, int idx, size_t index);
RAISES int view_pairs(lua_State *L, int idx); /* pushes what a generic for wants: returns 3 */
void view_forget_all(struct vm_run *run);     /* at its end: the table of docs */

#endif
