#include "cache/informer_internal.h"

#include "base/backoff.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void ask(void *arg);

static void spec_copy(struct informer_spec *to, const struct informer_spec *from)
{
    char **fields = NULL;

    *to = *from;
    to->api_version = mem_str(from->api_version);
    to->kind = mem_str(from->kind);
    to->older = mem_str(from->older);
    to->namespace = mem_str(from->namespace);
    to->label_selector = mem_str(from->label_selector);
    if (from->fields != NULL) {
        fields = mem_alloc((from->field_count + 1) * sizeof(fields[0]));
        for (size_t i = 0; i < from->field_count; i++)
            fields[i] = mem_str(from->fields[i]);
    }
    to->fields = (const char *const *)fields;
}

static void spec_deinit(struct informer_spec *spec)
{
    for (size_t i = 0; i < spec->field_count && spec->fields != NULL; i++)
        free((char *)spec->fields[i]);
    free((void *)spec->fields);
    free((char *)spec->api_version);
    free((char *)spec->kind);
    free((char *)spec->older);
    free((char *)spec->namespace);
    free((char *)spec->label_selector);
}

static void sweep_dead(struct informer *informer)
{
    struct informer_subscription **link = &informer->subscriptions;

    while (*link != NULL) {
        struct informer_subscription *subscription = *link;

        if (!subscription->dead) {
            link = &subscription->next;
            continue;
        }
        *link = subscription->next;
        loop_timer_cancel(informer->set->loop, subscription->deferred);
        free(subscription);
    }
}

static void destroy(struct informer *informer)
{
    sweep_dead(informer);
    store_free(informer->store);
    selector_free(informer->selector);
    spec_deinit(&informer->spec);
    free(informer->key);
    free(informer);
}

static void enter(struct informer *informer)
{
    informer->depth++;
}

static void leave(struct informer *informer)
{
    if (--informer->depth > 0)
        return;
    if (informer->doomed)
        destroy(informer);
    else
        sweep_dead(informer);
}

static void notify(struct informer *informer, enum informer_event event, struct store_item *item,
                   const struct store_item *former)
{
    struct informer_subscription *subscription = informer->subscriptions;

    for (; subscription != NULL; subscription = subscription->next) {
        if (!subscription->dead && subscription->deferred == NULL)
            subscription->handler.on_change(subscription->arg, informer, event, item, former,
                                            !informer->ever_synced);
    }
}

static void tell_synced(struct informer *informer)
{
    struct informer_subscription *subscription = informer->subscriptions;

    for (; subscription != NULL; subscription = subscription->next) {
        if (subscription->dead || subscription->deferred != NULL || subscription->told_synced)
            continue;
        subscription->told_synced = true;
        if (subscription->handler.on_synced != NULL)
            subscription->handler.on_synced(subscription->arg, informer);
    }
}

static bool deliver_item(void *arg, struct store_item *item)
{
    struct informer_subscription *subscription = arg;

    subscription->handler.on_change(subscription->arg, subscription->informer, INFORMER_ADDED, item,
                                    NULL, true);
    return !subscription->dead && !subscription->informer->doomed;
}

static void deliver(void *arg)
{
    struct informer_subscription *subscription = arg;
    struct informer *informer = subscription->informer;

    subscription->deferred = NULL;
    enter(informer);
    store_each(informer->store, NULL, deliver_item, subscription);
    if (informer_synced(informer))
        tell_synced(informer);
    leave(informer);
}

static void set_problem(struct informer *informer, const struct err *err)
{
    if (err == NULL) {
        err_clear(&informer->problem);
        return;
    }
    informer->problem = *err;
    snprintf(informer->problem_text, sizeof(informer->problem_text), "%s (%s)%s%s: %.600s",
             informer->spec.kind, informer->spec.api_version,
             informer->spec.namespace != NULL ? " in namespace " : "",
             informer->spec.namespace != NULL ? informer->spec.namespace : "", err->text);
}

/* Puts an object and tells what that changed. */
static void take(struct informer *informer, const struct jv *object, bool own)
{
    const char *namespace = jv_path_str(object, "metadata", "namespace", NULL);
    const char *name = jv_path_str(object, "metadata", "name", NULL);
    struct store_item *old = name != NULL ? store_get(informer->store, namespace, name) : NULL;
    struct err err = {0};
    enum store_change change;

    if (old != NULL)
        store_item_ref(old);
    change = own ? store_observe(informer->store, object, &err)
                 : store_put(informer->store, object, &err);
    if (change == STORE_FAILED) {
        set_problem(informer, &err);
        log_error(informer->set->log, "an object cannot be cached", "kind", informer->spec.kind,
                  "namespace", namespace, "name", name, "error", err.text);
    }
    if (change == STORE_SAME && informer->resetting)
        change = STORE_CHANGED; /* after a restore every key is looked at again */
    if (change == STORE_ADDED && old != NULL)
        notify(informer, INFORMER_REMOVED, old, NULL); /* deleted and made again in a gap */
    if (change == STORE_ADDED)
        notify(informer, INFORMER_ADDED, store_get(informer->store, namespace, name), NULL);
    else if (change == STORE_CHANGED)
        notify(informer, INFORMER_CHANGED, store_get(informer->store, namespace, name), old);
    store_item_unref(old);
}

