#include "base_support.h"

#include "base/log.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

struct lines {
    struct buf text;
    size_t count;
};

static void keep_line(void *arg, const char *line, size_t len)
{
    struct lines *lines = arg;

    buf_add(&lines->text, line, len);
    lines->count++;
}

static int64_t noon(void *arg)
{
    (void)arg;
    return 1769854830123456000LL; /* 2026-01-31T10:20:30.123456Z */
}

static struct log *log_to(struct lines *lines, enum log_format format, bool color)
{
    struct log_options options = {.level = LOG_INFO,
                                  .format = format,
                                  .color = color,
                                  .sink = keep_line,
                                  .sink_arg = lines,
                                  .wall_ns = noon};

    buf_init(&lines->text, 1 << 20);
    lines->count = 0;
    return log_new(&options);
}

static void text_lines_are_for_people(void **state)
{
    struct lines lines;
    struct log_num_buf num;
    struct log *log = log_to(&lines, LOG_TEXT, false);

    (void)state;
    log_info(log, "listed pods", "items", log_num(&num, -3), "none", (char *)NULL, "name", "a b",
             "q", "say \"x\"", "empty", "");
    assert_string_equal(buf_str(&lines.text),
                        "2026-01-31T10:20:30.123456Z INFO  listed pods items=-3 name=\"a b\" "
                        "q=\"say \\\"x\\\"\" empty=\"\"\n");
    log_free(log);
    buf_deinit(&lines.text);
}

static void control_characters_never_reach_a_terminal(void **state)
{
    struct lines lines;
    struct log *log = log_to(&lines, LOG_TEXT, false);

    (void)state;
    log_error(log, "bad\n\033[2Jmessage", "key\r", "\x07\xC2\x9B\x7F\xFFz");
    assert_string_equal(buf_str(&lines.text),
                        "2026-01-31T10:20:30.123456Z ERROR bad\\n\\u001b[2Jmessage "
                        "\"key\\u000d\"=\"\\u0007\\u009b\\u007f\xEF\xBF\xBDz\"\n");
    log_free(log);
    buf_deinit(&lines.text);
}

static void colours_come_when_asked(void **state)
{
    struct lines lines;
    struct log *log = log_to(&lines, LOG_TEXT, true);

    (void)state;
    log_warn(log, "slow", "a", "b");
    assert_string_equal(buf_str(&lines.text), "2026-01-31T10:20:30.123456Z \033[33mWARN \033[0m "
                                              "slow \033[2ma=\033[0mb\n");
    log_free(log);
    buf_deinit(&lines.text);
}

static void json_lines_are_one_object_whatever_is_logged(void **state)
{
    uint64_t random = 11;
    struct lines lines;
    struct log *log = log_to(&lines, LOG_JSON, true);

    (void)state;
    for (int i = 0; i < 500; i++) {
        char noise[65];
        struct jv *line = NULL;
        struct err err = {0};
        for (size_t j = 0; j < 64; j++)
            noise[j] = (char)(1 + gen_below(&random, 255));
        noise[64] = '\0';
        buf_clear(&lines.text);
        log_warn(log, noise, "key", noise, "other", "é");
        if (jv_parse(buf_str(&lines.text), lines.text.len, &line, &err) != 0)
            fail_msg("%s", err.text);
        assert_ptr_equal(strchr(buf_str(&lines.text), '\n'), lines.text.data + lines.text.len - 1);
        assert_string_equal(jv_path_str(line, "level", NULL), "warn");
        assert_string_equal(jv_path_str(line, "other", NULL), "é");
        assert_string_equal(jv_path_str(line, "time", NULL), "2026-01-31T10:20:30.123456Z");
        jv_unref(line);
    }
    log_free(log);
    buf_deinit(&lines.text);
}

