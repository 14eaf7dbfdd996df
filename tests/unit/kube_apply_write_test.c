/* kube/apply: what is sent. */
#include "unit/kube_stage.h"

#include "kube/apply.h"

static struct jv *parse(const char *text)
{
    struct jv *value = NULL;
    struct err err = {0};
    char *json = mem_str(text);
    for (char *p = json; *p; p++)
        if (*p == '\'')
            *p = '"';
    if (jv_parse(json, strlen(json), &value, &err) != 0)
        fail_msg("%s: %s", json, err.text);
    free(json);
    return value;
}

static struct kube_kind sts = {.group = "apps",
                               .version = "v1",
                               .kind = "StatefulSet",
                               .plural = "statefulsets",
                               .api_version = "apps/v1",
                               .namespaced = true};

struct got {
    int calls, status;
    enum err_code code;
};

static void on_answer(void *arg, const struct rest_response *response, const struct err *err)
{
    struct got *got = arg;
    got->calls++;
    got->status = response ? response->status : 0;
    got->code = err ? err->code : ERR_NONE;
}

struct seen {
    char line[256], type[64], body[1024];
};

static void see(void *arg, struct exchange *exchange)
{
    struct seen *seen = arg;
    size_t len = 0;
    const char *type = exchange_header(exchange, "Content-Type");
    const char *body = exchange_body(exchange, &len);
    snprintf(seen->line, sizeof seen->line, "%s %s?%s", exchange_method(exchange),
             exchange_path(exchange), exchange_query_raw(exchange));
    snprintf(seen->type, sizeof seen->type, "%s", type ? type : "");
    snprintf(seen->body, sizeof seen->body, "%.*s", (int)len, body ? body : "");
    exchange_reply(exchange, 200, NULL, 0, "{}", 2);
}

static void expect_write(const struct write_request *request, const char *line, const char *type,
                         const char *body)
{
    struct stage *stage = stage_new();
    struct seen seen = {0};
    struct got got = {0};
    stage->other = see;
    stage->other_arg = &seen;
    assert_non_null(write_start(stage->rest, request, on_answer, &got));
    assert_int_equal(got.calls, 0);
    stage_run(stage, 0);
    assert_int_equal(got.calls, 1);
    assert_int_equal(got.code, ERR_NONE);
    assert_int_equal(stage->spy.last_patient, strstr(line, "/status?") != NULL);
    assert_string_equal(seen.line, line);
    assert_string_equal(seen.type, type);
    assert_string_equal(seen.body, body);
    stage_free(stage);
}

#define BASE "/apis/apps/v1/namespaces/n/statefulsets"

static void each_write_is_sent_as_the_server_wants_it(void **state)
{
    struct jv *object = parse("{'metadata':{'name':'s','namespace':'n'}}");
    const char *text = "{\"metadata\":{\"name\":\"s\",\"namespace\":\"n\"}}";
    struct write_request request = {.kind = &sts, .body = object, .grace_period_s = -1};
    (void)state;
    request.verb = WRITE_APPLY;
    expect_write(&request, "PATCH " BASE "/s?fieldManager=nemeton&force=true",
                 "application/apply-patch+yaml", text);
    request.no_force = true;
    request.field_manager = "me";
    request.dry_run = true;
    request.subresource = "status";
    expect_write(&request, "PATCH " BASE "/s/status?fieldManager=me&force=false&dryRun=All",
                 "application/apply-patch+yaml", text);
    request = (struct write_request){.kind = &sts, .body = object, .grace_period_s = -1};
    request.verb = WRITE_CREATE;
    expect_write(&request, "POST " BASE "?fieldManager=nemeton", "application/json", text);
    request.verb = WRITE_UPDATE;
    expect_write(&request, "PUT " BASE "/s?fieldManager=nemeton", "application/json", text);
    request.verb = WRITE_PATCH_MERGE;
    expect_write(&request, "PATCH " BASE "/s?fieldManager=nemeton", "application/merge-patch+json",
                 text);
    request.verb = WRITE_PATCH_JSON;
    expect_write(&request, "PATCH " BASE "/s?fieldManager=nemeton", "application/json-patch+json",
                 text);
    request.verb = WRITE_GET;
    expect_write(&request, "GET " BASE "/s?", "", "");
    request.body = NULL;
    request.verb = WRITE_LIST;
    request.label_selector = "a=b";
    expect_write(&request, "GET /apis/apps/v1/statefulsets?labelSelector=a%3Db", "", "");
    jv_unref(object);
}

