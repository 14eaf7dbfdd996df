#include "sandbox/write.h"

#include "sandbox/crd.h"
#include "sandbox/decode.h"
#include "sandbox/meta.h"
#include "sandbox/patch_apply.h"
#include "sandbox/quota.h"
#include "sandbox/schema.h"
#include "sandbox/strategy.h"
#include "sandbox/watcher.h"

#include <stdlib.h>
#include <string.h>

enum { NAME_TRIES_MAX = 8, OBJECT_BYTES_MAX = 1536 << 10 };

static const struct type *home_type(const struct kind *kind)
{
    return kind->versions[kind->storage_version].type;
}

static bool has_status(const struct request *request)
{
    return kind_is(request->kind, KIND_CUSTOM) ? request->version->status
                                               : kind_is(request->kind, KIND_STATUS);
}

/* The encoding's view of the object: zero values left out or filled in. */
static void normalize(const struct kind *kind, struct jv **object)
{
    const struct type *type = home_type(kind);
    struct jv *clean = type ? decode_object(type, *object, NULL, NULL) : NULL;
    if (!clean)
        return;
    jv_unref(*object);
    *object = clean;
}

static void set_defaults(const struct request *request, struct jv *object)
{
    const struct strategy *strategy = request->kind->home->strategy;
    if (strategy->defaults)
        strategy->defaults(object);
    schema_default(request->version->schema, object);
}

static int check_namespace(const struct request *request, const struct jv *object,
                           struct refusal *refusal)
{
    const char *given = meta_namespace(object);
    const char *wanted = request->namespace ? request->namespace : "";
    if (!kind_is(request->kind, KIND_NAMESPACED))
        return 0; /* dropped */
    if (!*wanted)
        return refuse_method(refusal);
    bool fits = !given || !*given || strcmp(given, wanted) == 0 ||
                (!*wanted && strcmp(given, "default") == 0);
    if (fits)
        return 0;
    return refuse_bad_request(refusal, "the namespace of the provided object does not match the "
                                       "namespace sent on the request");
}

/* The admission that keeps namespaces whole: nothing is created in one that is missing or going. */
static int admit_namespace(const struct request *request, const char *name, struct refusal *refusal)
{
    if (!request->namespace || !kind_is(request->kind, KIND_NAMESPACED))
        return 0;
    const struct kind *namespaces = kinds_find(request->server->kinds, "", "namespaces");
    struct stored *stored = storage_get(namespaces, request->namespace);
    if (!stored)
        return refuse_not_found(refusal, namespaces, request->namespace);
    struct jv *namespace = stored_parse(stored);
    bool going = meta_deleting(namespace);
    jv_unref(namespace);
    if (!going)
        return 0;
    refuse_forbidden(refusal, request->kind, name,
                     "unable to create new content in namespace %s because it is being terminated",
                     request->namespace);
    char *message = mem_printf("namespace %s is being terminated", request->namespace);
    refusal_add_cause(refusal, "NamespaceTerminating", message, "metadata.namespace");
    free(message);
    return -1;
}

/* Custom objects may have them, but are advised against it. */
static void warn_finalizers(struct request *request, const struct jv *before,
                            const struct jv *object)
{
    const struct jv *finalizers = jv_path(object, "metadata", "finalizers", NULL);
    for (size_t i = 0; kind_is(request->kind, KIND_CUSTOM) && i < jv_size(finalizers); i++) {
        const char *name = jv_str(jv_at(finalizers, i));
        if (name && !strchr(name, '/') && strcmp(name, "orphan") != 0 &&
            strcmp(name, "foregroundDeletion") != 0 &&
            !(before && meta_has_finalizer(before, name)))
            request_warn(request,
                         "metadata.finalizers: \"%s\": prefer a domain-qualified finalizer name to "
                         "avoid accidental conflicts with other finalizer writers",
                         name);
    }
}

