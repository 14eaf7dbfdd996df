#include "cli/options.h"

#include "base/buf.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

const char *env_get(const char *const *env, const char *name)
{
    size_t len = strlen(name);
    for (; env != NULL && *env != NULL; env++) {
        if (strncmp(*env, name, len) == 0 && (*env)[len] == '=' && (*env)[len + 1] != '\0')
            return *env + len + 1;
    }
    return NULL;
}

int option_namespace(const char *option, const char *text, struct err *err)
{
    static const char inner[] = "abcdefghijklmnopqrstuvwxyz0123456789-";
    size_t len = text != NULL ? strlen(text) : 0;
    if (text == NULL || (len > 0 && len <= 63 && strspn(text, inner) == len && text[0] != '-' &&
                         text[len - 1] != '-'))
        return 0;
    return err_set(err, ERR_USAGE,
                   "--%s: `%s` is not the name of a namespace: at most 63 of a-z, 0-9 and -, and "
                   "no - at an end",
                   option, text);
}

void option_list_add(struct option_list *list, const char *comma_separated)
{
    const char *at = comma_separated;
    while (*at != '\0' && list->count < OPTION_LIST_MAX) {
        size_t len = strcspn(at, ",");
        const char *begin = at, *end = at + len;
        while (begin < end && *begin == ' ')
            begin++;
        while (end > begin && end[-1] == ' ')
            end--;
        if (end > begin)
            list->items[list->count++] = mem_strn(begin, (size_t)(end - begin));
        at += len;
        at += *at == ',';
    }
}

void option_list_deinit(struct option_list *list)
{
    for (size_t i = 0; i < list->count; i++)
        free(list->items[i]);
    list->count = 0;
}

static bool is_choice(const char *choices, const char *value)
{
    size_t len = strlen(value);
    for (const char *at = choices; len > 0 && at != NULL; at = strchr(at, '|')) {
        at += *at == '|';
        if (strncmp(at, value, len) == 0 && (at[len] == '|' || at[len] == '\0'))
            return true;
    }
    return false;
}

static int set_int(const struct option *option, const char *text, struct err *err)
{
    char *end = NULL;
    errno = 0;
    long long value = strtoll(text, &end, 10);
    if (*text == '\0' || *end != '\0' || errno != 0 || (double)value < option->min ||
        (double)value > option->max)
        return err_set(err, ERR_USAGE,
                       "--%s: a whole number between %.0f and %.0f is expected, not `%s`",
                       option->name, option->min, option->max, text);
    *(int64_t *)option->value = value;
    return 0;
}

static int set_real(const struct option *option, const char *text, struct err *err)
{
    char *end = NULL;
    double value = strtod(text, &end);
    if (*text == '\0' || *end != '\0' || !(value >= option->min && value <= option->max))
        return err_set(err, ERR_USAGE, "--%s: a number between %g and %g is expected, not `%s`",
                       option->name, option->min, option->max, text);
    *(double *)option->value = value;
    return 0;
}

static int set_flag(const struct option *option, const char *text, struct err *err)
{
    bool yes = text == NULL || strcasecmp(text, "true") == 0 || strcmp(text, "1") == 0;
    if (!yes && strcasecmp(text, "false") != 0 && strcmp(text, "0") != 0)
        return err_set(err, ERR_USAGE, "--%s: true or false is expected, not `%s`", option->name,
                       text);
    *(bool *)option->value = yes;
    return 0;
}

static int set_value(const struct option *option, const char *text, struct err *err)
{
    switch (option->kind) {
    case OPTION_FLAG:
        return set_flag(option, text, err);
    case OPTION_STRING:
        *(const char **)option->value = text;
        return 0;
    case OPTION_INT:
        return set_int(option, text, err);
    case OPTION_REAL:
        return set_real(option, text, err);
    case OPTION_CHOICE:
        if (!is_choice(option->choices, text))
            return err_set(err, ERR_USAGE, "--%s: one of %s is expected, not `%s`", option->name,
                           option->choices, text);
        *(const char **)option->value = text;
        return 0;
    case OPTION_LIST:
        option_list_add(option->value, text);
        return 0;
    case OPTION_IGNORED:
    case OPTION_WORD:
        return 0;
    }
    return 0;
}

/* What stands for the * of an option's name; its length is 0 when the name does not fit. */
static const char *word_of(const struct option *option, const char *name, size_t len,
                           size_t *word_len)
{
    size_t before = strcspn(option->name, "*"), own = strlen(option->name);
    size_t after = before < own ? own - before - 1 : 0;
    *word_len = 0;
    if (before < own && len >= own && strncmp(option->name, name, before) == 0 &&
        strncmp(option->name + before + 1, name + len - after, after) == 0)
        *word_len = len - before - after;
    return name + before;
}

