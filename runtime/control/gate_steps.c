/* The steps of a passage, each started by the answer to the one before. */
#include "control/gate_call.h"

#include <stdlib.h>
#include <string.h>

static void on_step_timeout(void *arg);
static void on_find_step(void *arg, const struct kube_kind *kind, const struct err *err);

/* A read that failed proves nothing, so nothing is done. */
static void refuse_read(struct gate_call *call, const char *check, const char *what,
                        const struct err *cause)
{
    struct err err = {0};
    gate_refuse(&err, check, "cannot read %s: %s", what, cause->text);
    gate_finish(call, NULL, &err);
}

static void on_unsent(void *arg)
{
    struct gate_call *call = arg;
    struct err err = {0};
    call->timer = NULL;
    err_set(&err, ERR_INVALID, "%s: the request is incomplete: name, namespace or uid is missing",
            call->kind->kind);
    gate_finish(call, NULL, &err);
}

static void send_request(struct gate_call *call, const struct write_request *request, rest_fn fn)
{
    call->rest_call = write_start(call->gate->options.rest, request, fn, call);
    if (call->rest_call != NULL)
        call->timer = loop_timer_add(call->gate->loop, GATE_STEP_MS, on_step_timeout, call);
    else
        call->timer = loop_defer(call->gate->loop, on_unsent, call);
}

static void answered(struct gate_call *call)
{
    call->rest_call = NULL;
    loop_timer_cancel(call->gate->loop, call->timer);
    call->timer = NULL;
}

static void read_target(struct gate_call *call, enum gate_step step, rest_fn fn)
{
    call->step = step;
    struct write_request request = {.verb = WRITE_GET,
                                    .kind = call->kind,
                                    .namespace = call->namespace,
                                    .name = call->name,
                                    .grace_period_s = -1};
    send_request(call, &request, fn);
}

static void on_reread(void *arg, const struct rest_response *response, const struct err *err)
{
    struct gate_call *call = arg;
    answered(call);
    const struct jv *object = err == NULL ? response->object : NULL;
    if (err != NULL && err->code != ERR_NOT_FOUND) {
        gate_finish(call, NULL, &call->unclear);
        return;
    }
    const char *uid = jv_path_str(object, "metadata", "uid", NULL);
    bool gone = uid == NULL || strcmp(uid, call->target_uid) != 0;
    if (call->scale_to == NULL) {
        bool deleting = jv_path(object, "metadata", "deletionTimestamp", NULL) != NULL;
        if (gone || deleting) {
            gate_finish(call, gone ? NULL : object, NULL);
            return;
        }
    } else if (!gone) {
        const struct jv *live = jv_path(object, "spec", "replicas", NULL);
        const struct jv *wanted = jv_path(call->scale_to, "spec", "replicas", NULL);
        if (live != NULL && wanted != NULL && jv_equal(live, wanted)) {
            gate_finish(call, object, NULL);
            return;
        }
    }
    gate_finish(call, NULL, &call->unclear);
}

static bool is_ambiguous(const struct err *err)
{
    return err->code == ERR_NETWORK || err->code == ERR_TIMEOUT || err->code == ERR_SERVER;
}

static void after_write_error(struct gate_call *call, const struct err *err)
{
    if (err->code == ERR_NOT_FOUND && call->scale_to == NULL) {
        gate_finish(call, NULL, NULL);
        return;
    }
    if (!is_ambiguous(err)) {
        gate_finish(call, NULL, err);
        return;
    }
    call->unclear = *err;
    err_wrap(&call->unclear, "%s `%s/%s`: the answer was lost and the object is unchanged",
             call->kind->kind, call->namespace, call->name);
    read_target(call, STEP_REREAD, on_reread);
}

static void on_written(void *arg, const struct rest_response *response, const struct err *err)
{
    struct gate_call *call = arg;
    answered(call);
    if (err != NULL) {
        struct err copy = *err;
        after_write_error(call, &copy);
        return;
    }
    const struct jv *object = response->object;
    const char *kind = jv_path_str(object, "kind", NULL);
    bool is_status = kind != NULL && strcmp(kind, "Status") == 0;
    gate_finish(call, is_status ? NULL : object, NULL);
}