static int refuse_kind(const struct request *request, const char *name, struct refusal *refusal)
{
    struct field_errors errors;
    const char *group = request->kind->group;
    field_errors_init(&errors);
    field_invalid_str(&errors, "kind", request->other_kind, "must be %s", request->kind->kind);
    refuse_object(refusal, 422, "Invalid", request->kind, name, "%s.%s \"%s\" is invalid: %s",
                  request->other_kind, group, name ? name : "", buf_str(&errors.text));
    struct jv *details = jv_get(refusal->status, "details");
    jv_set_str(details, "kind", request->other_kind);
    jv_set(details, "causes", jv_ref(errors.causes));
    field_errors_deinit(&errors);
    return -1;
}

static int validate_create(const struct request *request, const struct jv *object,
                           struct refusal *refusal)
{
    struct field_errors errors;
    const struct kind *kind = request->kind->home;
    int result = 0;
    if (request->other_kind)
        return refuse_kind(request, meta_name(object), refusal);
    field_errors_init(&errors);
    bool meta_last = kind->strategy == &strategy_budget; /* and only when all else is well */
    if (!meta_last)
        meta_validate(kind, object, &errors);
    if (kind->strategy->validate)
        kind->strategy->validate(object, &errors);
    if (meta_last && !field_errors_count(&errors))
        meta_validate(kind, object, &errors);
    schema_validate(request->version->schema, object, NULL, NULL, &errors);
    if (field_errors_count(&errors))
        result = refuse_invalid(refusal, request->kind, meta_name(object), &errors);
    field_errors_deinit(&errors);
    return result;
}

static int validate_update(const struct request *request, const struct jv *before,
                           const struct jv *after, enum write_part part, struct refusal *refusal)
{
    struct field_errors errors;
    const struct kind *kind = request->kind->home;
    int result = 0;
    if (part == WRITE_INTERNAL)
        return 0;
    if (request->other_kind)
        return refuse_kind(request, meta_name(after), refusal);
    field_errors_init(&errors);
    meta_validate_update(kind, before, after, &errors);
    if (part == WRITE_STATUS && kind->strategy->validate_status)
        kind->strategy->validate_status(before, after, &errors);
    if (part != WRITE_STATUS && part != WRITE_FINALIZE) {
        bool change_first = kind_is(kind, KIND_CHANGE_FIRST);
        if (change_first && kind->strategy->validate_update)
            kind->strategy->validate_update(before, after, &errors);
        for (int i = kind_is(kind, KIND_JUDGED_TWICE) ? 0 : 1; kind->strategy->validate && i < 2;
             i++)
            kind->strategy->validate(after, &errors);
        if (!change_first && kind->strategy->validate_update)
            kind->strategy->validate_update(before, after, &errors);
    }
    schema_validate(request->version->schema, after, before, part == WRITE_STATUS ? "status" : NULL,
                    &errors);
    if (field_errors_count(&errors))
        result = refuse_invalid(refusal, request->kind, meta_name(after), &errors);
    field_errors_deinit(&errors);
    return result;
}

static int commit(struct request *request, struct kind *kind, const struct jv *before,
                  struct jv *after, size_t bytes_max, struct stored **out)
{
    struct apiserver *server = request->server;
    struct stored *stored =
        storage_put(server->storage, kind, after, bytes_max, server_now_ms(server));
    if (!stored)
        return -1;
    stored->unsettled = request->unsettled || (!before && kind->strategy == &strategy_claim);
    *out = stored_ref(stored); /* what follows may write again */
    if (server->options.on_commit)
        server->options.on_commit(server->options.on_commit_arg, before ? "update" : "create",
                                  request->user, before, after);
    if (kind->strategy->committed)
        kind->strategy->committed(server, before, after);
    return 0;
}

/* The commit of a client's write: bounded, and nothing with dry run. */
static int commit_bounded(struct request *request, struct kind *kind, const struct jv *before,
                          struct jv *after, struct stored **out, struct refusal *refusal)
{
    if (request->dry_run) {
        *out = stored_new(kind, after, 0);
        return 0;
    }
    if (commit(request, kind, before, after, OBJECT_BYTES_MAX, out) == 0)
        return 0;
    return refuse_object(refusal, 500, "", request->kind, meta_name(after),
                         "etcdserver: request is too large");
}

