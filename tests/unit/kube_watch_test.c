/* kube/watch against a scripted server: each row of the informer's state machine. */
#include "unit/kube_stage.h"

#include "kube/watch.h"

static struct kube_kind pods = {.group = "",
                                .version = "v1",
                                .kind = "Pod",
                                .plural = "pods",
                                .api_version = "v1",
                                .namespaced = true};

/* What the watch told, as one text: "begin +a@5 -b@6 end@7 ". */
struct fixture {
    struct stage *stage;
    struct watch *watch;
    struct buf told;
    char rv[64];
    int progresses;
    char problem[1024];
    bool stop_at_upsert;
};

static void tell(struct fixture *f, const char *mark, const struct jv *object)
{
    assert_null(jv_path(object, "metadata", "managedFields", NULL));
    assert_string_equal(jv_path_str(object, "kind", NULL), "Pod");
    assert_string_equal(jv_path_str(object, "apiVersion", NULL), "v1");
    buf_printf(&f->told, "%s%s@%s ", mark, jv_path_str(object, "metadata", "name", NULL),
               jv_path_str(object, "metadata", "resourceVersion", NULL));
}

static void on_begin(void *arg)
{
    buf_add_str(&((struct fixture *)arg)->told, "begin ");
}

static void on_upsert(void *arg, struct jv *object)
{
    struct fixture *f = arg;
    tell(f, "+", object);
    if (f->stop_at_upsert) {
        watch_stop(f->watch);
        f->watch = NULL;
    }
}

static void on_delete(void *arg, struct jv *object)
{
    tell(arg, "-", object);
}

static void on_end(void *arg, const char *rv)
{
    buf_printf(&((struct fixture *)arg)->told, "end@%s ", rv);
}

static void on_progress(void *arg, const char *rv)
{
    struct fixture *f = arg;
    snprintf(f->rv, sizeof f->rv, "%s", rv);
    f->progresses++;
}

static void on_problem(void *arg, const struct err *err)
{
    struct fixture *f = arg;
    buf_printf(&f->told, "%s ", err ? err_code_name(err->code) : "healthy");
    snprintf(f->problem, sizeof f->problem, "%s", err ? err->text : "");
}

static void on_reset(void *arg)
{
    buf_add_str(&((struct fixture *)arg)->told, "reset ");
}

static bool is_known(void *arg, const char *uid, const char *rv)
{
    (void)arg;
    return strcmp(uid, "known") == 0 && strcmp(rv, "77") == 0;
}

static const struct watch_callbacks callbacks = {on_begin,    on_upsert,  on_delete, on_end,
                                                 on_progress, on_problem, on_reset,  is_known};

static int setup(void **state)
{
    struct fixture *f = mem_alloc(sizeof *f);
    f->stage = stage_new();
    buf_init(&f->told, 1 << 20);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    watch_stop(f->watch);
    stage_free(f->stage);
    buf_deinit(&f->told);
    free(f);
    return 0;
}

static void start(struct fixture *f)
{
    struct watch_options options = {.kind = &pods, .random = f->stage->random};
    f->watch = watch_start(f->stage->rest, &options, &callbacks, f);
    stage_run(f->stage, 0);
}

/* Exactly one of {request, timer} is alive: after every test step something goes on. */
static void alive(struct fixture *f)
{
    assert_true(rest_pending(f->stage->rest) == 1 || loop_stats(f->stage->world.loop).timers > 0);
    assert_true(rest_pending(f->stage->rest) <= 1);
}

static void told(struct fixture *f, const char *wanted)
{
    assert_string_equal(buf_str(&f->told), wanted);
    buf_clear(&f->told);
    alive(f);
}

static void write(struct fixture *f, const char *text)
{
    assert_int_equal(exchange_write(stage_stream(f->stage), text, strlen(text)), 0);
    stage_run(f->stage, 0);
}

static void finish(struct fixture *f, bool cut)
{
    struct exchange *exchange = stage_stream(f->stage);
    stage_forget(f->stage, exchange);
    if (cut)
        exchange_abort(exchange);
    else
        exchange_end(exchange);
    stage_run(f->stage, 0);
}

/* A watch whose full state is complete, streaming at 10. */
static void start_synced(struct fixture *f)
{
    SCRIPT(f->stage, {"sendInitialEvents=true", ACT_STREAM, 0,
                      EVENT("ADDED", POD("a", "u1", "5")) MARK("10")});
    start(f);
    told(f, "begin +a@5 end@10 ");
}

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

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

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
