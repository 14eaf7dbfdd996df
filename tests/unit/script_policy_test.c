#include "unit/script_fake.h"

static struct fake fake;
static struct err err;

static int setup(void **state)
{
    (void)state;
    fake_init(&fake, clock_virtual_new(1700000000000000000));
    err = (struct err){0};
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    fake_deinit(&fake);
    return 0;
}

struct file {
    const char *module, *text;
};

/* Layers of up to 8 files, each list ended by a NULL module. */
static struct policy *load_layers(const struct file *const *lists, size_t count)
{
    static char sources[4][8][80];
    struct policy_file files[4][8];
    struct policy_layer layers[4];
    static const char *const names[] = {"shipped", "team-a", "team-b", "team-c"};
    for (size_t i = 0; i < count; i++) {
        size_t n = 0;
        for (const struct file *f = lists[i]; f->module != NULL; f++, n++) {
            snprintf(sources[i][n], sizeof sources[i][n], "%s/%s.lua", names[i], f->module);
            files[i][n] = (struct policy_file){f->module, sources[i][n], f->text, strlen(f->text)};
        }
        layers[i] = (struct policy_layer){names[i], files[i], n};
    }
    return policy_load(&fake.env, layers, count, &err);
}

static char *call(struct policy *policy, const char *module, const char *function, const char *arg)
{
    struct jv *value = NULL, *result = NULL;
    assert_int_equal(jv_parse(arg, strlen(arg), &value, NULL), 0);
    struct jv *args[] = {value};
    err = (struct err){0};
    char *text = NULL;
    if (policy_call(policy, module, function, args, 1, &result, &err) == 0)
        text = jv_print_str(result, JV_PRINT_SORTED);
    jv_unref(result);
    jv_unref(value);
    return text;
}

static void expect_call(struct policy *policy, const char *module, const char *function,
                        const char *arg, const char *wanted)
{
    char *got = call(policy, module, function, arg);
    if (got == NULL)
        fail_msg("%s", err.text);
    assert_string_equal(got, wanted);
    free(got);
}

static void overlay_overrides_one_function_and_builds_on_the_base(void **state)
{
    (void)state;
    static const struct file shipped[] = {
        {"bundle", "return { api = 1 }"},
        {"druid.init", "local order = require 'druid.order'\n"
                       "return { list = function(x) return order.list(x) end }"},
        {"druid.order",
         "return { first = 'historical', list = function(x) return { 'base', x } end,\n"
         " other = function() return 'kept' end }"},
        {NULL, NULL}};
    static const struct file team_a[] = {{"bundle", "return { api = 1 }"},
                                         {"druid.order",
                                          "local base = require 'base.druid.order'\n"
                                          "local was = base.list\n"
                                          "base.list = function(x) return { 'a', was(x) } end\n"
                                          "return base"},
                                         {NULL, NULL}};
    static const struct file team_b[] = {
        {"bundle", "return { api = 1 }"},
        {"druid.order",
         "local base = require 'base.druid.order'\n"
         "return setmetatable({ list = function(x) return { 'b', base.list(x) } end },"
         " { __index = base })"},
        {NULL, NULL}};
    const struct file *lists[] = {shipped, team_a, team_b};
    struct policy *policy = load_layers(lists, 3);
    if (policy == NULL)
        fail_msg("%s", err.text);
    expect_call(policy, "druid", "list", "7", "[\"b\",[\"a\",[\"base\",7]]]");
    char version[DIGEST_SHA256_HEX];
    snprintf(version, sizeof version, "%s", policy_version(policy));
    assert_int_equal(strlen(version), 64);
    policy_unref(policy);
    policy = load_layers(lists, 1);
    assert_non_null(policy);
    expect_call(policy, "druid", "list", "7", "[\"base\",7]");
    assert_string_not_equal(version, policy_version(policy));
    policy_unref(policy);
    policy = load_layers(lists, 3);
    assert_string_equal(version, policy_version(policy));
    policy_unref(policy);
}

static void expect_refused(const char *bundle, const char *module, const char *text,
                           const char *wanted)
{
    struct policy *policy =
        fake_policy(&fake, &err, "bundle", bundle, module, text, (const char *)NULL);
    if (policy != NULL || strstr(err.text, wanted) == NULL)
        fail_msg("wanted \"%s\", got \"%s\"", wanted, err.text);
}

