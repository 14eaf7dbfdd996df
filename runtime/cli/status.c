/* nemeton status: one screen about a live cluster. */
#include "cli/status.h"

#include "cli/bundle.h"
#include "cli/command.h"
#include "cli/live.h"
#include "cli/workbench.h"
#include "control/policies.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

struct status {
    struct cli *cli;
    const char *kubeconfig, *context, *namespace, *policy_namespace, *format;
    struct option_list policy_paths;
    const char *only; /* NAME or NAMESPACE/NAME; NULL: all */
    struct workbench bench;
    struct policy *policy;
    struct live live;
    struct jv *report;
    bool no_connection;
};

static const struct jv *find_condition(const struct jv *object, const char *type)
{
    const struct jv *conditions = jv_path(object, "status", "conditions", NULL);
    for (size_t i = 0; i < jv_size(conditions); i++) {
        const char *own = jv_path_str(jv_at(conditions, i), "type", NULL);
        if (own != NULL && strcmp(own, type) == 0)
            return jv_at(conditions, i);
    }
    return NULL;
}

/* Seconds since 1970 of "2026-01-31T10:20:30.123456Z"; 0 when it is none. */
static int64_t parse_time(const char *text)
{
    struct tm tm = {0};
    if (text == NULL || strptime(text, "%Y-%m-%dT%H:%M:%S", &tm) == NULL)
        return 0;
    return (int64_t)timegm(&tm);
}

static int look_at_operator(struct status *status, struct err *err)
{
    struct err missing = {0};
    struct jv *lease = client_get(status->live.client, "coordination.k8s.io/v1", "Lease",
                                  status->policy_namespace, "nemeton", &missing);
    if (lease == NULL && missing.code == ERR_NOT_FOUND)
        return 0;
    if (lease == NULL) {
        *err = missing;
        return -1;
    }
    const struct jv *spec = jv_get(lease, "spec");
    int64_t now = clock_wall_ns(status->live.clock) / 1000000000;
    int64_t age = now - parse_time(jv_path_str(spec, "renewTime", NULL));
    struct jv *out = jv_ensure(status->report, "operator", NULL);
    jv_set_str(out, "holder", jv_path_str(spec, "holderIdentity", NULL));
    jv_set_int(out, "renewedSecondsAgo", age > 0 ? age : 0);
    jv_set(out, "expired", jv_bool(age > jv_int_value(jv_get(spec, "leaseDurationSeconds"))));
    jv_unref(lease);
    return 0;
}

static int look_at_policies(struct status *status, struct err *err)
{
    struct jv *maps = client_list(status->live.client, "v1", "ConfigMap", status->policy_namespace,
                                  POLICIES_LABEL, err);
    struct jv *out = jv_array();
    jv_set(status->report, "policies", out);
    for (size_t i = 0; i < jv_size(maps); i++) {
        const struct jv *map = jv_at(maps, i);
        const struct jv *annotations = jv_path(map, "metadata", "annotations", NULL);
        struct jv *one = jv_object();
        jv_set_str(one, "name", jv_path_str(map, "metadata", "name", NULL));
        jv_set_str(one, "label", jv_path_str(map, "metadata", "labels", POLICIES_LABEL, NULL));
        jv_set_str(one, "loaded", jv_path_str(annotations, POLICIES_LOADED, NULL));
        jv_set_str(one, "error", jv_path_str(annotations, POLICIES_ERROR, NULL));
        jv_append(out, one);
    }
    jv_unref(maps);
    return maps != NULL ? 0 : -1;
}

/* Everything of the kinds that a controller finds by their owner; kinds that cannot be read are left
 * out. */
