/* Server-side apply and the bookkeeping of field managers (metadata.managedFields). */
#ifndef NEMETON_SANDBOX_PATCH_APPLY_H
#define NEMETON_SANDBOX_PATCH_APPLY_H

#include "sandbox/request.h"

/* The apply patch of `request` (manager, force) on the live object (NULL: it does not exist yet).
 * live and applied are in the shape of the request's version. *out: the merged object with its new
 * managedFields, yours; it shares with live and applied, so be done with those before you change it. Refuses with 409 and one FieldManagerConflict cause per field. */
int patch_apply(struct request *request, const struct jv *live, const struct jv *applied,
                struct jv **out, struct refusal *refusal);

/* PATCH with application/apply-patch+yaml, from the body to the answer. */
int verb_apply(struct request *request, struct refusal *refusal);

/* Every other write, once defaults are set and before the server fills in what is its own: gives the fields that changed to the request's manager (operation Update) and
 * takes them from the others. before NULL on create. Changes after->metadata.managedFields only. */
void managed_track(struct request *request, const struct jv *before, struct jv *after);

#endif
