/* One logical request: headers, replay after 401, retries, the fence. The server is a script behind
 * the loopback network, the clock is virtual. */
#include "unit/kube_rest_support.h"

/* --- requests --------------------------------------------------------------------------------- */

static void sends_method_path_body_and_headers(void **state)
{
    struct fixture *f = *state;
    ANSWER(f, 201, "{\"name\":\"x\"}");
    struct got got = run(f, &(struct rest_request){.method = "PATCH",
                                                   .path = "/api/v1/pods/x?force=true",
                                                   .content_type = "application/apply-patch+yaml",
                                                   .body = "{\"a\":1}",
                                                   .body_len = 7});
    const struct seen *seen = &f->peer.seen[0];
    assert_int_equal(got.err.code, ERR_NONE);
    assert_int_equal(got.status, 201);
    assert_string_equal(got.name, "x");
    assert_string_equal(seen->method, "PATCH");
    assert_string_equal(seen->path, "/api/v1/pods/x");
    assert_string_equal(seen->query, "force=true");
    assert_string_equal(seen->body, "{\"a\":1}");
    assert_string_equal(seen->content_type, "application/apply-patch+yaml");
    assert_string_equal(seen->accept, "application/json");
    assert_string_equal(seen->authorization, "Bearer abc");
    assert_string_equal(seen->user_agent, "nemeton/" NEMETON_VERSION);
    assert_int_equal(f->counted, 1);
    assert_int_equal(f->last_code, 201);
}

static void on_printed(void *arg, const struct rest_response *response, const struct err *err)
{
    char **out = arg;
    *out = err ? mem_str("error") : jv_print_str(response->object, 0);
}

static bool is_printed(void *arg)
{
    return *(char **)arg != NULL;
}

static void leaves_managed_fields_out_when_asked(void **state)
{
    static const struct {
        const char *body, *sparse;
    } cases[] = {
        {"{\"a\":[{\"metadata\":{\"managedFields\":[1]}}],\"metadata\":{\"uid\":\"u\","
         "\"managedFields\":[{\"x\":\"]\"},2],\"name\":\"n\"},\"managedFields\":[3]}",
         "{\"a\":[{\"metadata\":{\"managedFields\":[1]}}],\"metadata\":{\"uid\":\"u\","
         "\"managedFields\":[],\"name\":\"n\"},\"managedFields\":[3]}"},
        {"{\"metadata\":{\"name\":\"n\"}}", "{\"metadata\":{\"name\":\"n\"}}"},
        {"[{\"metadata\":{\"managedFields\":[1]}}]", "[{\"metadata\":{\"managedFields\":[1]}}]"},
        {"{\"a\":1} {\"a\":2}", "error"},
        {"7", "7"},
    };
    struct fixture *f = *state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char *out = NULL;
        struct rest_request request = {.method = "PATCH", .path = "/x", .sparse = true};
        ANSWER(f, 200, .body = cases[i].body);
        rest_start(f->rest, &request, on_printed, &out);
        assert_true(loop_run_until(f->world.loop, is_printed, &out, 3600000));
        assert_string_equal(out, cases[i].sparse);
        free(out);
    }
}

static void gives_text_answers_without_an_object(void **state)
{
    struct fixture *f = *state;
    ANSWER(f, 200, "ok", "text/plain");
    struct got got = get(f, "/healthz");
    assert_int_equal(got.err.code, ERR_NONE);
    assert_false(got.has_object);
    assert_string_equal(got.text, "ok");
}

static void says_that_an_answer_is_garbage(void **state)
{
    struct fixture *f = *state;
    ANSWER(f, 200, "{\"items\":[\x01garbage");
    struct got got = get(f, "/api/v1/pods");
    assert_int_equal(got.err.code, ERR_PARSE);
    assert_contains(got.err.text, "`GET /api/v1/pods`: the answer is not valid JSON");
    assert_int_equal(f->peer.seen_count, 1);
}

static void refuses_a_request_without_path(void **state)
{
    struct fixture *f = *state;
    struct rest_request request = {.method = "GET", .path = "api"};
    assert_null(rest_start(f->rest, &request, on_done, NULL));
}

