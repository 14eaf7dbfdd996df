/* Access reviews: in the sandbox whoever holds the token may do everything. */
#ifndef NEMETON_SANDBOX_REVIEW_H
#define NEMETON_SANDBOX_REVIEW_H

#include "sandbox/request.h"

int review_handle(struct request *request, struct refusal *refusal);

#endif
