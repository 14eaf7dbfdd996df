/* GET of one object, LIST of many. */
#ifndef NEMETON_SANDBOX_READ_H
#define NEMETON_SANDBOX_READ_H

#include "sandbox/request.h"

int verb_get(struct request *request, struct refusal *refusal);
int verb_list(struct request *request, struct refusal *refusal);

/* A resourceVersion parameter: *out 0 when absent or "0". Refuses what is no number. */
int read_revision(const struct request *request, uint64_t *out, struct refusal *refusal);
int refuse_too_large_revision(struct refusal *refusal, uint64_t wanted, uint64_t current);

#endif
