#include "sandbox/crd.h"

#include "sandbox/delete.h"
#include "sandbox/meta.h"
#include "sandbox/schema.h"
#include "sandbox/strategy.h"
#include "sandbox/watcher.h"
#include "sandbox/write.h"

#include <stdlib.h>
#include <string.h>

static struct jv *condition_of(const char *type, const char *status, const char *reason,
                               const char *message, const char *time)
{
    struct jv *out = jv_object();
    jv_set_str(out, "type", type);
    jv_set_str(out, "status", status);
    jv_set_str(out, "lastTransitionTime", time);
    jv_set_str(out, "reason", reason);
    jv_set_str(out, "message", message);
    return out;
}

static bool array_has(const struct jv *array, const char *text)
{
    for (size_t i = 0; i < jv_size(array); i++) {
        const char *value = jv_str(jv_at(array, i));
        if (value && strcmp(value, text) == 0)
            return true;
    }
    return false;
}

/* Versions that objects may be stored in: never forgets one. */
static void add_stored_version(const struct jv *crd, struct jv *status)
{
    const struct jv *versions = jv_path(crd, "spec", "versions", NULL);
    if (!jv_is_array(jv_get(status, "storedVersions")))
        jv_set(status, "storedVersions", jv_array());
    struct jv *stored = jv_get(status, "storedVersions");
    for (size_t i = 0; i < jv_size(versions); i++) {
        const struct jv *version = jv_at(versions, i);
        const char *name = jv_str(jv_get(version, "name"));
        if (jv_bool_value(jv_get(version, "storage")) && name && !array_has(stored, name))
            jv_append(stored, jv_string(name));
    }
}

void crd_prepare(struct jv *crd)
{
    struct jv *status = jv_ensure(crd, "status", NULL);
    add_stored_version(crd, status);
    if (jv_get(status, "acceptedNames"))
        return;
    struct jv *names = jv_object();
    jv_set_str(names, "kind", "");
    jv_set_str(names, "plural", "");
    jv_set(status, "acceptedNames", names);
}

/* What the controllers inside the real server add a moment after a CRD was written. */
static void write_status(struct apiserver *server, const struct jv *crd)
{
    char now[TIME_TEXT_BYTES];
    struct request request;
    struct refusal refusal = {0};
    struct stored *stored = NULL;
    struct jv *after = jv_dup(crd), *status = jv_ensure(after, "status", NULL);
    const struct kind *crds =
        kinds_find(server->kinds, "apiextensions.k8s.io", "customresourcedefinitions");
    jv_set(status, "acceptedNames", jv_dup(jv_path(crd, "spec", "names", NULL)));
    if (!jv_size(jv_get(status, "conditions"))) {
        struct jv *conditions = jv_array();
        server_time(server, false, now);
        jv_append(conditions,
                  condition_of("NamesAccepted", "True", "NoConflicts", "no conflicts found", now));
        jv_append(conditions, condition_of("Established", "True", "InitialNamesAccepted",
                                           "the initial names have been accepted", now));
        jv_set(status, "conditions", conditions);
    }
    request_init_internal(&request, server, crds, VERB_UPDATE);
    free(request.field_manager);
    request.field_manager = mem_str("kube-apiserver");
    request.subresource = mem_str("status");
    write_update(&request, crd, after, WRITE_STATUS, &stored, &refusal);
    stored_unref(stored);
    refusal_deinit(&refusal);
    request_deinit(&request);
}

static char **copy_names(const struct jv *array, size_t *count)
{
    *count = jv_size(array);
    char **out = *count ? mem_alloc(*count * sizeof(char *)) : NULL;
    for (size_t i = 0; i < *count; i++)
        out[i] = mem_str(jv_str(jv_at(array, i)) ? jv_str(jv_at(array, i)) : "");
    return out;
}

static void set_version(struct kind *kind, size_t index, struct jv *definition)
{
    struct field_errors ignored; /* validation has been here before */
    struct kind_version *version = &kind->versions[index];
    field_errors_init(&ignored);
    version->name = mem_str(jv_str(jv_get(definition, "name")));
    version->served = jv_bool_value(jv_get(definition, "served"));
    version->deprecated = jv_bool_value(jv_get(definition, "deprecated"));
    version->status = jv_path(definition, "subresources", "status", NULL) != NULL;
    version->scale = jv_path(definition, "subresources", "scale", NULL) != NULL;
    version->definition = jv_ref(definition);
    version->schema =
        schema_new(jv_path(definition, "schema", "openAPIV3Schema", NULL), "", &ignored);
    if (jv_bool_value(jv_get(definition, "storage")))
        kind->storage_version = index;
    field_errors_deinit(&ignored);
}

