#include "control/effects_internal.h"

#include <stdlib.h>
#include <string.h>

/* Takes the call out of its run and ends what is under way; its values stay until call_free. */
static void detach(struct effect_call *call)
{
    struct effects_run *run = call->run;
    const struct effects_shared_options *shared = &run->shared->options;
    if (call->finding)
        discovery_cancel(shared->discovery, call);
    rest_cancel(shared->rest, call->rest_call);
    gate_cancel(call->gate_call);
    transport_cancel(shared->transport, call->http_call);
    loop_timer_cancel(shared->loop, call->timer);
    if (call->prev != NULL)
        call->prev->next = call->next;
    else
        run->calls = call->next;
    if (call->next != NULL)
        call->next->prev = call->prev;
}

static void call_free(struct effect_call *call)
{
    effect_copy_free(call->effect);
    jv_unref(call->wanted);
    jv_unref(call->live);
    free(call);
}

/* The run may be freed inside the callback. */
void effect_finish(struct effect_call *call, struct jv *result, const struct err *err)
{
    struct err words;
    detach(call);
    if (err != NULL) {
        log_debug(call->run->options.log, "A call of the policy failed", "error", err->text);
        words = *err;
        rest_err_words(&words);
    }
    call->fn(call->arg, result, err != NULL ? &words : NULL);
    call_free(call);
}

static void on_kind(void *arg, const struct kube_kind *kind, const struct err *err)
{
    struct effect_call *call = arg;
    call->finding = false;
    call->kind = kind;
    if (kind == NULL)
        effect_finish(call, NULL, err);
    else
        call->with_kind(call);
}

static const char *target_api_version(const struct effect_call *call)
{
    const char *named = call->effect->api_version;
    return named != NULL ? named : call->run->api_version;
}

static const char *target_kind(const struct effect_call *call)
{
    return call->effect->kind != NULL ? call->effect->kind : call->run->kind;
}

/* Under which version the server has what the policy calls by the newer one. */
static const char *served_api_version(const struct effect_call *call)
{
    const struct informer *informer = effect_informer(call);
    const struct kube_kind *kind = informer != NULL ? informer_kind(informer) : NULL;
    return kind != NULL ? kind->api_version : target_api_version(call);
}

void effect_find_kind(struct effect_call *call, void (*with_kind)(struct effect_call *call))
{
    struct discovery *discovery = call->run->shared->options.discovery;
    const char *api_version = served_api_version(call);
    call->kind = discovery_get(discovery, api_version, target_kind(call));
    if (call->kind != NULL) {
        with_kind(call);
        return;
    }
    call->with_kind = with_kind;
    call->finding = true;
    discovery_find(discovery, api_version, target_kind(call), on_kind, call);
}

void effect_write(struct effect_call *call, const struct write_request *request, rest_fn fn)
{
    struct write_request copy = *request;
    struct err err = {0};
    copy.kind = copy.kind != NULL ? copy.kind : call->kind;
    copy.field_manager =
        copy.field_manager != NULL ? copy.field_manager : call->run->shared->field_manager;
    copy.grace_period_s = -1;
    if (copy.kind->namespaced && copy.namespace == NULL && copy.verb != WRITE_LIST) {
        err_set(&err, ERR_INVALID, "%s `%s`: metadata.namespace is missing", copy.kind->kind,
                copy.name != NULL ? copy.name : "?");
        effect_finish(call, NULL, &err);
        return;
    }
    if (copy.verb != WRITE_GET && copy.verb != WRITE_LIST) {
        call->run->writes++;
        effect_count(call, "nemeton_writes_total");
    }
    call->rest_call = write_start(call->run->shared->options.rest, &copy, fn, call);
    if (call->rest_call == NULL) {
        err_set(&err, ERR_INVALID, "%s: metadata.name is missing", copy.kind->kind);
        effect_finish(call, NULL, &err);
    }
}

const char *effect_namespace(const struct effect_call *call)
{
    if (call->kind != NULL && !call->kind->namespaced)
        return NULL;
    const char *named = call->effect->namespace;
    if (named == NULL || named[0] == '\0')
        named = jv_path_str(call->effect->body, "metadata", "namespace", NULL);
    if (named == NULL)
        named = call->run->namespace;
    return named[0] != '\0' ? named : NULL;
}

struct informer *effect_informer(const struct effect_call *call)
{
    const struct effects_run_options *options = &call->run->options;
    return options->informer(options->arg, target_api_version(call), target_kind(call));
}

int effect_cached(const struct effect_call *call, const char *name, struct store_item **item)
{
    struct informer *informer = effect_informer(call);
    if (informer == NULL || !informer_synced(informer))
        return 0;
    const struct informer_spec *spec = informer_spec_of(informer);
    if (spec->field_count > 0 || spec->metadata_only)
        return 0;
    const char *namespace = effect_namespace(call);
    /* A cache of one namespace says nothing about another. */
    if (spec->namespace != NULL && namespace != NULL && strcmp(spec->namespace, namespace) != 0)
        return 0;
    *item = store_get(informer_store(informer), namespace != NULL ? namespace : "", name);
    return 1;
}

