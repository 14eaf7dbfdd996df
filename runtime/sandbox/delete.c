#include "sandbox/delete.h"

#include "base/log.h"
#include "sandbox/answer.h"
#include "sandbox/crd.h"
#include "sandbox/filter.h"
#include "sandbox/meta.h"
#include "sandbox/options.h"
#include "sandbox/strategy.h"
#include "sandbox/write.h"
#include "sandbox/zero.h"

#include <stdlib.h>
#include <string.h>

enum { GRACE_DEFAULT_S = 30 };

static int refuse_propagation(struct refusal *refusal, const char *policy, bool both)
{
    static const char *const supported[] = {"Foreground", "Background", "Orphan", "nil", NULL};
    struct field_errors errors;
    field_errors_init(&errors);
    if (both)
        field_invalid_str(&errors, "propagationPolicy", policy,
                          "orphanDependents and deletionPropagation cannot be both set");
    else
        field_unsupported(&errors, "propagationPolicy", policy, supported);
    refuse_options(refusal, "DeleteOptions", &errors);
    field_errors_deinit(&errors);
    return -1;
}

static int parse_propagation(const char *policy, struct delete_options *options,
                             struct refusal *refusal)
{
    if (!policy || !*policy)
        return 0;
    if (strcmp(policy, "Background") == 0)
        options->propagation = PROPAGATE_BACKGROUND;
    else if (strcmp(policy, "Foreground") == 0)
        options->propagation = PROPAGATE_FOREGROUND;
    else if (strcmp(policy, "Orphan") == 0)
        options->propagation = PROPAGATE_ORPHAN;
    else
        return refuse_propagation(refusal, policy, false);
    return 0;
}

/* These conflicts name the kind where others name the resource. */
static int refuse_precondition(const struct request *request, const char *name, const char *format,
                               const char *wanted, const char *live, struct refusal *refusal)
{
    const struct kind *kind = request->kind;
    struct buf why;
    buf_init(&why, 4096);
    for (const char *at = format; *at; at++) {
        if (*at == '%' && at[1] == 's') {
            buf_add_str(&why, wanted);
            wanted = live;
            at++;
        } else {
            buf_add_char(&why, *at);
        }
    }
    refuse_object(refusal, 409, "Conflict", kind, name,
                  "Operation cannot be fulfilled on %s%s%s \"%s\": %s", kind->kind,
                  *kind->group ? "." : "", kind->group, name, buf_str(&why));
    jv_set_str(jv_get(refusal->status, "details"), "kind", kind->kind);
    buf_deinit(&why);
    return -1;
}

/* Namespaces are judged by an older part of the real server, in other words. */
static int check_namespace(const struct request *request, const struct jv *object,
                           const struct delete_options *options, struct refusal *refusal)
{
    const char *revision = jv_path_str(object, "metadata", "resourceVersion", NULL);
    if (options->uid && strcmp(options->uid, meta_uid(object)) != 0)
        return refuse_conflict(refusal, request->kind, meta_name(object),
                               "Precondition failed: UID in precondition: %s, UID in object meta: "
                               "%s",
                               options->uid, meta_uid(object));
    if (options->resource_version && strcmp(options->resource_version, revision) != 0)
        return refuse_conflict(refusal, request->kind, meta_name(object),
                               "Precondition failed: ResourceVersion in precondition: %s, "
                               "ResourceVersion in object meta: %s",
                               options->resource_version, revision);
    return 0;
}

static int check_preconditions(const struct request *request, const struct jv *object,
                               const struct delete_options *options, struct refusal *refusal)
{
    const char *name = meta_name(object);
    const char *revision = jv_path_str(object, "metadata", "resourceVersion", NULL);
    if (request->kind->strategy == &strategy_namespace)
        return check_namespace(request, object, options, refusal);
    if (options->uid && strcmp(options->uid, meta_uid(object)) != 0)
        return refuse_precondition(request, name,
                                   "the UID in the precondition (%s) does not match the UID in "
                                   "record (%s). The object might have been deleted and then "
                                   "recreated",
                                   options->uid, meta_uid(object), refusal);
    if (options->resource_version && strcmp(options->resource_version, revision) != 0)
        return refuse_precondition(request, name,
                                   "the ResourceVersion in the precondition (%s) does not match "
                                   "the ResourceVersion in record (%s). The object might have "
                                   "been modified",
                                   options->resource_version, revision, refusal);
    return 0;
}

