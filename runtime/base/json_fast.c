/* The quick way into a JSON value, for texts without anything unusual.
 *
 * The library's lexer costs twenty instructions a byte and more; what the API server sends is plain.
 * Whatever is not plain here (a real, an odd escape, an error of any kind) is left to the library,
 * whose verdict and words are the ones that count: this parser must only never accept what the
 * library refuses, nor read it differently.
 */
#include "base/json_internal.h"

#include "base/json.h"
#include "base/utf8.h"

#include <stdlib.h>
#include <string.h>

enum { DIGITS_MAX = 18, TEXT_BYTES = 256 };

struct reader {
    const char *at, *end;
    char *text; /* of the string just read, terminated */
    size_t len, cap;
    char small[TEXT_BYTES];
    unsigned depth;
};

static struct jv *read_value(struct reader *reader);

static void skip_space(struct reader *reader)
{
    while (reader->at < reader->end && (*reader->at == ' ' || *reader->at == '\n' ||
                                        *reader->at == '\t' || *reader->at == '\r'))
        reader->at++;
}

static bool take(struct reader *reader, char c)
{
    if (reader->at == reader->end || *reader->at != c)
        return false;
    reader->at++;
    return true;
}

static void room(struct reader *reader, size_t len)
{
    char *grown;

    if (len <= reader->cap)
        return;
    grown = mem_alloc(len * 2);
    memcpy(grown, reader->text, reader->len);
    if (reader->text != reader->small)
        free(reader->text);
    reader->text = grown;
    reader->cap = len * 2;
}

static int hex(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

/* \uXXXX of a character that is neither NUL nor half of a pair. */
static bool read_unicode(struct reader *reader)
{
    unsigned code = 0;
    char *to;

    if (reader->end - reader->at < 4)
        return false;
    for (int i = 0; i < 4; i++) {
        int digit = hex(*reader->at++);

        if (digit < 0)
            return false;
        code = code << 4 | (unsigned)digit;
    }
    if (code == 0 || (code >= 0xd800 && code <= 0xdfff))
        return false;
    to = reader->text + reader->len;
    if (code < 0x80) {
        *to++ = (char)code;
    } else if (code < 0x800) {
        *to++ = (char)(0xc0 | code >> 6);
        *to++ = (char)(0x80 | (code & 0x3f));
    } else {
        *to++ = (char)(0xe0 | code >> 12);
        *to++ = (char)(0x80 | (code >> 6 & 0x3f));
        *to++ = (char)(0x80 | (code & 0x3f));
    }
    reader->len = (size_t)(to - reader->text);
    return true;
}

static bool read_escape(struct reader *reader)
{
    static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
    const char *found;

    if (reader->at == reader->end)
        return false;
    if (*reader->at == 'u') {
        reader->at++;
        return read_unicode(reader);
    }
    found = *reader->at != '\0' ? strchr(from, *reader->at) : NULL;
    if (found == NULL)
        return false;
    reader->at++;
    reader->text[reader->len++] = to[found - from];
    return true;
}

/* The rest of a string whose opening quote was taken, into reader->text. */
static bool read_string(struct reader *reader)
{
    reader->len = 0;
    for (;;) {
        const char *start = reader->at;
        size_t run;

        while (reader->at < reader->end && *reader->at != '"' && *reader->at != '\\' &&
               (unsigned char)*reader->at >= 0x20)
            reader->at++;
        run = (size_t)(reader->at - start);
        room(reader, reader->len + run + 8);
        memcpy(reader->text + reader->len, start, run);
        reader->len += run;
        if (take(reader, '"')) {
            reader->text[reader->len] = '\0';
            return true;
        }
        if (!take(reader, '\\') || !read_escape(reader))
            return false;
    }
}

static struct jv *read_integer(struct reader *reader)
{
    bool negative = take(reader, '-');
    const char *start = reader->at;
    int64_t value = 0;

    while (reader->at < reader->end && *reader->at >= '0' && *reader->at <= '9') {
        if (reader->at - start >= DIGITS_MAX)
            return NULL;
        value = value * 10 + (*reader->at++ - '0');
    }
    if (reader->at == start || (*start == '0' && reader->at - start > 1) ||
        (negative && value == 0))
        return NULL;
    if (reader->at < reader->end &&
        (*reader->at == '.' || *reader->at == 'e' || *reader->at == 'E'))
        return NULL;
    return jv_int(negative ? -value : value);
}

static bool read_word(struct reader *reader, const char *word)
{
    size_t len = strlen(word);

    if ((size_t)(reader->end - reader->at) < len || memcmp(reader->at, word, len) != 0)
        return false;
    reader->at += len;
    return true;
}

static bool read_member(struct reader *reader, struct jv *object)
{
    size_t before = jv_size(object);
    char small[TEXT_BYTES], *key = small;
    struct jv *value;

    skip_space(reader);
    if (!take(reader, '"') || !read_string(reader) || !utf8_valid(reader->text, reader->len))
        return false;
    if (reader->len >= sizeof(small))
        key = mem_alloc(reader->len + 1);
    memcpy(key, reader->text, reader->len + 1);
    skip_space(reader);
    value = take(reader, ':') ? read_value(reader) : NULL;
    if (value != NULL)
        jv_set(object, key, value);
    if (key != small)
        free(key);
    /* A key that was there already does not make the object larger. */
    return jv_size(object) == before + 1;
}

static bool read_element(struct reader *reader, struct jv *array)
{
    struct jv *value = read_value(reader);

    if (value != NULL)
        jv_append(array, value);
    return value != NULL;
}

static struct jv *read_container(struct reader *reader, char close)
{
    struct jv *container = close == '}' ? jv_object() : jv_array();
    bool good = ++reader->depth <= JV_DEPTH_MAX;

    skip_space(reader);
    if (good && !take(reader, close)) {
        do {
            good = close == '}' ? read_member(reader, container) : read_element(reader, container);
            skip_space(reader);
        } while (good && take(reader, ','));
        good = good && take(reader, close);
    }
    reader->depth--;
    if (good)
        return container;
    jv_unref(container);
    return NULL;
}

static struct jv *read_value(struct reader *reader)
{
    skip_space(reader);
    if (reader->at == reader->end)
        return NULL;
    switch (*reader->at) {
    case '{':
        reader->at++;
        return read_container(reader, '}');
    case '[':
        reader->at++;
        return read_container(reader, ']');
    case '"':
        reader->at++;
        return read_string(reader) ? jv_stringn(reader->text, reader->len) : NULL;
    case 't':
        return read_word(reader, "true") ? jv_bool(true) : NULL;
    case 'f':
        return read_word(reader, "false") ? jv_bool(false) : NULL;
    case 'n':
        return read_word(reader, "null") ? jv_null() : NULL;
    default:
        return read_integer(reader);
    }
}

struct jv *json_parse_plain(const char *text, size_t len)
{
    struct reader reader = {.at = text, .end = text + len, .cap = TEXT_BYTES};
    struct jv *value;

    reader.text = reader.small;
    value = read_value(&reader);
    skip_space(&reader);
    if (value != NULL && reader.at != reader.end) {
        jv_unref(value);
        value = NULL;
    }
    if (reader.text != reader.small)
        free(reader.text);
    return value;
}
