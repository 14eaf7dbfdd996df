/* An operator before a server that refuses, holds or puts off what is asked of it. */
#include "control_stage.h"

#include "cli/client.h"
#include "control/controller.h"

/* Stands before the sandbox: refuses or holds what is written to the ConfigMap named bad. */
struct front {
    struct stage *stage;
    bool holds;
    int status;
    const char *reason, *causes, *retry_after; /* NULL: none */
    size_t writes;
};

static void front_handle(void *arg, struct exchange *exchange)
{
    struct front *front = arg;
    struct http_header headers[] = {{"Content-Type", "application/json"},
                                    {"Retry-After", front->retry_after}};
    if (strcmp(exchange_method(exchange), "PATCH") != 0 ||
        strstr(exchange_path(exchange), "/configmaps/bad") == NULL) {
        apiserver_handle(front->stage->server, exchange);
        return;
    }
    front->writes++;
    if (front->holds)
        return;
    char *body = mem_printf("{\"kind\":\"Status\",\"status\":\"Failure\",\"reason\":\"%s\","
                            "\"code\":%d,\"message\":\"not this\",\"details\":{\"causes\":[%s]}}",
                            front->reason, front->status, front->causes ? front->causes : "");
    exchange_reply(exchange, front->status, headers, front->retry_after ? 2 : 1, body,
                   strlen(body));
    free(body);
}

static void start_behind(struct stage *stage, struct front *front)
{
    front->stage = stage;
    stage_start(stage);
    loopback_unroute(stage->wire[0], "https://sandbox");
    loopback_route(stage->wire[0], "https://sandbox", front_handle, front);
}

static void writes_seldom_to_who_always_answers_with_a_conflict(void **state)
{
    struct stage *stage = *state;
    struct front front = {.status = 409, .reason = "Conflict"};
    start_behind(stage, &front);
    stage_thing(stage, "bad", "x");
    stage_wait(stage, 3000);
    assert_in_range(front.writes, 3, 10); /* at 0, 5, 505, 1505 ms, each perhaps twice */
    front.writes = 0;
    stage_wait(stage, 60000);
    assert_in_range(front.writes, 2, 12);
}

static void writes_a_few_times_what_is_found_invalid_and_again_when_it_has_changed(void **state)
{
    struct stage *stage = *state;
    struct front front = {.status = 422, .reason = "Invalid"};
    start_behind(stage, &front);
    stage_thing(stage, "bad", "x");
    stage_wait(stage, 290000);
    assert_in_range(front.writes, 2, CONTROLLER_REFUSED_TRIES + 2);
    front.writes = 0;
    stage_wait(stage, 20000);
    assert_int_equal(front.writes, 1);
    stage_patch(stage, THINGS("bad"), "{spec: {text: y}}");
    stage_wait(stage, 100);
    assert_in_range(front.writes, 2, 3);
}

static void comes_back_no_sooner_than_a_busy_server_asked_for(void **state)
{
    struct stage *stage = *state;
    struct front front = {.status = 429, .reason = "TooManyRequests", .retry_after = "120"};
    start_behind(stage, &front);
    stage_thing(stage, "bad", "x");
    stage_wait(stage, 119000);
    assert_int_equal(front.writes, 1);
    stage_wait(stage, 30000);
    assert_int_equal(front.writes, 2);
}

static void makes_nothing_more_in_a_namespace_that_is_being_deleted(void **state)
{
    struct stage *stage = *state;
    struct front front = {.status = 403,
                          .reason = "Forbidden",
                          .causes = "{\"reason\":\"NamespaceTerminating\",\"message\":\"m\"}"};
    start_behind(stage, &front);
    stage_thing(stage, "bad", "x");
    stage_wait(stage, 290000);
    assert_int_equal(front.writes, 1);
    assert_int_equal(stage_logged(stage, "Could not reconcile"), 0);
}

static void a_write_that_hangs_holds_its_own_object_and_not_for_ever(void **state)
{
    struct stage *stage = *state;
    struct front front = {.holds = true};
    start_behind(stage, &front);
    stage_thing(stage, "bad", "x");
    stage_wait(stage, 100);
    assert_int_equal(front.writes, 1);
    for (int i = 0; i < 10; i++) {
        char name[8];
        snprintf(name, sizeof(name), "t%d", i);
        stage_thing(stage, name, "x");
    }
    stage_wait(stage, 100);
    assert_string_equal(stage_text(stage, "t0"), "x");
    assert_string_equal(stage_text(stage, "t9"), "x");
    front.holds = false;
    loopback_unroute(stage->wire[0], "https://sandbox");
    loopback_route(stage->wire[0], "https://sandbox", apiserver_handle, stage->server);
    stage_wait(stage, 61000);
    assert_string_equal(stage_text(stage, "bad"), "x");
}

/* A server that answers /version as told, and everything else as the sandbox does. */
struct gate {
    struct stage *stage;
    int status;
    const char *retry_after;
    int busy, asked; /* how often it still says so; how often it was asked */
    int64_t asked_ms[8];
};

