/* Objects in the protobuf encoding that typed clients of recent releases send (`kubectl create ns`).
 *
 * Only reading, and only built-in types: their field numbers are in the type table. Answers are
 * always JSON. What is not understood is refused, never guessed.
 */
#ifndef NEMETON_SANDBOX_PROTOBUF_H
#define NEMETON_SANDBOX_PROTOBUF_H

#include "sandbox/types.h"

enum { PROTOBUF_DEPTH_MAX = 64 };

/* The envelope ("k8s\0", apiVersion, kind) and the object in it. *out is yours. */
int protobuf_parse(const struct types *types, const char *data, size_t len, struct jv **out,
                   struct err *err);

#endif
