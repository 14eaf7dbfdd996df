/* kube/mend and objects that our JSON cannot hold: one of them must not end the watch over the others. */
#include "unit/kube_watch_support.h"

#include "kube/mend.h"

static void mended(const char *text, bool frame, const char *wanted, const char *cut_wanted)
{
    struct buf out, cut;
    buf_init(&out, 1 << 20);
    buf_init(&cut, 256);
    assert_int_equal(mend_text(text, strlen(text), frame, &out, &cut), strcmp(text, wanted) != 0);
    assert_string_equal(buf_str(&out), wanted);
    assert_string_equal(buf_str(&cut), cut_wanted);
    buf_deinit(&cut);
    buf_deinit(&out);
}

static void numbers_beyond_64_bits_become_reals(void **state)
{
    (void)state;
    mended("{\"a\":[1,-9223372036854775808,9223372036854775807,1.5,1e30,\"99999999999999999999\"]}",
           false,
           "{\"a\":[1,-9223372036854775808,9223372036854775807,1.5,1e30,\"99999999999999999999\"]}",
           "");
    mended("{\"a\":9223372036854775808,\"b\":-99999999999999999999,\"c\":100000000000000000000000}",
           true,
           "{\"a\":9223372036854775808.0,\"b\":-99999999999999999999.0,"
           "\"c\":100000000000000000000000.0}",
           "");
}

/* before, so many opening brackets, behind; the brackets are closed in between. */
static char *deep(const char *before, size_t levels, const char *behind)
{
    struct buf text;
    buf_init(&text, 1 << 20);
    buf_add_str(&text, before);
    for (size_t i = 0; i < levels; i++)
        buf_add_str(&text, i % 2 == 0 ? "{\"a]\\\"\":" : "[");
    buf_add_str(&text, "1");
    for (size_t i = levels; i > 0; i--)
        buf_add_str(&text, i % 2 == 1 ? "}" : "]");
    buf_add_str(&text, behind);
    char *made = mem_str(buf_str(&text));
    buf_deinit(&text);
    return made;
}

static void what_is_too_deep_becomes_null_and_is_told(void **state)
{
    (void)state;
    struct buf out, cut;
    char *text = deep("{\"type\":\"ADDED\",\"object\":{\"spec\":{\"nodes\":{\"a\":{\"x\":", 300,
                      "}},\"z\":[2]}}}");
    buf_init(&out, 1 << 20);
    buf_init(&cut, 256);
    assert_true(mend_text(text, strlen(text), true, &out, &cut));
    assert_string_equal(buf_str(&cut), "spec.nodes.a.x");
    struct jv *value = NULL;
    assert_int_equal(jv_parse(buf_str(&out), out.len, &value, NULL), 0);
    assert_int_equal(jv_size(jv_path(value, "object", "spec", "z", NULL)), 1);
    jv_unref(value);
    buf_deinit(&cut);
    buf_deinit(&out);
    free(text);
    text = deep("{\"spec\":", 90, "}");
    mended(text, false, text, "");
    free(text);
}

#define HEAD                                                                                       \
    "{\"type\":\"ADDED\",\"object\":{\"kind\":\"Pod\",\"apiVersion\":\"v1\",\"metadata\":{"        \
    "\"name\":\"odd\",\"uid\":\"u9\",\"resourceVersion\":\"11\"},\"spec\":"

static void the_watch_goes_on_over_all_others(void **state)
{
    struct fixture *f = *state;
    start_synced(f);
    char *text = deep(HEAD, 9000, "}}");
    write(f, text);
    free(text);
    write(f, EVENT("ADDED", POD("b", "u2", "12")));
    told(f, "+odd@11 +b@12 ");
    write(f,
          "{\"type\":\"MODIFIED\",\"object\":{\"kind\":\"Pod\",\"apiVersion\":\"v1\",\"metadata\":{"
          "\"name\":\"odd\",\"uid\":\"u9\",\"resourceVersion\":\"13\"},"
          "\"spec\":{\"n\":100000000000000000000}}}" EVENT("DELETED", POD("b", "u2", "14")));
    told(f, "+odd@13 -b@14 ");
    assert_int_equal(f->stage->request_count, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(numbers_beyond_64_bits_become_reals),
        T(what_is_too_deep_becomes_null_and_is_told),
        T(the_watch_goes_on_over_all_others),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
