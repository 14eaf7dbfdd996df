/* What an operator that has worked a little exports: the names and labels that dashboards know. */
#include "control_stage.h"

#define HOST "host=\"sandbox\""

static char *printed(struct stage *stage)
{
    struct buf out;
    buf_init(&out, METRICS_TEXT_BYTES_MAX);
    assert_int_equal(metrics_print(stage->metrics, &out), 0);
    char *text = mem_str(buf_str(&out));
    buf_deinit(&out);
    return text;
}

static void assert_series(const char *text, const char *series)
{
    char *line = mem_printf("\n%s", series);
    if (strstr(text, line) == NULL)
        fail_msg("not exported: %s", series);
    free(line);
}

static void everything_that_dashboards_know_is_there_from_the_start(void **state)
{
    struct stage *stage = *state;
    stage_start(stage);
    stage_thing(stage, "one", "hello");
    stage_wait(stage, 5000);
    char *text = printed(stage);
    static const char *const wanted[] = {
        "controller_runtime_reconcile_total{controller=\"things\",result=\"success\"} ",
        "controller_runtime_reconcile_total{controller=\"things\",result=\"error\"} 0",
        "controller_runtime_reconcile_total{controller=\"things\",result=\"requeue\"} 0",
        "controller_runtime_reconcile_total{controller=\"things\",result=\"requeue_after\"} 0",
        "controller_runtime_reconcile_errors_total{controller=\"things\"} 0",
        "controller_runtime_terminal_reconcile_errors_total{controller=\"things\"} 0",
        "controller_runtime_reconcile_panics_total{controller=\"things\"} 0",
        "controller_runtime_reconcile_timeouts_total{controller=\"things\"} 0",
        "controller_runtime_max_concurrent_reconciles{controller=\"things\"} ",
        "controller_runtime_active_workers{controller=\"things\"} 0",
        "controller_runtime_reconcile_time_seconds_bucket{controller=\"things\",le=\"0.005\"} ",
        "controller_runtime_reconcile_time_seconds_bucket{controller=\"things\",le=\"60\"} ",
        "workqueue_depth{name=\"things\",controller=\"things\",priority=\"0\"} 0",
        "workqueue_depth{name=\"things\",controller=\"things\",priority=\"-100\"} 0",
        "workqueue_adds_total{name=\"things\",controller=\"things\"} ",
        "workqueue_retries_total{name=\"things\",controller=\"things\"} 0",
        "workqueue_unfinished_work_seconds{name=\"things\",controller=\"things\"} 0",
        "workqueue_longest_running_processor_seconds{name=\"things\",controller=\"things\"} 0",
        "workqueue_queue_duration_seconds_count{name=\"things\",controller=\"things\"} ",
        "workqueue_work_duration_seconds_bucket{name=\"things\",controller=\"things\",le=\"1e-08\"}"
        " ",
        "rest_client_requests_total{code=\"200\",method=\"GET\"," HOST "} ",
        "rest_client_requests_total{code=\"201\",method=\"PATCH\"," HOST "} 1",
        "rest_client_request_duration_seconds_count{verb=\"PATCH\"," HOST "} 1",
        "rest_client_request_size_bytes_count{verb=\"PATCH\"," HOST "} 1",
        "rest_client_response_size_bytes_bucket{verb=\"GET\"," HOST ",le=\"16777216\"} ",
        "leader_election_master_status{name=\"nemeton\"} 1",
        "leader_election_slowpath_total{name=\"nemeton\"} 0",
        "nemeton_informer_synced{kind=\"Thing\"",
        "nemeton_informer_last_event_seconds{kind=\"Thing\"",
        "nemeton_informer_relists_total{kind=\"ConfigMap\"",
        "nemeton_informer_restarts_total{kind=\"ConfigMap\"",
        "nemeton_informer_bytes{kind=\"ConfigMap\"",
        "nemeton_policy_info{version=\"",
        "nemeton_policy_memory_peak_bytes ",
        "nemeton_policy_kills_total 0",
        "nemeton_breaker_open{controller=\"things\"} 0",
    };
    for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++)
        assert_series(text, wanted[i]);
    assert_null(strstr(text, "rest_client_request_retries_total{"));
    free(text);
}

/* Answers 429 once to whoever writes, and 409 once to the lease. */
struct trouble {
    struct stage *stage;
    bool busy, raced;
};

static void trouble_handle(void *arg, struct exchange *exchange)
{
    struct trouble *trouble = arg;
    static const struct http_header headers[] = {{"Retry-After", "1"}};
    const char *method = exchange_method(exchange);
    if (strcmp(method, "PATCH") == 0 && !trouble->busy) {
        trouble->busy = true;
        exchange_reply(exchange, 429, headers, 1, "", 0);
    } else if (strcmp(method, "PUT") == 0 && strstr(exchange_path(exchange), "/leases/") != NULL &&
               !trouble->raced) {
        trouble->raced = true;
        exchange_reply(exchange, 409, NULL, 0, "", 0);
    } else {
        apiserver_handle(trouble->stage->server, exchange);
    }
}

static void repeated_requests_and_slow_renewals_are_counted(void **state)
{
    struct stage *stage = *state;
    struct trouble trouble = {.stage = stage};
    stage_start(stage);
    loopback_unroute(stage->wire[0], "https://sandbox");
    loopback_route(stage->wire[0], "https://sandbox", trouble_handle, &trouble);
    stage_thing(stage, "one", "hello");
    stage_wait(stage, 8000);
    char *text = printed(stage);
    assert_series(text, "rest_client_requests_total{code=\"429\",method=\"PATCH\"," HOST "} 1");
    assert_series(text,
                  "rest_client_request_retries_total{code=\"201\",verb=\"PATCH\"," HOST "} 1");
    assert_series(text, "leader_election_slowpath_total{name=\"nemeton\"} 1");
    free(text);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, stage_setup, stage_teardown)
    const struct CMUnitTest tests[] = {
        TEST(everything_that_dashboards_know_is_there_from_the_start),
        TEST(repeated_requests_and_slow_renewals_are_counted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
