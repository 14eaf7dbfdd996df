/* Live effects: what is sent, and what is not. */
#include "control_effects_support.h"

#define SET "/apis/apps/v1/namespaces/ns/statefulsets/set"
#define MAP "/api/v1/namespaces/ns/configmaps/map"

static void apply_whole(struct test *test, const char *text, const char *whole)
{
    struct jv *body = parse(text);
    const char *paths[] = {whole};
    struct effect effect = {
        .verb = EFFECT_APPLY, .body = body, .whole = paths, .whole_count = whole != NULL};
    perform(test, &effect);
    jv_unref(body);
}

static const char *change(const struct test *test)
{
    if (test->err.code != ERR_NONE)
        fail_msg("%s", test->err.text);
    return jv_path_str(test->result, "change", NULL);
}

#define MAP_BODY "{'apiVersion':'v1','kind':'ConfigMap','metadata':{'name':'map'},'data':{'a':'1'}}"
#define SET_BODY(replicas)                                                                         \
    "{'apiVersion':'apps/v1','kind':'StatefulSet','metadata':{'name':'set'},'spec':{" replicas "}" \
    "}"

static void creates_what_is_missing_and_sends_nothing_the_second_time(void **state)
{
    struct test *test = *state;
    begin(test);
    apply_whole(test, MAP_BODY, NULL);
    assert_string_equal(change(test), "created");
    const char *sent = fake_last(&test->fake, "PATCH");
    assert_non_null(strstr(sent, "fieldManager=nemeton"));
    assert_non_null(strstr(sent, "force=false"));
    assert_non_null(strstr(sent, "\"namespace\":\"ns\""));
    assert_non_null(strstr(sent, APPLY_ANNOTATION));
    apply_whole(test, MAP_BODY, NULL);
    assert_string_equal(change(test), "same");
    assert_int_equal(fake_asked(&test->fake, "PATCH"), 1);
}

static void reads_its_own_write_before_the_watch_brings_it(void **state)
{
    struct test *test = *state;
    begin(test);
    apply_whole(test, MAP_BODY, NULL);
    struct store_item *item = store_get(informer_store(test->maps), "ns", "map");
    assert_non_null(item);
    assert_string_equal(item->uid, "u-map");
}

static void puts_back_what_somebody_changed(void **state)
{
    struct test *test = *state;
    fake_put(&test->fake, MAP, "{'apiVersion':'v1','kind':'ConfigMap','data':{'a':'other'}}");
    begin(test);
    apply_whole(test, MAP_BODY, NULL);
    assert_string_equal(change(test), "updated");
    assert_string_equal(jv_path_str(fake_get(&test->fake, MAP), "data", "a", NULL), "1");
}

static void removes_foreign_keys_only_from_maps_that_are_ours_whole(void **state)
{
    struct test *test = *state;
    fake_put(&test->fake, MAP,
             "{'apiVersion':'v1','kind':'ConfigMap','metadata':{'labels':{'x':'y'}},"
             "'data':{'a':'1','b':'2'}}");
    begin(test);
    apply_whole(test, MAP_BODY, "data");
    assert_string_equal(change(test), "updated");
    const struct jv *map = fake_get(&test->fake, MAP);
    assert_null(jv_path(map, "data", "b", NULL));
    assert_string_equal(jv_path_str(map, "metadata", "labels", "x", NULL), "y");
}

static void refuses_to_overwrite_what_another_controller_owns(void **state)
{
    struct test *test = *state;
    fake_put(&test->fake, MAP,
             "{'apiVersion':'v1','kind':'ConfigMap','metadata':{'ownerReferences':[{'uid':'u-x',"
             "'kind':'Thing','name':'x','apiVersion':'example.com/v1','controller':true}]}}");
    begin(test);
    apply_whole(test,
                "{'apiVersion':'v1','kind':'ConfigMap','metadata':{'name':'map',"
                "'ownerReferences':[{'uid':'u-one','kind':'Thing','name':'one','apiVersion':"
                "'example.com/v1','controller':true}]},'data':{}}",
                NULL);
    assert_int_equal(test->err.code, ERR_CONFLICT);
    assert_int_equal(fake_asked(&test->fake, "PATCH"), 0);
}

