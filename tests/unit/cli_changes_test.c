/* What a plan tells of the commits that it saw. */
#include "cli_support.h"

#include "cli/changes.h"

struct seen {
    struct clock *clock;
    struct changes *changes;
};

static struct seen seen_open(void)
{
    struct seen seen = {.clock = clock_virtual_new(0)};
    seen.changes = changes_new(seen.clock, "world");
    return seen;
}

static void seen_close(struct seen *seen)
{
    changes_free(seen->changes);
    clock_free(seen->clock);
}

static struct jv *parse(const char *text)
{
    struct jv *value = NULL;
    struct err err = {0};
    if (text == NULL)
        return NULL;
    if (jv_parse(text, strlen(text), &value, &err) != 0)
        fail_msg("%s", err.text);
    return value;
}

static void commit(struct seen *seen, const char *user, const char *before, const char *after)
{
    struct jv *a = parse(before), *b = parse(after);
    const char *verb = a == NULL ? "create" : b == NULL ? "delete" : "update";
    changes_commit(seen->changes, verb, user, a, b);
    jv_unref(a);
    jv_unref(b);
}

static void told(struct seen *seen, const char *wanted)
{
    struct jv *result = changes_result(seen->changes);
    char *got = jv_print_str(jv_get(result, "changes"), 0);
    assert_string_equal(got, wanted);
    free(got);
    jv_unref(result);
}

#define POD(uid, rest)                                                                             \
    "{\"apiVersion\":\"v1\",\"kind\":\"Pod\",\"metadata\":{\"name\":\"p\",\"namespace\":\"n\","    \
    "\"uid\":\"" uid "\"" rest "}}"
#define SET(spec, status)                                                                          \
    "{\"apiVersion\":\"apps/v1\",\"kind\":\"StatefulSet\",\"metadata\":{\"name\":\"s\","           \
    "\"namespace\":\"n\",\"uid\":\"1\",\"generation\":3,\"annotations\":{\"nemeton.dev/"           \
    "x\":\"" status "\"}},\"spec\":" spec ",\"status\":{\"x\":\"" status "\"}}"

static void nothing_counts_before_it_begins(void **state)
{
    (void)state;
    struct seen seen = seen_open();
    clock_advance_ns(seen.clock, 5000000);
    commit(&seen, "nemeton/1", NULL, SET("{}", "a"));
    assert_int_equal(changes_last_ms(seen.changes), clock_mono_ms(seen.clock));
    told(&seen, "[]");
    seen_close(&seen);
}

static void a_changed_object_shows_its_fields(void **state)
{
    (void)state;
    struct seen seen = seen_open();
    changes_begin(seen.changes);
    commit(&seen, "nemeton/1",
           SET("{\"replicas\":1,\"list\":[{\"name\":\"a\",\"v\":1},{\"name\":\"b\"}]}", "a"),
           SET("{\"replicas\":2,\"list\":[{\"name\":\"b\"},{\"name\":\"a\",\"v\":2}],\"more\":{}}",
               "b"));
    told(&seen, "[{\"change\":\"change\",\"apiVersion\":\"apps/v1\",\"kind\":\"StatefulSet\","
                "\"namespace\":\"n\",\"name\":\"s\",\"fields\":["
                "{\"path\":\"spec.replicas\",\"from\":1,\"to\":2},"
                "{\"path\":\"spec.list[a].v\",\"from\":1,\"to\":2},"
                "{\"path\":\"spec.more\",\"added\":true}]}]");
    seen_close(&seen);
}

#define CLAIM(marks, status)                                                                       \
    "{\"apiVersion\":\"v1\",\"kind\":\"PersistentVolumeClaim\",\"metadata\":{\"name\":\"v\","      \
    "\"namespace\":\"n\",\"uid\":\"1\",\"annotations\":{" marks "}},\"spec\":{\"resources\":{"     \
    "\"requests\":{\"storage\":\"1Gi\"}}},\"status\":{" status "}}"
#define GOES "\"nemeton.dev/goes-at\":\"2026-01-01T00:00:00Z\""

static void volumes_that_go_are_told_with_size_and_time(void **state)
{
    (void)state;
    struct seen seen = seen_open();
    changes_begin(seen.changes);
    commit(&seen, "nemeton/1", CLAIM("", ""), CLAIM(GOES, ""));
    told(&seen, "[{\"change\":\"later\",\"apiVersion\":\"v1\",\"kind\":\"PersistentVolumeClaim\","
                "\"namespace\":\"n\",\"name\":\"v\",\"size\":\"1Gi\","
                "\"at\":\"2026-01-01T00:00:00Z\"}]");
    commit(&seen, "nemeton/1", CLAIM(GOES, "\"capacity\":{\"storage\":\"2Gi\"}"), NULL);
    told(&seen, "[{\"change\":\"delete\",\"apiVersion\":\"v1\",\"kind\":\"PersistentVolumeClaim\","
                "\"namespace\":\"n\",\"name\":\"v\",\"size\":\"1Gi\"}]");
    seen_close(&seen);
    seen = seen_open();
    changes_begin(seen.changes);
    commit(&seen, "nemeton/1", CLAIM(GOES, ""), CLAIM("", "")); /* it stays after all */
    told(&seen, "[]");
    seen_close(&seen);
}

