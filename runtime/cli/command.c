#include "cli/command.h"

#include "base/buf.h"
#include "base/json.h"
#include "cli/visible.h"
#include "loop/clock.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const struct command *const commands[] = {
    &command_run,   &command_sandbox, &command_render, &command_plan,    &command_adopt,
    &command_check, &command_test,    &command_status, &command_version,
};
enum { COMMAND_COUNT = sizeof(commands) / sizeof(commands[0]) };

static void print_help(FILE *out)
{
    fprintf(out,
            "nemeton %s: an operator for Kubernetes whose behaviour is written in Lua\n\n"
            "usage: nemeton COMMAND [options] [arguments]\n\nCommands:\n",
            NEMETON_VERSION);
    for (size_t i = 0; i < COMMAND_COUNT; i++)
        fprintf(out, "  %-9s %s\n", commands[i]->name, commands[i]->summary);
    fprintf(out,
            "\n`nemeton COMMAND --help` explains one. Options without a command mean `run`.\n");
}

static const struct command *find(const char *name)
{
    for (size_t i = 0; i < COMMAND_COUNT; i++) {
        if (strcmp(commands[i]->name, name) == 0)
            return commands[i];
    }
    return NULL;
}

static int unknown_command(struct cli *cli, const char *name)
{
    const char *names[COMMAND_COUNT];
    for (size_t i = 0; i < COMMAND_COUNT; i++)
        names[i] = commands[i]->name;
    const char *meant = text_nearest(name, strlen(name), names, COMMAND_COUNT);
    if (meant != NULL)
        fprintf(cli->err, "nemeton: no command `%s`; did you mean `%s`? (--help lists all)\n", name,
                meant);
    else
        fprintf(cli->err, "nemeton: no command `%s`; --help lists all\n", name);
    return EXIT_USAGE;
}

/* In images it is /manager, and manifests call that without a word more. */
static bool is_called_manager(const struct cli *cli)
{
    return cli->called != NULL && strcmp(cli->called, "manager") == 0;
}

int command_main(struct cli *cli, int argc, char *const *argv)
{
    const char *first = argc > 0 ? argv[0] : is_called_manager(cli) ? "run" : "--help";
    if (strcmp(first, "--help") == 0 || strcmp(first, "-h") == 0 ||
        (strcmp(first, "help") == 0 && argc == 1)) {
        print_help(cli->out);
        return EXIT_DONE;
    }
    if (strcmp(first, "--version") == 0)
        return command_version.run(cli, 0, argv);
    if (first[0] == '-')
        return command_run.run(cli, argc, argv);
    bool help = strcmp(first, "help") == 0;
    const char *name = help ? argv[1] : first;
    const struct command *command = find(name);
    if (command == NULL)
        return unknown_command(cli, name);
    static char *const only_help[] = {(char *)"--help", NULL};
    if (argc == 0)
        return command->run(cli, 0, argv);
    return help ? command->run(cli, 1, only_help) : command->run(cli, argc - 1, argv + 1);
}

static bool wants_json(const struct option *options, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const char *const *value = options[i].value;
        if (strcmp(options[i].name, "output") == 0 && *value != NULL)
            return strcmp(*value, "json") == 0;
    }
    return false;
}

int command_begin(struct cli *cli, const struct command *command, const struct option *options,
                  size_t option_count, int argc, char *const *argv, size_t arguments_min,
                  size_t arguments_max, struct arguments *arguments)
{
    struct err err = {0};
    int failed = options_parse(options, option_count, cli->env, argc, argv, arguments, &err);
    cli->json = wants_json(options, option_count);
    if (failed == 0 && arguments->help) {
        options_help(cli->out, command, options, option_count);
        return EXIT_DONE;
    }
    if (failed == 0 && arguments->count < arguments_min)
        failed = err_set(&err, ERR_USAGE, "%s needs %s; see `nemeton %s --help`", command->name,
                         command->arguments, command->name);
    else if (failed == 0 && arguments->count > arguments_max)
        failed = err_set(&err, ERR_USAGE, "`%s` is too much: usage: nemeton %s [options]%s%s",
                         arguments->items[arguments_max], command->name,
                         command->arguments[0] != '\0' ? " " : "", command->arguments);
    return failed == 0 ? COMMAND_GOES_ON : command_fail(cli, &err);
}

int command_fail(struct cli *cli, const struct err *err)
{
    fputs("nemeton: ", cli->err);
    visible_print(cli->err, err->text);
    fputc('\n', cli->err);
    if (cli->json) {
        struct jv *object = jv_object(), *error = jv_ensure(object, "error", NULL);
        jv_set_str(error, "code", err_code_name(err->code));
        jv_set_str(error, "message", err->text);
        char *text = jv_print_str(object, JV_PRINT_PRETTY);
        fprintf(cli->out, "%s\n", text);
        free(text);
        jv_unref(object);
    }
    switch (err->code) {
    case ERR_USAGE:
        return EXIT_USAGE;
    case ERR_NETWORK:
    case ERR_TIMEOUT:
    case ERR_UNAUTHORIZED:
        return EXIT_NO_CONNECTION;
    default:
        return EXIT_FAILED;
    }
}

static int64_t wall_ns(void *arg)
{
    return clock_wall_ns(arg);
}

struct log *command_log(const struct cli *cli, const char *format, const char *level,
                        struct clock *clock)
{
    bool text =
        strcmp(format, "text") == 0 || (strcmp(format, "auto") == 0 && cli->err_is_terminal);
    struct log_options options = {
        .format = text ? LOG_TEXT : LOG_JSON,
        .color = text && cli->err_is_terminal && env_get(cli->env, "NO_COLOR") == NULL,
        .fd = STDERR_FILENO,
        .wall_ns = wall_ns,
        .wall_arg = clock,
    };
    struct err err = {0};
    if (log_level_parse(level, &options.level, &err) != 0)
        options.level = LOG_INFO;
    return log_new(&options);
}
