#include "sandbox/patch.h"

#include "sandbox/go_json.h"

#include <stdlib.h>
#include <string.h>

enum { REFUSED_MAP_BYTES_MAX = 4096 };

/* What the patch says about a list besides the list itself, as members next to it. */
#define ORDER_PREFIX "$setElementOrder/"
#define DELETE_PREFIX "$deleteFromPrimitiveList/"

static struct jv *merge_object(const struct type *type, const struct jv *target,
                               const struct jv *patch, struct refusal *refusal);

static bool directive_is(const struct jv *patch, const char *wanted)
{
    const char *directive = jv_str(jv_get(patch, "$patch"));
    return directive && strcmp(directive, wanted) == 0;
}

static bool is_directive(const char *key)
{
    return strcmp(key, "$patch") == 0 || strcmp(key, "$retainKeys") == 0 ||
           strncmp(key, ORDER_PREFIX, strlen(ORDER_PREFIX)) == 0 ||
           strncmp(key, DELETE_PREFIX, strlen(DELETE_PREFIX)) == 0;
}

static bool contains(const struct jv *list, const struct jv *value)
{
    for (size_t i = 0; i < jv_size(list); i++)
        if (jv_equal(jv_at(list, i), value))
            return true;
    return false;
}

/* The index of the element with the same merge key; its count when there is none. */
static size_t find_element(const struct jv *list, const char *merge_key, const struct jv *key)
{
    size_t i = 0;
    for (; i < jv_size(list); i++) {
        const struct jv *other = *merge_key ? jv_get(jv_at(list, i), merge_key) : jv_at(list, i);
        if (other && key && jv_equal(other, key))
            break;
    }
    return i;
}

/* A 500 that shows the part of the patch that is wrong; NULL, so that it reads well. */
static struct jv *refuse_map(struct refusal *refusal, const struct jv *map, const char *before,
                             const char *what, const char *between, const char *last)
{
    struct buf text;
    buf_init(&text, REFUSED_MAP_BYTES_MAX);
    go_print(map, &text);
    if (*what) /* the map comes last */
        refuse(refusal, 500, "", "%s%s%s%s", before, what, between, buf_str(&text));
    else
        refuse(refusal, 500, "", "%s%s%s%s", before, buf_str(&text), between, last);
    buf_deinit(&text);
    return NULL;
}

static void strip_directives(struct jv *value)
{
    if (jv_is_array(value)) {
        for (size_t i = jv_size(value); i > 0; i--) {
            struct jv *element = jv_at(value, i - 1);
            bool marker = directive_is(element, "delete") ||
                          (directive_is(element, "replace") && jv_size(element) == 1);
            if (marker)
                jv_remove_at(value, i - 1);
            else
                strip_directives(element);
        }
        return;
    }
    if (!jv_is_object(value))
        return;
    struct jv *drop = jv_array();
    struct jv_iter iter = {0};
    while (jv_next(value, &iter)) {
        if (is_directive(iter.key) || jv_type(iter.value) == JV_NULL)
            jv_append(drop, jv_string(iter.key));
        else
            strip_directives(iter.value);
    }
    for (size_t i = 0; i < jv_size(drop); i++)
        jv_remove(value, jv_str(jv_at(drop, i)));
    jv_unref(drop);
}

static struct jv *fresh(const struct jv *patch)
{
    struct jv *out = jv_dup(patch);
    strip_directives(out);
    return out;
}

static const struct jv *key_of(const struct jv *element, const char *merge_key)
{
    return *merge_key ? jv_get(element, merge_key) : element;
}

static size_t index_of(const struct jv *list, const struct jv *element, const char *merge_key)
{
    const struct jv *key = key_of(element, merge_key);
    size_t index = find_element(list, merge_key, key);
    return key && index < jv_size(list) ? index : SIZE_MAX;
}

