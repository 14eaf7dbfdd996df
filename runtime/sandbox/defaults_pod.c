#include "sandbox/strategy_internal.h"

#include <string.h>

/* A tag of "latest", or none and no digest, is pulled always. */
static const char *pull_policy(const char *image)
{
    const char *name = strrchr(image, '/');
    const char *tag = strchr(name ? name : image, ':');
    if (strchr(image, '@'))
        return "IfNotPresent";
    return !tag || strcmp(tag, ":latest") == 0 ? "Always" : "IfNotPresent";
}

static void default_http_get(struct jv *http)
{
    if (!http)
        return;
    default_str(http, "path", "/");
    default_str(http, "scheme", "HTTP");
}

static void default_probe(struct jv *probe)
{
    static const struct {
        const char *key;
        int64_t value;
    } numbers[] = {{"timeoutSeconds", 1},
                   {"periodSeconds", 10},
                   {"successThreshold", 1},
                   {"failureThreshold", 3}};
    if (!probe)
        return;
    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
        if (jv_int_value(jv_get(probe, numbers[i].key)) == 0)
            jv_set_int(probe, numbers[i].key, numbers[i].value);
    default_http_get(member_object(probe, "httpGet"));
    if (member_object(probe, "grpc"))
        default_str(member_object(probe, "grpc"), "service", "");
}

static void default_container(struct jv *container)
{
    static const char *const probes[] = {"livenessProbe", "readinessProbe", "startupProbe"};
    static const char *const hooks[] = {"postStart", "preStop"};
    default_str(container, "terminationMessagePath", "/dev/termination-log");
    default_str(container, "terminationMessagePolicy", "File");
    default_str(container, "imagePullPolicy", pull_policy(member_str(container, "image")));
    const struct jv *ports = jv_get(container, "ports");
    for (size_t i = 0; i < jv_size(ports); i++)
        default_str(jv_at(ports, i), "protocol", "TCP");
    const struct jv *env = jv_get(container, "env");
    for (size_t i = 0; i < jv_size(env); i++) {
        struct jv *field = jv_path(jv_at(env, i), "valueFrom", "fieldRef", NULL);
        if (jv_is_object(field))
            default_str(field, "apiVersion", "v1");
    }
    for (size_t i = 0; i < 3; i++)
        default_probe(member_object(container, probes[i]));
    for (size_t i = 0; i < 2; i++) {
        struct jv *http = jv_path(container, "lifecycle", hooks[i], "httpGet", NULL);
        default_http_get(jv_is_object(http) ? http : NULL);
    }
}

static void default_containers(const struct jv *list)
{
    for (size_t i = 0; i < jv_size(list); i++)
        if (jv_is_object(jv_at(list, i)))
            default_container(jv_at(list, i));
}

static void default_downward(const struct jv *items)
{
    for (size_t i = 0; i < jv_size(items); i++) {
        struct jv *field = member_object(jv_at(items, i), "fieldRef");
        if (field)
            default_str(field, "apiVersion", "v1");
    }
}

static void default_projected(struct jv *projected)
{
    const struct jv *sources = jv_get(projected, "sources");
    default_int(projected, "defaultMode", 420);
    for (size_t i = 0; i < jv_size(sources); i++) {
        struct jv *token = member_object(jv_at(sources, i), "serviceAccountToken");
        if (token)
            default_int(token, "expirationSeconds", 3600);
        default_downward(jv_path(jv_at(sources, i), "downwardAPI", "items", NULL));
    }
}

static void default_volume(struct jv *volume)
{
    static const char *const modes[] = {"secret", "configMap", "downwardAPI"};
    if (jv_size(volume) == 1 && jv_get(volume, "name"))
        jv_set(volume, "emptyDir", jv_object());
    for (size_t i = 0; i < 3; i++)
        if (member_object(volume, modes[i]))
            default_int(member_object(volume, modes[i]), "defaultMode", 420);
    default_downward(jv_path(volume, "downwardAPI", "items", NULL));
    if (member_object(volume, "projected"))
        default_projected(member_object(volume, "projected"));
    if (member_object(volume, "hostPath"))
        default_str(member_object(volume, "hostPath"), "type", "");
    struct jv *claim = jv_path(volume, "ephemeral", "volumeClaimTemplate", "spec", NULL);
    if (jv_is_object(claim))
        default_claim_spec(claim);
}

void default_claim_spec(struct jv *spec)
{
    default_str(spec, "volumeMode", "Filesystem");
}

void default_pod_spec(struct jv *spec)
{
    default_str(spec, "dnsPolicy", "ClusterFirst");
    default_str(spec, "restartPolicy", "Always");
    default_str(spec, "schedulerName", "default-scheduler");
    default_int(spec, "terminationGracePeriodSeconds", 30);
    if (!jv_get(spec, "securityContext"))
        jv_set(spec, "securityContext", jv_object());
    /* The deprecated name follows the new one, and the other way round. */
    const char *account = member_str(spec, "serviceAccountName");
    if (*account)
        jv_set_str(spec, "serviceAccount", account);
    else if (*member_str(spec, "serviceAccount"))
        jv_set_str(spec, "serviceAccountName", member_str(spec, "serviceAccount"));
    default_containers(jv_get(spec, "initContainers"));
    default_containers(jv_get(spec, "containers"));
    const struct jv *volumes = jv_get(spec, "volumes");
    for (size_t i = 0; i < jv_size(volumes); i++)
        if (jv_is_object(jv_at(volumes, i)))
            default_volume(jv_at(volumes, i));
}

void default_pod_template(struct jv *owner_spec)
{
    struct jv *template = member_object(owner_spec, "template");
    if (template)
        default_pod_spec(jv_ensure(template, "spec", NULL));
}
