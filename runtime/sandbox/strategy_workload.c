#include "sandbox/strategy_internal.h"

#include "sandbox/meta.h"

#include <stdlib.h>
#include <string.h>

static void default_replicas(struct jv *spec)
{
    default_int(spec, "replicas", 1);
}

static void stateful_set_defaults(struct jv *set)
{
    struct jv *spec = jv_ensure(set, "spec", NULL);
    default_str(spec, "podManagementPolicy", "OrderedReady");
    struct jv *update = jv_ensure(spec, "updateStrategy", NULL);
    default_str(update, "type", "RollingUpdate");
    if (strcmp(member_str(update, "type"), "RollingUpdate") == 0)
        default_int(jv_ensure(update, "rollingUpdate", NULL), "partition", 0);
    struct jv *retention = jv_ensure(spec, "persistentVolumeClaimRetentionPolicy", NULL);
    default_str(retention, "whenDeleted", "Retain");
    default_str(retention, "whenScaled", "Retain");
    default_replicas(spec);
    default_int(spec, "revisionHistoryLimit", 10);
    default_pod_template(spec);
    const struct jv *claims = jv_get(spec, "volumeClaimTemplates");
    for (size_t i = 0; i < jv_size(claims); i++) {
        struct jv *claim = jv_at(claims, i);
        if (!jv_is_object(claim))
            continue;
        jv_set_str(claim, "apiVersion", "v1");
        jv_set_str(claim, "kind", "PersistentVolumeClaim");
        default_claim_spec(jv_ensure(claim, "spec", NULL));
        default_str(jv_ensure(claim, "status", NULL), "phase", "Pending");
    }
}

static void check_retention(const struct jv *spec, struct field_errors *errors)
{
    static const char *const policies[] = {"Retain", "Delete", NULL};
    const struct jv *retention = jv_get(spec, "persistentVolumeClaimRetentionPolicy");
    validate_one_of(retention, "whenDeleted",
                    "spec.persistentVolumeClaimRetentionPolicy.whenDeleted", policies, errors);
    validate_one_of(retention, "whenScaled", "spec.persistentVolumeClaimRetentionPolicy.whenScaled",
                    policies, errors);
}

static void check_claims(const struct jv *spec, struct field_errors *errors)
{
    char path[FIELD_PATH_BYTES];
    const struct jv *claims = jv_get(spec, "volumeClaimTemplates");
    for (size_t i = 0; i < jv_size(claims); i++) {
        const struct jv *claim = jv_at(claims, i);
        const char *name = meta_name(claim);
        const char *problem = name && *name ? name_check_subdomain(name) : NULL;
        field_path(path, "spec.volumeClaimTemplates[%zu].metadata.name", i);
        if (!name || !*name)
            field_required(errors, path, NULL);
        else if (problem)
            field_invalid_str(errors, path, name, "%s", problem);
        validate_claim_spec(jv_get(claim, "spec"),
                            field_path(path, "spec.volumeClaimTemplates[%zu].spec", i), errors);
    }
}

/* The real server shows its internal struct here. */
static void invalid_strategy(const struct jv *update, struct field_errors *errors)
{
    struct jv *shown = jv_object(), *rolling = jv_null();
    if (jv_get(update, "rollingUpdate")) {
        const struct jv *most = jv_path(update, "rollingUpdate", "maxUnavailable", NULL);
        rolling = jv_object();
        jv_set_int(rolling, "Partition",
                   jv_int_value(jv_path(update, "rollingUpdate", "partition", NULL)));
        jv_set(rolling, "MaxUnavailable", most ? jv_dup(most) : jv_null());
    }
    jv_set_str(shown, "Type", member_str(update, "type"));
    jv_set(shown, "RollingUpdate", rolling);
    field_invalid(errors, "spec.updateStrategy", shown, "must be 'RollingUpdate' or 'OnDelete'");
    jv_unref(shown);
}

static void invalid_partition(const struct jv *rolling, struct field_errors *errors)
{
    struct jv *shown = jv_object();
    jv_set_int(shown, "Partition", jv_int_value(jv_get(rolling, "partition")));
    jv_set(shown, "MaxUnavailable", jv_null());
    field_invalid(errors, "spec.updateStrategy.rollingUpdate", shown,
                  "only allowed for updateStrategy 'RollingUpdate'");
    jv_unref(shown);
}

static int prepare_create(struct request *request, struct jv *object, struct refusal *refusal)
{
    (void)refusal;
    warn_pod_spec(request, jv_path(object, "spec", "template", "spec", NULL), "spec.template.spec");
    return 0;
}

static int prepare_update(struct request *request, const struct jv *before, struct jv *after,
                          struct refusal *refusal)
{
    return jv_equal(jv_get(before, "spec"), jv_get(after, "spec"))
               ? 0
               : prepare_create(request, after, refusal);
}

/* Whatever counts as a new generation is judged: annotations, too. */
static int deployment_prepare_update(struct request *request, const struct jv *before,
                                     struct jv *after, struct refusal *refusal)
{
    return meta_annotations_differ(jv_get(before, "metadata"), jv_get(after, "metadata"))
               ? prepare_create(request, after, refusal)
               : prepare_update(request, before, after, refusal);
}

