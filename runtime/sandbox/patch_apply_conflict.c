#include "sandbox/patch_apply_internal.h"

#include <stdlib.h>
#include <string.h>

enum { MESSAGE_BYTES_MAX = 256 << 10 };

struct conflict_list {
    struct refusal *refusal;
    struct buf message;
    char *who;
    size_t count;
    char *first; /* path */
};

static void add_conflict(void *arg, const char *path)
{
    struct conflict_list *list = arg;
    char *text = mem_printf("conflict with %s", list->who);
    refusal_add_cause(list->refusal, "FieldManagerConflict", text, path);
    buf_printf(&list->message, "\n- %s", path);
    if (list->count++ == 0)
        list->first = mem_printf("%s: %s", text, path);
    free(text);
}

static char *manager_text(const struct manager *manager)
{
    struct jv *name = jv_string(manager->name);
    char *quoted = jv_print_str(name, 0);
    char *out = mem_printf(
        "%s%s%s%s%s%s", quoted, manager->subresource ? " with subresource \"" : "",
        manager->subresource ? manager->subresource : "", manager->subresource ? "\"" : "",
        manager->applied ? "" : " using ", manager->applied ? "" : manager->api_version);
    free(quoted);
    jv_unref(name);
    return out;
}

static int by_identity(const void *a, const void *b)
{
    return strcmp(((const struct manager *)a)->identity, ((const struct manager *)b)->identity);
}

/* conflicts: {identity: field set}, not empty. */
int apply_refuse_conflicts(struct apply *apply, const struct jv *conflicts, struct refusal *refusal)
{
    struct conflict_list list = {.refusal = refusal};
    buf_init(&list.message, MESSAGE_BYTES_MAX);
    refuse(refusal, 409, "Conflict", "conflict");
    qsort(apply->managed.list, apply->managed.count, sizeof(*apply->managed.list), by_identity);
    for (size_t i = 0; i < apply->managed.count; i++) {
        const struct manager *manager = &apply->managed.list[i];
        const struct jv *fields = jv_get(conflicts, manager->identity);
        if (!fields)
            continue;
        list.who = manager_text(manager);
        buf_printf(&list.message, "%sconflicts with %s:", list.message.len ? "\n" : "", list.who);
        fieldset_each(fields, add_conflict, &list);
        free(list.who);
    }
    struct jv *text = list.count == 1 ? jv_stringf("Apply failed with 1 conflict: %s", list.first)
                                      : jv_stringf("Apply failed with %zu conflicts: %s",
                                                   list.count, buf_str(&list.message));
    jv_set(refusal->status, "message", text);
    free(list.first);
    buf_deinit(&list.message);
    return -1;
}

/* kubectl's own client-side applies are no conflict for its server-side ones: what it applied last
 * and is still so. NULL when there is nothing of the kind. */
static struct jv *allowed_conflicts(const struct apply *apply)
{
    const char *text = jv_path_str(apply->live, "metadata", "annotations", LAST_APPLIED, NULL);
    struct jv *last = NULL;
    if (strcmp(apply->request->field_manager, "kubectl") != 0 || !text ||
        jv_parse(text, strlen(text), &last, NULL) < 0)
        return NULL;
    struct jv *allowed = NULL;
    const char *version = jv_str(jv_get(last, "apiVersion"));
    if (version && strcmp(version, apply->api_version) == 0) {
        struct comparison changes;
        struct jv *fields = typed_fields(&apply->shape, last);
        typed_compare(&apply->shape, last, apply->live, &changes);
        struct jv *changed = fieldset_union(changes.modified, changes.added);
        struct jv *all = fieldset_union(changed, changes.removed);
        allowed = fieldset_difference(fields, all);
        jv_unref(all);
        jv_unref(changed);
        jv_unref(fields);
        comparison_deinit(&changes);
    }
    jv_unref(last);
    return allowed;
}

/* What others manage and this would change: {identity: fields}. Yours. */
struct jv *apply_find_conflicts(const struct apply *apply, const struct comparison *changes)
{
    struct jv *out = jv_object();
    struct jv *changed = fieldset_union(changes->modified, changes->added);
    struct jv *allowed = allowed_conflicts(apply);
    for (size_t i = 0; i < apply->managed.count; i++) {
        const struct manager *manager = &apply->managed.list[i];
        if (manager == apply->self)
            continue;
        struct jv *both = fieldset_intersection(manager->fields, changed);
        struct jv *left = allowed ? fieldset_difference(both, allowed) : jv_ref(both);
        if (!fieldset_is_empty(left))
            jv_set(out, manager->identity, jv_ref(left));
        jv_unref(left);
        jv_unref(both);
    }
    jv_unref(allowed);
    jv_unref(changed);
    return out;
}
