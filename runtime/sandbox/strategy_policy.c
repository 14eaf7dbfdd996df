#include "sandbox/strategy_internal.h"

#include "sandbox/meta.h"

#include <string.h>

static void budget_validate(const struct jv *budget, struct field_errors *errors)
{
    const struct jv *spec = jv_get(budget, "spec");
    const struct jv *least = jv_get(spec, "minAvailable"), *most = jv_get(spec, "maxUnavailable");
    if (least && most)
        field_invalid(errors, "spec", spec, "minAvailable and maxUnavailable cannot be both set");
    validate_int_or_percent(least, "spec.minAvailable", errors);
    validate_int_or_percent(most, "spec.maxUnavailable", errors);
    validate_label_selector(jv_get(spec, "selector"), "spec.selector", errors);
}

static void check_backend(const struct jv *backend, const char *path, struct field_errors *errors)
{
    char at[FIELD_PATH_BYTES];
    const struct jv *service = jv_get(backend, "service");
    const struct jv *port = jv_get(service, "port");
    if (!service && !jv_get(backend, "resource"))
        field_required(errors, path, "port name or number is required");
    if (!service)
        return;
    if (!*member_str(service, "name"))
        field_required(errors, field_path(at, "%s.service.name", path), NULL);
    if (!*member_str(port, "name") && !jv_int_value(jv_get(port, "number")))
        field_required(errors, field_path(at, "%s.service.port", path),
                       "port name or number is required");
}

static void check_rule(const struct jv *rule, size_t index, struct field_errors *errors)
{
    static const char *const types[] = {"Exact", "ImplementationSpecific", "Prefix", NULL};
    char base[FIELD_PATH_BYTES], at[FIELD_PATH_BYTES];
    const struct jv *http = jv_get(rule, "http"), *paths = jv_get(http, "paths");
    if (http && jv_size(paths) == 0)
        field_required(errors, field_path(at, "spec.rules[%zu].http.paths", index), NULL);
    for (size_t i = 0; i < jv_size(paths); i++) {
        const struct jv *path = jv_at(paths, i);
        const char *type = member_str(path, "pathType"), *text = member_str(path, "path");
        field_path(base, "spec.rules[%zu].http.paths[%zu]", index, i);
        if (!*type) {
            field_required(errors, field_path(at, "%s.pathType", base),
                           "pathType must be specified");
            continue;
        }
        validate_one_of(path, "pathType", field_path(at, "%s.pathType", base), types, errors);
        if (strcmp(type, "ImplementationSpecific") != 0 && *text != '/')
            field_invalid_str(errors, field_path(at, "%s.path", base), text,
                              "must be an absolute path");
        check_backend(jv_get(path, "backend"), field_path(at, "%s.backend", base), errors);
    }
}

static void ingress_validate(const struct jv *ingress, struct field_errors *errors)
{
    const struct jv *spec = jv_get(ingress, "spec"), *rules = jv_get(spec, "rules");
    if (jv_size(rules) == 0 && !jv_get(spec, "defaultBackend"))
        field_invalid(errors, "spec", rules,
                      "either `defaultBackend` or `rules` must be specified");
    if (jv_get(spec, "defaultBackend"))
        check_backend(jv_get(spec, "defaultBackend"), "spec.defaultBackend", errors);
    for (size_t i = 0; i < jv_size(rules); i++)
        check_rule(jv_at(rules, i), i, errors);
}

static void autoscaler_defaults(struct jv *autoscaler)
{
    struct jv *spec = jv_ensure(autoscaler, "spec", NULL);
    default_int(spec, "minReplicas", 1);
    if (jv_size(jv_get(spec, "metrics")))
        return;
    struct jv *metrics = jv_array(), *metric = jv_object(), *resource = jv_object();
    struct jv *target = jv_object();
    jv_set_str(target, "type", "Utilization");
    jv_set_int(target, "averageUtilization", 80);
    jv_set_str(resource, "name", "cpu");
    jv_set(resource, "target", target);
    jv_set_str(metric, "type", "Resource");
    jv_set(metric, "resource", resource);
    jv_append(metrics, metric);
    jv_set(spec, "metrics", metrics);
}

