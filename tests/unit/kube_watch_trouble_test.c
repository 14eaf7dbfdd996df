/* kube/watch against a scripted server: silence, refusals, garbage, and what is reported. */
#include "unit/kube_watch_support.h"

static void moves_with_bookmarks_alone(void **state)
{
    struct fixture *f = *state;
    start_synced(f);
    SCRIPT(f->stage, {"resourceVersion=14", ACT_STREAM});
    for (int i = 1; i < 5; i++) {
        char text[256];
        stage_run(f->stage, 60000);
        snprintf(text, sizeof text, BOOKMARK("1%d"), i);
        write(f, text);
    }
    finish(f, false);
    told(f, "");
    stage_used_up(f->stage);
}

static void kills_a_silent_stream_once_bookmarks_were_seen(void **state)
{
    struct fixture *f = *state;
    start_synced(f);
    SCRIPT(f->stage, {"resourceVersion=11", ACT_STREAM});
    stage_run(f->stage, 1000);
    write(f, BOOKMARK("11"));
    stage_run(f->stage, 69000);
    assert_int_equal(f->stage->request_count, 1);
    stage_run(f->stage, 3000); /* 70 s, then at most 1.6 s */
    assert_int_equal(f->stage->request_count, 2);
    assert_int_equal(stage_open_count(f->stage), 1);
    assert_true(f->stage->spy.last_fresh); /* the connection may be as dead as the stream */
    assert_int_equal(f->stage->spy.last_lane, HTTP_LANE_WATCH);
    told(f, "");
    finish(f, false);
    assert_int_equal(f->stage->request_count, 2);
    SCRIPT(f->stage, {"resourceVersion=11", ACT_STREAM});
    stage_run(f->stage, 5000);
    stage_used_up(f->stage);
    assert_false(f->stage->spy.last_fresh);
}

static void waits_for_the_servers_timeout_when_there_are_no_bookmarks(void **state)
{
    struct fixture *f = *state;
    start_synced(f);
    SCRIPT(f->stage, {"resourceVersion=10", ACT_STREAM});
    stage_run(f->stage, 300000);
    assert_int_equal(f->stage->request_count, 1);
    stage_run(f->stage, 310000);
    assert_int_equal(f->stage->request_count, 2);
}

static void lists_when_the_end_of_the_initial_objects_is_never_marked(void **state)
{
    struct fixture *f = *state;
    SCRIPT(f->stage,
           {"sendInitialEvents", ACT_STREAM, 0, EVENT("ADDED", POD("a", "u1", "5")) BOOKMARK("9")},
           {"?limit=500", ACT_REPLY, 0, LIST("10", "", ITEM("a", "u1", "5"))},
           {"resourceVersion=10", ACT_STREAM});
    start(f);
    told(f, "begin +a@5 ");
    assert_false(watch_stats(f->watch).synced);
    stage_run(f->stage, 11000);
    told(f, "begin +a@5 end@10 ");
    assert_string_equal(f->rv, "10");
}

static void waits_when_initial_objects_go_on_coming(void **state)
{
    struct fixture *f = *state;
    SCRIPT(f->stage, {"sendInitialEvents", ACT_STREAM});
    start(f);
    for (int i = 0; i < 5; i++) {
        write(f, EVENT("ADDED", POD("a", "u1", "5")));
        stage_run(f->stage, 8000);
    }
    write(f, MARK("10"));
    told(f, "begin +a@5 +a@5 +a@5 +a@5 +a@5 end@10 ");
    assert_int_equal(f->stage->request_count, 1);
}

static void starts_again_when_cut_within_the_initial_objects(void **state)
{
    struct fixture *f = *state;
    SCRIPT(f->stage, {"sendInitialEvents", ACT_CUT, 0, EVENT("ADDED", POD("a", "u1", "5"))},
           {"sendInitialEvents", ACT_STREAM, 0, EVENT("ADDED", POD("a", "u1", "5")) MARK("10")});
    start(f);
    stage_run(f->stage, 2000);
    told(f, "begin +a@5 network begin +a@5 end@10 healthy ");
}

