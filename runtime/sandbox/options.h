/* What the query says besides selectors: options of reads and writes, judged as the real server does. */
#ifndef NEMETON_SANDBOX_OPTIONS_H
#define NEMETON_SANDBOX_OPTIONS_H

#include "sandbox/request.h"

/* dryRun, fieldValidation, fieldManager: fills the request. */
int options_of_write(struct request *request, struct refusal *refusal);
/* resourceVersion, resourceVersionMatch, sendInitialEvents, continue, of list and watch. */
int options_of_list(const struct request *request, struct refusal *refusal);
/* 422 of an options object ("ListOptions"); call it only when there is an error. */
int refuse_options(struct refusal *refusal, const char *kind, const struct field_errors *errors);

#endif
