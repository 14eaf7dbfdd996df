/* Reads what bundles and controllers declare, and checks it: each error names file and field. */
#include "script/policy_internal.h"

#include "base/selector.h"

#include <stdlib.h>
#include <string.h>

enum {
    WATCHES_MAX = 64,
    RIGHTS_MAX = 64,
    FIELDS_MAX = 64,
    CALM_MS_MAX = 10000,
    CONTROLLERS_MAX = 32,
    GAUGES_MAX = 16,
    GAUGE_NAME_BYTES_MAX = 63,
};

struct contract {
    struct policy *policy;
    struct module *module;
    struct policy_controller *controller;
};

static const struct verb_name {
    const char *name;
    unsigned verbs;
} verb_names[] = {
    {"apply", 1U << EFFECT_APPLY},
    {"create", 1U << EFFECT_CREATE},
    {"patch", 1U << EFFECT_PATCH},
    {"delete", 1U << EFFECT_DELETE},
    {"delete-any", 1U << EFFECT_DELETE},
    {"status", 1U << EFFECT_STATUS},
    {"finalizer", (1U << EFFECT_FINALIZER_ADD) | (1U << EFFECT_FINALIZER_REMOVE)},
    {"event", 1U << EFFECT_EVENT},
    {"read", (1U << EFFECT_READ) | (1U << EFFECT_READ_LIST)},
    {"log", 1U << EFFECT_LOG},
};

/* [-0, +1, m] table[field] of the table on top, raw. */
RAISES static int raw_field(lua_State *L, const char *field)
{
    lua_pushstring(L, field);
    return lua_rawget(L, -2);
}

RAISES static char *field_text(lua_State *L, struct contract *c, const char *where,
                               const char *field, bool required)
{
    int type = raw_field(L, field);
    if (type == LUA_TNIL && !required) {
        lua_pop(L, 1);
        return NULL;
    }
    if (type != LUA_TSTRING || lua_rawlen(L, -1) == 0)
        luaL_error(L, "%s: %s.%s must be a string", c->module->source, where, field);
    const char *text = lua_tostring(L, -1);
    lua_pop(L, 1); /* the table still holds it */
    return mem_str(text);
}

/* Refuses fields that nobody reads: they are typing errors. The table is on top. */
RAISES static void check_fields(lua_State *L, struct contract *c, const char *where,
                                const char *const *known)
{
    lua_pushnil(L);
    while (lua_next(L, -2)) {
        lua_pop(L, 1);
        const char *key = lua_type(L, -1) == LUA_TSTRING ? lua_tostring(L, -1) : NULL;
        bool found = false;
        for (size_t i = 0; key != NULL && known[i] != NULL; i++)
            found = found || strcmp(known[i], key) == 0;
        if (!found)
            luaL_error(L, "%s: %s has the unknown field '%s'", c->module->source, where,
                       key != NULL ? key : luaL_typename(L, -1));
    }
}

RAISES static void read_map(lua_State *L, struct contract *c, const char *where,
                            struct policy_watch *watch)
{
    static const struct {
        const char *name;
        enum policy_map map;
    } maps[] = {{"owner", POLICY_MAP_OWNER}, {"all", POLICY_MAP_ALL}, {"none", POLICY_MAP_NONE}};
    int type = raw_field(L, "map");
    if (type == LUA_TTABLE) {
        watch->map = POLICY_MAP_LABEL;
        lua_pushfstring(L, "%s.map", where);
        const char *map_where = lua_tostring(L, -1);
        lua_insert(L, -2);
        watch->map_label = field_text(L, c, map_where, "label", true);
        lua_pop(L, 2);
        return;
    }
    const char *name = type == LUA_TSTRING ? lua_tostring(L, -1) : type == LUA_TNIL ? "none" : "";
    for (size_t i = 0; i < sizeof maps / sizeof maps[0]; i++) {
        if (strcmp(maps[i].name, name) == 0) {
            watch->map = maps[i].map;
            lua_pop(L, 1);
            return;
        }
    }
    luaL_error(L, "%s: %s.map must be \"owner\", \"all\", \"none\" or { label = \"key\" }",
               c->module->source, where);
}