static void refuses_what_does_not_load_and_names_file_and_line(void **state)
{
    (void)state;
    const char *ok = "return { api = 1 }";
    expect_refused(ok, "m", "return {", "policies/m.lua:1:");
    expect_refused(ok, "m", "local x = 1\nreturn { y = = 2 }",
                   "policies/m.lua:2: unexpected symbol");
    expect_refused(ok, "m", "\n\nerror('boom')", "policies/m.lua:3: boom");
    expect_refused(ok, "m", "\nx = 1", "policies/m.lua:2: globals are frozen");
    expect_refused(ok, "m", "\nreturn prinnt", "policies/m.lua:2: unknown global 'prinnt'");
    expect_refused(ok, "m", "return 1", "policies/m.lua: a module returns a table");
    expect_refused(ok, "m", "local x = 1", "policies/m.lua: a module returns a table");
    expect_refused(ok, "m", "return require 'nowhere'",
                   "policies/m.lua:1: module 'nowhere' not found");
    expect_refused(ok, "m", "return require 'base.m'", "not found in the layers underneath");
    expect_refused(ok, "m", "return require 'm'", "requires itself");
    expect_refused(ok, "m", "\x1bLua", "policies/m.lua");
    expect_refused(ok, "m", "while true do end", "policies/m.lua: killed: ");
    expect_refused(ok, "m", "pcall(require, 'm') while true do end", "killed: ");
    expect_refused(ok, "m", "local s = 'x' while true do s = s .. s end", "of memory");
    expect_refused(ok, "m", "local t = {} for i = 1, 2^31 do t[i] = i end return t", "of memory");
    expect_refused(ok, "m", "kube.get{ apiVersion='v1', kind='Pod', name='p' }",
                   "works only inside a run");
}

static void refuses_an_overlay_that_would_switch_controllers_off(void **state)
{
    (void)state;
    static const struct file shipped[] = {{"bundle", "return { api = 1, controllers = {} }"},
                                          {NULL, NULL}};
    static const struct file team[] = {{"bundle", "return { api = 1, controllers = {} }"},
                                       {NULL, NULL}};
    const struct file *const lists[] = {shipped, team};
    struct policy *policy = load_layers(lists, 1);
    assert_non_null(policy);
    policy_unref(policy);
    assert_null(load_layers(lists, 2));
    assert_non_null(strstr(err.text, "team-a/bundle.lua: controllers is empty"));
}

static void refuses_binary_data(void **state)
{
    (void)state;
    struct policy_file files[] = {{"bundle", "bundle.lua", "return { api = 1 }", 18},
                                  {"m", "ConfigMap ns/p key m.lua", "\0\1\2", 3}};
    struct policy_layer layer = {"x", files, 2};
    assert_null(policy_load(&fake.env, &layer, 1, &err));
    assert_string_equal(err.text,
                        "ConfigMap ns/p key m.lua: binary data, not the text of a Lua module");
}

static void refuses_a_broken_contract_and_names_the_field(void **state)
{
    (void)state;
    const char *with = "return { api = 1, controllers = { 'm' } }";
#define PRIMARY "watches = { primaries = { { apiVersion='e/v1', kind='T' } }"
#define RECONCILE "reconcile = function() end"
    expect_refused("return { }", "m", "return {}", "bundle.lua: api must be a number");
    expect_refused("return { api = 2 }", "m", "return {}", "bundle.lua: made for api 2");
    expect_refused("return { api = 1, x = 1 }", "m", "return {}", "unknown field 'x'");
    expect_refused("return { api = 1, controllers = { 'z' } }", "m", "return {}",
                   "bundle.lua: controllers: module 'z' not found");
    expect_refused(with, "m", "return {}", "policies/m.lua: watches must be a table");
    expect_refused(with, "m", "return { watches = {} }", "watches.primaries must list");
    expect_refused(with, "m", "return { " PRIMARY " } }",
                   "policies/m.lua: reconcile must be a func");
    expect_refused(with, "m", "return { watches = { primaries = { { kind='T' } } } }",
                   "policies/m.lua: watches.primaries[1].apiVersion must be a string");
    expect_refused(with, "m", "return { " PRIMARY ", { apiVersion='v1', kind='Pod', map='x' } } }",
                   "policies/m.lua: watches[1].map must be");
    expect_refused(with, "m",
                   "return { " PRIMARY ", { apiVersion='v1', kind='Pod', lables='x' } } }",
                   "watches[1] has the unknown field 'lables'");
    expect_refused(with, "m",
                   "return { " PRIMARY ", { apiVersion='v1', kind='Pod', labels='a in b' } } }",
                   "watches[1].labels: ");
    expect_refused(with, "m", "return { " PRIMARY " }, rights = { Pod = {} }, " RECONCILE " }",
                   "rights: 'Pod' is not apiVersion/Kind");
    expect_refused(with, "m",
                   "return { " PRIMARY " }, rights = { ['v1/Pod'] = { 'eat' } }, " RECONCILE " }",
                   "rights[\"v1/Pod\"]: 'eat' is not a verb");
    expect_refused(with, "m", "return { " PRIMARY " }, render = 1, " RECONCILE " }",
                   "render must be a function");
    expect_refused(with, "m", "return { " PRIMARY " }, resync_seconds = 'x', " RECONCILE " }",
                   "resync_seconds must be a number");
    static const struct file no_bundle[] = {{"m", "return {}"}, {NULL, NULL}};
    const struct file *lists[] = {no_bundle};
    assert_null(load_layers(lists, 1));
    assert_string_equal(err.text,
                        "shipped: bundle.lua is missing; `return { api = 1 }` is enough for "
                        "an overlay");
}

