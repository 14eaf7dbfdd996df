#include "sandbox/schema_internal.h"

#include <stdlib.h>
#include <string.h>

/* The failure to tell when no alternative fits: the one that got furthest. */
static void keep_best(struct verdict *best, bool *has_best, struct verdict *candidate)
{
    if (!*has_best || candidate->matches > best->matches) {
        verdict_deinit(best);
        *best = *candidate;
        *candidate = (struct verdict){0};
        *has_best = true;
    }
    verdict_deinit(candidate);
}

static void complain(struct verdict *out, const char *format, const char *path, const char *rest)
{
    verdict_add(out, PROBLEM_INVALID, "<nil>", mem_printf(format, path, rest), NULL);
}

static void judge_any_of(struct judge *judge, const struct jv *node, const struct jv *value,
                         struct verdict *out)
{
    const struct jv *list = jv_get(node, "anyOf");
    struct verdict best = {0};
    bool has_best = false, fits = jv_size(list) == 0;
    for (size_t i = 0; !fits && i < jv_size(list); i++) {
        struct verdict verdict = {0};
        schema_judge(judge, jv_at(list, i), value, NULL, &verdict);
        fits = verdict.count == 0;
        if (fits)
            out->matches += verdict.matches;
        else
            keep_best(&best, &has_best, &verdict);
        verdict_deinit(&verdict);
    }
    if (!fits) {
        verdict_add(
            out, PROBLEM_INVALID, "<nil>",
            mem_printf("\"%s\" must validate at least one schema (anyOf)", buf_str(&judge->path)),
            NULL);
        verdict_merge(out, &best);
    }
    verdict_deinit(&best);
}

static void judge_one_of(struct judge *judge, const struct jv *node, const struct jv *value,
                         struct verdict *out)
{
    const struct jv *list = jv_get(node, "oneOf");
    struct verdict best = {0};
    bool has_best = false;
    size_t fitting = 0, matches = 0;
    for (size_t i = 0; i < jv_size(list); i++) {
        struct verdict verdict = {0};
        schema_judge(judge, jv_at(list, i), value, NULL, &verdict);
        if (verdict.count == 0) {
            matches = fitting++ ? matches : verdict.matches;
            verdict_deinit(&best);
        } else if (fitting == 0) {
            keep_best(&best, &has_best, &verdict);
        }
        verdict_deinit(&verdict);
    }
    if (list && fitting != 1) {
        char *found = fitting ? mem_printf("Found %zu valid alternatives", fitting)
                              : mem_str("Found none valid");
        verdict_add(out, PROBLEM_INVALID, "<nil>",
                    mem_printf("\"%s\" must validate one and only one schema (oneOf). %s",
                               buf_str(&judge->path), found),
                    NULL);
        free(found);
        if (fitting == 0)
            verdict_merge(out, &best);
    }
    out->matches += matches;
    verdict_deinit(&best);
}

static void judge_all_of(struct judge *judge, const struct jv *node, const struct jv *value,
                         struct verdict *out)
{
    const struct jv *list = jv_get(node, "allOf");
    size_t fitting = 0;
    for (size_t i = 0; i < jv_size(list); i++) {
        struct verdict verdict = {0};
        schema_judge(judge, jv_at(list, i), value, NULL, &verdict);
        fitting += verdict.count == 0;
        verdict_merge(out, &verdict);
    }
    if (fitting < jv_size(list))
        verdict_add(out, PROBLEM_INVALID, "<nil>",
                    mem_printf("\"%s\" must validate all the schemas (allOf)%s",
                               buf_str(&judge->path), fitting ? "" : ". None validated"),
                    NULL);
}

static void judge_alternatives(struct judge *judge, const struct jv *node, const struct jv *value,
                               struct verdict *out)
{
    const struct jv *not_this = jv_get(node, "not");
    judge_any_of(judge, node, value, out);
    judge_one_of(judge, node, value, out);
    judge_all_of(judge, node, value, out);
    if (jv_is_object(not_this)) {
        struct verdict verdict = {0};
        schema_judge(judge, not_this, value, NULL, &verdict);
        if (verdict.count == 0)
            verdict_add(
                out, PROBLEM_INVALID, "<nil>",
                mem_printf("\"%s\" must not validate the schema (not)", buf_str(&judge->path)),
                NULL);
        verdict_deinit(&verdict);
    }
    out->matches++;
}

static void judge_count(const struct jv *node, const struct jv *value, const char *least_name,
                        const char *most_name, const char *noun, const char *path,
                        struct verdict *out)
{
    const struct jv *least = jv_get(node, least_name), *most = jv_get(node, most_name);
    size_t count = jv_size(value);
    if (least && (int64_t)count < jv_int_value(least)) {
        struct jv *shown = jv_int((int64_t)count);
        verdict_add(out, PROBLEM_INVALID, path,
                    mem_printf("%s in body should have at least %lld %s", path,
                               (long long)jv_int_value(least), noun),
                    shown);
        jv_unref(shown);
    }
    if (most && (int64_t)count > jv_int_value(most)) {
        struct problem *problem = verdict_add(out, PROBLEM_TOO_MANY, path, NULL, NULL);
        problem->actual = count;
        problem->max = (size_t)jv_int_value(most);
    }
}

