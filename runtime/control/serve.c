#include "control/serve.h"

#include "control/controller_internal.h"
#include "control/manager_internal.h"

#include <stdlib.h>
#include <string.h>

struct serve {
    struct controller *controller;
    struct serve *prev, *next;
    char *namespace, *name;
    struct watches *watches;
    struct store_item *item;
    struct effects_run *effects;
    struct task *task;
    struct log *log;
    serve_fn fn;
    void *arg;
};

static struct informer *find_informer(void *arg, const char *api_version, const char *kind)
{
    const struct serve *serve = arg;
    return watches_find(serve->watches, serve->namespace, api_version, kind);
}

static bool is_readable(void *arg, const struct informer *informer)
{
    const struct serve *serve = arg;
    return watches_readable(serve->watches, informer);
}

static bool is_synced(void *arg)
{
    const struct serve *serve = arg;
    return watches_synced(serve->watches, serve->namespace);
}

static void serve_free(struct serve *serve)
{
    struct controller *controller = serve->controller;
    if (serve->prev != NULL)
        serve->prev->next = serve->next;
    else
        controller->serves = serve->next;
    if (serve->next != NULL)
        serve->next->prev = serve->prev;
    controller->serve_count--;
    task_cancel(serve->task);
    effects_run_free(serve->effects);
    store_item_unref(serve->item);
    watches_unref(serve->watches);
    log_free(serve->log);
    free(serve->namespace);
    free(serve->name);
    free(serve);
}

static void on_task(void *arg, const struct task_result *result)
{
    struct serve *serve = arg;
    serve->task = NULL;
    if (result->outcome == TASK_DONE) {
        serve->fn(serve->arg, result->value, NULL);
    } else {
        log_warn(serve->log, "A request could not be served", "error", result->err.text, "trace",
                 result->trace[0] != '\0' ? result->trace : NULL);
        serve->fn(serve->arg, NULL, &result->err);
    }
    serve_free(serve);
}

static struct store_item *find_target(struct controller *controller,
                                      const struct serve_target *target)
{
    struct informer *informer =
        watches_find(controller->watches, target->namespace, target->api_version, target->kind);
    if (informer == NULL || !watches_synced(controller->watches, target->namespace))
        return NULL;
    struct store_item *item = store_get(informer_store(informer), target->namespace, target->name);
    return item != NULL && strcmp(item->uid, target->uid) == 0 ? item : NULL;
}

static struct serve *begin(struct controller *controller, const struct serve_target *target,
                           struct store_item *item, struct jv *request, serve_fn fn, void *arg)
{
    struct serve *serve = mem_alloc(sizeof(*serve));
    *serve = (struct serve){
        .controller = controller,
        .next = controller->serves,
        .namespace = mem_str(target->namespace),
        .name = mem_str(target->name),
        .watches = watches_ref(controller->watches),
        .item = store_item_ref(item),
        .log = log_child(controller->env.log, "controller", controller->name, "namespace",
                         target->namespace, "name", target->name, (char *)NULL),
        .fn = fn,
        .arg = arg,
    };
    if (controller->serves != NULL)
        controller->serves->prev = serve;
    controller->serves = serve;
    controller->serve_count++;
    struct policy *policy = watches_policy(serve->watches);
    struct effects_run_options options = {
        .controller = watches_controller(serve->watches),
        .policy_version = policy_version(policy),
        .key = {target->api_version, target->kind, serve->namespace, serve->name, target->uid},
        .primary = item,
        .log = serve->log,
        .informer = find_informer,
        .readable = is_readable,
        .synced = is_synced,
        .arg = serve,
    };
    serve->effects = effects_run_new(controller->env.effects, &options);
    serve->task = task_start_serve(policy, options.controller, &options.key, item, request,
                                   effects_run_door(serve->effects), serve->log, on_task, serve);
    return serve;
}

struct serve *manager_serve(struct manager *manager, const struct serve_target *target,
                            struct jv *request, serve_fn fn, void *arg)
{
    for (size_t i = 0; i < manager->controller_count; i++) {
        struct controller *controller = manager->controllers[i];
        if (!watches_controller(controller->watches)->has_serve)
            continue;
        struct store_item *item = find_target(controller, target);
        if (item != NULL)
            return controller->serve_count < SERVES_MAX && manager->leading
                       ? begin(controller, target, item, request, fn, arg)
                       : NULL;
    }
    return NULL;
}

void serve_cancel(struct serve *serve)
{
    if (serve != NULL)
        serve_free(serve);
}

void controller_drop_serves(struct controller *controller)
{
    struct err err = {0};
    err_set(&err, ERR_CANCELED, "the controller ends");
    while (controller->serves != NULL) {
        struct serve *serve = controller->serves;
        serve_fn fn = serve->fn;
        void *arg = serve->arg;
        serve_free(serve);
        fn(arg, NULL, &err);
    }
}
