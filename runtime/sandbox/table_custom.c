#include "sandbox/jsonpath.h"
#include "sandbox/table_internal.h"

#include <stdlib.h>
#include <string.h>

static const struct jv *columns_of(const struct kind_version *version)
{
    return jv_get(version->definition, "additionalPrinterColumns");
}

static struct jv *column(const char *name, const char *type, const char *format,
                         const char *description, int64_t priority)
{
    struct jv *out = jv_object();
    jv_set_str(out, "name", name);
    jv_set_str(out, "type", type);
    jv_set_str(out, "format", format);
    jv_set_str(out, "description", description);
    jv_set_int(out, "priority", priority);
    return out;
}

/* A text column shows anything, the way that a template prints it. */
static struct jv *text_cell(const struct jv *value)
{
    if (jv_str(value))
        return jv_string(jv_str(value));
    char *text = jv_print_str(value, JV_PRINT_SORTED);
    struct jv *out = jv_string(text);
    free(text);
    return out;
}

/* Columns of other types show only values of that type. */
static struct jv *typed_cell(const struct row *row, const char *type, const struct jv *value)
{
    enum jv_type got = jv_type(value);
    bool number = got == JV_INT || got == JV_REAL;
    if (strcmp(type, "integer") == 0 && number)
        return jv_int(jv_int_value(value));
    if (strcmp(type, "number") == 0 && number)
        return jv_dup(value);
    if (strcmp(type, "boolean") == 0 && got == JV_BOOL)
        return jv_dup(value);
    if (strcmp(type, "date") == 0 && got == JV_STRING) {
        char *text = row_since(row, jv_str(value));
        struct jv *out = jv_string(text);
        free(text);
        return out;
    }
    return jv_null();
}

static struct jv *cell_of(const struct row *row, const struct jv *definition)
{
    const char *text = row_str(definition, "jsonPath"), *type = row_str(definition, "type");
    struct jsonpath *path = jsonpath_parse(text, NULL);
    struct jv *found = path ? jsonpath_find(path, row->object) : NULL, *out;
    const struct jv *first = jv_at(found, 0);
    if (!first || jv_type(first) == JV_NULL)
        out = jv_null();
    else
        out = strcmp(type, "string") == 0 ? text_cell(first) : typed_cell(row, type, first);
    jv_unref(found);
    jsonpath_free(path);
    return out;
}

struct jv *table_custom_columns(const struct kind_version *version)
{
    const struct jv *definitions = columns_of(version);
    struct jv *out = jv_array();
    jv_append(out, column("Name", "string", "name", "Name of the object", 0));
    if (jv_size(definitions) == 0)
        jv_append(out, column("Age", "date", "", "Time since its creation", 0));
    for (size_t i = 0; i < jv_size(definitions); i++) {
        const struct jv *definition = jv_at(definitions, i);
        const char *given = row_str(definition, "description");
        char *made = mem_printf("Custom resource definition column (in JSONPath format): %s",
                                row_str(definition, "jsonPath"));
        jv_append(out, column(row_str(definition, "name"), row_str(definition, "type"),
                              row_str(definition, "format"), *given ? given : made,
                              row_int(definition, "priority")));
        free(made);
    }
    return out;
}

void table_custom_cells(struct row *row, const struct kind_version *version)
{
    const struct jv *definitions = columns_of(version);
    cell_name(row);
    if (jv_size(definitions) == 0)
        cell_age(row);
    for (size_t i = 0; i < jv_size(definitions); i++)
        jv_append(row->cells, cell_of(row, jv_at(definitions, i)));
}
