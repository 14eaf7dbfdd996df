/* From a changed object to the key of the primary that cares. */
#include "control/controller_internal.h"

#include <stdlib.h>
#include <string.h>

char *key_make(size_t kind, const char *namespace, const char *name)
{
    return mem_printf("%zu/%s/%s", kind, namespace, name);
}

int key_parse(const char *key, struct key_parts *parts)
{
    char *end = NULL;
    *parts = (struct key_parts){0};
    parts->kind = strtoul(key, &end, 10);
    if (end == key || *end != '/')
        return -1;
    const char *namespace = end + 1;
    const char *slash = strchr(namespace, '/');
    if (slash == NULL)
        return -1;
    parts->namespace = mem_strn(namespace, (size_t)(slash - namespace));
    parts->name = mem_str(slash + 1);
    return 0;
}

void key_parts_deinit(struct key_parts *parts)
{
    free(parts->namespace);
    free(parts->name);
}

size_t controller_kind_index(struct controller *controller, const char *api_version,
                             const char *kind)
{
    for (size_t i = 0; i < controller->kind_count; i++) {
        if (strcmp(controller->kinds[i].kind, kind) == 0 &&
            strcmp(controller->kinds[i].api_version, api_version) == 0)
            return i;
    }
    size_t count = controller->kind_count + 1;
    controller->kinds = mem_grow(controller->kinds, count * sizeof(*controller->kinds));
    controller->kinds[count - 1] = (struct primary_kind){mem_str(api_version), mem_str(kind)};
    controller->kind_count = count;
    return count - 1;
}

void key_state_free(void *value)
{
    struct key_state *state = value;
    if (state == NULL)
        return;
    free(state->gone_uid);
    free(state->parked_version);
    free(state);
}

struct key_state *key_state_of(struct controller *controller, const char *key, bool create)
{
    struct key_state *state = map_get(controller->states, key);
    if (state == NULL && create) {
        state = mem_alloc(sizeof(*state));
        state->ready_ms = state->ran_ms = -1;
        map_put(controller->states, key, state);
    }
    return state;
}

void key_state_drop_if_empty(struct controller *controller, const char *key)
{
    const struct key_state *state = map_get(controller->states, key);
    if (state != NULL && state->gone_uid == NULL && state->kills == 0 && state->error_digest == 0 &&
        state->parked_version == NULL && state->ready_ms < 0 && state->ran_ms < 0 &&
        !state->running && !state->condition && !state->unread)
        map_remove(controller->states, key);
}

/* The index of a primary by the kind of an owner reference, or -1. */
static long primary_by_kind(const struct controller *controller, const char *kind)
{
    const struct policy_controller *decl = watches_controller(controller->watches);
    for (size_t i = 0; i < decl->primary_count; i++) {
        if (strcmp(decl->watches[i].kind, kind) == 0)
            return (long)i;
    }
    return -1;
}

static char *key_of_primary(struct controller *controller, size_t watch_index,
                            const char *namespace, const char *name)
{
    const struct policy_watch *watch =
        &watches_controller(controller->watches)->watches[watch_index];
    size_t kind = controller_kind_index(controller, watch->api_version, watch->kind);
    return key_make(kind, namespace, name);
}

static char *key_by_owner(struct controller *controller, const struct store_item *item)
{
    if (item->owner_uid == NULL || item->owner_kind == NULL || item->owner_name == NULL)
        return NULL;
    long index = primary_by_kind(controller, item->owner_kind);
    if (index < 0)
        return NULL;
    /* A cluster-scoped owner has no namespace: look where the primary is. */
    const char *home = item->namespace;
    if (watches_primary(controller->watches, (size_t)index, home, item->owner_name) == NULL &&
        watches_primary(controller->watches, (size_t)index, "", item->owner_name) != NULL)
        home = "";
    return key_of_primary(controller, (size_t)index, home, item->owner_name);
}

static char *key_by_label(struct controller *controller, const struct policy_watch *watch,
                          const struct store_item *item)
{
    struct jv *object = store_item_parse(item);
    const char *name = jv_path_str(object, "metadata", "labels", watch->map_label, NULL);
    char *key = NULL;
    if (name != NULL && name[0] != '\0')
        key = key_of_primary(controller, 0, item->namespace, name);
    jv_unref(object);
    return key;
}

