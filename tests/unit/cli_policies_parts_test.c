/* A base in several ConfigMaps: all parts of one version act together, or none. */
#include "control_stage.h"

static const char *annotation(struct stage *stage, const char *name, const char *key)
{
    char *path = mem_printf(POLICY("%s"), name);
    const char *value = jv_path_str(stage_get(stage, path), "metadata", "annotations", key, NULL);
    free(path);
    return value;
}

static void put_part(struct stage *stage, const char *name, const char *whole, const char *module,
                     const char *text)
{
    struct jv *object =
        stage_yaml("{apiVersion: v1, kind: ConfigMap, metadata: {namespace: policies, "
                   "labels: {nemeton.dev/policies: base}}}");
    jv_set_str(jv_get(object, "metadata"), "name", name);
    jv_set_str(jv_ensure(object, "metadata", "annotations", NULL), POLICIES_PART_OF, whole);
    struct jv *data = jv_ensure(object, "data", NULL);
    jv_set_str(data, "bundle.lua", "return { api = 1, controllers = { 'things' } }");
    jv_set_str(data, module, text);
    char *body = jv_print_str(object, 0);
    char *path = mem_printf(POLICY("%s") "?fieldManager=person&force=true", name);
    stage_ask(stage, "PATCH", path, "application/apply-patch+yaml", body);
    if (stage->answer == NULL)
        fail_msg("%s", stage->err.text);
    free(path);
    free(body);
    jv_unref(object);
}

static void parts_of_a_base_act_together_and_only_whole(void **state)
{
    struct stage *stage = *state;
    put_part(stage, "base", "2-a", "things.lua", STAGE_THINGS);
    put_part(stage, "base-more", "2-a", "text.lua", "return { of = function() return 'a' end }");
    stage_start(stage);
    stage_thing(stage, "one", "hello");
    stage_until_idle(stage);
    assert_string_equal(stage_text(stage, "one"), "a");
    assert_string_equal(annotation(stage, "base-more", POLICIES_LOADED),
                        policy_version(manager_policy(stage->manager[0])));
    put_part(stage, "base-more", "2-b", "text.lua", "return { of = function() return 'b' end }");
    stage_wait(stage, 1000);
    assert_string_equal(stage_text(stage, "one"), "a");
    assert_null(annotation(stage, "base", POLICIES_ERROR)); /* the other may be on its way */
    stage_wait(stage, 4000);
    assert_non_null(strstr(annotation(stage, "base", POLICIES_ERROR), "`2-a`"));
    put_part(stage, "base", "2-b", "things.lua", STAGE_THINGS);
    stage_wait(stage, 1000);
    assert_string_equal(stage_text(stage, "one"), "b");
    assert_null(annotation(stage, "base", POLICIES_ERROR));
    assert_null(annotation(stage, "base-more", POLICIES_ERROR));
}

static void a_missing_part_leaves_the_embedded_policies_in_force(void **state)
{
    struct stage *stage = *state;
    put_part(stage, "base", "2-a", "things.lua", "return nonsense nonsense");
    stage_start(stage);
    stage_thing(stage, "one", "hello");
    stage_wait(stage, 5000);
    assert_string_equal(stage_text(stage, "one"), "hello");
    assert_non_null(strstr(annotation(stage, "base", POLICIES_ERROR), "1 of the 2 parts"));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, stage_setup, stage_teardown)
    const struct CMUnitTest tests[] = {
        TEST(parts_of_a_base_act_together_and_only_whole),
        TEST(a_missing_part_leaves_the_embedded_policies_in_force),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
