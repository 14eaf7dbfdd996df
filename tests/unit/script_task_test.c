#include "unit/script_fake.h"

static struct fake fake;

static int setup(void **state)
{
    (void)state;
    fake_init(&fake, clock_virtual_new(1700000000000000000));
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    fake_deinit(&fake);
    return 0;
}

static enum task_outcome run_text(const char *text)
{
    struct err err = {0};
    struct policy *policy = fake_policy(&fake, &err, "m", text, NULL);
    if (policy == NULL)
        fail_msg("load: %s", err.text);
    enum task_outcome outcome = fake_run(&fake, policy, "m");
    policy_unref(policy);
    return outcome;
}

static void is_done_when_it_returns_nothing(void **state)
{
    (void)state;
    assert_int_equal(run_text("return { run = function(ctx) end }"), TASK_DONE);
    assert_int_equal(fake.last.effects, 0);
}

static void requeues_and_gives_up_and_retries_as_told(void **state)
{
    (void)state;
    assert_int_equal(run_text("return { run = function() return { requeue_ms = 1500 } end }"),
                     TASK_REQUEUE);
    assert_int_equal(fake.last.requeue_ms, 1500);
    assert_int_equal(run_text("return { run = function() return { requeue_ms = -3 } end }"),
                     TASK_REQUEUE);
    assert_int_equal(fake.last.requeue_ms, 0);
    assert_int_equal(run_text("return { run = function() return { terminal = 'no image' } end }"),
                     TASK_TERMINAL);
    assert_string_equal(fake.last.err.text, "no image");
    assert_int_equal(run_text("return { run = function() return nil, 'later' end }"), TASK_RETRY);
    assert_string_equal(fake.last.err.text, "later");
}

static void fails_with_file_line_and_stack_when_the_policy_raises(void **state)
{
    (void)state;
    assert_int_equal(run_text("local function inner() local t; return t.x end\n"
                              "return { run = function()\n inner() \n return 1 end }"),
                     TASK_FAILED);
    assert_non_null(strstr(fake.last.err.text, "policies/m.lua:1: attempt to index a nil value"));
    assert_non_null(strstr(fake.last.trace, "policies/m.lua:3: in "));
    assert_int_equal(run_text("return { run = function() return 42 end }"), TASK_FAILED);
    assert_non_null(strstr(fake.last.err.text, "type number"));
}

static void says_where_also_what_was_raised_without_words(void **state)
{
    static const struct {
        const char *raised, *text;
    } rows[] = {
        {"error(nil)", "raised a value of type nil (at policies/m.lua:2)"},
        {"error({})", "raised a table without a message (at policies/m.lua:2)"},
        {"error('bare', 0)", "bare (at policies/m.lua:2)"},
        {"error('placed')", "policies/m.lua:2: placed"},
        {"local _, e = pcall(error, 'other.lua:7: x'); error(e, 0)", "other.lua:7: x"},
        {"error('red \\27[31m\\nnext')", "policies/m.lua:2: red \\u001b[31m\\nnext"},
        {"string.rep('x', 1 << 40)", "policies/m.lua:2: "},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char *text = mem_printf("return { run = function()\n%s\nreturn 1 end }", rows[i].raised);
        assert_int_equal(run_text(text), TASK_FAILED);
        bool exact = strcmp(rows[i].text, "policies/m.lua:2: ") != 0;
        if (exact ? strcmp(fake.last.err.text, rows[i].text) != 0
                  : strncmp(fake.last.err.text, rows[i].text, strlen(rows[i].text)) != 0)
            fail_msg("got `%s`, wanted `%s`", fake.last.err.text, rows[i].text);
        free(text);
    }
}

static void says_where_a_run_was_killed_or_ran_out_of_stack(void **state)
{
    (void)state;
    assert_int_equal(
        run_text("return { run = function()\nlocal n = 0\nwhile true do n = n + 1 end\n"
                 "end }"),
        TASK_KILLED);
    assert_non_null(strstr(fake.last.err.text, " (at policies/m.lua:3)"));
    /* A handler's handler's … error has no words of its own. */
    assert_int_equal(run_text("local m = {}\nm.__index = function(t, k)\nreturn t[k .. 'x']\nend\n"
                              "local t = setmetatable({}, m)\n"
                              "return { run = function() return t.y end }"),
                     TASK_FAILED);
    assert_non_null(strstr(fake.last.err.text, "policies/m.lua:3"));
}

