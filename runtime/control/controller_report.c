/* What people are told of a failing policy: a condition on the primary, an event when it is new.
 *
 * The run stays open until the condition is written, so that the next run of the key sees it.
 */
#include "control/controller_internal.h"

#include "base/digest.h"

#include <stdlib.h>
#include <string.h>

#define CONDITION "PolicyError"

static bool failed(const struct run *run)
{
    return run->result.outcome == TASK_FAILED || run->result.outcome == TASK_KILLED;
}

static const char *reason_of(const struct run *run)
{
    return run->result.outcome == TASK_KILLED ? "BudgetExceeded" : "PolicyRaised";
}

/* A status may be written only where the policy declared that right. */
static bool may_write_status(const struct run *run)
{
    const struct policy_controller *decl = watches_controller(run->watches);
    const struct primary_kind *kind = &run->controller->kinds[run->parts.kind];
    for (size_t i = 0; i < decl->right_count; i++) {
        const struct policy_right *right = &decl->rights[i];
        if ((right->verbs & (1U << EFFECT_STATUS)) != 0 &&
            policy_right_covers(right, kind->api_version, kind->kind))
            return true;
    }
    return false;
}

/* A loop is killed here and there: that is no news. */
static uint64_t digest_of(const struct run *run, const char *text)
{
    const char *place = run->result.outcome == TASK_KILLED ? strstr(text, " (at ") : NULL;
    return digest_fnv1a_64(text, place != NULL ? (size_t)(place - text) : strlen(text), 0) | 1;
}

static void send_event(const struct run *run, const char *reason, const char *note)
{
    const struct primary_kind *kind = &run->controller->kinds[run->parts.kind];
    struct jv *regarding = jv_object();
    struct jv *metadata = jv_ensure(regarding, "metadata", NULL);
    jv_set_str(regarding, "apiVersion", kind->api_version);
    jv_set_str(regarding, "kind", kind->kind);
    jv_set_str(metadata, "name", run->parts.name);
    if (run->parts.namespace[0] != '\0')
        jv_set_str(metadata, "namespace", run->parts.namespace);
    if (run->item != NULL)
        jv_set_str(metadata, "uid", run->item->uid);
    /* Events of one reason and action are counted as one: other words need another action. */
    char *action = mem_printf("Reconcile-%08x", (unsigned)digest_of(run, note));
    event_record(run->controller->env.events, regarding, "Warning", reason, action, note);
    free(action);
    jv_unref(regarding);
}

static void park(struct run *run, struct key_state *state)
{
    struct controller *controller = run->controller;
    if (state->parked_version == NULL)
        controller->parked++;
    free(state->parked_version);
    state->parked_version = mem_str(policy_version(watches_policy(run->watches)));
    state->parked_generation = run->item != NULL ? run->item->generation : -1;
    state->parked_until_ms = loop_now_ms(controller->env.loop) + CONTROLLER_PARK_MS;
    workqueue_forget(controller->queue, run->key);
    char *note = mem_printf("killed over a budget %d times in a row; not tried again until the "
                            "object or the policy changes, or for %d minutes",
                            CONTROLLER_KILLS_MAX, CONTROLLER_PARK_MS / 60000);
    log_error(run->log, "Parked after repeated kills", "error", run->result.err.text);
    send_event(run, "PolicyParked", note);
    free(note);
}

static void note_failure(struct run *run)
{
    struct key_state *state = key_state_of(run->controller, run->key, true);
    const char *text = run->result.err.text;
    uint64_t digest = digest_of(run, text);
    if (digest != state->error_digest)
        send_event(run, CONDITION, text);
    state->error_digest = digest;
    if (run->result.outcome != TASK_KILLED)
        state->kills = 0;
    else if (++state->kills >= CONTROLLER_KILLS_MAX)
        park(run, state);
}

static void note_success(struct run *run)
{
    struct key_state *state = key_state_of(run->controller, run->key, false);
    if (state == NULL)
        return;
    state->error_digest = 0;
    state->kills = 0;
}

static struct jv *condition_of(const struct jv *conditions, const char *wanted, size_t *index)
{
    for (size_t i = 0; i < jv_size(conditions); i++) {
        const char *type = jv_path_str(jv_at(conditions, i), "type", NULL);
        if (type != NULL && strcmp(type, wanted) == 0) {
            *index = i;
            return jv_at(conditions, i);
        }
    }
    return NULL;
}

static struct jv *make_condition(const struct run *run, const char *type, const char *status,
                                 const char *reason, const char *message, const struct jv *before)
{
    char now[40];
    struct jv *condition = jv_object();
    const char *former = jv_path_str(before, "status", NULL);
    const char *since = jv_path_str(before, "lastTransitionTime", NULL);
    log_time_rfc3339(clock_wall_ns(loop_clock(run->controller->env.loop)), false, now);
    if (former == NULL || since == NULL || strcmp(former, status) != 0)
        since = now;
    jv_set_str(condition, "type", type);
    jv_set_str(condition, "status", status);
    jv_set_str(condition, "reason", reason);
    jv_set_str(condition, "message", message);
    jv_set_str(condition, "lastTransitionTime", since);
    if (run->item->generation > 0)
        jv_set_int(condition, "observedGeneration", run->item->generation);
    return condition;
}

