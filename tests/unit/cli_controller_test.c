/* Controllers at work on the sandbox's API server, in virtual time. */
#include "control_stage.h"

static void creates_what_the_policy_wants_and_changes_it_after_an_edit(void **state)
{
    struct stage *stage = *state;
    stage_start(stage);
    stage_thing(stage, "one", "hello");
    stage_until_idle(stage);
    assert_string_equal(stage_text(stage, "one"), "hello");
    stage_patch(stage, THINGS("one"), "{spec: {text: bye}}");
    stage_until_idle(stage);
    assert_string_equal(stage_text(stage, "one"), "bye");
}

static void finds_what_was_there_before_it_started(void **state)
{
    struct stage *stage = *state;
    stage_thing(stage, "one", "hello");
    stage_start(stage);
    assert_string_equal(stage_text(stage, "one"), "hello");
}

static void puts_back_what_somebody_deleted_or_edited(void **state)
{
    struct stage *stage = *state;
    stage_start(stage);
    stage_thing(stage, "one", "hello");
    stage_until_idle(stage);
    stage_ask(stage, "DELETE", MAPS("one"), NULL, NULL);
    stage_wait(stage, 20);
    assert_string_equal(stage_text(stage, "one"), "hello");
    stage_patch(stage, MAPS("one"), "{data: {text: edited}}");
    stage_wait(stage, 20);
    assert_string_equal(stage_text(stage, "one"), "hello");
}

static void puts_back_an_owner_reference_that_somebody_removed(void **state)
{
    struct stage *stage = *state;
    stage_start(stage);
    stage_thing(stage, "one", "hello");
    stage_until_idle(stage);
    stage_patch(stage, MAPS("one"), "{metadata: {ownerReferences: null}}");
    stage_wait(stage, 50);
    assert_int_equal(
        jv_size(jv_path(stage_get(stage, MAPS("one")), "metadata", "ownerReferences", NULL)), 1);
}

static void writes_nothing_when_nothing_changes(void **state)
{
    struct stage *stage = *state;
    stage->options.skip_lease = true;
    stage_start(stage);
    stage_thing(stage, "one", "hello");
    stage_until_idle(stage);
    uint64_t before = apiserver_revision(stage->server);
    stage_wait(stage, 3600 * 1000);
    assert_int_equal(apiserver_revision(stage->server), before);
}

static void runs_once_more_without_an_object_when_the_primary_is_gone(void **state)
{
    struct stage *stage = *state;
    stage->controller =
        "local M = { watches = { primaries = {{ apiVersion = 'example.com/v1', kind = 'Thing' }} },"
        " rights = {} }\n"
        "function M.reconcile(ctx)\n"
        "  log.info(ctx.object and 'seen' or 'gone', { uid = ctx.key.uid })\n"
        "end\n"
        "return M";
    stage_start(stage);
    stage_thing(stage, "one", "x");
    stage_until_idle(stage);
    char *uid = mem_str(jv_path_str(stage_get(stage, THINGS("one")), "metadata", "uid", NULL));
    stage_ask(stage, "DELETE", THINGS("one"), NULL, NULL);
    stage_until_idle(stage);
    assert_int_equal(stage_logged(stage, "\"gone\""), 1);
    assert_int_equal(stage_logged(stage, uid) >= 2, 1);
    free(uid);
}