static void autoscaler_validate(const struct jv *autoscaler, struct field_errors *errors)
{
    const struct jv *spec = jv_get(autoscaler, "spec");
    const struct jv *least = jv_get(spec, "minReplicas"), *most = jv_get(spec, "maxReplicas");
    const struct jv *target = jv_get(spec, "scaleTargetRef");
    if (least && jv_int_value(least) < 1)
        field_invalid(errors, "spec.minReplicas", least, "must be greater than or equal to 1");
    if (jv_int_value(most) < 1)
        field_invalid(errors, "spec.maxReplicas", most, "must be greater than 0");
    else if (least && jv_int_value(most) < jv_int_value(least))
        field_invalid(errors, "spec.maxReplicas", most,
                      "must be greater than or equal to `minReplicas`");
    if (!*member_str(target, "kind"))
        field_required(errors, "spec.scaleTargetRef.kind", NULL);
    if (!*member_str(target, "name"))
        field_required(errors, "spec.scaleTargetRef.name", NULL);
    if (!strchr(member_str(target, "apiVersion"), '/'))
        field_invalid_str(errors, "spec.scaleTargetRef.apiVersion",
                          member_str(target, "apiVersion"), "apiVersion must specify API group");
}

static void default_subjects(struct jv *binding)
{
    const struct jv *subjects = jv_get(binding, "subjects");
    for (size_t i = 0; i < jv_size(subjects); i++) {
        const char *kind = member_str(jv_at(subjects, i), "kind");
        if (strcmp(kind, "User") == 0 || strcmp(kind, "Group") == 0)
            default_str(jv_at(subjects, i), "apiGroup", "rbac.authorization.k8s.io");
    }
    if (member_object(binding, "roleRef"))
        default_str(member_object(binding, "roleRef"), "apiGroup", "rbac.authorization.k8s.io");
}

static void role_validate(const struct jv *role, struct field_errors *errors)
{
    char at[FIELD_PATH_BYTES];
    const struct jv *rules = jv_get(role, "rules");
    for (size_t i = 0; i < jv_size(rules); i++) {
        const struct jv *rule = jv_at(rules, i);
        if (jv_size(jv_get(rule, "verbs")) == 0)
            field_required(errors, field_path(at, "rules[%zu].verbs", i),
                           "verbs must contain at least one value");
        if (jv_size(jv_get(rule, "nonResourceURLs")))
            continue;
        if (jv_size(jv_get(rule, "apiGroups")) == 0)
            field_required(errors, field_path(at, "rules[%zu].apiGroups", i),
                           "resource rules must supply at least one api group");
        if (jv_size(jv_get(rule, "resources")) == 0)
            field_required(errors, field_path(at, "rules[%zu].resources", i),
                           "resource rules must supply at least one resource");
    }
}

static void binding_validate(const struct jv *binding, struct field_errors *errors)
{
    const struct jv *role = jv_get(binding, "roleRef");
    if (!*member_str(role, "name"))
        field_required(errors, "roleRef.name", NULL);
}

static void binding_validate_update(const struct jv *before, const struct jv *after,
                                    struct field_errors *errors)
{
    if (!same_or_absent(jv_get(before, "roleRef"), jv_get(after, "roleRef")))
        field_invalid(errors, "roleRef", jv_get(after, "roleRef"), "cannot change roleRef");
}

static void network_policy_defaults(struct jv *policy)
{
    struct jv *spec = jv_ensure(policy, "spec", NULL);
    if (jv_size(jv_get(spec, "policyTypes")))
        return;
    struct jv *types = jv_array();
    jv_append(types, jv_string("Ingress"));
    if (jv_size(jv_get(spec, "egress")))
        jv_append(types, jv_string("Egress"));
    jv_set(spec, "policyTypes", types);
}

const struct strategy strategy_budget = {.validate = budget_validate};
const struct strategy strategy_ingress = {.validate = ingress_validate};
const struct strategy strategy_autoscaler = {
    .defaults = autoscaler_defaults,
    .validate = autoscaler_validate,
};
const struct strategy strategy_role = {.validate = role_validate};
const struct strategy strategy_role_binding = {
    .defaults = default_subjects,
    .validate = binding_validate,
    .validate_update = binding_validate_update,
};
const struct strategy strategy_network_policy = {.defaults = network_policy_defaults};