static void stateful_set_validate(const struct jv *set, struct field_errors *errors)
{
    const struct jv *spec = jv_get(set, "spec");
    const struct jv *update = jv_get(spec, "updateStrategy");
    const char *policy = member_str(spec, "podManagementPolicy");
    const char *type = member_str(update, "type");
    if (strcmp(policy, "OrderedReady") != 0 && strcmp(policy, "Parallel") != 0)
        field_invalid_str(errors, "spec.podManagementPolicy", policy,
                          "must be 'OrderedReady' or 'Parallel'");
    if (strcmp(type, "OnDelete") == 0 && jv_get(update, "rollingUpdate"))
        invalid_partition(jv_get(update, "rollingUpdate"), errors);
    else if (strcmp(type, "OnDelete") != 0 && strcmp(type, "RollingUpdate") != 0)
        invalid_strategy(update, errors);
    validate_non_negative(jv_get(update, "rollingUpdate"), "partition",
                          "spec.updateStrategy.rollingUpdate.partition", errors);
    check_retention(spec, errors);
    check_claims(spec, errors);
    validate_non_negative(spec, "replicas", "spec.replicas", errors);
    validate_non_negative(spec, "minReadySeconds", "spec.minReadySeconds", errors);
    const char *service = member_str(spec, "serviceName");
    const char *problem = *service ? name_check_label(service) : NULL;
    if (problem)
        field_invalid_str(errors, "spec.serviceName", service, "%s", problem);
    validate_template(spec, "statefulset", errors);
}

static void stateful_set_validate_update(const struct jv *before, const struct jv *after,
                                         struct field_errors *errors)
{
    static const char *const mutable[] = {"replicas",
                                          "ordinals",
                                          "template",
                                          "updateStrategy",
                                          "revisionHistoryLimit",
                                          "persistentVolumeClaimRetentionPolicy",
                                          "minReadySeconds"};
    struct jv *old = jv_dup(jv_get(before, "spec")), *new = jv_dup(jv_get(after, "spec"));
    for (size_t i = 0; i < sizeof(mutable) / sizeof(mutable[0]); i++) {
        jv_remove(old, mutable[i]);
        jv_remove(new, mutable[i]);
    }
    if (!jv_equal(old, new))
        field_forbidden(errors, "spec",
                        "updates to statefulset spec for fields other than 'replicas', 'ordinals', "
                        "'template', 'updateStrategy', 'revisionHistoryLimit', "
                        "'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are "
                        "forbidden");
    jv_unref(old);
    jv_unref(new);
}

static void deployment_defaults(struct jv *deployment)
{
    struct jv *spec = jv_ensure(deployment, "spec", NULL);
    struct jv *strategy = jv_ensure(spec, "strategy", NULL);
    default_replicas(spec);
    default_str(strategy, "type", "RollingUpdate");
    if (strcmp(member_str(strategy, "type"), "RollingUpdate") == 0) {
        struct jv *rolling = jv_ensure(strategy, "rollingUpdate", NULL);
        default_str(rolling, "maxUnavailable", "25%");
        default_str(rolling, "maxSurge", "25%");
    }
    default_int(spec, "revisionHistoryLimit", 10);
    default_int(spec, "progressDeadlineSeconds", 600);
    default_pod_template(spec);
}

static bool is_zero_amount(const struct jv *value)
{
    const char *text = jv_str(value);
    return text ? strcmp(text, "0%") == 0 : jv_int_value(value) == 0;
}

static void deployment_validate(const struct jv *deployment, struct field_errors *errors)
{
    static const char *const types[] = {"Recreate", "RollingUpdate", NULL};
    const struct jv *spec = jv_get(deployment, "spec"), *strategy = jv_get(spec, "strategy");
    const struct jv *rolling = jv_get(strategy, "rollingUpdate");
    const struct jv *unavailable = jv_get(rolling, "maxUnavailable");
    const struct jv *surge = jv_get(rolling, "maxSurge");
    validate_non_negative(spec, "replicas", "spec.replicas", errors);
    validate_template(spec, "deployment", errors);
    const char *type = member_str(strategy, "type");
    if (strcmp(type, "Recreate") != 0 && strcmp(type, "RollingUpdate") != 0) {
        char *most = jv_print_str(unavailable, 0), *more = jv_print_str(surge, 0);
        char *inner = rolling ? mem_printf("{\"MaxUnavailable\":%s,\"MaxSurge\":%s}", most, more)
                              : mem_str("null");
        char *shown = mem_printf("{\"Type\":\"%s\",\"RollingUpdate\":%s}", type, inner);
        field_unsupported_text(errors, "spec.strategy", shown, types);
        free(shown);
        free(inner);
        free(more);
        free(most);
    }
    validate_int_or_percent(unavailable, "spec.strategy.rollingUpdate.maxUnavailable", errors);
    validate_int_or_percent(surge, "spec.strategy.rollingUpdate.maxSurge", errors);
    if (rolling && strcmp(member_str(strategy, "type"), "Recreate") == 0)
        field_forbidden(errors, "spec.strategy.rollingUpdate",
                        "may not be specified when strategy `type` is 'Recreate'");
    else if (rolling && is_zero_amount(unavailable) && is_zero_amount(surge))
        field_invalid(errors, "spec.strategy.rollingUpdate.maxUnavailable", unavailable,
                      "may not be 0 when `maxSurge` is 0");
    validate_non_negative(spec, "minReadySeconds", "spec.minReadySeconds", errors);
    validate_non_negative(spec, "revisionHistoryLimit", "spec.revisionHistoryLimit", errors);
    const struct jv *deadline = jv_get(spec, "progressDeadlineSeconds");
    if (deadline && jv_int_value(deadline) <= jv_int_value(jv_get(spec, "minReadySeconds")))
        field_invalid(errors, "spec.progressDeadlineSeconds", deadline,
                      "must be greater than minReadySeconds");
}

