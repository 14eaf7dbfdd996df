/* Server-side apply: what a manager owns, what it takes, what it loses and what stays. The expected
 * sets are those that a 1.35 server writes. */
#include "sandbox_support.h"

#define MAPS "/api/v1/namespaces/default/configmaps"
#define SETS "/apis/apps/v1/namespaces/default/statefulsets"
#define APPLY "application/apply-patch+yaml"
#define MAP_HEAD "'apiVersion':'v1','kind':'ConfigMap','metadata':{'name':'c'}"
#define OPTIONS "?fieldManager="

static struct jv *apply(struct stage *stage, const char *manager, const char *data)
{
    char path[256], body[1024];
    snprintf(path, sizeof(path), MAPS "/c" OPTIONS "%s", manager);
    snprintf(body, sizeof(body), "{" MAP_HEAD ",'data':%s}", data);
    return call_typed(stage, "PATCH", path, APPLY, body);
}

static const struct jv *manager_of(const struct stage *stage, const char *name)
{
    const struct jv *list = jv_path(stage->answer, "metadata", "managedFields", NULL);
    for (size_t i = 0; i < jv_size(list); i++)
        if (strcmp(jv_path_str(jv_at(list, i), "manager", NULL), name) == 0)
            return jv_at(list, i);
    return NULL;
}

/* The fields of a manager; quotes in `wanted` may be written as '. wanted NULL: it has none. */
static void expect_fields(const struct stage *stage, const char *manager, const char *wanted)
{
    const struct jv *entry = manager_of(stage, manager);
    if (!wanted) {
        assert_null(entry);
        return;
    }
    assert_non_null(entry);
    char *copy = strdup(wanted), *shown = jv_print_str(jv_get(entry, "fieldsV1"), JV_PRINT_SORTED);
    for (char *at = copy; *at; at++)
        if (*at == '\'')
            *at = '"';
    assert_string_equal(shown, copy);
    free(copy);
    free(shown);
}

static const char *data_of(const struct stage *stage, const char *key)
{
    return jv_path_str(stage->answer, "data", key, NULL);
}

static void absent_object_is_created(void **state)
{
    (void)state;
    struct stage stage;
    stage_init(&stage);
    apply(&stage, "nemeton&force=true", "{'a':'1','b':'2'}");
    assert_int_equal(stage.code, 201);
    expect_fields(&stage, "nemeton", "{'f:data':{'f:a':{},'f:b':{}}}");
    assert_string_equal(jv_path_str(manager_of(&stage, "nemeton"), "operation", NULL), "Apply");
    stage_end(&stage);
}

static void same_apply_later_writes_nothing(void **state)
{
    (void)state;
    struct stage stage;
    stage_init(&stage);
    apply(&stage, "nemeton", "{'a':'1'}");
    uint64_t revision = apiserver_revision(stage.server);
    clock_advance_ns(stage.clock, 5000000000);
    apply(&stage, "nemeton", "{'a':'1'}");
    assert_int_equal(stage.code, 200);
    assert_int_equal(apiserver_revision(stage.server), revision);
    apply(&stage, "other", "{'a':'1'}"); /* to own the same is a change */
    assert_int_equal(apiserver_revision(stage.server), revision + 1);
    stage_end(&stage);
}

static void field_no_longer_applied_goes_unless_somebody_else_has_it(void **state)
{
    (void)state;
    struct stage stage;
    stage_init(&stage);
    apply(&stage, "one", "{'a':'1','b':'2','c':'3'}");
    apply(&stage, "two", "{'b':'2'}");
    apply(&stage, "one", "{'a':'1'}");
    assert_string_equal(data_of(&stage, "a"), "1");
    assert_string_equal(data_of(&stage, "b"), "2");
    assert_null(data_of(&stage, "c"));
    expect_fields(&stage, "one", "{'f:data':{'f:a':{}}}");
    stage_end(&stage);
}

