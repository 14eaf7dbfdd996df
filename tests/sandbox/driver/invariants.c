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

/* "10Gi", "500M", "7" */
static bool quantity(const char *text, double *value)
{
    static const char units[] = "KMGTPE";
    char *end = NULL;
    *value = strtod(text, &end);
    const char *unit = *end ? strchr(units, *end == 'k' ? 'K' : *end) : NULL;
    for (const char *u = units; unit && u <= unit; u++) {
        *value *= end[1] == 'i' ? 1024 : 1000;
    }
    return end != text && (!*end || unit);
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

static bool has_no_pods(const struct jv *set)
{
    return jv_int_value(jv_path(set, "spec", "replicas", NULL)) == 0 &&
           jv_int_value(jv_path(set, "status", "replicas", NULL)) == 0;
}

/* S6: when the template of a set that has run is changed, no sibling may be rolling. Where there are no pods nothing
 * restarts. */
static void check_template(struct invariants *self, const struct jv *before, const struct jv *after)
{
    const char *cluster = jv_path_str(after, "metadata", "labels", "druid_cr", NULL);
    const char *namespace = jv_path_str(after, "metadata", "namespace", NULL);
    if (!cluster || has_no_pods(after) ||
        jv_int_value(jv_path(before, "metadata", "generation", NULL)) < 1 ||
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

static const struct jv *controller_of(const struct jv *object)
{
    const struct jv *owners = jv_path(object, "metadata", "ownerReferences", NULL);
    for (size_t i = 0; i < jv_size(owners); i++) {
        if (jv_bool_value(jv_get(jv_at(owners, i), "controller"))) {
            return jv_at(owners, i);
        }
    }
    return NULL;
}

/* The object of that kind, namespace and uid (or name, where uid is NULL); yours, NULL when there is none. */
static struct jv *find(struct invariants *self, const char *api_version, const char *kind,
                       const char *namespace, const char *name, const char *uid)
{
    struct jv *list = apiserver_dump(self->server, api_version, kind), *found = NULL;
    for (size_t i = 0; i < jv_size(list) && !found; i++) {
        struct jv *one = jv_at(list, i);
        if (same(jv_path_str(one, "metadata", "namespace", NULL), namespace) &&
            (uid ? same(jv_path_str(one, "metadata", "uid", NULL), uid)
                 : same(name_of(one), name))) {
            found = jv_ref(one);
        }
    }
    jv_unref(list);
    return found;
}

/* S4, S25: its controller is a Druid of the same namespace, or a workload of one. */
static void check_owner(struct invariants *self, const struct jv *before)
{
    const struct jv *controller = controller_of(before);
    const char *namespace = jv_path_str(before, "metadata", "namespace", NULL);
    const char *kind = jv_path_str(controller, "kind", NULL);
    const char *uid = jv_path_str(controller, "uid", NULL);
    if (!controller) {
        return;
    }
    struct jv *owner =
        find(self, jv_path_str(controller, "apiVersion", NULL), kind, namespace, NULL, uid);
    const struct jv *above = owner && !same(kind, "Druid") && !same(kind, "DruidIngestion")
                                 ? controller_of(owner)
                                 : NULL;
    bool ours = owner && (same(kind, "Druid") || same(kind, "DruidIngestion") ||
                          same(jv_path_str(above, "kind", NULL), "Druid") ||
                          same(jv_path_str(above, "kind", NULL), "Deployment"));
    if (!ours) {
        err_set(&self->broken, ERR_INTERNAL, "S4: %s %s was touched, whose controller is %s %s",
                jv_path_str(before, "kind", NULL), name_of(before), kind,
                owner ? "of somebody else" : "that is gone");
    }
    jv_unref(owner);
}

static bool is_ready(const struct jv *pod)
{
    const struct jv *conditions = jv_path(pod, "status", "conditions", NULL);
    for (size_t i = 0; i < jv_size(conditions); i++) {
        if (same(jv_path_str(jv_at(conditions, i), "type", NULL), "Ready")) {
            return same(jv_path_str(jv_at(conditions, i), "status", NULL), "True");
        }
    }
    return false;
}

static bool has_limit_of_its_own(const struct jv *pod)
{
    const char *component = jv_path_str(pod, "metadata", "labels", "component", NULL);
    return same(component, "middleManager") || same(component, "indexer");
}

/* S7 */
static void check_pod_deleted(struct invariants *self, const struct jv *pod)
{
    const struct jv *controller = controller_of(pod);
    const char *namespace = jv_path_str(pod, "metadata", "namespace", NULL);
    const char *uid = jv_path_str(controller, "uid", NULL);
    if (!same(jv_path_str(controller, "kind", NULL), "StatefulSet") || !is_ready(pod) ||
        has_limit_of_its_own(pod)) {
        return;
    }
    struct jv *set = find(self, "apps/v1", "StatefulSet", namespace, NULL, uid);
    struct jv *pods = apiserver_dump(self->server, "v1", "Pod");
    int64_t ready = 0, wanted = jv_int_value(jv_path(set, "spec", "replicas", NULL)) - 1;
    for (size_t i = 0; i < jv_size(pods); i++) {
        const struct jv *one = jv_at(pods, i);
        ready += same(jv_path_str(controller_of(one), "uid", NULL), uid) && is_ready(one) &&
                 !jv_path(one, "metadata", "deletionTimestamp", NULL) &&
                 !same(name_of(one), name_of(pod));
    }
    if (set && ready < wanted) {
        err_set(&self->broken, ERR_INTERNAL,
                "S7: pod %s was taken away while %d of the %d others of its set are ready",
                name_of(pod), (int)ready, (int)wanted);
    }
    jv_unref(set);
    jv_unref(pods);
}

/* S18: "druid-<cluster>-<key>" has no fewer than spec.nodes.<key>.replicas. */
static void check_replicas(struct invariants *self, const struct jv *before, const struct jv *after)
{
    const struct jv *then = jv_path(before, "spec", "replicas", NULL);
    const struct jv *now = jv_path(after, "spec", "replicas", NULL);
    const char *cluster = jv_path_str(after, "metadata", "labels", "druid_cr", NULL);
    if (!then || !now || !cluster || jv_int_value(now) >= jv_int_value(then)) {
        return;
    }
    struct jv *druid = find(self, "druid.apache.org/v1alpha1", "Druid",
                            jv_path_str(after, "metadata", "namespace", NULL), cluster, NULL);
    size_t prefix = strlen("druid-") + strlen(cluster) + 1;
    const struct jv *node = strlen(name_of(after)) > prefix
                                ? jv_path(druid, "spec", "nodes", name_of(after) + prefix, NULL)
                                : NULL;
    const struct jv *asked = jv_get(node, "replicas");
    if (asked && jv_int_value(now) < jv_int_value(asked)) {
        err_set(&self->broken, ERR_INTERNAL, "S18: %s got %d replicas, the Druid says %d",
                name_of(after), (int)jv_int_value(now), (int)jv_int_value(asked));
    }
    jv_unref(druid);
}

/* S16 */
static void check_size(struct invariants *self, const struct jv *before, const struct jv *after)
{
    double then = 0, now = 0;
    const char *a = jv_path_str(before, "spec", "resources", "requests", "storage", NULL);
    const char *b = jv_path_str(after, "spec", "resources", "requests", "storage", NULL);
    if (a && b && quantity(a, &then) && quantity(b, &now) && now < then) {
        err_set(&self->broken, ERR_INTERNAL, "S16: claim %s shrinks from %s to %s", name_of(after),
                a, b);
    }
}

static bool is_operator(const struct invariants *self, const char *user)
{
    return user && strncmp(user, self->user, strlen(self->user)) == 0;
}

/* S16: the words of a server for what it never lets change. */
void invariants_refused(void *invariants, const char *user, const struct jv *status)
{
    static const char *const words[] = {"field is immutable", "is immutable after creation",
                                        "updates to statefulset spec for fields other than",
                                        "can not be less than", "may not change once set"};
    struct invariants *self = invariants;
    const char *message = jv_str(jv_get(status, "message"));
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (is_operator(self, user) && message && strstr(message, words[i]) &&
            self->broken.code == ERR_NONE) {
            err_set(&self->broken, ERR_INTERNAL, "S16: it was sent and refused: %s", message);
        }
    }
}

void invariants_check(void *invariants, const char *verb, const char *user, const struct jv *before,
                      const struct jv *after)
{
    struct invariants *self = invariants;
    const struct jv *object = after ? after : before;
    const char *kind = jv_path_str(object, "kind", NULL);
    self->commits++;
    if (self->broken.code != ERR_NONE || !kind || !is_operator(self, user)) {
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
    if (strcmp(kind, "PersistentVolumeClaim") == 0 && before && after) {
        check_size(self, before, after);
    }
    if (strcmp(kind, "Pod") == 0 && begins_deletion) {
        check_pod_deleted(self, before ? before : object);
    }
    if (before) {
        check_owner(self, before);
    }
    if (strcmp(kind, "StatefulSet") == 0 && before && after) {
        check_template(self, before, after);
        check_replicas(self, before, after);
    }
    if (before && after && strcmp(kind, "Lease") != 0) {
        check_effect(self, before, after);
    }
}
