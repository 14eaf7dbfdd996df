#include "sandbox/network.h"

#include "base/selector.h"
#include "sandbox/meta.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#define CLUSTER_DOMAIN ".cluster.local"
#define SERVICE_DOMAIN ".svc"

enum { LABELS_MAX = 3, PORT_MAX = 65535 };

struct address {
    char *host; /* lower case, without the cluster's domain */
    unsigned port;
    const char *labels[LABELS_MAX]; /* of a name: inside `text` */
    size_t label_count;
    char *text;
};

static int refused(struct err *err)
{
    return err_set(err, ERR_NETWORK, "connect: connection refused");
}

static int no_such_host(const char *host, struct err *err)
{
    return err_set(err, ERR_NETWORK, "resolve `%s`: no such host", host);
}

static void cut_suffix(char *text, const char *suffix)
{
    size_t len = strlen(text), cut = strlen(suffix);
    if (len > cut && strcmp(text + len - cut, suffix) == 0)
        text[len - cut] = '\0';
}

static bool is_ip(const char *host)
{
    return host[strspn(host, "0123456789.")] == '\0';
}

static int address_parse(struct address *out, const char *scheme, const char *authority,
                         struct err *err)
{
    const char *at = strrchr(authority, '@');
    const char *host = at != NULL ? at + 1 : authority;
    const char *colon = strrchr(host, ':');
    char *end = NULL;
    unsigned long port = strcmp(scheme, "https") == 0 ? 443 : 80;
    *out = (struct address){
        .host = mem_strn(host, colon != NULL ? (size_t)(colon - host) : strlen(host))};
    if (colon != NULL)
        port = strtoul(colon + 1, &end, 10);
    if ((end != NULL && (*end != '\0' || end == colon + 1)) || port == 0 || port > PORT_MAX)
        return err_set(err, ERR_NETWORK, "`%s` is no host and port", authority);
    out->port = (unsigned)port;
    for (char *c = out->host; *c != '\0'; c++)
        *c = (char)tolower((unsigned char)*c);
    cut_suffix(out->host, ".");
    cut_suffix(out->host, CLUSTER_DOMAIN);
    cut_suffix(out->host, SERVICE_DOMAIN);
    char *rest = out->text = mem_str(out->host), *label;
    while ((label = strsep(&rest, ".")) != NULL) {
        if (out->label_count == LABELS_MAX || *label == '\0') {
            out->label_count = 0;
            break;
        }
        out->labels[out->label_count++] = label;
    }
    return 0;
}

static void address_deinit(struct address *address)
{
    free(address->host);
    free(address->text);
}

static const struct kind *core_kind(struct apiserver *server, const char *plural)
{
    return kinds_find(server->kinds, "", plural);
}

static bool is_running(const struct jv *pod)
{
    const char *phase = jv_path_str(pod, "status", "phase", NULL);
    return phase != NULL && strcmp(phase, "Running") == 0 &&
           jv_path_str(pod, "status", "podIP", NULL) != NULL;
}

static bool is_ready(const struct jv *pod)
{
    const struct jv *conditions = jv_path(pod, "status", "conditions", NULL);
    for (size_t i = 0; i < jv_size(conditions); i++) {
        const char *type = jv_path_str(jv_at(conditions, i), "type", NULL);
        const char *status = jv_path_str(jv_at(conditions, i), "status", NULL);
        if (type != NULL && status != NULL && strcmp(type, "Ready") == 0)
            return strcmp(status, "True") == 0 && !meta_deleting(pod);
    }
    return false;
}

/* Objects of a kind whose member has a certain text, without reading all of the others. */
struct scan {
    const char *needle; /* "podIP":"10.0.0.1" */
    bool (*fits)(const struct jv *object);
    struct jv *found;
};

static bool scan_one(void *arg, struct stored *stored)
{
    struct scan *scan = arg;
    if (strstr(stored->body, scan->needle) == NULL)
        return true;
    struct jv *object = stored_parse(stored);
    if (scan->fits == NULL || scan->fits(object))
        scan->found = object;
    else
        jv_unref(object);
    return scan->found == NULL;
}

static struct jv *scan_for(struct apiserver *server, const char *plural, const char *member,
                           const char *value, bool (*fits)(const struct jv *object))
{
    char *needle = mem_printf("\"%s\":\"%s\"", member, value);
    struct scan scan = {.needle = needle, .fits = fits};
    storage_each(server->storage, core_kind(server, plural), NULL, NULL, 0, scan_one, &scan);
    free(needle);
    return scan.found;
}

/* The endpoints of a Service. */
struct endpoints {
    struct selector *selector;
    bool unready_too;
    const char *hostname, *subdomain; /* only this one; NULL: all */
    struct jv *pods;
};

static bool is_named(const struct endpoints *endpoints, const struct jv *pod)
{
    const char *hostname = jv_path_str(pod, "spec", "hostname", NULL);
    const char *subdomain = jv_path_str(pod, "spec", "subdomain", NULL);
    return endpoints->hostname == NULL ||
           (hostname != NULL && subdomain != NULL && strcmp(hostname, endpoints->hostname) == 0 &&
            strcmp(subdomain, endpoints->subdomain) == 0);
}

static bool collect(void *arg, struct stored *stored)
{
    struct endpoints *endpoints = arg;
    if (!selector_matches(endpoints->selector, stored->labels))
        return true;
    struct jv *pod = stored_parse(stored);
    if (is_running(pod) && (endpoints->unready_too || is_ready(pod)) && is_named(endpoints, pod))
        jv_append(endpoints->pods, pod);
    else
        jv_unref(pod);
    return true;
}

