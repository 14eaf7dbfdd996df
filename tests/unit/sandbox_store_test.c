/* Creating, reading, changing, listing and deleting: the ground that everything else stands on. */
#include "sandbox_support.h"

#define MAPS "/api/v1/namespaces/default/configmaps"

static void create_map(struct stage *stage, const char *name, const char *labels)
{
    char body[512];
    snprintf(body, sizeof(body),
             "{'apiVersion':'v1','kind':'ConfigMap','metadata':{'name':'%s','labels':%s},"
             "'data':{'a':'1'}}",
             name, labels ? labels : "{}");
    call_ok(stage, "POST", MAPS, body);
}

static void create_gives_identity_and_revision(void **state)
{
    (void)state;
    struct stage stage;
    stage_init(&stage);
    uint64_t before = apiserver_revision(stage.server);
    create_map(&stage, "one", NULL);
    assert_int_equal(stage.code, 201);
    assert_int_equal(apiserver_revision(stage.server), before + 1);
    assert_string_equal(jv_path_str(stage.answer, "metadata", "namespace", NULL), "default");
    assert_string_equal(jv_path_str(stage.answer, "metadata", "creationTimestamp", NULL),
                        "2026-01-01T00:00:00Z");
    assert_int_equal(strlen(jv_path_str(stage.answer, "metadata", "uid", NULL)), 36);
    char *uid = strdup(jv_path_str(stage.answer, "metadata", "uid", NULL));
    call_ok(&stage, "GET", MAPS "/one", NULL);
    assert_string_equal(jv_path_str(stage.answer, "metadata", "uid", NULL), uid);
    assert_string_equal(jv_path_str(stage.answer, "kind", NULL), "ConfigMap");
    free(uid);
    stage_end(&stage);
}

static void create_is_refused_twice_in_missing_namespace_and_with_bad_name(void **state)
{
    (void)state;
    struct stage stage;
    stage_init(&stage);
    create_map(&stage, "one", NULL);
    call(&stage, "POST", MAPS, "{'metadata':{'name':'one'}}");
    expect_refusal(&stage, 409, "AlreadyExists", "configmaps \"one\" already exists");
    call(&stage, "POST", "/api/v1/namespaces/nowhere/configmaps", "{'metadata':{'name':'one'}}");
    expect_refusal(&stage, 404, "NotFound", "namespaces \"nowhere\" not found");
    call(&stage, "POST", MAPS, "{'metadata':{'name':'Bad_Name'}}");
    expect_refusal(&stage, 422, "Invalid", NULL);
    assert_string_equal(
        jv_path_str(jv_at(jv_path(stage.answer, "details", "causes", NULL), 0), "field", NULL),
        "metadata.name");
    call(&stage, "POST", MAPS, "{'apiVersion':'apps/v1','kind':'ConfigMap','metadata':{}}");
    expect_refusal(
        &stage, 400, "BadRequest",
        "ConfigMap in version \"v1\" cannot be handled as a ConfigMap: no kind \"ConfigMap\" is "
        "registered for version \"apps/v1\" in scheme "
        "\"k8s.io/kubernetes/pkg/api/legacyscheme/scheme.go:30\"");
    stage_end(&stage);
}

static void generated_names_differ(void **state)
{
    (void)state;
    struct stage stage;
    stage_init(&stage);
    call_ok(&stage, "POST", MAPS, "{'metadata':{'generateName':'gen-'}}");
    char *first = strdup(jv_path_str(stage.answer, "metadata", "name", NULL));
    call_ok(&stage, "POST", MAPS, "{'metadata':{'generateName':'gen-'}}");
    assert_string_not_equal(first, jv_path_str(stage.answer, "metadata", "name", NULL));
    assert_int_equal(strlen(first), 9);
    free(first);
    stage_end(&stage);
}

static void update_with_stale_version_conflicts_and_without_change_writes_nothing(void **state)
{
    (void)state;
    struct stage stage;
    stage_init(&stage);
    create_map(&stage, "one", NULL);
    char *object = strdup(stage.text);
    call_ok(&stage, "PUT", MAPS "/one", object);
    uint64_t revision = apiserver_revision(stage.server);
    call_ok(&stage, "PATCH", MAPS "/one", "{}");
    assert_int_equal(apiserver_revision(stage.server), revision);
    call_typed(&stage, "PATCH", MAPS "/one", "application/merge-patch+json",
               "{'data':{'a':'2','b':'3'}}");
    assert_int_equal(stage.code, 200);
    assert_int_equal(apiserver_revision(stage.server), revision + 1);
    call(&stage, "PUT", MAPS "/one", object);
    expect_refusal(&stage, 409, "Conflict",
                   "Operation cannot be fulfilled on configmaps \"one\": the object has been "
                   "modified; please apply your changes to the latest version and try again");
    free(object);
    stage_end(&stage);
}

