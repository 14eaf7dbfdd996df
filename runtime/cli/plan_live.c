/* What is in the cluster, brought into the world of a plan: the kinds that policies look at, what
 * belongs to them, and the policies themselves. */
#include "cli/plan.h"

#include "cli/workbench.h"
#include "control/policies.h"

#include <stdlib.h>
#include <string.h>

struct fetch {
    struct plan *plan;
    struct jv *seen;      /* "apiVersion/Kind labels" that were read */
    struct jv *primaries; /* those that were brought */
    struct jv *left;      /* uids of what is left out, with all that it owns */
};

static bool is_owned_by(const struct jv *object, const struct jv *uids)
{
    const struct jv *owners = jv_path(object, "metadata", "ownerReferences", NULL);
    for (size_t i = 0; i < jv_size(owners); i++) {
        const char *uid = jv_path_str(jv_at(owners, i), "uid", NULL);
        if (uid != NULL && jv_get(uids, uid) != NULL)
            return true;
    }
    return false;
}

/* Primaries that were not asked for, and what belongs to them, stay out. */
static struct jv *chosen(struct fetch *fetch, const struct jv *objects, bool primaries)
{
    struct jv *out = jv_array();
    const char *only = fetch->plan->only_name;
    for (size_t i = 0; i < jv_size(objects); i++) {
        struct jv *object = jv_at(objects, i);
        const char *uid = jv_path_str(object, "metadata", "uid", NULL);
        const char *name = jv_path_str(object, "metadata", "name", NULL);
        bool other = primaries && only != NULL && strcmp(name, only) != 0;
        if (other || is_owned_by(object, fetch->left))
            jv_set(fetch->left, uid, jv_bool(true));
        else
            jv_append(out, jv_ref(object));
    }
    return out;
}

/* The namespace to read from: one primary needs its own only. */
static const char *place(const struct fetch *fetch, const char *api_version, const char *kind)
{
    struct err err = {0};
    if (fetch->plan->only_name == NULL ||
        client_is_namespaced(fetch->plan->server.client, api_version, kind, &err) != 1)
        return NULL;
    return fetch->plan->default_namespace;
}

static int restore_all(struct plan *plan, const struct jv *objects, struct err *err)
{
    for (size_t i = 0; i < jv_size(objects); i++) {
        if (apiserver_restore(world_apiserver(plan->world), jv_at(objects, i), err) != 0)
            return -1;
    }
    return 0;
}

/* A kind that the server lacks has no objects. What it has under the older version enters the world
 * under the newer one. */
static int bring(struct fetch *fetch, const char *api_version, const char *older, const char *kind,
                 const char *labels, bool primaries, struct err *err)
{
    char *key = mem_printf("%s/%s %s", api_version, kind, labels != NULL ? labels : "");
    bool seen = jv_get(fetch->seen, key) != NULL;
    jv_set(fetch->seen, key, jv_bool(true));
    free(key);
    if (seen)
        return 0;
    struct err failure = {0};
    struct client *client = fetch->plan->server.client;
    struct jv *objects =
        client_list(client, api_version, kind, place(fetch, api_version, kind), labels, &failure);
    if (objects == NULL && failure.code == ERR_NOT_FOUND && older != NULL) {
        objects = client_list(client, older, kind, place(fetch, older, kind), labels, &failure);
        for (size_t i = 0; i < jv_size(objects); i++)
            jv_set_str(jv_at(objects, i), "apiVersion", api_version);
    }
    if (objects == NULL) {
        if (failure.code == ERR_NOT_FOUND)
            return 0;
        *err = failure;
        return err_wrap(err, "read %s %s", api_version, kind);
    }
    struct jv *wanted = chosen(fetch, objects, primaries);
    int failed = restore_all(fetch->plan, wanted, err);
    for (size_t i = 0; primaries && i < jv_size(wanted); i++)
        jv_append(fetch->primaries, jv_ref(jv_at(wanted, i)));
    jv_unref(wanted);
    jv_unref(objects);
    return failed;
}

/* The cluster's policies take the place of those that a world has from its beginning. */
static int bring_policies(struct plan *plan, struct err *err)
{
    const char *namespace =
        plan->policy_namespace != NULL ? plan->policy_namespace : WORLD_NAMESPACE;
    struct jv *maps =
        client_list(plan->server.client, "v1", "ConfigMap", namespace, POLICIES_LABEL, err);
    if (maps == NULL)
        return err_wrap(err, "read the policy ConfigMaps in %s", namespace);
    for (size_t i = 0; i < jv_size(maps); i++)
        jv_set_str(jv_get(jv_at(maps, i), "metadata"), "namespace", WORLD_NAMESPACE);
    int failed = restore_all(plan, maps, err);
    jv_unref(maps);
    return failed;
}