static void
changes_of_no_spec_are_looked_at_together_after_a_run_and_those_of_one_at_once(void **state)
{
    struct stage *stage = *state;
    stage->controller = "local M = { watches = { primaries = {"
                        "{ apiVersion = 'example.com/v1', kind = 'Thing', calm_ms = 250 } } },"
                        " rights = {} }\n"
                        "function M.reconcile() log.info('seen') end\n"
                        "return M";
    stage_start(stage);
    stage_thing(stage, "one", "x");
    stage_wait(stage, 1000);
    assert_int_equal(stage_logged(stage, "\"seen\""), 1);
    stage_patch(stage, THINGS("one"), "{metadata: {annotations: {a: one}}}");
    stage_wait(stage, 50);
    assert_int_equal(stage_logged(stage, "\"seen\""), 2); /* it came alone */
    stage_patch(stage, THINGS("one"), "{metadata: {annotations: {a: two}}}");
    stage_patch(stage, THINGS("one"), "{metadata: {annotations: {a: three}}}");
    stage_wait(stage, 100);
    assert_int_equal(stage_logged(stage, "\"seen\""), 2);
    stage_wait(stage, 150);
    assert_int_equal(stage_logged(stage, "\"seen\""), 3);
    stage_patch(stage, THINGS("one"), "{spec: {text: y}}");
    stage_wait(stage, 50);
    assert_int_equal(stage_logged(stage, "\"seen\""), 4);
    stage_wait(stage, 1000);
    assert_int_equal(stage_logged(stage, "\"seen\""), 4);
}

#define FAILING                                                                                    \
    "local M = require 'things'\n"                                                                 \
    "local good = M.reconcile\n"                                                                   \
    "local N = { watches = M.watches, rights = M.rights }\n"                                       \
    "function N.reconcile(ctx)\n"                                                                  \
    "  if ctx.object and ctx.object.spec.text == 'bad' then local x = nil; return x.y end\n"       \
    "  if ctx.object and ctx.object.spec.text == 'loop' then while true do end end\n"              \
    "  return good(ctx)\n"                                                                         \
    "end\n"                                                                                        \
    "function N.failed(object, message) return { word = 'broken ' .. object.spec.text } end\n"     \
    "return N\n"
static void start_failing(struct stage *stage)
{
    static const char *const extra[] = {"failing", FAILING, NULL};
    stage->extra = extra;
    stage->name = "failing";
    stage_start(stage);
}

static void tells_of_an_error_on_the_object_and_takes_it_back_when_fixed(void **state)
{
    struct stage *stage = *state;
    const char *note = NULL;
    start_failing(stage);
    stage_thing(stage, "one", "bad");
    stage_wait(stage, 1000);
    assert_string_equal(stage_condition(stage, "one", "status"), "True");
    assert_non_null(strstr(stage_condition(stage, "one", "message"), "failing:5"));
    assert_string_equal(stage_condition(stage, "one", "reason"), "PolicyRaised");
    assert_int_equal(stage_events(stage, "ns", "PolicyError", &note), 1);
    assert_non_null(strstr(note, "failing:5"));
    stage_patch(stage, THINGS("one"), "{spec: {text: good}}");
    stage_wait(stage, 1000);
    assert_string_equal(stage_condition(stage, "one", "status"), "False");
    assert_string_equal(stage_text(stage, "one"), "good");
}

static void an_object_whose_first_run_fails_is_not_ready_and_says_why(void **state)
{
    struct stage *stage = *state;
    start_failing(stage);
    stage_thing(stage, "one", "bad");
    stage_wait(stage, 1000);
    const struct jv *status = jv_get(stage_get(stage, THINGS("one")), "status");
    assert_string_equal(jv_path_str(status, "word", NULL), "broken bad");
    assert_int_equal(jv_size(jv_get(status, "conditions")), 2);
    const struct jv *ready = jv_at(jv_get(status, "conditions"), 1);
    assert_string_equal(jv_path_str(ready, "type", NULL), "Ready");
    assert_string_equal(jv_path_str(ready, "status", NULL), "False");
    assert_string_equal(jv_path_str(ready, "reason", NULL), "PolicyError");
    assert_non_null(strstr(jv_path_str(ready, "message", NULL), "failing:5"));
    stage_patch(stage, THINGS("one"), "{spec: {text: loop}}");
    stage_wait(stage, 5000);
    ready = jv_at(jv_path(stage_get(stage, THINGS("one")), "status", "conditions", NULL), 1);
    assert_non_null(strstr(jv_path_str(ready, "message", NULL), "killed: "));
    assert_non_null(strstr(jv_path_str(ready, "message", NULL), "(at failing:6)"));
    assert_int_equal(stage_events(stage, "ns", "PolicyError", NULL), 2);
    stage_patch(stage, THINGS("one"), "{spec: {text: good}}");
    stage_wait(stage, 1000);
    status = jv_get(stage_get(stage, THINGS("one")), "status");
    assert_int_equal(jv_size(jv_get(status, "conditions")), 1);
}

