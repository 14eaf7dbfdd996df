/* kube/event against a scripted server. */
#include "unit/kube_stage.h"

#include "kube/event.h"

struct fixture {
    struct stage *stage;
    struct discovery *discovery;
    struct event_recorder *recorder;
    struct jv *object;
    struct buf log;
};

#define EVENTS_V1                                                                                  \
    "{\"kind\":\"APIResourceList\",\"groupVersion\":\"events.k8s.io/"                              \
    "v1\",\"resources\":[{\"name\":"                                                               \
    "\"events\",\"singularName\":\"\",\"namespaced\":true,\"kind\":\"Event\",\"verbs\":[]}]}"
#define EVENTS_CORE                                                                                \
    "{\"kind\":\"APIResourceList\",\"groupVersion\":\"v1\",\"resources\":[{\"name\":\"events\","   \
    "\"singularName\":\"\",\"namespaced\":true,\"kind\":\"Event\",\"verbs\":[]}]}"
#define FOUND                                                                                      \
    {                                                                                              \
        "GET /apis/events.k8s.io/v1", ACT_REPLY, 0, EVENTS_V1                                      \
    }
#define CREATE                                                                                     \
    {                                                                                              \
        "POST /apis/events.k8s.io/v1/namespaces/n/events", ACT_REPLY, 201, "{}"                    \
    }
#define PATCHED                                                                                    \
    {                                                                                              \
        "PATCH /apis/events.k8s.io/v1/namespaces/n/events/thing.", ACT_REPLY, 200, "{}"            \
    }

static void sink(void *arg, const char *line, size_t len)
{
    buf_add(arg, line, len);
}

static int64_t wall(void *arg)
{
    (void)arg;
    return 0;
}

static struct log *test_log;

static int setup(void **state)
{
    struct fixture *f = mem_alloc(sizeof *f);
    const char *text =
        "{\"apiVersion\":\"example.com/v1\",\"kind\":\"Thing\",\"metadata\":{\"name\":"
        "\"thing\",\"namespace\":\"n\",\"uid\":\"u1\",\"resourceVersion\":\"5\"}}";
    f->stage = stage_new();
    f->discovery = discovery_new(f->stage->rest);
    buf_init(&f->log, 1 << 20);
    test_log = log_new(&(struct log_options){.sink = sink, .sink_arg = &f->log, .wall_ns = wall});
    f->recorder = event_recorder_new(f->stage->rest, f->discovery,
                                     &(struct event_options){.controller = "nemeton",
                                                             .instance = "nemeton-1",
                                                             .log = test_log,
                                                             .random = f->stage->random});
    assert_int_equal(jv_parse(text, strlen(text), &f->object, NULL), 0);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    event_recorder_free(f->recorder);
    discovery_free(f->discovery);
    stage_free(f->stage);
    jv_unref(f->object);
    log_free(test_log);
    buf_deinit(&f->log);
    free(f);
    return 0;
}

static void record(struct fixture *f, const char *reason, const char *note)
{
    event_record(f->recorder, f->object, "Normal", reason, "Reconcile", note);
    stage_run(f->stage, 0);
}

static bool sent(struct fixture *f, const char *text)
{
    return strstr(f->stage->last_body, text) != NULL;
}

static void creates_an_event_that_tells_the_story(void **state)
{
    struct fixture *f = *state;
    SCRIPT(f->stage, FOUND, CREATE);
    record(f, "Created", "six things were made");
    stage_used_up(f->stage);
    assert_true(f->stage->spy.last_patient); /* what is told waits for what is done */
    assert_true(sent(f, "\"apiVersion\":\"events.k8s.io/v1\""));
    assert_true(sent(f, "\"type\":\"Normal\",\"reason\":\"Created\",\"action\":\"Reconcile\""));
    assert_true(sent(f, "\"eventTime\":\"2023-11-14T22:13:20.000000Z\""));
    assert_true(sent(f, "\"reportingController\":\"nemeton\""));
    assert_true(sent(f, "\"reportingInstance\":\"nemeton-1\""));
    assert_true(sent(f, "\"note\":\"six things were made\""));
    assert_true(sent(f, "\"regarding\":{\"apiVersion\":\"example.com/v1\",\"kind\":\"Thing\","
                        "\"namespace\":\"n\",\"name\":\"thing\",\"uid\":\"u1\""));
    assert_false(sent(f, "series"));
    assert_int_equal(event_recorder_pending(f->recorder), 0);
}

