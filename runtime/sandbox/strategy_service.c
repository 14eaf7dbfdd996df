#include "sandbox/strategy_internal.h"

#include "sandbox/meta.h"
#include "sandbox/node_ports.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* 10.96.0.0/12, the range that most installers use; the first addresses are left to the cluster. */
enum {
    ADDRESS_BASE = (10 << 24) | (96 << 16),
    ADDRESS_COUNT = 1 << 20,
    ADDRESS_FIRST = 16,
    ADDRESS_BYTES = 32,
};

#define DRY_RUN_ADDRESS "10.96.0.1"

static bool type_is(const struct jv *spec, const char *type)
{
    return strcmp(member_str(spec, "type"), type) == 0;
}

static bool wants_node_ports(const struct jv *spec)
{
    const struct jv *allocate = jv_get(spec, "allocateLoadBalancerNodePorts");
    return type_is(spec, "NodePort") ||
           (type_is(spec, "LoadBalancer") && (!allocate || jv_bool_value(allocate)));
}

static void defaults(struct jv *service)
{
    struct jv *spec = jv_ensure(service, "spec", NULL);
    const struct jv *ports = jv_get(spec, "ports");
    default_str(spec, "sessionAffinity", "None");
    default_str(spec, "type", "ClusterIP");
    if (strcmp(member_str(spec, "sessionAffinity"), "ClientIP") == 0)
        default_int(jv_ensure(spec, "sessionAffinityConfig", "clientIP", NULL), "timeoutSeconds",
                    10800);
    for (size_t i = 0; i < jv_size(ports); i++) {
        struct jv *port = jv_at(ports, i);
        const struct jv *target = jv_get(port, "targetPort");
        default_str(port, "protocol", "TCP");
        bool empty = !target || (jv_str(target) && !*jv_str(target)) ||
                     (jv_type(target) == JV_INT && jv_int_value(target) == 0);
        if (empty && jv_get(port, "port"))
            jv_set(port, "targetPort", jv_ref(jv_get(port, "port")));
    }
    if (type_is(spec, "NodePort") || type_is(spec, "LoadBalancer"))
        default_str(spec, "externalTrafficPolicy", "Cluster");
    if (!type_is(spec, "ExternalName"))
        default_str(spec, "internalTrafficPolicy", "Cluster");
    if (type_is(spec, "LoadBalancer"))
        default_bool(spec, "allocateLoadBalancerNodePorts", true);
    const struct jv *ingress = jv_path(service, "status", "loadBalancer", "ingress", NULL);
    for (size_t i = 0; i < jv_size(ingress); i++)
        if (*member_str(jv_at(ingress, i), "ip"))
            default_str(jv_at(ingress, i), "ipMode", "VIP");
}

static const char *address_text(uint32_t offset, char out[ADDRESS_BYTES])
{
    uint32_t address = ADDRESS_BASE + offset;
    snprintf(out, ADDRESS_BYTES, "%u.%u.%u.%u", address >> 24, (address >> 16) & 255,
             (address >> 8) & 255, address & 255);
    return out;
}

/* Looks only: the address is taken when the service is committed. */
static bool find_address(struct apiserver *server, char out[ADDRESS_BYTES])
{
    for (uint32_t i = 0; i < ADDRESS_COUNT - ADDRESS_FIRST - 1; i++) {
        uint32_t span = ADDRESS_COUNT - ADDRESS_FIRST - 1;
        uint32_t offset = ADDRESS_FIRST + (server->next_address + i) % span;
        if (!map_get(server->addresses, address_text(offset, out))) {
            server->next_address = offset - ADDRESS_FIRST + 1;
            return true;
        }
    }
    return false;
}

static void set_addresses(struct jv *spec, const char *address)
{
    struct jv *list = jv_array(), *families = jv_array();
    jv_append(list, jv_string(address));
    jv_append(families, jv_string("IPv4"));
    jv_set_str(spec, "clusterIP", address);
    jv_set(spec, "clusterIPs", list);
    if (!jv_size(jv_get(spec, "ipFamilies")))
        jv_set(spec, "ipFamilies", families);
    else
        jv_unref(families);
    default_str(spec, "ipFamilyPolicy", "SingleStack");
}

