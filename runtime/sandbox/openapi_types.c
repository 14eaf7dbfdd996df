#include "sandbox/discover_internal.h"
#include "sandbox/openapi_internal.h"

#include <stdlib.h>
#include <string.h>

#define CORE "io.k8s.api.core.v1."
#define QUANTITY "io.k8s.apimachinery.pkg.api.resource.Quantity"
#define INT_OR_STRING "io.k8s.apimachinery.pkg.util.intstr.IntOrString"

static struct jv *ref_schema(const struct openapi *api, const struct type_ref *ref);

/* Where the types of a group are at home. Yours. */
static char *package_of(const struct kind *kind, const struct kind_version *version)
{
    if (strcmp(kind->group, "apiextensions.k8s.io") == 0)
        return mem_printf("io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.%s.",
                          version->name);
    const char *group = *kind->group ? kind->group : "core";
    return mem_printf("io.k8s.api.%.*s.%s.", (int)strcspn(group, "."), group, version->name);
}

/* Types that kinds of one group alone reach, though they are not of that group. */
static const char *known_package(const char *name)
{
    static const char *const core[] = {"PodTemplateSpec", "TopologySelectorTerm",
                                       "TopologySelectorLabelRequirement"};
    static const char *const meta[] = {"ObjectMeta",
                                       "OwnerReference",
                                       "ManagedFieldsEntry",
                                       "LabelSelector",
                                       "LabelSelectorRequirement",
                                       "Condition",
                                       "FieldSelectorRequirement",
                                       "DeleteOptions",
                                       "Preconditions"};
    for (size_t i = 0; i < sizeof(core) / sizeof(core[0]); i++)
        if (strcmp(name, core[i]) == 0)
            return CORE;
    for (size_t i = 0; i < sizeof(meta) / sizeof(meta[0]); i++)
        if (strcmp(name, meta[i]) == 0)
            return OPENAPI_META;
    return NULL;
}

static const struct type *named_type(const struct type_ref *ref)
{
    while (ref->form == TYPE_LIST || ref->form == TYPE_MAP)
        ref = ref->element;
    return ref->form == TYPE_NAMED ? ref->type : NULL;
}

/* Notes every type that `type` reaches; `seen` is of this kind alone. */
static void reach(struct openapi *api, const struct type *type, const char *package, bool wanted,
                  struct map *seen)
{
    if (!type || map_get(seen, type->name))
        return;
    map_put(seen, type->name, api);
    const char *before = map_get(api->packages, type->name);
    const char *known = known_package(type->name);
    if (known)
        package = known;
    const char *now = before && strcmp(before, package) != 0 ? CORE : package;
    map_put(api->packages, type->name, mem_str(known ? known : now));
    if (wanted)
        map_put(api->wanted, type->name, api);
    for (size_t i = 0; i < type->field_count; i++) {
        const struct type *inner = named_type(&type->fields[i].ref);
        reach(api, inner, strcmp(package, OPENAPI_META) == 0 ? OPENAPI_META : now, wanted, seen);
    }
}

static void reach_kind(struct openapi *api, const struct kind *kind,
                       const struct kind_version *version)
{
    bool wanted = openapi_shows(api, kind, version);
    char *package = package_of(kind, version);
    struct map *seen = map_new(0, NULL);
    if (version->type)
        reach(api, version->type, package, wanted, seen);
    else if (wanted)
        reach(api, types_find(api->server->types, "ObjectMeta"), OPENAPI_META, true, seen);
    map_free(seen);
    free(package);
}

/* Types that share their name with one of another group carry a prefix in the table. */
static char *type_name(const struct openapi *api, const struct type *type)
{
    static const char *const renamed[][2] = {{"io.k8s.api.events.v1.", "Events"},
                                             {"io.k8s.api.discovery.v1.", "Slice"}};
    const char *package = map_get(api->packages, type->name), *name = type->name;
    for (size_t i = 0; i < sizeof(renamed) / sizeof(renamed[0]); i++) {
        size_t len = strlen(renamed[i][1]);
        if (strcmp(package, renamed[i][0]) == 0 && strncmp(name, renamed[i][1], len) == 0)
            name += len;
    }
    return mem_printf("%s%s", package, name);
}

static struct jv *plain(const char *type, const char *format)
{
    struct jv *out = jv_object();
    jv_set_str(out, "type", type);
    jv_set_str(out, "format", format);
    return out;
}

static struct jv *scalar_schema(const struct openapi *api, char letter)
{
    switch (letter) {
    case 's':
        return plain("string", NULL);
    case 'b':
        return plain("boolean", NULL);
    case 'i':
        return plain("integer", "int32");
    case 'l':
        return plain("integer", "int64");
    case 'n':
        return plain("number", "double");
    case 'q':
        return openapi_ref(api, QUANTITY);
    case 'x':
        return openapi_ref(api, INT_OR_STRING);
    case 't':
        return openapi_ref(api, OPENAPI_META "Time");
    case 'm':
        return openapi_ref(api, OPENAPI_META "MicroTime");
    case 'y':
        return plain("string", "byte");
    default:
        return jv_object(); /* anything */
    }
}

