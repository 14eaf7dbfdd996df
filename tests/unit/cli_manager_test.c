/* One operator from its start to its end, and two that want the same lease. */
#include "control_stage.h"

#include <unistd.h>

static const char *holder(struct stage *stage)
{
    return jv_path_str(
        stage_get(stage, "/apis/coordination.k8s.io/v1/namespaces/kube-system/leases/nemeton"),
        "spec", "holderIdentity", NULL);
}

static bool has_exited(void *arg)
{
    const struct stage *stage = arg;
    return stage->exits[0] >= 0;
}

static void gives_up_with_exit_3_when_nobody_answers_for_half_a_minute(void **state)
{
    struct stage *stage = *state;
    stage_start_at(stage, 0);
    loopback_unroute(stage->wire[0], "https://sandbox");
    loopback_cut(stage->wire[0]);
    stage_wait(stage, 25000);
    assert_int_equal(stage->exits[0], -1);
    assert_true(loop_run_until(stage->loop, has_exited, stage, 60000));
    assert_int_equal(stage->exits[0], EXIT_NO_CONNECTION);
    assert_non_null(strstr(stage->why, "no connection to https://sandbox"));
}

static void waits_for_a_server_that_comes_late(void **state)
{
    struct stage *stage = *state;
    stage_thing(stage, "one", "hello");
    stage_start_at(stage, 0);
    loopback_unroute(stage->wire[0], "https://sandbox");
    loopback_cut(stage->wire[0]);
    stage_wait(stage, 10000);
    loopback_route(stage->wire[0], "https://sandbox", apiserver_handle, stage->server);
    stage_until_idle(stage);
    assert_string_equal(stage_text(stage, "one"), "hello");
}

static void refuse_everybody(void *arg, struct exchange *exchange)
{
    (void)arg;
    static const char body[] =
        "{\"kind\":\"Status\",\"status\":\"Failure\",\"reason\":\"Unauthorized\",\"code\":401}";
    static const struct http_header headers[] = {{"Content-Type", "application/json"}};
    exchange_reply(exchange, 401, headers, 1, body, strlen(body));
}

static void gives_up_at_once_on_wrong_credentials(void **state)
{
    struct stage *stage = *state;
    stage_start_at(stage, 0);
    loopback_unroute(stage->wire[0], "https://sandbox");
    loopback_cut(stage->wire[0]);
    loopback_route(stage->wire[0], "https://sandbox", refuse_everybody, NULL);
    assert_true(loop_run_until(stage->loop, has_exited, stage, 5000));
    assert_int_equal(stage->exits[0], EXIT_NO_CONNECTION);
}

static void tells_of_a_missing_connection_less_and_less_often(void **state)
{
    struct stage *stage = *state;
    stage_start_at(stage, 0);
    loopback_unroute(stage->wire[0], "https://sandbox");
    loopback_cut(stage->wire[0]);
    stage_wait(stage, 28000);
    assert_int_equal(stage_logged(stage, "No connection yet"), 5); /* 1, 2, 4, 8, 16 */
}

static void says_once_who_leads(void **state)
{
    struct stage *stage = *state;
    stage_start(stage);
    stage_start_at(stage, 1);
    stage_wait(stage, 30000);
    assert_int_equal(stage_logged(stage, "\"Leading\""), 1);
    assert_int_equal(stage_logged(stage, "somebody else leads"), 1);
}

static void needs_policies_and_an_identity(void **state)
{
    struct stage *stage = *state;
    struct err err = {0};
    struct manager_options options = {.loop = stage->loop, .config = stage->config};
    assert_null(manager_new(&options, &err));
    assert_int_equal(err.code, ERR_USAGE);
}

static void ends_when_its_only_policies_do_not_load(void **state)
{
    struct stage *stage = *state;
    stage->controller = "return {";
    stage_start_at(stage, 0);
    assert_true(loop_run_until(stage->loop, has_exited, stage, 5000));
    assert_int_equal(stage->exits[0], EXIT_FAILED);
    assert_non_null(strstr(stage->why, "things.lua:1"));
}

