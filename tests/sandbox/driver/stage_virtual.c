#include "stage.h"

#include "cli/world.h"
#include "invariants.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* 2026-01-01T00:00:00Z: any fixed date will do. */
static const int64_t WALL_START_NS = 1767225600LL * 1000000000LL;

struct virtual_stage {
    struct stage stage;
    struct world *world;
    struct invariants invariants;
    struct err failed; /* the world itself came to an end */
};

static void on_commit(void *arg, const char *verb, const char *user, const struct jv *before,
                      const struct jv *after)
{
    struct virtual_stage *self = arg;
    if (self->world) {
        self->invariants.server = world_apiserver(self->world);
        invariants_check(&self->invariants, verb, user, before, after);
    }
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

static int virtual_command(struct stage *stage, const char *what, struct err *err)
{
    struct virtual_stage *self = (struct virtual_stage *)stage;
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
        world_operator_kill(self->world, 0);
        world_operator_kill(self->world, 1);
        return verdict(self, err);
    }
    return err_set(err, ERR_INVALID, "no such command: %s", what);
}

static void virtual_free(struct stage *stage)
{
    struct virtual_stage *self = (struct virtual_stage *)stage;
    struct world *world = self->world;
    self->world = NULL;
    world_free(world);
    loop_free(stage->loop);
    random_free(stage->random);
    clock_free(stage->clock);
    free(self);
}

static void make_trouble(struct virtual_stage *self)
{
    struct loopback_faults network = {
        .delay_mean_us = 3000, .drop_reply = 0.005, .cut_stream = 0.005, .refuse = 0.005};
    struct apiserver_faults server = {.conflict = 0.01,
                                      .too_many = 0.01,
                                      .server_error = 0.01,
                                      .late_error = 0.005,
                                      .watch_gone = 0.002,
                                      .watch_lag_ms = 20,
                                      .only_user = WORLD_OPERATOR_USER};
    world_set_faults(self->world, &network);
    apiserver_set_faults(world_apiserver(self->world), &server);
}

struct stage *stage_virtual_new(const struct stage_options *options, struct err *err)
{
    struct virtual_stage *self = mem_alloc(sizeof(*self));
    struct stage *stage = &self->stage;
    stage->mode = options->mode;
    stage->policy_namespace = WORLD_NAMESPACE;
    stage->command = virtual_command;
    stage->free = virtual_free;
    stage->clock = clock_virtual_new(WALL_START_NS);
    stage->random = random_seeded_new(options->seed);
    self->invariants.user = WORLD_OPERATOR_USER;
    stage->loop = loop_new(stage->clock, err);
    struct world_options world = {.loop = stage->loop,
                                  .random = stage->random,
                                  .log = options->log,
                                  .world_log = options->log,
                                  .on_commit = on_commit,
                                  .on_failed = on_failed,
                                  .on_operator_exit = on_operator_exit,
                                  .arg = self};
    self->world = stage->loop ? world_new(&world, err) : NULL;
    if (!self->world || world_start(self->world, err) < 0) {
        virtual_free(stage);
        return NULL;
    }
    if (options->faults) {
        make_trouble(self);
    }
    stage->transport = world_transport(self->world);
    stage->config = world_config(self->world);
    return stage;
}
