/* cache/pack: what comes back is what went in, and similar texts get small. */
#include "unit/loop_support.h"

#include "cache/pack.h"
#include "loop/random.h"

static size_t round_trip(struct pack_dictionary *dictionary, const char *text, size_t len)
{
    struct buf packed;
    char *back = malloc(len + 1);
    size_t size;
    buf_init(&packed, 64 << 20);
    assert_int_equal(pack(dictionary, text, len, &packed), 0);
    size = packed.len;
    assert_int_equal(
        unpack(dictionary, (const unsigned char *)buf_str(&packed), packed.len, back, len), 0);
    assert_memory_equal(back, text, len);
    assert_int_equal(back[len], 0);
    buf_deinit(&packed);
    free(back);
    return size;
}

static void gives_back_texts_of_every_length(void **state)
{
    struct pack_dictionary *dictionary = pack_dictionary_new();
    struct random_source *random = random_seeded_new(3);
    char text[3000];
    (void)state;
    for (size_t len = 0; len < sizeof text; len += 1 + len / 20) {
        for (int kind = 0; kind < 3; kind++) {
            for (size_t i = 0; i < len; i++)
                text[i] = kind == 0   ? 'a'
                          : kind == 1 ? (char)random_u64(random)
                                      : "{\"abc\":1},"[random_below(random, 10)];
            round_trip(dictionary, text, len);
        }
    }
    random_free(random);
    pack_dictionary_unref(dictionary);
}

static char *statefulset(int i)
{
    return mem_printf(
        "{\"apiVersion\":\"apps/v1\",\"kind\":\"StatefulSet\",\"metadata\":{\"name\":\"druid-%d-"
        "historicals\",\"namespace\":\"team-%d\",\"uid\":\"%08x-0000-4000-8000-%012d\","
        "\"labels\":{\"app\":\"druid\",\"druid_cr\":\"druid-%d\",\"component\":\"historical\"}},"
        "\"spec\":{\"replicas\":%d,\"serviceName\":\"druid-%d\",\"template\":{\"spec\":{"
        "\"terminationGracePeriodSeconds\":1800,\"containers\":[{\"name\":\"druid\",\"image\":"
        "\"apache/druid:33.0.0\",\"terminationMessagePath\":\"/dev/termination-log\",\"ports\":[{"
        "\"containerPort\":8083,\"protocol\":\"TCP\"}],\"readinessProbe\":{\"httpGet\":{\"path\":"
        "\"/status/health\",\"port\":8083},\"periodSeconds\":10}}]}}}}",
        i, i / 10, (unsigned)(i * 2654435761u), i, i, i % 5, i);
}

static void packs_siblings_to_a_fraction(void **state)
{
    struct pack_dictionary *dictionary = pack_dictionary_new();
    size_t plain = 0, packed = 0;
    (void)state;
    for (int i = 0; i < 200; i++) {
        char *text = statefulset(i);
        plain += strlen(text);
        packed += round_trip(dictionary, text, strlen(text));
        free(text);
    }
    assert_true(packed * 4 < plain);
    assert_true(pack_dictionary_bytes(dictionary) < PACK_DICTIONARY_MAX + (16 << 10));
    pack_dictionary_unref(dictionary);
}

static void the_dictionary_has_a_maximum(void **state)
{
    struct pack_dictionary *dictionary = pack_dictionary_new();
    struct random_source *random = random_seeded_new(5);
    char text[2000];
    (void)state;
    for (int i = 0; i < 100; i++) {
        random_bytes(random, text, sizeof text);
        round_trip(dictionary, text, sizeof text);
    }
    assert_true(pack_dictionary_bytes(dictionary) < PACK_DICTIONARY_MAX + (16 << 10));
    random_free(random);
    pack_dictionary_unref(dictionary);
}

static void takes_large_texts(void **state)
{
    struct pack_dictionary *dictionary = pack_dictionary_new();
    size_t len = 3 << 20;
    char *text = malloc(len);
    (void)state;
    for (size_t i = 0; i < len; i++)
        text[i] = (char)('a' + (i * i / 7) % 23);
    round_trip(dictionary, text, len);
    free(text);
    pack_dictionary_unref(dictionary);
}

static void refuses_what_pack_did_not_make(void **state)
{
    struct pack_dictionary *dictionary = pack_dictionary_new();
    struct random_source *random = random_seeded_new(9);
    unsigned char noise[64];
    char out[257];
    (void)state;
    round_trip(dictionary, "some text, some text, some text", 31);
    for (int i = 0; i < 20000; i++) {
        random_bytes(random, noise, sizeof noise);
        unpack(dictionary, noise, random_below(random, sizeof noise), out, 256); /* no crash */
    }
    assert_int_equal(unpack(dictionary, (const unsigned char *)"\x22\xff\x7f", 3, out, 8), -1);
    assert_int_equal(unpack(dictionary, (const unsigned char *)"\x20", 1, out, 8), -1);
    assert_int_equal(unpack(dictionary, (const unsigned char *)"", 0, out, 8), -1);
    random_free(random);
    pack_dictionary_unref(dictionary);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gives_back_texts_of_every_length),
        cmocka_unit_test(packs_siblings_to_a_fraction),
        cmocka_unit_test(the_dictionary_has_a_maximum),
        cmocka_unit_test(takes_large_texts),
        cmocka_unit_test(refuses_what_pack_did_not_make),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
