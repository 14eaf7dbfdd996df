/* Every write of an object, and single reads: one path for all of them.
 *
 * Server-side apply with one field manager and force, merge and JSON patch, create, delete with
 * preconditions, status patches, live GET. Whether a write is needed is decided here as well:
 * apply_differs compares only what we send with what is live. Deletes and scale-downs are *asked*
 * for through control/gate; nothing else calls write_delete.
 */
#ifndef NEMETON_KUBE_APPLY_H
#define NEMETON_KUBE_APPLY_H

#include "kube/discovery.h"

/* Hash of what was last sent, kept on the object: an omitted field shows up as another hash. */
#define APPLY_ANNOTATION "nemeton.dev/applied"
#define APPLY_FIELD_MANAGER "nemeton"

enum write_verb {
    WRITE_GET,
    WRITE_LIST, /* name NULL; selector in label_selector */
    WRITE_CREATE,
    WRITE_APPLY, /* server-side apply, force */
    WRITE_PATCH_MERGE,
    WRITE_PATCH_JSON,
    WRITE_UPDATE, /* PUT with the resourceVersion in the object */
    WRITE_DELETE,
};
struct write_request {
    enum write_verb verb;
    const struct kube_kind *kind;
    const char *namespace, *name, *subresource;
    const char *label_selector, *field_selector;
    int64_t limit;              /* WRITE_LIST: of one page; 0 = all at once */
    const char *continue_token; /* WRITE_LIST: of the page before; NULL: the first */
    const struct jv *body;      /* object or patch */
    const char *field_manager;  /* NULL = APPLY_FIELD_MANAGER */
    bool dry_run;
    bool no_force; /* WRITE_APPLY: 409 rather than fields taken from other managers */
    /* WRITE_DELETE only: */
    const char *uid, *resource_version, *propagation; /* uid is required */
    int64_t grace_period_s;                           /* -1 = the server's default */
};
/* NULL, and fn is not called, for what cannot be sent: a name or namespace that is missing or no
 * path segment, a write without a body, a delete without a uid. Namespace and name default to those
 * of the body. propagation NULL: Background. */
struct rest_call *write_start(struct rest *rest, const struct write_request *request, rest_fn fn,
                              void *arg);

/* The annotation value for an object about to be applied: SHA-256 (first 32 hex digits) of its
 * sorted JSON without APPLY_ANNOTATION and metadata.uid. */
void apply_hash(const struct jv *object, char out[33]);
/* True when applying `wanted` (which carries its APPLY_ANNOTATION) would change `live`: another
 * hash, or a field we send whose live value differs. What live has besides is others' or a default.
 * - Lists of objects match by the key the built-in types declare (name, containerPort+protocol,
 *   mountPath, uid of owners, …) in any order; all other lists are atomic: same length, same order;
 *   finalizers are a set.
 * - Quantities compare by value, but only where the API has quantities (below requests, limits,
 *   capacity, …; sizeLimit, divisor): a ConfigMap's "1024Mi" is a text.
 * - For built-in kinds a zero value ("", 0, false, {}, []) that we send and live lacks is equal,
 *   unless the field is one where absent means something else than zero (a pointer in Go).
 * - status, the server's own metadata, and null values are not compared; stringData of a Secret is
 *   compared with its data.
 * `path` (may be NULL) gets the first difference for logs and people; never a value. */
bool apply_differs(const struct jv *wanted, const struct jv *live, struct buf *path);
/* Keys that live has and wanted lacks under the map at path ("data", "spec.selector"): a merge patch
 * that removes them, or NULL when there are none. For maps that are ours whole. */
struct jv *apply_prune_patch(const struct jv *wanted, const struct jv *live,
                             const char *const *paths, size_t count);
/* RFC 7396 patch that turns `from` into `to`; NULL when equal. */
struct jv *merge_patch_diff(const struct jv *from, const struct jv *to);
struct jv *merge_patch_apply(const struct jv *target, const struct jv *patch); /* new value */

#endif
