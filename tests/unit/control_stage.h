/* An operator on a stage: the sandbox's API server, a virtual clock, a manager whose policies a test
 * writes in a few lines, and a person who edits objects. The kind Thing (example.com/v1) is there.
 */
#ifndef NEMETON_TESTS_CONTROL_STAGE_H
#define NEMETON_TESTS_CONTROL_STAGE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "idle.h"

#include "base/yaml.h"
#include "control/manager.h"
#include "control/policies.h"
#include "control/policy_set.h"
#include "kube/apply.h"
#include "loop/loopback.h"
#include "sandbox/apiserver.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { STAGE_MANAGERS = 2, STAGE_LOG_BYTES = 4 << 20 };

struct stage {
    struct clock *clock;
    struct loop *loop;
    struct random_source *random;
    struct apiserver *server;
    struct transport *transport; /* of the person */
    struct kube_config *config;
    struct rest *rest;
    struct log *log;
    struct buf lines; /* of the log */
    struct metrics *metrics;
    struct manager *manager[STAGE_MANAGERS];
    struct transport *wire[STAGE_MANAGERS];
    struct manager_options options;
    struct policy_set *policies[STAGE_MANAGERS];
    const char *controller;    /* text of the module `things`; NULL: STAGE_THINGS */
    const char *name;          /* of the controller; NULL: things */
    const char *const *extra;  /* module, text, …, NULL: further embedded modules */
    int exits[STAGE_MANAGERS]; /* -1: not yet */
    enum manager_end_reason reasons[STAGE_MANAGERS];
    char *why;
    bool done;
    struct jv *answer;
    struct err err;
    size_t index;
};

/* Gives each Thing a ConfigMap with spec.text in it. */
#define STAGE_THINGS                                                                               \
    "local M = {}\n"                                                                               \
    "M.watches = { primaries = {{ apiVersion = 'example.com/v1', kind = 'Thing' }},\n"             \
    "  { apiVersion = 'v1', kind = 'ConfigMap', labels = 'app=thing', map = 'owner' } }\n"         \
    "M.rights = { ['v1/ConfigMap'] = { 'apply', 'delete' },\n"                                     \
    "  ['example.com/v1/Thing'] = { 'status', 'finalizer', 'event' } }\n"                          \
    "function M.text(object) return object.spec.text end\n"                                        \
    "function M.owned(ctx, data)\n"                                                                \
    "  return { apiVersion = 'v1', kind = 'ConfigMap', metadata = { name = ctx.key.name,\n"        \
    "    namespace = ctx.key.namespace, labels = { app = 'thing' }, ownerReferences = {{\n"        \
    "    apiVersion = 'example.com/v1', kind = 'Thing', name = ctx.key.name, uid = ctx.key.uid,\n" \
    "    controller = true }} }, data = data }\n"                                                  \
    "end\n"                                                                                        \
    "function M.reconcile(ctx)\n"                                                                  \
    "  if not ctx.object then return end\n"                                                        \
    "  local _, err = ctx.apply(M.owned(ctx, { text = require('text').of(ctx.object) }))\n"        \
    "  if err then return nil, err end\n"                                                          \
    "end\n"                                                                                        \
    "return M\n"
#define STAGE_TEXT "return { of = function(object) return object.spec.text end }"
#define STAGE_CRD                                                                                  \
    "{apiVersion: apiextensions.k8s.io/v1, kind: CustomResourceDefinition, "                       \
    "metadata: {name: things.example.com}, spec: {group: example.com, scope: Namespaced, "         \
    "names: {kind: Thing, plural: things, singular: thing, listKind: ThingList}, "                 \
    "versions: [{name: v1, served: true, storage: true, subresources: {status: {}}, "              \
    "schema: {openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}}}]}}"

static inline struct jv *stage_yaml(const char *text)
{
    struct err err = {0};
    struct yaml_docs *docs = yaml_parse(text, strlen(text), &err);
    if (docs == NULL)
        fail_msg("%s", err.text);
    struct jv *value = jv_ref(yaml_docs_get(docs, 0));
    yaml_docs_free(docs);
    return value;
}

static inline void stage_load(struct stage *stage, const char *text)
{
    struct err err = {0};
    struct jv *object = stage_yaml(text);
    if (apiserver_load(stage->server, object, false, &err) != 0)
        fail_msg("%s", err.text);
    jv_unref(object);
}