void effect_count(struct effect_call *call, const char *metric)
{
    static const char *const verbs[] = {"read",   "list",   "apply",     "create",    "patch",
                                        "delete", "status", "finalizer", "finalizer", "event",
                                        "http",   "sleep",  "gauges",    "log"};
    struct buf labels;
    buf_init(&labels, 512);
    metrics_label(&labels, "verb", verbs[call->effect->verb]);
    metrics_label(&labels, "kind", target_kind(call));
    metrics_add(call->run->shared->options.metrics, metric, buf_str(&labels), 1);
    buf_deinit(&labels);
}

void effect_wrote(struct effect_call *call, const struct jv *object)
{
    if (jv_path_str(object, "metadata", "uid", NULL) != NULL)
        informer_set_observe(call->run->shared->options.informers, object);
}

bool effect_is_primary(const struct effect_call *call)
{
    const struct effects_run *run = call->run;
    const struct effect *effect = call->effect;
    if (effect->name == NULL)
        return true;
    return strcmp(effect->name, run->name) == 0 && strcmp(target_kind(call), run->kind) == 0 &&
           strcmp(target_api_version(call), run->api_version) == 0 &&
           (effect->namespace == NULL || strcmp(effect->namespace, run->namespace) == 0);
}

static bool may_delete_any(const struct effect_call *call)
{
    const struct policy_controller *controller = call->run->options.controller;
    for (size_t i = 0; i < controller->right_count; i++) {
        const struct policy_right *right = &controller->rights[i];
        if (right->delete_any &&
            policy_right_covers(right, call->kind->api_version, call->kind->kind))
            return true;
    }
    return false;
}

void effect_plan(struct effect_call *call, struct gate_plan *plan)
{
    struct effects_run *run = call->run;
    const struct store_item *primary = run->options.primary;
    *plan = (struct gate_plan){
        .primary_kind = discovery_get(run->shared->options.discovery, run->api_version, run->kind),
        .primary_namespace = run->namespace,
        .primary_name = run->name,
        .primary_uid = primary != NULL ? primary->uid : "",
        .gone_uid = run->uid[0] != '\0' ? run->uid : NULL,
        .primary_generation = primary != NULL && primary->generation > 0 ? primary->generation : -1,
        .primary_deleting = primary != NULL && primary->deleting,
        .delete_any = may_delete_any(call),
        .policy_version = run->policy_version,
        .synced = run->options.synced,
        .synced_arg = run->options.arg,
        .kind = call->kind,
        .namespace = effect_namespace(call),
        .name = call->effect->name,
        .uid = call->effect->uid,
        .propagation = call->effect->propagation,
        .reason = call->effect->reason,
        .immediate = call->effect->immediate,
        .field_manager = run->shared->field_manager,
    };
}

/* An event is recorded at once: it outlives the run, which may be over before the next turn. */
static void event_note(struct effect_call *call)
{
    const struct effect *effect = call->effect;
    struct jv *regarding = jv_object();
    struct jv *metadata = jv_ensure(regarding, "metadata", NULL);
    bool primary = effect_is_primary(call);
    const char *uid = effect->uid != NULL ? effect->uid : primary ? call->run->uid : NULL;
    const char *name = effect->name != NULL ? effect->name : call->run->name;
    const char *namespace = effect->namespace != NULL ? effect->namespace : call->run->namespace;
    jv_set_str(regarding, "apiVersion", target_api_version(call));
    jv_set_str(regarding, "kind", target_kind(call));
    jv_set_str(metadata, "name", name);
    if (namespace[0] != '\0')
        jv_set_str(metadata, "namespace", namespace);
    if (uid != NULL && uid[0] != '\0')
        jv_set_str(metadata, "uid", uid);
    event_record(call->run->shared->options.events, regarding,
                 effect->event_type != NULL ? effect->event_type : "Normal",
                 effect->event_reason != NULL ? effect->event_reason : "Reconcile",
                 effect->event_action != NULL ? effect->event_action : "Reconcile",
                 effect->event_note != NULL ? effect->event_note : "");
    jv_unref(regarding);
}

static void on_slept(void *arg)
{
    struct effect_call *call = arg;
    call->timer = NULL;
    effect_finish(call, NULL, NULL);
}

static void begin(struct effect_call *call)
{
    switch (call->effect->verb) {
    case EFFECT_READ:
    case EFFECT_READ_LIST:
        effect_find_kind(call, effect_read_start);
        return;
    case EFFECT_APPLY:
        effect_find_kind(call, effect_apply_start);
        return;
    case EFFECT_CREATE:
        effect_find_kind(call, effect_create_start);
        return;
    case EFFECT_PATCH:
        effect_find_kind(call, effect_patch_start);
        return;
    case EFFECT_DELETE:
        effect_find_kind(call, effect_delete_start);
        return;
    case EFFECT_STATUS:
        effect_find_kind(call, effect_status_start);
        return;
    case EFFECT_FINALIZER_ADD:
    case EFFECT_FINALIZER_REMOVE:
        effect_find_kind(call, effect_finalizer_start);
        return;
    case EFFECT_LOG:
        effect_find_kind(call, effect_log_start);
        return;
    case EFFECT_EVENT:
    case EFFECT_GAUGES:
        effect_finish(call, NULL, NULL);
        return;
    case EFFECT_HTTP:
        effect_http_start(call);
        return;
    case EFFECT_SLEEP: {
        int64_t delay_ms = call->effect->delay_ms > 0 ? call->effect->delay_ms : 0;
        call->timer = loop_timer_add(call->run->shared->options.loop, delay_ms, on_slept, call);
        return;
    }
    }
}

