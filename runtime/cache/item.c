#include "cache/item.h"

#include "base/slab.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *text_of(const struct jv *object, const char *key)
{
    const char *text = jv_str(jv_get(object, key));

    return text != NULL ? text : "";
}

static void find_owner(const struct jv *metadata, struct store_item *probe)
{
    const struct jv *owners = jv_get(metadata, "ownerReferences");

    for (size_t i = 0; i < jv_size(owners) && jv_is_array(owners); i++) {
        const struct jv *owner = jv_at(owners, i);

        if (!jv_bool_value(jv_get(owner, "controller")) || text_of(owner, "uid")[0] == '\0')
            continue;
        probe->owner_uid = text_of(owner, "uid");
        probe->owner_kind = text_of(owner, "kind");
        probe->owner_name = text_of(owner, "name");
        return;
    }
}

int item_identify(const struct jv *object, struct store_item *probe, struct err *err)
{
    const struct jv *metadata = jv_get(object, "metadata");
    const char *deletion = jv_str(jv_get(metadata, "deletionTimestamp"));

    memset(probe, 0, sizeof(*probe));
    probe->namespace = text_of(metadata, "namespace");
    probe->name = text_of(metadata, "name");
    probe->uid = text_of(metadata, "uid");
    probe->resource_version = text_of(metadata, "resourceVersion");
    probe->generation = jv_int_value(jv_get(metadata, "generation"));
    probe->deleting = deletion != NULL && deletion[0] != '\0';
    find_owner(metadata, probe);
    if (probe->name[0] == '\0')
        return err_set(err, ERR_INVALID, "an object without metadata.name cannot be kept");
    return 0;
}

/* Copies what stands at the path; a key may itself contain dots, so the whole rest is tried first. */
static void copy_path(struct jv *to, const struct jv *from, const char *path)
{
    const char *dot = strchr(path, '.');
    struct jv *value = jv_get(from, path), *inner;
    char key[256];

    if (value != NULL) {
        jv_set(to, path, jv_ref(value));
        return;
    }
    if (dot == NULL || (size_t)(dot - path) >= sizeof(key))
        return;
    snprintf(key, sizeof(key), "%.*s", (int)(dot - path), path);
    value = jv_get(from, key);
    if (!jv_is_object(value))
        return;
    inner = jv_get(to, key);
    if (inner == value)
        return; /* all of it is there already */
    if (inner == NULL)
        jv_set(to, key, inner = jv_object());
    copy_path(inner, value, dot + 1);
}

struct jv *item_cut(const struct jv *object, const char *const *fields, size_t count)
{
    struct jv *cut = jv_object(), *metadata = jv_object();
    struct jv_iter iter = {0};

    jv_set_str(cut, "apiVersion", jv_str(jv_get(object, "apiVersion")));
    jv_set_str(cut, "kind", jv_str(jv_get(object, "kind")));
    while (jv_next(jv_get(object, "metadata"), &iter)) {
        if (strcmp(iter.key, "annotations") != 0)
            jv_set(metadata, iter.key, jv_ref(iter.value));
    }
    jv_set(cut, "metadata", metadata);
    for (size_t i = 0; i < count; i++)
        copy_path(cut, object, fields[i]);
    return cut;
}

static const char *place(char **at, const char *text)
{
    char *start = *at;

    if (text == NULL)
        return NULL;
    *at = stpcpy(start, text) + 1;
    return start;
}

static size_t room(const char *text)
{
    return text != NULL ? strlen(text) + 1 : 0;
}

struct store_item *item_new(const struct store_item *probe, const struct jv *object,
                            struct pack_dictionary *dictionary, struct slab *slab, struct buf *text,
                            struct buf *packed, struct err *err)
{
    struct store_item *item;
    size_t bytes;
    char *at;

    buf_clear(text);
    buf_clear(packed);
    if (jv_print(object, 0, text) != 0 || pack(dictionary, buf_str(text), text->len, packed) != 0) {
        err_set(err, ERR_TOO_LARGE, "the object `%s` is larger than %d bytes", probe->name,
                PACK_TEXT_MAX);
        return NULL;
    }
    bytes = sizeof(*item) + room(probe->namespace) + room(probe->name) + room(probe->uid) +
            room(probe->resource_version) + room(probe->owner_uid) + room(probe->owner_kind) +
            room(probe->owner_name) + packed->len;
    item = slab_take(slab, bytes);
    *item = *probe;
    at = (char *)(item + 1);
    item->packed = (const unsigned char *)at;
    item->packed_len = (uint32_t)packed->len;
    memcpy(at, buf_str(packed), packed->len);
    at += packed->len;
    item->namespace = place(&at, probe->namespace);
    item->name = place(&at, probe->name);
    item->uid = place(&at, probe->uid);
    item->resource_version = place(&at, probe->resource_version);
    item->owner_uid = place(&at, probe->owner_uid);
    item->owner_kind = place(&at, probe->owner_kind);
    item->owner_name = place(&at, probe->owner_name);
    item->json_len = (uint32_t)text->len;
    item->bytes = (uint32_t)bytes;
    item->dictionary = pack_dictionary_ref(dictionary);
    item->slab = slab_ref(slab);
    item->refs = 1;
    return item;
}

static char *item_text(const struct store_item *item)
{
    char *text = mem_grow(NULL, (size_t)item->json_len + 1);

    if (unpack(item->dictionary, item->packed, item->packed_len, text, item->json_len) != 0) {
        free(text);
        return NULL;
    }
    return text;
}

bool item_same(const struct store_item *a, const struct store_item *b, const struct buf *text)
{
    char mark_a[192], mark_b[192];
    const char *in_b, *in_a;
    size_t head, tail;
    char *text_a;
    bool same;

    /* The texts may differ in one place: where the one has its resourceVersion and the other its. */
    snprintf(mark_a, sizeof(mark_a), "\"resourceVersion\":\"%.150s\"", a->resource_version);
    snprintf(mark_b, sizeof(mark_b), "\"resourceVersion\":\"%.150s\"", b->resource_version);
    if ((size_t)a->json_len + strlen(mark_b) != text->len + strlen(mark_a))
        return false;
    text_a = item_text(a);
    in_a = text_a != NULL ? strstr(text_a, mark_a) : NULL;
    in_b = strstr(buf_str(text), mark_b);
    same = in_a != NULL && in_b != NULL;
    if (same) {
        head = (size_t)(in_a - text_a);
        tail = head + strlen(mark_a);
        same = head == (size_t)(in_b - buf_str(text)) && memcmp(text_a, buf_str(text), head) == 0 &&
               memcmp(text_a + tail, in_b + strlen(mark_b), a->json_len - tail) == 0;
    }
    free(text_a);
    return same;
}

struct store_item *store_item_ref(struct store_item *item)
{
    item->refs++;
    return item;
}

void store_item_unref(struct store_item *item)
{
    if (item == NULL || --item->refs > 0)
        return;
    struct slab *slab = item->slab;
    pack_dictionary_unref(item->dictionary);
    slab_drop(slab, item, item->bytes);
    slab_unref(slab);
}

struct jv *store_item_parse(const struct store_item *item)
{
    struct jv *value = NULL;
    char *text = item_text(item);

    if (text == NULL || jv_parse(text, item->json_len, &value, NULL) != 0)
        abort(); /* our own memory has changed under us: nothing here can be trusted any more */
    free(text);
    return value;
}