static bool is_known(void *arg, const char *uid, const char *resource_version)
{
    struct informer *informer = arg;

    return !informer->resetting && store_touch(informer->store, uid, resource_version);
}

static void on_begin(void *arg)
{
    struct informer *informer = arg;

    store_begin(informer->store);
}

static void on_upsert(void *arg, struct jv *object)
{
    struct informer *informer = arg;

    enter(informer);
    take(informer, object, false);
    leave(informer);
}

static void on_delete(void *arg, struct jv *object)
{
    struct informer *informer = arg;
    const char *namespace = jv_path_str(object, "metadata", "namespace", NULL);
    const char *name = jv_path_str(object, "metadata", "name", NULL);
    struct store_item *item = store_get(informer->store, namespace, name);

    enter(informer);
    if (item != NULL)
        store_item_ref(item);
    if (store_remove(informer->store, namespace, name,
                     jv_path_str(object, "metadata", "uid", NULL)) == STORE_REMOVED)
        notify(informer, INFORMER_REMOVED, item, NULL);
    store_item_unref(item);
    leave(informer);
}

static bool on_swept(void *arg, struct store_item *item)
{
    notify(arg, INFORMER_REMOVED, item, NULL);
    return true;
}

static void on_end(void *arg, const char *resource_version)
{
    struct informer *informer = arg;

    enter(informer);
    store_sweep(informer->store, resource_version, on_swept, informer);
    informer->synced = true;
    informer->ever_synced = true;
    informer->resetting = false;
    if (!informer->doomed)
        tell_synced(informer);
    leave(informer);
}

static void on_progress(void *arg, const char *resource_version)
{
    struct informer *informer = arg;

    snprintf(informer->rv, sizeof(informer->rv), "%s", resource_version);
}

/* A CustomResourceDefinition was removed, or the server was upgraded and has the kind in another version: discovery
 * is asked anew, for the newest version first. What is in the store stays until a list says otherwise. */
static void look_for_kind(void *arg)
{
    struct informer *informer = arg;

    watch_stop(informer->watch);
    informer->watch = NULL;
    informer->asking_older = false;
    discovery_forget(informer->set->discovery, informer->spec.api_version);
    if (informer->spec.older != NULL)
        discovery_forget(informer->set->discovery, informer->spec.older);
    log_info(informer->set->log, "the server has this kind no longer, or in another version",
             "kind", informer->spec.kind, "apiVersion", informer->kind->api_version);
    ask(informer);
}

static void on_problem(void *arg, const struct err *err)
{
    struct informer *informer = arg;

    set_problem(informer, err);
    if (err != NULL && err->http_status == 404 && informer->retry == NULL)
        informer->retry = loop_timer_add(informer->set->loop, 0, look_for_kind, informer);
}

static void on_reset(void *arg)
{
    struct informer *informer = arg;

    informer->synced = false;
    informer->resetting = true;
    informer->rv[0] = '\0';
    store_reset(informer->store);
}

static void begin_watch(struct informer *informer)
{
    static const struct watch_callbacks callbacks = {
        .on_begin = on_begin,
        .on_upsert = on_upsert,
        .on_delete = on_delete,
        .on_end = on_end,
        .on_progress = on_progress,
        .on_problem = on_problem,
        .on_reset = on_reset,
        .is_known = is_known,
    };
    struct watch_options options = {
        .kind = informer->kind,
        .namespace = informer->kind->namespaced ? informer->spec.namespace : NULL,
        .label_selector = informer->spec.label_selector,
        .metadata_only = informer->spec.metadata_only,
        .log = informer->set->log,
        .random = informer->set->random,
    };

    informer->watch = watch_start(informer->set->rest, &options, &callbacks, informer);
}

static void on_kind(void *arg, const struct kube_kind *kind, const struct err *err)
{
    struct informer *informer = arg;
    int64_t delay = INFORMER_MISSING_MS;

    informer->asking = false;
    if (err == NULL && kind != NULL) {
        if (informer->kind != NULL && informer->kind != kind)
            on_reset(informer); /* objects look different in another version */
        informer->kind = kind;
        informer->missing = false;
        informer->failures = 0;
        set_problem(informer, NULL);
        begin_watch(informer);
        return;
    }
    if (err->code == ERR_NOT_FOUND && informer->spec.older != NULL && !informer->asking_older) {
        informer->asking_older = true;
        ask(informer);
        return;
    }
    informer->asking_older = false;
    if (err->code != ERR_NOT_FOUND) {
        delay = backoff_delay_ms(INFORMER_RETRY_MIN_MS, INFORMER_RETRY_MAX_MS, informer->failures);
        informer->failures += informer->failures < 16;
    } else if (!informer->missing) {
        informer->missing = true;
        log_info(informer->set->log, "the server does not have this kind yet", "kind",
                 informer->spec.kind, "apiVersion", informer->spec.api_version);
    }
    set_problem(informer, err);
    informer->retry = loop_timer_add(informer->set->loop, delay, ask, informer);
    enter(informer);
    if (informer_synced(informer))
        tell_synced(informer);
    leave(informer);
}