static void names_files_in_full_however_long_their_names(void **state)
{
    static const char name[] =
        "ConfigMap a-namespace-of-some-length/a-config-map-of-some-length key druid.rollout.lua";
    static const char text[] = "return { run = function() error('no') end }";
    struct policy_file files[] = {
        {"bundle", "bundle.lua", "return { api = 1 }", strlen("return { api = 1 }")},
        {"m", name, text, strlen(text)}};
    struct policy_layer layer = {"base", files, 2};
    struct err err = {0};
    (void)state;
    struct policy *policy = policy_load(&fake.env, &layer, 1, &err);
    assert_non_null(policy);
    assert_int_equal(fake_run(&fake, policy, "m"), TASK_FAILED);
    assert_string_equal(fake.last.err.text,
                        "ConfigMap a-namespace-of-some-length/"
                        "a-config-map-of-some-length key druid.rollout.lua:1: no");
    policy_unref(policy);
    files[1].text = "return {";
    files[1].len = strlen(files[1].text);
    assert_null(policy_load(&fake.env, &layer, 1, &err));
    assert_non_null(strstr(err.text, "ConfigMap a-namespace-of-some-length/"));
}

static void applies_and_gets_object_and_change(void **state)
{
    (void)state;
    assert_int_equal(
        run_text("return { run = function(ctx)\n"
                 "local o, err, change = ctx.apply{ apiVersion='v1', kind='ConfigMap',\n"
                 "  metadata={ name='a', namespace='n' }, data=json.object{}, n=4/2 }\n"
                 "assert(o.metadata.name == 'a' and err == nil and change == 'created')\n"
                 "assert(o.n == 2 and math.type(o.n) == 'integer')\n"
                 "end }"),
        TASK_DONE);
    assert_string_equal(
        buf_str(&fake.record),
        "apply ConfigMap n/a {\"apiVersion\":\"v1\",\"data\":{},\"kind\":"
        "\"ConfigMap\",\"metadata\":{\"name\":\"a\",\"namespace\":\"n\"},\"n\":2}\n");
    assert_int_equal(fake.last.effects, 1);
}

static void answers_nil_err_when_an_effect_fails_and_retries_when_it_is_raised(void **state)
{
    (void)state;
    fake.fail_code = ERR_CONFLICT;
    assert_int_equal(
        run_text("return { run = function(ctx)\n"
                 "local o, err = ctx.create{ apiVersion='v1', kind='Pod', metadata={name='p'} }\n"
                 "assert(o == nil and err.code == 'conflict' and err.status == 409)\n"
                 "assert(tostring(err) == 'no luck')\n"
                 "return nil, err end }"),
        TASK_RETRY);
    assert_int_equal(fake.last.err.code, ERR_CONFLICT);
    assert_int_equal(
        run_text("return { run = function(ctx)\n"
                 "assert(ctx.apply{ apiVersion='v1', kind='Pod', metadata={name='p'} })\n"
                 "end }"),
        TASK_RETRY);
    assert_int_equal(fake.last.err.code, ERR_CONFLICT);
}

static void takes_a_missing_object_as_deleted(void **state)
{
    (void)state;
    fake.fail_code = ERR_NOT_FOUND;
    assert_int_equal(run_text("return { run = function(ctx)\n"
                              "assert(ctx.delete{ apiVersion='v1', kind='Pod', name='p', uid='u' } "
                              "== true) end }"),
                     TASK_DONE);
}

static void applies_sixteen_at_a_time_and_keeps_the_order_of_answers(void **state)
{
    (void)state;
    fake.delay_ms = 10;
    assert_int_equal(
        run_text("return { run = function(ctx)\n"
                 "local list = {}\n"
                 "for i = 1, 50 do list[i] = { apiVersion='v1', kind='ConfigMap', metadata={ "
                 "name='c'..i } } end\n"
                 "local answers = ctx.apply_all(list, { whole = { 'data' } })\n"
                 "assert(#answers == 50)\n"
                 "for i, a in ipairs(answers) do assert(a.object.metadata.name == 'c'..i and "
                 "a.change == 'created' and a.err == nil) end\n"
                 "assert(#ctx.apply_all({}) == 0)\n"
                 "end }"),
        TASK_DONE);
    assert_int_equal(fake.in_flight_max, 16);
    assert_int_equal(fake.last.effects, 50);
    assert_int_equal(fake.last.wall_ms, 40);
}

static void merges_beside_what_it_applies_and_answers_for_both(void **state)
{
    (void)state;
    assert_int_equal(
        run_text("return { run = function(ctx)\n"
                 "local function map(n) return { apiVersion='v1', kind='ConfigMap', metadata={ "
                 "name=n } } end\n"
                 "local a = ctx.apply_all({ map('a') }, { merges = { map('b'), map('c') } })\n"
                 "assert(#a == 3 and a[1].change == 'created' and a[3].change == 'updated')\n"
                 "assert(#ctx.apply_all({}, { merges = { map('d') } }) == 1)\n"
                 "assert(not pcall(ctx.apply_all, {}, { merges = { {} } }))\n"
                 "assert(not pcall(ctx.apply_all, {}, { merges = 'x' }))\n"
                 "end }"),
        TASK_DONE);
    assert_int_equal(fake.last.effects, 4);
    assert_non_null(strstr(buf_str(&fake.record), "patch ConfigMap /c "));
    assert_non_null(strstr(buf_str(&fake.record), "apply ConfigMap /a "));
}

