#include "sandbox/schema_internal.h"

#include <regex.h>
#include <stdlib.h>
#include <string.h>

enum { PATTERN_BYTES_MAX = 16 << 10 };

struct pattern {
    regex_t regex;
};

struct translation {
    struct buf out;
    bool ignore_case, lost; /* lost: has no equal in POSIX */
};

/* \d \s \w and their opposites; inside brackets only the positive ones have a form. */
static const char *class_of(char letter, bool bracket)
{
    switch (letter) {
    case 'd':
        return bracket ? "0-9" : "[0-9]";
    case 'D':
        return bracket ? NULL : "[^0-9]";
    case 's':
        return bracket ? "[:space:]" : "[[:space:]]";
    case 'S':
        return bracket ? NULL : "[^[:space:]]";
    case 'w':
        return bracket ? "[:alnum:]_" : "[[:alnum:]_]";
    case 'W':
        return bracket ? NULL : "[^[:alnum:]_]";
    default:
        return NULL;
    }
}

static char control_of(char letter)
{
    switch (letter) {
    case 't':
        return '\t';
    case 'n':
        return '\n';
    case 'r':
        return '\r';
    case 'f':
        return '\f';
    case 'v':
        return '\v';
    default:
        return '\0';
    }
}

/* Behind a backslash, outside of brackets. */
static void escape(struct translation *to, char letter)
{
    const char *class = class_of(letter, false);
    if (class)
        buf_add_str(&to->out, class);
    else if (letter == 'A' || letter == 'z')
        buf_add_char(&to->out, letter == 'A' ? '^' : '$');
    else if (control_of(letter))
        buf_add_char(&to->out, control_of(letter));
    else if (letter == 'b' || letter == 'B')
        buf_printf(&to->out, "\\%c", letter);
    else if (strchr("pPxQEC0123456789", letter))
        to->lost = true;
    else
        buf_printf(&to->out, "\\%c", letter);
}

/* A bracket expression. POSIX knows no escapes in it: `]` goes first, `-` last, `^` not first. */
static const char *bracket(struct translation *to, const char *at)
{
    bool negated = *at == '^', minus = false, close = false, caret = false;
    struct buf body;
    buf_init(&body, PATTERN_BYTES_MAX);
    at += negated;
    for (bool first = true; *at && (*at != ']' || first); first = false, at++) {
        if (*at == '[' && at[1] == ':') {
            const char *end = strstr(at, ":]");
            if (end) {
                buf_add(&body, at, (size_t)(end + 2 - at));
                at = end + 1;
                continue;
            }
        }
        bool escaped = *at == '\\' && at[1];
        char letter = escaped ? *++at : *at;
        const char *class = escaped ? class_of(letter, true) : NULL;
        to->lost |= escaped && !class && strchr("DSWpPx", letter);
        bool range = letter == '-' && !escaped && !first && at[1] != ']';
        if (class)
            buf_add_str(&body, class);
        else if (escaped && control_of(letter))
            buf_add_char(&body, control_of(letter));
        else if (letter == '-' && !range)
            minus = true;
        else if (letter == ']')
            close = true;
        else if (letter == '^')
            caret = true;
        else
            buf_add_char(&body, letter);
    }
    buf_printf(&to->out, "[%s%s%s%s%s]", negated ? "^" : "", close ? "]" : "", buf_str(&body),
               caret ? "^" : "", minus ? "-" : "");
    to->lost |= *at != ']' || (caret && !negated && !close && body.len == 0 && !minus);
    buf_deinit(&body);
    return at;
}

/* "(?:", "(?i)", "(?P<name>"; gives the last byte read. */
static const char *group(struct translation *to, const char *at)
{
    if (strncmp(at, "(?:", 3) == 0) {
        buf_add_char(&to->out, '(');
        return at + 2;
    }
    if (strncmp(at, "(?i)", 4) == 0) {
        to->ignore_case = true;
        return at + 3;
    }
    const char *end = strncmp(at, "(?P<", 4) == 0 ? strchr(at, '>') : NULL;
    buf_add_char(&to->out, '(');
    if (end)
        return end;
    to->lost |= at[1] == '?';
    return at;
}

static void translate(struct translation *to, const char *text)
{
    for (const char *at = text; *at && !to->lost; at++) {
        if (*at == '\\' && at[1])
            escape(to, *++at);
        else if (*at == '[')
            at = bracket(to, at + 1);
        else if (*at == '(')
            at = group(to, at);
        else if (*at == '?' && at > text && strchr("*+?}", at[-1]) && at[-2] != '\\')
            continue; /* lazy or greedy: the answer is the same */
        else
            buf_add_char(&to->out, *at);
        if (!*at)
            break;
    }
}

/* 0, or the code of regcomp. *lost: it cannot be said in POSIX. */
static int compile(const char *text, regex_t *out, bool *lost)
{
    struct translation to = {0};
    int code = 0;
    buf_init(&to.out, PATTERN_BYTES_MAX);
    translate(&to, text);
    *lost = to.lost || to.out.failed;
    if (!*lost)
        code = regcomp(out, buf_str(&to.out),
                       REG_EXTENDED | REG_NOSUB | (to.ignore_case ? REG_ICASE : 0));
    buf_deinit(&to.out);
    return code;
}

struct pattern *pattern_new(const char *text)
{
    bool lost;
    struct pattern *pattern = mem_alloc(sizeof(*pattern));
    int code = compile(text, &pattern->regex, &lost);
    if (code == 0 && !lost)
        return pattern;
    free(pattern);
    return NULL;
}

bool pattern_check(const char *text, char *why, size_t size)
{
    bool lost;
    regex_t regex;
    int code = compile(text, &regex, &lost);
    if (code)
        regerror(code, &regex, why, size);
    else if (!lost)
        regfree(&regex);
    return code == 0;
}

void pattern_free(void *arg)
{
    struct pattern *pattern = arg;
    regfree(&pattern->regex);
    free(pattern);
}

bool pattern_matches(const struct pattern *pattern, const char *text)
{
    return regexec(&pattern->regex, text, 0, NULL, 0) == 0;
}
