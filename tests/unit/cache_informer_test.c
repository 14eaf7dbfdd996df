/* cache/informer: discovery, watch and store together, against a scripted server. */
#include "unit/kube_stage.h"

#include "cache/informer.h"

#define CORE                                                                                       \
    "{\"kind\":\"APIResourceList\",\"groupVersion\":\"v1\",\"resources\":[{\"name\":\"pods\","     \
    "\"singularName\":\"\",\"namespaced\":true,\"kind\":\"Pod\",\"verbs\":[]}]}"
#define DISCOVERED                                                                                 \
    {                                                                                              \
        "GET /api/v1", ACT_REPLY, 0, CORE                                                          \
    }

struct fixture {
    struct stage *stage;
    struct discovery *discovery;
    struct informer_set *set;
    struct informer *informer;
    struct buf told;
    int synced;
    bool put_inside, leave_inside;
};

static void on_change(void *arg, struct informer *informer, enum informer_event event,
                      struct store_item *item, const struct store_item *former, bool initial)
{
    static const char marks[] = {'+', '~', '-'};
    struct fixture *f = arg;
    assert_int_equal(former != NULL, event == INFORMER_CHANGED);
    if (former != NULL)
        assert_string_equal(former->uid, item->uid);
    struct store_item *there = store_get(informer_store(informer), item->namespace, item->name);
    if (event == INFORMER_REMOVED)
        assert_true(there != item);
    else
        assert_ptr_equal(there, item);
    buf_printf(&f->told, "%s%c%s:%s@%s ", initial ? "i" : "", marks[event], item->name, item->uid,
               item->resource_version);
    if (f->leave_inside)
        informer_unsubscribe(informer, f);
    if (f->put_inside)
        informer_put(informer);
    f->put_inside = f->leave_inside = false;
}

static void on_synced(void *arg, struct informer *informer)
{
    struct fixture *f = arg;
    assert_true(informer_synced(informer));
    buf_add_str(&f->told, "synced ");
    f->synced++;
}

static const struct informer_handler handler = {on_change, on_synced};
static const struct informer_spec pods = {.api_version = "v1", .kind = "Pod"};

static int setup(void **state)
{
    struct fixture *f = mem_alloc(sizeof *f);
    f->stage = stage_new();
    f->discovery = discovery_new(f->stage->rest);
    f->set = informer_set_new(f->stage->rest, f->discovery, NULL, f->stage->random);
    buf_init(&f->told, 1 << 20);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    stage_run(f->stage, 0);
    informer_set_free(f->set);
    discovery_free(f->discovery);
    stage_free(f->stage);
    buf_deinit(&f->told);
    free(f);
    return 0;
}

static void told(struct fixture *f, const char *wanted)
{
    stage_run(f->stage, 0);
    assert_string_equal(buf_str(&f->told), wanted);
    buf_clear(&f->told);
}

static void start(struct fixture *f, const struct informer_spec *spec)
{
    f->informer = informer_get(f->set, spec);
    informer_subscribe(f->informer, &handler, f);
    stage_run(f->stage, 0);
}

/* Synced at 10 with a and b. */
static void start_synced(struct fixture *f)
{
    SCRIPT(f->stage, DISCOVERED,
           {"sendInitialEvents", ACT_STREAM, 0,
            EVENT("ADDED", POD("a", "u1", "5")) EVENT("ADDED", POD("b", "u2", "6")) MARK("10")});
    start(f, &pods);
    told(f, "i+a:u1@5 i+b:u2@6 synced ");
}

static void write(struct fixture *f, const char *text)
{
    assert_int_equal(exchange_write(stage_stream(f->stage), text, strlen(text)), 0);
    stage_run(f->stage, 0);
}

static struct jv *pod(const char *name, const char *uid, const char *rv)
{
    struct jv *o = NULL;
    char *text = mem_printf("{\"apiVersion\":\"v1\",\"kind\":\"Pod\",\"metadata\":{\"name\":\"%s\","
                            "\"namespace\":\"n\",\"uid\":\"%s\",\"resourceVersion\":\"%s\","
                            "\"labels\":{\"app\":\"x\"},\"managedFields\":[{}]},\"rv\":%s}",
                            name, uid, rv, rv);
    assert_int_equal(jv_parse(text, strlen(text), &o, NULL), 0);
    free(text);
    return o;
}

static void observe(struct fixture *f, const char *name, const char *uid, const char *rv)
{
    struct jv *o = pod(name, uid, rv);
    informer_set_observe(f->set, o);
    jv_unref(o);
}

