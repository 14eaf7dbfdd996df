#include "sandbox/subresource.h"

#include "base/selector.h"

#include "sandbox/answer.h"
#include "sandbox/delete.h"
#include "sandbox/meta.h"
#include "sandbox/strategy.h"
#include "sandbox/write.h"

#include <stdlib.h>
#include <string.h>

static bool is(const struct request *request, const char *name)
{
    return strcmp(request->subresource, name) == 0;
}

static int respond(struct request *request, int code, struct jv *value)
{
    answer_json(request, code, value);
    jv_unref(value);
    return 0;
}

static struct jv *success(int code)
{
    struct jv *status = jv_object();
    jv_set_str(status, "kind", "Status");
    jv_set_str(status, "apiVersion", "v1");
    jv_set(status, "metadata", jv_object());
    jv_set_str(status, "status", "Success");
    jv_set_int(status, "code", code);
    return status;
}

/* The last `lines` lines of a text. */
static const char *tail(const char *text, long lines)
{
    const char *at = text + strlen(text);
    if (at > text && at[-1] == '\n')
        at--;
    while (at > text) {
        if (at[-1] == '\n' && --lines <= 0)
            return at;
        at--;
    }
    return text;
}

static bool same(const char *a, const char *b)
{
    return a && b && strcmp(a, b) == 0;
}

static const struct jv *named(const struct jv *list, const char *name)
{
    for (size_t i = 0; i < jv_size(list); i++) {
        if (same(jv_path_str(jv_at(list, i), "name", NULL), name))
            return jv_at(list, i);
    }
    return NULL;
}

/* Is there such a container, and has it ended before, when that is asked for? Refuses as a kubelet does. */
static int check_container(const struct request *request, const struct jv *pod,
                           struct refusal *refusal)
{
    const char *wanted = request_query(request, "container");
    const char *previous = request_query(request, "previous");
    const struct jv *found = NULL, *list = jv_path(pod, "spec", "containers", NULL);
    if (!wanted || !*wanted)
        wanted = jv_path_str(jv_at(list, 0), "name", NULL);
    found = named(list, wanted);
    if (!found)
        found = named(jv_path(pod, "spec", "initContainers", NULL), wanted);
    if (!found)
        return refuse(refusal, 400, "BadRequest", "container %s is not valid for pod %s",
                      wanted ? wanted : "", request->name);
    if (!same(previous, "true"))
        return 0;
    const struct jv *status = named(jv_path(pod, "status", "containerStatuses", NULL), wanted);
    if (!status)
        status = named(jv_path(pod, "status", "initContainerStatuses", NULL), wanted);
    if (jv_path(status, "lastState", "terminated", NULL))
        return 0;
    return refuse(refusal, 400, "BadRequest",
                  "previous terminated container \"%s\" in pod \"%s\" not found", wanted,
                  request->name);
}

static int handle_log(struct request *request, struct refusal *refusal)
{
    struct jv *pod = NULL;
    struct apiserver *server = request->server;
    if (request->verb != VERB_GET)
        return refuse_method(refusal);
    if (write_load(request, request->name, &pod, refusal) < 0)
        return -1;
    if (check_container(request, pod, refusal) < 0) {
        jv_unref(pod);
        return -1;
    }
    const char *node = jv_path_str(pod, "spec", "nodeName", NULL);
    if (!node || !*node) { /* there is nobody to ask */
        static const struct http_header headers[] = {{"Cache-Control", "no-cache, private"}};
        exchange_reply(request->exchange, 204, headers, 1, "", 0);
        jv_unref(pod);
        return 0;
    }
    char *text =
        server->options.pod_log ? server->options.pod_log(server->options.pod_log_arg, pod) : NULL;
    if (!text)
        text = mem_str("This pod lives in a sandbox: no process runs behind it, so there is no log."
                       "\n");
    const char *lines = request_query(request, "tailLines");
    const char *shown = lines && *lines ? tail(text, strtol(lines, NULL, 10)) : text;
    if (lines && strcmp(lines, "0") == 0)
        shown = "";
    const char *limit = request_query(request, "limitBytes");
    size_t len = strlen(shown), most = limit && *limit ? strtoul(limit, NULL, 10) : len;
    answer_bytes(request, 200, "text/plain", shown, len < most ? len : most);
    free(text);
    jv_unref(pod);
    return 0;
}

static void set_condition(const struct request *request, struct jv *object, const char *type,
                          const char *value)
{
    char now[TIME_TEXT_BYTES];
    struct jv *status = jv_ensure(object, "status", NULL);
    if (!jv_is_array(jv_get(status, "conditions")))
        jv_set(status, "conditions", jv_array());
    struct jv *conditions = jv_get(status, "conditions"), *condition = jv_object();
    for (size_t i = jv_size(conditions); i > 0; i--) {
        const char *other = jv_path_str(jv_at(conditions, i - 1), "type", NULL);
        if (other && strcmp(other, type) == 0)
            jv_remove_at(conditions, i - 1);
    }
    jv_set_str(condition, "type", type);
    jv_set_str(condition, "status", value);
    jv_set(condition, "lastProbeTime", jv_null());
    jv_set_str(condition, "lastTransitionTime", server_time(request->server, false, now));
    jv_append(conditions, condition);
}

