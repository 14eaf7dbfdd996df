#include "invariants.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *name_of(const struct jv *object)
{
    const char *name = jv_path_str(object, "metadata", "name", NULL);
    return name ? name : "?";
}

static bool same(const char *a, const char *b)
{
    return a && b && strcmp(a, b) == 0;
}

static bool uses_claim(const struct jv *pod, const char *claim)
{
    const struct jv *volumes = jv_path(pod, "spec", "volumes", NULL);
    for (size_t i = 0; i < jv_size(volumes); i++) {
        if (same(jv_path_str(jv_at(volumes, i), "persistentVolumeClaim", "claimName", NULL),
                 claim)) {
            return true;
        }
    }
    return false;
}

/* "<template>-<set>-<ordinal>" with the ordinal below the set's replicas. */
static bool wants_claim(const struct jv *set, const char *claim)
{
    const struct jv *templates = jv_path(set, "spec", "volumeClaimTemplates", NULL);
    if (jv_path(set, "metadata", "deletionTimestamp", NULL)) {
        return false;
    }
    for (size_t i = 0; i < jv_size(templates); i++) {
        char prefix[512];
        int len =
            snprintf(prefix, sizeof(prefix), "%s-%s-", name_of(jv_at(templates, i)), name_of(set));
        if (len > 0 && strncmp(claim, prefix, (size_t)len) == 0) {
            long ordinal = strtol(claim + len, NULL, 10);
            return ordinal < jv_int_value(jv_path(set, "spec", "replicas", NULL));
        }
    }
    return false;
}

/* S1 */
static void check_claim_deleted(struct invariants *self, const struct jv *claim)
{
    const char *namespace = jv_path_str(claim, "metadata", "namespace", NULL);
    struct jv *pods = apiserver_dump(self->server, "v1", "Pod");
    struct jv *sets = apiserver_dump(self->server, "apps/v1", "StatefulSet");
    for (size_t i = 0; i < jv_size(pods); i++) {
        const struct jv *pod = jv_at(pods, i);
        if (same(jv_path_str(pod, "metadata", "namespace", NULL), namespace) &&
            uses_claim(pod, name_of(claim))) {
            err_set(&self->broken, ERR_INTERNAL, "S1: claim %s was deleted while pod %s uses it",
                    name_of(claim), name_of(pod));
        }
    }
    for (size_t i = 0; i < jv_size(sets); i++) {
        const struct jv *set = jv_at(sets, i);
        if (same(jv_path_str(set, "metadata", "namespace", NULL), namespace) &&
            wants_claim(set, name_of(claim))) {
            err_set(&self->broken, ERR_INTERNAL, "S1: claim %s was deleted while %s wants it",
                    name_of(claim), name_of(set));
        }
    }
    jv_unref(pods);
    jv_unref(sets);
}

static bool is_rolling(const struct jv *set)
{
    const struct jv *status = jv_get(set, "status");
    int64_t replicas = jv_int_value(jv_path(set, "spec", "replicas", NULL));
    return jv_int_value(jv_get(status, "observedGeneration")) !=
               jv_int_value(jv_path(set, "metadata", "generation", NULL)) ||
           jv_int_value(jv_get(status, "updatedReplicas")) != replicas ||
           jv_int_value(jv_get(status, "readyReplicas")) != replicas;
}

/* S6: when the template of a set that has run is changed, no sibling may be rolling. */
static void check_template(struct invariants *self, const struct jv *before, const struct jv *after)
{
    const char *cluster = jv_path_str(after, "metadata", "labels", "druid_cr", NULL);
    const char *namespace = jv_path_str(after, "metadata", "namespace", NULL);
    if (!cluster || jv_int_value(jv_path(before, "metadata", "generation", NULL)) < 1 ||
        jv_equal(jv_path(before, "spec", "template", NULL),
                 jv_path(after, "spec", "template", NULL))) {
        return;
    }
    struct jv *sets = apiserver_dump(self->server, "apps/v1", "StatefulSet");
    for (size_t i = 0; i < jv_size(sets); i++) {
        const struct jv *set = jv_at(sets, i);
        bool sibling = same(jv_path_str(set, "metadata", "labels", "druid_cr", NULL), cluster) &&
                       same(jv_path_str(set, "metadata", "namespace", NULL), namespace) &&
                       !same(name_of(set), name_of(after));
        /* A set that never changed since it was made is coming up, not rolling. */
        if (sibling && is_rolling(set) &&
            jv_int_value(jv_path(set, "metadata", "generation", NULL)) > 1) {
            err_set(&self->broken, ERR_INTERNAL, "S6: the template of %s changed while %s rolls",
                    name_of(after), name_of(set));
        }
    }
    jv_unref(sets);
}

/* S13: a write of ours changes something. */
static void check_effect(struct invariants *self, const struct jv *before, const struct jv *after)
{
    struct jv *a = jv_dup(before), *b = jv_dup(after);
    jv_remove(jv_get(a, "metadata"), "resourceVersion");
    jv_remove(jv_get(b, "metadata"), "resourceVersion");
    if (jv_equal(a, b)) {
        err_set(&self->broken, ERR_INTERNAL, "S13: a write to %s changed nothing", name_of(after));
    }
    jv_unref(a);
    jv_unref(b);
}

void invariants_check(void *invariants, const char *verb, const char *user, const struct jv *before,
                      const struct jv *after)
{
    struct invariants *self = invariants;
    const struct jv *object = after ? after : before;
    const char *kind = jv_path_str(object, "kind", NULL);
    self->commits++;
    if (self->broken.code != ERR_NONE || !kind || !user ||
        strncmp(user, self->user, strlen(self->user)) != 0) {
        return;
    }
    self->writes++;
    bool begins_deletion =
        strcmp(verb, "delete") == 0 ||
        (before && after && !jv_path(before, "metadata", "deletionTimestamp", NULL) &&
         jv_path(after, "metadata", "deletionTimestamp", NULL));
    if (strcmp(kind, "PersistentVolumeClaim") == 0 && begins_deletion) {
        check_claim_deleted(self, object);
    }
    if (strcmp(kind, "StatefulSet") == 0 && before && after) {
        check_template(self, before, after);
    }
    if (before && after && strcmp(kind, "Lease") != 0) {
        check_effect(self, before, after);
    }
}
