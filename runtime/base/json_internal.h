/* Where something stands in a JSON text; for the error messages of jv_parse. */
#ifndef NEMETON_BASE_JSON_INTERNAL_H
#define NEMETON_BASE_JSON_INTERNAL_H

#include "base/buf.h"

struct json_place {
    size_t line, column; /* from 1; columns count bytes */
    struct buf path;     /* deinit by the caller; empty at the root */
};

enum json_flaw { JSON_FLAWLESS, JSON_TOO_DEEP, JSON_NUL };
/* What the library does not judge as we want: levels deeper than `depth_max`, and a NUL between
 * tokens, which it skips after a number. Sets *position to the byte where it stands. */
enum json_flaw json_prescan(const char *text, size_t len, size_t depth_max, size_t *position);
/* Finds line, column and path of the byte at `position` in a text that is good up to there. */
void json_locate(const char *text, size_t len, size_t position, struct json_place *place);

/* The value of a text with nothing unusual in it; NULL when the library has to look at it. */
struct jv;
struct jv *json_parse_plain(const char *text, size_t len);

#endif
