/* Sets of field paths, in the form that metadata.managedFields has them (fieldsV1).
 *
 * A set is a JSON object whose keys are steps: "f:NAME" a member, "k:{…}" a list item by its keys,
 * "v:…" an item of a set by its value. The value of a step is its node: `{}` or one with "." is in
 * the set itself, its other keys are what is in the set below it. Sets are immutable and share
 * subtrees; every function gives a new reference.
 */
#ifndef NEMETON_SANDBOX_FIELDSET_H
#define NEMETON_SANDBOX_FIELDSET_H

#include "base/json.h"

bool fieldset_is_empty(const struct jv *set); /* true for NULL */
bool fieldset_is_member(const struct jv *node);
bool fieldset_has_below(const struct jv *node); /* steps other than "." */
struct jv *fieldset_union(const struct jv *a, const struct jv *b);
struct jv *fieldset_intersection(const struct jv *a, const struct jv *b);
struct jv *fieldset_difference(const struct jv *a, const struct jv *b);
/* Takes also all that is below a member of b. */
struct jv *fieldset_without(const struct jv *a, const struct jv *b);

/* Builds: adds the step to `set` when it is a member or has something below. below may be NULL and is
 * taken over. `set` must be yours alone. */
void fieldset_add(struct jv *set, const char *step, bool member, struct jv *below);

/* The step of a member, "f:NAME", without an allocation for names of usual length. */
struct field_step {
    char text[128];
    char *heap;
};
const char *field_step(struct field_step *step, const char *name);
void field_step_deinit(struct field_step *step);

/* "f:spec" → ".spec", "k:{"name":"x"}" → "[name="x"]", "v:1" → "[=1]". */
void fieldset_step_text(const char *step, struct buf *out);
/* Every member, in the order of the real server. */
void fieldset_each(const struct jv *set, void (*fn)(void *arg, const char *path), void *arg);

#endif