static void only_one_of_two_writes_and_the_other_takes_over_when_it_dies(void **state)
{
    struct stage *stage = *state;
    stage_start(stage);
    stage_start_at(stage, 1);
    stage_thing(stage, "one", "hello");
    stage_wait(stage, 5000);
    assert_string_equal(holder(stage), "operator-0");
    assert_false(manager_is_leading(stage->manager[1]));
    assert_null(manager_problem(stage->manager[1])); /* a warm standby is ready */
    stage_kill(stage, 0);
    stage_thing(stage, "two", "there");
    stage_wait(stage, 12000);
    assert_null(stage_text(stage, "two")); /* not before the lease has run out */
    stage_wait(stage, 10000);
    assert_string_equal(holder(stage), "operator-1");
    assert_string_equal(stage_text(stage, "two"), "there");
}

static void hands_over_at_once_when_it_is_drained(void **state)
{
    struct stage *stage = *state;
    stage_start(stage);
    stage_start_at(stage, 1);
    stage_wait(stage, 5000);
    manager_drain(stage->manager[0]);
    assert_true(loop_run_until(stage->loop, has_exited, stage, 5000));
    assert_int_equal(stage->exits[0], EXIT_DONE);
    assert_null(stage->why);
    stage_wait(stage, 5000);
    assert_string_equal(holder(stage), "operator-1");
}

#define SLOW                                                                                       \
    "return { watches = { primaries = {{ apiVersion = 'example.com/v1', kind = 'Thing' }} },"      \
    " rights = {}, reconcile = function(ctx)\n"                                                    \
    "  log.info('begin ' .. ctx.key.name)\n"                                                       \
    "  ctx.sleep(tonumber(ctx.object.spec.text))\n"                                                \
    "  log.info('end ' .. ctx.key.name)\n"                                                         \
    "end }"

static void finishes_what_is_under_way_before_it_goes(void **state)
{
    struct stage *stage = *state;
    stage->controller = SLOW;
    stage_start(stage);
    stage_thing(stage, "one", "3000");
    stage_wait(stage, 500);
    manager_drain(stage->manager[0]);
    stage_thing(stage, "two", "1");
    stage_wait(stage, 1000);
    assert_int_equal(stage->exits[0], -1);
    assert_string_equal(holder(stage), "operator-0"); /* until the last write is done */
    assert_true(loop_run_until(stage->loop, has_exited, stage, 10000));
    assert_int_equal(stage_logged(stage, "\"end one\""), 1);
    assert_int_equal(stage_logged(stage, "\"begin two\""), 0);
    assert_string_equal(holder(stage), "");
}

static void does_not_wait_for_ever_for_a_run_and_leaves_its_lease_to_run_out(void **state)
{
    struct stage *stage = *state;
    stage->controller = SLOW;
    stage_start(stage);
    stage_thing(stage, "one", "100000");
    stage_wait(stage, 500);
    manager_drain(stage->manager[0]);
    assert_true(loop_run_until(stage->loop, has_exited, stage, MANAGER_DRAIN_MS + 8000));
    assert_int_equal(stage->exits[0], EXIT_DONE);
    assert_string_equal(holder(stage), "operator-0"); /* its last write may still arrive */
}

static void ends_with_exit_1_when_the_lease_cannot_be_renewed(void **state)
{
    struct stage *stage = *state;
    stage_start(stage);
    loopback_unroute(stage->wire[0], "https://sandbox");
    loopback_cut(stage->wire[0]);
    assert_true(loop_run_until(stage->loop, has_exited, stage, 12000));
    assert_int_equal(stage->exits[0], EXIT_FAILED);
    assert_int_equal(stage->reasons[0], MANAGER_LEASE_LOST);
    assert_non_null(strstr(stage->why, "the lease kube-system/nemeton was lost"));
}

