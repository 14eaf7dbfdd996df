#include "base/json_internal.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MEMBERS_ON_STACK = 48, INDENT = 2 };

struct printer {
    unsigned flags;
    struct buf *out;
};

static int print_value(const struct printer *printer, const struct jv *value, size_t depth);

static void print_escape(struct buf *out, unsigned char c)
{
    static const char hex[] = "0123456789abcdef";
    char text[6] = {'\\', 'u', '0', '0', hex[c >> 4], hex[c & 15]};

    switch (c) {
    case '"':
    case '\\':
        text[1] = (char)c;
        break;
    case '\n':
        text[1] = 'n';
        break;
    case '\r':
        text[1] = 'r';
        break;
    case '\t':
        text[1] = 't';
        break;
    case '\b':
        text[1] = 'b';
        break;
    case '\f':
        text[1] = 'f';
        break;
    default:
        buf_add(out, text, 6);
        return;
    }
    buf_add(out, text, 2);
}

/* Nearly every piece fits: the printer is the hot path of the cache. */
static inline int add(struct buf *out, const char *data, size_t len)
{
    if (out->failed || len >= out->cap - out->len || len > out->bytes_max - out->len)
        return buf_add(out, data, len);
    memcpy(out->data + out->len, data, len);
    out->len += len;
    out->data[out->len] = '\0';
    return 0;
}

static inline int add_char(struct buf *out, char c)
{
    return add(out, &c, 1);
}

static int print_string(struct buf *out, const char *str, size_t len)
{
    uint64_t high = 0; /* what is printed was checked when it was made */

    add_char(out, '"');
    for (;;) {
        size_t plain = json_plain_bytes(str, len, &high);
        add(out, str, plain);
        if (plain == len)
            break;
        print_escape(out, (unsigned char)str[plain]);
        str += plain + 1;
        len -= plain + 1;
    }
    return add_char(out, '"');
}

static int print_int(struct buf *out, int64_t value)
{
    char digits[24];
    size_t at = sizeof(digits);
    uint64_t rest = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;

    do {
        digits[--at] = (char)('0' + rest % 10);
        rest /= 10;
    } while (rest > 0);
    if (value < 0)
        digits[--at] = '-';
    return add(out, digits + at, sizeof(digits) - at);
}

/* The fewest digits that read back as the same number. Every decimal of 15 digits survives a double,
 * so the search starts there; only subnormal numbers, which carry less, start at 1. */
static int print_real(struct buf *out, double value)
{
    char text[40];
    int digits = value != 0 && fabs(value) < DBL_MIN ? 1 : DBL_DIG;

    do {
        snprintf(text, sizeof(text), "%.*g", digits, value);
    } while (strtod(text, NULL) != value && digits++ < DBL_DECIMAL_DIG);
    if (strpbrk(text, ".e") == NULL)
        strcat(text, ".0"); /* stays a real when it is read again */
    return buf_add_str(out, text);
}

static void print_line(const struct printer *printer, size_t depth)
{
    static const char blanks[] = "                                                                ";
    size_t left = depth * INDENT;

    if ((printer->flags & JV_PRINT_PRETTY) == 0)
        return;
    add_char(printer->out, '\n');
    while (left > 0) {
        size_t piece = left < sizeof(blanks) - 1 ? left : sizeof(blanks) - 1;
        add(printer->out, blanks, piece);
        left -= piece;
    }
}

static int print_array(const struct printer *printer, const struct jv *array, size_t depth)
{
    size_t count = jv_size(array);

    if (count == 0)
        return add(printer->out, "[]", 2);
    for (size_t i = 0; i < count; i++) {
        add_char(printer->out, i == 0 ? '[' : ',');
        print_line(printer, depth + 1);
        if (print_value(printer, jv_at(array, i), depth + 1) != 0)
            return -1;
    }
    print_line(printer, depth);
    return add_char(printer->out, ']');
}

