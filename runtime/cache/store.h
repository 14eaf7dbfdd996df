/* The objects of one kind, packed, with indexes.
 *
 * An item is the printed JSON of an object, compressed against its siblings (see pack.h), plus the
 * few fields that are asked for all the time; store_item_parse gives the object back. Items are
 * reference-counted and immutable but for the memo: a change makes a new item, so whoever holds one
 * keeps a consistent snapshot (also beyond the store). The store refuses an older resourceVersion of the
 * same uid. Own writes are put as well (store_observe of the server's answer), which makes reads see
 * them at once; a delete of ours leaves a tombstone (uid) until the watch confirms, so that the
 * object does not come back.
 */
#ifndef NEMETON_CACHE_STORE_H
#define NEMETON_CACHE_STORE_H

#include "base/json.h"
#include "base/selector.h" /* selectors live in base: the sandbox needs them too */

struct pack_dictionary;
struct slab;
struct store_item { /* one allocation; strings point into it */
    const char *namespace, *name, *uid, *resource_version; /* never NULL; "" where there is none */
    const char *owner_uid;                                 /* controller owner, or NULL */
    const char *owner_kind, *owner_name;
    int64_t generation;
    bool deleting; /* has a deletionTimestamp */
    uint64_t memo; /* what a reader wants to find again at this very version; begins as 0 */
    /* the store's own: */
    unsigned refs;
    uint64_t mark; /* when it was last seen in a full state */
    struct pack_dictionary *dictionary;
    struct slab *slab; /* where it lives */
    const unsigned char *packed;
    uint32_t packed_len, json_len, bytes;
};

struct store;
struct store_options {
    uint64_t hash_seed;
    /* Paths to keep ("spec.replicas", "status", "metadata.annotations"); NULL = everything.
     * apiVersion, kind and metadata without its annotations are always kept. Copied. */
    const char *const *fields;
    size_t field_count;
    size_t bytes_max;  /* of all items; 0 = no limit */
    struct slab *slab; /* where they live; NULL = one of its own */
};

enum store_change {
    STORE_SAME, /* nothing that is kept differs (a newer resourceVersion is noted) */
    STORE_ADDED,
    STORE_CHANGED,
    STORE_REMOVED,
    STORE_OLD,    /* refused: older than what is here, or known to be deleted */
    STORE_FAILED, /* not an object with a name, or bytes_max would be passed: see err */
};

struct store *store_new(const struct store_options *options);
void store_free(struct store *store);
/* An object of a list or a watch. When an object of the same name but another uid was there, that
 * one is removed: STORE_ADDED then (compare with store_get before). */
enum store_change store_put(struct store *store, const struct jv *object, struct err *err);
/* The answer to a write of our own: the same, but it does not count as listed (see store_sweep). */
enum store_change store_observe(struct store *store, const struct jv *object, struct err *err);
/* True when the object is here in exactly this version; it counts as put then. */
bool store_touch(struct store *store, const char *uid, const char *resource_version);
enum store_change store_remove(struct store *store, const char *namespace, const char *name,
                               const char *uid); /* uid NULL: any */
/* After a delete of ours was answered with "gone": refuses this uid until the watch has confirmed or
 * two full states still have it. Does not remove the item. */
void store_tombstone(struct store *store, const char *uid);

struct store_item *store_get(const struct store *store, const char *namespace, const char *name);
struct store_item *store_by_uid(const struct store *store, const char *uid);
/* All / of a namespace / of a controller owner, ordered by namespace then name. The callback may
 * ref items but not change the store; it returns false to stop. */
typedef bool (*store_fn)(void *arg, struct store_item *item);
void store_each(const struct store *store, const char *namespace, store_fn fn, void *arg);
void store_each_owned(const struct store *store, const char *owner_uid, store_fn fn, void *arg);
size_t store_count(const struct store *store);
size_t store_bytes(const struct store *store);

/* Relist: begin, puts, then sweep(rv) removes what was neither put since begin nor is newer than rv;
 * fn is told of each removed item before it is released. */
void store_begin(struct store *store);
void store_sweep(struct store *store, const char *resource_version, store_fn removed, void *arg);
/* The server's history went back: until the next sweep every resourceVersion is accepted, and that
 * sweep removes whatever was not put, however new. */
void store_reset(struct store *store);

struct store_item *store_item_ref(struct store_item *item);
void store_item_unref(struct store_item *item);
struct jv *store_item_parse(const struct store_item *item); /* yours; NULL never for stored items */

#endif