static void selector_validate_update(const struct jv *before, const struct jv *after,
                                     struct field_errors *errors)
{
    validate_immutable(jv_path(before, "spec", "selector", NULL),
                       jv_path(after, "spec", "selector", NULL), "spec.selector", errors);
}

static void replica_set_defaults(struct jv *set)
{
    struct jv *spec = jv_ensure(set, "spec", NULL);
    default_replicas(spec);
    default_pod_template(spec);
}

static void replica_set_validate(const struct jv *set, struct field_errors *errors)
{
    const struct jv *spec = jv_get(set, "spec");
    validate_non_negative(spec, "replicas", "spec.replicas", errors);
    validate_template(spec, "replicaset", errors);
}

static void revision_validate(const struct jv *revision, struct field_errors *errors)
{
    validate_non_negative(revision, "revision", "revision", errors);
    if (!jv_get(revision, "data"))
        field_required(errors, "data", "data is mandatory");
}

static void revision_validate_update(const struct jv *before, const struct jv *after,
                                     struct field_errors *errors)
{
    validate_immutable(jv_get(before, "data"), jv_get(after, "data"), "data", errors);
}

/* Numbers of a status: none negative, none of the parts above the whole. */
static void check_counts(const struct jv *status, const char *const *parts,
                         struct field_errors *errors)
{
    char path[FIELD_PATH_BYTES];
    int64_t whole = jv_int_value(jv_get(status, "replicas"));
    validate_non_negative(status, "replicas", "status.replicas", errors);
    for (size_t i = 0; parts[i]; i++)
        validate_non_negative(status, parts[i], field_path(path, "status.%s", parts[i]), errors);
    for (size_t i = 0; parts[i]; i++) {
        int64_t part = jv_int_value(jv_get(status, parts[i]));
        struct jv *shown = jv_int(part);
        if (part > whole)
            field_invalid(errors, field_path(path, "status.%s", parts[i]), shown,
                          "cannot be greater than status.replicas");
        jv_unref(shown);
    }
}

static void stateful_set_validate_status(const struct jv *before, const struct jv *after,
                                         struct field_errors *errors)
{
    static const char *const parts[] = {"readyReplicas", "currentReplicas", "updatedReplicas",
                                        "availableReplicas", NULL};
    const struct jv *status = jv_get(after, "status");
    const struct jv *collisions = jv_get(status, "collisionCount");
    check_counts(status, parts, errors);
    if (jv_int_value(collisions) < jv_int_value(jv_path(before, "status", "collisionCount", NULL)))
        field_invalid(errors, "status.collisionCount", collisions, "cannot be decremented");
}

static void deployment_validate_status(const struct jv *before, const struct jv *after,
                                       struct field_errors *errors)
{
    static const char *const parts[] = {"updatedReplicas", "readyReplicas", "availableReplicas",
                                        NULL};
    (void)before;
    check_counts(jv_get(after, "status"), parts, errors);
}

static void replica_set_validate_status(const struct jv *before, const struct jv *after,
                                        struct field_errors *errors)
{
    static const char *const parts[] = {"fullyLabeledReplicas", "readyReplicas",
                                        "availableReplicas", NULL};
    (void)before;
    check_counts(jv_get(after, "status"), parts, errors);
}

const struct strategy strategy_stateful_set = {
    .defaults = stateful_set_defaults,
    .prepare_create = prepare_create,
    .prepare_update = prepare_update,
    .validate = stateful_set_validate,
    .validate_update = stateful_set_validate_update,
    .validate_status = stateful_set_validate_status,
};
const struct strategy strategy_deployment = {
    .defaults = deployment_defaults,
    .prepare_create = prepare_create,
    .prepare_update = deployment_prepare_update,
    .validate = deployment_validate,
    .validate_update = selector_validate_update,
    .validate_status = deployment_validate_status,
};
const struct strategy strategy_replica_set = {
    .defaults = replica_set_defaults,
    .prepare_create = prepare_create,
    .prepare_update = prepare_update,
    .validate = replica_set_validate,
    .validate_update = selector_validate_update,
    .validate_status = replica_set_validate_status,
};
const struct strategy strategy_revision = {
    .validate = revision_validate,
    .validate_update = revision_validate_update,
};
