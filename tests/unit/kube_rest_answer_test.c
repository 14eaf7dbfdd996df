/* What kube/rest makes of answers: errors from Status objects, warnings, streams. */
#include "unit/kube_rest_support.h"
#include "unit/kube_pem.h"

/* --- errors ----------------------------------------------------------------------------------- */

#define STATUS(code, reason, message, details)                                                     \
    "{\"kind\":\"Status\",\"apiVersion\":\"v1\",\"status\":\"Failure\",\"message\":\"" message     \
    "\",\"reason\":\"" reason "\",\"details\":{" details "},\"code\":" #code "}"

static void leaves_the_words_of_the_server_for_people(void **state)
{
    (void)state;
    struct err err = {0};
    static const char body[] = STATUS(422, "Invalid", "spec.image (of `x`): is required", "");
    rest_err_from_status(&err, "PATCH", "/apis/g/v1/things/x?force=true", 422, body,
                         sizeof(body) - 1);
    assert_string_equal(err.text,
                        "`PATCH /apis/g/v1/things/x`: spec.image (of `x`): is required (422 "
                        "Invalid)");
    rest_err_words(&err);
    assert_string_equal(err.text, "spec.image (of `x`): is required");
    rest_err_words(&err);
    assert_string_equal(err.text, "spec.image (of `x`): is required");
    assert_int_equal(err.http_status, 422);
    err = (struct err){0};
    err_set(&err, ERR_NETWORK, "`GET /api/v1/pods`: connection reset (by peer)");
    rest_err_words(&err);
    assert_string_equal(err.text, "connection reset (by peer)");
    err_set(&err, ERR_CONFLICT, "Thing `x` exists already: remove it");
    rest_err_words(&err);
    assert_string_equal(err.text, "Thing `x` exists already: remove it");
}

