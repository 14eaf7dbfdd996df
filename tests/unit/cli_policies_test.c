/* Policies that are edited while the operator runs: what comes into force, and what is refused. */
#include "control_stage.h"

static void put_policy(struct stage *stage, const char *name, const char *label, const char *module,
                       const char *text)
{
    stage_put_policy(stage, &(struct stage_policy){
                                .name = name, .label = label, .module = module, .text = text});
}

#define LOUD "return { of = function(object) return object.spec.text .. '!' end }"

static void begin(struct stage *stage)
{
    stage_start(stage);
    stage_thing(stage, "one", "hello");
    stage_thing(stage, "two", "there");
    stage_until_idle(stage);
    assert_string_equal(stage_text(stage, "one"), "hello");
}

static void an_overlay_acts_within_a_second_and_is_marked(void **state)
{
    struct stage *stage = *state;
    const char *note = NULL;
    begin(stage);
    put_policy(stage, "loud", "team", "text", LOUD);
    stage_wait(stage, 900);
    assert_string_equal(stage_text(stage, "one"), "hello!");
    assert_string_equal(stage_text(stage, "two"), "there!");
    assert_string_equal(stage_annotation(stage, "loud", POLICIES_LOADED),
                        policy_version(manager_policy(stage->manager[0])));
    assert_null(stage_annotation(stage, "loud", POLICIES_ERROR));
    assert_int_equal(stage_events(stage, "policies", "PolicyLoaded", &note), 1);
    assert_non_null(strstr(note, "change 2"));
    assert_true(metrics_value(stage->metrics, "nemeton_policy_loads_total", "result=\"loaded\"") ==
                2);
}

static void an_overlay_that_is_removed_no_longer_acts(void **state)
{
    struct stage *stage = *state;
    begin(stage);
    put_policy(stage, "loud", "team", "text", LOUD);
    stage_wait(stage, 900);
    stage_ask(stage, "DELETE", POLICY("loud"), NULL, NULL);
    stage_wait(stage, 900);
    assert_string_equal(stage_text(stage, "one"), "hello");
}

static void overlays_lie_on_one_another_in_name_order(void **state)
{
    struct stage *stage = *state;
    begin(stage);
    put_policy(stage, "b-more", "team", "text",
               "local base = require 'base.text'\n"
               "return { of = function(object) return base.of(object) .. '?' end }");
    put_policy(stage, "a-loud", "team", "text", LOUD);
    stage_wait(stage, 900);
    assert_string_equal(stage_text(stage, "one"), "hello!?");
}

/* After an edit that must not act: the last good version does, and the author is told. */
static void assert_refused(struct stage *stage, const char *name, const char *error)
{
    const char *note = NULL;
    stage_wait(stage, 900);
    const char *told = stage_annotation(stage, name, POLICIES_ERROR);
    if (told == NULL || strstr(told, error) == NULL)
        fail_msg("told: %s", told);
    assert_true(stage_events(stage, "policies", "PolicyRefused", &note) >= 1);
    assert_non_null(strstr(note, error));
    assert_int_equal(stage_logged(stage, "A change of the policies was refused"), 1);
    assert_true(metrics_value(stage->metrics, "nemeton_policy_loads_total", "result=\"refused\"") ==
                1);
    stage_patch(stage, THINGS("one"), "{spec: {text: still}}");
    stage_wait(stage, 100);
    assert_string_equal(stage_text(stage, "one"), "still");
    assert_string_equal(stage_annotation(stage, name, POLICIES_LOADED),
                        policy_version(manager_policy(stage->manager[0])));
}

static void a_syntax_error_is_refused_with_file_and_line(void **state)
{
    struct stage *stage = *state;
    begin(stage);
    put_policy(stage, "bad", "team", "text", "return {\n  of = = 1 }");
    assert_refused(stage, "bad", "ConfigMap policies/bad key text.lua:2");
}

static void an_endless_loop_at_load_is_refused(void **state)
{
    struct stage *stage = *state;
    begin(stage);
    put_policy(stage, "bad", "team", "text", "while true do end");
    assert_refused(stage, "bad", "text.lua");
}

