#include "bench.h"

#include <stdlib.h>

struct item {
    struct batch *batch;
    enum write_verb verb;
    const struct kube_kind *kind;
    char *namespace;
    struct jv *body;
    struct rest_call *call;
};
struct batch {
    struct bench *bench;
    struct item **items;
    size_t count, answered, failed;
    struct err first_err;
};

static void on_written(void *arg, const struct rest_response *response, const struct err *err)
{
    struct item *item = arg;
    struct batch *batch = item->batch;
    (void)response;
    item->call = NULL;
    batch->answered++;
    if (err && batch->failed++ == 0) {
        batch->first_err = *err;
    }
}

static bool batch_is_done(void *arg)
{
    const struct batch *batch = arg;
    return batch->answered == batch->count;
}

struct batch *batch_new(struct bench *bench)
{
    struct batch *batch = mem_alloc(sizeof(*batch));
    batch->bench = bench;
    return batch;
}

void batch_free(struct batch *batch)
{
    for (size_t i = 0; i < batch->count; i++) {
        struct item *item = batch->items[i];
        rest_cancel(batch->bench->rest, item->call);
        jv_unref(item->body);
        free(item->namespace);
        free(item);
    }
    free(batch->items);
    free(batch);
}

void batch_add(struct batch *batch, enum write_verb verb, const struct kube_kind *kind,
               const char *namespace, struct jv *take)
{
    struct item *item = mem_alloc(sizeof(*item));
    *item = (struct item){
        .batch = batch, .verb = verb, .kind = kind, .namespace = mem_str(namespace), .body = take};
    batch->items = mem_grow(batch->items, (batch->count + 1) * sizeof(struct item *));
    batch->items[batch->count++] = item;
}

size_t batch_count(const struct batch *batch)
{
    return batch->count;
}

void batch_send(struct batch *batch)
{
    for (size_t i = 0; i < batch->count; i++) {
        struct item *item = batch->items[i];
        struct write_request request = {.verb = item->verb,
                                        .kind = item->kind,
                                        .namespace = item->namespace,
                                        .body = item->body,
                                        .field_manager = "bench"};
        item->call = write_start(batch->bench->rest, &request, on_written, item);
        if (!item->call) {
            struct err err = {0};
            err_set(&err, ERR_INVALID, "a %s cannot be sent", item->kind->kind);
            on_written(item, NULL, &err);
        }
    }
}

int batch_wait(struct batch *batch, int64_t timeout_s, struct err *err)
{
    if (!bench_wait(batch->bench, batch_is_done, batch, timeout_s)) {
        return err_set(err, ERR_TIMEOUT, "%zu of %zu writes have no answer after %lld s",
                       batch->count - batch->answered, batch->count, (long long)timeout_s);
    }
    if (batch->failed) {
        *err = batch->first_err;
        return err_wrap(err, "%zu of %zu writes failed, the first", batch->failed, batch->count);
    }
    return 0;
}
