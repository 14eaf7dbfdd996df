#include "sandbox/strategy_internal.h"

#include "sandbox/meta.h"

#include <stdlib.h>
#include <string.h>

/* The real server shows its internal struct. */
static void both_set(const struct jv *spec, struct field_errors *errors)
{
    static const char *const names[][2] = {
        {"MinAvailable", "minAvailable"},
        {"Selector", "selector"},
        {"MaxUnavailable", "maxUnavailable"},
        {"UnhealthyPodEvictionPolicy", "unhealthyPodEvictionPolicy"}};
    struct jv *shown = jv_object();
    for (size_t i = 0; i < 4; i++) {
        const struct jv *value = jv_get(spec, names[i][1]);
        jv_set(shown, names[i][0], value ? jv_dup(value) : jv_null());
    }
    field_invalid(errors, "spec", shown, "minAvailable and maxUnavailable cannot be both set");
    jv_unref(shown);
}

static void check_percent(const struct jv *value, const char *path, struct field_errors *errors)
{
    const char *text = jv_str(value);
    char *rest = NULL;
    if (text && strtoll(text, &rest, 10) > 100 && strcmp(rest, "%") == 0)
        field_invalid(errors, path, value, "must not be greater than 100%%");
}

static void budget_validate(const struct jv *budget, struct field_errors *errors)
{
    const struct jv *spec = jv_get(budget, "spec");
    static const char *const policies[] = {"AlwaysAllow", "IfHealthyBudget", NULL};
    const struct jv *least = jv_get(spec, "minAvailable"), *most = jv_get(spec, "maxUnavailable");
    if (least && most)
        both_set(spec, errors);
    validate_int_or_percent(least, "spec.minAvailable", errors);
    validate_int_or_percent(most, "spec.maxUnavailable", errors);
    check_percent(least, "spec.minAvailable", errors);
    check_percent(most, "spec.maxUnavailable", errors);
    validate_one_of(spec, "unhealthyPodEvictionPolicy", "spec.unhealthyPodEvictionPolicy", policies,
                    errors);
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
    if (*member_str(port, "name") && jv_int_value(jv_get(port, "number")))
        field_invalid_str(errors, path, "", "cannot set both port name & port number");
    if (!*member_str(port, "name") && !jv_int_value(jv_get(port, "number")))
        field_required(errors, field_path(at, "%s.service.port", path),
                       "port name or number is required");
}

