/* The transaction of a reload: load, test, fill caches, try on every primary, swap. */
#include "control/policies_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void on_poll(void *arg);
static void start_previews(struct reload *reload);

static void preview_free(struct preview_run *run)
{
    struct reload *reload = run->reload;
    if (run->task != NULL)
        task_cancel(run->task);
    effects_preview_free(run->effects);
    store_item_unref(run->item);
    if (run->prev != NULL)
        run->prev->next = run->next;
    else
        reload->runs = run->next;
    if (run->next != NULL)
        run->next->prev = run->prev;
    reload->run_count--;
    free(run);
}

void reload_free(struct reload *reload)
{
    if (reload == NULL)
        return;
    while (reload->runs != NULL)
        preview_free(reload->runs);
    for (size_t i = reload->item_next; i < reload->item_count; i++)
        store_item_unref(reload->items[i].item);
    free(reload->items);
    loop_timer_cancel(reload->policies->options.env.loop, reload->timer);
    for (size_t i = 0; i < reload->watches_count; i++)
        watches_unref(reload->watches[i]);
    free(reload->watches);
    policy_test_end(reload->testing);
    policy_load_end(reload->load);
    policy_unref(reload->policy);
    policy_set_unref(reload->set);
    free(reload);
}

/* Ends the transaction without effect. for_good: no mere time will heal it. */
static void refuse(struct reload *reload, const struct err *err, bool for_good)
{
    struct policies *policies = reload->policies;
    struct err copy = *err;
    struct policy_set *set = policy_set_ref(reload->set);
    policies->reload = NULL;
    reload_free(reload);
    policies_refuse(policies, set, policy_set_digest(set), &copy, for_good);
    policy_set_unref(set);
}

static void commit(struct reload *reload)
{
    struct policies *policies = reload->policies;
    const struct preview_counts *counts = &reload->counts;
    struct log_num_buf took, restarts, creates, updates, previewed;
    log_info(policies->options.env.log, "Policies were tried and come into force", "version",
             policy_version(reload->policy), "took_ms",
             log_num(&took, loop_now_ms(policies->options.env.loop) - reload->started_ms),
             "previewed", log_num(&previewed, (int64_t)reload->item_count), "would_restart",
             log_num(&restarts, (int64_t)counts->restarts), "would_create",
             log_num(&creates, (int64_t)counts->creates), "would_update",
             log_num(&updates, (int64_t)counts->updates));
    struct watches **watches = reload->watches;
    size_t count = reload->watches_count;
    reload->watches = NULL;
    reload->watches_count = 0;
    policies_in_force(policies, reload->set, reload->policy, watches, count);
    free(watches);
    policies->reload = NULL;
    reload_free(reload);
}

static void on_preview(void *arg, const struct task_result *result)
{
    struct preview_run *run = arg;
    struct reload *reload = run->reload;
    const struct policies_options *options = &reload->policies->options;
    const struct watches *watches = reload->watches[run->controller];
    const char *controller = watches_controller(watches)->name;
    run->task = NULL;
    bool failed = result->outcome == TASK_FAILED || result->outcome == TASK_KILLED;
    struct err err = {0};
    if (failed) {
        struct jv *object = store_item_parse(run->item);
        const char *kind = jv_path_str(object, "kind", NULL);
        if (options->is_failing(options->arg, controller, kind, run->item->namespace,
                                run->item->name)) {
            failed = false;
        } else {
            err = result->err;
            err_wrap(&err, "tried on %s %s/%s", kind, run->item->namespace, run->item->name);
        }
        jv_unref(object);
    }
    preview_free(run);
    if (failed)
        refuse(reload, &err, true);
    else
        start_previews(reload);
}

static struct informer *find_informer(void *arg, const char *api_version, const char *kind)
{
    const struct preview_run *run = arg;
    return watches_find(run->reload->watches[run->controller], run->item->namespace, api_version,
                        kind);
}

static void preview_start(struct reload *reload, const struct preview_item *item)
{
    const struct policies_options *options = &reload->policies->options;
    const struct watches *watches = reload->watches[item->controller];
    const struct policy_controller *decl = watches_controller(watches);
    struct preview_run *run = mem_alloc(sizeof(*run));
    run->reload = reload;
    run->controller = item->controller;
    run->item = item->item; /* taken over */
    run->next = reload->runs;
    if (reload->runs != NULL)
        reload->runs->prev = run;
    reload->runs = run;
    reload->run_count++;
    struct effects_preview_options preview = {
        .loop = options->env.loop,
        .key = {decl->watches[item->watch].api_version, decl->watches[item->watch].kind,
                run->item->namespace, run->item->name, run->item->uid},
        .informer = find_informer,
        .arg = run,
        .counts = &reload->counts,
    };
    run->effects = effects_preview_new(&preview);
    run->task = task_start(reload->policy, decl, &preview.key, run->item,
                           effects_preview_door(run->effects), NULL, on_preview, run);
}

static void start_previews(struct reload *reload)
{
    while (reload->item_next < reload->item_count && reload->run_count < POLICIES_PREVIEWS_AT_ONCE)
        preview_start(reload, &reload->items[reload->item_next++]);
    if (reload->run_count == 0)
        commit(reload);
}

struct collect {
    struct reload *reload;
    size_t controller, watch;
};

static bool collect_item(void *arg, struct store_item *item)
{
    struct collect *collect = arg;
    struct reload *reload = collect->reload;
    if (reload->item_count == POLICIES_PREVIEWS_MAX)
        return false;
    if ((reload->item_count & (reload->item_count + 1)) == 0 || reload->items == NULL)
        reload->items =
            mem_grow(reload->items, (reload->item_count * 2 + 2) * sizeof(*reload->items));
    reload->items[reload->item_count++] =
        (struct preview_item){collect->controller, collect->watch, store_item_ref(item)};
    return true;
}

