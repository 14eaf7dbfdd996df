/* kube/watch against a scripted server: full states, and how a stream goes on from them. */
#include "unit/kube_watch_support.h"

static void streams_the_first_state_and_goes_on(void **state)
{
    struct fixture *f = *state;
    start_synced(f);
    assert_null(strstr(buf_str(&f->stage->requests), "resourceVersion="));
    assert_non_null(strstr(buf_str(&f->stage->requests), "resourceVersionMatch=NotOlderThan"));
    write(f, EVENT("MODIFIED", POD("a", "u1", "11")) EVENT("DELETED", POD("a", "u1", "12")));
    told(f, "+a@11 -a@12 ");
    assert_string_equal(f->rv, "12");
    assert_true(watch_stats(f->watch).synced);
    assert_true(watch_stats(f->watch).streaming);
    assert_int_equal(f->stage->request_count, 1);
}

static void lists_in_pages_where_streamed_lists_are_refused(void **state)
{
    static const int refusals[] = {400, 403, 405, 415, 422};
    struct fixture *f = *state;
    for (size_t i = 0; i < sizeof refusals / sizeof *refusals; i++) {
        SCRIPT(f->stage,
               {"sendInitialEvents", ACT_REPLY, refusals[i], STATUS("422", "Invalid", "forbidden")},
               {"?limit=500", ACT_REPLY, 0, LIST("10", "tok", ITEM("a", "u1", "5"))},
               {"limit=500&continue=tok", ACT_REPLY, 0, LIST("11", "", ITEM("b", "u2", "6"))},
               {"resourceVersion=10&timeoutSeconds=", ACT_STREAM});
        start(f);
        told(f, "begin +a@5 +b@6 end@10 "); /* the revision of the first page */
        stage_used_up(f->stage);
        watch_stop(f->watch);
        f->watch = NULL;
        stage_run(f->stage, 0);
    }
    assert_null(strstr(buf_str(&f->stage->requests), "continue=tok&resourceVersion"));
}

static void takes_an_empty_page_and_null_items(void **state)
{
    struct fixture *f = *state;
    SCRIPT(f->stage, {"sendInitialEvents", ACT_REPLY, 400, "no"},
           {"limit=500", ACT_REPLY, 0, LIST("10", "t", "")},
           {"continue=t", ACT_REPLY, 0,
            "{\"items\":null,\"kind\":\"PodList\",\"metadata\":{\"resourceVersion\":\"10\"}}"},
           {"watch=1", ACT_STREAM});
    start(f);
    told(f, "begin end@10 ");
}

static void starts_again_when_a_page_has_expired(void **state)
{
    struct fixture *f = *state;
    const char *gone = STATUS("410", "Expired", "The provided continue parameter is too old");
    SCRIPT(f->stage, {"sendInitialEvents", ACT_REPLY, 400, "no"});
    for (int i = 0; i < 3; i++)
        SCRIPT(f->stage, {"?limit=500", ACT_REPLY, 0, LIST("10", "t", ITEM("a", "u1", "5"))},
               {"continue=t", ACT_REPLY, 410, gone});
    SCRIPT(f->stage, {"/pods", ACT_REPLY, 0, LIST("12", "", ITEM("a", "u1", "5"))},
           {"resourceVersion=12", ACT_STREAM});
    start(f);
    told(f, "begin +a@5 begin +a@5 begin +a@5 begin +a@5 end@12 ");
    assert_non_null(strstr(buf_str(&f->stage->requests), "/pods\n")); /* at last without a limit */
}

static void repeats_the_same_page_after_429_and_5xx(void **state)
{
    struct fixture *f = *state;
    SCRIPT(f->stage, {"sendInitialEvents", ACT_REPLY, 400, "no"},
           {"?limit=500", ACT_REPLY, 0, LIST("10", "t", ITEM("a", "u1", "5"))},
           {"continue=t", ACT_REPLY, 429, STATUS("429", "TooManyRequests", "later"), "7"},
           {"continue=t", ACT_REPLY, 503, "<html>"}, {"continue=t", ACT_CUT, 0, "{\"kind\":\"Po"},
           {"continue=t", ACT_REPLY, 0, LIST("10", "", ITEM("b", "u2", "6"))},
           {"resourceVersion=10", ACT_STREAM});
    start(f);
    stage_run(f->stage, 6900);
    assert_int_equal(f->stage->request_count, 3); /* Retry-After was longer than the backoff */
    stage_run(f->stage, 20000);
    told(f, "begin +a@5 too_many server network +b@6 end@10 healthy ");
}