static void cancels_in_every_state_without_a_callback(void **state)
{
    struct fixture *f = *state;
    ANSWER(f, -1);
    ANSWER(f, 429, "{}", .name = "Retry-After", .value = "5");
    struct got got = {0};
    struct rest_request request = {.method = "GET", .path = "/a"};
    struct rest_call *call = rest_start(f->rest, &request, on_done, &got);
    pass_ms(f->world.loop, 10); /* the server holds it */
    rest_cancel(f->rest, call);
    call = rest_start(f->rest, &request, on_done, &got);
    pass_ms(f->world.loop, 10); /* it waits for its retry */
    assert_int_equal(f->peer.seen_count, 2);
    rest_cancel(f->rest, call);
    call = rest_start(f->rest, &request, on_done, &got);
    rest_cancel(f->rest, call); /* it has hardly begun */
    pass_ms(f->world.loop, 100000);
    assert_int_equal(got.calls, 0);
    assert_int_equal(f->peer.closed, 1);
}

static void ends_after_its_timeout(void **state)
{
    struct fixture *f = *state;
    ANSWER(f, -1);
    struct got got = get(f, "/a");
    assert_int_equal(got.err.code, ERR_TIMEOUT);
    assert_int_equal(loop_now_ms(f->world.loop) / 1000, 61); /* virtual time begins at 1 s */
    assert_int_equal(f->last_code, 0);
    pass_ms(f->world.loop, 100); /* the server notices */
}

/* --- 401 -------------------------------------------------------------------------------------- */

static void replays_once_after_401_with_the_new_token(void **state)
{
    struct fixture *f = *state;
    ANSWER(f, 200);
    ANSWER(f, 401);
    ANSWER(f, 200, "{\"name\":\"x\"}");
    get(f, "/a");
    file_write(f->dir, "token", "two");
    struct got got = post(f);
    assert_int_equal(got.err.code, ERR_NONE);
    assert_string_equal(got.name, "x");
    assert_int_equal(f->peer.seen_count, 3);
    assert_string_equal(f->peer.seen[1].authorization, "Bearer one");
    assert_string_equal(f->peer.seen[2].authorization, "Bearer two");
    assert_string_equal(f->peer.seen[2].impersonate, "jane");
    assert_int_equal(f->fence_asked, 2);
}

static void gives_up_after_the_second_401(void **state)
{
    struct fixture *f = *state;
    ANSWER(f, 401,
           "{\"kind\":\"Status\",\"reason\":\"Unauthorized\",\"message\":\"Unauthorized\"}");
    struct got got = get(f, "/a");
    assert_int_equal(got.err.code, ERR_UNAUTHORIZED);
    assert_int_equal(f->peer.seen_count, 2);
}

static void does_not_replay_401_when_the_token_cannot_change(void **state)
{
    struct fixture *f = *state;
    ANSWER(f, 401);
    assert_int_equal(get(f, "/a").err.code, ERR_UNAUTHORIZED);
    assert_int_equal(f->peer.seen_count, 1);
}

/* --- retries ---------------------------------------------------------------------------------- */

static void waits_as_long_as_429_asks(void **state)
{
    struct fixture *f = *state;
    ANSWER(f, 429, "{}", .name = "Retry-After", .value = "7",
           .name2 = "X-Kubernetes-PF-FlowSchema-UID", .value2 = "flow-1");
    ANSWER(f, 200, "{\"name\":\"x\"}");
    struct got got = post(f);
    assert_int_equal(got.err.code, ERR_NONE);
    int64_t waited_ms = f->peer.seen[1].at_ms - f->peer.seen[0].at_ms;
    assert_in_range(waited_ms, 7000, 7100);
    assert_int_equal(lines_count(&f->lines, "\"flow-1\""), 1);
    assert_int_equal(f->counted, 2);
    assert_int_equal(f->repeats, 1);
}

static void retries_503_with_retry_after_and_gives_up_after_10(void **state)
{
    struct fixture *f = *state;
    ANSWER(f, 503, "{}", .name = "Retry-After", .value = "1");
    struct got got = get(f, "/a");
    assert_int_equal(got.err.code, ERR_SERVER);
    assert_int_equal(got.err.http_status, 503);
    assert_int_equal(got.err.retry_after_ms, 1000);
    assert_int_equal(f->peer.seen_count, 1 + REST_RETRY_MAX);
}

static void backs_off_by_itself_when_retry_after_is_0(void **state)
{
    struct fixture *f = *state;
    ANSWER(f, 429, "{}", .name = "Retry-After", .value = "0");
    get(f, "/a");
    const struct seen *seen = f->peer.seen;
    assert_in_range(seen[1].at_ms - seen[0].at_ms, 100, 160);
    assert_in_range(seen[10].at_ms - seen[9].at_ms, 5000, 7600);
}

