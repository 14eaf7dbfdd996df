/* A world in virtual time: it comes up, survives the death of its operator, and is what plans use. */
#include "cli_world.h"

#include "cli/files.h"
#include "cli/world_ready.h"

#define DRUID "druid.apache.org/v1alpha1"
#define EXAMPLE "deploy/examples/tiny-cluster.yaml"

static void stage_open(struct stage *stage, bool no_leases)
{
    struct err err = {0};
    struct object_files files;
    const char *path = EXAMPLE;
    stage_begin(stage, no_leases);
    assert_int_equal(object_files_read(&files, &path, 1, &err), 0);
    assert_int_equal(world_load_files(stage->world, &files, &err), 0);
    object_files_deinit(&files);
    assert_int_equal(world_start(stage->world, &err), 0);
}

static bool is_ready(void *arg)
{
    struct stage *stage = arg;
    buf_clear(&stage->text);
    return world_is_ready(stage->world, 0, NULL, NULL, &stage->text);
}

static size_t count(struct stage *stage, const char *api_version, const char *kind)
{
    struct jv *list = apiserver_dump(world_apiserver(stage->world), api_version, kind);
    size_t size = jv_size(list);
    jv_unref(list);
    return size;
}

static void brings_the_example_up(void **state)
{
    (void)state;
    struct stage stage;
    struct err err = {0};
    stage_open(&stage, false);
    assert_int_equal(world_operator_start(stage.world, 0, &err), 0);
    assert_int_equal(world_operator_start(stage.world, 0, &err), -1); /* it runs already */
    if (!loop_run_until(stage.loop, is_ready, &stage, 300000))
        fail_msg("not ready: %s", buf_str(&stage.text));
    assert_int_equal(count(&stage, "apps/v1", "StatefulSet"), 6);
    assert_int_equal(count(&stage, "v1", "Pod"), 6);
    assert_int_equal(count(&stage, "coordination.k8s.io/v1", "Lease"), 1); /* the operator's */
    stage_close(&stage);
}

static bool has_sets(void *arg)
{
    return count(arg, "apps/v1", "StatefulSet") > 0;
}

static void a_killed_operator_is_followed_by_the_next(void **state)
{
    (void)state;
    struct stage stage;
    struct err err = {0};
    stage_open(&stage, false);
    assert_int_equal(world_operator_start(stage.world, 0, &err), 0);
    assert_true(loop_run_until(stage.loop, has_sets, &stage, 300000));
    world_operator_kill(stage.world, 0);
    assert_null(world_operator(stage.world, 0));
    assert_int_equal(world_operator_start(stage.world, 0, &err), 0);
    if (!loop_run_until(stage.loop, is_ready, &stage, 300000))
        fail_msg("not ready: %s", buf_str(&stage.text));
    assert_int_equal(count(&stage, "v1", "Pod"), 6);
    stage_close(&stage);
}

#ifdef __SANITIZE_ADDRESS__
enum { GROUPS = 100 }; /* all takes several times as long */
#else
enum { GROUPS = 300 };
#endif

/* The example with its brokers as many times as make GROUPS groups. */
static void load_large(struct stage *stage)
{
    struct err err = {0};
    struct object_files files;
    const char *path = EXAMPLE;
    assert_int_equal(object_files_read(&files, &path, 1, &err), 0);
    struct jv *druid = jv_dup(files.files[0].objects[0].object);
    struct jv *nodes = jv_path(druid, "spec", "nodes", NULL);
    for (size_t i = jv_size(nodes); i < GROUPS; i++) {
        char key[16];
        snprintf(key, sizeof(key), "broker%zu", i);
        jv_set(nodes, key, jv_dup(jv_get(nodes, "brokers")));
    }
    assert_int_equal(jv_size(nodes), GROUPS);
    if (world_load(stage->world, druid, false, &err) != 0)
        fail_msg("%s", err.text);
    jv_unref(druid);
    object_files_deinit(&files);
    assert_int_equal(world_start(stage->world, &err), 0);
}