static void write_now(struct gate_call *call)
{
    struct err err = {0};
    if (gate_check_budget(call, &err) != 0 || gate_check_now(call, &err) != 0) {
        gate_finish(call, NULL, &err);
        return;
    }
    call->step = STEP_WRITE;
    struct write_request request = {.kind = call->kind,
                                    .namespace = call->namespace,
                                    .name = call->name,
                                    .field_manager = call->field_manager,
                                    .grace_period_s = -1};
    if (call->scale_to == NULL) {
        request.verb = WRITE_DELETE;
        request.uid = call->target_uid;
        request.resource_version = call->target_rv;
        request.propagation = call->propagation;
        request.grace_period_s = call->immediate ? 0 : -1;
    } else {
        struct jv *metadata = jv_ensure(call->scale_to, "metadata", NULL);
        jv_set_str(metadata, "uid", call->target_uid);
        jv_set_str(metadata, "resourceVersion", call->target_rv);
        request.verb = call->scale_is_patch ? WRITE_PATCH_MERGE : WRITE_APPLY;
        request.body = call->scale_to;
    }
    send_request(call, &request, on_written);
}

static void on_list(void *arg, const struct rest_response *response, const struct err *err)
{
    struct gate_call *call = arg;
    answered(call);
    struct jv *list = err == NULL ? jv_ref((struct jv *)response->object) : NULL;
    const char *more = jv_path_str(list, "metadata", "continue", NULL);
    bool complete = jv_is_array(jv_get(list, "items")) && (more == NULL || *more == '\0');
    if (!complete) {
        struct err lacking = {0};
        err_set(&lacking, ERR_PARSE, "the answer is not a whole list");
        jv_unref(list);
        refuse_read(call, GATE_IN_USE, "who uses the volume", err != NULL ? err : &lacking);
        return;
    }
    if (call->step == STEP_PODS) {
        call->pods = list;
        call->step = STEP_STATEFULSETS;
    } else if (call->step == STEP_STATEFULSETS) {
        call->statefulsets = list;
        call->step = STEP_AUTOSCALERS;
    } else {
        call->autoscalers = list;
        call->step = STEP_WRITE;
    }
    gate_step_next(call);
}

static void find(struct gate_call *call, const char *api_version, const char *kind)
{
    call->finding = true;
    call->timer = loop_timer_add(call->gate->loop, GATE_STEP_MS, on_step_timeout, call);
    discovery_find(call->gate->options.discovery, api_version, kind, on_find_step, call);
}

static void follow_owner(struct gate_call *call, const struct jv *reference)
{
    const char *api_version = jv_path_str(reference, "apiVersion", NULL);
    const char *kind = jv_path_str(reference, "kind", NULL);
    call->owners_followed++;
    free(call->owner_uid);
    free(call->owner_name);
    call->owner_uid = mem_str(jv_path_str(reference, "uid", NULL));
    call->owner_name = mem_str(jv_path_str(reference, "name", NULL));
    find(call, api_version != NULL ? api_version : "", kind != NULL ? kind : "");
}

static void on_owner(void *arg, const struct rest_response *response, const struct err *err)
{
    struct gate_call *call = arg;
    answered(call);
    if (err != NULL) {
        refuse_read(call, GATE_OWNER, "its owner", err);
        return;
    }
    struct err refusal = {0};
    const char *uid = jv_path_str(response->object, "metadata", "uid", NULL);
    const struct jv *next = NULL;
    int result;
    if (uid == NULL || call->owner_uid == NULL || strcmp(uid, call->owner_uid) != 0)
        result = gate_refuse(&refusal, GATE_OWNER, "the owner of %s `%s/%s` is another one now",
                             call->kind->kind, call->namespace, call->name);
    else
        result = gate_check_owner(call, response->object, &next, &refusal);
    if (result < 0) {
        gate_finish(call, NULL, &refusal);
    } else if (result == 1) {
        call->step = STEP_PODS;
        gate_step_next(call);
    } else {
        follow_owner(call, next);
    }
}

static void on_target(void *arg, const struct rest_response *response, const struct err *err)
{
    struct gate_call *call = arg;
    answered(call);
    if (err != NULL && err->code == ERR_NOT_FOUND && call->scale_to == NULL) {
        gate_finish(call, NULL, NULL); /* already gone */
        return;
    }
    if (err != NULL) {
        refuse_read(call, GATE_TARGET, "the target", err);
        return;
    }
    struct err refusal = {0};
    const struct jv *next = NULL;
    int result = gate_check_target(call, response->object, &refusal);
    if (result == 0)
        result = gate_check_owner(call, response->object, &next, &refusal);
    if (result < 0) {
        gate_finish(call, NULL, &refusal);
        return;
    }
    if (result == 1) {
        call->step = STEP_PODS;
        gate_step_next(call);
        return;
    }
    call->step = STEP_OWNER;
    follow_owner(call, next);
}

