/* Label selectors: text and object form, meaning, printing, refusals. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/selector.h"

static struct jv *parse(const char *text)
{
    struct jv *value = NULL;
    assert_int_equal(jv_parse(text, strlen(text), &value, NULL), 0);
    return value;
}

static bool matches(const char *selector, const char *labels)
{
    struct err err = {0};
    struct selector *parsed = selector_parse(selector, &err);
    assert_non_null(parsed);
    struct jv *value = parse(labels);
    bool result = selector_matches(parsed, value);
    jv_unref(value);
    selector_free(parsed);
    return result;
}

static void text_selects_by_every_operator(void **state)
{
    (void)state;
    const char *labels = "{\"a\":\"b\",\"n\":\"5\",\"x.io/k\":\"\"}";
    static const char *const yes[] = {
        "",  "a=b", "a == b", "a!=c",  "zz!=c",   "a in (c, b)", "a notin (c)", "zz notin (c)",
        "a", "!zz", "n>4",    "n < 6", "x.io/k=", "a=b,n=5,!q"};
    static const char *const no[] = {"a=c", "a!=b", "a in (c)", "a notin (b)", "zz", "!a",
                                     "n>5", "n<5",  "zz=",      "a=b,zz",      "a>1"};
    for (size_t i = 0; i < sizeof(yes) / sizeof(yes[0]); i++)
        assert_true(matches(yes[i], labels));
    for (size_t i = 0; i < sizeof(no) / sizeof(no[0]); i++)
        assert_false(matches(no[i], labels));
    assert_true(matches("!a", "{}"));
}

static void bad_text_is_refused_in_the_words_of_the_libraries(void **state)
{
    (void)state;
    static const char *const rows[][2] = {
        {"x in (a", "unable to parse requirement: found '', expected: ',' or ')'"},
        {"a=b,", "found '', expected: identifier after ','"},
        {"a b", "unable to parse requirement: found 'b', expected: in, notin, =, ==, !=, gt, lt"},
        {"a=b c", "found 'c', expected: ',' or 'end of string'"},
        {"=a", "found '=', expected: !, identifier, or 'end of string'"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct err err = {0};
        assert_null(selector_parse(rows[i][0], &err));
        assert_string_equal(err.text, rows[i][1]);
    }
}

static void objects_select_and_print_sorted(void **state)
{
    (void)state;
    struct buf text;
    struct err err = {0};
    struct jv *object =
        parse("{\"matchLabels\":{\"b\":\"2\",\"a\":\"1\"},\"matchExpressions\":[{\"key\":\"c\","
              "\"operator\":\"In\",\"values\":[\"y\",\"x\"]},{\"key\":\"d\",\"operator\":"
              "\"DoesNotExist\"}]}");
    struct selector *selector = selector_of_object(object, &err);
    assert_non_null(selector);
    buf_init(&text, 256);
    selector_print(selector, &text);
    assert_string_equal(buf_str(&text), "a=1,b=2,c in (x,y),!d");
    buf_deinit(&text);
    struct jv *labels = parse("{\"a\":\"1\",\"b\":\"2\",\"c\":\"x\"}");
    assert_true(selector_matches(selector, labels));
    jv_set_str(labels, "d", "");
    assert_false(selector_matches(selector, labels));
    jv_unref(labels);
    selector_free(selector);
    jv_unref(object);
}

static void an_empty_object_selects_all_and_none_selects_nothing(void **state)
{
    (void)state;
    struct jv *empty = jv_object();
    struct selector *all = selector_of_object(empty, NULL), *none = selector_of_object(NULL, NULL);
    assert_true(selector_matches(all, NULL));
    assert_true(selector_is_empty(all));
    assert_false(selector_matches(none, empty));
    assert_false(selector_is_empty(none));
    selector_free(all);
    selector_free(none);
    jv_unref(empty);
    struct err err = {0};
    struct jv *wrong = parse("{\"matchExpressions\":[{\"key\":\"a\",\"operator\":\"Is\"}]}");
    assert_null(selector_of_object(wrong, &err));
    assert_string_equal(err.text, "\"Is\" is not a valid label selector operator");
    jv_unref(wrong);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_selects_by_every_operator),
        cmocka_unit_test(bad_text_is_refused_in_the_words_of_the_libraries),
        cmocka_unit_test(objects_select_and_print_sorted),
        cmocka_unit_test(an_empty_object_selects_all_and_none_selects_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
