#include "base/slab.h"
#include "cache/index.h"
#include "cache/item.h"
#include "kube/discovery.h"

#include <stdlib.h>
#include <string.h>

enum { TOMBSTONES_MAX = 1024, SCRATCH_KEEP = 64 << 10 };

struct tombstone {
    char *uid;
    unsigned seen; /* full states that still had the object */
    uint64_t seen_mark, made_mark;
};

struct store {
    struct index by_name, by_uid, by_owner;
    char **fields;
    size_t field_count;
    bool cut;
    size_t bytes, bytes_max;
    uint64_t mark;
    bool any_version; /* see store_reset */
    struct tombstone *tombstones;
    size_t tombstone_count, tombstone_cap;
    struct pack_dictionary *dictionary;
    struct slab *slab;
    struct buf text, packed;
};

static int compare_name(const struct store_item *a, const struct store_item *b)
{
    int order = strcmp(a->namespace, b->namespace);

    return order != 0 ? order : strcmp(a->name, b->name);
}

static int compare_uid(const struct store_item *a, const struct store_item *b)
{
    return strcmp(a->uid, b->uid);
}

static int compare_owner(const struct store_item *a, const struct store_item *b)
{
    int order = strcmp(a->owner_uid, b->owner_uid);

    return order != 0 ? order : compare_name(a, b);
}

static struct tombstone *tombstone_find(struct store *store, const char *uid)
{
    for (size_t i = 0; i < store->tombstone_count; i++) {
        if (strcmp(store->tombstones[i].uid, uid) == 0)
            return &store->tombstones[i];
    }
    return NULL;
}

static void tombstone_drop(struct store *store, struct tombstone *tombstone)
{
    size_t at = (size_t)(tombstone - store->tombstones);

    free(tombstone->uid);
    store->tombstone_count--;
    memmove(tombstone, tombstone + 1, (store->tombstone_count - at) * sizeof(*tombstone));
}

static void item_link(struct store *store, struct store_item *item)
{
    index_insert(&store->by_name, item);
    if (item->uid[0] != '\0')
        index_insert(&store->by_uid, item);
    if (item->owner_uid != NULL)
        index_insert(&store->by_owner, item);
    store->bytes += item->bytes;
}

static void item_unlink(struct store *store, struct store_item *item)
{
    index_remove(&store->by_name, item);
    if (item->uid[0] != '\0')
        index_remove(&store->by_uid, item);
    if (item->owner_uid != NULL)
        index_remove(&store->by_owner, item);
    store->bytes -= item->bytes;
}

/* The answer when what came must not replace `old`; STORE_CHANGED when it may. */
static enum store_change judge(const struct store *store, const struct store_item *old,
                               const struct store_item *probe, bool same_uid)
{
    bool comparable = false;
    int order;

    if (store->any_version && old->mark != store->mark)
        return STORE_CHANGED;
    if (same_uid && strcmp(probe->resource_version, old->resource_version) == 0 &&
        probe->resource_version[0] != '\0')
        return STORE_SAME;
    order = kube_rv_compare(probe->resource_version, old->resource_version, &comparable);
    return comparable && order < 0 ? STORE_OLD : STORE_CHANGED;
}

static void scratch_trim(struct buf *buf)
{
    if (buf->cap <= SCRATCH_KEEP)
        return;
    buf_deinit(buf);
    buf_init(buf, PACK_TEXT_MAX);
}

static struct store_item *make(struct store *store, const struct store_item *probe,
                               const struct jv *object, struct err *err)
{
    struct jv *cut = store->cut
                         ? item_cut(object, (const char *const *)store->fields, store->field_count)
                         : NULL;
    struct store_item *item = item_new(probe, cut != NULL ? cut : object, store->dictionary,
                                       store->slab, &store->text, &store->packed, err);

    jv_unref(cut);
    return item;
}

static enum store_change put(struct store *store, const struct jv *object, bool listed,
                             struct err *err)
{
    struct store_item probe, *old, *item;
    struct tombstone *tombstone;
    enum store_change change = STORE_ADDED;
    size_t freed;
    bool same_uid;

