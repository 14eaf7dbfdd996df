/* cache/store: what is kept, found, refused and forgotten. */
#include "unit/loop_support.h"

#include "cache/store.h"
#include "loop/random.h"

static int setup(void **state)
{
    *state = store_new(&(struct store_options){0});
    return 0;
}

static int teardown(void **state)
{
    store_free(*state);
    return 0;
}

static struct jv *object(const char *namespace, const char *name, const char *uid, const char *rv,
                         const char *owner)
{
    struct jv *o = jv_object(), *m = jv_ensure(o, "metadata", NULL);
    jv_set_str(o, "apiVersion", "v1");
    jv_set_str(o, "kind", "Pod");
    jv_set_str(m, "name", name);
    jv_set_str(m, "namespace", namespace);
    jv_set_str(m, "uid", uid);
    jv_set_str(m, "resourceVersion", rv);
    if (owner) {
        struct jv *owners = jv_array(), *one = jv_object(), *other = jv_object();
        jv_set_str(other, "uid", "somebody");
        jv_append(owners, other);
        jv_set_str(one, "kind", "Thing");
        jv_set_str(one, "name", "its-owner");
        jv_set_str(one, "uid", owner);
        jv_set(one, "controller", jv_bool(true));
        jv_append(owners, one);
        jv_set(m, "ownerReferences", owners);
    }
    return o;
}

static enum store_change put_as(struct store *store, const char *name, const char *uid,
                                const char *rv, int value, bool own)
{
    struct jv *o = object("n", name, uid, rv, NULL);
    struct err err = {0};
    enum store_change change;
    jv_set_int(jv_ensure(o, "spec", NULL), "value", value);
    change = own ? store_observe(store, o, &err) : store_put(store, o, &err);
    jv_unref(o);
    return change;
}

static enum store_change put(struct store *store, const char *name, const char *uid, const char *rv)
{
    return put_as(store, name, uid, rv, atoi(rv), false);
}

static bool add_name(void *arg, struct store_item *item)
{
    buf_printf(arg, "%s/%s@%s ", item->namespace, item->name, item->resource_version);
    return true;
}

static void content(struct store *store, const char *wanted)
{
    struct buf text;
    buf_init(&text, 1 << 16);
    store_each(store, NULL, add_name, &text);
    assert_string_equal(buf_str(&text), wanted);
    buf_deinit(&text);
}

static void sweep(struct store *store, const char *rv, const char *wanted)
{
    struct buf text;
    buf_init(&text, 1 << 16);
    store_sweep(store, rv, add_name, &text);
    assert_string_equal(buf_str(&text), wanted);
    buf_deinit(&text);
}

static void keeps_and_gives_back_an_object(void **state)
{
    struct store *store = *state;
    struct jv *o = object("n", "a", "u1", "5", "o1"), *back;
    struct store_item *item;
    jv_set_str(jv_get(o, "metadata"), "deletionTimestamp", "2026-01-01T00:00:00Z");
    jv_set_int(jv_get(o, "metadata"), "generation", 3);
    assert_int_equal(store_put(store, o, NULL), STORE_ADDED);
    item = store_get(store, "n", "a");
    assert_string_equal(item->uid, "u1");
    assert_string_equal(item->resource_version, "5");
    assert_string_equal(item->owner_uid, "o1");
    assert_string_equal(item->owner_kind, "Thing");
    assert_string_equal(item->owner_name, "its-owner");
    assert_int_equal(item->generation, 3);
    assert_true(item->deleting);
    assert_ptr_equal(store_by_uid(store, "u1"), item);
    assert_null(store_get(store, "m", "a"));
    assert_null(store_get(store, NULL, "a"));
    assert_null(store_by_uid(store, "u2"));
    back = store_item_parse(item);
    assert_true(jv_equal(back, o));
    jv_unref(back);
    jv_unref(o);
}

