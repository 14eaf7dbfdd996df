#include "control/watches.h"

#include "base/buf.h"

#include <stdlib.h>
#include <string.h>

struct entry {
    struct watches *watches;
    size_t watch_index, scope;
    struct informer *informer;
    bool first; /* of those that share the informer: it alone is subscribed */
};

struct watches {
    unsigned refs;
    struct watches_env env;
    struct policy *policy;
    const struct policy_controller *controller;
    char **namespaces; /* one per scope; NULL for all */
    size_t scope_count;
    struct entry *entries; /* scope by scope, in the order of the declarations */
    size_t entry_count;
    watches_change_fn on_change;
    void (*on_synced)(void *arg);
    void *arg;
};

static const struct policy_watch *watch_of(const struct entry *entry)
{
    return &entry->watches->controller->watches[entry->watch_index];
}

static struct informer *start_informer(struct watches *watches, const struct policy_watch *watch,
                                       const char *namespace)
{
    struct informer_spec spec = {
        .api_version = watch->api_version,
        .kind = watch->kind,
        .older = watch->older,
        .namespace = namespace,
        .label_selector = watch->labels,
        .fields = (const char *const *)watch->fields,
        .field_count = watch->field_count,
        .optional = watch->optional,
    };
    return informer_get(watches->env.informers, &spec);
}

static void add_entries(struct watches *watches, size_t scope)
{
    const struct policy_controller *controller = watches->controller;
    for (size_t i = 0; i < controller->watch_count; i++) {
        const struct policy_watch *watch = &controller->watches[i];
        struct entry *entry = &watches->entries[watches->entry_count++];
        entry->watches = watches;
        entry->watch_index = i;
        entry->scope = scope;
        entry->informer = start_informer(watches, watch, watches->namespaces[scope]);
        entry->first = true;
        for (struct entry *other = watches->entries; other < entry; other++) {
            if (other->informer == entry->informer)
                entry->first = false;
        }
    }
}

static void on_informer_change(void *arg, struct informer *informer, enum informer_event event,
                               struct store_item *item, const struct store_item *former,
                               bool initial)
{
    struct watches *watches = arg;
    for (size_t i = 0; i < watches->entry_count; i++) {
        const struct entry *entry = &watches->entries[i];
        if (entry->informer == informer && watches->on_change != NULL)
            watches->on_change(watches->arg, watch_of(entry), entry->watch_index, event, item,
                               former, initial);
    }
}

static void on_informer_synced(void *arg, struct informer *informer)
{
    struct watches *watches = arg;
    (void)informer;
    if (watches->on_synced != NULL)
        watches->on_synced(watches->arg);
}

static bool in_scope(const struct watches *watches, size_t scope, const char *namespace)
{
    const char *own = watches->namespaces[scope];
    return namespace == NULL || own == NULL || namespace[0] == '\0' || strcmp(own, namespace) == 0;
}

struct watches *watches_new(const struct watches_env *env, struct policy *policy,
                            const struct policy_controller *controller)
{
    struct watches *watches = mem_alloc(sizeof(*watches));
    watches->refs = 1;
    watches->env = *env;
    watches->policy = policy_ref(policy);
    watches->controller = controller;
    watches->scope_count = env->namespace_count > 0 ? env->namespace_count : 1;
    watches->namespaces = mem_alloc(watches->scope_count * sizeof(*watches->namespaces));
    for (size_t i = 0; i < env->namespace_count; i++)
        watches->namespaces[i] = mem_str(env->namespaces[i]);
    watches->entries =
        mem_alloc((watches->scope_count * controller->watch_count + 1) * sizeof(struct entry));
    for (size_t i = 0; i < watches->scope_count; i++)
        add_entries(watches, i);
    return watches;
}

struct watches *watches_ref(struct watches *watches)
{
    watches->refs++;
    return watches;
}

