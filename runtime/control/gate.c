#include "control/gate_call.h"

#include <stdlib.h>
#include <string.h>

/* Ends what is under way without an answer. */
void gate_quiet(struct gate_call *call)
{
    loop_timer_cancel(call->gate->loop, call->timer);
    call->timer = NULL;
    rest_cancel(call->gate->options.rest, call->rest_call);
    call->rest_call = NULL;
    if (call->finding)
        discovery_cancel(call->gate->options.discovery, call);
    call->finding = false;
}

static void call_free(struct gate_call *call)
{
    gate_quiet(call);
    struct gate *gate = call->gate;
    if (call->prev != NULL)
        call->prev->next = call->next;
    else
        gate->calls = call->next;
    if (call->next != NULL)
        call->next->prev = call->prev;
    gate->call_count--;
    free(call->primary_namespace);
    free(call->primary_name);
    free(call->primary_uid);
    free(call->gone_uid);
    free(call->policy_version);
    free(call->namespace);
    free(call->name);
    free(call->uid);
    free(call->propagation);
    free(call->reason);
    free(call->field_manager);
    free(call->target_uid);
    free(call->target_rv);
    free(call->owner_uid);
    free(call->owner_name);
    jv_unref(call->scale_to);
    jv_unref(call->pods);
    jv_unref(call->statefulsets);
    jv_unref(call->autoscalers);
    free(call);
}

static void count(const struct gate_call *call, const char *result, const char *check)
{
    struct buf labels;
    buf_init(&labels, 256);
    metrics_label(&labels, "result", result);
    metrics_label(&labels, "check", check);
    metrics_add(call->gate->options.metrics, "nemeton_gate_total", buf_str(&labels), 1);
    buf_deinit(&labels);
}

void gate_finish(struct gate_call *call, const struct jv *object, const struct err *err)
{
    struct log *log = call->gate->options.log;
    const char *what = call->scale_to != NULL ? "scale-down" : "delete";
    if (err == NULL) {
        count(call, "passed", "");
        log_info(log, "The gate let a destructive write through", "write", what, "kind",
                 call->kind->kind, "namespace", call->namespace, "name", call->name, "uid",
                 call->target_uid, "reason", call->reason);
    } else {
        bool refused = err->code == ERR_REFUSED;
        count(call, refused ? "refused" : "failed", refused ? err->reason : "");
        log_warn(log,
                 refused ? "The gate refused a destructive write" : "A destructive write failed",
                 "write", what, "kind", call->kind->kind, "namespace", call->namespace, "name",
                 call->name, "check", refused ? err->reason : NULL, "error", err->text);
    }
    gate_quiet(call);
    call->fn(call->arg, object, err);
    call_free(call);
}

static void on_start(void *arg)
{
    struct gate_call *call = arg;
    call->timer = NULL;
    gate_step_next(call);
}

static void on_full(void *arg)
{
    struct gate_call *call = arg;
    call->timer = NULL;
    struct err err = {0};
    gate_refuse(&err, GATE_BUDGET, "more than %d removals are under way", GATE_CALLS_MAX);
    gate_finish(call, NULL, &err);
}

static void copy_plan(struct gate_call *call, const struct gate_plan *plan)
{
    call->primary_kind = plan->primary_kind;
    call->primary_namespace =
        mem_str(plan->primary_namespace != NULL ? plan->primary_namespace : "");
    call->primary_name = mem_str(plan->primary_name != NULL ? plan->primary_name : "");
    call->primary_uid = mem_str(plan->primary_uid != NULL ? plan->primary_uid : "");
    call->gone_uid = mem_str(plan->gone_uid);
    call->primary_generation = plan->primary_generation;
    call->primary_deleting = plan->primary_deleting;
    call->delete_any = plan->delete_any;
    call->immediate = plan->immediate;
    call->policy_version = mem_str(plan->policy_version);
    call->synced = plan->synced;
    call->synced_arg = plan->synced_arg;
    call->kind = plan->kind;
    call->namespace = mem_str(plan->namespace != NULL ? plan->namespace : "");
    call->name = mem_str(plan->name);
    call->uid = mem_str(plan->uid);
    call->propagation = mem_str(plan->propagation != NULL ? plan->propagation : "Background");
    call->reason = mem_str(plan->reason);
    call->field_manager = mem_str(plan->field_manager);
    call->scale_to = plan->scale_to != NULL ? jv_dup(plan->scale_to) : NULL;
    call->scale_is_patch = plan->scale_is_patch;
}

struct gate *gate_new(const struct gate_options *options)
{
    struct gate *gate = mem_alloc(sizeof(*gate));
    gate->options = *options;
    gate->loop = rest_loop(options->rest);
    gate_budget_init(&gate->budget, options->budget_per_minute, options->hash_seed);
    return gate;
}

void gate_free(struct gate *gate)
{
    if (gate == NULL)
        return;
    while (gate->calls != NULL)
        call_free(gate->calls);
    gate_budget_deinit(&gate->budget);
    free(gate);
}

struct gate_call *gate_pass(struct gate *gate, const struct gate_plan *plan, gate_fn fn, void *arg)
{
    struct gate_call *call = mem_alloc(sizeof(*call));
    call->gate = gate;
    call->fn = fn;
    call->arg = arg;
    copy_plan(call, plan);
    call->next = gate->calls;
    if (gate->calls != NULL)
        gate->calls->prev = call;
    gate->calls = call;
    gate->call_count++;
    bool full = gate->call_count > GATE_CALLS_MAX;
    call->timer = loop_defer(gate->loop, full ? on_full : on_start, call);
    return call;
}

void gate_cancel(struct gate_call *call)
{
    if (call != NULL)
        call_free(call);
}
