/* nemeton adopt --dry-run: what taking over the objects of a live cluster would change, tried out in a
 * world of its own, and whether any pod would restart. */
#include "cli/plan.h"

#include "cli/workbench.h"

#include <stdlib.h>
#include <string.h>

struct adopt {
    struct plan plan;
    struct workbench bench;
    struct policy *policy;
    char *namespace, *name; /* of the one that was asked for, or NULL */
    const char *format;
    bool dry_run;
};

static bool is_word(const struct jv *object, const char *key, const char *word)
{
    const char *own = jv_path_str(object, key, NULL);
    return own != NULL && strcmp(own, word) == 0;
}

static bool is_template_change(const struct jv *change, const char *path)
{
    return is_word(change, "change", "change") && strncmp(path, "spec.template.", 14) == 0;
}

static struct jv *named(const struct jv *change, const char *more)
{
    char *text = mem_printf(
        "%s %s/%s%s%s", jv_path_str(change, "kind", NULL), jv_path_str(change, "namespace", NULL),
        jv_path_str(change, "name", NULL), more != NULL ? " " : "", more != NULL ? more : "");
    struct jv *out = jv_string(text);
    free(text);
    return out;
}

/* Pods that restart or go, and the fields of pod templates that change. */
static void judge(struct adopt *adopt)
{
    struct jv *result = adopt->plan.result, *pods = jv_array(), *because = jv_array();
    const struct jv *changes = jv_get(result, "changes");
    for (size_t i = 0; i < jv_size(changes); i++) {
        const struct jv *change = jv_at(changes, i), *fields = jv_get(change, "fields");
        if (is_word(change, "kind", "Pod") &&
            (is_word(change, "change", "restart") || is_word(change, "change", "delete")))
            jv_append(pods, named(change, NULL));
        for (size_t f = 0; f < jv_size(fields); f++) {
            const char *path = jv_path_str(jv_at(fields, f), "path", NULL);
            if (is_template_change(change, path))
                jv_append(because, named(change, path));
        }
    }
    jv_set(result, "restarts", pods);
    jv_set(result, "because", because);
}

static int ask_policy(struct adopt *adopt, const struct policy_controller *controller,
                      struct jv *back, struct err *err)
{
    for (size_t w = 0; w < controller->primary_count; w++) {
        const struct policy_watch *watch = &controller->watches[w];
        struct err missing = {0};
        struct jv *list =
            client_list(adopt->plan.client, watch->api_version, watch->kind, NULL, NULL, &missing);
        int failed = 0;
        for (size_t i = 0; failed == 0 && i < jv_size(list); i++) {
            struct jv *args[] = {jv_at(list, i)}, *texts = NULL;
            failed =
                policy_call(adopt->policy, controller->module, "going_back", args, 1, &texts, err);
            for (size_t t = 0; t < jv_size(texts); t++)
                jv_append(back, jv_ref(jv_at(texts, t)));
            jv_unref(texts);
        }
        jv_unref(list);
        if (failed != 0)
            return -1;
    }
    return 0;
}

static int look_back(struct adopt *adopt, struct err *err)
{
    const char *dir = adopt->plan.policies;
    struct jv *back = jv_array();
    jv_set(adopt->plan.result, "goingBackRestarts", back);
    if (workbench_init(&adopt->bench, err) != 0)
        return -1;
    adopt->policy = workbench_policy(&adopt->bench, &dir, dir != NULL ? 1 : 0, err);
    if (adopt->policy == NULL)
        return -1;
    for (size_t i = 0; i < policy_controller_count(adopt->policy); i++) {
        const struct policy_controller *controller = policy_controller_at(adopt->policy, i);
        if (controller->has_going_back && ask_policy(adopt, controller, back, err) != 0)
            return -1;
    }
    return 0;
}

static void print_list(FILE *out, const char *title, const struct jv *list)
{
    if (jv_size(list) == 0)
        return;
    if (title != NULL)
        fprintf(out, "%s\n", title);
    for (size_t i = 0; i < jv_size(list); i++)
        fprintf(out, "  %s\n", jv_str(jv_at(list, i)));
}

static void print_text(const struct adopt *adopt)
{
    FILE *out = adopt->plan.cli->out;
    const struct jv *result = adopt->plan.result, *changes = jv_get(result, "changes");
    size_t restarts = jv_size(jv_get(result, "restarts"));
    for (size_t i = 0; i < jv_size(changes); i++)
        plan_print_change(out, jv_at(changes, i));
    fprintf(out, "%sTaking over changes %zu objects and restarts %zu pods%s\n",
            jv_size(changes) > 0 ? "\n" : "", jv_size(changes), restarts, restarts > 0 ? ":" : ".");
    print_list(out, NULL, jv_get(result, "restarts"));
    print_list(out, "because these change:", jv_get(result, "because"));
    if (jv_size(jv_get(result, "goingBackRestarts")) == 0)
        fputs("Going back restarts nothing.\n", out);
    print_list(out, "Going back may restart:", jv_get(result, "goingBackRestarts"));
}

