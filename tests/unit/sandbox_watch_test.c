/* Watches: order, beginnings, bookmarks, selectors, ends. */
#include "sandbox_support.h"

#define MAPS "/api/v1/namespaces/default/configmaps"
#define MERGE "application/merge-patch+json"

static void create(struct stage *stage, const char *name, const char *label)
{
    char body[256];
    snprintf(body, sizeof(body), "{'metadata':{'name':'%s','labels':{'app':'%s'}}}", name, label);
    call_ok(stage, "POST", MAPS, body);
}

static void watch_from_a_version_gives_every_later_change_in_order(void **state)
{
    (void)state;
    struct stage stage;
    struct watch watch;
    char path[256];
    stage_init(&stage);
    create(&stage, "before", "a");
    snprintf(path, sizeof(path), MAPS "?watch=1&resourceVersion=%llu",
             (unsigned long long)apiserver_revision(stage.server));
    create(&stage, "one", "a");
    watch_open(&watch, &stage, path);
    watch_expect(&watch, 1);
    call_typed(&stage, "PATCH", MAPS "/one", MERGE, "{'data':{'k':'v'}}");
    call_ok(&stage, "DELETE", MAPS "/one", NULL);
    call_ok(&stage, "POST", "/api/v1/namespaces/kube-system/configmaps",
            "{'metadata':{'name':'elsewhere'}}");
    watch_expect(&watch, 3);
    assert_string_equal(watch_type(&watch, 0), "ADDED");
    assert_string_equal(watch_type(&watch, 1), "MODIFIED");
    assert_string_equal(watch_type(&watch, 2), "DELETED");
    const char *last = jv_path_str(watch.events[2], "object", "metadata", "resourceVersion", NULL);
    assert_int_equal(strtoull(last, NULL, 10), apiserver_revision(stage.server) - 1);
    watch_close(&watch);
    stage_end(&stage);
}

static void leaving_the_selector_is_deleted_and_entering_is_added(void **state)
{
    (void)state;
    struct stage stage;
    struct watch watch;
    stage_init(&stage);
    create(&stage, "one", "a");
    watch_open(&watch, &stage, MAPS "?watch=true&labelSelector=app%3Da");
    watch_expect(&watch, 1);
    call_typed(&stage, "PATCH", MAPS "/one", MERGE, "{'metadata':{'labels':{'app':'b'}}}");
    call_typed(&stage, "PATCH", MAPS "/one", MERGE, "{'data':{'unseen':'x'}}");
    call_typed(&stage, "PATCH", MAPS "/one", MERGE, "{'metadata':{'labels':{'app':'a'}}}");
    watch_expect(&watch, 3);
    assert_string_equal(watch_type(&watch, 1), "DELETED");
    assert_string_equal(watch_type(&watch, 2), "ADDED");
    watch_close(&watch);
    stage_end(&stage);
}

static void refuses_numbers_that_are_none(void **state)
{
    static const char *const queries[] = {"?watch=1&timeoutSeconds=abc", "?limit=1x",
                                          "?timeoutSeconds=-"};
    (void)state;
    struct stage stage;
    stage_init(&stage);
    for (size_t i = 0; i < 3; i++) {
        char *path = mem_printf(MAPS "%s", queries[i]);
        call_typed(&stage, "GET", path, NULL, NULL);
        assert_int_equal(stage.code, 400);
        assert_non_null(strstr(jv_path_str(stage.answer, "message", NULL), "invalid syntax"));
        free(path);
    }
    stage_end(&stage);
}

