#include "base_support.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static struct jv *parse(const char *text)
{
    struct jv *value = NULL;
    struct err err = {0};

    if (jv_parse(text, strlen(text), &value, &err) != 0)
        fail_msg("%s: %s", text, err.text);
    return value;
}

static void assert_fails(const char *text, size_t len, enum err_code code, const char *words)
{
    struct jv *value = NULL;
    struct err err = {0};

    if (jv_parse(text, len, &value, &err) == 0)
        fail_msg("accepted: %.80s", text);
    assert_null(value);
    assert_int_equal(err.code, code);
    if (strstr(err.text, words) == NULL)
        fail_msg("`%s` does not say `%s`", err.text, words);
}

static void assert_prints(const char *in, unsigned flags, const char *out)
{
    struct jv *value = parse(in);
    char *text = jv_print_str(value, flags);

    assert_string_equal(text, out);
    free(text);
    jv_unref(value);
}

static void keeps_every_number_as_it_was(void **state)
{
    (void)state;
    assert_prints("[0,-0,9007199254740993,9223372036854775807,-9223372036854775808]", 0,
                  "[0,0,9007199254740993,9223372036854775807,-9223372036854775808]");
    assert_prints(
        "[0.1,1.0,-0.0,1e21,1E-7,100000.0,5e-324,1.7976931348623157e308,0.30000000000000004]", 0,
        "[0.1,1.0,-0.0,1e+21,1e-07,100000.0,5e-324,1.7976931348623157e+308,"
        "0.30000000000000004]");
}

static void keeps_arrays_objects_order_and_text(void **state)
{
    (void)state;
    assert_prints(" {\"b\":[],\"a\":{},\"\":null,\"s\":\"\\u0000\\u001f\\\"\\\\\\/\\n\xC3\xA9\"} ",
                  0, "{\"b\":[],\"a\":{},\"\":null,\"s\":\"\\u0000\\u001f\\\"\\\\/\\n\xC3\xA9\"}");
    assert_prints("{\"b\":1,\"a\":{\"d\":1,\"c\":2}}", JV_PRINT_SORTED,
                  "{\"a\":{\"c\":2,\"d\":1},\"b\":1}");
    assert_prints("{\"a\":[1,{}],\"b\":[]}", JV_PRINT_PRETTY,
                  "{\n  \"a\": [\n    1,\n    {}\n  ],\n  \"b\": []\n}");
    assert_prints("\"\\ud83d\\ude00\"", 0, "\"\xF0\x9F\x98\x80\"");
    assert_prints("true", 0, "true");
}

static void names_the_path_of_what_it_refuses(void **state)
{
    static const char big[] = "{\"a\":{\"b\":[1,{\"c.d\":9223372036854775808}]}}";
    static const char low[] = "{\"a\":-9223372036854775809}";
    static const char twice[] = "{\"a\":{\"x\":{\"q\":1}, \"x\":\"hunter2\"}}";

    (void)state;
    assert_fails(big, strlen(big), ERR_PARSE, "`a.b[1][\"c.d\"]`: integer outside 64 bits");
    assert_fails(low, strlen(low), ERR_PARSE, "`a`: integer outside 64 bits");
    assert_fails(twice, strlen(twice), ERR_PARSE, "`a.x`: duplicate key");
    assert_fails("[1e400]", 7, ERR_PARSE, "number too large");
    assert_fails("{\n \"a\": 1,\n \"b\": tru }", 22, ERR_PARSE, "line 3");
}

static void refuses_hostile_text_without_quoting_it(void **state)
{
    static const char *const texts[] = {"",
                                        " ",
                                        "{",
                                        "[1",
                                        "\"abc",
                                        "{\"a\"",
                                        "{\"a\":",
                                        "nul",
                                        "01",
                                        "+1",
                                        ".5",
                                        "1.",
                                        "[1,]",
                                        "{\"a\":1,}",
                                        "'a'",
                                        "[1] 2",
                                        "\"\\ud800\"",
                                        "\"\\x\"",
                                        "\"\n\"",
                                        "NaN",
                                        "Infinity",
                                        "\xFF",
                                        "\"\xC3\"",
                                        "\"\xE2\x82\"",
                                        "\"\xF0\x9F\x98\"",
                                        "\"\xC0\x80\"",
                                        "\"\xED\xA0\x80\"",
                                        "{1:2}",
                                        "{\"\\u0000\":1}",
                                        "\xEF\xBB\xBF{}"};
    static const char secret[] = "{\"password\": hunter2}";
    struct jv *value = NULL;
    struct err err = {0};

    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        assert_fails(texts[i], strlen(texts[i]), ERR_PARSE, "JSON");
    assert_fails("1\0", 2, ERR_PARSE, "JSON");
    assert_int_equal(jv_parse(secret, strlen(secret), &value, &err), -1);
    assert_null(strstr(err.text, "hunter"));
    assert_int_equal(jv_parse(secret, strlen(secret), &value, NULL), -1);
}