static void turns_statuses_into_errors(void **state)
{
    (void)state;
    static const struct {
        int status;
        const char *body;
        enum err_code code;
        const char *reason, *text;
    } cases[] = {
        {400, STATUS(400, "BadRequest", "bad", ""), ERR_INVALID, "BadRequest", "bad (400"},
        {401, STATUS(401, "Unauthorized", "who?", ""), ERR_UNAUTHORIZED, "Unauthorized", "who?"},
        {403, STATUS(403, "Forbidden", "pods is forbidden", ""), ERR_FORBIDDEN, "Forbidden",
         "pods"},
        {404, STATUS(404, "NotFound", "pods x not found", ""), ERR_NOT_FOUND, "NotFound", "x not"},
        {409, STATUS(409, "AlreadyExists", "exists", ""), ERR_EXISTS, "AlreadyExists", "exists"},
        {409, STATUS(409, "Conflict", "modified", ""), ERR_CONFLICT, "Conflict", "modified"},
        {410, STATUS(410, "Expired", "too old", ""), ERR_GONE, "Expired", "too old"},
        {410, STATUS(410, "Gone", "too old", ""), ERR_GONE, "Gone", "too old"},
        {413, "", ERR_TOO_LARGE, "", "no explanation (413)"},
        {415, STATUS(415, "UnsupportedMediaType", "no", ""), ERR_UNSUPPORTED,
         "UnsupportedMediaType", "no"},
        {422,
         STATUS(422, "Invalid", "Deployment x is invalid",
                "\"causes\":[{\"reason\":\"FieldValueInvalid\",\"message\":\"must be positive\","
                "\"field\":\"spec.replicas\"},{\"field\":\"spec.image\"}]"),
         ERR_INVALID, "Invalid", "invalid; spec.replicas: must be positive; spec.image (422 Inv"},
        {422,
         STATUS(422, "Invalid", "x is invalid: spec.replicas: must be positive",
                "\"causes\":[{\"message\":\"must be positive\",\"field\":\"spec.replicas\"}]"),
         ERR_INVALID, "Invalid", "must be positive (422"},
        {409,
         STATUS(409, "Conflict", "Apply failed",
                "\"causes\":[{\"reason\":\"FieldManagerConflict\",\"field\":\".spec.replicas\","
                "\"message\":\"conflict with hpa\"}]"),
         ERR_CONFLICT, "FieldManagerConflict", ".spec.replicas: conflict with hpa"},
        {504,
         STATUS(504, "Timeout", "Too large resource version",
                "\"causes\":[{\"reason\":\"ResourceVersionTooLarge\"}],\"retryAfterSeconds\":1"),
         ERR_TIMEOUT, "ResourceVersionTooLarge", "Too large"},
        {403,
         STATUS(403, "Forbidden", "terminating",
                "\"causes\":[{\"reason\":\"NamespaceTerminating\"}]"),
         ERR_FORBIDDEN, "NamespaceTerminating", "terminating"},
        {429, "Too many", ERR_TOO_MANY, "", "Too many (429)"},
        {500, STATUS(500, "InternalError", "etcd", ""), ERR_SERVER, "InternalError", "etcd"},
        {500, STATUS(500, "ServerTimeout", "slow", ""), ERR_TIMEOUT, "ServerTimeout", "slow"},
        {502, "<html>\n  <h1>Bad\x01 gateway</h1>", ERR_SERVER, "", "<html> <h1>Bad gateway</h1>"},
        {302, "", ERR_UNSUPPORTED, "", "302"},
        {418, "[1]", ERR_INVALID, "", "[1]"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct err err = {0};
        rest_err_from_status(&err, "GET", "/api/v1/pods?limit=1", cases[i].status, cases[i].body,
                             strlen(cases[i].body));
        if (err.code != cases[i].code)
            fail_msg("case %zu: code %s for %d", i, err_code_name(err.code), cases[i].status);
        assert_int_equal(err.http_status, cases[i].status);
        assert_string_equal(err.reason, cases[i].reason);
        assert_contains(err.text, "`GET /api/v1/pods`: ");
        assert_contains(err.text, cases[i].text);
        assert_int_equal(err.retry_after_ms, cases[i].code == ERR_TIMEOUT && i == 13 ? 1000 : 0);
    }
}

static void hands_over_status_and_body_with_the_error(void **state)
{
    struct fixture *f = *state;
    ANSWER(f, 410, STATUS(410, "Expired", "old", ""));
    struct got got = get(f, "/a");
    assert_int_equal(got.err.code, ERR_GONE);
    assert_int_equal(got.status, 410);
    assert_true(got.has_object);
}

static void takes_a_status_of_failure_for_an_error_even_with_200(void **state)
{
    struct fixture *f = *state;
    ANSWER(f, 200, STATUS(409, "Conflict", "modified", ""));
    assert_int_equal(get(f, "/a").err.code, ERR_CONFLICT);
}

/* --- what our JSON cannot hold ---------------------------------------------------------------- */

/* An object whose spec.a is nested so deeply. */
static char *deep_object(const char *name, size_t levels)
{
    struct buf text;
    buf_init(&text, 1 << 20);
    buf_printf(&text, "{\"kind\":\"Thing\",\"metadata\":{\"name\":\"%s\"},\"spec\":{\"a\":", name);
    for (size_t i = 0; i < levels; i++)
        buf_add_char(&text, '[');
    for (size_t i = 0; i < levels; i++)
        buf_add_char(&text, ']');
    buf_add_str(&text, "}}");
    char *made = mem_str(buf_str(&text));
    buf_deinit(&text);
    return made;
}

struct read {
    bool done;
    struct err err;
    struct jv *object;
};

static void on_read(void *arg, const struct rest_response *response, const struct err *err)
{
    struct read *got = arg;
    got->done = true;
    if (err)
        got->err = *err;
    if (response && response->object)
        got->object = jv_ref((struct jv *)response->object);
}

static bool is_read(void *arg)
{
    return ((struct read *)arg)->done;
}

static struct jv *read_of(struct fixture *f, const struct rest_request *request, const char *body)
{
    struct read got = {0};
    ANSWER(f, 200, body, .name = "Content-Type", .value = "application/json");
    assert_non_null(rest_start(f->rest, request, on_read, &got));
    assert_true(loop_run_until(f->world.loop, is_read, &got, 3600000));
    if (got.err.code != ERR_NONE)
        fail_msg("%s", got.err.text);
    assert_non_null(got.object);
    return got.object;
}

static const char *cut_of(const struct jv *object)
{
    return jv_path_str(object, "metadata", "annotations", "nemeton.dev/unreadable", NULL);
}

static void one_object_that_is_too_deep_spoils_no_list(void **state)
{
    struct fixture *f = *state;
    char *odd = deep_object("odd", 9000);
    char *body =
        mem_printf("{\"kind\":\"ThingList\",\"metadata\":{\"continue\":\"more\"},\"items\":["
                   "{\"metadata\":{\"name\":\"a\"},\"n\":100000000000000000000},%s,"
                   "{\"metadata\":{\"name\":\"b\"}}]}",
                   odd);
    struct jv *list =
        read_of(f, &(struct rest_request){.method = "GET", .path = "/apis/g/v1/things"}, body);
    const struct jv *items = jv_get(list, "items");
    assert_string_equal(jv_path_str(list, "metadata", "continue", NULL), "more");
    assert_int_equal(jv_size(items), 3);
    assert_string_equal(cut_of(jv_at(items, 1)), "spec.a");
    assert_null(cut_of(jv_at(items, 0)));
    assert_string_equal(jv_path_str(jv_at(items, 2), "metadata", "name", NULL), "b");
    assert_int_equal(lines_count(&f->lines, "nested too deeply"), 1);
    jv_unref(list);
    free(body);
    free(odd);
}

static void one_object_that_is_too_deep_is_read_and_written(void **state)
{
    struct fixture *f = *state;
    char *odd = deep_object("odd", 9000);
    static const struct rest_request requests[] = {
        {.method = "GET", .path = "/apis/g/v1/things/odd"},
        {.method = "PATCH", .path = "/apis/g/v1/things/odd", .body = "{}", .body_len = 2},
        {.method = "PATCH",
         .path = "/apis/g/v1/t/odd",
         .body = "{}",
         .body_len = 2,
         .sparse = true},
    };
    for (size_t i = 0; i < sizeof requests / sizeof requests[0]; i++) {
        struct jv *object = read_of(f, &requests[i], odd);
        assert_string_equal(cut_of(object), "spec.a");
        assert_string_equal(jv_path_str(object, "metadata", "name", NULL), "odd");
        jv_unref(object);
    }
    free(odd);
}

static void does_not_log_the_same_warning_twice(void **state)
{
    struct fixture *f = *state;
    ANSWER(f, 200, "{}", .name = "Warning",
           .value =
               "299 - \"v1beta1 is \\\"old\\\", use v1\", 199 - \"no\", 299 - \"second\" \"x\"",
           .name2 = "warning", .value2 = "299 - \"third\"");
    get(f, "/a");
    get(f, "/b");
    assert_int_equal(lines_count(&f->lines, "use v1"), 1);
    assert_int_equal(lines_count(&f->lines, "second"), 1);
    assert_int_equal(lines_count(&f->lines, "third"), 1);
    assert_int_equal(lines_count(&f->lines, "the API server warns"), 3);
}

static void survives_broken_warnings(void **state)
{
    struct fixture *f = *state;
    static const char *const values[] = {
        "", "299", "299 - ", "299 - \"open", "299 - \"a\" \"open", "299 - \"a\\", ",,,,"};
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        f->peer.seen_count = f->peer.answer_count = 0;
        ANSWER(f, 200, "{}", .name = "Warning", .value = values[i]);
        assert_int_equal(get(f, "/a").err.code, ERR_NONE);
    }
}

