#include "control/gate_internal.h"

#include <stdlib.h>
#include <string.h>

static bool pod_uses(const struct jv *pod, const char *claim)
{
    const struct jv *volumes = jv_path(pod, "spec", "volumes", NULL);
    const char *name = jv_path_str(pod, "metadata", "name", NULL);
    for (size_t i = 0; i < jv_size(volumes); i++) {
        const struct jv *volume = jv_at(volumes, i);
        const char *used = jv_path_str(volume, "persistentVolumeClaim", "claimName", NULL);
        if (used != NULL && strcmp(used, claim) == 0)
            return true;
        /* A generic ephemeral volume's claim is named after its pod and itself. */
        if (jv_is_object(jv_get(volume, "ephemeral")) && name != NULL) {
            char *own = mem_printf("%s-%s", name, jv_path_str(volume, "name", NULL));
            bool same = strcmp(own, claim) == 0;
            free(own);
            if (same)
                return true;
        }
    }
    return false;
}

/* The most replicas that an autoscaler may ask of the StatefulSet. */
static int64_t replicas_max(const struct jv *autoscalers, const char *name, int64_t replicas)
{
    const struct jv *items = jv_get(autoscalers, "items");
    for (size_t i = 0; i < jv_size(items); i++) {
        const struct jv *spec = jv_get(jv_at(items, i), "spec");
        const char *kind = jv_path_str(spec, "scaleTargetRef", "kind", NULL);
        const char *target = jv_path_str(spec, "scaleTargetRef", "name", NULL);
        if (kind == NULL || target == NULL || strcmp(kind, "StatefulSet") != 0 ||
            strcmp(target, name) != 0)
            continue;
        int64_t max = jv_int_value(jv_get(spec, "maxReplicas"));
        if (max > replicas)
            replicas = max;
    }
    return replicas;
}

/* claim is TEMPLATE-SET-ORDINAL with an ordinal below the replicas. */
static bool set_wants(const struct jv *set, const struct jv *autoscalers, const char *claim)
{
    const char *name = jv_path_str(set, "metadata", "name", NULL);
    const struct jv *templates = jv_path(set, "spec", "volumeClaimTemplates", NULL);
    const struct jv *given = jv_path(set, "spec", "replicas", NULL);
    int64_t start = jv_int_value(jv_path(set, "spec", "ordinals", "start", NULL));
    if (name == NULL)
        return false;
    int64_t replicas = given != NULL ? jv_int_value(given) : 1;
    replicas = replicas_max(autoscalers, name, replicas);
    for (size_t i = 0; i < jv_size(templates); i++) {
        const char *template = jv_path_str(jv_at(templates, i), "metadata", "name", NULL);
        if (template == NULL)
            continue;
        char *prefix = mem_printf("%s-%s-", template, name);
        size_t len = strlen(prefix);
        bool ours = strncmp(claim, prefix, len) == 0;
        free(prefix);
        if (!ours || claim[len] < '0' || claim[len] > '9')
            continue;
        char *end = NULL;
        long long ordinal = strtoll(claim + len, &end, 10);
        if (*end == '\0' && ordinal >= start && ordinal < start + replicas)
            return true;
    }
    return false;
}

bool gate_volume_in_use(const struct jv *pods, const struct jv *statefulsets,
                        const struct jv *autoscalers, const char *claim, bool ignore_deleting,
                        struct buf *why)
{
    const struct jv *items = jv_get(pods, "items");
    for (size_t i = 0; i < jv_size(items); i++) {
        const struct jv *pod = jv_at(items, i);
        if (pod_uses(pod, claim)) {
            buf_printf(why, "pod `%s` uses it", jv_path_str(pod, "metadata", "name", NULL));
            return true;
        }
    }
    items = jv_get(statefulsets, "items");
    for (size_t i = 0; i < jv_size(items); i++) {
        const struct jv *set = jv_at(items, i);
        if (ignore_deleting && jv_path(set, "metadata", "deletionTimestamp", NULL) != NULL)
            continue;
        if (set_wants(set, autoscalers, claim)) {
            buf_printf(why, "StatefulSet `%s` wants it",
                       jv_path_str(set, "metadata", "name", NULL));
            return true;
        }
    }
    return false;
}
