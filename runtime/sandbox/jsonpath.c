#include "sandbox/jsonpath.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

enum step_kind { STEP_MEMBER, STEP_ANY, STEP_DEEP, STEP_INDEX, STEP_SLICE, STEP_FILTER };
enum { FILTER_OPERATORS = 6 };

struct operand {
    struct jsonpath *path; /* from the item; NULL: a constant */
    struct jv *constant;
};

struct step {
    enum step_kind kind;
    char *name;
    long from, to; /* STEP_INDEX: from; STEP_SLICE: to 0 = to the end */
    struct operand left, right;
    char operator[3]; /* "" = exists */
};

struct jsonpath {
    struct step steps[JSONPATH_STEPS_MAX];
    size_t count;
};

struct parser {
    const char *at;
    struct err *err;
    int depth;
};

static struct jsonpath *parse_path(struct parser *parser);

static int fail(struct parser *parser, const char *what)
{
    return err_set(parser->err, ERR_PARSE, "JSONPath: %s at `%s`", what, parser->at);
}

static void skip_blanks(struct parser *parser)
{
    while (*parser->at == ' ')
        parser->at++;
}

/* Up to the closing quote; \x stands for x. */
static char *parse_quoted(struct parser *parser)
{
    char quote = *parser->at++;
    char *out = mem_alloc(strlen(parser->at) + 1), *to = out;
    while (*parser->at && *parser->at != quote) {
        if (*parser->at == '\\' && parser->at[1])
            parser->at++;
        *to++ = *parser->at++;
    }
    if (*parser->at == quote) {
        parser->at++;
        return out;
    }
    free(out);
    fail(parser, "a quote is not closed");
    return NULL;
}

static char *parse_name(struct parser *parser)
{
    char *out = mem_alloc(strlen(parser->at) + 1), *to = out;
    while (*parser->at && !strchr(".[]()=!<>{} ", *parser->at)) {
        if (*parser->at == '\\' && parser->at[1])
            parser->at++;
        *to++ = *parser->at++;
    }
    return out;
}

static int parse_operand(struct parser *parser, struct operand *out)
{
    skip_blanks(parser);
    if (*parser->at == '@' || *parser->at == '$') {
        parser->at++;
        out->path = parse_path(parser);
        return out->path ? 0 : -1;
    }
    char *text = *parser->at == '"' || *parser->at == '\'' ? parse_quoted(parser) : NULL;
    if (text) {
        out->constant = jv_string(text);
        free(text);
        return 0;
    }
    size_t len = strcspn(parser->at, " )=!<>");
    if (jv_parse(parser->at, len, &out->constant, NULL) < 0)
        return fail(parser, "neither a path nor a constant");
    parser->at += len;
    return 0;
}

/* Behind "[?(" */
static int parse_filter(struct parser *parser, struct step *step)
{
    static const char *const operators[FILTER_OPERATORS] = {"==", "!=", "<=", ">=", "<", ">"};
    step->kind = STEP_FILTER;
    if (parse_operand(parser, &step->left) < 0)
        return -1;
    skip_blanks(parser);
    for (size_t i = 0; i < FILTER_OPERATORS && !*step->operator; i++) {
        size_t len = strlen(operators[i]);
        if (strncmp(parser->at, operators[i], len) == 0) {
            memcpy(step->operator, operators[i], len + 1);
            parser->at += len;
        }
    }
    if (*step->operator&& parse_operand(parser, &step->right) < 0)
        return -1;
    skip_blanks(parser);
    if (strncmp(parser->at, ")]", 2) != 0)
        return fail(parser, "a filter is not closed");
    parser->at += 2;
    return 0;
}

