/* kube: reads, from the cache and live. http: requests through the effects door. */
#include "script/api.h"

#include "base/selector.h"
#include "script/convert.h"
#include "script/view.h"

#include <stdlib.h>
#include <string.h>

enum { LOG_LINES = 20, LOG_LINES_MAX = 100 };
enum { HTTP_BODY_MAX = 1 << 20, HTTP_TIMEOUT_MS = 10000, HTTP_TIMEOUT_MAX_MS = 120000 };

/* The strings of the query at 1 stay on the stack. */
RAISES static void read_query(lua_State *L, struct effect *query, bool named, const char *call)
{
    luaL_checktype(L, 1, LUA_TTABLE);
    lua_settop(L, 1);
    luaL_checkstack(L, 16, NULL);
    query->api_version = api_field(L, 1, "apiVersion", call);
    query->kind = api_field(L, 1, "kind", call);
    query->namespace = api_field(L, 1, "namespace", call);
    query->name = api_field(L, 1, "name", call);
    query->label_selector = api_field(L, 1, "labels", call);
    if (query->api_version == NULL || query->kind == NULL || (named && query->name == NULL))
        luaL_error(L, "%s needs apiVersion, kind%s", call, named ? " and name" : "");
}

RAISES static struct store *find_store(lua_State *L, struct task *task, const struct effect *query,
                                       const char *call)
{
    const struct policy_controller *controller = task->controller;
    bool watched = controller == NULL;
    for (size_t i = 0; !watched && i < controller->watch_count; i++)
        watched = policy_watch_covers(&controller->watches[i], query->api_version, query->kind);
    if (!watched)
        luaL_error(L, "%s: %s %s is not among the watches of controller '%s'", call,
                   query->api_version, query->kind, controller->name);
    struct err err;
    struct store *store =
        task->effects->ops->store(task->effects->self, query->api_version, query->kind, &err);
    if (store == NULL) {
        api_push_failure(L, &err); /* not synced is not absent: it ends the run, which is retried */
        lua_error(L);
    }
    return store;
}

static int kube_get(lua_State *L)
{
    struct task *task = task_of(L, "kube.get");
    struct effect query = {0};
    read_query(L, &query, true, "kube.get");
    struct store *store = find_store(L, task, &query, "kube.get");
    struct store_item *item =
        store_get(store, query.namespace != NULL ? query.namespace : "", query.name);
    if (item == NULL)
        lua_pushnil(L);
    else
        view_push_item(L, item);
    return 1;
}

struct listing {
    struct store_item **items;
    size_t count, cap;
    const char *namespace;
    struct selector *selector;
};

static void listing_free(void *value)
{
    struct listing *listing = value;
    for (size_t i = 0; i < listing->count; i++)
        store_item_unref(listing->items[i]);
    free(listing->items);
    selector_free(listing->selector);
    free(listing);
}

static bool listing_add(void *arg, struct store_item *item)
{
    struct listing *listing = arg;
    if (listing->namespace != NULL && strcmp(listing->namespace, item->namespace) != 0)
        return true;
    if (listing->count == listing->cap) {
        listing->cap = listing->cap == 0 ? 16 : listing->cap * 2;
        listing->items = mem_grow(listing->items, listing->cap * sizeof listing->items[0]);
    }
    listing->items[listing->count++] = store_item_ref(item);
    return true;
}

/* Looks without a view: what is not selected must not stay in memory until the run ends. */
static bool is_selected(const struct store_item *item, const struct selector *selector)
{
    struct jv *object = store_item_parse(item);
    bool matches = selector_matches(selector, jv_path(object, "metadata", "labels", NULL));
    jv_unref(object);
    return matches;
}

