/* A base in several ConfigMaps: all parts of one version act together, or none. */
#include "control_stage.h"

static void put_part(struct stage *stage, const char *name, const char *whole, const char *module,
                     const char *text)
{
    stage_put_policy(
        stage, &(struct stage_policy){.name = name,
                                      .label = "base",
                                      .part_of = whole,
                                      .bundle = "return { api = 1, controllers = { 'things' } }",
                                      .module = module,
                                      .text = text});
}

static void parts_of_a_base_act_together_and_only_whole(void **state)
{
    struct stage *stage = *state;
    put_part(stage, "base", "2-a", "things", STAGE_THINGS);
    put_part(stage, "base-more", "2-a", "text", "return { of = function() return 'a' end }");
    stage_start(stage);
    stage_thing(stage, "one", "hello");
    stage_until_idle(stage);
    assert_string_equal(stage_text(stage, "one"), "a");
    assert_string_equal(stage_annotation(stage, "base-more", POLICIES_LOADED),
                        policy_version(manager_policy(stage->manager[0])));
    put_part(stage, "base-more", "2-b", "text", "return { of = function() return 'b' end }");
    stage_wait(stage, 1000);
    assert_string_equal(stage_text(stage, "one"), "a");
    assert_null(stage_annotation(stage, "base", POLICIES_ERROR)); /* the other may be on its way */
    stage_wait(stage, 4000);
    assert_non_null(strstr(stage_annotation(stage, "base", POLICIES_ERROR), "`2-a`"));
    put_part(stage, "base", "2-b", "things", STAGE_THINGS);
    stage_wait(stage, 1000);
    assert_string_equal(stage_text(stage, "one"), "b");
    assert_null(stage_annotation(stage, "base", POLICIES_ERROR));
    assert_null(stage_annotation(stage, "base-more", POLICIES_ERROR));
}

static void a_missing_part_leaves_the_embedded_policies_in_force(void **state)
{
    struct stage *stage = *state;
    put_part(stage, "base", "2-a", "things", "return nonsense nonsense");
    stage_start(stage);
    stage_thing(stage, "one", "hello");
    stage_wait(stage, 5000);
    assert_string_equal(stage_text(stage, "one"), "hello");
    assert_non_null(strstr(stage_annotation(stage, "base", POLICIES_ERROR), "1 of the 2 parts"));
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
