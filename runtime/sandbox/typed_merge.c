#include "sandbox/typed.h"

#include <stdlib.h>
#include <string.h>

enum { STEP_BYTES_MAX = 64 << 10 };

/* The items of an associative list with their steps. */
struct indexed {
    struct jv *list;   /* lent */
    struct jv *steps;  /* array of strings, one an item */
    struct jv *values; /* {step: item}; null when it is there twice */
};

static int merge(const struct shape *shape, struct jv *lhs, struct jv *rhs, struct jv **out,
                 struct err *err);

static size_t size_of(const struct jv *value)
{
    return jv_is_object(value) || jv_is_array(value) ? jv_size(value) : 0;
}

static void indexed_deinit(struct indexed *indexed)
{
    jv_unref(indexed->steps);
    jv_unref(indexed->values);
}

static int index_list(const struct shape *shape, struct jv *list, bool duplicates,
                      struct indexed *out, struct err *err)
{
    struct buf step;
    int result = 0;
    *out = (struct indexed){.list = list, .steps = jv_array(), .values = jv_object()};
    buf_init(&step, STEP_BYTES_MAX);
    for (size_t i = 0; result == 0 && jv_is_array(list) && i < jv_size(list); i++) {
        buf_clear(&step);
        if (shape_step(shape, jv_at(list, i), &step, err) < 0) {
            result = err_wrap(err, "element %zu", i);
            break;
        }
        bool twice = jv_get(out->values, buf_str(&step)) != NULL;
        if (twice && !duplicates)
            result = err_set(err, ERR_INVALID, "duplicate entries for key %s", buf_str(&step));
        jv_set(out->values, buf_str(&step), twice ? jv_null() : jv_ref(jv_at(list, i)));
        jv_append(out->steps, jv_string(buf_str(&step)));
    }
    buf_deinit(&step);
    return result;
}

static const char *step_at(const struct indexed *indexed, size_t index)
{
    return jv_str(jv_at(indexed->steps, index));
}

static struct jv *value_of(const struct indexed *indexed, const char *step)
{
    struct jv *value = jv_get(indexed->values, step);
    return value && jv_type(value) != JV_NULL ? value : NULL;
}

struct list_merge {
    struct shape items;
    struct indexed live, applied;
    struct jv *out;
    struct jv *shared; /* steps on both sides, in the order of what is applied */
    size_t shared_at;
    struct jv *done; /* steps of applied ones that are out */
};

static int emit(struct list_merge *list, struct jv *live, struct jv *applied, struct err *err)
{
    struct jv *item = NULL;
    if (!live && !applied)
        return 0;
    if (merge(&list->items, live, applied, &item, err) < 0)
        return -1;
    if (item)
        jv_append(list->out, item);
    return 0;
}

static const char *next_shared(const struct list_merge *list)
{
    return jv_str(jv_at(list->shared, list->shared_at));
}

static bool is_next_shared(const struct list_merge *list, const char *step)
{
    const char *next = next_shared(list);
    return next && strcmp(next, step) == 0;
}

static int emit_applied(struct list_merge *list, const char *step, struct err *err)
{
    jv_set(list->done, step, jv_bool(true));
    return emit(list, value_of(&list->live, step), value_of(&list->applied, step), err);
}

/* Items keep the order of what is applied; live ones that are not applied stay between the ones that
 * they stood between. */
static int interleave(struct list_merge *list, struct err *err)
{
    size_t live_count = jv_size(list->live.steps), count = jv_size(list->applied.steps);
    for (size_t l = 0, r = 0; l < live_count || r < count;) {
        const char *live = l < live_count ? step_at(&list->live, l) : NULL;
        const char *applied = r < count ? step_at(&list->applied, r) : NULL;
        if (live && applied && strcmp(live, applied) == 0) {
            if (emit_applied(list, live, err) < 0)
                return -1;
            l++;
            r++;
            list->shared_at++;
            continue;
        }
        bool both = live && jv_get(list->applied.values, live);
        if (live && applied && both && next_shared(list) && !is_next_shared(list, live)) {
            l++; /* it comes out of order, with what is applied */
            continue;
        }
        if (live && !both) {
            if (emit(list, jv_at(list->live.list, l), NULL, err) < 0)
                return -1;
            l++;
            continue;
        }
        if (live && jv_get(list->done, live))
            l++;
        if (applied) {
            bool shared = is_next_shared(list, applied);
            if (emit_applied(list, applied, err) < 0)
                return -1;
            r++;
            list->shared_at += shared;
        }
    }
    return 0;
}