static int kube_list(lua_State *L)
{
    struct task *task = task_of(L, "kube.list");
    struct effect query = {0};
    read_query(L, &query, false, "kube.list");
    const char *owner = api_field(L, 1, "owner", "kube.list");
    struct store *store = find_store(L, task, &query, "kube.list");
    struct vm_box *box = vm_box_push(L, listing_free);
    struct listing *listing = mem_alloc(sizeof *listing);
    box->value = listing;
    listing->namespace = query.namespace;
    struct err err;
    if (query.label_selector != NULL) {
        listing->selector = selector_parse(query.label_selector, &err);
        if (listing->selector == NULL)
            return luaL_error(L, "kube.list: labels: %s", err.text);
    }
    if (owner != NULL)
        store_each_owned(store, owner, listing_add, listing);
    else
        store_each(store, query.namespace, listing_add, listing);
    lua_createtable(L, (int)listing->count, 0);
    lua_Integer count = 0;
    for (size_t i = 0; i < listing->count; i++) {
        vm_charge(L, 20);
        if (listing->selector != NULL) {
            vm_charge(L, listing->items[i]->json_len / 4);
            if (!is_selected(listing->items[i], listing->selector))
                continue;
        }
        view_push_item(L, listing->items[i]);
        lua_rawseti(L, -2, ++count);
    }
    vm_box_release(box);
    return 1;
}

/* What there is, as one text that changes when any of it does; nothing is parsed for it. */
static int kube_versions(lua_State *L)
{
    struct task *task = task_of(L, "kube.versions");
    struct effect query = {0};
    read_query(L, &query, false, "kube.versions");
    const char *owner = api_field(L, 1, "owner", "kube.versions");
    struct store *store = find_store(L, task, &query, "kube.versions");
    struct vm_box *box = vm_box_push(L, listing_free);
    struct listing *listing = mem_alloc(sizeof *listing);
    box->value = listing;
    listing->namespace = query.namespace;
    if (owner != NULL)
        store_each_owned(store, owner, listing_add, listing);
    else
        store_each(store, query.namespace, listing_add, listing);
    luaL_Buffer text;
    luaL_buffinit(L, &text);
    for (size_t i = 0; i < listing->count; i++) {
        vm_charge(L, 10);
        luaL_addstring(&text, listing->items[i]->name);
        luaL_addchar(&text, ' ');
        luaL_addstring(&text, listing->items[i]->uid);
        luaL_addchar(&text, ' ');
        luaL_addstring(&text, listing->items[i]->resource_version);
        luaL_addchar(&text, '\n');
    }
    luaL_pushresult(&text);
    vm_box_release(box);
    return 1;
}

static int read_done(lua_State *L, int status, lua_KContext context)
{
    (void)status;
    (void)context;
    struct op_item *item = &vm_run_of(L)->task->op.items[0];
    if (item->failed)
        return api_push_failure(L, &item->err);
    view_push(L, item->result);
    return 1;
}

static int kube_read(lua_State *L)
{
    struct task *task = task_of(L, "kube.read");
    struct effect query = {.verb = EFFECT_READ};
    read_query(L, &query, true, "kube.read");
    task_check_right(L, task, EFFECT_READ, query.api_version, query.kind, "kube.read");
    query.namespace = query.namespace != NULL ? query.namespace : "";
    op_begin(task, EFFECT_READ, 1);
    op_start(L, task, &query);
    return lua_yieldk(L, 0, 0, read_done);
}