static int refuse_address(const struct request *request, const struct jv *service, const char *path,
                          bool list, const char *address, const char *why, struct refusal *refusal)
{
    struct field_errors errors;
    struct jv *shown = list ? jv_array() : jv_string(address);
    if (list)
        jv_append(shown, jv_string(address));
    field_errors_init(&errors);
    field_invalid(&errors, path, shown, "%s", why);
    refuse_invalid(refusal, request->kind, meta_name(service), &errors);
    field_errors_deinit(&errors);
    jv_unref(shown);
    return -1;
}

/* An address that the client chose. */
static int check_address(const struct request *request, const struct jv *service,
                         const char *address, struct refusal *refusal)
{
    unsigned parts[4];
    char rest, *why;
    if (strcmp(address, "None") == 0)
        return 0;
    if (sscanf(address, "%3u.%3u.%3u.%3u%c", &parts[0], &parts[1], &parts[2], &parts[3], &rest) !=
            4 ||
        parts[0] > 255 || parts[1] > 255 || parts[2] > 255 || parts[3] > 255)
        return refuse_address(request, service, "spec.clusterIPs[0]", false, address,
                              "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)",
                              refusal);
    if (parts[0] != 10 || parts[1] < 96 || parts[1] > 111)
        why = mem_printf("failed to allocate IP %s: the provided IP (%s) is not in the valid "
                         "range. The range of valid IPs is 10.96.0.0/12",
                         address, address);
    else if (map_get(request->server->addresses, address))
        why = mem_printf("failed to allocate IP %s: provided IP is already allocated", address);
    else
        return 0;
    refuse_address(request, service, "spec.clusterIPs", true, address, why, refusal);
    free(why);
    return -1;
}

/* A headless service without selector may point anywhere, so it gets both families. */
static void set_both_families(struct jv *spec)
{
    if (strcmp(member_str(spec, "clusterIP"), "None") != 0 || jv_size(jv_get(spec, "selector")) ||
        jv_get(spec, "ipFamilyPolicy") || jv_size(jv_get(spec, "ipFamilies")))
        return;
    struct jv *families = jv_array();
    jv_append(families, jv_string("IPv4"));
    jv_append(families, jv_string("IPv6"));
    jv_set(spec, "ipFamilies", families);
    jv_set_str(spec, "ipFamilyPolicy", "RequireDualStack");
}

static int allocate(struct request *request, struct jv *service, struct refusal *refusal)
{
    char address[ADDRESS_BYTES];
    struct jv *spec = jv_ensure(service, "spec", NULL);
    const char *wanted = member_str(spec, "clusterIP");
    if (!*wanted)
        wanted = jv_str(jv_at(jv_get(spec, "clusterIPs"), 0));
    if (type_is(spec, "ExternalName"))
        return 0;
    if (wanted && *wanted && check_address(request, service, wanted, refusal) < 0)
        return -1;
    if (!wanted || !*wanted) {
        if (request->dry_run) /* always the same one: it is given to nobody */
            snprintf(address, sizeof(address), "%s", DRY_RUN_ADDRESS);
        else if (!find_address(request->server, address))
            return refuse(refusal, 500, "InternalError",
                          "failed to allocate a serviceIP: range is full");
        wanted = address;
    }
    char *copy = mem_str(wanted);
    set_both_families(spec);
    set_addresses(spec, copy);
    free(copy);
    if (wants_node_ports(spec))
        return node_ports_give(request, NULL, service, refusal);
    return 0;
}

static bool is_external(const struct jv *spec)
{
    return type_is(spec, "NodePort") || type_is(spec, "LoadBalancer");
}