static void reads_declarations_into_c(void **state)
{
    (void)state;
    struct policy *policy =
        fake_policy(&fake, &err, "bundle", "return { api = 1, controllers = { 'm', 'm' } }", "m",
                    "return { watches = { primaries = { { apiVersion='e/v1', kind='T' } },\n"
                    " { apiVersion='apps/v1', kind='StatefulSet', labels='app=x', map='owner', "
                    "calm_ms=250 },\n"
                    " { apiVersion='v1', kind='Pod', map={ label='cr' }, fields={ 'status', "
                    "'metadata.labels' } },\n"
                    " { apiVersion='v1', kind='Node', map='all', optional=true },\n"
                    " { apiVersion='v1', kind='Secret' } },\n"
                    " rights = { ['apps/v1/StatefulSet'] = { 'apply', 'delete' }, http = true,\n"
                    "  ['e/v1/T'] = { 'status', 'finalizer', 'delete-any' } },\n"
                    " resync_seconds = 36000, reconcile = function() end, check = function() end }",
                    NULL);
    if (policy == NULL)
        fail_msg("%s", err.text);
    assert_int_equal(policy_controller_count(policy), 1);
    const struct policy_controller *c = policy_controller_at(policy, 0);
    assert_string_equal(c->name, "m");
    assert_int_equal(c->watch_count, 5);
    assert_int_equal(c->primary_count, 1);
    assert_int_equal(c->watches[0].map, POLICY_MAP_SELF);
    assert_int_equal(c->watches[1].map, POLICY_MAP_OWNER);
    assert_string_equal(c->watches[1].labels, "app=x");
    assert_int_equal(c->watches[1].calm_ms, 250);
    assert_int_equal(c->watches[0].calm_ms, 0);
    assert_int_equal(c->watches[2].map, POLICY_MAP_LABEL);
    assert_string_equal(c->watches[2].map_label, "cr");
    assert_int_equal(c->watches[2].field_count, 2);
    assert_string_equal(c->watches[2].fields[1], "metadata.labels");
    assert_int_equal(c->watches[3].map, POLICY_MAP_ALL);
    assert_true(c->watches[3].optional);
    assert_int_equal(c->watches[4].map, POLICY_MAP_NONE);
    assert_int_equal(c->right_count, 3);
    assert_int_equal(c->resync_ms, 36000000);
    assert_true(c->has_check && !c->has_render && !c->has_summary);
    unsigned seen = 0;
    for (size_t i = 0; i < c->right_count; i++) {
        const struct policy_right *r = &c->rights[i];
        if (strcmp(r->kind, "StatefulSet") == 0)
            seen += r->verbs == (1U << EFFECT_APPLY | 1U << EFFECT_DELETE) && !r->delete_any;
        else if (strcmp(r->kind, "T") == 0)
            seen += r->delete_any && (r->verbs & 1U << EFFECT_STATUS) != 0;
        else
            seen += r->verbs == 1U << EFFECT_HTTP && r->kind[0] == '\0';
    }
    assert_int_equal(seen, 3);
    policy_unref(policy);
}