static void cancels_effects_when_the_task_is_cancelled(void **state)
{
    (void)state;
    struct err err = {0};
    struct policy *policy =
        fake_policy(&fake, &err, "m",
                    "return { run = function(ctx) ctx.sleep(1000) error('never') end }", NULL);
    assert_non_null(policy);
    fake.ended = 0;
    struct task *task =
        task_start_function(policy, "m", "run", &fake.effects, fake.log, fake_ended, &fake);
    loop_turn(fake.loop, 0);
    loop_turn(fake.loop, 0);
    assert_int_equal(fake.in_flight, 1);
    task_cancel(task);
    assert_int_equal(fake.cancelled, 1);
    assert_int_equal(fake.ended, 0);
    assert_int_equal(policy_stats(policy).tasks, 0);
    policy_unref(policy);
}

static void is_killed_when_wall_time_or_effects_run_out(void **state)
{
    (void)state;
    fake.env.limits.run_wall_ms = 5000;
    fake.env.limits.effects_max = 10;
    assert_int_equal(run_text("return { run = function(ctx) pcall(ctx.sleep, 1e9) end }"),
                     TASK_KILLED);
    assert_int_equal(fake.last.err.code, ERR_TIMEOUT);
    assert_string_equal(fake.last.trace, "[C]: in function 'ctx.sleep'\n"
                                         "[C]: in function 'pcall'\n"
                                         "policies/m.lua:1: in function <policies/m.lua:1>");
    assert_int_equal(
        run_text("return { run = function(ctx) while true do pcall(ctx.event, { reason='R', "
                 "message='m', regarding={apiVersion='v1',kind='Pod',name='p'} }) end end }"),
        TASK_KILLED);
    assert_int_equal(fake.started, 11);
    loop_turn(fake.loop, 0);
    loop_turn(fake.loop, 0);
}

static void is_killed_when_memory_runs_out_even_inside_pcall(void **state)
{
    (void)state;
    assert_int_equal(run_text("return { run = function() while true do pcall(function()\n"
                              "local s = 'x' while true do s = s .. s end end) end end }"),
                     TASK_KILLED);
    assert_string_equal(
        fake.last.err.text,
        "killed: the policies used more than 64 MiB of memory (at policies/m.lua:1)");
    fake.env.limits.memory_bytes_max = 16 << 20;
    assert_int_equal(run_text("return { run = function() local t = {}\n"
                              "for i = 1, 1e9 do t[i] = { i } end end }"),
                     TASK_KILLED);
    assert_string_equal(
        fake.last.err.text,
        "killed: the policies used more than 16 MiB of memory (at policies/m.lua:2)");
}

static const char thing[] =
    "local M = { watches = { primaries = { { apiVersion='e/v1', kind='Thing' } },\n"
    " { apiVersion='v1', kind='Pod', map='owner' } },\n"
    " rights = { ['apps/v1/StatefulSet'] = { 'apply' }, ['e/v1/Thing'] = { 'status', 'event' } } "
    ", gauges = { late = 'How late it is.' } }\n"
    "function M.reconcile(ctx)\n"
    "  assert(ctx.key.name == 'a' and ctx.object.spec.n == 1 and ctx.controller == 'm')\n"
    "  ctx.status{ ok = true }\n"
    "  local ok, text = pcall(ctx.apply, { apiVersion='v1', kind='Pod', metadata={name='p'} })\n"
    "  assert(not ok and text:find('rights of controller'), text)\n"
    "  ok, text = pcall(kube.get, { apiVersion='v1', kind='Secret', name='x' })\n"
    "  assert(not ok and text:find('not among the watches'), text)\n"
    "  ok, text = pcall(http.request, { url='http://x' })\n"
    "  assert(not ok and text:find('http = true'), text)\n"
    "  ok, text = pcall(ctx.apply, ctx, {})\n"
    "  assert(not ok and text:find('dot'), text)\n"
    "  ctx.gauges{ { name = 'late', value = 1.5, labels = { part = 'x' } } }\n"
    "  ctx.gauges{}\n"
    "  for _, wrong in ipairs{ { name = 'x', value = 1 }, { name = 'late' }, { name = 'late', "
    "value = "
    "1, labels = { name = 'x' } }, { name = 'late', value = 1, labels = { ['a\"'] = 'x' } }, { "
    "name = "
    "'late', value = 1, labels = { a = ('x'):rep(600) } }, { name = 'late', value = 1, more = 1 } "
    "} "
    "do\n"
    "    ok, text = pcall(ctx.gauges, { wrong })\n"
    "    assert(not ok and text:find('ctx.gauges: [1]', 1, true), text)\n"
    "  end\n"
    "  ok, text = pcall(kube.log, { namespace='n', name='p1' })\n"
    "  assert(not ok and text:find('rights of controller'), text)\n"
    "  local pods = kube.list{ apiVersion='v1', kind='Pod', namespace='n', labels='app=x', "
    "owner='u1' }\n"
    "  assert(#pods == 1 and pods[1].metadata.name == 'p1')\n"
    "  assert(kube.get{ apiVersion='v1', kind='Pod', namespace='n', name='p2' }.kind == 'Pod')\n"
    "  assert(kube.get{ apiVersion='v1', kind='Pod', namespace='n', name='p3' } == nil)\n"
    "end\n"
    "return M\n";

