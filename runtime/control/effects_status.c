/* Status and finalizers: small patches against what the cache holds. */
#include "control/effects_internal.h"

#include <stdlib.h>
#include <string.h>

static void on_patched(void *arg, const struct rest_response *response, const struct err *err)
{
    struct effect_call *call = arg;
    call->rest_call = NULL;
    if (err != NULL) {
        struct err copy = *err;
        /* A failed `test` of a JSON patch means that somebody was faster. */
        if (copy.code == ERR_INVALID && call->effect->verb != EFFECT_STATUS)
            copy.code = ERR_CONFLICT;
        effect_finish(call, NULL, &copy);
        return;
    }
    effect_wrote(call, response->object);
    effect_finish(call, (struct jv *)response->object, NULL);
}

static const char *target_name(const struct effect_call *call)
{
    return call->effect->name != NULL ? call->effect->name : call->run->name;
}

static void send_status(struct effect_call *call)
{
    struct jv *none = jv_object();
    const struct jv *status = jv_get(call->live, "status");
    struct jv *diff = merge_patch_diff(jv_is_object(status) ? status : none, call->effect->body);
    jv_unref(none);
    if (diff == NULL) {
        effect_count(call, "nemeton_writes_skipped_total");
        effect_finish(call, call->live, NULL);
        return;
    }
    struct jv *patch = jv_object();
    jv_set_str(jv_ensure(patch, "metadata", NULL), "uid",
               jv_path_str(call->live, "metadata", "uid", NULL));
    jv_set(patch, "status", diff);
    struct write_request request = {.verb = WRITE_PATCH_MERGE,
                                    .namespace = effect_namespace(call),
                                    .name = target_name(call),
                                    .subresource = call->kind->has_status ? "status" : NULL,
                                    .body = patch};
    effect_write(call, &request, on_patched);
    jv_unref(patch);
}

static struct jv *operation(struct jv *patch, const char *op, const char *path, struct jv *take)
{
    struct jv *entry = jv_object();
    jv_set_str(entry, "op", op);
    jv_set_str(entry, "path", path);
    if (take != NULL)
        jv_set(entry, "value", take);
    jv_append(patch, entry);
    return entry;
}

static int64_t position(const struct jv *finalizers, const char *name)
{
    for (size_t i = 0; i < jv_size(finalizers); i++) {
        const char *entry = jv_str(jv_at(finalizers, i));
        if (entry != NULL && strcmp(entry, name) == 0)
            return (int64_t)i;
    }
    return -1;
}

static struct jv *add_patch(const struct effect_call *call, const struct jv *finalizers)
{
    struct jv *patch = jv_array();
    const char *rv = jv_path_str(call->live, "metadata", "resourceVersion", NULL);
    operation(patch, "test", "/metadata/uid", jv_ref(jv_path(call->live, "metadata", "uid", NULL)));
    if (jv_size(finalizers) > 0) {
        operation(patch, "test", "/metadata/finalizers", jv_ref((struct jv *)finalizers));
        operation(patch, "add", "/metadata/finalizers/-", jv_string(call->effect->value));
        return patch;
    }
    struct jv *list = jv_array();
    jv_append(list, jv_string(call->effect->value));
    operation(patch, "test", "/metadata/resourceVersion", jv_string(rv != NULL ? rv : ""));
    operation(patch, "add", "/metadata/finalizers", list);
    return patch;
}

static struct jv *remove_patch(const struct effect_call *call, int64_t index)
{
    struct jv *patch = jv_array();
    char *path = mem_printf("/metadata/finalizers/%lld", (long long)index);
    operation(patch, "test", "/metadata/uid", jv_ref(jv_path(call->live, "metadata", "uid", NULL)));
    operation(patch, "test", path, jv_string(call->effect->value));
    operation(patch, "remove", path, NULL);
    free(path);
    return patch;
}

static void send_finalizer(struct effect_call *call)
{
    const struct jv *finalizers = jv_path(call->live, "metadata", "finalizers", NULL);
    bool add = call->effect->verb == EFFECT_FINALIZER_ADD;
    int64_t index = position(finalizers, call->effect->value);
    if (add == (index >= 0)) {
        effect_count(call, "nemeton_writes_skipped_total");
        effect_finish(call, call->live, NULL);
        return;
    }
    if (add && jv_path(call->live, "metadata", "deletionTimestamp", NULL) != NULL) {
        struct err err = {0};
        err_set(&err, ERR_REFUSED, "%s `%s` is being deleted: finalizers cannot be added any more",
                call->kind->kind, target_name(call));
        effect_finish(call, NULL, &err);
        return;
    }
    struct jv *patch = add ? add_patch(call, finalizers) : remove_patch(call, index);
    struct write_request request = {.verb = WRITE_PATCH_JSON,
                                    .namespace = effect_namespace(call),
                                    .name = target_name(call),
                                    .body = patch};
    effect_write(call, &request, on_patched);
    jv_unref(patch);
}

static void with_live(struct effect_call *call)
{
    if (call->effect->verb == EFFECT_STATUS)
        send_status(call);
    else
        send_finalizer(call);
}

static void on_live(void *arg, const struct rest_response *response, const struct err *err)
{
    struct effect_call *call = arg;
    call->rest_call = NULL;
    if (err != NULL && err->code == ERR_NOT_FOUND &&
        call->effect->verb == EFFECT_FINALIZER_REMOVE) {
        effect_finish(call, NULL, NULL); /* gone: nothing holds it back */
    } else if (err != NULL) {
        effect_finish(call, NULL, err);
    } else {
        call->live = jv_ref((struct jv *)response->object);
        with_live(call);
    }
}

static void start(struct effect_call *call)
{
    struct store_item *item = NULL;
    if (effect_cached(call, target_name(call), &item) == 1 && item != NULL) {
        call->live = store_item_parse(item);
        with_live(call);
        return;
    }
    struct write_request request = {
        .verb = WRITE_GET, .namespace = effect_namespace(call), .name = target_name(call)};
    effect_write(call, &request, on_live);
}

void effect_status_start(struct effect_call *call)
{
    if (!jv_is_object(call->effect->body)) {
        struct err err = {0};
        err_set(&err, ERR_INVALID, "status: an object is wanted");
        effect_finish(call, NULL, &err);
        return;
    }
    start(call);
}

void effect_finalizer_start(struct effect_call *call)
{
    start(call);
}