static void statuses_and_our_own_marks_do_not_count(void **state)
{
    (void)state;
    struct seen seen = seen_open();
    changes_begin(seen.changes);
    commit(&seen, "nemeton/1", SET("{}", "a"), SET("{}", "b"));
    commit(&seen, "nemeton/1", NULL,
           "{\"apiVersion\":\"v1\",\"kind\":\"Event\",\"metadata\":{\"name\":\"e\"}}");
    told(&seen, "[]");
    seen_close(&seen);
}

static void what_ends_as_it_began_is_not_told(void **state)
{
    (void)state;
    struct seen seen = seen_open();
    changes_begin(seen.changes);
    commit(&seen, "nemeton/1", SET("{\"a\":1}", "a"), SET("{\"a\":2}", "a"));
    commit(&seen, "nemeton/1", SET("{\"a\":2}", "a"), SET("{\"a\":1}", "a"));
    told(&seen, "[]");
    seen_close(&seen);
}

static void pods_that_the_world_replaces_restart_and_new_ones_are_counted(void **state)
{
    (void)state;
    struct seen seen = seen_open();
    changes_begin(seen.changes);
    commit(&seen, "world/1", POD("1", ""), POD("1", ",\"deletionTimestamp\":\"t\""));
    commit(&seen, "world/1", POD("1", ",\"deletionTimestamp\":\"t\""), NULL);
    commit(&seen, "world/1", NULL, POD("2", ""));
    commit(&seen, "world/1", NULL,
           "{\"apiVersion\":\"v1\",\"kind\":\"Pod\",\"metadata\":{\"name\":\"new\"}}");
    told(&seen, "[{\"change\":\"restart\",\"apiVersion\":\"v1\",\"kind\":\"Pod\","
                "\"namespace\":\"n\",\"name\":\"p\"}]");
    struct jv *result = changes_result(seen.changes);
    assert_int_equal(jv_int_value(jv_path(result, "counts", "pods", NULL)), 1);
    jv_unref(result);
    seen_close(&seen);
}

static void order_is_that_of_the_first_change_that_shows(void **state)
{
    (void)state;
    struct seen seen = seen_open();
    changes_begin(seen.changes);
    commit(&seen, "nemeton/1", SET("{}", "a"), SET("{}", "b"));
    commit(&seen, "world/1", POD("1", ""), NULL);
    commit(&seen, "nemeton/1", SET("{}", "b"), SET("{\"a\":1}", "b"));
    told(&seen, "[{\"change\":\"delete\",\"apiVersion\":\"v1\",\"kind\":\"Pod\","
                "\"namespace\":\"n\",\"name\":\"p\"},"
                "{\"change\":\"change\",\"apiVersion\":\"apps/v1\",\"kind\":\"StatefulSet\","
                "\"namespace\":\"n\",\"name\":\"s\",\"fields\":["
                "{\"path\":\"spec.a\",\"added\":true,\"to\":1}]}]");
    seen_close(&seen);
}

static void values_of_secrets_are_never_shown(void **state)
{
    (void)state;
    struct jv *before = parse("{\"kind\":\"Secret\",\"data\":{\"p\":\"b2xk\"}}");
    struct jv *after = parse("{\"kind\":\"Secret\",\"data\":{\"p\":\"bmV3\",\"q\":\"bmV3\"}}");
    struct jv *fields = changes_fields(before, after);
    char *text = jv_print_str(fields, 0);
    assert_string_equal(text, "[{\"path\":\"data.p\"},{\"path\":\"data.q\",\"added\":true}]");
    free(text);
    jv_unref(fields);
    jv_unref(before);
    jv_unref(after);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_counts_before_it_begins),
        cmocka_unit_test(a_changed_object_shows_its_fields),
        cmocka_unit_test(volumes_that_go_are_told_with_size_and_time),
        cmocka_unit_test(statuses_and_our_own_marks_do_not_count),
        cmocka_unit_test(what_ends_as_it_began_is_not_told),
        cmocka_unit_test(pods_that_the_world_replaces_restart_and_new_ones_are_counted),
        cmocka_unit_test(order_is_that_of_the_first_change_that_shows),
        cmocka_unit_test(values_of_secrets_are_never_shown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