static void put(const char *json)
{
    struct jv *value = NULL;
    assert_int_equal(jv_parse(json, strlen(json), &value, NULL), 0);
    assert_int_equal(store_put(fake.store, value, NULL), STORE_ADDED);
    jv_unref(value);
}

static void reconciles_with_rights_checked_and_cache_read(void **state)
{
    (void)state;
    struct err err = {0};
    struct policy *policy = fake_policy(
        &fake, &err, "bundle", "return { api = 1, controllers = { 'm' } }", "m", thing, NULL);
    if (policy == NULL)
        fail_msg("load: %s", err.text);
    put("{\"apiVersion\":\"e/"
        "v1\",\"kind\":\"Thing\",\"metadata\":{\"name\":\"a\",\"namespace\":\"n\","
        "\"uid\":\"u1\",\"resourceVersion\":\"1\"},\"spec\":{\"n\":1}}");
    put("{\"apiVersion\":\"v1\",\"kind\":\"Pod\",\"metadata\":{\"name\":\"p1\",\"namespace\":\"n\","
        "\"uid\":"
        "\"u2\",\"resourceVersion\":\"2\",\"labels\":{\"app\":\"x\"},\"ownerReferences\":[{"
        "\"apiVersion\":"
        "\"e/v1\",\"kind\":\"Thing\",\"name\":\"a\",\"uid\":\"u1\",\"controller\":true}]}}");
    put("{\"apiVersion\":\"v1\",\"kind\":\"Pod\",\"metadata\":{\"name\":\"p2\",\"namespace\":\"n\","
        "\"uid\":"
        "\"u3\",\"resourceVersion\":\"3\"}}");
    const struct policy_controller *controller = policy_controller_at(policy, 0);
    struct task_key key = {"e/v1", "Thing", "n", "a", "u1"};
    for (int turn = 0; turn < 3; turn++) {
        fake.ended = 0;
        fake.unsynced = turn == 2;
        task_start(policy, controller, &key, store_get(fake.store, "n", "a"), &fake.effects,
                   fake.log, fake_ended, &fake);
        assert_true(loop_run_until(fake.loop, fake_has_ended, &fake, 60000));
        if (turn < 2 && fake.last.outcome != TASK_DONE)
            fail_msg("%s: %s", task_outcome_name(fake.last.outcome), fake.last.err.text);
    }
    assert_int_equal(fake.last.outcome, TASK_RETRY); /* not synced is not absent */
    assert_int_equal(fake.last.err.code, ERR_NETWORK);
    loop_turn(fake.loop, 0);
    loop_turn(fake.loop, 0);
    policy_unref(policy);
}

int main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        CASE(is_done_when_it_returns_nothing),
        CASE(requeues_and_gives_up_and_retries_as_told),
        CASE(fails_with_file_line_and_stack_when_the_policy_raises),
        CASE(says_where_also_what_was_raised_without_words),
        CASE(says_where_a_run_was_killed_or_ran_out_of_stack),
        CASE(names_files_in_full_however_long_their_names),
        CASE(applies_and_gets_object_and_change),
        CASE(answers_nil_err_when_an_effect_fails_and_retries_when_it_is_raised),
        CASE(takes_a_missing_object_as_deleted),
        CASE(applies_sixteen_at_a_time_and_keeps_the_order_of_answers),
        CASE(merges_beside_what_it_applies_and_answers_for_both),
        CASE(cancels_effects_when_the_task_is_cancelled),
        CASE(is_killed_when_wall_time_or_effects_run_out),
        CASE(is_killed_when_memory_runs_out_even_inside_pcall),
        CASE(reconciles_with_rights_checked_and_cache_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
