#include "bench.h"

#include "base/map.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LATENCY_SAMPLE_S = 120 };

/* One change and the state of the world that answers it. */
struct probe {
    struct bench *bench;
    struct board *board;
    char cluster[BENCH_NAME_BYTES];
    char object[2 * BENCH_NAME_BYTES];
    const char *kind;
    char mark[BENCH_NAME_BYTES]; /* what the change wrote */
    char *uid;                   /* of the object that was deleted */
    bool (*is_answered)(struct probe *probe);
    int64_t sent_ns, accepted_ns, seen_ns;
    struct err *err;
    int failed;
};

static bool cluster_is_ready(void *arg)
{
    const struct probe *probe = arg;
    return board_is_ready(probe->board, probe->cluster);
}

static void on_accepted(void *arg, const struct rest_response *response, const struct err *err)
{
    struct probe *probe = arg;
    (void)response;
    probe->accepted_ns = bench_now(probe->bench);
    if (err) {
        *probe->err = *err;
        probe->failed = -1;
    }
}

static bool probe_is_over(void *arg)
{
    struct probe *probe = arg;
    if (!probe->seen_ns && probe->is_answered(probe)) {
        probe->seen_ns = bench_now(probe->bench);
    }
    return probe->failed || (probe->accepted_ns && probe->seen_ns);
}

/* Sends the change and waits for its answer. */
static int probe_run(struct probe *probe, const char *method, const char *path,
                     const struct jv *body)
{
    char *text = body ? jv_print_str(body, 0) : NULL;
    struct rest_request request = {.method = method,
                                   .path = path,
                                   .content_type = "application/merge-patch+json",
                                   .body = text,
                                   .body_len = text ? strlen(text) : 0};
    probe->accepted_ns = probe->seen_ns = 0;
    probe->sent_ns = bench_now(probe->bench);
    rest_start(probe->bench->rest, &request, on_accepted, probe);
    free(text);
    if (!bench_wait(probe->bench, probe_is_over, probe, LATENCY_SAMPLE_S)) {
        return err_set(probe->err, ERR_TIMEOUT, "`%s %s` had no effect after %d s", method, path,
                       LATENCY_SAMPLE_S);
    }
    return probe->failed;
}

/* The next cluster, once it is at rest. Spread over all of them. */
static int probe_choose(struct probe *probe, const struct options *options, int64_t sample)
{
    int64_t clusters = options->to - options->from + 1;
    bench_name(options->from + (sample * 37) % clusters, probe->cluster);
    if (!bench_wait(probe->bench, cluster_is_ready, probe, LATENCY_SAMPLE_S)) {
        return err_set(probe->err, ERR_TIMEOUT, "cluster `%s` is not Ready after %d s",
                       probe->cluster, LATENCY_SAMPLE_S);
    }
    bench_sleep(probe->bench, options->gap_ms);
    snprintf(probe->mark, sizeof(probe->mark), "%lld",
             (long long)clock_wall_ns(probe->bench->clock) / 1000);
    return 0;
}

static bool template_is_marked(struct probe *probe)
{
    const char *mark =
        jv_path_str(board_get(probe->board, "StatefulSet", probe->object), "spec", "template",
                    "metadata", "annotations", "nemeton.dev/bench", NULL);
    return mark && strcmp(mark, probe->mark) == 0;
}

static bool object_is_back(struct probe *probe)
{
    const char *uid =
        jv_path_str(board_get(probe->board, probe->kind, probe->object), "metadata", "uid", NULL);
    return uid && strcmp(uid, probe->uid) != 0;
}

static bool data_are_restored(struct probe *probe)
{
    const struct jv *object = board_get(probe->board, "ConfigMap", probe->object);
    return probe->accepted_ns && object &&
           jv_get(jv_get(object, "data"), "nemeton-bench") == NULL &&
           strcmp(jv_path_str(object, "metadata", "resourceVersion", NULL), probe->uid) != 0;
}