static void says_what_a_put_changed(void **state)
{
    struct store *store = *state;
    assert_int_equal(put(store, "a", "u1", "5"), STORE_ADDED);
    assert_int_equal(put(store, "a", "u1", "5"), STORE_SAME);
    assert_int_equal(put(store, "a", "u1", "7"), STORE_CHANGED);
    assert_int_equal(put(store, "a", "u1", "6"), STORE_OLD);
    assert_int_equal(put(store, "a", "u1", "10"), STORE_CHANGED); /* a longer number is newer */
    content(store, "n/a@10 ");
    assert_int_equal(store_remove(store, "n", "a", "u9"), STORE_SAME);
    assert_int_equal(store_remove(store, "n", "a", "u1"), STORE_REMOVED);
    assert_int_equal(store_remove(store, "n", "a", "u1"), STORE_SAME);
    assert_null(store_by_uid(store, "u1"));
    assert_int_equal(store_count(store), 0);
}

static void a_newer_version_with_the_same_content_is_no_change(void **state)
{
    struct store *store = *state;
    put_as(store, "a", "u1", "5", 1, false);
    assert_int_equal(put_as(store, "a", "u1", "600", 1, false), STORE_SAME);
    content(store, "n/a@600 ");
    assert_int_equal(put_as(store, "a", "u1", "601", 2, false), STORE_CHANGED);
}

static void foreign_versions_only_compare_for_equality(void **state)
{
    struct store *store = *state;
    put_as(store, "a", "u1", "x9", 1, false);
    assert_int_equal(put_as(store, "a", "u1", "x9", 2, false), STORE_SAME);
    assert_int_equal(put_as(store, "a", "u1", "x8", 2, false), STORE_CHANGED);
}

static void another_uid_under_the_same_name_replaces(void **state)
{
    struct store *store = *state;
    put(store, "a", "u1", "5");
    assert_int_equal(put(store, "a", "u2", "8"), STORE_ADDED);
    assert_null(store_by_uid(store, "u1"));
    assert_int_equal(put(store, "a", "u1", "6"), STORE_OLD); /* the earlier one, late */
    content(store, "n/a@8 ");
    assert_int_equal(store_remove(store, "n", "a", "u1"), STORE_SAME); /* its deletion, later */
    content(store, "n/a@8 ");
}

static void orders_by_namespace_and_name_and_by_owner(void **state)
{
    static const char *const names[][3] = {{"m", "b", "o1"}, {"m", "a", "o2"}, {"a", "z", "o1"},
                                           {"", "c", NULL},  {"m", "c", "o1"}, {"mm", "a", "o1"}};
    struct store *store = *state;
    struct buf text;
    for (size_t i = 0; i < 6; i++) {
        char uid[8];
        snprintf(uid, sizeof uid, "u%zu", i);
        struct jv *o = object(names[i][0], names[i][1], uid, "1", names[i][2]);
        assert_int_equal(store_put(store, o, NULL), STORE_ADDED);
        jv_unref(o);
    }
    content(store, "/c@1 a/z@1 m/a@1 m/b@1 m/c@1 mm/a@1 ");
    buf_init(&text, 4096);
    store_each(store, "m", add_name, &text);
    assert_string_equal(buf_str(&text), "m/a@1 m/b@1 m/c@1 ");
    buf_clear(&text);
    store_each(store, "", add_name, &text);
    assert_string_equal(buf_str(&text), "/c@1 ");
    buf_clear(&text);
    store_each_owned(store, "o1", add_name, &text);
    assert_string_equal(buf_str(&text), "a/z@1 m/b@1 m/c@1 mm/a@1 ");
    buf_clear(&text);
    store_each_owned(store, "nobody", add_name, &text);
    assert_string_equal(buf_str(&text), "");
    buf_deinit(&text);
}

static void an_owner_that_changes_moves_the_item(void **state)
{
    struct store *store = *state;
    struct jv *o = object("n", "a", "u1", "1", "o1"), *p = object("n", "a", "u1", "2", NULL);
    struct buf text;
    store_put(store, o, NULL);
    store_put(store, p, NULL);
    buf_init(&text, 4096);
    store_each_owned(store, "o1", add_name, &text);
    assert_string_equal(buf_str(&text), "");
    buf_deinit(&text);
    jv_unref(o);
    jv_unref(p);
}

