/* Command lines: one table of options per command gives parsing, checking and --help.
 *
 * `--name value`, `--name=value`, `-x value`, flags without a value (or `--flag=false`); one dash
 * before a long name is accepted as well, as Go programs do; `--` ends the options. An unknown
 * option and a value that does not fit are errors that say what was expected. Strings point into
 * argv or the environment.
 */
#ifndef NEMETON_CLI_OPTIONS_H
#define NEMETON_CLI_OPTIONS_H

#include "base/err.h"

#include <stdio.h>

enum option_kind {
    OPTION_FLAG,    /* bool */
    OPTION_STRING,  /* const char * */
    OPTION_INT,     /* int64_t, between min and max */
    OPTION_REAL,    /* double, between min and max */
    OPTION_CHOICE,  /* const char *, one of the words in `choices` ("text|json") */
    OPTION_LIST,    /* struct option_list, repeatable and comma-separated */
    OPTION_IGNORED, /* a flag accepted for compatibility; name may end in * */
    OPTION_WORD,    /* a flag with a * in its name; what stands there is added to an option_list */
};
enum { OPTION_LIST_MAX = 64, OPTION_ARGUMENTS_MAX = 256, OPTION_OLD_MAX = 16, TEXT_COLUMNS = 80 };

struct option_list {
    char *items[OPTION_LIST_MAX]; /* free with option_list_deinit */
    size_t count;
};

struct option {
    const char *name; /* without dashes */
    char letter;      /* 0: none */
    enum option_kind kind;
    const char *value_name; /* "FILE"; NULL for flags */
    const char *help;
    void *value;
    const char *choices;
    double min, max;
    const char *env; /* taken from there when not given; NULL: nowhere */
    const char *old; /* of former operators: not in --help, and this is said when it is given */
};

struct command;
struct cli { /* the surroundings of a command */
    const char *const *env;
    const char *called; /* the program's name as it was called, without folders; may be NULL */
    FILE *out, *err;
    bool out_is_terminal, err_is_terminal;
    bool json; /* a program reads the output: failures are told there, too */
};
struct command {
    const char *name, *arguments, *summary; /* "render", "FILE…", one line */
    const char *about;                      /* paragraphs for --help */
    const char *examples;                   /* lines, or NULL */
    int (*run)(struct cli *cli, int argc, char *const *argv);
};

struct arguments { /* what is left beside options */
    const char *items[OPTION_ARGUMENTS_MAX];
    size_t count;
    bool help; /* --help was given: print options_help and return 0 */
    const struct option *old[OPTION_OLD_MAX]; /* that were given, each once */
    size_t old_count;
};

int options_parse(const struct option *options, size_t count, const char *const *env, int argc,
                  char *const *argv, struct arguments *arguments, struct err *err);
void options_help(FILE *out, const struct command *command, const struct option *options,
                  size_t count);
/* Words broken into lines of TEXT_COLUMNS, each indented; the first starts at `column`. A line feed
 * ends a line, and a line that begins with a blank stays as it is. */
void text_wrap(FILE *out, const char *text, int column, int indent);
/* The word that was probably meant, or NULL. Lent. */
const char *text_nearest(const char *given, size_t len, const char *const *words, size_t count);
/* A namespace: a DNS label. option: its name, for the message; NULL text is fine. */
int option_namespace(const char *option, const char *text, struct err *err);
void option_list_add(struct option_list *list, const char *comma_separated);
void option_list_deinit(struct option_list *list);
const char *env_get(const char *const *env, const char *name); /* NULL when absent or empty */

#endif
