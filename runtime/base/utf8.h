/* UTF-8 as RFC 3629 has it: no overlong forms, no surrogates, nothing above U+10FFFF. */
#ifndef NEMETON_BASE_UTF8_H
#define NEMETON_BASE_UTF8_H

#include "base/buf.h"

/* Bytes of the character at the start of the text (1-4); 0 when it is not valid or len is 0. */
size_t utf8_step(const char *text, size_t len);
bool utf8_valid(const char *text, size_t len);
/* Appends the text with each byte that is not part of a character replaced by U+FFFD. */
int utf8_add_valid(struct buf *out, const char *text, size_t len);
/* The same, and what a terminal would act on is spelled out: "\\n", "\\u001b". */
int utf8_add_visible(struct buf *out, const char *text, size_t len);
/* The longest prefix of at most `max` bytes that does not end inside a character. */
size_t utf8_cut(const char *text, size_t len, size_t max);

#endif