static void a_held_item_stays_as_it_was(void **state)
{
    struct store *store = *state;
    struct store_item *item;
    struct jv *value;
    put(store, "a", "u1", "5");
    item = store_item_ref(store_get(store, "n", "a"));
    put(store, "a", "u1", "6");
    store_remove(store, "n", "a", NULL);
    store_free(store);
    *state = store_new(&(struct store_options){0});
    value = store_item_parse(item); /* beyond the store */
    assert_int_equal(jv_int_value(jv_path(value, "spec", "value", NULL)), 5);
    jv_unref(value);
    store_item_unref(item);
}

static void a_full_state_removes_what_it_lacks(void **state)
{
    struct store *store = *state;
    put(store, "a", "u1", "1");
    put(store, "b", "u2", "2");
    put(store, "c", "u3", "3");
    store_begin(store);
    content(store, "n/a@1 n/b@2 n/c@3 "); /* a reader never sees a hole */
    put(store, "b", "u2", "2");
    put(store, "d", "u4", "9");
    sweep(store, "10", "n/a@1 n/c@3 ");
    content(store, "n/b@2 n/d@9 ");
}

static void a_full_state_keeps_our_newer_writes(void **state)
{
    struct store *store = *state;
    put(store, "old", "u1", "1");
    put_as(store, "made", "u2", "20", 1, true);
    put_as(store, "changed", "u3", "2", 1, false);
    put_as(store, "changed", "u3", "21", 2, true);
    store_begin(store);
    assert_int_equal(put(store, "changed", "u3", "2"), STORE_OLD);
    sweep(store, "10", "n/old@1 ");
    content(store, "n/changed@21 n/made@20 ");
}

static void our_write_within_a_full_state_does_not_count_as_listed(void **state)
{
    struct store *store = *state;
    store_begin(store);
    put_as(store, "made", "u1", "7", 1, true);
    sweep(store, "10", "n/made@7 "); /* not in a list of 10: somebody deleted it before */
    store_begin(store);
    put_as(store, "made", "u1", "12", 1, true);
    sweep(store, "10", "");
    content(store, "n/made@12 ");
}

static void a_tombstone_keeps_the_dead_away(void **state)
{
    struct store *store = *state;
    put(store, "a", "u1", "5");
    store_remove(store, "n", "a", "u1");
    store_tombstone(store, "u1");
    assert_int_equal(put(store, "a", "u1", "6"), STORE_OLD); /* its last change, late */
    assert_int_equal(put(store, "a", "u2", "8"), STORE_ADDED);
    assert_int_equal(store_remove(store, "n", "a", "u1"), STORE_SAME); /* confirmed */
    content(store, "n/a@8 ");
    assert_int_equal(store_remove(store, "n", "a", "u2"), STORE_REMOVED);
    assert_int_equal(put(store, "a", "u1", "6"), STORE_ADDED); /* the stone is gone */
}

static void a_wrong_tombstone_heals(void **state)
{
    struct store *store = *state;
    store_tombstone(store, "u1");
    for (int i = 0; i < 2; i++) {
        store_begin(store);
        assert_int_equal(put(store, "a", "u1", "5"), STORE_OLD);
        sweep(store, "10", "");
    }
    store_begin(store);
    assert_int_equal(put(store, "a", "u1", "5"), STORE_ADDED);
}

static void a_tombstone_ends_with_a_full_state_without_the_object(void **state)
{
    struct store *store = *state;
    store_tombstone(store, "u1");
    store_begin(store);
    sweep(store, "10", "");
    assert_int_equal(put(store, "a", "u1", "5"), STORE_ADDED);
    store_tombstone(store, "u2"); /* made within the full state: the list may be older */
    store_begin(store);
    store_tombstone(store, "u3");
    sweep(store, "11", "n/a@5 ");
    assert_int_equal(put(store, "b", "u2", "5"), STORE_ADDED);
    assert_int_equal(put(store, "c", "u3", "5"), STORE_OLD);
}

static void after_a_reset_older_versions_win(void **state)
{
    struct store *store = *state;
    put(store, "a", "u1", "50");
    put(store, "b", "u2", "60");
    put(store, "c", "u3", "70");
    store_reset(store);
    store_begin(store);
    assert_int_equal(put(store, "a", "u1", "5"), STORE_CHANGED);
    assert_int_equal(put(store, "b", "u9", "6"), STORE_ADDED);
    sweep(store, "7", "n/c@70 ");
    content(store, "n/a@5 n/b@6 ");
    assert_int_equal(put(store, "a", "u1", "4"), STORE_OLD);
}

