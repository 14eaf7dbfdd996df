#include "sandbox/schema_internal.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const char *type_of(const struct jv *value)
{
    static const char *const names[] = {"null",   "boolean", "integer", "number",
                                        "string", "array",   "object"};
    return names[jv_type(value)];
}

/* The format that a number has by itself. */
static const char *format_of(const struct jv *value)
{
    return jv_type(value) == JV_INT ? "int64" : jv_type(value) == JV_REAL ? "double" : "";
}

static bool wants(const struct jv *node, const char *type)
{
    const char *wanted = jv_str(jv_get(node, "type"));
    if (jv_bool_value(jv_get(node, "x-kubernetes-int-or-string")))
        return strcmp(type, "integer") == 0 || strcmp(type, "string") == 0;
    return wanted && strcmp(wanted, type) == 0;
}

/* A format that this server knows; others are as if not there. */
static const char *known_format(const struct jv *node)
{
    const char *format = jv_str(jv_get(node, "format"));
    return format && *format && schema_format(format) ? format : NULL;
}

static void wrong_type(struct verdict *out, const char *path, const char *wanted, const char *got)
{
    struct jv *value = jv_string(got);
    char *text = mem_printf("%s in body must be of type %s: \"%s\"", path, wanted, got);
    verdict_add(out, PROBLEM_TYPE, path, text, value);
    jv_unref(value);
}

static char *number_text(const struct jv *number)
{
    return jv_print_str(number, 0);
}

/* Whole numbers are compared as such, with the limit cut to one. */
static struct jv *limit_for(const struct jv *value, const struct jv *limit)
{
    return jv_type(value) == JV_INT ? jv_int(jv_int_value(limit)) : jv_real(jv_real_value(limit));
}

static int compare(const struct jv *a, const struct jv *b)
{
    if (jv_type(a) == JV_INT && jv_type(b) == JV_INT)
        return jv_int_value(a) < jv_int_value(b) ? -1 : jv_int_value(a) > jv_int_value(b);
    double x = jv_real_value(a), y = jv_real_value(b);
    return x < y ? -1 : x > y;
}

static void judge_limit(const struct jv *node, const struct jv *value, bool maximum,
                        const char *path, struct verdict *out)
{
    const struct jv *given = jv_get(node, maximum ? "maximum" : "minimum");
    const char *exclusive_name = maximum ? "exclusiveMaximum" : "exclusiveMinimum";
    if (!given)
        return;
    bool exclusive = jv_bool_value(jv_get(node, exclusive_name));
    struct jv *limit = limit_for(value, given);
    int order = maximum ? compare(value, limit) : compare(limit, value);
    if (order > 0 || (exclusive && order == 0)) {
        char *shown = number_text(limit);
        verdict_add(out, PROBLEM_INVALID, path,
                    mem_printf("%s in body should be %s than%s %s", path,
                               maximum ? "less" : "greater", exclusive ? "" : " or equal to",
                               shown),
                    value);
        free(shown);
    }
    jv_unref(limit);
}

static void judge_multiple(const struct jv *node, const struct jv *value, const char *path,
                           struct verdict *out)
{
    const struct jv *given = jv_get(node, "multipleOf");
    if (!given)
        return;
    struct jv *factor = limit_for(value, given);
    bool whole = jv_type(value) == JV_INT;
    char *shown = number_text(factor);
    double quotient = jv_real_value(value) / jv_real_value(given);
    if (jv_real_value(factor) <= 0)
        verdict_add(
            out, PROBLEM_INVALID, path,
            mem_printf("factor MultipleOf declared for %s must be positive: %s", path, shown),
            factor);
    else if (whole ? jv_int_value(value) % jv_int_value(factor) != 0
                   : floor(quotient) < quotient || floor(quotient) > quotient)
        verdict_add(out, PROBLEM_INVALID, path,
                    mem_printf("%s in body should be a multiple of %s", path, shown), value);
    free(shown);
    jv_unref(factor);
}

static size_t count_runes(const char *text)
{
    size_t count = 0;
    for (; *text; text++)
        count += ((unsigned char)*text & 0xc0) != 0x80;
    return count;
}

