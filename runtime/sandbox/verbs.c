#include "sandbox/answer.h"
#include "sandbox/convert.h"
#include "sandbox/decode.h"
#include "sandbox/go_json.h"
#include "sandbox/meta.h"
#include "sandbox/options.h"
#include "sandbox/patch.h"
#include "sandbox/patch_apply.h"
#include "sandbox/schema.h"
#include "sandbox/subresource.h"
#include "sandbox/write.h"

#include <stdlib.h>
#include <string.h>

enum { PATCH_SHOWN_BYTES_MAX = 256 << 10 };

/* Custom objects are called what they call themselves. as: what they were to become. */
static int refuse_decode(const struct request *request, const struct jv *object, const char *as,
                         const char *why, struct refusal *refusal)
{
    const char *own = request->version->type ? NULL : jv_str(jv_get(object, "kind"));
    return refuse_bad_request(refusal, "%s in version \"%s\" cannot be handled as a %s: %s",
                              own ? own : request->kind->kind, request->version->name,
                              as ? as : request->kind->kind, why);
}

static int refuse_missing(const struct request *request, const char *what, struct refusal *refusal)
{
    enum { SUMMARY_MAX = 30 };
    size_t len = 0;
    const char *body = request->exchange ? exchange_body(request->exchange, &len) : "";
    int shown = (int)(len < SUMMARY_MAX ? len : SUMMARY_MAX);
    return refuse_bad_request(refusal,
                              "the object provided is unrecognized (must be of type %s): Object "
                              "'%s' is missing in '%.*s' (%.*s%s)",
                              request->kind->kind, what, (int)len, body, shown, body,
                              len > SUMMARY_MAX ? " ..." : "");
}

static int check_kind(const struct request *request, const struct jv *object,
                      struct refusal *refusal)
{
    char expected[KIND_TEXT_BYTES];
    const char *version = jv_str(jv_get(object, "apiVersion"));
    const char *kind = jv_str(jv_get(object, "kind"));
    kind_api_version(request->kind, request->version, expected, sizeof(expected));
    bool custom = kind_is(request->kind, KIND_CUSTOM);
    if (!kind || !*kind) /* typed clients leave them out */
        return custom ? refuse_missing(request, "Kind", refusal) : 0;
    if (!version || !*version)
        return custom ? refuse_missing(request, "apiVersion", refusal) : 0;
    bool same_version = strcmp(version, expected) == 0;
    if (same_version && (custom || strcmp(kind, request->kind->kind) == 0))
        return 0;
    const char *slash = strchr(version, '/');
    if (!custom && !kinds_by_kind(request->server->kinds, version, kind, NULL))
        return refuse_bad_request(refusal,
                                  "%s in version \"%s\" cannot be handled as a %s: no kind \"%s\" "
                                  "is registered for version \"%s\" in scheme \"" GO_SCHEME "\"",
                                  kind, slash ? slash + 1 : version, request->kind->kind, kind,
                                  version);
    if (!same_version)
        return refuse_bad_request(refusal,
                                  "the API version in the data (%s) does not match the expected "
                                  "API version (%s)",
                                  version, expected);
    return refuse_bad_request(
        refusal,
        "%s in version \"%s\" cannot be handled as a %s: converting (%s.%s) "
        "to (%s.%s): unknown conversion",
        kind, request->version->name, request->kind->kind, request->version->name, kind,
        *request->kind->group ? request->kind->group : "core", request->kind->kind);
}

/* What fieldValidation says about unknown fields: a refusal, warnings, nothing. */
static int judge_unknown(struct request *request, const struct jv *object, const struct jv *unknown,
                         struct refusal *refusal)
{
    struct buf text;
    const char *own = request->version->type ? NULL : jv_str(jv_get(object, "kind"));
    if (jv_size(unknown) == 0 || request->fields == FIELDS_IGNORE)
        return 0;
    buf_init(&text, 16 << 10);
    for (size_t i = 0; i < jv_size(unknown); i++) {
        const char *path = jv_str(jv_at(unknown, i));
        if (request->fields == FIELDS_WARN)
            request_warn(request, "unknown field \"%s\"", path);
        buf_printf(&text, "%sunknown field \"%s\"", i ? ", " : "strict decoding error: ", path);
    }
    int result = request->fields == FIELDS_STRICT
                     ? refuse_decode(request, object, own, buf_str(&text), refusal)
                     : 0;
    buf_deinit(&text);
    return result;
}

