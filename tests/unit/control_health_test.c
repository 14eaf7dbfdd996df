/* Metrics in the text format, and the health answers. */
#include "control_support.h"

#include "control/health.h"
#include "control/metrics.h"

struct test {
    struct fake fake; /* only its loop and transport are used */
    struct metrics *metrics;
    struct health *health;
    char *problem;
    bool done;
    int status;
    char *body;
};

static char *check(void *arg)
{
    return mem_str(((struct test *)arg)->problem);
}

static int setup(void **state)
{
    struct test *test = mem_alloc(sizeof(*test));
    fake_start(&test->fake);
    test->metrics = metrics_new(3);
    metrics_declare_runtime(test->metrics);
    test->health = health_new(test->fake.loop, test->metrics);
    health_add(test->health, "caches", false, check, test);
    loopback_route(test->fake.transport, "http://probe", health_handle, test->health);
    *state = test;
    return 0;
}

static int teardown(void **state)
{
    struct test *test = *state;
    health_free(test->health);
    metrics_free(test->metrics);
    fake_end(&test->fake);
    free(test->body);
    free(test);
    return 0;
}

static void on_done(void *arg, const struct http_response *response, const struct err *err)
{
    struct test *test = arg;
    assert_null(err);
    test->done = true;
    test->status = response->status;
    free(test->body);
    test->body = mem_str(response->body);
}

static void get(struct test *test, const char *url)
{
    static const struct http_callbacks callbacks = {.on_done = on_done};
    struct http_request request = {.method = "GET", .url = url, .timeout_ms = 1000};
    test->done = false;
    assert_non_null(transport_start(test->fake.transport, &request, &callbacks, test, NULL));
    assert_true(loop_run_until(test->fake.loop, fake_is_true, &test->done, 1000));
}

static void assert_prints(struct test *test, const char *line)
{
    struct buf out;
    buf_init(&out, METRICS_TEXT_BYTES_MAX);
    assert_int_equal(metrics_print(test->metrics, &out), 0);
    if (strstr(buf_str(&out), line) == NULL)
        fail_msg("no `%s` in:\n%s", line, buf_str(&out));
    buf_deinit(&out);
}

static void prints_counters_with_help_and_labels(void **state)
{
    struct test *test = *state;
    const char *labels = "controller=\"things\",result=\"success\"";
    metrics_add(test->metrics, "controller_runtime_reconcile_total", labels, 1);
    metrics_add(test->metrics, "controller_runtime_reconcile_total", labels, 2);
    assert_prints(test, "# TYPE controller_runtime_reconcile_total counter\n"
                        "controller_runtime_reconcile_total{controller=\"things\","
                        "result=\"success\"} 3\n");
}

static void prints_cumulative_buckets(void **state)
{
    struct test *test = *state;
    const double buckets[] = {0.5, 1};
    metrics_declare(test->metrics, "took", METRIC_HISTOGRAM, "Took.", buckets, 2);
    metrics_observe(test->metrics, "took", NULL, 0.25);
    metrics_observe(test->metrics, "took", NULL, 0.75);
    metrics_observe(test->metrics, "took", NULL, 3);
    assert_prints(test, "took_bucket{le=\"0.5\"} 1\ntook_bucket{le=\"1\"} 2\n"
                        "took_bucket{le=\"+Inf\"} 3\ntook_sum 4\ntook_count 3\n");
}

static void escapes_label_values(void **state)
{
    (void)state;
    struct buf out;
    buf_init(&out, 100);
    metrics_label(&out, "a", "x\"y\\z\n");
    metrics_label(&out, "b", NULL);
    assert_string_equal(buf_str(&out), "a=\"x\\\"y\\\\z\\n\",b=\"\"");
    buf_deinit(&out);
}