/* What only services with a face to the outside have goes with it, unless it was just set. */
static void drop_external(const struct jv *old, struct jv *spec)
{
    const struct jv *ports = jv_get(spec, "ports"), *old_ports = jv_get(old, "ports");
    if (!is_external(old) || is_external(spec))
        return;
    for (size_t i = 0; i < jv_size(ports); i++) {
        const struct jv *was = jv_get(jv_at(old_ports, i), "nodePort");
        if (was && same_or_absent(was, jv_get(jv_at(ports, i), "nodePort")))
            jv_remove(jv_at(ports, i), "nodePort");
    }
    if (same_or_absent(jv_get(old, "externalTrafficPolicy"), jv_get(spec, "externalTrafficPolicy")))
        jv_remove(spec, "externalTrafficPolicy");
    jv_remove(spec, "healthCheckNodePort");
    jv_remove(spec, "allocateLoadBalancerNodePorts");
}

/* So does a load balancer's class, also when the service stays reachable in another way. */
static void drop_class(const struct jv *old, struct jv *spec)
{
    if (type_is(old, "LoadBalancer") && !type_is(spec, "LoadBalancer") &&
        same_or_absent(jv_get(old, "loadBalancerClass"), jv_get(spec, "loadBalancerClass")))
        jv_remove(spec, "loadBalancerClass");
}

/* Clients that send a service back without what the server filled in do not lose it. */
static int prepare_update(struct request *request, const struct jv *before, struct jv *after,
                          struct refusal *refusal)
{
    static const char *const kept[] = {"clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy",
                                       "healthCheckNodePort"};
    const struct jv *old = jv_get(before, "spec");
    struct jv *spec = jv_ensure(after, "spec", NULL);
    if (type_is(old, "ExternalName") && !type_is(spec, "ExternalName"))
        return allocate(request, after, refusal);
    const char *address = member_str(spec, "clusterIP");
    if (*address && strcmp(address, member_str(old, "clusterIP")) != 0 &&
        (!jv_get(spec, "clusterIPs") ||
         jv_equal(jv_get(old, "clusterIPs"), jv_get(spec, "clusterIPs")))) {
        struct jv *list = jv_array();
        jv_append(list, jv_string(address));
        jv_set(spec, "clusterIPs", list);
    }
    for (size_t i = 0; i < sizeof(kept) / sizeof(kept[0]); i++)
        if (!jv_get(spec, kept[i]) && jv_get(old, kept[i]) && !type_is(spec, "ExternalName"))
            jv_set(spec, kept[i], jv_ref(jv_get(old, kept[i])));
    drop_external(old, spec);
    drop_class(old, spec);
    const struct jv *ports = jv_get(spec, "ports"), *old_ports = jv_get(old, "ports");
    for (size_t i = 0; wants_node_ports(spec) && i < jv_size(ports); i++)
        for (size_t o = 0; o < jv_size(old_ports); o++)
            if (!jv_get(jv_at(ports, i), "nodePort") && jv_get(jv_at(old_ports, o), "nodePort") &&
                same_or_absent(jv_get(jv_at(ports, i), "port"),
                               jv_get(jv_at(old_ports, o), "port")))
                jv_set(jv_at(ports, i), "nodePort",
                       jv_ref(jv_get(jv_at(old_ports, o), "nodePort")));
    if (wants_node_ports(spec))
        return node_ports_give(request, before, after, refusal);
    return 0;
}