/* Behind "[" */
static int parse_bracket(struct parser *parser, struct step *step)
{
    char *end;
    if (strncmp(parser->at, "?(", 2) == 0) {
        parser->at += 2;
        return parse_filter(parser, step);
    }
    if (*parser->at == '\'' || *parser->at == '"') {
        step->kind = STEP_MEMBER;
        step->name = parse_quoted(parser);
        if (!step->name)
            return -1;
    } else if (*parser->at == '*') {
        step->kind = STEP_ANY;
        parser->at++;
    } else {
        step->kind = STEP_INDEX;
        step->from = strtol(parser->at, &end, 10);
        bool number = end != parser->at;
        parser->at = end;
        if (*parser->at == ':') {
            step->kind = STEP_SLICE;
            step->to = strtol(parser->at + 1, &end, 10);
            parser->at = end;
        } else if (!number) {
            return fail(parser, "an index is no number");
        }
    }
    if (*parser->at != ']')
        return fail(parser, "a bracket is not closed");
    parser->at++;
    return 0;
}

static int parse_step(struct parser *parser, struct step *step)
{
    if (*parser->at == '[') {
        parser->at++;
        return parse_bracket(parser, step);
    }
    if (*parser->at == '.')
        parser->at++;
    if (*parser->at == '.') {
        step->kind = STEP_DEEP;
        parser->at++;
    }
    if (*parser->at == '*') {
        parser->at++;
        step->kind = STEP_ANY;
        return 0;
    }
    if (*parser->at == '[') {
        parser->at++;
        return parse_bracket(parser, step);
    }
    step->name = parse_name(parser);
    return *step->name ? 0 : fail(parser, "a name is missing");
}

static struct jsonpath *parse_path(struct parser *parser)
{
    struct jsonpath *path = mem_alloc(sizeof(*path));
    if (++parser->depth > 3)
        goto failed;
    while (*parser->at && !strchr(" )=!<>", *parser->at)) {
        if (strcmp(parser->at, ".") == 0 && path->count == 0) { /* "." alone: the value itself */
            parser->at++;
            break;
        }
        if (path->count == JSONPATH_STEPS_MAX) {
            fail(parser, "too many steps");
            goto failed;
        }
        if (parse_step(parser, &path->steps[path->count++]) < 0)
            goto failed;
    }
    parser->depth--;
    return path;
failed:
    if (parser->depth > 3)
        fail(parser, "filters nest too deep");
    jsonpath_free(path);
    return NULL;
}

static void add(struct jv *results, struct jv *value)
{
    if (value && jv_size(results) < JSONPATH_RESULTS_MAX)
        jv_append(results, jv_ref(value));
}

static void find_deep(const char *name, struct jv *value, struct jv *results)
{
    struct jv_iter iter = {0};
    if (jv_is_object(value))
        add(results, jv_get(value, name));
    while (jv_is_object(value) && jv_next(value, &iter))
        find_deep(name, iter.value, results);
    for (size_t i = 0; jv_is_array(value) && i < jv_size(value); i++)
        find_deep(name, jv_at(value, i), results);
}

static void find_any(struct jv *value, struct jv *results)
{
    struct jv_iter iter = {0};
    while (jv_is_object(value) && jv_next(value, &iter))
        add(results, iter.value);
    for (size_t i = 0; jv_is_array(value) && i < jv_size(value); i++)
        add(results, jv_at(value, i));
}

static int find_range(const struct step *step, struct jv *value, struct jv *results)
{
    if (jv_type(value) == JV_NULL)
        return 0;
    if (!jv_is_array(value))
        return -1;
    long size = (long)jv_size(value);
    long from = step->from < 0 ? step->from + size : step->from;
    long to = step->kind == STEP_INDEX ? from + 1 : step->to <= 0 ? step->to + size : step->to;
    if (from != to && (from < 0 || from >= size || to > size || to < from))
        return -1;
    for (long i = from; i < to; i++)
        add(results, jv_at(value, (size_t)i));
    return 0;
}