static void reads_its_files_again_when_told(void **state)
{
    struct stage *stage = *state;
    char dir[] = "/tmp/nemeton-manager-XXXXXX";
    assert_non_null(mkdtemp(dir));
    const char *names[] = {"bundle.lua", "things.lua", "text.lua"};
    const char *texts[] = {"return { api = 1, controllers = { 'things' } }", STAGE_THINGS,
                           "return { of = function() return 'first' end }"};
    for (int i = 0; i < 3; i++) {
        char *path = mem_printf("%s/%s", dir, names[i]);
        FILE *file = fopen(path, "w");
        fputs(texts[i], file);
        fclose(file);
        free(path);
    }
    stage->options.policy_dir = dir;
    stage_start(stage);
    stage_thing(stage, "one", "x");
    stage_until_idle(stage);
    assert_string_equal(stage_text(stage, "one"), "first");
    char *path = mem_printf("%s/text.lua", dir);
    FILE *file = fopen(path, "w");
    fputs("return { of = function() return 'second' end }", file);
    fclose(file);
    stage_wait(stage, 2000);
    assert_string_equal(stage_text(stage, "one"), "first");
    manager_reload_files(stage->manager[0]);
    stage_wait(stage, 900);
    assert_string_equal(stage_text(stage, "one"), "second");
    unlink(path);
    free(path);
    for (int i = 0; i < 2; i++) {
        path = mem_printf("%s/%s", dir, names[i]);
        unlink(path);
        free(path);
    }
    rmdir(dir);
}

static void leaves_namespaces_alone_that_it_is_told_to_ignore(void **state)
{
    static const char *const ignored[] = {"others", "ns"};
    struct stage *stage = *state;
    stage_thing(stage, "one", "hello");
    stage->options.ignored_namespaces = ignored;
    stage->options.ignored_namespace_count = 2;
    stage_start(stage);
    stage_patch(stage, THINGS("one"), "{spec: {text: changed}}");
    stage_wait(stage, 5000);
    assert_null(stage_text(stage, "one"));
    stage_kill(stage, 0);
    stage->options.ignored_namespace_count = 1;
    stage_start_at(stage, 0);
    stage_wait(stage, 30000); /* the lease of the one before runs out */
    stage_until_idle(stage);
    assert_string_equal(stage_text(stage, "one"), "changed");
}

static void does_not_run_a_controller_that_is_disabled(void **state)
{
    static const char *const disabled[] = {"things", "thing"};
    struct stage *stage = *state;
    stage_thing(stage, "one", "hello");
    stage->options.disabled_controllers = disabled;
    stage->options.disabled_controller_count = 2;
    stage_start(stage);
    stage_wait(stage, 5000);
    assert_null(stage_text(stage, "one"));
    assert_true(manager_is_leading(stage->manager[0]));
    /* Only the second is a slip. */
    assert_int_equal(stage_logged(stage, "no controller of this name"), 1);
    assert_int_equal(stage_logged(stage, "\"name\":\"thing\""), 1);
}

static void says_what_readiness_waits_for(void **state)
{
    struct stage *stage = *state;
    stage->options.policy_namespace = "policies";
    stage->controller =
        "return { watches = { primaries = {{ apiVersion = 'example.com/v1', kind = 'Thing' },\n"
        "  { apiVersion = 'example.com/v1', kind = 'Other' }} }, rights = {},\n"
        "  reconcile = function() end }";
    stage_start_at(stage, 0);
    stage_wait(stage, 2000);
    char *problem = manager_problem(stage->manager[0]);
    assert_non_null(problem);
    if (strstr(problem, "Other") == NULL)
        fail_msg("%s", problem);
    free(problem);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, stage_setup, stage_teardown)
    const struct CMUnitTest tests[] = {
        TEST(gives_up_with_exit_3_when_nobody_answers_for_half_a_minute),
        TEST(waits_for_a_server_that_comes_late),
        TEST(gives_up_at_once_on_wrong_credentials),
        TEST(tells_of_a_missing_connection_less_and_less_often),
        TEST(says_once_who_leads),
        TEST(needs_policies_and_an_identity),
        TEST(ends_when_its_only_policies_do_not_load),
        TEST(only_one_of_two_writes_and_the_other_takes_over_when_it_dies),
        TEST(hands_over_at_once_when_it_is_drained),
        TEST(finishes_what_is_under_way_before_it_goes),
        TEST(does_not_wait_for_ever_for_a_run_and_leaves_its_lease_to_run_out),
        TEST(ends_with_exit_1_when_the_lease_cannot_be_renewed),
        TEST(reads_its_files_again_when_told),
        TEST(leaves_namespaces_alone_that_it_is_told_to_ignore),
        TEST(does_not_run_a_controller_that_is_disabled),
        TEST(says_what_readiness_waits_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