static void keeps_only_declared_fields_and_identity(void **state)
{
    static const char *const fields[] = {"spec.a", "spec.b.c", "status",
                                         "metadata.annotations.x/y.z", "absent.too"};
    struct store *store = store_new(&(struct store_options){.fields = fields, .field_count = 5});
    const char *text =
        "{\"apiVersion\":\"v1\",\"kind\":\"Pod\",\"metadata\":{\"name\":\"a\",\"uid\":\"u\","
        "\"resourceVersion\":\"1\",\"labels\":{\"l\":\"1\"},\"annotations\":{\"x/y.z\":\"1\",\"o\":"
        "\"2\"}},\"spec\":{\"a\":1,\"b\":{\"c\":2,\"d\":3},\"e\":4},\"status\":{\"s\":5},\"data\":"
        "6}";
    struct jv *o = NULL, *back;
    char *printed;
    (void)state;
    assert_int_equal(jv_parse(text, strlen(text), &o, NULL), 0);
    assert_int_equal(store_put(store, o, NULL), STORE_ADDED);
    back = store_item_parse(store_get(store, "", "a"));
    printed = jv_print_str(back, 0);
    assert_string_equal(
        printed,
        "{\"apiVersion\":\"v1\",\"kind\":\"Pod\",\"metadata\":{\"name\":\"a\",\"uid\":\"u\","
        "\"resourceVersion\":\"1\",\"labels\":{\"l\":\"1\"},\"annotations\":{\"x/y.z\":\"1\""
        "}},\"spec\":{\"a\":1,\"b\":{\"c\":2}},\"status\":{\"s\":5}}");
    free(printed);
    jv_unref(back);
    /* A change of what is not kept is no change. */
    jv_set_str(jv_get(o, "metadata"), "resourceVersion", "2");
    jv_set_int(o, "data", 7);
    assert_int_equal(store_put(store, o, NULL), STORE_SAME);
    assert_string_equal(store_get(store, NULL, "a")->resource_version, "2");
    jv_unref(o);
    store_free(store);
}

static void overlapping_fields_do_not_touch_the_object(void **state)
{
    static const char *const fields[] = {"spec", "spec.a.b", "metadata", "metadata.annotations"};
    struct store *store = store_new(&(struct store_options){.fields = fields, .field_count = 4});
    struct jv *o = object("n", "a", "u", "1", NULL), *copy, *back;
    (void)state;
    jv_set_int(jv_ensure(o, "spec", "a", NULL), "b", 1);
    jv_set_str(jv_ensure(o, "metadata", "annotations", NULL), "k", "v");
    copy = jv_dup(o);
    store_put(store, o, NULL);
    assert_true(jv_equal(o, copy));
    back = store_item_parse(store_get(store, "n", "a"));
    assert_true(jv_equal(back, o));
    jv_unref(back);
    jv_unref(copy);
    jv_unref(o);
    store_free(store);
}

static void refuses_what_has_no_name_and_what_is_too_much(void **state)
{
    struct store *store = store_new(&(struct store_options){.bytes_max = 700});
    struct jv *nameless = jv_object();
    struct err err = {0};
    (void)state;
    assert_int_equal(store_put(store, nameless, &err), STORE_FAILED);
    assert_int_equal(err.code, ERR_INVALID);
    assert_int_equal(put(store, "a", "u1", "1"), STORE_ADDED);
    assert_int_equal(put(store, "b", "u2", "1"), STORE_ADDED);
    assert_int_equal(put(store, "c", "u3", "1"), STORE_FAILED);
    assert_int_equal(put(store, "a", "u1", "2"), STORE_CHANGED); /* a replacement fits */
    assert_int_equal(store_count(store), 2);
    jv_unref(nameless);
    store_free(store);
}