static void an_endless_loop_of_a_run_is_refused_with_its_line(void **state)
{
    struct stage *stage = *state;
    begin(stage);
    put_policy(stage, "bad", "team", "things",
               "local M = require 'base.things'\n"
               "local N = { watches = M.watches, rights = M.rights }\n"
               "function N.reconcile(ctx)\n  local n = 0\n  while true do n = n + 1 end\nend\n"
               "return N");
    assert_refused(stage, "bad", "(at ConfigMap policies/bad key things.lua:5)");
    assert_refused(stage, "bad", "tried on Thing ns/");
}

static void a_table_without_end_is_refused(void **state)
{
    struct stage *stage = *state;
    begin(stage);
    put_policy(stage, "bad", "team", "text",
               "local t = {}\nfor i = 1, 1e9 do t[i] = { i } end\nreturn t");
    assert_refused(stage, "bad", "text.lua");
}

static void a_module_that_is_missing_is_refused(void **state)
{
    struct stage *stage = *state;
    begin(stage);
    put_policy(stage, "bad", "team", "text", "return require 'nobody.knows'");
    assert_refused(stage, "bad", "nobody.knows");
}

static void a_controller_that_breaks_the_contract_is_refused(void **state)
{
    struct stage *stage = *state;
    begin(stage);
    put_policy(stage, "bad", "team", "things", "return { watches = 1 }");
    assert_refused(stage, "bad", "watches");
}

static void a_failing_test_of_the_overlay_refuses_it(void **state)
{
    struct stage *stage = *state;
    begin(stage);
    put_policy(stage, "bad", "team", "text_test",
               "return { ['adds up'] = function(t) t.equal(1 + 1, 3) end }");
    assert_refused(stage, "bad", "adds up");
}

static void an_error_on_a_live_object_refuses_and_names_it(void **state)
{
    struct stage *stage = *state;
    begin(stage);
    put_policy(stage, "bad", "team", "text",
               "return { of = function(object)\n"
               "  if object.metadata.name == 'two' then return object.nothing.at_all end\n"
               "  return 'x' end }");
    assert_refused(stage, "bad", "tried on Thing ns/two");
    assert_string_equal(stage_text(stage, "two"), "there");
}

static void binary_data_and_foreign_keys_are_refused(void **state)
{
    struct stage *stage = *state;
    begin(stage);
    stage_load(stage,
               "{apiVersion: v1, kind: ConfigMap, metadata: {name: bad, namespace: "
               "policies, labels: {nemeton.dev/policies: team}}, binaryData: {x.lua: AAAA}}");
    assert_refused(stage, "bad", "binaryData");
    stage_load(stage, "{apiVersion: v1, kind: ConfigMap, metadata: {name: bad, namespace: "
                      "policies, labels: {nemeton.dev/policies: team}}, data: {text: return}}");
    stage_wait(stage, 900);
    assert_non_null(
        strstr(stage_annotation(stage, "bad", POLICIES_ERROR), "key text: a policy's key"));
}

static void only_the_bad_one_is_blamed(void **state)
{
    struct stage *stage = *state;
    begin(stage);
    put_policy(stage, "good", "team", "other", "return {}");
    put_policy(stage, "bad", "team", "text", "return {\n  of = = 1 }");
    assert_refused(stage, "bad", "text.lua:2");
    assert_null(stage_annotation(stage, "good", POLICIES_ERROR));
}

static void a_fixed_overlay_acts_and_its_error_goes(void **state)
{
    struct stage *stage = *state;
    begin(stage);
    put_policy(stage, "loud", "team", "text", "return {");
    stage_wait(stage, 900);
    assert_non_null(stage_annotation(stage, "loud", POLICIES_ERROR));
    put_policy(stage, "loud", "team", "text", LOUD);
    stage_wait(stage, 900);
    assert_null(stage_annotation(stage, "loud", POLICIES_ERROR));
    assert_string_equal(stage_text(stage, "one"), "hello!");
}

static void a_refused_edit_that_is_taken_back_leaves_no_mark(void **state)
{
    struct stage *stage = *state;
    begin(stage);
    put_policy(stage, "loud", "team", "text", LOUD);
    stage_wait(stage, 900);
    put_policy(stage, "loud", "team", "text", "return {");
    stage_wait(stage, 900);
    put_policy(stage, "loud", "team", "text", LOUD);
    stage_wait(stage, 900);
    assert_null(stage_annotation(stage, "loud", POLICIES_ERROR));
    assert_int_equal(stage_logged(stage, "come into force"), 1);
}