static int refuse_binding(const struct request *request, const char *format, const char *node,
                          struct refusal *refusal)
{
    const char *rest = strstr(format, "%s");
    refuse_object(refusal, 409, "Conflict", request->kind, request->name,
                  "Operation cannot be fulfilled on pods/binding \"%s\": %.*s%s%s%s%s",
                  request->name, (int)(rest - format), format, request->name, rest + 2, node,
                  *node ? "\"" : "");
    jv_set_str(jv_get(refusal->status, "details"), "kind", "pods/binding");
    return -1;
}

static int handle_binding(struct request *request, struct refusal *refusal)
{
    struct jv *binding = NULL, *before = NULL;
    struct stored *stored = NULL;
    if (request->verb != VERB_CREATE)
        return refuse_method(refusal);
    if (request_body(request, &binding, refusal) < 0)
        return -1;
    const char *node = jv_path_str(binding, "target", "name", NULL);
    int result = write_load(request, request->name, &before, refusal);
    const char *bound = jv_path_str(before, "spec", "nodeName", NULL);
    if (result == 0 && (!node || !*node))
        result = refuse(refusal, 500, "", "target.name: Required value");
    else if (result == 0 && meta_deleting(before))
        result =
            refuse_conflict(refusal, request->kind, request->name,
                            "pod %s is being deleted, cannot be assigned to a host", request->name);
    else if (result == 0 && bound && *bound)
        result = refuse_binding(request, "pod %s is already assigned to node \"", bound, refusal);
    if (result == 0) {
        struct jv *after = jv_dup(before);
        jv_set_str(jv_ensure(after, "spec", NULL), "nodeName", node);
        set_condition(request, after, "PodScheduled", "True");
        result = write_update(request, before, after, WRITE_INTERNAL, &stored, refusal);
    }
    if (result == 0)
        result = respond(request, 201, success(201));
    stored_unref(stored);
    jv_unref(binding);
    jv_unref(before);
    return result;
}

struct budget_search {
    const struct jv *labels;
    struct stored *found;
    size_t count;
};

static bool match_budget(void *arg, struct stored *stored)
{
    struct budget_search *search = arg;
    struct jv *budget = stored_parse(stored);
    struct selector *selector = selector_of_object(jv_path(budget, "spec", "selector", NULL), NULL);
    if (selector && selector_matches(selector, search->labels)) {
        search->found = stored;
        search->count++;
    }
    selector_free(selector);
    jv_unref(budget);
    return true;
}

/* Takes one disruption from the budget, or refuses. */
static int spend_budget(struct request *request, struct kind *budgets, struct stored *stored,
                        struct refusal *refusal)
{
    char now[TIME_TEXT_BYTES];
    struct jv *before = stored_parse(stored), *after = jv_dup(before);
    struct jv *status = jv_ensure(after, "status", NULL);
    int64_t allowed = jv_int_value(jv_get(status, "disruptionsAllowed"));
    int result = 0;
    if (allowed <= 0) {
        result = refuse(refusal, 429, "TooManyRequests",
                        "Cannot evict pod as it would violate the pod's disruption budget.");
        char *message =
            mem_printf("The disruption budget %s needs %lld healthy pods and has %lld currently",
                       stored->name, (long long)jv_int_value(jv_get(status, "desiredHealthy")),
                       (long long)jv_int_value(jv_get(status, "currentHealthy")));
        refusal_add_cause(refusal, "DisruptionBudget", message, NULL);
        free(message);
    } else if (!request->dry_run) {
        jv_set_int(status, "disruptionsAllowed", allowed - 1);
        jv_set_str(jv_ensure(status, "disruptedPods", NULL), request->name,
                   server_time(request->server, false, now));
        stored_unref(write_commit(request, budgets, before, after));
    }
    jv_unref(before);
    jv_unref(after);
    return result;
}

static int check_budgets(struct request *request, const struct jv *pod, struct refusal *refusal)
{
    struct kind *budgets = kinds_find(request->server->kinds, "policy", "poddisruptionbudgets");
    struct budget_search search = {.labels = jv_path(pod, "metadata", "labels", NULL)};
    storage_each(request->server->storage, budgets, request->namespace, NULL, 0, match_budget,
                 &search);
    if (search.count > 1)
        return refuse(refusal, 500, "InternalError",
                      "This pod has more than one PodDisruptionBudget, which the eviction "
                      "subresource does not support.");
    const char *phase = jv_path_str(pod, "status", "phase", NULL);
    bool done = phase && (strcmp(phase, "Failed") == 0 || strcmp(phase, "Succeeded") == 0 ||
                          strcmp(phase, "Pending") == 0);
    if (search.count == 0 || done || meta_deleting(pod))
        return 0;
    return spend_budget(request, budgets, search.found, refusal);
}

static const char *node_of(const struct jv *pod)
{
    const char *node = jv_path_str(pod, "spec", "nodeName", NULL);
    return node ? node : "";
}

