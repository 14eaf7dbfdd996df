/* One apply or one update, as its managers are worked out. */
#ifndef NEMETON_SANDBOX_PATCH_APPLY_INTERNAL_H
#define NEMETON_SANDBOX_PATCH_APPLY_INTERNAL_H

#include "sandbox/managed.h"
#include "sandbox/patch_apply.h"
#include "sandbox/typed.h"

#define LAST_APPLIED "kubectl.kubernetes.io/last-applied-configuration"

struct apply {
    struct request *request;
    const struct kind *kind;
    const struct kind_version *version;
    struct shape shape;
    struct managed managed;
    struct manager *self; /* NULL until it is known */
    const struct jv *live;
    bool same; /* the object did not change, as far as this endpoint writes it */
    char api_version[KIND_TEXT_BYTES];
    char now[TIME_TEXT_BYTES];
};

/* Objects are looked at in the request's shape. */
void apply_init(struct apply *apply, struct request *request);
/* The object without managedFields, which do not compare; shares all else. Yours. */
struct jv *apply_bare(const struct jv *object);
/* An object of this kind with nothing in it, as the real server's decoder makes it. Yours. */
struct jv *apply_empty_object(const struct apply *apply);
void apply_compare(const struct apply *apply, const struct jv *before, const struct jv *after,
                   struct comparison *out);
/* Both take the fields over and give others. */
struct jv *apply_strip(struct jv *fields); /* what nobody ever manages */
struct jv *apply_without_reset(const struct request *request, struct jv *fields);
/* Before an update or an apply is worked out: the managers as far as they can be kept. */
void apply_reconcile(struct apply *apply);
/* Everybody but `self` (NULL: all) loses what was changed or removed. */
void apply_take_from_others(struct apply *apply, const struct manager *self,
                            const struct comparison *changes);
/* Gives what an update changed to an updater of this name. */
void apply_track(struct apply *apply, const char *name, const char *subresource,
                 const struct jv *before, const struct jv *after);
/* The new managedFields of `after`; the old ones when nothing but times would change. before and
 * after are bare. NULL: none. Yours. */
struct jv *apply_entries(struct apply *apply, const struct jv *old, const struct jv *before,
                         const struct jv *after);

/* What others manage and this would change: {identity: fields}. Yours. */
struct jv *apply_find_conflicts(const struct apply *apply, const struct comparison *changes);
int apply_refuse_conflicts(struct apply *apply, const struct jv *conflicts,
                           struct refusal *refusal);

#endif