static int refuse_there(const struct request *request, const struct stored *there,
                        struct refusal *refusal)
{
    struct jv *object = stored_parse(there);
    bool going = meta_deleting(object);
    jv_unref(object);
    refuse_exists(refusal, request->kind, there->name);
    if (going)
        jv_set(
            refusal->status, "message",
            jv_stringf("object is being deleted: %s", jv_str(jv_get(refusal->status, "message"))));
    return -1;
}

/* Nobody is warned of what is refused. */
static int take_back(struct request *request, size_t warned)
{
    while (jv_size(request->warnings) > warned)
        jv_remove_at(request->warnings, jv_size(request->warnings) - 1);
    return -1;
}

static int create_prepared(struct request *request, struct jv **object, struct stored **out,
                           struct refusal *refusal)
{
    char key[KIND_TEXT_BYTES];
    size_t warned = jv_size(request->warnings);
    struct kind *kind = request_home(request);
    if (has_status(request) && !kind_is(kind, KIND_NO_STATUS_RESET) && request->exchange &&
        kind->strategy != &strategy_crd)
        jv_remove(*object, "status");
    if (kind->strategy->prepare_create &&
        kind->strategy->prepare_create(request, *object, refusal) < 0)
        return -1;
    if (kind->strategy == &strategy_crd)
        crd_prepare(*object);
    normalize(kind, object);
    if (validate_create(request, *object, refusal) < 0)
        return take_back(request, warned);
    warn_finalizers(request, NULL, *object);
    struct stored *there = storage_get(kind, request_key(request, meta_name(*object), key));
    if (there)
        return refuse_there(request, there, refusal);
    if (quota_admit(request, *object, refusal) < 0)
        return -1;
    if (storage_is_full(request->server->storage))
        return refuse(refusal, 500, "InternalError", "etcdserver: mvcc: database space exceeded");
    return commit_bounded(request, kind, NULL, *object, out, refusal);
}

/* For the part of the object that this endpoint writes; the rest is as before. */
static void merge_part(const struct request *request, const struct jv *before, struct jv **after,
                       enum write_part part)
{
    struct jv *metadata = jv_get(*after, "metadata"), *status = jv_get(*after, "status");
    if (part == WRITE_STATUS) {
        struct jv *merged = jv_dup(before);
        if (!kind_is(request->kind, KIND_CUSTOM) && metadata)
            jv_set(merged, "metadata", jv_ref(metadata));
        else if (jv_get(metadata, "managedFields"))
            jv_set(jv_get(merged, "metadata"), "managedFields",
                   jv_ref(jv_get(metadata, "managedFields")));
        if (request->kind->strategy == &strategy_deployment) {
            struct jv *labels = jv_path(before, "metadata", "labels", NULL);
            jv_remove(jv_get(merged, "metadata"), "labels");
            if (labels)
                jv_set(jv_get(merged, "metadata"), "labels", jv_ref(labels));
        }
        jv_remove(merged, "status");
        if (status)
            jv_set(merged, "status", jv_ref(status));
        jv_unref(*after);
        *after = merged;
    } else if (part != WRITE_INTERNAL && has_status(request)) {
        jv_remove(*after, "status");
        if (jv_get(before, "status"))
            jv_set(*after, "status", jv_ref(jv_get(before, "status")));
    }
}

int write_check_revision(const char *text, struct refusal *refusal)
{
    if (!text || !text[strspn(text, "0123456789")])
        return 0;
    return refuse(refusal, 500, "", "strconv.ParseUint: parsing \"%s\": invalid syntax", text);
}