static void goes_on_where_a_clean_end_came(void **state)
{
    struct fixture *f = *state;
    start_synced(f);
    SCRIPT(f->stage, {"resourceVersion=11&timeoutSeconds=", ACT_STREAM});
    write(f, EVENT("ADDED", POD("b", "u2", "11")));
    finish(f, false);
    assert_int_equal(f->stage->request_count, 2); /* at once */
    assert_null(strstr(strchr(buf_str(&f->stage->requests), '\n'), "sendInitialEvents"));
    told(f, "+b@11 ");
    assert_int_equal(watch_stats(f->watch).relists, 0);
}

static void waits_before_reopening_what_ends_at_once(void **state)
{
    struct fixture *f = *state;
    start_synced(f);
    for (int i = 0; i < 4; i++)
        SCRIPT(f->stage, {"resourceVersion=10", ACT_END});
    SCRIPT(f->stage, {"resourceVersion=10", ACT_STREAM});
    stage_run(f->stage, 2000);
    finish(f, false);
    stage_run(f->stage, 700);
    assert_int_equal(f->stage->request_count, 2);
    stage_run(f->stage, 1000); /* 0.8-1.6 s, then twice that */
    assert_int_equal(f->stage->request_count, 3);
    stage_run(f->stage, 60000);
    stage_used_up(f->stage);
    told(f, "");
}

static void lists_again_from_where_it_was_after_410(void **state)
{
    struct fixture *f = *state;
    start_synced(f);
    SCRIPT(f->stage, {"sendInitialEvents=true&resourceVersionMatch=NotOlderThan&resourceVersion=10",
                      ACT_STREAM, 0, EVENT("ADDED", POD("b", "u2", "30")) MARK("31")});
    write(f, EVENT("ERROR", STATUS("410", "Expired", "too old resource version: 10 (20)")));
    told(f, "begin +b@30 end@31 ");
    assert_int_equal(watch_stats(f->watch).relists, 1);
    write(f, EVENT("MODIFIED", POD("b", "u2", "32")));
    told(f, "+b@32 ");
}

static void asks_for_the_newest_state_when_410_meets_the_relist_too(void **state)
{
    struct fixture *f = *state;
    start_synced(f);
    SCRIPT(f->stage, {"resourceVersion=10", ACT_REPLY, 410, STATUS("410", "Gone", "old")},
           {"sendInitialEvents=true&resourceVersionMatch=NotOlderThan&resourceVersion=10",
            ACT_REPLY, 410, STATUS("410", "Gone", "old")},
           {"resourceVersionMatch=NotOlderThan&timeoutSeconds", ACT_STREAM, 0, MARK("40")});
    stage_run(f->stage, 2000);
    finish(f, false);
    stage_run(f->stage, 0);
    told(f, "begin end@40 ");
    assert_int_equal(f->stage->request_count, 4); /* none of these waits */
}

static void does_not_loop_when_every_watch_is_gone(void **state)
{
    struct fixture *f = *state;
    SCRIPT(f->stage, {"sendInitialEvents", ACT_REPLY, 400, "no"});
    for (int i = 0; i < 20; i++)
        SCRIPT(f->stage, {"/pods", ACT_REPLY, 0, LIST("10", "", "")},
               {"watch=1", ACT_REPLY, 410, STATUS("410", "Gone", "old")});
    start(f);
    stage_run(f->stage, 60000);
    assert_true(f->stage->request_count > 6);
    assert_true(f->stage->request_count < 20);
}