    if (item_identify(object, &probe, err) != 0)
        return STORE_FAILED;
    tombstone = tombstone_find(store, probe.uid);
    if (tombstone != NULL) {
        tombstone->seen += listed && tombstone->seen_mark != store->mark;
        tombstone->seen_mark = store->mark;
        return STORE_OLD;
    }
    old = index_get(&store->by_name, &probe);
    same_uid = old != NULL && strcmp(old->uid, probe.uid) == 0;
    if (old != NULL)
        change = judge(store, old, &probe, same_uid);
    if (same_uid && listed && change != STORE_CHANGED)
        old->mark = store->mark;
    if (old != NULL && change != STORE_CHANGED)
        return change;
    item = make(store, &probe, object, err);
    if (item == NULL)
        return STORE_FAILED;
    freed = old != NULL ? old->bytes : 0;
    if (store->bytes_max > 0 && store->bytes - freed + item->bytes > store->bytes_max) {
        err_set(err, ERR_LIMIT, "the cache would pass its maximum of %zu bytes", store->bytes_max);
        store_item_unref(item);
        return STORE_FAILED;
    }
    if (same_uid)
        change = item_same(old, item, &store->text) ? STORE_SAME : STORE_CHANGED;
    else
        change = STORE_ADDED;
    item->mark = listed ? store->mark : same_uid ? old->mark : 0;
    if (old != NULL) {
        item_unlink(store, old);
        store_item_unref(old);
    }
    item_link(store, item);
    scratch_trim(&store->text);
    scratch_trim(&store->packed);
    return change;
}

static void walk(const struct index *index, const struct store_item *probe,
                 bool (*belongs)(const struct store_item *, const struct store_item *), store_fn fn,
                 void *arg)
{
    struct index_place place = index_seek(index, probe);
    struct store_item *item;

    while ((item = index_next(index, &place)) != NULL) {
        if ((belongs != NULL && !belongs(item, probe)) || !fn(arg, item))
            return;
    }
}

static bool same_namespace(const struct store_item *item, const struct store_item *probe)
{
    return strcmp(item->namespace, probe->namespace) == 0;
}

static bool same_owner(const struct store_item *item, const struct store_item *probe)
{
    return strcmp(item->owner_uid, probe->owner_uid) == 0;
}

struct store *store_new(const struct store_options *options)
{
    struct store *store = mem_alloc(sizeof(*store));

    index_init(&store->by_name, compare_name);
    index_init(&store->by_uid, compare_uid);
    index_init(&store->by_owner, compare_owner);
    store->cut = options->fields != NULL;
    store->field_count = options->fields != NULL ? options->field_count : 0;
    if (store->field_count > 0)
        store->fields = mem_alloc(store->field_count * sizeof(store->fields[0]));
    for (size_t i = 0; i < store->field_count; i++)
        store->fields[i] = mem_str(options->fields[i]);
    store->bytes_max = options->bytes_max;
    store->mark = 1;
    store->dictionary = pack_dictionary_new();
    store->slab = options->slab != NULL ? slab_ref(options->slab) : slab_new();
    buf_init(&store->text, PACK_TEXT_MAX);
    buf_init(&store->packed, PACK_TEXT_MAX);
    return store;
}

void store_free(struct store *store)
{
    struct index_place place = {0, 0};
    struct store_item *item;

    if (store == NULL)
        return;
    while ((item = index_next(&store->by_name, &place)) != NULL)
        store_item_unref(item);
    index_deinit(&store->by_name);
    index_deinit(&store->by_uid);
    index_deinit(&store->by_owner);
    while (store->tombstone_count > 0)
        tombstone_drop(store, &store->tombstones[store->tombstone_count - 1]);
    free(store->tombstones);
    for (size_t i = 0; i < store->field_count; i++)
        free(store->fields[i]);
    free(store->fields);
    pack_dictionary_unref(store->dictionary);
    slab_unref(store->slab);
    buf_deinit(&store->text);
    buf_deinit(&store->packed);
    free(store);
}

enum store_change store_put(struct store *store, const struct jv *object, struct err *err)
{
    return put(store, object, true, err);
}

enum store_change store_observe(struct store *store, const struct jv *object, struct err *err)
{
    return put(store, object, false, err);
}

bool store_touch(struct store *store, const char *uid, const char *resource_version)
{
    struct store_item *item = store_by_uid(store, uid);

    if (item == NULL || store->any_version || strcmp(item->resource_version, resource_version) != 0)
        return false;
    item->mark = store->mark;
    return true;
}