static void stops_at_the_depth_limit(void **state)
{
    size_t len = 1 << 20;
    char *bomb = malloc(len);
    char *text;
    struct jv *value, *outer;
    struct buf out;

    (void)state;
    memset(bomb, '[', len);
    assert_fails(bomb, len, ERR_LIMIT, "too deep");
    for (size_t i = 0; i + 5 <= len; i += 5)
        memcpy(bomb + i, "{\"a\":", 5);
    assert_fails(bomb, len, ERR_LIMIT, "too deep");
    memset(bomb, '[', JV_DEPTH_MAX);
    memset(bomb + JV_DEPTH_MAX, ']', JV_DEPTH_MAX);
    bomb[2 * JV_DEPTH_MAX] = '\0';
    value = parse(bomb);
    text = jv_print_str(value, 0);
    assert_string_equal(text, bomb);
    free(text);
    outer = jv_array();
    jv_append(outer, value);
    assert_null(jv_print_str(outer, 0));
    buf_init(&out, 1 << 20);
    assert_int_equal(jv_print(outer, 0, &out), -1);
    assert_true(out.failed);
    buf_deinit(&out);
    jv_unref(outer);
    free(bomb);
}

static void brackets_in_strings_are_not_depth(void **state)
{
    char text[1024];
    struct jv *value;

    (void)state;
    memset(text, '[', sizeof(text));
    text[0] = '"';
    text[1] = '\\';
    text[2] = '"';
    text[sizeof(text) - 1] = '"';
    assert_int_equal(jv_parse(text, sizeof(text), &value, NULL), 0);
    assert_int_equal(strlen(jv_str(value)), sizeof(text) - 3);
    jv_unref(value);
}

static void reads_back_what_it_prints(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 3000; seed++) {
        uint64_t s = seed;
        struct jv *value = gen_value(&s, 5, true), *again = NULL, *copy = jv_dup(value);
        char *text = jv_print_str(value, seed % 2 ? JV_PRINT_PRETTY : JV_PRINT_SORTED), *second;
        struct err err = {0};
        if (jv_parse(text, strlen(text), &again, &err) != 0)
            fail_msg("seed %llu: %s", (unsigned long long)seed, err.text);
        second = jv_print_str(again, seed % 2 ? JV_PRINT_PRETTY : JV_PRINT_SORTED);
        assert_string_equal(text, second);
        assert_true(jv_equal(value, copy));
        if (!jv_equal(value, again))
            fail_msg("seed %llu differs: %s", (unsigned long long)seed, text);
        free(text);
        free(second);
        jv_unref(value);
        jv_unref(again);
        jv_unref(copy);
    }
}

static void survives_every_cut_and_changed_byte(void **state)
{
    static const char text[] =
        "{\"a\":[1,2.5,-3e2,\"x\\u00e9\\n\xF0\x9F\x98\x80\",{\"b\":null}],\"c\":true,\"d\":{}}";
    char copy[sizeof(text)];
    struct jv *value;

    (void)state;
    for (size_t cut = 0; cut < sizeof(text) - 1; cut++)
        assert_int_equal(jv_parse(text, cut, &value, NULL), -1);
    for (size_t i = 0; i < sizeof(text) - 1; i++) {
        for (int c = 0; c < 256; c++) {
            memcpy(copy, text, sizeof(text));
            copy[i] = (char)c;
            value = NULL;
            struct err err = {0};
            if (jv_parse(copy, sizeof(text) - 1, &value, &err) == 0)
                jv_unref(value);
            else
                assert_int_not_equal(err.code, ERR_NONE);
        }
    }
}

static void reals_and_integers_stay_apart(void **state)
{
    struct jv *one = jv_int(1), *real = jv_real(1.0), *huge = jv_real(1e300);

    (void)state;
    assert_false(jv_equal(one, real));
    assert_int_equal(jv_int_value(real), 1);
    assert_int_equal(jv_int_value(huge), INT64_MAX);
    assert_null(jv_real(NAN));
    assert_null(jv_real(INFINITY));
    jv_unref(one);
    jv_unref(real);
    jv_unref(huge);
}

