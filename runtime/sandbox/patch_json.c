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
    /* The real server's library misses no member of an object, only elements. */
    if (!jv_is_object(at->parent) && !member(at->parent, at->token)) {
        jv_unref(take);
        return false;
    }
    if (jv_is_object(at->parent))
        jv_set(at->parent, at->token, take);
    else if (index_of(at->token, jv_size(at->parent), false, &index))
        jv_replace_at(at->parent, index, take);
    return true;
}

/* The real server keeps to itself which operation failed, and why. */
static int refuse_operation(struct refusal *refusal)
{
    refuse(refusal, 422, "Invalid",
           "the server rejected our request due to an error in our request");
    jv_ensure(refusal->status, "details", NULL);
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

static bool apply_at(struct jv *document, const struct jv *operation, const char *op,
                     const struct pointer *at)
{
    struct jv *value = jv_get(operation, "value");
    if (strcmp(op, "test") == 0) {
        const struct jv *live = member(at->parent, at->token);
        bool null = !value || jv_type(value) == JV_NULL;
        return live ? value && jv_equal(live, value) : null;
    }
    if (strcmp(op, "remove") == 0)
        return pointer_remove(at);
    if (strcmp(op, "replace") == 0)
        return pointer_replace(at, value ? jv_dup(value) : jv_null());
    if (strcmp(op, "add") == 0)
        return pointer_add(at, value ? jv_dup(value) : jv_null());
    if (strcmp(op, "copy") != 0)
        return false;
    struct jv *copied = source_value(document, operation, false);
    return pointer_add(at, copied ? copied : jv_null());
}

static bool apply_operation(struct jv **document, const struct jv *operation)
{
    const char *op = jv_str(jv_get(operation, "op"));
    const char *path = jv_str(jv_get(operation, "path"));
    struct jv *value = jv_get(operation, "value"), *moved = NULL;
    struct pointer at;
    if (!op || !path)
        return false;
    if (!*path && value && (strcmp(op, "replace") == 0 || strcmp(op, "add") == 0)) {
        jv_unref(*document);
        *document = jv_dup(value);
        return true;
    }
    bool move = strcmp(op, "move") == 0;
    if (move)
        moved = source_value(*document, operation, true);
    bool applied = pointer_find(*document, path, &at) && (!move || moved);
    if (!applied)
        jv_unref(moved);
    else
        applied = move ? pointer_add(&at, moved) : apply_at(*document, operation, op, &at);
    free(at.token);
    return applied;
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
        if (!apply_operation(&document, jv_at(patch, i))) {
            jv_unref(document);
            return refuse_operation(refusal);
        }
    }
    *out = document;
    return 0;
}
