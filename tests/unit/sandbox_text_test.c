/* Small forms: quantities, times, names, protobuf bodies, quotas and the life of events. */
#include "sandbox_support.h"

#include "base/digest.h"
#include "sandbox/meta.h"
#include "sandbox/protobuf.h"
#include "sandbox/quantity.h"
#include "sandbox/timestamp.h"
#include "sandbox/tree.h"

static void quantities_come_back_in_canonical_form(void **state)
{
    (void)state;
    static const char *const rows[][2] = {
        /* As Go's own code gives them back. */
        {"1.5", "1500m"},
        {"1000m", "1"},
        {"1000", "1k"},
        {"1000000", "1M"},
        {".5", "500m"},
        {"0.1m", "100u"},
        {"0.1n", "1n"},
        {"3.14159265358979", "3141592654n"},
        {"1.5Gi", "1536Mi"},
        {"0.5Gi", "512Mi"},
        {"1024Mi", "1Gi"},
        {"2048Gi", "2Ti"},
        {"1000Ki", "1000Ki"},
        {"0.5Ki", "512"},
        {"1024", "1024"},
        {"1.7Ki", "1740800m"},
        {"0.1Mi", "104857600m"},
        {"1e3", "1e3"},
        {"1.5e3", "1500"},
        {"12e6", "12e6"},
        {"100e-3", "100e-3"},
        {"1e-10", "1e-9"},
        {"8Ei", "9223372036854775807"},
        {"10E", "10E"},
        {"-0", "0"},
        {"0.5", "500m"},
        {"100.5Mi", "102912Ki"},
        {"0", "0"},
        {"512", "512"},
        {"1Ki", "1Ki"},
        {"-1500m", "-1500m"},
        {"12345678901234567890", "12345678901234567890"},
        {"0.0000000001", "1n"},
    };
    char out[QUANTITY_TEXT_BYTES];
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        assert_true(quantity_canonical(rows[i][0], out));
        if (strcmp(out, rows[i][1]) != 0)
            fail_msg("%s became %s, not %s", rows[i][0], out, rows[i][1]);
    }
    static const char *const wrong[] = {"",      "abc", "1Zi", "1K", "1GiB", "1 Gi",
                                        "1.2.3", ".",   "1 ",  "Ki", "1e",   "0x1"};
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
        assert_false(quantity_canonical(wrong[i], out));
}

static void times_come_back_in_utc_and_wrong_ones_not_at_all(void **state)
{
    (void)state;
    char out[TIMESTAMP_TEXT_BYTES];
    assert_true(timestamp_canonical("2026-03-01T01:30:00.75+02:00", false, out));
    assert_string_equal(out, "2026-02-28T23:30:00Z");
    assert_true(timestamp_canonical("2024-02-29T00:00:00.123456Z", true, out));
    assert_string_equal(out, "2024-02-29T00:00:00.123456Z");
    assert_false(timestamp_canonical("2026-02-29T00:00:00Z", false, out));
    assert_false(timestamp_canonical("2026-02-01T00:00:00Z", true, out));
    assert_false(timestamp_canonical("2026-02-01 00:00:00Z", false, out));
    assert_false(timestamp_canonical("2026-02-01T24:00:00Z", false, out));
}

static void names_follow_their_rules(void **state)
{
    (void)state;
    assert_null(name_check_subdomain("a.b-c.9"));
    assert_non_null(name_check_subdomain("a..b"));
    assert_non_null(name_check_subdomain("-a"));
    assert_non_null(name_check_label("a.b"));
    assert_non_null(name_check_service("9a"));
    assert_null(name_check_path_segment("system:a"));
    assert_non_null(name_check_path_segment("a/b"));
    assert_null(name_check_qualified("example.com/Some_Name"));
    assert_non_null(name_check_qualified("/x"));
    assert_null(name_check_label_value(""));
    assert_non_null(name_check_label_value("a b"));
}

static bool count_entry(void *arg, const char *key, void *value)
{
    (void)value;
    struct {
        int count;
        char last[16];
    } *seen = arg;
    assert_true(strcmp(seen->last, key) < 0);
    snprintf(seen->last, sizeof(seen->last), "%s", key);
    seen->count++;
    return true;
}

static void trees_stay_ordered_while_entries_come_and_go(void **state)
{
    (void)state;
    enum { KEYS = 500 };
    static char keys[KEYS][8];
    struct tree *tree = tree_new();
    for (int i = 0; i < KEYS; i++) {
        snprintf(keys[i], sizeof(keys[i]), "k%03d", (i * 7919) % KEYS);
        assert_null(tree_put(tree, keys[i], keys[i]));
    }
    for (int i = 0; i < KEYS; i += 2)
        assert_ptr_equal(tree_remove(tree, keys[i]), keys[i]);
    assert_null(tree_remove(tree, keys[0]));
    struct {
        int count;
        char last[16];
    } seen = {0};
    tree_walk(tree, "", false, count_entry, &seen);
    assert_int_equal(seen.count, KEYS / 2);
    const char *found;
    assert_non_null(tree_seek(tree, "k100", false, &found));
    assert_true(strcmp(found, "k100") >= 0);
    tree_free(tree, NULL);
}