static void a_former_version_comes_back_when_asked_for(void **state)
{
    struct stage *stage = *state;
    begin(stage);
    put_policy(stage, "loud", "team", "text", LOUD);
    stage_wait(stage, 900);
    char *former = mem_str(stage_annotation(stage, "loud", POLICIES_LOADED));
    put_policy(stage, "loud", "team", "text", "return { of = function(object) return 'new' end }");
    stage_wait(stage, 900);
    assert_string_equal(stage_text(stage, "one"), "new");
    char *yaml =
        mem_printf("{metadata: {annotations: {nemeton.dev/use-version: '%.12s'}}}", former);
    stage_patch(stage, POLICY("loud"), yaml);
    stage_wait(stage, 900);
    assert_string_equal(stage_text(stage, "one"), "hello!");
    assert_string_equal(stage_annotation(stage, "loud", POLICIES_LOADED), former);
    stage_patch(stage, POLICY("loud"),
                "{metadata: {annotations: {nemeton.dev/use-version: null}}}");
    stage_wait(stage, 900);
    assert_string_equal(stage_text(stage, "one"), "new");
    free(yaml);
    free(former);
}

static void a_version_that_is_not_kept_is_an_error_that_names_those_that_are(void **state)
{
    struct stage *stage = *state;
    begin(stage);
    put_policy(stage, "loud", "team", "text", LOUD);
    stage_wait(stage, 900);
    stage_patch(stage, POLICY("loud"),
                "{metadata: {annotations: {nemeton.dev/use-version: '0123456789'}}}");
    stage_wait(stage, 900);
    const char *told = stage_annotation(stage, "loud", POLICIES_ERROR);
    assert_non_null(told);
    assert_non_null(strstr(told, "version `0123456789` is not kept in memory"));
    assert_string_equal(stage_text(stage, "one"), "hello!");
}

static void a_base_in_the_cluster_stands_in_place_of_the_embedded_one(void **state)
{
    struct stage *stage = *state;
    char *base = mem_printf("{apiVersion: v1, kind: ConfigMap, metadata: {name: base, namespace: "
                            "policies, labels: {nemeton.dev/policies: base}}}");
    struct jv *object = stage_yaml(base);
    struct jv *data = jv_ensure(object, "data", NULL);
    jv_set_str(data, "bundle.lua", "return { api = 1, controllers = { 'things' } }");
    jv_set_str(data, "things.lua", STAGE_THINGS);
    jv_set_str(data, "text.lua", "return { of = function() return 'from the cluster' end }");
    struct err err = {0};
    assert_int_equal(apiserver_load(stage->server, object, false, &err), 0);
    stage_start(stage);
    stage_thing(stage, "one", "hello");
    stage_until_idle(stage);
    assert_string_equal(stage_text(stage, "one"), "from the cluster");
    jv_unref(object);
    free(base);
}

static void at_the_start_a_broken_base_is_replaced_and_a_broken_overlay_left_out(void **state)
{
    struct stage *stage = *state;
    put_policy(stage, "base", "base", "things", "return nonsense nonsense");
    put_policy(stage, "a-bad", "team", "text", "return {");
    put_policy(stage, "b-loud", "team", "text", LOUD);
    stage_start(stage);
    stage_thing(stage, "one", "hello");
    stage_wait(stage, 1000);
    assert_string_equal(stage_text(stage, "one"), "hello!");
    assert_non_null(stage_annotation(stage, "base", POLICIES_ERROR));
    assert_non_null(stage_annotation(stage, "a-bad", POLICIES_ERROR));
    assert_null(stage_annotation(stage, "b-loud", POLICIES_ERROR));
}

static void a_bundle_for_another_api_is_refused(void **state)
{
    struct stage *stage = *state;
    begin(stage);
    stage_load(stage,
               "{apiVersion: v1, kind: ConfigMap, metadata: {name: bad, namespace: policies, "
               "labels: {nemeton.dev/policies: team}}, data: {bundle.lua: 'return { api = 2 }'}}");
    assert_refused(stage, "bad", "api");
}

#define SLOW_TEXT(word)                                                                            \
    "return { watches = { primaries = {{ apiVersion = 'example.com/v1', kind = 'Thing' }} },"      \
    " rights = {}, reconcile = function(ctx)\n"                                                    \
    "  log.info('begin " word " ' .. ctx.key.name)\n"                                              \
    "  ctx.sleep(ctx.previewing and 1 or 5000)\n"                                                  \
    "  log.info('end " word " ' .. ctx.key.name)\n"                                                \
    "end }"