static void tells_the_first_state_then_changes(void **state)
{
    struct fixture *f = *state;
    f->informer = informer_get(f->set, &pods);
    assert_false(informer_synced(f->informer));
    assert_false(informer_set_synced(f->set));
    assert_non_null(strstr(informer_problem(f->informer), "first list"));
    informer_put(f->informer);
    start_synced(f);
    assert_true(informer_set_synced(f->set));
    assert_null(informer_problem(f->informer));
    write(f, EVENT("MODIFIED",
                   "{\"x\":1,\"kind\":\"Pod\",\"apiVersion\":\"v1\"," META("a", "u1", "11") "}")
                 EVENT("DELETED", POD("b", "u2", "12")) EVENT("ADDED", POD("c", "u3", "13")));
    told(f, "~a:u1@11 -b:u2@6 +c:u3@13 ");
    assert_string_equal(informer_resource_version(f->informer), "13");
    assert_int_equal(f->synced, 1);
}

static void a_later_subscriber_gets_what_is_there(void **state)
{
    struct fixture *f = *state;
    struct fixture other = {0};
    start_synced(f);
    buf_init(&other.told, 4096);
    informer_subscribe(f->informer, &handler, &other);
    assert_int_equal(other.told.len, 0); /* from the loop, not from inside */
    stage_run(f->stage, 0);
    write(f, EVENT("ADDED", POD("c", "u3", "13")));
    assert_string_equal(buf_str(&other.told), "i+a:u1@5 i+b:u2@6 synced +c:u3@13 ");
    informer_unsubscribe(f->informer, &other);
    write(f, EVENT("DELETED", POD("c", "u3", "14")));
    assert_string_equal(buf_str(&other.told), "i+a:u1@5 i+b:u2@6 synced +c:u3@13 ");
    buf_deinit(&other.told);
}

static void one_informer_serves_all_who_want_the_same(void **state)
{
    struct fixture *f = *state;
    static const char *const ab[] = {"status", "spec.a"}, *const ba[] = {"spec.a", "status"};
    struct informer_spec one = {.api_version = "v1",
                                .kind = "Pod",
                                .label_selector = "b=2,a=1",
                                .fields = ab,
                                .field_count = 2};
    struct informer_spec same = one, other = one;
    struct informer *x, *y, *z;
    same.label_selector = "a = 1, b==2";
    same.fields = ba;
    other.namespace = "n";
    SCRIPT(f->stage, DISCOVERED, {"labelSelector=a%3D1%2Cb%3D2", ACT_STREAM, 0, MARK("10")},
           {"labelSelector=a%3D1%2Cb%3D2", ACT_STREAM, 0, MARK("10")});
    x = informer_get(f->set, &one);
    y = informer_get(f->set, &same);
    z = informer_get(f->set, &other);
    assert_ptr_equal(x, y);
    assert_ptr_not_equal(x, z);
    stage_run(f->stage, 0);
    assert_int_equal(stage_open_count(f->stage), 2);
    informer_put(x);
    stage_run(f->stage, 0);
    assert_int_equal(stage_open_count(f->stage), 2);
    informer_put(y);
    stage_run(f->stage, 0);
    assert_int_equal(stage_open_count(f->stage), 1);
    informer_put(z);
    stage_run(f->stage, 0);
    assert_int_equal(stage_open_count(f->stage), 0);
    assert_int_equal(loop_stats(f->stage->world.loop).timers, 0);
}

static void asks_every_30_s_for_a_kind_that_is_missing(void **state)
{
    struct fixture *f = *state;
    SCRIPT(
        f->stage, {"GET /apis/x.io/v1", ACT_REPLY, 404, "404 page not found"},
        {"GET /apis/x.io/v1", ACT_REPLY, 404, "404 page not found"},
        {"GET /apis/x.io/v1", ACT_REPLY, 0,
         "{\"kind\":\"APIResourceList\",\"groupVersion\":\"x.io/v1\",\"resources\":[{\"name\":"
         "\"things\",\"singularName\":\"\",\"namespaced\":true,\"kind\":\"Thing\",\"verbs\":[]}]}"},
        {"/apis/x.io/v1/things?", ACT_STREAM, 0, MARK("10")});
    start(f, &(struct informer_spec){.api_version = "x.io/v1", .kind = "Thing"});
    assert_false(informer_synced(f->informer));
    assert_non_null(strstr(informer_problem(f->informer), "Thing"));
    assert_null(informer_kind(f->informer));
    stage_run(f->stage, 70000);
    told(f, "synced ");
    assert_string_equal(informer_kind(f->informer)->plural, "things");
    assert_null(informer_problem(f->informer));
}