/* Labels, annotations or the like that are there and empty, which nobody who decodes them sees. */
static bool has_empty(const struct jv *metadata)
{
    struct jv_iter iter = {0};
    while (metadata && jv_next(metadata, &iter))
        if ((jv_is_object(iter.value) || jv_is_array(iter.value)) && jv_size(iter.value) == 0)
            return true;
    return false;
}

static bool is_other_kind(const struct request *request, const struct jv *object)
{
    const char *kind = jv_str(jv_get(object, "kind"));
    return !request->version->type && kind && strcmp(kind, request->kind->kind) != 0;
}

static int decode_custom(struct request *request, struct jv *object, struct jv *unknown,
                         struct err *err)
{
    const struct schema *schema = request->version->schema;
    const struct type *meta = types_find(request->server->types, "ObjectMeta");
    struct jv *metadata = jv_get(object, "metadata"), *in_meta = jv_array();
    if (metadata && !jv_is_object(metadata)) {
        jv_unref(in_meta);
        return err_set(err, ERR_INVALID, "metadata is not an object");
    }
    struct jv *clean = decode_object(meta, metadata, in_meta, err);
    for (size_t i = 0; i < jv_size(in_meta); i++)
        jv_append(unknown, jv_stringf("metadata.%s", jv_str(jv_at(in_meta, i))));
    jv_unref(in_meta);
    if (!clean)
        return -1;
    request->unsettled = request->managed && has_empty(metadata);
    jv_set(object, "metadata", clean);
    if (is_other_kind(request, object)) { /* of that nobody knows a schema here */
        meta_sort_texts(unknown);
        return 0;
    }
    schema_prune(schema, object, unknown);
    schema_decode_resources(schema, meta, object, unknown);
    if (!request->managed) /* what was applied has been merged, not decoded */
        schema_drop_nulls(schema, object);
    meta_sort_texts(unknown); /* unknown fields of custom objects are told in order */
    return 0;
}

/* That a custom object is of another kind is for validation to say. */
static void note_kind(struct request *request, const struct jv *object)
{
    const char *kind = jv_str(jv_get(object, "kind"));
    free(request->other_kind);
    request->other_kind = is_other_kind(request, object) ? mem_str(kind) : NULL;
}

int write_decode(struct request *request, struct jv **object, struct refusal *refusal)
{
    char version[KIND_TEXT_BYTES];
    struct err err = {0};
    if (check_kind(request, *object, refusal) < 0)
        return -1;
    struct jv *unknown = jv_array();
    const struct type *type = request->version->type;
    const struct jv *managers = jv_path(*object, "metadata", "managedFields", NULL);
    bool reset = jv_is_array(managers) && jv_size(managers) == 0;
    if (type) {
        struct jv *clean = decode_object(type, *object, unknown, &err);
        if (clean) {
            if (reset) /* left out by the decoder, and yet meant */
                jv_set(jv_ensure(clean, "metadata", NULL), "managedFields", jv_array());
            jv_unref(*object);
            *object = clean;
        }
    } else {
        decode_custom(request, *object, unknown, &err);
    }
    int result = err.code ? refuse_decode(request, *object, NULL, err.text, refusal)
                          : judge_unknown(request, *object, unknown, refusal);
    jv_unref(unknown);
    if (result < 0)
        return -1;
    note_kind(request, *object);
    jv_set_str(*object, "kind", request->kind->kind);
    jv_set_str(*object, "apiVersion",
               kind_api_version(request->kind, request->version, version, sizeof(version)));
    *object = request_unshape(request, *object);
    return 0;
}

static int check_url_name(const struct request *request, const struct jv *object,
                          struct refusal *refusal)
{
    const char *name = meta_name(object);
    if (!name || !*name)
        return refuse_bad_request(refusal,
                                  "the name of the object (%s based on URL) was undeterminable: "
                                  "name must be provided",
                                  request->name);
    if (strcmp(name, request->name) != 0)
        return refuse_bad_request(refusal,
                                  "the name of the object (%s) does not match the name on the URL "
                                  "(%s)",
                                  name, request->name);
    return 0;
}

