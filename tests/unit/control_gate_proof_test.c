/* The destructive gate: what it proves at the last moment, and who may still want a volume. */
#include "control_gate_support.h"

#include "control/gate_call.h"

#define PODS "GET /api/v1/namespaces/ns/pods"
#define SETS "GET /apis/apps/v1/namespaces/ns/statefulsets"
#define AUTOSCALERS "GET /apis/autoscaling/v2/namespaces/ns/horizontalpodautoscalers"

static void assert_claim_stays(struct test *test)
{
    assert_refused(test, GATE_IN_USE);
    assert_non_null(fake_get(&test->fake, CLAIM));
}

static void refuses_when_the_lease_is_lost_while_it_reads(void **state)
{
    struct test *test = *state;
    test->lost = &test->lease;
    assert_refused(test, GATE_LEASE);
    assert_true(test->fake.asked_count > 0);
}

static void refuses_when_the_caches_are_lost_while_it_reads(void **state)
{
    struct test *test = *state;
    test->lost = &test->synced;
    assert_refused(test, GATE_SYNCED);
}

static void refuses_when_other_policies_come_in_force_while_it_reads(void **state)
{
    struct test *test = *state;
    test->lost = &test->in_force;
    assert_refused(test, GATE_VERSION);
}

static void refuses_when_the_primary_is_not_being_deleted_contrary_to_the_plan(void **state)
{
    struct test *test = *state;
    test->plan.primary_deleting = true;
    assert_refused(test, GATE_PRIMARY);
}

static void refuses_without_a_primary_unless_delete_any_is_held(void **state)
{
    struct test *test = *state;
    test->plan.primary_kind = NULL;
    assert_refused(test, GATE_PRIMARY);
}

static void refuses_when_the_primary_is_assumed_gone_without_delete_any(void **state)
{
    struct test *test = *state;
    map_remove(test->fake.objects, THING);
    test->plan.primary_uid = "";
    assert_refused(test, GATE_PRIMARY);
}

static void refuses_when_the_target_cannot_be_read(void **state)
{
    struct test *test = *state;
    test->fake.instead_of = "GET " SET;
    test->fake.instead_status = 403;
    assert_refused(test, GATE_TARGET);
}

static void refuses_when_the_owner_between_cannot_be_read(void **state)
{
    struct test *test = *state;
    fake_put(&test->fake, "/api/v1/namespaces/ns/pods/set-0",
             "{'kind':'Pod','metadata':{'ownerReferences':[{'apiVersion':'apps/v1','kind':"
             "'StatefulSet','name':'set','uid':'u-set','controller':true}]}}");
    test->plan.kind = fake_kind(&test->fake, "v1", "Pod");
    test->plan.name = "set-0";
    test->plan.uid = NULL;
    test->fake.instead_of = "GET " SET;
    test->fake.instead_status = 403;
    assert_refused(test, GATE_OWNER);
}

static void refuses_to_scale_what_is_gone(void **state)
{
    struct test *test = *state;
    const char *text = "{\"apiVersion\":\"apps/v1\",\"kind\":\"StatefulSet\",\"metadata\":{"
                       "\"name\":\"gone\"},\"spec\":{\"replicas\":1}}";
    struct jv *wanted = NULL;
    assert_int_equal(jv_parse(text, strlen(text), &wanted, NULL), 0);
    test->plan.scale_to = wanted;
    test->plan.name = "gone";
    assert_refused(test, GATE_TARGET);
    jv_unref(wanted);
}

static void refuses_a_claim_when_statefulsets_cannot_be_listed(void **state)
{
    struct test *test = *state;
    plan_free_claim(test);
    test->fake.instead_of = SETS;
    test->fake.instead_status = 403;
    assert_claim_stays(test);
}

static void refuses_a_claim_when_autoscalers_cannot_be_listed(void **state)
{
    struct test *test = *state;
    plan_free_claim(test);
    test->fake.instead_of = AUTOSCALERS;
    test->fake.instead_status = 403;
    assert_claim_stays(test);
}

static void refuses_a_claim_when_a_list_is_not_whole(void **state)
{
    struct test *test = *state;
    plan_free_claim(test);
    test->fake.lists_go_on = true;
    assert_claim_stays(test);
}

static void refuses_a_claim_when_a_list_is_not_answered_in_time(void **state)
{
    struct test *test = *state;
    plan_free_claim(test);
    test->fake.instead_of = PODS;
    test->fake.instead_status = -1;
    assert_claim_stays(test);
}

static void refuses_a_claim_of_a_pending_pod_past_the_replicas(void **state)
{
    struct test *test = *state;
    plan_free_claim(test);
    fake_put(&test->fake, "/api/v1/namespaces/ns/pods/set-1",
             "{'kind':'Pod','spec':{'volumes':[{'name':'v','persistentVolumeClaim':{"
             "'claimName':'data-set-1'}}]},'status':{'phase':'Pending'}}");
    assert_claim_stays(test);
}

