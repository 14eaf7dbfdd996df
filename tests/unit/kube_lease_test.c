/* kube/lease: two candidates under one virtual clock. */
#include "unit/kube_lease_support.h"

static void creates_a_lease_that_is_missing(void **state)
{
    struct fixture *f = *state;
    side_lead(&f->a, "a");
    pass(f, 100);
    assert_int_equal(f->a.acquired, 1);
    assert_int_equal(f->server.posts, 1);
    assert_non_null(strstr(f->server.last_put, "\"holderIdentity\":\"a\""));
    assert_non_null(strstr(f->server.last_put, "\"leaseDurationSeconds\":15"));
    assert_non_null(strstr(f->server.last_put, "\"leaseTransitions\":0"));
    assert_non_null(strstr(f->server.last_put, "\"renewTime\":\"2023-11-14T22:13:20.020000Z\""));
    assert_in_range(lease_margin_ms(f->a.lease), 9800, 10000);
}

static void renews_with_one_put_every_two_seconds(void **state)
{
    struct fixture *f = *state;
    side_lead(&f->a, "a");
    pass(f, 60100);
    assert_int_equal(f->server.gets, 1);
    assert_in_range(f->server.puts, 28, 30);
    assert_int_equal(f->a.lost, 0);
    assert_non_null(strstr(f->server.last_put, "\"leaseTransitions\":0"));
    assert_non_null(strstr(f->server.last_put, "\"acquireTime\":\"2023-11-14T22:13:20.020000Z\""));
}

static void waits_behind_a_living_holder(void **state)
{
    struct fixture *f = *state;
    side_lead(&f->a, "a");
    pass(f, 1000);
    side_lead(&f->b, "b");
    pass(f, 120000);
    assert_int_equal(f->b.acquired, 0);
    assert_int_equal(f->a.lost, 0);
    assert_string_equal(f->b.seen, "a");
}

static void takes_over_from_a_dead_holder_after_the_duration(void **state)
{
    struct fixture *f = *state;
    int64_t waited;
    side_lead(&f->a, "a");
    pass(f, 1000);
    side_lead(&f->b, "b");
    pass(f, 10000);
    lease_free(f->a.lease); /* as kill -9 would */
    f->a.lease = NULL;
    waited = until_held(f, &f->b, 30000);
    assert_in_range(waited, 12000, 15000 + 4400);
    assert_non_null(strstr(f->server.last_put, "\"leaseTransitions\":1"));
}

static void takes_over_soon_after_a_release(void **state)
{
    struct fixture *f = *state;
    side_lead(&f->a, "a");
    pass(f, 1000);
    side_lead(&f->b, "b");
    pass(f, 5000);
    lease_release(f->a.lease, 3000, on_released, &f->a);
    assert_false(holds(&f->a)); /* closed before the request leaves */
    pass(f, 100);
    assert_int_equal(f->a.released, 1);
    assert_int_equal(f->a.lost, 0);
    assert_non_null(strstr(f->server.last_put, "\"holderIdentity\":\"\""));
    assert_non_null(strstr(f->server.last_put, "\"leaseDurationSeconds\":1,"));
    assert_true(until_held(f, &f->b, 5000) <= 4400);
}

static void judges_others_by_its_own_clock_alone(void **state)
{
    struct fixture *f = *state;
    side_lead(&f->a, "a");
    pass(f, 1000);
    lease_free(f->a.lease);
    f->a.lease = NULL;
    clock_shift_wall_ns(f->clock, 400LL * 86400 * 1000000000); /* the record looks a year old */
    side_lead(&f->b, "b");
    pass(f, 14000);
    assert_int_equal(f->b.acquired, 0);
    until_held(f, &f->b, 6000);
}

