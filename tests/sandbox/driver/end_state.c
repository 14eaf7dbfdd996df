#include "end_state.h"

#include <stdlib.h>
#include <string.h>

enum { TEXT_BYTES_MAX = 32 << 20 };

struct end_state {
    struct jv *counts; /* "made Kind namespace/name": how often */
};

/* Kinds that last, with what is random or a matter of time in their specs. */
struct kept_kind {
    const char *api_version, *kind;
    const char *dropped[4];
};

static const struct kept_kind kept_kinds[] = {
    {"apps/v1", "StatefulSet", {NULL}},
    {"apps/v1", "Deployment", {NULL}},
    {"apps/v1", "ControllerRevision", {NULL}},
    {"v1", "Service", {"clusterIP", "clusterIPs", "healthCheckNodePort", NULL}},
    {"v1", "ConfigMap", {NULL}},
    {"v1", "PersistentVolumeClaim", {"volumeName", NULL}},
    {"policy/v1", "PodDisruptionBudget", {NULL}},
    {"networking.k8s.io/v1", "Ingress", {NULL}},
    {"autoscaling/v2", "HorizontalPodAutoscaler", {NULL}},
    {"druid.apache.org/v1alpha1", "Druid", {NULL}},
    {"druid.apache.org/v1alpha1", "DruidIngestion", {NULL}},
};

struct end_state *end_state_new(void)
{
    struct end_state *state = mem_alloc(sizeof(*state));
    state->counts = jv_object();
    return state;
}

void end_state_free(struct end_state *state)
{
    if (state) {
        jv_unref(state->counts);
        free(state);
    }
}

static const char *text_or(const struct jv *object, const char *member, const char *otherwise)
{
    const char *text = jv_path_str(object, "metadata", member, NULL);
    return text ? text : otherwise;
}

static bool is_counted(const char *kind)
{
    return strcmp(kind, "Event") != 0 && strcmp(kind, "Lease") != 0;
}

void end_state_count(struct end_state *state, const char *verb, const struct jv *before,
                     const struct jv *after)
{
    const struct jv *object = after ? after : before;
    const char *kind = jv_path_str(object, "kind", NULL);
    bool made = strcmp(verb, "create") == 0;
    bool marked = after && before && !jv_path(before, "metadata", "deletionTimestamp", NULL) &&
                  jv_path(after, "metadata", "deletionTimestamp", NULL);
    /* What was marked before ends by somebody else's hand, or by a finalizer's end. */
    bool removed = marked || (strcmp(verb, "delete") == 0 &&
                              !jv_path(before, "metadata", "deletionTimestamp", NULL));
    if (!kind || !is_counted(kind) || (!made && !removed)) {
        return;
    }
    char *key = mem_printf("%s %s %s/%s", made ? "made" : "removed", kind,
                           text_or(object, "namespace", ""), text_or(object, "name", "?"));
    jv_set_int(state->counts, key, jv_int_value(jv_get(state->counts, key)) + 1);
    free(key);
}

/* Marks of volumes tell when they were made; the digest of what was applied, whose it is by uid. */
static void mask_times(struct jv *metadata)
{
    struct jv *labels = jv_get(metadata, "labels"), *notes = jv_get(metadata, "annotations");
    if (jv_get(metadata, "deletionTimestamp")) {
        jv_set_str(metadata, "deletionTimestamp", "some time");
    }
    if (jv_get(labels, "deletionTS")) {
        jv_set_str(labels, "deletionTS", "some time");
    }
    jv_remove(notes, "nemeton.dev/applied");
    if (jv_get(notes, "nemeton.dev/orphan-since")) {
        jv_set_str(notes, "nemeton.dev/orphan-since", "some time");
        jv_set_str(notes, "nemeton.dev/goes-at", "some time");
    }
}

static void take(struct jv *out, const struct jv *from, const char *member)
{
    const struct jv *value = jv_get(from, member);
    if (value && jv_type(value) != JV_NULL) {
        jv_set(out, member, jv_dup(value));
    }
}

