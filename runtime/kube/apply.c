#include "kube/apply.h"

#include "base/digest.h"

#include <stdlib.h>
#include <string.h>

enum { PATH_BYTES_MAX = 16 << 10, BODY_BYTES_MAX = 16 << 20 };

static const char *verb_method(enum write_verb verb)
{
    switch (verb) {
    case WRITE_GET:
    case WRITE_LIST:
        return "GET";
    case WRITE_CREATE:
        return "POST";
    case WRITE_UPDATE:
        return "PUT";
    case WRITE_DELETE:
        return "DELETE";
    case WRITE_APPLY:
    case WRITE_PATCH_MERGE:
    case WRITE_PATCH_JSON:
        break;
    }
    return "PATCH";
}

static const char *verb_content_type(enum write_verb verb)
{
    switch (verb) {
    case WRITE_APPLY:
        return "application/apply-patch+yaml"; /* JSON is YAML */
    case WRITE_PATCH_MERGE:
        return "application/merge-patch+json";
    case WRITE_PATCH_JSON:
        return "application/json-patch+json";
    default:
        return "application/json";
    }
}

static bool verb_reads(enum write_verb verb)
{
    return verb == WRITE_GET || verb == WRITE_LIST;
}

static const char *from_body(const struct write_request *request, const char *given,
                             const char *key)
{
    if (given != NULL || request->verb == WRITE_LIST || !jv_is_object(request->body))
        return given;
    return jv_path_str(request->body, "metadata", key, NULL);
}

static int add_path(const struct write_request *request, struct buf *path)
{
    const char *namespace = from_body(request, request->namespace, "namespace");
    const char *name = from_body(request, request->name, "name");
    bool collection = request->verb == WRITE_LIST ||
                      (request->verb == WRITE_CREATE && request->subresource == NULL);

    if (!collection && name == NULL)
        return -1;
    if (request->verb == WRITE_CREATE && request->kind->namespaced && namespace == NULL)
        return -1;
    return kube_path(path, request->kind, namespace, collection ? NULL : name,
                     request->subresource);
}

static void add_query(const struct write_request *request, struct buf *path)
{
    const char *manager =
        request->field_manager != NULL ? request->field_manager : APPLY_FIELD_MANAGER;

    if (request->verb == WRITE_LIST && request->label_selector != NULL &&
        request->label_selector[0] != '\0')
        kube_query_add(path, "labelSelector", request->label_selector);
    if (request->verb == WRITE_LIST && request->field_selector != NULL)
        kube_query_add(path, "fieldSelector", request->field_selector);
    if (request->verb == WRITE_LIST && request->limit > 0) {
        struct log_num_buf limit;
        kube_query_add(path, "limit", log_num(&limit, request->limit));
        kube_query_add(path, "continue", request->continue_token);
    }
    if (verb_reads(request->verb))
        return;
    if (request->verb != WRITE_DELETE)
        kube_query_add(path, "fieldManager", manager);
    if (request->verb == WRITE_APPLY)
        kube_query_add(path, "force", request->no_force ? "false" : "true");
    if (request->dry_run)
        kube_query_add(path, "dryRun", "All");
}

static struct jv *delete_options(const struct write_request *request)
{
    struct jv *options = jv_object(), *preconditions = jv_object();

    jv_set_str(options, "kind", "DeleteOptions");
    jv_set_str(options, "apiVersion", "v1");
    jv_set_str(preconditions, "uid", request->uid);
    jv_set_str(preconditions, "resourceVersion", request->resource_version);
    jv_set(options, "preconditions", preconditions);
    jv_set_str(options, "propagationPolicy",
               request->propagation != NULL ? request->propagation : "Background");
    if (request->grace_period_s >= 0)
        jv_set_int(options, "gracePeriodSeconds", request->grace_period_s);
    return options;
}

static int add_body(const struct write_request *request, struct buf *body)
{
    struct jv *options;
    int result;

    if (verb_reads(request->verb))
        return 0;
    if (request->verb != WRITE_DELETE)
        return request->body != NULL ? jv_print(request->body, 0, body) : -1;
    if (request->uid == NULL || request->uid[0] == '\0')
        return -1;
    options = delete_options(request);
    result = jv_print(options, 0, body);
    jv_unref(options);
    return result;
}

/* What others wait for goes before what only tells them. */
static bool is_told(const struct write_request *request)
{
    return request->subresource != NULL && strcmp(request->subresource, "status") == 0;
}

struct rest_call *write_start(struct rest *rest, const struct write_request *request, rest_fn fn,
                              void *arg)
{
    struct rest_request call = {.method = verb_method(request->verb),
                                .sparse = !verb_reads(request->verb),
                                .is_patient = is_told(request)};
    struct rest_call *started = NULL;
    struct buf path, body;

    buf_init(&path, PATH_BYTES_MAX);
    buf_init(&body, BODY_BYTES_MAX);
    if (add_path(request, &path) == 0 && add_body(request, &body) == 0) {
        add_query(request, &path);
        call.path = buf_str(&path);
        call.content_type = verb_content_type(request->verb);
        call.body = body.len > 0 ? buf_str(&body) : NULL;
        call.body_len = body.len;
        if (!path.failed)
            started = rest_start(rest, &call, fn, arg);
    }
    buf_deinit(&path);
    buf_deinit(&body);
    return started;
}

/* A copy of the map without the key, sharing the values; NULL when nothing is left. */
static struct jv *without(const struct jv *map, const char *key)
{
    struct jv *copy = jv_object();
    struct jv_iter iter = {0};

    while (jv_next(map, &iter)) {
        if (strcmp(iter.key, key) != 0)
            jv_set(copy, iter.key, jv_ref(iter.value));
    }
    if (jv_size(copy) > 0)
        return copy;
    jv_unref(copy);
    return NULL;
}

/* The object as it is hashed: no APPLY_ANNOTATION, no annotations at all rather than none, and no uid,
 * which says what the object was made for and is nothing of its content. */
static struct jv *hashed_form(const struct jv *object)
{
    const struct jv *metadata = jv_get(object, "metadata");
    struct jv *annotations = without(jv_get(metadata, "annotations"), APPLY_ANNOTATION);
    struct jv *bare = without(metadata, "annotations");
    struct jv *form = without(object, "metadata");

    if (form == NULL)
        form = jv_object();
    if (annotations != NULL && bare == NULL)
        bare = jv_object();
    if (annotations != NULL)
        jv_set(bare, "annotations", annotations);
    if (bare != NULL) {
        jv_remove(bare, "uid");
        jv_set(form, "metadata", bare);
    }
    return form;
}

void apply_hash(const struct jv *object, char out[33])
{
    char hex[DIGEST_SHA256_HEX];
    struct jv *form = hashed_form(object);
    char *text = jv_print_str(form, JV_PRINT_SORTED);

    digest_sha256_hex(text, strlen(text), hex);
    memcpy(out, hex, 32);
    out[32] = '\0';
    free(text);
    jv_unref(form);
}