static void calls_pure_functions_with_views_and_exact_results(void **state)
{
    (void)state;
    struct policy *policy = fake_policy(
        &fake, &err, "m",
        "local kept\n"
        "return {\n"
        " same = function(o) return o end,\n"
        " wrap = function(o) return { spec = o.spec, list = o.list, big = o.big, half = 5 / 2,\n"
        "   whole = 4 / 2 } end,\n"
        " refuse = function() return nil, { code = 'conflict', message = 'no image' } end,\n"
        " nothing = function() end,\n"
        " bad = function() return { a = {} } end,\n"
        " raise = function() error('boom') end,\n"
        " spin = function() while true do end end,\n"
        " keep = function(o) kept = o return true end,\n"
        " use = function() return kept.spec end,\n"
        " write = function(o) o.x = 1 end,\n"
        " look = function(o)\n"
        "   local keys = {}\n"
        "   for k, v in pairs(o) do keys[#keys + 1] = k end\n"
        "   local items = {}\n"
        "   for i, v in ipairs(o.list) do items[i] = v end\n"
        "   for i, v in pairs(o.list) do assert(json.equal(items[i], v)) end\n"
        "   assert(o.null == nil and o.nope == nil and o.list[0] == nil and o.list['x'] == nil)\n"
        "   assert(#o.list == 4 and #o == 0 and o.list[3] == json.null and o.list[9] == nil)\n"
        "   assert(o.spec == o.spec and o.spec ~= o.list and rawequal(o.spec, o.spec) == false)\n"
        "   assert(getmetatable(o) == false and next(o) == 'big' and next(o.empty) == nil)\n"
        "   assert(table.concat(o.words, ' ') == 'a b' and select('#', table.unpack(o.list)) == "
        "4)\n"
        "   assert(tostring(o.list) == 'view of an array with 4')\n"
        "   local copy = json.copy(o)\n"
        "   assert(copy.null == json.null and json.equal(copy, o))\n"
        "   copy.spec.n = 9\n"
        "   assert(not json.equal(copy, o) and o.spec.n == 1)\n"
        "   return { keys = keys, items = items }\n"
        " end,\n"
        "}",
        NULL);
    if (policy == NULL)
        fail_msg("%s", err.text);
    const char *object =
        "{\"spec\":{\"n\":1,\"e\":{},\"l\":[]},\"list\":[1,\"x\",null,{\"y\":[]}],\"null\":null,"
        "\"big\":9007199254740993,\"empty\":{},\"words\":[\"a\",\"b\"]}";
    const char *sorted =
        "{\"big\":9007199254740993,\"empty\":{},\"list\":[1,\"x\",null,{\"y\":[]}],"
        "\"null\":null,\"spec\":{\"e\":{},\"l\":[],\"n\":1},\"words\":[\"a\",\"b\"]}";
    expect_call(policy, "m", "same", object, sorted);
    expect_call(policy, "m", "wrap", object,
                "{\"big\":9007199254740993,\"half\":2.5,\"list\":[1,\"x\",null,{\"y\":[]}],"
                "\"spec\":{\"e\":{},\"l\":[],\"n\":1},\"whole\":2}");
    expect_call(policy, "m", "look", object,
                "{\"items\":[1,\"x\",null,{\"y\":[]}],\"keys\":[\"big\",\"empty\",\"list\","
                "\"spec\",\"words\"]}");
    expect_call(policy, "m", "nothing", "1", "null");
    assert_null(call(policy, "m", "refuse", "1"));
    assert_int_equal(err.code, ERR_INVALID);
    assert_string_equal(err.text, "no image");
    assert_null(call(policy, "m", "bad", "1"));
    assert_string_equal(err.text, "policies/m.lua: what bad returned: a: an empty table must be "
                                  "json.array{} or json.object{}");
    assert_null(call(policy, "m", "raise", "1"));
    assert_non_null(strstr(err.text, "policies/m.lua:9: boom"));
    assert_null(call(policy, "m", "spin", "1"));
    assert_int_equal(err.code, ERR_LIMIT);
    assert_non_null(strstr(err.text, "policies/m.lua:10"));
    assert_null(call(policy, "m", "absent", "1"));
    assert_null(call(policy, "elsewhere", "x", "1"));
    assert_int_equal(err.code, ERR_NOT_FOUND);
    assert_null(call(policy, "m", "write", object));
    assert_non_null(strstr(err.text, "a view is read-only"));
    expect_call(policy, "m", "keep", object, "true");
    assert_null(call(policy, "m", "use", "1"));
    assert_non_null(strstr(err.text, "belongs to a run that has ended"));
    assert_int_equal(policy_stats(policy).tasks, 0);
    assert_int_equal(policy_stats(policy).kills, 1);
    policy_unref(policy);
}

