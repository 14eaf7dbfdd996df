/* The course of a plan. */
#include "cli/plan.h"

#include <stdlib.h>
#include <string.h>

static void on_commit(void *arg, const char *verb, const char *user, const struct jv *before,
                      const struct jv *after)
{
    struct plan *plan = arg;
    changes_commit(plan->changes, verb, user, before, after);
}

static void note_failure(struct plan *plan, const char *who, const char *why)
{
    if (plan->failure == NULL)
        plan->failure = mem_printf("%s has ended: %s", who, why != NULL ? why : "");
}

static void on_operator_exit(void *arg, size_t index, const struct manager_end *end)
{
    (void)index;
    note_failure(arg, "the operator", end->why);
}

static void on_failed(void *arg, const char *why)
{
    note_failure(arg, "what plays Kubernetes", why);
}

static bool is_over(void *arg)
{
    struct plan *plan = arg;
    int64_t silent = clock_mono_ms(plan->clock) - changes_last_ms(plan->changes);
    return plan->failure != NULL || (silent >= PLAN_QUIET_MS && world_is_idle(plan->world));
}

/* The last write may be long ago: the quiet that counts begins now. */
static int settle(struct plan *plan, struct err *err)
{
    int64_t begin = clock_mono_ms(plan->clock);
    while (clock_mono_ms(plan->clock) - begin < PLAN_QUIET_MS && plan->failure == NULL)
        loop_turn(plan->loop, PLAN_QUIET_MS);
    if (plan->failure == NULL && !loop_run_until(plan->loop, is_over, plan, PLAN_LENGTH_MAX_MS))
        return err_set(err, ERR_TIMEOUT,
                       "it is not over after a day: something is written again "
                       "and again");
    return plan->failure == NULL ? 0 : err_set(err, ERR_INTERNAL, "%s", plan->failure);
}

static int make_world(struct plan *plan, struct err *err)
{
    struct clock *real = clock_real_new();
    plan->clock = clock_virtual_new(clock_wall_ns(real));
    clock_free(real);
    plan->random = random_seeded_new(1);
    plan->loop = loop_new(plan->clock, err);
    if (plan->loop == NULL)
        return -1;
    plan->changes = changes_new(plan->clock, WORLD_USER);
    struct world_options options = {
        .loop = plan->loop,
        .random = plan->random,
        .no_leases = true,
        .policy_dir = plan->policies,
        .on_commit = on_commit,
        .on_operator_exit = on_operator_exit,
        .on_failed = on_failed,
        .arg = plan,
    };
    plan->world = world_new(&options, err);
    if (plan->world == NULL)
        return -1;
    struct client_options client = {
        .loop = plan->loop,
        .transport = world_transport(plan->world),
        .config = world_config(plan->world),
        .random = plan->random,
        .user_agent = "plan",
    };
    plan->client = client_new(&client);
    return 0;
}

static int connect_live(struct plan *plan, struct err *err)
{
    if (!plan->live)
        return 0;
    if (live_open(&plan->server, plan->cli, plan->kubeconfig, plan->context, err) == 0)
        return 0;
    plan->server = (struct live){0};
    plan->no_connection = true;
    return -1;
}

static void choose_namespace(struct plan *plan)
{
    const char *namespace = plan->namespace;
    if (namespace == NULL && plan->live)
    namespace = kube_config_namespace(plan->server.config);
    plan->default_namespace = mem_str(namespace != NULL ? namespace : "default");
}

static bool is_same(const struct plan *plan, const struct jv *there, const struct jv *applied)
{
    const char *kind = jv_path_str(applied, "kind", NULL);
    const char *name = jv_path_str(applied, "metadata", "name", NULL);
    const char *namespace = jv_path_str(applied, "metadata", "namespace", NULL);
    namespace = namespace != NULL ? namespace : plan->default_namespace;
    return kind != NULL && name != NULL && strcmp(kind, jv_path_str(there, "kind", NULL)) == 0 &&
           strcmp(name, jv_path_str(there, "metadata", "name", NULL)) == 0 &&
           strcmp(namespace, jv_path_str(there, "metadata", "namespace", NULL)) == 0;
}

static bool is_applied(void *arg, const struct jv *object)
{
    const struct plan *plan = arg;
    for (size_t i = 0; i < plan->files.count; i++) {
        const struct object_file *file = &plan->files.files[i];
        for (size_t k = 0; k < file->count; k++)
            if (is_same(plan, object, file->objects[k].object))
                return true;
    }
    return false;
}

/* What is applied is judged alone: of the others a world does not know all, such as running work.
 * Where nothing of it becomes ready (it is policies, say), all are. */
static void judge(struct plan *plan)
{
    struct buf waits;
    buf_init(&waits, 4096);
    bool ready = world_is_ready(plan->world, 0, is_applied, plan, &waits);
    if (strcmp(buf_str(&waits), WORLD_NO_PRIMARIES) == 0) {
        buf_clear(&waits);
        ready = world_is_ready(plan->world, 0, NULL, NULL, &waits);
    }
    bool nothing = strcmp(buf_str(&waits), WORLD_NO_PRIMARIES) == 0;
    char *outcome = ready || nothing ? mem_str(ready ? "Then all is ready." : buf_str(&waits))
                                     : mem_printf("Then not all is ready: %s", buf_str(&waits));
    jv_set(plan->result, "ready", jv_bool(ready || nothing));
    jv_set_str(plan->result, "outcome", outcome);
    free(outcome);
    buf_deinit(&waits);
}

int plan_make(struct plan *plan, struct err *err)
{
    if (object_files_read(&plan->files, plan->paths, plan->path_count, err) != 0 ||
        connect_live(plan, err) != 0)
        return -1;
    choose_namespace(plan);
    if (make_world(plan, err) != 0 ||
        (plan->live ? plan_load_live(plan, err) : plan_make_namespaces(plan, err)) != 0 ||
        world_start(plan->world, err) != 0 || settle(plan, err) != 0)
        return -1;
    /* What is to be deleted has to be there: it is in the cluster, or is made first. */
    bool begun = plan->deletes && !plan->live;
    if (begun && (plan_apply(plan, err) != 0 || world_operator_start(plan->world, 0, err) != 0 ||
                  settle(plan, err) != 0))
        return -1;
    changes_begin(plan->changes);
    if ((plan->deletes ? plan_delete : plan_apply)(plan, err) != 0 ||
        (!begun && world_operator_start(plan->world, 0, err) != 0) || settle(plan, err) != 0)
        return -1;
    plan->result = changes_result(plan->changes);
    judge(plan);
    return 0;
}

void plan_close(struct plan *plan)
{
    client_free(plan->client);
    world_free(plan->world);
    changes_free(plan->changes);
    loop_free(plan->loop);
    random_free(plan->random);
    clock_free(plan->clock);
    if (plan->server.loop != NULL)
        live_close(&plan->server);
    object_files_deinit(&plan->files);
    jv_unref(plan->result);
    free(plan->failure);
    free(plan->default_namespace);
}
