#include "sandbox/table_internal.h"

#include <stdlib.h>
#include <string.h>

enum { TEXT_BYTES_MAX = 64 << 10, SHOWN_MAX = 3 };

/* The first three of a list, and how many more there are. */
struct shown {
    struct buf text;
    size_t count, items;
};

static void show(struct shown *shown, const char *text)
{
    shown->items++;
    if (shown->count >= SHOWN_MAX)
        return;
    buf_printf(&shown->text, "%s%s", shown->count++ ? "," : "", text);
}

static void cell_shown(struct row *row, struct shown *shown, const char *none)
{
    if (shown->items > SHOWN_MAX)
        buf_printf(&shown->text, " + %zu more...", shown->items - SHOWN_MAX);
    cell_or(row, buf_str(&shown->text), none);
    buf_deinit(&shown->text);
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Addresses of a load balancer, sorted, each once. Yours. */
static char *balancer_text(const struct row *row)
{
    const struct jv *list = jv_path(row->status, "loadBalancer", "ingress", NULL);
    const char **names = mem_alloc((jv_size(list) + 1) * sizeof(*names));
    struct buf text;
    size_t count = 0;
    for (size_t i = 0; i < jv_size(list); i++) {
        const char *ip = row_str(jv_at(list, i), "ip");
        const char *name = *ip ? ip : row_str(jv_at(list, i), "hostname");
        if (*name)
            names[count++] = name;
    }
    qsort(names, count, sizeof(*names), by_text);
    buf_init(&text, TEXT_BYTES_MAX);
    for (size_t i = 0; i < count; i++)
        if (i == 0 || strcmp(names[i], names[i - 1]) != 0)
            buf_printf(&text, "%s%s", text.len ? "," : "", names[i]);
    char *out = mem_str(buf_str(&text));
    buf_deinit(&text);
    free(names);
    return out;
}

static void cell_external(struct row *row)
{
    const char *type = row_str(row->spec, "type");
    if (strcmp(type, "ExternalName") == 0) {
        cell(row, row_str(row->spec, "externalName"));
        return;
    }
    bool balanced = strcmp(type, "LoadBalancer") == 0;
    char *given = row_join(jv_get(row->spec, "externalIPs"), ",");
    char *balancer = balanced ? balancer_text(row) : mem_str("");
    char *text = mem_printf("%s%s%s", balancer, *balancer && *given ? "," : "", given);
    cell_or(row, text, balanced ? "<pending>" : "<none>");
    free(text);
    free(balancer);
    free(given);
}

static void cell_ports(struct row *row)
{
    const struct jv *ports = jv_get(row->spec, "ports");
    struct buf text;
    buf_init(&text, TEXT_BYTES_MAX);
    for (size_t i = 0; i < jv_size(ports); i++) {
        const struct jv *port = jv_at(ports, i);
        int64_t node_port = row_int(port, "nodePort");
        buf_printf(&text, "%s%lld", i ? "," : "", (long long)row_int(port, "port"));
        if (node_port > 0)
            buf_printf(&text, ":%lld", (long long)node_port);
        buf_printf(&text, "/%s", row_str(port, "protocol"));
    }
    cell_or(row, buf_str(&text), "<none>");
    buf_deinit(&text);
}

static void service_cells(struct row *row)
{
    cell_name(row);
    cell(row, row_str(row->spec, "type"));
    cell_or(row, jv_str(jv_at(jv_get(row->spec, "clusterIPs"), 0)), "<none>");
    cell_external(row);
    cell_ports(row);
    cell_age(row);
    cell_labels(row, jv_get(row->spec, "selector"));
}

static void show_subset(struct shown *shown, const struct jv *subset)
{
    const struct jv *ports = jv_get(subset, "ports"), *list = jv_get(subset, "addresses");
    for (size_t p = 0; p < jv_size(ports) || (p == 0 && jv_size(ports) == 0); p++) {
        for (size_t i = 0; i < jv_size(list); i++) {
            const char *ip = row_str(jv_at(list, i), "ip");
            bool v6 = strchr(ip, ':') != NULL && jv_size(ports);
            char *text = mem_printf("%s%s%s", v6 ? "[" : "", ip, v6 ? "]" : "");
            char *whole = jv_size(ports) ? mem_printf("%s:%lld", text,
                                                      (long long)row_int(jv_at(ports, p), "port"))
                                         : mem_str(text);
            show(shown, whole);
            free(whole);
            free(text);
        }
    }
}

static void endpoints_cells(struct row *row)
{
    const struct jv *subsets = jv_get(row->object, "subsets");
    struct shown shown = {0};
    buf_init(&shown.text, TEXT_BYTES_MAX);
    for (size_t i = 0; i < jv_size(subsets); i++)
        show_subset(&shown, jv_at(subsets, i));
    cell_name(row);
    cell_shown(row, &shown, jv_size(subsets) ? "" : "<none>");
    cell_age(row);
}

static void cell_slice_ports(struct row *row)
{
    const struct jv *ports = jv_get(row->object, "ports");
    struct shown shown = {0};
    buf_init(&shown.text, TEXT_BYTES_MAX);
    for (size_t i = 0; i < jv_size(ports); i++) {
        const struct jv *port = jv_at(ports, i);
        char *number = jv_get(port, "port") ? mem_printf("%lld", (long long)row_int(port, "port"))
                                            : mem_str(row_str(port, "name"));
        show(&shown, *number ? number : "*");
        free(number);
    }
    cell_shown(row, &shown, "<unset>");
}

static void slice_cells(struct row *row)
{
    const struct jv *endpoints = jv_get(row->object, "endpoints");
    struct shown shown = {0};
    cell_name(row);
    cell(row, row_str(row->object, "addressType"));
    cell_slice_ports(row);
    buf_init(&shown.text, TEXT_BYTES_MAX);
    for (size_t i = 0; i < jv_size(endpoints); i++) {
        const struct jv *addresses = jv_get(jv_at(endpoints, i), "addresses");
        for (size_t j = 0; j < jv_size(addresses); j++) {
            const char *address = jv_str(jv_at(addresses, j));
            show(&shown, address ? address : "");
        }
    }
    cell_shown(row, &shown, "<unset>");
    cell_age(row);
}

/* Rules without a host count as rules, but are not shown. */
static void cell_hosts(struct row *row)
{
    const struct jv *rules = jv_get(row->spec, "rules");
    struct buf text;
    size_t count = 0;
    bool more = false;
    buf_init(&text, TEXT_BYTES_MAX);
    for (size_t i = 0; i < jv_size(rules); i++) {
        const char *host = row_str(jv_at(rules, i), "host");
        more = more || count == SHOWN_MAX;
        if (!more && *host)
            buf_printf(&text, "%s%s", count++ ? "," : "", host);
    }
    if (more)
        buf_printf(&text, " + %zu more...", jv_size(rules) - SHOWN_MAX);
    cell_or(row, buf_str(&text), "*");
    buf_deinit(&text);
}

static void ingress_cells(struct row *row)
{
    cell_name(row);
    cell_or(row, row_str(row->spec, "ingressClassName"), "<none>");
    cell_hosts(row);
    cell_take(row, balancer_text(row));
    cell(row, jv_size(jv_get(row->spec, "tls")) ? "80, 443" : "80");
    cell_age(row);
}

static void ingress_class_cells(struct row *row)
{
    const struct jv *parameters = jv_get(row->spec, "parameters");
    const char *group = row_str(parameters, "apiGroup");
    cell_name(row);
    cell(row, row_str(row->spec, "controller"));
    cell_take(row, parameters ? mem_printf("%s%s%s/%s", row_str(parameters, "kind"),
                                           *group ? "." : "", group, row_str(parameters, "name"))
                              : mem_str("<none>"));
    cell_age(row);
}

static void network_policy_cells(struct row *row)
{
    cell_name(row);
    cell_selector(row, jv_get(row->spec, "podSelector"), true);
    cell_age(row);
}

const struct printer table_network_printers[] = {
    {"Service", "Name|Type|Cluster-IP|External-IP|Port(s)|Age|+Selector", service_cells},
    {"Endpoints", "Name|Endpoints|Age", endpoints_cells},
    {"EndpointSlice", "Name|AddressType|Ports|Endpoints|Age", slice_cells},
    {"Ingress", "Name|Class|Hosts|Address|Ports|Age", ingress_cells},
    {"IngressClass", "Name|Controller|Parameters|Age", ingress_class_cells},
    {"NetworkPolicy", "Name|Pod-Selector|Age", network_policy_cells},
    {NULL, NULL, NULL},
};