/* The item of the old list that this one is the successor of; NULL where nobody can tell. */
static const struct jv *old_item(const struct jv *node, const struct jv *item,
                                 const struct jv *before)
{
    const char *keys[4];
    const struct schema_node *schema = (const struct schema_node *)node;
    if (!jv_is_array(before) || schema_list_type(schema) != SCHEMA_LIST_MAP)
        return NULL;
    size_t count = schema_list_keys(schema, keys);
    for (size_t i = 0; i < jv_size(before); i++) {
        const struct jv *old = jv_at(before, i);
        bool same = count > 0;
        for (size_t k = 0; same && k < count; k++) {
            const struct jv *a = jv_get(old, keys[k]), *b = jv_get(item, keys[k]);
            same = a && b ? jv_equal(a, b) : !a && !b;
        }
        if (same)
            return old;
    }
    return NULL;
}

static void judge_array(struct judge *judge, const struct jv *node, const struct jv *value,
                        const struct jv *before, struct verdict *out)
{
    const struct jv *items = jv_get(node, "items");
    size_t len = judge->path.len;
    out->matches++;
    for (size_t i = 0; jv_is_object(items) && i < jv_size(value); i++) {
        buf_printf(&judge->path, "[%zu]", i);
        schema_judge(judge, items, jv_at(value, i), old_item(node, jv_at(value, i), before), out);
        schema_path_cut(&judge->path, len);
    }
    judge_count(node, value, "minItems", "maxItems", "items", buf_str(&judge->path), out);
}

static void judge_required(struct judge *judge, const struct jv *node, const struct jv *value,
                           struct verdict *out)
{
    const struct jv *required = jv_get(node, "required");
    size_t len = judge->path.len;
    for (size_t i = 0; i < jv_size(required); i++) {
        const char *name = jv_str(jv_at(required, i));
        if (!name || jv_get(value, name))
            continue;
        schema_path_add(&judge->path, name);
        verdict_add(out, PROBLEM_REQUIRED, buf_str(&judge->path), NULL, NULL);
        schema_path_cut(&judge->path, len);
    }
}

static void judge_object(struct judge *judge, const struct jv *node, const struct jv *value,
                         const struct jv *before, struct verdict *out)
{
    const struct jv *properties = jv_get(node, "properties");
    const struct jv *additional = jv_get(node, "additionalProperties");
    struct jv_iter iter = {0};
    size_t len = judge->path.len;
    out->matches++;
    judge_count(node, value, "minProperties", "maxProperties", "properties", buf_str(&judge->path),
                out);
    while (jv_next(value, &iter)) {
        const struct jv *member = jv_get(properties, iter.key);
        if (!member && jv_is_object(additional))
            member = additional;
        bool forbidden =
            !member && additional && !jv_is_object(additional) && !jv_bool_value(additional);
        if (forbidden)
            complain(out, "%s.%s in body is a forbidden property", buf_str(&judge->path), iter.key);
        if (!member)
            continue;
        schema_path_add(&judge->path, iter.key);
        schema_judge(judge, member, iter.value, jv_get(before, iter.key), out);
        schema_path_cut(&judge->path, len);
    }
    judge_required(judge, node, value, out);
}

/* metadata has rules of its own; a schema may only narrow name and generateName. */
static struct jv *without_managed_meta(const struct jv *object)
{
    struct jv *out = jv_object(), *metadata = jv_object();
    struct jv_iter iter = {0};
    while (jv_next(object, &iter))
        if (strcmp(iter.key, "metadata") != 0)
            jv_set(out, iter.key, jv_ref(iter.value));
    const struct jv *own = jv_get(object, "metadata");
    static const char *const names[] = {"name", "generateName"};
    for (size_t i = 0; i < 2; i++)
        if (jv_get(own, names[i]))
            jv_set(metadata, names[i], jv_ref(jv_get(own, names[i])));
    jv_set(out, "metadata", metadata);
    return out;
}

void schema_judge(struct judge *judge, const struct jv *node, const struct jv *value,
                  const struct jv *before, struct verdict *out)
{
    const char *path = buf_str(&judge->path);
    if (before && jv_equal(before, value))
        return;
    schema_judge_type(node, value, path, out);
    if (jv_type(value) != JV_NULL) {
        judge_alternatives(judge, node, value, out);
        path = buf_str(&judge->path);
        if (jv_type(value) == JV_STRING)
            schema_judge_string(judge->schema, node, value, path, out);
        else if (jv_type(value) == JV_INT || jv_type(value) == JV_REAL)
            schema_judge_number(node, value, path, out);
        else if (jv_is_array(value))
            judge_array(judge, node, value, before, out);
    }
    schema_judge_enum(node, value, buf_str(&judge->path), out);
    if (jv_is_object(value))
        judge_object(judge, node, value, jv_is_object(before) ? before : NULL, out);
    out->matches++;
}

void schema_validate(const struct schema *schema, const struct jv *object, const struct jv *before,
                     const char *part, struct field_errors *errors)
{
    struct judge judge = {.schema = schema};
    struct verdict verdict = {0};
    if (!schema)
        return;
    buf_init(&judge.path, SCHEMA_PATH_BYTES);
    struct jv *after = without_managed_meta(object);
    struct jv *old = before ? without_managed_meta(before) : NULL;
    schema_judge(&judge, schema->root, after, old, &verdict);
    if (part)
        verdict_shorten(&verdict, part);
    verdict_tell(&verdict, errors);
    verdict_deinit(&verdict);
    schema_judge_resources(schema->root, after, &judge.path, errors);
    struct field_errors earlier;
    field_errors_init(&earlier);
    if (old)
        schema_judge_lists(schema->root, old, &judge.path, &earlier);
    if (field_errors_count(&earlier) == 0) /* what was wrong before may stay so */
        schema_judge_lists(schema->root, after, &judge.path, errors);
    field_errors_deinit(&earlier);
    jv_unref(after);
    jv_unref(old);
    buf_deinit(&judge.path);
}
