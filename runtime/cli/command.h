/* The commands of the program, and what they share on their way from arguments to an exit code. */
#ifndef NEMETON_CLI_COMMAND_H
#define NEMETON_CLI_COMMAND_H

#include "base/log.h"
#include "cli/options.h"
#include "control/manager.h"

/* One a file: run.c, sandbox.c, … */
extern const struct command command_run, command_sandbox, command_render, command_plan,
    command_check, command_test, command_status, command_version, command_adopt;

/* The whole program: argv without the program's name. */
int command_main(struct cli *cli, int argc, char *const *argv);

enum { COMMAND_GOES_ON = -1 };
/* Parses, answers --help, checks the number of arguments. An exit code, or COMMAND_GOES_ON. */
int command_begin(struct cli *cli, const struct command *command, const struct option *options,
                  size_t option_count, int argc, char *const *argv, size_t arguments_min,
                  size_t arguments_max, struct arguments *arguments);

/* "nemeton: …" on the error stream; returns the exit code that belongs to the error. */
int command_fail(struct cli *cli, const struct err *err);

/* Options that several commands have. */
#define OPTION_POLICIES(list)                                                                      \
    {                                                                                              \
        .name = "policies", .kind = OPTION_LIST, .value_name = "PATH",                             \
        .help = "policies in place of those in the program, or on top of them: a directory, or a " \
                "YAML file of policy ConfigMaps; may be repeated",                                 \
        .value = (list)                                                                            \
    }
#define OPTION_KUBECONFIG(text)                                                                    \
    {                                                                                              \
        .name = "kubeconfig", .kind = OPTION_STRING, .value_name = "FILE",                         \
        .help = "how to reach the API server (default: $KUBECONFIG, the pod's own service "        \
                "account, ~/.kube/config)",                                                        \
        .value = (text)                                                                            \
    }
#define OPTION_CONTEXT(text)                                                                       \
    {                                                                                              \
        .name = "context", .kind = OPTION_STRING, .value_name = "NAME",                            \
        .help = "the context of the kubeconfig (default: its current one)", .value = (text)        \
    }
#define OPTION_OUTPUT(text, words)                                                                 \
    {                                                                                              \
        .name = "output", .letter = 'o', .kind = OPTION_CHOICE, .value_name = "FORMAT",            \
        .help = "how to print: " words, .value = (text), .choices = words                          \
    }

/* A log on the error stream. format "auto" (text on a terminal, else json), "text" or "json". */
struct clock;
struct log *command_log(const struct cli *cli, const char *format, const char *level,
                        struct clock *clock);

#endif