/* The one value of an operand; *none: there is none. -1: more than one. Lent by *holder. */
static int operand_value(const struct operand *operand, struct jv *item, struct jv **holder,
                         struct jv **out)
{
    *holder = NULL;
    *out = operand->constant;
    if (!operand->path)
        return 0;
    *holder = jsonpath_find(operand->path, item);
    *out = jv_at(*holder, 0);
    return jv_size(*holder) > 1 ? -1 : 0;
}

static bool compare(const char *operator, const struct jv * left, const struct jv *right)
{
    int order;
    if (jv_type(left) == JV_STRING && jv_type(right) == JV_STRING) {
        order = strcmp(jv_str(left), jv_str(right));
    } else if (jv_type(left) == JV_BOOL && jv_type(right) == JV_BOOL) {
        order = jv_bool_value(left) != jv_bool_value(right);
    } else {
        double a = jv_real_value(left), b = jv_real_value(right);
        bool numbers = jv_type(left) <= JV_REAL && jv_type(left) >= JV_INT &&
                       jv_type(right) <= JV_REAL && jv_type(right) >= JV_INT;
        if (!numbers)
            return false;
        order = a < b ? -1 : a > b;
    }
    switch (operator[0]) {
    case '=':
        return order == 0;
    case '!':
        return order != 0;
    case '<':
        return order < 0 || (operator[1] && order == 0);
    default:
        return order > 0 || (operator[1] && order == 0);
    }
}

static int find_filtered(const struct step *step, struct jv *value, struct jv *results)
{
    int result = 0;
    if (!jv_is_array(value))
        return -1;
    for (size_t i = 0; result == 0 && i < jv_size(value); i++) {
        struct jv *item = jv_at(value, i), *holders[2] = {NULL}, *left = NULL, *right = NULL;
        result = operand_value(&step->left, item, &holders[0], &left);
        if (result == 0 && *step->operator)
            result = operand_value(&step->right, item, &holders[1], &right);
        bool pass = left && (!*step->operator||(right && compare(step->operator, left, right)));
        if (result == 0 && pass)
            add(results, item);
        jv_unref(holders[0]);
        jv_unref(holders[1]);
    }
    return result;
}

static int find_step(const struct step *step, struct jv *value, struct jv *results)
{
    switch (step->kind) {
    case STEP_MEMBER:
        if (jv_is_object(value))
            add(results, jv_get(value, step->name));
        return 0;
    case STEP_ANY:
        find_any(value, results);
        return 0;
    case STEP_DEEP:
        find_deep(step->name, value, results);
        return 0;
    case STEP_INDEX:
    case STEP_SLICE:
        return find_range(step, value, results);
    case STEP_FILTER:
        return find_filtered(step, value, results);
    }
    return -1;
}

struct jsonpath *jsonpath_parse(const char *text, struct err *err)
{
    struct parser parser = {.at = *text == '$' ? text + 1 : text, .err = err};
    struct jsonpath *path = parse_path(&parser);
    if (!path || !*parser.at)
        return path;
    fail(&parser, "unexpected character");
    jsonpath_free(path);
    return NULL;
}

void jsonpath_free(struct jsonpath *path)
{
    for (size_t i = 0; path && i < path->count; i++) {
        struct step *step = &path->steps[i];
        free(step->name);
        jsonpath_free(step->left.path);
        jsonpath_free(step->right.path);
        jv_unref(step->left.constant);
        jv_unref(step->right.constant);
    }
    free(path);
}

struct jv *jsonpath_find(const struct jsonpath *path, const struct jv *value)
{
    struct jv *found = jv_array();
    jv_append(found, jv_ref((struct jv *)value));
    for (size_t i = 0; i < path->count; i++) {
        struct jv *next = jv_array();
        int result = 0;
        for (size_t j = 0; result == 0 && j < jv_size(found); j++)
            result = find_step(&path->steps[i], jv_at(found, j), next);
        jv_unref(found);
        found = next;
        if (result < 0) {
            jv_unref(found);
            return NULL;
        }
    }
    return found;
}
