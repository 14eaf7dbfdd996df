/* A world in virtual time, and the proof that nothing in it is left open. */
#ifndef NEMETON_TESTS_CLI_WORLD_H
#define NEMETON_TESTS_CLI_WORLD_H

#include "cli_support.h"

#include "cli/world.h"

#include "idle.h"

struct stage {
    struct clock *clock;
    struct random_source *random;
    struct loop *loop;
    struct world *world;
    size_t exits;    /* of operators; all are to be drained */
    bool done;       /* whatever was asked was answered, */
    struct buf text; /* by this */
};

static inline void stage_on_failed(void *arg, const char *why)
{
    (void)arg;
    fail_msg("what plays the world ended: %s", why);
}

static inline void stage_on_operator_exit(void *arg, size_t index, const struct manager_end *end)
{
    struct stage *stage = arg;
    (void)index;
    assert_int_equal(end->reason, MANAGER_DRAINED);
    stage->exits++;
}

/* An empty world; it is to be loaded, and then started. */
static inline void stage_begin(struct stage *stage, bool no_leases)
{
    struct err err = {0};
    *stage = (struct stage){.clock = clock_virtual_new(1767225600000000000),
                            .random = random_seeded_new(7)};
    stage->loop = loop_new(stage->clock, &err);
    buf_init(&stage->text, 4096);
    struct world_options options = {.loop = stage->loop,
                                    .random = stage->random,
                                    .no_leases = no_leases,
                                    .on_failed = stage_on_failed,
                                    .on_operator_exit = stage_on_operator_exit,
                                    .arg = stage};
    stage->world = world_new(&options, &err);
    if (stage->world == NULL)
        fail_msg("%s", err.text);
}

static inline void stage_close(struct stage *stage)
{
    world_free(stage->world);
    loop_free_idle(stage->loop);
    random_free(stage->random);
    clock_free(stage->clock);
    buf_deinit(&stage->text);
}

#endif