/* The elements the order names, in that order; or those it does not name, as they were. */
static struct jv *select_elements(const struct jv *merged, const struct jv *order,
                                  const char *merge_key, bool named)
{
    struct jv *out = jv_array();
    for (size_t i = 0; named && i < jv_size(order); i++) {
        size_t index = index_of(merged, jv_at(order, i), merge_key);
        if (index != SIZE_MAX && index_of(out, jv_at(order, i), merge_key) == SIZE_MAX)
            jv_append(out, jv_ref(jv_at(merged, index)));
    }
    for (size_t i = 0; !named && i < jv_size(merged); i++)
        if (index_of(order, jv_at(merged, i), merge_key) == SIZE_MAX)
            jv_append(out, jv_ref(jv_at(merged, i)));
    return out;
}

/* The library's order: what the patch names in the order it names it, and each other element before
 * the first named one that it stood in front of on the server. Takes merged over. */
static struct jv *reorder(struct jv *merged, const struct jv *order, const struct jv *server,
                          const char *merge_key)
{
    struct jv *named = select_elements(merged, order, merge_key, true);
    struct jv *others = select_elements(merged, order, merge_key, false);
    struct jv *out = jv_array();
    size_t left = 0, right = 0;
    while (left < jv_size(others) || right < jv_size(named)) {
        bool take_left = right >= jv_size(named);
        if (!take_left && left < jv_size(others)) {
            size_t a = index_of(server, jv_at(others, left), merge_key);
            size_t b = index_of(server, jv_at(named, right), merge_key);
            take_left = a != SIZE_MAX && b != SIZE_MAX && a < b;
        }
        jv_append(out, jv_ref(take_left ? jv_at(others, left++) : jv_at(named, right++)));
    }
    jv_unref(named);
    jv_unref(others);
    jv_unref(merged);
    return out;
}

static struct jv *merge_scalars(const struct jv *target, const struct jv *patch,
                                const struct jv *removed)
{
    struct jv *out = jv_array();
    for (size_t i = 0; i < jv_size(target); i++)
        if (!contains(removed, jv_at(target, i)))
            jv_append(out, jv_ref(jv_at(target, i)));
    for (size_t i = 0; i < jv_size(patch); i++)
        if (!contains(out, jv_at(patch, i)))
            jv_append(out, jv_ref(jv_at(patch, i)));
    return out;
}

static int merge_element(const struct type_field *field, struct jv *out, const struct jv *element,
                         struct refusal *refusal)
{
    const struct jv *key = jv_get(element, field->merge_key);
    if (directive_is(element, "replace"))
        return 0;
    if (!key) {
        refuse_map(refusal, element, "map: ", "",
                   " does not contain declared merge key: ", field->merge_key);
        return -1;
    }
    size_t index = find_element(out, field->merge_key, key);
    if (directive_is(element, "delete")) {
        for (; index < jv_size(out); index = find_element(out, field->merge_key, key))
            jv_remove_at(out, index);
        return 0;
    }
    if (index >= jv_size(out)) {
        jv_append(out, fresh(element));
        return 0;
    }
    const struct type *type =
        field->ref.element->form == TYPE_NAMED ? field->ref.element->type : NULL;
    struct jv *merged = merge_object(type, jv_at(out, index), element, refusal);
    if (!merged)
        return -1;
    jv_replace_at(out, index, merged);
    return 0;
}

static struct jv *merge_list(const struct type_field *field, const struct jv *target,
                             const struct jv *patch, struct refusal *refusal)
{
    struct jv *out = jv_array();
    bool replace = false;
    for (size_t i = 0; i < jv_size(patch); i++)
        replace |= directive_is(jv_at(patch, i), "replace");
    for (size_t i = 0; !replace && i < jv_size(target); i++)
        jv_append(out, jv_ref(jv_at(target, i)));
    for (size_t i = 0; i < jv_size(patch); i++) {
        if (merge_element(field, out, jv_at(patch, i), refusal) < 0) {
            jv_unref(out);
            return NULL;
        }
    }
    return out;
}