static int check_preconditions(const struct request *request, const struct jv *before,
                               const struct jv *after, struct refusal *refusal)
{
    const char *name = meta_name(before);
    const char *wanted = jv_path_str(after, "metadata", "resourceVersion", NULL);
    const char *uid = meta_uid(after);
    bool put = request->verb == VERB_UPDATE && request->exchange;
    if (put && uid && *uid && strcmp(uid, meta_uid(before)) != 0)
        return refuse_conflict(
            refusal, request->kind, name,
            "StorageError: invalid object, Code: 4, Key: %s/%s%s%s, ResourceVersion: 0, "
            "AdditionalErrorMsg: Precondition failed: UID in precondition: %s, UID in object "
            "meta: %s",
            request->kind->home->key_prefix, request->namespace ? request->namespace : "",
            request->namespace ? "/" : "", name, uid, meta_uid(before));
    if (write_check_revision(wanted, refusal) < 0)
        return -1;
    if (wanted && *wanted && strcmp(wanted, "0") != 0)
        return strcmp(wanted, jv_path_str(before, "metadata", "resourceVersion", NULL)) == 0
                   ? 0
                   : refuse_modified(refusal, request->kind, name);
    if (request->verb != VERB_UPDATE || !kind_is(request->kind, KIND_NEEDS_VERSION))
        return 0;
    struct field_errors errors;
    field_errors_init(&errors);
    struct jv *zero = jv_int(0);
    field_invalid(&errors, "metadata.resourceVersion", zero, "must be specified for an update");
    jv_unref(zero);
    char text[KIND_TEXT_BYTES]; /* this one refusal names the resource where others name the kind */
    refuse_object(refusal, 422, "Invalid", request->kind, name, "%s \"%s\" is invalid: %s",
                  kind_resource_text(request->kind, text, sizeof(text)), name,
                  buf_str(&errors.text));
    jv_set(jv_get(refusal->status, "details"), "causes", jv_ref(errors.causes));
    field_errors_deinit(&errors);
    return -1;
}

/* Nothing holds it any more: no finalizer, and (for pods) the grace period is over. */
static bool may_go(const struct kind *kind, const struct jv *object)
{
    const struct jv *metadata = jv_get(object, "metadata");
    return meta_deleting(object) && jv_size(jv_get(metadata, "finalizers")) == 0 &&
           jv_int_value(jv_get(metadata, "deletionGracePeriodSeconds")) == 0 &&
           (kind->strategy != &strategy_namespace ||
            jv_size(jv_path(object, "spec", "finalizers", NULL)) == 0);
}

static int commit_update(struct request *request, const struct jv *before, struct jv *after,
                         struct stored **out, struct refusal *refusal)
{
    char key[KIND_TEXT_BYTES];
    struct kind *kind = request_home(request);
    if (may_go(kind, after) && !request->dry_run) {
        *out = stored_new(kind, after, storage_revision(request->server->storage));
        struct jv *last =
            jv_dup(before); /* the update itself is never stored, nor seen by watches */
        write_commit_delete(request, kind, before, last);
        jv_unref(last);
        return 0;
    }
    struct stored *live = storage_get(kind, request_key(request, meta_name(before), key));
    if (!jv_equal(before, after) || live->unsettled || request->unsettled)
        return commit_bounded(request, kind, before, after, out, refusal);
    *out = stored_ref(live);
    return 0;
}

/* Who writes a custom object's status becomes the manager of the metadata that it sends, too, though
 * none of it is written: so the real server has it. */
static void track_status(struct request *request, const struct jv *before, struct jv *after,
                         struct jv *sent)
{
    struct jv *probe = jv_dup(after);
    if (sent)
        jv_set(probe, "metadata", jv_dup(sent));
    managed_track(request, before, probe);
    struct jv *entries = jv_path(probe, "metadata", "managedFields", NULL);
    jv_remove(jv_get(after, "metadata"), "managedFields");
    if (entries)
        jv_set(jv_get(after, "metadata"), "managedFields", jv_ref(entries));
    jv_unref(probe);
}