/* That a pod goes is a write of its own, in which its finalizers are let go, too. */
static bool is_marked_first(const struct kind *kind, const struct jv *before)
{
    return kind_is(kind, KIND_GRACEFUL) && !meta_deleting(before);
}

/* Only the collector's finalizers held it, and this deletion lets them go. */
static bool is_released(const struct kind *kind, const struct jv *before)
{
    return !is_marked_first(kind, before) &&
           jv_size(jv_path(before, "metadata", "finalizers", NULL)) > 0;
}

/* They are let go first, and then it is deleted: the real server has lost the revision of the precondition
 * by then and refuses whatever it was. */
static int check_released(const struct request *request, const struct jv *before,
                          const struct delete_options *options, struct refusal *refusal)
{
    const struct kind *kind = request->kind;
    const char *namespace = jv_path_str(before, "metadata", "namespace", NULL);
    if (!options->resource_version || !is_released(kind, before))
        return 0;
    return refuse_conflict(
        refusal, kind, meta_name(before),
        "StorageError: invalid object, Code: 4, Key: %s/%s%s%s, ResourceVersion: "
        "0, AdditionalErrorMsg: Precondition failed: ResourceVersion in "
        "precondition: , ResourceVersion in object meta: %s",
        kind->home->key_prefix, namespace ? namespace : "", namespace ? "/" : "", meta_name(before),
        jv_path_str(before, "metadata", "resourceVersion", NULL));
}

/* Seconds that this object may still take; 0 = none. */
static int64_t grace_of(const struct kind *kind, const struct jv *object,
                        const struct delete_options *options)
{
    if (!kind_is(kind, KIND_GRACEFUL))
        return 0;
    const char *phase = jv_path_str(object, "status", "phase", NULL);
    const char *node = jv_path_str(object, "spec", "nodeName", NULL);
    const struct jv *own = jv_path(object, "spec", "terminationGracePeriodSeconds", NULL);
    int64_t grace_s = own ? jv_int_value(own) : GRACE_DEFAULT_S;
    if (options->grace_s >= 0)
        grace_s = options->grace_s;
    if (!node || !*node || (phase && strcmp(phase, "Failed") == 0) ||
        (phase && strcmp(phase, "Succeeded") == 0))
        return 0;
    return grace_s < 0 ? 1 : grace_s;
}

static void set_propagation(const struct kind *kind, struct jv *object,
                            const struct delete_options *options)
{
    if (options->propagation == PROPAGATE_DEFAULT || kind->strategy == &strategy_event)
        return; /* what finalizers ask for already stays; events have no dependents */
    meta_remove_finalizer(object, "orphan");
    meta_remove_finalizer(object, "foregroundDeletion");
    if (options->propagation == PROPAGATE_ORPHAN)
        meta_add_finalizer(object, "orphan");
    else if (options->propagation == PROPAGATE_FOREGROUND)
        meta_add_finalizer(object, "foregroundDeletion");
}

static void set_deletion_time(const struct request *request, struct jv *object, int64_t grace_s)
{
    char time[TIME_TEXT_BYTES];
    int64_t wall_ns = clock_wall_ns(loop_clock(request->server->loop)) + grace_s * 1000000000;
    struct jv *metadata = jv_ensure(object, "metadata", NULL);
    log_time_rfc3339(wall_ns, false, time);
    if (!jv_get(metadata, "deletionTimestamp") && jv_get(metadata, "generation"))
        jv_set_int(metadata, "generation", jv_int_value(jv_get(metadata, "generation")) + 1);
    jv_set_str(metadata, "deletionTimestamp", time);
    if (request->kind->strategy != &strategy_namespace)
        jv_set_int(metadata, "deletionGracePeriodSeconds", grace_s);
}

