/* The four kinds of patch. Each gives a new value and leaves its arguments as they are. */
#ifndef NEMETON_SANDBOX_PATCH_H
#define NEMETON_SANDBOX_PATCH_H

#include "sandbox/refusal.h"
#include "sandbox/types.h"

enum { PATCH_OPERATIONS_MAX = 10000 };

/* RFC 6902: all operations or none. */
int patch_json(const struct jv *target, const struct jv *patch, struct jv **out,
               struct refusal *refusal);
struct jv *patch_merge(const struct jv *target, const struct jv *patch); /* RFC 7396 */
/* Merge keys, $patch, $retainKeys, $setElementOrder, $deleteFromPrimitiveList. */
int patch_strategic(const struct type *type, const struct jv *target, const struct jv *patch,
                    struct jv **out, struct refusal *refusal);

#endif