static void list_selects_pages_and_keeps_the_snapshot(void **state)
{
    (void)state;
    struct stage stage;
    stage_init(&stage);
    for (int i = 0; i < 5; i++) {
        char name[16];
        snprintf(name, sizeof(name), "map-%d", i);
        create_map(&stage, name, i % 2 ? "{'odd':'yes'}" : "{'odd':'no'}");
    }
    call_ok(&stage, "GET", MAPS "?labelSelector=odd%3Dyes", NULL);
    assert_int_equal(jv_size(jv_path(stage.answer, "items", NULL)), 2);
    assert_null(jv_path(jv_at(jv_path(stage.answer, "items", NULL), 0), "kind", NULL));
    call_ok(&stage, "GET", MAPS "?fieldSelector=metadata.name%3Dmap-3", NULL);
    assert_int_equal(jv_size(jv_path(stage.answer, "items", NULL)), 1);
    call(&stage, "GET", MAPS "?fieldSelector=data.a%3D1", NULL);
    expect_refusal(&stage, 400, "BadRequest",
                   "\"data.a\" is not a known field selector: only \"metadata.name\", "
                   "\"metadata.namespace\"");

    call_ok(&stage, "GET", MAPS "?limit=2", NULL);
    assert_int_equal(jv_int_value(jv_path(stage.answer, "metadata", "remainingItemCount", NULL)),
                     3);
    char next[512];
    snprintf(next, sizeof(next), MAPS "?limit=5&continue=%s",
             jv_path_str(stage.answer, "metadata", "continue", NULL));
    call_ok(&stage, "DELETE", MAPS "/map-4", NULL);
    create_map(&stage, "map-9", NULL);
    call_ok(&stage, "GET", next, NULL);
    const struct jv *items = jv_path(stage.answer, "items", NULL);
    assert_int_equal(jv_size(items), 3);
    assert_string_equal(jv_path_str(jv_at(items, 2), "metadata", "name", NULL), "map-4");
    apiserver_compact(stage.server);
    call(&stage, "GET", next, NULL);
    expect_refusal(&stage, 410, "Expired", NULL);
    call(&stage, "GET", MAPS "?resourceVersion=99999", NULL);
    expect_refusal(&stage, 504, "Timeout", NULL);
    stage_end(&stage);
}

static void delete_honours_preconditions_and_finalizers(void **state)
{
    (void)state;
    struct stage stage;
    stage_init(&stage);
    call_ok(&stage, "POST", MAPS, "{'metadata':{'name':'one','finalizers':['x.io/hold']}}");
    call(&stage, "DELETE", MAPS "/one", "{'preconditions':{'uid':'other'}}");
    assert_int_equal(stage.code, 409);
    call_ok(&stage, "DELETE", MAPS "/one", NULL);
    assert_non_null(jv_path(stage.answer, "metadata", "deletionTimestamp", NULL));
    call_typed(&stage, "PATCH", MAPS "/one", "application/merge-patch+json",
               "{'metadata':{'finalizers':['x.io/hold','x.io/more']}}");
    expect_refusal(&stage, 422, "Invalid",
                   "ConfigMap \"one\" is invalid: metadata.finalizers: Forbidden: no new "
                   "finalizers can be added if the object is being deleted, found new finalizers "
                   "[]string{\"x.io/more\"}");
    call_typed(&stage, "PATCH", MAPS "/one", "application/merge-patch+json",
               "{'metadata':{'finalizers':null}}");
    assert_int_equal(stage.code, 200);
    call(&stage, "GET", MAPS "/one", NULL);
    expect_refusal(&stage, 404, "NotFound", "configmaps \"one\" not found");
    stage_end(&stage);
}

static void token_guards_all_but_health(void **state)
{
    (void)state;
    struct stage stage;
    stage_init_with(&stage, (struct apiserver_options){.token = "secret"});
    call(&stage, "GET", "/readyz", NULL);
    assert_int_equal(stage.code, 200);
    call(&stage, "GET", "/version", NULL);
    expect_refusal(&stage, 401, "Unauthorized", "Unauthorized");
    stage.token = "Bearer secre";
    call(&stage, "GET", "/version", NULL);
    assert_int_equal(stage.code, 401);
    stage.token = "Bearer secret";
    call_ok(&stage, "GET", "/version", NULL);
    stage_end(&stage);
}

static void bodies_of_other_kinds_are_refused_by_size_and_type(void **state)
{
    (void)state;
    struct stage stage;
    stage_init_with(&stage, (struct apiserver_options){.body_bytes_max = 100});
    call_typed(&stage, "POST", MAPS, "application/vnd.kubernetes.protobuf", "k8s");
    assert_int_equal(stage.code, 415);
    char large[200];
    memset(large, 'x', sizeof(large) - 1);
    large[sizeof(large) - 1] = '\0';
    call(&stage, "POST", MAPS, large);
    expect_refusal(&stage, 413, "RequestEntityTooLarge", NULL);
    stage.accept = "application/vnd.kubernetes.protobuf";
    call(&stage, "GET", MAPS, NULL);
    assert_int_equal(stage.code, 406);
    stage.accept = "application/vnd.kubernetes.protobuf,application/json";
    call_ok(&stage, "GET", MAPS, NULL);
    stage_end(&stage);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(create_gives_identity_and_revision),
        cmocka_unit_test(create_is_refused_twice_in_missing_namespace_and_with_bad_name),
        cmocka_unit_test(generated_names_differ),
        cmocka_unit_test(update_with_stale_version_conflicts_and_without_change_writes_nothing),
        cmocka_unit_test(list_selects_pages_and_keeps_the_snapshot),
        cmocka_unit_test(delete_honours_preconditions_and_finalizers),
        cmocka_unit_test(token_guards_all_but_health),
        cmocka_unit_test(bodies_of_other_kinds_are_refused_by_size_and_type),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
