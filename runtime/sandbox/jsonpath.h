/* The JSONPath of printer columns: `.spec.a`, `['a']`, `.list[0]`, `[-1]`, `[1:3]`, `[*]`, `.*`,
 * `..name` and filters `[?(@.type=="Ready")]`. What is missing gives no result.
 */
#ifndef NEMETON_SANDBOX_JSONPATH_H
#define NEMETON_SANDBOX_JSONPATH_H

#include "base/json.h"

enum { JSONPATH_STEPS_MAX = 32, JSONPATH_RESULTS_MAX = 1000 };

struct jsonpath;
struct jsonpath *jsonpath_parse(const char *text, struct err *err);
void jsonpath_free(struct jsonpath *path); /* NULL is fine */
/* What is found, as an array that shares with the value; NULL when the path does not fit (an index
 * out of bounds, a filter on what is no list). Yours. */
struct jv *jsonpath_find(const struct jsonpath *path, const struct jv *value);

#endif
