#include "base_support.h"

#include "base/backoff.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

static void grows_to_its_maximum_and_no_further(void **state)
{
    struct buf buf;

    (void)state;
    buf_init(&buf, 100);
    assert_string_equal(buf_str(&buf), "");
    for (int i = 0; i < 100; i++)
        assert_int_equal(buf_add_char(&buf, 'x'), 0);
    assert_int_equal(buf_add_char(&buf, 'y'), -1);
    assert_true(buf.failed);
    assert_int_equal(buf.len, 100);
    assert_int_equal(strlen(buf_str(&buf)), 100);
    buf_deinit(&buf);
}

static void stays_failed_until_cleared(void **state)
{
    struct buf buf;

    (void)state;
    buf_init(&buf, 4);
    assert_int_equal(buf_add_str(&buf, "hello"), -1);
    assert_int_equal(buf_add_str(&buf, "a"), -1);
    assert_int_equal(buf_printf(&buf, "%d", 1), -1);
    assert_int_equal(buf.len, 0);
    buf_clear(&buf);
    assert_int_equal(buf_add_str(&buf, "a"), 0);
    assert_string_equal(buf_str(&buf), "a");
    buf_deinit(&buf);
}

static void prints_across_its_capacity(void **state)
{
    struct buf buf, other;

    (void)state;
    buf_init(&buf, 1 << 16);
    buf_init(&other, 1 << 16);
    for (int i = 0; i < 200; i++) {
        assert_int_equal(buf_printf(&buf, "%d,%s;", i, "abcdefghijklmnopqrstuvwxyz"), 0);
        buf_add_str(&other, "");
    }
    assert_int_equal(strlen(buf_str(&buf)), buf.len);
    assert_non_null(strstr(buf_str(&buf), "199,abcdefghijklmnopqrstuvwxyz;"));
    buf_clear(&buf);
    buf.bytes_max = 3;
    assert_int_equal(buf_printf(&buf, "%s", "four"), -1);
    assert_string_equal(buf_str(&buf), "");
    buf_deinit(&buf);
    buf_deinit(&other);
}

static void consumes_from_the_front(void **state)
{
    struct buf buf;

    (void)state;
    buf_init(&buf, 100);
    buf_consume(&buf, 5);
    buf_add_str(&buf, "line one\nline two");
    buf_consume(&buf, 9);
    assert_string_equal(buf_str(&buf), "line two");
    buf_consume(&buf, 100);
    assert_int_equal(buf.len, 0);
    assert_string_equal(buf_str(&buf), "");
    buf_deinit(&buf);
}

static void hands_its_bytes_over(void **state)
{
    struct buf buf;
    size_t len = 7;
    char *bytes;

    (void)state;
    buf_init(&buf, 100);
    bytes = buf_take(&buf, &len);
    assert_string_equal(bytes, "");
    assert_int_equal(len, 0);
    free(bytes);
    buf_add(&buf, "a\0b", 3);
    bytes = buf_take(&buf, &len);
    assert_int_equal(len, 3);
    assert_memory_equal(bytes, "a\0b", 4);
    assert_null(buf.data);
    free(bytes);
    bytes = mem_printf("%s-%d", "a", 1);
    assert_string_equal(bytes, "a-1");
    free(bytes);
    assert_null(mem_str(NULL));
}

static void errors_carry_code_text_and_context(void **state)
{
    struct err err = {0};

    (void)state;
    assert_int_equal(err_set(&err, ERR_NOT_FOUND, "file `%s`", "a"), -1);
    err.http_status = 404;
    assert_int_equal(err_wrap(&err, "reading %d", 3), -1);
    assert_string_equal(err.text, "reading 3: file `a`");
    assert_int_equal(err.code, ERR_NOT_FOUND);
    assert_int_equal(err.http_status, 404);
    err_set(&err, ERR_INVALID, "again: %s", err.text);
    assert_string_equal(err.text, "again: reading 3: file `a`");
    assert_int_equal(err.http_status, 0);
    assert_int_equal(err_errno(&err, ENOENT, "open `%s`", "x"), -1);
    assert_string_equal(err.text, "open `x`: No such file or directory");
    assert_int_equal(err.code, ERR_IO);
    assert_int_equal(err_set(NULL, ERR_IO, "x"), -1);
    assert_int_equal(err_wrap(NULL, "x"), -1);
    assert_int_equal(err_errno(NULL, 1, "x"), -1);
    assert_string_equal(err_code_name(ERR_FENCED), "fenced");
}

