/* A world's objects: those of files go in, and whether what the operator looks after is ready. */
#ifndef NEMETON_CLI_WORLD_READY_H
#define NEMETON_CLI_WORLD_READY_H

#include "cli/files.h"
#include "cli/world.h"

/* Loads all objects as `kubectl apply` does: CRDs first, then namespaces, then the rest as they come. Errors name
 * the file and the place. */
int world_load_files(struct world *world, const struct object_files *files, struct err *err);

#define WORLD_NO_PRIMARIES "there is nothing that the operator looks after"

/* Does this operator lead, does it have primaries, and does each say Ready of its present generation?
 * waits gets what is missing, in words. Only those that `counts` says true of; NULL: all. */
bool world_is_ready(struct world *world, size_t index,
                    bool (*counts)(void *arg, const struct jv *object), void *arg,
                    struct buf *waits);

#endif