static struct jv *read_owned(struct status *status, const struct policy_controller *controller)
{
    struct jv *all = jv_array();
    for (size_t w = controller->primary_count; w < controller->watch_count; w++) {
        const struct policy_watch *watch = &controller->watches[w];
        if (watch->map != POLICY_MAP_OWNER)
            continue;
        struct jv *list = client_list(status->live.client, watch->api_version, watch->kind,
                                      status->namespace, watch->labels, NULL);
        if (list == NULL && watch->older != NULL)
            list = client_list(status->live.client, watch->older, watch->kind, status->namespace,
                               watch->labels, NULL);
        for (size_t i = 0; i < jv_size(list); i++)
            jv_append(all, jv_ref(jv_at(list, i)));
        jv_unref(list);
    }
    return all;
}

static struct jv *owned_by(const struct jv *all, const struct jv *object)
{
    const char *uid = jv_path_str(object, "metadata", "uid", NULL);
    struct jv *out = jv_array();
    for (size_t i = 0; i < jv_size(all); i++) {
        const struct jv *owners = jv_path(jv_at(all, i), "metadata", "ownerReferences", NULL);
        for (size_t k = 0; k < jv_size(owners); k++) {
            const char *owner = jv_path_str(jv_at(owners, k), "uid", NULL);
            if (owner != NULL && uid != NULL && strcmp(owner, uid) == 0) {
                jv_append(out, jv_ref(jv_at(all, i)));
                break;
            }
        }
    }
    return out;
}

static bool is_asked_for(const struct status *status, const struct jv *object)
{
    const char *namespace = jv_path_str(object, "metadata", "namespace", NULL);
    const char *name = jv_path_str(object, "metadata", "name", NULL);
    if (status->only == NULL)
        return true;
    const char *slash = strchr(status->only, '/');
    if (slash == NULL)
        return strcmp(status->only, name) == 0;
    size_t len = (size_t)(slash - status->only);
    return namespace != NULL && strlen(namespace) == len &&
           strncmp(status->only, namespace, len) == 0 && strcmp(slash + 1, name) == 0;
}

static int add_object(struct status *status, const struct policy_controller *controller,
                      struct jv *object, const struct jv *all, struct err *err)
{
    const struct jv *ready = find_condition(object, "Ready");
    const char *message = jv_path_str(object, "status", "message", NULL);
    struct jv *one = jv_object();
    jv_set_str(one, "apiVersion", jv_path_str(object, "apiVersion", NULL));
    jv_set_str(one, "kind", jv_path_str(object, "kind", NULL));
    jv_set_str(one, "namespace", jv_path_str(object, "metadata", "namespace", NULL));
    jv_set_str(one, "name", jv_path_str(object, "metadata", "name", NULL));
    jv_set_str(one, "ready", ready != NULL ? jv_path_str(ready, "status", NULL) : "Unknown");
    jv_set_str(one, "message", message != NULL ? message : jv_path_str(ready, "message", NULL));
    struct jv *conditions = jv_path(object, "status", "conditions", NULL);
    jv_set(one, "conditions", conditions != NULL ? jv_ref(conditions) : jv_array());
    jv_append(jv_get(status->report, "objects"), one);
    if (!controller->has_summary)
        return 0;
    struct jv *args[] = {object, owned_by(all, object)}, *rows = NULL;
    int failed = policy_call(status->policy, controller->module, "summary", args, 2, &rows, err);
    if (failed == 0)
        jv_set(one, "groups", jv_ref(rows));
    jv_unref(rows);
    jv_unref(args[1]);
    return failed;
}

static int look_at_controller(struct status *status, const struct policy_controller *controller,
                              struct err *err)
{
    struct jv *all = read_owned(status, controller);
    int failed = 0;
    for (size_t w = 0; failed == 0 && w < controller->primary_count; w++) {
        const struct policy_watch *watch = &controller->watches[w];
        struct err missing = {0};
        struct jv *list = client_list(status->live.client, watch->api_version, watch->kind,
                                      status->namespace, NULL, &missing);
        if (list == NULL && !(watch->optional && missing.code == ERR_NOT_FOUND)) {
            *err = missing;
            failed = missing.code == ERR_FORBIDDEN && status->namespace == NULL
                         ? err_wrap(err, "name a namespace with -n")
                         : -1;
        }
        for (size_t i = 0; failed == 0 && i < jv_size(list); i++) {
            if (is_asked_for(status, jv_at(list, i)))
                failed = add_object(status, controller, jv_at(list, i), all, err);
        }
        jv_unref(list);
    }
    jv_unref(all);
    return failed;
}