static void a_delete_carries_its_preconditions(void **state)
{
    struct write_request request = {.verb = WRITE_DELETE,
                                    .kind = &sts,
                                    .namespace = "n",
                                    .name = "s",
                                    .uid = "u1",
                                    .resource_version = "7",
                                    .grace_period_s = -1};
    (void)state;
    expect_write(&request, "DELETE " BASE "/s?", "application/json",
                 "{\"kind\":\"DeleteOptions\",\"apiVersion\":\"v1\",\"preconditions\":{\"uid\":"
                 "\"u1\",\"resourceVersion\":\"7\"},\"propagationPolicy\":\"Background\"}");
    request.resource_version = NULL;
    request.propagation = "Orphan";
    request.grace_period_s = 0;
    request.dry_run = true;
    expect_write(&request, "DELETE " BASE "/s?dryRun=All", "application/json",
                 "{\"kind\":\"DeleteOptions\",\"apiVersion\":\"v1\",\"preconditions\":{\"uid\":"
                 "\"u1\"},\"propagationPolicy\":\"Orphan\",\"gracePeriodSeconds\":0}");
}

static void what_cannot_be_meant_is_not_sent(void **state)
{
    struct stage *stage = stage_new();
    struct jv *object = parse("{'metadata':{'name':'s'}}");
    struct got got = {0};
    const struct write_request wrong[] = {
        {.verb = WRITE_DELETE, .kind = &sts, .namespace = "n", .name = "s"},
        {.verb = WRITE_DELETE, .kind = &sts, .namespace = "n", .name = "", .uid = "u"},
        {.verb = WRITE_DELETE, .kind = &sts, .namespace = "n", .uid = "u"},
        {.verb = WRITE_APPLY, .kind = &sts, .namespace = "n", .name = "a/b", .body = object},
        {.verb = WRITE_APPLY, .kind = &sts, .body = object},
        {.verb = WRITE_CREATE, .kind = &sts, .body = object},
        {.verb = WRITE_APPLY, .kind = &sts, .namespace = "n", .name = "s"},
        {.verb = WRITE_GET, .kind = &sts, .namespace = "n"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        assert_null(write_start(stage->rest, &wrong[i], on_answer, &got));
    stage_run(stage, 1000);
    assert_int_equal(stage->request_count, 0);
    assert_int_equal(got.calls, 0);
    jv_unref(object);
    stage_free(stage);
}

static bool no_lease(void *arg)
{
    (void)arg;
    return false;
}

static void no_write_leaves_without_the_fence_but_reads_do(void **state)
{
    struct stage *stage = stage_new();
    struct write_request request = {
        .verb = WRITE_DELETE, .kind = &sts, .namespace = "n", .name = "s", .uid = "u"};
    struct got got = {0};
    (void)state;
    rest_set_fence(stage->rest, no_lease, NULL);
    assert_non_null(write_start(stage->rest, &request, on_answer, &got));
    stage_run(stage, 0);
    assert_int_equal(got.code, ERR_FENCED);
    assert_int_equal(stage->request_count, 0);
    SCRIPT(stage, {"GET", ACT_REPLY, 200, "{}"});
    request.verb = WRITE_GET;
    write_start(stage->rest, &request, on_answer, &got);
    stage_run(stage, 0);
    assert_int_equal(got.status, 200);
    stage_free(stage);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_write_is_sent_as_the_server_wants_it),
        cmocka_unit_test(a_delete_carries_its_preconditions),
        cmocka_unit_test(what_cannot_be_meant_is_not_sent),
        cmocka_unit_test(no_write_leaves_without_the_fence_but_reads_do),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
