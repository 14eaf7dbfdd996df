/* What it costs to render one large cluster: the policies' own work, in this process, with no server. */
#include "bench.h"

#include "cli/files.h"
#include "cli/workbench.h"

#include <stdio.h>
#include <time.h>

static int64_t cpu_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/* Calls a function of a module with the object, as often as asked. */
static int measure(struct policy *policy, const char *module, const char *function,
                   struct jv *object, int64_t count, const char *title, struct err *err)
{
    struct samples taken;
    samples_init(&taken, (size_t)count);
    int failed = 0;
    for (int64_t i = 0; i < count && failed == 0; i++) {
        struct jv *made = NULL;
        int64_t start = cpu_ns();
        failed = policy_call(policy, module, function, &object, 1, &made, err);
        samples_add(&taken, cpu_ns() - start);
        jv_unref(made);
    }
    if (failed == 0) {
        samples_print(&taken, title);
    }
    samples_deinit(&taken);
    return failed;
}

/* Rendering alone (tests/bench/render), and the contract's `render`: judged before, handed over after. */
static int measure_both(struct policy *policy, struct jv *object, int64_t count, struct err *err)
{
    const struct policy_controller *controller = workbench_controller(policy, object);
    if (!controller) {
        return err_set(err, ERR_INVALID, "no policy renders the object");
    }
    if (measure(policy, "bench_render", "objects", object, count, "render", err) != 0) {
        return -1;
    }
    return measure(policy, controller->module, "render", object, count, "render_whole", err);
}

int render_large(struct bench *bench, const struct options *options, struct err *err)
{
    (void)bench;
    struct workbench workbench = {0};
    struct object_files files = {0};
    struct policy *policy = NULL;
    int failed = workbench_init(&workbench, err);
    if (failed == 0) {
        failed = object_files_read(&files, &options->file, 1, err);
    }
    if (failed == 0) {
        const char *overlay = options->how;
        policy = workbench_policy(&workbench, &overlay, 1, err);
        failed = policy
                     ? measure_both(policy, files.files[0].objects[0].object, options->samples, err)
                     : -1;
    }
    policy_unref(policy);
    object_files_deinit(&files);
    workbench_deinit(&workbench);
    return failed;
}
