#include "sandbox/kinds_internal.h"

#include "base/map.h"
#include "sandbox/schema.h"
#include "sandbox/storage.h"
#include "sandbox/strategy.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct kinds {
    struct kind **list;
    size_t count;
    struct map *by_resource; /* "plural.group" */
    struct map *by_kind;     /* "Kind.group", the newest kind of that name */
};

static const char *joined(const char *group, const char *name, char *out, size_t size)
{
    snprintf(out, size, "%s.%s", name, group);
    return out;
}

static void free_texts(char **texts, size_t count)
{
    for (size_t i = 0; i < count; i++)
        free(texts[i]);
    free(texts);
}

static char **split_texts(const char *text, size_t *count)
{
    char **out = NULL, *copy = mem_str(text), *rest = copy, *word;
    *count = 0;
    while ((word = strsep(&rest, ","))) {
        if (!*word)
            continue;
        out = mem_grow(out, (*count + 1) * sizeof(char *));
        out[(*count)++] = mem_str(word);
    }
    free(copy);
    return out;
}

static int add_builtin(struct kinds *kinds, const struct builtin *row, const struct types *types,
                       struct err *err)
{
    char key[KIND_TEXT_BYTES];
    struct kind *kind = kinds_add(kinds, row->group, row->plural);
    kind->singular = mem_str(row->singular);
    kind->kind = mem_str(row->kind);
    kind->list_kind = mem_printf("%sList", row->kind);
    kind->short_names = split_texts(row->short_names, &kind->short_name_count);
    kind->categories = split_texts(row->categories, &kind->category_count);
    kind->flags = row->flags;
    kind->strategy = row->strategy;
    kind->versions = mem_alloc(sizeof(*kind->versions));
    kind->version_count = 1;
    struct kind_version *version = kind->versions;
    version->name = mem_str(row->version);
    version->served = true;
    version->status = kind_is(kind, KIND_STATUS);
    version->scale = kind_is(kind, KIND_SCALE);
    version->type = types_find(types, row->type);
    if (!version->type)
        return err_set(err, ERR_INTERNAL, "built-in kind %s has no type", row->kind);
    if (row->home_group)
        kind->home =
            map_get(kinds->by_resource, joined(row->home_group, row->plural, key, sizeof(key)));
    kinds_index(kinds, kind);
    return 0;
}

static struct kind_version *version_find(const struct kind *kind, const char *name)
{
    for (size_t i = 0; i < kind->version_count; i++)
        if (kind->versions[i].served && strcmp(kind->versions[i].name, name) == 0)
            return &kind->versions[i];
    return NULL;
}

static void unref_stored(void *stored)
{
    stored_unref(stored);
}

struct kinds *kinds_new(const struct types *types, struct err *err)
{
    struct kinds *kinds = mem_alloc(sizeof(*kinds));
    kinds->by_resource = map_new(0, NULL);
    kinds->by_kind = map_new(0, NULL);
    for (size_t i = 0; i < kinds_builtin_count; i++) {
        if (add_builtin(kinds, &kinds_builtin[i], types, err) < 0) {
            kinds_free(kinds);
            return NULL;
        }
    }
    return kinds;
}

void kind_clear_names(struct kind *kind)
{
    free(kind->singular);
    free(kind->kind);
    free(kind->list_kind);
    free_texts(kind->short_names, kind->short_name_count);
    free_texts(kind->categories, kind->category_count);
    for (size_t i = 0; i < kind->version_count; i++) {
        free(kind->versions[i].name);
        schema_free(kind->versions[i].schema);
        jv_unref(kind->versions[i].definition);
    }
    free(kind->versions);
    kind->singular = kind->kind = kind->list_kind = NULL;
    kind->short_names = kind->categories = NULL;
    kind->short_name_count = kind->category_count = 0;
    kind->versions = NULL;
    kind->version_count = kind->storage_version = 0;
}

void kinds_free(struct kinds *kinds)
{
    if (!kinds)
        return;
    for (size_t i = 0; i < kinds->count; i++) {
        struct kind *kind = kinds->list[i];
        tree_free(kind->objects, unref_stored);
        kind_clear_names(kind);
        free(kind->group);
        free(kind->plural);
        free(kind->key_prefix);
        free(kind);
    }
    free(kinds->list);
    map_free(kinds->by_resource);
    map_free(kinds->by_kind);
    free(kinds);
}

