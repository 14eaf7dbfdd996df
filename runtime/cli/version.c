/* nemeton version */
#include "cli/bundle.h"
#include "cli/command.h"
#include "cli/workbench.h"

#include <stdlib.h>
#include <string.h>

static int run(struct cli *cli, int argc, char *const *argv)
{
    const char *format = "text";
    const struct option options[] = {OPTION_OUTPUT(&format, "text|json")};
    struct arguments arguments;
    int code = command_begin(cli, &command_version, options, 1, argc, argv, 0, 0, &arguments);
    if (code != COMMAND_GOES_ON)
        return code;
    struct workbench bench;
    struct err err = {0};
    if (workbench_init(&bench, &err) != 0)
        return command_fail(cli, &err);
    struct policy *policy = workbench_policy(&bench, NULL, 0, &err);
    const char *policies = policy != NULL ? policy_version(policy) : err.text;
    if (strcmp(format, "json") == 0) {
        struct jv *object = jv_object();
        jv_set_str(object, "version", NEMETON_VERSION);
        jv_set_str(object, "policies", policies);
        jv_set_int(object, "policyApi", POLICY_API);
        char *text = jv_print_str(object, JV_PRINT_PRETTY);
        fprintf(cli->out, "%s\n", text);
        free(text);
        jv_unref(object);
    } else {
        fprintf(cli->out, "nemeton %s, policies %.12s, policy API %d\n", NEMETON_VERSION, policies,
                POLICY_API);
    }
    policy_unref(policy);
    workbench_deinit(&bench);
    return policy != NULL ? EXIT_DONE : EXIT_FAILED;
}

const struct command command_version = {
    .name = "version",
    .arguments = "",
    .summary = "what this program is, and which policies it carries",
    .about = "Prints the version of the program, the version (SHA-256) of the policies that travel "
             "inside it, and the API that policies are written for.",
    .run = run,
};
