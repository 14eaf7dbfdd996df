/* nemeton plan: what applying a file would do, tried out in a world of its own. */
#include "cli/plan.h"

#include "cli/visible.h"

#include <stdlib.h>
#include <string.h>

static void print_value(FILE *out, const struct jv *value)
{
    const char *text = jv_str(value);
    char *json = text == NULL ? jv_print_str(value, 0) : NULL;
    fputs(text != NULL ? text : json, out);
    free(json);
}

static void print_field(FILE *out, const struct jv *field)
{
    const struct jv *from = jv_get(field, "from"), *to = jv_get(field, "to");
    fprintf(out, "             %s", jv_path_str(field, "path", NULL));
    if (from != NULL && to != NULL) {
        fputs(": ", out);
        print_value(out, from);
        fputs(" -> ", out);
        print_value(out, to);
    } else if (jv_get(field, "added") != NULL) {
        fputs(to != NULL ? " is added: " : " is added", out);
        if (to != NULL)
            print_value(out, to);
    } else if (jv_get(field, "removed") != NULL) {
        fputs(" is removed", out);
    }
    fputc('\n', out);
}

void plan_print_change(FILE *out, const struct jv *change)
{
    struct buf name;
    buf_init(&name, 1024);
    const char *namespace = jv_path_str(change, "namespace", NULL);
    buf_printf(&name, "%s %s%s%s", jv_path_str(change, "kind", NULL),
               namespace != NULL ? namespace : "", namespace != NULL ? "/" : "",
               jv_path_str(change, "name", NULL));
    const char *what = jv_path_str(change, "change", NULL);
    const char *size = jv_path_str(change, "size", NULL), *at = jv_path_str(change, "at", NULL);
    if (size != NULL)
        buf_printf(&name, " (%s)", size);
    if (at != NULL)
        buf_printf(&name, ", at %s or later, unless it is wanted again", at);
    fprintf(out, "  %-9s%s\n", at != NULL ? "delete" : what, buf_str(&name));
    buf_deinit(&name);
    const struct jv *fields = jv_get(change, "fields");
    for (size_t i = 0; i < jv_size(fields); i++)
        print_field(out, jv_at(fields, i));
}

static void print_counts(FILE *out, const struct jv *counts)
{
    static const struct {
        const char *key, *words;
    } parts[] = {{"create", "to create"},   {"change", "to change"}, {"replace", "to replace"},
                 {"restart", "to restart"}, {"delete", "to delete"}, {"later", "to delete later"},
                 {"pods", "new pods"}};
    bool any = false;
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        long long number = (long long)jv_int_value(jv_get(counts, parts[i].key));
        if (number == 0)
            continue;
        fprintf(out, "%s%lld %s", any ? ", " : "\n", number, parts[i].words);
        any = true;
    }
    fputs(any ? ".\n" : "Nothing would change.\n", out);
}

static void print_text(const struct plan *plan)
{
    FILE *out = plan->cli->out;
    struct jv *result = visible_copy(plan->result);
    const struct jv *list = jv_get(result, "changes");
    const char *outcome = jv_path_str(result, "outcome", NULL);
    for (size_t i = 0; i < jv_size(list); i++)
        plan_print_change(out, jv_at(list, i));
    print_counts(out, jv_get(result, "counts"));
    if (outcome != NULL)
        fprintf(out, "%s\n", outcome);
    jv_unref(result);
}

static int print(const struct plan *plan, const char *format)
{
    if (strcmp(format, "json") == 0) {
        char *text = jv_print_str(plan->result, JV_PRINT_PRETTY);
        fprintf(plan->cli->out, "%s\n", text);
        free(text);
    } else {
        print_text(plan);
    }
    return jv_bool_value(jv_get(plan->result, "ready")) ? EXIT_DONE : EXIT_FAILED;
}

static int run(struct cli *cli, int argc, char *const *argv)
{
    struct plan plan = {.cli = cli};
    const char *format = "text";
    const struct option options[] = {
        {.name = "live",
         .kind = OPTION_FLAG,
         .help = "begin with what is in the cluster, read through the kubeconfig, and with its "
                 "policies (default: with nothing)",
         .value = &plan.live},
        {.name = "delete",
         .kind = OPTION_FLAG,
         .help = "what deleting the objects of the file would do, instead of applying them",
         .value = &plan.deletes},
        OPTION_KUBECONFIG(&plan.kubeconfig),
        OPTION_CONTEXT(&plan.context),
        {.name = "namespace",
         .letter = 'n',
         .kind = OPTION_STRING,
         .value_name = "NAME",
         .help = "of objects that name none (default: the context's, else `default`)",
         .value = &plan.namespace},
        {.name = "policies",
         .kind = OPTION_STRING,
         .value_name = "DIR",
         .help = "the policies to plan with, from a directory",
         .value = &plan.policies},
        {.name = "policy-namespace",
         .kind = OPTION_STRING,
         .value_name = "NAMESPACE",
         .help = "with --live: where the policy ConfigMaps are (default " WORLD_NAMESPACE ")",
         .value = &plan.policy_namespace},
        OPTION_OUTPUT(&format, "text|json"),
    };
    struct arguments arguments;
    struct err err = {0};
    int code = command_begin(cli, &command_plan, options, sizeof(options) / sizeof(options[0]),
                             argc, argv, 1, OPTION_ARGUMENTS_MAX, &arguments);
    if (code != COMMAND_GOES_ON)
        return code;
    if (option_namespace("policy-namespace", plan.policy_namespace, &err) != 0 ||
        option_namespace("namespace", plan.namespace, &err) != 0)
        return command_fail(cli, &err);
    plan.paths = arguments.items;
    plan.path_count = arguments.count;
    if (plan_make(&plan, &err) == 0)
        code = print(&plan, format);
    else
        code = command_fail(cli, &err);
    if (plan.no_connection)
        code = EXIT_NO_CONNECTION;
    plan_close(&plan);
    return code;
}

const struct command command_plan = {
    .name = "plan",
    .arguments = "FILE…",
    .summary = "what applying a file would create, change, restart and delete, in order",
    .about =
        "Applies the file in a private world in this process, lets the operator work there until "
        "all is quiet, and tells what it did. A rollout of an hour takes a second. Nothing is "
        "written anywhere. With --live the world begins with the objects of your cluster, as far "
        "as policies look at them; a policy ConfigMap in the file is tried out as well. Volumes "
        "that "
        "go are told with their sizes, and those that go later with the time.\n\n"
        "Ends with 1 when what is applied would not become ready, with the reason.",
    .examples = "  nemeton plan my-cluster.yaml\n"
                "  nemeton plan --delete my-cluster.yaml --live\n"
                "  nemeton plan my-cluster.yaml --live -o json",
    .run = run,
};