static int merge_lists(const struct shape *shape, struct jv *lhs, struct jv *rhs, struct jv **out,
                       struct err *err)
{
    struct list_merge list = {
        .items = shape_items(shape), .out = jv_array(), .shared = jv_array(), .done = jv_object()};
    int result = index_list(shape, rhs, false, &list.applied, err);
    result |= index_list(shape, lhs, true, &list.live, result ? NULL : err);
    for (size_t i = 0; i < jv_size(list.applied.steps); i++)
        if (jv_get(list.live.values, step_at(&list.applied, i)))
            jv_append(list.shared, jv_ref(jv_at(list.applied.steps, i)));
    if (result == 0)
        result = interleave(&list, err);
    *out = result == 0 && jv_size(list.out) ? jv_ref(list.out) : NULL;
    indexed_deinit(&list.live);
    indexed_deinit(&list.applied);
    jv_unref(list.out);
    jv_unref(list.shared);
    jv_unref(list.done);
    return result;
}

static int merge_member(const struct shape *shape, const char *name, struct jv *lhs, struct jv *rhs,
                        struct jv *out, struct err *err)
{
    struct shape member;
    struct jv *merged = NULL;
    bool declared;
    shape_member(shape, name, &member, &declared);
    if (merge(&member, lhs, rhs, &merged, err) < 0)
        return err_wrap(err, ".%s", name);
    jv_set(out, name, merged);
    return 0;
}

static int merge_maps(const struct shape *shape, struct jv *lhs, struct jv *rhs, struct jv **out,
                      struct err *err)
{
    struct jv *merged = jv_object();
    struct jv_iter iter = {0};
    int result = 0;
    while (result == 0 && jv_is_object(lhs) && jv_next(lhs, &iter))
        result = merge_member(shape, iter.key, iter.value, jv_get(rhs, iter.key), merged, err);
    iter = (struct jv_iter){0};
    while (result == 0 && jv_is_object(rhs) && jv_next(rhs, &iter))
        if (!jv_get(lhs, iter.key))
            result = merge_member(shape, iter.key, NULL, iter.value, merged, err);
    if (result == 0 && jv_size(merged))
        *out = merged;
    else
        jv_unref(merged);
    return result;
}

/* *out stays NULL when nothing is left. lhs or rhs may be NULL. */
static int merge(const struct shape *shape, struct jv *lhs, struct jv *rhs, struct jv **out,
                 struct err *err)
{
    enum shape_form form = shape_form(shape, rhs ? rhs : lhs);
    bool both_empty = size_of(lhs) == 0 && size_of(rhs) == 0;
    if (shape_is_atomic(shape, form) || both_empty) {
        *out = jv_ref(rhs ? rhs : lhs);
        return 0;
    }
    return form == FORM_MAP ? merge_maps(shape, lhs, rhs, out, err)
                            : merge_lists(shape, lhs, rhs, out, err);
}

static struct jv *remove_from(const struct shape *shape, struct jv *value, const struct jv *fields);

/* The item or member without what `node` says; NULL: all of it. */
static struct jv *remaining(const struct shape *shape, struct jv *value, const struct jv *node)
{
    if (!node)
        return jv_ref(value);
    if (fieldset_is_member(node))
        return NULL;
    return remove_from(shape, value, node);
}

/* As the real server: what is left empty becomes null, which a typed object then leaves out (and a
 * custom one may have to refuse). */
static struct jv *null_when_empty(struct jv *value)
{
    if (jv_size(value))
        return value;
    jv_unref(value);
    return jv_null();
}

static struct jv *remove_from(const struct shape *shape, struct jv *value, const struct jv *fields)
{
    enum shape_form form = shape_form(shape, value);
    struct jv_iter iter = {0};
    if (shape_is_atomic(shape, form) || size_of(value) == 0)
        return jv_ref(value);
    if (form == FORM_MAP) {
        struct jv *out = jv_object();
        while (jv_next(value, &iter)) {
            struct shape member;
            bool declared;
            struct field_step step;
            const struct jv *node = jv_get(fields, field_step(&step, iter.key));
            shape_member(shape, iter.key, &member, &declared);
            jv_set(out, iter.key, remaining(&member, iter.value, node));
            field_step_deinit(&step);
        }
        return null_when_empty(out);
    }
    struct jv *out = jv_array();
    struct shape items = shape_items(shape);
    struct buf step;
    buf_init(&step, STEP_BYTES_MAX);
    for (size_t i = 0; i < jv_size(value); i++) {
        buf_clear(&step);
        shape_step(shape, jv_at(value, i), &step, NULL);
        struct jv *item = remaining(&items, jv_at(value, i), jv_get(fields, buf_str(&step)));
        if (item)
            jv_append(out, item);
    }
    buf_deinit(&step);
    return null_when_empty(out);
}

int typed_merge(const struct shape *shape, const struct jv *live, const struct jv *applied,
                struct jv **out, struct err *err)
{
    *out = NULL;
    /* Values are only shared, never changed. */
    int result = merge(shape, (struct jv *)live, (struct jv *)applied, out, err);
    if (result == 0 && !*out)
        *out = jv_object();
    return result;
}

struct jv *typed_remove(const struct shape *shape, const struct jv *object, const struct jv *fields)
{
    return remove_from(shape, (struct jv *)object, fields);
}