static enum write_part part_of(const struct request *request)
{
    return request->subresource && strcmp(request->subresource, "status") == 0 ? WRITE_STATUS
                                                                               : WRITE_MAIN;
}

int verb_create(struct request *request, struct refusal *refusal)
{
    struct jv *object = NULL;
    struct stored *stored = NULL;
    if (request_body(request, &object, refusal) < 0)
        return -1;
    if (write_decode(request, &object, refusal) < 0) {
        jv_unref(object);
        return -1;
    }
    if (write_create(request, object, &stored, refusal) < 0)
        return -1;
    answer_stored(request, 201, stored);
    stored_unref(stored);
    return 0;
}

int verb_update(struct request *request, struct refusal *refusal)
{
    char key[KIND_TEXT_BYTES];
    struct jv *object = NULL, *before = NULL;
    struct stored *stored = NULL;
    enum write_part part = part_of(request);
    if (request_body(request, &object, refusal) < 0)
        return -1;
    if (write_decode(request, &object, refusal) < 0 ||
        check_url_name(request, object, refusal) < 0) {
        jv_unref(object);
        return -1;
    }
    bool exists =
        storage_get(request->kind->home, request_key(request, request->name, key)) != NULL;
    int result, code = 200;
    if (!exists && kind_is(request->kind, KIND_UPSERT) && part == WRITE_MAIN) {
        code = 201;
        if (write_check_revision(jv_path_str(object, "metadata", "resourceVersion", NULL),
                                 refusal) < 0) {
            jv_unref(object);
            return -1;
        }
        result = write_create(request, object, &stored, refusal);
    } else if (write_load(request, request->name, &before, refusal) < 0) {
        jv_unref(object);
        return -1;
    } else {
        result = write_update(request, before, object, part, &stored, refusal);
    }
    if (result == 0)
        answer_stored(request, code, stored);
    stored_unref(stored);
    jv_unref(before);
    return result;
}

static int refuse_patch_type(const struct request *request, struct refusal *refusal)
{
    if (request->version->type)
        refuse(refusal, 415, "UnsupportedMediaType", "415: Unsupported Media Type");
    else
        refuse(refusal, 415, "UnsupportedMediaType",
               "the body of the request was in an unknown format - accepted media types include: "
               "application/json-patch+json, application/merge-patch+json, "
               "application/apply-patch+yaml");
    if (request->version->type)
        jv_ensure(refusal->status, "details", NULL);
    return -1;
}

static int refuse_patch_json(const char *body, size_t len, const char *otherwise,
                             struct refusal *refusal)
{
    char *problem = go_json_problem(body, len);
    refuse_bad_request(refusal, "error decoding patch: %s", problem ? problem : otherwise);
    free(problem);
    return -1;
}

static int refuse_force(struct refusal *refusal)
{
    struct field_errors errors;
    field_errors_init(&errors);
    field_forbidden(&errors, "force", "may not be specified for non-apply patch");
    refuse_options(refusal, "PatchOptions", &errors);
    field_errors_deinit(&errors);
    return -1;
}

int verb_patch_value(struct request *request, const struct type *type, const struct jv *live,
                     struct jv **out, struct refusal *refusal)
{
    char media[128];
    size_t len;
    struct jv *patch = NULL;
    struct err err = {0};
    request_media_type(request, media, sizeof(media));
    bool json = strcmp(media, "application/json-patch+json") == 0;
    bool merge = strcmp(media, "application/merge-patch+json") == 0;
    bool strategic = strcmp(media, "application/strategic-merge-patch+json") == 0 && type;
    if (!json && !merge && !strategic)
        return refuse_patch_type(request, refusal);
    if (request_query(request, "force"))
        return refuse_force(refusal);
    const char *body = exchange_body(request->exchange, &len);
    if (jv_parse(body, len, &patch, &err) < 0)
        return refuse_patch_json(body, len, err.text, refusal);
    int result = 0;
    if (json)
        result = patch_json(live, patch, out, refusal);
    else if (strategic)
        result = patch_strategic(type, live, patch, out, refusal);
    else if (!jv_is_object(patch))
        result = refuse_bad_request(refusal, "error decoding patch: json: cannot unmarshal array "
                                             "into Go value of type map[string]interface {}");
    else
        *out = patch_merge(live, patch);
    jv_unref(patch);
    if (result == 0 && !jv_is_object(*out)) {
        jv_unref(*out);
        *out = NULL;
        result = refuse_bad_request(refusal, "the patch does not give an object");
    }
    return result;
}

