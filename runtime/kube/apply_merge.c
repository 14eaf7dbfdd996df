/* Merge patches (RFC 7396): made, applied, and the one that removes what is not wanted. */
#include "kube/apply.h"

#include <stdio.h>
#include <string.h>

enum { KEY_BYTES_MAX = 256 };

/* What stands at a path of keys separated by dots; the rest of a path may itself be one key. */
static const struct jv *at_path(const struct jv *object, const char *path)
{
    while (object != NULL) {
        const struct jv *whole = jv_get(object, path);
        const char *dot = strchr(path, '.');
        char key[KEY_BYTES_MAX];

        if (whole != NULL || dot == NULL || (size_t)(dot - path) >= sizeof(key))
            return whole;
        snprintf(key, sizeof(key), "%.*s", (int)(dot - path), path);
        object = jv_get(object, key);
        path = dot + 1;
    }
    return NULL;
}

/* {"spec":{"selector":VALUE}} into the patch. */
static void set_path(struct jv *patch, const char *path, struct jv *take)
{
    const char *dot;

    while ((dot = strchr(path, '.')) != NULL && (size_t)(dot - path) < KEY_BYTES_MAX) {
        char key[KEY_BYTES_MAX];

        snprintf(key, sizeof(key), "%.*s", (int)(dot - path), path);
        patch = jv_ensure(patch, key, NULL);
        path = dot + 1;
    }
    jv_set(patch, path, take);
}

struct jv *apply_prune_patch(const struct jv *wanted, const struct jv *live,
                             const char *const *paths, size_t count)
{
    struct jv *patch = NULL;

    for (size_t i = 0; i < count; i++) {
        const struct jv *ours = at_path(wanted, paths[i]), *theirs = at_path(live, paths[i]);
        struct jv *removed = NULL;
        struct jv_iter iter = {0};

        while (jv_is_object(theirs) && jv_next(theirs, &iter)) {
            if (jv_get(ours, iter.key) != NULL)
                continue;
            if (removed == NULL)
                removed = jv_object();
            jv_set(removed, iter.key, jv_null());
        }
        if (removed == NULL)
            continue;
        if (patch == NULL)
            patch = jv_object();
        set_path(patch, paths[i], removed);
    }
    return patch;
}

struct jv *merge_patch_diff(const struct jv *from, const struct jv *to)
{
    struct jv *patch = NULL;
    struct jv_iter iter = {0};

    if (from != NULL && jv_equal(from, to))
        return NULL;
    if (!jv_is_object(from) || !jv_is_object(to))
        return jv_dup(to);
    patch = jv_object();
    while (jv_next(from, &iter)) {
        const struct jv *value = jv_get(to, iter.key);

        if (value == NULL || jv_type(value) == JV_NULL)
            jv_set(patch, iter.key, jv_null());
    }
    memset(&iter, 0, sizeof(iter));
    while (jv_next(to, &iter)) {
        struct jv *change = jv_type(iter.value) == JV_NULL
                                ? NULL
                                : merge_patch_diff(jv_get(from, iter.key), iter.value);

        if (change != NULL)
            jv_set(patch, iter.key, change);
    }
    if (jv_size(patch) > 0)
        return patch;
    jv_unref(patch);
    return NULL;
}

struct jv *merge_patch_apply(const struct jv *target, const struct jv *patch)
{
    struct jv *result;
    struct jv_iter iter = {0};

    if (!jv_is_object(patch))
        return jv_dup(patch);
    result = jv_is_object(target) ? jv_dup(target) : jv_object();
    while (jv_next(patch, &iter)) {
        if (jv_type(iter.value) == JV_NULL)
            jv_remove(result, iter.key);
        else
            jv_set(result, iter.key, merge_patch_apply(jv_get(result, iter.key), iter.value));
    }
    return result;
}
