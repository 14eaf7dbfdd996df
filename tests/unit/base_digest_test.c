#include "base_support.h"

#include "base/digest.h"

#include <stdlib.h>

static void known_digests_come_out(void **state)
{
    char hex[DIGEST_SHA256_HEX], pieces[DIGEST_SHA256_HEX];
    unsigned char sha1[DIGEST_SHA1_BYTES];
    struct digest *digest = digest_sha256_new();

    (void)state;
    digest_sha256_hex("abc", 3, hex);
    assert_string_equal(hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    digest_add(digest, "a", 1);
    digest_add(digest, "", 0);
    digest_add(digest, "bc", 2);
    digest_finish_hex(digest, pieces);
    assert_string_equal(hex, pieces);
    digest_sha1("abc", 3, sha1);
    assert_memory_equal(sha1, "\xa9\x99\x3e\x36\x47\x06\x81\x6a\xba\x3e", 10);
    assert_int_equal(digest_fnv1_32("foobar", 6), 0x31f0b262);
    assert_true(digest_fnv1a_64("foobar", 6, 0) == 0x85944171f73967e8ULL);
    assert_true(digest_fnv1a_64("bar", 3, digest_fnv1a_64("foo", 3, 0)) == 0x85944171f73967e8ULL);
}

static void base64_gives_back_what_it_took(void **state)
{
    unsigned char bytes[700];
    uint64_t random = 3;

    (void)state;
    for (size_t len = 0; len < sizeof(bytes); len++) {
        struct buf text, back;
        buf_init(&text, 4096);
        buf_init(&back, 4096);
        for (size_t i = 0; i < len; i++)
            bytes[i] = (unsigned char)gen_u64(&random);
        assert_int_equal(base64_encode(bytes, len, &text), 0);
        assert_int_equal(text.len, (len + 2) / 3 * 4);
        assert_int_equal(base64_decode(buf_str(&text), text.len, &back, NULL), 0);
        assert_int_equal(back.len, len);
        if (len > 0)
            assert_memory_equal(back.data, bytes, len);
        buf_deinit(&text);
        buf_deinit(&back);
    }
}

static void assert_decodes(const char *text, const char *want)
{
    struct buf out;
    struct err err = {0};

    buf_init(&out, 100);
    if (base64_decode(text, strlen(text), &out, &err) != 0)
        fail_msg("%s: %s", text, err.text);
    assert_string_equal(buf_str(&out), want);
    buf_deinit(&out);
}

static void base64_skips_white_space_only(void **state)
{
    static const char *const bad[] = {"aGk",  "aGk=a", "aG",       "a",       "=",
                                      "====", "aGk==", "a===",     "aGk-",    "aGk_",
                                      "aG=k", "aGkh=", "aGk=aGk=", "aGk\xFF", "aG k"};

    (void)state;
    assert_decodes("aGk=", "hi");
    assert_decodes(" a\nG\r\nk =\n", "hi");
    assert_decodes("", "");
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct buf out;
        struct err err = {0};
        buf_init(&out, 100);
        if (base64_decode(bad[i], strlen(bad[i]), &out, &err) == 0)
            fail_msg("accepted `%s`", bad[i]);
        assert_int_equal(err.code, ERR_PARSE);
        buf_deinit(&out);
    }
}

static void base64_respects_the_limit_of_its_output(void **state)
{
    struct buf out;
    struct err err = {0};

    (void)state;
    buf_init(&out, 4);
    assert_int_equal(base64_decode("aGVsbG8=", 8, &out, &err), -1);
    assert_int_equal(err.code, ERR_TOO_LARGE);
    buf_deinit(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_digests_come_out),
        cmocka_unit_test(base64_gives_back_what_it_took),
        cmocka_unit_test(base64_skips_white_space_only),
        cmocka_unit_test(base64_respects_the_limit_of_its_output),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