static void a_run_in_flight_ends_on_the_version_it_began_with(void **state)
{
    struct stage *stage = *state;
    stage->controller = SLOW_TEXT("old");
    stage_start(stage);
    stage_thing(stage, "one", "x");
    stage_wait(stage, 500);
    put_policy(stage, "new", "team", "things", SLOW_TEXT("new"));
    stage_wait(stage, 1000);
    assert_int_equal(stage_logged(stage, "\"begin old one\""), 1);
    assert_int_equal(stage_logged(stage, "\"begin new one\""), 0); /* one run a key */
    stage_wait(stage, 20000);
    assert_int_equal(stage_logged(stage, "\"end old one\""), 1);
    assert_int_equal(stage_logged(stage, "\"begin new one\""), 1);
}

static void a_controller_may_come_and_go(void **state)
{
    struct stage *stage = *state;
    stage->controller = SLOW_TEXT("old");
    stage_start(stage);
    stage_thing(stage, "one", "x");
    stage_wait(stage, 500);
    struct jv *object = stage_yaml(
        "{apiVersion: v1, kind: ConfigMap, metadata: {name: other, namespace: policies, labels: "
        "{nemeton.dev/policies: team}}, data: {bundle.lua: \"return { api = 1, controllers = { "
        "'others' } }\"}}");
    jv_set_str(jv_get(object, "data"), "others.lua", SLOW_TEXT("others"));
    struct err err = {0};
    assert_int_equal(apiserver_load(stage->server, object, false, &err), 0);
    jv_unref(object);
    stage_wait(stage, 2000);
    assert_int_equal(stage_logged(stage, "\"begin others one\""), 1);
    stage_ask(stage, "DELETE", POLICY("other"), NULL, NULL);
    stage_wait(stage, 20000);
    assert_int_equal(stage_logged(stage, "\"end others one\""), 1);
    assert_int_equal(stage_logged(stage, "\"end old one\""), 2);
    stage_patch(stage, THINGS("one"), "{spec: {text: again}}");
    stage_wait(stage, 20000);
    assert_int_equal(stage_logged(stage, "\"begin others one\""), 1);
    assert_int_equal(stage_logged(stage, "\"end old one\""), 3);
    stage_until_idle(stage);
}

static void a_watch_of_a_kind_that_is_missing_refuses_at_once_until_the_kind_is_there(void **state)
{
    struct stage *stage = *state;
    begin(stage);
    put_policy(stage, "bad", "team", "things",
               "local M = require 'base.things'\n"
               "local N = { rights = M.rights, reconcile = M.reconcile, watches = {\n"
               "  primaries = M.watches.primaries, M.watches[1],\n"
               "  { apiVersion = 'nobody.has/v1', kind = 'This', map = 'none' } } }\n"
               "return N");
    stage_wait(stage, 900);
    assert_refused(stage, "bad",
                   "ConfigMap policies/bad key things.lua: watches: the server has no "
                   "kind `This` in `nobody.has/v1`");
    stage_wait(stage, 2 * POLICIES_MISSING_MS);
    assert_int_equal(stage_logged(stage, "A change of the policies was refused"), 1);
    stage_load(stage, "{apiVersion: apiextensions.k8s.io/v1, kind: CustomResourceDefinition, "
                      "metadata: {name: these.nobody.has}, spec: {group: nobody.has, scope: "
                      "Namespaced, names: {kind: This, plural: these, singular: this, listKind: "
                      "ThisList}, versions: [{name: v1, served: true, storage: true, schema: "
                      "{openAPIV3Schema: {type: object}}}]}}");
    stage_wait(stage, POLICIES_MISSING_MS + 11000);
    assert_null(stage_annotation(stage, "bad", POLICIES_ERROR));
}

