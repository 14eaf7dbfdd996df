/* The load client of the benchmarks: what its files share.
 *
 * A `struct bench` is one connection to an API server, made of the runtime's own loop, HTTP client
 * and kube layer. A `struct board` follows the clusters of one namespace and what belongs to them,
 * so that a measurement can wait for a state of the world instead of asking for it again and again.
 * Every wait has an end. Times are of the monotonic clock, in nanoseconds.
 */
#ifndef NEMETON_BENCH_BENCH_H
#define NEMETON_BENCH_BENCH_H

#include "kube/apply.h"

struct bench {
    struct clock *clock;
    struct random_source *random;
    struct loop *loop;
    struct transport *transport;
    struct log *log;
    struct kube_config *config;
    struct rest *rest;
    struct discovery *discovery;
};

struct options {
    const char *kubeconfig, *namespace, *file, *how, *url;
    int64_t from, to; /* clusters, both included */
    int64_t objects;  /* of one cluster */
    int64_t samples, gap_ms, timeout_s;
};

enum { BENCH_IN_FLIGHT = 64, BENCH_NAME_BYTES = 32, BENCH_NAMES_MAX = 100000 };

/* What stands for a cluster's name in the files. */
#define BENCH_PLACEHOLDER "bench-cluster"

int bench_open(struct bench *bench, const char *kubeconfig, struct err *err);
void bench_close(struct bench *bench);
int64_t bench_now(const struct bench *bench);
/* False when timeout_s has passed first. */
bool bench_wait(struct bench *bench, bool (*done)(void *arg), void *arg, int64_t timeout_s);
void bench_sleep(struct bench *bench, int64_t ms);
const struct kube_kind *bench_kind(struct bench *bench, const char *api_version, const char *kind,
                                   struct err *err);
/* One request and its answer, which is yours (NULL on failure). body may be NULL. */
struct jv *bench_call(struct bench *bench, const char *method, const char *path,
                      const char *content_type, const struct jv *body, struct err *err);
void bench_name(int64_t index, char out[BENCH_NAME_BYTES]);
/* The documents of a YAML file with the placeholder replaced. An array; yours. */
struct jv *bench_file(const char *file, const char *name, struct err *err);

/* Many writes at once: prepared, then sent together with at most BENCH_IN_FLIGHT under way. */
struct batch;
struct batch *batch_new(struct bench *bench);
void batch_free(struct batch *batch);
void batch_add(struct batch *batch, enum write_verb verb, const struct kube_kind *kind,
               const char *namespace, struct jv *take);
size_t batch_count(const struct batch *batch);
void batch_send(struct batch *batch);
/* -1 with the first error when any write failed or not all were answered in time. */
int batch_wait(struct batch *batch, int64_t timeout_s, struct err *err);

struct board;
struct board *board_new(struct bench *bench, const char *namespace, struct err *err);
void board_free(struct board *board);
struct jv *board_get(struct board *board, const char *kind, const char *name); /* lent, or NULL */
size_t board_owned(const struct board *board);    /* objects that a Druid controls */
size_t board_clusters(const struct board *board); /* Druid objects */
/* Status has caught up with the spec and says that all is well. */
bool board_is_ready(struct board *board, const char *cluster);

/* Latencies of one measurement. */
struct samples {
    int64_t *ns;
    size_t count, max;
};
void samples_init(struct samples *samples, size_t max);
void samples_deinit(struct samples *samples);
void samples_add(struct samples *samples, int64_t ns);
void samples_print(struct samples *samples, const char *title); /* TITLE_p50_ms N and so on */

/* The commands; each prints lines "figure value". */
int load_create(struct bench *bench, const struct options *options, struct err *err);
int load_yardstick(struct bench *bench, const struct options *options, struct err *err);
int load_settle(struct bench *bench, const struct options *options, struct err *err);
int load_lose(struct bench *bench, const struct options *options, struct err *err);
int load_whole(struct bench *bench, const struct options *options, struct err *err);
int load_clear(struct bench *bench, const struct options *options, struct err *err);
int load_events(struct bench *bench, const struct options *options, struct err *err);
int latency_edit(struct bench *bench, const struct options *options, struct err *err);
int latency_drift(struct bench *bench, const struct options *options, struct err *err);
int latency_policy(struct bench *bench, const struct options *options, struct err *err);
int latency_start(struct bench *bench, const struct options *options, struct err *err);
int render_large(struct bench *bench, const struct options *options, struct err *err);

#endif