/* Everything starts in a later turn, so that nothing ends inside start. */
static void on_begin(void *arg)
{
    struct effect_call *call = arg;
    call->timer = NULL;
    begin(call);
}

static struct effect_call *live_start(void *self, const struct effect *effect, effect_fn fn,
                                      void *arg)
{
    struct effects_run *run = self;
    struct effect_call *call = mem_alloc(sizeof(*call));
    call->run = run;
    call->fn = fn;
    call->arg = arg;
    call->effect = effect_copy(effect);
    call->next = run->calls;
    if (run->calls != NULL)
        run->calls->prev = call;
    run->calls = call;
    if (effect->verb == EFFECT_EVENT)
        event_note(call);
    if (effect->verb == EFFECT_GAUGES)
        effect_gauges_note(run, effect->body);
    call->timer = loop_defer(run->shared->options.loop, on_begin, call);
    return call;
}

static void live_cancel(void *self, struct effect_call *call)
{
    (void)self;
    if (call == NULL)
        return;
    detach(call);
    call_free(call);
}

static struct store *live_store(void *self, const char *api_version, const char *kind,
                                struct err *err)
{
    struct effects_run *run = self;
    struct informer *informer = run->options.informer(run->options.arg, api_version, kind);
    if (informer == NULL) {
        err_set(err, ERR_INVALID, "`%s %s` is not among the watches of controller `%s`: add it",
                api_version, kind, run->options.controller->name);
        return NULL;
    }
    if (!run->options.readable(run->options.arg, informer)) {
        const char *problem = informer_problem(informer);
        err_set(err, ERR_NOT_FOUND, "the cache of `%s %s` is not complete%s%s", api_version, kind,
                problem != NULL ? ": " : "", problem != NULL ? problem : "");
        return NULL;
    }
    return informer_store(informer);
}

static int64_t live_wall_ns(void *self)
{
    struct effects_run *run = self;
    return clock_wall_ns(loop_clock(run->shared->options.loop));
}

static bool live_previewing(void *self)
{
    (void)self;
    return false;
}

static const struct effects_ops live_ops = {
    .start = live_start,
    .cancel = live_cancel,
    .store = live_store,
    .wall_ns = live_wall_ns,
    .previewing = live_previewing,
};

struct effects_shared *effects_shared_new(const struct effects_shared_options *options)
{
    struct effects_shared *shared = mem_alloc(sizeof(*shared));
    shared->options = *options;
    shared->field_manager =
        mem_str(options->field_manager != NULL ? options->field_manager : APPLY_FIELD_MANAGER);
    effects_gauges_init(shared);
    return shared;
}

void effects_shared_free(struct effects_shared *shared)
{
    if (shared == NULL)
        return;
    for (size_t i = 0; i < EFFECTS_HTTP_TLS_MAX; i++) {
        if (shared->tls[i].tls != NULL)
            http_tls_unref(shared->tls[i].tls);
    }
    effects_gauges_deinit(shared);
    free(shared->field_manager);
    free(shared);
}

struct effects_run *effects_run_new(struct effects_shared *shared,
                                    const struct effects_run_options *options)
{
    struct effects_run *run = mem_alloc(sizeof(*run));
    run->shared = shared;
    run->options = *options;
    run->api_version = mem_str(options->key.api_version);
    run->kind = mem_str(options->key.kind);
    run->namespace = mem_str(options->key.namespace != NULL ? options->key.namespace : "");
    run->name = mem_str(options->key.name);
    run->uid = mem_str(options->key.uid != NULL ? options->key.uid : "");
    run->policy_version = mem_str(options->policy_version);
    if (options->primary != NULL)
        store_item_ref(options->primary);
    else
        effect_gauges_note(run, NULL); /* nobody is there to tell of */
    run->looked_after = -1;
    run->door = (struct effects){&live_ops, run};
    return run;
}

struct effects *effects_run_door(struct effects_run *run)
{
    return &run->door;
}

size_t effects_run_writes(const struct effects_run *run)
{
    return run->writes;
}

void effects_run_free(struct effects_run *run)
{
    if (run == NULL)
        return;
    while (run->calls != NULL)
        live_cancel(run, run->calls);
    if (run->options.primary != NULL)
        store_item_unref(run->options.primary);
    free(run->api_version);
    free(run->kind);
    free(run->namespace);
    free(run->name);
    free(run->uid);
    free(run->policy_version);
    free(run);
}