/* --- streams ---------------------------------------------------------------------------------- */

static void stream_open(void *arg)
{
    ((struct got *)arg)->opens++;
}

static int stream_data(void *arg, const char *data, size_t len)
{
    struct got *got = arg;
    assert_int_equal(got->opens, 1);
    strncat(got->text, data, len);
    if (got->cancel_in_data) {
        rest_cancel(got->rest, got->call);
        got->call = NULL;
    }
    return 0;
}

static void stream_done(void *arg, const struct err *err)
{
    struct got *got = arg;
    got->calls++;
    if (err)
        got->err = *err;
}

static const struct rest_stream_callbacks stream_callbacks = {stream_open, stream_data,
                                                              stream_done};

static struct got stream(struct fixture *f)
{
    struct got got = {0};
    struct rest_request request = {
        .method = "GET", .path = "/api/v1/pods?watch=1", .lane = HTTP_LANE_WATCH};
    assert_non_null(rest_stream(f->rest, &request, &stream_callbacks, &got));
    assert_true(loop_run_until(f->world.loop, is_done, &got, 3600000));
    assert_int_equal(got.calls, 1);
    return got;
}

static void streams_pieces_until_a_clean_end(void **state)
{
    struct fixture *f = *state;
    ANSWER(f, 200, "one,|two", .is_stream = true);
    struct got got = stream(f);
    assert_int_equal(got.err.code, ERR_NONE);
    assert_int_equal(got.opens, 1);
    assert_string_equal(got.text, "one,two");
    assert_int_equal(f->last_code, 200);
}