static void counts_what_is_not_declared_or_past_the_limit_instead_of_growing(void **state)
{
    struct test *test = *state;
    metrics_add(test->metrics, "nobody_declared_this", NULL, 1);
    for (int i = 0; i < METRICS_SERIES_MAX + 5; i++) {
        char labels[32];
        snprintf(labels, sizeof(labels), "kind=\"k%d\"", i);
        metrics_add(test->metrics, "nemeton_writes_total", labels, 1);
    }
    assert_true(metrics_value(test->metrics, "nemeton_metrics_dropped_total", NULL) >= 6);
}

static void ignores_a_missing_registry(void **state)
{
    (void)state;
    metrics_add(NULL, "x", NULL, 1);
    metrics_set(NULL, "x", NULL, 1);
    metrics_observe(NULL, "x", NULL, 1);
    assert_true(metrics_value(NULL, "x", NULL) == 0);
}

static void serves_metrics(void **state)
{
    struct test *test = *state;
    metrics_set(test->metrics, "workqueue_depth", "name=\"things\"", 4);
    get(test, "http://probe/metrics");
    assert_int_equal(test->status, 200);
    assert_non_null(strstr(test->body, "workqueue_depth{name=\"things\"} 4\n"));
}

static void is_ready_when_every_check_is_fine(void **state)
{
    struct test *test = *state;
    get(test, "http://probe/readyz");
    assert_int_equal(test->status, 200);
    assert_string_equal(test->body, "ok");
    get(test, "http://probe/readyz?verbose");
    assert_string_equal(test->body, "[+]loop ok\n[+]caches ok\nreadyz check passed\n");
}

static void says_which_check_fails_and_why(void **state)
{
    struct test *test = *state;
    test->problem = "list things: forbidden";
    get(test, "http://probe/readyz");
    assert_int_equal(test->status, 503);
    assert_string_equal(
        test->body, "[+]loop ok\n[-]caches failed: list things: forbidden\nreadyz check failed\n");
    get(test, "http://probe/readyz?exclude=caches");
    assert_int_equal(test->status, 200);
    get(test, "http://probe/readyz/loop");
    assert_int_equal(test->status, 200);
    get(test, "http://probe/readyz/nobody");
    assert_int_equal(test->status, 404);
}

static void stays_alive_while_it_is_not_ready(void **state)
{
    struct test *test = *state;
    test->problem = "no";
    get(test, "http://probe/healthz");
    assert_int_equal(test->status, 200);
}

static void is_not_alive_after_a_stalled_loop(void **state)
{
    struct test *test = *state;
    clock_advance_ns(test->fake.clock, (int64_t)30 * 1000000000);
    get(test, "http://probe/healthz");
    assert_int_equal(test->status, 503);
    assert_non_null(strstr(test->body, "[-]loop failed: the event loop was stalled for"));
}

static bool never(void *arg)
{
    (void)arg;
    return false;
}

static void recovers_when_the_loop_turns_again(void **state)
{
    struct test *test = *state;
    clock_advance_ns(test->fake.clock, (int64_t)30 * 1000000000);
    loop_run_until(test->fake.loop, never, NULL, 12000);
    get(test, "http://probe/healthz");
    assert_int_equal(test->status, 200);
}

static void answers_other_paths_and_methods_with_errors(void **state)
{
    struct test *test = *state;
    get(test, "http://probe/secret");
    assert_int_equal(test->status, 404);
    get(test, "http://probe/healthzz");
    assert_int_equal(test->status, 404);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(prints_counters_with_help_and_labels),
        TEST(prints_cumulative_buckets),
        TEST(escapes_label_values),
        TEST(counts_what_is_not_declared_or_past_the_limit_instead_of_growing),
        TEST(ignores_a_missing_registry),
        TEST(serves_metrics),
        TEST(is_ready_when_every_check_is_fine),
        TEST(says_which_check_fails_and_why),
        TEST(stays_alive_while_it_is_not_ready),
        TEST(is_not_alive_after_a_stalled_loop),
        TEST(recovers_when_the_loop_turns_again),
        TEST(answers_other_paths_and_methods_with_errors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