static void mark_namespace(struct jv *object)
{
    jv_set_str(jv_ensure(object, "status", NULL), "phase", "Terminating");
}

/* Changes `after` to its state while it is being deleted. True when it can go at once. */
static bool prepare(const struct request *request, struct jv *after,
                    const struct delete_options *options)
{
    const struct kind *kind = request->kind->home;
    int64_t grace_s = grace_of(kind, after, options);
    bool namespace = kind->strategy == &strategy_namespace;
    if (meta_deleting(after)) {
        int64_t left_s =
            jv_int_value(jv_path(after, "metadata", "deletionGracePeriodSeconds", NULL));
        bool shorter = kind_is(kind, KIND_GRACEFUL) && options->grace_s >= 0 && grace_s < left_s;
        if (left_s > 0 && !shorter)
            return false;
        if (shorter)
            set_deletion_time(request, after, grace_s);
        if (!shorter && !namespace)
            set_propagation(kind, after, options);
    } else {
        set_propagation(kind, after, options);
        set_deletion_time(request, after, grace_s);
    }
    if (namespace)
        mark_namespace(after);
    return jv_size(jv_path(after, "metadata", "finalizers", NULL)) == 0 &&
           jv_int_value(jv_path(after, "metadata", "deletionGracePeriodSeconds", NULL)) == 0 &&
           !(namespace && jv_size(jv_path(after, "spec", "finalizers", NULL)));
}

static int refuse_protected(const struct request *request, const char *name,
                            struct refusal *refusal)
{
    static const char *const names[] = {"default", "kube-system", "kube-public"};
    if (request->kind->strategy != &strategy_namespace)
        return 0;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (strcmp(name, names[i]) == 0)
            return refuse_forbidden(refusal, request->kind, name,
                                    "this namespace may not be deleted");
    return 0;
}

static struct stored *commit(struct request *request, const struct jv *before, struct jv *after,
                             bool go)
{
    char key[KIND_TEXT_BYTES];
    struct kind *kind = request_home(request);
    struct stored *current = storage_get(kind, request_key(request, meta_name(before), key));
    if (!go && jv_equal(before, after))
        return stored_ref(current);
    if (request->dry_run)
        return stored_new(kind, go && !kind_is(kind, KIND_GRACEFUL) ? before : after, 0);
    if (!go)
        return write_commit(request, kind, before, after);
    struct jv *last = jv_dup(kind_is(kind, KIND_GRACEFUL) ? after : before);
    const struct jv *held = jv_path(before, "metadata", "finalizers", NULL);
    if (jv_size(held) && !is_marked_first(kind, before))
        jv_set(jv_get(last, "metadata"), "finalizers", jv_dup(held));
    if (kind_is(kind, KIND_GRACEFUL) && !jv_equal(before, after))
        stored_unref(write_commit(request, kind, before, after)); /* that it goes is told first */
    write_commit_delete(request, kind, before, after);
    uint64_t revision = storage_revision(request->server->storage);
    jv_set(jv_get(last, "metadata"), "resourceVersion",
           jv_stringf("%llu", (unsigned long long)revision));
    struct stored *stored = stored_new(kind, last, revision);
    jv_unref(last);
    return stored;
}

void delete_options_of(const struct jv *body, struct delete_options *options)
{
    struct refusal ignored = {0};
    const struct jv *grace = jv_get(body, "gracePeriodSeconds");
    const struct jv *orphan = jv_get(body, "orphanDependents");
    options->uid = jv_path_str(body, "preconditions", "uid", NULL);
    options->resource_version = jv_path_str(body, "preconditions", "resourceVersion", NULL);
    options->grace_s = grace && jv_type(grace) == JV_INT ? jv_int_value(grace) : -1;
    options->accepted = orphan && jv_type(orphan) == JV_BOOL && !jv_bool_value(orphan);
    if (orphan && jv_type(orphan) == JV_BOOL)
        options->propagation = jv_bool_value(orphan) ? PROPAGATE_ORPHAN : PROPAGATE_BACKGROUND;
    parse_propagation(jv_str(jv_get(body, "propagationPolicy")), options, &ignored);
    refusal_deinit(&ignored);
}