static int set_word(const struct option *option, const char *name, size_t len, const char *value,
                    struct err *err)
{
    bool yes = false;
    struct option flag = {.name = option->name, .value = &yes};
    if (set_flag(&flag, value, err) != 0)
        return -1;
    size_t word_len = 0;
    const char *begin = word_of(option, name, len, &word_len);
    char *word = mem_strn(begin, word_len);
    if (yes)
        option_list_add(option->value, word);
    free(word);
    return 0;
}

static bool name_fits(const struct option *option, const char *name, size_t len)
{
    size_t own = strlen(option->name), word_len = 0;
    if (option->kind == OPTION_WORD)
        return word_of(option, name, len, &word_len) != NULL && word_len > 0;
    if (option->kind == OPTION_IGNORED && own > 0 && option->name[own - 1] == '*')
        return len >= own - 1 && strncmp(option->name, name, own - 1) == 0;
    return own == len && strncmp(option->name, name, len) == 0;
}

static const struct option *find(const struct option *options, size_t count, const char *name,
                                 size_t len)
{
    for (size_t i = 0; i < count; i++) {
        if (name_fits(&options[i], name, len) ||
            (len == 1 && options[i].letter != 0 && options[i].letter == name[0]))
            return &options[i];
    }
    return NULL;
}

static const char *nearest(const struct option *options, size_t count, const char *name, size_t len)
{
    const char **words = mem_alloc((count + 1) * sizeof(*words));
    size_t used = 0;
    for (size_t i = 0; i < count; i++) {
        if (options[i].kind != OPTION_IGNORED && options[i].old == NULL)
            words[used++] = options[i].name;
    }
    const char *best = text_nearest(name, len, words, used);
    free(words);
    return best;
}

static int unknown(const struct option *options, size_t count, const char *given, const char *name,
                   size_t len, struct err *err)
{
    const char *meant = nearest(options, count, name, len);
    if (meant != NULL)
        return err_set(err, ERR_USAGE, "unknown option `%s`; did you mean --%s? (--help lists all)",
                       given, meant);
    return err_set(err, ERR_USAGE, "unknown option `%s`; --help lists all", given);
}

static bool takes_value(const struct option *option)
{
    return option->kind != OPTION_FLAG && option->kind != OPTION_IGNORED &&
           option->kind != OPTION_WORD;
}

static void note_old(const struct option *option, bool given_before, struct arguments *arguments)
{
    if (option->old != NULL && !given_before && arguments->old_count < OPTION_OLD_MAX)
        arguments->old[arguments->old_count++] = option;
}

/* argv[*at] begins with a dash. */
static int parse_one(const struct option *options, size_t count, int argc, char *const *argv,
                     int *at, bool *given, struct arguments *arguments, struct err *err)
{
    const char *text = argv[*at];
    const char *name = text + (text[1] == '-' ? 2 : 1);
    size_t len = strcspn(name, "=");
    const char *value = name[len] == '=' ? name + len + 1 : NULL;
    if ((len == 4 && strncmp(name, "help", 4) == 0) || strcmp(text, "-h") == 0) {
        arguments->help = true;
        return 0;
    }
    const struct option *option = find(options, count, name, len);
    if (option == NULL)
        return unknown(options, count, text, name, len, err);
    if (takes_value(option) && value == NULL) {
        if (*at + 1 >= argc)
            return err_set(err, ERR_USAGE, "--%s needs a value: --%s %s", option->name,
                           option->name, option->value_name);
        value = argv[++*at];
    }
    note_old(option, given[option - options], arguments);
    given[option - options] = true;
    if (option->kind == OPTION_WORD)
        return set_word(option, name, len, value, err);
    return set_value(option, value, err);
}

int options_parse(const struct option *options, size_t count, const char *const *env, int argc,
                  char *const *argv, struct arguments *arguments, struct err *err)
{
    bool *given = mem_alloc((count + 1) * sizeof(*given));
    bool ended = false;
    int failed = 0;
    *arguments = (struct arguments){0};
    for (int i = 0; i < argc && failed == 0; i++) {
        if (!ended && strcmp(argv[i], "--") == 0)
            ended = true;
        else if (!ended && argv[i][0] == '-' && argv[i][1] != '\0')
            failed = parse_one(options, count, argc, argv, &i, given, arguments, err);
        else if (arguments->count < OPTION_ARGUMENTS_MAX)
            arguments->items[arguments->count++] = argv[i];
        else
            failed = err_set(err, ERR_USAGE, "more than %d arguments", OPTION_ARGUMENTS_MAX);
    }
    for (size_t i = 0; i < count && failed == 0; i++) {
        const char *value =
            options[i].env != NULL && !given[i] ? env_get(env, options[i].env) : NULL;
        if (value == NULL)
            continue;
        failed = set_value(&options[i], value, err);
        if (failed != 0)
            err_wrap(err, "environment variable %s", options[i].env);
    }
    free(given);
    return failed;
}