static void reads_the_older_version_where_the_server_lacks_the_newer(void **state)
{
    struct fixture *f = *state;
    SCRIPT(f->stage, {"GET /apis/x.io/v1", ACT_REPLY, 404, "404 page not found"},
           {"GET /apis/x.io/v1beta1", ACT_REPLY, 404, "404 page not found"},
           {"GET /apis/x.io/v1", ACT_REPLY, 404, "404 page not found"},
           {"GET /apis/x.io/v1beta1", ACT_REPLY, 0,
            "{\"kind\":\"APIResourceList\",\"groupVersion\":\"x.io/v1beta1\",\"resources\":[{"
            "\"name\":\"things\",\"singularName\":\"\",\"namespaced\":true,\"kind\":\"Thing\","
            "\"verbs\":[]}]}"},
           {"/apis/x.io/v1beta1/things?", ACT_STREAM, 0, MARK("10")});
    start(f, &(struct informer_spec){
                 .api_version = "x.io/v1", .older = "x.io/v1beta1", .kind = "Thing"});
    assert_false(informer_synced(f->informer));
    stage_run(f->stage, 70000);
    told(f, "synced ");
    assert_string_equal(informer_kind(f->informer)->api_version, "x.io/v1beta1");
    assert_null(informer_problem(f->informer));
}

/* A server that has Things in one version of x.io, and after an upgrade in another one only. */
struct upgraded {
    struct stage *stage;
    const char *version;
};

static void upgraded_handle(void *arg, struct exchange *exchange)
{
    struct upgraded *server = arg;
    const char *path = exchange_path(exchange);
    char *list = mem_printf("/apis/x.io/%s", server->version);
    char *things = mem_printf("%s/things", list);
    char *resources = mem_printf("{\"kind\":\"APIResourceList\",\"groupVersion\":\"x.io/%s\","
                                 "\"resources\":[{\"name\":\"things\",\"singularName\":\"\","
                                 "\"namespaced\":true,\"kind\":\"Thing\",\"verbs\":[]}]}",
                                 server->version);
    struct step step = {.act = ACT_REPLY, .status = 404, .body = "404 page not found"};
    if (strcmp(path, list) == 0)
        step = (struct step){.act = ACT_REPLY, .body = resources};
    else if (strcmp(path, things) == 0)
        step = (struct step){.act = ACT_STREAM, .body = MARK("10")};
    stage_act(server->stage, exchange, step);
    free(resources);
    free(things);
    free(list);
}

static void
finds_a_kind_again_that_an_upgrade_of_the_server_left_in_another_version_only(void **state)
{
    struct fixture *f = *state;
    struct upgraded server = {f->stage, "v1beta1"};
    f->stage->other = upgraded_handle;
    f->stage->other_arg = &server;
    start(f, &(struct informer_spec){
                 .api_version = "x.io/v1", .older = "x.io/v1beta1", .kind = "Thing"});
    stage_run(f->stage, 1000);
    told(f, "synced ");
    assert_string_equal(informer_kind(f->informer)->api_version, "x.io/v1beta1");
    server.version = "v1";
    stage_cut(f->stage);
    stage_run(f->stage, 180000);
    assert_string_equal(informer_kind(f->informer)->api_version, "x.io/v1");
    assert_true(informer_synced(f->informer));
    assert_null(informer_problem(f->informer));
    server.version = "none"; /* its definition is removed … */
    stage_cut(f->stage);
    stage_run(f->stage, 300000);
    assert_non_null(strstr(informer_problem(f->informer), "Thing"));
    server.version = "v1"; /* … and comes back */
    stage_run(f->stage, 60000);
    assert_null(informer_problem(f->informer));
}

static void an_optional_kind_may_be_missing(void **state)
{
    struct fixture *f = *state;
    struct informer_spec spec = {.api_version = "x.io/v1", .kind = "Thing", .optional = true};
    for (int i = 0; i < 3; i++)
        SCRIPT(f->stage, {"GET /apis/x.io/v1", ACT_REPLY, 404, "404 page not found"});
    start(f, &spec);
    told(f, "synced ");
    assert_true(informer_set_synced(f->set));
    assert_null(informer_problem(f->informer));
    spec.optional = false; /* now somebody insists */
    assert_ptr_equal(informer_get(f->set, &spec), f->informer);
    assert_false(informer_set_synced(f->set));
}

