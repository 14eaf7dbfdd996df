/* The destructive gate: each check by itself, and what an unclear answer leads to. */
#include "control_gate_support.h"

static void deletes_an_owned_object_with_uid_and_version_preconditions(void **state)
{
    struct test *test = *state;
    pass(test);
    assert_true(test->passed);
    assert_null(fake_get(&test->fake, SET));
    const char *sent = fake_last(&test->fake, "DELETE");
    assert_non_null(strstr(sent, "\"uid\":\"u-set\""));
    assert_non_null(strstr(sent, "\"resourceVersion\":\"102\""));
    assert_non_null(strstr(sent, "\"propagationPolicy\":\"Background\""));
    assert_int_equal(test->margin_asked, GATE_STEP_MS);
}

static void refuses_without_a_lease_and_reads_nothing(void **state)
{
    struct test *test = *state;
    test->lease = false;
    assert_refused(test, GATE_LEASE);
    assert_int_equal(test->fake.asked_count, 0);
}

static void refuses_while_caches_are_incomplete(void **state)
{
    struct test *test = *state;
    test->synced = false;
    assert_refused(test, GATE_SYNCED);
}

static void refuses_a_version_that_is_no_longer_in_force(void **state)
{
    struct test *test = *state;
    test->in_force = false;
    assert_refused(test, GATE_VERSION);
}

static void refuses_when_the_primary_is_another_incarnation(void **state)
{
    struct test *test = *state;
    test->plan.primary_uid = "u-former";
    assert_refused(test, GATE_PRIMARY);
}

static void refuses_when_the_primary_was_edited_meanwhile(void **state)
{
    struct test *test = *state;
    test->plan.primary_generation = 2;
    assert_refused(test, GATE_PRIMARY);
}

static void refuses_when_the_primary_is_being_deleted_contrary_to_the_plan(void **state)
{
    struct test *test = *state;
    fake_put(&test->fake, THING,
             "{'kind':'Thing','metadata':{'generation':3,"
             "'deletionTimestamp':'2026-01-01T00:00:00Z'}}");
    assert_refused(test, GATE_PRIMARY);
}

static void refuses_when_the_primary_is_gone(void **state)
{
    struct test *test = *state;
    map_remove(test->fake.objects, THING);
    assert_refused(test, GATE_PRIMARY);
}

static void refuses_when_the_primary_cannot_be_read(void **state)
{
    struct test *test = *state;
    test->fake.instead_of = "GET " THING;
    test->fake.instead_status = 403;
    assert_refused(test, GATE_PRIMARY);
}

static void refuses_when_the_primary_is_not_answered_in_time(void **state)
{
    struct test *test = *state;
    test->fake.instead_of = "GET " THING;
    test->fake.instead_status = -1;
    assert_refused(test, GATE_PRIMARY);
}

static void refuses_a_target_of_another_incarnation(void **state)
{
    struct test *test = *state;
    test->plan.uid = "u-former";
    assert_refused(test, GATE_TARGET);
}

static void refuses_a_target_that_nobody_controls(void **state)
{
    struct test *test = *state;
    fake_put(&test->fake, SET, "{'kind':'StatefulSet'}");
    assert_refused(test, GATE_OWNER);
}

static void refuses_a_target_of_another_controller(void **state)
{
    struct test *test = *state;
    fake_put(&test->fake, SET,
             "{'kind':'StatefulSet','metadata':{'ownerReferences':[{'apiVersion':'example.com/v1',"
             "'kind':'Thing','name':'two','uid':'u-two','controller':true}]}}");
    fake_put(&test->fake, "/apis/example.com/v1/namespaces/ns/things/two", "{'kind':'Thing'}");
    assert_refused(test, GATE_OWNER);
}

static void follows_owners_to_the_primary(void **state)
{
    struct test *test = *state;
    const char *pod = "/api/v1/namespaces/ns/pods/set-0";
    fake_put(&test->fake, pod,
             "{'kind':'Pod','metadata':{'ownerReferences':[{'apiVersion':'apps/v1','kind':"
             "'StatefulSet','name':'set','uid':'u-set','controller':true}]}}");
    test->plan.kind = fake_kind(&test->fake, "v1", "Pod");
    test->plan.name = "set-0";
    test->plan.uid = NULL;
    pass(test);
    assert_true(test->passed);
    assert_null(fake_get(&test->fake, pod));
}