static struct jv *ref_schema(const struct openapi *api, const struct type_ref *ref)
{
    struct jv *out;
    char *name;
    switch (ref->form) {
    case TYPE_SCALAR:
        return scalar_schema(api, ref->letter);
    case TYPE_NAMED:
        name = type_name(api, ref->type);
        out = openapi_ref(api, name);
        free(name);
        return out;
    case TYPE_LIST:
        out = plain("array", NULL);
        jv_set(out, "items", ref_schema(api, ref->element));
        return out;
    case TYPE_MAP:
        out = plain("object", NULL);
        jv_set(out, "additionalProperties", ref_schema(api, ref->element));
        return out;
    }
    return NULL;
}

static void add_merging(const struct type_field *field, struct jv *out)
{
    bool merges = field->merge_key != NULL;
    struct jv *keys = jv_array();
    for (size_t i = 0; i < TYPE_KEYS_MAX && field->keys[i]; i++)
        jv_append(keys, jv_string(field->keys[i]));
    if (field->keys[0]) {
        jv_set(out, "x-kubernetes-list-map-keys", jv_ref(keys));
        jv_set_str(out, "x-kubernetes-list-type", "map");
    } else if (field->set) {
        jv_set_str(out, "x-kubernetes-list-type", "set");
    } else if (field->ref.form == TYPE_LIST && !merges) {
        jv_set_str(out, "x-kubernetes-list-type", "atomic");
    }
    jv_unref(keys);
    if (field->atomic)
        jv_set_str(out, "x-kubernetes-map-type", "atomic");
    if (merges && *field->merge_key)
        jv_set_str(out, "x-kubernetes-patch-merge-key", field->merge_key);
    if (merges || field->retain_keys)
        jv_set(out, "x-kubernetes-patch-strategy",
               jv_stringf("%s%s%s", merges ? "merge" : "", merges && field->retain_keys ? "," : "",
                          field->retain_keys ? "retainKeys" : ""));
}

static struct jv *type_schema(const struct openapi *api, const struct type *type)
{
    struct jv *out = plain("object", NULL), *properties = jv_object(), *required = jv_array();
    for (size_t i = 0; i < type->field_count; i++) {
        const struct type_field *field = &type->fields[i];
        struct jv *schema = ref_schema(api, &field->ref);
        add_merging(field, schema);
        jv_set(properties, field->name, schema);
        if (field->required)
            jv_append(required, jv_string(field->name));
    }
    if (jv_size(properties))
        jv_set(out, "properties", jv_ref(properties));
    if (jv_size(required))
        jv_set(out, "required", jv_ref(required));
    if (type->atomic)
        jv_set_str(out, "x-kubernetes-map-type", "atomic");
    jv_unref(properties);
    jv_unref(required);
    return out;
}

static void tell(openapi_fn fn, void *arg, const char *name, struct jv *take)
{
    fn(arg, name, take);
    jv_unref(take);
}

static struct jv *described(struct jv *schema, const char *text)
{
    jv_set_str(schema, "description", text);
    return schema;
}

static void each_scalar(openapi_fn fn, void *arg, bool v3)
{
    struct jv *either = plain(v3 ? NULL : "string", "int-or-string");
    if (v3) {
        struct jv *list = jv_array();
        jv_append(list, plain("integer", NULL));
        jv_append(list, plain("string", NULL));
        jv_set(either, "oneOf", list);
    }
    tell(fn, arg, QUANTITY,
         described(plain("string", NULL), "A number with a unit, such as 500m, 1.5Gi or 3e9."));
    tell(fn, arg, INT_OR_STRING, described(either, "A number or a text."));
    tell(fn, arg, OPENAPI_META "Time", described(plain("string", "date-time"), "RFC 3339."));
    tell(fn, arg, OPENAPI_META "MicroTime",
         described(plain("string", "date-time"), "RFC 3339 with microseconds."));
}

static struct jv *list_meta(void)
{
    static const char *const names[] = {"continue", "resourceVersion", "selfLink"};
    struct jv *out = plain("object", NULL), *properties = jv_object();
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        jv_set(properties, names[i], plain("string", NULL));
    jv_set(properties, "remainingItemCount", plain("integer", "int64"));
    jv_set(out, "properties", properties);
    return out;
}

static struct jv *list_schema(const struct openapi *api, const struct kind *kind,
                              const struct kind_version *version)
{
    struct jv *out = plain("object", NULL), *properties = jv_object(), *items = jv_object();
    struct jv *required = jv_array();
    char *name = openapi_kind_name(api, kind, version);
    jv_set_str(items, "type", "array");
    jv_set(items, "items", openapi_ref(api, name));
    jv_set(properties, "apiVersion", plain("string", NULL));
    jv_set(properties, "kind", plain("string", NULL));
    jv_set(properties, "metadata", openapi_ref(api, OPENAPI_META "ListMeta"));
    jv_set(properties, "items", items);
    jv_append(required, jv_string("items"));
    jv_set(out, "properties", properties);
    jv_set(out, "required", required);
    free(name);
    return out;
}

