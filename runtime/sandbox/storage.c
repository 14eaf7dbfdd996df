#include "sandbox/storage.h"

#include <stdlib.h>
#include <string.h>

struct storage {
    struct storage_options options;
    uint64_t revision;
    uint64_t compacted; /* revision of the newest forgotten change */
    size_t objects;
    struct change *ring;
    size_t ring_size;
    uint64_t begin, end; /* sequences; the slot is sequence modulo ring_size */
    size_t history_bytes;
};

struct stored *stored_ref(struct stored *stored)
{
    stored->refs++;
    return stored;
}

void stored_unref(struct stored *stored)
{
    if (!stored || --stored->refs > 0)
        return;
    jv_unref(stored->labels);
    free(stored->key);
    free(stored->body);
    free(stored);
}

static char *print_body(const struct jv *object, size_t *len)
{
    struct jv *body = jv_object();
    struct jv_iter iter = {0};
    while (jv_next(object, &iter))
        if (strcmp(iter.key, "apiVersion") != 0 && strcmp(iter.key, "kind") != 0)
            jv_set(body, iter.key, jv_ref(iter.value));
    struct buf text;
    buf_init(&text, SIZE_MAX / 2);
    jv_print(body, JV_PRINT_SORTED, &text);
    jv_unref(body);
    return buf_take(&text, len);
}

struct stored *stored_new(const struct kind *kind, const struct jv *object, uint64_t revision)
{
    char key[KIND_TEXT_BYTES];
    const struct jv *metadata = jv_get(object, "metadata");
    const char *namespace =
        kind_is(kind, KIND_NAMESPACED) ? jv_str(jv_get(metadata, "namespace")) : NULL;
    const char *name = jv_str(jv_get(metadata, "name"));
    struct stored *stored = mem_alloc(sizeof(*stored));
    stored->refs = 1;
    stored->kind = kind;
    stored->key = mem_str(storage_key(key, sizeof(key), namespace, name));
    const char *slash = strchr(stored->key, '/');
    stored->name = slash && namespace ? slash + 1 : stored->key;
    stored->revision = revision;
    stored->body = print_body(object, &stored->body_len);
    struct jv *labels = jv_get(metadata, "labels");
    stored->labels = jv_size(labels) ? jv_dup(labels) : NULL;
    return stored;
}

struct jv *stored_parse(const struct stored *stored)
{
    char version[KIND_TEXT_BYTES];
    const struct kind *kind = stored->kind;
    struct jv *object = NULL;
    /* The bytes are our own print, so this cannot fail but by a broken invariant. */
    if (jv_parse(stored->body, stored->body_len, &object, NULL) < 0)
        abort();
    jv_set_str(
        object, "apiVersion",
        kind_api_version(kind, &kind->versions[kind->storage_version], version, sizeof(version)));
    jv_set_str(object, "kind", kind->kind);
    return object;
}

bool stored_in_namespace(const struct stored *stored, const char *namespace)
{
    size_t len = strlen(namespace);
    return strncmp(stored->key, namespace, len) == 0 && stored->key[len] == '/';
}

const char *stored_namespace(const struct stored *stored, char *out, size_t size)
{
    size_t len = stored->name == stored->key ? 0 : (size_t)(stored->name - stored->key) - 1;
    if (len >= size)
        len = size - 1;
    memcpy(out, stored->key, len);
    out[len] = '\0';
    return out;
}

static size_t change_bytes(const struct change *change)
{
    return change->after->body_len + sizeof(*change) + sizeof(*change->after);
}

static void forget_oldest(struct storage *storage)
{
    struct change *oldest = &storage->ring[storage->begin % storage->ring_size];
    storage->compacted = oldest->revision;
    storage->history_bytes -= change_bytes(oldest);
    stored_unref(oldest->before);
    stored_unref(oldest->after);
    *oldest = (struct change){0};
    storage->begin++;
}

/* Takes over the references. */
static void record(struct storage *storage, enum change_type type, struct stored *before,
                   struct stored *after, int64_t now_ms)
{
    if (storage->end - storage->begin == storage->ring_size)
        forget_oldest(storage);
    struct change *change = &storage->ring[storage->end % storage->ring_size];
    *change = (struct change){.revision = storage->revision,
                              .type = type,
                              .at_ms = now_ms,
                              .before = before,
                              .after = after};
    storage->end++;
    storage->history_bytes += change_bytes(change);
    while (storage->history_bytes > storage->options.history_bytes_max &&
           storage->end - storage->begin > 1)
        forget_oldest(storage);
    if (storage->options.on_change)
        storage->options.on_change(storage->options.arg, change);
}

static void set_revision(struct jv *object, uint64_t revision)
{
    jv_set(jv_ensure(object, "metadata", NULL), "resourceVersion",
           jv_stringf("%llu", (unsigned long long)revision));
}

struct storage *storage_new(const struct storage_options *options)
{
    struct storage *storage = mem_alloc(sizeof(*storage));
    storage->options = *options;
    storage->revision = 1;
    storage->ring_size = options->history_max;
    storage->ring = mem_alloc(storage->ring_size * sizeof(*storage->ring));
    return storage;
}

void storage_free(struct storage *storage)
{
    if (!storage)
        return;
    while (storage->begin < storage->end)
        forget_oldest(storage);
    free(storage->ring);
    free(storage);
}