static void a_paused_holder_has_lost_when_it_wakes(void **state)
{
    struct fixture *f = *state;
    side_lead(&f->a, "a");
    pass(f, 1000);
    side_lead(&f->b, "b");
    pass(f, 3000);
    f->a.paused = true;
    pass(f, 9000);
    pass(f, 1200);
    assert_false(holds(&f->a)); /* nobody told it: the clock did */
    until_held(f, &f->b, 15000);
    assert_int_equal(f->a.lost, 0);
    f->a.paused = false;
    pass(f, 100);
    assert_int_equal(f->a.lost, 1);
    pass(f, 60000);
    assert_true(holds(&f->b));
}

static void a_renewal_answered_during_a_pause_comes_too_late(void **state)
{
    struct fixture *f = *state;
    side_lead(&f->a, "a");
    pass(f, 1000);
    /* Pause exactly between the request and its answer: the server has the renewal. */
    while (f->server.puts == 0) {
        clock_advance_ns(f->clock, 1000000);
        loop_turn(f->a.loop, 0);
    }
    f->a.paused = true;
    pass(f, 11000);
    f->a.paused = false;
    pass(f, 100);
    assert_int_equal(f->a.lost, 1);
}

static void loses_after_the_deadline_when_the_server_is_out_of_reach(void **state)
{
    struct fixture *f = *state;
    side_lead(&f->a, "a");
    pass(f, 1000);
    f->server.fail_status = 500;
    pass(f, 8800); /* the last success began at 20 ms */
    assert_true(holds(&f->a));
    pass(f, 400);
    assert_false(holds(&f->a));
    assert_int_equal(f->a.lost, 1);
    assert_int_equal(f->a.why.code, ERR_TIMEOUT);
    assert_non_null(strstr(f->a.why.text, "500"));
    f->server.fail_status = 0;
    pass(f, 60000);
    assert_int_equal(f->a.acquired, 1); /* losing is final */
    assert_int_equal(f->a.lost, 1);
}

static void survives_answers_that_never_come(void **state)
{
    struct fixture *f = *state;
    side_lead(&f->a, "a");
    pass(f, 3000);
    f->server.mute = true; /* the renewal is stored, its answer lost: its own version is now old */
    pass(f, 1500);
    f->server.mute = false;
    pass(f, 30000);
    assert_int_equal(f->a.lost, 0);
    assert_true(holds(&f->a));
}

static void survives_somebody_elses_edit(void **state)
{
    struct fixture *f = *state;
    side_lead(&f->a, "a");
    pass(f, 3000);
    jv_set_str(jv_ensure(f->server.object, "metadata", "labels", NULL), "by", "hand");
    bump(&f->server);
    pass(f, 20000);
    assert_int_equal(f->a.lost, 0);
    assert_true(holds(&f->a));
    assert_non_null(strstr(f->server.last_put, "\"by\":\"hand\""));
}

static void makes_a_deleted_lease_again(void **state)
{
    struct fixture *f = *state;
    side_lead(&f->a, "a");
    pass(f, 3000);
    jv_unref(f->server.object);
    f->server.object = NULL;
    pass(f, 20000);
    assert_true(holds(&f->a));
    assert_string_equal(holder(&f->server), "a");
}

static void stops_at_once_when_somebody_else_has_it(void **state)
{
    struct fixture *f = *state;
    side_lead(&f->a, "a");
    pass(f, 1000);
    f->server.steal_on_put = true;
    pass(f, 1200);
    assert_int_equal(f->a.lost, 1);
    assert_int_equal(f->a.why.code, ERR_CONFLICT);
    assert_string_equal(f->a.seen, "thief");
}

static void yields_to_a_preferred_holder(void **state)
{
    struct fixture *f = *state;
    side_lead(&f->a, "a");
    pass(f, 1000);
    jv_set_str(jv_ensure(f->server.object, "spec", NULL), "preferredHolder", "b");
    bump(&f->server);
    pass(f, 2500);
    assert_int_equal(f->a.lost, 1);
}

static void releases_over_a_conflict(void **state)
{
    struct fixture *f = *state;
    side_lead(&f->a, "a");
    pass(f, 1000);
    bump(&f->server);
    lease_release(f->a.lease, 3000, on_released, &f->a);
    pass(f, 200);
    assert_int_equal(f->a.released, 1);
    assert_string_equal(holder(&f->server), "");
}

