#include "sandbox/table_internal.h"

#include "loop/clock.h"

#include <stdlib.h>
#include <string.h>

/* What kinds without a printer of their own show. */
static void plain_cells(struct row *row)
{
    const char *created = jv_path_str(row->object, "metadata", "creationTimestamp", NULL);
    cell_name(row);
    cell(row, created);
}

static const struct printer plain_printer = {"", "Name|@Created At", plain_cells};

static const struct printer *printer_of(const struct request *request)
{
    const struct printer *const all[] = {table_pod_printers,     table_core_printers,
                                         table_volume_printers,  table_workload_printers,
                                         table_network_printers, table_policy_printers};
    const char *kind = request->kind->kind;
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
        for (const struct printer *printer = all[i]; printer->kind; printer++)
            if (strcmp(printer->kind, kind) == 0)
                return printer;
    return &plain_printer;
}

/* One name of a printer's columns, with its marks. */
static struct jv *column_of(char *text)
{
    struct jv *out = jv_object();
    const char *type = "string";
    int64_t priority = 0;
    for (; strchr("+#?@", *text); text++) {
        if (*text == '+')
            priority = 1;
        else
            type = *text == '#' ? "integer" : *text == '?' ? "boolean" : "date";
    }
    jv_set_str(out, "name", text);
    jv_set_str(out, "type", type);
    jv_set_str(out, "format", strcmp(text, "Name") == 0 ? "name" : "");
    jv_set_str(out, "description", "");
    jv_set_int(out, "priority", priority);
    return out;
}

/* What a row carries of its object. Shares with it. */
static struct jv *row_object(const struct request *request, struct jv *object)
{
    const char *include = request_query(request, "includeObject");
    if (include && strcmp(include, "None") == 0)
        return jv_null();
    if (include && strcmp(include, "Object") == 0)
        return request_shape(request, jv_ref(object));
    struct jv *out = jv_object();
    jv_set_str(out, "kind", "PartialObjectMetadata");
    jv_set(out, "apiVersion", jv_stringf("meta.k8s.io/%s", request->form_version));
    jv_set(out, "metadata", jv_ref(jv_get(object, "metadata")));
    return out;
}

struct jv *table_columns(const struct request *request)
{
    if (kind_is(request->kind, KIND_CUSTOM))
        return table_custom_columns(request->version);
    char *copy = mem_str(printer_of(request)->columns), *rest = copy, *word;
    struct jv *columns = jv_array();
    while ((word = strsep(&rest, "|")))
        jv_append(columns, column_of(word));
    free(copy);
    return columns;
}

struct jv *table_row(const struct request *request, const struct stored *stored)
{
    struct jv *out = jv_object(), *object = stored_parse(stored);
    struct row row = {.request = request,
                      .object = object,
                      .spec = jv_get(object, "spec"),
                      .status = jv_get(object, "status"),
                      .cells = jv_array(),
                      .now_s = clock_wall_ns(loop_clock(request->server->loop)) / 1000000000};
    if (kind_is(request->kind, KIND_CUSTOM))
        table_custom_cells(&row, request->version);
    else
        printer_of(request)->cells(&row);
    jv_set(out, "cells", row.cells);
    jv_set(out, "conditions", row.conditions);
    jv_set(out, "object", row_object(request, object));
    jv_unref(object);
    return out;
}
