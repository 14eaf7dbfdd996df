#include "sandbox/go_json.h"

#include "base/buf.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { DEPTH_MAX = 10000, PROBLEM_BYTES_MAX = 256 };

struct scan {
    const char *at, *end;
    char *problem;
    int depth;
};

static bool value(struct scan *scan);

static bool fail(struct scan *scan, const char *context)
{
    unsigned char c = (unsigned char)*scan->at;
    char shown[16];
    if (scan->at >= scan->end)
        scan->problem = mem_str("unexpected end of JSON input");
    if (scan->problem)
        return false;
    if (c == '\'' || c == '\\')
        snprintf(shown, sizeof(shown), "\\%c", c);
    else if (c == '\n' || c == '\t' || c == '\r')
        snprintf(shown, sizeof(shown), "\\%c", c == '\n' ? 'n' : c == '\t' ? 't' : 'r');
    else if (c >= ' ' && c < 0x7f)
        snprintf(shown, sizeof(shown), "%c", c);
    else if (c < 0x80)
        snprintf(shown, sizeof(shown), "\\x%02x", c);
    else if (c < 0xa0 || c == 0xad)
        snprintf(shown, sizeof(shown), "\\u%04x", c);
    else /* a byte is shown as the character of that number */
        snprintf(shown, sizeof(shown), "%c%c", 0xc0 | (c >> 6), 0x80 | (c & 0x3f));
    scan->problem = mem_printf("invalid character '%s' %s", shown, context);
    return false;
}

static void skip_space(struct scan *scan)
{
    while (scan->at < scan->end && *scan->at && strchr(" \t\r\n", *scan->at))
        scan->at++;
}

static bool is_next(const struct scan *scan, char c)
{
    return scan->at < scan->end && *scan->at == c;
}

static bool is_hex(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

static bool quoted_string(struct scan *scan)
{
    for (scan->at++; scan->at < scan->end && *scan->at != '"'; scan->at++) {
        if ((unsigned char)*scan->at < ' ')
            return fail(scan, "in string literal");
        if (*scan->at != '\\')
            continue;
        scan->at++;
        if (scan->at >= scan->end || !*scan->at || !strchr("bfnrt\\/\"u", *scan->at))
            return fail(scan, "in string escape code");
        for (int digits = *scan->at == 'u' ? 4 : 0; digits > 0; digits--) {
            scan->at++;
            if (scan->at >= scan->end || !is_hex(*scan->at))
                return fail(scan, "in \\u hexadecimal character escape");
        }
    }
    if (scan->at >= scan->end)
        return fail(scan, "");
    scan->at++;
    return true;
}

static bool digits(struct scan *scan, const char *context)
{
    if (scan->at >= scan->end || *scan->at < '0' || *scan->at > '9')
        return fail(scan, context);
    while (scan->at < scan->end && *scan->at >= '0' && *scan->at <= '9')
        scan->at++;
    return true;
}

static bool number(struct scan *scan)
{
    if (*scan->at == '-')
        scan->at++;
    if (is_next(scan, '0'))
        scan->at++;
    else if (!digits(scan, "in numeric literal"))
        return false;
    if (is_next(scan, '.')) {
        scan->at++;
        if (!digits(scan, "after decimal point in numeric literal"))
            return false;
    }
    if (is_next(scan, 'e') || is_next(scan, 'E')) {
        scan->at++;
        if (is_next(scan, '+') || is_next(scan, '-'))
            scan->at++;
        return digits(scan, "in exponent of numeric literal");
    }
    return true;
}

static bool literal(struct scan *scan, const char *word)
{
    char context[64];
    for (size_t i = 0; word[i]; i++, scan->at++) {
        snprintf(context, sizeof(context), "in literal %s (expecting '%c')", word, word[i]);
        if (!is_next(scan, word[i]))
            return fail(scan, context);
    }
    return true;
}

static bool object(struct scan *scan)
{
    scan->at++;
    skip_space(scan);
    for (bool first = true; !(first && is_next(scan, '}')); first = false) {
        skip_space(scan);
        if (!is_next(scan, '"'))
            return fail(scan, "looking for beginning of object key string");
        if (!quoted_string(scan))
            return false;
        skip_space(scan);
        if (!is_next(scan, ':'))
            return fail(scan, "after object key");
        scan->at++;
        if (!value(scan))
            return false;
        skip_space(scan);
        if (is_next(scan, '}'))
            break;
        if (!is_next(scan, ','))
            return fail(scan, "after object key:value pair");
        scan->at++;
    }
    scan->at++;
    return true;
}

static bool array(struct scan *scan)
{
    scan->at++;
    skip_space(scan);
    while (!is_next(scan, ']')) {
        if (!value(scan))
            return false;
        skip_space(scan);
        if (is_next(scan, ']'))
            break;
        if (!is_next(scan, ','))
            return fail(scan, "after array element");
        scan->at++;
        skip_space(scan);
        if (is_next(scan, ']'))
            return fail(scan, "looking for beginning of value");
    }
    scan->at++;
    return true;
}

static bool value(struct scan *scan)
{
    bool good;
    skip_space(scan);
    if (scan->at >= scan->end)
        return fail(scan, "");
    if (++scan->depth > DEPTH_MAX) {
        scan->problem = mem_str("exceeded max depth");
        return false;
    }
    char c = *scan->at;
    if (c == '{')
        good = object(scan);
    else if (c == '[')
        good = array(scan);
    else if (c == '"')
        good = quoted_string(scan);
    else if (c == '-' || (c >= '0' && c <= '9'))
        good = number(scan);
    else if (c == 't' || c == 'f' || c == 'n')
        good = literal(scan, c == 't' ? "true" : c == 'f' ? "false" : "null");
    else
        good = fail(scan, "looking for beginning of value");
    scan->depth--;
    return good;
}

char *go_json_problem(const char *text, size_t len)
{
    struct scan scan = {.at = text, .end = text + len};
    if (value(&scan)) {
        skip_space(&scan);
        if (scan.at < scan.end)
            fail(&scan, "after top-level value");
    }
    return scan.problem;
}

void go_print(const struct jv *value, struct buf *out)
{
    struct jv_iter iter = {0};
    bool first = true;
    if (jv_is_object(value)) {
        char *sorted = jv_print_str(value, JV_PRINT_SORTED);
        struct jv *copy = NULL;
        jv_parse(sorted, strlen(sorted), &copy, NULL);
        free(sorted);
        buf_add_str(out, "map[");
        for (; copy && jv_next(copy, &iter); first = false) {
            buf_printf(out, "%s%s:", first ? "" : " ", iter.key);
            go_print(iter.value, out);
        }
        buf_add_char(out, ']');
        jv_unref(copy);
    } else if (jv_is_array(value)) {
        buf_add_char(out, '[');
        for (size_t i = 0; i < jv_size(value); i++) {
            buf_add_str(out, i ? " " : "");
            go_print(jv_at(value, i), out);
        }
        buf_add_char(out, ']');
    } else {
        char *text = jv_str(value) ? mem_str(jv_str(value)) : jv_print_str(value, 0);
        buf_add_str(out, jv_type(value) == JV_NULL ? "<nil>" : text);
        free(text);
    }
}