static void makes_a_series_of_repetitions(void **state)
{
    struct fixture *f = *state;
    SCRIPT(f->stage, FOUND, CREATE, PATCHED);
    record(f, "Waiting", "first");
    stage_run(f->stage, 5000);
    record(f, "Waiting", "the note is not part of what makes it the same");
    stage_used_up(f->stage);
    assert_string_equal(
        f->stage->last_body,
        "{\"series\":{\"count\":2,\"lastObservedTime\":\"2023-11-14T22:13:25.001000Z\"}}");
    for (int i = 0; i < 10; i++)
        record(f, "Waiting", "again");
    assert_int_equal(f->stage->request_count, 3); /* only counted */
    SCRIPT(f->stage, PATCHED);
    stage_run(f->stage, 8 * 60000); /* over after 6 minutes: the count is written once */
    stage_used_up(f->stage);
    assert_true(sent(f, "\"count\":12"));
    stage_run(f->stage, 3600000);
    assert_int_equal(f->stage->request_count, 4);
    SCRIPT(f->stage, CREATE);
    record(f, "Waiting", "a new one");
    stage_used_up(f->stage);
}

static void refreshes_a_series_that_goes_on(void **state)
{
    struct fixture *f = *state;
    SCRIPT(f->stage, FOUND, CREATE, PATCHED, PATCHED);
    for (int minute = 0; minute < 34; minute++) {
        record(f, "Waiting", "x");
        stage_run(f->stage, 60000);
    }
    stage_used_up(f->stage);
    assert_int_equal(f->stage->request_count, 4);
}

static void forgets_and_keeps_no_timer_when_idle(void **state)
{
    struct fixture *f = *state;
    SCRIPT(f->stage, FOUND, CREATE);
    record(f, "Created", "x");
    stage_run(f->stage, 7200000);
    assert_int_equal(loop_stats(f->stage->world.loop).timers, 0);
}

static void limits_an_object_to_a_burst_of_25(void **state)
{
    struct fixture *f = *state;
    SCRIPT(f->stage, FOUND);
    for (int i = 0; i < 26; i++)
        SCRIPT(f->stage, CREATE);
    for (int i = 0; i < 40; i++) {
        char reason[32];
        snprintf(reason, sizeof reason, "Reason%d", i);
        record(f, reason, "x");
    }
    assert_int_equal(f->stage->request_count, 26);
    assert_non_null(strstr(buf_str(&f->log), "events are dropped"));
    stage_run(f->stage, 301000); /* one more every 300 s */
    record(f, "Later", "x");
    record(f, "Later2", "x");
    assert_int_equal(f->stage->request_count, 27);
    jv_set_str(jv_get(f->object, "metadata"), "uid", "u2"); /* another object has its own */
    SCRIPT(f->stage, CREATE);
    record(f, "Other", "x");
    assert_int_equal(f->stage->request_count, 28);
}

static void writes_core_events_where_the_new_kind_is_missing(void **state)
{
    struct fixture *f = *state;
    SCRIPT(f->stage, {"GET /apis/events.k8s.io/v1", ACT_REPLY, 404, "404 page not found"},
           {"GET /api/v1", ACT_REPLY, 0, EVENTS_CORE},
           {"POST /api/v1/namespaces/n/events", ACT_REPLY, 201, "{}"},
           {"PATCH /api/v1/namespaces/n/events/thing.", ACT_REPLY, 200, "{}"});
    record(f, "Created", "made");
    stage_run(f->stage, 1000);
    assert_true(sent(f, "\"message\":\"made\""));
    assert_true(sent(f, "\"involvedObject\":{"));
    assert_true(sent(f, "\"count\":1"));
    record(f, "Created", "made");
    stage_used_up(f->stage);
    assert_true(sent(f, "\"count\":2"));
}

static void tries_again_after_a_transient_failure(void **state)
{
    struct fixture *f = *state;
    SCRIPT(f->stage, FOUND, {"POST", ACT_REPLY, 500, "oops"}, {"POST", ACT_REPLY, 503, "oops"},
           CREATE);
    record(f, "Created", "x");
    assert_int_equal(event_recorder_pending(f->recorder), 1);
    stage_run(f->stage, 30000);
    stage_used_up(f->stage);
    assert_int_equal(event_recorder_pending(f->recorder), 0);
}

