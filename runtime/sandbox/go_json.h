/* What is wrong with a text that is no JSON, in the words of the real server, whose parser is Go's. */
#ifndef NEMETON_SANDBOX_GO_JSON_H
#define NEMETON_SANDBOX_GO_JSON_H

#include "base/json.h"

/* A value as Go prints it: map[a:b c:[d e]], keys sorted. */
void go_print(const struct jv *value, struct buf *out);

/* Yours to free; NULL when it is JSON. */
char *go_json_problem(const char *text, size_t len);

#endif
