#include "sandbox/discover_internal.h"

#include <stdlib.h>
#include <string.h>

static struct jv *kind_document(const char *group, const char *version, const char *kind)
{
    struct jv *out = jv_object();
    jv_set_str(out, "group", group);
    jv_set_str(out, "version", version);
    jv_set_str(out, "kind", kind);
    return out;
}

static struct jv *resource_document(const struct kind *kind, const struct kind_version *version)
{
    struct subresource subresources[SUBRESOURCES_MAX];
    size_t count = discover_subresources(kind, version, subresources);
    struct jv *out = jv_object(), *list = jv_array();
    jv_set_str(out, "resource", kind->plural);
    jv_set(out, "responseKind", kind_document(kind->group, version->name, kind->kind));
    jv_set_str(out, "scope", kind_is(kind, KIND_NAMESPACED) ? "Namespaced" : "Cluster");
    jv_set_str(out, "singularResource", kind->singular);
    jv_set(out, "verbs", discover_words(discover_verbs(kind)));
    discover_add_names(out, "shortNames", kind->short_names, kind->short_name_count);
    discover_add_names(out, "categories", kind->categories, kind->category_count);
    for (size_t i = 0; i < count; i++) {
        const struct subresource *sub = &subresources[i];
        struct jv *entry = jv_object();
        jv_set_str(entry, "subresource", sub->name);
        jv_set(entry, "responseKind",
               kind_document(sub->group ? sub->group : kind->group,
                             sub->version ? sub->version : version->name, sub->kind));
        jv_set(entry, "verbs", discover_words(sub->verbs));
        jv_append(list, entry);
    }
    if (count)
        jv_set(out, "subresources", list);
    else
        jv_unref(list);
    return out;
}

static struct jv *version_document(const struct kinds *kinds, const char *group,
                                   const char *version)
{
    struct jv *out = jv_object(), *resources = jv_array();
    jv_set_str(out, "version", version);
    for (size_t i = 0; i < kinds_count(kinds); i++) {
        const struct kind *kind = kinds_at(kinds, i);
        if (kind_is(kind, KIND_REMOVED) || strcmp(kind->group, group) != 0)
            continue;
        for (size_t v = 0; v < kind->version_count; v++)
            if (kind->versions[v].served && strcmp(kind->versions[v].name, version) == 0)
                jv_append(resources, resource_document(kind, &kind->versions[v]));
    }
    jv_set(out, "resources", resources);
    jv_set_str(out, "freshness", "Current");
    return out;
}

struct jv *discover_aggregated(const struct apiserver *server, bool core, const char *version)
{
    struct discover_group *groups = mem_alloc(DISCOVER_GROUPS_MAX * sizeof(*groups));
    size_t count = discover_groups(server->kinds, groups, DISCOVER_GROUPS_MAX);
    struct jv *document = jv_object(), *items = jv_array();
    jv_set_str(document, "kind", "APIGroupDiscoveryList");
    jv_set(document, "apiVersion", jv_stringf("apidiscovery.k8s.io/%s", version));
    jv_set(document, "metadata", jv_object());
    for (size_t i = 0; i < count; i++) {
        if ((*groups[i].name == '\0') != core)
            continue;
        struct jv *group = jv_object(), *metadata = jv_object(), *versions = jv_array();
        if (!core)
            jv_set_str(metadata, "name", groups[i].name);
        jv_set(group, "metadata", metadata);
        for (size_t v = 0; v < groups[i].version_count; v++)
            jv_append(versions,
                      version_document(server->kinds, groups[i].name, groups[i].versions[v]));
        jv_set(group, "versions", versions);
        jv_append(items, group);
    }
    jv_set(document, "items", items);
    free(groups);
    return document;
}