static struct jv *merge_field(const struct type_field *field, const struct jv *target,
                              const struct jv *value, const struct jv *patch,
                              struct refusal *refusal)
{
    const struct type *type = field && field->ref.form == TYPE_NAMED ? field->ref.type : NULL;
    if (jv_is_object(value))
        return jv_is_object(target) ? merge_object(type, target, value, refusal) : fresh(value);
    if (!jv_is_array(value) || !field || !field->merge_key || field->ref.form != TYPE_LIST ||
        !jv_is_array(target)) /* merged with nothing it is not even looked at */
        return fresh(value);
    struct jv *out;
    char *removal = mem_printf(DELETE_PREFIX "%s", field->name);
    char *order = mem_printf(ORDER_PREFIX "%s", field->name);
    if (!*field->merge_key)
        out = merge_scalars(target, value, jv_get(patch, removal));
    else
        out = merge_list(field, target, value, refusal);
    if (out && !jv_get(patch, order))
        out = reorder(out, value, target, field->merge_key);
    free(removal);
    free(order);
    return out;
}

/* Lists that the patch only orders or removes from, without giving the list itself. */
static void finish_lists(const struct type *type, const struct jv *target, struct jv *out,
                         const struct jv *patch)
{
    struct jv_iter iter = {0};
    while (jv_next(patch, &iter)) {
        bool order = strncmp(iter.key, ORDER_PREFIX, strlen(ORDER_PREFIX)) == 0;
        bool removal = strncmp(iter.key, DELETE_PREFIX, strlen(DELETE_PREFIX)) == 0;
        if (!order && !removal)
            continue;
        const char *name = strchr(iter.key, '/') + 1;
        const struct type_field *field = type_field(type, name);
        struct jv *list = jv_get(out, name);
        if (!jv_is_array(list))
            continue;
        const char *merge_key = field && field->merge_key ? field->merge_key : "";
        jv_set(out, name,
               order ? reorder(jv_ref(list), iter.value, jv_get(target, name), merge_key)
                     : merge_scalars(list, NULL, iter.value));
    }
}

static void retain(struct jv *out, const struct jv *keys)
{
    struct jv *drop = jv_array();
    struct jv_iter iter = {0};
    while (jv_next(out, &iter)) {
        struct jv *key = jv_string(iter.key);
        if (!contains(keys, key))
            jv_append(drop, jv_ref(key));
        jv_unref(key);
    }
    for (size_t i = 0; i < jv_size(drop); i++)
        jv_remove(out, jv_str(jv_at(drop, i)));
    jv_unref(drop);
}

/* A new object; members that the patch does not touch are shared with the target. */
static struct jv *merge_object(const struct type *type, const struct jv *target,
                               const struct jv *patch, struct refusal *refusal)
{
    const char *directive = jv_str(jv_get(patch, "$patch"));
    if (directive && strcmp(directive, "replace") == 0)
        return fresh(patch);
    if (directive && strcmp(directive, "delete") == 0)
        return jv_object();
    if (directive && strcmp(directive, "merge") != 0)
        return refuse_map(refusal, patch, "unknown patch type: ", directive, " in map: ", "");
    struct jv *out = jv_object();
    struct jv_iter iter = {0};
    while (jv_next(target, &iter))
        jv_set(out, iter.key, jv_ref(iter.value));
    if (jv_get(patch, "$retainKeys"))
        retain(out, jv_get(patch, "$retainKeys"));
    iter = (struct jv_iter){0};
    while (jv_next(patch, &iter)) {
        if (is_directive(iter.key))
            continue;
        if (jv_type(iter.value) == JV_NULL) {
            jv_remove(out, iter.key);
            continue;
        }
        struct jv *merged = merge_field(type_field(type, iter.key), jv_get(out, iter.key),
                                        iter.value, patch, refusal);
        if (!merged) {
            jv_unref(out);
            return NULL;
        }
        jv_set(out, iter.key, merged);
    }
    finish_lists(type, target, out, patch);
    return out;
}

int patch_strategic(const struct type *type, const struct jv *target, const struct jv *patch,
                    struct jv **out, struct refusal *refusal)
{
    if (!jv_is_object(patch))
        return refuse_bad_request(refusal, "the patch is not an object");
    struct jv *merged = merge_object(type, target, patch, refusal);
    if (!merged)
        return -1;
    *out = jv_dup(merged); /* nothing shared with the live object */
    jv_unref(merged);
    return 0;
}