/* One of the pods behind the Service, yours; NULL: there is none. */
static struct jv *choose_pod(struct apiserver *server, const struct jv *service,
                             const char *hostname)
{
    const char *name = jv_path_str(service, "metadata", "name", NULL);
    const struct jv *labels = jv_path(service, "spec", "selector", NULL);
    if (jv_size(labels) == 0)
        return NULL;
    struct jv *match = jv_object();
    jv_set(match, "matchLabels", jv_dup(labels));
    struct endpoints endpoints = {
        .selector = selector_of_object(match, NULL),
        .unready_too = jv_bool_value(jv_path(service, "spec", "publishNotReadyAddresses", NULL)),
        .hostname = hostname,
        .subdomain = name,
        .pods = jv_array(),
    };
    jv_unref(match);
    storage_each(server->storage, core_kind(server, "pods"),
                 jv_path_str(service, "metadata", "namespace", NULL), NULL, 0, collect, &endpoints);
    size_t count = jv_size(endpoints.pods);
    size_t index = count > 1 ? (size_t)(random_u64(server->options.random) % count) : 0;
    struct jv *pod = count > 0 ? jv_ref(jv_at(endpoints.pods, index)) : NULL;
    jv_unref(endpoints.pods);
    selector_free(endpoints.selector);
    return pod;
}

static unsigned named_port(const struct jv *pod, const char *name)
{
    const struct jv *containers = jv_path(pod, "spec", "containers", NULL);
    for (size_t i = 0; i < jv_size(containers); i++) {
        const struct jv *ports = jv_get(jv_at(containers, i), "ports");
        for (size_t k = 0; k < jv_size(ports); k++) {
            const char *own = jv_path_str(jv_at(ports, k), "name", NULL);
            if (own != NULL && strcmp(own, name) == 0)
                return (unsigned)jv_int_value(jv_get(jv_at(ports, k), "containerPort"));
        }
    }
    return 0;
}

/* The pod's port behind a port of a Service with an address; 0: there is none. */
static unsigned target_port(const struct jv *service, const struct jv *pod, unsigned port)
{
    const struct jv *ports = jv_path(service, "spec", "ports", NULL);
    for (size_t i = 0; i < jv_size(ports); i++) {
        const struct jv *entry = jv_at(ports, i), *target = jv_get(entry, "targetPort");
        if (jv_int_value(jv_get(entry, "port")) != (int64_t)port)
            continue;
        if (jv_str(target) != NULL)
            return named_port(pod, jv_str(target));
        return target != NULL ? (unsigned)jv_int_value(target) : port;
    }
    return 0;
}

static int find_behind(struct apiserver *server, const struct jv *service,
                       const struct address *address, const char *hostname,
                       struct network_target *out, struct err *err)
{
    const char *ip = jv_path_str(service, "spec", "clusterIP", NULL);
    bool headless = ip != NULL && strcmp(ip, "None") == 0;
    if (ip == NULL || (hostname != NULL && !headless))
        return no_such_host(address->host, err);
    out->pod = choose_pod(server, service, hostname);
    if (out->pod == NULL)
        return headless ? no_such_host(address->host, err) : refused(err);
    out->port = headless ? address->port : target_port(service, out->pod, address->port);
    if (out->port != 0)
        return 0;
    jv_unref(out->pod);
    out->pod = NULL;
    return refused(err);
}

static int find_by_ip(struct apiserver *server, const struct address *address,
                      struct network_target *out, struct err *err)
{
    out->pod = scan_for(server, "pods", "podIP", address->host, is_running);
    out->port = address->port;
    if (out->pod != NULL)
        return 0;
    struct jv *service = scan_for(server, "services", "clusterIP", address->host, NULL);
    if (service == NULL)
        return err_set(err, ERR_NETWORK, "connect: no route to host");
    int failed = find_behind(server, service, address, NULL, out, err);
    jv_unref(service);
    return failed;
}

static int find_by_name(struct apiserver *server, const struct address *address,
                        struct network_target *out, struct err *err)
{
    char key[KIND_TEXT_BYTES];
    if (address->label_count < 2)
        return no_such_host(address->host, err);
    const char *hostname = address->label_count == 3 ? address->labels[0] : NULL;
    const char *name = address->labels[address->label_count - 2];
    const char *namespace = address->labels[address->label_count - 1];
    struct stored *stored =
        storage_get(core_kind(server, "services"), storage_key(key, sizeof(key), namespace, name));
    if (stored == NULL)
        return no_such_host(address->host, err);
    struct jv *service = stored_parse(stored);
    int failed = find_behind(server, service, address, hostname, out, err);
    jv_unref(service);
    return failed;
}

int network_find(struct apiserver *server, const char *scheme, const char *authority,
                 struct network_target *out, struct err *err)
{
    struct address address;
    *out = (struct network_target){NULL, 0};
    int failed = address_parse(&address, scheme, authority, err);
    if (failed == 0)
        failed = is_ip(address.host) ? find_by_ip(server, &address, out, err)
                                     : find_by_name(server, &address, out, err);
    address_deinit(&address);
    return failed;
}

void apiserver_handle_pods(void *arg, struct exchange *exchange)
{
    struct apiserver *server = arg;
    struct network_target target;
    struct err err = {0};
    const char *authority = exchange_authority(exchange);
    if (network_find(server, exchange_scheme(exchange), authority != NULL ? authority : "", &target,
                     &err) != 0) {
        exchange_refuse(exchange, err.text);
        return;
    }
    if (server->options.pod_request != NULL)
        server->options.pod_request(server->options.pod_request_arg, target.pod, target.port,
                                    exchange);
    else
        exchange_refuse(exchange, "connect: connection refused");
    jv_unref(target.pod);
}
