#include "cache/pack.h"

#include <stdlib.h>
#include <string.h>

enum {
    MATCH_MIN = 6, /* shorter ones cost more than they save */
    HASH_BITS = 12,
    HASH_SIZE = 1 << HASH_BITS,
    GAIN_MIN = 128, /* a text that packs worse than this and 1/16 of itself is worth remembering */
};
/* A token is a varint: length << 2 | one of these; copies are followed by a varint position. */
enum token { TOKEN_LITERAL, TOKEN_DICTIONARY, TOKEN_BACK };

struct pack_dictionary {
    unsigned refs;
    size_t len, cap;
    char *data;
    uint16_t heads[HASH_SIZE]; /* position + 1 of the last text with this hash */
};

/* What is being packed: the text and where each hash was last seen in it. */
struct packing {
    struct pack_dictionary *dictionary;
    const char *text;
    size_t len;
    struct buf *out;
    size_t follows; /* where the dictionary would go on if only a word had been exchanged */
    size_t word;    /* the position of the text that corresponds to it */
    uint32_t heads[HASH_SIZE];
};

struct match {
    enum token token;
    size_t len, position;
};

static unsigned hash_at(const char *text)
{
    uint32_t a;
    uint16_t b;

    memcpy(&a, text, sizeof(a));
    memcpy(&b, text + sizeof(a), sizeof(b));
    return ((a ^ ((uint32_t)b << 11)) * 2654435761u) >> (32 - HASH_BITS);
}

static void add_varint(struct buf *out, size_t value)
{
    while (value >= 0x80) {
        buf_add_char(out, (char)(value | 0x80));
        value >>= 7;
    }
    buf_add_char(out, (char)value);
}

static size_t common(const char *a, const char *b, size_t max)
{
    size_t n = 0;

    while (n < max && a[n] == b[n])
        n++;
    return n;
}

static void try_dictionary(const struct packing *p, size_t at, size_t position, struct match *match)
{
    const struct pack_dictionary *dictionary = p->dictionary;
    size_t max = p->len - at, len;

    if (position >= dictionary->len)
        return;
    if (max > dictionary->len - position)
        max = dictionary->len - position;
    len = common(dictionary->data + position, p->text + at, max);
    if (len >= MATCH_MIN && len > match->len)
        *match = (struct match){TOKEN_DICTIONARY, len, position};
}

static struct match find(struct packing *p, size_t at)
{
    struct match match = {0};
    unsigned hash = hash_at(p->text + at);
    size_t head = p->heads[hash];

    if (p->follows > 0)
        try_dictionary(p, at, p->follows + (at - p->word), &match);
    if (p->dictionary->heads[hash] > 0)
        try_dictionary(p, at, p->dictionary->heads[hash] - 1u, &match);
    p->heads[hash] = (uint32_t)at + 1;
    if (head > 0) {
        size_t len = common(p->text + head - 1, p->text + at, p->len - at);

        if (len >= MATCH_MIN && len > match.len)
            match = (struct match){TOKEN_BACK, len, at - (head - 1)};
    }
    return match;
}

static void add_literal(struct packing *p, size_t from, size_t to)
{
    if (from == to)
        return;
    add_varint(p->out, (to - from) << 2 | TOKEN_LITERAL);
    buf_add(p->out, p->text + from, to - from);
}

static void run(struct packing *p)
{
    size_t at = 0, from = 0;

    while (at + MATCH_MIN <= p->len) {
        struct match match = find(p, at);

        if (match.len == 0) {
            at++;
            continue;
        }
        add_literal(p, from, at);
        add_varint(p->out, match.len << 2 | match.token);
        add_varint(p->out, match.position);
        for (size_t i = at + 1; i < at + match.len && i + MATCH_MIN <= p->len; i += 3)
            p->heads[hash_at(p->text + i)] = (uint32_t)i + 1;
        at += match.len;
        from = at;
        if (match.token == TOKEN_DICTIONARY) {
            p->follows = match.position + match.len;
            p->word = at;
        }
    }
    add_literal(p, from, p->len);
}

static void learn(struct pack_dictionary *dictionary, const char *text, size_t len)
{
    size_t start = dictionary->len;

    if (start + len > dictionary->cap) {
        dictionary->cap = start + len;
        dictionary->data = mem_grow(dictionary->data, dictionary->cap);
    }
    memcpy(dictionary->data + start, text, len);
    dictionary->len += len;
    for (size_t i = start; i + MATCH_MIN <= dictionary->len; i++)
        dictionary->heads[hash_at(dictionary->data + i)] = (uint16_t)(i + 1);
}

struct pack_dictionary *pack_dictionary_new(void)
{
    struct pack_dictionary *dictionary = mem_alloc(sizeof(*dictionary));

    dictionary->refs = 1;
    return dictionary;
}

struct pack_dictionary *pack_dictionary_ref(struct pack_dictionary *dictionary)
{
    dictionary->refs++;
    return dictionary;
}

void pack_dictionary_unref(struct pack_dictionary *dictionary)
{
    if (dictionary == NULL || --dictionary->refs > 0)
        return;
    free(dictionary->data);
    free(dictionary);
}

size_t pack_dictionary_bytes(const struct pack_dictionary *dictionary)
{
    return sizeof(*dictionary) + dictionary->cap;
}

int pack(struct pack_dictionary *dictionary, const char *text, size_t len, struct buf *out)
{
    struct packing p = {.dictionary = dictionary, .text = text, .len = len, .out = out};
    size_t before = out->len;

    if (len > PACK_TEXT_MAX)
        return -1;
    run(&p);
    if (out->len - before > GAIN_MIN + len / 16 && dictionary->len + len <= PACK_DICTIONARY_MAX &&
        !out->failed) {
        learn(dictionary, text, len);
        memset(p.heads, 0, sizeof(p.heads));
        p.follows = 0;
        out->len = before;
        out->data[before] = '\0';
        run(&p);
    }
    return out->failed ? -1 : 0;
}

static int take_varint(const unsigned char **at, const unsigned char *end, size_t *value)
{
    *value = 0;
    for (unsigned shift = 0; shift < 35 && *at < end; shift += 7) {
        unsigned char byte = *(*at)++;

        *value |= (size_t)(byte & 0x7f) << shift;
        if ((byte & 0x80) == 0)
            return 0;
    }
    return -1;
}

int unpack(const struct pack_dictionary *dictionary, const unsigned char *packed, size_t len,
           char *text, size_t text_len)
{
    const unsigned char *at = packed, *end = packed + len;
    size_t done = 0;

    while (at < end) {
        size_t head, position = 0, count;

        if (take_varint(&at, end, &head) != 0)
            return -1;
        count = head >> 2;
        if (count > text_len - done)
            return -1;
        if ((head & 3) == TOKEN_LITERAL) {
            if (count > (size_t)(end - at))
                return -1;
            memcpy(text + done, at, count);
            at += count;
        } else if (take_varint(&at, end, &position) != 0) {
            return -1;
        } else if ((head & 3) == TOKEN_DICTIONARY) {
            if (position > dictionary->len || count > dictionary->len - position)
                return -1;
            memcpy(text + done, dictionary->data + position, count);
        } else {
            if (position == 0 || position > done)
                return -1;
            for (size_t i = 0; i < count; i++) /* may overlap itself */
                text[done + i] = text[done + i - position];
        }
        done += count;
    }
    text[text_len] = '\0';
    return done == text_len ? 0 : -1;
}
