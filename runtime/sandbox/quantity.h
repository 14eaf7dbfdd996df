/* Quantities ("500m", "1.5Gi", "1e3"): their value and the form a server gives them back in. */
#ifndef NEMETON_SANDBOX_QUANTITY_H
#define NEMETON_SANDBOX_QUANTITY_H

#include <stdbool.h>
#include <stddef.h>

enum { QUANTITY_TEXT_BYTES = 64 };

/* False when the text is no quantity. Precision beyond nano is rounded up. */
bool quantity_parse(const char *text, __int128 *nano);
/* Writes the canonical form; false when the text is no quantity. Values beyond what fits are copied. */
bool quantity_canonical(const char *text, char out[QUANTITY_TEXT_BYTES]);

#endif
