#include "sandbox/patch_apply_internal.h"

#include "sandbox/decode.h"
#include "sandbox/strategy.h"

#include <stdlib.h>
#include <string.h>

void apply_init(struct apply *apply, struct request *request)
{
    *apply = (struct apply){.request = request, .kind = request->kind, .version = request->version};
    apply->shape = shape_of(apply->version, types_find(request->server->types, "ObjectMeta"));
    kind_api_version(apply->kind, apply->version, apply->api_version, sizeof(apply->api_version));
    server_time(request->server, false, apply->now);
}

static struct jv *parse_set(const char *text)
{
    struct jv *set = NULL;
    jv_parse(text, strlen(text), &set, NULL);
    return set;
}

/* What nobody ever manages. */
struct jv *apply_strip(struct jv *fields)
{
    struct jv *set =
        parse_set("{\"f:apiVersion\":{},\"f:kind\":{},\"f:metadata\":{\".\":{},\"f:name\":{},"
                  "\"f:namespace\":{},\"f:creationTimestamp\":{},\"f:selfLink\":{},\"f:uid\":{},"
                  "\"f:clusterName\":{},\"f:generation\":{},\"f:managedFields\":{},"
                  "\"f:resourceVersion\":{}}}");
    struct jv *out = fieldset_difference(fields, set);
    jv_unref(set);
    jv_unref(fields);
    return out;
}

/* What this endpoint does not write, so that nobody gets it by using it. */
static struct jv *reset_fields(const struct request *request)
{
    const char *kind = request->kind->kind;
    bool custom = kind_is(request->kind, KIND_CUSTOM);
    bool has_status = custom ? request->version->status : kind_is(request->kind, KIND_STATUS);
    if (!has_status)
        return NULL;
    if (!request->subresource || strcmp(request->subresource, "status") != 0)
        return parse_set("{\"f:status\":{}}");
    if (!custom && strcmp(kind, "Pod") == 0)
        return parse_set("{\"f:spec\":{},\"f:metadata\":{\"f:deletionTimestamp\":{},"
                         "\"f:ownerReferences\":{}}}");
    if (!custom && strcmp(kind, "Deployment") == 0)
        return parse_set("{\"f:spec\":{},\"f:metadata\":{\"f:labels\":{}}}");
    if (!custom && strcmp(kind, "CustomResourceDefinition") == 0)
        return parse_set("{\"f:spec\":{},\"f:metadata\":{}}");
    return parse_set("{\"f:spec\":{}}");
}

struct jv *apply_without_reset(const struct request *request, struct jv *fields)
{
    struct jv *reset = reset_fields(request);
    struct jv *out = reset ? fieldset_without(fields, reset) : jv_ref(fields);
    jv_unref(reset);
    jv_unref(fields);
    return out;
}

/* managedFields do not compare. Shares all else. */
struct jv *apply_bare(const struct jv *object)
{
    struct jv *out = jv_object();
    struct jv_iter iter = {0};
    while (jv_next(object, &iter)) {
        if (strcmp(iter.key, "metadata") != 0 || !jv_get(iter.value, "managedFields")) {
            jv_set(out, iter.key, jv_ref(iter.value));
            continue;
        }
        struct jv *metadata = jv_object();
        struct jv_iter inner = {0};
        while (jv_next(iter.value, &inner))
            if (strcmp(inner.key, "managedFields") != 0)
                jv_set(metadata, inner.key, jv_ref(inner.value));
        jv_set(out, "metadata", metadata);
    }
    return out;
}

/* An object of this kind with nothing in it, as the real server's decoder makes it. */
struct jv *apply_empty_object(const struct apply *apply)
{
    const struct kind_version *version = apply->request->version;
    struct jv *object =
        version->type ? decode_object(version->type, NULL, NULL, NULL) : jv_object();
    jv_set_str(object, "apiVersion", apply->api_version);
    jv_set_str(object, "kind", apply->kind->kind);
    return object;
}

void apply_compare(const struct apply *apply, const struct jv *before, const struct jv *after,
                   struct comparison *out)
{
    typed_compare(&apply->shape, before, after, out);
    out->removed = apply_without_reset(apply->request, out->removed);
    out->modified = apply_without_reset(apply->request, out->modified);
    out->added = apply_without_reset(apply->request, out->added);
}

/* The real server cannot convert between the two groups of Events: who wrote in the other one is
 * forgotten. */
static void forget_other_group(struct apply *apply)
{
    bool is_event = apply->kind->strategy == &strategy_event;
    for (size_t i = apply->managed.count; is_event && i > 0; i--)
        if (strcmp(apply->managed.list[i - 1].api_version, apply->api_version) != 0)
            managed_remove(&apply->managed, i - 1);
}

void apply_reconcile(struct apply *apply)
{
    forget_other_group(apply);
    for (size_t i = 0; i < apply->managed.count; i++) {
        struct manager *manager = &apply->managed.list[i];
        manager_set_fields(manager, typed_reconcile(&apply->shape, manager->fields));
    }
}

/* Everybody but `self` loses what was changed or removed. */
void apply_take_from_others(struct apply *apply, const struct manager *self,
                            const struct comparison *changes)
{
    struct jv *changed = fieldset_union(changes->modified, changes->added);
    struct jv *lost = fieldset_union(changed, changes->removed);
    char *identity = self ? mem_str(self->identity) : NULL;
    for (size_t i = apply->managed.count; i > 0; i--) {
        struct manager *manager = &apply->managed.list[i - 1];
        if (identity && strcmp(manager->identity, identity) == 0)
            continue;
        manager_set_fields(manager, fieldset_difference(manager->fields, lost));
        if (fieldset_is_empty(manager->fields))
            managed_remove(&apply->managed, i - 1);
    }
    free(identity);
    jv_unref(changed);
    jv_unref(lost);
}

