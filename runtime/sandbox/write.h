/* Creates and updates: the way of an object from a request into the storage.
 *
 * create: decode → defaults → admission (namespace) → metadata → strategy → validation → commit.
 * update: the same against the object that is there, keeping what clients may not change.
 * Both take over the object and give the version that is now stored (or would be, with dry run).
 */
#ifndef NEMETON_SANDBOX_WRITE_H
#define NEMETON_SANDBOX_WRITE_H

#include "sandbox/request.h"

enum write_part { WRITE_MAIN, WRITE_STATUS, WRITE_SCALE, WRITE_FINALIZE, WRITE_INTERNAL };

/* object: storage shape, decoded. *out is yours to unref. */
int write_create(struct request *request, struct jv *object, struct stored **out,
                 struct refusal *refusal);
int write_update(struct request *request, const struct jv *before, struct jv *after,
                 enum write_part part, struct stored **out, struct refusal *refusal);

/* The verbs. Subresources of other shapes are in subresource.h. */
int verb_create(struct request *request, struct refusal *refusal);
int verb_update(struct request *request, struct refusal *refusal);
int verb_patch(struct request *request, struct refusal *refusal);
/* The patch in the body on any value; type NULL: no strategic merge. *out is yours. */
int verb_patch_value(struct request *request, const struct type *type, const struct jv *live,
                     struct jv **out, struct refusal *refusal);

/* From the request's shape to the storage's: checks apiVersion and kind against the request, drops what the kind does not know (with
 * the warnings or the refusal that fieldValidation asks for), brings zero values to their form. */
int write_decode(struct request *request, struct jv **object, struct refusal *refusal);

/* Commits that skip validation: deletion marks, budgets. before may be NULL. The version is yours. */
struct stored *write_commit(struct request *request, struct kind *kind, const struct jv *before,
                            struct jv *after);
void write_commit_delete(struct request *request, struct kind *kind, const struct jv *before,
                         struct jv *last);

/* Finds the object or refuses with 404; a fresh parse, yours. */
/* Refuses what is no resourceVersion; NULL is fine. */
int write_check_revision(const char *text, struct refusal *refusal);
int write_load(struct request *request, const char *name, struct jv **out, struct refusal *refusal);

#endif
