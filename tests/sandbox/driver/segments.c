#include "segments.h"

#include "base/buf.h"
#include "cli/world.h"

#include <stdlib.h>
#include <string.h>

enum { CLUSTERS_MAX = 128, SOON_MS = 10000 };

struct cluster {
    char *namespace, *name;
    int64_t unavailable;
    bool whole; /* all was there once */
    char *pod;  /* the Historical that was taken away last; NULL: none */
    bool ours;  /* by an operator that could have waited */
    int64_t at_ms;
};

struct segments {
    const char *operators;
    struct jv *writers; /* uid of a StatefulSet: whether an operator wrote or deleted it last */
    struct cluster clusters[CLUSTERS_MAX];
    size_t count;
};

struct segments *segments_new(const char *operators)
{
    struct segments *self = mem_alloc(sizeof(*self));
    self->operators = operators;
    self->writers = jv_object();
    return self;
}

void segments_free(struct segments *self)
{
    if (!self) {
        return;
    }
    for (size_t i = 0; i < self->count; i++) {
        free(self->clusters[i].namespace);
        free(self->clusters[i].name);
        free(self->clusters[i].pod);
    }
    jv_unref(self->writers);
    free(self);
}

static bool same(const char *a, const char *b)
{
    return a && b && strcmp(a, b) == 0;
}

static const char *meta(const struct jv *object, const char *member)
{
    return jv_path_str(object, "metadata", member, NULL);
}

static const char *label(const struct jv *object, const char *name)
{
    return jv_path_str(object, "metadata", "labels", name, NULL);
}

static bool is_ending(const struct jv *object)
{
    return !object || jv_path(object, "metadata", "deletionTimestamp", NULL);
}

static bool is_ours(const struct segments *self, const char *user)
{
    return user && strncmp(user, self->operators, strlen(self->operators)) == 0;
}

/* The cluster of an object; NULL when there are too many, or it belongs to none. */
static struct cluster *cluster_of(struct segments *self, const struct jv *object)
{
    const char *namespace = meta(object, "namespace"), *name = label(object, "druid_cr");
    for (size_t i = 0; i < self->count; i++) {
        struct cluster *one = &self->clusters[i];
        if (same(one->namespace, namespace) && same(one->name, name)) {
            return one;
        }
    }
    if (!namespace || !name || self->count == CLUSTERS_MAX) {
        return NULL;
    }
    struct cluster *made = &self->clusters[self->count++];
    *made = (struct cluster){.namespace = mem_str(namespace), .name = mem_str(name)};
    return made;
}

static bool is_of(const struct cluster *cluster, const struct jv *object)
{
    return same(meta(object, "namespace"), cluster->namespace) &&
           same(label(object, "druid_cr"), cluster->name);
}

static bool serves(const struct jv *pod)
{
    const struct jv *conditions = jv_path(pod, "status", "conditions", NULL);
    for (size_t i = 0; i < jv_size(conditions) && !is_ending(pod); i++) {
        if (same(jv_path_str(jv_at(conditions, i), "type", NULL), "Ready")) {
            return same(jv_path_str(jv_at(conditions, i), "status", NULL), "True");
        }
    }
    return false;
}

static const char *set_uid_of(const struct jv *pod)
{
    const struct jv *owners = jv_path(pod, "metadata", "ownerReferences", NULL);
    for (size_t i = 0; i < jv_size(owners); i++) {
        if (jv_bool_value(jv_get(jv_at(owners, i), "controller"))) {
            return jv_path_str(jv_at(owners, i), "uid", NULL);
        }
    }
    return NULL;
}

/* Historicals that the cluster wants besides this one. */
static int64_t others_wanted(struct apiserver *server, const struct cluster *cluster,
                             const struct jv *pod)
{
    struct jv *sets = apiserver_dump(server, "apps/v1", "StatefulSet");
    const char *uid = set_uid_of(pod), *dash = strrchr(meta(pod, "name"), '-');
    int64_t ordinal = dash ? strtol(dash + 1, NULL, 10) : 0, wanted = 0;
    for (size_t i = 0; i < jv_size(sets); i++) {
        const struct jv *set = jv_at(sets, i);
        int64_t replicas = jv_int_value(jv_path(set, "spec", "replicas", NULL));
        if (is_of(cluster, set) && same(label(set, "component"), "historical") && !is_ending(set)) {
            wanted += replicas - (same(meta(set, "uid"), uid) && ordinal < replicas ? 1 : 0);
        }
    }
    jv_unref(sets);
    return wanted;
}