struct seen {
    int passed, failed;
    char text[2048];
};
static void on_case(void *arg, const char *module, const char *test, const char *failure)
{
    struct seen *seen = arg;
    if (failure == NULL)
        seen->passed++;
    else
        seen->failed++;
    size_t len = strlen(seen->text);
    snprintf(seen->text + len, sizeof seen->text - len, "%s/%s: %s\n", module, test,
             failure != NULL ? failure : "ok");
}

static void runs_the_tests_of_a_layer_each_by_itself(void **state)
{
    (void)state;
    static const struct file shipped[] = {
        {"bundle", "return { api = 1 }"},
        {"a_test", "return { ['fails'] = function(t) t.ok(false) end }"},
        {NULL, NULL}};
    static const struct file team[] = {{"bundle", "return { api = 1 }"},
                                       {"b_test",
                                        "return {\n"
                                        "['c spins'] = function() while true do end end,\n"
                                        "['b raises'] = function(t)\n t.equal(1, 2) end,\n"
                                        "['a works'] = function(t) t.equal({ 1 }, { 1 }) end }"},
                                       {"broken_test", "error('no')"},
                                       {NULL, NULL}};
    const struct file *lists[] = {shipped, team};
    struct policy *policy = load_layers(lists, 2);
    if (policy == NULL)
        fail_msg("%s", err.text);
    struct seen seen = {0};
    assert_int_equal(policy_test(policy, "team-a", on_case, &seen, &err), 3);
    assert_int_equal(seen.passed, 1);
    assert_non_null(strstr(seen.text,
                           "b_test/a works: ok\nb_test/b raises: team-a/b_test.lua:4: got 1, "
                           "wanted 2\nb_test/c spins: killed: "));
    assert_non_null(strstr(seen.text, "broken_test/(loading): team-a/broken_test.lua:1: no\n"));
    seen = (struct seen){0};
    assert_int_equal(policy_test(policy, NULL, on_case, &seen, &err), 4);
    assert_int_equal(policy_test(policy, "nobody", on_case, &seen, &err), -1);
    policy_unref(policy);
}

static void keeps_a_policy_alive_as_long_as_a_run_needs_it(void **state)
{
    (void)state;
    struct policy *policy = fake_policy(
        &fake, &err, "m",
        "return { run = function(ctx) ctx.sleep(10) return { requeue_ms = 1 } end }", NULL);
    fake.ended = 0;
    task_start_function(policy, "m", "run", &fake.effects, fake.log, fake_ended, &fake);
    policy_unref(policy);
    assert_true(loop_run_until(fake.loop, fake_has_ended, &fake, 1000));
    assert_int_equal(fake.last.outcome, TASK_REQUEUE);
}

static void loading_and_testing_are_bounded_in_all(void **state)
{
    (void)state;
    static const char slow[] = "for i = 1, 90000 do end return {}";
    static const char slow_tests[] =
        "local t = {}\n"
        "for i = 1, 30 do t['case ' .. i] = function() for k = 1, 90000 do end end end\n"
        "return t";
    fake.env.limits.run_instructions = 100000;
    fake.env.limits.slice_instructions = 1000;
    struct policy *policy =
        fake_policy(&fake, &err, "a", slow, "b", slow, "c", slow, "d", slow, "e", slow, "f", slow,
                    "g", slow, "h", slow, "i", slow, "j", slow, (const char *)NULL);
    assert_null(policy);
    assert_non_null(strstr(err.text, "loading all modules takes more than 8 times"));
    policy = fake_policy(&fake, &err, "a", slow, "slow_test", slow_tests, (const char *)NULL);
    assert_non_null(policy);
    struct seen seen = {0};
    policy_test(policy, NULL, on_case, &seen, &err);
    assert_int_equal(seen.passed, 14);
    assert_int_equal(seen.failed, 16);
    assert_non_null(strstr(seen.text, "not run: the tests take more than 12 times"));
    policy_unref(policy);
}

int main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        CASE(overlay_overrides_one_function_and_builds_on_the_base),
        CASE(refuses_what_does_not_load_and_names_file_and_line),
        CASE(refuses_an_overlay_that_would_switch_controllers_off),
        CASE(refuses_binary_data),
        CASE(refuses_a_broken_contract_and_names_the_field),
        CASE(reads_declarations_into_c),
        CASE(calls_pure_functions_with_views_and_exact_results),
        CASE(runs_the_tests_of_a_layer_each_by_itself),
        CASE(loading_and_testing_are_bounded_in_all),
        CASE(keeps_a_policy_alive_as_long_as_a_run_needs_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