static void a_kind_the_server_lacks_may_be_optional(void **state)
{
    struct stage *stage = *state;
    begin(stage);
    put_policy(
        stage, "good", "team", "things",
        "local M = require 'base.things'\n"
        "local N = { rights = M.rights, watches = {\n"
        "  primaries = M.watches.primaries, M.watches[1],\n"
        "  { apiVersion = 'nobody.has/v1', kind = 'This', map = 'none', optional = true } } }\n"
        "function N.reconcile(ctx)\n"
        "  assert(#kube.list{ apiVersion = 'nobody.has/v1', kind = 'This' } == 0)\n"
        "  return M.reconcile(ctx)\n"
        "end\n"
        "return N");
    stage_wait(stage, 900);
    assert_null(stage_annotation(stage, "good", POLICIES_ERROR));
    stage_patch(stage, THINGS("one"), "{spec: {text: works}}");
    stage_wait(stage, 100);
    assert_string_equal(stage_text(stage, "one"), "works");
}

static void what_fails_already_does_not_hold_back_a_better_version(void **state)
{
    struct stage *stage = *state;
    begin(stage);
    stage_thing(stage, "broken", "b");
    stage_ask(stage, "PATCH", THINGS("broken"), "application/merge-patch+json",
              "{spec: {text: null}}");
    put_policy(stage, "first", "team", "text",
               "return { of = function(object) return object.spec.text end }");
    stage_wait(stage, 900);
    /* Fails on `broken` from now on … */
    put_policy(stage, "first", "team", "text",
               "return { of = function(object)\n"
               "  if object.metadata.name == 'late' then error('late') end\n"
               "  return tostring(object.spec.text) end }");
    stage_wait(stage, 900);
    stage_thing(stage, "late", "x");
    stage_wait(stage, 900);
    assert_string_equal(stage_condition(stage, "late", "status"), "True");
    /* … and a version that still fails there, but helps another, is let in. */
    put_policy(stage, "first", "team", "text",
               "return { of = function(object)\n"
               "  if object.metadata.name == 'late' then error('late') end\n"
               "  return 'better' end }");
    stage_wait(stage, 900);
    assert_string_equal(stage_text(stage, "one"), "better");
}

static void leaves_nothing_behind_when_killed_during_a_reload(void **state)
{
    struct stage *stage = *state;
    for (int i = 0; i < 12; i++) {
        stage_start_at(stage, 0);
        stage_wait(stage, 20000);
        char *text = mem_printf("return { of = function() return 'v%d' end }", i);
        put_policy(stage, "loud", "team", "text", text);
        free(text);
        if (i == 0)
            stage_thing(stage, "one", "hello");
        stage_wait(stage, i * 3);
        for (int j = 0; j < i; j++)
            loop_turn(stage->loop, 0);
        stage_kill(stage, 0);
    }
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, stage_setup, stage_teardown)
    const struct CMUnitTest tests[] = {
        TEST(an_overlay_acts_within_a_second_and_is_marked),
        TEST(an_overlay_that_is_removed_no_longer_acts),
        TEST(overlays_lie_on_one_another_in_name_order),
        TEST(a_syntax_error_is_refused_with_file_and_line),
        TEST(an_endless_loop_at_load_is_refused),
        TEST(an_endless_loop_of_a_run_is_refused_with_its_line),
        TEST(a_table_without_end_is_refused),
        TEST(a_module_that_is_missing_is_refused),
        TEST(a_controller_that_breaks_the_contract_is_refused),
        TEST(a_failing_test_of_the_overlay_refuses_it),
        TEST(an_error_on_a_live_object_refuses_and_names_it),
        TEST(binary_data_and_foreign_keys_are_refused),
        TEST(only_the_bad_one_is_blamed),
        TEST(a_fixed_overlay_acts_and_its_error_goes),
        TEST(a_refused_edit_that_is_taken_back_leaves_no_mark),
        TEST(a_former_version_comes_back_when_asked_for),
        TEST(a_version_that_is_not_kept_is_an_error_that_names_those_that_are),
        TEST(a_base_in_the_cluster_stands_in_place_of_the_embedded_one),
        TEST(at_the_start_a_broken_base_is_replaced_and_a_broken_overlay_left_out),
        TEST(a_bundle_for_another_api_is_refused),
        TEST(a_run_in_flight_ends_on_the_version_it_began_with),
        TEST(a_controller_may_come_and_go),
        TEST(a_watch_of_a_kind_that_is_missing_refuses_at_once_until_the_kind_is_there),
        TEST(a_kind_the_server_lacks_may_be_optional),
        TEST(what_fails_already_does_not_hold_back_a_better_version),
        TEST(leaves_nothing_behind_when_killed_during_a_reload),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