static void gives_up_after_twelve_tries(void **state)
{
    struct fixture *f = *state;
    SCRIPT(f->stage, FOUND);
    for (int i = 0; i < 12; i++)
        SCRIPT(f->stage, {"POST", ACT_REPLY, 500, "oops"});
    record(f, "Created", "x");
    stage_run(f->stage, 600000);
    assert_int_equal(f->stage->request_count, 13);
    assert_int_equal(event_recorder_pending(f->recorder), 0);
}

static void says_once_that_events_are_forbidden(void **state)
{
    struct fixture *f = *state;
    const char *line;
    SCRIPT(f->stage, FOUND, {"POST", ACT_REPLY, 403, STATUS("403", "Forbidden", "no")},
           {"POST", ACT_REPLY, 403, STATUS("403", "Forbidden", "no")});
    record(f, "One", "x");
    record(f, "Two", "x");
    stage_run(f->stage, 60000);
    assert_int_equal(f->stage->request_count, 3);
    line = strstr(buf_str(&f->log), "events cannot be written");
    assert_non_null(line);
    assert_null(strstr(line + 1, "events cannot be written"));
}

static void makes_an_expired_event_anew(void **state)
{
    struct fixture *f = *state;
    SCRIPT(f->stage, FOUND, CREATE, {"PATCH", ACT_REPLY, 404, STATUS("404", "NotFound", "gone")},
           CREATE, PATCHED);
    record(f, "Waiting", "x");
    record(f, "Waiting", "x");
    stage_run(f->stage, 1000);
    stage_used_up(f->stage);
}

static void takes_another_name_when_one_is_taken(void **state)
{
    struct fixture *f = *state;
    SCRIPT(f->stage, FOUND, {"POST", ACT_REPLY, 409, STATUS("409", "AlreadyExists", "taken")},
           CREATE);
    record(f, "Created", "x");
    stage_used_up(f->stage);
}

static void cuts_long_notes_between_characters(void **state)
{
    struct fixture *f = *state;
    char note[3000] = "";
    const char *at;
    struct jv *body = NULL;
    size_t len = 0;
    for (int i = 0; i < 700; i++)
        strcat(note, "äö");
    SCRIPT(f->stage, FOUND, CREATE);
    record(f, "Created", note);
    assert_int_equal(jv_parse(f->stage->last_body, strlen(f->stage->last_body), &body, NULL), 0);
    at = jv_strn(jv_get(body, "note"), &len);
    assert_in_range(len, 1000, 1024);
    assert_string_equal(at + len - 3, "…");
    jv_unref(body);
}

static void names_an_event_by_uuid_when_the_object_has_no_plain_name(void **state)
{
    struct fixture *f = *state;
    SCRIPT(f->stage, FOUND, CREATE);
    jv_set_str(jv_get(f->object, "metadata"), "name", "system:node:a");
    record(f, "Created", "x");
    stage_used_up(f->stage);
    assert_false(sent(f, "\"name\":\"system:node:a."));
}

static void puts_events_about_the_cluster_into_default(void **state)
{
    struct fixture *f = *state;
    SCRIPT(f->stage, FOUND,
           {"POST /apis/events.k8s.io/v1/namespaces/default/events", ACT_REPLY, 201, "{}"});
    jv_remove(jv_get(f->object, "metadata"), "namespace");
    record(f, "Created", "x");
    stage_used_up(f->stage);
}

static void keeps_at_most_a_queue_while_nobody_answers(void **state)
{
    struct fixture *f = *state;
    for (int i = 0; i < 3000; i++) {
        char uid[32];
        snprintf(uid, sizeof uid, "u%d", i);
        jv_set_str(jv_get(f->object, "metadata"), "uid", uid);
        event_record(f->recorder, f->object, "Normal", "Created", NULL, "x");
    }
    assert_int_equal(event_recorder_pending(f->recorder), 1000);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(creates_an_event_that_tells_the_story),
        T(makes_a_series_of_repetitions),
        T(refreshes_a_series_that_goes_on),
        T(forgets_and_keeps_no_timer_when_idle),
        T(limits_an_object_to_a_burst_of_25),
        T(writes_core_events_where_the_new_kind_is_missing),
        T(tries_again_after_a_transient_failure),
        T(gives_up_after_twelve_tries),
        T(says_once_that_events_are_forbidden),
        T(makes_an_expired_event_anew),
        T(takes_another_name_when_one_is_taken),
        T(cuts_long_notes_between_characters),
        T(names_an_event_by_uuid_when_the_object_has_no_plain_name),
        T(puts_events_about_the_cluster_into_default),
        T(keeps_at_most_a_queue_while_nobody_answers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
