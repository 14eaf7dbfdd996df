#include "bench.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct goal {
    struct bench *bench;
    struct board *board;
    const struct options *options;
    size_t owned; /* objects to be there */
    int64_t done_ns;
};

static bool goal_is_reached(void *arg)
{
    struct goal *goal = arg;
    if (board_owned(goal->board) < goal->owned) {
        return false;
    }
    goal->done_ns = bench_now(goal->bench);
    return true;
}

static bool all_are_ready(void *arg)
{
    const struct goal *goal = arg;
    for (int64_t i = goal->options->from; i <= goal->options->to; i++) {
        char name[BENCH_NAME_BYTES];
        bench_name(i, name);
        if (!board_is_ready(goal->board, name)) {
            return false;
        }
    }
    return true;
}

static bool all_are_gone(void *arg)
{
    const struct goal *goal = arg;
    return board_clusters(goal->board) == 0 && board_owned(goal->board) == 0;
}

static int namespace_ensure(struct bench *bench, const char *name, struct err *err)
{
    struct err refused = {0};
    struct jv *body = jv_object();
    jv_set_str(body, "apiVersion", "v1");
    jv_set_str(body, "kind", "Namespace");
    jv_set_str(jv_ensure(body, "metadata", (const char *)NULL), "name", name);
    struct jv *made = bench_call(bench, "POST", "/api/v1/namespaces", NULL, body, &refused);
    jv_unref(body);
    if (!made && refused.code != ERR_EXISTS) {
        *err = refused;
        return -1;
    }
    jv_unref(made);
    return 0;
}

/* The documents of a file, once for each cluster. */
static int batch_fill(struct batch *batch, struct bench *bench, const struct options *options,
                      enum write_verb verb, struct err *err)
{
    for (int64_t i = options->from; i <= options->to; i++) {
        char name[BENCH_NAME_BYTES];
        bench_name(i, name);
        struct jv *objects = bench_file(options->file, name, err);
        for (size_t n = 0; n < jv_size(objects); n++) {
            struct jv *object = jv_dup(jv_at(objects, n));
            const char *api = jv_str(jv_get(object, "apiVersion"));
            const char *kind_name = jv_str(jv_get(object, "kind"));
            const struct kube_kind *kind =
                api && kind_name ? bench_kind(bench, api, kind_name, err) : NULL;
            if (!kind) {
                jv_unref(object);
                jv_unref(objects);
                return -1;
            }
            struct jv *metadata = jv_ensure(object, "metadata", (const char *)NULL);
            jv_set_str(metadata, "namespace", options->namespace);
            jv_remove(metadata, "ownerReferences"); /* a garbage collector would delete orphans */
            batch_add(batch, verb, kind, options->namespace, object);
        }
        if (!objects) {
            return -1;
        }
        jv_unref(objects);
    }
    return 0;
}

/* Creates clusters and waits until the operator has made all that belongs to them. */
static int create_and_wait(struct goal *goal, struct batch *batch, struct err *err)
{
    int64_t started = bench_now(goal->bench);
    batch_send(batch);
    if (batch_wait(batch, goal->options->timeout_s, err) < 0) {
        return -1;
    }
    int64_t accepted = bench_now(goal->bench);
    if (!bench_wait(goal->bench, goal_is_reached, goal, goal->options->timeout_s)) {
        return err_set(err, ERR_TIMEOUT, "%zu of %zu objects are there after %lld s",
                       board_owned(goal->board), goal->owned, (long long)goal->options->timeout_s);
    }
    printf("create_s %.3f\n", (double)(goal->done_ns - started) / 1e9);
    printf("create_accepted_s %.3f\n", (double)(accepted - started) / 1e9);
    printf("create_objects %zu\n", board_owned(goal->board));
    return 0;
}

int load_create(struct bench *bench, const struct options *options, struct err *err)
{
    if (namespace_ensure(bench, options->namespace, err) < 0) {
        return -1;
    }
    struct batch *batch = batch_new(bench);
    struct goal goal = {.bench = bench, .options = options};
    goal.board = board_new(bench, options->namespace, err);
    int failed = goal.board ? batch_fill(batch, bench, options, WRITE_CREATE, err) : -1;
    if (failed == 0) {
        size_t clusters = board_clusters(goal.board) + batch_count(batch);
        goal.owned = clusters * (size_t)options->objects;
        failed = create_and_wait(&goal, batch, err);
    }
    batch_free(batch);
    if (goal.board) {
        board_free(goal.board);
    }
    return failed;
}

int load_yardstick(struct bench *bench, const struct options *options, struct err *err)
{
    if (namespace_ensure(bench, options->namespace, err) < 0) {
        return -1;
    }
    struct batch *batch = batch_new(bench);
    int failed = batch_fill(batch, bench, options, WRITE_APPLY, err);
    if (failed == 0) {
        int64_t started = bench_now(bench);
        batch_send(batch);
        failed = batch_wait(batch, options->timeout_s, err);
        printf("yardstick_s %.3f\n", (double)(bench_now(bench) - started) / 1e9);
        printf("yardstick_objects %zu\n", batch_count(batch));
    }
    batch_free(batch);
    return failed;
}