/* Gives what an update changed to an updater of this name. */
void apply_track(struct apply *apply, const char *name, const char *subresource,
                 const struct jv *before, const struct jv *after)
{
    struct comparison changes;
    apply_reconcile(apply);
    apply_compare(apply, before, after, &changes);
    /* As if done by a manager of its own that is then joined with the one of that name: so the old
     * entry of the same name loses what it has, and gets it back. */
    apply_take_from_others(apply, NULL, &changes);
    struct jv *gained = apply_strip(fieldset_union(changes.modified, changes.added));
    if (!fieldset_is_empty(gained)) {
        struct manager *manager =
            managed_add(&apply->managed, name, false, apply->api_version, subresource);
        manager_set_fields(manager, fieldset_union(manager->fields, gained));
        /* The real server has no time for who scales. */
        bool scales = subresource && strcmp(subresource, "scale") == 0;
        manager_set_time(manager, scales ? NULL : apply->now);
    }
    jv_unref(gained);
    comparison_deinit(&changes);
}

/* An apply that changed nothing keeps the old times, so that nothing is written. */
static bool same_but_times(const struct jv *before, const struct jv *after)
{
    if (jv_size(before) != jv_size(after))
        return false;
    for (size_t i = 0; i < jv_size(before); i++) {
        struct jv *a = jv_dup(jv_at(before, i)), *b = jv_dup(jv_at(after, i));
        jv_remove(a, "time");
        jv_remove(b, "time");
        bool same = jv_equal(a, b);
        jv_unref(a);
        jv_unref(b);
        if (!same)
            return false;
    }
    return true;
}

/* The value as it will be stored: what a decoder makes of it. */
static struct jv *as_stored(const struct apply *apply, const struct jv *object)
{
    const struct type *type = apply->version->type;
    struct jv *out = type ? decode_object(type, object, NULL, NULL) : NULL;
    return out ? out : jv_ref((struct jv *)object);
}

static bool same_object(const struct apply *apply, const struct jv *live, const struct jv *merged)
{
    struct jv *before = as_stored(apply, live), *after = as_stored(apply, merged);
    const struct strategy *strategy = apply->kind->home->strategy;
    if (strategy->defaults && apply->kind == apply->kind->home) {
        struct jv *own = jv_dup(after);
        jv_unref(after);
        strategy->defaults(own);
        after = own;
    }
    bool same = jv_equal(before, after);
    jv_unref(before);
    jv_unref(after);
    return same;
}

struct jv *apply_entries(struct apply *apply, const struct jv *old, const struct jv *before,
                         const struct jv *after)
{
    struct jv *entries = managed_encode(&apply->managed);
    if (!entries || !old || jv_equal(old, entries) || !same_but_times(old, entries) ||
        !(apply->same || same_object(apply, before, after)))
        return entries;
    jv_unref(entries);
    return jv_ref((struct jv *)old);
}

static bool is_reset(const struct jv *entries)
{
    return jv_is_array(entries) &&
           (jv_size(entries) == 0 || (jv_size(entries) == 1 && jv_size(jv_at(entries, 0)) == 0));
}

/* Nobody is known for an old object: it stays so. To /scale an object is only its replicas. */
static bool is_tracked(const struct apply *apply)
{
    const char *subresource = apply->request->subresource;
    if (!subresource || strcmp(subresource, "scale") != 0)
        return apply->managed.count > 0;
    for (size_t i = 0; i < apply->managed.count; i++)
        if (jv_path(apply->managed.list[i].fields, "f:spec", "f:replicas", NULL))
            return true;
    return false;
}

/* What /scale sees of an object: no replicas where there are none. Takes the object over. */
static struct jv *as_scaled(const struct apply *apply, struct jv *object)
{
    const char *subresource = apply->request->subresource;
    const struct jv *replicas = jv_path(object, "spec", "replicas", NULL);
    if (!subresource || strcmp(subresource, "scale") != 0 || !replicas || jv_int_value(replicas))
        return object;
    struct jv *own = jv_dup(object);
    jv_remove(jv_get(own, "spec"), "replicas");
    jv_unref(object);
    return own;
}

/* A stored object in the request's shape, without its managers. Yours. */
static struct jv *as_asked(const struct apply *apply, const struct jv *stored)
{
    struct jv *bare = apply_bare(stored);
    if (apply->kind == apply->kind->home)
        return bare;
    struct jv *own = jv_dup(bare);
    jv_unref(bare);
    return request_shape(apply->request, own);
}

void managed_track(struct request *request, const struct jv *before, struct jv *after)
{
    struct apply apply;
    const struct jv *own = jv_path(after, "metadata", "managedFields", NULL);
    const struct jv *old = jv_path(before, "metadata", "managedFields", NULL);
    apply_init(&apply, request);
    if (is_reset(own) && !request->subresource)
        old = NULL;
    else if (request->subresource || managed_decode(own, &apply.managed) < 0 ||
             apply.managed.count == 0)
        managed_decode(old, &apply.managed);
    struct jv *metadata = jv_ensure(after, "metadata", NULL);
    struct jv *from =
        as_scaled(&apply, before ? as_asked(&apply, before) : apply_empty_object(&apply));
    struct jv *to = as_scaled(&apply, as_asked(&apply, after));
    if (!before || is_tracked(&apply)) {
        apply_track(&apply, request->field_manager, request->subresource, from, to);
        managed_cap(&apply.managed);
    }
    struct jv *entries = apply_entries(&apply, old, from, to);
    jv_unref(from);
    jv_unref(to);
    jv_remove(metadata, "managedFields");
    jv_set(metadata, "managedFields", entries);
    managed_deinit(&apply.managed);
}