static void a_refusal_is_a_problem_in_words_and_nothing_is_gone(void **state)
{
    struct fixture *f = *state;
    const char *no = STATUS("403", "Forbidden", "pods is forbidden");
    SCRIPT(f->stage, DISCOVERED, {"watch", ACT_REPLY, 403, no}, {"limit", ACT_REPLY, 403, no},
           {"limit", ACT_REPLY, 0, LIST("10", "", ITEM("a", "u1", "5"))}, {"watch", ACT_STREAM});
    start(f, &pods);
    assert_non_null(strstr(informer_problem(f->informer), "Pod (v1)"));
    assert_non_null(strstr(informer_problem(f->informer), "pods is forbidden"));
    stage_run(f->stage, 3000);
    told(f, "i+a:u1@5 synced ");
    for (int i = 0; i < 20; i++)
        SCRIPT(f->stage, {"/api/v1", ACT_REPLY, i % 2 ? 403 : 404, no});
    struct exchange *stream = stage_stream(f->stage);
    stage_forget(f->stage, stream);
    exchange_abort(stream);
    stage_run(f->stage, 120000);
    told(f, ""); /* absence is not deletion */
    assert_int_equal(store_count(informer_store(f->informer)), 1);
    assert_non_null(strstr(informer_problem(f->informer), "pods is forbidden"));
}

static void our_own_write_is_seen_at_once_and_told_once(void **state)
{
    struct fixture *f = *state;
    start_synced(f);
    observe(f, "mine", "u7", "20");
    assert_string_equal(buf_str(&f->told), "+mine:u7@20 ");
    assert_non_null(store_get(informer_store(f->informer), "n", "mine"));
    observe(f, "a", "u1", "21");
    observe(f, "a", "u1", "4"); /* an answer from before */
    write(f, EVENT("MODIFIED", POD("a", "u1", "19")) EVENT("ADDED", POD("mine", "u7", "20"))
                 EVENT("MODIFIED", POD("a", "u1", "21")));
    told(f, "+mine:u7@20 ~a:u1@21 ");
}

static void our_own_delete_is_final(void **state)
{
    struct fixture *f = *state;
    start_synced(f);
    informer_set_observe_delete(f->set, "u1");
    told(f, "-a:u1@5 ");
    write(f, EVENT("MODIFIED", POD("a", "u1", "11")) EVENT("DELETED", POD("a", "u1", "12"))
                 EVENT("ADDED", POD("a", "u8", "13")));
    told(f, "+a:u8@13 ");
    informer_set_observe_delete(f->set, "unknown");
    told(f, "");
}

static void an_answer_later_than_the_deletion_brings_nothing_back(void **state)
{
    struct fixture *f = *state;
    start_synced(f);
    write(f, EVENT("DELETED", POD("a", "u1", "12")));
    told(f, "-a:u1@5 ");
    observe(f, "a", "u1", "11"); /* our write, answered after somebody deleted it */
    observe(f, "a", "u1", "12"); /* our delete, answered with what was deleted */
    told(f, "");
    write(f, EVENT("ADDED", POD("a", "u1", "14"))); /* it is selected again */
    told(f, "+a:u1@14 ");
}

static void observes_only_what_belongs_to_the_informer(void **state)
{
    struct fixture *f = *state;
    struct informer_spec spec = {
        .api_version = "v1", .kind = "Pod", .namespace = "m", .label_selector = "app=x"};
    struct jv *o = pod("a", "u1", "15");
    SCRIPT(f->stage, DISCOVERED, {"namespaces/m", ACT_STREAM, 0, MARK("10")});
    start(f, &spec);
    told(f, "synced ");
    informer_set_observe(f->set, o); /* another namespace */
    jv_set_str(jv_get(o, "metadata"), "namespace", "m");
    jv_set_str(jv_path(o, "metadata", "labels", NULL), "app", "y");
    informer_set_observe(f->set, o); /* not selected */
    jv_set_str(jv_path(o, "metadata", "labels", NULL), "app", "x");
    jv_set_str(o, "kind", "Secret");
    informer_set_observe(f->set, o); /* another kind */
    told(f, "");
    jv_set_str(o, "kind", "Pod");
    informer_set_observe(f->set, o);
    told(f, "+a:u1@15 ");
    struct jv *kept = store_item_parse(store_get(informer_store(f->informer), "m", "a"));
    assert_null(jv_path(kept, "metadata", "managedFields", NULL));
    jv_unref(kept);
    jv_unref(o);
}