static void long_error_texts_are_cut_between_characters(void **state)
{
    char text[2000];
    struct err err = {0};

    (void)state;
    for (size_t shift = 0; shift < 3; shift++) {
        memset(text, 'a', shift);
        for (size_t i = shift; i + 3 < sizeof(text); i += 3)
            memcpy(text + i, "漢", 4);
        err_set(&err, ERR_IO, "%s", text);
        assert_true(utf8_valid(err.text, strlen(err.text)));
        assert_string_equal(err.text + strlen(err.text) - 3, "…");
        err_wrap(&err, "context that is long enough to push the end away");
        assert_true(utf8_valid(err.text, strlen(err.text)));
        assert_string_equal(err.text + strlen(err.text) - 3, "…");
    }
    memset(text, 'b', sizeof(text));
    text[ERR_TEXT_BYTES - 3] = '\0';
    err_errno(&err, EIO, "%s", text);
    assert_true(strlen(err.text) < ERR_TEXT_BYTES);
    assert_string_equal(err.text + strlen(err.text) - 3, "…");
}

static void only_passing_failures_are_transient(void **state)
{
    struct err err = {.code = ERR_SERVER};

    (void)state;
    assert_true(err_is_transient(&err));
    err.code = ERR_CONFLICT;
    assert_false(err_is_transient(&err));
    err.retry_after_ms = 5;
    assert_true(err_is_transient(&err));
    assert_false(err_is_transient(NULL));
}

static void backoff_doubles_and_stops_at_the_cap(void **state)
{
    (void)state;
    assert_int_equal(backoff_delay_ms(5, 1000000, 0), 5);
    assert_int_equal(backoff_delay_ms(5, 1000000, 1), 10);
    assert_int_equal(backoff_delay_ms(5, 1000000, 17), 655360);
    assert_int_equal(backoff_delay_ms(5, 1000000, 18), 1000000);
    assert_int_equal(backoff_delay_ms(5, 1000000, 63), 1000000);
    assert_int_equal(backoff_delay_ms(5, 1000000, UINT32_MAX), 1000000);
    assert_int_equal(backoff_delay_ms(1, INT64_MAX, 61), 1LL << 61);
    assert_int_equal(backoff_delay_ms(10, 5, 3), 5);
    assert_int_equal(backoff_delay_ms(0, 5, 3), 0);
    assert_int_equal(backoff_jitter_ms(1000, 0.5, 0), 1000);
    assert_int_equal(backoff_jitter_ms(1000, 0.5, 0.5), 1250);
    assert_int_equal(backoff_jitter_ms(1000, NAN, 0.5), 1000);
    assert_int_equal(backoff_jitter_ms(INT64_MAX - 1, 1.0, 0.9), INT64_MAX);
}

static void utf8_knows_good_from_bad(void **state)
{
    static const char *const bad[] = {
        "\x80", "\xC0\x80",         "\xC1\xBF", "\xE0\x80\x80", "\xED\xA0\x80", "\xF0\x80\x80\x80",
        "\xFF", "\xF4\x90\x80\x80", "\xE2\x82", "\xF0\x9F\x98", "\xC3("};

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_false(utf8_valid(bad[i], strlen(bad[i])));
    assert_true(utf8_valid("aé漢😀\xF4\x8F\xBF\xBF", 14));
    assert_int_equal(utf8_cut("aé", 3, 2), 1);
    assert_int_equal(utf8_cut("aé", 3, 3), 3);
    assert_int_equal(utf8_cut("a😀b", 6, 4), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(grows_to_its_maximum_and_no_further),
        cmocka_unit_test(stays_failed_until_cleared),
        cmocka_unit_test(prints_across_its_capacity),
        cmocka_unit_test(consumes_from_the_front),
        cmocka_unit_test(hands_its_bytes_over),
        cmocka_unit_test(errors_carry_code_text_and_context),
        cmocka_unit_test(long_error_texts_are_cut_between_characters),
        cmocka_unit_test(only_passing_failures_are_transient),
        cmocka_unit_test(backoff_doubles_and_stops_at_the_cap),
        cmocka_unit_test(utf8_knows_good_from_bad),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
