/* Objects with one global revision, their history, and snapshots of the past.
 *
 * An object is kept as bytes: its JSON without apiVersion and kind (which depend on how it is asked
 * for), printed with sorted keys, so equal objects are equal bytes. Versions are reference-counted
 * and immutable. The history remembers the last changes (bounded in number and bytes) for watches
 * and for lists "as of" a revision; what is older is compacted.
 */
#ifndef NEMETON_SANDBOX_STORAGE_H
#define NEMETON_SANDBOX_STORAGE_H

#include "sandbox/kinds.h"

struct stored {
    unsigned refs;
    const struct kind *kind; /* where it is at home */
    char *key;               /* "namespace/name" or "name" */
    const char *name;        /* inside key */
    uint64_t revision;
    int64_t at_ms; /* when it was written */
    char *body;
    size_t body_len;
    struct jv *labels; /* NULL when there are none */
    bool unsettled;    /* the next write is one even if it changes nothing (request.h) */
};

struct stored *stored_ref(struct stored *stored);
void stored_unref(struct stored *stored);
struct jv *stored_parse(const struct stored *stored); /* whole, in the storage version; yours */
/* A version that is not in the storage (dry run); takes nothing over. */
struct stored *stored_new(const struct kind *kind, const struct jv *object, uint64_t revision);
bool stored_in_namespace(const struct stored *stored, const char *namespace);
/* The namespace as text in out ("" for cluster kinds). */
const char *stored_namespace(const struct stored *stored, char *out, size_t size);

enum change_type { CHANGE_ADDED, CHANGE_MODIFIED, CHANGE_DELETED };
struct change {
    uint64_t revision;
    enum change_type type;
    int64_t at_ms;
    struct stored *before; /* NULL when added */
    struct stored *after;  /* DELETED: the last state with the revision of the deletion */
};

struct storage;
struct storage_options {
    size_t history_max, history_bytes_max, objects_max;
    void (*on_change)(void *arg, const struct change *change);
    void *arg;
};
struct storage *storage_new(const struct storage_options *options);
void storage_free(struct storage *storage);
uint64_t storage_revision(const struct storage *storage);
size_t storage_count(const struct storage *storage);
bool storage_is_full(const struct storage *storage);

const char *storage_key(char *out, size_t size, const char *namespace, const char *name);
struct stored *storage_get(const struct kind *kind, const char *key); /* lent */
/* Writes; sets metadata.resourceVersion in the object. Returns the version, lent; NULL, with nothing
 * written, when it would be larger than bytes_max (0: no limit). */
struct stored *storage_put(struct storage *storage, struct kind *kind, struct jv *object,
                           size_t bytes_max, int64_t now_ms);
void storage_remove(struct storage *storage, struct kind *kind, struct jv *object, int64_t now_ms);

/* The oldest revision a watch or snapshot may start from. */
uint64_t storage_compacted(const struct storage *storage);
void storage_compact(struct storage *storage);
/* The index-th kept change, 0 the oldest; NULL behind the newest. */
const struct change *storage_change(const struct storage *storage, uint64_t sequence);
uint64_t storage_sequence_end(const struct storage *storage);   /* of the next change */
uint64_t storage_sequence_begin(const struct storage *storage); /* of the oldest kept one */
uint64_t storage_sequence_after(const struct storage *storage, uint64_t revision);

/* Walks a kind in key order, as it was at a revision (0 or the current one: now; the revision must
 * not be compacted). namespace NULL: all. after NULL: from the start. The callback returns false to
 * stop and must not write. */
typedef bool (*storage_fn)(void *arg, struct stored *stored);
void storage_each(const struct storage *storage, const struct kind *kind, const char *namespace,
                  const char *after, uint64_t revision, storage_fn fn, void *arg);

#endif
