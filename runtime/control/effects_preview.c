#include "control/effects_preview.h"

#include "kube/apply.h"

#include <stdlib.h>
#include <string.h>

struct effect_call {
    struct effects_preview *preview;
    struct effect_call *prev, *next;
    effect_fn fn;
    void *arg;
    struct loop_timer *timer;
    struct jv *result;
    struct err err;
    bool failed;
};

struct effects_preview {
    struct effects_preview_options options;
    char *api_version, *kind, *namespace, *name;
    struct effects door;
    struct effect_call *calls;
};

static void detach(struct effect_call *call)
{
    struct effects_preview *preview = call->preview;
    loop_timer_cancel(preview->options.loop, call->timer);
    if (call->prev != NULL)
        call->prev->next = call->next;
    else
        preview->calls = call->next;
    if (call->next != NULL)
        call->next->prev = call->prev;
}

static void call_free(struct effect_call *call)
{
    jv_unref(call->result);
    free(call);
}

/* The run may be freed inside the callback. */
static void on_answer(void *arg)
{
    struct effect_call *call = arg;
    call->timer = NULL;
    detach(call);
    call->fn(call->arg, call->failed ? NULL : call->result, call->failed ? &call->err : NULL);
    call_free(call);
}

static const char *or_else(const char *a, const char *b)
{
    return a != NULL ? a : b;
}

/* The target as cached; yours, or NULL. */
static struct jv *cached(const struct effects_preview *preview, const struct effect *effect)
{
    const struct jv *body = effect->verb == EFFECT_APPLY ? effect->body : NULL;
    const char *api_version = or_else(
        effect->api_version, or_else(jv_path_str(body, "apiVersion", NULL), preview->api_version));
    const char *kind =
        or_else(effect->kind, or_else(jv_path_str(body, "kind", NULL), preview->kind));
    const char *name =
        or_else(effect->name, or_else(jv_path_str(body, "metadata", "name", NULL), preview->name));
    const char *namespace =
        or_else(effect->namespace,
                or_else(jv_path_str(body, "metadata", "namespace", NULL), preview->namespace));
    struct informer *informer = preview->options.informer(preview->options.arg, api_version, kind);
    if (informer == NULL)
        return NULL;
    struct store_item *item = store_get(informer_store(informer), namespace, name);
    return item != NULL ? store_item_parse(item) : NULL;
}

static bool template_differs(const struct jv *wanted, const struct jv *live)
{
    struct jv *ours = jv_path(wanted, "spec", "template", NULL);
    struct jv *theirs = jv_path(live, "spec", "template", NULL);
    if (ours == NULL || theirs == NULL)
        return false;
    struct jv *a = jv_object(), *b = jv_object();
    jv_set(a, "template", jv_ref(ours));
    jv_set(b, "template", jv_ref(theirs));
    bool differs = apply_differs(a, b, NULL);
    jv_unref(a);
    jv_unref(b);
    return differs;
}

static struct jv *pretend_apply(struct effects_preview *preview, const struct effect *effect)
{
    struct preview_counts *counts = preview->options.counts;
    struct jv *live = cached(preview, effect);
    struct jv *wanted = jv_dup(effect->body);
    struct jv *result = jv_object();
    char hash[33];
    apply_hash(wanted, hash);
    jv_set_str(jv_ensure(wanted, "metadata", "annotations", NULL), APPLY_ANNOTATION, hash);
    const char *change = "same";
    if (live == NULL) {
        change = "created";
        counts->creates++;
    } else if (apply_differs(wanted, live, NULL)) {
        change = "updated";
        counts->updates++;
        if (template_differs(wanted, live))
            counts->restarts++;
    }
    struct jv *after = live != NULL ? merge_patch_apply(live, wanted) : jv_ref(wanted);
    jv_set(result, "object", after);
    jv_set_str(result, "change", change);
    jv_unref(live);
    jv_unref(wanted);
    return result;
}

static struct jv *pretend_status(struct effects_preview *preview, const struct effect *effect)
{
    struct jv *live = cached(preview, effect);
    if (live == NULL)
        return NULL;
    const struct jv *status = jv_get(live, "status");
    if (status == NULL || !jv_equal(status, effect->body))
        preview->options.counts->statuses++;
    struct jv *copy = jv_dup(live);
    jv_set(copy, "status", jv_dup(effect->body));
    jv_unref(live);
    return copy;
}

