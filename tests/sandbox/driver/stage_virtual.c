#include "stage.h"

#include "cli/world.h"
#include "end_state.h"
#include "invariants.h"
#include "segments.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* 2026-01-01T00:00:00Z: any fixed date will do. */
static const int64_t WALL_START_NS = 1767225600LL * 1000000000LL;

/* As soon as a Deployment starts a container again. */
enum { RESTART_MS = 1000, ANSWER_MS = 1, REST_MS = 30000, ROUND_MS = 1000 };
enum { SPELL_MIN_MS = 2000, SPELL_MAX_MS = 60000 };

struct virtual_stage {
    struct stage stage;
    struct world *world;
    struct invariants invariants;
    struct segments *segments;
    struct end_state *end_state;
    struct crash *crash;
    struct loop_timer *timer; /* an operator dies soon, or starts again */
    struct loop_timer *spell; /* until caches are stale in another way */
    struct apiserver_faults server_faults;
    size_t died; /* its index */
    int64_t last_write_ms, last_ask_ms;
    struct err failed; /* the world itself came to an end */
};

static void on_commit(void *arg, const char *verb, const char *user, const struct jv *before,
                      const struct jv *after)
{
    struct virtual_stage *self = arg;
    if (self->world) {
        self->invariants.server = world_apiserver(self->world);
        invariants_check(&self->invariants, verb, user, before, after);
        segments_commit(self->segments, self->invariants.server, user, before, after,
                        clock_mono_ms(self->stage.clock), &self->invariants.broken);
        outage_commit(&self->stage.outage, before, after, clock_mono_ms(self->stage.clock));
        if (user && strncmp(user, WORLD_OPERATOR_USER, strlen(WORLD_OPERATOR_USER)) == 0) {
            end_state_count(self->end_state, verb, before, after);
        }
    }
}

static void on_refusal(void *arg, const char *user, const struct jv *status)
{
    struct virtual_stage *self = arg;
    invariants_refused(&self->invariants, user, status);
}

static void on_failed(void *arg, const char *why)
{
    struct virtual_stage *self = arg;
    err_set(&self->failed, ERR_INTERNAL, "the simulated world ended: %s", why);
    fprintf(stderr, "%s\n", self->failed.text);
}

/* As a Deployment does: trouble on the network can cost an operator its lease. */
static void on_operator_exit(void *arg, size_t index, const struct manager_end *end)
{
    struct virtual_stage *self = arg;
    struct err err = {0};
    if (end->reason == MANAGER_LEASE_LOST && self->world != NULL &&
        world_operator_start(self->world, index, &err) < 0) {
        self->failed = err;
    }
}

static void on_restart(void *arg)
{
    struct virtual_stage *self = arg;
    struct err err = {0};
    self->timer = NULL;
    if (world_operator_start(self->world, self->died, &err) < 0) {
        self->failed = err;
    }
}

static void on_death(void *arg)
{
    struct virtual_stage *self = arg;
    world_operator_kill(self->world, self->died);
    self->timer = loop_timer_add(self->stage.loop, RESTART_MS, on_restart, self);
}

/* Who is about to die or to start again is in the hands of the scenario now. */
static void forget_death(struct virtual_stage *self)
{
    loop_timer_cancel(self->stage.loop, self->timer);
    self->timer = NULL;
}

static void count_request(struct virtual_stage *self, const struct exchange *exchange, bool to_api)
{
    struct stage_counts *counts = &self->stage.counts;
    int64_t now_ms = clock_mono_ms(self->stage.clock);
    if (to_api) {
        const char *path = exchange_path(exchange);
        uint64_t *one = strstr(path, "/leases")   ? &counts->leases
                        : strstr(path, "/events") ? &counts->events
                                                  : &counts->api;
        *one += 1;
        return;
    }
    counts->druid++;
    if (counts->druid_rounds == 0 || now_ms - self->last_ask_ms >= ROUND_MS) {
        counts->druid_rounds++;
        self->last_ask_ms = now_ms;
    }
}

static void on_operator_request(void *arg, size_t index, struct exchange *exchange,
                                exchange_handler handle, void *handle_arg)
{
    struct virtual_stage *self = arg;
    bool to_api = handle == apiserver_handle;
    count_request(self, exchange, to_api);
    if (!self->crash) {
        handle(handle_arg, exchange);
        return;
    }
    uint64_t before = crash_writes(self->crash);
    enum crash_now now = crash_ask(self->crash, exchange, to_api);
    if (crash_writes(self->crash) > before || now != CRASH_NOT) {
        self->last_write_ms = clock_mono_ms(self->stage.clock);
    }
    if (now != CRASH_UNSEEN) {
        handle(handle_arg, exchange);
    }
    self->died = now != CRASH_NOT ? index : self->died;
    if (now == CRASH_UNSEEN || (now == CRASH_UNANSWERED && to_api)) {
        on_death(self);
    } else if (now == CRASH_UNANSWERED) {
        /* A pod answers by itself, in its own time. */
        self->timer = loop_timer_add(self->stage.loop, ANSWER_MS, on_death, self);
    }
}

static int verdict(const struct virtual_stage *self, struct err *err)
{
    if (self->failed.code != ERR_NONE) {
        return err_set(err, self->failed.code, "%s", self->failed.text);
    }
    if (self->invariants.broken.code != ERR_NONE) {
        return err_set(err, ERR_INTERNAL, "an invariant broke: %s", self->invariants.broken.text);
    }
    return 0;
}