void watches_unref(struct watches *watches)
{
    if (watches == NULL || --watches->refs > 0)
        return;
    watches_unlisten(watches);
    for (size_t i = 0; i < watches->entry_count; i++)
        informer_put(watches->entries[i].informer);
    for (size_t i = 0; i < watches->scope_count; i++)
        free(watches->namespaces[i]);
    free(watches->namespaces);
    free(watches->entries);
    policy_unref(watches->policy);
    free(watches);
}

void watches_listen(struct watches *watches, watches_change_fn on_change,
                    void (*on_synced)(void *arg), void *arg)
{
    static const struct informer_handler handler = {on_informer_change, on_informer_synced};
    watches_unlisten(watches);
    watches->on_change = on_change;
    watches->on_synced = on_synced;
    watches->arg = arg;
    for (size_t i = 0; i < watches->entry_count; i++) {
        if (watches->entries[i].first)
            informer_subscribe(watches->entries[i].informer, &handler, watches);
    }
}

void watches_unlisten(struct watches *watches)
{
    if (watches->on_change == NULL && watches->on_synced == NULL)
        return;
    watches->on_change = NULL;
    watches->on_synced = NULL;
    for (size_t i = 0; i < watches->entry_count; i++) {
        if (watches->entries[i].first)
            informer_unsubscribe(watches->entries[i].informer, watches);
    }
}

struct policy *watches_policy(const struct watches *watches)
{
    return watches->policy;
}

const struct policy_controller *watches_controller(const struct watches *watches)
{
    return watches->controller;
}

bool watches_synced(const struct watches *watches, const char *namespace)
{
    for (size_t i = 0; i < watches->entry_count; i++) {
        const struct entry *entry = &watches->entries[i];
        if (in_scope(watches, entry->scope, namespace) && !informer_synced(entry->informer))
            return false;
    }
    return true;
}

bool watches_readable(const struct watches *watches, const struct informer *informer)
{
    for (size_t i = 0; i < watches->entry_count; i++) {
        const struct entry *entry = &watches->entries[i];
        if (entry->informer == informer && informer_synced(informer))
            return true;
    }
    return false;
}

const char *watches_problem(const struct watches *watches)
{
    for (size_t i = 0; i < watches->entry_count; i++) {
        const char *problem = informer_problem(watches->entries[i].informer);
        if (problem != NULL)
            return problem;
    }
    return watches_synced(watches, NULL) ? NULL : "the first lists are under way";
}

const struct policy_watch *watches_missing(const struct watches *watches)
{
    for (size_t i = 0; i < watches->entry_count; i++) {
        const struct entry *entry = &watches->entries[i];
        if (informer_is_missing(entry->informer) && !watch_of(entry)->optional)
            return watch_of(entry);
    }
    return NULL;
}

struct informer *watches_find(const struct watches *watches, const char *namespace,
                              const char *api_version, const char *kind)
{
    for (size_t i = 0; i < watches->entry_count; i++) {
        const struct entry *entry = &watches->entries[i];
        if (in_scope(watches, entry->scope, namespace) &&
            policy_watch_covers(watch_of(entry), api_version, kind))
            return entry->informer;
    }
    return NULL;
}

void watches_each_primary(const struct watches *watches, size_t watch_index, const char *namespace,
                          store_fn fn, void *arg)
{
    for (size_t i = 0; i < watches->entry_count; i++) {
        const struct entry *entry = &watches->entries[i];
        if (entry->watch_index == watch_index && in_scope(watches, entry->scope, namespace))
            store_each(informer_store(entry->informer),
                       namespace != NULL && namespace[0] != '\0' ? namespace : NULL, fn, arg);
    }
}

struct store_item *watches_primary(const struct watches *watches, size_t watch_index,
                                   const char *namespace, const char *name)
{
    for (size_t i = 0; i < watches->entry_count; i++) {
        const struct entry *entry = &watches->entries[i];
        if (entry->watch_index != watch_index || !in_scope(watches, entry->scope, namespace))
            continue;
        struct store_item *item = store_get(informer_store(entry->informer), namespace, name);
        if (item != NULL)
            return item;
    }
    return NULL;
}