static void pretend(struct effect_call *call, const struct effect *effect)
{
    struct effects_preview *preview = call->preview;
    struct preview_counts *counts = preview->options.counts;
    switch (effect->verb) {
    case EFFECT_APPLY:
        call->result = pretend_apply(preview, effect);
        return;
    case EFFECT_CREATE:
        counts->creates++;
        call->result = jv_dup(effect->body);
        return;
    case EFFECT_PATCH:
        counts->updates++;
        call->result = cached(preview, effect);
        return;
    case EFFECT_DELETE:
        counts->deletes++;
        return;
    case EFFECT_STATUS:
        call->result = pretend_status(preview, effect);
        return;
    case EFFECT_READ:
        call->result = cached(preview, effect);
        call->failed = call->result == NULL;
        if (call->failed)
            err_set(&call->err, ERR_NOT_FOUND, "`%s` is not in the cache; a preview asks no server",
                    or_else(effect->name, "?"));
        return;
    case EFFECT_READ_LIST:
        call->result = jv_object();
        jv_set(call->result, "items", jv_array());
        return;
    case EFFECT_HTTP:
        call->failed = true;
        err_set(&call->err, ERR_NETWORK, "a preview sends no HTTP requests");
        return;
    case EFFECT_FINALIZER_ADD:
    case EFFECT_FINALIZER_REMOVE:
        call->result = cached(preview, effect);
        return;
    case EFFECT_LOG:
        call->failed = true;
        err_set(&call->err, ERR_NETWORK, "a preview reads no logs");
        return;
    case EFFECT_EVENT:
    case EFFECT_GAUGES:
    case EFFECT_SLEEP:
        return;
    }
}

static struct effect_call *preview_start(void *self, const struct effect *effect, effect_fn fn,
                                         void *arg)
{
    struct effects_preview *preview = self;
    struct effect_call *call = mem_alloc(sizeof(*call));
    call->preview = preview;
    call->fn = fn;
    call->arg = arg;
    pretend(call, effect);
    call->next = preview->calls;
    if (preview->calls != NULL)
        preview->calls->prev = call;
    preview->calls = call;
    call->timer = loop_defer(preview->options.loop, on_answer, call);
    return call;
}

static void preview_cancel(void *self, struct effect_call *call)
{
    (void)self;
    if (call == NULL)
        return;
    detach(call);
    call_free(call);
}

static struct store *preview_store(void *self, const char *api_version, const char *kind,
                                   struct err *err)
{
    struct effects_preview *preview = self;
    struct informer *informer = preview->options.informer(preview->options.arg, api_version, kind);
    if (informer != NULL)
        return informer_store(informer);
    err_set(err, ERR_INVALID, "`%s %s` is not among the watches of the controller: add it",
            api_version, kind);
    return NULL;
}

static int64_t preview_wall_ns(void *self)
{
    struct effects_preview *preview = self;
    return clock_wall_ns(loop_clock(preview->options.loop));
}

static bool preview_previewing(void *self)
{
    (void)self;
    return true;
}

static const struct effects_ops preview_ops = {
    .start = preview_start,
    .cancel = preview_cancel,
    .store = preview_store,
    .wall_ns = preview_wall_ns,
    .previewing = preview_previewing,
};

struct effects_preview *effects_preview_new(const struct effects_preview_options *options)
{
    struct effects_preview *preview = mem_alloc(sizeof(*preview));
    preview->options = *options;
    preview->api_version = mem_str(options->key.api_version);
    preview->kind = mem_str(options->key.kind);
    preview->namespace = mem_str(options->key.namespace);
    preview->name = mem_str(options->key.name);
    preview->door = (struct effects){&preview_ops, preview};
    return preview;
}

struct effects *effects_preview_door(struct effects_preview *preview)
{
    return &preview->door;
}

void effects_preview_free(struct effects_preview *preview)
{
    if (preview == NULL)
        return;
    while (preview->calls != NULL)
        preview_cancel(preview, preview->calls);
    free(preview->api_version);
    free(preview->kind);
    free(preview->namespace);
    free(preview->name);
    free(preview);
}
