#include "kube/discovery.h"

#include "base/map.h"

#include <stdlib.h>
#include <string.h>

enum {
    MISSING_HOLD_MS = 10000,
    MISSING_KINDS_MAX = 1000,
    GROUP_VERSIONS_MAX = 1000,
    WAITERS_MAX = 10000,
    PING_TIMEOUT_MS = 10000,
};

/* A kind as the server once named it. Never freed or renamed before discovery_free. */
struct kind_entry {
    struct kube_kind kind;
    bool is_there;
    struct kind_entry *next;
};

/* One group and version. */
struct resource_list {
    struct discovery *discovery;
    char *api_version;
    struct kind_entry *kinds;
    struct rest_call *call; /* being read */
    bool is_known;          /* read, and not forgotten since */
    struct map *missing;    /* kind -> when the server was last asked for it */
};

struct moment {
    int64_t mono_ms;
};

struct waiter {
    struct discovery *discovery;
    struct waiter *prev, *next;
    struct resource_list *list; /* NULL: not waiting for one */
    struct loop_timer *timer;   /* the answer is known and comes with the next turn */
    struct rest_call *ping;
    char *api_version, *kind;
    const struct kube_kind *answer;
    struct err err;
    discovery_fn fn;
    void (*ping_fn)(void *arg, const struct err *err);
    void *arg;
};

struct discovery {
    struct rest *rest;
    struct map *lists; /* by apiVersion */
    struct waiter *waiters;
    size_t waiter_count;
    char *server_version;
};

/* --- waiters ---------------------------------------------------------------------------------- */

static struct waiter *waiter_new(struct discovery *discovery, void *arg)
{
    struct waiter *waiter = mem_alloc(sizeof(*waiter));
    waiter->discovery = discovery;
    waiter->arg = arg;
    waiter->next = discovery->waiters;
    if (waiter->next)
        waiter->next->prev = waiter;
    discovery->waiters = waiter;
    discovery->waiter_count++;
    return waiter;
}

static void waiter_free(struct waiter *waiter)
{
    struct discovery *discovery = waiter->discovery;
    if (waiter->prev)
        waiter->prev->next = waiter->next;
    else
        discovery->waiters = waiter->next;
    if (waiter->next)
        waiter->next->prev = waiter->prev;
    discovery->waiter_count--;
    loop_timer_cancel(rest_loop(discovery->rest), waiter->timer);
    rest_cancel(discovery->rest, waiter->ping);
    free(waiter->api_version);
    free(waiter->kind);
    free(waiter);
}

static void on_answer_due(void *arg)
{
    struct waiter *waiter = arg, copy = *waiter;
    waiter->timer = NULL;
    waiter_free(waiter);
    const struct err *err = copy.err.code != ERR_NONE ? &copy.err : NULL;
    if (copy.fn)
        copy.fn(copy.arg, err ? NULL : copy.answer, err);
    else
        copy.ping_fn(copy.arg, err);
}

/* Each answer comes from a turn of its own, so that a callback may cancel or ask anything. */
static void waiter_answer(struct waiter *waiter)
{
    waiter->list = NULL;
    waiter->timer = loop_defer(rest_loop(waiter->discovery->rest), on_answer_due, waiter);
}

/* --- resource lists --------------------------------------------------------------------------- */

static void list_free(void *value)
{
    struct resource_list *list = value;
    rest_cancel(list->discovery->rest, list->call);
    while (list->kinds) {
        struct kind_entry *entry = list->kinds;
        list->kinds = entry->next;
        free(entry->kind.group);
        free(entry->kind.version);
        free(entry->kind.kind);
        free(entry->kind.plural);
        free(entry->kind.api_version);
        free(entry);
    }
    map_free(list->missing);
    free(list->api_version);
    free(list);
}

static struct resource_list *list_get(struct discovery *discovery, const char *api_version)
{
    struct resource_list *list = map_get(discovery->lists, api_version);
    if (list || map_count(discovery->lists) >= GROUP_VERSIONS_MAX)
        return list;
    list = mem_alloc(sizeof(*list));
    list->discovery = discovery;
    list->api_version = mem_str(api_version);
    list->missing = map_new(0, free);
    map_put(discovery->lists, api_version, list);
    return list;
}

static struct kind_entry *list_find(const struct resource_list *list, const char *kind)
{
    for (struct kind_entry *entry = list->kinds; entry; entry = entry->next)
        if (entry->is_there && strcmp(entry->kind.kind, kind) == 0)
            return entry;
    return NULL;
}