static void collect_items(struct reload *reload)
{
    for (size_t i = 0; i < reload->watches_count; i++) {
        const struct policy_controller *decl = watches_controller(reload->watches[i]);
        for (size_t j = 0; j < decl->primary_count; j++) {
            struct collect collect = {reload, i, j};
            watches_each_primary(reload->watches[i], j, NULL, collect_item, &collect);
        }
    }
}

/* A kind that the server lacks is not waited for; the change is looked at again when it may be there. */
static int check_kinds(struct reload *reload, struct err *err)
{
    for (size_t i = 0; i < reload->watches_count; i++) {
        const struct policy_watch *watch = watches_missing(reload->watches[i]);
        const struct policy_controller *decl = watches_controller(reload->watches[i]);
        if (watch != NULL)
            return err_set(err, ERR_NOT_FOUND,
                           "%s: watches: the server has no kind `%s` in `%s`: install its "
                           "CustomResourceDefinition, or declare it optional = true",
                           policy_module_source(reload->policy, decl->module), watch->kind,
                           watch->api_version);
    }
    return 0;
}

static void wait_for_caches(struct reload *reload)
{
    struct loop *loop = reload->policies->options.env.loop;
    const char *problem = NULL;
    bool synced = true;
    for (size_t i = 0; i < reload->watches_count && synced; i++) {
        synced = watches_synced(reload->watches[i], NULL);
        problem = synced ? NULL : watches_problem(reload->watches[i]);
    }
    struct err missing = {0};
    if (synced) {
        collect_items(reload);
        start_previews(reload);
    } else if (check_kinds(reload, &missing) != 0) {
        struct policies *policies = reload->policies;
        refuse(reload, &missing, false);
        policies_look_again(policies);
    } else if (loop_now_ms(loop) >= reload->deadline_ms) {
        struct err err = {0};
        struct policies *policies = reload->policies;
        err_set(&err, ERR_TIMEOUT, "what it watches cannot be read: %s", problem);
        refuse(reload, &err, false);
        policies_look_again(policies); /* the server is slow, or a right may still be given */
    } else {
        reload->timer = loop_timer_add(loop, POLICIES_SYNC_POLL_MS, on_poll, reload);
    }
}

static void on_poll(void *arg)
{
    struct reload *reload = arg;
    reload->timer = NULL;
    wait_for_caches(reload);
}

static void on_test(void *arg, const char *module, const char *test, const char *failure)
{
    struct reload *reload = arg;
    if (failure != NULL && reload->first_failure[0] == '\0')
        snprintf(reload->first_failure, sizeof(reload->first_failure), "%s: \"%s\": %s", module,
                 test, failure);
}

/* The tests that a changed layer brings along. 1 when all have passed. */
static int step_tests(struct reload *reload, struct err *err)
{
    size_t count = 0;
    const struct policy_layer *layers = policy_set_layers(reload->set, &count);
    while (reload->testing == NULL) {
        if (reload->test_layer == count)
            return 1;
        const char *name = layers[reload->test_layer++].name;
        if (!policy_set_same_layer(reload->set, reload->policies->set, name))
            reload->testing = policy_test_begin(reload->policy, name, on_test, reload);
    }
    int result = policy_test_step(reload->testing, err);
    if (result <= 0)
        return result;
    int failed = policy_test_failed(reload->testing);
    policy_test_end(reload->testing);
    reload->testing = NULL;
    return failed == 0 ? 0 : policies_tests_failed(failed, reload->first_failure, err);
}

/* A slice of loading or testing in each turn: leases and watches go on meanwhile. */
static void on_work(void *arg)
{
    struct reload *reload = arg;
    struct policies *policies = reload->policies;
    struct err err = {0};
    reload->timer = NULL;
    int result = reload->policy == NULL ? policy_load_step(reload->load, &reload->policy, &err)
                                        : step_tests(reload, &err);
    if (result < 0) {
        refuse(reload, &err, true);
    } else if (result == 1 && reload->load == NULL) {
        reload->watches = policies_watches(policies, reload->policy, &reload->watches_count);
        wait_for_caches(reload);
    } else {
        if (result == 1) {
            policy_load_end(reload->load);
            reload->load = NULL;
        }
        reload->timer = loop_defer(policies->options.env.loop, on_work, reload);
    }
}

struct watches **policies_watches(struct policies *policies, struct policy *policy, size_t *count)
{
    const struct policies_options *options = &policies->options;
    size_t all = policy_controller_count(policy);
    struct watches **watches = mem_alloc((all + 1) * sizeof(struct watches *));
    *count = 0;
    for (size_t i = 0; i < all; i++) {
        const struct policy_controller *controller = policy_controller_at(policy, i);
        if (options->wants == NULL || options->wants(options->arg, controller->name))
            watches[(*count)++] = watches_new(&options->watches, policy, controller);
    }
    return watches;
}

void reload_start(struct policies *policies, struct policy_set *take)
{
    struct err err = {0};
    struct reload *reload = mem_alloc(sizeof(*reload));
    reload->policies = policies;
    reload->set = take;
    reload->started_ms = policies->changed_ms;
    reload->deadline_ms = loop_now_ms(policies->options.env.loop) + POLICIES_SYNC_MS;
    policies->reload = reload;
    size_t count = 0;
    const struct policy_layer *layers = policy_set_layers(take, &count);
    reload->load = policy_load_begin(&policies->options.env, layers, count, &err);
    if (reload->load == NULL)
        refuse(reload, &err, true);
    else
        reload->timer = loop_defer(policies->options.env.loop, on_work, reload);
}