static void gives_up_on_an_unanswered_request(void **state)
{
    struct fixture *f = *state;
    SCRIPT(f->stage, {"sendInitialEvents", ACT_HANG},
           {"sendInitialEvents", ACT_STREAM, 0, MARK("10")});
    start(f);
    stage_run(f->stage, 29000);
    assert_int_equal(f->stage->request_count, 1);
    stage_run(f->stage, 3000);
    told(f, "timeout begin end@10 healthy ");
}

static void backs_off_at_the_same_place_after_429_and_500_in_the_stream(void **state)
{
    struct fixture *f = *state;
    start_synced(f);
    SCRIPT(f->stage,
           {"resourceVersion=10", ACT_STREAM, 0,
            EVENT("ERROR", STATUS("500", "InternalError", "oops"))},
           {"resourceVersion=10", ACT_STREAM});
    write(f, EVENT("ERROR", STATUS("429", "TooManyRequests", "slow down")));
    stage_run(f->stage, 10000);
    told(f, "");
    assert_int_equal(watch_stats(f->watch).relists, 0);
    stage_used_up(f->stage);
}

static void lists_again_when_the_place_cannot_be_served(void **state)
{
    struct fixture *f = *state;
    start_synced(f);
    for (int i = 0; i < 2; i++)
        SCRIPT(f->stage, {"resourceVersion=10", ACT_STREAM, 0, "<html>no JSON</html>"});
    SCRIPT(f->stage, {"sendInitialEvents=true", ACT_STREAM, 0, MARK("20")});
    write(f, "{\"type\":\"ADDED\",\"object\":{\"kind\":\"Pod\",}}");
    stage_run(f->stage, 20000);
    told(f, "begin end@20 ");
}

static void reports_a_refusal_at_once_while_nothing_is_known(void **state)
{
    struct fixture *f = *state;
    const char *no = STATUS("403", "Forbidden", "pods is forbidden: User cannot list");
    SCRIPT(f->stage, {"sendInitialEvents", ACT_REPLY, 403, no}, {"limit=500", ACT_REPLY, 403, no},
           {"limit=500", ACT_REPLY, 403, no}, {"limit=500", ACT_REPLY, 0, LIST("10", "", "")},
           {"watch=1", ACT_STREAM});
    start(f);
    assert_non_null(strstr(f->problem, "cannot list"));
    stage_run(f->stage, 20000);
    told(f, "forbidden begin end@10 healthy "); /* once, not at each try */
}

static void reports_trouble_after_a_minute_when_synced(void **state)
{
    struct fixture *f = *state;
    start_synced(f);
    for (int i = 0; i < 20; i++)
        SCRIPT(f->stage, {"resourceVersion=10", ACT_REPLY, 401, STATUS("401", "Unauthorized", "")});
    stage_run(f->stage, 5000);
    finish(f, true);
    stage_run(f->stage, 50000);
    told(f, "");
    stage_run(f->stage, 60000);
    told(f, "unauthorized ");
    f->stage->next = f->stage->step_count;
    SCRIPT(f->stage, {"resourceVersion=10", ACT_STREAM});
    stage_run(f->stage, 62000);
    told(f, "healthy ");
    assert_int_equal(watch_stats(f->watch).relists, 0);
}

static void parks_while_the_kind_is_missing(void **state)
{
    struct fixture *f = *state;
    start_synced(f);
    for (int i = 0; i < 3; i++)
        SCRIPT(f->stage, {"/pods", ACT_REPLY, 404, "404 page not found"});
    SCRIPT(f->stage,
           {"resourceVersionMatch=NotOlderThan&timeoutSeconds", ACT_STREAM, 0, MARK("50")});
    stage_run(f->stage, 5000);
    finish(f, false);
    stage_run(f->stage, 29000);
    assert_int_equal(f->stage->request_count, 2);
    stage_run(f->stage, 62000);
    told(f, "not_found begin end@50 healthy "); /* and nothing was said to be deleted */
}