enum store_change store_remove(struct store *store, const char *namespace, const char *name,
                               const char *uid)
{
    struct store_item probe = {.namespace = namespace != NULL ? namespace : "", .name = name};
    struct tombstone *tombstone = uid != NULL ? tombstone_find(store, uid) : NULL;
    struct store_item *item = index_get(&store->by_name, &probe);

    if (tombstone != NULL)
        tombstone_drop(store, tombstone);
    if (item == NULL || (uid != NULL && strcmp(item->uid, uid) != 0))
        return STORE_SAME;
    item_unlink(store, item);
    store_item_unref(item);
    return STORE_REMOVED;
}

void store_tombstone(struct store *store, const char *uid)
{
    if (uid == NULL || uid[0] == '\0' || tombstone_find(store, uid) != NULL)
        return;
    if (store->tombstone_count == TOMBSTONES_MAX)
        tombstone_drop(store, &store->tombstones[0]);
    if (store->tombstone_count == store->tombstone_cap) {
        store->tombstone_cap = store->tombstone_cap == 0 ? 8 : store->tombstone_cap * 2;
        store->tombstones =
            mem_grow(store->tombstones, store->tombstone_cap * sizeof(store->tombstones[0]));
    }
    store->tombstones[store->tombstone_count++] =
        (struct tombstone){.uid = mem_str(uid), .made_mark = store->mark};
}

struct store_item *store_get(const struct store *store, const char *namespace, const char *name)
{
    struct store_item probe = {.namespace = namespace != NULL ? namespace : "", .name = name};

    return index_get(&store->by_name, &probe);
}

struct store_item *store_by_uid(const struct store *store, const char *uid)
{
    struct store_item probe = {.uid = uid};

    return index_get(&store->by_uid, &probe);
}

void store_each(const struct store *store, const char *namespace, store_fn fn, void *arg)
{
    struct store_item probe = {.namespace = namespace, .name = ""};

    if (namespace == NULL)
        walk(&store->by_name, NULL, NULL, fn, arg);
    else
        walk(&store->by_name, &probe, same_namespace, fn, arg);
}

void store_each_owned(const struct store *store, const char *owner_uid, store_fn fn, void *arg)
{
    struct store_item probe = {.namespace = "", .name = "", .owner_uid = owner_uid};

    walk(&store->by_owner, &probe, same_owner, fn, arg);
}

size_t store_count(const struct store *store)
{
    return store->by_name.count;
}

size_t store_bytes(const struct store *store)
{
    return store->bytes + pack_dictionary_bytes(store->dictionary);
}

void store_begin(struct store *store)
{
    store->mark++;
    for (size_t i = store->tombstone_count; i-- > 0;) {
        if (store->tombstones[i].seen >= 2)
            tombstone_drop(store, &store->tombstones[i]);
    }
}

void store_reset(struct store *store)
{
    store->any_version = true;
    while (store->tombstone_count > 0) /* what we deleted may be back */
        tombstone_drop(store, &store->tombstones[store->tombstone_count - 1]);
}

void store_sweep(struct store *store, const char *resource_version, store_fn removed, void *arg)
{
    struct index_place place = {0, 0};
    struct store_item **gone = NULL, *item;
    size_t count = 0, cap = 0;

    while ((item = index_next(&store->by_name, &place)) != NULL) {
        bool comparable = false;
        int order;

        if (item->mark == store->mark)
            continue;
        order = kube_rv_compare(item->resource_version, resource_version, &comparable);
        if (comparable && order > 0 && !store->any_version)
            continue; /* written by us after the list was taken: the watch will tell */
        if (count == cap) {
            cap = cap == 0 ? 16 : cap * 2;
            gone = mem_grow(gone, cap * sizeof(gone[0]));
        }
        gone[count++] = item;
    }
    for (size_t i = 0; i < count; i++)
        item_unlink(store, gone[i]);
    store->any_version = false;
    for (size_t i = store->tombstone_count; i-- > 0;) {
        struct tombstone *tombstone = &store->tombstones[i];

        if (tombstone->seen_mark != store->mark && tombstone->made_mark != store->mark)
            tombstone_drop(store, tombstone); /* not listed any more: confirmed */
    }
    for (size_t i = 0; i < count; i++) {
        if (removed != NULL)
            removed(arg, gone[i]);
        store_item_unref(gone[i]);
    }
    free(gone);
}