/* The kind, where it is told, and what dryRun may be. */
static int check_body(const struct jv *body, struct refusal *refusal)
{
    static const char *const supported[] = {"All", NULL};
    const char *kind = jv_str(jv_get(body, "kind")), *version = jv_str(jv_get(body, "apiVersion"));
    const struct jv *dry_run = jv_get(body, "dryRun");
    if (kind && *kind && version && *version && strcmp(kind, "DeleteOptions") != 0)
        return refuse_bad_request(refusal,
                                  "no kind \"%s\" is registered for version \"%s\" in scheme "
                                  "\"" GO_SCHEME "\"",
                                  kind, version);
    for (size_t i = 0; i < jv_size(dry_run); i++) {
        const char *text = jv_str(jv_at(dry_run, i));
        if (text && strcmp(text, "All") == 0)
            continue;
        struct field_errors errors;
        field_errors_init(&errors);
        field_unsupported_value(&errors, "dryRun", dry_run, supported);
        refuse_options(refusal, "DeleteOptions", &errors);
        field_errors_deinit(&errors);
        return -1;
    }
    return 0;
}

int delete_options_parse(struct request *request, struct delete_options *options,
                         struct refusal *refusal)
{
    size_t len = 0;
    *options = (struct delete_options){.grace_s = -1};
    exchange_body(request->exchange, &len);
    if (len && request_body(request, &options->body, refusal) < 0)
        return -1;
    if (options->body && check_body(options->body, refusal) < 0)
        goto failed;
    if (options->body) {
        delete_options_of(options->body, options);
        const char *policy = jv_str(jv_get(options->body, "propagationPolicy"));
        bool both = policy && jv_get(options->body, "orphanDependents");
        if (both ? refuse_propagation(refusal, policy, true) < 0
                 : parse_propagation(policy, options, refusal) < 0)
            goto failed;
        /* A body is all that counts: a dry run that only the URL asks for would be none. */
        request->dry_run = jv_size(jv_get(options->body, "dryRun")) > 0;
    }
    const char *grace = request_query(request, "gracePeriodSeconds");
    const char *orphan = request_query(request, "orphanDependents");
    char *rest = NULL;
    if (grace && *grace) {
        options->grace_s = strtoll(grace, &rest, 10);
        if (*rest) {
            refuse_bad_request(refusal, "strconv.ParseInt: parsing \"%s\": invalid syntax", grace);
            goto failed;
        }
    }
    if (orphan && *orphan)
        options->propagation =
            strcmp(orphan, "true") == 0 ? PROPAGATE_ORPHAN : PROPAGATE_BACKGROUND;
    if (parse_propagation(request_query(request, "propagationPolicy"), options, refusal) == 0)
        return 0;
failed:
    jv_unref(options->body);
    options->body = NULL;
    return -1;
}

int delete_one(struct request *request, const char *name, const struct delete_options *options,
               struct stored **out, bool *gone, struct refusal *refusal)
{
    struct jv *before = NULL;
    if (write_load(request, name, &before, refusal) < 0)
        return -1;
    if (refuse_protected(request, name, refusal) < 0 ||
        check_preconditions(request, before, options, refusal) < 0) {
        jv_unref(before);
        return -1;
    }
    struct jv *after = jv_dup(before);
    if (request->kind->strategy == &strategy_crd)
        meta_add_finalizer(after, CRD_CLEANUP_FINALIZER);
    *gone = prepare(request, after, options);
    if (*gone && request->dry_run && is_released(request->kind, before)) {
        jv_unref(before);
        jv_unref(after);
        return 0;
    }
    if (*gone && check_released(request, before, options, refusal) < 0) {
        jv_unref(before);
        jv_unref(after);
        return -1;
    }
    if (*gone && !kind_is(request->kind, KIND_GRACEFUL)) {
        jv_unref(after); /* nobody has seen it otherwise */
        after = jv_dup(before);
    }
    *out = commit(request, before, after, *gone);
    if (request->kind->strategy == &strategy_crd && !request->dry_run)
        crd_begin_delete(request, after);
    jv_unref(before);
    jv_unref(after);
    return 0;
}

