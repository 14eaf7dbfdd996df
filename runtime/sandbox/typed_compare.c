#include "sandbox/typed.h"

#include <stdlib.h>
#include <string.h>

enum { STEP_BYTES_MAX = 64 << 10 };
enum { REMOVED, MODIFIED, ADDED, SETS };

/* The three sets below one value (NULL: empty), and whether the value itself is in each. */
struct diff {
    struct jv *below[SETS];
    bool self[SETS];
};

static void compare(const struct shape *shape, const struct jv *lhs, const struct jv *rhs,
                    struct diff *out);

/* Takes over what is in `inner`; sets are made when there is something to put into them. */
static void diff_add(struct diff *diff, const char *step, struct diff *inner)
{
    for (int i = 0; i < SETS; i++) {
        if (!inner->self[i] && !inner->below[i])
            continue;
        if (!diff->below[i])
            diff->below[i] = jv_object();
        fieldset_add(diff->below[i], step, inner->self[i], inner->below[i]);
    }
}

static size_t size_of(const struct jv *value)
{
    return jv_is_object(value) || jv_is_array(value) ? jv_size(value) : 0;
}

static void compare_leaf(const struct jv *lhs, const struct jv *rhs, struct diff *out)
{
    if (lhs && rhs)
        out->self[MODIFIED] |= !jv_equal(lhs, rhs);
}

static void compare_member(const struct shape *shape, const char *name, const struct jv *lhs,
                           const struct jv *rhs, struct diff *out)
{
    struct shape member;
    struct diff inner;
    bool declared;
    shape_member(shape, name, &member, &declared);
    compare(&member, lhs, rhs, &inner);
    struct field_step step;
    diff_add(out, field_step(&step, name), &inner);
    field_step_deinit(&step);
}

static void compare_maps(const struct shape *shape, const struct jv *lhs, const struct jv *rhs,
                         struct diff *out)
{
    struct jv_iter iter = {0};
    while (jv_is_object(lhs) && jv_next(lhs, &iter))
        compare_member(shape, iter.key, iter.value, jv_get(rhs, iter.key), out);
    iter = (struct jv_iter){0};
    while (jv_is_object(rhs) && jv_next(rhs, &iter))
        if (!jv_get(lhs, iter.key))
            compare_member(shape, iter.key, NULL, iter.value, out);
}

/* {step: [values]} of an associative list. */
static struct jv *index_list(const struct shape *shape, const struct jv *list)
{
    struct jv *out = jv_object();
    struct buf step;
    buf_init(&step, STEP_BYTES_MAX);
    for (size_t i = 0; jv_is_array(list) && i < jv_size(list); i++) {
        buf_clear(&step);
        if (shape_step(shape, jv_at(list, i), &step, NULL) < 0)
            continue;
        if (!jv_get(out, buf_str(&step)))
            jv_set(out, buf_str(&step), jv_array());
        jv_append(jv_get(out, buf_str(&step)), jv_ref(jv_at(list, i)));
    }
    buf_deinit(&step);
    return out;
}

/* Items with one step that is there more than once on a side are judged as a whole. */
static void compare_items(const struct shape *items, const char *step, const struct jv *left,
                          const struct jv *right, struct diff *out)
{
    struct diff inner;
    if (jv_size(left) > 1 || jv_size(right) > 1) {
        inner = (struct diff){0};
        if (jv_size(left) > 1 && jv_size(right) > 1)
            inner.self[MODIFIED] = !jv_equal(left, right);
        else
            inner.self[jv_size(left) > 1 ? REMOVED : ADDED] = true;
    } else {
        compare(items, jv_at(left, 0), jv_at(right, 0), &inner);
    }
    diff_add(out, step, &inner);
}

static void compare_lists(const struct shape *shape, const struct jv *lhs, const struct jv *rhs,
                          struct diff *out)
{
    if (lhs && rhs && jv_equal(lhs, rhs))
        return;
    struct shape items = shape_items(shape);
    struct jv *left = index_list(shape, lhs), *right = index_list(shape, rhs);
    struct jv_iter iter = {0};
    while (jv_next(left, &iter))
        compare_items(&items, iter.key, iter.value, jv_get(right, iter.key), out);
    iter = (struct jv_iter){0};
    while (jv_next(right, &iter))
        if (!jv_get(left, iter.key))
            compare_items(&items, iter.key, NULL, iter.value, out);
    jv_unref(left);
    jv_unref(right);
}

static void compare_as(const struct shape *shape, enum shape_form form, const struct jv *lhs,
                       const struct jv *rhs, struct diff *out)
{
    bool both_empty = size_of(lhs) == 0 && size_of(rhs) == 0;
    if (shape_is_atomic(shape, form) || both_empty)
        compare_leaf(lhs, rhs, out);
    else if (form == FORM_MAP)
        compare_maps(shape, lhs, rhs, out);
    else
        compare_lists(shape, lhs, rhs, out);
}

static void compare(const struct shape *shape, const struct jv *lhs, const struct jv *rhs,
                    struct diff *out)
{
    *out = (struct diff){0};
    enum shape_form left = shape_form(shape, lhs ? lhs : rhs);
    enum shape_form right = shape_form(shape, rhs ? rhs : lhs);
    compare_as(shape, left, lhs, rhs, out);
    if (left != right)
        compare_as(shape, right, lhs, rhs, out);
    out->self[ADDED] |= !lhs;
    out->self[REMOVED] |= !rhs;
}

void typed_compare(const struct shape *shape, const struct jv *before, const struct jv *after,
                   struct comparison *out)
{
    struct diff diff;
    compare(shape, before, after, &diff);
    for (int i = 0; i < SETS; i++)
        if (!diff.below[i])
            diff.below[i] = jv_object();
    out->removed = diff.below[REMOVED];
    out->modified = diff.below[MODIFIED];
    out->added = diff.below[ADDED];
}

void comparison_deinit(struct comparison *comparison)
{
    jv_unref(comparison->removed);
    jv_unref(comparison->modified);
    jv_unref(comparison->added);
}
