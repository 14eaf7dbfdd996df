/* What a new process makes of policies that another one has judged: nothing comes into force by a
 * restart alone. */
#include "control_stage.h"

#define LOUD "return { of = function(object) return object.spec.text .. '!' end }"

static void put_policy(struct stage *stage, const char *name, const char *module, const char *text)
{
    stage_put_policy(stage, &(struct stage_policy){
                                .name = name, .label = "team", .module = module, .text = text});
}

static void restart(struct stage *stage)
{
    stage_kill(stage, 0);
    stage_start_at(stage, 0);
    stage_wait(stage, 20000); /* the lease of the one before */
}

static void begin(struct stage *stage)
{
    stage_start(stage);
    stage_thing(stage, "one", "hello");
    stage_until_idle(stage);
}

static void what_failed_on_a_live_object_stays_out_after_a_restart_until_it_is_edited(void **state)
{
    struct stage *stage = *state;
    begin(stage);
    put_policy(stage, "bad", "text",
               "return { of = function(object) return object.nothing.at_all end }");
    stage_wait(stage, 900);
    char *told = mem_str(stage_annotation(stage, "bad", POLICIES_ERROR));
    assert_non_null(strstr(told, "tried on Thing ns/one"));
    assert_non_null(stage_annotation(stage, "bad", POLICIES_REFUSED));
    restart(stage);
    stage_patch(stage, THINGS("one"), "{spec: {text: still}}");
    stage_wait(stage, 900);
    assert_string_equal(stage_text(stage, "one"), "still");
    assert_string_equal(stage_annotation(stage, "bad", POLICIES_ERROR), told);
    assert_int_equal(stage_logged(stage, "The policy raised an error"), 0);
    put_policy(stage, "bad", "text", LOUD);
    stage_wait(stage, 900);
    assert_string_equal(stage_text(stage, "one"), "still!");
    assert_null(stage_annotation(stage, "bad", POLICIES_ERROR));
    assert_null(stage_annotation(stage, "bad", POLICIES_REFUSED));
    free(told);
}

static void an_overlay_whose_tests_fail_is_left_out_at_the_start(void **state)
{
    struct stage *stage = *state;
    stage_put_policy(stage, &(struct stage_policy){.name = "bad",
                                                   .label = "team",
                                                   .module = "text_test",
                                                   .text = "return { ['adds up'] = function(t) "
                                                           "t.equal(1 + 1, 3) end }"});
    put_policy(stage, "good", "text", LOUD);
    begin(stage);
    stage_wait(stage, 900);
    assert_string_equal(stage_text(stage, "one"), "hello!");
    assert_non_null(strstr(stage_annotation(stage, "bad", POLICIES_ERROR), "adds up"));
    assert_null(stage_annotation(stage, "good", POLICIES_ERROR));
}

/* Asks on the ConfigMap for a version by its first digits. */
static void ask_for(struct stage *stage, const char *configmap, const char *version)
{
    char *path = mem_printf("/api/v1/namespaces/policies/configmaps/%s", configmap);
    char *yaml =
        mem_printf("{metadata: {annotations: {nemeton.dev/use-version: '%.12s'}}}", version);
    stage_patch(stage, path, yaml);
    stage_wait(stage, 900);
    free(yaml);
    free(path);
}

static void what_people_went_back_from_does_not_come_back_by_a_restart(void **state)
{
    struct stage *stage = *state;
    begin(stage);
    put_policy(stage, "loud", "text", LOUD);
    stage_wait(stage, 900);
    char *former = mem_str(policy_version(manager_policy(stage->manager[0])));
    put_policy(stage, "loud", "text", "return { of = function() return 'wrong' end }");
    stage_wait(stage, 900);
    assert_string_equal(stage_text(stage, "one"), "wrong");
    ask_for(stage, "loud", former);
    assert_string_equal(stage_text(stage, "one"), "hello!");
    restart(stage); /* what was loud is in no ConfigMap any more */
    stage_patch(stage, THINGS("one"), "{spec: {text: still}}");
    stage_wait(stage, 900);
    assert_string_equal(stage_text(stage, "one"), "still");
    assert_non_null(strstr(stage_annotation(stage, "loud", POLICIES_ERROR), "is not kept"));
    put_policy(stage, "loud", "text", LOUD);
    stage_patch(stage, POLICY("loud"),
                "{metadata: {annotations: {nemeton.dev/use-version: null}}}");
    stage_wait(stage, 900);
    assert_string_equal(stage_text(stage, "one"), "still!");
    free(former);
}

static void a_version_without_the_overlay_that_asks_for_it_is_found_again(void **state)
{
    struct stage *stage = *state;
    begin(stage);
    char *former = mem_str(policy_version(manager_policy(stage->manager[0])));
    put_policy(stage, "loud", "text", LOUD);
    stage_wait(stage, 900);
    ask_for(stage, "loud", former);
    assert_string_equal(stage_text(stage, "one"), "hello");
    restart(stage);
    stage_patch(stage, THINGS("one"), "{spec: {text: still}}");
    stage_wait(stage, 900);
    assert_string_equal(stage_text(stage, "one"), "still");
    assert_null(stage_annotation(stage, "loud", POLICIES_ERROR));
    stage_patch(stage, POLICY("loud"),
                "{metadata: {annotations: {nemeton.dev/use-version: null}}}");
    stage_wait(stage, 900);
    assert_string_equal(stage_text(stage, "one"), "still!");
    free(former);
}

static void a_version_that_is_asked_for_and_there_is_taken_at_the_start(void **state)
{
    struct stage *stage = *state;
    begin(stage);
    put_policy(stage, "loud", "text", LOUD);
    stage_wait(stage, 900);
    ask_for(stage, "loud", policy_version(manager_policy(stage->manager[0])));
    restart(stage);
    stage_patch(stage, THINGS("one"), "{spec: {text: still}}");
    stage_wait(stage, 900);
    assert_string_equal(stage_text(stage, "one"), "still!");
    assert_null(stage_annotation(stage, "loud", POLICIES_ERROR));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, stage_setup, stage_teardown)
    const struct CMUnitTest tests[] = {
        TEST(what_failed_on_a_live_object_stays_out_after_a_restart_until_it_is_edited),
        TEST(an_overlay_whose_tests_fail_is_left_out_at_the_start),
        TEST(what_people_went_back_from_does_not_come_back_by_a_restart),
        TEST(a_version_without_the_overlay_that_asks_for_it_is_found_again),
        TEST(a_version_that_is_asked_for_and_there_is_taken_at_the_start),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
