/* Texts of a command line: --help, and words that were probably meant. */
#include "cli/options.h"

#include "base/buf.h"

#include <stdlib.h>
#include <string.h>

enum { DISTANCE_MAX = 2, WORD_MAX = 64, LEFT_COLUMNS = 30 };

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* How many characters must be added, dropped or changed. */
static size_t distance(const char *a, size_t a_len, const char *b, size_t b_len)
{
    size_t row[WORD_MAX + 1];
    if (a_len > WORD_MAX || b_len > WORD_MAX)
        return WORD_MAX;
    for (size_t j = 0; j <= b_len; j++)
        row[j] = j;
    for (size_t i = 1; i <= a_len; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= b_len; j++) {
            size_t change = diagonal + (a[i - 1] != b[j - 1]);
            diagonal = row[j];
            row[j] = least(change, least(row[j], row[j - 1]) + 1);
        }
    }
    return row[b_len];
}

/* Small slips first; else the word that shares the longest beginning, of at least three letters. */
const char *text_nearest(const char *given, size_t len, const char *const *words, size_t count)
{
    const char *best = NULL;
    size_t best_distance = least(DISTANCE_MAX, len / 2) + 1, best_same = 2;
    for (size_t i = 0; i < count; i++) {
        size_t far = distance(given, len, words[i], strlen(words[i]));
        if (far < best_distance) {
            best_distance = far;
            best = words[i];
        }
    }
    for (size_t i = 0; best == NULL && i < count; i++) {
        size_t same = 0;
        while (same < len && words[i][same] == given[same] && given[same] != '\0')
            same++;
        best_same = same > best_same ? same : best_same;
    }
    for (size_t i = 0; best == NULL && best_same > 2 && i < count; i++) {
        if (strncmp(words[i], given, best_same) == 0)
            best = words[i];
    }
    return best;
}

/* Columns that a UTF-8 text of `len` bytes takes. */
static int columns(const char *text, size_t len)
{
    int count = 0;
    for (size_t i = 0; i < len; i++)
        count += ((unsigned char)text[i] & 0xC0) != 0x80;
    return count;
}

static void wrap_line(FILE *out, const char *line, size_t len, int column, int indent)
{
    bool first = true;
    const char *end = line + len;
    while (line < end) {
        size_t word = strcspn(line, " \n");
        int wide = columns(line, word);
        if (!first && column + 1 + wide > TEXT_COLUMNS) {
            fprintf(out, "\n%*s", indent, "");
            column = indent;
            first = true;
        }
        column += fprintf(out, "%s", first ? "" : " ") + wide;
        fwrite(line, 1, word, out);
        first = false;
        line += word;
        line += line < end;
    }
}

void text_wrap(FILE *out, const char *text, int column, int indent)
{
    while (*text != '\0') {
        size_t len = strcspn(text, "\n");
        if (*text == ' ')
            fwrite(text, 1, len, out);
        else
            wrap_line(out, text, len, column, indent);
        text += len;
        if (*text == '\n') {
            text++;
            fprintf(out, "\n%*s", *text != '\n' && *text != '\0' ? indent : 0, "");
            column = indent;
        }
    }
    fputc('\n', out);
}

static void print_option(FILE *out, const struct option *option)
{
    char left[120];
    char letter[8] = "    ";
    if (option->letter != 0)
        snprintf(letter, sizeof(letter), "-%c, ", option->letter);
    int wide = snprintf(left, sizeof(left), "  %s--%s%s%s", letter, option->name,
                        option->value_name != NULL ? " " : "",
                        option->value_name != NULL ? option->value_name : "");
    fprintf(out, "%-*s", LEFT_COLUMNS, left);
    if (wide >= LEFT_COLUMNS)
        fprintf(out, "\n%*s", LEFT_COLUMNS, "");
    char *help = option->env != NULL ? mem_printf("%s (or $%s)", option->help, option->env)
                                     : mem_str(option->help);
    text_wrap(out, help, LEFT_COLUMNS, LEFT_COLUMNS);
    free(help);
}

void options_help(FILE *out, const struct command *command, const struct option *options,
                  size_t count)
{
    fprintf(out, "usage: nemeton %s [options]%s%s\n\n", command->name,
            command->arguments[0] != '\0' ? " " : "", command->arguments);
    text_wrap(out, command->about, 0, 0);
    fprintf(out, "\nOptions:\n");
    for (size_t i = 0; i < count; i++) {
        if (options[i].kind != OPTION_IGNORED && options[i].old == NULL)
            print_option(out, &options[i]);
    }
    fprintf(out, "%-*s%s\n", LEFT_COLUMNS, "  -h, --help", "this text");
    if (command->examples != NULL)
        fprintf(out, "\nExamples:\n%s\n", command->examples);
    fprintf(out, "\nExit code: 0 done, 1 failed, 2 usage, 3 no connection.\n");
}
