#include "sandbox/discover_internal.h"

#include "loop/exchange.h"

#include <stdlib.h>
#include <string.h>

static void send(struct exchange *exchange, const char *type, struct jv *document)
{
    const struct http_header headers[] = {{"Content-Type", type}, {"Vary", "Accept"}};
    char *text = jv_print_str(document, 0);
    exchange_reply(exchange, 200, headers, 2, text, strlen(text));
    free(text);
    jv_unref(document);
}

static struct jv *document_new(const char *kind, const char *version)
{
    struct jv *document = jv_object();
    jv_set_str(document, "kind", kind);
    jv_set_str(document, "apiVersion", version);
    return document;
}

static struct jv *group_version(const char *group, const char *version)
{
    struct jv *out = jv_object();
    jv_set(out, "groupVersion", *group ? jv_stringf("%s/%s", group, version) : jv_string(version));
    jv_set_str(out, "version", version);
    return out;
}

static struct jv *group_document(const struct discover_group *group)
{
    struct jv *out = jv_object(), *versions = jv_array();
    jv_set_str(out, "name", group->name);
    for (size_t i = 0; i < group->version_count; i++)
        jv_append(versions, group_version(group->name, group->versions[i]));
    jv_set(out, "versions", versions);
    jv_set(out, "preferredVersion", group_version(group->name, group->versions[0]));
    return out;
}

static struct jv *groups_document(const struct apiserver *server, const char *only)
{
    struct discover_group *groups = mem_alloc(DISCOVER_GROUPS_MAX * sizeof(*groups));
    size_t count = discover_groups(server->kinds, groups, DISCOVER_GROUPS_MAX);
    struct jv *list = jv_array(), *found = NULL;
    for (size_t i = 0; i < count; i++) {
        if (only && strcmp(groups[i].name, only) == 0)
            found = group_document(&groups[i]);
        else if (!only && *groups[i].name)
            jv_append(list, group_document(&groups[i]));
    }
    free(groups);
    if (only) {
        jv_unref(list);
        if (found) {
            jv_set_str(found, "kind", "APIGroup");
            jv_set_str(found, "apiVersion", "v1");
        }
        return found;
    }
    struct jv *document = document_new("APIGroupList", "v1");
    jv_set(document, "groups", list);
    return document;
}

static struct jv *core_document(const struct exchange *exchange)
{
    struct jv *document = jv_object(), *versions = jv_array(), *addresses = jv_array();
    const char *host = exchange_header(exchange, "Host");
    struct jv *address = jv_object();
    jv_set_str(document, "kind", "APIVersions");
    jv_append(versions, jv_string("v1"));
    jv_set(document, "versions", versions);
    jv_set_str(address, "clientCIDR", "0.0.0.0/0");
    jv_set_str(address, "serverAddress", host ? host : "localhost");
    jv_append(addresses, address);
    jv_set(document, "serverAddressByClientCIDRs", addresses);
    return document;
}

void discover_add_names(struct jv *out, const char *member, char *const *names, size_t count)
{
    struct jv *list = jv_array();
    for (size_t i = 0; i < count; i++)
        jv_append(list, jv_string(names[i]));
    if (count)
        jv_set(out, member, list);
    else
        jv_unref(list);
}

static void add_resource(struct jv *list, const struct kind *kind,
                         const struct kind_version *version)
{
    struct subresource subresources[SUBRESOURCES_MAX];
    struct jv *out = jv_object();
    jv_set_str(out, "name", kind->plural);
    jv_set_str(out, "singularName", kind->singular);
    jv_set(out, "namespaced", jv_bool(kind_is(kind, KIND_NAMESPACED)));
    jv_set_str(out, "kind", kind->kind);
    jv_set(out, "verbs", discover_words(discover_verbs(kind)));
    discover_add_names(out, "shortNames", kind->short_names, kind->short_name_count);
    discover_add_names(out, "categories", kind->categories, kind->category_count);
    jv_append(list, out);
    size_t count = discover_subresources(kind, version, subresources);
    for (size_t i = 0; i < count; i++) {
        struct jv *sub = jv_object();
        jv_set(sub, "name", jv_stringf("%s/%s", kind->plural, subresources[i].name));
        jv_set_str(sub, "singularName", "");
        jv_set(sub, "namespaced", jv_bool(kind_is(kind, KIND_NAMESPACED)));
        jv_set_str(sub, "group", subresources[i].group);
        jv_set_str(sub, "version", subresources[i].version);
        jv_set_str(sub, "kind", subresources[i].kind);
        jv_set(sub, "verbs", discover_words(subresources[i].verbs));
        jv_append(list, sub);
    }
}

