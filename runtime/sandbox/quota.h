/* Admission by ResourceQuota: what a namespace may hold, counted live (there is no quota controller). */
#ifndef NEMETON_SANDBOX_QUOTA_H
#define NEMETON_SANDBOX_QUOTA_H

#include "sandbox/request.h"

/* Before a create is committed. */
int quota_admit(struct request *request, const struct jv *object, struct refusal *refusal);

#endif