static void leaves_the_lease_of_another_alone_on_release(void **state)
{
    struct fixture *f = *state;
    side_lead(&f->a, "a");
    pass(f, 1000);
    take_over(&f->server, "thief");
    lease_release(f->a.lease, 3000, on_released, &f->a);
    pass(f, 200);
    assert_int_equal(f->a.released, 1);
    assert_string_equal(holder(&f->server), "thief");
}

static void release_ends_in_time_without_an_answer(void **state)
{
    struct fixture *f = *state;
    side_lead(&f->a, "a");
    pass(f, 1000);
    f->server.mute = true;
    lease_release(f->a.lease, 3000, on_released, &f->a);
    pass(f, 2900);
    assert_int_equal(f->a.released, 0);
    pass(f, 200);
    assert_int_equal(f->a.released, 1);
}

static void release_without_a_lease_just_ends(void **state)
{
    struct fixture *f = *state;
    f->server.fail_status = 403;
    side_lead(&f->a, "a");
    pass(f, 1000);
    lease_release(f->a.lease, 3000, on_released, &f->a);
    pass(f, 20);
    assert_int_equal(f->a.released, 1);
    assert_int_equal(f->server.puts, 0);
}

/* Delays, lost requests and answers, pauses of both: never two, and in the end one. */
static void never_two_at_once_under_faults(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 12; seed++) {
        void *own = NULL;
        struct random_source *random = random_seeded_new(seed);
        struct loopback_faults faults = {
            .delay_mean_us = 200000, .drop_request = 0.1, .drop_reply = 0.1, .refuse = 0.05};
        struct loopback_faults none = {0};
        struct fixture *f;
        setup(&own);
        f = own;
        loopback_set_faults(f->a.transport, &faults);
        loopback_set_faults(f->b.transport, &faults);
        for (int round = 0; round < 60; round++) {
            struct side *side = random_below(random, 2) ? &f->a : &f->b;
            if (!side->lease || side->lost > 0) { /* a process that lost is started again */
                lease_free(side->lease);
                side->lost = 0;
                side_lead(side, side == &f->a ? "a" : "b");
            }
            f->a.paused = random_below(random, 5) == 0;
            f->b.paused = random_below(random, 5) == 0;
            pass(f, 100 + (int64_t)random_below(random, 14000));
        }
        loopback_set_faults(f->a.transport, &none);
        loopback_set_faults(f->b.transport, &none);
        f->a.paused = f->b.paused = false;
        for (int i = 0; i < 2; i++) {
            struct side *side = i ? &f->b : &f->a;
            pass(f, 1000);
            if (side->lease && side->lost == 0)
                continue;
            lease_free(side->lease);
            side->lost = 0;
            side_lead(side, i ? "b" : "a");
        }
        pass(f, 40000);
        assert_true(holds(&f->a) || holds(&f->b));
        random_free(random);
        teardown(&own);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(creates_a_lease_that_is_missing),
        T(renews_with_one_put_every_two_seconds),
        T(waits_behind_a_living_holder),
        T(takes_over_from_a_dead_holder_after_the_duration),
        T(takes_over_soon_after_a_release),
        T(judges_others_by_its_own_clock_alone),
        T(a_paused_holder_has_lost_when_it_wakes),
        T(a_renewal_answered_during_a_pause_comes_too_late),
        T(loses_after_the_deadline_when_the_server_is_out_of_reach),
        T(survives_answers_that_never_come),
        T(survives_somebody_elses_edit),
        T(makes_a_deleted_lease_again),
        T(stops_at_once_when_somebody_else_has_it),
        T(yields_to_a_preferred_holder),
        T(releases_over_a_conflict),
        T(leaves_the_lease_of_another_alone_on_release),
        T(release_ends_in_time_without_an_answer),
        T(release_without_a_lease_just_ends),
        cmocka_unit_test(never_two_at_once_under_faults),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
