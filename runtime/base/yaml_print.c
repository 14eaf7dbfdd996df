#include "base/yaml.h"

#include "base/utf8.h"
#include "base/yaml_internal.h"

#include <stdlib.h>
#include <string.h>

/* Block style as kubectl prints it: two blanks a level, lists not indented inside mappings, texts
 * of several lines as literals. Lines are never folded. */

enum { INDENT = 2, SIMPLE_KEY_BYTES_MAX = 500, MEMBERS_ON_STACK = 48 };

struct printer {
    unsigned flags;
    struct buf *out;
};

/* What stands before a node on its line decides how it may begin. */
enum lead { LEAD_LINE, LEAD_KEY, LEAD_DASH };

static int print_node(const struct printer *printer, const struct jv *value, size_t column,
                      size_t depth, enum lead lead);

static void print_blanks(struct buf *out, size_t count)
{
    for (size_t i = 0; i < count; i++)
        buf_add_char(out, ' ');
}

/* The code point of a valid character. */
static uint32_t code_point(const unsigned char *c, size_t step)
{
    uint32_t code = step == 1 ? c[0] : c[0] & (0xFFU >> (step + 1));

    for (size_t i = 1; i < step; i++)
        code = code << 6 | (c[i] & 0x3FU);
    return code;
}

/* Characters that YAML forbids outside double quotes, takes for a line break, or nobody sees. */
static bool is_special(uint32_t code)
{
    return code < 0x20 || (code >= 0x7F && code < 0xA0) || code == 0x2028 || code == 0x2029 ||
           code == 0xFEFF || code == 0xFFFE || code == 0xFFFF;
}

struct shape {
    bool special; /* needs escapes */
    bool special_but_newline_or_tab;
    bool has_newline;
    bool plain; /* no indicator in a place where it would mean something */
};

static void look_at(const char *str, size_t len, struct shape *shape)
{
    const unsigned char *s = (const unsigned char *)str;

    *shape = (struct shape){.plain = len > 0};
    for (size_t i = 0; i < len;) {
        size_t step = s[i] < 0x80 ? 1 : utf8_step(str + i, len - i);
        if (is_special(code_point(s + i, step))) {
            shape->special = true;
            shape->has_newline = shape->has_newline || s[i] == '\n';
            if (s[i] != '\n' && s[i] != '\t')
                shape->special_but_newline_or_tab = true;
        }
        if ((s[i] == ':' && (i + 1 == len || s[i + 1] == ' ')) ||
            (s[i] == '#' && i > 0 && s[i - 1] == ' '))
            shape->plain = false;
        i += step;
    }
    if (len == 0)
        return;
    if (strchr("?:,[]{}#&*!|>'\"%@`= ", str[0]) != NULL || str[len - 1] == ' ')
        shape->plain = false;
    if (str[0] == '-' && (len == 1 || str[1] == ' ' || str[1] == '-'))
        shape->plain = false;
    if (strncmp(str, "...", 3) == 0 || strcmp(str, "<<") == 0)
        shape->plain = false;
}

/* Dates and base 60 (1:30) mean something to other readers of YAML 1.1. */
static bool means_something_elsewhere(const char *str, size_t len)
{
    size_t digits = strspn(str, "0123456789_");

    if (digits == 4 && str[4] == '-')
        return true;
    return len > 0 && strspn(str, "+-0123456789_:.") == len && strchr(str, ':') != NULL;
}

static int print_double_quoted(struct buf *out, const char *str, size_t len)
{
    buf_add_char(out, '"');
    for (size_t i = 0; i < len;) {
        const unsigned char *c = (const unsigned char *)str + i;
        size_t step = *c < 0x80 ? 1 : utf8_step(str + i, len - i);
        uint32_t code = code_point(c, step);
        if (*c == '"' || *c == '\\')
            buf_printf(out, "\\%c", *c);
        else if (*c == '\n')
            buf_add_str(out, "\\n");
        else if (*c == '\t')
            buf_add_str(out, "\\t");
        else if (*c == '\r')
            buf_add_str(out, "\\r");
        else if (*c == '\0')
            buf_add_str(out, "\\0");
        else if (is_special(code))
            buf_printf(out, code < 0x100 ? "\\x%02X" : "\\u%04X", code);
        else
            buf_add(out, c, step);
        i += step;
    }
    return buf_add_char(out, '"');
}

static int print_single_quoted(struct buf *out, const char *str, size_t len)
{
    buf_add_char(out, '\'');
    for (size_t i = 0; i < len; i++) {
        if (str[i] == '\'')
            buf_add_char(out, '\'');
        buf_add_char(out, str[i]);
    }
    return buf_add_char(out, '\'');
}

static int print_flat(struct buf *out, const char *str, size_t len)
{
    struct yaml_scalar scalar;
    struct shape shape;

    look_at(str, len, &shape);
    yaml_scalar_resolve(str, len, &scalar);
    if (shape.special || scalar.type != JV_STRING || means_something_elsewhere(str, len))
        return print_double_quoted(out, str, len);
    return shape.plain ? buf_add(out, str, len) : print_single_quoted(out, str, len);
}

