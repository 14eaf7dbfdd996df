#include "sandbox/fieldset.h"

#include <stdlib.h>
#include <string.h>

enum { SET_PATH_BYTES_MAX = 64 << 10 };

enum combination { UNION, INTERSECTION, DIFFERENCE, WITHOUT };

static bool is_self(const char *step)
{
    return strcmp(step, ".") == 0;
}

/* The steps below of two nodes, of which one may be NULL. */
static struct jv *combine(const struct jv *a, const struct jv *b, enum combination how);

static void combine_step(struct jv *out, const char *step, struct jv *x, struct jv *y,
                         enum combination how)
{
    bool member = fieldset_is_member(x), other = fieldset_is_member(y);
    switch (how) {
    case UNION:
        member = member || other;
        break;
    case INTERSECTION:
        member = member && other;
        break;
    case DIFFERENCE:
        member = member && !other;
        break;
    case WITHOUT:
        if (other)
            return;
        break;
    }
    fieldset_add(out, step, member, combine(x, y, how));
}

static struct jv *combine(const struct jv *a, const struct jv *b, enum combination how)
{
    struct jv *out = jv_object();
    struct jv_iter iter = {0};
    while (a && jv_next(a, &iter)) {
        struct jv *other = jv_get(b, iter.key);
        if (is_self(iter.key))
            continue;
        if (other)
            combine_step(out, iter.key, iter.value, other, how);
        else if (how != INTERSECTION)
            jv_set(out, iter.key, jv_ref(iter.value));
    }
    iter = (struct jv_iter){0};
    while (how == UNION && b && jv_next(b, &iter))
        if (!is_self(iter.key) && !jv_get(a, iter.key))
            jv_set(out, iter.key, jv_ref(iter.value));
    return out;
}

static void add_value_text(const struct jv *value, struct buf *out)
{
    jv_print(value, JV_PRINT_SORTED, out);
}

static void add_keys_text(const struct jv *keys, struct buf *out)
{
    struct jv_iter iter = {0};
    const char *separator = "[";
    while (jv_next(keys, &iter)) {
        buf_printf(out, "%s%s=", separator, iter.key);
        add_value_text(iter.value, out);
        separator = ",";
    }
    buf_add_char(out, ']');
}

/* Fields before keys before values; the first letters are in that order. */
static int by_step(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

struct walk {
    struct buf path;
    void (*fn)(void *arg, const char *path);
    void *arg;
};

static void walk_set(struct walk *walk, const struct jv *set)
{
    size_t count = 0, len = walk->path.len;
    const char **steps = mem_alloc((jv_size(set) + 1) * sizeof(*steps));
    struct jv_iter iter = {0};
    while (jv_next(set, &iter))
        if (!is_self(iter.key))
            steps[count++] = iter.key;
    qsort(steps, count, sizeof(*steps), by_step);
    for (int below = 0; below < 2; below++) { /* members of this level first */
        for (size_t i = 0; i < count; i++) {
            const struct jv *node = jv_get(set, steps[i]);
            fieldset_step_text(steps[i], &walk->path);
            if (below)
                walk_set(walk, node);
            else if (fieldset_is_member(node))
                walk->fn(walk->arg, buf_str(&walk->path));
            walk->path.len = len;
            if (walk->path.data)
                walk->path.data[len] = '\0';
        }
    }
    free(steps);
}

bool fieldset_is_empty(const struct jv *set)
{
    return !fieldset_has_below(set);
}

bool fieldset_is_member(const struct jv *node)
{
    return node && (jv_size(node) == 0 || jv_get(node, "."));
}

bool fieldset_has_below(const struct jv *node)
{
    return jv_size(node) > (jv_get(node, ".") ? 1 : 0);
}

struct jv *fieldset_union(const struct jv *a, const struct jv *b)
{
    return combine(a, b, UNION);
}

struct jv *fieldset_intersection(const struct jv *a, const struct jv *b)
{
    return combine(a, b, INTERSECTION);
}

struct jv *fieldset_difference(const struct jv *a, const struct jv *b)
{
    return combine(a, b, DIFFERENCE);
}

struct jv *fieldset_without(const struct jv *a, const struct jv *b)
{
    return combine(a, b, WITHOUT);
}

void fieldset_add(struct jv *set, const char *step, bool member, struct jv *below)
{
    bool has_below = fieldset_has_below(below);
    if (has_below) {
        if (member)
            jv_set(below, ".", jv_object());
        jv_set(set, step, below);
        return;
    }
    jv_unref(below);
    if (member)
        jv_set(set, step, jv_object());
}

const char *field_step(struct field_step *step, const char *name)
{
    size_t len = strlen(name);
    char *to = step->text;
    step->heap = NULL;
    if (len + 3 > sizeof(step->text))
        to = step->heap = mem_alloc(len + 3);
    to[0] = 'f';
    to[1] = ':';
    memcpy(to + 2, name, len + 1);
    return to;
}

void field_step_deinit(struct field_step *step)
{
    free(step->heap);
}

void fieldset_step_text(const char *step, struct buf *out)
{
    struct jv *value = NULL;
    if (step[0] == 'f' && step[1] == ':') {
        buf_printf(out, ".%s", step + 2);
        return;
    }
    if (step[0] && step[1] == ':' && jv_parse(step + 2, strlen(step + 2), &value, NULL) == 0) {
        if (step[0] == 'k') {
            add_keys_text(value, out);
        } else {
            buf_add_str(out, step[0] == 'v' ? "[=" : "[");
            add_value_text(value, out);
            buf_add_char(out, ']');
        }
        jv_unref(value);
        return;
    }
    buf_add_str(out, step);
}

void fieldset_each(const struct jv *set, void (*fn)(void *arg, const char *path), void *arg)
{
    struct walk walk = {.fn = fn, .arg = arg};
    buf_init(&walk.path, SET_PATH_BYTES_MAX);
    walk_set(&walk, set);
    buf_deinit(&walk.path);
}