/* The condition that tells why the pod went. */
static void mark_eviction(struct request *request, const struct jv *pod)
{
    struct jv *after = jv_dup(pod);
    set_condition(request, after, "DisruptionTarget", "True");
    const struct jv *conditions = jv_path(after, "status", "conditions", NULL);
    struct jv *condition = jv_at(conditions, jv_size(conditions) - 1);
    jv_set_str(condition, "reason", "EvictionByEvictionAPI");
    jv_set_str(condition, "message", "Eviction API: evicting");
    stored_unref(write_commit(request, request_home(request), pod, after));
    jv_unref(after);
}

static int handle_eviction(struct request *request, struct refusal *refusal)
{
    struct jv *eviction = NULL, *pod = NULL;
    struct stored *stored = NULL;
    struct delete_options options = {.grace_s = -1};
    bool gone;
    if (request->verb != VERB_CREATE)
        return refuse_method(refusal);
    if (request_body(request, &eviction, refusal) < 0)
        return -1;
    delete_options_of(jv_get(eviction, "deleteOptions"), &options);
    int result = write_load(request, request->name, &pod, refusal);
    if (result == 0)
        result = check_budgets(request, pod, refusal);
    if (result == 0 && *node_of(pod) && !request->dry_run && !meta_deleting(pod))
        mark_eviction(request, pod);
    if (result == 0)
        result = delete_one(request, request->name, &options, &stored, &gone, refusal);
    if (result == 0)
        result = respond(request, 201, success(201));
    stored_unref(stored);
    jv_unref(eviction);
    jv_unref(pod);
    return result;
}

/* PUT …/namespaces/N/finalize: writes spec.finalizers only. A real server takes no PATCH here; ours
 * does, because what plays the namespace controller writes with patches. */
static int handle_finalize(struct request *request, struct refusal *refusal)
{
    struct jv *body = NULL, *before = NULL;
    struct stored *stored = NULL;
    if (request->verb != VERB_UPDATE && request->verb != VERB_PATCH)
        return refuse_method(refusal);
    if (write_load(request, request->name, &before, refusal) < 0)
        return -1;
    int result = request->verb == VERB_UPDATE
                     ? request_body(request, &body, refusal)
                     : verb_patch_value(request, types_find(request->server->types, "Namespace"),
                                        before, &body, refusal);
    if (result == 0) {
        struct jv *after = jv_dup(before);
        const struct jv *finalizers = jv_path(body, "spec", "finalizers", NULL);
        const struct jv *revision = jv_path(body, "metadata", "resourceVersion", NULL);
        jv_set(jv_ensure(after, "spec", NULL), "finalizers",
               finalizers ? jv_dup(finalizers) : jv_array());
        if (revision)
            jv_set(jv_get(after, "metadata"), "resourceVersion", jv_dup(revision));
        result = write_update(request, before, after, WRITE_FINALIZE, &stored, refusal);
    }
    if (result == 0)
        answer_stored(request, 200, stored);
    stored_unref(stored);
    jv_unref(body);
    jv_unref(before);
    return result;
}

static int handle_scale(struct request *request, struct refusal *refusal)
{
    struct jv *before = NULL, *scale = NULL;
    struct stored *stored = NULL;
    if (write_load(request, request->name, &before, refusal) < 0)
        return -1;
    struct jv *live = scale_of(request, before);
    int result = 0;
    if (request->verb == VERB_PATCH)
        result = verb_patch_value(request, types_find(request->server->types, "Scale"), live,
                                  &scale, refusal);
    else if (request->verb == VERB_UPDATE)
        result = request_body(request, &scale, refusal);
    else if (request->verb != VERB_GET)
        result = refuse_method(refusal);
    if (result == 0 && scale) {
        struct jv *after = jv_dup(before);
        result = scale_into(request, scale, after, refusal);
        if (result < 0)
            jv_unref(after);
        else
            result = write_update(request, before, after, WRITE_SCALE, &stored, refusal);
    }
    if (result == 0 && stored) {
        struct jv *now = stored_parse(stored);
        jv_unref(live);
        live = scale_of(request, now);
        jv_unref(now);
    }
    if (result == 0)
        answer_json(request, 200, live);
    stored_unref(stored);
    jv_unref(scale);
    jv_unref(live);
    jv_unref(before);
    return result;
}

bool subresource_exists(const struct request *request)
{
    const struct kind *kind = request->kind;
    if (is(request, "status"))
        return request->version->status;
    if (is(request, "scale"))
        return request->version->scale;
    if (is(request, "finalize"))
        return kind->strategy == &strategy_namespace;
    return kind->strategy == &strategy_pod &&
           (is(request, "log") || is(request, "binding") || is(request, "eviction"));
}

int subresource_handle(struct request *request, struct refusal *refusal)
{
    if (is(request, "scale"))
        return handle_scale(request, refusal);
    if (is(request, "finalize"))
        return handle_finalize(request, refusal);
    if (is(request, "binding"))
        return handle_binding(request, refusal);
    if (is(request, "eviction"))
        return handle_eviction(request, refusal);
    return handle_log(request, refusal);
}