static int refuse_patched(const char *shown, const char *why, struct refusal *refusal)
{
    struct field_errors errors;
    field_errors_init(&errors);
    field_invalid_str(&errors, "patch", shown, "%s", why);
    refuse(refusal, 422, "Invalid", " \"\" is invalid: %s", buf_str(&errors.text));
    jv_set(jv_ensure(refusal->status, "details", NULL), "causes", jv_ref(errors.causes));
    field_errors_deinit(&errors);
    return -1;
}

static void drop_nulls(struct jv *value)
{
    struct jv *drop = jv_array();
    struct jv_iter iter = {0};
    while (jv_is_object(value) && jv_next(value, &iter)) {
        if (jv_type(iter.value) == JV_NULL)
            jv_append(drop, jv_string(iter.key));
        else
            drop_nulls(iter.value);
    }
    for (size_t i = 0; i < jv_size(drop); i++)
        jv_remove(value, jv_str(jv_at(drop, i)));
    for (size_t i = 0; jv_is_array(value) && i < jv_size(value); i++)
        drop_nulls(jv_at(value, i));
    jv_unref(drop);
}

/* What merging leaves of a patch: no nulls where the object had nothing. */
static void leave_merged(struct jv *patch, const struct jv *live)
{
    struct jv_iter iter = {0};
    while (jv_is_object(patch) && jv_next(patch, &iter)) {
        const struct jv *there = jv_get(live, iter.key);
        if (!there)
            drop_nulls(iter.value);
        else if (jv_is_object(there))
            leave_merged(iter.value, there);
    }
}

/* After a strategic patch the object is not decoded but converted, and the patch alone is told. */
static int convert_patched(const struct request *request, const struct jv *live,
                           const struct jv *object, struct refusal *refusal)
{
    size_t len;
    struct buf shown;
    struct jv *patch = NULL;
    struct err err = {0};
    if (convert_check(request->version->type, object, &err) == 0)
        return 0;
    const char *body = exchange_body(request->exchange, &len);
    jv_parse(body, len, &patch, NULL);
    leave_merged(patch, live);
    buf_init(&shown, PATCH_SHOWN_BYTES_MAX);
    go_print(patch, &shown);
    refuse_patched(buf_str(&shown), err.text, refusal);
    buf_deinit(&shown);
    jv_unref(patch);
    return -1;
}

/* What is wrong with a patched object is told as a fault of the patch, together with the object. */
static int decode_patched(struct request *request, struct jv **object, struct refusal *refusal)
{
    static const char marker[] = " cannot be handled as a ";
    char *shown = jv_print_str(*object, 0);
    int result = write_decode(request, object, refusal);
    if (result < 0 && refusal->code == 400) {
        char *message = mem_str(jv_str(jv_get(refusal->status, "message")));
        const char *why = strstr(message, marker);
        why = why ? strstr(why, ": ") : NULL;
        refuse_patched(shown, why ? why + 2 : message, refusal);
        free(message);
    }
    free(shown);
    return result;
}

int verb_patch(struct request *request, struct refusal *refusal)
{
    char media[128];
    struct jv *before = NULL, *after = NULL;
    struct stored *stored = NULL;
    request_media_type(request, media, sizeof(media));
    if (strcmp(media, "application/apply-patch+yaml") == 0)
        return verb_apply(request, refusal);
    if (!request->version->type && strstr(media, "strategic"))
        return refuse_patch_type(request, refusal);
    if (write_load(request, request->name, &before, refusal) < 0)
        return -1;
    struct jv *live = request_shape(request, jv_dup(before));
    int result = verb_patch_value(request, request->version->type, live, &after, refusal);
    if (result == 0 && strstr(media, "strategic"))
        result = convert_patched(request, live, after, refusal);
    jv_unref(live);
    if (result == 0 && (decode_patched(request, &after, refusal) < 0 ||
                        check_url_name(request, after, refusal) < 0)) {
        result = -1;
    }
    if (result < 0)
        jv_unref(after);
    else
        result = write_update(request, before, after, part_of(request), &stored, refusal);
    if (result == 0)
        answer_stored(request, 200, stored);
    stored_unref(stored);
    jv_unref(before);
    return result;
}
