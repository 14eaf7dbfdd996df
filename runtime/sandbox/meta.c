#include "sandbox/meta.h"

#include "sandbox/strategy.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

enum { ANNOTATIONS_BYTES_MAX = 256 << 10, GENERATED_BASE_MAX = 58 };

static const char *const server_set[] = {
    "uid",      "creationTimestamp",          "deletionTimestamp",
    "selfLink", "deletionGracePeriodSeconds", "resourceVersion"};

void meta_random_suffix(struct request *request, char out[GENERATED_SUFFIX + 1])
{
    static const char alphabet[] = "bcdfghjklmnpqrstvwxz2456789";
    for (size_t i = 0; i < GENERATED_SUFFIX; i++)
        out[i] = alphabet[random_below(request->server->options.random, sizeof(alphabet) - 1)];
    out[GENERATED_SUFFIX] = '\0';
}

static void generate_name(struct request *request, struct jv *metadata)
{
    const char *base = jv_str(jv_get(metadata, "generateName"));
    const char *name = jv_str(jv_get(metadata, "name"));
    if ((name && *name) || !base || !*base)
        return;
    char suffix[GENERATED_SUFFIX + 1] = "";
    meta_random_suffix(request, suffix);
    jv_set(metadata, "name", jv_stringf("%.*s%s", GENERATED_BASE_MAX, base, suffix));
}

static bool counts_generation(const struct kind *kind)
{
    return kind_is(kind, KIND_GENERATION) || kind_is(kind, KIND_CUSTOM);
}

/* Everything but identity, metadata and (where it has an endpoint of its own) status. */
static bool spec_differs(const struct request *request, const struct jv *a, const struct jv *b)
{
    struct jv_iter iter = {0};
    bool skip_status = request->version->status || !kind_is(request->kind, KIND_CUSTOM);
    while (jv_next(a, &iter)) {
        if (strcmp(iter.key, "metadata") == 0 || strcmp(iter.key, "apiVersion") == 0 ||
            strcmp(iter.key, "kind") == 0 || (skip_status && strcmp(iter.key, "status") == 0))
            continue;
        const struct jv *other = jv_get(b, iter.key);
        if (!other || !jv_equal(iter.value, other))
            return true;
    }
    return false;
}

bool meta_annotations_differ(const struct jv *a, const struct jv *b)
{
    const struct jv *left = jv_get(a, "annotations"), *right = jv_get(b, "annotations");
    return jv_size(left) != jv_size(right) || (jv_size(left) && !jv_equal(left, right));
}

static void check_name(const struct kind *kind, const char *name, const char *path,
                       struct field_errors *errors)
{
    const char *problem;
    if (kind_is(kind, KIND_PATH_NAME))
        problem = name_check_path_segment(name);
    else if (kind->strategy == &strategy_namespace || kind->strategy == &strategy_stateful_set)
        problem = name_check_label(name);
    else if (kind->strategy == &strategy_service)
        problem = name_check_service(name);
    else
        problem = name_check_subdomain(name);
    if (problem)
        field_invalid_str(errors, path, name, "%s", problem);
}

static void check_names(const struct kind *kind, const struct jv *metadata,
                        struct field_errors *errors)
{
    const char *name = jv_str(jv_get(metadata, "name"));
    const char *base = jv_str(jv_get(metadata, "generateName"));
    if (base && *base) {
        /* a trailing dash is fine in front of what will be appended */
        char *probe = mem_printf("%sx", base);
        check_name(kind, probe, "metadata.generateName", errors);
        free(probe);
    }
    if (!name || !*name)
        field_required(errors, "metadata.name", "name or generateName is required");
    else
        check_name(kind, name, "metadata.name", errors);
}

static void check_annotations(const struct jv *annotations, struct field_errors *errors)
{
    struct jv_iter iter = {0};
    size_t total = 0;
    while (annotations && jv_next(annotations, &iter)) {
        char *lower = mem_str(iter.key);
        for (char *at = lower; *at; at++)
            *at = (char)tolower((unsigned char)*at);
        const char *problem = name_check_qualified(lower);
        free(lower);
        if (problem)
            field_invalid_str(errors, "metadata.annotations", iter.key, "%s", problem);
        size_t len = 0;
        jv_strn(iter.value, &len);
        total += strlen(iter.key) + len;
    }
    if (total > ANNOTATIONS_BYTES_MAX)
        field_too_long(errors, "metadata.annotations", ANNOTATIONS_BYTES_MAX);
}

static void check_owner(const struct jv *owner, size_t index, struct field_errors *errors)
{
    static const char *const members[] = {"apiVersion", "kind", "name", "uid"};
    char path[FIELD_PATH_BYTES];
    (void)index; /* the real server's path has no index either */
    for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++) {
        const char *value = jv_str(jv_get(owner, members[i]));
        if (value && *value)
            continue;
        field_invalid_str(errors, field_path(path, "metadata.ownerReferences.%s", members[i]), "",
                          "%s", i ? "must not be empty" : "version must not be empty");
    }
}

