#include "sandbox/filter.h"

#include "sandbox/strategy.h"

#include <stdlib.h>
#include <string.h>

/* What the built-in kinds can be selected by, besides metadata.name and metadata.namespace. */
static const struct {
    const char *group, *plural, *fields;
} selectable[] = {
    {"", "pods",
     " spec.nodeName spec.restartPolicy spec.schedulerName spec.serviceAccountName"
     " spec.hostNetwork status.phase status.podIP status.nominatedNodeName "},
    {"", "events",
     " involvedObject.kind involvedObject.namespace involvedObject.name involvedObject.uid"
     " involvedObject.apiVersion involvedObject.resourceVersion involvedObject.fieldPath reason"
     " reportingComponent source type "},
    {"events.k8s.io", "events",
     " regarding.kind regarding.namespace regarding.name regarding.uid regarding.apiVersion"
     " regarding.resourceVersion regarding.fieldPath reason reportingController type "},
    {"", "secrets", " type "},
    {"", "services", " spec.clusterIP spec.type "},
    {"", "namespaces", " status.phase "},
    {"", "nodes", " spec.unschedulable "},
    {"apps", "replicasets", " status.replicas "},
};

static bool word_in(const char *words, const char *word)
{
    size_t len = strlen(word);
    for (const char *at = strstr(words, word); at; at = strstr(at + 1, word))
        if (at[-1] == ' ' && at[len] == ' ')
            return true;
    return false;
}

/* A CRD may name selectable fields: [{jsonPath: ".spec.color"}]. */
static bool custom_selectable(const struct request *request, const char *path)
{
    const struct jv *fields = jv_get(request->version->definition, "selectableFields");
    for (size_t i = 0; i < jv_size(fields); i++) {
        const char *json_path = jv_str(jv_get(jv_at(fields, i), "jsonPath"));
        if (json_path && json_path[0] == '.' && strcmp(json_path + 1, path) == 0)
            return true;
    }
    return false;
}

static bool has_own(const struct kind *kind)
{
    for (size_t i = 0; i < sizeof(selectable) / sizeof(selectable[0]); i++)
        if (strcmp(kind->group, selectable[i].group) == 0 &&
            strcmp(kind->plural, selectable[i].plural) == 0)
            return true;
    return false;
}

static bool is_selectable(const struct request *request, const char *path)
{
    const struct kind *kind = request->kind;
    for (size_t i = 0; i < sizeof(selectable) / sizeof(selectable[0]); i++)
        if (strcmp(kind->group, selectable[i].group) == 0 &&
            strcmp(kind->plural, selectable[i].plural) == 0)
            return word_in(selectable[i].fields, path);
    return custom_selectable(request, path);
}

/* Kinds with conversions of their own word it differently from those without. */
static int refuse_field(const struct request *request, const char *path, struct refusal *refusal)
{
    const struct kind *kind = request->kind;
    /* ReplicaSets have a field of their own, and yet the general words. */
    if (kind_is(kind, KIND_CUSTOM) || (has_own(kind) && kind->strategy != &strategy_replica_set))
        return refuse_bad_request(refusal, "field label not supported: %s", path);
    return refuse_bad_request(refusal,
                              "\"%s\" is not a known field selector: only \"metadata.name\", "
                              "\"metadata.namespace\"",
                              path);
}

/* Selectable names that are not JSON paths of the stored form. */
static char *stored_path(const char *path)
{
    if (strcmp(path, "source") == 0)
        return mem_str("source.component");
    if (strcmp(path, "reportingController") == 0)
        return mem_str("reportingComponent");
    if (strncmp(path, "regarding.", 10) == 0)
        return mem_printf("involvedObject.%s", path + 10);
    return mem_str(path);
}

static int add_field(struct filter *filter, const struct request *request, char *term,
                     struct refusal *refusal)
{
    char *equals = strchr(term, '=');
    if (!equals || equals == term)
        return refuse_bad_request(refusal, "invalid selector: '%s'; can't understand '%s'", term,
                                  term);
    bool unequal = equals[-1] == '!';
    char *value = equals + (equals[1] == '=' ? 2 : 1);
    *(unequal ? equals - 1 : equals) = '\0';
    if (!unequal && strcmp(term, "metadata.name") == 0) {
        free(filter->name);
        filter->name = mem_str(value);
        return 0;
    }
    bool placed = strcmp(term, "metadata.namespace") == 0 &&
                  (kind_is(request->kind, KIND_NAMESPACED) || !has_own(request->kind));
    if (strcmp(term, "metadata.name") != 0 && !placed && !is_selectable(request, term))
        return refuse_field(request, term, refusal);
    if (filter->field_count >= FILTER_FIELDS_MAX)
        return refuse_bad_request(refusal, "field selector has more than %d terms",
                                  FILTER_FIELDS_MAX);
    struct filter_field *field = &filter->fields[filter->field_count++];
    *field = (struct filter_field){
        .path = stored_path(term), .value = mem_str(value), .unequal = unequal};
    return 0;
}

/* The value at a dotted path as text, as field sets of the real server are: "" when absent. */
static const char *field_text(const struct jv *object, const char *path, char *out, size_t size)
{
    const struct jv *at = object;
    while (at && *path) {
        char key[128];
        size_t len = strcspn(path, ".");
        if (len >= sizeof(key))
            return "";
        memcpy(key, path, len);
        key[len] = '\0';
        at = jv_get(at, key);
        path += len + (path[len] == '.');
    }
    if (!at || jv_type(at) == JV_NULL)
        return "";
    if (jv_str(at))
        return jv_str(at);
    char *text = jv_print_str(at, 0);
    strncpy(out, text, size - 1);
    out[size - 1] = '\0';
    free(text);
    return out;
}

int filter_init(struct filter *filter, const struct request *request, struct refusal *refusal)
{
    *filter = (struct filter){0};
    struct err err = {0};
    filter->namespace = mem_str(request->namespace);
    filter->name = mem_str(request->name);
    filter->labels = selector_parse(request_query(request, "labelSelector"), &err);
    if (!filter->labels) {
        refuse_bad_request(refusal, "%s", err.text);
        goto failed;
    }
    const char *fields = request_query(request, "fieldSelector");
    char *copy = mem_str(fields ? fields : ""), *rest = copy, *term;
    int result = 0;
    while (result == 0 && (term = strsep(&rest, ",")))
        if (*term)
            result = add_field(filter, request, term, refusal);
    free(copy);
    if (result == 0)
        return 0;
failed:
    filter_deinit(filter);
    return -1;
}

void filter_deinit(struct filter *filter)
{
    for (size_t i = 0; i < filter->field_count; i++) {
        free(filter->fields[i].path);
        free(filter->fields[i].value);
    }
    free(filter->namespace);
    free(filter->name);
    selector_free(filter->labels);
    *filter = (struct filter){0};
}

bool filter_matches(const struct filter *filter, const struct stored *stored)
{
    if (filter->namespace && !stored_in_namespace(stored, filter->namespace))
        return false;
    if (filter->name && strcmp(filter->name, stored->name) != 0)
        return false;
    if (!selector_matches(filter->labels, stored->labels))
        return false;
    if (filter->field_count == 0)
        return true;
    struct jv *object = stored_parse(stored);
    bool matches = true;
    for (size_t i = 0; matches && i < filter->field_count; i++) {
        char text[KIND_TEXT_BYTES];
        const char *value = field_text(object, filter->fields[i].path, text, sizeof(text));
        matches = (strcmp(value, filter->fields[i].value) == 0) != filter->fields[i].unequal;
    }
    jv_unref(object);
    return matches;
}