static struct kind_entry *list_entry(struct resource_list *list, const char *kind,
                                     const char *plural)
{
    struct kind_entry **tail = &list->kinds;
    for (; *tail; tail = &(*tail)->next)
        if (strcmp((*tail)->kind.kind, kind) == 0 && strcmp((*tail)->kind.plural, plural) == 0)
            return *tail;
    struct kind_entry *entry = mem_alloc(sizeof(*entry));
    const char *slash = strchr(list->api_version, '/');
    entry->kind.group =
        slash ? mem_strn(list->api_version, (size_t)(slash - list->api_version)) : mem_str("");
    entry->kind.version = mem_str(slash ? slash + 1 : list->api_version);
    entry->kind.api_version = mem_str(list->api_version);
    entry->kind.kind = mem_str(kind);
    entry->kind.plural = mem_str(plural);
    *tail = entry;
    return entry;
}

static bool has_resource(const struct jv *resources, const char *plural, const char *subresource)
{
    size_t len = strlen(plural);
    for (size_t i = 0; i < jv_size(resources); i++) {
        const char *name = jv_path_str(jv_at(resources, i), "name", NULL);
        if (name && strncmp(name, plural, len) == 0 && name[len] == '/' &&
            strcmp(name + len + 1, subresource) == 0)
            return true;
    }
    return false;
}

static void list_update(struct resource_list *list, const struct jv *object)
{
    const struct jv *resources = jv_get(object, "resources");
    for (struct kind_entry *entry = list->kinds; entry; entry = entry->next)
        entry->is_there = false;
    for (size_t i = 0; i < jv_size(resources); i++) {
        const struct jv *resource = jv_at(resources, i);
        const char *plural = jv_path_str(resource, "name", NULL);
        const char *kind = jv_path_str(resource, "kind", NULL);
        if (!plural || !*plural || !kind || strchr(plural, '/') || list_find(list, kind))
            continue;
        struct kind_entry *entry = list_entry(list, kind, plural);
        entry->is_there = true;
        entry->kind.namespaced = jv_bool_value(jv_get(resource, "namespaced"));
        entry->kind.has_status = has_resource(resources, plural, "status");
    }
    list->is_known = true;
}

static void missing_note(struct resource_list *list, const char *kind, int64_t now_ms)
{
    if (map_count(list->missing) >= MISSING_KINDS_MAX)
        map_clear(list->missing);
    struct moment *moment = mem_alloc(sizeof(*moment));
    moment->mono_ms = now_ms;
    map_put(list->missing, kind, moment);
}

static void waiter_resolve(struct waiter *waiter, const struct resource_list *list)
{
    const struct kind_entry *entry = list_find(list, waiter->kind);
    if (entry)
        waiter->answer = &entry->kind;
    else
        err_set(&waiter->err, ERR_NOT_FOUND,
                "the server has no kind `%s` in `%s`; install its CustomResourceDefinition or use "
                "a version the server has",
                waiter->kind, waiter->api_version);
}

static void on_list(void *arg, const struct rest_response *response, const struct err *err)
{
    struct resource_list *list = arg;
    struct discovery *discovery = list->discovery;
    struct err why = {0};
    int64_t now_ms = loop_now_ms(rest_loop(discovery->rest));
    list->call = NULL;
    if (err && err->code != ERR_NOT_FOUND)
        why = *err;
    else if (!err && !jv_is_array(jv_get(response->object, "resources")))
        err_set(&why, ERR_PARSE, "`%s`: the server's list of resources is not one",
                list->api_version);
    else /* a 404 says that the server has nothing of this group and version */
        list_update(list, err ? NULL : response->object);
    for (struct waiter *waiter = discovery->waiters; waiter; waiter = waiter->next) {
        if (waiter->list != list)
            continue;
        if (why.code != ERR_NONE)
            waiter->err = why;
        else
            waiter_resolve(waiter, list);
        if (why.code == ERR_NONE && !waiter->answer)
            missing_note(list, waiter->kind, now_ms);
        waiter_answer(waiter);
    }
}

/* One request for everybody who waits for this list. */
static void list_ask(struct resource_list *list)
{
    if (list->call)
        return;
    const char *root = strchr(list->api_version, '/') ? "/apis" : "/api";
    char *path = mem_printf("%s/%s", root, list->api_version);
    struct rest_request request = {.method = "GET", .path = path};
    list->call = rest_start(list->discovery->rest, &request, on_list, list);
    free(path);
}