struct wake_all {
    struct controller *controller;
    size_t watch_index;
    int priority;
};

static bool wake_one(void *arg, struct store_item *primary)
{
    struct wake_all *all = arg;
    char *key =
        key_of_primary(all->controller, all->watch_index, primary->namespace, primary->name);
    controller_add(all->controller, key, all->priority);
    free(key);
    return true;
}

static void wake_all(struct controller *controller, const char *namespace, int priority)
{
    const struct policy_controller *decl = watches_controller(controller->watches);
    for (size_t i = 0; i < decl->primary_count; i++) {
        struct wake_all all = {controller, i, priority};
        watches_each_primary(controller->watches, i, namespace[0] != '\0' ? namespace : NULL,
                             wake_one, &all);
    }
}

/* How long a change may wait for others that come with it: those of status do when the key runs or has
 * just run. What somebody did to the object itself, and a change that comes alone, never wait. */
static int64_t calm_ms(struct controller *controller, const struct policy_watch *watch,
                       const char *key, const struct store_item *item,
                       const struct store_item *former)
{
    const struct key_state *state = key_state_of(controller, key, false);
    if (watch->calm_ms == 0 || state == NULL || former == NULL || item->generation < 1 ||
        item->generation != former->generation || item->deleting != former->deleting)
        return 0;
    if (state->running)
        return watch->calm_ms;
    int64_t since_ms = loop_now_ms(controller->env.loop) - state->ran_ms;
    return state->ran_ms < 0 || since_ms >= watch->calm_ms ? 0 : watch->calm_ms - since_ms;
}

/* Wakes a run of the key, at once or with what comes next. */
static void wake(struct controller *controller, const struct policy_watch *watch, const char *key,
                 const struct store_item *item, const struct store_item *former, int priority)
{
    int64_t wait_ms = calm_ms(controller, watch, key, item, former);
    if (wait_ms > 0)
        controller_add_after(controller, key, wait_ms, priority);
    else
        controller_add(controller, key, priority);
}

static void primary_changed(struct controller *controller, size_t watch_index,
                            enum informer_event event, const struct store_item *item,
                            const struct store_item *former, int priority)
{
    char *key = key_of_primary(controller, watch_index, item->namespace, item->name);
    if (event == INFORMER_ADDED)
        key_state_of(controller, key, true)->unread = true;
    if (event == INFORMER_REMOVED) {
        struct key_state *state = key_state_of(controller, key, true);
        state->condition = state->unread = false;
        free(state->gone_uid);
        state->gone_uid = mem_str(item->uid);
    }
    wake(controller, &watches_controller(controller->watches)->watches[watch_index], key, item,
         former, priority);
    free(key);
}

/* The key that an owned object belongs to, or NULL; yours. */
static char *key_of_owned(struct controller *controller, const struct policy_watch *watch,
                          const struct store_item *item)
{
    return watch->map == POLICY_MAP_LABEL ? key_by_label(controller, watch, item)
                                          : key_by_owner(controller, item);
}

/* Who owned the object before is told that it lost it. */
static void wake_former(struct controller *controller, const struct policy_watch *watch,
                        const struct store_item *former, const char *key, int priority)
{
    char *before = key_of_owned(controller, watch, former);
    if (before != NULL && (key == NULL || strcmp(before, key) != 0))
        controller_add(controller, before, priority);
    free(before);
}

void controller_on_change(void *arg, const struct policy_watch *watch, size_t watch_index,
                          enum informer_event event, struct store_item *item,
                          const struct store_item *former, bool initial)
{
    struct controller *controller = arg;
    int priority = initial ? WORKQUEUE_LOW : WORKQUEUE_NORMAL;
    if (watch_index < watches_controller(controller->watches)->primary_count) {
        primary_changed(controller, watch_index, event, item, former, priority);
        return;
    }
    if (watch->map == POLICY_MAP_NONE)
        return;
    if (watch->map == POLICY_MAP_ALL) {
        wake_all(controller, item->namespace, priority);
        return;
    }
    char *key = key_of_owned(controller, watch, item);
    if (key != NULL)
        wake(controller, watch, key, item, former, priority);
    if (former != NULL)
        wake_former(controller, watch, former, key, priority);
    free(key);
}
