/* Create, patch, delete, live reads. */
#include "control/effects_internal.h"

#include <string.h>

static void on_object(void *arg, const struct rest_response *response, const struct err *err)
{
    struct effect_call *call = arg;
    call->rest_call = NULL;
    if (err != NULL) {
        effect_finish(call, NULL, err);
        return;
    }
    effect_wrote(call, response->object);
    effect_finish(call, (struct jv *)response->object, NULL);
}

static void on_read(void *arg, const struct rest_response *response, const struct err *err)
{
    struct effect_call *call = arg;
    call->rest_call = NULL;
    effect_finish(call, err == NULL ? (struct jv *)response->object : NULL, err);
}

static void on_deleted(void *arg, const struct jv *object, const struct err *err)
{
    struct effect_call *call = arg;
    call->gate_call = NULL;
    struct informer_set *informers = call->run->shared->options.informers;
    if (err == NULL && object == NULL && call->effect->uid != NULL)
        informer_set_observe_delete(informers, call->effect->uid);
    else if (err == NULL && object != NULL)
        effect_wrote(call, object);
    if (err != NULL && err->code == ERR_REFUSED) {
        struct jv *regarding = jv_object();
        struct jv *metadata = jv_ensure(regarding, "metadata", NULL);
        jv_set_str(regarding, "apiVersion", call->run->api_version);
        jv_set_str(regarding, "kind", call->run->kind);
        jv_set_str(metadata, "name", call->run->name);
        jv_set_str(metadata, "namespace", call->run->namespace);
        jv_set_str(metadata, "uid", call->run->uid);
        event_record(call->run->shared->options.events, regarding, "Warning",
                     "DestructiveWriteRefused", "Delete", err->text);
        jv_unref(regarding);
    }
    effect_finish(call, NULL, err);
}

/* The replicas a merge patch asks for; NULL when it does not touch them. */
static const struct jv *patched_replicas(const struct effect *effect)
{
    if (effect->patch_type != NULL && strcmp(effect->patch_type, "json") == 0)
        return NULL;
    return jv_path(effect->body, "spec", "replicas", NULL);
}

static bool json_patch_touches_replicas(const struct effect *effect)
{
    if (effect->patch_type == NULL || strcmp(effect->patch_type, "json") != 0)
        return false;
    for (size_t i = 0; i < jv_size(effect->body); i++) {
        const char *op = jv_path_str(jv_at(effect->body, i), "op", NULL);
        const char *path = jv_path_str(jv_at(effect->body, i), "path", NULL);
        if (op == NULL || path == NULL || strcmp(op, "test") == 0)
            continue;
        if (strcmp(path, "/spec/replicas") == 0 || strcmp(path, "/spec") == 0 ||
            strcmp(path, "") == 0)
            return true;
    }
    return false;
}

static void send_patch(struct effect_call *call)
{
    const struct effect *effect = call->effect;
    bool json = effect->patch_type != NULL && strcmp(effect->patch_type, "json") == 0;
    if (jv_is_object(effect->body) && jv_get(effect->body, "apiVersion") != NULL) {
        call->wanted = jv_dup(effect->body);
        jv_set_str(call->wanted, "apiVersion", call->kind->api_version); /* may be the older one */
    }
    struct write_request request = {.verb = json ? WRITE_PATCH_JSON : WRITE_PATCH_MERGE,
                                    .namespace = effect_namespace(call),
                                    .name = effect->name != NULL ? effect->name : call->run->name,
                                    .subresource = effect->subresource,
                                    .body = call->wanted != NULL ? call->wanted : effect->body};
    effect_write(call, &request, on_object);
}

static void on_scaled(void *arg, const struct jv *object, const struct err *err)
{
    struct effect_call *call = arg;
    call->gate_call = NULL;
    if (err == NULL)
        effect_wrote(call, object);
    effect_finish(call, (struct jv *)object, err);
}