static void refuses_a_claim_of_an_ephemeral_volume(void **state)
{
    struct test *test = *state;
    plan_free_claim(test);
    fake_put(&test->fake, "/api/v1/namespaces/ns/pods/data",
             "{'kind':'Pod','spec':{'volumes':[{'name':'set-1','ephemeral':{}}]}}");
    assert_claim_stays(test);
}

static void refuses_a_claim_that_is_wanted_where_ordinals_do_not_begin_at_0(void **state)
{
    struct test *test = *state;
    plan_claim(test);
    fake_put(&test->fake, SET,
             "{'kind':'StatefulSet','spec':{'replicas':1,'ordinals':{'start':1},"
             "'volumeClaimTemplates':[{'metadata':{'name':'data'}}]}}");
    assert_claim_stays(test);
}

static void refuses_a_claim_of_a_set_without_a_count(void **state)
{
    struct test *test = *state;
    plan_claim(test);
    fake_put(&test->fake, CLAIM, "{'kind':'PersistentVolumeClaim'}");
    fake_put(&test->fake, "/api/v1/namespaces/ns/persistentvolumeclaims/data-set-0",
             "{'kind':'PersistentVolumeClaim','metadata':{" OWNED "}}");
    test->plan.name = "data-set-0";
    test->plan.uid = "u-data-set-0";
    fake_put(
        &test->fake, SET,
        "{'kind':'StatefulSet','spec':{'volumeClaimTemplates':[{'metadata':{'name':'data'}}]}}");
    assert_claim_stays(test);
}

static void a_set_that_ends_wants_its_claims_unless_the_primary_ends_too(void **state)
{
    struct test *test = *state;
    plan_claim(test);
    fake_put(&test->fake, SET,
             "{'kind':'StatefulSet','metadata':{'deletionTimestamp':'2026-01-01T00:00:00Z'},"
             "'spec':{'replicas':2,'volumeClaimTemplates':[{'metadata':{'name':'data'}}]}}");
    assert_claim_stays(test);
    test->plan.primary_deleting = true;
    fake_put(&test->fake, THING,
             "{'kind':'Thing','metadata':{'generation':3,"
             "'deletionTimestamp':'2026-01-01T00:00:00Z'}}");
    pass(test);
    assert_true(test->passed);
    assert_null(fake_get(&test->fake, CLAIM));
}

/* As Kubernetes' own collector: what holds a claim that is in use is its finalizer. */
static void the_gate_of_what_plays_kubernetes_asks_nobody_and_has_no_budget(void **state)
{
    struct test *test = *state;
    plan_claim(test);
    fake_put(&test->fake, "/api/v1/namespaces/ns/pods/set-1",
             "{'kind':'Pod','spec':{'volumes':[{'name':'v','persistentVolumeClaim':{"
             "'claimName':'data-set-1'}}]}}");
    assert_claim_stays(test);
    test->gate->options.plays_kubernetes = true;
    for (int i = 0; i < 3; i++) { /* the budget is 2 */
        fake_put(&test->fake, CLAIM, "{'kind':'PersistentVolumeClaim','metadata':{" OWNED "}}");
        pass(test);
        assert_true(test->passed);
        assert_null(fake_get(&test->fake, CLAIM));
    }
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(refuses_when_the_lease_is_lost_while_it_reads),
        TEST(refuses_when_the_caches_are_lost_while_it_reads),
        TEST(refuses_when_other_policies_come_in_force_while_it_reads),
        TEST(refuses_when_the_primary_is_not_being_deleted_contrary_to_the_plan),
        TEST(refuses_without_a_primary_unless_delete_any_is_held),
        TEST(refuses_when_the_primary_is_assumed_gone_without_delete_any),
        TEST(refuses_when_the_target_cannot_be_read),
        TEST(refuses_when_the_owner_between_cannot_be_read),
        TEST(refuses_to_scale_what_is_gone),
        TEST(refuses_a_claim_when_statefulsets_cannot_be_listed),
        TEST(refuses_a_claim_when_autoscalers_cannot_be_listed),
        TEST(refuses_a_claim_when_a_list_is_not_whole),
        TEST(refuses_a_claim_when_a_list_is_not_answered_in_time),
        TEST(refuses_a_claim_of_a_pending_pod_past_the_replicas),
        TEST(refuses_a_claim_of_an_ephemeral_volume),
        TEST(refuses_a_claim_that_is_wanted_where_ordinals_do_not_begin_at_0),
        TEST(refuses_a_claim_of_a_set_without_a_count),
        TEST(the_gate_of_what_plays_kubernetes_asks_nobody_and_has_no_budget),
        TEST(a_set_that_ends_wants_its_claims_unless_the_primary_ends_too),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
