/* Where something stands in a JSON text; for the error messages of jv_parse. */
#ifndef NEMETON_BASE_JSON_INTERNAL_H
#define NEMETON_BASE_JSON_INTERNAL_H

#include "base/buf.h"

struct json_place {
    size_t line, column; /* from 1; columns count bytes */
    struct buf path;     /* deinit by the caller; empty at the root */
};

/* Position of the first bracket that opens a level deeper than `depth_max`; SIZE_MAX when none. */
size_t json_too_deep(const char *text, size_t len, size_t depth_max);
/* Finds line, column and path of the byte at `position` in a text that is good up to there. */
void json_locate(const char *text, size_t len, size_t position, struct json_place *place);

#endif