static void says_that_a_stream_was_cut(void **state)
{
    struct fixture *f = *state;
    ANSWER(f, 200, "one,|two", .is_stream = true, .is_cut = true);
    struct got got = stream(f);
    assert_int_equal(got.err.code, ERR_NETWORK);
    assert_string_equal(got.err.reason, HTTP_REASON_RESET);
    assert_int_equal(f->peer.seen_count, 1); /* who watches decides how to go on */
}

static void collects_the_error_of_a_stream(void **state)
{
    struct fixture *f = *state;
    ANSWER(f, 410, "{\"kind\":\"Status\",|\"reason\":\"Expired\",\"message\":\"too old\"}",
           .is_stream = true, .name = "Retry-After", .value = "3");
    struct got got = stream(f);
    assert_int_equal(got.err.code, ERR_GONE);
    assert_string_equal(got.err.reason, "Expired");
    assert_int_equal(got.err.retry_after_ms, 3000);
    assert_contains(got.err.text, "too old");
    assert_int_equal(got.opens, 0);
    assert_int_equal(f->peer.seen_count, 1);
}

static void replays_a_stream_once_after_401(void **state)
{
    struct fixture *f = *state;
    ANSWER(f, 401, "{}", .is_stream = true);
    ANSWER(f, 200, "one", .is_stream = true);
    struct got got = stream(f);
    assert_int_equal(got.err.code, ERR_NONE);
    assert_string_equal(got.text, "one");
    assert_int_equal(f->peer.seen_count, 2);
}

static void cancels_a_stream_from_its_own_data(void **state)
{
    struct fixture *f = *state;
    ANSWER(f, 200, "one,|two", .is_stream = true);
    struct got got = {.rest = f->rest, .cancel_in_data = true};
    struct rest_request request = {.method = "GET", .path = "/a"};
    got.call = rest_stream(f->rest, &request, &stream_callbacks, &got);
    pass_ms(f->world.loop, 1000);
    assert_string_equal(got.text, "one,");
    assert_int_equal(got.calls, 0);
}

