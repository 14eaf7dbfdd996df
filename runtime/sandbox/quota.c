#include "sandbox/quota.h"

#include "sandbox/meta.h"
#include "sandbox/quantity.h"
#include "sandbox/strategy.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { QUOTA_TEXT_BYTES_MAX = 2048 };

static const __int128 one = 1000000000; /* amounts are in billionths */

static __int128 amount_of(const struct jv *value)
{
    __int128 nano = 0;
    const char *text = jv_str(value);
    if (text)
        quantity_parse(text, &nano);
    return nano;
}

static bool is_finished(const struct jv *pod)
{
    const char *phase = jv_path_str(pod, "status", "phase", NULL);
    return phase && (strcmp(phase, "Succeeded") == 0 || strcmp(phase, "Failed") == 0);
}

/* "requests.cpu", "cpu" and "limits.memory" of a pod's containers together. */
static __int128 pod_amount(const struct jv *pod, const char *resource, bool *missing)
{
    const char *part = strncmp(resource, "limits.", 7) == 0 ? "limits" : "requests";
    const char *dot = strchr(resource, '.'), *name = dot ? dot + 1 : resource;
    const struct jv *containers = jv_path(pod, "spec", "containers", NULL);
    __int128 total = 0;
    for (size_t i = 0; i < jv_size(containers); i++) {
        const struct jv *value = jv_path(jv_at(containers, i), "resources", part, name, NULL);
        *missing |= !value;
        total += amount_of(value);
    }
    return total;
}

/* What one object takes of a resource; 0 for what does not concern its kind. */
static __int128 object_amount(const struct kind *kind, const struct jv *object,
                              const char *resource, bool *missing)
{
    char counted[KIND_TEXT_BYTES] = "count/";
    bool pod = kind->strategy == &strategy_pod;
    if (pod && is_finished(object))
        return 0;
    kind_resource_text(kind, counted + 6, sizeof(counted) - 6);
    if (strcmp(resource, counted) == 0 || (!*kind->group && strcmp(resource, kind->plural) == 0))
        return one;
    if (kind->strategy == &strategy_claim && strcmp(resource, "requests.storage") == 0)
        return amount_of(jv_path(object, "spec", "resources", "requests", "storage", NULL));
    bool compute = strcmp(resource, "cpu") == 0 || strcmp(resource, "memory") == 0 ||
                   strcmp(resource, "requests.cpu") == 0 ||
                   strcmp(resource, "requests.memory") == 0 ||
                   strcmp(resource, "limits.cpu") == 0 || strcmp(resource, "limits.memory") == 0;
    return pod && compute ? pod_amount(object, resource, missing) : 0;
}

struct sum {
    const struct kind *kind;
    const char *resource;
    __int128 total;
};

static bool add_object(void *arg, struct stored *stored)
{
    struct sum *sum = arg;
    bool ignored = false;
    struct jv *object = stored_parse(stored);
    sum->total += object_amount(sum->kind, object, sum->resource, &ignored);
    jv_unref(object);
    return true;
}

static void print_amount(__int128 nano, struct buf *out)
{
    char text[QUANTITY_TEXT_BYTES], canonical[QUANTITY_TEXT_BYTES];
    snprintf(text, sizeof(text), "%lldn", (long long)nano);
    if (nano > INT64_MAX)
        snprintf(text, sizeof(text), "%lld", (long long)(nano / one));
    buf_add_str(out, quantity_canonical(text, canonical) ? canonical : text);
}

static void say(struct buf *out, const char *resource, __int128 nano)
{
    buf_printf(out, "%s%s=", out->len ? "," : "", resource);
    print_amount(nano, out);
}

struct admission {
    struct request *request;
    const struct jv *object;
    struct refusal *refusal;
    int result;
};

static int refuse_quota(struct admission *admission, const char *quota, const struct buf *missing,
                        const struct buf *requested, const struct buf *used,
                        const struct buf *limited)
{
    const struct request *request = admission->request;
    const char *name = meta_name(admission->object);
    if (missing->len)
        return refuse_forbidden(admission->refusal, request->kind, name,
                                "failed quota: %s: must specify %s", quota, buf_str(missing));
    return refuse_forbidden(admission->refusal, request->kind, name,
                            "exceeded quota: %s, requested: %s, used: %s, limited: %s", quota,
                            buf_str(requested), buf_str(used), buf_str(limited));
}

static bool check_quota(void *arg, struct stored *stored)
{
    struct admission *admission = arg;
    const struct kind *kind = admission->request->kind->home;
    struct jv *quota = stored_parse(stored);
    const struct jv *hard = jv_path(quota, "spec", "hard", NULL);
    struct buf missing, requested, used, limited;
    struct jv_iter iter = {0};
    buf_init(&missing, QUOTA_TEXT_BYTES_MAX);
    buf_init(&requested, QUOTA_TEXT_BYTES_MAX);
    buf_init(&used, QUOTA_TEXT_BYTES_MAX);
    buf_init(&limited, QUOTA_TEXT_BYTES_MAX);
    while (jv_size(hard) && jv_next(hard, &iter)) {
        bool unsaid = false;
        __int128 wanted = object_amount(kind, admission->object, iter.key, &unsaid);
        if (unsaid)
            buf_printf(&missing, "%s%s", missing.len ? "," : "", iter.key);
        if (wanted == 0)
            continue;
        struct sum sum = {.kind = kind, .resource = iter.key};
        storage_each(admission->request->server->storage, kind, admission->request->namespace, NULL,
                     0, add_object, &sum);
        if (sum.total + wanted <= amount_of(iter.value))
            continue;
        say(&requested, iter.key, wanted);
        say(&used, iter.key, sum.total);
        say(&limited, iter.key, amount_of(iter.value));
    }
    if (missing.len || requested.len)
        admission->result =
            refuse_quota(admission, stored->name, &missing, &requested, &used, &limited);
    buf_deinit(&missing);
    buf_deinit(&requested);
    buf_deinit(&used);
    buf_deinit(&limited);
    jv_unref(quota);
    return admission->result == 0;
}

int quota_admit(struct request *request, const struct jv *object, struct refusal *refusal)
{
    const struct kind *quotas = kinds_find(request->server->kinds, "", "resourcequotas");
    struct admission admission = {.request = request, .object = object, .refusal = refusal};
    if (!request->namespace || tree_count(quotas->objects) == 0)
        return 0;
    storage_each(request->server->storage, quotas, request->namespace, NULL, 0, check_quota,
                 &admission);
    return admission.result;
}
