/* The quick way into a JSON value, for texts without anything unusual.
 *
 * The library's lexer costs twenty instructions a byte and more; what the API server sends is plain.
 * Whatever is not plain here (a real, an odd escape, an error of any kind) is left to the library,
 * whose verdict and words are the ones that count: this parser must only never accept what the
 * library refuses, nor read it differently.
 */
#include "base/json_object.h"

#include "base/utf8.h"

#include <stdlib.h>
#include <string.h>

enum { DIGITS_MAX = 18, TEXT_BYTES = 256 };

struct reader {
    const char *at, *end;
    const char *found; /* the string just read: a piece of the input, or of text; not terminated */
    size_t found_len;
    char *text; /* for strings with escapes */
    size_t len, cap;
    char small[TEXT_BYTES];
    unsigned depth;
    struct json_build build;
};

static struct jv *read_value(struct reader *reader, struct json_key *key);

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

/* The rest of a string whose opening quote was taken, into reader->found. */
static bool read_string(struct reader *reader)
{
    uint64_t high = 0;

    reader->len = 0;
    for (;;) {
        const char *start = reader->at;
        size_t run = json_plain_bytes(start, (size_t)(reader->end - start), &high);
        bool ends;

        reader->at += run;
        ends = take(reader, '"');
        reader->found = start;
        reader->found_len = run;
        if (!ends || reader->len > 0) {
            room(reader, reader->len + run + 8);
            memcpy(reader->text + reader->len, start, run);
            reader->len += run;
            reader->found = reader->text;
            reader->found_len = reader->len;
        }
        if (ends)
            return high == 0 || utf8_valid(reader->found, reader->found_len);
        if (!take(reader, '\\') || !read_escape(reader))
            return false;
    }
}

static struct jv *read_integer(struct reader *reader, struct json_key *key)
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
    return json_build_int(&reader->build, negative ? -value : value, key);
}

static bool read_word(struct reader *reader, const char *word)
{
    size_t len = strlen(word);

    if ((size_t)(reader->end - reader->at) < len || memcmp(reader->at, word, len) != 0)
        return false;
    reader->at += len;
    return true;
}

/* A value makes its own copy of the key; only one with escapes has to be put by until then, and that
 * of a word, which is nobody's own. */
static bool read_member(struct reader *reader)
{
    struct json_key key = {0};
    char *kept = NULL;
    struct jv *value;

    skip_space(reader);
    if (!take(reader, '"') || !read_string(reader))
        return false;
    key.text = reader->found;
    key.len = reader->found_len;
    if (reader->found == reader->text)
        key.text = kept = mem_strn(reader->found, reader->found_len);
    skip_space(reader);
    value = take(reader, ':') ? read_value(reader, &key) : NULL;
    if (value != NULL)
        json_build_put(&reader->build, &key, value);
    free(kept);
    return value != NULL;
}

static bool read_element(struct reader *reader)
{
    struct jv *value = read_value(reader, NULL);

    if (value != NULL)
        json_build_put(&reader->build, NULL, value);
    return value != NULL;
}

static struct jv *read_container(struct reader *reader, char close, struct json_key *key)
{
    size_t mark;
    struct jv *container =
        json_build_begin(&reader->build, close == '}' ? JV_OBJECT : JV_ARRAY, key, &mark);
    bool good = ++reader->depth <= JV_DEPTH_MAX;

    skip_space(reader);
    if (good && !take(reader, close)) {
        do {
            good = close == '}' ? read_member(reader) : read_element(reader);
            skip_space(reader);
        } while (good && take(reader, ','));
        good = good && take(reader, close);
    }
    reader->depth--;
    good = good && json_build_end(&reader->build, container, mark, false);
    json_build_forget(&reader->build, mark);
    if (good)
        return container;
    jv_unref(container);
    return NULL;
}

static struct jv *read_value(struct reader *reader, struct json_key *key)
{
    skip_space(reader);
    if (reader->at == reader->end)
        return NULL;
    switch (*reader->at) {
    case '{':
        reader->at++;
        return read_container(reader, '}', key);
    case '[':
        reader->at++;
        return read_container(reader, ']', key);
    case '"':
        reader->at++;
        return read_string(reader)
                   ? json_build_string(&reader->build, reader->found, reader->found_len, key)
                   : NULL;
    case 't':
        return read_word(reader, "true") ? jv_bool(true) : NULL;
    case 'f':
        return read_word(reader, "false") ? jv_bool(false) : NULL;
    case 'n':
        return read_word(reader, "null") ? jv_null() : NULL;
    default:
        return read_integer(reader, key);
    }
}

struct jv *json_parse_plain(const char *text, size_t len)
{
    struct reader reader = {.at = text, .end = text + len, .cap = TEXT_BYTES};
    struct jv *value;

    reader.text = reader.small;
    json_build_open(&reader.build, len * 3); /* about what values take more than their text */
    value = read_value(&reader, NULL);
    skip_space(&reader);
    if (value != NULL && reader.at != reader.end) {
        jv_unref(value);
        value = NULL;
    }
    if (reader.text != reader.small)
        free(reader.text);
    json_build_close(&reader.build);
    return value;
}