static void gate_handle(void *arg, struct exchange *exchange)
{
    struct gate *gate = arg;
    if (strcmp(exchange_path(exchange), "/version") != 0 || gate->busy == 0) {
        apiserver_handle(gate->stage->server, exchange);
        return;
    }
    struct http_header headers[] = {{"Content-Type", "application/json"},
                                    {"Retry-After", gate->retry_after}};
    if (gate->asked < 8)
        gate->asked_ms[gate->asked++] = loop_now_ms(gate->stage->loop);
    gate->busy--;
    exchange_reply(exchange, gate->status, headers, gate->retry_after != NULL ? 2 : 1, "{}", 2);
}

static void start_before(struct stage *stage, struct gate *gate)
{
    gate->stage = stage;
    stage_start_at(stage, 0);
    loopback_unroute(stage->wire[0], "https://sandbox");
    loopback_cut(stage->wire[0]);
    loopback_route(stage->wire[0], "https://sandbox", gate_handle, gate);
}

static void does_without_a_version_that_is_kept_secret(void **state)
{
    static const int statuses[] = {403, 404};
    struct stage *stage = *state;
    stage_thing(stage, "one", "hello");
    for (size_t i = 0; i < 2; i++) {
        struct gate gate = {.status = statuses[i], .busy = 1000};
        start_before(stage, &gate);
        stage_until_idle(stage);
        assert_int_equal(stage_logged(stage, "does not tell its version"), i + 1);
        stage_kill(stage, 0);
    }
    assert_string_equal(stage_text(stage, "one"), "hello");
}

static void waits_as_long_as_the_server_asks_before_it_connects(void **state)
{
    struct stage *stage = *state;
    struct gate gate = {.status = 429, .retry_after = "20", .busy = 3};
    start_before(stage, &gate);
    assert_true(loop_run_until(stage->loop, stage_is_idle, stage, 90000));
    /* The first try is made before the front stands there. */
    assert_int_equal(gate.asked, 3);
    assert_in_range(gate.asked_ms[1] - gate.asked_ms[0], 20000, 20100);
    assert_in_range(gate.asked_ms[2] - gate.asked_ms[1], 20000, 20100);
}

/* Counts the pages that are asked for; the first second one is said to be too old. */
struct pager {
    struct stage *stage;
    size_t pages, refused;
};

static void pager_handle(void *arg, struct exchange *exchange)
{
    struct pager *pager = arg;
    static const char body[] = "{\"kind\":\"Status\",\"status\":\"Failure\",\"reason\":\"Expired\","
                               "\"code\":410,\"message\":\"too old\"}";
    static const struct http_header headers[] = {{"Content-Type", "application/json"}};
    pager->pages += exchange_query(exchange, "limit") != NULL;
    if (exchange_query(exchange, "continue") != NULL && pager->refused == 0) {
        pager->refused++;
        exchange_reply(exchange, 410, headers, 1, body, strlen(body));
        return;
    }
    apiserver_handle(pager->stage->server, exchange);
}

static void commands_read_long_lists_in_pages(void **state)
{
    enum { MANY = 1200 };
    struct stage *stage = *state;
    struct pager pager = {.stage = stage};
    struct transport *wire = loopback_new(stage->loop, stage->random);
    loopback_route(wire, "https://sandbox", pager_handle, &pager);
    for (int i = 0; i < MANY; i++) {
        char *text =
            mem_printf("{apiVersion: v1, kind: ConfigMap, metadata: {name: c%d, namespace: "
                       "other, labels: {many: 'yes'}}}",
                       i);
        stage_load(stage, text);
        free(text);
    }
    struct client_options options = {stage->loop, wire, stage->config, stage->random, NULL};
    struct client *client = client_new(&options);
    struct err err = {0};
    struct jv *list = client_list(client, "v1", "ConfigMap", NULL, "many=yes", &err);
    if (list == NULL)
        fail_msg("%s", err.text);
    assert_int_equal(jv_size(list), MANY);
    assert_string_equal(jv_path_str(jv_at(list, MANY - 1), "kind", NULL), "ConfigMap");
    assert_int_equal(pager.refused, 1);
    assert_int_equal(pager.pages, 2 + 3); /* two that were in vain */
    jv_unref(list);
    client_free(client);
    transport_free(wire);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, stage_setup, stage_teardown)
    const struct CMUnitTest tests[] = {
        TEST(writes_seldom_to_who_always_answers_with_a_conflict),
        TEST(writes_a_few_times_what_is_found_invalid_and_again_when_it_has_changed),
        TEST(comes_back_no_sooner_than_a_busy_server_asked_for),
        TEST(makes_nothing_more_in_a_namespace_that_is_being_deleted),
        TEST(a_write_that_hangs_holds_its_own_object_and_not_for_ever),
        TEST(does_without_a_version_that_is_kept_secret),
        TEST(waits_as_long_as_the_server_asks_before_it_connects),
        TEST(commands_read_long_lists_in_pages),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
