/* Changes of policies that have to wait: for the other parts of a base, and for what they watch. */
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

/* Leaves one kind unanswered while it is deaf. */
struct deaf {
    struct stage *stage;
    bool is_deaf;
};

static void deaf_handle(void *arg, struct exchange *exchange)
{
    struct deaf *deaf = arg;
    if (deaf->is_deaf && strstr(exchange_path(exchange), "/secrets") != NULL)
        exchange_reply(exchange, 503, NULL, 0, "", 0);
    else
        apiserver_handle(deaf->stage->server, exchange);
}

static void a_change_whose_caches_do_not_fill_is_tried_again(void **state)
{
    struct stage *stage = *state;
    struct deaf deaf = {stage, true};
    stage_start(stage);
    loopback_unroute(stage->wire[0], "https://sandbox");
    loopback_route(stage->wire[0], "https://sandbox", deaf_handle, &deaf);
    stage_thing(stage, "one", "hello");
    stage_put_policy(
        stage,
        &(struct stage_policy){
            .name = "more",
            .label = "team",
            .module = "things",
            .text = "local M = require 'base.things'\n"
                    "local N = { rights = M.rights, watches = {\n"
                    "  primaries = M.watches.primaries, M.watches[1],\n"
                    "  { apiVersion = 'v1', kind = 'Secret', labels = 'a=b', map = 'none' } } }\n"
                    "N.reconcile = M.reconcile\n"
                    "return N"});
    stage_wait(stage, POLICIES_SYNC_MS + 2000);
    const char *told = stage_annotation(stage, "more", POLICIES_ERROR);
    assert_non_null(told);
    assert_non_null(strstr(told, "what it watches cannot be read"));
    assert_string_equal(stage_text(stage, "one"), "hello");
    deaf.is_deaf = false;
    stage_wait(stage, POLICIES_MISSING_MS + POLICIES_SYNC_MS);
    assert_null(stage_annotation(stage, "more", POLICIES_ERROR));
    assert_string_equal(stage_annotation(stage, "more", POLICIES_LOADED),
                        policy_version(manager_policy(stage->manager[0])));
    assert_int_equal(stage_logged(stage, "A change of the policies was refused"), 1);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, stage_setup, stage_teardown)
    const struct CMUnitTest tests[] = {
        TEST(parts_of_a_base_act_together_and_only_whole),
        TEST(a_missing_part_leaves_the_embedded_policies_in_force),
        TEST(a_change_whose_caches_do_not_fill_is_tried_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