static void one_bad_object_does_not_delay_another(void **state)
{
    struct stage *stage = *state;
    start_failing(stage);
    stage_thing(stage, "bad", "bad");
    stage_thing(stage, "endless", "loop");
    stage_thing(stage, "good", "fine");
    stage_wait(stage, 200);
    assert_string_equal(stage_text(stage, "good"), "fine");
    assert_null(stage_text(stage, "bad"));
}

static void parks_a_key_after_five_kills_until_its_spec_changes(void **state)
{
    struct stage *stage = *state;
    start_failing(stage);
    stage_thing(stage, "one", "loop");
    stage_wait(stage, 60000);
    assert_int_equal(stage_logged(stage, "The run was killed over a budget"), 5);
    assert_int_equal(stage_events(stage, "ns", "PolicyParked", NULL), 1);
    assert_string_equal(stage_condition(stage, "one", "reason"), "BudgetExceeded");
    stage_patch(stage, THINGS("one"), "{spec: {text: good}}");
    stage_wait(stage, 1000);
    assert_string_equal(stage_text(stage, "one"), "good");
    assert_string_equal(stage_condition(stage, "one", "status"), "False");
}

static void tries_a_parked_key_again_after_a_while(void **state)
{
    struct stage *stage = *state;
    start_failing(stage);
    stage_thing(stage, "one", "loop");
    stage_wait(stage, 60000);
    stage_wait(stage, 11 * 60000);
    assert_true(stage_logged(stage, "The run was killed over a budget") > 5);
}

static void retries_with_growing_delay_after_an_expected_failure(void **state)
{
    struct stage *stage = *state;
    stage->controller =
        "return { watches = { primaries = {{ apiVersion = 'example.com/v1', kind = 'Thing' }} },"
        " rights = {}, reconcile = function(ctx) log.info('tried')\n"
        "  return nil, { code = 'timeout', message = 'nobody answers' } end }";
    stage_start(stage);
    stage_thing(stage, "one", "x");
    stage_wait(stage, 10000);
    size_t tries = stage_logged(stage, "\"tried\"");
    assert_true(tries >= 8 && tries <= 14); /* 5 ms, 10 ms, … */
    assert_string_equal(stage_condition(stage, "one", "status"), "");
}

static void waits_for_a_change_after_a_terminal_answer(void **state)
{
    struct stage *stage = *state;
    stage->controller =
        "return { watches = { primaries = {{ apiVersion = 'example.com/v1', kind = 'Thing' }} },"
        " rights = {}, reconcile = function(ctx) log.info('tried')\n"
        "  return { terminal = 'no way' } end }";
    stage_start(stage);
    stage_thing(stage, "one", "x");
    stage_wait(stage, 3600000);
    assert_int_equal(stage_logged(stage, "\"tried\""), 1);
    stage_patch(stage, THINGS("one"), "{spec: {text: word}}");
    stage_until_idle(stage);
    assert_int_equal(stage_logged(stage, "\"tried\""), 2);
}

static void comes_back_when_it_asked_to(void **state)
{
    struct stage *stage = *state;
    stage->controller =
        "return { watches = { primaries = {{ apiVersion = 'example.com/v1', kind = 'Thing' }} },"
        " rights = {}, reconcile = function(ctx) log.info('tried')\n"
        "  return { requeue_ms = 10000 } end }";
    stage_start(stage);
    stage_thing(stage, "one", "x");
    stage_wait(stage, 35000);
    assert_int_equal(stage_logged(stage, "\"tried\""), 4);
}