static void on_primary(void *arg, const struct rest_response *response, const struct err *err)
{
    struct gate_call *call = arg;
    answered(call);
    if (err != NULL && err->code != ERR_NOT_FOUND) {
        refuse_read(call, GATE_PRIMARY, "the primary", err);
        return;
    }
    bool itself = call->primary_kind == call->kind && strcmp(call->primary_name, call->name) == 0 &&
                  strcmp(call->primary_namespace, call->namespace) == 0;
    if (err != NULL && itself && call->scale_to == NULL) {
        gate_finish(call, NULL, NULL); /* already gone */
        return;
    }
    struct err refusal = {0};
    if (gate_check_primary(call, err == NULL ? response->object : NULL, &refusal) != 0)
        gate_finish(call, NULL, &refusal);
    else
        read_target(call, STEP_TARGET, on_target);
}

/* The kind that the step reads is known (or not there). */
static void on_find_step(void *arg, const struct kube_kind *kind, const struct err *err)
{
    struct gate_call *call = arg;
    call->finding = false;
    loop_timer_cancel(call->gate->loop, call->timer);
    call->timer = NULL;
    bool lists = call->step != STEP_OWNER;
    if (kind == NULL) {
        if (call->step == STEP_AUTOSCALERS && err->code == ERR_NOT_FOUND) {
            call->step = call->autoscaling_v1 ? STEP_WRITE : STEP_AUTOSCALERS;
            call->autoscaling_v1 = true;
            gate_step_next(call);
        } else {
            refuse_read(call, lists ? GATE_IN_USE : GATE_OWNER, "its kind", err);
        }
        return;
    }
    struct write_request request = {.verb = lists ? WRITE_LIST : WRITE_GET,
                                    .kind = kind,
                                    .namespace = call->namespace,
                                    .name = lists ? NULL : call->owner_name,
                                    .grace_period_s = -1};
    send_request(call, &request, lists ? on_list : on_owner);
}

/* Too slow: a read is a refusal, a write is an unclear answer. */
static void on_step_timeout(void *arg)
{
    struct gate_call *call = arg;
    call->timer = NULL;
    gate_quiet(call);
    struct err err = {0};
    err_set(&err, ERR_TIMEOUT, "no answer within %d ms", GATE_STEP_MS);
    if (call->step == STEP_WRITE)
        after_write_error(call, &err);
    else if (call->step == STEP_REREAD)
        gate_finish(call, NULL, &call->unclear);
    else if (call->step == STEP_PRIMARY)
        refuse_read(call, GATE_PRIMARY, "the primary", &err);
    else if (call->step == STEP_TARGET)
        refuse_read(call, GATE_TARGET, "the target", &err);
    else if (call->step == STEP_OWNER)
        refuse_read(call, GATE_OWNER, "its owner", &err);
    else
        refuse_read(call, GATE_IN_USE, "who uses the volume", &err);
}

static void start_checks(struct gate_call *call)
{
    struct err err = {0};
    if (gate_check_now(call, &err) != 0) {
        gate_finish(call, NULL, &err);
        return;
    }
    if (call->primary_kind == NULL) {
        if (!call->delete_any) {
            gate_refuse(&err, GATE_PRIMARY, "a removal without a primary needs delete-any");
            gate_finish(call, NULL, &err);
        } else {
            read_target(call, STEP_TARGET, on_target);
        }
        return;
    }
    call->step = STEP_PRIMARY;
    struct write_request request = {.verb = WRITE_GET,
                                    .kind = call->primary_kind,
                                    .namespace = call->primary_namespace,
                                    .name = call->primary_name,
                                    .grace_period_s = -1};
    send_request(call, &request, on_primary);
}

static void decide_and_write(struct gate_call *call)
{
    struct err err = {0};
    if (call->pods != NULL && gate_check_volume(call, &err) != 0)
        gate_finish(call, NULL, &err);
    else
        write_now(call);
}

void gate_step_next(struct gate_call *call)
{
    bool proof = call->scale_to == NULL && !call->gate->options.plays_kubernetes &&
                 strcmp(call->kind->group, "") == 0 &&
                 strcmp(call->kind->kind, "PersistentVolumeClaim") == 0;
    if (call->step == STEP_START)
        start_checks(call);
    else if (call->step == STEP_PODS && proof)
        find(call, "v1", "Pod");
    else if (call->step == STEP_STATEFULSETS)
        find(call, "apps/v1", "StatefulSet");
    else if (call->step == STEP_AUTOSCALERS)
        find(call, call->autoscaling_v1 ? "autoscaling/v1" : "autoscaling/v2",
             "HorizontalPodAutoscaler");
    else
        decide_and_write(call);
}
