#include "sandbox/patch_apply_internal.h"

#include "sandbox/meta.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static struct jv *named(const struct apply *apply, struct jv *take)
{
    struct jv *out = typed_name_structs(&apply->shape, take);
    jv_unref(take);
    return out;
}

static struct jv *named_fields(const struct apply *apply, const struct jv *object)
{
    return named(apply, typed_fields(&apply->shape, object));
}

/* Puts back what was pruned but is managed by somebody. */
static struct jv *add_back_owned(const struct apply *apply, const struct jv *merged,
                                 const struct jv *pruned)
{
    struct jv *owned = jv_object();
    for (size_t i = 0; i < apply->managed.count; i++) {
        struct jv *more = fieldset_union(owned, apply->managed.list[i].fields);
        jv_unref(owned);
        owned = more;
    }
    owned = named(apply, owned);
    struct jv *all = named_fields(apply, merged), *left = named_fields(apply, pruned);
    struct jv *keep = fieldset_union(left, owned), *drop = fieldset_difference(all, keep);
    struct jv *out = typed_remove(&apply->shape, merged, drop);
    jv_unref(drop);
    jv_unref(keep);
    jv_unref(left);
    jv_unref(all);
    jv_unref(owned);
    return out;
}

/* Puts back what was pruned only because it hung below what was. */
static struct jv *add_back_dangling(const struct apply *apply, const struct jv *merged,
                                    const struct jv *pruned, const struct jv *last)
{
    struct jv *all = named_fields(apply, merged), *left = named_fields(apply, pruned);
    struct jv *gone = fieldset_difference(all, left), *drop = fieldset_intersection(gone, last);
    struct jv *out = typed_remove(&apply->shape, merged, drop);
    jv_unref(drop);
    jv_unref(gone);
    jv_unref(left);
    jv_unref(all);
    return out;
}

/* Takes away what this manager applied before, does not any more, and nobody else manages. */
static struct jv *prune(const struct apply *apply, struct jv *merged, const struct jv *last_fields)
{
    struct jv *gone = fieldset_difference(last_fields, apply->self->fields);
    bool nothing = fieldset_is_empty(gone);
    jv_unref(gone);
    if (nothing)
        return merged;
    struct jv *last = typed_name_structs(&apply->shape, last_fields);
    struct jv *pruned = typed_remove(&apply->shape, merged, last);
    struct jv *owned = add_back_owned(apply, merged, pruned);
    struct jv *out = add_back_dangling(apply, merged, owned, last);
    jv_unref(owned);
    jv_unref(pruned);
    jv_unref(last);
    jv_unref(merged);
    return out;
}

/* managed_find by position: the list may have moved. */
static struct manager *self_of(struct apply *apply)
{
    return managed_find(&apply->managed, apply->request->field_manager, true, "",
                        apply->request->subresource);
}

/* "apps/v1, Kind=X": core kinds show their missing group. Yours to free. */
static char *kind_text(const char *version, const char *kind)
{
    return mem_printf("%s%s, Kind=%s", strchr(version, '/') ? "" : "/", version, kind);
}

static int merge_applied(struct apply *apply, const struct jv *live, const struct jv *applied,
                         struct jv **out, struct refusal *refusal)
{
    struct err err = {0};
    const char *namespace = meta_namespace(applied), *name = meta_name(applied);
    if (typed_validate(&apply->shape, applied, &err) < 0) {
        char *kind = kind_text(apply->api_version, apply->kind->kind);
        refuse(refusal, 500, "", "failed to create typed patch object (%s/%s; %s): %s",
               namespace ? namespace : "", name ? name : "", kind, err.text);
        free(kind);
        return -1;
    }
    if (typed_merge(&apply->shape, live, applied, out, &err) < 0)
        return refuse(refusal, 500, "", "failed to merge config: %s", err.text);
    return 0;
}

static int settle(struct apply *apply, const struct jv *live, struct jv *merged,
                  struct refusal *refusal)
{
    struct comparison changes;
    const char *force = request_query(apply->request, "force");
    int result = 0;
    apply_compare(apply, live, merged, &changes);
    apply->same = fieldset_is_empty(changes.removed) && fieldset_is_empty(changes.modified) &&
                  fieldset_is_empty(changes.added);
    struct jv *conflicts = apply_find_conflicts(apply, &changes);
    bool forced = force && (strcasecmp(force, "true") == 0 || strcmp(force, "1") == 0 || !*force);
    if (!forced && jv_size(conflicts))
        result = apply_refuse_conflicts(apply, conflicts, refusal);
    else
        apply_take_from_others(apply, apply->self, &changes);
    jv_unref(conflicts);
    comparison_deinit(&changes);
    return result;
}

static void record_self(struct apply *apply)
{
    struct manager *self = self_of(apply);
    manager_set_fields(self, apply_strip(jv_ref(self->fields)));
    if (!apply->same) /* the real server has no time for who joins without changing anything */
        manager_set_time(self, apply->now);
    if (fieldset_is_empty(self->fields))
        managed_remove(&apply->managed, (size_t)(self - apply->managed.list));
}