static void set_gvk(struct jv *schema, const struct kind *kind, const struct kind_version *version,
                    const char *suffix)
{
    struct jv *list = jv_array();
    jv_append(list, openapi_gvk(kind, version, suffix));
    jv_set(schema, "x-kubernetes-group-version-kind", list);
}

static void each_kind(const struct openapi *api, const struct kind *kind,
                      const struct kind_version *version, openapi_fn fn, void *arg)
{
    char *name = openapi_kind_name(api, kind, version), *list = mem_printf("%sList", name);
    struct jv *schema =
        version->type ? type_schema(api, version->type) : openapi_custom(api, kind, version);
    set_gvk(schema, kind, version, "");
    tell(fn, arg, name, schema);
    if (strstr(discover_verbs(kind), "list")) {
        schema = list_schema(api, kind, version);
        set_gvk(schema, kind, version, "List");
        tell(fn, arg, list, schema);
    }
    free(list);
    free(name);
}

static bool is_kind(const struct openapi *api, const struct type *type)
{
    const struct kinds *kinds = api->server->kinds;
    for (size_t i = 0; i < kinds_count(kinds); i++) {
        const struct kind *kind = kinds_at(kinds, i);
        for (size_t v = 0; v < kind->version_count; v++)
            if (kind->versions[v].type == type && openapi_shows(api, kind, &kind->versions[v]))
                return true;
    }
    return false;
}

void openapi_init(struct openapi *api, const struct apiserver *server, bool v3, const char *group,
                  const char *version)
{
    *api = (struct openapi){
        .server = server,
        .v3 = v3,
        .group = group,
        .version = version,
        .packages = map_new(0, free),
        .wanted = map_new(0, NULL),
    };
    for (size_t i = 0; i < kinds_count(server->kinds); i++) {
        const struct kind *kind = kinds_at(server->kinds, i);
        for (size_t v = 0; v < kind->version_count; v++)
            reach_kind(api, kind, &kind->versions[v]);
    }
}

void openapi_deinit(struct openapi *api)
{
    map_free(api->packages);
    map_free(api->wanted);
}

bool openapi_shows(const struct openapi *api, const struct kind *kind,
                   const struct kind_version *version)
{
    if (kind_is(kind, KIND_REMOVED) || !version->served)
        return false;
    return !api->group ||
           (strcmp(kind->group, api->group) == 0 && strcmp(version->name, api->version) == 0);
}

char *openapi_kind_name(const struct openapi *api, const struct kind *kind,
                        const struct kind_version *version)
{
    struct buf name;
    if (version->type)
        return type_name(api, version->type);
    buf_init(&name, KIND_TEXT_BYTES * 2);
    for (size_t end = strlen(kind->group); end > 0;) { /* the group backwards */
        size_t start = end;
        while (start > 0 && kind->group[start - 1] != '.')
            start--;
        buf_printf(&name, "%.*s.", (int)(end - start), kind->group + start);
        end = start ? start - 1 : 0;
    }
    buf_printf(&name, "%s.%s", version->name, kind->kind);
    char *out = mem_str(buf_str(&name));
    buf_deinit(&name);
    return out;
}

struct jv *openapi_ref(const struct openapi *api, const char *name)
{
    struct jv *out = jv_object();
    jv_set(out, "$ref",
           jv_stringf("#/%s/%s", api->v3 ? "components/schemas" : "definitions", name));
    return out;
}

struct jv *openapi_gvk(const struct kind *kind, const struct kind_version *version,
                       const char *suffix)
{
    struct jv *out = jv_object();
    jv_set_str(out, "group", kind->group);
    jv_set(out, "kind", jv_stringf("%s%s", kind->kind, suffix));
    jv_set_str(out, "version", version->name);
    return out;
}

void openapi_each_definition(const struct openapi *api, openapi_fn fn, void *arg)
{
    const struct kinds *kinds = api->server->kinds;
    const struct types *types = api->server->types;
    each_scalar(fn, arg, api->v3);
    tell(fn, arg, OPENAPI_META "ListMeta", list_meta());
    for (size_t i = 0; i < types_count(types); i++) {
        const struct type *type = types_at(types, i);
        if (!map_get(api->wanted, type->name) || is_kind(api, type))
            continue;
        char *name = type_name(api, type);
        tell(fn, arg, name, type_schema(api, type));
        free(name);
    }
    for (size_t i = 0; i < kinds_count(kinds); i++) {
        const struct kind *kind = kinds_at(kinds, i);
        for (size_t v = 0; v < kind->version_count; v++)
            if (openapi_shows(api, kind, &kind->versions[v]))
                each_kind(api, kind, &kind->versions[v], fn, arg);
    }
}
