#include "kube/lease_internal.h"

#include <stdio.h>
#include <string.h>

enum { RECORD_BYTES_MAX = 1 << 20, PATH_BYTES_MAX = 4096 };
#define LEASES "/apis/coordination.k8s.io/v1/namespaces/"

struct jv *lease_body(const struct lease *lease, const struct jv *old, const char *holder)
{
    struct jv *object = old != NULL ? jv_dup(old) : jv_object();
    struct jv *spec = jv_ensure(object, "spec", NULL);
    const char *before = jv_str(jv_get(spec, "holderIdentity"));
    bool release = holder[0] == '\0';
    char now[40];

    log_time_rfc3339(clock_wall_ns(loop_clock(lease->loop)), true, now);
    jv_set_str(object, "apiVersion", "coordination.k8s.io/v1");
    jv_set_str(object, "kind", "Lease");
    jv_set_str(jv_ensure(object, "metadata", NULL), "namespace", lease->namespace);
    jv_set_str(jv_ensure(object, "metadata", NULL), "name", lease->name);
    if (before == NULL || strcmp(before, holder) != 0) {
        int64_t transitions = jv_int_value(jv_get(spec, "leaseTransitions"));

        jv_set_str(spec, "acquireTime", now);
        jv_set_int(spec, "leaseTransitions",
                   old != NULL && !release ? transitions + 1 : transitions);
    }
    jv_set_str(spec, "holderIdentity", holder);
    jv_set_int(spec, "leaseDurationSeconds", release ? 1 : (lease->duration_ms + 999) / 1000);
    jv_set_str(spec, "renewTime", now);
    return object;
}

struct rest_call *lease_send(struct lease *lease, const char *method, const struct jv *body,
                             rest_fn fn)
{
    struct rest_request request = {
        .method = method,
        .lane = HTTP_LANE_LEASE,
        .timeout_ms = lease->request_ms,
        .no_retry = true,
        .fresh_connection = lease->fresh,
    };
    struct rest_call *call;
    struct buf path, text;

    buf_init(&path, PATH_BYTES_MAX);
    buf_init(&text, RECORD_BYTES_MAX);
    buf_printf(&path, LEASES "%s/leases", lease->namespace);
    if (strcmp(method, "POST") != 0)
        buf_printf(&path, "/%s", lease->name);
    request.path = buf_str(&path);
    if (body != NULL && jv_print(body, 0, &text) == 0) {
        request.body = buf_str(&text);
        request.body_len = text.len;
    }
    call = rest_start(lease->rest, &request, fn, lease);
    buf_deinit(&path);
    buf_deinit(&text);
    return call;
}
