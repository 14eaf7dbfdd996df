/* Words of others (a server, a policy, a file) on a terminal: what it would act on is spelled out. */
#ifndef NEMETON_CLI_VISIBLE_H
#define NEMETON_CLI_VISIBLE_H

#include "base/json.h"

#include <stdio.h>

void visible_print(FILE *out, const char *text);
/* The value with all its texts so. Yours. */
struct jv *visible_copy(const struct jv *value);

#endif
