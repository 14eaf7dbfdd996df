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

static void libraries_do_what_the_manual_and_the_readme_say(void **state)
{
    (void)state;
    static char text[64 * 1024];
    FILE *file = fopen("tests/unit/script_library_test.lua", "r");
    assert_non_null(file);
    text[fread(text, 1, sizeof text - 1, file)] = '\0';
    fclose(file);
    struct fake fake;
    struct err err = {0};
    fake_init(&fake, clock_virtual_new(1700000000000000000));
    struct policy *policy = fake_policy(&fake, &err, "library_test", text, NULL);
    if (policy == NULL)
        fail_msg("%s", err.text);
    assert_int_equal(policy_test(policy, NULL, on_case, NULL, &err), 0);
    assert_true(cases > 20);
    policy_unref(policy);
    fake_deinit(&fake);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(libraries_do_what_the_manual_and_the_readme_say),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