RAISES static void read_watch_fields(lua_State *L, struct contract *c, const char *where,
                                     struct policy_watch *watch)
{
    int type = raw_field(L, "fields");
    if (type != LUA_TNIL) {
        size_t count = type == LUA_TTABLE ? lua_rawlen(L, -1) : 0;
        if (count == 0 || count > FIELDS_MAX)
            luaL_error(L, "%s: %s.fields must be a list of 1 to %d paths", c->module->source, where,
                       (int)FIELDS_MAX);
        watch->fields = mem_alloc(count * sizeof watch->fields[0]);
        for (size_t i = 0; i < count; i++) {
            if (lua_rawgeti(L, -1, (lua_Integer)i + 1) != LUA_TSTRING)
                luaL_error(L, "%s: %s.fields[%d] must be a string", c->module->source, where,
                           (int)i + 1);
            watch->fields[watch->field_count++] = mem_str(lua_tostring(L, -1));
            lua_pop(L, 1);
        }
    }
    lua_pop(L, 1);
}

RAISES static void read_watch_calm(lua_State *L, struct contract *c, const char *where,
                                   struct policy_watch *watch)
{
    if (raw_field(L, "calm_ms") != LUA_TNIL) {
        int is_integer = 0;
        watch->calm_ms = lua_tointegerx(L, -1, &is_integer);
        if (!is_integer || watch->calm_ms < 0 || watch->calm_ms > CALM_MS_MAX)
            luaL_error(L, "%s: %s.calm_ms must be a number of 0 to %d", c->module->source, where,
                       (int)CALM_MS_MAX);
    }
    lua_pop(L, 1);
}

/* The entry is on top of the stack. */
RAISES static void read_watch(lua_State *L, struct contract *c, const char *where, bool primary)
{
    static const char *const known[] = {"apiVersion", "older",    "kind",    "labels", "map",
                                        "fields",     "optional", "calm_ms", NULL};
    struct policy_controller *controller = c->controller;
    if (!lua_istable(L, -1))
        luaL_error(L, "%s: %s must be a table", c->module->source, where);
    if (controller->watch_count == WATCHES_MAX)
        luaL_error(L, "%s: more than %d watches", c->module->source, (int)WATCHES_MAX);
    check_fields(L, c, where, known);
    struct policy_watch *watch = &controller->watches[controller->watch_count++];
    watch->api_version = field_text(L, c, where, "apiVersion", true);
    watch->older = field_text(L, c, where, "older", false);
    if (watch->older != NULL && primary)
        luaL_error(L, "%s: %s.older: a primary has one version", c->module->source, where);
    watch->kind = field_text(L, c, where, "kind", true);
    watch->labels = field_text(L, c, where, "labels", false);
    if (watch->labels != NULL) {
        struct err problem;
        struct selector *selector = selector_parse(watch->labels, &problem);
        if (selector == NULL)
            luaL_error(L, "%s: %s.labels: %s", c->module->source, where, problem.text);
        selector_free(selector);
    }
    raw_field(L, "optional");
    watch->optional = lua_toboolean(L, -1);
    lua_pop(L, 1);
    read_watch_fields(L, c, where, watch);
    read_watch_calm(L, c, where, watch);
    if (primary)
        watch->map = POLICY_MAP_SELF;
    else
        read_map(L, c, where, watch);
}

RAISES static void read_watch_list(lua_State *L, struct contract *c, const char *name, bool primary)
{
    lua_Integer count = (lua_Integer)lua_rawlen(L, -1);
    for (lua_Integer i = 1; i <= count; i++) {
        lua_pushfstring(L, "%s[%d]", name, (int)i);
        const char *where = lua_tostring(L, -1);
        lua_rawgeti(L, -2, i);
        read_watch(L, c, where, primary);
        lua_pop(L, 2);
    }
}