static void check_rule(const struct jv *rule, size_t index, struct field_errors *errors)
{
    static const char *const types[] = {"Exact", "ImplementationSpecific", "Prefix", NULL};
    char base[FIELD_PATH_BYTES], at[FIELD_PATH_BYTES];
    const struct jv *http = jv_get(rule, "http"), *paths = jv_get(http, "paths");
    const char *host = member_str(rule, "host");
    bool wild = strncmp(host, "*.", 2) == 0;
    const char *problem = *host ? name_check_subdomain(wild ? host + 2 : host) : NULL;
    field_path(at, "spec.rules[%zu].host", index);
    if (*host && host[strspn(host, "0123456789.")] == '\0')
        field_invalid_str(errors, at, host, "must be a DNS name, not an IP address");
    else if (problem)
        field_invalid_str(errors, at, host, "%s", problem);
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

static void check_metric(const struct jv *metric, size_t index, struct field_errors *errors)
{
    static const char *const types[] = {"ContainerResource", "External", "Object", "Pods",
                                        "Resource",          NULL};
    static const char *const members[] = {"containerResource", "external", "object", "pods",
                                          "resource"};
    char path[FIELD_PATH_BYTES];
    const char *type = member_str(metric, "type");
    size_t at = 0;
    while (types[at] && strcmp(types[at], type) != 0)
        at++;
    if (!types[at]) {
        for (int i = 0; i < 2; i++) /* the real server says it twice */
            field_unsupported(errors, field_path(path, "spec.metrics[%zu].type", index), type,
                              types);
        return;
    }
    const struct jv *source = jv_get(metric, members[at]);
    const struct jv *share = jv_path(source, "target", "averageUtilization", NULL);
    if (!source)
        field_required(errors, field_path(path, "spec.metrics[%zu].%s", index, members[at]),
                       "must populate information for the given metric source");
    if (share && jv_int_value(share) < 1)
        field_invalid(
            errors,
            field_path(path, "spec.metrics[%zu].%s.target.averageUtilization", index, members[at]),
            share, "must be greater than 0");
}

/* Somebody else has to tell when there are pods again. */
static void check_scale_to_zero(const struct jv *metrics, struct field_errors *errors)
{
    for (size_t i = 0; i < jv_size(metrics); i++) {
        const char *type = member_str(jv_at(metrics, i), "type");
        if (strcmp(type, "Object") == 0 || strcmp(type, "External") == 0)
            return;
    }
    field_forbidden(errors, "spec.metrics",
                    "must specify at least one Object or External metric to support scaling to "
                    "zero replicas");
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
    if (least && jv_int_value(most) < jv_int_value(least))
        field_invalid(errors, "spec.maxReplicas", most,
                      "must be greater than or equal to `minReplicas`");
    if (!*member_str(target, "kind"))
        field_required(errors, "spec.scaleTargetRef.kind", NULL);
    if (!*member_str(target, "name"))
        field_required(errors, "spec.scaleTargetRef.name", NULL);
    if (!strchr(member_str(target, "apiVersion"), '/'))
        field_invalid_str(errors, "spec.scaleTargetRef.apiVersion",
                          member_str(target, "apiVersion"), "apiVersion must specify API group");
    const struct jv *metrics = jv_get(spec, "metrics");
    for (size_t i = 0; i < jv_size(metrics); i++)
        check_metric(jv_at(metrics, i), i, errors);
    if (least && jv_int_value(least) == 0)
        check_scale_to_zero(metrics, errors);
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

/* The real server stores no empty lists; that of the rules then shows as null. */
static void role_defaults(struct jv *role)
{
    if (jv_size(jv_get(role, "rules")) == 0)
        jv_set(role, "rules", jv_null());
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
        if (jv_size(jv_get(rule, "nonResourceURLs")) && meta_namespace(role))
            field_invalid(errors, field_path(at, "rules[%zu].nonResourceURLs", i),
                          jv_get(rule, "nonResourceURLs"),
                          "namespaced rules cannot apply to non-resource URLs");
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
    static const char *const own[] = {"Role", "ClusterRole", NULL}, *const all[] = {"ClusterRole",
                                                                                    NULL};
    const struct jv *role = jv_get(binding, "roleRef"), *subjects = jv_get(binding, "subjects");
    bool wide = !meta_namespace(binding);
    char path[FIELD_PATH_BYTES];
    validate_one_of(role, "kind", "roleRef.kind", wide ? all : own, errors);
    if (!*member_str(role, "name"))
        field_required(errors, "roleRef.name", NULL);
    for (size_t i = 0; i < jv_size(subjects); i++)
        if (!*member_str(jv_at(subjects, i), "name"))
            field_required(errors, field_path(path, "subjects[%zu].name", i), NULL);
}

static void binding_validate_update(const struct jv *before, const struct jv *after,
                                    struct field_errors *errors)
{
    const struct jv *role = jv_get(after, "roleRef");
    struct jv *shown = jv_object();
    jv_set_str(shown, "APIGroup", member_str(role, "apiGroup"));
    jv_set_str(shown, "Kind", member_str(role, "kind"));
    jv_set_str(shown, "Name", member_str(role, "name"));
    if (!same_or_absent(jv_get(before, "roleRef"), role))
        field_invalid(errors, "roleRef", shown, "cannot change roleRef");
    jv_unref(shown);
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

static void check_policy_ports(const struct jv *rule, const char *path, struct field_errors *errors)
{
    char at[FIELD_PATH_BYTES];
    const struct jv *ports = jv_get(rule, "ports");
    for (size_t i = 0; i < jv_size(ports); i++) {
        const struct jv *port = jv_get(jv_at(ports, i), "port");
        int64_t number = jv_int_value(port);
        if (port && jv_type(port) == JV_INT && (number < 1 || number > 65535))
            field_invalid(errors, field_path(at, "%s.ports[%zu].port", path, i), port,
                          "must be between 1 and 65535, inclusive");
    }
}

static void check_policy_peers(const struct jv *peers, const char *path,
                               struct field_errors *errors)
{
    char at[FIELD_PATH_BYTES];
    for (size_t i = 0; i < jv_size(peers); i++) {
        const struct jv *block = jv_get(jv_at(peers, i), "ipBlock");
        const char *cidr = member_str(block, "cidr");
        if (block && !strchr(cidr, '/'))
            field_invalid_str(errors, field_path(at, "%s[%zu].ipBlock.cidr", path, i), cidr,
                              "must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)");
    }
}

static void network_policy_validate(const struct jv *policy, struct field_errors *errors)
{
    static const char *const rules[][2] = {{"ingress", "from"}, {"egress", "to"}};
    static const char *const types[] = {"Ingress", "Egress", NULL};
    char base[FIELD_PATH_BYTES], at[FIELD_PATH_BYTES];
    const struct jv *spec = jv_get(policy, "spec"), *kinds = jv_get(spec, "policyTypes");
    validate_label_selector(jv_get(spec, "podSelector"), "spec.podSelector", errors);
    for (size_t r = 0; r < 2; r++) {
        const struct jv *list = jv_get(spec, rules[r][0]);
        for (size_t i = 0; i < jv_size(list); i++) {
            field_path(base, "spec.%s[%zu]", rules[r][0], i);
            check_policy_ports(jv_at(list, i), base, errors);
            check_policy_peers(jv_get(jv_at(list, i), rules[r][1]),
                               field_path(at, "%s.%s", base, rules[r][1]), errors);
        }
    }
    for (size_t i = 0; i < jv_size(kinds); i++) {
        const char *type = jv_str(jv_at(kinds, i));
        if (type && strcmp(type, "Ingress") != 0 && strcmp(type, "Egress") != 0)
            field_unsupported(errors, field_path(at, "spec.policyTypes[%zu]", i), type, types);
    }
}

const struct strategy strategy_budget = {.validate = budget_validate};
const struct strategy strategy_ingress = {.validate = ingress_validate};
const struct strategy strategy_autoscaler = {
    .defaults = autoscaler_defaults,
    .validate = autoscaler_validate,
};
const struct strategy strategy_role = {.defaults = role_defaults, .validate = role_validate};
const struct strategy strategy_role_binding = {
    .defaults = default_subjects,
    .validate = binding_validate,
    .validate_update = binding_validate_update,
};
const struct strategy strategy_network_policy = {
    .defaults = network_policy_defaults,
    .validate = network_policy_validate,
};
