#ifndef NEMETON_SANDBOX_SCHEMA_INTERNAL_H
#define NEMETON_SANDBOX_SCHEMA_INTERNAL_H

#include "sandbox/schema.h"

enum { SCHEMA_UNKNOWN_MAX = 64 };

/* A node is the JSON of its schema: read in place, never changed. */
struct schema {
    struct jv *root;
};

void schema_path_cut(struct buf *path, size_t len);

#endif
