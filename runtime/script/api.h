/* What policies can call, one opener a file. Internal to script/.
 *
 * api_core: json, log, clock, digest, random. api_text: cjson, yaml. api_ctx: ctx (writes),
 * with api_apply and api_gauges. api_kube: kube (reads), http. api_test: the `t` of tests.
 */
#ifndef NEMETON_SCRIPT_API_H
#define NEMETON_SCRIPT_API_H

#include "script/task_internal.h"

RAISES void api_open(lua_State *L);
RAISES void api_json_open(lua_State *L);
RAISES void api_core_open(lua_State *L);
RAISES void api_text_open(lua_State *L);
RAISES void api_ctx_open(lua_State *L);
RAISES void api_kube_open(lua_State *L);
RAISES void api_push_test(lua_State *L);
/* The task of a call of ctx; refuses ctx:call(x), whose first argument would be ctx. */
RAISES struct task *api_ctx_begin(lua_State *L, const char *call);
/* Converts the object at idx into the body of item `index` of the task's op and checks what every
 * object needs. Lent. */
RAISES struct jv *api_take_object(lua_State *L, struct task *task, size_t index, int idx,
                                  const char *call);
int api_ctx_apply(lua_State *L); /* api_apply.c */
int api_ctx_apply_all(lua_State *L);
int api_ctx_gauges(lua_State *L); /* api_gauges.c */

/* Pushes nil and an err table (code, message, status, reason, retry_after_ms); returns 2. */
RAISES int api_push_failure(lua_State *L, const struct err *err);
/* Raises err's text at the caller's line. */
RAISES int api_raise(lua_State *L, const struct err *err);
/* A string field of the table or view at idx: pushes it; NULL (and nil pushed) when absent. */
RAISES const char *api_field(lua_State *L, int idx, const char *field, const char *call);
RAISES lua_Integer api_field_integer(lua_State *L, int idx, const char *field, lua_Integer absent,
                                     const char *call);
/* Converts the value at idx into a jv held by a box that is pushed. */
RAISES struct jv *api_take_jv(lua_State *L, int idx, const char *what, unsigned flags);
/* Pushes a box with a buf inside. */
RAISES struct buf *api_push_buf(lua_State *L, size_t bytes_max, struct vm_box **box);
/* The first difference of two values as text (pushed, with what anchors it), or NULL. Empty arrays
 * and objects are equal, as are 1 and 1.0. */
RAISES const char *api_difference(lua_State *L, int a, int b, const char *what);
/* A message may be followed by fields; used by print too. */
RAISES void api_push_field(lua_State *L, int idx, const char *field);

#endif