static void drops_what_is_older_than_what_was_reached(void **state)
{
    struct fixture *f = *state;
    start_synced(f);
    write(f, EVENT("ADDED", POD("ghost", "u9", "7")) EVENT("MODIFIED", POD("a", "u1", "10"))
                 EVENT("MODIFIED", POD("a", "u1", "11")));
    told(f, "+a@11 ");
    assert_int_equal(watch_stats(f->watch).dropped_old, 2);
}

static void lists_again_when_only_old_events_come(void **state)
{
    struct fixture *f = *state;
    start_synced(f);
    SCRIPT(f->stage,
           {"resourceVersionMatch=NotOlderThan&timeoutSeconds", ACT_STREAM, 0, MARK("12")});
    for (int i = 0; i < 8; i++)
        write(f, EVENT("MODIFIED", POD("a", "u1", "7")));
    told(f, "begin end@12 ");
}

static void ignores_other_kinds_and_unknown_types(void **state)
{
    struct fixture *f = *state;
    start_synced(f);
    write(f, EVENT("ADDED", "{\"kind\":\"Secret\",\"apiVersion\":\"v1\"," META("s", "u", "11") "}")
                 EVENT("SURPRISE", POD("a", "u1", "12")) EVENT("ADDED", POD("b", "u2", "13")));
    told(f, "+b@13 ");
    assert_int_equal(watch_stats(f->watch).ignored, 2);
}

static void refuses_a_table_instead_of_a_list(void **state)
{
    struct fixture *f = *state;
    SCRIPT(f->stage, {"sendInitialEvents", ACT_REPLY, 400, "no"},
           {"limit=500", ACT_REPLY, 0, "{\"kind\":\"Table\",\"metadata\":{},\"rows\":[]}"},
           {"limit=500", ACT_REPLY, 0, LIST("10", "", "")}, {"watch=1", ACT_STREAM});
    start(f);
    stage_run(f->stage, 5000);
    told(f, "begin parse begin end@10 healthy ");
}

static void refuses_a_list_that_ends_in_the_middle(void **state)
{
    struct fixture *f = *state;
    SCRIPT(
        f->stage, {"sendInitialEvents", ACT_REPLY, 400, "no"},
        {"limit=500", ACT_REPLY, 0,
         "{\"kind\":\"PodList\",\"metadata\":{\"resourceVersion\":\"10\"},\"items\":["
         "" ITEM("a", "u1", "5")},
        {"limit=500", ACT_REPLY, 0, LIST("10", "", ITEM("a", "u1", "5") "," ITEM("b", "u2", "6"))},
        {"watch=1", ACT_STREAM});
    start(f);
    stage_run(f->stage, 5000);
    told(f, "begin +a@5 network begin +a@5 +b@6 end@10 healthy ");
}

static void refuses_frames_past_the_maximum(void **state)
{
    struct fixture *f = *state;
    struct watch_options options = {
        .kind = &pods, .random = f->stage->random, .frame_bytes_max = 400};
    SCRIPT(f->stage, {"sendInitialEvents=true", ACT_STREAM, 0, MARK("10")},
           {"resourceVersion=10", ACT_STREAM});
    f->watch = watch_start(f->stage->rest, &options, &callbacks, f);
    stage_run(f->stage, 0);
    exchange_write(stage_stream(f->stage), "{\"type\":\"ADDED\",\"object\":{\"x\":\"", 31);
    for (int i = 0; i < 10; i++)
        write(f, "0123456789012345678901234567890123456789");
    stage_run(f->stage, 5000);
    assert_int_equal(f->stage->request_count, 2);
    told(f, "begin end@10 ");
}

static void asks_for_metadata_alone_and_fills_in_the_kind(void **state)
{
    struct fixture *f = *state;
    struct watch_options options = {.kind = &pods,
                                    .random = f->stage->random,
                                    .metadata_only = true,
                                    .namespace = "n",
                                    .label_selector = "a in (b,c)"};
    SCRIPT(f->stage,
           {"/api/v1/namespaces/n/pods?labelSelector=a%20in%20%28b%2Cc%29&watch=1", ACT_STREAM, 0,
            EVENT("ADDED", "{\"kind\":\"PartialObjectMetadata\",\"apiVersion\":\"meta.k8s.io/v1\","
                           "" META("a", "u1", "5") "}") MARK("10")});
    f->watch = watch_start(f->stage->rest, &options, &callbacks, f);
    stage_run(f->stage, 0);
    told(f, "begin +a@5 end@10 ");
    assert_non_null(strstr(exchange_header(stage_stream(f->stage), "Accept"),
                           "as=PartialObjectMetadata;g=meta.k8s.io;v=v1"));
}