static void looks_again_after_the_resync_time(void **state)
{
    struct stage *stage = *state;
    stage->controller =
        "return { watches = { primaries = {{ apiVersion = 'example.com/v1', kind = 'Thing' }} },"
        " rights = {}, resync_seconds = 100, reconcile = function(ctx) log.info('tried') end }";
    stage_start(stage);
    stage_thing(stage, "one", "x");
    stage_wait(stage, 250000);
    assert_int_equal(stage_logged(stage, "\"tried\""), 3);
}

#define SLOW                                                                                       \
    "return { watches = { primaries = {{ apiVersion = 'example.com/v1', kind = 'Thing' }} },"      \
    " rights = {}, reconcile = function(ctx)\n"                                                    \
    "  log.info('begin ' .. ctx.key.name)\n"                                                       \
    "  ctx.sleep(1000)\n"                                                                          \
    "  log.info('end ' .. ctx.key.name)\n"                                                         \
    "end }"

/* The most runs that were under way at once, of all names or of one. */
static int most_at_once(struct stage *stage, const char *name)
{
    int now = 0, most = 0;
    char *begin = mem_printf("\"begin %s", name), *end = mem_printf("\"end %s", name);
    for (const char *at = buf_str(&stage->lines); *at != '\0'; at++) {
        now += strncmp(at, begin, strlen(begin)) == 0;
        now -= strncmp(at, end, strlen(end)) == 0;
        most = now > most ? now : most;
    }
    free(begin);
    free(end);
    return most;
}

static void never_runs_a_key_twice_at_once(void **state)
{
    struct stage *stage = *state;
    stage->controller = SLOW;
    stage_start(stage);
    stage_thing(stage, "one", "a");
    stage_wait(stage, 300);
    stage_patch(stage, THINGS("one"), "{spec: {text: b}}");
    stage_wait(stage, 300);
    stage_patch(stage, THINGS("one"), "{spec: {text: c}}");
    stage_wait(stage, 5000);
    assert_int_equal(most_at_once(stage, "one"), 1);
    assert_int_equal(stage_logged(stage, "\"begin one"), 2);
}

static void runs_no_more_keys_at_once_than_it_may_and_all_in_the_end(void **state)
{
    struct stage *stage = *state;
    stage->controller = SLOW;
    stage->options.concurrent_max = 3;
    stage_start(stage);
    for (int i = 0; i < 10; i++) {
        char name[8];
        snprintf(name, sizeof(name), "t%d", i);
        stage_thing(stage, name, "x");
    }
    stage_wait(stage, 10000);
    assert_int_equal(most_at_once(stage, "t"), 3);
    assert_int_equal(stage_logged(stage, "\"end t"), 10);
}

static void a_label_says_whose_run_it_is(void **state)
{
    struct stage *stage = *state;
    stage->controller =
        "return { watches = { primaries = {{ apiVersion = 'example.com/v1', kind = 'Thing' }},\n"
        "  { apiVersion = 'v1', kind = 'Secret', labels = 'thing', map = { label = 'thing' },\n"
        "    fields = { 'type' } },\n"
        "  { apiVersion = 'v1', kind = 'ServiceAccount', map = 'all' } },\n"
        " rights = {}, reconcile = function(ctx) log.info('ran ' .. ctx.key.name) end }";
    stage_start(stage);
    stage_thing(stage, "one", "x");
    stage_thing(stage, "two", "x");
    stage_until_idle(stage);
    assert_int_equal(stage_logged(stage, "\"ran one"), 1);
    stage_load(stage, "{apiVersion: v1, kind: Secret, metadata: {name: s, namespace: ns, labels: "
                      "{thing: one}}}");
    stage_until_idle(stage);
    assert_int_equal(stage_logged(stage, "\"ran one"), 2);
    assert_int_equal(stage_logged(stage, "\"ran two"), 1);
    stage_load(stage, "{apiVersion: v1, kind: Secret, metadata: {name: s2, namespace: other, "
                      "labels: {thing: one}}}");
    stage_load(stage, "{apiVersion: v1, kind: ServiceAccount, metadata: {name: a, namespace: ns}}");
    stage_until_idle(stage);
    assert_int_equal(stage_logged(stage, "\"ran one"),
                     4); /* the one in `other` runs too, as gone */
    assert_int_equal(stage_logged(stage, "\"ran two"), 2);
}