static void conflict_names_each_field_and_manager_until_forced(void **state)
{
    (void)state;
    struct stage stage;
    stage_init(&stage);
    apply(&stage, "one", "{'a':'1','b':'2'}");
    uint64_t revision = apiserver_revision(stage.server);
    apply(&stage, "two", "{'a':'9'}");
    expect_refusal(&stage, 409, "Conflict",
                   "Apply failed with 1 conflict: conflict with \"one\": .data.a");
    apply(&stage, "two", "{'a':'9','b':'8'}");
    expect_refusal(&stage, 409, "Conflict",
                   "Apply failed with 2 conflicts: conflicts with \"one\":\n- .data.a\n- .data.b");
    const struct jv *cause = jv_at(jv_path(stage.answer, "details", "causes", NULL), 1);
    assert_string_equal(jv_path_str(cause, "reason", NULL), "FieldManagerConflict");
    assert_string_equal(jv_path_str(cause, "field", NULL), ".data.b");
    assert_int_equal(apiserver_revision(stage.server), revision);
    apply(&stage, "two&force=true", "{'a':'9'}");
    assert_int_equal(stage.code, 200);
    assert_string_equal(data_of(&stage, "a"), "9");
    expect_fields(&stage, "one", "{'f:data':{'f:b':{}}}");
    expect_fields(&stage, "two", "{'f:data':{'f:a':{}}}");
    stage_end(&stage);
}

static void updates_are_tracked_and_take_what_they_change(void **state)
{
    (void)state;
    struct stage stage;
    stage_init(&stage);
    apply(&stage, "nemeton", "{'a':'1','b':'2'}");
    call_ok(&stage, "PATCH", MAPS "/c" OPTIONS "person",
            "{'data':{'a':'7'},'metadata':{'labels':{'x':'y'}}}");
    expect_fields(&stage, "nemeton", "{'f:data':{'f:b':{}}}");
    expect_fields(&stage, "person",
                  "{'f:data':{'f:a':{}},'f:metadata':{'f:labels':{'.':{},'f:x':{}}}}");
    apply(&stage, "nemeton", "{'a':'1','b':'2'}");
    expect_refusal(&stage, 409, "Conflict",
                   "Apply failed with 1 conflict: conflict with \"person\" using v1: .data.a");
    apply(&stage, "nemeton&force=true", "{'a':'1','b':'2'}");
    assert_string_equal(data_of(&stage, "a"), "1");
    assert_string_equal(jv_path_str(stage.answer, "metadata", "labels", "x", NULL), "y");
    stage_end(&stage);
}

static void create_and_put_are_managed_by_the_user_agent(void **state)
{
    (void)state;
    struct stage stage;
    stage_init(&stage);
    stage.user = "kubectl/v1.35 (linux)";
    call_ok(&stage, "POST", MAPS, "{'metadata':{'name':'c'},'data':{'a':'1'}}");
    expect_fields(&stage, "kubectl", "{'f:data':{'.':{},'f:a':{}}}");
    stage.user = "other/1";
    call_ok(&stage, "PUT", MAPS "/c", "{'metadata':{'name':'c'},'data':{'b':'1'}}");
    expect_fields(&stage, "kubectl", "{'f:data':{}}");
    expect_fields(&stage, "other", "{'f:data':{'f:b':{}}}");
    stage_end(&stage);
}

#define CONTAINER(NAME, IMAGE, ENV)                                                                \
    "{'name':'" NAME "','image':'" IMAGE "','ports':[{'containerPort':80}],'env':[" ENV            \
    "],'resources':{'limits':{'cpu':'1000m'}}}"
#define SET(SPEC, CONTAINERS)                                                                      \
    "{'apiVersion':'apps/v1','kind':'StatefulSet','metadata':{'name':'s'},'spec':{" SPEC           \
    "'serviceName':'s','selector':{'matchLabels':{'a':'b'}},'template':{'metadata':{'labels':{"    \
    "'a':'b'}},'spec':{'containers':[" CONTAINERS "],'tolerations':[{'key':'x','operator':"        \
    "'Exists'}]}}}}"