#define OWNED_MAP                                                                                  \
    "{'apiVersion':'v1','kind':'ConfigMap','metadata':{'name':'map','ownerReferences':[{"          \
    "'uid':'u-one','kind':'Thing','name':'one','apiVersion':'example.com/v1','controller':true}]}" \
    ",'data':{}}"

/* Its owner was taken from it, for it is to stay when that goes; the cache still has the owner whole. */
static void nothing_is_taken_over_for_an_owner_that_is_being_deleted(void **state)
{
    struct test *test = *state;
    fake_put(&test->fake, MAP, "{'apiVersion':'v1','kind':'ConfigMap','data':{}}");
    begin(test);
    fake_put(&test->fake, THING,
             "{'apiVersion':'example.com/v1','kind':'Thing','metadata':{"
             "'deletionTimestamp':'2023-11-14T22:13:20Z'}}");
    apply_whole(test, OWNED_MAP, NULL);
    assert_int_equal(test->err.code, ERR_CONFLICT);
    assert_non_null(strstr(test->err.text, "is gone or being deleted"));
    assert_int_equal(fake_asked(&test->fake, "PATCH"), 0);
    fake_put(&test->fake, THING, "{'apiVersion':'example.com/v1','kind':'Thing'}");
    apply_whole(test, OWNED_MAP, NULL);
    assert_string_equal(change(test), "updated");
    assert_int_equal(fake_asked(&test->fake, "GET " THING), 2);
    apply_whole(test, OWNED_MAP, NULL);
    assert_int_equal(fake_asked(&test->fake, "GET " THING), 2); /* owned by now */
}

static void what_is_meant_for_one_object_is_not_written_to_another(void **state)
{
    struct test *test = *state;
    fake_put(&test->fake, MAP, "{'apiVersion':'v1','kind':'ConfigMap','data':{'a':'other'}}");
    begin(test);
    apply_whole(test,
                "{'apiVersion':'v1','kind':'ConfigMap','metadata':{'name':'map','uid':'u-before'},"
                "'data':{'a':'1'}}",
                NULL);
    assert_int_equal(test->err.code, ERR_CONFLICT);
    assert_int_equal(test->err.http_status, 409);
    assert_int_equal(fake_asked(&test->fake, "PATCH"), 0);
    apply_whole(test,
                "{'apiVersion':'v1','kind':'ConfigMap','metadata':{'name':'map','uid':'u-map'},"
                "'data':{'a':'1'}}",
                NULL);
    assert_string_equal(change(test), "updated");
    assert_non_null(strstr(fake_last(&test->fake, "PATCH"), "u-map"));
}

static void passes_the_gate_to_lower_replicas(void **state)
{
    struct test *test = *state;
    fake_put(&test->fake, SET,
             "{'apiVersion':'apps/v1','kind':'StatefulSet','metadata':{'ownerReferences':[{"
             "'apiVersion':'example.com/v1','kind':'Thing','name':'one','uid':'u-one',"
             "'controller':true}]},'spec':{'replicas':3}}");
    begin(test);
    apply_whole(test, SET_BODY("'replicas':2"), NULL);
    assert_string_equal(change(test), "updated");
    assert_int_equal(fake_asked(&test->fake, "GET " THING), 1); /* the gate's fresh read */
    assert_non_null(strstr(fake_last(&test->fake, "PATCH"), "\"resourceVersion\""));
}

static void raises_replicas_without_the_gate(void **state)
{
    struct test *test = *state;
    fake_put(&test->fake, SET,
             "{'apiVersion':'apps/v1','kind':'StatefulSet','spec':{'replicas':1}}");
    begin(test);
    apply_whole(test, SET_BODY("'replicas':2"), NULL);
    assert_string_equal(change(test), "updated");
    assert_int_equal(fake_asked(&test->fake, "GET " THING), 0);
}