static int print_member(const struct printer *printer, const struct jv_iter *member, bool first,
                        size_t depth)
{
    bool pretty = (printer->flags & JV_PRINT_PRETTY) != 0;

    add_char(printer->out, first ? '{' : ',');
    print_line(printer, depth + 1);
    print_string(printer->out, member->key, member->key_len);
    add(printer->out, ": ", pretty ? 2 : 1);
    return print_value(printer, member->value, depth + 1);
}

static int by_key(const void *a, const void *b)
{
    return strcmp(((const struct jv_iter *)a)->key, ((const struct jv_iter *)b)->key);
}

static int print_sorted(const struct printer *printer, const struct jv *object, size_t depth)
{
    struct jv_iter on_stack[MEMBERS_ON_STACK], iter = {0};
    size_t count = jv_size(object), n = 0;
    struct jv_iter *members =
        count <= MEMBERS_ON_STACK ? on_stack : mem_grow(NULL, count * sizeof(*members));
    bool sorted = true;
    int result = 0;

    while (jv_next(object, &iter)) {
        sorted = sorted && (n == 0 || strcmp(members[n - 1].key, iter.key) < 0);
        members[n++] = iter;
    }
    if (!sorted)
        qsort(members, n, sizeof(*members), by_key);
    for (size_t i = 0; i < n && result == 0; i++)
        result = print_member(printer, &members[i], i == 0, depth);
    if (members != on_stack)
        free(members);
    return result;
}

static int print_object(const struct printer *printer, const struct jv *object, size_t depth)
{
    struct jv_iter iter = {0};
    bool first = true;

    if (jv_size(object) == 0)
        return add(printer->out, "{}", 2);
    if ((printer->flags & JV_PRINT_SORTED) != 0) {
        if (print_sorted(printer, object, depth) != 0)
            return -1;
    } else {
        while (jv_next(object, &iter)) {
            if (print_member(printer, &iter, first, depth) != 0)
                return -1;
            first = false;
        }
    }
    print_line(printer, depth);
    return add_char(printer->out, '}');
}

static int print_value(const struct printer *printer, const struct jv *value, size_t depth)
{
    struct buf *out = printer->out;
    const char *str;
    size_t len;

    switch (jv_type(value)) {
    case JV_NULL:
        return add(out, "null", 4);
    case JV_BOOL:
        return jv_bool_value(value) ? add(out, "true", 4) : add(out, "false", 5);
    case JV_INT:
        return print_int(out, jv_int_value(value));
    case JV_REAL:
        return print_real(out, jv_real_value(value));
    case JV_STRING:
        str = jv_strn(value, &len);
        return print_string(out, str, len);
    case JV_ARRAY:
    case JV_OBJECT:
        break;
    }
    if (depth >= JV_DEPTH_MAX) {
        out->failed = true;
        return -1;
    }
    return jv_is_array(value) ? print_array(printer, value, depth)
                              : print_object(printer, value, depth);
}

int jv_print(const struct jv *value, unsigned flags, struct buf *out)
{
    struct printer printer = {.flags = flags, .out = out};

    return print_value(&printer, value, 0);
}

char *jv_print_str(const struct jv *value, unsigned flags)
{
    struct buf out;

    buf_init(&out, SIZE_MAX);
    if (jv_print(value, flags, &out) != 0) {
        buf_deinit(&out);
        return NULL;
    }
    return buf_take(&out, NULL);
}

/* Names that need no quotes in a path. */
static bool is_plain_key(const char *key)
{
    return key[0] != '\0' && strpbrk(key, ".[]\"\\ \t\r\n") == NULL;
}

void jv_path_key(struct buf *path, const char *key)
{
    if (is_plain_key(key)) {
        if (path->len > 0)
            add_char(path, '.');
        buf_add_str(path, key);
        return;
    }
    add_char(path, '[');
    print_string(path, key, strlen(key));
    add_char(path, ']');
}

void jv_path_index(struct buf *path, size_t index)
{
    buf_printf(path, "[%zu]", index);
}
