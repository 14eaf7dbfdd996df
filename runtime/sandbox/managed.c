#include "sandbox/managed.h"

#include <stdlib.h>
#include <string.h>

enum { UPDATERS_MAX = 10 };

/* The real server's identifier: an entry's JSON without what does not identify. */
static char *identity_of(const char *name, bool applied, const char *api_version,
                         const char *subresource)
{
    struct jv *entry = jv_object();
    if (*name)
        jv_set_str(entry, "manager", name);
    jv_set_str(entry, "operation", applied ? "Apply" : "Update");
    if (!applied)
        jv_set_str(entry, "apiVersion", api_version);
    if (subresource && *subresource)
        jv_set_str(entry, "subresource", subresource);
    char *text = jv_print_str(entry, 0);
    jv_unref(entry);
    return text;
}

static bool is_text(const struct jv *entry, const char *name, const char *wanted)
{
    const char *text = jv_str(jv_get(entry, name));
    return text && strcmp(text, wanted) == 0;
}

static int decode_entry(const struct jv *entry, struct managed *out)
{
    const char *name = jv_str(jv_get(entry, "manager"));
    const char *version = jv_str(jv_get(entry, "apiVersion"));
    const struct jv *fields = jv_get(entry, "fieldsV1");
    bool applied = is_text(entry, "operation", "Apply");
    if (!applied && !is_text(entry, "operation", "Update"))
        return -1;
    if (!version || !*version || !is_text(entry, "fieldsType", "FieldsV1"))
        return -1;
    if (fields && !jv_is_object(fields))
        return -1;
    struct manager *manager =
        managed_add(out, name ? name : "", applied, version, jv_str(jv_get(entry, "subresource")));
    manager_set_fields(manager, fields ? jv_ref((struct jv *)fields) : jv_object());
    manager_set_time(manager, jv_str(jv_get(entry, "time")));
    return 0;
}

static void manager_deinit(struct manager *manager)
{
    free(manager->name);
    free(manager->api_version);
    free(manager->subresource);
    free(manager->identity);
    jv_unref(manager->time);
    jv_unref(manager->fields);
}

static const char *text_of(const char *text)
{
    return text ? text : "";
}

static int by_time(const struct manager *a, const struct manager *b)
{
    /* RFC 3339 in UTC sorts as text; none sorts first. */
    return strcmp(text_of(jv_str(a->time)), text_of(jv_str(b->time)));
}

static int by_order(const void *x, const void *y)
{
    const struct manager *a = x, *b = y;
    if (a->applied != b->applied)
        return a->applied ? -1 : 1;
    int order = by_time(a, b);
    if (order == 0)
        order = strcmp(a->name, b->name);
    if (order == 0)
        order = strcmp(a->api_version, b->api_version);
    return order ? order : strcmp(text_of(a->subresource), text_of(b->subresource));
}

static size_t count_updaters(const struct managed *managed)
{
    size_t count = 0;
    for (size_t i = 0; i < managed->count; i++)
        count += !managed->list[i].applied;
    return count;
}

/* The oldest updater of this version but for one; -1 when there is none. */
static ssize_t oldest_updater(const struct managed *managed, const char *version, const char *but)
{
    ssize_t found = -1;
    for (size_t i = 0; i < managed->count; i++) {
        const struct manager *manager = &managed->list[i];
        if (manager->applied || (version && strcmp(manager->api_version, version) != 0) ||
            (but && strcmp(manager->identity, but) == 0))
            continue;
        if (found < 0 || by_order(manager, &managed->list[found]) < 0)
            found = (ssize_t)i;
    }
    return found;
}

int managed_decode(const struct jv *entries, struct managed *out)
{
    *out = (struct managed){0};
    for (size_t i = 0; jv_is_array(entries) && i < jv_size(entries); i++) {
        if (decode_entry(jv_at(entries, i), out) < 0) {
            managed_deinit(out);
            return -1;
        }
    }
    return 0;
}

void managed_deinit(struct managed *managed)
{
    for (size_t i = 0; i < managed->count; i++)
        manager_deinit(&managed->list[i]);
    free(managed->list);
    *managed = (struct managed){0};
}

struct jv *managed_encode(struct managed *managed)
{
    if (managed->count == 0)
        return NULL;
    struct jv *entries = jv_array();
    qsort(managed->list, managed->count, sizeof(*managed->list), by_order);
    for (size_t i = 0; i < managed->count; i++) {
        const struct manager *manager = &managed->list[i];
        struct jv *entry = jv_object();
        if (*manager->name)
            jv_set_str(entry, "manager", manager->name);
        jv_set_str(entry, "operation", manager->applied ? "Apply" : "Update");
        jv_set_str(entry, "apiVersion", manager->api_version);
        if (manager->time)
            jv_set(entry, "time", jv_ref(manager->time));
        jv_set_str(entry, "fieldsType", "FieldsV1");
        jv_set(entry, "fieldsV1", jv_ref(manager->fields));
        jv_set_str(entry, "subresource", manager->subresource);
        jv_append(entries, entry);
    }
    return entries;
}

struct manager *managed_find(const struct managed *managed, const char *name, bool applied,
                             const char *api_version, const char *subresource)
{
    char *identity = identity_of(name, applied, api_version, subresource);
    struct manager *found = NULL;
    for (size_t i = 0; !found && i < managed->count; i++)
        if (strcmp(managed->list[i].identity, identity) == 0)
            found = &managed->list[i];
    free(identity);
    return found;
}

struct manager *managed_add(struct managed *managed, const char *name, bool applied,
                            const char *api_version, const char *subresource)
{
    struct manager *found = managed_find(managed, name, applied, api_version, subresource);
    if (found)
        return found;
    managed->list = mem_grow(managed->list, (managed->count + 1) * sizeof(*managed->list));
    found = &managed->list[managed->count++];
    *found = (struct manager){
        .name = mem_str(name),
        .applied = applied,
        .api_version = mem_str(api_version),
        .subresource = subresource && *subresource ? mem_str(subresource) : NULL,
        .fields = jv_object(),
        .identity = identity_of(name, applied, api_version, subresource),
    };
    return found;
}

void manager_set_fields(struct manager *manager, struct jv *take)
{
    jv_unref(manager->fields);
    manager->fields = take;
}

void manager_set_time(struct manager *manager, const char *time)
{
    jv_unref(manager->time);
    manager->time = jv_string(time);
}

void managed_remove(struct managed *managed, size_t index)
{
    manager_deinit(&managed->list[index]);
    managed->count--;
    memmove(&managed->list[index], &managed->list[index + 1],
            (managed->count - index) * sizeof(*managed->list));
}

void managed_cap(struct managed *managed)
{
    static const char bucket_name[] = "ancient-changes";
    while (count_updaters(managed) > UPDATERS_MAX) {
        ssize_t oldest = oldest_updater(managed, NULL, NULL);
        char *version = mem_str(managed->list[oldest].api_version);
        char *bucket = identity_of(bucket_name, false, version, NULL);
        ssize_t first = oldest_updater(managed, version, bucket);
        struct manager *into = managed_add(managed, bucket_name, false, version, NULL);
        if (first < 0) { /* the bucket itself is the oldest and the only one of its version */
            free(version);
            free(bucket);
            return;
        }
        const struct manager *from = &managed->list[first];
        manager_set_fields(into, fieldset_union(into->fields, from->fields));
        manager_set_time(into, jv_str(from->time));
        managed_remove(managed, (size_t)first);
        free(version);
        free(bucket);
    }
}