static void check_owners(const struct jv *owners, struct field_errors *errors)
{
    const struct jv *controller = NULL;
    for (size_t i = 0; i < jv_size(owners); i++) {
        const struct jv *owner = jv_at(owners, i);
        check_owner(owner, i, errors);
        if (!jv_bool_value(jv_get(owner, "controller")))
            continue;
        if (controller)
            field_invalid(errors, "metadata.ownerReferences", owners,
                          "Only one reference can have Controller set to true. Found \"true\" in "
                          "references for %s/%s and %s/%s",
                          jv_path_str(controller, "kind", NULL),
                          jv_path_str(controller, "name", NULL), jv_path_str(owner, "kind", NULL),
                          jv_path_str(owner, "name", NULL));
        else
            controller = owner;
    }
}

static void check_finalizers(const struct jv *finalizers, struct field_errors *errors)
{
    for (size_t i = 0; i < jv_size(finalizers); i++) {
        const char *name = jv_str(jv_at(finalizers, i));
        const char *problem = name ? name_check_qualified(name) : "must be a string";
        if (problem)
            field_invalid_str(errors, "metadata.finalizers", name, "%s", problem);
    }
}

/* Those without a domain, which is a later part of the real server's judgement. */
static void check_plain_finalizers(const struct kind *kind, const struct jv *finalizers,
                                   struct field_errors *errors)
{
    char path[FIELD_PATH_BYTES];
    if (kind_is(kind, KIND_CUSTOM) || kind_is(kind, KIND_PLAIN_FINALIZERS))
        return;
    for (size_t i = 0; i < jv_size(finalizers); i++) {
        const char *name = jv_str(jv_at(finalizers, i));
        if (name && !strchr(name, '/') && strcmp(name, "orphan") != 0 &&
            strcmp(name, "foregroundDeletion") != 0)
            field_invalid_str(errors, field_path(path, "metadata.finalizers[%zu]", i), name,
                              "name is neither a standard finalizer name nor is it fully "
                              "qualified");
    }
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

static int by_text(const void *a, const void *b)
{
    return strcmp(jv_str(*(struct jv *const *)a), jv_str(*(struct jv *const *)b));
}

void meta_sort_texts(struct jv *list)
{
    size_t count = jv_size(list);
    struct jv **texts = mem_alloc((count + 1) * sizeof(*texts));
    for (size_t i = 0; i < count; i++)
        texts[i] = jv_ref(jv_at(list, i));
    qsort(texts, count, sizeof(*texts), by_text);
    for (size_t i = 0; i < count; i++)
        jv_replace_at(list, i, texts[i]);
    free(texts);
}

static void check_new_finalizers(const struct jv *before, const struct jv *after,
                                 struct field_errors *errors)
{
    struct jv *names = jv_array();
    struct buf found;
    for (size_t i = 0; i < jv_size(after); i++) {
        const char *name = jv_str(jv_at(after, i));
        if (name && !array_has(before, name) && !array_has(names, name))
            jv_append(names, jv_string(name));
    }
    meta_sort_texts(names);
    buf_init(&found, FIELD_PATH_BYTES);
    for (size_t i = 0; i < jv_size(names); i++)
        buf_printf(&found, "%s\"%s\"", i ? ", " : "", jv_str(jv_at(names, i)));
    if (found.len)
        field_forbidden(errors, "metadata.finalizers",
                        "no new finalizers can be added if the object is being deleted, found new "
                        "finalizers []string{%s}",
                        buf_str(&found));
    buf_deinit(&found);
    jv_unref(names);
}

static void check_rest(const struct jv *metadata, struct field_errors *errors)
{
    meta_validate_labels(jv_get(metadata, "labels"), "metadata.labels", errors);
    check_annotations(jv_get(metadata, "annotations"), errors);
    check_owners(jv_get(metadata, "ownerReferences"), errors);
    check_finalizers(jv_get(metadata, "finalizers"), errors);
}

static void validate_update(const struct kind *kind, const struct jv *before,
                            const struct jv *after, struct field_errors *errors)
{
    static const char *const immutable[] = {"name", "namespace", "uid", "deletionTimestamp",
                                            "deletionGracePeriodSeconds"};
    char path[FIELD_PATH_BYTES];
    const struct jv *old = jv_get(before, "metadata"), *metadata = jv_get(after, "metadata");
    for (size_t i = 0; i < sizeof(immutable) / sizeof(immutable[0]); i++) {
        const struct jv *was = jv_get(old, immutable[i]), *is = jv_get(metadata, immutable[i]);
        if (is && (!was || !jv_equal(was, is)))
            field_invalid(errors, field_path(path, "metadata.%s", immutable[i]), is,
                          "field is immutable");
    }
    check_rest(metadata, errors);
    if (meta_deleting(before))
        check_new_finalizers(jv_get(old, "finalizers"), jv_get(metadata, "finalizers"), errors);
    check_plain_finalizers(kind, jv_get(metadata, "finalizers"), errors);
}

void meta_prepare_create(struct request *request, struct jv *object)
{
    char uid[37], now[TIME_TEXT_BYTES];
    struct jv *metadata = jv_ensure(object, "metadata", NULL);
    for (size_t i = 0; i < sizeof(server_set) / sizeof(server_set[0]); i++)
        jv_remove(metadata, server_set[i]);
    generate_name(request, metadata);
    random_uuid(request->server->options.random, uid);
    jv_set_str(metadata, "uid", uid);
    jv_set_str(metadata, "creationTimestamp", server_time(request->server, false, now));
    if (counts_generation(request->kind))
        jv_set_int(metadata, "generation", 1);
    if (kind_is(request->kind, KIND_NAMESPACED))
        jv_set_str(metadata, "namespace", request->namespace);
    else
        jv_remove(metadata, "namespace");
}

void meta_prepare_update(const struct request *request, const struct jv *before, struct jv *after)
{
    static const char *const kept[] = {"name", "namespace", "uid", "deletionTimestamp",
                                       "deletionGracePeriodSeconds"};
    const struct jv *old = jv_get(before, "metadata");
    struct jv *metadata = jv_ensure(after, "metadata", NULL);
    for (size_t i = 0; i < sizeof(kept) / sizeof(kept[0]); i++)
        if (!jv_get(metadata, kept[i]) && jv_get(old, kept[i]))
            jv_set(metadata, kept[i], jv_ref(jv_get(old, kept[i])));
    if (!kind_is(request->kind, KIND_NAMESPACED))
        jv_remove(metadata, "namespace");
    bool counts = counts_generation(request->kind) &&
                  (!request->subresource || strcmp(request->subresource, "scale") == 0);
    jv_remove(metadata, "selfLink");
    jv_set(metadata, "creationTimestamp", jv_ref(jv_get(old, "creationTimestamp")));
    jv_remove(metadata, "generation");
    if (jv_get(old, "generation"))
        jv_set(metadata, "generation", jv_ref(jv_get(old, "generation")));
    jv_set(metadata, "resourceVersion", jv_ref(jv_get(old, "resourceVersion")));
    bool differs = spec_differs(request, before, after) || spec_differs(request, after, before);
    if (request->kind->strategy == &strategy_deployment) /* as the real one: rollbacks were there */
        differs |= meta_annotations_differ(old, metadata);
    if (counts && differs)
        jv_set_int(metadata, "generation", jv_int_value(jv_get(old, "generation")) + 1);
}

void meta_validate_labels(const struct jv *labels, const char *path, struct field_errors *errors)
{
    struct jv_iter iter = {0};
    while (labels && jv_next(labels, &iter)) {
        const char *problem = name_check_qualified(iter.key);
        if (problem)
            field_invalid_str(errors, path, iter.key, "%s", problem);
        const char *value = jv_str(iter.value);
        problem = name_check_label_value(value ? value : "");
        if (problem)
            field_invalid_str(errors, path, value, "%s", problem);
    }
}

void meta_validate(const struct kind *kind, const struct jv *object, struct field_errors *errors)
{
    const struct jv *metadata = jv_get(object, "metadata");
    check_names(kind, metadata, errors);
    check_rest(metadata, errors);
    check_plain_finalizers(kind, jv_get(metadata, "finalizers"), errors);
}

void meta_validate_update(const struct kind *kind, const struct jv *before, const struct jv *after,
                          struct field_errors *errors)
{
    validate_update(kind, before, after, errors);
    /* The real server judges most twice, in general and by kind; its causes tell. */
    bool once = (kind_is(kind, KIND_PLAIN_FINALIZERS) && kind_is(kind, KIND_PATH_NAME)) ||
                kind->strategy == &strategy_volume;
    if (!once)
        validate_update(kind, before, after, errors);
}

bool meta_deleting(const struct jv *object)
{
    return jv_path(object, "metadata", "deletionTimestamp", NULL) != NULL;
}

bool meta_has_finalizer(const struct jv *object, const char *name)
{
    return array_has(jv_path(object, "metadata", "finalizers", NULL), name);
}

void meta_add_finalizer(struct jv *object, const char *name)
{
    if (meta_has_finalizer(object, name))
        return;
    struct jv *metadata = jv_ensure(object, "metadata", NULL);
    if (!jv_is_array(jv_get(metadata, "finalizers")))
        jv_set(metadata, "finalizers", jv_array());
    jv_append(jv_get(metadata, "finalizers"), jv_string(name));
}

void meta_remove_finalizer(struct jv *object, const char *name)
{
    struct jv *metadata = jv_ensure(object, "metadata", NULL);
    struct jv *finalizers = jv_get(metadata, "finalizers");
    for (size_t i = jv_size(finalizers); i > 0; i--) {
        const char *value = jv_str(jv_at(finalizers, i - 1));
        if (value && strcmp(value, name) == 0)
            jv_remove_at(finalizers, i - 1);
    }
    if (finalizers && jv_size(finalizers) == 0)
        jv_remove(metadata, "finalizers");
}

const char *meta_name(const struct jv *object)
{
    return jv_path_str(object, "metadata", "name", NULL);
}

const char *meta_namespace(const struct jv *object)
{
    return jv_path_str(object, "metadata", "namespace", NULL);
}

const char *meta_uid(const struct jv *object)
{
    return jv_path_str(object, "metadata", "uid", NULL);
}