static void a_copy_does_not_share_what_can_change(void **state)
{
    struct jv *value = parse("{\"a\":{\"b\":[1]}}"), *copy = jv_dup(value);

    (void)state;
    jv_append(jv_path(copy, "a", "b", NULL), jv_int(2));
    jv_set_str(jv_get(copy, "a"), "c", "new");
    assert_int_equal(jv_size(jv_path(value, "a", "b", NULL)), 1);
    assert_null(jv_path(value, "a", "c", NULL));
    jv_unref(value);
    jv_unref(copy);
}

static void walks_and_builds_paths(void **state)
{
    struct jv *object = jv_object(), *labels = jv_ensure(object, "metadata", "labels", NULL);
    struct jv_iter iter = {0};
    const char *keys[] = {"z", "a", "m"};
    size_t n = 0;

    (void)state;
    for (size_t i = 0; i < 3; i++)
        jv_set_str(labels, keys[i], keys[i]);
    jv_set_str(labels, "none", NULL);
    jv_set_str(labels, "a", "replaced");
    assert_ptr_equal(jv_ensure(object, "metadata", "labels", NULL), labels);
    while (jv_next(labels, &iter)) {
        assert_string_equal(iter.key, keys[n++]);
        assert_ptr_equal(iter.value, jv_get(labels, iter.key));
    }
    assert_int_equal(n, 3);
    assert_string_equal(jv_path_str(object, "metadata", "labels", "a", NULL), "replaced");
    assert_null(jv_path_str(object, "metadata", "labels", NULL));
    assert_null(jv_path(object, "metadata", "labels", "a", "b", NULL));
    assert_null(jv_get(NULL, "a"));
    assert_null(jv_at(NULL, 0));
    assert_false(jv_is_object(NULL));
    iter = (struct jv_iter){0};
    assert_int_equal(jv_next(NULL, &iter), 0);
    jv_unref(object);
}

static void strings_are_always_utf8(void **state)
{
    struct jv *repaired = jv_string("a\xFFz\xE2\x82"), *nul = jv_stringn("a\0b", 3);
    struct jv *formatted = jv_stringf("%d %s", 7, "\xC0");
    size_t len;

    (void)state;
    assert_string_equal(jv_str(repaired), "a\xEF\xBF\xBDz\xEF\xBF\xBD\xEF\xBF\xBD");
    assert_null(jv_stringn("\xC3", 1));
    assert_memory_equal(jv_strn(nul, &len), "a\0b", 4);
    assert_int_equal(len, 3);
    assert_string_equal(jv_str(formatted), "7 \xEF\xBF\xBD");
    assert_null(jv_string(NULL));
    jv_unref(repaired);
    jv_unref(nul);
    jv_unref(formatted);
}

static void a_full_buffer_fails_the_print(void **state)
{
    struct jv *value = parse("[\"aaaaaaaaaaaaaaaaaaaaaaaaaa\",{\"a\":1}]");
    struct buf out;

    (void)state;
    for (size_t max = 0; max < 39; max++) {
        buf_init(&out, max);
        if (jv_print(value, 0, &out) == 0)
            assert_int_equal(out.len, 38);
        assert_true(out.len <= max);
        assert_true(out.failed || max >= 38);
        buf_deinit(&out);
    }
    jv_unref(value);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keeps_every_number_as_it_was),
        cmocka_unit_test(keeps_arrays_objects_order_and_text),
        cmocka_unit_test(names_the_path_of_what_it_refuses),
        cmocka_unit_test(refuses_hostile_text_without_quoting_it),
        cmocka_unit_test(stops_at_the_depth_limit),
        cmocka_unit_test(brackets_in_strings_are_not_depth),
        cmocka_unit_test(reads_back_what_it_prints),
        cmocka_unit_test(survives_every_cut_and_changed_byte),
        cmocka_unit_test(reals_and_integers_stay_apart),
        cmocka_unit_test(a_copy_does_not_share_what_can_change),
        cmocka_unit_test(walks_and_builds_paths),
        cmocka_unit_test(strings_are_always_utf8),
        cmocka_unit_test(a_full_buffer_fails_the_print),
    };

    jv_seed(7);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
