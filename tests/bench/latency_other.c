#include "bench.h"

#include "kube/watch.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { START_POLL_MS = 1 };

#define POLICY_NAME "nemeton-bench"

/* The overlay's ConfigMap on its way into force. */
struct reload {
    struct bench *bench;
    struct watch *watch;
    bool is_synced;
    char *loaded; /* what its annotation said last */
    char *before;
    char *problem;
    int64_t timeout_s;
};

struct ask {
    bool is_over, is_ok;
};

static void on_map(void *arg, struct jv *object)
{
    struct reload *reload = arg;
    const struct jv *annotations = jv_path(object, "metadata", "annotations", NULL);
    free(reload->loaded);
    free(reload->problem);
    reload->loaded = mem_str(jv_str(jv_get(annotations, "nemeton.dev/loaded")));
    reload->problem = mem_str(jv_str(jv_get(annotations, "nemeton.dev/error")));
}

static void on_gone(void *arg, struct jv *object)
{
    (void)arg;
    (void)object;
}

static void on_begin(void *arg)
{
    (void)arg;
}

static void on_end(void *arg, const char *resource_version)
{
    (void)resource_version;
    ((struct reload *)arg)->is_synced = true;
}

static void on_progress(void *arg, const char *resource_version)
{
    (void)arg;
    (void)resource_version;
}

static void on_problem(void *arg, const struct err *err)
{
    (void)arg;
    (void)err;
}

static bool reload_is_synced(void *arg)
{
    return ((const struct reload *)arg)->is_synced;
}

static bool reload_is_over(void *arg)
{
    const struct reload *reload = arg;
    return reload->problem ||
           (reload->loaded && (!reload->before || strcmp(reload->loaded, reload->before) != 0));
}

static struct jv *overlay(const char *namespace, int64_t number)
{
    struct jv *map = jv_object();
    jv_set_str(map, "apiVersion", "v1");
    jv_set_str(map, "kind", "ConfigMap");
    struct jv *metadata = jv_ensure(map, "metadata", NULL);
    jv_set_str(metadata, "name", POLICY_NAME);
    jv_set_str(metadata, "namespace", namespace);
    jv_set_str(jv_ensure(metadata, "labels", NULL), "nemeton.dev/policies", "bench");
    struct jv *data = jv_ensure(map, "data", NULL);
    jv_set_str(data, "bundle.lua", "return { api = 1 }\n");
    jv_set(data, "druid.rollout.lua",
           jv_stringf("-- edit %lld\nreturn require \"base.druid.rollout\"\n", (long long)number));
    return map;
}

static int policy_once(struct reload *reload, const char *namespace, int64_t number, int64_t *ns,
                       struct err *err)
{
    struct jv *map = overlay(namespace, number);
    char *path =
        mem_printf("/api/v1/namespaces/%s/configmaps/" POLICY_NAME "?fieldManager=bench&force=true",
                   namespace);
    free(reload->before);
    reload->before = mem_str(reload->loaded);
    int64_t sent = bench_now(reload->bench);
    struct jv *made =
        bench_call(reload->bench, "PATCH", path, "application/apply-patch+yaml", map, err);
    free(path);
    jv_unref(map);
    if (!made) {
        return -1;
    }
    jv_unref(made);
    if (!bench_wait(reload->bench, reload_is_over, reload, reload->timeout_s)) {
        return err_set(err, ERR_TIMEOUT, "the policy is not in force after %lld s",
                       (long long)reload->timeout_s);
    }
    *ns = bench_now(reload->bench) - sent;
    return reload->problem
               ? err_set(err, ERR_INVALID, "the policy was refused: %s", reload->problem)
               : 0;
}

int latency_policy(struct bench *bench, const struct options *options, struct err *err)
{
    struct watch_callbacks callbacks = {.on_begin = on_begin,
                                        .on_upsert = on_map,
                                        .on_delete = on_gone,
                                        .on_end = on_end,
                                        .on_progress = on_progress,
                                        .on_problem = on_problem};
    struct watch_options watch = {.kind = bench_kind(bench, "v1", "ConfigMap", err),
                                  .namespace = options->namespace,
                                  .field_selector = "metadata.name=" POLICY_NAME,
                                  .log = bench->log,
                                  .random = bench->random};
    if (!watch.kind) {
        return -1;
    }
    struct reload reload = {.bench = bench, .timeout_s = options->timeout_s};
    struct samples samples;
    samples_init(&samples, (size_t)options->samples);
    reload.watch = watch_start(bench->rest, &watch, &callbacks, &reload);
    int failed = bench_wait(bench, reload_is_synced, &reload, 60)
                     ? 0
                     : err_set(err, ERR_TIMEOUT, "the watch has no full state after 60 s");
    for (int64_t i = 0; !failed && i < options->samples; i++) {
        int64_t ns = 0;
        failed = policy_once(&reload, options->namespace, clock_wall_ns(bench->clock) / 1000000,
                             &ns, err);
        samples_add(&samples, ns);
        bench_sleep(bench, options->gap_ms);
    }
    watch_stop(reload.watch);
    samples_print(&samples, "policy");
    samples_deinit(&samples);
    char *path = mem_printf("/api/v1/namespaces/%s/configmaps/" POLICY_NAME, options->namespace);
    struct err ignored = {0};
    jv_unref(bench_call(bench, "DELETE", path, NULL, NULL, &ignored));
    free(path);
    free(reload.loaded);
    free(reload.before);
    free(reload.problem);
    return failed;
}

static void on_health(void *arg, const struct http_response *response, const struct err *err)
{
    struct ask *ask = arg;
    ask->is_over = true;
    ask->is_ok = !err && response->status == 200;
}

static bool ask_is_over(void *arg)
{
    return ((const struct ask *)arg)->is_over;
}

/* Asks a plain address again and again until it says 200, and prints when that was. */
int latency_start(struct bench *bench, const struct options *options, struct err *err)
{
    struct http_callbacks callbacks = {.on_done = on_health};
    struct http_request request = {
        .method = "GET", .url = options->url, .lane = HTTP_LANE_MAIN, .timeout_ms = 2000};
    int64_t until = bench_now(bench) + options->timeout_s * 1000000000;
    while (bench_now(bench) < until) {
        struct ask ask = {0};
        struct err refused = {0};
        if (!transport_start(bench->transport, &request, &callbacks, &ask, &refused)) {
            *err = refused;
            return -1;
        }
        if (bench_wait(bench, ask_is_over, &ask, 3) && ask.is_ok) {
            printf("answered_at_us %lld\n", (long long)(clock_wall_ns(bench->clock) / 1000));
            return 0;
        }
        bench_sleep(bench, START_POLL_MS);
    }
    return err_set(err, ERR_TIMEOUT, "`%s` does not answer 200 after %lld s", options->url,
                   (long long)options->timeout_s);
}
