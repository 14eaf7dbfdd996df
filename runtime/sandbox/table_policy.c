#include "sandbox/table_internal.h"

#include <stdlib.h>
#include <string.h>

enum { TEXT_BYTES_MAX = 64 << 10, METRICS_SHOWN_MAX = 2 };

/* A number or a text; "N/A" when it was not given. */
static void cell_number_or_text(struct row *row, const struct jv *value)
{
    if (jv_type(value) == JV_INT)
        cell_take(row, mem_printf("%lld", (long long)jv_int_value(value)));
    else
        cell_or(row, jv_str(value), "N/A");
}

static void budget_cells(struct row *row)
{
    struct jv *null = jv_null();
    const struct jv *least = jv_get(row->spec, "minAvailable");
    const struct jv *most = jv_get(row->spec, "maxUnavailable");
    cell_name(row);
    cell_number_or_text(row, least ? least : null);
    cell_number_or_text(row, most ? most : null);
    cell_int(row, row_int(row->status, "disruptionsAllowed"));
    cell_age(row);
    jv_unref(null);
}

static void lease_cells(struct row *row)
{
    cell_name(row);
    cell(row, row_str(row->spec, "holderIdentity"));
    cell_age(row);
}

static void priority_cells(struct row *row)
{
    cell_name(row);
    cell_int(row, row_int(row->object, "value"));
    jv_append(row->cells, jv_bool(jv_bool_value(jv_get(row->object, "globalDefault"))));
    cell_age(row);
    cell(row, row_str(row->object, "preemptionPolicy"));
}

/* "external" of type External, and so on: the member of a metric that describes it. */
static const char *metric_member(const char *type)
{
    static const char *const members[][2] = {{"External", "external"},
                                             {"Pods", "pods"},
                                             {"Object", "object"},
                                             {"Resource", "resource"},
                                             {"ContainerResource", "containerResource"}};
    for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++)
        if (strcmp(type, members[i][0]) == 0)
            return members[i][1];
    return NULL;
}

static void print_metric(const struct jv *metric, const struct jv *status, struct buf *out)
{
    const char *member = metric_member(row_str(metric, "type"));
    const struct jv *source = jv_get(metric, member ? member : "");
    const struct jv *target = jv_get(source, "target");
    const struct jv *current = jv_path(status, member ? member : "", "current", NULL);
    bool resource = member && strstr(member, "esource");
    bool average = jv_get(target, "averageValue") != NULL;
    if (!member) {
        buf_add_str(out, "<unknown type>");
        return;
    }
    if (resource)
        buf_printf(out, "%s: ", row_str(source, "name"));
    if (resource && !average) {
        if (jv_get(current, "averageUtilization"))
            buf_printf(out, "%lld%%/", (long long)row_int(current, "averageUtilization"));
        else
            buf_add_str(out, "<unknown>/");
        if (jv_get(target, "averageUtilization"))
            buf_printf(out, "%lld%%", (long long)row_int(target, "averageUtilization"));
        else
            buf_add_str(out, "<auto>");
        return;
    }
    const char *name = average ? "averageValue" : "value", *value = row_str(current, name);
    bool shown_average = average && !resource && strcmp(member, "pods") != 0;
    buf_printf(out, "%s/%s%s", *value ? value : "<unknown>", row_str(target, name),
               shown_average ? " (avg)" : "");
}

static void cell_metrics(struct row *row)
{
    const struct jv *metrics = jv_get(row->spec, "metrics");
    const struct jv *statuses = jv_get(row->status, "currentMetrics");
    struct buf text;
    size_t count = jv_size(metrics);
    buf_init(&text, TEXT_BYTES_MAX);
    for (size_t i = 0; i < count && i < METRICS_SHOWN_MAX; i++) {
        buf_add_str(&text, i ? ", " : "");
        print_metric(jv_at(metrics, i), jv_at(statuses, i), &text);
    }
    if (count > METRICS_SHOWN_MAX)
        buf_printf(&text, " + %zu more...", count - METRICS_SHOWN_MAX);
    cell_or(row, buf_str(&text), "<none>");
    buf_deinit(&text);
}

static void autoscaler_cells(struct row *row)
{
    const struct jv *target = jv_get(row->spec, "scaleTargetRef");
    cell_name(row);
    cell_take(row, mem_printf("%s/%s", row_str(target, "kind"), row_str(target, "name")));
    cell_metrics(row);
    if (jv_get(row->spec, "minReplicas"))
        cell_take(row, mem_printf("%lld", (long long)row_int(row->spec, "minReplicas")));
    else
        cell(row, "<unset>");
    cell_int(row, row_int(row->spec, "maxReplicas"));
    cell_int(row, row_int(row->status, "currentReplicas"));
    cell_age(row);
}

/* The subjects of one kind; service accounts with their namespace. */
static void cell_subjects(struct row *row, const char *kind)
{
    const struct jv *subjects = jv_get(row->object, "subjects");
    struct buf text;
    buf_init(&text, TEXT_BYTES_MAX);
    for (size_t i = 0; i < jv_size(subjects); i++) {
        const struct jv *subject = jv_at(subjects, i);
        const char *namespace = row_str(subject, "namespace");
        bool account = strcmp(kind, "ServiceAccount") == 0;
        if (strcmp(row_str(subject, "kind"), kind) != 0)
            continue;
        buf_printf(&text, "%s%s%s%s", text.len ? ", " : "", account ? namespace : "",
                   account ? "/" : "", row_str(subject, "name"));
    }
    cell(row, buf_str(&text));
    buf_deinit(&text);
}

static void binding_cells(struct row *row)
{
    const struct jv *role = jv_get(row->object, "roleRef");
    cell_name(row);
    cell_take(row, mem_printf("%s/%s", row_str(role, "kind"), row_str(role, "name")));
    cell_age(row);
    cell_subjects(row, "User");
    cell_subjects(row, "Group");
    cell_subjects(row, "ServiceAccount");
}

#define BINDING_COLUMNS "Name|Role|Age|+Users|+Groups|+ServiceAccounts"

const struct printer table_policy_printers[] = {
    {"PodDisruptionBudget", "Name|Min Available|Max Unavailable|#Allowed Disruptions|Age",
     budget_cells},
    {"Lease", "Name|Holder|Age", lease_cells},
    {"PriorityClass", "Name|#Value|?Global-Default|Age|PreemptionPolicy", priority_cells},
    {"HorizontalPodAutoscaler", "Name|Reference|Targets|MinPods|MaxPods|Replicas|Age",
     autoscaler_cells},
    {"RoleBinding", BINDING_COLUMNS, binding_cells},
    {"ClusterRoleBinding", BINDING_COLUMNS, binding_cells},
    {NULL, NULL, NULL},
};
