/* What the tests of the gate share: a primary, a StatefulSet of its, a plan to delete it. */
#ifndef NEMETON_TESTS_CONTROL_GATE_SUPPORT_H
#define NEMETON_TESTS_CONTROL_GATE_SUPPORT_H

#include "control_support.h"

#include "control/gate.h"
#include "control/gate_internal.h"

#define THING "/apis/example.com/v1/namespaces/ns/things/one"
#define SET "/apis/apps/v1/namespaces/ns/statefulsets/set"
#define CLAIM "/api/v1/namespaces/ns/persistentvolumeclaims/data-set-1"
#define OWNED                                                                                      \
    "'ownerReferences':[{'apiVersion':'example.com/v1','kind':'Thing','name':'one',"               \
    "'uid':'u-one','controller':true}]"

#define SMALL_SET                                                                                  \
    "{'kind':'StatefulSet','spec':{'replicas':1,'volumeClaimTemplates':[{'metadata':{"             \
    "'name':'data'}}]}}"

struct test {
    struct fake fake;
    struct gate *gate;
    struct gate_plan plan;
    bool lease, synced, in_force;
    bool *lost; /* one of them: true the first time it is looked at, false from then on */
    int64_t margin_asked;
    bool done, passed;
    struct jv *object;
    struct err err;
};

static inline bool look(struct test *test, bool *what)
{
    bool now = *what;
    if (what == test->lost)
        *what = false;
    return now;
}

static inline bool lease_holds(void *arg, int64_t margin_ms)
{
    struct test *test = arg;
    test->margin_asked = margin_ms;
    return look(test, &test->lease);
}

static inline bool is_synced(void *arg)
{
    struct test *test = arg;
    return look(test, &test->synced);
}

static inline bool in_force(void *arg, const char *version)
{
    assert_string_equal(version, "v1");
    struct test *test = arg;
    return look(test, &test->in_force);
}

static inline void on_gate(void *arg, const struct jv *object, const struct err *err)
{
    struct test *test = arg;
    assert_false(test->done);
    test->done = true;
    test->passed = err == NULL;
    test->object = jv_ref((struct jv *)object);
    if (err != NULL)
        test->err = *err;
}

static inline int setup(void **state)
{
    struct test *test = mem_alloc(sizeof(*test));
    fake_start(&test->fake);
    test->lease = test->synced = test->in_force = true;
    struct gate_options options = {
        .rest = test->fake.rest,
        .discovery = test->fake.discovery,
        .lease_holds = lease_holds,
        .synced = is_synced,
        .version_in_force = in_force,
        .arg = test,
        .budget_per_minute = 2,
    };
    test->gate = gate_new(&options);
    fake_put(&test->fake, THING,
             "{'apiVersion':'example.com/v1','kind':'Thing','metadata':{"
             "'generation':3}}");
    fake_put(&test->fake, SET,
             "{'apiVersion':'apps/v1','kind':'StatefulSet','metadata':{" OWNED
             "},'spec':{'replicas':2,'volumeClaimTemplates':[{'metadata':{"
             "'name':'data'}}]}}");
    test->plan = (struct gate_plan){
        .primary_kind = fake_kind(&test->fake, "example.com/v1", "Thing"),
        .primary_namespace = "ns",
        .primary_name = "one",
        .primary_uid = "u-one",
        .primary_generation = 3,
        .policy_version = "v1",
        .kind = fake_kind(&test->fake, "apps/v1", "StatefulSet"),
        .namespace = "ns",
        .name = "set",
        .uid = "u-set",
    };
    *state = test;
    return 0;
}

static inline int teardown(void **state)
{
    struct test *test = *state;
    gate_free(test->gate);
    jv_unref(test->object);
    fake_end(&test->fake);
    free(test);
    return 0;
}

static inline void pass(struct test *test)
{
    test->done = false;
    jv_unref(test->object);
    test->object = NULL;
    test->err = (struct err){0};
    gate_pass(test->gate, &test->plan, on_gate, test);
    assert_false(test->done); /* never inside gate_pass */
    assert_true(loop_run_until(test->fake.loop, fake_is_true, &test->done, 60000));
}

static inline void assert_refused(struct test *test, const char *check)
{
    pass(test);
    assert_false(test->passed);
    assert_int_equal(test->err.code, ERR_REFUSED);
    assert_string_equal(test->err.reason, check);
    assert_int_equal(fake_asked(&test->fake, "DELETE"), 0);
    assert_int_equal(fake_asked(&test->fake, "PATCH"), 0);
    assert_non_null(fake_get(&test->fake, SET));
}

static inline void plan_claim(struct test *test)
{
    fake_put(&test->fake, CLAIM, "{'kind':'PersistentVolumeClaim','metadata':{" OWNED "}}");
    test->plan.kind = fake_kind(&test->fake, "v1", "PersistentVolumeClaim");
    test->plan.name = "data-set-1";
    test->plan.uid = "u-data-set-1";
}

/* The claim is past the replicas, so that nothing but the test's own reason keeps it. */
static inline void plan_free_claim(struct test *test)
{
    plan_claim(test);
    fake_put(&test->fake, SET, SMALL_SET);
}

#endif