static int read_list_done(lua_State *L, int status, lua_KContext context)
{
    (void)status;
    (void)context;
    struct op_item *item = &vm_run_of(L)->task->op.items[0];
    if (item->failed)
        return api_push_failure(L, &item->err);
    const struct jv *items = jv_get(item->result, "items");
    size_t count = jv_size(items);
    lua_createtable(L, (int)count, 0);
    for (size_t i = 0; i < count; i++) {
        view_push(L, jv_at(items, i));
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
    return 1;
}

static int kube_read_list(lua_State *L)
{
    struct task *task = task_of(L, "kube.read_list");
    struct effect query = {.verb = EFFECT_READ_LIST};
    read_query(L, &query, false, "kube.read_list");
    task_check_right(L, task, EFFECT_READ_LIST, query.api_version, query.kind, "kube.read_list");
    query.name = NULL;
    query.field_selector = api_field(L, 1, "fields", "kube.read_list");
    op_begin(task, EFFECT_READ_LIST, 1);
    op_start(L, task, &query);
    return lua_yieldk(L, 0, 0, read_list_done);
}

/* The answer as it is, or nil and what failed. */
static int answer_done(lua_State *L, int status, lua_KContext context)
{
    (void)status;
    (void)context;
    struct op_item *item = &vm_run_of(L)->task->op.items[0];
    if (item->failed)
        return api_push_failure(L, &item->err);
    convert_push(L, item->result);
    return 1;
}

/* The end of a container's log. What processes write is nobody's but their owner's: it needs a right of its
 * own, and is short. */
static int kube_log(lua_State *L)
{
    static const char call[] = "kube.log";
    struct task *task = task_of(L, call);
    struct effect query = {.verb = EFFECT_LOG, .api_version = "v1", .kind = "Pod"};
    luaL_checktype(L, 1, LUA_TTABLE);
    lua_settop(L, 1);
    luaL_checkstack(L, 16, NULL);
    query.namespace = api_field(L, 1, "namespace", call);
    query.name = api_field(L, 1, "name", call);
    query.value = api_field(L, 1, "container", call);
    query.log_lines = api_field_integer(L, 1, "lines", LOG_LINES, call);
    api_push_field(L, 1, "previous");
    query.log_previous = lua_toboolean(L, -1);
    if (query.namespace == NULL || query.name == NULL)
        return luaL_error(L, "kube.log needs namespace and name");
    if (query.log_lines < 1 || query.log_lines > LOG_LINES_MAX)
        return luaL_error(L, "kube.log: lines must be 1 to %d", (int)LOG_LINES_MAX);
    task_check_right(L, task, EFFECT_LOG, query.api_version, query.kind, call);
    op_begin(task, EFFECT_LOG, 1);
    op_start(L, task, &query);
    return lua_yieldk(L, 0, 0, answer_done);
}

static int http_request(lua_State *L)
{
    static const char call[] = "http.request";
    struct task *task = task_of(L, call);
    struct effect effect = {.verb = EFFECT_HTTP};
    luaL_checktype(L, 1, LUA_TTABLE);
    lua_settop(L, 1);
    luaL_checkstack(L, 16, NULL);
    task_check_right(L, task, EFFECT_HTTP, "", "", call);
    effect.http_method = api_field(L, 1, "method", call);
    effect.http_url = api_field(L, 1, "url", call);
    effect.http_ca_pem = api_field(L, 1, "ca", call);
    effect.http_body = api_field(L, 1, "body", call);
    effect.http_body_len = effect.http_body != NULL ? lua_rawlen(L, -1) : 0;
    effect.timeout_ms = api_field_integer(L, 1, "timeout_ms", HTTP_TIMEOUT_MS, call);
    if (effect.http_method == NULL)
        effect.http_method = "GET";
    if (effect.http_url == NULL || (strncmp(effect.http_url, "http://", 7) != 0 &&
                                    strncmp(effect.http_url, "https://", 8) != 0))
        return luaL_error(L, "http.request: url must begin with http:// or https://");
    if (effect.http_body_len > HTTP_BODY_MAX)
        return luaL_error(L, "http.request: a body of more than %d bytes", (int)HTTP_BODY_MAX);
    if (effect.timeout_ms < 1 || effect.timeout_ms > HTTP_TIMEOUT_MAX_MS)
        return luaL_error(L, "http.request: timeout_ms must be 1 to %d", (int)HTTP_TIMEOUT_MAX_MS);
    op_begin(task, EFFECT_HTTP, 1);
    api_push_field(L, 1, "headers");
    if (!lua_isnil(L, -1)) {
        struct err err;
        task->op.items[0].body =
            convert_take(L, -1, "http.request: headers", CONVERT_BARE_EMPTY, &err);
        if (task->op.items[0].body == NULL)
            return api_raise(L, &err);
        struct jv_iter it = {0};
        while (jv_next(task->op.items[0].body, &it)) {
            if (jv_type(it.value) != JV_STRING)
                return luaL_error(L, "http.request: header %s must be a string", it.key);
        }
        effect.http_headers = task->op.items[0].body;
    }
    op_start(L, task, &effect);
    return lua_yieldk(L, 0, 0, answer_done);
}

void api_kube_open(lua_State *L)
{
    static const luaL_Reg kube[] = {
        {"get", kube_get},   {"list", kube_list},           {"versions", kube_versions},
        {"read", kube_read}, {"read_list", kube_read_list}, {"log", kube_log},
        {NULL, NULL}};
    static const luaL_Reg http[] = {{"request", http_request}, {NULL, NULL}};
    luaL_newlib(L, kube);
    vm_add_library(L, "kube");
    luaL_newlib(L, http);
    vm_add_library(L, "http");
}