static void hands_replicas_over_before_it_leaves_them_out(void **state)
{
    struct test *test = *state;
    fake_put(&test->fake, SET,
             "{'apiVersion':'apps/v1','kind':'StatefulSet','metadata':{'managedFields':[{'manager':"
             "'nemeton','operation':'Apply','fieldsV1':{'f:spec':{'f:replicas':{}}}}]},"
             "'spec':{'replicas':3}}");
    begin(test);
    apply_whole(test, SET_BODY("'serviceName':'s'"), NULL);
    assert_string_equal(change(test), "updated");
    assert_int_equal(fake_asked(&test->fake, "PATCH"), 2);
    size_t first = 0;
    while (strncmp(test->fake.asked[first], "PATCH", 5) != 0)
        first++;
    assert_non_null(strstr(test->fake.asked[first], "fieldManager=nemeton-handover"));
    assert_non_null(strstr(test->fake.asked[first], "\"replicas\":3"));
    assert_null(strstr(fake_last(&test->fake, "PATCH"), "\"replicas\""));
}

static void looks_before_it_creates_a_workload_of_a_known_primary(void **state)
{
    struct test *test = *state;
    begin(test);
    fake_put(&test->fake, SET,
             "{'apiVersion':'apps/v1','kind':'StatefulSet','spec':{"
             "'replicas':5}}"); /* not in the cache */
    apply_whole(test,
                "{'apiVersion':'apps/v1','kind':'StatefulSet','metadata':{'name':'set',"
                "'ownerReferences':[{'uid':'u-one','kind':'Thing','name':'one','apiVersion':"
                "'example.com/v1','controller':true}]},'spec':{'replicas':1}}",
                NULL);
    assert_int_equal(test->err.code, ERR_CONFLICT);
    assert_int_equal(fake_asked(&test->fake, "PATCH"), 0);
}

static void writes_only_what_differs_of_a_status(void **state)
{
    struct test *test = *state;
    begin(test);
    struct jv *status = parse("{'ready':1,'more':'x'}");
    struct effect effect = {.verb = EFFECT_STATUS, .body = status};
    perform(test, &effect);
    assert_int_equal(test->err.code, ERR_NONE);
    const char *sent = fake_last(&test->fake, "PATCH");
    assert_non_null(strstr(sent, THING "/status"));
    assert_non_null(strstr(sent, "\"status\":{\"more\":\"x\"}"));
    perform(test, &effect);
    assert_int_equal(fake_asked(&test->fake, "PATCH"), 1);
    jv_unref(status);
}

static void adds_a_finalizer_with_a_test_and_only_once(void **state)
{
    struct test *test = *state;
    fake_put(&test->fake, THING,
             "{'apiVersion':'example.com/v1','kind':'Thing','metadata':{"
             "'finalizers':['other/f']}}");
    begin(test);
    struct effect effect = {.verb = EFFECT_FINALIZER_ADD, .value = "nemeton.dev/f"};
    perform(test, &effect);
    const char *sent = fake_last(&test->fake, "PATCH");
    assert_non_null(strstr(sent, "{\"op\":\"test\",\"path\":\"/metadata/finalizers\",\"value\":["
                                 "\"other/f\"]}"));
    assert_non_null(strstr(sent, "\"path\":\"/metadata/finalizers/-\""));
    effect.value = "other/f";
    perform(test, &effect);
    assert_int_equal(fake_asked(&test->fake, "PATCH"), 1);
}

static void removes_only_its_own_finalizer(void **state)
{
    struct test *test = *state;
    fake_put(&test->fake, THING,
             "{'apiVersion':'example.com/v1','kind':'Thing','metadata':{"
             "'finalizers':['other/f','nemeton.dev/f']}}");
    begin(test);
    struct effect effect = {.verb = EFFECT_FINALIZER_REMOVE, .value = "nemeton.dev/f"};
    perform(test, &effect);
    assert_non_null(strstr(fake_last(&test->fake, "PATCH"),
                           "{\"op\":\"remove\",\"path\":\"/metadata/finalizers/1\"}"));
}

