#include "cli/changes.h"

#include "base/map.h"

#include <stdlib.h>
#include <string.h>

#define GOES_AT "nemeton.dev/goes-at"

struct touched {
    struct jv *before, *after; /* NULL: not there */
    size_t order;              /* 0: nothing that counts has happened to it yet */
};

struct changes {
    const struct clock *clock;
    const char *world_user;
    bool recording;
    int64_t last_ms;
    struct map *objects;
    size_t order;
};

static void free_touched(void *value)
{
    struct touched *touched = value;
    jv_unref(touched->before);
    jv_unref(touched->after);
    free(touched);
}

static bool is_kind(const struct jv *object, const char *kind)
{
    const char *own = jv_path_str(object, "kind", NULL);
    return own != NULL && strcmp(own, kind) == 0;
}

/* Written all the time, by whoever watches and elects. */
static bool is_noise(const struct jv *object)
{
    return is_kind(object, "Lease") || is_kind(object, "Event");
}

/* What the controllers of the world keep for themselves. */
static bool is_inner(const struct jv *object)
{
    static const char *const kinds[] = {"ControllerRevision", "EndpointSlice", "Endpoints",
                                        "PersistentVolume"};
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        if (is_kind(object, kinds[i]))
            return true;
    }
    return false;
}

static char *key_of(const struct jv *object)
{
    const char *namespace = jv_path_str(object, "metadata", "namespace", NULL);
    return mem_printf("%s/%s/%s/%s", jv_path_str(object, "apiVersion", NULL),
                      jv_path_str(object, "kind", NULL), namespace != NULL ? namespace : "",
                      jv_path_str(object, "metadata", "name", NULL));
}

static bool is_leaving(const struct jv *object)
{
    return object == NULL || jv_path(object, "metadata", "deletionTimestamp", NULL) != NULL;
}

struct changes *changes_new(const struct clock *clock, const char *world_user)
{
    struct changes *changes = mem_alloc(sizeof(*changes));
    changes->clock = clock;
    changes->world_user = world_user;
    changes->last_ms = clock_mono_ms(clock);
    changes->objects = map_new(0, free_touched);
    return changes;
}

void changes_free(struct changes *changes)
{
    if (changes == NULL)
        return;
    map_free(changes->objects);
    free(changes);
}

void changes_begin(struct changes *changes)
{
    changes->recording = true;
}

int64_t changes_last_ms(const struct changes *changes)
{
    return changes->last_ms;
}

/* When a policy is going to remove it; NULL: nobody says so. */
static const char *goes_at(const struct jv *object)
{
    return jv_path_str(object, "metadata", "annotations", GOES_AT, NULL);
}

static const char *volume_size(const struct jv *object)
{
    const char *size = jv_path_str(object, "status", "capacity", "storage", NULL);
    if (!is_kind(object, "PersistentVolumeClaim"))
        return NULL;
    return size != NULL ? size
                        : jv_path_str(object, "spec", "resources", "requests", "storage", NULL);
}

/* "create", …; NULL when in the end nothing has changed. fields: for "change", yours. */
static const char *judge(const struct touched *touched, struct jv **fields)
{
    const struct jv *before = touched->before, *after = touched->after;
    *fields = NULL;
    if (before == NULL)
        return after != NULL ? "create" : NULL;
    if (is_leaving(after))
        return is_leaving(before) ? NULL : "delete";
    const char *old = jv_path_str(before, "metadata", "uid", NULL);
    const char *new = jv_path_str(after, "metadata", "uid", NULL);
    if (old != NULL && new != NULL && strcmp(old, new) != 0)
        return is_kind(after, "Pod") ? "restart" : "replace";
    if (goes_at(after) != NULL && goes_at(before) == NULL)
        return "later";
    *fields = changes_fields(before, after);
    if (jv_size(*fields) > 0)
        return "change";
    jv_unref(*fields);
    *fields = NULL;
    return NULL;
}

