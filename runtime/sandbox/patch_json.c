#include "sandbox/patch.h"

#include <stdlib.h>
#include <string.h>

struct pointer { /* the place a path leads to: a member or element of parent */
    struct jv *parent;
    char *token;
};

static char *unescape(const char *text, size_t len)
{
    char *out = mem_strn(text, len), *to = out;
    for (const char *from = out; *from; from++) {
        if (*from == '~' && (from[1] == '0' || from[1] == '1')) {
            *to++ = *++from == '0' ? '~' : '/';
        } else {
            *to++ = *from;
        }
    }
    *to = '\0';
    return out;
}

/* An index of the array; count itself only where something may be appended. */
static bool index_of(const char *token, size_t count, bool append, size_t *out)
{
    if (append && strcmp(token, "-") == 0) {
        *out = count;
        return true;
    }
    char *end;
    long long number = strtoll(token, &end, 10);
    if (!*token || *end || strchr("+ ", *token))
        return false;
    if (number < 0) /* the library counts from the end */
        number += (long long)count;
    *out = (size_t)number;
    return number >= 0 && (*out < count || (append && *out == count));
}

static struct jv *member(struct jv *parent, const char *token)
{
    size_t index;
    if (jv_is_object(parent))
        return jv_get(parent, token);
    if (jv_is_array(parent) && index_of(token, jv_size(parent), false, &index))
        return jv_at(parent, index);
    return NULL;
}

static bool pointer_find(struct jv *document, const char *path, struct pointer *out)
{
    *out = (struct pointer){.parent = document};
    if (*path != '/')
        return false;
    for (path++;;) {
        size_t len = strcspn(path, "/");
        free(out->token);
        out->token = unescape(path, len);
        if (!path[len])
            return jv_is_object(out->parent) || jv_is_array(out->parent);
        out->parent = member(out->parent, out->token);
        if (!out->parent)
            return false;
        path += len + 1;
    }
}

static bool pointer_add(const struct pointer *at, struct jv *take)
{
    size_t index;
    if (jv_is_object(at->parent)) {
        jv_set(at->parent, at->token, take);
        return true;
    }
    if (!index_of(at->token, jv_size(at->parent), true, &index)) {
        jv_unref(take);
        return false;
    }
    jv_insert_at(at->parent, index, take);
    return true;
}

static bool pointer_remove(const struct pointer *at)
{
    size_t index;
    if (!member(at->parent, at->token))
        return false;
    if (jv_is_object(at->parent))
        jv_remove(at->parent, at->token);
    else if (index_of(at->token, jv_size(at->parent), false, &index))
        jv_remove_at(at->parent, index);
    return true;
}

static bool pointer_replace(const struct pointer *at, struct jv *take)
{
    size_t index;
    if (!member(at->parent, at->token)) {
        jv_unref(take);
        return false;
    }
    if (jv_is_object(at->parent))
        jv_set(at->parent, at->token, take);
    else if (index_of(at->token, jv_size(at->parent), false, &index))
        jv_replace_at(at->parent, index, take);
    return true;
}

static int refuse_operation(struct refusal *refusal, const char *format, const char *path)
{
    refuse(refusal, 422, "Invalid",
           "the server rejected our request due to an error in our request");
    struct buf text;
    buf_init(&text, 4096);
    buf_printf(&text, format, path);
    jv_ensure(refusal->status, "details", NULL);
    refusal_add_cause(refusal, "UnexpectedServerResponse", buf_str(&text), NULL);
    buf_deinit(&text);
    return -1;
}

/* The value that copy and move start from: yours; NULL when there is none. */
static struct jv *source_value(struct jv *document, const struct jv *operation, bool take)
{
    const char *from = jv_str(jv_get(operation, "from"));
    struct pointer at;
    struct jv *value = NULL;
    if (from && pointer_find(document, from, &at)) {
        struct jv *found = member(at.parent, at.token);
        value = found ? jv_dup(found) : NULL;
        if (take && value)
            pointer_remove(&at);
    }
    if (from)
        free(at.token);
    return value;
}

