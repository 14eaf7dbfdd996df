#include "sandbox/strategy_internal.h"

#include "base/selector.h"
#include "sandbox/meta.h"

#include <ctype.h>
#include <string.h>

void default_str(struct jv *object, const char *key, const char *value)
{
    const char *live = jv_str(jv_get(object, key));
    if (!jv_get(object, key) || (live && !*live)) /* also ""; the encoding drops it if it may */
        jv_set_str(object, key, value);
}

void default_int(struct jv *object, const char *key, int64_t value)
{
    if (!jv_get(object, key))
        jv_set_int(object, key, value);
}

void default_bool(struct jv *object, const char *key, bool value)
{
    if (!jv_get(object, key))
        jv_set(object, key, jv_bool(value));
}

struct jv *member_object(const struct jv *object, const char *key)
{
    struct jv *value = jv_get(object, key);
    return jv_is_object(value) ? value : NULL;
}

const char *member_str(const struct jv *object, const char *key)
{
    const char *value = jv_str(jv_get(object, key));
    return value ? value : "";
}

bool same_or_absent(const struct jv *a, const struct jv *b)
{
    if (!a || !b)
        return !a && !b;
    return jv_equal(a, b);
}

void validate_non_negative(const struct jv *spec, const char *member, const char *path,
                           struct field_errors *errors)
{
    const struct jv *value = jv_get(spec, member);
    if (value && jv_int_value(value) < 0)
        field_invalid(errors, path, value, "must be greater than or equal to 0");
}

void validate_one_of(const struct jv *object, const char *member, const char *path,
                     const char *const *supported, struct field_errors *errors)
{
    const char *value = jv_str(jv_get(object, member));
    for (size_t i = 0; value && supported[i]; i++)
        if (strcmp(value, supported[i]) == 0)
            return;
    if (value)
        field_unsupported(errors, path, value, supported);
}

void validate_label_selector(const struct jv *selector, const char *path,
                             struct field_errors *errors)
{
    char at[FIELD_PATH_BYTES];
    static const char *const operators[] = {"DoesNotExist", "Exists", "In", "NotIn", NULL};
    meta_validate_labels(jv_get(selector, "matchLabels"), field_path(at, "%s.matchLabels", path),
                         errors);
    const struct jv *expressions = jv_get(selector, "matchExpressions");
    for (size_t i = 0; i < jv_size(expressions); i++) {
        const struct jv *expression = jv_at(expressions, i);
        const char *operation = member_str(expression, "operator");
        bool set = strcmp(operation, "In") == 0 || strcmp(operation, "NotIn") == 0;
        bool values = jv_size(jv_get(expression, "values")) > 0;
        field_path(at, "%s.matchExpressions[%zu].values", path, i);
        if (set && !values)
            field_required(errors, at, "must be specified when `operator` is 'In' or 'NotIn'");
        if (!set && values)
            field_forbidden(errors, at,
                            "may not be specified when `operator` is 'Exists' or 'DoesNotExist'");
        bool known = false;
        for (size_t o = 0; operators[o]; o++)
            known |= strcmp(operation, operators[o]) == 0;
        if (!known)
            field_invalid_str(errors, field_path(at, "%s.matchExpressions[%zu].operator", path, i),
                              operation, "not a valid selector operator");
    }
}

void validate_int_or_percent(const struct jv *value, const char *path, struct field_errors *errors)
{
    const char *text = jv_str(value);
    if (!value)
        return;
    if (!text) {
        if (jv_int_value(value) < 0)
            field_invalid(errors, path, value, "must be greater than or equal to 0");
        return;
    }
    const char *at = text;
    while (isdigit((unsigned char)*at))
        at++;
    if (at == text || strcmp(at, "%") != 0)
        field_invalid(errors, path, value,
                      "a valid percent string must be a numeric string followed by an ending '%%' "
                      "(e.g. '1%%',  or '93%%', regex used for validation is '[0-9]+%%')");
}

void validate_immutable(const struct jv *before, const struct jv *after, const char *path,
                        struct field_errors *errors)
{
    if (!same_or_absent(before, after))
        field_invalid(errors, path, after, "field is immutable");
}