/* A condition's member; NULL while there is none. Lent until the next. */
static const char *condition(struct stage *stage, const char *type, const char *member)
{
    struct jv *list = apiserver_dump(world_apiserver(stage->world), DRUID, "Druid");
    const struct jv *all = jv_path(jv_at(list, 0), "status", "conditions", NULL);
    static char text[1024];
    bool found = false;
    for (size_t i = 0; i < jv_size(all); i++) {
        const char *name = jv_path_str(jv_at(all, i), "type", NULL);
        if (name == NULL || strcmp(name, type) != 0)
            continue;
        const char *value = jv_path_str(jv_at(all, i), member, NULL);
        snprintf(text, sizeof(text), "%s", value != NULL ? value : "");
        found = true;
    }
    jv_unref(list);
    return found ? text : NULL;
}

static bool has_status(void *arg)
{
    return condition(arg, "Progressing", "status") != NULL;
}

/* The server takes three seconds for each answer: all objects of the cluster take minutes. */
static void
a_cluster_of_hundreds_of_groups_comes_up_on_a_slow_server_and_says_how_far_it_is(void **state)
{
    (void)state;
    struct stage stage;
    struct err err = {0};
    struct loopback_faults slow = {.delay_mean_us = 1500000};
    stage_begin(&stage, true);
    load_large(&stage);
    world_set_faults(stage.world, &slow);
    assert_int_equal(world_operator_start(stage.world, 0, &err), 0);
    assert_true(loop_run_until(stage.loop, has_status, &stage, 110000));
    assert_has(condition(&stage, "Progressing", "message"), " still to be written)");
    assert_string_equal(condition(&stage, "Progressing", "reason"), "Creating");
    assert_in_range(count(&stage, "apps/v1", "StatefulSet"), 1, GROUPS / 2);
    if (!loop_run_until(stage.loop, is_ready, &stage, 1800000))
        fail_msg("not ready: %s", buf_str(&stage.text));
    assert_int_equal(count(&stage, "apps/v1", "StatefulSet"), GROUPS);
    assert_string_equal(condition(&stage, "PolicyError", "status"), "False");
    assert_int_equal(policy_stats(manager_policy(world_operator(stage.world, 0))).kills, 0);
    stage_close(&stage);
}

static bool has_exited(void *arg)
{
    return ((struct stage *)arg)->exits > 0;
}

static void a_drained_operator_ends_cleanly_and_gives_its_lease_back(void **state)
{
    (void)state;
    struct stage stage;
    struct err err = {0};
    stage_open(&stage, false);
    assert_int_equal(world_operator_start(stage.world, 1, &err), 0);
    assert_true(loop_run_until(stage.loop, has_sets, &stage, 300000));
    manager_drain(world_operator(stage.world, 1));
    assert_true(loop_run_until(stage.loop, has_exited, &stage, 60000));
    assert_null(world_operator(stage.world, 1));
    struct jv *leases =
        apiserver_dump(world_apiserver(stage.world), "coordination.k8s.io/v1", "Lease");
    size_t held = 0;
    for (size_t i = 0; i < jv_size(leases); i++) {
        const char *holder = jv_path_str(jv_at(leases, i), "spec", "holderIdentity", NULL);
        held += holder != NULL && holder[0] != '\0';
    }
    jv_unref(leases);
    assert_int_equal(held, 0);
    stage_close(&stage);
}

static void refuses_to_load_what_no_server_would_take(void **state)
{
    (void)state;
    struct stage stage;
    struct err err = {0};
    struct folder folder = folder_make();
    const char *path = folder_put(&folder, "odd.yaml",
                                  "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n---\n"
                                  "apiVersion: example.com/v1\nkind: Thing\nmetadata: {name: a}\n");
    stage_open(&stage, true);
    struct object_files files;
    assert_int_equal(object_files_read(&files, &path, 1, &err), 0);
    assert_int_equal(world_load_files(stage.world, &files, &err), -1);
    assert_has(err.text, "odd.yaml:5: no matches for kind \"Thing\"");
    object_files_deinit(&files);
    folder_remove(&folder);
    stage_close(&stage);
}