static struct jv *resources_document(const struct apiserver *server, const char *group,
                                     const char *version)
{
    if (!kinds_has_group_version(server->kinds, group, version))
        return NULL;
    struct jv *document = document_new("APIResourceList", "v1"), *list = jv_array();
    jv_set(document, "groupVersion",
           *group ? jv_stringf("%s/%s", group, version) : jv_string(version));
    for (size_t i = 0; i < kinds_count(server->kinds); i++) {
        const struct kind *kind = kinds_at(server->kinds, i);
        if (kind_is(kind, KIND_REMOVED) || strcmp(kind->group, group) != 0)
            continue;
        for (size_t v = 0; v < kind->version_count; v++)
            if (kind->versions[v].served && strcmp(kind->versions[v].name, version) == 0)
                add_resource(list, kind, &kind->versions[v]);
    }
    jv_set(document, "resources", list);
    return document;
}

static struct jv *version_document(void)
{
    struct jv *out = jv_object();
    jv_set_str(out, "major", SERVER_MAJOR);
    jv_set_str(out, "minor", SERVER_MINOR);
    jv_set_str(out, "gitVersion", SERVER_GIT_VERSION);
    jv_set_str(out, "gitCommit", "");
    jv_set_str(out, "gitTreeState", "clean");
    jv_set_str(out, "buildDate", "1970-01-01T00:00:00Z");
    jv_set_str(out, "goVersion", "");
    jv_set_str(out, "compiler", "cc");
    jv_set_str(out, "platform", "linux/amd64");
    return out;
}

/* The aggregated form, when the client would rather have it than the plain one. */
static bool send_aggregated(const struct apiserver *server, struct exchange *exchange, bool core)
{
    static const char *const versions[] = {"v2", "v2beta1"};
    const char *accept = exchange_header(exchange, "Accept");
    for (size_t i = 0; accept && i < 2; i++) {
        char *type = mem_printf("application/json;g=apidiscovery.k8s.io;v=%s;as="
                                "APIGroupDiscoveryList",
                                versions[i]);
        bool wanted = strstr(accept, type) != NULL;
        if (wanted)
            send(exchange, type, discover_aggregated(server, core, versions[i]));
        free(type);
        if (wanted)
            return true;
    }
    return false;
}

bool discover_handle(struct apiserver *server, struct exchange *exchange, const char *const *parts,
                     size_t count)
{
    struct jv *document = NULL;
    bool core = count > 0 && strcmp(parts[0], "api") == 0;
    bool groups = count > 0 && strcmp(parts[0], "apis") == 0;
    if (strcmp(exchange_method(exchange), "GET") != 0)
        return false;
    if (count == 1 && (core || groups)) {
        if (send_aggregated(server, exchange, core))
            return true;
        document = core ? core_document(exchange) : groups_document(server, NULL);
    } else if (count == 2 && core) {
        document = resources_document(server, "", parts[1]);
    } else if (count == 2 && groups) {
        document = groups_document(server, parts[1]);
    } else if (count == 3 && groups) {
        document = resources_document(server, parts[1], parts[2]);
    } else if (count == 1 && strcmp(parts[0], "version") == 0) {
        document = version_document();
    }
    if (document)
        send(exchange, "application/json", document);
    return document != NULL;
}
