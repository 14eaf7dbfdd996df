/* nemeton test: the cases beside policies. */
#include "cli/bundle.h"
#include "cli/command.h"
#include "cli/files.h"
#include "cli/workbench.h"

#include <stdlib.h>
#include <string.h>

struct testing {
    struct cli *cli;
    bool all;         /* also tell what passed */
    struct jv *cases; /* -o json; else NULL */
    size_t passed, failed;
};

static void on_case(void *arg, const char *module, const char *name, const char *failure)
{
    struct testing *testing = arg;
    testing->passed += failure == NULL;
    testing->failed += failure != NULL;
    if (testing->cases != NULL) {
        struct jv *one = jv_object();
        jv_set_str(one, "module", module);
        jv_set_str(one, "case", name);
        jv_set(one, "passed", jv_bool(failure == NULL));
        jv_set_str(one, "failure", failure);
        jv_append(testing->cases, one);
    } else if (failure != NULL) {
        fprintf(testing->cli->out, "FAIL  %s: %s\n      %s\n", module, name, failure);
    } else if (testing->all) {
        fprintf(testing->cli->out, "ok    %s: %s\n", module, name);
    }
}

/* Takes the set over. only: the layer whose cases run; NULL: all. */
static int test_set(struct testing *testing, struct workbench *bench, struct policy_set *take,
                    const char *only, struct err *err)
{
    size_t count = 0;
    if (take == NULL)
        return -1;
    const struct policy_layer *layers = policy_set_layers(take, &count);
    struct policy *policy = policy_load(&bench->env, layers, count, err);
    int failed = policy != NULL ? policy_test(policy, only, on_case, testing, err) : -1;
    policy_unref(policy);
    policy_set_unref(take);
    return failed < 0 ? -1 : 0;
}

static int test_dir(struct testing *testing, struct workbench *bench, const char *path,
                    struct err *err)
{
    char *world = mem_printf("%s/sandbox", path);
    int failed = 0;
    bool has_world = bundle_is_here(world);
    if (!bundle_is_here(path) && !has_world)
        failed = err_set(err, ERR_NOT_FOUND, "`%s` holds no bundle.lua", path);
    if (failed == 0 && bundle_is_here(path)) {
        bool overlay = bundle_is_overlay(&bench->env, path);
        failed = test_set(testing, bench, bundle_open(&bench->env, &path, 1, err),
                          overlay ? path : NULL, err);
    }
    if (failed == 0 && has_world)
        failed = test_set(testing, bench, bundle_world_of_dir(path, err), NULL, err);
    free(world);
    return failed;
}

static int test_path(struct testing *testing, struct workbench *bench, const char *path,
                     struct err *err)
{
    if (file_is_dir(path))
        return test_dir(testing, bench, path, err);
    /* A file of ConfigMaps: the cases in them, not those of what is underneath (which has none). */
    return test_set(testing, bench, bundle_open(&bench->env, &path, 1, err), NULL, err);
}

static int run(struct cli *cli, int argc, char *const *argv)
{
    struct testing testing = {.cli = cli};
    const char *format = "text";
    const struct option options[] = {
        {.name = "verbose",
         .letter = 'v',
         .kind = OPTION_FLAG,
         .help = "name the cases that pass, too",
         .value = &testing.all},
        OPTION_OUTPUT(&format, "text|json"),
    };
    struct arguments arguments;
    int code = command_begin(cli, &command_test, options, sizeof(options) / sizeof(options[0]),
                             argc, argv, 1, OPTION_ARGUMENTS_MAX, &arguments);
    if (code != COMMAND_GOES_ON)
        return code;
    struct workbench bench = {0};
    struct err err = {0};
    testing.cases = strcmp(format, "json") == 0 ? jv_array() : NULL;
    int failed = workbench_init(&bench, &err);
    for (size_t i = 0; failed == 0 && i < arguments.count; i++)
        failed = test_path(&testing, &bench, arguments.items[i], &err);
    if (failed == 0 && testing.passed + testing.failed == 0)
        failed = err_set(&err, ERR_NOT_FOUND,
                         "no cases: a file NAME_test.lua beside NAME.lua returns them");
    code = failed != 0 ? command_fail(cli, &err) : testing.failed > 0 ? EXIT_FAILED : EXIT_DONE;
    if (failed == 0 && testing.cases == NULL) {
        fprintf(cli->out, "%zu passed, %zu failed\n", testing.passed, testing.failed);
    } else if (failed == 0) {
        char *text = jv_print_str(testing.cases, JV_PRINT_PRETTY);
        fprintf(cli->out, "%s\n", text);
        free(text);
    }
    jv_unref(testing.cases);
    workbench_deinit(&bench);
    return code;
}

const struct command command_test = {
    .name = "test",
    .arguments = "PATH…",
    .summary = "the cases beside policies",
    .about =
        "Runs the cases in *_test.lua files, each by itself, under the budgets that policies have "
        "in the operator. PATH is a directory of policies (one that names no controllers is an "
        "overlay on those in the program), or a YAML file of policy ConfigMaps.",
    .examples = "  nemeton test policies/\n  nemeton test overlay.yaml",
    .run = run,
};