static void answer_nothing(struct request *request)
{
    bool custom = kind_is(request->kind, KIND_CUSTOM);
    struct jv *object = zero_object(request->kind, request->version, custom ? NULL : jv_object());
    answer_json(request, 200, object);
    jv_unref(object);
}

int verb_delete(struct request *request, struct refusal *refusal)
{
    struct delete_options options;
    struct stored *stored = NULL;
    bool gone = false;
    if (delete_options_parse(request, &options, refusal) < 0)
        return -1;
    int result = delete_one(request, request->name, &options, &stored, &gone, refusal);
    if (result == 0 && !stored) {
        answer_nothing(request);
    } else if (result == 0 && (!gone || kind_is(request->kind, KIND_RETURNS_OBJECT))) {
        answer_stored(request, !gone && options.accepted ? 202 : 200, stored);
    } else if (result == 0) {
        struct jv *object = stored_parse(stored);
        answer_success(request, request->kind, request->name, meta_uid(object));
        jv_unref(object);
    }
    stored_unref(stored);
    jv_unref(options.body);
    return result;
}

struct collection {
    const struct filter *filter;
    struct stored **list;
    size_t count;
};

static bool collect(void *arg, struct stored *stored)
{
    struct collection *collection = arg;
    if (!filter_matches(collection->filter, stored))
        return true;
    size_t size = (collection->count + 1) * sizeof(struct stored *);
    collection->list = mem_grow(collection->list, size);
    collection->list[collection->count++] = stored_ref(stored);
    return true;
}

/* Not atomic, as the real one: what was removed stays removed when a later one is refused. */
static int delete_collected(struct request *request, const struct collection *collection,
                            const struct delete_options *options, struct refusal *refusal)
{
    char namespace[KIND_TEXT_BYTES], version[KIND_TEXT_BYTES];
    struct buf text;
    int result = 0;
    buf_init(&text, LIST_BYTES_MAX);
    buf_printf(&text,
               "{\"kind\":\"%s\",\"apiVersion\":\"%s\",\"metadata\":{\"resourceVersion\":"
               "\"%llu\"%s},\"items\":[",
               request->kind->list_kind,
               kind_api_version(request->kind, request->version, version, sizeof(version)),
               (unsigned long long)storage_revision(request->server->storage),
               kind_is(request->kind, KIND_CUSTOM) ? ",\"continue\":\"\"" : "");
    char *addressed = request->namespace;
    for (size_t i = 0; result == 0 && i < collection->count; i++) {
        struct stored *stored = collection->list[i], *now = NULL;
        bool gone;
        stored_namespace(stored, namespace, sizeof(namespace));
        request->namespace = *namespace ? namespace : NULL;
        result = delete_one(request, stored->name, options, &now, &gone, refusal);
        buf_add_str(&text, i ? "," : "");
        answer_print(request, stored, true, &text); /* as it was */
        stored_unref(now);
    }
    request->namespace = addressed;
    buf_add_str(&text, "]}\n");
    if (result == 0)
        answer_bytes(request, 200, "application/json", text.data, text.len);
    buf_deinit(&text);
    return result;
}

int verb_delete_collection(struct request *request, struct refusal *refusal)
{
    struct delete_options options;
    struct filter filter;
    if (request->kind->strategy == &strategy_namespace)
        return refuse_method(refusal);
    if (delete_options_parse(request, &options, refusal) < 0)
        return -1;
    if (filter_init(&filter, request, refusal) < 0) {
        jv_unref(options.body);
        return -1;
    }
    struct collection collection = {.filter = &filter};
    storage_each(request->server->storage, request->kind->home, filter.namespace, NULL, 0, collect,
                 &collection);
    int result = delete_collected(request, &collection, &options, refusal);
    for (size_t i = 0; i < collection.count; i++)
        stored_unref(collection.list[i]);
    free(collection.list);
    filter_deinit(&filter);
    jv_unref(options.body);
    return result;
}
