/* A command run in this process: its output, its complaints, its exit code. */
#ifndef NEMETON_TESTS_CLI_SUPPORT_H
#define NEMETON_TESTS_CLI_SUPPORT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "cli/command.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct outcome {
    char *out, *err;
    int code;
};

static inline struct outcome run_program_as(const char *called, int argc, char *const *argv)
{
    static const char *const env[] = {"HOME=/nonexistent", NULL};
    struct outcome outcome = {0};
    size_t out_len = 0, err_len = 0;
    struct cli cli = {.env = env,
                      .called = called,
                      .out = open_memstream(&outcome.out, &out_len),
                      .err = open_memstream(&outcome.err, &err_len)};
    outcome.code = command_main(&cli, argc, argv);
    fclose(cli.out);
    fclose(cli.err);
    return outcome;
}

static inline struct outcome run_program(int argc, char *const *argv)
{
    return run_program_as("nemeton", argc, argv);
}

static inline void outcome_free(struct outcome *outcome)
{
    free(outcome->out);
    free(outcome->err);
}

#define RUN(...)                                                                                   \
    run_program((int)(sizeof((char *[]){__VA_ARGS__}) / sizeof(char *)), (char *[]){__VA_ARGS__})

#define RUN_AS(called, ...)                                                                        \
    run_program_as(called, (int)(sizeof((char *[]){__VA_ARGS__}) / sizeof(char *)),                \
                   (char *[]){__VA_ARGS__})

static inline void assert_has(const char *text, const char *part)
{
    if (strstr(text, part) == NULL)
        fail_msg("`%s` is not in:\n%s", part, text);
}

static inline void assert_lacks(const char *text, const char *part)
{
    if (strstr(text, part) != NULL)
        fail_msg("`%s` is in:\n%s", part, text);
}

/* A folder of its own for each test, gone with it. */
struct folder {
    char path[64];
};

static inline struct folder folder_make(void)
{
    struct folder folder = {"/tmp/nemeton-cli-XXXXXX"};
    assert_non_null(mkdtemp(folder.path));
    return folder;
}

/* Path of a file of that content; lent until the next call. */
static inline const char *folder_put(struct folder *folder, const char *name, const char *text)
{
    static char path[256];
    snprintf(path, sizeof(path), "%s/%s", folder->path, name);
    for (char *slash = strchr(path + strlen(folder->path) + 1, '/'); slash != NULL;
         slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        mkdir(path, 0700);
        *slash = '/';
    }
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
    return path;
}

static inline void folder_remove(struct folder *folder)
{
    char command[128];
    snprintf(command, sizeof(command), "rm -rf '%s'", folder->path);
    assert_int_equal(system(command), 0);
}

#endif