static void lists_merge_by_their_keys(void **state)
{
    (void)state;
    struct stage stage;
    stage_init(&stage);
    const char *path = SETS "/s" OPTIONS "nemeton&force=true";
    call_typed(&stage, "PATCH", path, APPLY,
               SET("'replicas':2,", CONTAINER("c", "i:1", "{'name':'A','value':'1'}")));
    assert_int_equal(stage.code, 201);
    expect_fields(&stage, "nemeton",
                  "{'f:spec':{'f:replicas':{},'f:selector':{},'f:serviceName':{},'f:template':{"
                  "'f:metadata':{'f:labels':{'f:a':{}}},'f:spec':{'f:containers':{"
                  "'k:{\\'name\\':\\'c\\'}':{'.':{},'f:env':{'k:{\\'name\\':\\'A\\'}':{'.':{},"
                  "'f:name':{},'f:value':{}}},'f:image':{},'f:name':{},'f:ports':{"
                  "'k:{\\'containerPort\\':80,\\'protocol\\':\\'TCP\\'}':{'.':{},"
                  "'f:containerPort':{}}},'f:resources':{'f:limits':{'f:cpu':{}}}}},"
                  "'f:tolerations':{}}}}}");
    uint64_t revision = apiserver_revision(stage.server);
    call_typed(&stage, "PATCH", path, APPLY,
               SET("'replicas':2,", CONTAINER("c", "i:1", "{'name':'A','value':'1'}")));
    assert_int_equal(apiserver_revision(stage.server), revision); /* also with "1000m" for "1" */
    call_typed(&stage, "PATCH", SETS "/s" OPTIONS "injector", APPLY,
               "{'apiVersion':'apps/v1','kind':'StatefulSet','metadata':{'name':'s'},'spec':{"
               "'template':{'spec':{'containers':[{'name':'side','image':'p:1'},{'name':'c','env':"
               "[{'name':'B','value':'2'}]}]}}}}");
    assert_int_equal(stage.code, 200);
    call_typed(&stage, "PATCH", path, APPLY, SET("", CONTAINER("c", "i:2", "")));
    assert_int_equal(stage.code, 200);
    const struct jv *list = jv_path(stage.answer, "spec", "template", "spec", "containers", NULL);
    assert_int_equal(jv_size(list), 2);
    assert_string_equal(jv_path_str(jv_at(list, 0), "name", NULL), "side");
    assert_string_equal(jv_path_str(jv_at(list, 1), "image", NULL), "i:2");
    const struct jv *env = jv_get(jv_at(list, 1), "env");
    assert_int_equal(jv_size(env), 1);
    assert_string_equal(jv_path_str(jv_at(env, 0), "name", NULL), "B");
    assert_int_equal(jv_int_value(jv_path(stage.answer, "spec", "replicas", NULL)), 1);
    stage_end(&stage);
}

static void status_and_scale_have_managers_of_their_own(void **state)
{
    (void)state;
    struct stage stage;
    stage_init(&stage);
    call_typed(&stage, "PATCH", SETS "/s" OPTIONS "nemeton", APPLY,
               SET("'replicas':2,", CONTAINER("c", "i:1", "")));
    call_ok(&stage, "PATCH", SETS "/s/scale" OPTIONS "hpa", "{'spec':{'replicas':5}}");
    call_ok(&stage, "PATCH", SETS "/s/status" OPTIONS "controller",
            "{'status':{'replicas':5,'readyReplicas':1},'spec':{'replicas':9}}");
    call_ok(&stage, "GET", SETS "/s", NULL);
    expect_fields(&stage, "hpa", "{'f:spec':{'f:replicas':{}}}");
    assert_string_equal(jv_path_str(manager_of(&stage, "hpa"), "subresource", NULL), "scale");
    expect_fields(&stage, "controller", "{'f:status':{'f:readyReplicas':{},'f:replicas':{}}}");
    call_typed(&stage, "PATCH", SETS "/absent/status" OPTIONS "controller", APPLY,
               "{'apiVersion':'apps/v1','kind':'StatefulSet','metadata':{'name':'absent'}}");
    expect_refusal(&stage, 404, "NotFound", NULL);
    stage_end(&stage);
}

static void object_of_before_the_first_apply_has_an_owner(void **state)
{
    (void)state;
    struct stage stage;
    stage_init(&stage);
    call_ok(&stage, "POST", MAPS, "{'metadata':{'name':'c'},'data':{'a':'1'}}");
    call_ok(&stage, "PATCH", MAPS "/c", "{'metadata':{'managedFields':[{}]}}");
    assert_null(jv_path(stage.answer, "metadata", "managedFields", NULL));
    apply(&stage, "nemeton", "{'a':'2'}");
    expect_refusal(
        &stage, 409, "Conflict",
        "Apply failed with 1 conflict: conflict with \"before-first-apply\" using v1: .data.a");
    stage_end(&stage);
}