static void check_port(const struct jv *ports, size_t index, struct field_errors *errors)
{
    static const char *const protocols[] = {"SCTP", "TCP", "UDP", NULL};
    char path[FIELD_PATH_BYTES];
    const struct jv *port = jv_at(ports, index);
    const char *name = member_str(port, "name");
    const char *problem = *name ? name_check_label(name) : NULL;
    field_path(path, "spec.ports[%zu].name", index);
    if (!*name && jv_size(ports) > 1)
        field_required(errors, path, NULL);
    else if (problem)
        field_invalid_str(errors, path, name, "%s", problem);
    for (size_t i = 0; i < index; i++) {
        const struct jv *other = jv_at(ports, i);
        if (*name && strcmp(member_str(other, "name"), name) == 0)
            field_duplicate_str(errors, path, name);
        if (same_or_absent(jv_get(other, "port"), jv_get(port, "port")) &&
            same_or_absent(jv_get(other, "protocol"), jv_get(port, "protocol"))) {
            char *shown = mem_printf(
                "{\"Name\":\"\",\"Protocol\":\"%s\",\"AppProtocol\":null,\"Port\":%lld,"
                "\"TargetPort\":0,\"NodePort\":0}",
                member_str(port, "protocol"), (long long)jv_int_value(jv_get(port, "port")));
            field_duplicate_text(errors, field_path(path, "spec.ports[%zu]", index), shown);
            free(shown);
            field_path(path, "spec.ports[%zu].name", index);
        }
    }
    int64_t number = jv_int_value(jv_get(port, "port"));
    if (number < 1 || number > 65535)
        field_invalid(errors, field_path(path, "spec.ports[%zu].port", index), jv_get(port, "port"),
                      "must be between 1 and 65535, inclusive");
    const struct jv *target = jv_get(port, "targetPort");
    int64_t target_number = jv_int_value(target);
    if (target && jv_type(target) == JV_INT && (target_number < 1 || target_number > 65535))
        field_invalid(errors, field_path(path, "spec.ports[%zu].targetPort", index), target,
                      "must be between 1 and 65535, inclusive");
    if (jv_str(target) && !name_is_port(jv_str(target)))
        field_invalid(errors, field_path(path, "spec.ports[%zu].targetPort", index), target,
                      "must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)");
    validate_one_of(port, "protocol", field_path(path, "spec.ports[%zu].protocol", index),
                    protocols, errors);
}

static void validate(const struct jv *service, struct field_errors *errors)
{
    char path[FIELD_PATH_BYTES];
    static const char *const types[] = {"ClusterIP", "ExternalName", "LoadBalancer", "NodePort",
                                        NULL};
    static const char *const affinities[] = {"ClientIP", "None", NULL};
    const struct jv *spec = jv_get(service, "spec"), *ports = jv_get(spec, "ports");
    bool headless = strcmp(member_str(spec, "clusterIP"), "None") == 0;
    if (jv_size(ports) == 0 && !headless && !type_is(spec, "ExternalName"))
        field_required(errors, "spec.ports", NULL);
    if (headless && (type_is(spec, "NodePort") || type_is(spec, "LoadBalancer")))
        field_invalid_str(errors, "spec.clusterIPs[0]", "None",
                          "may not be set to 'None' for %s services", member_str(spec, "type"));
    if (type_is(spec, "ExternalName") && !*member_str(spec, "externalName"))
        field_required(errors, "spec.externalName", NULL);
    for (size_t i = 0; i < jv_size(ports); i++)
        check_port(ports, i, errors);
    for (size_t i = 0; type_is(spec, "ClusterIP") && i < jv_size(ports); i++)
        if (jv_int_value(jv_get(jv_at(ports, i), "nodePort")))
            field_forbidden(errors, field_path(path, "spec.ports[%zu].nodePort", i),
                            "may not be used when `type` is 'ClusterIP'");
    if (!is_external(spec) && *member_str(spec, "externalTrafficPolicy"))
        field_invalid(errors, "spec.externalTrafficPolicy", jv_get(spec, "externalTrafficPolicy"),
                      "may only be set for externally-accessible services");
    if (!type_is(spec, "LoadBalancer") && jv_get(spec, "loadBalancerClass"))
        field_forbidden(errors, "spec.loadBalancerClass",
                        "may only be used when `type` is 'LoadBalancer'");
    meta_validate_labels(jv_get(spec, "selector"), "spec.selector", errors);
    validate_one_of(spec, "type", "spec.type", types, errors);
    validate_one_of(spec, "sessionAffinity", "spec.sessionAffinity", affinities, errors);
}

