/* The table of built-in kinds, read once by kinds_new. */
#ifndef NEMETON_SANDBOX_KINDS_INTERNAL_H
#define NEMETON_SANDBOX_KINDS_INTERNAL_H

#include "sandbox/kinds.h"

struct builtin {
    const char *group, *version, *kind, *plural, *singular;
    const char *short_names, *categories; /* separated by commas; "" for none */
    const char *type;                     /* in the type table */
    unsigned flags;
    const struct strategy *strategy;
    const char *home_group; /* same plural in that group; NULL: at home here */
};

extern const struct builtin kinds_builtin[];
extern const size_t kinds_builtin_count;

#endif
