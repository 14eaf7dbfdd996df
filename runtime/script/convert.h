/* Lua values ↔ JSON values, exactly. Internal to script/.
 *
 * To JSON: integers stay integers, views are placed as they are, tables must be arrays (1..n) or
 * objects (string keys), an empty table must be tagged by json.array or json.object, keys come out
 * sorted. Errors name the path. To Lua: arrays and objects are tagged, so that they go back as they
 * came.
 */
#ifndef NEMETON_SCRIPT_CONVERT_H
#define NEMETON_SCRIPT_CONVERT_H

#include "script/vm.h"

enum { CONVERT_NODES_MAX = 100000, CONVERT_BYTES_MAX = 16 << 20 };
enum {
    /* Reals without a fraction become integers: what arithmetic made of a count must not reach an
     * integer field of Kubernetes as 2.0. */
    CONVERT_WHOLE_REALS = 1,
    CONVERT_BARE_EMPTY = 2, /* an empty table without a tag is an object: for comparing only */
};

/* Never raises and needs no free Lua memory. The result is yours. `what` opens the error text. */
struct jv *convert_take(lua_State *L, int idx, const char *what, unsigned flags, struct err *err);

RAISES void convert_push_scalar(lua_State *L, const struct jv *value);
/* A plain table (or scalar); value must be held by somebody who survives a longjmp. */
RAISES void convert_push(lua_State *L, const struct jv *value);
RAISES void convert_open(lua_State *L); /* the tags' metatables */
RAISES void convert_push_null(lua_State *L);
bool convert_is_null(lua_State *L, int idx);
enum convert_tag { CONVERT_UNTAGGED, CONVERT_ARRAY, CONVERT_OBJECT };
enum convert_tag convert_tag(lua_State *L, int idx);

#endif