/* It is being deleted, or asked for all at once. */
static bool may_lose_all(struct apiserver *server, const struct cluster *cluster)
{
    struct jv *druids = apiserver_dump(server, "druid.apache.org/v1alpha1", "Druid");
    bool may = true;
    for (size_t i = 0; i < jv_size(druids); i++) {
        const struct jv *druid = jv_at(druids, i), *rolling = NULL;
        if (same(meta(druid, "namespace"), cluster->namespace) &&
            same(meta(druid, "name"), cluster->name)) {
            rolling = jv_path(druid, "spec", "rollingDeploy", NULL);
            may = is_ending(druid) || (rolling && !jv_bool_value(rolling));
        }
    }
    jv_unref(druids);
    return may;
}

static void note_set(struct segments *self, const char *user, const struct jv *before,
                     const struct jv *after)
{
    const char *uid = meta(after ? after : before, "uid");
    bool deleted = before && !is_ending(before) && is_ending(after);
    bool written = after && (!before || !jv_equal(jv_get(before, "spec"), jv_get(after, "spec")));
    if (uid && (deleted || written)) {
        jv_set(self->writers, uid, jv_bool(is_ours(self, user)));
    }
}

static void note_pod(struct segments *self, struct apiserver *server, const char *user,
                     const struct jv *before, const struct jv *after, int64_t now_ms)
{
    struct cluster *cluster = cluster_of(self, before);
    if (!cluster || !serves(before) || (after && serves(after))) {
        return;
    }
    bool by_itself = !is_ending(after); /* its process broke down */
    bool by_set = !by_itself && user && strncmp(user, WORLD_USER, strlen(WORLD_USER)) == 0;
    const char *uid = set_uid_of(before);
    bool ours = by_set ? uid && jv_bool_value(jv_get(self->writers, uid)) : is_ours(self, user);
    free(cluster->pod);
    cluster->pod = mem_str(meta(before, "name"));
    cluster->at_ms = now_ms;
    cluster->ours = ours && !by_itself && others_wanted(server, cluster, before) > 0 &&
                    !may_lose_all(server, cluster);
}

/* "unavailable: 7" among the lines of the model's status; -1 when it does not say. */
static int64_t figure(const char *status, const char *name)
{
    size_t len = strlen(name);
    for (const char *line = status; line && *line; line = strchr(line, '\n')) {
        line += *line == '\n' ? 1 : 0;
        if (strncmp(line, name, len) == 0 && line[len] == ':') {
            return strtol(line + len + 1, NULL, 10);
        }
    }
    return -1;
}

static void note_model(struct segments *self, const struct jv *map, int64_t now_ms,
                       struct err *broken)
{
    struct cluster *cluster = cluster_of(self, map);
    const char *status = jv_path_str(map, "data", "status", NULL);
    int64_t now = figure(status, "unavailable");
    if (!cluster || now < 0) {
        return;
    }
    if (cluster->whole && now > cluster->unavailable && cluster->pod && cluster->ours &&
        now_ms - cluster->at_ms <= SOON_MS && broken->code == ERR_NONE) {
        err_set(
            broken, ERR_INTERNAL,
            "segments: %d of %s/%s cannot be reached, %d before, since an operator took %s away",
            (int)now, cluster->namespace, cluster->name, (int)cluster->unavailable, cluster->pod);
    }
    cluster->unavailable = now;
    cluster->whole = cluster->whole || now == 0;
}

void segments_commit(struct segments *self, struct apiserver *server, const char *user,
                     const struct jv *before, const struct jv *after, int64_t now_ms,
                     struct err *broken)
{
    const struct jv *object = after ? after : before;
    const char *kind = jv_path_str(object, "kind", NULL), *name = meta(object, "name");
    if (same(kind, "StatefulSet")) {
        note_set(self, user, before, after);
    } else if (same(kind, "Pod") && before && same(label(before, "component"), "historical")) {
        note_pod(self, server, user, before, after, now_ms);
    } else if (same(kind, "ConfigMap") && after && name && strstr(name, "-druid-model")) {
        note_model(self, after, now_ms, broken);
    }
}
