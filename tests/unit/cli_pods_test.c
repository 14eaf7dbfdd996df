/* Requests to the pods of a world: policies answer, refuse, hang, and nothing is left open. */
#include "cli_world.h"

static void load(struct stage *stage, const char *text)
{
    struct jv *object = NULL;
    struct err err = {0};
    char *json = strdup(text);
    for (char *at = json; *at; at++)
        *at = *at == '\'' ? '"' : *at;
    if (jv_parse(json, strlen(json), &object, &err) != 0 ||
        world_load(stage->world, object, false, &err) != 0)
        fail_msg("%s", err.text);
    jv_unref(object);
    free(json);
}

static void stage_open(struct stage *stage, const char *faults)
{
    struct err err = {0};
    char text[1024];
    stage_begin(stage, false);
    if (world_make_namespace(stage->world, "n", &err) != 0)
        fail_msg("%s", err.text);
    load(stage, "{'apiVersion':'v1','kind':'Pod','metadata':{'name':'c-0','namespace':'n','labels':"
                "{'druid_cr':'c','component':'coordinator','nodeSpecUniqueStr':'c'}},'spec':{"
                "'containers':[{'name':'c','image':'druid:33.0.0','ports':[{'name':'druid-port',"
                "'containerPort':8081}]}]}}");
    load(stage, "{'apiVersion':'v1','kind':'Service','metadata':{'name':'c','namespace':'n'},'spec'"
                ":{'selector':{'druid_cr':'c'},'ports':[{'port':8081}]}}");
    snprintf(text, sizeof(text),
             "{'apiVersion':'v1','kind':'ConfigMap','metadata':{'name':'c-druid-model','namespace':"
             "'n','labels':{'druid_cr':'c'}},'data':{'faults':'%s'}}",
             faults);
    load(stage, text);
    assert_int_equal(world_start(stage->world, &err), 0);
}

static void on_done(void *arg, const struct http_response *response, const struct err *err)
{
    struct stage *stage = arg;
    stage->done = true;
    buf_clear(&stage->text);
    if (err != NULL)
        buf_add_str(&stage->text, err->text);
    else
        buf_printf(&stage->text, "%d %.*s", response->status, (int)response->body_len,
                   response->body);
}

static bool is_done(void *arg)
{
    return ((const struct stage *)arg)->done;
}

static struct http_call *begin(struct stage *stage, const char *url, int64_t timeout_ms)
{
    static const struct http_callbacks callbacks = {.on_done = on_done};
    const struct http_request request = {.method = "GET", .url = url, .timeout_ms = timeout_ms};
    stage->done = false;
    return transport_start(world_transport(stage->world), &request, &callbacks, stage, NULL);
}

/* "status body", or the error. */
static const char *ask(struct stage *stage, const char *url)
{
    assert_non_null(begin(stage, url, 2000));
    assert_true(loop_run_until(stage->loop, is_done, stage, 60000));
    return buf_str(&stage->text);
}

static bool never(void *arg)
{
    (void)arg;
    return false;
}

static void pass(struct stage *stage, int64_t ms)
{
    loop_run_until(stage->loop, never, stage, ms);
}

static void a_process_answers_once_its_pod_runs(void **state)
{
    (void)state;
    struct stage stage;
    stage_open(&stage, "[]");
    assert_string_equal(ask(&stage, "http://c.n:8081/status/health"),
                        "connect: connection refused");
    pass(&stage, 5000);
    assert_string_equal(ask(&stage, "http://c.n:8081/status/health"), "200 true");
    assert_string_equal(ask(&stage, "http://c.n:8082/status/health"),
                        "connect: connection refused");
    assert_string_equal(ask(&stage, "https://c.n:8081/status/health"),
                        "read answer: connection reset by peer");
    assert_string_equal(ask(&stage, "http://c.n:8081/druid/coordinator/v1/isLeader"),
                        "200 {\"leader\":true}");
    stage_close(&stage);
}

static void hangs_breaks_and_refuses_as_the_faults_say(void **state)
{
    (void)state;
    static const char *const rows[][2] = {
        {"[{answer: hang}]", "wait for the answer: none within 2000 ms"},
        {"[{seconds: 3}]", "wait for the answer: none within 2000 ms"},
        {"[{seconds: 1}]", "200 true"},
        {"[{answer: cut}]", "read answer: connection reset by peer"},
        {"[{answer: refuse}]", "connect: connection refused"},
        {"[{answer: 503}]", "503 "},
        {"[{answer: {status: 9}}]", "500 serve returned a status that is none\n"},
        {"[{anwser: 503}]", "500 faults[1]: 'anwser' is unknown"},
        {"[{path: /druid, answer: 503}]", "200 true"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct stage stage;
        stage_open(&stage, rows[i][0]);
        pass(&stage, 5000);
        /* Where the policy raised, its place follows. */
        const char *got = ask(&stage, "http://c.n:8081/status/health");
        if (strncmp(got, rows[i][1], strlen(rows[i][1])) != 0)
            fail_msg("got `%s`, wanted `%s`", got, rows[i][1]);
        stage_close(&stage);
    }
}

static void leaves_nothing_open_when_the_world_or_the_client_goes_first(void **state)
{
    (void)state;
    struct stage stage;
    for (int client_first = 0; client_first < 2; client_first++) {
        stage_open(&stage, "[{path: /slow, seconds: 60}, {path: /hang, answer: hang}]");
        pass(&stage, 5000);
        struct http_call *hang = begin(&stage, "http://c.n:8081/hang", 0);
        struct http_call *slow = begin(&stage, "http://c.n:8081/slow", 0);
        assert_non_null(hang);
        assert_non_null(slow);
        pass(&stage, 2000);
        if (client_first) {
            transport_cancel(world_transport(stage.world), hang);
            transport_cancel(world_transport(stage.world), slow);
            pass(&stage, 2000);
        }
        assert_false(stage.done);
        stage_close(&stage);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_process_answers_once_its_pod_runs),
        cmocka_unit_test(hangs_breaks_and_refuses_as_the_faults_say),
        cmocka_unit_test(leaves_nothing_open_when_the_world_or_the_client_goes_first),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