static int edit_once(struct probe *probe, const char *namespace)
{
    snprintf(probe->object, sizeof(probe->object), "druid-%s-historicals", probe->cluster);
    probe->is_answered = template_is_marked;
    struct jv *patch = jv_object();
    jv_set_str(jv_ensure(patch, "spec", "nodes", "historicals", "podAnnotations", NULL),
               "nemeton.dev/bench", probe->mark);
    char *path = mem_printf("/apis/druid.apache.org/v1alpha1/namespaces/%s/druids/%s", namespace,
                            probe->cluster);
    int failed = probe_run(probe, "PATCH", path, patch);
    free(path);
    jv_unref(patch);
    return failed;
}

/* A ConfigMap or a Service is deleted, or a ConfigMap gets a key that is not ours. */
static int drift_once(struct probe *probe, const char *namespace, bool is_delete, int64_t sample)
{
    bool is_config = !is_delete || sample % 2 == 0;
    probe->kind = is_config ? "ConfigMap" : "Service";
    snprintf(probe->object, sizeof(probe->object), "druid-%s-brokers%s", probe->cluster,
             is_config ? "-config" : "");
    const struct jv *object = board_get(probe->board, probe->kind, probe->object);
    if (!object) {
        return err_set(probe->err, ERR_NOT_FOUND, "there is no %s `%s`", probe->kind,
                       probe->object);
    }
    free(probe->uid);
    probe->uid =
        mem_str(jv_path_str(object, "metadata", is_delete ? "uid" : "resourceVersion", NULL));
    probe->is_answered = is_delete ? object_is_back : data_are_restored;
    struct jv *patch = is_delete ? NULL : jv_object();
    if (patch) {
        jv_set_str(jv_ensure(patch, "data", NULL), "nemeton-bench", probe->mark);
    }
    char *path = mem_printf("/api/v1/namespaces/%s/%s/%s", namespace,
                            is_config ? "configmaps" : "services", probe->object);
    int failed = probe_run(probe, is_delete ? "DELETE" : "PATCH", path, patch);
    free(path);
    jv_unref(patch);
    return failed;
}

static int probes_run(struct bench *bench, const struct options *options, const char *title,
                      struct err *err)
{
    struct probe probe = {.bench = bench, .err = err};
    struct samples sent, accepted;
    bool is_edit = strcmp(title, "edit") == 0, is_delete = strcmp(title, "deleted") == 0;
    char *accepted_title = mem_printf("%s_accepted", title);
    int failed = 0;
    samples_init(&sent, (size_t)options->samples);
    samples_init(&accepted, (size_t)options->samples);
    probe.board = board_new(bench, options->namespace, err);
    for (int64_t i = 0; probe.board && !failed && i < options->samples; i++) {
        failed = probe_choose(&probe, options, i);
        if (!failed) {
            failed = is_edit ? edit_once(&probe, options->namespace)
                             : drift_once(&probe, options->namespace, is_delete, i);
        }
        if (!failed) {
            samples_add(&sent, probe.seen_ns - probe.sent_ns);
            samples_add(&accepted,
                        probe.seen_ns > probe.accepted_ns ? probe.seen_ns - probe.accepted_ns : 0);
        }
    }
    samples_print(&sent, title);
    samples_print(&accepted, accepted_title);
    samples_deinit(&sent);
    samples_deinit(&accepted);
    free(accepted_title);
    free(probe.uid);
    if (!probe.board) {
        return -1;
    }
    board_free(probe.board);
    return failed;
}

int latency_edit(struct bench *bench, const struct options *options, struct err *err)
{
    return probes_run(bench, options, "edit", err);
}

int latency_drift(struct bench *bench, const struct options *options, struct err *err)
{
    return probes_run(bench, options, strcmp(options->how, "delete") == 0 ? "deleted" : "drifted",
                      err);
}