int load_settle(struct bench *bench, const struct options *options, struct err *err)
{
    struct goal goal = {.bench = bench, .options = options};
    goal.board = board_new(bench, options->namespace, err);
    if (!goal.board) {
        return -1;
    }
    int failed = 0;
    int64_t started = bench_now(bench);
    if (!bench_wait(bench, all_are_ready, &goal, options->timeout_s)) {
        failed = err_set(err, ERR_TIMEOUT, "not all clusters are Ready after %lld s",
                         (long long)options->timeout_s);
    }
    printf("settle_s %.3f\n", (double)(bench_now(bench) - started) / 1e9);
    board_free(goal.board);
    return failed;
}

/* Deletes one Service of each cluster, while no operator is looking. */
int load_lose(struct bench *bench, const struct options *options, struct err *err)
{
    struct jv *gone;
    for (int64_t i = options->from; i <= options->to; i++) {
        char name[BENCH_NAME_BYTES];
        bench_name(i, name);
        char *path =
            mem_printf("/api/v1/namespaces/%s/services/druid-%s-routers", options->namespace, name);
        gone = bench_call(bench, "DELETE", path, NULL, NULL, err);
        free(path);
        if (!gone) {
            return -1;
        }
        jv_unref(gone);
    }
    printf("lost_objects %lld\n", (long long)(options->to - options->from + 1));
    return 0;
}

/* Says when it looks, and then at what time of the wall clock all objects were there. */
int load_whole(struct bench *bench, const struct options *options, struct err *err)
{
    struct goal goal = {.bench = bench, .options = options};
    goal.board = board_new(bench, options->namespace, err);
    if (!goal.board) {
        return -1;
    }
    goal.owned = board_clusters(goal.board) * (size_t)options->objects;
    printf("looking 1\n");
    fflush(stdout);
    int failed = 0;
    if (bench_wait(bench, goal_is_reached, &goal, options->timeout_s)) {
        printf("whole_at_us %lld\n", (long long)(clock_wall_ns(bench->clock) / 1000));
    } else {
        failed = err_set(err, ERR_TIMEOUT, "%zu of %zu objects are there after %lld s",
                         board_owned(goal.board), goal.owned, (long long)options->timeout_s);
    }
    board_free(goal.board);
    return failed;
}

static int collection_delete(struct bench *bench, const char *namespace, const char *collection,
                             struct err *err)
{
    struct jv *body = jv_object();
    jv_set_str(body, "apiVersion", "v1");
    jv_set_str(body, "kind", "DeleteOptions");
    jv_set_str(body, "propagationPolicy", "Background");
    const char *slash = strrchr(collection, '/'); /* "GROUP/VERSION/plural", or "plural" */
    char *path = slash ? mem_printf("/apis/%.*s/namespaces/%s/%s", (int)(slash - collection),
                                    collection, namespace, slash + 1)
                       : mem_printf("/api/v1/namespaces/%s/%s", namespace, collection);
    struct jv *gone = bench_call(bench, "DELETE", path, NULL, body, err);
    free(path);
    jv_unref(body);
    jv_unref(gone);
    return gone ? 0 : -1;
}

static int64_t collection_count(struct bench *bench, const char *path, struct err *err)
{
    struct jv *list = bench_call(bench, "GET", path, NULL, NULL, err);
    int64_t count = list ? (int64_t)jv_size(jv_get(list, "items")) : -1;
    jv_unref(list);
    return count;
}

/* Takes all away, clusters through their operator (--how clusters) or plain objects, and waits until
 * no pod is left that would cost the next measurement something. */
int load_clear(struct bench *bench, const struct options *options, struct err *err)
{
    static const char *const plain[] = {"apps/v1/statefulsets", "services", "configmaps"};
    static const char *const clusters[] = {"druid.apache.org/v1alpha1/druids"};
    bool is_plain = strcmp(options->how, "objects") == 0;
    const char *const *collections = is_plain ? plain : clusters;
    for (size_t i = 0; i < (is_plain ? 3U : 1U); i++) {
        if (collection_delete(bench, options->namespace, collections[i], err) < 0) {
            return -1;
        }
    }
    struct goal goal = {.bench = bench, .options = options};
    goal.board = board_new(bench, options->namespace, err);
    if (!goal.board) {
        return -1;
    }
    bool gone = bench_wait(bench, all_are_gone, &goal, options->timeout_s);
    board_free(goal.board);
    char *pods = mem_printf("/api/v1/namespaces/%s/pods?limit=1", options->namespace);
    int64_t count = 1;
    for (int64_t i = 0; gone && count > 0 && i < options->timeout_s; i++) {
        count = collection_count(bench, pods, err);
        bench_sleep(bench, count > 0 ? 1000 : 0);
    }
    free(pods);
    if (count < 0) {
        return -1;
    }
    return gone && count == 0
               ? 0
               : err_set(err, ERR_TIMEOUT, "namespace `%s` is not empty after %lld s",
                         options->namespace, (long long)options->timeout_s);
}

int load_events(struct bench *bench, const struct options *options, struct err *err)
{
    char *path = mem_printf("/apis/events.k8s.io/v1/namespaces/%s/events?fieldSelector="
                            "regarding.kind%%3DDruid",
                            options->namespace);
    int64_t count = collection_count(bench, path, err);
    free(path);
    printf("events %lld\n", (long long)count);
    return count < 0 ? -1 : 0;
}
