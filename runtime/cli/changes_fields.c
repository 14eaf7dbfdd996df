/* The fields in which two states of an object differ. */
#include "cli/changes.h"

#include <stdlib.h>
#include <string.h>

#define OWN_ANNOTATIONS "nemeton.dev/"
#define LAST_APPLIED "kubectl.kubernetes.io/last-applied-configuration"

struct walk {
    struct jv *fields;
    bool secret;
    struct buf path;
};

static void walk(struct walk *w, const struct jv *before, const struct jv *after);

/* Short scalars are shown; NULL for what is long, or nested. Yours. */
static struct jv *shown(const struct walk *w, const struct jv *value)
{
    size_t len = 0;
    const char *text = jv_strn(value, &len);
    if (value == NULL || w->secret || jv_is_object(value) || jv_is_array(value))
        return NULL;
    if (text != NULL && (len > CHANGES_VALUE_MAX || memchr(text, '\n', len) != NULL))
        return NULL;
    return jv_ref((struct jv *)value);
}

static void note(struct walk *w, const struct jv *before, const struct jv *after)
{
    if (jv_size(w->fields) >= CHANGES_FIELDS_MAX)
        return;
    struct jv *field = jv_object();
    jv_set_str(field, "path", buf_str(&w->path));
    if (before == NULL)
        jv_set(field, "added", jv_bool(true));
    if (after == NULL)
        jv_set(field, "removed", jv_bool(true));
    jv_set(field, "from", shown(w, before));
    jv_set(field, "to", shown(w, after));
    jv_append(w->fields, field);
}

static void back_to(struct walk *w, size_t len)
{
    w->path.len = len;
    if (w->path.data != NULL)
        w->path.data[len] = '\0';
}

static void walk_member(struct walk *w, const char *key, const struct jv *before,
                        const struct jv *after)
{
    size_t len = w->path.len;
    jv_path_key(&w->path, key);
    walk(w, before, after);
    back_to(w, len);
}

static void walk_object(struct walk *w, const struct jv *before, const struct jv *after)
{
    struct jv_iter iter = {0};
    while (jv_next(before, &iter))
        walk_member(w, iter.key, iter.value, jv_get(after, iter.key));
    iter = (struct jv_iter){0};
    while (jv_next(after, &iter)) {
        if (jv_get(before, iter.key) == NULL)
            walk_member(w, iter.key, NULL, iter.value);
    }
}

/* Elements that all have a name of their own, such as containers, are matched by it. */
static const struct jv *by_name(const struct jv *array, const char *name)
{
    for (size_t i = 0; i < jv_size(array); i++) {
        const char *own = jv_path_str(jv_at(array, i), "name", NULL);
        if (own != NULL && strcmp(own, name) == 0)
            return jv_at(array, i);
    }
    return NULL;
}

static bool has_names(const struct jv *array)
{
    for (size_t i = 0; i < jv_size(array); i++) {
        const char *name = jv_path_str(jv_at(array, i), "name", NULL);
        if (name == NULL || by_name(array, name) != jv_at(array, i))
            return false;
    }
    return true;
}

static void walk_named(struct walk *w, const struct jv *before, const struct jv *after)
{
    size_t len = w->path.len;
    for (size_t i = 0; i < jv_size(before); i++) {
        const char *name = jv_path_str(jv_at(before, i), "name", NULL);
        buf_printf(&w->path, "[%s]", name);
        walk(w, jv_at(before, i), by_name(after, name));
        back_to(w, len);
    }
    for (size_t i = 0; i < jv_size(after); i++) {
        const char *name = jv_path_str(jv_at(after, i), "name", NULL);
        if (by_name(before, name) != NULL)
            continue;
        buf_printf(&w->path, "[%s]", name);
        walk(w, NULL, jv_at(after, i));
        back_to(w, len);
    }
}

static void walk_array(struct walk *w, const struct jv *before, const struct jv *after)
{
    size_t len = w->path.len;
    size_t count = jv_size(before) > jv_size(after) ? jv_size(before) : jv_size(after);
    if (has_names(before) && has_names(after)) {
        walk_named(w, before, after);
        return;
    }
    for (size_t i = 0; i < count; i++) {
        jv_path_index(&w->path, i);
        walk(w, jv_at(before, i), jv_at(after, i));
        back_to(w, len);
    }
}

static void walk(struct walk *w, const struct jv *before, const struct jv *after)
{
    if (before == NULL || after == NULL)
        note(w, before, after);
    else if (jv_is_object(before) && jv_is_object(after))
        walk_object(w, before, after);
    else if (jv_is_array(before) && jv_is_array(after))
        walk_array(w, before, after);
    else if (!jv_equal(before, after))
        note(w, before, after);
}

/* metadata without what the server, kubectl and we keep for ourselves. */
static struct jv *own_metadata(const struct jv *object)
{
    static const char *const kept[] = {"labels", "annotations", "finalizers", "ownerReferences"};
    const struct jv *metadata = jv_get(object, "metadata");
    struct jv *out = jv_object();
    for (size_t i = 0; i < sizeof(kept) / sizeof(kept[0]); i++) {
        struct jv *value = jv_get(metadata, kept[i]);
        if (jv_size(value) > 0)
            jv_set(out, kept[i], jv_dup(value));
    }
    struct jv *annotations = jv_get(out, "annotations"), *keys = jv_array();
    struct jv_iter iter = {0};
    while (jv_next(annotations, &iter)) {
        if (strncmp(iter.key, OWN_ANNOTATIONS, strlen(OWN_ANNOTATIONS)) == 0 ||
            strcmp(iter.key, LAST_APPLIED) == 0)
            jv_append(keys, jv_string(iter.key));
    }
    for (size_t i = 0; i < jv_size(keys); i++)
        jv_remove(annotations, jv_str(jv_at(keys, i)));
    if (annotations != NULL && jv_size(annotations) == 0)
        jv_remove(out, "annotations");
    jv_unref(keys);
    return out;
}

static struct jv *own_part(const struct jv *object)
{
    struct jv *out = jv_object();
    struct jv_iter iter = {0};
    while (jv_next(object, &iter)) {
        if (strcmp(iter.key, "status") == 0 || strcmp(iter.key, "apiVersion") == 0 ||
            strcmp(iter.key, "kind") == 0)
            continue;
        jv_set(out, iter.key,
               strcmp(iter.key, "metadata") == 0 ? own_metadata(object) : jv_ref(iter.value));
    }
    return out;
}

struct jv *changes_fields(const struct jv *before, const struct jv *after)
{
    const char *kind = jv_path_str(after, "kind", NULL);
    struct walk w = {.fields = jv_array(), .secret = kind != NULL && strcmp(kind, "Secret") == 0};
    struct jv *a = own_part(before), *b = own_part(after);
    buf_init(&w.path, 4096);
    walk(&w, a, b);
    buf_deinit(&w.path);
    jv_unref(a);
    jv_unref(b);
    return w.fields;
}