static bool has_health_check(const struct jv *spec)
{
    return type_is(spec, "LoadBalancer") &&
           strcmp(member_str(spec, "externalTrafficPolicy"), "Local") == 0;
}

/* What a load balancer keeps as long as the service is one. */
static void validate_balancer_update(const struct jv *old, const struct jv *new,
                                     struct field_errors *errors)
{
    const struct jv *was = jv_get(old, "loadBalancerClass");
    const struct jv *is = jv_get(new, "loadBalancerClass");
    if (has_health_check(old) && has_health_check(new) &&
        jv_int_value(jv_get(old, "healthCheckNodePort")) !=
            jv_int_value(jv_get(new, "healthCheckNodePort")))
        field_forbidden(errors, "spec.healthCheckNodePort", "field is immutable");
    if (type_is(old, "LoadBalancer") && type_is(new, "LoadBalancer") &&
        strcmp(was ? jv_str(was) : "", is ? jv_str(is) : "") != 0)
        field_invalid(errors, "spec.loadBalancerClass", is, "may not change once set");
}

static void validate_update(const struct jv *before, const struct jv *after,
                            struct field_errors *errors)
{
    const struct jv *old = jv_get(before, "spec"), *new = jv_get(after, "spec");
    validate_balancer_update(old, new, errors);
    const char *was = member_str(old, "clusterIP"), *is = member_str(new, "clusterIP");
    unsigned parts[4];
    char rest;
    bool address = strcmp(is, "None") == 0 || sscanf(is, "%3u.%3u.%3u.%3u%c", &parts[0], &parts[1],
                                                     &parts[2], &parts[3], &rest) == 4;
    if (*is && !address)
        field_invalid_str(errors, "spec.clusterIPs[0]", is,
                          "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)");
    if (*is && !address)
        return;
    if (type_is(old, "ExternalName") || type_is(new, "ExternalName") || strcmp(was, is) == 0)
        return;
    field_invalid(errors, "spec.clusterIPs[0]", jv_get(new, "clusterIPs"),
                  "may not change once set");
}

static void validate_status(const struct jv *before, const struct jv *after,
                            struct field_errors *errors)
{
    (void)before;
    if (jv_size(jv_path(after, "status", "loadBalancer", "ingress", NULL)) &&
        !type_is(jv_get(after, "spec"), "LoadBalancer"))
        field_forbidden(errors, "status.loadBalancer.ingress",
                        "may only be used when `spec.type` is 'LoadBalancer'");
}

static void forget(struct apiserver *server, const struct jv *service)
{
    char key[24];
    const struct jv *ports = jv_path(service, "spec", "ports", NULL);
    const char *address = jv_path_str(service, "spec", "clusterIP", NULL);
    if (address && strcmp(address, "None") != 0)
        map_remove(server->addresses, address);
    for (size_t i = 0; i < jv_size(ports); i++) {
        snprintf(key, sizeof(key), "%lld",
                 (long long)jv_int_value(jv_get(jv_at(ports, i), "nodePort")));
        map_remove(server->node_ports, key);
    }
}

static void committed(struct apiserver *server, const struct jv *before, const struct jv *after)
{
    char key[24];
    if (before)
        forget(server, before);
    if (!after)
        return;
    const struct jv *ports = jv_path(after, "spec", "ports", NULL);
    const char *address = jv_path_str(after, "spec", "clusterIP", NULL);
    if (address && *address && strcmp(address, "None") != 0)
        map_put(server->addresses, address, server);
    for (size_t i = 0; i < jv_size(ports); i++) {
        int64_t number = jv_int_value(jv_get(jv_at(ports, i), "nodePort"));
        snprintf(key, sizeof(key), "%lld", (long long)number);
        if (number)
            map_put(server->node_ports, key, server);
    }
}

const struct strategy strategy_service = {
    .defaults = defaults,
    .prepare_create = allocate,
    .prepare_update = prepare_update,
    .validate = validate,
    .validate_update = validate_update,
    .validate_status = validate_status,
    .committed = committed,
};