static void on_before_patch(void *arg, const struct rest_response *response, const struct err *err)
{
    struct effect_call *call = arg;
    call->rest_call = NULL;
    if (err != NULL) {
        effect_finish(call, NULL, err);
        return;
    }
    const struct jv *live = jv_path(response->object, "spec", "replicas", NULL);
    const struct jv *wanted = patched_replicas(call->effect);
    if (live == NULL || (jv_type(wanted) == JV_INT && jv_int_value(wanted) >= jv_int_value(live))) {
        send_patch(call);
        return;
    }
    struct gate_plan plan;
    effect_plan(call, &plan);
    plan.name = call->effect->name != NULL ? call->effect->name : call->run->name;
    plan.uid = jv_path_str(response->object, "metadata", "uid", NULL);
    plan.scale_to = call->effect->body;
    plan.scale_is_patch = true;
    plan.reason = plan.reason != NULL ? plan.reason : "fewer replicas are wanted";
    call->run->writes++;
    call->gate_call = gate_pass(call->run->shared->options.gate, &plan, on_scaled, call);
}

void effect_create_start(struct effect_call *call)
{
    const struct effect *effect = call->effect;
    if (effect->subresource == NULL) {
        call->wanted = jv_dup(effect->body);
        jv_set_str(call->wanted, "apiVersion", call->kind->api_version); /* may be the older one */
    }
    struct write_request request = {.verb = WRITE_CREATE,
                                    .namespace = effect_namespace(call),
                                    .name = effect->subresource != NULL ? effect->name : NULL,
                                    .subresource = effect->subresource,
                                    .body = call->wanted != NULL ? call->wanted : effect->body};
    effect_write(call, &request, on_object);
}

void effect_patch_start(struct effect_call *call)
{
    const struct effect *effect = call->effect;
    struct err err = {0};
    const char *subresource = effect->subresource;
    bool status = subresource != NULL && strcmp(subresource, "status") == 0;
    if (!status && json_patch_touches_replicas(effect)) {
        err_set(&err, ERR_REFUSED,
                "a JSON patch of spec.replicas cannot be checked: use apply or a merge patch");
        effect_finish(call, NULL, &err);
    } else if (subresource != NULL && strcmp(subresource, "scale") == 0) {
        err_set(&err, ERR_REFUSED, "the scale subresource is not written: patch spec.replicas");
        effect_finish(call, NULL, &err);
    } else if (!status && patched_replicas(effect) != NULL) {
        struct write_request request = {.verb = WRITE_GET,
                                        .namespace = effect_namespace(call),
                                        .name =
                                            effect->name != NULL ? effect->name : call->run->name};
        effect_write(call, &request, on_before_patch);
    } else {
        send_patch(call);
    }
}

void effect_delete_start(struct effect_call *call)
{
    struct gate_plan plan;
    struct store_item *item = NULL;
    if (call->effect->name == NULL) {
        struct err err = {0};
        err_set(&err, ERR_INVALID, "delete: the target has no name");
        effect_finish(call, NULL, &err);
        return;
    }
    /* Without a uid the policy means the incarnation that it could see. */
    if (call->effect->uid == NULL && effect_cached(call, call->effect->name, &item) == 1 &&
        item != NULL)
        call->effect->uid = mem_str(item->uid);
    effect_plan(call, &plan);
    call->run->writes++;
    effect_count(call, "nemeton_writes_total");
    call->gate_call = gate_pass(call->run->shared->options.gate, &plan, on_deleted, call);
}

void effect_read_start(struct effect_call *call)
{
    const struct effect *effect = call->effect;
    bool list = effect->verb == EFFECT_READ_LIST;
    const char *namespace = effect_namespace(call);
    /* A list without a namespace is one of all namespaces. */
    if (list && effect->namespace == NULL)
    namespace = NULL;
    struct write_request request = {.verb = list ? WRITE_LIST : WRITE_GET,
                                    .namespace = namespace,
                                    .name = list ? NULL : effect->name,
                                    .subresource = list ? NULL : effect->subresource,
                                    .label_selector = effect->label_selector,
                                    .field_selector = effect->field_selector};
    effect_write(call, &request, on_read);
}