static int apply_at(struct jv *document, const struct jv *operation, const char *op,
                    const char *path, const struct pointer *at, struct refusal *refusal)
{
    struct jv *value = jv_get(operation, "value");
    if (strcmp(op, "test") == 0) {
        const struct jv *live = member(at->parent, at->token);
        bool null = !value || jv_type(value) == JV_NULL;
        bool same = live ? value && jv_equal(live, value) : null;
        return same ? 0 : refuse_operation(refusal, "testing value %s failed: test failed", path);
    }
    if (strcmp(op, "remove") == 0)
        return pointer_remove(at) ? 0
                                  : refuse_operation(refusal,
                                                     "remove operation does not apply: doc is "
                                                     "missing key: %s: missing value",
                                                     path);
    if (strcmp(op, "replace") == 0)
        return pointer_replace(at, value ? jv_dup(value) : jv_null())
                   ? 0
                   : refuse_operation(refusal,
                                      "replace operation does not apply: doc is missing key: %s: "
                                      "missing value",
                                      path);
    struct jv *added = NULL;
    if (strcmp(op, "add") == 0)
        added = value ? jv_dup(value) : jv_null();
    else if (strcmp(op, "copy") == 0)
        added = source_value(document, operation, false);
    else
        return refuse_bad_request(refusal, "Unexpected kind: %s", op);
    if (!added)
        return refuse_operation(refusal, "error in copy for key: '%s'", path);
    return pointer_add(at, added)
               ? 0
               : refuse_operation(refusal,
                                  "add operation does not apply: doc is missing path: "
                                  "\"%s\": missing value",
                                  path);
}

static int apply_operation(struct jv **document, const struct jv *operation,
                           struct refusal *refusal)
{
    const char *op = jv_str(jv_get(operation, "op"));
    const char *path = jv_str(jv_get(operation, "path"));
    struct jv *value = jv_get(operation, "value"), *moved = NULL;
    if (!op || !path)
        return refuse_bad_request(refusal, "json patch operation lacks op or path");
    if (!*path && value && (strcmp(op, "replace") == 0 || strcmp(op, "add") == 0)) {
        jv_unref(*document);
        *document = jv_dup(value);
        return 0;
    }
    if (strcmp(op, "move") == 0) {
        moved = source_value(*document, operation, true);
        if (!moved)
            return refuse_operation(refusal, "error in move for path: '%s'", path);
    }
    struct pointer at;
    int result;
    if (!pointer_find(*document, path, &at)) {
        result = refuse_operation(refusal, "doc is missing path: \"%s\": missing value", path);
        jv_unref(moved);
    } else if (moved) {
        result = pointer_add(&at, moved)
                     ? 0
                     : refuse_operation(refusal, "error in move for path: '%s'", path);
    } else {
        result = apply_at(*document, operation, op, path, &at, refusal);
    }
    free(at.token);
    return result;
}

int patch_json(const struct jv *target, const struct jv *patch, struct jv **out,
               struct refusal *refusal)
{
    if (!jv_is_array(patch))
        return refuse_bad_request(refusal, "error decoding patch: json: cannot unmarshal object "
                                           "into Go value of type []handlers.jsonPatchOp");
    if (jv_size(patch) > PATCH_OPERATIONS_MAX)
        return refuse(refusal, 413, "RequestEntityTooLarge",
                      "The allowed maximum operations in a JSON patch is %d, got %zu",
                      PATCH_OPERATIONS_MAX, jv_size(patch));
    struct jv *document = jv_dup(target);
    for (size_t i = 0; i < jv_size(patch); i++) {
        if (apply_operation(&document, jv_at(patch, i), refusal) < 0) {
            jv_unref(document);
            return -1;
        }
    }
    *out = document;
    return 0;
}
