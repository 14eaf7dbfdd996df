/* Subresources with a shape or a meaning of their own. */
#ifndef NEMETON_SANDBOX_SUBRESOURCE_H
#define NEMETON_SANDBOX_SUBRESOURCE_H

#include "sandbox/request.h"

/* Does request->subresource of the kind exist? */
bool subresource_exists(const struct request *request);
/* scale, log, eviction, binding, finalize: answers or refuses. status is in verbs.c. */
int subresource_handle(struct request *request, struct refusal *refusal);

/* The autoscaling/v1 Scale of an object, yours; and back into the object. */
struct jv *scale_of(const struct request *request, const struct jv *object);
int scale_into(const struct request *request, const struct jv *scale, struct jv *object,
               struct refusal *refusal);

#endif