/* A literal cannot end in blanks, hold other control characters or consist of line ends alone. */
static bool fits_literal(const char *str, size_t len, const struct shape *shape)
{
    return shape->has_newline && !shape->special_but_newline_or_tab && str[len - 1] != ' ' &&
           str[len - 1] != '\t' && strspn(str, "\n \t") < len;
}

static int print_literal(struct buf *out, const char *str, size_t len, size_t column)
{
    const char *end = str + len;
    bool ends_line = str[len - 1] == '\n';

    buf_add_char(out, '|');
    if (strchr(" \t\n", str[0]) != NULL) /* the reader could not guess the indentation */
        buf_printf(out, "%d", INDENT);
    if (!ends_line)
        buf_add_char(out, '-');
    else if (len > 1 && str[len - 2] == '\n')
        buf_add_char(out, '+');
    while (str < end) {
        const char *line_end = memchr(str, '\n', (size_t)(end - str));
        size_t line = (size_t)((line_end != NULL ? line_end : end) - str);
        buf_add_char(out, '\n');
        if (line > 0) {
            print_blanks(out, column);
            buf_add(out, str, line);
        }
        str += line + 1;
    }
    return out->failed ? -1 : 0;
}

static int print_scalar(struct buf *out, const struct jv *value, size_t column)
{
    struct shape shape;
    const char *str;
    size_t len;

    if (jv_type(value) != JV_STRING)
        return jv_print(value, 0, out); /* JSON's scalars are YAML's */
    str = jv_strn(value, &len);
    look_at(str, len, &shape);
    if (fits_literal(str, len, &shape))
        return print_literal(out, str, len, column);
    return print_flat(out, str, len);
}

/* A reader takes a text before a colon for a key only when it is short. */
static void print_key(struct buf *out, const char *key, size_t column)
{
    size_t len = strlen(key);

    if (len <= SIMPLE_KEY_BYTES_MAX / 6) { /* six: the longest escape of a byte */
        print_flat(out, key, len);
    } else {
        buf_add_str(out, "? ");
        print_flat(out, key, len);
        buf_add_char(out, '\n');
        print_blanks(out, column);
    }
    buf_add_char(out, ':');
}

static int print_member(const struct printer *printer, const struct jv_iter *member, size_t column,
                        size_t depth)
{
    print_key(printer->out, member->key, column);
    return print_node(printer, member->value, column, depth + 1, LEAD_KEY);
}

static int by_key(const void *a, const void *b)
{
    return strcmp(((const struct jv_iter *)a)->key, ((const struct jv_iter *)b)->key);
}

static int print_mapping(const struct printer *printer, const struct jv *object, size_t column,
                         size_t depth)
{
    struct jv_iter on_stack[MEMBERS_ON_STACK], iter = {0};
    size_t count = jv_size(object), n = 0;
    struct jv_iter *members =
        count <= MEMBERS_ON_STACK ? on_stack : mem_grow(NULL, count * sizeof(*members));
    int result = 0;

    while (jv_next(object, &iter))
        members[n++] = iter;
    if ((printer->flags & JV_PRINT_SORTED) != 0)
        qsort(members, n, sizeof(*members), by_key);
    for (size_t i = 0; i < n && result == 0; i++) {
        if (i > 0) {
            buf_add_char(printer->out, '\n');
            print_blanks(printer->out, column);
        }
        result = print_member(printer, &members[i], column, depth);
    }
    if (members != on_stack)
        free(members);
    return result;
}

static int print_sequence(const struct printer *printer, const struct jv *array, size_t column,
                          size_t depth)
{
    for (size_t i = 0; i < jv_size(array); i++) {
        if (i > 0) {
            buf_add_char(printer->out, '\n');
            print_blanks(printer->out, column);
        }
        buf_add_char(printer->out, '-');
        if (print_node(printer, jv_at(array, i), column + INDENT, depth + 1, LEAD_DASH) != 0)
            return -1;
    }
    return 0;
}

/* Prints a node whose parent stands at `column` (LEAD_KEY), or that itself stands there. */
static int print_node(const struct printer *printer, const struct jv *value, size_t column,
                      size_t depth, enum lead lead)
{
    struct buf *out = printer->out;
    bool is_array = jv_is_array(value), is_object = jv_is_object(value);

    if ((!is_array && !is_object) || jv_size(value) == 0) {
        if (lead != LEAD_LINE)
            buf_add_char(out, ' ');
        if (is_array || is_object)
            return buf_add_str(out, is_array ? "[]" : "{}");
        return print_scalar(out, value, lead == LEAD_DASH ? column : column + INDENT);
    }
    if (depth >= JV_DEPTH_MAX) {
        out->failed = true;
        return -1;
    }
    if (lead == LEAD_KEY) {
        column += is_object ? INDENT : 0;
        buf_add_char(out, '\n');
        print_blanks(out, column);
    } else if (lead == LEAD_DASH) {
        buf_add_char(out, ' ');
    }
    return is_array ? print_sequence(printer, value, column, depth)
                    : print_mapping(printer, value, column, depth);
}

int yaml_print(const struct jv *value, unsigned flags, struct buf *out)
{
    struct printer printer = {.flags = flags, .out = out};

    if (print_node(&printer, value, 0, 0, LEAD_LINE) != 0)
        return -1;
    return buf_add_char(out, '\n');
}