static void can_be_stopped_from_inside_a_callback(void **state)
{
    struct fixture *f = *state;
    f->stop_at_upsert = true;
    SCRIPT(f->stage,
           {"sendInitialEvents", ACT_STREAM, 0,
            EVENT("ADDED", POD("a", "u1", "5")) EVENT("ADDED", POD("b", "u2", "6")) MARK("10")});
    start(f);
    stage_run(f->stage, 1000);
    assert_string_equal(buf_str(&f->told), "begin +a@5 ");
    assert_int_equal(rest_pending(f->stage->rest), 0);
}

static void does_not_read_what_is_known(void **state)
{
    struct fixture *f = *state;
    SCRIPT(
        f->stage, {"sendInitialEvents", ACT_REPLY, 400, "no"},
        {"limit", ACT_REPLY, 0, LIST("10", "", ITEM("a", "known", "77") "," ITEM("b", "u", "7"))},
        {"watch", ACT_STREAM});
    start(f);
    told(f, "begin +b@7 end@10 ");
    write(f, EVENT("MODIFIED", POD("a", "known", "76")));
    /* Only uid and version of the object itself count, and only for what is there. */
    write(f, EVENT("MODIFIED", POD("a", "known", "77")));
    told(f, "+a@76 ");
    assert_string_equal(f->rv, "77");
    write(f, EVENT("MODIFIED",
                   "{\"uid\":\"known\",\"kind\":\"Pod\",\"apiVersion\":\"v1\",\"spec\":{"
                   "\"metadata\":{\"uid\":\"known\",\"resourceVersion\":\"77\"}}," META("c", "u3",
                                                                                        "78") "}"));
    write(f, EVENT("DELETED", POD("c", "u3", "79")));
    told(f, "+c@78 -c@79 ");
}

static void spreads_the_servers_timeout(void **state)
{
    struct fixture *f = *state;
    int low = 0, high = 0;
    for (int i = 0; i < 40; i++) {
        const char *at;
        SCRIPT(f->stage, {NULL, ACT_STREAM});
        buf_clear(&f->stage->requests);
        start(f);
        at = strstr(buf_str(&f->stage->requests), "timeoutSeconds=");
        assert_non_null(at);
        assert_in_range(atoi(at + 15), 300, 600);
        low += atoi(at + 15) < 400;
        high += atoi(at + 15) > 500;
        watch_stop(f->watch);
        f->watch = NULL;
        stage_run(f->stage, 0);
    }
    assert_true(low > 3 && high > 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(moves_with_bookmarks_alone),
        T(kills_a_silent_stream_once_bookmarks_were_seen),
        T(waits_for_the_servers_timeout_when_there_are_no_bookmarks),
        T(lists_when_the_end_of_the_initial_objects_is_never_marked),
        T(waits_when_initial_objects_go_on_coming),
        T(starts_again_when_cut_within_the_initial_objects),
        T(gives_up_on_an_unanswered_request),
        T(backs_off_at_the_same_place_after_429_and_500_in_the_stream),
        T(lists_again_when_the_place_cannot_be_served),
        T(reports_a_refusal_at_once_while_nothing_is_known),
        T(reports_trouble_after_a_minute_when_synced),
        T(parks_while_the_kind_is_missing),
        T(drops_what_is_older_than_what_was_reached),
        T(lists_again_when_only_old_events_come),
        T(ignores_other_kinds_and_unknown_types),
        T(refuses_a_table_instead_of_a_list),
        T(refuses_a_list_that_ends_in_the_middle),
        T(refuses_frames_past_the_maximum),
        T(asks_for_metadata_alone_and_fills_in_the_kind),
        T(can_be_stopped_from_inside_a_callback),
        T(does_not_read_what_is_known),
        T(spreads_the_servers_timeout),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
