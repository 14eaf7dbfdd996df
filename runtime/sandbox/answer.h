/* Answers: objects, lists, Status, in the form that was asked for. Each ends the exchange. */
#ifndef NEMETON_SANDBOX_ANSWER_H
#define NEMETON_SANDBOX_ANSWER_H

#include "sandbox/request.h"

void answer_json(struct request *request, int code, const struct jv *value);
void answer_bytes(struct request *request, int code, const char *type, const char *data,
                  size_t len);
void answer_stored(struct request *request, int code, const struct stored *stored);
void answer_refusal(struct request *request, const struct refusal *refusal);
void answer_success(struct request *request, const struct kind *kind, const char *name,
                    const char *uid);
/* Without a request: authentication, unknown paths. */
void answer_text(struct exchange *exchange, int code, const char *text);

/* Appends the object as the request wants to see it; in_list: built-in items have no kind. */
void answer_print(const struct request *request, const struct stored *stored, bool in_list,
                  struct buf *out);
/* {"kind":…,"apiVersion":…,"metadata":…}: what PartialObjectMetadata shows. Yours. */
struct jv *answer_partial(const struct request *request, const struct stored *stored);

#endif
