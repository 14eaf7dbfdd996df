/* RFC 3339 times in the form a server gives them back in: UTC, whole seconds or microseconds. */
#ifndef NEMETON_SANDBOX_TIMESTAMP_H
#define NEMETON_SANDBOX_TIMESTAMP_H

#include "base/err.h"

#include <stdbool.h>

enum { TIMESTAMP_TEXT_BYTES = 40 };

/* False when the text is no time. */
bool timestamp_canonical(const char *text, bool micros, char out[TIMESTAMP_TEXT_BYTES]);
/* What is wrong with a text that is none, in the words of the real server, whose parser is Go's. */
void timestamp_problem(const char *text, bool micros, struct err *err);

#endif