static void a_restored_object_is_what_it_was(void **state)
{
    static const char text[] =
        "{\"apiVersion\":\"apps/v1\",\"kind\":\"StatefulSet\",\"metadata\":{\"name\":\"s\","
        "\"namespace\":\"default\",\"uid\":\"0-1\",\"generation\":7,"
        "\"creationTimestamp\":\"2020-01-01T00:00:00Z\",\"ownerReferences\":[{\"apiVersion\":"
        "\"v1\","
        "\"kind\":\"Pod\",\"name\":\"p\",\"uid\":\"0-2\"}]},\"spec\":{\"replicas\":3},"
        "\"status\":{\"observedGeneration\":7,\"replicas\":3}}";
    (void)state;
    struct stage stage;
    struct err err = {0};
    struct jv *object = NULL;
    stage_open(&stage, true);
    assert_int_equal(jv_parse(text, sizeof(text) - 1, &object, &err), 0);
    assert_int_equal(apiserver_restore(world_apiserver(stage.world), object, &err), 0);
    struct jv *list = apiserver_dump(world_apiserver(stage.world), "apps/v1", "StatefulSet");
    assert_int_equal(jv_size(list), 1);
    struct jv *got = jv_dup(jv_at(list, 0));
    jv_remove(jv_get(got, "metadata"), "resourceVersion");
    assert_true(jv_equal(got, object));
    jv_remove(jv_get(got, "metadata"), "uid");
    assert_int_equal(apiserver_restore(world_apiserver(stage.world), got, &err), -1);
    jv_unref(got);
    jv_unref(list);
    jv_unref(object);
    stage_close(&stage);
}

static void a_restored_template_has_no_empty_time(void **state)
{
    static const char text[] =
        "{\"apiVersion\":\"apps/v1\",\"kind\":\"StatefulSet\",\"metadata\":{\"name\":\"s\","
        "\"namespace\":\"default\",\"uid\":\"0-1\"},\"spec\":{\"template\":{\"metadata\":"
        "{\"creationTimestamp\":null,\"labels\":{\"a\":\"b\"}}},\"volumeClaimTemplates\":"
        "[{\"metadata\":{\"creationTimestamp\":null,\"name\":\"v\"}}]}}";
    (void)state;
    struct stage stage;
    struct err err = {0};
    struct jv *object = NULL;
    stage_open(&stage, true);
    assert_int_equal(jv_parse(text, sizeof(text) - 1, &object, &err), 0);
    assert_int_equal(apiserver_restore(world_apiserver(stage.world), object, &err), 0);
    struct jv *list = apiserver_dump(world_apiserver(stage.world), "apps/v1", "StatefulSet");
    char *spec = jv_print_str(jv_get(jv_at(list, 0), "spec"), JV_PRINT_SORTED);
    assert_string_equal(spec, "{\"template\":{\"metadata\":{\"labels\":{\"a\":\"b\"}}},"
                              "\"volumeClaimTemplates\":[{\"metadata\":{\"name\":\"v\"}}]}");
    free(spec);
    jv_unref(list);
    jv_unref(object);
    stage_close(&stage);
}

static void a_plan_tells_what_is_created(void **state)
{
    (void)state;
    struct outcome o = RUN("plan", EXAMPLE);
    assert_int_equal(o.code, 0);
    assert_has(o.out, "  create   Druid default/tiny-cluster\n");
    assert_has(o.out, "  create   StatefulSet default/druid-tiny-cluster-brokers\n");
    assert_lacks(o.out, "Lease");
    assert_lacks(o.out, "ControllerRevision");
    assert_has(o.out, "\n20 to create, 6 new pods.\n");
    assert_has(o.out, "Then all is ready.");
    outcome_free(&o);
}

