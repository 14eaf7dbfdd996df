#include "base/yaml_internal.h"

#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* The rules are those of the Go library that kubectl and the API server read YAML with, because a
 * file must mean the same here: 0777 is octal, 1_000 a number, 08 a real, `y` a boolean. */

enum { NUMBER_BYTES = 80 };

static bool is_one_of(const char *text, size_t len, const char *const *list)
{
    for (; *list != NULL; list++)
        if (strlen(*list) == len && memcmp(*list, text, len) == 0)
            return true;
    return false;
}

static bool resolve_word(const char *text, size_t len, struct yaml_scalar *out)
{
    static const char *const yes[] = {"y",    "Y",    "yes", "Yes", "YES", "true",
                                      "True", "TRUE", "on",  "On",  "ON",  NULL};
    static const char *const no[] = {"n",     "N",     "no",  "No",  "NO",  "false",
                                     "False", "FALSE", "off", "Off", "OFF", NULL};
    static const char *const none[] = {"", "~", "null", "Null", "NULL", NULL};
    static const char *const infinite[] = {".nan",  ".NaN",  ".NAN",  ".inf",  ".Inf",
                                           ".INF",  "+.inf", "+.Inf", "+.INF", "-.inf",
                                           "-.Inf", "-.INF", NULL};

    if (len > 5)
        return false;
    if (is_one_of(text, len, none)) {
        out->type = JV_NULL;
    } else if (is_one_of(text, len, yes)) {
        out->type = JV_BOOL;
        out->boolean = true;
    } else if (is_one_of(text, len, no)) {
        out->type = JV_BOOL;
    } else if (is_one_of(text, len, infinite)) {
        out->type = JV_REAL;
        out->problem = "infinities and NaN cannot be written as JSON";
    } else {
        return false;
    }
    return true;
}

/* [-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)? */
static bool is_decimal(const char *c)
{
    size_t before, after = 0;

    c += *c == '-' || *c == '+';
    before = strspn(c, "0123456789");
    c += before;
    if (*c == '.') {
        after = strspn(++c, "0123456789");
        c += after;
    }
    if (before + after == 0)
        return false;
    if (*c == 'e' || *c == 'E') {
        c++;
        c += *c == '-' || *c == '+';
        if (!isdigit((unsigned char)*c))
            return false;
        c += strspn(c, "0123456789");
    }
    return *c == '\0';
}

static unsigned digit_of(unsigned char c)
{
    if (c >= '0' && c <= '9')
        return c - (unsigned)'0';
    if (c >= 'a' && c <= 'f')
        return c - (unsigned)'a' + 10;
    return c >= 'A' && c <= 'F' ? c - (unsigned)'A' + 10 : 99;
}

/* The base that a prefix announces; moves past it. */
static unsigned number_base(const char **digits)
{
    const char *d = *digits;
    char letter = (char)tolower((unsigned char)d[0] == '0' ? d[1] : '\0');

    if (letter == 'x' || letter == 'o' || letter == 'b') {
        *digits = d + 2;
        return letter == 'x' ? 16 : letter == 'o' ? 8 : 2;
    }
    return d[0] == '0' && d[1] != '\0' ? 8 : 10;
}

enum number { NOT_A_NUMBER, NUMBER, NUMBER_TOO_LARGE };

static enum number read_integer(const char *text, int64_t *out)
{
    bool negative = *text == '-', too_large = false;
    const char *digits = text + (*text == '-' || *text == '+');
    unsigned base = number_base(&digits);
    uint64_t value = 0, max = negative ? (uint64_t)INT64_MAX + 1 : INT64_MAX;

    if (*digits == '\0')
        return NOT_A_NUMBER;
    for (; *digits != '\0'; digits++) {
        unsigned char c = (unsigned char)*digits;
        unsigned digit = digit_of(c);
        if (digit >= base)
            return NOT_A_NUMBER;
        if (too_large || value > (max - digit) / base)
            too_large = true;
        else
            value = value * base + digit;
    }
    *out = negative ? (int64_t)(0 - value) : (int64_t)value;
    return too_large ? NUMBER_TOO_LARGE : NUMBER;
}