static void opens_streams_anew_when_the_client_certificate_changes(void **state)
{
    struct fixture *f = *state;
    file_write(f->dir, "me.crt", pem_cert_one);
    file_write(f->dir, "me.key", pem_key_one);
    file_write(f->dir, "config",
               "current-context: a\ncontexts:\n- {name: a, context: {cluster: c, user: u}}\n"
               "clusters:\n- {name: c, cluster: {server: 'https://api'}}\n"
               "users:\n- {name: u, user: {client-certificate: me.crt, client-key: me.key}}\n");
    rest_free(f->rest);
    kube_config_free(f->config);
    struct kube_config_options options = {.kubeconfig = f->path};
    f->config = kube_config_load(f->world.loop, &options, NULL);
    rest_begin(f);
    ANSWER(f, -1);
    ANSWER(f, 200);
    struct got got = {0};
    struct rest_request request = {.method = "GET", .path = "/a", .lane = HTTP_LANE_WATCH};
    rest_stream(f->rest, &request, &stream_callbacks, &got);
    pass_ms(f->world.loop, 300000);
    get(f, "/b");
    assert_int_equal(got.calls, 0); /* the files are the same */
    file_write(f->dir, "me.crt", pem_cert_two);
    file_write(f->dir, "me.key", pem_key_two);
    pass_ms(f->world.loop, 300000);
    get(f, "/b");
    pass_ms(f->world.loop, 1);
    assert_int_equal(got.calls, 1);
    assert_int_equal(got.err.code, ERR_NETWORK);
    assert_contains(got.err.text, "client certificate has changed");
    assert_int_equal(f->peer.closed, 1);
}

/* A transport that fails as curl does when it does not trust the server. */
static struct http_call *distrust(struct transport *self, const struct http_request *request,
                                  const struct http_callbacks *callbacks, void *arg,
                                  struct err *err)
{
    (void)self;
    (void)request;
    (void)callbacks;
    (void)arg;
    err_set(err, ERR_NETWORK, "SSL certificate problem: certificate has expired");
    snprintf(err->reason, sizeof err->reason, "PeerCertificate");
    return NULL;
}

static void does_not_retry_when_the_certificate_is_not_trusted(void **state)
{
    struct fixture *f = *state;
    static const struct transport_ops ops = {.start = distrust};
    struct transport transport = {&ops};
    struct rest *rest = rest_new(f->world.loop, &transport, f->config, NULL);
    struct got got = {0};
    struct rest_request request = {.method = "GET", .path = "/version"};
    rest_start(rest, &request, on_done, &got);
    assert_int_equal(got.calls, 0);
    pass_ms(f->world.loop, 1);
    assert_int_equal(got.calls, 1);
    assert_contains(got.err.text, "`GET /version`: SSL certificate problem");
    assert_string_equal(got.err.reason, "PeerCertificate");
    rest_free(rest);
}

static void frees_everything_that_is_under_way(void **state)
{
    struct fixture *f = *state;
    ANSWER(f, -1);
    struct got got = {0};
    struct rest_request request = {.method = "GET", .path = "/a"};
    for (int i = 0; i < 3; i++)
        rest_start(f->rest, &request, on_done, &got);
    f->may_write = false;
    request.method = "PUT";
    rest_start(f->rest, &request, on_done, &got); /* fenced: the news is still to come */
    assert_int_equal(rest_pending(f->rest), 4);
    rest_free(f->rest);
    rest_begin(f);
    pass_ms(f->world.loop, 1000);
    assert_int_equal(got.calls, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(turns_statuses_into_errors),
        cmocka_unit_test(leaves_the_words_of_the_server_for_people),
        T(hands_over_status_and_body_with_the_error),
        T(takes_a_status_of_failure_for_an_error_even_with_200),
        T(one_object_that_is_too_deep_spoils_no_list),
        T(one_object_that_is_too_deep_is_read_and_written),
        T(does_not_log_the_same_warning_twice),
        T(survives_broken_warnings),
        T(streams_pieces_until_a_clean_end),
        T(says_that_a_stream_was_cut),
        T(collects_the_error_of_a_stream),
        TOKEN(replays_a_stream_once_after_401),
        T(cancels_a_stream_from_its_own_data),
        TOKEN(opens_streams_anew_when_the_client_certificate_changes),
        T(does_not_retry_when_the_certificate_is_not_trusted),
        T(frees_everything_that_is_under_way),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