static void refuses_a_finalizer_on_an_object_that_is_being_deleted(void **state)
{
    struct test *test = *state;
    fake_put(&test->fake, THING,
             "{'apiVersion':'example.com/v1','kind':'Thing','metadata':{"
             "'deletionTimestamp':'2026-01-01T00:00:00Z'}}");
    begin(test);
    struct effect effect = {.verb = EFFECT_FINALIZER_ADD, .value = "nemeton.dev/f"};
    perform(test, &effect);
    assert_int_equal(test->err.code, ERR_REFUSED);
}

static void refuses_a_json_patch_of_replicas(void **state)
{
    struct test *test = *state;
    begin(test);
    struct jv *patch = parse("[{'op':'replace','path':'/spec/replicas','value':0}]");
    struct effect effect = {.verb = EFFECT_PATCH,
                            .api_version = "apps/v1",
                            .kind = "StatefulSet",
                            .name = "set",
                            .patch_type = "json",
                            .body = patch};
    perform(test, &effect);
    assert_int_equal(test->err.code, ERR_REFUSED);
    assert_int_equal(fake_asked(&test->fake, "PATCH"), 0);
    jv_unref(patch);
}

static void reads_live_and_says_not_found(void **state)
{
    struct test *test = *state;
    begin(test);
    struct effect effect = {
        .verb = EFFECT_READ, .api_version = "v1", .kind = "ConfigMap", .name = "none"};
    perform(test, &effect);
    assert_int_equal(test->err.code, ERR_NOT_FOUND);
    assert_int_equal(fake_asked(&test->fake, "GET /api/v1/namespaces/ns/configmaps/none"), 1);
}

static void answers_http_with_status_headers_and_body(void **state)
{
    struct test *test = *state;
    begin(test);
    struct effect effect = {.verb = EFFECT_HTTP, .http_url = "https://api" THING};
    perform(test, &effect);
    assert_int_equal(jv_int_value(jv_get(test->result, "status")), 200);
    assert_string_equal(jv_path_str(test->result, "headers", "content-type", NULL),
                        "application/json");
    assert_non_null(strstr(jv_path_str(test->result, "body", NULL), "\"u-one\""));
    effect.http_url = "file:///etc/passwd";
    perform(test, &effect);
    assert_int_equal(test->err.code, ERR_INVALID);
}

static void leaves_nothing_behind_when_a_run_is_dropped_in_the_middle(void **state)
{
    struct test *test = *state;
    begin(test);
    struct effects *door = effects_run_door(test->run);
    struct jv *body = parse(MAP_BODY);
    struct effect apply = {.verb = EFFECT_APPLY, .body = body};
    struct effect sleep = {.verb = EFFECT_SLEEP, .delay_ms = 100000};
    struct effect http = {.verb = EFFECT_HTTP, .http_url = "https://api" THING};
    door->ops->start(door->self, &apply, on_effect, test);
    door->ops->start(door->self, &sleep, on_effect, test);
    door->ops->start(door->self, &http, on_effect, test);
    loop_turn(test->fake.loop, 0);
    jv_unref(body);
    assert_false(test->done);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(creates_what_is_missing_and_sends_nothing_the_second_time),
        TEST(reads_its_own_write_before_the_watch_brings_it),
        TEST(puts_back_what_somebody_changed),
        TEST(removes_foreign_keys_only_from_maps_that_are_ours_whole),
        TEST(refuses_to_overwrite_what_another_controller_owns),
        TEST(nothing_is_taken_over_for_an_owner_that_is_being_deleted),
        TEST(what_is_meant_for_one_object_is_not_written_to_another),
        TEST(passes_the_gate_to_lower_replicas),
        TEST(raises_replicas_without_the_gate),
        TEST(hands_replicas_over_before_it_leaves_them_out),
        TEST(looks_before_it_creates_a_workload_of_a_known_primary),
        TEST(writes_only_what_differs_of_a_status),
        TEST(adds_a_finalizer_with_a_test_and_only_once),
        TEST(removes_only_its_own_finalizer),
        TEST(refuses_a_finalizer_on_an_object_that_is_being_deleted),
        TEST(refuses_a_json_patch_of_replicas),
        TEST(reads_live_and_says_not_found),
        TEST(answers_http_with_status_headers_and_body),
        TEST(leaves_nothing_behind_when_a_run_is_dropped_in_the_middle),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