static void refuses_when_the_owner_between_is_another_one_now(void **state)
{
    struct test *test = *state;
    fake_put(&test->fake, "/api/v1/namespaces/ns/pods/set-0",
             "{'kind':'Pod','metadata':{'ownerReferences':[{'apiVersion':'apps/v1','kind':"
             "'StatefulSet','name':'set','uid':'u-former','controller':true}]}}");
    test->plan.kind = fake_kind(&test->fake, "v1", "Pod");
    test->plan.name = "set-0";
    test->plan.uid = NULL;
    assert_refused(test, GATE_OWNER);
}

static void lets_delete_any_remove_what_nobody_controls(void **state)
{
    struct test *test = *state;
    fake_put(&test->fake, SET, "{'kind':'StatefulSet'}");
    test->plan.delete_any = true;
    pass(test);
    assert_true(test->passed);
}

static void lets_delete_any_remove_after_its_primary_is_gone(void **state)
{
    struct test *test = *state;
    map_remove(test->fake.objects, THING);
    test->plan.delete_any = true;
    test->plan.primary_uid = "";
    pass(test);
    assert_true(test->passed);
}

static void refuses_delete_any_when_the_primary_assumed_gone_exists(void **state)
{
    struct test *test = *state;
    test->plan.delete_any = true;
    test->plan.primary_uid = "";
    test->plan.gone_uid = "u-one";
    assert_refused(test, GATE_PRIMARY);
}

static void says_done_when_the_target_is_gone_already(void **state)
{
    struct test *test = *state;
    map_remove(test->fake.objects, SET);
    pass(test);
    assert_true(test->passed);
    assert_int_equal(fake_asked(&test->fake, "DELETE"), 0);
}

static void refuses_a_claim_that_a_pod_uses(void **state)
{
    struct test *test = *state;
    plan_claim(test);
    map_remove(test->fake.objects, SET);
    fake_put(&test->fake, "/api/v1/namespaces/ns/pods/p",
             "{'kind':'Pod','spec':{'volumes':[{'name':'v','persistentVolumeClaim':{"
             "'claimName':'data-set-1'}}]},'status':{'phase':'Failed'}}");
    pass(test);
    assert_int_equal(test->err.code, ERR_REFUSED);
    assert_string_equal(test->err.reason, GATE_IN_USE);
    assert_non_null(fake_get(&test->fake, CLAIM));
}

static void refuses_a_claim_whose_ordinal_is_wanted(void **state)
{
    struct test *test = *state;
    plan_claim(test);
    assert_refused(test, GATE_IN_USE);
    assert_non_null(strstr(test->err.text, "`set` wants it"));
}

static void refuses_a_claim_that_an_autoscaler_may_want(void **state)
{
    struct test *test = *state;
    plan_claim(test);
    fake_put(&test->fake, SET,
             "{'kind':'StatefulSet','spec':{'replicas':1,'volumeClaimTemplates':[{'metadata':{"
             "'name':'data'}}]}}");
    fake_put(&test->fake, "/apis/autoscaling/v2/namespaces/ns/horizontalpodautoscalers/scaler",
             "{'kind':'HorizontalPodAutoscaler','spec':{'maxReplicas':4,'scaleTargetRef':{"
             "'kind':'StatefulSet','name':'set'}}}");
    assert_refused(test, GATE_IN_USE);
}

static void refuses_a_claim_when_pods_cannot_be_listed(void **state)
{
    struct test *test = *state;
    plan_free_claim(test);
    test->fake.instead_of = "GET /api/v1/namespaces/ns/pods";
    test->fake.instead_status = 403;
    assert_refused(test, GATE_IN_USE);
}

static void deletes_a_claim_past_the_replicas(void **state)
{
    struct test *test = *state;
    plan_claim(test);
    fake_put(&test->fake, SET,
             "{'kind':'StatefulSet','spec':{'replicas':1,'volumeClaimTemplates':[{'metadata':{"
             "'name':'data'}}]}}");
    pass(test);
    assert_true(test->passed);
    assert_null(fake_get(&test->fake, CLAIM));
}

static void refuses_the_third_claim_of_a_minute_and_says_when(void **state)
{
    struct test *test = *state;
    map_remove(test->fake.objects, SET);
    for (int i = 0; i < 3; i++) {
        plan_claim(test);
        pass(test);
        assert_int_equal(test->passed, i < 2);
    }
    assert_string_equal(test->err.reason, GATE_BUDGET);
    assert_true(test->err.retry_after_ms > 0 && test->err.retry_after_ms <= 30001);
    clock_advance_ns(test->fake.clock, test->err.retry_after_ms * 1000000);
    pass(test);
    assert_true(test->passed);
}

