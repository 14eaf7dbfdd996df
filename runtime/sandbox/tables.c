#include "sandbox/tables.h"

#include "sandbox/answer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct jv *column(const char *name, const char *type, const char *format, int64_t priority)
{
    struct jv *out = jv_object();
    jv_set_str(out, "name", name);
    jv_set_str(out, "type", type);
    jv_set_str(out, "format", format);
    jv_set_str(out, "description", "");
    jv_set_int(out, "priority", priority);
    return out;
}

static struct jv *object_of(const struct request *request, const struct stored *stored)
{
    const char *include = request_query(request, "includeObject");
    if (include && strcmp(include, "None") == 0)
        return jv_null();
    if (include && strcmp(include, "Object") == 0)
        return request_shape(request, stored_parse(stored));
    return answer_partial(request, stored);
}

struct jv *table_columns(const struct request *request)
{
    struct jv *columns = jv_array();
    (void)request;
    jv_append(columns, column("Name", "string", "name", 0));
    jv_append(columns, column("Created At", "date", "", 0));
    return columns;
}

struct jv *table_row(const struct request *request, const struct stored *stored)
{
    struct jv *row = jv_object(), *cells = jv_array(), *object = stored_parse(stored);
    const char *created = jv_path_str(object, "metadata", "creationTimestamp", NULL);
    jv_append(cells, jv_string(stored->name));
    jv_append(cells, jv_string(created ? created : ""));
    jv_set(row, "cells", cells);
    jv_set(row, "object", object_of(request, stored));
    jv_unref(object);
    return row;
}
