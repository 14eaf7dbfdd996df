#include "base/selector.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

enum selector_op { OP_EXISTS, OP_ABSENT, OP_IN, OP_NOT_IN, OP_GREATER, OP_LESS };

struct requirement {
    char *key;
    enum selector_op op;
    bool equals; /* written with = or !=: printed the same way */
    char **values;
    size_t value_count;
    int64_t bound;
};

struct selector {
    struct requirement *requirements;
    size_t count;
    bool nothing;
};

static struct requirement *requirement_add(struct selector *selector, const char *key, size_t len,
                                           enum selector_op op)
{
    selector->requirements =
        mem_grow(selector->requirements, (selector->count + 1) * sizeof(*selector->requirements));
    struct requirement *requirement = &selector->requirements[selector->count++];
    *requirement = (struct requirement){.key = mem_strn(key, len), .op = op};
    return requirement;
}

static void requirement_value(struct requirement *requirement, const char *value, size_t len)
{
    size_t size = (requirement->value_count + 1) * sizeof(*requirement->values);
    requirement->values = mem_grow(requirement->values, size);
    requirement->values[requirement->value_count++] = mem_strn(value, len);
}

static const char *skip_space(const char *at)
{
    while (isspace((unsigned char)*at))
        at++;
    return at;
}

static const char *word_end(const char *at)
{
    while (*at && !isspace((unsigned char)*at) && !strchr("=!(),<>", *at))
        at++;
    return at;
}

/* Worded as the Kubernetes libraries do; `at` is the token that was found instead. */
static int unexpected(struct err *err, bool inside, const char *at, const char *expected)
{
    size_t len = (size_t)(word_end(at) - at);
    if (len == 0 && *at)
        len = 1;
    return err_set(err, ERR_INVALID, "%sfound '%.*s', expected: %s",
                   inside ? "unable to parse requirement: " : "", (int)len, at, expected);
}

static bool key_is_valid(const char *key, size_t len)
{
    const char *slash = memchr(key, '/', len);
    const char *name = slash ? slash + 1 : key;
    size_t name_len = len - (size_t)(name - key);
    if (name_len == 0 || name_len > 63 || (slash && (slash == key || slash - key > 253)))
        return false;
    for (size_t i = 0; i < len; i++)
        if (!isalnum((unsigned char)key[i]) && !strchr("-_./", key[i]))
            return false;
    return isalnum((unsigned char)name[0]) && isalnum((unsigned char)name[name_len - 1]);
}

/* "(x,y)" after in or notin; returns behind the bracket. */
static const char *parse_set(struct requirement *requirement, const char *at, struct err *err)
{
    at = skip_space(at);
    if (*at != '(') {
        unexpected(err, true, at, "'('");
        return NULL;
    }
    do {
        at = skip_space(at + 1);
        const char *end = word_end(at);
        requirement_value(requirement, at, (size_t)(end - at));
        at = skip_space(end);
    } while (*at == ',');
    if (*at != ')') {
        unexpected(err, true, at, "',' or ')'");
        return NULL;
    }
    return at + 1;
}

static const char *parse_value(struct selector *selector, const char *key, size_t key_len,
                               const char *at, struct err *err)
{
    static const struct {
        const char *text;
        enum selector_op op;
    } operators[] = {
        {"==", OP_IN}, {"=", OP_IN}, {"!=", OP_NOT_IN}, {">", OP_GREATER}, {"<", OP_LESS}};
    for (size_t i = 0; i < sizeof(operators) / sizeof(operators[0]); i++) {
        size_t len = strlen(operators[i].text);
        if (strncmp(at, operators[i].text, len) != 0)
            continue;
        at = skip_space(at + len);
        const char *end = word_end(at);
        struct requirement *added = requirement_add(selector, key, key_len, operators[i].op);
        requirement_value(added, at, (size_t)(end - at));
        added->equals = true;
        if (added->op == OP_GREATER || added->op == OP_LESS) {
            char *stop;
            added->bound = strtoll(added->values[0], &stop, 10);
            if (stop == added->values[0] || *stop) {
                unexpected(err, true, at, "an integer");
                return NULL;
            }
        }
        return end;
    }
    const char *end = word_end(at);
    bool in = end - at == 2 && strncmp(at, "in", 2) == 0;
    if (!in && !(end - at == 5 && strncmp(at, "notin", 5) == 0)) {
        unexpected(err, true, at, "in, notin, =, ==, !=, gt, lt");
        return NULL;
    }
    struct requirement *added = requirement_add(selector, key, key_len, in ? OP_IN : OP_NOT_IN);
    return parse_set(added, end, err);
}

