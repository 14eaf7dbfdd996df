#include "cli/workbench.h"

#include "cli/bundle.h"

#include <string.h>

static const int64_t START_WALL_NS = 1767225600000000000; /* 2026-01-01 */

int workbench_init(struct workbench *bench, struct err *err)
{
    bench->clock = clock_virtual_new(START_WALL_NS);
    bench->random = random_seeded_new(1);
    bench->loop = loop_new(bench->clock, err);
    bench->env = (struct policy_env){.loop = bench->loop, .random = bench->random};
    if (bench->loop != NULL)
        return 0;
    workbench_deinit(bench);
    return -1;
}

void workbench_deinit(struct workbench *bench)
{
    loop_free(bench->loop);
    random_free(bench->random);
    clock_free(bench->clock);
}

struct policy *workbench_policy(struct workbench *bench, const char *const *paths, size_t count,
                                struct err *err)
{
    size_t layer_count = 0;
    struct policy_set *set = bundle_open(&bench->env, paths, count, err);
    if (set == NULL)
        return NULL;
    const struct policy_layer *layers = policy_set_layers(set, &layer_count);
    struct policy *policy = policy_load(&bench->env, layers, layer_count, err);
    policy_set_unref(set);
    return policy;
}

const struct policy_controller *workbench_controller(const struct policy *policy,
                                                     const struct jv *object)
{
    const char *api_version = jv_str(jv_get(object, "apiVersion"));
    const char *kind = jv_str(jv_get(object, "kind"));
    for (size_t i = 0; i < policy_controller_count(policy); i++) {
        const struct policy_controller *controller = policy_controller_at(policy, i);
        for (size_t w = 0; w < controller->primary_count; w++) {
            if (api_version != NULL && kind != NULL &&
                strcmp(controller->watches[w].api_version, api_version) == 0 &&
                strcmp(controller->watches[w].kind, kind) == 0)
                return controller;
        }
    }
    return NULL;
}