/* The world has come to rest: nothing is written any more, and what it is now can be compared. */
static int settle(struct virtual_stage *self, struct err *err)
{
    int64_t rested_ms = clock_mono_ms(self->stage.clock) - self->last_write_ms;
    free(self->stage.end_state);
    self->stage.end_state = end_state_text(self->end_state, world_apiserver(self->world));
    if (rested_ms < REST_MS) {
        return err_set(err, ERR_INTERNAL,
                       "the operator still writes, %lld ms ago for the last time",
                       (long long)rested_ms);
    }
    return verdict(self, err);
}

static int virtual_command(struct stage *stage, const char *what, struct err *err)
{
    struct virtual_stage *self = (struct virtual_stage *)stage;
    if (strcmp(what, "settled") == 0) {
        return settle(self, err);
    }
    if (self->died == 0 && strcmp(what, "second") != 0) {
        forget_death(self);
    }
    if (strcmp(what, "start") == 0) {
        return world_operator_start(self->world, 0, err);
    }
    if (strcmp(what, "second") == 0) {
        return world_operator_start(self->world, 1, err);
    }
    if (strcmp(what, "kill") == 0) {
        world_operator_kill(self->world, 0);
        return verdict(self, err);
    }
    if (strcmp(what, "stop-all") == 0) {
        forget_death(self);
        world_operator_kill(self->world, 0);
        world_operator_kill(self->world, 1);
        return verdict(self, err);
    }
    return err_set(err, ERR_INVALID, "no such command: %s", what);
}

static int virtual_verdict(struct stage *stage, struct err *err)
{
    return verdict((const struct virtual_stage *)stage, err);
}

static uint64_t virtual_revision(struct stage *stage)
{
    return apiserver_revision(world_apiserver(((struct virtual_stage *)stage)->world));
}

static void virtual_free(struct stage *stage)
{
    struct virtual_stage *self = (struct virtual_stage *)stage;
    struct world *world = self->world;
    forget_death(self);
    loop_timer_cancel(stage->loop, self->spell);
    self->world = NULL;
    world_free(world);
    end_state_free(self->end_state);
    segments_free(self->segments);
    loop_free(stage->loop);
    random_free(stage->random);
    clock_free(stage->clock);
    free(stage->end_state);
    free(self);
}

static void make_trouble(struct virtual_stage *self)
{
    struct loopback_faults network = {
        .delay_mean_us = 3000, .drop_reply = 0.005, .cut_stream = 0.005, .refuse = 0.005};
    self->server_faults = (struct apiserver_faults){.conflict = 0.01,
                                                    .too_many = 0.01,
                                                    .server_error = 0.01,
                                                    .late_error = 0.005,
                                                    .watch_gone = 0.002,
                                                    .watch_lag_ms = 20,
                                                    .only_user = WORLD_OPERATOR_USER};
    world_set_faults(self->world, &network);
    apiserver_set_faults(world_apiserver(self->world), &self->server_faults);
}

/* Writes and reads go on as ever, while what is watched is late: not at all, for seconds, or for a minute, and that for
 * a while. */
static void on_spell(void *arg)
{
    static const int64_t lags_ms[] = {0, 1000, 5000, 20000, 60000};
    struct virtual_stage *self = arg;
    struct random_source *random = self->stage.random;
    uint64_t count = sizeof(lags_ms) / sizeof(lags_ms[0]);
    self->server_faults.watch_lag_ms = lags_ms[random_below(random, count)];
    self->server_faults.only_user = WORLD_OPERATOR_USER;
    apiserver_set_faults(world_apiserver(self->world), &self->server_faults);
    int64_t length_ms =
        SPELL_MIN_MS + (int64_t)random_below(random, SPELL_MAX_MS - SPELL_MIN_MS + 1);
    self->spell = loop_timer_add(self->stage.loop, length_ms, on_spell, self);
}

struct stage *stage_virtual_new(const struct stage_options *options, struct err *err)
{
    struct virtual_stage *self = mem_alloc(sizeof(*self));
    struct stage *stage = &self->stage;
    stage->mode = options->mode;
    stage->policy_namespace = WORLD_NAMESPACE;
    stage->command = virtual_command;
    stage->revision = virtual_revision;
    stage->verdict = virtual_verdict;
    stage->free = virtual_free;
    stage->clock = clock_virtual_new(WALL_START_NS);
    stage->random = random_seeded_new(options->seed);
    self->invariants.user = WORLD_OPERATOR_USER;
    self->end_state = end_state_new();
    self->segments = segments_new(WORLD_OPERATOR_USER);
    self->crash = options->crash;
    stage->loop = loop_new(stage->clock, err);
    struct world_options world = {.loop = stage->loop,
                                  .random = stage->random,
                                  .log = options->log,
                                  .world_log = options->log,
                                  .on_commit = on_commit,
                                  .on_refusal = on_refusal,
                                  .on_failed = on_failed,
                                  .on_operator_exit = on_operator_exit,
                                  .on_operator_request = on_operator_request,
                                  .arg = self};
    self->world = stage->loop ? world_new(&world, err) : NULL;
    if (!self->world || world_start(self->world, err) < 0) {
        virtual_free(stage);
        return NULL;
    }
    if (options->faults) {
        make_trouble(self);
    }
    if (options->stale) {
        on_spell(self);
    }
    stage->transport = world_transport(self->world);
    stage->config = world_config(self->world);
    return stage;
}