/* The controller's table is on top. */
RAISES static void read_watches(lua_State *L, struct contract *c)
{
    struct policy_controller *controller = c->controller;
    controller->watches = mem_alloc(WATCHES_MAX * sizeof controller->watches[0]);
    if (raw_field(L, "watches") != LUA_TTABLE)
        luaL_error(L, "%s: watches must be a table", c->module->source);
    if (raw_field(L, "primaries") != LUA_TTABLE || lua_rawlen(L, -1) == 0)
        luaL_error(L, "%s: watches.primaries must list at least one kind", c->module->source);
    read_watch_list(L, c, "watches.primaries", true);
    controller->primary_count = controller->watch_count;
    lua_pop(L, 1);
    lua_pushnil(L);
    while (lua_next(L, -2)) {
        lua_pop(L, 1);
        if (!lua_isinteger(L, -1) &&
            (lua_type(L, -1) != LUA_TSTRING || strcmp(lua_tostring(L, -1), "primaries") != 0))
            luaL_error(L, "%s: watches has the unknown field '%s'", c->module->source,
                       luaL_tolstring(L, -1, NULL));
    }
    read_watch_list(L, c, "watches", false);
    lua_pop(L, 1);
}

RAISES static void read_verbs(lua_State *L, struct contract *c, const char *kind,
                              struct policy_right *right)
{
    if (!lua_istable(L, -1))
        luaL_error(L, "%s: rights[\"%s\"] must be a list of verbs", c->module->source, kind);
    lua_Integer count = (lua_Integer)lua_rawlen(L, -1);
    for (lua_Integer i = 1; i <= count; i++) {
        const char *verb = lua_rawgeti(L, -1, i) == LUA_TSTRING ? lua_tostring(L, -1) : "";
        unsigned verbs = 0;
        for (size_t n = 0; n < sizeof verb_names / sizeof verb_names[0]; n++) {
            if (strcmp(verb_names[n].name, verb) == 0)
                verbs = verb_names[n].verbs;
        }
        if (verbs == 0)
            luaL_error(L,
                       "%s: rights[\"%s\"]: '%s' is not a verb (apply create patch delete "
                       "delete-any status finalizer event read log)",
                       c->module->source, kind, verb);
        right->verbs |= verbs;
        right->delete_any = right->delete_any || strcmp(verb, "delete-any") == 0;
        lua_pop(L, 1);
    }
}

/* The controller's table is on top. Keys are "apps/v1/StatefulSet"; `http = true` is kept as a right
 * without a kind. */
RAISES static void read_rights(lua_State *L, struct contract *c)
{
    struct policy_controller *controller = c->controller;
    int type = raw_field(L, "rights");
    if (type != LUA_TNIL && type != LUA_TTABLE)
        luaL_error(L, "%s: rights must be a table", c->module->source);
    controller->rights = mem_alloc(RIGHTS_MAX * sizeof controller->rights[0]);
    for (lua_pushnil(L); type == LUA_TTABLE && lua_next(L, -2); lua_pop(L, 1)) {
        const char *key = lua_type(L, -2) == LUA_TSTRING ? lua_tostring(L, -2) : "";
        const char *slash = strrchr(key, '/');
        bool http = strcmp(key, "http") == 0, any = strcmp(key, "*") == 0;
        if (!http && !any && (slash == NULL || slash == key || slash[1] == '\0'))
            luaL_error(L,
                       "%s: rights: '%s' is not apiVersion/Kind, such as \"apps/v1/StatefulSet\"",
                       c->module->source, key);
        if (controller->right_count == RIGHTS_MAX)
            luaL_error(L, "%s: more than %d rights", c->module->source, (int)RIGHTS_MAX);
        struct policy_right *right = &controller->rights[controller->right_count++];
        right->api_version = http || any ? mem_str("") : mem_strn(key, (size_t)(slash - key));
        right->kind = mem_str(http ? "" : any ? "*" : slash + 1);
        if (!http)
            read_verbs(L, c, key, right);
        else if (lua_toboolean(L, -1))
            right->verbs = 1U << EFFECT_HTTP;
    }
    lua_settop(L, type == LUA_TTABLE ? lua_gettop(L) - 1 : lua_gettop(L) - 2);
}

/* What may be done to a kind may be done to it under its older version. */
static int add_rights_to_older(struct policy_controller *controller)
{
    size_t count = controller->right_count;
    for (size_t w = 0; w < controller->watch_count; w++) {
        const struct policy_watch *watch = &controller->watches[w];
        for (size_t r = 0; watch->older != NULL && r < count; r++) {
            struct policy_right *right = &controller->rights[r];
            if (strcmp(right->kind, watch->kind) != 0 ||
                strcmp(right->api_version, watch->api_version) != 0)
                continue;
            if (controller->right_count == RIGHTS_MAX)
                return -1;
            struct policy_right *added = &controller->rights[controller->right_count++];
            *added = *right;
            added->api_version = mem_str(watch->older);
            added->kind = mem_str(watch->kind);
        }
    }
    return 0;
}

