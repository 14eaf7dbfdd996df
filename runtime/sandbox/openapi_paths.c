#include "sandbox/discover_internal.h"
#include "sandbox/openapi_internal.h"

#include <stdlib.h>
#include <string.h>

enum { PATH_BYTES_MAX = 1024 };

struct operation {
    const char *method, *action, *id; /* "get", "list", "list" */
    bool body, queries;               /* takes an object; takes dryRun, fieldManager, … */
    bool list;                        /* answers a list */
};

static const struct operation of_collection[] = {
    {"get", "list", "list", false, false, true},
    {"post", "post", "create", true, true, false},
    {"delete", "deletecollection", "deleteCollection", false, false, false},
};
static const struct operation of_object[] = {
    {"get", "get", "read", false, false, false},
    {"put", "put", "replace", true, true, false},
    {"patch", "patch", "patch", true, true, false},
    {"delete", "delete", "delete", false, false, false},
};

static struct jv *query(const struct openapi *api, const char *name, const char *type)
{
    struct jv *out = jv_object(), *schema = jv_object();
    jv_set_str(out, "name", name);
    jv_set_str(out, "in", "query");
    if (api->v3) {
        jv_set_str(schema, "type", type);
        jv_set(out, "schema", jv_ref(schema));
    } else {
        jv_set_str(out, "type", type);
    }
    jv_unref(schema);
    return out;
}

static struct jv *path_parameter(const struct openapi *api, const char *name)
{
    struct jv *out = query(api, name, "string");
    jv_set_str(out, "in", "path");
    jv_set(out, "required", jv_bool(true));
    return out;
}

static struct jv *content(const char *type, struct jv *schema)
{
    struct jv *out = jv_object(), *media = jv_object();
    jv_set(media, "schema", schema);
    jv_set(out, type, media);
    return out;
}

static void add_body(const struct openapi *api, const struct operation *operation, const char *name,
                     struct jv *out, struct jv *parameters)
{
    bool patch = strcmp(operation->method, "patch") == 0;
    struct jv *schema = patch ? jv_object() : openapi_ref(api, name), *body = jv_object();
    if (patch)
        jv_set_str(schema, "type", "object");
    if (api->v3) {
        jv_set(body, "content",
               content(patch ? "application/merge-patch+json" : "application/json", schema));
        jv_set(out, "requestBody", body);
        return;
    }
    jv_set_str(body, "name", "body");
    jv_set_str(body, "in", "body");
    jv_set(body, "required", jv_bool(true));
    jv_set(body, "schema", schema);
    jv_append(parameters, body);
}

static void add_response(const struct openapi *api, const char *name, struct jv *out)
{
    struct jv *responses = jv_object(), *fine = jv_object();
    struct jv *schema = openapi_ref(api, name);
    jv_set_str(fine, "description", "OK");
    if (api->v3)
        jv_set(fine, "content", content("application/json", schema));
    else
        jv_set(fine, "schema", schema);
    jv_set(responses, "200", fine);
    jv_set(out, "responses", responses);
}

/* "core", "apps", "t.example.com" → "Core", "Apps", "TExampleCom" */
static char *group_id(const struct kind *kind, const struct kind_version *version)
{
    struct buf out;
    bool upper = true;
    buf_init(&out, PATH_BYTES_MAX);
    for (const char *at = *kind->group ? kind->group : "core"; *at; at++) {
        if (*at == '.' || *at == '-') {
            upper = true;
            continue;
        }
        buf_add_char(&out, upper && *at >= 'a' && *at <= 'z' ? (char)(*at - 'a' + 'A') : *at);
        upper = false;
    }
    buf_printf(&out, "%c%s", *version->name - 'a' + 'A', version->name + 1);
    char *text = mem_str(buf_str(&out));
    buf_deinit(&out);
    return text;
}