static void old_updaters_are_joined_when_there_are_many(void **state)
{
    (void)state;
    struct stage stage;
    stage_init(&stage);
    apply(&stage, "nemeton", "{'z':'1'}");
    for (int i = 0; i < 13; i++) {
        char path[128], body[64];
        snprintf(path, sizeof(path), MAPS "/c" OPTIONS "m%d", i);
        snprintf(body, sizeof(body), "{'data':{'k%d':'v'}}", i);
        clock_advance_ns(stage.clock, 2000000000);
        call_ok(&stage, "PATCH", path, body);
    }
    const struct jv *list = jv_path(stage.answer, "metadata", "managedFields", NULL);
    assert_int_equal(jv_size(list), 10 + 1); /* and the one who applies */
    assert_non_null(manager_of(&stage, "ancient-changes"));
    assert_non_null(
        jv_path(manager_of(&stage, "ancient-changes"), "fieldsV1", "f:data", "f:k0", NULL));
    expect_fields(&stage, "m12", "{'f:data':{'f:k12':{}}}");
    stage_end(&stage);
}

static void bad_applies_are_refused(void **state)
{
    (void)state;
    struct stage stage;
    stage_init(&stage);
    apply(&stage, "", "{}");
    expect_refusal(&stage, 422, "Invalid",
                   "PatchOptions.meta.k8s.io \"\" is invalid: fieldManager: Required value: is "
                   "required for apply patch");
    call_typed(&stage, "PATCH", MAPS "/c" OPTIONS "x", APPLY,
               "{'apiVersion':'v1','kind':'ConfigMap','metadata':{'name':'c','uid':'u-1'}}");
    expect_refusal(&stage, 409, "Conflict",
                   "Operation cannot be fulfilled on configmaps \"c\": uid mismatch: the provided "
                   "object specified uid u-1, and no existing object was found");
    call_typed(&stage, "PATCH", MAPS "/d" OPTIONS "x", APPLY, "{" MAP_HEAD "}");
    expect_refusal(&stage, 400, "BadRequest",
                   "the name of the object (c) does not match the name on the URL (d)");
    call_typed(&stage, "PATCH", MAPS "/c" OPTIONS "x", APPLY, "{" MAP_HEAD ",'foo':1}");
    expect_refusal(&stage, 500, NULL,
                   "failed to create typed patch object (/c; /v1, Kind=ConfigMap): .foo: field not "
                   "declared in schema");
    call_typed(&stage, "PATCH", MAPS "/c" OPTIONS "x", APPLY,
               "{'apiVersion':'v1','kind':'Secret','metadata':{'name':'c'}}");
    expect_refusal(&stage, 400, "BadRequest", "invalid object type: /v1, Kind=Secret");
    apply(&stage, "x", "{'a':'1'}");
    call_typed(&stage, "PATCH", MAPS "/c" OPTIONS "x", APPLY,
               "{'apiVersion':'v1','kind':'ConfigMap','metadata':{'name':'c','managedFields':[]}}");
    expect_refusal(&stage, 400, "BadRequest", "metadata.managedFields must be nil");
    call_typed(&stage, "PATCH", MAPS "/c" OPTIONS "x", APPLY,
               "{'apiVersion':'v1','kind':'ConfigMap','metadata':{'name':'c','resourceVersion':'1'}"
               ",'data':{'a':'2'}}");
    expect_refusal(&stage, 409, "Conflict", NULL);
    stage_end(&stage);
}

static void dry_run_answers_and_keeps_nothing(void **state)
{
    (void)state;
    struct stage stage;
    stage_init(&stage);
    uint64_t revision = apiserver_revision(stage.server);
    apply(&stage, "nemeton&dryRun=All", "{'a':'1'}");
    assert_int_equal(stage.code, 201);
    assert_string_equal(data_of(&stage, "a"), "1");
    assert_int_equal(apiserver_revision(stage.server), revision);
    stage_end(&stage);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(absent_object_is_created),
        cmocka_unit_test(same_apply_later_writes_nothing),
        cmocka_unit_test(field_no_longer_applied_goes_unless_somebody_else_has_it),
        cmocka_unit_test(conflict_names_each_field_and_manager_until_forced),
        cmocka_unit_test(updates_are_tracked_and_take_what_they_change),
        cmocka_unit_test(create_and_put_are_managed_by_the_user_agent),
        cmocka_unit_test(lists_merge_by_their_keys),
        cmocka_unit_test(status_and_scale_have_managers_of_their_own),
        cmocka_unit_test(object_of_before_the_first_apply_has_an_owner),
        cmocka_unit_test(old_updaters_are_joined_when_there_are_many),
        cmocka_unit_test(bad_applies_are_refused),
        cmocka_unit_test(dry_run_answers_and_keeps_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