/* The server has policy/v1 only, which is the older version here. */
#define BUDGETS                                                                                    \
    "local BUDGET = { apiVersion = 'policy/v2', kind = 'PodDisruptionBudget' }\n"                  \
    "local M = {}\n"                                                                               \
    "M.watches = { primaries = {{ apiVersion = 'example.com/v1', kind = 'Thing' }},\n"             \
    "  { apiVersion = 'policy/v2', older = 'policy/v1', kind = 'PodDisruptionBudget',\n"           \
    "    map = 'owner', optional = true } }\n"                                                     \
    "M.rights = { ['policy/v2/PodDisruptionBudget'] = { 'apply', 'delete', 'read' } }\n"           \
    "function M.reconcile(ctx)\n"                                                                  \
    "  if not ctx.object then return end\n"                                                        \
    "  local seen = kube.list{ apiVersion = BUDGET.apiVersion, kind = BUDGET.kind,\n"              \
    "    owner = ctx.key.uid }[1]\n"                                                               \
    "  if ctx.object.spec.text == 'none' then\n"                                                   \
    "    return seen and ctx.delete(seen, { reason = 'none is wanted' })\n"                        \
    "  end\n"                                                                                      \
    "  local _, err, change = ctx.apply({ apiVersion = BUDGET.apiVersion, kind = BUDGET.kind,\n"   \
    "    metadata = { name = ctx.key.name, namespace = ctx.key.namespace, ownerReferences = {{\n"  \
    "    apiVersion = 'example.com/v1', kind = 'Thing', name = ctx.key.name, uid = ctx.key.uid,\n" \
    "    controller = true }} },\n"                                                                \
    "    spec = { maxUnavailable = 1, selector = { matchLabels = { a = 'b' } } } })\n"             \
    "  if err then return nil, err end\n"                                                          \
    "  log.info('budget ' .. change)\n"                                                            \
    "end\n"                                                                                        \
    "return M\n"
static void an_older_version_stands_in_where_the_server_lacks_the_newer(void **state)
{
    static const char budget[] = "/apis/policy/v1/namespaces/ns/poddisruptionbudgets/one";
    struct stage *stage = *state;
    stage->controller = BUDGETS;
    stage_start(stage);
    stage_thing(stage, "one", "x");
    stage_until_idle(stage);
    assert_string_equal(jv_path_str(stage_get(stage, budget), "apiVersion", NULL), "policy/v1");
    assert_int_equal(stage_logged(stage, "budget created"), 1);
    stage_ask(stage, "DELETE", budget, NULL, NULL);
    stage_until_idle(stage);
    assert_int_equal(stage_logged(stage, "budget created"), 2);
    stage_patch(stage, THINGS("one"), "{spec: {text: y}}");
    stage_until_idle(stage);
    assert_int_equal(stage_logged(stage, "budget same") >= 1, 1);
    assert_int_equal(stage_logged(stage, "budget updated"), 0);
    stage_patch(stage, THINGS("one"), "{spec: {text: none}}");
    stage_until_idle(stage);
    assert_null(stage_get(stage, budget));
}

static void looks_only_at_the_namespaces_it_was_given(void **state)
{
    struct stage *stage = *state;
    static const char *const names[] = {"other", "default"};
    stage->options.namespaces = names;
    stage->options.namespace_count = 2;
    stage_start(stage);
    stage_thing(stage, "one", "x");
    stage_load(stage, "{apiVersion: example.com/v1, kind: Thing, metadata: {name: two, namespace: "
                      "other}, spec: {text: word}}");
    stage_until_idle(stage);
    assert_null(stage_text(stage, "one"));
    assert_string_equal(jv_path_str(stage_get(stage, "/api/v1/namespaces/other/configmaps/two"),
                                    "data", "text", NULL),
                        "word");
}

