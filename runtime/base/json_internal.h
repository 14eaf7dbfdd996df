/* What the files of the JSON module share: making values, the two parsers, places in a text, and the
 * scan for what needs no escape. */
#ifndef NEMETON_BASE_JSON_INTERNAL_H
#define NEMETON_BASE_JSON_INTERNAL_H

#include "base/json_build.h"

#include <string.h>

/* key: NULL, or where the value will stand. The text must be valid UTF-8. arena: NULL for a value
 * that is allocated alone. */
struct jv *json_make_string(const char *text, size_t len, struct json_key *key,
                            struct arena *arena);
struct jv *json_make_int(int64_t value, struct json_key *key, struct arena *arena);
struct jv *json_make_container(enum jv_type type, struct json_key *key, struct arena *arena);
/* Fills a new container, and takes over the values: without keys for an array. False for a key that
 * is there twice; the container is the caller's to unref all the same. */
bool json_fill(struct jv *container, const struct member *members, size_t count,
               struct arena *arena);
/* Takes over the value. False, and the value is gone, when the key is there already. */
bool json_add_member(struct jv *object, const struct json_key *key, struct jv *take);

struct json_place {
    size_t line, column; /* from 1; columns count bytes */
    struct buf path;     /* deinit by the caller; empty at the root */
};

enum json_flaw { JSON_FLAWLESS, JSON_TOO_DEEP, JSON_NUL };
/* What the library does not judge as we want: levels deeper than `depth_max`, and a NUL between
 * tokens, which it skips after a number. Sets *position to the byte where it stands. */
enum json_flaw json_prescan(const char *text, size_t len, size_t depth_max, size_t *position);
/* Finds line, column and path of the byte at `position` in a text that is good up to there. */
void json_locate(const char *text, size_t len, size_t position, struct json_place *place);

/* The value of a text with nothing unusual in it; NULL when the library has to look at it. */
struct jv *json_parse_plain(const char *text, size_t len);
/* The same by the library, whose verdict counts. NULL, the place and the reason when it refuses. */
struct jv *json_parse_by_library(const char *text, size_t len, size_t *position, const char **why);

/* How many bytes at the start of a string stand for themselves: up to a quote, a backslash, a control
 * character or the end. Eight at a time: the sums set the top bit of a byte that is one of these, and
 * bytes above 0x7F are cleared by the last factor. *high gets the top bits of the bytes passed: zero
 * when all are ASCII. Reader and printer spend most of their time here, so it is inline. */
static inline size_t json_plain_bytes(const char *str, size_t len, uint64_t *high)
{
    const uint64_t ones = 0x0101010101010101ULL, tops = 0x8080808080808080ULL;
    size_t i = 0;

    for (; i + 8 <= len; i += 8) {
        uint64_t word, quote, slash;

        memcpy(&word, str + i, 8);
        quote = word ^ (ones * '"');
        slash = word ^ (ones * '\\');
        if ((((word - ones * 0x20) | (quote - ones) | (slash - ones)) & ~word & tops) != 0)
            break;
        *high |= word & tops;
    }
    for (; i < len; i++) {
        unsigned char c = (unsigned char)str[i];

        if (c < 0x20 || c == '"' || c == '\\')
            break;
        *high |= c & 0x80;
    }
    return i;
}

#endif