/* Objects are parsed only when their condition may have to change: nearly every run is fine and was
 * so before. */
static bool needs_look(struct run *run, bool bad)
{
    struct key_state *state = key_state_of(run->controller, run->key, bad);
    if (state == NULL)
        return false;
    bool look = bad || state->condition || state->unread;
    state->unread = false;
    state->condition = bad;
    return look;
}

/* Nothing was ever said of this object: what the policy has to say in that case. NULL: nothing. */
static struct jv *first_words(const struct run *run, struct jv *object)
{
    const struct policy_controller *decl = watches_controller(run->watches);
    struct jv *message = jv_string(run->result.err.text), *words = NULL;
    struct jv *args[] = {object, message};
    if (decl->has_failed && policy_call(watches_policy(run->watches), decl->module, "failed", args,
                                        2, &words, NULL) != 0)
        words = NULL; /* it is the policy that fails */
    jv_unref(message);
    if (words != NULL && !jv_is_object(words)) {
        jv_unref(words);
        words = NULL;
    }
    return words;
}

/* An object whose first run fails says so in Ready, too, until a run says better. */
static void set_ready(const struct run *run, struct jv *list, bool bad)
{
    size_t index = 0;
    const struct jv *ready = condition_of(list, "Ready", &index);
    const char *reason = jv_path_str(ready, "reason", NULL);
    bool ours = reason != NULL && strcmp(reason, CONDITION) == 0;
    struct jv *fresh = NULL;
    if (bad && (ready == NULL || ours))
        fresh = make_condition(run, "Ready", "False", CONDITION, run->result.err.text, ready);
    if (fresh != NULL && ours)
        jv_replace_at(list, index, fresh);
    else if (fresh != NULL)
        jv_append(list, fresh);
    else if (ours)
        jv_remove_at(list, index);
}

/* The status with the condition as it should be; NULL when nothing has to change. */
static struct jv *wanted_status(const struct run *run, const struct store_item *item, bool bad)
{
    struct jv *object = store_item_parse(item);
    const struct jv *status = jv_get(object, "status");
    const struct jv *conditions = jv_get(status, "conditions");
    size_t index = 0;
    const struct jv *before = condition_of(conditions, CONDITION, &index);
    const char *former = jv_path_str(before, "status", NULL);
    bool was_bad = former != NULL && strcmp(former, "True") == 0;
    if (!bad && !was_bad) {
        jv_unref(object);
        return NULL;
    }
    struct jv *words = jv_is_object(status) ? NULL : first_words(run, object);
    struct jv *wanted = jv_is_object(status) ? jv_dup(status) : words != NULL ? words : jv_object();
    struct jv *list = jv_is_array(conditions) ? jv_dup(conditions) : jv_array();
    struct jv *condition =
        make_condition(run, CONDITION, bad ? "True" : "False", bad ? reason_of(run) : "PolicyRuns",
                       bad ? run->result.err.text : "the policy runs without errors", before);
    if (before != NULL)
        jv_replace_at(list, index, condition);
    else
        jv_append(list, condition);
    set_ready(run, list, bad);
    jv_set(wanted, "conditions", list);
    jv_unref(object);
    return wanted;
}

static void on_reported(void *arg, struct jv *result, const struct err *err)
{
    struct run *run = arg;
    (void)result;
    run->report = NULL;
    if (err != NULL) {
        log_warn(run->log, "Could not write the condition", "error", err->text);
        key_state_of(run->controller, run->key, true)->unread = true; /* the next run tries again */
    }
    run_end(run);
}

void report_run(struct run *run)
{
    struct controller *controller = run->controller;
    bool bad = failed(run);
    if (bad)
        note_failure(run);
    else
        note_success(run);
    const struct primary_kind *kind = &controller->kinds[run->parts.kind];
    struct informer *informer =
        watches_find(run->watches, run->parts.namespace, kind->api_version, kind->kind);
    struct store_item *item = NULL;
    if (needs_look(run, bad) && informer != NULL && informer_spec_of(informer)->field_count == 0)
        item = store_get(informer_store(informer), run->parts.namespace, run->parts.name);
    struct jv *status = NULL;
    if (item != NULL && run->item != NULL && strcmp(item->uid, run->item->uid) == 0 &&
        may_write_status(run))
        status = wanted_status(run, item, bad);
    if (status == NULL) {
        run_end(run);
        return;
    }
    struct effect effect = {.verb = EFFECT_STATUS, .body = status};
    struct effects *door = effects_run_door(run->effects);
    run->report = door->ops->start(door->self, &effect, on_reported, run);
    jv_unref(status);
}