static const char *parse_requirement(struct selector *selector, const char *at, struct err *err)
{
    bool absent = *at == '!';
    if (absent)
        at = skip_space(at + 1);
    const char *end = word_end(at);
    size_t len = (size_t)(end - at);
    if (len == 0) {
        unexpected(err, absent, at, absent ? "identifier" : "!, identifier, or 'end of string'");
        return NULL;
    }
    if (!key_is_valid(at, len)) {
        err_set(err, ERR_INVALID, "unable to parse requirement: \"%.*s\" is not a valid label key",
                (int)len, at);
        return NULL;
    }
    const char *next = skip_space(end);
    if (absent || *next == '\0' || *next == ',') {
        requirement_add(selector, at, len, absent ? OP_ABSENT : OP_EXISTS);
        return next;
    }
    return parse_value(selector, at, len, next, err);
}

static int add_expression(struct selector *selector, const struct jv *expression, struct err *err)
{
    static const struct {
        const char *name;
        enum selector_op op;
    } operators[] = {
        {"In", OP_IN}, {"NotIn", OP_NOT_IN}, {"Exists", OP_EXISTS}, {"DoesNotExist", OP_ABSENT}};
    const char *key = jv_str(jv_get(expression, "key"));
    const char *name = jv_str(jv_get(expression, "operator"));
    const struct jv *values = jv_get(expression, "values");
    for (size_t i = 0; key && name && i < sizeof(operators) / sizeof(operators[0]); i++) {
        if (strcmp(name, operators[i].name) != 0)
            continue;
        struct requirement *added = requirement_add(selector, key, strlen(key), operators[i].op);
        for (size_t v = 0; v < jv_size(values); v++) {
            const char *value = jv_str(jv_at(values, v));
            if (value)
                requirement_value(added, value, strlen(value));
        }
        return 0;
    }
    return err_set(err, ERR_INVALID, "\"%s\" is not a valid label selector operator",
                   name ? name : "");
}

static bool requirement_has(const struct requirement *requirement, const char *value)
{
    for (size_t i = 0; i < requirement->value_count; i++)
        if (strcmp(requirement->values[i], value) == 0)
            return true;
    return false;
}

static bool requirement_matches(const struct requirement *requirement, const struct jv *labels)
{
    const char *value = jv_str(jv_get(labels, requirement->key));
    char *end;
    switch (requirement->op) {
    case OP_EXISTS:
        return value != NULL;
    case OP_ABSENT:
        return value == NULL;
    case OP_IN:
        return value && requirement_has(requirement, value);
    case OP_NOT_IN:
        return !value || !requirement_has(requirement, value);
    case OP_GREATER:
    case OP_LESS:
        if (!value || !*value)
            return false;
        long long number = strtoll(value, &end, 10);
        if (*end)
            return false;
        return requirement->op == OP_GREATER ? number > requirement->bound
                                             : number < requirement->bound;
    }
    return false;
}