/* "Ready=True": conditions without their times and words. */
static struct jv *conditions_of(const struct jv *object)
{
    struct jv *out = jv_object();
    const struct jv *list = jv_path(object, "status", "conditions", NULL);
    for (size_t i = 0; i < jv_size(list); i++) {
        const char *type = jv_path_str(jv_at(list, i), "type", NULL);
        if (type) {
            jv_set_str(out, type, jv_path_str(jv_at(list, i), "status", NULL));
        }
    }
    return out;
}

static struct jv *essence(const struct kept_kind *kind, const struct jv *object)
{
    static const char *const metadata_kept[] = {"labels", "annotations", "finalizers",
                                                "deletionTimestamp"};
    struct jv *out = jv_object(), *metadata = jv_object();
    for (size_t i = 0; i < sizeof(metadata_kept) / sizeof(metadata_kept[0]); i++) {
        take(metadata, jv_get(object, "metadata"), metadata_kept[i]);
    }
    mask_times(metadata);
    jv_set(out, "metadata", metadata);
    take(out, object, "spec");
    take(out, object, "data");
    if (strncmp(kind->kind, "Druid", strlen("Druid")) == 0) {
        jv_set(out, "conditions", conditions_of(object));
    }
    struct jv *spec = jv_get(out, "spec");
    for (size_t i = 0; kind->dropped[i]; i++) {
        jv_remove(spec, kind->dropped[i]);
    }
    struct jv *ports = jv_get(spec, "ports");
    for (size_t i = 0; i < jv_size(ports); i++) {
        jv_remove(jv_at(ports, i), "nodePort");
    }
    return out;
}

static bool ends_with(const char *text, const char *end)
{
    size_t len = strlen(text), end_len = strlen(end);
    return len >= end_len && strcmp(text + len - end_len, end) == 0;
}

/* The scenario's own namespace; what plays Druid is not what a Druid operator answers for. */
static bool is_kept(const struct jv *object)
{
    return strncmp(text_or(object, "namespace", ""), "s-", 2) == 0 &&
           !ends_with(text_or(object, "name", ""), "-druid-model");
}

static void add_kind(struct jv *lines, const struct kept_kind *kind, struct apiserver *server)
{
    struct jv *objects = apiserver_dump(server, kind->api_version, kind->kind);
    for (size_t i = 0; i < jv_size(objects); i++) {
        const struct jv *object = jv_at(objects, i);
        if (!is_kept(object)) {
            continue;
        }
        struct jv *what = essence(kind, object);
        char *text = jv_print_str(what, JV_PRINT_SORTED);
        jv_append(lines, jv_stringf("is %s %s/%s\t%s", kind->kind, text_or(object, "namespace", ""),
                                    text_or(object, "name", ""), text));
        free(text);
        jv_unref(what);
    }
    jv_unref(objects);
}

static int line_order(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

char *end_state_text(const struct end_state *state, struct apiserver *server)
{
    struct jv *lines = jv_array();
    struct jv_iter iter = {0};
    for (size_t i = 0; i < sizeof(kept_kinds) / sizeof(kept_kinds[0]); i++) {
        add_kind(lines, &kept_kinds[i], server);
    }
    while (jv_next(state->counts, &iter)) {
        jv_append(lines, jv_stringf("%s\t%lld", iter.key, (long long)jv_int_value(iter.value)));
    }
    size_t count = jv_size(lines);
    const char **sorted = mem_alloc((count + 1) * sizeof(*sorted));
    for (size_t i = 0; i < count; i++) {
        sorted[i] = jv_str(jv_at(lines, i));
    }
    qsort(sorted, count, sizeof(*sorted), line_order);
    struct buf text;
    buf_init(&text, TEXT_BYTES_MAX);
    for (size_t i = 0; i < count; i++) {
        buf_printf(&text, "%s\n", sorted[i]);
    }
    free(sorted);
    jv_unref(lines);
    char *out = mem_str(buf_str(&text));
    buf_deinit(&text);
    return out;
}
