/* Objects with the shape of their kind: what server-side apply does with them.
 *
 * The rules are those of the real server's structured merge: structs and granular maps merge by
 * name, associative lists by key, sets by value, all else is taken whole.
 */
#ifndef NEMETON_SANDBOX_TYPED_H
#define NEMETON_SANDBOX_TYPED_H

#include "sandbox/fieldset.h"
#include "sandbox/shape.h"

/* Is the object what the shape allows? -1 and a text that names the paths. */
int typed_validate(const struct shape *shape, const struct jv *object, struct err *err);
/* The fields that an object has (applied by whoever sent it). */
struct jv *typed_fields(const struct shape *shape, const struct jv *object);

struct comparison {
    struct jv *removed, *modified, *added; /* field sets, owned */
};
void typed_compare(const struct shape *shape, const struct jv *before, const struct jv *after,
                   struct comparison *out);
void comparison_deinit(struct comparison *comparison);

/* The live object with what is applied put over it. -1: an item of a list has no key, or twice. */
int typed_merge(const struct shape *shape, const struct jv *live, const struct jv *applied,
                struct jv **out, struct err *err);
struct jv *typed_remove(const struct shape *shape, const struct jv *object,
                        const struct jv *fields);

/* Fields of structs that have something below them in the set, as members of it. */
struct jv *typed_name_structs(const struct shape *shape, const struct jv *set);
/* A set made under another schema: what is atomic now is owned whole. */
struct jv *typed_reconcile(const struct shape *shape, const struct jv *set);

#endif