static void resolve_number(const char *text, struct yaml_scalar *out)
{
    enum number kind = text[0] == '.' ? NOT_A_NUMBER : read_integer(text, &out->integer);

    if (kind != NOT_A_NUMBER) {
        out->type = JV_INT;
        out->problem = kind == NUMBER_TOO_LARGE ? "integer outside 64 bits" : NULL;
        return;
    }
    if (!is_decimal(text))
        return;
    out->real = strtod(text, NULL);
    if (isfinite(out->real))
        out->type = JV_REAL;
}

void yaml_scalar_resolve(const char *text, size_t len, struct yaml_scalar *out)
{
    char on_stack[NUMBER_BYTES], *plain = on_stack;
    size_t n = 0;

    *out = (struct yaml_scalar){.type = JV_STRING};
    if (resolve_word(text, len, out) || memchr("+-.0123456789", text[0], 13) == NULL)
        return;
    for (size_t i = 0; i < len; i++)
        if (text[i] == '\0' || strchr("+-._0123456789abcdefABCDEFxXoO", text[i]) == NULL)
            return;
    if (len >= sizeof(on_stack))
        plain = mem_grow(NULL, len + 1);
    for (size_t i = 0; i < len; i++)
        if (text[i] != '_' || text[0] == '.')
            plain[n++] = text[i];
    plain[n] = '\0';
    resolve_number(plain, out);
    if (plain != on_stack)
        free(plain);
}

enum tag { TAG_NONE, TAG_STR, TAG_INT, TAG_FLOAT, TAG_BOOL, TAG_NULL, TAG_OTHER };

static enum tag tag_of(const char *text)
{
    static const char prefix[] = "tag:yaml.org,2002:";
    static const char *const names[] = {"str", "int", "float", "bool", "null"};

    if (text == NULL)
        return TAG_NONE;
    if (strcmp(text, "!") == 0)
        return TAG_STR;
    if (strncmp(text, prefix, sizeof(prefix) - 1) != 0)
        return TAG_OTHER;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (strcmp(text + sizeof(prefix) - 1, names[i]) == 0)
            return (enum tag)(TAG_STR + i);
    return TAG_OTHER;
}

static bool tag_fits(enum tag tag, struct yaml_scalar *scalar)
{
    switch (tag) {
    case TAG_INT:
        return scalar->type == JV_INT;
    case TAG_FLOAT:
        if (scalar->type == JV_INT) {
            scalar->type = JV_REAL;
            scalar->real = (double)scalar->integer;
        }
        return scalar->type == JV_REAL;
    case TAG_BOOL:
        return scalar->type == JV_BOOL;
    case TAG_NULL:
        return scalar->type == JV_NULL;
    case TAG_NONE:
        return true;
    default:
        return false;
    }
}

static struct jv *scalar_new(const struct yaml_scalar *scalar, const char *text, size_t len)
{
    switch (scalar->type) {
    case JV_NULL:
        return jv_null();
    case JV_BOOL:
        return jv_bool(scalar->boolean);
    case JV_INT:
        return jv_int(scalar->integer);
    case JV_REAL:
        return jv_real(scalar->real);
    default:
        return jv_stringn(text, len);
    }
}

struct jv *yaml_scalar_value(const char *text, size_t len, const char *tag_text, bool plain,
                             const char **problem)
{
    enum tag tag = tag_of(tag_text);
    struct yaml_scalar scalar = {.type = JV_STRING};
    struct jv *value;

    if (tag == TAG_STR || (tag == TAG_NONE && !plain)) {
        value = jv_stringn(text, len);
    } else {
        yaml_scalar_resolve(text, len, &scalar);
        *problem = tag_fits(tag, &scalar) ? scalar.problem : "the tag does not fit the value";
        if (*problem != NULL)
            return NULL;
        value = scalar_new(&scalar, text, len);
    }
    if (value == NULL)
        *problem = "not valid UTF-8";
    return value;
}

const char *yaml_key_text(const struct jv *value, struct buf *key)
{
    size_t len;
    const char *str = jv_strn(value, &len);

    switch (jv_type(value)) {
    case JV_STRING:
        if (memchr(str, '\0', len) != NULL)
            return "a key with a NUL in it";
        buf_add(key, str, len);
        break;
    case JV_INT:
    case JV_REAL:
    case JV_BOOL:
        jv_print(value, 0, key);
        if (jv_type(value) == JV_REAL && strcmp(key->data + key->len - 2, ".0") == 0)
            key->data[key->len -= 2] = '\0';
        break;
    default:
        return "a key must be a string";
    }
    return key->failed ? "a key longer than 4096 bytes" : NULL;
}