static void ask(void *arg)
{
    struct informer *informer = arg;

    informer->retry = NULL;
    informer->asking = true;
    discovery_find(informer->set->discovery,
                   informer->asking_older ? informer->spec.older : informer->spec.api_version,
                   informer->spec.kind, on_kind, informer);
}

static struct store *make_store(const struct informer_set *set, const struct informer_spec *spec)
{
    static const char *const metadata[] = {"metadata.annotations"};
    struct store_options options = {
        .fields = spec->fields, .field_count = spec->field_count, .slab = set->slab};

    if (spec->metadata_only && spec->fields == NULL) {
        options.fields = metadata;
        options.field_count = 1;
    }
    return store_new(&options);
}

struct informer *informer_new(struct informer_set *set, const struct informer_spec *spec,
                              char *take_key)
{
    struct informer *informer = mem_alloc(sizeof(*informer));
    struct err err = {0};

    informer->set = set;
    informer->key = take_key;
    spec_copy(&informer->spec, spec);
    informer->store = make_store(set, spec);
    informer->selector = selector_parse(spec->label_selector, &err);
    if (informer->selector == NULL)
        set_problem(informer, &err); /* nobody can list this: it stays unsynced and says why */
    else
        informer->retry = loop_timer_add(set->loop, 0, ask, informer);
    return informer;
}

void informer_stop(struct informer *informer)
{
    struct informer_subscription *subscription = informer->subscriptions;

    watch_stop(informer->watch);
    informer->watch = NULL;
    if (informer->asking)
        discovery_cancel(informer->set->discovery, informer);
    loop_timer_cancel(informer->set->loop, informer->retry);
    informer->retry = NULL;
    for (; subscription != NULL; subscription = subscription->next) {
        loop_timer_cancel(informer->set->loop, subscription->deferred);
        subscription->deferred = NULL;
        subscription->dead = true;
    }
    informer->doomed = true;
    if (informer->depth == 0)
        destroy(informer);
}

void informer_subscribe(struct informer *informer, const struct informer_handler *handler,
                        void *arg)
{
    struct informer_subscription *subscription = mem_alloc(sizeof(*subscription));
    struct informer_subscription **link = &informer->subscriptions;

    subscription->informer = informer;
    subscription->handler = *handler;
    subscription->arg = arg;
    subscription->deferred = loop_defer(informer->set->loop, deliver, subscription);
    while (*link != NULL)
        link = &(*link)->next;
    *link = subscription;
}

void informer_unsubscribe(struct informer *informer, void *arg)
{
    struct informer_subscription *subscription = informer->subscriptions;

    for (; subscription != NULL; subscription = subscription->next) {
        if (subscription->arg != arg || subscription->dead)
            continue;
        loop_timer_cancel(informer->set->loop, subscription->deferred);
        subscription->deferred = NULL;
        subscription->dead = true;
    }
    if (informer->depth == 0)
        sweep_dead(informer);
}

/* The watch has passed this version and the object is not here: it went meanwhile, and the answer to
 * our write (or our delete) only comes late. */
static bool has_gone(const struct informer *informer, const struct jv *object)
{
    const char *rv = jv_path_str(object, "metadata", "resourceVersion", NULL);
    const char *uid = jv_path_str(object, "metadata", "uid", NULL);
    bool comparable = false;

    if (!informer->synced || rv == NULL || uid == NULL || informer->rv[0] == '\0')
        return false;
    return kube_rv_compare(rv, informer->rv, &comparable) <= 0 && comparable &&
           store_by_uid(informer->store, uid) == NULL;
}

void informer_observe(struct informer *informer, const struct jv *object)
{
    const char *namespace = jv_path_str(object, "metadata", "namespace", NULL);

    if (informer->spec.namespace != NULL &&
        (namespace == NULL || strcmp(namespace, informer->spec.namespace) != 0))
        return;
    if (informer->selector == NULL ||
        !selector_matches(informer->selector, jv_path(object, "metadata", "labels", NULL)))
        return; /* when it has just left the selection, the watch says so */
    if (has_gone(informer, object))
        return;
    enter(informer);
    take(informer, object, true);
    leave(informer);
}

void informer_forget(struct informer *informer, const char *uid)
{
    struct store_item *item = store_by_uid(informer->store, uid);

    if (item == NULL)
        return;
    enter(informer);
    store_item_ref(item);
    store_remove(informer->store, item->namespace, item->name, uid);
    store_tombstone(informer->store, uid);
    notify(informer, INFORMER_REMOVED, item, NULL);
    store_item_unref(item);
    leave(informer);
}