static inline void stage_on_line(void *arg, const char *line, size_t len)
{
    struct stage *stage = arg;
    buf_add(&stage->lines, line, len);
}

static inline int64_t stage_wall(void *arg)
{
    return clock_wall_ns(arg);
}

static inline int stage_setup(void **state)
{
    struct stage *stage = mem_alloc(sizeof(*stage));
    struct err err = {0};
    stage->clock = clock_virtual_new(1700000000000000000);
    stage->loop = loop_new(stage->clock, &err);
    stage->random = random_seeded_new(11);
    struct apiserver_options server = {.random = stage->random};
    stage->server = apiserver_new(stage->loop, &server, &err);
    assert_non_null(stage->server);
    static const char *const namespaces[] = {"default", "kube-system", "ns", "other", "policies"};
    for (size_t i = 0; i < 5; i++) {
        char *text =
            mem_printf("{apiVersion: v1, kind: Namespace, metadata: {name: %s}}", namespaces[i]);
        stage_load(stage, text);
        free(text);
    }
    stage_load(stage, STAGE_CRD);
    stage->transport = loopback_new(stage->loop, stage->random);
    loopback_route(stage->transport, "https://sandbox", apiserver_handle, stage->server);
    stage->config = kube_config_fixed(stage->loop, "https://sandbox", NULL);
    struct rest_options rest = {.random = stage->random};
    stage->rest = rest_new(stage->loop, stage->transport, stage->config, &rest);
    buf_init(&stage->lines, STAGE_LOG_BYTES);
    struct log_options log = {.level = LOG_DEBUG,
                              .format = LOG_JSON,
                              .sink = stage_on_line,
                              .sink_arg = stage,
                              .wall_ns = stage_wall,
                              .wall_arg = stage->clock};
    stage->log = log_new(&log);
    stage->metrics = metrics_new(1);
    metrics_declare_runtime(stage->metrics);
    stage->exits[0] = stage->exits[1] = -1;
    *state = stage;
    return 0;
}

static inline void stage_on_exit(void *arg, const struct manager_end *end)
{
    struct stage *stage = arg;
    /* Which of them is found by its phase: it alone is stopping. */
    for (size_t i = 0; i < STAGE_MANAGERS; i++) {
        if (stage->manager[i] == NULL || stage->exits[i] >= 0)
            continue;
        char *problem = manager_problem(stage->manager[i]);
        bool stopping = problem != NULL && strcmp(problem, "stopping") == 0;
        free(problem);
        if (!stopping)
            continue;
        stage->exits[i] = end->exit_code;
        stage->reasons[i] = end->reason;
        free(stage->why);
        stage->why = mem_str(end->why);
        manager_free(stage->manager[i]);
        stage->manager[i] = NULL;
        return;
    }
}

/* Starts an operator with the stage's options and policies. */
static inline void stage_start_at(struct stage *stage, size_t index)
{
    char *bundle = mem_printf("return { api = 1, controllers = { '%s' } }",
                              stage->name != NULL ? stage->name : "things");
    struct policy_file files[16] = {
        {"bundle", "bundle.lua", bundle, 0},
        {"things", "things.lua", stage->controller != NULL ? stage->controller : STAGE_THINGS, 0},
        {"text", "text.lua", STAGE_TEXT, 0},
    };
    size_t count = 3;
    for (const char *const *at = stage->extra; at != NULL && at[0] != NULL; at += 2)
        files[count++] = (struct policy_file){at[0], at[0], at[1], 0};
    for (size_t i = 0; i < count; i++)
        files[i].len = strlen(files[i].text);
    struct policy_layer layer = {"base", files, count};
    policy_set_unref(stage->policies[index]);
    stage->policies[index] = policy_set_new(NULL);
    policy_set_add(stage->policies[index], &layer, NULL);
    free(bundle);
    struct manager_options options = stage->options;
    struct err err = {0};
    char *identity = mem_printf("operator-%zu", index);
    stage->wire[index] = loopback_new(stage->loop, stage->random);
    loopback_route(stage->wire[index], "https://sandbox", apiserver_handle, stage->server);
    options.loop = stage->loop;
    options.transport = stage->wire[index];
    options.random = stage->random;
    options.log = stage->log;
    options.config = stage->config;
    options.metrics = index == 0 ? stage->metrics : NULL;
    options.name = "nemeton";
    options.identity = identity;
    options.lease_namespace = "kube-system";
    options.policy_namespace = "policies";
    options.embedded = stage->policies[index];
    options.on_exit = stage_on_exit;
    options.arg = stage;
    stage->manager[index] = manager_new(&options, &err);
    if (stage->manager[index] == NULL)
        fail_msg("%s", err.text);
    manager_start(stage->manager[index]);
    free(identity);
}