static void plan_scale(struct test *test, struct jv **wanted)
{
    const char *text =
        "{\"apiVersion\":\"apps/v1\",\"kind\":\"StatefulSet\",\"metadata\":{\"name\":"
        "\"set\"},\"spec\":{\"replicas\":1}}";
    assert_int_equal(jv_parse(text, strlen(text), wanted, NULL), 0);
    test->plan.scale_to = *wanted;
}

static void scales_down_with_uid_and_version_inside_the_apply(void **state)
{
    struct test *test = *state;
    struct jv *wanted = NULL;
    plan_scale(test, &wanted);
    pass(test);
    assert_true(test->passed);
    const struct jv *set = fake_get(&test->fake, SET);
    assert_int_equal(jv_int_value(jv_path(set, "spec", "replicas", NULL)), 1);
    const char *sent = fake_last(&test->fake, "PATCH");
    assert_non_null(strstr(sent, "\"uid\":\"u-set\""));
    assert_non_null(strstr(sent, "\"resourceVersion\":\"102\""));
    assert_non_null(test->object);
    jv_unref(wanted);
}

static void reads_again_after_a_lost_answer_and_finds_it_done(void **state)
{
    struct test *test = *state;
    test->fake.instead_of = "DELETE";
    test->fake.instead_status = 0;
    test->fake.instead_after = true;
    pass(test);
    assert_true(test->passed);
    assert_int_equal(fake_asked(&test->fake, "DELETE"), 1);
}

static void does_not_resend_blindly_after_a_lost_answer(void **state)
{
    struct test *test = *state;
    test->fake.instead_of = "DELETE";
    test->fake.instead_status = 0;
    pass(test);
    assert_false(test->passed);
    assert_int_equal(test->err.code, ERR_NETWORK);
    assert_int_equal(fake_asked(&test->fake, "DELETE"), 1);
    assert_non_null(fake_get(&test->fake, SET));
}

static void reports_a_conflict_when_the_target_changed_after_it_was_read(void **state)
{
    struct test *test = *state;
    test->fake.instead_of = "DELETE";
    test->fake.instead_status = 409;
    pass(test);
    assert_false(test->passed);
    assert_int_equal(fake_asked(&test->fake, "DELETE"), 1);
}

static void leaves_nothing_behind_when_cancelled_at_any_turn(void **state)
{
    struct test *test = *state;
    for (int turns = 0; turns < 12; turns++) {
        test->done = false;
        struct gate_call *call = gate_pass(test->gate, &test->plan, on_gate, test);
        for (int i = 0; i < turns && !test->done; i++)
            loop_turn(test->fake.loop, 0);
        if (!test->done)
            gate_cancel(call);
    }
    while (rest_pending(test->fake.rest) > 0)
        loop_turn(test->fake.loop, 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(deletes_an_owned_object_with_uid_and_version_preconditions),
        TEST(refuses_without_a_lease_and_reads_nothing),
        TEST(refuses_while_caches_are_incomplete),
        TEST(refuses_a_version_that_is_no_longer_in_force),
        TEST(refuses_when_the_primary_is_another_incarnation),
        TEST(refuses_when_the_primary_was_edited_meanwhile),
        TEST(refuses_when_the_primary_is_being_deleted_contrary_to_the_plan),
        TEST(refuses_when_the_primary_is_gone),
        TEST(refuses_when_the_primary_cannot_be_read),
        TEST(refuses_when_the_primary_is_not_answered_in_time),
        TEST(refuses_a_target_of_another_incarnation),
        TEST(refuses_a_target_that_nobody_controls),
        TEST(refuses_a_target_of_another_controller),
        TEST(follows_owners_to_the_primary),
        TEST(refuses_when_the_owner_between_is_another_one_now),
        TEST(lets_delete_any_remove_what_nobody_controls),
        TEST(lets_delete_any_remove_after_its_primary_is_gone),
        TEST(refuses_delete_any_when_the_primary_assumed_gone_exists),
        TEST(says_done_when_the_target_is_gone_already),
        TEST(refuses_a_claim_that_a_pod_uses),
        TEST(refuses_a_claim_whose_ordinal_is_wanted),
        TEST(refuses_a_claim_that_an_autoscaler_may_want),
        TEST(refuses_a_claim_when_pods_cannot_be_listed),
        TEST(deletes_a_claim_past_the_replicas),
        TEST(refuses_the_third_claim_of_a_minute_and_says_when),
        TEST(scales_down_with_uid_and_version_inside_the_apply),
        TEST(reads_again_after_a_lost_answer_and_finds_it_done),
        TEST(does_not_resend_blindly_after_a_lost_answer),
        TEST(reports_a_conflict_when_the_target_changed_after_it_was_read),
        TEST(leaves_nothing_behind_when_cancelled_at_any_turn),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