size_t kinds_count(const struct kinds *kinds)
{
    return kinds->count;
}

struct kind *kinds_at(const struct kinds *kinds, size_t index)
{
    return kinds->list[index];
}

struct kind *kinds_find(const struct kinds *kinds, const char *group, const char *plural)
{
    char key[KIND_TEXT_BYTES];
    return map_get(kinds->by_resource, joined(group, plural, key, sizeof(key)));
}

/* Where the real server keeps a kind: some have moved, and kept their old place. */
static char *key_prefix_of(const char *group, const char *plural)
{
    static const char *const moved[][2] = {{"services", "services/specs"},
                                           {"endpoints", "services/endpoints"},
                                           {"nodes", "minions"},
                                           {"ingresses", "ingress"}};
    const char *dot = strchr(group, '.');
    bool custom = dot && !strstr(group, ".k8s.io");
    for (size_t i = 0; i < sizeof(moved) / sizeof(moved[0]); i++)
        if (!custom && strcmp(plural, moved[i][0]) == 0)
            return mem_printf("/registry/%s", moved[i][1]);
    if (custom || strcmp(group, "apiextensions.k8s.io") == 0)
        return mem_printf("/registry/%s/%s", group, plural);
    return mem_printf("/registry/%s", plural);
}

struct kind *kinds_add(struct kinds *kinds, const char *group, const char *plural)
{
    char key[KIND_TEXT_BYTES];
    struct kind *kind = mem_alloc(sizeof(*kind));
    kind->group = mem_str(group);
    kind->plural = mem_str(plural);
    kind->key_prefix = key_prefix_of(group, plural);
    kind->strategy = &strategy_plain;
    kind->home = kind;
    kind->objects = tree_new();
    kinds->list = mem_grow(kinds->list, (kinds->count + 1) * sizeof(struct kind *));
    kinds->list[kinds->count++] = kind;
    map_put(kinds->by_resource, joined(group, plural, key, sizeof(key)), kind);
    return kind;
}

void kinds_index(struct kinds *kinds, struct kind *kind)
{
    char key[KIND_TEXT_BYTES];
    map_put(kinds->by_kind, joined(kind->group, kind->kind, key, sizeof(key)), kind);
}

struct kind *kinds_by_resource(const struct kinds *kinds, const char *group, const char *version,
                               const char *plural, struct kind_version **found)
{
    struct kind *kind = kinds_find(kinds, group, plural);
    struct kind_version *match = kind ? version_find(kind, version) : NULL;
    if (!match || kind_is(kind, KIND_REMOVED))
        return NULL;
    if (found)
        *found = match;
    return kind;
}

struct kind *kinds_by_kind(const struct kinds *kinds, const char *api_version, const char *name,
                           struct kind_version **found)
{
    char key[KIND_TEXT_BYTES], group[KIND_TEXT_BYTES] = "";
    const char *slash = strchr(api_version, '/');
    if (slash)
        snprintf(group, sizeof(group), "%.*s", (int)(slash - api_version), api_version);
    struct kind *kind = map_get(kinds->by_kind, joined(group, name, key, sizeof(key)));
    if (!kind || kind_is(kind, KIND_REMOVED) || !kind->kind || strcmp(kind->kind, name) != 0)
        return NULL;
    struct kind_version *match = version_find(kind, slash ? slash + 1 : api_version);
    if (match && found)
        *found = match;
    return match ? kind : NULL;
}

bool kinds_has_group(const struct kinds *kinds, const char *group)
{
    for (size_t i = 0; i < kinds->count; i++)
        if (!kind_is(kinds->list[i], KIND_REMOVED) && strcmp(kinds->list[i]->group, group) == 0)
            return true;
    return false;
}

bool kinds_has_group_version(const struct kinds *kinds, const char *group, const char *version)
{
    for (size_t i = 0; i < kinds->count; i++) {
        const struct kind *kind = kinds->list[i];
        if (!kind_is(kind, KIND_REMOVED) && strcmp(kind->group, group) == 0 &&
            version_find(kind, version))
            return true;
    }
    return false;
}

const char *kind_api_version(const struct kind *kind, const struct kind_version *version, char *out,
                             size_t size)
{
    snprintf(out, size, "%s%s%s", kind->group, *kind->group ? "/" : "", version->name);
    return out;
}