static void does_not_retry_without_a_usable_retry_after(void **state)
{
    struct fixture *f = *state;
    static const char *const values[] = {
        NULL, "soon", "-1", "1.5", "Wed, 21 Oct 2015 07:28:00 GMT", "3600"};
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        f->peer.seen_count = f->peer.answer_count = 0;
        ANSWER(f, 500, "{}", .name = values[i] ? "Retry-After" : NULL, .value = values[i]);
        struct got got = get(f, "/a");
        assert_int_equal(got.err.code, ERR_SERVER);
        assert_int_equal(got.err.retry_after_ms, i == 5 ? 3600000 : 0);
        assert_int_equal(f->peer.seen_count, 1);
    }
}

static void does_not_retry_when_told_not_to(void **state)
{
    struct fixture *f = *state;
    ANSWER(f, 429, "{}", .name = "Retry-After", .value = "1");
    struct rest_request request = {.method = "GET", .path = "/a", .no_retry = true};
    assert_int_equal(run(f, &request).err.code, ERR_TOO_MANY);
    assert_int_equal(f->peer.seen_count, 1);
}

static void retries_get_after_reset_but_not_post(void **state)
{
    struct fixture *f = *state;
    ANSWER(f, 0);
    ANSWER(f, 200, "{\"name\":\"x\"}");
    assert_string_equal(get(f, "/a").name, "x");
    assert_int_equal(f->peer.seen_count, 2);
    f->peer.seen_count = 0;
    struct got got = post(f);
    assert_int_equal(got.err.code, ERR_NETWORK);
    assert_contains(got.err.text, "`POST /api/v1/pods`: ");
    assert_false(got.has_response);
    assert_int_equal(f->peer.seen_count, 1);
}

static void stops_retrying_get_after_10_resets(void **state)
{
    struct fixture *f = *state;
    ANSWER(f, 0);
    assert_int_equal(get(f, "/a").err.code, ERR_NETWORK);
    assert_int_equal(f->peer.seen_count, 1 + REST_RETRY_MAX);
}

static void does_not_retry_a_refused_connection(void **state)
{
    struct fixture *f = *state;
    loopback_unroute(f->transport, "https://api");
    struct got got = get(f, "/a");
    assert_int_equal(got.err.code, ERR_NETWORK);
    assert_int_equal(f->counted, 1);
}

/* --- the fence -------------------------------------------------------------------------------- */

static void sends_no_write_without_a_lease(void **state)
{
    struct fixture *f = *state;
    ANSWER(f, 200);
    f->may_write = false;
    struct got got = post(f);
    assert_int_equal(got.err.code, ERR_FENCED);
    assert_contains(got.err.text, "holds no lease");
    assert_int_equal(f->peer.seen_count, 0);
    assert_int_equal(get(f, "/a").err.code, ERR_NONE); /* reads go on */
    struct rest_request renewal = {
        .method = "PUT", .path = "/lease", .body = "{}", .body_len = 2, .lane = HTTP_LANE_LEASE};
    assert_int_equal(run(f, &renewal).err.code, ERR_NONE);
    assert_int_equal(f->peer.seen_count, 2);
}

static void asks_the_fence_again_at_a_retry(void **state)
{
    struct fixture *f = *state;
    ANSWER(f, 429, "{}", .name = "Retry-After", .value = "5");
    struct got got = {0};
    struct rest_request request = {.method = "DELETE", .path = "/a"};
    rest_start(f->rest, &request, on_done, &got);
    pass_ms(f->world.loop, 1000);
    f->may_write = false;
    pass_ms(f->world.loop, 5000);
    assert_int_equal(got.calls, 1);
    assert_int_equal(got.err.code, ERR_FENCED);
    assert_int_equal(f->peer.seen_count, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(sends_method_path_body_and_headers),
        T(leaves_managed_fields_out_when_asked),
        T(gives_text_answers_without_an_object),
        T(says_that_an_answer_is_garbage),
        T(refuses_a_request_without_path),
        T(cancels_in_every_state_without_a_callback),
        T(ends_after_its_timeout),
        TOKEN(replays_once_after_401_with_the_new_token),
        TOKEN(gives_up_after_the_second_401),
        T(does_not_replay_401_when_the_token_cannot_change),
        T(waits_as_long_as_429_asks),
        T(retries_503_with_retry_after_and_gives_up_after_10),
        T(backs_off_by_itself_when_retry_after_is_0),
        T(does_not_retry_without_a_usable_retry_after),
        T(does_not_retry_when_told_not_to),
        T(retries_get_after_reset_but_not_post),
        T(stops_retrying_get_after_10_resets),
        T(does_not_retry_a_refused_connection),
        T(sends_no_write_without_a_lease),
        T(asks_the_fence_again_at_a_retry),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
