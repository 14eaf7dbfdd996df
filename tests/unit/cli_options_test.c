/* Command lines: what is accepted, and what a mistake is answered with. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/buf.h"
#include "cli/options.h"

#include <stdlib.h>
#include <string.h>

struct values {
    bool flag;
    const char *text, *format;
    int64_t number;
    double speed;
    struct option_list list;
    struct arguments arguments;
    struct err err;
};

static int parse(struct values *values, const char *const *env, int argc, char *const *argv)
{
    const struct option options[] = {
        {.name = "flag",
         .letter = 'f',
         .kind = OPTION_FLAG,
         .help = "A flag.",
         .value = &values->flag},
        {.name = "text",
         .kind = OPTION_STRING,
         .value_name = "TEXT",
         .help = "Text.",
         .value = &values->text,
         .env = "TEXT"},
        {.name = "output",
         .letter = 'o',
         .kind = OPTION_CHOICE,
         .value_name = "FORMAT",
         .help = "Format.",
         .value = &values->format,
         .choices = "text|json"},
        {.name = "number",
         .kind = OPTION_INT,
         .value_name = "N",
         .help = "Number.",
         .value = &values->number,
         .min = 1,
         .max = 10,
         .env = "NUMBER"},
        {.name = "speed",
         .kind = OPTION_REAL,
         .value_name = "N",
         .help = "Speed.",
         .value = &values->speed,
         .min = 0.5,
         .max = 10},
        {.name = "names",
         .kind = OPTION_LIST,
         .value_name = "A,B",
         .help = "Names.",
         .value = &values->list,
         .env = "NAMES"},
        {.name = "old-*", .kind = OPTION_IGNORED},
        {.name = "disable-*-part", .kind = OPTION_WORD, .value = &values->list},
    };
    return options_parse(options, 8, env, argc, argv, &values->arguments, &values->err);
}

#define ARGS(...)                                                                                  \
    char *argv[] = {__VA_ARGS__};                                                                  \
    int argc = (int)(sizeof(argv) / sizeof(argv[0]));

static void reads_each_kind_in_each_spelling(void **state)
{
    (void)state;
    struct values v = {0};
    ARGS("--flag", "-text", "a b", "FILE", "--output=json", "--number", "7", "--speed=2.5",
         "--names", "a, b", "--names=c", "--old-thing=x", "--", "--flag")
    assert_int_equal(parse(&v, NULL, argc, argv), 0);
    assert_true(v.flag);
    assert_string_equal(v.text, "a b");
    assert_string_equal(v.format, "json");
    assert_int_equal(v.number, 7);
    assert_true(v.speed == 2.5);
    assert_int_equal(v.list.count, 3);
    assert_string_equal(v.list.items[1], "b");
    assert_int_equal(v.arguments.count, 2);
    assert_string_equal(v.arguments.items[1], "--flag");
    option_list_deinit(&v.list);
}

static void takes_the_environment_only_when_not_given(void **state)
{
    (void)state;
    const char *const env[] = {"TEXT=from env", "NUMBER=3", "NAMES=x,,y ", NULL};
    struct values v = {0};
    ARGS("--number", "4")
    assert_int_equal(parse(&v, env, argc, argv), 0);
    assert_string_equal(v.text, "from env");
    assert_int_equal(v.number, 4);
    assert_int_equal(v.list.count, 2);
    assert_string_equal(v.list.items[1], "y");
    option_list_deinit(&v.list);
}

/* DENY_LIST="a, b " is two namespaces. */
static void q30_spaces_in_a_list_do_not_count(void **state)
{
    (void)state;
    const char *const env[] = {"NAMES= a, b ", NULL};
    struct values v = {0};
    ARGS("--number", "4")
    assert_int_equal(parse(&v, env, argc, argv), 0);
    assert_int_equal(v.list.count, 2);
    assert_string_equal(v.list.items[0], "a");
    assert_string_equal(v.list.items[1], "b");
    option_list_deinit(&v.list);
}

static void a_flag_can_be_said_false(void **state)
{
    (void)state;
    struct values v = {.flag = true};
    ARGS("--flag=false")
    assert_int_equal(parse(&v, NULL, argc, argv), 0);
    assert_false(v.flag);
}

static void takes_the_word_out_of_the_middle_of_a_name(void **state)
{
    (void)state;
    struct values v = {0};
    ARGS("--disable-left-part", "-disable-a-b-part=true", "--disable-right-part=false")
    assert_int_equal(parse(&v, NULL, argc, argv), 0);
    assert_int_equal(v.list.count, 2);
    assert_string_equal(v.list.items[0], "left");
    assert_string_equal(v.list.items[1], "a-b");
    option_list_deinit(&v.list);
    static const char *const wrong[] = {"--disable--part", "--disable-part",
                                        "--disable-left-part=perhaps"};
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        char *text = mem_str(wrong[i]);
        char *const argument[] = {text};
        struct values none = {0};
        assert_int_equal(parse(&none, NULL, 1, argument), -1);
        assert_int_equal(none.list.count, 0);
        free(text);
    }
}

static void refused(const char *wanted, const char *const *env, int argc, char *const *argv)
{
    struct values v = {0};
    assert_int_equal(parse(&v, env, argc, argv), -1);
    assert_int_equal(v.err.code, ERR_USAGE);
    assert_string_equal(v.err.text, wanted);
    option_list_deinit(&v.list);
}

static void says_what_was_expected(void **state)
{
    (void)state;
    {
        ARGS("--nummer", "1")
        refused("unknown option `--nummer`; did you mean --number? (--help lists all)", NULL, argc,
                argv);
    }
    {
        ARGS("-z")
        refused("unknown option `-z`; --help lists all", NULL, argc, argv);
    }
    {
        ARGS("--number", "0x1")
        refused("--number: a whole number between 1 and 10 is expected, not `0x1`", NULL, argc,
                argv);
    }
    {
        ARGS("--number=11")
        refused("--number: a whole number between 1 and 10 is expected, not `11`", NULL, argc,
                argv);
    }
    {
        ARGS("--speed", "nan")
        refused("--speed: a number between 0.5 and 10 is expected, not `nan`", NULL, argc, argv);
    }
    {
        ARGS("-o", "yaml")
        refused("--output: one of text|json is expected, not `yaml`", NULL, argc, argv);
    }
    {
        ARGS("--text")
        refused("--text needs a value: --text TEXT", NULL, argc, argv);
    }
    {
        ARGS("--flag=maybe")
        refused("--flag: true or false is expected, not `maybe`", NULL, argc, argv);
    }
    {
        const char *const env[] = {"NUMBER=ten", NULL};
        refused("environment variable NUMBER: --number: a whole number between 1 and 10 is "
                "expected, not `ten`",
                env, 0, NULL);
    }
}

static void help_is_noticed_anywhere(void **state)
{
    (void)state;
    struct values v = {0};
    ARGS("FILE", "--help")
    assert_int_equal(parse(&v, NULL, argc, argv), 0);
    assert_true(v.arguments.help);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_each_kind_in_each_spelling),
        cmocka_unit_test(takes_the_environment_only_when_not_given),
        cmocka_unit_test(q30_spaces_in_a_list_do_not_count),
        cmocka_unit_test(a_flag_can_be_said_false),
        cmocka_unit_test(takes_the_word_out_of_the_middle_of_a_name),
        cmocka_unit_test(says_what_was_expected),
        cmocka_unit_test(help_is_noticed_anywhere),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