/* What the runs of one primary read by name, as its policy says. What is not there is not brought. */
static int bring_read(struct fetch *fetch, struct policy *policy, const struct jv *primary,
                      struct err *err)
{
    const struct policy_controller *controller = workbench_controller(policy, primary);
    if (controller == NULL || !controller->has_reads)
        return 0;
    struct jv *object = jv_dup(primary), *list = NULL;
    struct jv *metadata = jv_ensure(object, "metadata", NULL);
    if (jv_get(metadata, "namespace") == NULL)
        jv_set_str(metadata, "namespace", fetch->plan->default_namespace);
    int failed = policy_call(policy, controller->module, "reads", &object, 1, &list, err);
    jv_unref(object);
    for (size_t i = 0; failed == 0 && i < jv_size(list); i++) {
        const struct jv *wanted = jv_at(list, i);
        const char *kind = jv_path_str(wanted, "kind", NULL);
        const char *name = jv_path_str(wanted, "name", NULL);
        const char *api_version = jv_path_str(wanted, "apiVersion", NULL);
        if (kind == NULL || name == NULL || api_version == NULL)
            continue; /* the object is not sound: the run will say so */
        struct err failure = {0};
        struct jv *live = client_get(fetch->plan->server.client, api_version, kind,
                                     jv_path_str(wanted, "namespace", NULL), name, &failure);
        if (live != NULL) {
            failed = apiserver_restore(world_apiserver(fetch->plan->world), live, err);
        } else if (failure.code != ERR_NOT_FOUND) {
            *err = failure;
            failed = err_wrap(err, "read %s %s", kind, name);
        }
        jv_unref(live);
    }
    jv_unref(list);
    return failed;
}

/* The same for all primaries of the cluster that are looked at, and for those in the files. */
static int bring_all_read(struct fetch *fetch, struct policy *policy, struct err *err)
{
    const struct plan *plan = fetch->plan;
    int failed = 0;
    for (size_t i = 0; failed == 0 && i < jv_size(fetch->primaries); i++)
        failed = bring_read(fetch, policy, jv_at(fetch->primaries, i), err);
    for (size_t i = 0; i < plan->files.count; i++) {
        for (size_t k = 0; failed == 0 && k < plan->files.files[i].count; k++)
            failed = bring_read(fetch, policy, plan->files.files[i].objects[k].object, err);
    }
    return failed;
}

/* The operator's controllers say what they look at. The cluster's own overlays may look at more; what
 * they declare besides is not read. */
static int bring_watched(struct fetch *fetch, struct err *err)
{
    struct workbench bench = {0};
    const char *dir = fetch->plan->policies;
    if (workbench_init(&bench, err) != 0)
        return -1;
    struct policy *policy = workbench_policy(&bench, &dir, dir != NULL ? 1 : 0, err);
    int failed = policy != NULL ? 0 : -1;
    for (size_t c = 0; failed == 0 && c < policy_controller_count(policy); c++) {
        const struct policy_controller *controller = policy_controller_at(policy, c);
        for (size_t w = 0; failed == 0 && w < controller->watch_count; w++) {
            const struct policy_watch *watch = &controller->watches[w];
            failed = bring(fetch, watch->api_version, watch->older, watch->kind, watch->labels,
                           w < controller->primary_count, err);
        }
    }
    if (failed == 0)
        failed = bring_all_read(fetch, policy, err);
    policy_unref(policy);
    workbench_deinit(&bench);
    return failed;
}

/* Objects of the files whose kinds nobody watches. */
static int bring_named(struct plan *plan, struct err *err)
{
    for (size_t i = 0; i < plan->files.count; i++) {
        for (size_t k = 0; k < plan->files.files[i].count; k++) {
            const struct jv *object = plan->files.files[i].objects[k].object;
            const char *kind = jv_path_str(object, "kind", NULL);
            const char *namespace = jv_path_str(object, "metadata", "namespace", NULL);
            struct err failure = {0};
            if (strcmp(kind, "CustomResourceDefinition") == 0)
                continue;
            struct jv *live =
                client_get(plan->server.client, jv_path_str(object, "apiVersion", NULL), kind,
                           namespace != NULL ? namespace : plan->default_namespace,
                           jv_path_str(object, "metadata", "name", NULL), &failure);
            if (live == NULL && failure.code != ERR_NOT_FOUND) {
                *err = failure;
                return -1;
            }
            int failed = 0;
            if (live != NULL)
                failed = apiserver_restore(world_apiserver(plan->world), live, err);
            jv_unref(live);
            if (failed != 0)
                return -1;
        }
    }
    return 0;
}

/* What pods need to be created at all. Who may not list it gets a plan in which they are refused. */
static int bring_needed(struct fetch *fetch, struct err *err)
{
    static const char *const kinds[][2] = {
        {"v1", "ServiceAccount"},
        {"scheduling.k8s.io/v1", "PriorityClass"},
    };
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        struct err failure = {0};
        int failed = bring(fetch, kinds[i][0], NULL, kinds[i][1], NULL, false, &failure);
        if (failed != 0 && failure.code != ERR_FORBIDDEN) {
            *err = failure;
            return -1;
        }
    }
    return 0;
}

int plan_load_live(struct plan *plan, struct err *err)
{
    struct fetch fetch = {
        .plan = plan, .seen = jv_object(), .primaries = jv_array(), .left = jv_object()};
    int failed = bring(&fetch, "v1", NULL, "Namespace", NULL, false, err);
    if (failed == 0)
        failed = bring(&fetch, "storage.k8s.io/v1", NULL, "StorageClass", NULL, false, err);
    if (failed == 0)
        failed = bring(&fetch, "apps/v1", NULL, "ControllerRevision", NULL, false, err);
    if (failed == 0)
        failed = bring_needed(&fetch, err);
    if (failed == 0)
        failed = bring_watched(&fetch, err);
    if (failed == 0 && plan->policies == NULL)
        failed = bring_policies(plan, err);
    if (failed == 0)
        failed = bring_named(plan, err);
    jv_unref(fetch.seen);
    jv_unref(fetch.primaries);
    jv_unref(fetch.left);
    return failed;
}
