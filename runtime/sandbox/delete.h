/* Deletion: preconditions, grace, finalizers, propagation. */
#ifndef NEMETON_SANDBOX_DELETE_H
#define NEMETON_SANDBOX_DELETE_H

#include "sandbox/request.h"

enum propagation {
    PROPAGATE_DEFAULT,
    PROPAGATE_BACKGROUND,
    PROPAGATE_FOREGROUND,
    PROPAGATE_ORPHAN,
};

struct delete_options {
    const char *uid, *resource_version; /* preconditions; NULL = none */
    enum propagation propagation;
    int64_t grace_s; /* -1 = not given */
    bool accepted;   /* orphanDependents: false was given */
    struct jv *body; /* owned: what the strings point into */
};

int verb_delete(struct request *request, struct refusal *refusal);
int verb_delete_collection(struct request *request, struct refusal *refusal);

int delete_options_parse(struct request *request, struct delete_options *options,
                         struct refusal *refusal);
/* Options in the body of something else (an Eviction); lent. */
void delete_options_of(const struct jv *body, struct delete_options *options);
/* *out: the object as it is now, or as it was last; NULL where a dry run has nothing to tell, because only
 * the collector's finalizers held it. *gone: it was removed. */
int delete_one(struct request *request, const char *name, const struct delete_options *options,
               struct stored **out, bool *gone, struct refusal *refusal);

#endif