static void does_nothing_while_a_cache_is_forbidden_and_says_so(void **state)
{
    struct stage *stage = *state;
    struct apiserver_faults faults = {.forbidden = 1, .only_user = "nemeton"};
    stage_thing(stage, "one", "x");
    stage_start_at(stage, 0);
    stage_wait(stage, 20);
    apiserver_set_faults(stage->server, &faults);
    stage_wait(stage, 5000);
    assert_false(stage_is_idle(stage));
    char *problem = manager_problem(stage->manager[0]);
    assert_non_null(problem);
    free(problem);
    assert_null(stage_text(stage, "one"));
    apiserver_set_faults(stage->server, &(struct apiserver_faults){0});
    stage_wait(stage, 120000);
    assert_string_equal(stage_text(stage, "one"), "x");
}

static void counts_runs_by_result(void **state)
{
    struct stage *stage = *state;
    stage_start(stage);
    stage_thing(stage, "one", "x");
    stage_until_idle(stage);
    assert_true(metrics_value(stage->metrics, "controller_runtime_reconcile_total",
                              "controller=\"things\",result=\"success\"") >= 1);
    assert_true(metrics_value(stage->metrics, "nemeton_writes_total",
                              "verb=\"apply\",kind=\"ConfigMap\"") == 1);
    struct buf out;
    buf_init(&out, METRICS_TEXT_BYTES_MAX);
    metrics_print(stage->metrics, &out);
    assert_non_null(strstr(buf_str(&out), "leader_election_master_status{name=\"nemeton\"} 1"));
    assert_non_null(strstr(buf_str(&out), "nemeton_informer_objects{kind=\"Thing\""));
    assert_non_null(strstr(buf_str(&out), "workqueue_queue_duration_seconds_count"));
    buf_deinit(&out);
    assert_true(metrics_value(stage->metrics, "nemeton_metrics_dropped_total", NULL) == 0);
}

static void leaves_nothing_behind_when_killed_at_any_moment(void **state)
{
    struct stage *stage = *state;
    stage_thing(stage, "one", "x");
    for (int ms = 0; ms < 40; ms++) {
        stage_start_at(stage, 0);
        for (int i = 0; i < ms * 4; i++)
            loop_turn(stage->loop, 0);
        stage_kill(stage, 0);
        stage_wait(stage, 20000); /* the lease of the one before runs out */
    }
    stage_start(stage);
    assert_string_equal(stage_text(stage, "one"), "x");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, stage_setup, stage_teardown)
    const struct CMUnitTest tests[] = {
        TEST(creates_what_the_policy_wants_and_changes_it_after_an_edit),
        TEST(finds_what_was_there_before_it_started),
        TEST(puts_back_what_somebody_deleted_or_edited),
        TEST(puts_back_an_owner_reference_that_somebody_removed),
        TEST(writes_nothing_when_nothing_changes),
        TEST(runs_once_more_without_an_object_when_the_primary_is_gone),
        TEST(changes_of_no_spec_are_looked_at_together_after_a_run_and_those_of_one_at_once),
        TEST(tells_of_an_error_on_the_object_and_takes_it_back_when_fixed),
        TEST(an_object_whose_first_run_fails_is_not_ready_and_says_why),
        TEST(one_bad_object_does_not_delay_another),
        TEST(parks_a_key_after_five_kills_until_its_spec_changes),
        TEST(tries_a_parked_key_again_after_a_while),
        TEST(retries_with_growing_delay_after_an_expected_failure),
        TEST(waits_for_a_change_after_a_terminal_answer),
        TEST(comes_back_when_it_asked_to),
        TEST(looks_again_after_the_resync_time),
        TEST(never_runs_a_key_twice_at_once),
        TEST(runs_no_more_keys_at_once_than_it_may_and_all_in_the_end),
        TEST(a_label_says_whose_run_it_is),
        TEST(an_older_version_stands_in_where_the_server_lacks_the_newer),
        TEST(looks_only_at_the_namespaces_it_was_given),
        TEST(does_nothing_while_a_cache_is_forbidden_and_says_so),
        TEST(counts_runs_by_result),
        TEST(leaves_nothing_behind_when_killed_at_any_moment),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