static int gather(struct status *status, struct err *err)
{
    if (workbench_init(&status->bench, err) != 0)
        return -1;
    status->policy =
        workbench_policy(&status->bench, (const char *const *)status->policy_paths.items,
                         status->policy_paths.count, err);
    if (status->policy == NULL)
        return -1;
    if (live_open(&status->live, status->cli, status->kubeconfig, status->context, err) != 0) {
        status->live = (struct live){0};
        status->no_connection = true;
        return -1;
    }
    jv_set_str(status->report, "server", kube_config_server(status->live.config));
    jv_set_str(status->report, "version", client_version(status->live.client));
    jv_set_str(status->report, "policyNamespace", status->policy_namespace);
    jv_set(status->report, "objects", jv_array());
    if (look_at_operator(status, err) != 0 || look_at_policies(status, err) != 0)
        return -1;
    for (size_t c = 0; c < policy_controller_count(status->policy); c++) {
        if (look_at_controller(status, policy_controller_at(status->policy, c), err) != 0)
            return -1;
    }
    if (status->only != NULL && jv_size(jv_get(status->report, "objects")) == 0)
        return err_set(err, ERR_NOT_FOUND, "nothing that the operator looks after is named `%s`",
                       status->only);
    return 0;
}

static int show(struct status *status)
{
    struct err err = {0};
    status->report = jv_object();
    int code = EXIT_DONE;
    if (gather(status, &err) != 0) {
        code = command_fail(status->cli, &err);
    } else if (strcmp(status->format, "json") == 0) {
        char *text = jv_print_str(status->report, JV_PRINT_PRETTY);
        fprintf(status->cli->out, "%s\n", text);
        free(text);
    } else {
        status_print(status->cli->out, status->report, status->only != NULL);
    }
    if (status->no_connection)
        code = EXIT_NO_CONNECTION;
    if (status->live.loop != NULL)
        live_close(&status->live);
    policy_unref(status->policy);
    workbench_deinit(&status->bench);
    jv_unref(status->report);
    return code;
}

static int run(struct cli *cli, int argc, char *const *argv)
{
    struct status status = {.cli = cli, .policy_namespace = BUNDLE_NAMESPACE, .format = "text"};
    const struct option options[] = {
        {.name = "namespace",
         .letter = 'n',
         .kind = OPTION_STRING,
         .value_name = "NAME",
         .help = "only there (default: everywhere)",
         .value = &status.namespace},
        OPTION_OUTPUT(&status.format, "text|json"),
        OPTION_KUBECONFIG(&status.kubeconfig),
        OPTION_CONTEXT(&status.context),
        {.name = "policy-namespace",
         .kind = OPTION_STRING,
         .value_name = "NAMESPACE",
         .help = "where the operator runs (default " BUNDLE_NAMESPACE ")",
         .value = &status.policy_namespace},
        OPTION_POLICIES(&status.policy_paths),
    };
    struct arguments arguments;
    int code = command_begin(cli, &command_status, options, sizeof(options) / sizeof(options[0]),
                             argc, argv, 0, 1, &arguments);
    if (code == COMMAND_GOES_ON) {
        status.only = arguments.count > 0 ? arguments.items[0] : NULL;
        code = show(&status);
    }
    option_list_deinit(&status.policy_paths);
    return code;
}

const struct command command_status = {
    .name = "status",
    .arguments = "[[NAMESPACE/]NAME]",
    .summary = "one screen about a live cluster: what is ready, what waits for what",
    .about =
        "Shows who leads, which policies are in force, and every custom object that the operator "
        "looks after, with the groups that are not ready or wait. With a name: all groups and "
        "conditions of that one.",
    .examples = "  nemeton status\n  nemeton status default/tiny-cluster",
    .run = run,
};