static int by_key(const void *a, const void *b)
{
    return strcmp(((const struct requirement *)a)->key, ((const struct requirement *)b)->key);
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Sorted once, here, so that printing and matching need no copies. */
static struct selector *finish(struct selector *selector)
{
    if (selector->count)
        qsort(selector->requirements, selector->count, sizeof(*selector->requirements), by_key);
    for (size_t i = 0; i < selector->count; i++) {
        struct requirement *requirement = &selector->requirements[i];
        if (requirement->value_count)
            qsort(requirement->values, requirement->value_count, sizeof(*requirement->values),
                  by_text);
    }
    return selector;
}

static int print_requirement(const struct requirement *requirement, struct buf *out)
{
    static const char *const words[] = {[OP_IN] = " in (", [OP_NOT_IN] = " notin ("};
    switch (requirement->op) {
    case OP_EXISTS:
        return buf_add_str(out, requirement->key);
    case OP_ABSENT:
        return buf_printf(out, "!%s", requirement->key);
    case OP_GREATER:
        return buf_printf(out, "%s>%s", requirement->key, requirement->values[0]);
    case OP_LESS:
        return buf_printf(out, "%s<%s", requirement->key, requirement->values[0]);
    case OP_IN:
    case OP_NOT_IN:
        break;
    }
    if (requirement->equals)
        return buf_printf(out, "%s%s%s", requirement->key,
                          requirement->op == OP_IN ? "=" : "!=", requirement->values[0]);
    buf_add_str(out, requirement->key);
    buf_add_str(out, words[requirement->op]);
    for (size_t i = 0; i < requirement->value_count; i++)
        buf_printf(out, "%s%s", i ? "," : "", requirement->values[i]);
    return buf_add_char(out, ')');
}

struct selector *selector_parse(const char *text, struct err *err)
{
    struct selector *selector = mem_alloc(sizeof(*selector));
    const char *at = skip_space(text ? text : "");
    while (*at) {
        if (selector->count >= SELECTOR_REQUIREMENTS_MAX) {
            err_set(err, ERR_LIMIT, "label selector has more than %d requirements",
                    SELECTOR_REQUIREMENTS_MAX);
            at = NULL;
        } else {
            at = parse_requirement(selector, at, err);
        }
        if (!at)
            goto failed;
        at = skip_space(at);
        if (*at == ',') {
            at = skip_space(at + 1);
            if (*at)
                continue;
            unexpected(err, false, at, "identifier after ','");
            goto failed;
        }
        if (*at) {
            unexpected(err, false, at, "',' or 'end of string'");
            goto failed;
        }
    }
    return finish(selector);
failed:
    selector_free(selector);
    return NULL;
}

struct selector *selector_of_object(const struct jv *label_selector, struct err *err)
{
    struct selector *selector = mem_alloc(sizeof(*selector));
    selector->nothing = !label_selector || jv_type(label_selector) == JV_NULL;
    struct jv_iter iter = {0};
    const struct jv *labels = jv_get(label_selector, "matchLabels");
    while (labels && jv_next(labels, &iter)) {
        const char *value = jv_str(iter.value);
        struct requirement *added = requirement_add(selector, iter.key, strlen(iter.key), OP_IN);
        requirement_value(added, value ? value : "", value ? strlen(value) : 0);
        added->equals = true;
    }
    const struct jv *expressions = jv_get(label_selector, "matchExpressions");
    for (size_t i = 0; i < jv_size(expressions); i++) {
        if (add_expression(selector, jv_at(expressions, i), err) < 0) {
            selector_free(selector);
            return NULL;
        }
    }
    return finish(selector);
}

bool selector_matches(const struct selector *selector, const struct jv *labels)
{
    if (selector->nothing)
        return false;
    for (size_t i = 0; i < selector->count; i++)
        if (!requirement_matches(&selector->requirements[i], labels))
            return false;
    return true;
}

bool selector_is_empty(const struct selector *selector)
{
    return !selector->nothing && selector->count == 0;
}

int selector_print(const struct selector *selector, struct buf *out)
{
    for (size_t i = 0; i < selector->count; i++) {
        if (i)
            buf_add_char(out, ',');
        print_requirement(&selector->requirements[i], out);
    }
    return out->failed ? -1 : 0;
}

void selector_free(struct selector *selector)
{
    if (!selector)
        return;
    for (size_t i = 0; i < selector->count; i++) {
        struct requirement *requirement = &selector->requirements[i];
        for (size_t v = 0; v < requirement->value_count; v++)
            free(requirement->values[v]);
        free(requirement->values);
        free(requirement->key);
    }
    free(selector->requirements);
    free(selector);
}