uint64_t storage_revision(const struct storage *storage)
{
    return storage->revision;
}

size_t storage_count(const struct storage *storage)
{
    return storage->objects;
}

bool storage_is_full(const struct storage *storage)
{
    return storage->objects >= storage->options.objects_max;
}

const char *storage_key(char *out, size_t size, const char *namespace, const char *name)
{
    struct buf text;
    buf_init(&text, size - 1);
    if (namespace && *namespace)
        buf_printf(&text, "%s/", namespace);
    buf_add_str(&text, name ? name : "");
    size_t len = text.len < size - 1 ? text.len : size - 1;
    memcpy(out, buf_str(&text), len);
    out[len] = '\0';
    buf_deinit(&text);
    return out;
}

struct stored *storage_get(const struct kind *kind, const char *key)
{
    return tree_get(kind->objects, key);
}

struct stored *storage_put(struct storage *storage, struct kind *kind, struct jv *object,
                           size_t bytes_max, int64_t now_ms)
{
    set_revision(object, storage->revision + 1);
    struct stored *after = stored_new(kind, object, storage->revision + 1);
    if (bytes_max && after->body_len > bytes_max) {
        stored_unref(after);
        return NULL;
    }
    after->at_ms = now_ms;
    storage->revision++;
    struct stored *before = tree_put(kind->objects, after->key, after);
    if (!before)
        storage->objects++;
    record(storage, before ? CHANGE_MODIFIED : CHANGE_ADDED, before, stored_ref(after), now_ms);
    return after;
}

void storage_remove(struct storage *storage, struct kind *kind, struct jv *object, int64_t now_ms)
{
    set_revision(object, ++storage->revision);
    struct stored *last = stored_new(kind, object, storage->revision);
    struct stored *before = tree_remove(kind->objects, last->key);
    storage->objects--;
    record(storage, CHANGE_DELETED, before, last, now_ms);
}

uint64_t storage_compacted(const struct storage *storage)
{
    return storage->compacted;
}

void storage_compact(struct storage *storage)
{
    while (storage->begin < storage->end)
        forget_oldest(storage);
    storage->compacted = storage->revision;
}

const struct change *storage_change(const struct storage *storage, uint64_t sequence)
{
    if (sequence < storage->begin || sequence >= storage->end)
        return NULL;
    return &storage->ring[sequence % storage->ring_size];
}

uint64_t storage_sequence_end(const struct storage *storage)
{
    return storage->end;
}

uint64_t storage_sequence_begin(const struct storage *storage)
{
    return storage->begin;
}

uint64_t storage_sequence_after(const struct storage *storage, uint64_t revision)
{
    uint64_t low = storage->begin, high = storage->end;
    while (low < high) {
        uint64_t middle = low + (high - low) / 2;
        if (storage_change(storage, middle)->revision > revision)
            high = middle;
        else
            low = middle + 1;
    }
    return low;
}

/* What differs between now and a revision: key → the first change of it after that revision. */
static struct tree *overlay_new(const struct storage *storage, const struct kind *kind,
                                uint64_t revision)
{
    struct tree *overlay = tree_new();
    for (uint64_t i = storage->end; i > storage->begin; i--) {
        const struct change *change = storage_change(storage, i - 1);
        if (change->revision <= revision)
            break;
        if (change->after->kind == kind)
            tree_put(overlay, change->after->key, (void *)change);
    }
    return overlay;
}

struct walk {
    const char *prefix;
    storage_fn fn;
    void *arg;
};

static bool walk_live(void *arg, const char *key, void *stored)
{
    const struct walk *walk = arg;
    return strncmp(key, walk->prefix, strlen(walk->prefix)) == 0 && walk->fn(walk->arg, stored);
}

/* Two ordered sequences at once: where the past differs from now, the past counts. */
static void walk_past(const struct kind *kind, const struct tree *overlay, const char *at,
                      bool strictly, const struct walk *walk)
{
    for (;;) {
        const char *key, *old_key;
        struct stored *stored = tree_seek(kind->objects, at, strictly, &key);
        const struct change *change = tree_seek(overlay, at, strictly, &old_key);
        if (change && (!stored || strcmp(old_key, key) <= 0)) {
            stored = change->before;
            key = old_key;
        }
        if (!key || strncmp(key, walk->prefix, strlen(walk->prefix)) != 0)
            return;
        at = key;
        strictly = true;
        if (stored && !walk->fn(walk->arg, stored))
            return;
    }
}

void storage_each(const struct storage *storage, const struct kind *kind, const char *namespace,
                  const char *after, uint64_t revision, storage_fn fn, void *arg)
{
    char start[KIND_TEXT_BYTES];
    storage_key(start, sizeof(start), namespace, "");
    bool strictly = after && strcmp(after, start) >= 0;
    const char *at = strictly ? after : start;
    struct walk walk = {.prefix = start, .fn = fn, .arg = arg};
    if (!revision || revision >= storage->revision) {
        tree_walk(kind->objects, at, strictly, walk_live, &walk);
        return;
    }
    struct tree *overlay = overlay_new(storage, kind, revision);
    walk_past(kind, overlay, at, strictly, &walk);
    tree_free(overlay, NULL);
}