static void a_relist_tells_what_went_and_what_was_made_again(void **state)
{
    struct fixture *f = *state;
    start_synced(f);
    observe(f, "mine", "u7", "60"); /* newer than the list that follows */
    observe(f, "gone", "u8", "15"); /* older, and deleted by somebody in the gap */
    told(f, "+mine:u7@60 +gone:u8@15 ");
    SCRIPT(f->stage,
           {"sendInitialEvents", ACT_STREAM, 0, EVENT("ADDED", POD("a", "u9", "30")) MARK("50")});
    write(f, EVENT("ERROR", STATUS("410", "Expired", "too old")));
    told(f, "-a:u1@5 +a:u9@30 -b:u2@6 -gone:u8@15 ");
    assert_true(informer_synced(f->informer));
    assert_int_equal(f->synced, 1);
    assert_int_equal(informer_stats(f->informer).relists, 1);
}

static void a_restored_server_makes_every_key_looked_at_again(void **state)
{
    struct fixture *f = *state;
    start_synced(f);
    for (int i = 0; i < 2; i++)
        SCRIPT(f->stage,
               {"sendInitialEvents", ACT_STREAM, 0, EVENT("ADDED", POD("a", "u1", "3")) MARK("4")});
    write(f, BOOKMARK("2"));
    assert_false(informer_synced(f->informer));
    assert_non_null(strstr(informer_problem(f->informer), "history"));
    stage_run(f->stage, 5000);
    told(f, "~a:u1@3 -b:u2@6 ");
    assert_true(informer_synced(f->informer));
}

static void metadata_alone_keeps_metadata_alone(void **state)
{
    struct fixture *f = *state;
    struct informer_spec spec = {.api_version = "v1", .kind = "Pod", .metadata_only = true};
    SCRIPT(f->stage, DISCOVERED, {"watch", ACT_STREAM, 0, MARK("10")});
    start(f, &spec);
    observe(f, "a", "u1", "11");
    struct jv *kept = store_item_parse(store_get(informer_store(f->informer), "n", "a"));
    assert_null(jv_get(kept, "rv"));
    assert_string_equal(jv_path_str(kept, "metadata", "labels", "app", NULL), "x");
    jv_unref(kept);
}

static void a_bad_selector_never_syncs_and_says_why(void **state)
{
    struct fixture *f = *state;
    struct informer_spec spec = {.api_version = "v1", .kind = "Pod", .label_selector = "a in ("};
    start(f, &spec);
    stage_run(f->stage, 100000);
    assert_false(informer_synced(f->informer));
    assert_non_null(strstr(informer_problem(f->informer), "Pod"));
    assert_int_equal(f->stage->request_count, 0);
}

static void handlers_may_leave_and_put_from_inside(void **state)
{
    struct fixture *f = *state;
    start_synced(f);
    f->leave_inside = true;
    write(f, EVENT("ADDED", POD("c", "u3", "13")) EVENT("ADDED", POD("d", "u4", "14")));
    told(f, "+c:u3@13 ");
    informer_subscribe(f->informer, &handler, f);
    f->put_inside = true; /* while the first state is delivered */
    told(f, "i+a:u1@5 ");
    assert_int_equal(stage_open_count(f->stage), 0);
}

static void the_last_put_inside_a_watch_event_is_safe(void **state)
{
    struct fixture *f = *state;
    start_synced(f);
    f->put_inside = true;
    write(f, EVENT("ADDED", POD("c", "u3", "13")) EVENT("ADDED", POD("d", "u4", "14")));
    told(f, "+c:u3@13 ");
    assert_int_equal(stage_open_count(f->stage), 0);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(tells_the_first_state_then_changes),
        T(a_later_subscriber_gets_what_is_there),
        T(one_informer_serves_all_who_want_the_same),
        T(asks_every_30_s_for_a_kind_that_is_missing),
        T(reads_the_older_version_where_the_server_lacks_the_newer),
        T(finds_a_kind_again_that_an_upgrade_of_the_server_left_in_another_version_only),
        T(an_optional_kind_may_be_missing),
        T(a_refusal_is_a_problem_in_words_and_nothing_is_gone),
        T(our_own_write_is_seen_at_once_and_told_once),
        T(our_own_delete_is_final),
        T(an_answer_later_than_the_deletion_brings_nothing_back),
        T(observes_only_what_belongs_to_the_informer),
        T(a_relist_tells_what_went_and_what_was_made_again),
        T(a_restored_server_makes_every_key_looked_at_again),
        T(metadata_alone_keeps_metadata_alone),
        T(a_bad_selector_never_syncs_and_says_why),
        T(handlers_may_leave_and_put_from_inside),
        T(the_last_put_inside_a_watch_event_is_safe),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
