/* Names that nobody gives a policy, found without running it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "script/lint.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct bench {
    struct clock *clock;
    struct loop *loop;
    struct random_source *random;
    struct lint *lint;
    struct buf found;
    struct err err;
};

static int setup(void **state)
{
    struct bench *bench = mem_alloc(sizeof(*bench));
    bench->clock = clock_virtual_new(0);
    bench->loop = loop_new(bench->clock, &bench->err);
    bench->random = random_seeded_new(1);
    struct policy_env env = {.loop = bench->loop, .random = bench->random};
    bench->lint = lint_new(&env, &bench->err);
    assert_non_null(bench->lint);
    buf_init(&bench->found, 1 << 20);
    *state = bench;
    return 0;
}

static int teardown(void **state)
{
    struct bench *bench = *state;
    lint_free(bench->lint);
    buf_deinit(&bench->found);
    loop_free(bench->loop);
    random_free(bench->random);
    clock_free(bench->clock);
    free(bench);
    return 0;
}

static void on_name(void *arg, int line, const char *name, bool is_set)
{
    buf_printf(arg, "%d:%s%s ", line, name, is_set ? "=" : "");
}

static const char *lint(struct bench *bench, const char *text)
{
    struct policy_file file = {"m", "m.lua", text, strlen(text)};
    buf_clear(&bench->found);
    if (lint_file(bench->lint, &file, on_name, &bench->found, &bench->err) != 0)
        return bench->err.text;
    return buf_str(&bench->found);
}

static void finds_names_with_their_lines_however_deep(void **state)
{
    struct bench *b = *state;
    assert_string_equal(lint(b, "return {}\n"), "");
    assert_string_equal(lint(b, "local a = foo\nlocal function f()\n  return function()\n"
                                "    bar = a\n  end\nend\nreturn { f }\n"),
                        "4:bar= 1:foo ");
}

static void knows_what_policies_are_given(void **state)
{
    struct bench *b = *state;
    assert_string_equal(lint(b, "return { require 'x', json, cjson, kube, http, log, clock, yaml,\n"
                                "digest, random, string, table, math, utf8, pairs, ipairs, pcall,\n"
                                "assert, error, select, tostring, type, setmetatable, print }\n"),
                        "");
    assert_string_equal(lint(b, "return { io, os, load, debug, coroutine, xpcall }\n"),
                        "1:io 1:os 1:load 1:debug 1:coroutine 1:xpcall ");
}

static void finds_the_line_in_long_functions(void **state)
{
    struct bench *b = *state;
    struct buf text;
    buf_init(&text, 1 << 20);
    buf_add_str(&text, "local t = {}\n");
    for (int i = 0; i < 500; i++)
        buf_add_str(&text, "t.x = 1\n\n");
    buf_add_str(&text, "\n\n\n\n\n\n\n\n\n\n");
    for (int i = 0; i < 300; i++)
        buf_add_str(&text, "\n");
    buf_add_str(&text, "t.y = slip\nreturn t\n");
    assert_string_equal(lint(b, buf_str(&text)), "1312:slip ");
    buf_deinit(&text);
}

static void a_text_that_does_not_compile_says_where(void **state)
{
    struct bench *b = *state;
    assert_string_equal(lint(b, "return {\n  a = = 1\n}\n"), "m.lua:2: unexpected symbol near '='");
    assert_string_equal(lint(b, "\x1bLua"), "attempt to load a binary chunk (mode is 't')");
    assert_string_equal(lint(b, "return {}\n"), ""); /* and goes on */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(finds_names_with_their_lines_however_deep, setup, teardown),
        cmocka_unit_test_setup_teardown(knows_what_policies_are_given, setup, teardown),
        cmocka_unit_test_setup_teardown(finds_the_line_in_long_functions, setup, teardown),
        cmocka_unit_test_setup_teardown(a_text_that_does_not_compile_says_where, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