static int print(const struct adopt *adopt)
{
    if (strcmp(adopt->format, "json") == 0) {
        char *text = jv_print_str(adopt->plan.result, JV_PRINT_PRETTY);
        fprintf(adopt->plan.cli->out, "%s\n", text);
        free(text);
    } else {
        print_text(adopt);
    }
    return jv_size(jv_get(adopt->plan.result, "restarts")) == 0 ? EXIT_DONE : EXIT_FAILED;
}

/* NAMESPACE/NAME, or NAME in the default namespace. */
static void choose(struct adopt *adopt, const char *text)
{
    const char *slash = strchr(text, '/');
    adopt->name = mem_str(slash != NULL ? slash + 1 : text);
    adopt->plan.only_name = adopt->name;
    if (slash != NULL) {
        adopt->namespace = mem_strn(text, (size_t)(slash - text));
        adopt->plan.namespace = adopt->namespace;
    }
}

static int work(struct adopt *adopt, struct err *err)
{
    if (plan_make(&adopt->plan, err) != 0)
        return -1;
    const char *outcome = jv_path_str(adopt->plan.result, "outcome", NULL);
    if (adopt->name != NULL && outcome != NULL && strcmp(outcome, WORLD_NO_PRIMARIES) == 0)
        return err_set(err, ERR_NOT_FOUND, "no `%s` in the namespace `%s`", adopt->name,
                       adopt->plan.default_namespace);
    judge(adopt);
    return look_back(adopt, err);
}

static int run(struct cli *cli, int argc, char *const *argv)
{
    struct adopt adopt = {.plan = {.cli = cli, .live = true}, .format = "text"};
    struct plan *plan = &adopt.plan;
    const struct option options[] = {
        {.name = "dry-run",
         .kind = OPTION_FLAG,
         .help = "needed: taking over in earnest is what the operator does when it runs",
         .value = &adopt.dry_run},
        OPTION_KUBECONFIG(&plan->kubeconfig),
        OPTION_CONTEXT(&plan->context),
        {.name = "policies",
         .kind = OPTION_STRING,
         .value_name = "DIR",
         .help = "the policies to take over with, from a directory (default: those of the cluster, "
                 "else those in the program)",
         .value = &plan->policies},
        {.name = "policy-namespace",
         .kind = OPTION_STRING,
         .value_name = "NAMESPACE",
         .help = "where the policy ConfigMaps are (default " WORLD_NAMESPACE ")",
         .value = &plan->policy_namespace},
        OPTION_OUTPUT(&adopt.format, "text|json"),
    };
    struct arguments arguments;
    struct err err = {0};
    int code = command_begin(cli, &command_adopt, options, sizeof(options) / sizeof(options[0]),
                             argc, argv, 0, 1, &arguments);
    if (code != COMMAND_GOES_ON)
        return code;
    if (!adopt.dry_run) {
        err_set(&err, ERR_USAGE, "adopt: say --dry-run; the running operator takes over by itself");
        return command_fail(cli, &err);
    }
    if (arguments.count > 0)
        choose(&adopt, arguments.items[0]);
    if (work(&adopt, &err) == 0)
        code = print(&adopt);
    else
        code = plan->no_connection ? (command_fail(cli, &err), EXIT_NO_CONNECTION)
                                   : command_fail(cli, &err);
    policy_unref(adopt.policy);
    if (adopt.bench.loop != NULL)
        workbench_deinit(&adopt.bench);
    plan_close(plan);
    free(adopt.namespace);
    free(adopt.name);
    return code;
}

const struct command command_adopt = {
    .name = "adopt",
    .arguments = "--dry-run [NAMESPACE/NAME]",
    .summary = "what taking over a live cluster from another operator would change and restart",
    .about =
        "Reads what is in the cluster, lets the operator take it over in a private world in this "
        "process, and tells what it did there, object by object. Nothing is written anywhere. It "
        "supposes that the other operator has been stopped. Then it says what that one, started "
        "again, might restart.\n\n"
        "Ends with 0 when no pod would restart, else with 1 and the pods and fields.",
    .examples = "  nemeton adopt --dry-run\n"
                "  nemeton adopt --dry-run --kubeconfig staging.yaml production/analytics",
    .run = run,
};