static inline void stage_kill(struct stage *stage, size_t index)
{
    manager_free(stage->manager[index]);
    stage->manager[index] = NULL;
    if (stage->wire[index] != NULL) {
        assert_int_equal(transport_pending(stage->wire[index]), 0);
        transport_free(stage->wire[index]);
    }
    stage->wire[index] = NULL;
}

static inline int stage_teardown(void **state)
{
    struct stage *stage = *state;
    stage_kill(stage, 0);
    stage_kill(stage, 1);
    jv_unref(stage->answer);
    rest_free(stage->rest);
    kube_config_free(stage->config);
    assert_int_equal(transport_pending(stage->transport), 0);
    transport_free(stage->transport);
    metrics_free(stage->metrics);
    log_free(stage->log);
    buf_deinit(&stage->lines);
    free(stage->why);
    policy_set_unref(stage->policies[0]);
    policy_set_unref(stage->policies[1]);
    apiserver_free(stage->server);
    loop_free_idle(stage->loop);
    random_free(stage->random);
    clock_free(stage->clock);
    free(stage);
    return 0;
}

static inline bool stage_never(void *arg)
{
    (void)arg;
    return false;
}

/* Lets time pass. */
static inline void stage_wait(struct stage *stage, int64_t ms)
{
    loop_run_until(stage->loop, stage_never, NULL, ms);
}

static inline bool stage_is_idle(void *arg)
{
    struct stage *stage = arg;
    if (stage->manager[0] == NULL)
        fail_msg("the operator has ended: %s\n%s", stage->why, buf_str(&stage->lines));
    return manager_is_leading(stage->manager[0]) && manager_is_idle(stage->manager[0]);
}

static inline void stage_until_idle(struct stage *stage)
{
    if (!loop_run_until(stage->loop, stage_is_idle, stage, 60000)) {
        char *problem = manager_problem(stage->manager[0]);
        fail_msg("not idle: %s\n%s", problem != NULL ? problem : "working", buf_str(&stage->lines));
    }
    stage_wait(stage, 100); /* what watches still bring */
    assert_true(loop_run_until(stage->loop, stage_is_idle, stage, 60000));
}

static inline void stage_start(struct stage *stage)
{
    stage_start_at(stage, 0);
    stage_until_idle(stage);
}

static inline void stage_on_answer(void *arg, const struct rest_response *response,
                                   const struct err *err)
{
    struct stage *stage = arg;
    stage->done = true;
    stage->answer = err == NULL ? jv_ref((struct jv *)response->object) : NULL;
    stage->err = err != NULL ? *err : (struct err){0};
}

static inline bool stage_is_done(void *arg)
{
    return ((struct stage *)arg)->done;
}

/* A request of the person; the answer is in stage->answer (NULL and stage->err on failure). */
static inline struct jv *stage_ask(struct stage *stage, const char *method, const char *path,
                                   const char *content_type, const char *yaml)
{
    struct jv *body = yaml != NULL ? stage_yaml(yaml) : NULL;
    char *text = body != NULL ? jv_print_str(body, 0) : NULL;
    struct rest_request request = {.method = method,
                                   .path = path,
                                   .content_type = content_type,
                                   .body = text,
                                   .body_len = text != NULL ? strlen(text) : 0};
    stage->done = false;
    jv_unref(stage->answer);
    stage->answer = NULL;
    assert_non_null(rest_start(stage->rest, &request, stage_on_answer, stage));
    assert_true(loop_run_until(stage->loop, stage_is_done, stage, 60000));
    free(text);
    jv_unref(body);
    return stage->answer;
}

static inline struct jv *stage_get(struct stage *stage, const char *path)
{
    return stage_ask(stage, "GET", path, NULL, NULL);
}

static inline void stage_patch(struct stage *stage, const char *path, const char *yaml)
{
    stage_ask(stage, "PATCH", path, "application/merge-patch+json", yaml);
    if (stage->answer == NULL)
        fail_msg("patch %s: %s", path, stage->err.text);
}

