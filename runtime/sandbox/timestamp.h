/* RFC 3339 times in the form a server gives them back in: UTC, whole seconds or microseconds. */
#ifndef NEMETON_SANDBOX_TIMESTAMP_H
#define NEMETON_SANDBOX_TIMESTAMP_H

#include <stdbool.h>

enum { TIMESTAMP_TEXT_BYTES = 40 };

/* False when the text is no time. */
bool timestamp_canonical(const char *text, bool micros, char out[TIMESTAMP_TEXT_BYTES]);

#endif