static void update_last_applied(const struct apply *apply, const struct jv *applied,
                                struct jv *merged)
{
    struct jv *annotations = jv_path(merged, "metadata", "annotations", NULL);
    if (strcmp(apply->request->field_manager, "kubectl") != 0 || !jv_get(annotations, LAST_APPLIED))
        return;
    struct jv *copy = jv_dup(applied);
    struct jv *own = jv_path(copy, "metadata", "annotations", NULL);
    if (own)
        jv_remove(own, LAST_APPLIED);
    char *text = jv_print_str(copy, JV_PRINT_SORTED);
    char *line = mem_printf("%s\n", text ? text : "");
    jv_set_str(annotations, LAST_APPLIED, line);
    free(line);
    free(text);
    jv_unref(copy);
}

static void write_managed(struct apply *apply, const struct jv *live, struct jv *merged)
{
    const struct jv *old = jv_path(apply->live, "metadata", "managedFields", NULL);
    struct jv *entries = apply_entries(apply, old, live, merged);
    struct jv *metadata = jv_ensure(merged, "metadata", NULL);
    jv_remove(metadata, "managedFields");
    jv_set(metadata, "managedFields", entries);
}

static int apply_to(struct apply *apply, const struct jv *live, const struct jv *applied,
                    struct jv **out, struct refusal *refusal)
{
    struct jv *merged = NULL;
    if (merge_applied(apply, live, applied, &merged, refusal) < 0)
        return -1;
    apply_reconcile(apply);
    struct manager *self = managed_add(&apply->managed, apply->request->field_manager, true,
                                       apply->api_version, apply->request->subresource);
    free(self->api_version);
    self->api_version = mem_str(apply->api_version);
    struct jv *last = jv_ref(self->fields);
    manager_set_fields(self,
                       apply_without_reset(apply->request, typed_fields(&apply->shape, applied)));
    apply->self = self;
    merged = prune(apply, merged, last);
    jv_unref(last);
    int result = settle(apply, live, merged, refusal);
    if (result == 0) {
        *out = jv_ref(merged);
        record_self(apply);
        update_last_applied(apply, applied, *out);
        write_managed(apply, live, *out);
    }
    jv_unref(merged);
    return result;
}

static int refuse_no_manager(struct refusal *refusal)
{
    refuse(
        refusal, 422, "Invalid",
        "PatchOptions.meta.k8s.io \"\" is invalid: fieldManager: Required value: is required for "
        "apply patch");
    struct jv *details = jv_ensure(refusal->status, "details", NULL);
    jv_set_str(details, "group", "meta.k8s.io");
    jv_set_str(details, "kind", "PatchOptions");
    refusal_add_cause(refusal, "FieldValueRequired", "Required value: is required for apply patch",
                      "fieldManager");
    return -1;
}

static int check_applied(const struct apply *apply, const struct jv *live, const struct jv *applied,
                         struct refusal *refusal)
{
    const struct request *request = apply->request;
    const char *manager = request_query(request, "fieldManager");
    const char *version = jv_str(jv_get(applied, "apiVersion"));
    const char *kind = jv_str(jv_get(applied, "kind"));
    const char *uid = meta_uid(applied);
    if (!manager || !*manager)
        return refuse_no_manager(refusal);
    if (!kind || !version || strcmp(version, apply->api_version) != 0 ||
        strcmp(kind, apply->kind->kind) != 0) {
        char *text = kind_text(version ? version : "", kind ? kind : "");
        refuse_bad_request(refusal, "invalid object type: %s", text);
        free(text);
        return -1;
    }
    if (jv_path(applied, "metadata", "managedFields", NULL))
        return refuse_bad_request(refusal, "metadata.managedFields must be nil");
    if (!live && uid && *uid)
        return refuse_conflict(refusal, request->kind, request->name,
                               "uid mismatch: the provided object specified uid %s, and no "
                               "existing object was found",
                               uid);
    return 0;
}

int patch_apply(struct request *request, const struct jv *live, const struct jv *applied,
                struct jv **out, struct refusal *refusal)
{
    struct apply apply;
    apply_init(&apply, request);
    if (check_applied(&apply, live, applied, refusal) < 0)
        return -1;
    struct jv *before = live ? apply_bare(live) : apply_empty_object(&apply);
    apply.live = live;
    if (managed_decode(jv_path(live, "metadata", "managedFields", NULL), &apply.managed) < 0)
        apply.managed = (struct managed){0};
    if (live && apply.managed.count == 0) {
        struct jv *nothing = apply_empty_object(&apply);
        apply_track(&apply, "before-first-apply", NULL, nothing, before);
        jv_unref(nothing);
    }
    int result = apply_to(&apply, before, applied, out, refusal);
    managed_deinit(&apply.managed);
    jv_unref(before);
    return result;
}
