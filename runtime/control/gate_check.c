#include "control/gate_call.h"

#include <stdio.h>
#include <string.h>

static bool same(const char *a, const char *b)
{
    return a != NULL && b != NULL && strcmp(a, b) == 0;
}

static const char *kind_name(const struct gate_call *call)
{
    return call->kind->kind;
}

int gate_refuse(struct err *err, const char *check, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    err_vset(err, ERR_REFUSED, format, args);
    va_end(args);
    if (err != NULL)
        snprintf(err->reason, sizeof(err->reason), "%s", check);
    return -1;
}

bool gate_is_volume(const struct kube_kind *kind)
{
    return strcmp(kind->group, "") == 0 && (strcmp(kind->kind, "PersistentVolumeClaim") == 0 ||
                                            strcmp(kind->kind, "PersistentVolume") == 0);
}

int gate_check_now(struct gate_call *call, struct err *err)
{
    const struct gate_options *options = &call->gate->options;
    if (!options->lease_holds(options->arg, GATE_STEP_MS))
        return gate_refuse(err, GATE_LEASE,
                           "the lease does not hold for another %d ms: nothing is removed",
                           GATE_STEP_MS);
    bool synced =
        call->synced != NULL ? call->synced(call->synced_arg) : options->synced(options->arg);
    if (!synced)
        return gate_refuse(err, GATE_SYNCED, "the caches are not complete: absence proves nothing");
    if (call->policy_version != NULL && options->version_in_force != NULL &&
        !options->version_in_force(options->arg, call->policy_version))
        return gate_refuse(err, GATE_VERSION,
                           "the policy version %.12s is no longer in force: the one that is "
                           "decides anew",
                           call->policy_version);
    return 0;
}

int gate_check_primary(struct gate_call *call, const struct jv *primary, struct err *err)
{
    const char *kind = call->primary_kind->kind;
    bool assumed_gone = call->primary_uid[0] == '\0';
    const char *uid = jv_path_str(primary, "metadata", "uid", NULL);
    if (assumed_gone) {
        if (primary != NULL && (call->gone_uid == NULL || same(uid, call->gone_uid)))
            return gate_refuse(err, GATE_PRIMARY, "%s `%s/%s` exists, the plan assumed it is gone",
                               kind, call->primary_namespace, call->primary_name);
        if (!call->delete_any)
            return gate_refuse(err, GATE_PRIMARY,
                               "%s `%s/%s` does not exist: what it owned is left to the garbage "
                               "collector",
                               kind, call->primary_namespace, call->primary_name);
        return 0;
    }
    if (primary == NULL)
        return gate_refuse(err, GATE_PRIMARY, "%s `%s/%s` does not exist any more", kind,
                           call->primary_namespace, call->primary_name);
    if (!same(uid, call->primary_uid))
        return gate_refuse(err, GATE_PRIMARY, "%s `%s/%s` is another one now (uid %s, planned %s)",
                           kind, call->primary_namespace, call->primary_name,
                           uid != NULL ? uid : "?", call->primary_uid);
    int64_t generation = jv_int_value(jv_path(primary, "metadata", "generation", NULL));
    if (call->primary_generation >= 0 && generation != call->primary_generation)
        return gate_refuse(err, GATE_PRIMARY,
                           "%s `%s/%s` was changed (generation %lld, planned for %lld)", kind,
                           call->primary_namespace, call->primary_name, (long long)generation,
                           (long long)call->primary_generation);
    bool deleting = jv_path(primary, "metadata", "deletionTimestamp", NULL) != NULL;
    if (deleting != call->primary_deleting)
        return gate_refuse(err, GATE_PRIMARY, "%s `%s/%s` is %sbeing deleted, contrary to the plan",
                           kind, call->primary_namespace, call->primary_name,
                           deleting ? "" : "not ");
    return 0;
}

int gate_check_target(struct gate_call *call, const struct jv *target, struct err *err)
{
    const char *uid = jv_path_str(target, "metadata", "uid", NULL);
    const char *rv = jv_path_str(target, "metadata", "resourceVersion", NULL);
    if (uid == NULL || rv == NULL)
        return gate_refuse(err, GATE_TARGET, "%s `%s/%s` came without uid or resourceVersion",
                           kind_name(call), call->namespace, call->name);
    if (call->uid != NULL && strcmp(uid, call->uid) != 0)
        return gate_refuse(err, GATE_TARGET, "%s `%s/%s` is another one now (uid %s, planned %s)",
                           kind_name(call), call->namespace, call->name, uid, call->uid);
    call->target_uid = mem_str(uid);
    call->target_rv = mem_str(rv);
    return 0;
}

int gate_check_owner(struct gate_call *call, const struct jv *object, const struct jv **next,
                     struct err *err)
{
    if (call->delete_any)
        return 1;
    if (same(jv_path_str(object, "metadata", "uid", NULL), call->primary_uid))
        return 1;
    const struct jv *references = jv_path(object, "metadata", "ownerReferences", NULL);
    const struct jv *owner = NULL;
    for (size_t i = 0; i < jv_size(references) && owner == NULL; i++) {
        if (jv_bool_value(jv_get(jv_at(references, i), "controller")))
            owner = jv_at(references, i);
    }
    if (owner == NULL)
        return gate_refuse(err, GATE_OWNER,
                           "%s `%s/%s` has no controller owner that leads to the primary, and the "
                           "policy lacks the right delete-any",
                           kind_name(call), call->namespace, call->name);
    if (same(jv_path_str(owner, "uid", NULL), call->primary_uid))
        return 1;
    if (call->owners_followed >= GATE_OWNERS_MAX - 1 || call->primary_uid == NULL)
        return gate_refuse(err, GATE_OWNER,
                           "%s `%s/%s` is controlled by %s `%s`, not by the primary",
                           kind_name(call), call->namespace, call->name,
                           jv_path_str(owner, "kind", NULL), jv_path_str(owner, "name", NULL));
    *next = owner;
    return 0;
}

int gate_check_volume(struct gate_call *call, struct err *err)
{
    struct buf why;
    buf_init(&why, 512);
    bool used = gate_volume_in_use(call->pods, call->statefulsets, call->autoscalers, call->name,
                                   call->primary_deleting, &why);
    if (used)
        gate_refuse(err, GATE_IN_USE, "PersistentVolumeClaim `%s/%s` stays: %s", call->namespace,
                    call->name, buf_str(&why));
    buf_deinit(&why);
    return used ? -1 : 0;
}

int gate_check_budget(struct gate_call *call, struct err *err)
{
    bool volume = gate_is_volume(call->kind);
    if (call->gate->options.plays_kubernetes || (!volume && call->delete_any))
        return 0;
    int64_t wait_ms = 0;
    const char *primary = call->primary_uid != NULL ? call->primary_uid : "";
    if (gate_budget_take(&call->gate->budget, primary, volume, loop_now_ms(call->gate->loop),
                         &wait_ms))
        return 0;
    gate_refuse(err, GATE_BUDGET, "the budget of removals is used up; the next may go in %lld ms",
                (long long)wait_ms);
    if (err != NULL)
        err->retry_after_ms = wait_ms;
    return -1;
}