static void asks_for_the_newest_state_when_the_server_is_behind(void **state)
{
    struct fixture *f = *state;
    start_synced(f);
    SCRIPT(f->stage,
           {"resourceVersion=10", ACT_REPLY, 504,
            STATUS("504", "Timeout", "Too large resource version: 10, current: 8")},
           {"resourceVersionMatch=NotOlderThan&timeoutSeconds", ACT_STREAM, 0, MARK("10")});
    stage_run(f->stage, 2000);
    finish(f, false);
    told(f, "begin end@10 ");
}

static void forgets_everything_when_history_went_back(void **state)
{
    struct fixture *f = *state;
    start_synced(f);
    SCRIPT(f->stage,
           {"resourceVersionMatch=NotOlderThan&timeoutSeconds", ACT_STREAM, 0,
            EVENT("ADDED", POD("a", "u1", "3")) MARK("4")},
           {"resourceVersionMatch=NotOlderThan&timeoutSeconds", ACT_STREAM, 0,
            EVENT("ADDED", POD("a", "u1", "3")) MARK("4")});
    write(f, BOOKMARK("2")); /* etcd was restored: what was reached lies in the future */
    stage_run(f->stage, 5000);
    told(f, "begin +a@3 reset gone begin +a@3 end@4 healthy ");
    write(f, EVENT("MODIFIED", POD("a", "u1", "5")));
    told(f, "+a@5 ");
}

static void resumes_at_the_same_place_after_a_cut(void **state)
{
    struct fixture *f = *state;
    start_synced(f);
    SCRIPT(f->stage, {"resourceVersion=11&", ACT_STREAM});
    write(f, EVENT("MODIFIED", POD("a", "u1", "11")) "{\"type\":\"MODIF");
    finish(f, true);
    assert_int_equal(f->stage->request_count, 1);
    stage_run(f->stage, 2000);
    assert_int_equal(f->stage->request_count, 2);
    told(f, "+a@11 ");
}

static void takes_a_stream_cut_into_pieces_at_every_byte(void **state)
{
    struct fixture *f = *state;
    const char *text = EVENT("MODIFIED", POD("a", "u1", "11")) BOOKMARK("12")
        EVENT("ADDED", POD("b\\\"}{\\\\", "u2", "13")) EVENT("DELETED", POD("a", "u1", "14"));
    for (size_t cut = 0; cut <= strlen(text); cut++) {
        SCRIPT(f->stage, {"sendInitialEvents=true", ACT_STREAM, 0, MARK("10")});
        start(f);
        if (cut > 0)
            assert_int_equal(exchange_write(stage_stream(f->stage), text, cut), 0);
        stage_run(f->stage, 0);
        exchange_write(stage_stream(f->stage), text + cut, strlen(text) - cut);
        stage_run(f->stage, 0);
        told(f, "begin end@10 +a@11 +b\"}{\\@13 -a@14 ");
        watch_stop(f->watch);
        f->watch = NULL;
        stage_run(f->stage, 0);
        f->stage->step_count = f->stage->next = 0;
    }
}

static void takes_a_stream_byte_by_byte(void **state)
{
    struct fixture *f = *state;
    start_synced(f);
    for (const char *p = EVENT("MODIFIED", POD("a", "u1", "11")) " \n" BOOKMARK("12"); *p; p++)
        write(f, (char[]){*p, 0});
    told(f, "+a@11 ");
    assert_string_equal(f->rv, "12");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(streams_the_first_state_and_goes_on),
        T(lists_in_pages_where_streamed_lists_are_refused),
        T(takes_an_empty_page_and_null_items),
        T(starts_again_when_a_page_has_expired),
        T(repeats_the_same_page_after_429_and_5xx),
        T(goes_on_where_a_clean_end_came),
        T(waits_before_reopening_what_ends_at_once),
        T(lists_again_from_where_it_was_after_410),
        T(asks_for_the_newest_state_when_410_meets_the_relist_too),
        T(does_not_loop_when_every_watch_is_gone),
        T(asks_for_the_newest_state_when_the_server_is_behind),
        T(forgets_everything_when_history_went_back),
        T(resumes_at_the_same_place_after_a_cut),
        T(takes_a_stream_cut_into_pieces_at_every_byte),
        T(takes_a_stream_byte_by_byte),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
