#include "kube/mend.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { KEYS_MAX = 4, DIGITS_MAX = 20, CUT_BYTES_MAX = 1024 };

struct key {
    const char *text;
    size_t len;
};

struct mend {
    const char *text;
    size_t len;
    size_t depth, above;       /* containers that are open; those above the object */
    struct key keys[KEYS_MAX]; /* of the object's first levels, where we are */
    struct buf *out, *cut;
    bool changed;
};

/* Behind the closing quote of the string that opens at `at`. */
static size_t string_end(const struct mend *mend, size_t at)
{
    for (at++; at < mend->len && mend->text[at] != '"'; at++)
        at += mend->text[at] == '\\';
    return at < mend->len ? at + 1 : mend->len;
}

static size_t number_end(const struct mend *mend, size_t at)
{
    while (at < mend->len && memchr("+-.0123456789eE", mend->text[at], 15) != NULL)
        at++;
    return at;
}

/* Behind the container that opens at `at`. */
static size_t container_end(const struct mend *mend, size_t at)
{
    size_t depth = 0;
    while (at < mend->len) {
        char c = mend->text[at];
        if (c == '"') {
            at = string_end(mend, at);
            continue;
        }
        depth += c == '{' || c == '[';
        depth -= c == '}' || c == ']';
        at++;
        if (depth == 0)
            break;
    }
    return at;
}

/* The key of the level at hand, if it is one of those that are told. */
static struct key *key_here(struct mend *mend)
{
    size_t level = mend->depth - mend->above;
    return mend->depth > mend->above && level <= KEYS_MAX ? &mend->keys[level - 1] : NULL;
}

static size_t take_string(struct mend *mend, size_t at)
{
    size_t end = string_end(mend, at);
    struct key *key = key_here(mend);
    if (key != NULL && end < mend->len && mend->text[end] == ':')
        *key = (struct key){mend->text + at + 1, end - at - 2};
    buf_add(mend->out, mend->text + at, end - at);
    return end;
}

static size_t take_number(struct mend *mend, size_t at)
{
    size_t end = number_end(mend, at), len = end - at;
    char digits[DIGITS_MAX + 1] = "";
    bool real = false;
    for (size_t i = at; i < end; i++)
        real = real || memchr(".eE", mend->text[i], 3) != NULL;
    buf_add(mend->out, mend->text + at, len);
    if (real)
        return end;
    errno = 0;
    if (len <= DIGITS_MAX) {
        memcpy(digits, mend->text + at, len);
        (void)strtoll(digits, NULL, 10);
    }
    if (len > DIGITS_MAX || errno == ERANGE) {
        buf_add_str(mend->out, ".0");
        mend->changed = true;
    }
    return end;
}

static size_t cut_off(struct mend *mend, size_t at)
{
    for (size_t i = 0; mend->cut->len == 0 || i > 0; i++) {
        if (i == KEYS_MAX || mend->keys[i].len == 0)
            break;
        buf_printf(mend->cut, "%s%.*s", i > 0 ? "." : "", (int)mend->keys[i].len,
                   mend->keys[i].text);
    }
    buf_add_str(mend->out, "null");
    mend->changed = true;
    return container_end(mend, at);
}

static size_t take(struct mend *mend, size_t at)
{
    char c = mend->text[at];
    if (c == '"')
        return take_string(mend, at);
    if (c == '-' || (c >= '0' && c <= '9'))
        return take_number(mend, at);
    if (c == '{' || c == '[') {
        if (mend->depth >= mend->above + MEND_DEPTH_MAX)
            return cut_off(mend, at);
        mend->depth++;
        struct key *key = key_here(mend);
        if (key != NULL)
            key->len = 0;
    } else if ((c == '}' || c == ']') && mend->depth > 0) {
        mend->depth--;
    }
    buf_add(mend->out, &c, 1);
    return at + 1;
}

bool mend_text(const char *text, size_t len, bool frame, struct buf *out, struct buf *cut)
{
    struct mend mend = {.text = text, .len = len, .above = frame ? 1 : 0, .out = out, .cut = cut};
    for (size_t at = 0; at < len;)
        at = take(&mend, at);
    return mend.changed && !out->failed;
}

int mend_parse(const char *text, size_t len, bool frame, struct log *log, const char *kind,
               struct jv **out)
{
    struct buf mended, cut;
    int result = -1;

    buf_init(&mended, len + len / 4 + 64);
    buf_init(&cut, CUT_BYTES_MAX);
    if (mend_text(text, len, frame, &mended, &cut) &&
        jv_parse(buf_str(&mended), mended.len, out, NULL) == 0) {
        struct jv *object = frame ? jv_get(*out, "object") : *out;
        struct jv *metadata = jv_get(object, "metadata");
        const char *own_kind = jv_path_str(object, "kind", NULL);

        result = 0;
        if (cut.len > 0 && jv_is_object(metadata)) {
            jv_set_str(jv_ensure(metadata, "annotations", NULL), MEND_ANNOTATION, buf_str(&cut));
            log_warn(log, "an object is nested too deeply to be kept whole", "kind",
                     own_kind != NULL ? own_kind : kind, "namespace",
                     jv_path_str(metadata, "namespace", NULL), "name",
                     jv_path_str(metadata, "name", NULL), "left out", buf_str(&cut));
        }
    }
    buf_deinit(&mended);
    buf_deinit(&cut);
    return result;
}