/* What counts happens to it now for the first time. */
static bool begins_to_count(const struct touched *touched, bool by_world)
{
    struct jv *fields = NULL;
    if (by_world)
        return is_leaving(touched->after);
    bool counts = judge(touched, &fields) != NULL;
    jv_unref(fields);
    return counts;
}

void changes_commit(struct changes *changes, const char *verb, const char *user,
                    const struct jv *before, const struct jv *after)
{
    const struct jv *object = after != NULL ? after : before;
    bool gone = strcmp(verb, "delete") == 0;
    if (is_noise(object))
        return;
    changes->last_ms = clock_mono_ms(changes->clock);
    if (!changes->recording || is_inner(object))
        return;
    char *key = key_of(object);
    struct touched *touched = map_get(changes->objects, key);
    if (touched == NULL && map_count(changes->objects) < CHANGES_OBJECTS_MAX) {
        touched = mem_alloc(sizeof(*touched));
        touched->before = jv_ref((struct jv *)before);
        map_put(changes->objects, key, touched);
    }
    free(key);
    if (touched == NULL)
        return;
    jv_unref(touched->after);
    touched->after = gone ? NULL : jv_ref((struct jv *)after);
    bool by_world = strncmp(user, changes->world_user, strlen(changes->world_user)) == 0;
    if (touched->order == 0 && begins_to_count(touched, by_world))
        touched->order = ++changes->order;
}

static int compare_orders(const void *a, const void *b)
{
    size_t x = (*(struct touched *const *)a)->order, y = (*(struct touched *const *)b)->order;
    return x < y ? -1 : x > y;
}

static void count(struct jv *counts, const char *what)
{
    jv_set_int(counts, what, jv_int_value(jv_get(counts, what)) + 1);
}

static void tell(struct jv *list, struct jv *counts, const struct touched *touched)
{
    struct jv *fields = NULL;
    const char *what = judge(touched, &fields);
    const struct jv *object = touched->after != NULL ? touched->after : touched->before;
    if (what == NULL)
        return;
    struct jv *entry = jv_object();
    jv_set_str(entry, "change", what);
    jv_set_str(entry, "apiVersion", jv_path_str(object, "apiVersion", NULL));
    jv_set_str(entry, "kind", jv_path_str(object, "kind", NULL));
    jv_set_str(entry, "namespace", jv_path_str(object, "metadata", "namespace", NULL));
    jv_set_str(entry, "name", jv_path_str(object, "metadata", "name", NULL));
    bool later = strcmp(what, "later") == 0;
    if (later || strcmp(what, "delete") == 0)
        jv_set_str(entry, "size", volume_size(object));
    if (later)
        jv_set_str(entry, "at", goes_at(object));
    jv_set(entry, "fields", fields);
    jv_append(list, entry);
    count(counts, what);
}

struct jv *changes_result(struct changes *changes)
{
    static const char *const words[] = {"create", "change", "replace", "restart",
                                        "delete", "later",  "pods"};
    struct jv *result = jv_object(), *list = jv_array(), *counts = jv_object();
    struct touched **sorted = mem_alloc((map_count(changes->objects) + 1) * sizeof(*sorted));
    size_t used = 0;
    struct map_iter iter = {0};
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
        jv_set_int(counts, words[i], 0);
    while (map_next(changes->objects, &iter)) {
        struct touched *touched = iter.value;
        if (touched->order > 0)
            sorted[used++] = touched;
        else if (touched->before == NULL && touched->after != NULL &&
                 is_kind(touched->after, "Pod"))
            count(counts, "pods");
    }
    if (used > 1)
        qsort(sorted, used, sizeof(*sorted), compare_orders);
    for (size_t i = 0; i < used; i++)
        tell(list, counts, sorted[i]);
    free(sorted);
    jv_set(result, "changes", list);
    jv_set(result, "counts", counts);
    return result;
}