/* --- public ----------------------------------------------------------------------------------- */

struct discovery *discovery_new(struct rest *rest)
{
    struct discovery *discovery = mem_alloc(sizeof(*discovery));
    discovery->rest = rest;
    discovery->lists = map_new(0, list_free);
    return discovery;
}

void discovery_free(struct discovery *discovery)
{
    if (!discovery)
        return;
    while (discovery->waiters)
        waiter_free(discovery->waiters);
    map_free(discovery->lists);
    free(discovery->server_version);
    free(discovery);
}

/* "v1", "apps/v1": what may stand in a path. */
static bool api_version_ok(const char *text)
{
    const char *slash = strchr(text, '/');
    size_t len = strlen(text);
    return len > 0 && len < 300 && text[0] != '.' && text[0] != '/' && text[len - 1] != '/' &&
           (!slash || (!strchr(slash + 1, '/') && slash[1] != '.')) &&
           strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789.-/") == len;
}

void discovery_find(struct discovery *discovery, const char *api_version, const char *kind,
                    discovery_fn fn, void *arg)
{
    struct waiter *waiter = waiter_new(discovery, arg);
    waiter->fn = fn;
    waiter->api_version = mem_str(api_version);
    waiter->kind = mem_str(kind);
    struct resource_list *list = NULL;
    if (!api_version_ok(api_version) || !*kind)
        err_set(&waiter->err, ERR_INVALID,
                "`%s` of `%s` is not a kind; write apiVersion as `v1` or `GROUP/VERSION`", kind,
                api_version);
    else if (discovery->waiter_count > WAITERS_MAX)
        err_set(&waiter->err, ERR_LIMIT, "more than %d searches for kinds wait", WAITERS_MAX);
    else if (!(list = list_get(discovery, api_version)))
        err_set(&waiter->err, ERR_LIMIT, "more than %d API versions were asked for",
                GROUP_VERSIONS_MAX);
    if (!list) {
        waiter_answer(waiter);
        return;
    }
    const struct moment *asked = map_get(list->missing, kind);
    int64_t now_ms = loop_now_ms(rest_loop(discovery->rest));
    bool is_recent = asked && now_ms - asked->mono_ms < MISSING_HOLD_MS;
    if (list->is_known && (list_find(list, kind) || is_recent)) {
        waiter_resolve(waiter, list);
        waiter_answer(waiter);
        return;
    }
    waiter->list = list;
    list_ask(list);
}

void discovery_cancel(struct discovery *discovery, void *arg)
{
    struct waiter *next;
    for (struct waiter *waiter = discovery->waiters; waiter; waiter = next) {
        next = waiter->next;
        if (waiter->arg == arg)
            waiter_free(waiter);
    }
}

void discovery_forget(struct discovery *discovery, const char *api_version)
{
    struct resource_list *list = map_get(discovery->lists, api_version);
    if (list)
        list->is_known = false;
}

const struct kube_kind *discovery_get(const struct discovery *discovery, const char *api_version,
                                      const char *kind)
{
    const struct resource_list *list = map_get(discovery->lists, api_version);
    const struct kind_entry *entry = list ? list_find(list, kind) : NULL;
    return entry ? &entry->kind : NULL;
}

static void on_ping(void *arg, const struct rest_response *response, const struct err *err)
{
    struct waiter *waiter = arg;
    struct discovery *discovery = waiter->discovery;
    const char *version = err ? NULL : jv_path_str(response->object, "gitVersion", NULL);
    waiter->ping = NULL;
    if (err) {
        waiter->err = *err;
    } else if (!version) {
        err_set(&waiter->err, ERR_PARSE,
                "`GET /version`: the answer names no version; is this a Kubernetes API server?");
    } else {
        free(discovery->server_version);
        discovery->server_version = mem_str(version);
    }
    waiter_answer(waiter);
}

void discovery_ping(struct discovery *discovery, void (*fn)(void *arg, const struct err *err),
                    void *arg)
{
    struct waiter *waiter = waiter_new(discovery, arg);
    struct rest_request request = {
        .method = "GET",
        .path = "/version",
        .timeout_ms = PING_TIMEOUT_MS,
        .no_retry = true,
    };
    waiter->ping_fn = fn;
    waiter->ping = rest_start(discovery->rest, &request, on_ping, waiter);
}

const char *discovery_server_version(const struct discovery *discovery)
{
    return discovery->server_version;
}