static struct jv *operation_of(const struct openapi *api, const struct kind *kind,
                               const struct kind_version *version,
                               const struct operation *operation, const char *suffix)
{
    static const char *const queries[] = {"dryRun", "fieldManager", "fieldValidation"};
    struct jv *out = jv_object(), *parameters = jv_array();
    char *name = openapi_kind_name(api, kind, version), *group = group_id(kind, version);
    char *list = mem_printf("%sList", name);
    bool patch = strcmp(operation->method, "patch") == 0;
    jv_set(out, "operationId",
           jv_stringf("%s%s%s%s%s", operation->id, group,
                      kind_is(kind, KIND_NAMESPACED) ? "Namespaced" : "", kind->kind, suffix));
    if (operation->body)
        add_body(api, operation, name, out, parameters);
    for (size_t i = 0; operation->queries && i < sizeof(queries) / sizeof(queries[0]); i++)
        jv_append(parameters, query(api, queries[i], "string"));
    if (patch)
        jv_append(parameters, query(api, "force", "boolean"));
    if (strstr(operation->action, "delete"))
        jv_append(parameters, query(api, "dryRun", "string"));
    if (jv_size(parameters))
        jv_set(out, "parameters", jv_ref(parameters));
    add_response(api, operation->list ? list : name, out);
    jv_set_str(out, "x-kubernetes-action", operation->action);
    jv_set(out, "x-kubernetes-group-version-kind", openapi_gvk(kind, version, ""));
    jv_unref(parameters);
    free(list);
    free(group);
    free(name);
    return out;
}

static void tell_path(const struct openapi *api, const struct kind *kind,
                      const struct kind_version *version, const char *path, const char *suffix,
                      openapi_fn fn, void *arg)
{
    bool object = strstr(path, "{name}") != NULL, status = *suffix != '\0';
    bool kept = strstr(discover_verbs(kind), "list") != NULL;
    const struct operation *list = object ? of_object : of_collection;
    size_t count = object ? sizeof(of_object) / sizeof(of_object[0])
                          : sizeof(of_collection) / sizeof(of_collection[0]);
    struct jv *item = jv_object(), *parameters = jv_array();
    if (kind_is(kind, KIND_NAMESPACED))
        jv_append(parameters, path_parameter(api, "namespace"));
    if (object)
        jv_append(parameters, path_parameter(api, "name"));
    for (size_t i = 0; i < count; i++)
        if ((!status || strcmp(list[i].method, "delete") != 0) &&
            (kept || strcmp(list[i].method, "post") == 0))
            jv_set(item, list[i].method, operation_of(api, kind, version, &list[i], suffix));
    if (jv_size(parameters))
        jv_set(item, "parameters", jv_ref(parameters));
    jv_unref(parameters);
    fn(arg, path, item);
    jv_unref(item);
}

static void each_path(const struct openapi *api, const struct kind *kind,
                      const struct kind_version *version, openapi_fn fn, void *arg)
{
    bool custom = kind_is(kind, KIND_CUSTOM);
    bool status = custom ? version->status : kind_is(kind, KIND_STATUS);
    const char *scope = kind_is(kind, KIND_NAMESPACED) ? "namespaces/{namespace}/" : "";
    struct buf path;
    buf_init(&path, PATH_BYTES_MAX);
    buf_printf(&path, "%s%s/%s/%s%s", *kind->group ? "/apis/" : "/api", kind->group, version->name,
               scope, kind->plural);
    tell_path(api, kind, version, buf_str(&path), "", fn, arg);
    buf_add_str(&path, "/{name}");
    if (strstr(discover_verbs(kind), "list"))
        tell_path(api, kind, version, buf_str(&path), "", fn, arg);
    buf_add_str(&path, "/status");
    if (status)
        tell_path(api, kind, version, buf_str(&path), "Status", fn, arg);
    buf_deinit(&path);
}

void openapi_each_path(const struct openapi *api, openapi_fn fn, void *arg)
{
    const struct kinds *kinds = api->server->kinds;
    for (size_t i = 0; i < kinds_count(kinds); i++) {
        const struct kind *kind = kinds_at(kinds, i);
        for (size_t v = 0; v < kind->version_count; v++)
            if (openapi_shows(api, kind, &kind->versions[v]))
                each_path(api, kind, &kind->versions[v], fn, arg);
    }
}