static void children_carry_their_pairs(void **state)
{
    struct lines lines;
    struct log *log = log_to(&lines, LOG_JSON, false);
    struct log *child = log_child(log, "cluster", "ns/a", "skip", (char *)NULL, (char *)NULL);
    struct log *grandchild = log_child(child, "group", "brokers", (char *)NULL);

    (void)state;
    log_debug(grandchild, "hidden");
    assert_int_equal(lines.count, 0);
    log_info(grandchild, "ready", "n", "1");
    assert_non_null(strstr(buf_str(&lines.text), "\"message\":\"ready\",\"cluster\":\"ns/a\","
                                                 "\"group\":\"brokers\",\"n\":\"1\"}\n"));
    assert_true(log_enabled(child, LOG_INFO));
    assert_false(log_enabled(child, LOG_DEBUG));
    log_free(grandchild);
    log_free(child);
    log_free(log);
    log_free(NULL);
    assert_null(log_child(NULL, "a", "b", (char *)NULL));
    log_error((struct log *)NULL, "silent");
    buf_deinit(&lines.text);
}

static void too_long_lines_are_cut_but_stay_whole(void **state)
{
    struct lines lines;
    struct log *log = log_to(&lines, LOG_JSON, false);
    char *huge = mem_alloc(100001);
    struct jv *line = NULL;

    (void)state;
    memset(huge, '\x01', 100000);
    log_info(log, huge, "a", huge, "b", huge, "c", "short");
    assert_true(lines.text.len <= LOG_LINE_BYTES_MAX);
    assert_int_equal(jv_parse(buf_str(&lines.text), lines.text.len, &line, NULL), 0);
    assert_string_equal(jv_path_str(line, "c", NULL), "short");
    jv_unref(line);
    free(huge);
    log_free(log);
    buf_deinit(&lines.text);
}

static void a_stuck_reader_costs_lines_and_is_counted(void **state)
{
    int fds[2];
    struct log_options options = {.level = LOG_INFO, .format = LOG_JSON, .wall_ns = noon};
    struct log *log;
    char *drain = mem_alloc(1 << 20);
    ssize_t got, total = 0;
    struct jv *line = NULL;
    char *last;

    (void)state;
    assert_int_equal(pipe(fds), 0);
    options.fd = fds[1];
    log = log_new(&options);
    for (int i = 0; i < 2000; i++)
        log_info(log, "0123456789012345678901234567890123456789", "key", "value");
    assert_true(log_dropped(log) > 0);
    assert_int_equal(fcntl(fds[0], F_SETFL, O_NONBLOCK), 0);
    while ((got = read(fds[0], drain + total, (1 << 20) - (size_t)total)) > 0)
        total += got;
    assert_true(total > 0);
    log_info(log, "after");
    got = read(fds[0], drain, 1 << 20);
    assert_true(got > 0);
    last = drain[0] == '\n' ? drain + 1 : drain;
    assert_int_equal(jv_parse(last, (size_t)(got - (last - drain)), &line, NULL), 0);
    assert_string_equal(jv_path_str(line, "message", NULL), "after");
    jv_unref(line);
    free(drain);
    log_free(log);
    close(fds[0]);
    close(fds[1]);
}

static void times_are_rfc3339(void **state)
{
    char text[40];

    (void)state;
    log_time_rfc3339(0, false, text);
    assert_string_equal(text, "1970-01-01T00:00:00Z");
    log_time_rfc3339(-1, true, text);
    assert_string_equal(text, "1969-12-31T23:59:59.999999Z");
    log_time_rfc3339(INT64_MIN, true, text);
    assert_string_equal(text, "1677-09-21T00:12:43.145224Z");
    log_time_rfc3339(951782400000000000LL, false, text);
    assert_string_equal(text, "2000-02-29T00:00:00Z");
}

static void levels_are_read_or_explained(void **state)
{
    enum log_level level = LOG_DEBUG;
    struct err err = {0};

    (void)state;
    assert_int_equal(log_level_parse("warn", &level, NULL), 0);
    assert_int_equal(level, LOG_WARN);
    assert_int_equal(log_level_parse("loud", &level, &err), -1);
    assert_non_null(strstr(err.text, "debug, info, warn or error"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_lines_are_for_people),
        cmocka_unit_test(control_characters_never_reach_a_terminal),
        cmocka_unit_test(colours_come_when_asked),
        cmocka_unit_test(json_lines_are_one_object_whatever_is_logged),
        cmocka_unit_test(children_carry_their_pairs),
        cmocka_unit_test(too_long_lines_are_cut_but_stay_whole),
        cmocka_unit_test(a_stuck_reader_costs_lines_and_is_counted),
        cmocka_unit_test(times_are_rfc3339),
        cmocka_unit_test(levels_are_read_or_explained),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