static bool is_gauge_name(const char *name)
{
    return strlen(name) <= GAUGE_NAME_BYTES_MAX && name[0] >= 'a' && name[0] <= 'z' &&
           name[strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_")] == '\0';
}

/* The controller's table is on top: gauges = { name = "what it says" }. */
RAISES static void read_gauges(lua_State *L, struct contract *c)
{
    struct policy_controller *controller = c->controller;
    int type = raw_field(L, "gauges");
    if (type != LUA_TNIL && type != LUA_TTABLE)
        luaL_error(L, "%s: gauges must be a table", c->module->source);
    controller->gauges = mem_alloc(GAUGES_MAX * sizeof controller->gauges[0]);
    for (lua_pushnil(L); type == LUA_TTABLE && lua_next(L, -2); lua_pop(L, 1)) {
        const char *name = lua_type(L, -2) == LUA_TSTRING ? lua_tostring(L, -2) : "";
        const char *help = lua_type(L, -1) == LUA_TSTRING ? lua_tostring(L, -1) : "";
        if (!is_gauge_name(name) || help[0] == '\0' || strpbrk(help, "\r\n\\") != NULL)
            luaL_error(L,
                       "%s: gauges: '%s' must be lower_case and have a line that says what it is",
                       c->module->source, name);
        if (controller->gauge_count == GAUGES_MAX)
            luaL_error(L, "%s: more than %d gauges", c->module->source, (int)GAUGES_MAX);
        controller->gauges[controller->gauge_count++] =
            (struct policy_gauge){mem_str(name), mem_str(help)};
    }
    lua_settop(L, type == LUA_TTABLE ? lua_gettop(L) - 1 : lua_gettop(L) - 2);
}

RAISES static bool has_function(lua_State *L, struct contract *c, const char *name, bool required)
{
    int type = raw_field(L, name);
    lua_pop(L, 1);
    if (type != LUA_TFUNCTION && (required || type != LUA_TNIL))
        luaL_error(L, "%s: %s must be a function", c->module->source, name);
    return type == LUA_TFUNCTION;
}

RAISES static void read_controller(lua_State *L, struct contract *c, const char *name)
{
    struct policy *policy = c->policy;
    for (size_t i = 0; i < policy->controller_count; i++) {
        if (strcmp(policy->controllers[i].name, name) == 0)
            return; /* an overlay may name it again */
    }
    struct module *bundle = c->module;
    if (policy->controller_count == CONTROLLERS_MAX)
        luaL_error(L, "%s: more than %d controllers", bundle->source, (int)CONTROLLERS_MAX);
    c->module = policy_find(policy, policy->layer_count, name);
    if (c->module == NULL || c->module->state != MODULE_LOADED)
        luaL_error(L, "%s: controllers: module '%s' not found", bundle->source, name);
    c->controller = &policy->controllers[policy->controller_count++];
    c->controller->name = mem_str(name);
    c->controller->module = mem_str(c->module->name);
    lua_rawgeti(L, LUA_REGISTRYINDEX, c->module->value_ref);
    read_watches(L, c);
    read_rights(L, c);
    if (add_rights_to_older(c->controller) != 0)
        luaL_error(L, "%s: more than %d rights", c->module->source, (int)RIGHTS_MAX);
    read_gauges(L, c);
    has_function(L, c, "reconcile", true);
    c->controller->has_render = has_function(L, c, "render", false);
    c->controller->has_check = has_function(L, c, "check", false);
    c->controller->has_summary = has_function(L, c, "summary", false);
    c->controller->has_going_back = has_function(L, c, "going_back", false);
    c->controller->has_failed = has_function(L, c, "failed", false);
    c->controller->has_reads = has_function(L, c, "reads", false);
    c->controller->has_serve = has_function(L, c, "serve", false);
    int type = raw_field(L, "resync_seconds");
    if (type != LUA_TNIL && (type != LUA_TNUMBER || lua_tonumber(L, -1) < 1))
        luaL_error(L, "%s: resync_seconds must be a number of at least 1", c->module->source);
    c->controller->resync_ms = (int64_t)(lua_tonumber(L, -1) * 1000);
    lua_pop(L, 2);
    c->module = bundle;
}

RAISES static void read_bundle(lua_State *L, struct contract *c, const struct layer *layer)
{
    static const char *const known[] = {"api", "controllers", NULL};
    c->module = NULL;
    for (size_t m = 0; m < layer->count; m++) {
        if (strcmp(layer->modules[m].name, "bundle") == 0)
            c->module = &layer->modules[m];
    }
    if (c->module == NULL)
        luaL_error(L, "%s: bundle.lua is missing; `return { api = %d }` is enough for an overlay",
                   layer->name, (int)POLICY_API);
    lua_rawgeti(L, LUA_REGISTRYINDEX, c->module->value_ref);
    check_fields(L, c, "the bundle", known);
    raw_field(L, "api");
    if (!lua_isinteger(L, -1))
        luaL_error(L, "%s: api must be a number, `api = %d`", c->module->source, (int)POLICY_API);
    if (lua_tointeger(L, -1) != POLICY_API)
        luaL_error(L, "%s: made for api %I; this operator has api %d", c->module->source,
                   (LUAI_UACINT)lua_tointeger(L, -1), (int)POLICY_API);
    lua_pop(L, 1);
    int type = raw_field(L, "controllers");
    if (type != LUA_TNIL && type != LUA_TTABLE)
        luaL_error(L, "%s: controllers must be a list of module names", c->module->source);
    lua_Integer count = type == LUA_TTABLE ? (lua_Integer)lua_rawlen(L, -1) : 0;
    if (type == LUA_TTABLE && count == 0 && layer->index > 0)
        luaL_error(L,
                   "%s: controllers is empty: an overlay adds controllers and switches none off; "
                   "leave it out",
                   c->module->source);
    for (lua_Integer i = 1; i <= count; i++) {
        if (lua_rawgeti(L, -1, i) != LUA_TSTRING)
            luaL_error(L, "%s: controllers[%d] must be a string", c->module->source, (int)i);
        read_controller(L, c, lua_tostring(L, -1));
        lua_pop(L, 1);
    }
    lua_pop(L, 2);
}

static int protected_contract(lua_State *L)
{
    struct contract *c = lua_touserdata(L, 1);
    luaL_checkstack(L, 32, NULL);
    for (size_t i = 0; i < c->policy->layer_count; i++)
        read_bundle(L, c, &c->policy->layers[i]);
    return 0;
}

bool policy_watch_covers(const struct policy_watch *watch, const char *api_version,
                         const char *kind)
{
    return strcmp(watch->kind, kind) == 0 &&
           (strcmp(watch->api_version, api_version) == 0 ||
            (watch->older != NULL && strcmp(watch->older, api_version) == 0));
}

bool policy_right_covers(const struct policy_right *right, const char *api_version,
                         const char *kind)
{
    return strcmp(right->kind, "*") == 0 ||
           (strcmp(right->kind, kind) == 0 && strcmp(right->api_version, api_version) == 0);
}

int policy_read_contract(struct policy *policy, struct err *err)
{
    struct contract contract = {.policy = policy};
    policy->controllers = mem_alloc(CONTROLLERS_MAX * sizeof policy->controllers[0]);
    return vm_protect(policy->vm, protected_contract, &contract, err);
}

void policy_controllers_free(struct policy *policy)
{
    for (size_t i = 0; i < policy->controller_count; i++) {
        struct policy_controller *controller = &policy->controllers[i];
        for (size_t w = 0; w < controller->watch_count; w++) {
            struct policy_watch *watch = &controller->watches[w];
            free(watch->api_version);
            free(watch->older);
            free(watch->kind);
            free(watch->labels);
            free(watch->map_label);
            for (size_t f = 0; f < watch->field_count; f++)
                free(watch->fields[f]);
            free(watch->fields);
        }
        for (size_t r = 0; r < controller->right_count; r++) {
            free(controller->rights[r].api_version);
            free(controller->rights[r].kind);
        }
        for (size_t g = 0; g < controller->gauge_count; g++) {
            free(controller->gauges[g].name);
            free(controller->gauges[g].help);
        }
        free(controller->gauges);
        free(controller->watches);
        free(controller->rights);
        free(controller->name);
        free(controller->module);
    }
    free(policy->controllers);
}