/* Builds or rebuilds the kind; its objects stay. The definition is a copy of our own. */
static void establish(struct apiserver *server, const struct jv *crd)
{
    struct jv *spec = jv_dup(jv_get(crd, "spec"));
    const struct jv *names = jv_get(spec, "names");
    const char *group = jv_str(jv_get(spec, "group")), *plural = jv_str(jv_get(names, "plural"));
    struct kind *kind = kinds_find(server->kinds, group, plural);
    if (!kind)
        kind = kinds_add(server->kinds, group, plural);
    watchers_end(server->watchers, kind);
    kind_clear_names(kind);
    kind->flags = KIND_CUSTOM | KIND_NEEDS_VERSION;
    if (strcmp(jv_str(jv_get(spec, "scope")), "Namespaced") == 0)
        kind->flags |= KIND_NAMESPACED;
    if (meta_deleting(crd))
        kind->flags |= KIND_DELETING;
    kind->singular = mem_str(jv_str(jv_get(names, "singular")));
    kind->kind = mem_str(jv_str(jv_get(names, "kind")));
    kind->list_kind = mem_str(jv_str(jv_get(names, "listKind")));
    kind->short_names = copy_names(jv_get(names, "shortNames"), &kind->short_name_count);
    kind->categories = copy_names(jv_get(names, "categories"), &kind->category_count);
    const struct jv *versions = jv_get(spec, "versions");
    kind->version_count = jv_size(versions);
    kind->versions = mem_alloc(kind->version_count * sizeof(*kind->versions));
    for (size_t i = 0; i < kind->version_count; i++)
        set_version(kind, i, jv_at(versions, i));
    kinds_index(server->kinds, kind);
    jv_unref(spec);
}

static struct kind *kind_of(const struct apiserver *server, const struct jv *crd)
{
    return kinds_find(server->kinds, jv_path_str(crd, "spec", "group", NULL),
                      jv_path_str(crd, "spec", "names", "plural", NULL));
}

void crd_committed(struct apiserver *server, const struct jv *before, const struct jv *after)
{
    if (after) {
        const struct jv *was = jv_get(before, "spec"), *is = jv_get(after, "spec");
        if (!was || !jv_equal(was, is) || meta_deleting(after) != meta_deleting(before))
            establish(server, after);
        const struct jv *names = jv_path(after, "spec", "names", NULL);
        const struct jv *accepted = jv_path(after, "status", "acceptedNames", NULL);
        if (!meta_deleting(after) && !(accepted && jv_equal(names, accepted)))
            write_status(server, after);
    } else if (kind_of(server, before)) {
        kind_of(server, before)->flags |= KIND_REMOVED;
    }
}

static bool collect_keys(void *arg, struct stored *stored)
{
    jv_append(arg, jv_string(stored->key));
    return true;
}

void crd_begin_delete(struct request *request, const struct jv *crd)
{
    struct apiserver *server = request->server;
    struct kind *kind = kind_of(server, crd);
    const struct delete_options options = {.grace_s = -1};
    if (!kind || kind_is(kind, KIND_REMOVED))
        return;
    struct jv *keys = jv_array();
    storage_each(server->storage, kind, NULL, NULL, 0, collect_keys, keys);
    for (size_t i = 0; i < jv_size(keys); i++) {
        struct request inner;
        struct refusal refusal = {0};
        struct stored *stored = NULL;
        bool gone;
        request_init_internal(&inner, server, kind, VERB_DELETE);
        const char *key = jv_str(jv_at(keys, i)), *slash = strchr(key, '/');
        if (slash)
            inner.namespace = mem_strn(key, (size_t)(slash - key));
        delete_one(&inner, slash ? slash + 1 : key, &options, &stored, &gone, &refusal);
        stored_unref(stored);
        refusal_deinit(&refusal);
        request_deinit(&inner);
    }
    bool empty = jv_size(keys) == 0;
    jv_unref(keys);
    if (empty)
        crd_finish_delete(server, kind);
}

/* Runs when the last object is gone, and once more when the CRD itself is. */
void crd_finish_delete(struct apiserver *server, const struct kind *kind)
{
    struct request inner;
    struct refusal refusal = {0};
    struct jv *before = NULL;
    struct stored *stored = NULL;
    const struct kind *crds =
        kinds_find(server->kinds, "apiextensions.k8s.io", "customresourcedefinitions");
    char *name = mem_printf("%s.%s", kind->plural, kind->group);
    request_init_internal(&inner, server, crds, VERB_UPDATE);
    if (write_load(&inner, name, &before, &refusal) == 0) {
        struct jv *after = jv_dup(before);
        meta_remove_finalizer(after, CRD_CLEANUP_FINALIZER);
        write_update(&inner, before, after, WRITE_INTERNAL, &stored, &refusal);
    }
    stored_unref(stored);
    jv_unref(before);
    refusal_deinit(&refusal);
    request_deinit(&inner);
    free(name);
}
