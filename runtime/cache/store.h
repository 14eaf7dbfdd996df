/* The objects of one kind, as bytes, with indexes.
 *
 * An item is the printed JSON of an object plus the few fields that are asked for all the time.
 * Items are reference-counted and immutable: a change makes a new item, so whoever holds one keeps a
 * consistent snapshot. The store refuses an older resourceVersion of the same uid. Own writes are
 * put as well (store_put of the server's answer), which makes reads see them at once; a delete of
 * ours leaves a tombstone (uid) until the watch confirms, so that the object does not come back.
 */
#ifndef NEMETON_CACHE_STORE_H
#define NEMETON_CACHE_STORE_H

#include "base/json.h"
#include "base/selector.h" /* selectors live in base: the sandbox needs them too */

struct store_item {
    unsigned refs;
    char *namespace, *name, *uid, *resource_version;
    char *owner_uid;  /* controller owner, or NULL */
    char *owner_kind, *owner_name;
    char *json;       /* NUL-terminated */
    size_t json_len;
    int64_t generation;
    bool deleting;    /* has a deletionTimestamp */
    uint64_t mark;    /* sweep generation, the store's own */
};

struct store;
struct store_options {
    uint64_t hash_seed;
    /* Paths to keep ("spec.replicas", "status", "metadata.labels"); NULL = everything. Identity
     * (apiVersion, kind, namespace, name, uid, resourceVersion, generation, ownerReferences,
     * deletionTimestamp) is always kept. */
    const char *const *fields;
    size_t field_count;
    size_t bytes_max; /* 0 = no limit */
};

enum store_change { STORE_SAME, STORE_ADDED, STORE_CHANGED, STORE_REMOVED, STORE_OLD };

struct store *store_new(const struct store_options *options);
void store_free(struct store *store);
enum store_change store_put(struct store *store, const struct jv *object, struct err *err);
enum store_change store_remove(struct store *store, const char *namespace, const char *name,
                               const char *uid); /* uid NULL: any */
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

struct store_item *store_item_ref(struct store_item *item);
void store_item_unref(struct store_item *item);
struct jv *store_item_parse(const struct store_item *item); /* yours; NULL never for stored items */

#endif
