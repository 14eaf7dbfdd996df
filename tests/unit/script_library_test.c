#include "unit/script_fake.h"

static int cases;

static void on_case(void *arg, const char *module, const char *test, const char *failure)
{
    (void)arg;
    (void)module;
    cases++;
    if (failure != NULL)
        print_error("%s: %s\n", test, failure);
}

static int run_cases(struct fake *fake)
{
    static char text[64 * 1024];
    FILE *file = fopen("tests/unit/script_library_test.lua", "r");
    assert_non_null(file);
    text[fread(text, 1, sizeof text - 1, file)] = '\0';
    fclose(file);
    struct err err = {0};
    struct policy *policy = fake_policy(fake, &err, "library_test", text, NULL);
    if (policy == NULL)
        fail_msg("%s", err.text);
    cases = 0;
    int failed = policy_test(policy, NULL, on_case, NULL, &err);
    assert_true(cases > 20);
    policy_unref(policy);
    return failed;
}

static void libraries_do_what_the_manual_and_the_readme_say(void **state)
{
    (void)state;
    struct fake fake;
    fake_init(&fake, clock_virtual_new(1700000000000000000));
    assert_int_equal(run_cases(&fake), 0);
    fake_deinit(&fake);
}

static void libraries_do_the_same_when_preempted_at_every_few_instructions(void **state)
{
    (void)state;
    for (uint64_t every = 1; every <= 7; every += 2) {
        struct fake fake;
        fake_init(&fake, clock_virtual_new(1700000000000000000));
        fake.env.limits.slice_instructions = every;
        assert_int_equal(run_cases(&fake), 0);
        fake_deinit(&fake);
    }
}

static const char worker[] =
    "local function fib(n) if n < 2 then return n end return fib(n - 1) + fib(n - 2) end\n"
    "local counter = setmetatable({}, { __index = function(_, k) return fib(k) end,\n"
    " __lt = function(a, b) return fib(12) > 1 end, __concat = function(a, b) return 'c' .. "
    "fib(12) end })\n"
    "return { run = function(ctx)\n"
    "  local t, sum = {}, 0\n"
    "  for i = 1, 300 do\n"
    "    t['k' .. i] = { n = fib(12), s = ('%d'):format(i) }\n"
    "    sum = sum + counter[12] + (counter < {} and 1 or 0) + #(counter .. 1)\n"
    "  end\n"
    "  local seen = 0\n"
    "  for k, v in pairs(t) do seen = seen + v.n + #k end\n"
    "  local ok, text = pcall(function() local s = 0 for i = 1, 1e5 do s = s + i end error(s) "
    "end)\n"
    "  if sum ~= 300 * (144 + 1 + 4) or seen ~= 300 * 144 + 1092 or ok or text ~= 5000050000 then\n"
    "    error('wrong: ' .. sum .. ' ' .. seen .. ' ' .. tostring(text)) end\n"
    "end }\n";

/* Real slices, by the timer's signal: several runs share the thread and each gets the right answer. */
static void runs_that_are_preempted_compute_the_same(void **state)
{
    (void)state;
    struct fake fake;
    struct err err = {0};
    fake_init(&fake, clock_real_new());
    fake.env.limits.slice_ms = 1;
    fake.env.limits.run_cpu_ms = 20000;
    struct policy *policy = fake_policy(&fake, &err, "m", worker, NULL);
    assert_non_null(policy);
    for (int round = 0; round < 5; round++) {
        fake.ended = 0;
        for (int i = 0; i < 8; i++)
            task_start_function(policy, "m", "run", &fake.effects, fake.log, fake_ended, &fake);
        size_t turns = loop_stats(fake.loop).turns;
        while (fake.ended < 8) {
            loop_turn(fake.loop, -1);
            if (fake.ended > 0 && fake.last.outcome != TASK_DONE)
                fail_msg("%s", fake.last.err.text);
        }
        assert_true(loop_stats(fake.loop).turns > turns + 4); /* it was preempted at all */
    }
    policy_unref(policy);
    fake_deinit(&fake);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(libraries_do_what_the_manual_and_the_readme_say),
        cmocka_unit_test(libraries_do_the_same_when_preempted_at_every_few_instructions),
        cmocka_unit_test(runs_that_are_preempted_compute_the_same),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