static int update_prepared(struct request *request, const struct jv *before, struct jv **after,
                           enum write_part part, struct stored **out, struct refusal *refusal)
{
    struct kind *kind = request_home(request);
    size_t warned = jv_size(request->warnings);
    if (check_namespace(request, *after, refusal) < 0 ||
        check_preconditions(request, before, *after, refusal) < 0)
        return -1;
    struct jv *sent = jv_ref(jv_get(*after, "metadata"));
    merge_part(request, before, after, part);
    set_defaults(request, *after);
    if (!request->managed && part == WRITE_STATUS && kind_is(request->kind, KIND_CUSTOM))
        track_status(request, before, *after, sent);
    else if (!request->managed && part != WRITE_INTERNAL && part != WRITE_FINALIZE)
        managed_track(request, before, *after);
    jv_unref(sent);
    if (kind->strategy->prepare_update && part != WRITE_STATUS && part != WRITE_FINALIZE &&
        kind->strategy->prepare_update(request, before, *after, refusal) < 0)
        return -1;
    normalize(kind, after);
    meta_prepare_update(request, before, *after);
    if (kind->strategy == &strategy_crd && part == WRITE_MAIN)
        crd_prepare(*after);
    if (validate_update(request, before, *after, part, refusal) < 0)
        return take_back(request, warned);
    if (part == WRITE_MAIN)
        warn_finalizers(request, before, *after);
    return commit_update(request, before, *after, out, refusal);
}

/* With dry run an object that an update would make keeps the revision that was sent. */
static void show_revision(const struct request *request, struct jv *object, const char *revision,
                          struct stored **out)
{
    jv_set_str(jv_get(object, "metadata"), "resourceVersion", revision);
    stored_unref(*out);
    *out = stored_new(request->kind->home, object, 0);
}

int write_create(struct request *request, struct jv *object, struct stored **out,
                 struct refusal *refusal)
{
    char key[KIND_TEXT_BYTES];
    const char *revision = jv_path_str(object, "metadata", "resourceVersion", NULL);
    int result = check_namespace(request, object, refusal);
    bool puts = request->verb == VERB_UPDATE; /* what it was at is not looked at */
    char *kept = mem_str(revision);
    if (result == 0 && request->exchange && !puts && revision && *revision &&
        strcmp(revision, "0") != 0)
        result =
            refuse(refusal, 500, "", "resourceVersion should not be set on objects to be created");
    if (result == 0)
        result = admit_namespace(request, meta_name(object), refusal);
    if (result == 0 && kind_is(request->kind, KIND_DELETING))
        result = refuse_method(refusal);
    if (result == 0) {
        const char *name = meta_name(object);
        bool generated = !name || !*name;
        meta_prepare_create(request, object);
        for (int i = 1;
             generated && i < NAME_TRIES_MAX && meta_name(object) &&
             storage_get(request->kind->home, request_key(request, meta_name(object), key));
             i++) {
            jv_remove(jv_get(object, "metadata"), "name");
            meta_prepare_create(request, object);
        }
        set_defaults(request, object);
        if (!request->managed)
            managed_track(request, NULL, object);
        result = create_prepared(request, &object, out, refusal);
    }
    if (result == 0 && puts && request->dry_run && kept)
        show_revision(request, object, kept, out);
    free(kept);
    jv_unref(object);
    return result;
}

int write_update(struct request *request, const struct jv *before, struct jv *after,
                 enum write_part part, struct stored **out, struct refusal *refusal)
{
    int result = update_prepared(request, before, &after, part, out, refusal);
    jv_unref(after);
    return result;
}

struct stored *write_commit(struct request *request, struct kind *kind, const struct jv *before,
                            struct jv *after)
{
    struct stored *stored = NULL;
    commit(request, kind, before, after, 0, &stored);
    return stored;
}

void write_commit_delete(struct request *request, struct kind *kind, const struct jv *before,
                         struct jv *last)
{
    struct apiserver *server = request->server;
    storage_remove(server->storage, kind, last, server_now_ms(server));
    if (server->options.on_commit)
        server->options.on_commit(server->options.on_commit_arg, "delete", request->user, before,
                                  NULL);
    if (kind->strategy->committed)
        kind->strategy->committed(server, before, NULL);
    if (kind_is(kind, KIND_DELETING) && tree_count(kind->objects) == 0)
        crd_finish_delete(server, kind);
}

int write_load(struct request *request, const char *name, struct jv **out, struct refusal *refusal)
{
    char key[KIND_TEXT_BYTES];
    struct stored *stored = storage_get(request->kind->home, request_key(request, name, key));
    if (!stored)
        return refuse_not_found(refusal, request->kind, name);
    *out = stored_parse(stored);
    return 0;
}
