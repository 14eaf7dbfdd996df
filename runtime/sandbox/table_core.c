#include "sandbox/table_internal.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

enum { TEXT_BYTES_MAX = 64 << 10 };

static void namespace_cells(struct row *row)
{
    cell_name(row);
    cell(row, row_str(row->status, "phase"));
    cell_age(row);
}

static void config_map_cells(struct row *row)
{
    cell_name(row);
    cell_int(row, (int64_t)(jv_size(jv_get(row->object, "data")) +
                            jv_size(jv_get(row->object, "binaryData"))));
    cell_age(row);
}

static void secret_cells(struct row *row)
{
    cell_name(row);
    cell(row, row_str(row->object, "type"));
    cell_int(row, (int64_t)jv_size(jv_get(row->object, "data")));
    cell_age(row);
}

static void account_cells(struct row *row)
{
    cell_name(row);
    cell_age(row);
}

static void cell_node_status(struct row *row)
{
    const struct jv *conditions = jv_get(row->status, "conditions");
    const char *text = "Unknown";
    for (size_t i = 0; i < jv_size(conditions); i++)
        if (strcmp(row_str(jv_at(conditions, i), "type"), "Ready") == 0)
            text =
                strcmp(row_str(jv_at(conditions, i), "status"), "True") == 0 ? "Ready" : "NotReady";
    bool closed = jv_bool_value(jv_get(row->spec, "unschedulable"));
    cell_take(row, mem_printf("%s%s", text, closed ? ",SchedulingDisabled" : ""));
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void cell_roles(struct row *row)
{
    static const char prefix[] = "node-role.kubernetes.io/";
    const struct jv *labels = jv_path(row->object, "metadata", "labels", NULL);
    const char **roles = mem_alloc((jv_size(labels) + 1) * sizeof(*roles));
    struct jv_iter iter = {0};
    struct buf text;
    size_t count = 0;
    while (labels && jv_next(labels, &iter)) {
        if (strncmp(iter.key, prefix, sizeof(prefix) - 1) == 0 && iter.key[sizeof(prefix) - 1])
            roles[count++] = iter.key + sizeof(prefix) - 1;
        else if (strcmp(iter.key, "kubernetes.io/role") == 0 && jv_str(iter.value))
            roles[count++] = jv_str(iter.value);
    }
    qsort(roles, count, sizeof(*roles), by_text);
    buf_init(&text, TEXT_BYTES_MAX);
    for (size_t i = 0; i < count; i++)
        if (i == 0 || strcmp(roles[i], roles[i - 1]) != 0)
            buf_printf(&text, "%s%s", text.len ? "," : "", roles[i]);
    cell_or(row, buf_str(&text), "<none>");
    buf_deinit(&text);
    free(roles);
}

static void cell_address(struct row *row, const char *type)
{
    const struct jv *list = jv_get(row->status, "addresses");
    const char *found = NULL;
    for (size_t i = 0; !found && i < jv_size(list); i++)
        if (strcmp(row_str(jv_at(list, i), "type"), type) == 0)
            found = row_str(jv_at(list, i), "address");
    cell_or(row, found, "<none>");
}

static void node_cells(struct row *row)
{
    const struct jv *info = jv_get(row->status, "nodeInfo");
    cell_name(row);
    cell_node_status(row);
    cell_roles(row);
    cell_age(row);
    cell(row, row_str(info, "kubeletVersion"));
    cell_address(row, "InternalIP");
    cell_address(row, "ExternalIP");
    cell_or(row, row_str(info, "osImage"), "<unknown>");
    cell_or(row, row_str(info, "kernelVersion"), "<unknown>");
    cell_or(row, row_str(info, "containerRuntimeVersion"), "<unknown>");
}

static const char *first_of(const char *a, const char *b)
{
    return *a ? a : b;
}

static char *event_source(const struct row *row)
{
    const struct jv *source = jv_get(row->object, "source");
    const char *component =
        first_of(row_str(source, "component"), row_str(row->object, "reportingComponent"));
    const char *instance =
        first_of(row_str(source, "host"), row_str(row->object, "reportingInstance"));
    return mem_printf("%s%s%s", component, *instance ? ", " : "", instance);
}

static char *event_target(const struct row *row)
{
    const struct jv *about = jv_get(row->object, "involvedObject");
    const char *name = row_str(about, "name");
    char *kind = mem_str(row_str(about, "kind"));
    for (char *at = kind; *at; at++)
        *at = (char)tolower((unsigned char)*at);
    char *out = mem_printf("%s%s%s", kind, *name ? "/" : "", name);
    free(kind);
    return out;
}

static void cell_trimmed(struct row *row, const char *text)
{
    while (isspace((unsigned char)*text))
        text++;
    size_t len = strlen(text);
    while (len && isspace((unsigned char)text[len - 1]))
        len--;
    cell_take(row, mem_strn(text, len));
}

static void event_cells(struct row *row)
{
    const struct jv *series = jv_get(row->object, "series");
    const char *first =
        first_of(row_str(row->object, "firstTimestamp"), row_str(row->object, "eventTime"));
    const char *last = first_of(row_str(row->object, "lastTimestamp"), first);
    int64_t count = row_int(row->object, "count");
    if (jv_is_object(series)) {
        last = row_str(series, "lastObservedTime");
        count = row_int(series, "count");
    } else if (count == 0) {
        count = 1;
    }
    cell_since(row, last);
    cell(row, row_str(row->object, "type"));
    cell(row, row_str(row->object, "reason"));
    cell_take(row, event_target(row));
    cell(row, jv_path_str(row->object, "involvedObject", "fieldPath", NULL));
    cell_take(row, event_source(row));
    cell_trimmed(row, row_str(row->object, "message"));
    cell_since(row, first);
    cell_int(row, count);
    cell_name(row);
}

static void quota_cells(struct row *row)
{
    const struct jv *hard = jv_get(row->status, "hard"), *used = jv_get(row->status, "used");
    const char **names = mem_alloc((jv_size(hard) + 1) * sizeof(*names));
    struct jv_iter iter = {0};
    struct buf text[2];
    size_t count = 0;
    while (hard && jv_next(hard, &iter))
        names[count++] = iter.key;
    qsort(names, count, sizeof(*names), by_text);
    buf_init(&text[0], TEXT_BYTES_MAX);
    buf_init(&text[1], TEXT_BYTES_MAX);
    for (size_t i = 0; i < count; i++) {
        struct buf *to = &text[strncmp(names[i], "limits.", 7) == 0];
        buf_printf(to, "%s%s: %s/%s", to->len ? ", " : "", names[i],
                   first_of(row_str(used, names[i]), "0"), row_str(hard, names[i]));
    }
    cell_name(row);
    cell(row, buf_str(&text[0]));
    cell(row, buf_str(&text[1]));
    cell_age(row);
    buf_deinit(&text[0]);
    buf_deinit(&text[1]);
    free(names);
}

const struct printer table_core_printers[] = {
    {"Namespace", "Name|Status|Age", namespace_cells},
    {"ConfigMap", "Name|Data|Age", config_map_cells},
    {"Secret", "Name|Type|Data|Age", secret_cells},
    {"ServiceAccount", "Name|Age", account_cells},
    {"Node",
     "Name|Status|Roles|Age|Version|+Internal-IP|+External-IP|+OS-Image|+Kernel-Version|"
     "+Container-Runtime",
     node_cells},
    {"Event", "Last Seen|Type|Reason|Object|+Subobject|+Source|Message|+First Seen|+Count|+Name",
     event_cells},
    {"ResourceQuota", "Name|Request|Limit|Age", quota_cells},
    {NULL, NULL, NULL},
};
