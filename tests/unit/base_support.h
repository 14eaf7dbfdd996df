/* A seeded generator of JSON values for round-trip tests: reproducible, no clock, no libc rand. */
#ifndef NEMETON_TESTS_BASE_SUPPORT_H
#define NEMETON_TESTS_BASE_SUPPORT_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <string.h>
#include <cmocka.h>

#include "base/json.h"
#include "base/utf8.h"

static inline uint64_t gen_u64(uint64_t *state) /* splitmix64 */
{
    uint64_t z = (*state += 0x9E3779B97F4A7C15ULL);

    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ULL;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBULL;
    return z ^ (z >> 31);
}

static inline size_t gen_below(uint64_t *state, size_t bound)
{
    return (size_t)(gen_u64(state) % bound);
}

/* Text made of pieces that trip writers: indicators, line ends, escapes, numbers, foreign scripts. */
static inline void gen_text(uint64_t *state, struct buf *out, bool nul)
{
    static const char *const pieces[] = {
        "a",      "word",     " ",      "  ",   "\n",   "\n\n",
        "\t",     "- ",       ": ",     ":",    "#",    " #",
        "'",      "\"",       "\\",     "{",    "}",    "[",
        "]",      "&x",       "*x",     "!t",   "|",    ">",
        "%",      "@",        "`",      ",",    "?",    "---",
        "...",    "true",     "no",     "null", "~",    "0x1F",
        "010",    "1e3",      "1_000",  ".inf", "<<",   "12:30",
        "2001-",  "é",        "漢",     "😀",    "\r",   "\x01",
        "\x7f",   "\xC2\x85", "=",      "0",    "-",    "+",
        "\u2028", ".5",       "\uFEFF", "\r\n", "  \n", "long words here"};

    for (size_t n = gen_below(state, 6); n > 0; n--)
        buf_add_str(out, pieces[gen_below(state, sizeof(pieces) / sizeof(pieces[0]))]);
    if (nul && gen_below(state, 40) == 0)
        buf_add_char(out, '\0');
}

static inline struct jv *gen_real(uint64_t *state)
{
    double value;
    uint64_t bits = gen_u64(state);

    if (gen_below(state, 2) == 0)
        return jv_real((double)(int64_t)gen_below(state, 100000) / 100);
    memcpy(&value, &bits, sizeof(value));
    struct jv *real = jv_real(value);
    return real != NULL ? real : jv_real(0.1);
}

static inline struct jv *gen_value(uint64_t *state, int depth, bool nul)
{
    struct buf text;
    struct jv *value;

    switch (gen_below(state, depth > 0 ? 9 : 6)) {
    case 0:
        return jv_null();
    case 1:
        return jv_bool(gen_below(state, 2) == 0);
    case 2:
        return jv_int((int64_t)(gen_u64(state) >> gen_below(state, 64)));
    case 3:
        return gen_real(state);
    case 4:
    case 5:
        buf_init(&text, 4096);
        gen_text(state, &text, nul);
        value = jv_stringn(buf_str(&text), text.len);
        buf_deinit(&text);
        return value;
    case 6:
        value = jv_array();
        for (size_t n = gen_below(state, 5); n > 0; n--)
            jv_append(value, gen_value(state, depth - 1, nul));
        return value;
    default:
        value = jv_object();
        for (size_t n = gen_below(state, 6); n > 0; n--) {
            buf_init(&text, 4096);
            gen_text(state, &text, false);
            jv_set(value, buf_str(&text), gen_value(state, depth - 1, nul));
            buf_deinit(&text);
        }
        return value;
    }
}

#endif