static const struct pattern *pattern_of(const struct schema *schema, const char *text)
{
    struct pattern *found = map_get(schema->patterns, text);
    if (!found) {
        found = pattern_new(text);
        if (found)
            map_put(schema->patterns, text, found);
    }
    return found;
}

/* The first thing that is wrong. */
static void judge_text(const struct schema *schema, const struct jv *node, const struct jv *value,
                       const char *path, struct verdict *out)
{
    const char *text = jv_str(value), *pattern = jv_str(jv_get(node, "pattern"));
    const struct jv *most = jv_get(node, "maxLength"), *least = jv_get(node, "minLength");
    size_t count = most || least ? count_runes(text) : 0;
    if (most && (int64_t)count > jv_int_value(most)) {
        verdict_add(out, PROBLEM_TOO_LONG, path, NULL, value)->max = (size_t)jv_int_value(most);
        return;
    }
    if (least && (int64_t)count < jv_int_value(least)) {
        verdict_add(out, PROBLEM_INVALID, path,
                    mem_printf("%s in body should be at least %lld chars long", path,
                               (long long)jv_int_value(least)),
                    value);
        return;
    }
    const struct pattern *compiled = pattern && *pattern ? pattern_of(schema, pattern) : NULL;
    if (compiled && !pattern_matches(compiled, text))
        verdict_add(out, PROBLEM_INVALID, path,
                    mem_printf("%s in body should match '%s'", path, pattern), value);
}

bool schema_judge_type(const struct jv *node, const struct jv *value, const char *path,
                       struct verdict *out)
{
    const char *type = jv_str(jv_get(node, "type")), *got = type_of(value);
    const char *format = known_format(node);
    bool int_or_string = jv_bool_value(jv_get(node, "x-kubernetes-int-or-string"));
    const char *wanted = int_or_string ? "integer,string" : type;
    bool text = jv_type(value) == JV_STRING || jv_is_array(value);
    bool number = wants(node, "number") || wants(node, "integer");
    out->matches++;
    if (!wanted && !format)
        return true;
    if (jv_type(value) == JV_NULL) {
        bool fine = !wanted || jv_bool_value(jv_get(node, "nullable"));
        if (!fine)
            wrong_type(out, path, wanted, "null");
        return fine;
    }
    double real = jv_real_value(value);
    bool whole = jv_type(value) == JV_REAL && floor(real) <= real && floor(real) >= real;
    bool fits = wants(node, got) || (whole && wants(node, "integer")) ||
                (jv_type(value) == JV_INT && wants(node, "number"));
    if (!text && format && !fits && strcmp(format_of(value), format) != 0) {
        wrong_type(out, path, format, format_of(value));
        return false;
    }
    if ((!number && format && text) || fits)
        return true;
    wrong_type(out, path, wanted ? wanted : "", got);
    return false;
}

void schema_judge_enum(const struct jv *node, const struct jv *value, const char *path,
                       struct verdict *out)
{
    const struct jv *values = jv_get(node, "enum");
    out->matches++;
    if (jv_size(values) == 0)
        return;
    for (size_t i = 0; i < jv_size(values); i++) {
        const struct jv *allowed = jv_at(values, i);
        bool numbers = jv_type(allowed) == JV_INT && jv_type(value) == JV_REAL;
        if (jv_equal(allowed, value) || (numbers && compare(allowed, value) == 0))
            return;
    }
    verdict_add(out, PROBLEM_ENUM, path, NULL, value)->allowed = values;
}

void schema_judge_string(const struct schema *schema, const struct jv *node, const struct jv *value,
                         const char *path, struct verdict *out)
{
    const char *name = jv_str(jv_get(node, "format"));
    schema_format_fn fits = name ? schema_format(name) : NULL;
    out->matches++;
    judge_text(schema, node, value, path, out);
    if (fits && !fits(jv_str(value))) {
        char *shown = jv_print_str(value, 0);
        verdict_add(out, PROBLEM_TYPE, path,
                    mem_printf("%s in body must be of type %s: %s", path, name, shown), value);
        free(shown);
    }
}

void schema_judge_number(const struct jv *node, const struct jv *value, const char *path,
                         struct verdict *out)
{
    out->matches++;
    judge_multiple(node, value, path, out);
    judge_limit(node, value, false, path, out);
    judge_limit(node, value, true, path, out);
}