/* Against a plain array: random puts, removes and walks in tens of thousands of items. */
static void agrees_with_a_simple_model(void **state)
{
    enum { NAMES = 4000 };
    struct store *store = *state;
    struct random_source *random = random_seeded_new(11);
    static int versions[NAMES];
    size_t count = 0;
    char name[32], uid[32], rv[32], wanted[64];
    memset(versions, 0, sizeof versions);
    for (int i = 1; i <= 30000; i++) {
        size_t n = random_below(random, NAMES);
        snprintf(name, sizeof name, "name-%05zu", n);
        snprintf(uid, sizeof uid, "uid-%05zu", (n * 7919) % 100000);
        snprintf(rv, sizeof rv, "%d", i);
        if (random_below(random, 4) > 0) {
            enum store_change change = put(store, name, uid, rv);
            assert_int_equal(change, versions[n] ? STORE_CHANGED : STORE_ADDED);
            count += versions[n] == 0;
            versions[n] = i;
        } else {
            enum store_change change = store_remove(store, "n", name, uid);
            assert_int_equal(change, versions[n] ? STORE_REMOVED : STORE_SAME);
            count -= versions[n] != 0;
            versions[n] = 0;
        }
    }
    assert_int_equal(store_count(store), count);
    struct buf text;
    buf_init(&text, 1 << 20);
    store_each(store, "n", add_name, &text);
    const char *at = buf_str(&text);
    for (size_t n = 0; n < NAMES; n++) {
        if (!versions[n])
            continue;
        snprintf(wanted, sizeof wanted, "n/name-%05zu@%d ", n, versions[n]);
        assert_memory_equal(at, wanted, strlen(wanted));
        at += strlen(wanted);
        snprintf(uid, sizeof uid, "uid-%05zu", (n * 7919) % 100000);
        assert_non_null(store_by_uid(store, uid));
    }
    assert_int_equal(*at, 0);
    buf_deinit(&text);
    random_free(random);
}

static void like_objects_take_little_memory(void **state)
{
    struct store *store = *state;
    size_t plain = 0;
    for (int i = 0; i < 1000; i++) {
        char name[64], uid[64];
        struct jv *o;
        struct jv *containers = jv_array();
        snprintf(name, sizeof name, "druid-cluster-%d-historicals", i);
        snprintf(uid, sizeof uid, "%08x-1111-4222-8333-%012d", (unsigned)i * 2654435761u, i);
        o = object("n", name, uid, "123456", "0f0f0f0f-1111-4222-8333-000000000000");
        for (int k = 0; k < 20; k++) {
            struct jv *c = jv_object();
            jv_set_str(c, "terminationMessagePolicy", "File");
            jv_set(c, "name", jv_stringf("container-%d", k));
            jv_set_str(c, "imagePullPolicy", "IfNotPresent");
            jv_append(containers, c);
        }
        jv_set(jv_ensure(o, "spec", "template", "spec", NULL), "containers", containers);
        char *text = jv_print_str(o, 0);
        plain += strlen(text);
        free(text);
        store_put(store, o, NULL);
        jv_unref(o);
    }
    assert_true(plain / 1000 > 1900);
    assert_true(store_bytes(store) / 1000 < 350); /* with everything that is asked for often */
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(keeps_and_gives_back_an_object),
        T(says_what_a_put_changed),
        T(a_newer_version_with_the_same_content_is_no_change),
        T(foreign_versions_only_compare_for_equality),
        T(another_uid_under_the_same_name_replaces),
        T(orders_by_namespace_and_name_and_by_owner),
        T(an_owner_that_changes_moves_the_item),
        T(a_held_item_stays_as_it_was),
        T(a_full_state_removes_what_it_lacks),
        T(a_full_state_keeps_our_newer_writes),
        T(our_write_within_a_full_state_does_not_count_as_listed),
        T(a_tombstone_keeps_the_dead_away),
        T(a_wrong_tombstone_heals),
        T(a_tombstone_ends_with_a_full_state_without_the_object),
        T(after_a_reset_older_versions_win),
        T(keeps_only_declared_fields_and_identity),
        T(overlapping_fields_do_not_touch_the_object),
        T(refuses_what_has_no_name_and_what_is_too_much),
        T(agrees_with_a_simple_model),
        T(like_objects_take_little_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
