#include "sandbox/table_internal.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

/* "2/3" */
static void cell_ready(struct row *row)
{
    cell_take(row, mem_printf("%lld/%lld", (long long)row_int(row->status, "readyReplicas"),
                              (long long)row_int(row->spec, "replicas")));
}

static void stateful_set_cells(struct row *row)
{
    cell_name(row);
    cell_ready(row);
    cell_age(row);
    cell_containers(row);
}

static void deployment_cells(struct row *row)
{
    cell_name(row);
    cell_ready(row);
    cell_int(row, row_int(row->status, "updatedReplicas"));
    cell_int(row, row_int(row->status, "availableReplicas"));
    cell_age(row);
    cell_containers(row);
    cell_selector(row, jv_get(row->spec, "selector"), false);
}

static void replica_set_cells(struct row *row)
{
    cell_name(row);
    cell_int(row, row_int(row->spec, "replicas"));
    cell_int(row, row_int(row->status, "replicas"));
    cell_int(row, row_int(row->status, "readyReplicas"));
    cell_age(row);
    cell_containers(row);
    cell_selector(row, jv_get(row->spec, "selector"), true);
}

static const struct jv *controller_of(const struct jv *object)
{
    const struct jv *owners = jv_path(object, "metadata", "ownerReferences", NULL);
    for (size_t i = 0; i < jv_size(owners); i++)
        if (jv_bool_value(jv_get(jv_at(owners, i), "controller")))
            return jv_at(owners, i);
    return NULL;
}

/* "statefulset.apps/web" */
static char *controller_text(const struct jv *owner)
{
    const char *version = row_str(owner, "apiVersion"), *slash = strchr(version, '/');
    char *kind = mem_printf("%s%s%.*s", row_str(owner, "kind"), slash ? "." : "",
                            slash ? (int)(slash - version) : 0, version);
    for (char *at = kind; *at; at++)
        *at = (char)tolower((unsigned char)*at);
    char *out = mem_printf("%s/%s", kind, row_str(owner, "name"));
    free(kind);
    return out;
}

static void revision_cells(struct row *row)
{
    const struct jv *owner = controller_of(row->object);
    cell_name(row);
    if (owner)
        cell_take(row, controller_text(owner));
    else
        cell(row, "<none>");
    cell_int(row, row_int(row->object, "revision"));
    cell_age(row);
}

const struct printer table_workload_printers[] = {
    {"StatefulSet", "Name|Ready|Age|+Containers|+Images", stateful_set_cells},
    {"Deployment", "Name|Ready|Up-to-date|Available|Age|+Containers|+Images|+Selector",
     deployment_cells},
    {"ReplicaSet", "Name|#Desired|#Current|#Ready|Age|+Containers|+Images|+Selector",
     replica_set_cells},
    {"ControllerRevision", "Name|Controller|Revision|Age", revision_cells},
    {NULL, NULL, NULL},
};