static void watch_list_ends_the_beginning_with_a_marked_bookmark(void **state)
{
    (void)state;
    struct stage stage;
    struct watch watch;
    stage_init(&stage);
    create(&stage, "one", "a");
    create(&stage, "two", "a");
    watch_open(&watch, &stage,
               MAPS "?watch=1&sendInitialEvents=true&resourceVersionMatch=NotOlderThan"
                    "&allowWatchBookmarks=true&timeoutSeconds=100");
    watch_expect(&watch, 3);
    assert_string_equal(watch_type(&watch, 2), "BOOKMARK");
    assert_string_equal(jv_path_str(watch.events[2], "object", "metadata", "annotations",
                                    "k8s.io/initial-events-end", NULL),
                        "true");
    create(&stage, "three", "a");
    watch_expect(&watch, 4);
    assert_string_equal(watch_name(&watch, 3), "three");
    struct watch_wait wait = {&watch, 5}; /* the minute's bookmark */
    loop_run_until(stage.loop, watch_has, &wait, 90000);
    assert_string_equal(watch_type(&watch, 4), "BOOKMARK");
    wait.count = 99;
    loop_run_until(stage.loop, watch_has, &wait, 90000);
    assert_true(watch.ended);
    watch_close(&watch);
    call(&stage, "GET", MAPS "?watch=1&sendInitialEvents=true", NULL);
    expect_refusal(&stage, 422, "Invalid", NULL);
    stage_end(&stage);
}

static void compacted_versions_end_in_an_error_event(void **state)
{
    (void)state;
    struct stage stage;
    struct watch watch;
    stage_init(&stage);
    create(&stage, "one", "a");
    apiserver_compact(stage.server);
    watch_open(&watch, &stage, MAPS "?watch=1&resourceVersion=1");
    watch_expect(&watch, 1);
    assert_string_equal(watch_type(&watch, 0), "ERROR");
    assert_int_equal(jv_int_value(jv_path(watch.events[0], "object", "code", NULL)), 410);
    struct watch_wait wait = {&watch, 2};
    loop_run_until(stage.loop, watch_has, &wait, 1000);
    assert_true(watch.ended);
    assert_int_equal(watch.code, 200);
    watch_close(&watch);
    stage_end(&stage);
}

static void lag_delays_events_without_losing_one(void **state)
{
    (void)state;
    struct stage stage;
    struct watch watch;
    stage_init(&stage);
    apiserver_set_faults(stage.server, &(struct apiserver_faults){.watch_lag_ms = 3000});
    watch_open(&watch, &stage, MAPS "?watch=1");
    create(&stage, "one", "a");
    struct watch_wait wait = {&watch, 1};
    assert_false(loop_run_until(stage.loop, watch_has, &wait, 2000));
    assert_true(loop_run_until(stage.loop, watch_has, &wait, 2000));
    watch_close(&watch);
    stage_end(&stage);
}

static void large_beginnings_come_whole_and_in_key_order(void **state)
{
    (void)state;
    struct stage stage;
    struct watch watch;
    char *body = malloc(70000);
    stage_init(&stage);
    for (int i = 0; i < 40; i++) {
        int len = snprintf(body, 128, "{'metadata':{'name':'map-%02d'},'data':{'k':'", i);
        memset(body + len, 'x', 60000);
        strcpy(body + len + 60000, "'}}");
        call_ok(&stage, "POST", MAPS, body);
    }
    free(body);
    watch_open(&watch, &stage, MAPS "?watch=1&resourceVersion=0");
    watch_expect(&watch, 40);
    assert_string_equal(watch_name(&watch, 0), "map-00");
    assert_string_equal(watch_name(&watch, 39), "map-39");
    watch_close(&watch);
    stage_end(&stage);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(watch_from_a_version_gives_every_later_change_in_order),
        cmocka_unit_test(leaving_the_selector_is_deleted_and_entering_is_added),
        cmocka_unit_test(refuses_numbers_that_are_none),
        cmocka_unit_test(watch_list_ends_the_beginning_with_a_marked_bookmark),
        cmocka_unit_test(compacted_versions_end_in_an_error_event),
        cmocka_unit_test(lag_delays_events_without_losing_one),
        cmocka_unit_test(large_beginnings_come_whole_and_in_key_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
