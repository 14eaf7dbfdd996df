/* The quick JSON parser against the library: it accepts nothing that the library refuses, and reads
 * nothing differently.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/json.h"
#include "base/json_internal.h"

#include <stdlib.h>
#include <string.h>

static int accepted;

/* The loop layer and its random door lie above base. */
static size_t below(uint64_t *seed, size_t bound)
{
    *seed = *seed * 6364136223846793005u + 1442695040888963407u;
    return (size_t)(*seed >> 33) % bound;
}

static struct jv *library(const char *text, size_t len)
{
    const char *why;
    size_t at = 0;
    if (len == 0 || json_prescan(text, len, JV_DEPTH_MAX, &at) != JSON_FLAWLESS)
        return NULL;
    return json_parse_by_library(text, len, &at, &why);
}

static void agree(const char *text, size_t len)
{
    struct jv *plain = json_parse_plain(text, len);
    struct jv *value = library(text, len);
    if (plain) {
        accepted++;
        if (!value || !jv_equal(value, plain))
            fail_msg("the library reads `%.*s` differently", (int)len, text);
    }
    jv_unref(value);
    jv_unref(plain);
}

static const char *const texts[] = {
    "{\"a\":[1,-2,0,9007199254740993],\"b\":{\"c\":null,\"d\":true,\"e\":false},\"f\":\"\"}",
    " [ { } , [ ] , \"x\" ] \n",
    "{\"k\":\"\\u003ca\\u003e \\\"q\\\" \\\\ \\/ \\b\\f\\n\\r\\t \\u00e9\\u20ac\"}",
    "\"\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80\"",
    "123456789012345678",
    "true",
    "{\"\":1,\"\xc3\xa4\":{\"a\":{\"a\":[[[[]]]]}}}",
};

static void plain_texts_are_read_quickly(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct jv *value = json_parse_plain(texts[i], strlen(texts[i]));
        assert_non_null(value);
        jv_unref(value);
        agree(texts[i], strlen(texts[i]));
    }
}

static void what_is_not_plain_is_left_to_the_library(void **state)
{
    static const char *const others[] = {
        "",
        "1.5",
        "1e3",
        "-0",
        "01",
        "9223372036854775807",
        "\"\\u0000\"",
        "-",
        "[1,]",
        "{\"a\":1,\"a\":2}",
        "{\"a\" 1}",
        "[1 2]",
        "\"\\ud83d\\ude00\"",
        "\"\x01\"",
        "\"\xff\"",
        "nul",
        "[1]]",
        "\"open",
        "{\"a\":}",
        "tru e",
        "{1:2}",
    };
    (void)state;
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        assert_null(json_parse_plain(others[i], strlen(others[i])));
    assert_null(json_parse_plain("1\0", 2));
}

static void depth_is_limited_alike(void **state)
{
    char text[2 * JV_DEPTH_MAX + 8];
    (void)state;
    for (size_t depth = JV_DEPTH_MAX - 1; depth <= JV_DEPTH_MAX + 1; depth++) {
        memset(text, '[', depth);
        memset(text + depth, ']', depth);
        struct jv *value = json_parse_plain(text, 2 * depth);
        assert_int_equal(value != NULL, depth <= JV_DEPTH_MAX);
        jv_unref(value);
        agree(text, 2 * depth);
    }
}

static void mutated_texts_are_read_alike(void **state)
{
    static const char spice[] = "{}[]\",:\\u0012eE.-tfn \n\x00\xc3\xa4\xff";
    uint64_t seed = 21;
    (void)state;
    accepted = 0;
    for (int i = 0; i < 150000; i++) {
        const char *from = texts[below(&seed, sizeof texts / sizeof *texts)];
        size_t len = strlen(from), changes = 1 + below(&seed, 3);
        char text[256];
        memcpy(text, from, len);
        for (size_t k = 0; k < changes && len > 1; k++) {
            size_t at = below(&seed, len);
            switch (below(&seed, 3)) {
            case 0:
                text[at] = spice[below(&seed, sizeof spice - 1)];
                break;
            case 1:
                memmove(text + at, text + at + 1, len - at - 1);
                len--;
                break;
            default:
                memmove(text + at + 1, text + at, len - at);
                text[at] = spice[below(&seed, sizeof spice - 1)];
                len++;
                break;
            }
        }
        agree(text, len);
    }
    assert_true(accepted > 10000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plain_texts_are_read_quickly),
        cmocka_unit_test(what_is_not_plain_is_left_to_the_library),
        cmocka_unit_test(depth_is_limited_alike),
        cmocka_unit_test(mutated_texts_are_read_alike),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