#define THINGS(name) "/apis/example.com/v1/namespaces/ns/things/" name
#define MAPS(name) "/api/v1/namespaces/ns/configmaps/" name
#define POLICY(name) "/api/v1/namespaces/policies/configmaps/" name

static inline void stage_thing(struct stage *stage, const char *name, const char *text)
{
    char *yaml = mem_printf("{apiVersion: example.com/v1, kind: Thing, metadata: {name: %s}, "
                            "spec: {text: %s}}",
                            name, text);
    stage_ask(stage, "POST", "/apis/example.com/v1/namespaces/ns/things", NULL, yaml);
    if (stage->answer == NULL)
        fail_msg("%s", stage->err.text);
    free(yaml);
}

/* data.text of the ConfigMap that belongs to a Thing; NULL when there is none. */
static inline const char *stage_text(struct stage *stage, const char *name)
{
    char *path = mem_printf(MAPS("%s"), name);
    const char *text = jv_path_str(stage_get(stage, path), "data", "text", NULL);
    free(path);
    return text;
}

static inline const char *stage_condition(struct stage *stage, const char *name, const char *field)
{
    char *path = mem_printf(THINGS("%s"), name);
    const struct jv *conditions = jv_path(stage_get(stage, path), "status", "conditions", NULL);
    free(path);
    for (size_t i = 0; i < jv_size(conditions); i++) {
        const struct jv *condition = jv_at(conditions, i);
        if (strcmp(jv_path_str(condition, "type", NULL), "PolicyError") == 0)
            return jv_path_str(condition, field, NULL);
    }
    return "";
}

/* How often a text is in the log. */
static inline size_t stage_logged(const struct stage *stage, const char *text)
{
    size_t count = 0;
    for (const char *at = buf_str(&stage->lines); (at = strstr(at, text)) != NULL;
         at += strlen(text))
        count++;
    return count;
}

/* How many events have this reason; *note is of the last. */
static inline size_t stage_events(struct stage *stage, const char *namespace, const char *reason,
                                  const char **note)
{
    char *path = mem_printf("/apis/events.k8s.io/v1/namespaces/%s/events", namespace);
    const struct jv *items = jv_get(stage_get(stage, path), "items");
    size_t count = 0;
    free(path);
    for (size_t i = 0; i < jv_size(items); i++) {
        if (strcmp(jv_path_str(jv_at(items, i), "reason", NULL), reason) != 0)
            continue;
        count++;
        if (note != NULL)
            *note = jv_path_str(jv_at(items, i), "note", NULL);
    }
    return count;
}

/* A ConfigMap with policies, as a person applies it. */
struct stage_policy {
    const char *name, *label;
    const char *part_of; /* NULL: it is whole */
    const char *bundle;  /* NULL: an overlay's */
    const char *module, *text;
};

static inline void stage_put_policy(struct stage *stage, const struct stage_policy *policy)
{
    struct jv *object = stage_yaml("{apiVersion: v1, kind: ConfigMap, metadata: {}}");
    struct jv *metadata = jv_get(object, "metadata");
    jv_set_str(metadata, "name", policy->name);
    jv_set_str(metadata, "namespace", "policies");
    jv_set_str(jv_ensure(metadata, "labels", NULL), POLICIES_LABEL, policy->label);
    if (policy->part_of != NULL)
        jv_set_str(jv_ensure(metadata, "annotations", NULL), POLICIES_PART_OF, policy->part_of);
    struct jv *data = jv_ensure(object, "data", NULL);
    jv_set_str(data, "bundle.lua", policy->bundle != NULL ? policy->bundle : "return { api = 1 }");
    char *file = mem_printf("%s.lua", policy->module);
    jv_set_str(data, file, policy->text);
    char *body = jv_print_str(object, 0);
    char *path = mem_printf(POLICY("%s") "?fieldManager=person&force=true", policy->name);
    stage_ask(stage, "PATCH", path, "application/apply-patch+yaml", body);
    if (stage->answer == NULL)
        fail_msg("%s", stage->err.text);
    free(path);
    free(body);
    free(file);
    jv_unref(object);
}

/* An annotation of such a ConfigMap, or NULL. Lent until the next answer. */
static inline const char *stage_annotation(struct stage *stage, const char *name, const char *key)
{
    char *path = mem_printf(POLICY("%s"), name);
    const char *value = jv_path_str(stage_get(stage, path), "metadata", "annotations", key, NULL);
    free(path);
    return value;
}

#endif