static void a_plan_of_a_deletion_shows_the_volumes_that_go(void **state)
{
    static const char text[] =
        "apiVersion: druid.apache.org/v1alpha1\n"
        "kind: Druid\n"
        "metadata: {name: a, namespace: team}\n"
        "spec:\n"
        "  image: apache/druid:33.0.0\n"
        "  commonConfigMountPath: /common\n"
        "  common.runtime.properties: a=b\n"
        "  volumeRetention: {whenDeleted: %s}\n"
        "  nodes:\n"
        "    hot: {nodeType: historical, druid.port: 8083, replicas: 2, runtime.properties: a=b,\n"
        "      nodeConfigMountPath: /hot, volumeMounts: [{name: data, mountPath: /data}],\n"
        "      volumeClaimTemplates: [{metadata: {name: data}, spec: {accessModes: "
        "[ReadWriteOnce],\n"
        "        resources: {requests: {storage: 1Gi}}}}]}\n";
    (void)state;
    for (int keeps = 0; keeps < 2; keeps++) {
        struct folder folder = folder_make();
        char file[1024];
        snprintf(file, sizeof(file), text, keeps ? "Retain" : "Delete");
        struct outcome o = RUN("plan", "--delete", (char *)folder_put(&folder, "a.yaml", file));
        assert_int_equal(o.code, 0);
        assert_has(o.out, "  delete   Druid team/a\n");
        assert_has(o.out, "  delete   StatefulSet team/druid-a-hot\n");
        assert_lacks(o.out, "  create ");
        if (keeps)
            assert_lacks(o.out, "PersistentVolumeClaim");
        else
            assert_has(o.out, "  delete   PersistentVolumeClaim team/data-druid-a-hot-1 (1Gi)\n");
        outcome_free(&o);
        folder_remove(&folder);
    }
}

/* As `kubectl apply` would: what it applied itself goes with the file, what others noted stays. */
static void a_plan_leaves_the_annotations_of_others(void **state)
{
    (void)state;
    struct folder folder = folder_make();
    const char *path = folder_put(&folder, "twice.yaml",
                                  "apiVersion: druid.apache.org/v1alpha1\n"
                                  "kind: Druid\n"
                                  "metadata:\n"
                                  "  name: a\n"
                                  "  namespace: team\n"
                                  "  annotations:\n"
                                  "    druid.apache.org/ignored: \"true\"\n"
                                  "    kubectl.kubernetes.io/last-applied-configuration: "
                                  "'{\"metadata\": {\"annotations\": {}}}'\n"
                                  "spec: {common.runtime.properties: \"\", nodes: {}}\n"
                                  "---\n"
                                  "apiVersion: druid.apache.org/v1alpha1\n"
                                  "kind: Druid\n"
                                  "metadata: {name: a, namespace: team}\n"
                                  "spec: {common.runtime.properties: \"\", nodes: {}}\n");
    struct outcome o = RUN("plan", (char *)path);
    assert_has(o.out, "druid.apache.org/ignored");
    outcome_free(&o);
    folder_remove(&folder);
}

static void a_plan_fails_with_the_reason_when_it_would_not_become_ready(void **state)
{
    (void)state;
    struct folder folder = folder_make();
    const char *path = folder_put(&folder, "bad.yaml",
                                  "apiVersion: druid.apache.org/v1alpha1\n"
                                  "kind: Druid\n"
                                  "metadata: {name: bad, namespace: team}\n"
                                  "spec:\n"
                                  "  common.runtime.properties: \"\"\n"
                                  "  nodes: {}\n");
    struct outcome o = RUN("plan", "-o", "json", (char *)path);
    struct jv *plan = NULL;
    assert_int_equal(o.code, 1);
    assert_int_equal(jv_parse(o.out, strlen(o.out), &plan, NULL), 0);
    assert_int_equal(jv_int_value(jv_path(plan, "counts", "create", NULL)), 1);
    assert_has(jv_path_str(plan, "outcome", NULL), "spec.nodes");
    jv_unref(plan);
    outcome_free(&o);
    folder_remove(&folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(
            a_cluster_of_hundreds_of_groups_comes_up_on_a_slow_server_and_says_how_far_it_is),
        cmocka_unit_test(brings_the_example_up),
        cmocka_unit_test(a_killed_operator_is_followed_by_the_next),
        cmocka_unit_test(a_drained_operator_ends_cleanly_and_gives_its_lease_back),
        cmocka_unit_test(refuses_to_load_what_no_server_would_take),
        cmocka_unit_test(a_restored_object_is_what_it_was),
        cmocka_unit_test(a_restored_template_has_no_empty_time),
        cmocka_unit_test(a_plan_tells_what_is_created),
        cmocka_unit_test(a_plan_of_a_deletion_shows_the_volumes_that_go),
        cmocka_unit_test(a_plan_leaves_the_annotations_of_others),
        cmocka_unit_test(a_plan_fails_with_the_reason_when_it_would_not_become_ready),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
