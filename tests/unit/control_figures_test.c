/* What runs tell in figures, and the ends of logs that they read. */
#include "control_effects_support.h"

#define POD "/api/v1/namespaces/ns/pods/one"

static void tell(struct test *test, const char *text)
{
    struct jv *list = parse(text);
    struct effect effect = {.verb = EFFECT_GAUGES, .body = list};
    perform(test, &effect);
    assert_int_equal(test->err.code, ERR_NONE);
    jv_unref(list);
}

static char *printed(struct test *test)
{
    struct buf out;
    buf_init(&out, METRICS_TEXT_BYTES_MAX);
    assert_int_equal(metrics_print(test->metrics, &out), 0);
    char *text = mem_str(buf_str(&out));
    buf_deinit(&out);
    return text;
}

static void begin_with_gauges(struct test *test)
{
    static struct policy_gauge gauges[] = {{(char *)"late", (char *)"Seconds it is late."}};
    test->controller.gauges = gauges;
    test->controller.gauge_count = 1;
    begin(test);
}

static void tells_the_figures_of_the_last_run(void **state)
{
    struct test *test = *state;
    begin_with_gauges(test);
    tell(test, "[{'name':'late','value':3,'labels':{'part':'a'}},"
               "{'name':'late','value':0.5,'labels':{'part':'b'}}]");
    char *text = printed(test);
    assert_non_null(strstr(text, "# HELP nemeton_things_late Seconds it is late.\n"
                                 "# TYPE nemeton_things_late gauge\n"));
    assert_non_null(
        strstr(text, "nemeton_things_late{namespace=\"ns\",name=\"one\",part=\"a\"} 3\n"));
    assert_non_null(strstr(text, "part=\"b\"} 0.5\n"));
    free(text);
    tell(test, "[{'name':'late','value':4,'labels':{'part':'a'}}]");
    text = printed(test);
    assert_non_null(strstr(text, "part=\"a\"} 4\n"));
    assert_null(strstr(text, "part=\"b\""));
    free(text);
    tell(test, "[]");
    text = printed(test);
    assert_null(strstr(text, "nemeton_things_late"));
    free(text);
}

static void figures_go_with_their_primary(void **state)
{
    struct test *test = *state;
    begin_with_gauges(test);
    tell(test, "[{'name':'late','value':3}]");
    struct effects_run_options gone = {.controller = &test->controller,
                                       .policy_version = "v1",
                                       .key = {"example.com/v1", "Thing", "ns", "one", "u-one"},
                                       .informer = find,
                                       .readable = readable,
                                       .synced = yes,
                                       .arg = test};
    effects_run_free(effects_run_new(test->shared, &gone));
    char *text = printed(test);
    assert_null(strstr(text, "nemeton_things_late"));
    free(text);
}

static void asks_for_the_end_of_a_log_and_no_more(void **state)
{
    struct test *test = *state;
    begin(test);
    struct effect effect = {.verb = EFFECT_LOG,
                            .api_version = "v1",
                            .kind = "Pod",
                            .namespace = "ns",
                            .name = "one",
                            .value = "main",
                            .log_previous = true,
                            .log_lines = 7};
    perform(test, &effect);
    assert_int_equal(test->err.code, ERR_NOT_FOUND);
    assert_int_equal(fake_asked(&test->fake, "GET " POD "/log?container=main&previous=true"
                                             "&tailLines=7&limitBytes=65536"),
                     1);
    effect.name = "a/b";
    perform(test, &effect);
    assert_int_equal(test->err.code, ERR_INVALID);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(tells_the_figures_of_the_last_run),
        TEST(figures_go_with_their_primary),
        TEST(asks_for_the_end_of_a_log_and_no_more),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