/* A ConfigMap {name: m, labels: {a: b}, data: {k: v}} as kubectl encodes it. */
static const unsigned char proto_map[] = {
    'k', '8',  's', 0,   0x0a, 15,   0x0a, 2,    'v',  '1',  0x12, 9,    'C',  'o', 'n',  'f',
    'i', 'g',  'M', 'a', 'p',  0x12, 24,   0x0a, 13,   0x0a, 1,    'm',  0x5a, 6,   0x0a, 1,
    'a', 0x12, 1,   'b', 0x38, 0,    0x12, 7,    0x0a, 1,    'k',  0x12, 2,    'v', '!'};

static void protobuf_of_built_in_kinds_is_read(void **state)
{
    (void)state;
    struct types *types = types_new(NULL);
    struct jv *object = NULL;
    struct err err = {0};
    assert_int_equal(
        protobuf_parse(types, (const char *)proto_map, sizeof(proto_map), &object, &err), 0);
    char *text = jv_print_str(object, JV_PRINT_SORTED);
    assert_string_equal(text,
                        "{\"apiVersion\":\"v1\",\"data\":{\"k\":\"v!\"},\"kind\":\"ConfigMap\","
                        "\"metadata\":{\"generation\":0,\"labels\":{\"a\":\"b\"},\"name\":\"m\"}}");
    free(text);
    jv_unref(object);
    for (size_t len = 0; len < sizeof(proto_map); len++) { /* cut anywhere: an error, no crash */
        object = NULL;
        if (protobuf_parse(types, (const char *)proto_map, len, &object, &err) == 0)
            jv_unref(object);
        else
            assert_null(object);
    }
    types_free(types);
}

static void quotas_bound_what_a_namespace_holds(void **state)
{
    (void)state;
    struct stage stage;
    stage_init(&stage);
    const char *pods = "/api/v1/namespaces/default/pods";
    call_ok(&stage, "POST", "/api/v1/namespaces/default/resourcequotas",
            "{'metadata':{'name':'q'},'spec':{'hard':{'pods':'2','requests.cpu':'1',"
            "'count/statefulsets.apps':'0'}}}");
    call_ok(&stage, "POST", pods,
            "{'metadata':{'name':'a'},'spec':{'containers':[{'name':'m','image':'i','resources':{"
            "'requests':{'cpu':'700m'}}}]}}");
    call(&stage, "POST", pods,
         "{'metadata':{'name':'b'},'spec':{'containers':[{'name':'m','image':'i','resources':{"
         "'requests':{'cpu':'700m'}}}]}}");
    expect_refusal(
        &stage, 403, "Forbidden",
        "pods \"b\" is forbidden: exceeded quota: q, requested: requests.cpu=700m, used: "
        "requests.cpu=700m, limited: requests.cpu=1");
    call(&stage, "POST", pods,
         "{'metadata':{'name':'b'},'spec':{'containers':[{'name':'m','image':'i'}]}}");
    expect_refusal(&stage, 403, "Forbidden",
                   "pods \"b\" is forbidden: failed quota: q: must specify requests.cpu");
    stage_end(&stage);
}

static void events_go_after_an_hour(void **state)
{
    (void)state;
    struct stage stage;
    stage_init(&stage);
    const char *events = "/api/v1/namespaces/default/events";
    const char *body = "{'metadata':{'generateName':'e'},'involvedObject':{'namespace':'default'}}";
    call_ok(&stage, "POST", events, body);
    clock_advance_ns(stage.clock, 3500LL * 1000000000);
    call_ok(&stage, "POST", events, body);
    call_ok(&stage, "GET", events, NULL);
    assert_int_equal(jv_size(jv_path(stage.answer, "items", NULL)), 2);
    clock_advance_ns(stage.clock, 200LL * 1000000000);
    call_ok(&stage, "POST", events, body);
    call_ok(&stage, "GET", events, NULL);
    assert_int_equal(jv_size(jv_path(stage.answer, "items", NULL)), 2);
    stage_end(&stage);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(quantities_come_back_in_canonical_form),
        cmocka_unit_test(times_come_back_in_utc_and_wrong_ones_not_at_all),
        cmocka_unit_test(names_follow_their_rules),
        cmocka_unit_test(trees_stay_ordered_while_entries_come_and_go),
        cmocka_unit_test(protobuf_of_built_in_kinds_is_read),
        cmocka_unit_test(quotas_bound_what_a_namespace_holds),
        cmocka_unit_test(events_go_after_an_hour),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
