#include "bench.h"

#include "base/yaml.h"
#include "loop/http.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct call {
    bool is_done;
    struct jv *object;
    struct err *err;
    int failed;
};
struct find {
    bool is_done;
    const struct kube_kind *kind;
    struct err *err;
};

static bool never(void *arg)
{
    (void)arg;
    return false;
}

static int64_t bench_wall(void *arg)
{
    return clock_wall_ns(arg);
}

static bool call_is_done(void *arg)
{
    return ((const struct call *)arg)->is_done;
}

static void on_answer(void *arg, const struct rest_response *response, const struct err *err)
{
    struct call *call = arg;
    call->is_done = true;
    if (err) {
        *call->err = *err;
        call->failed = -1;
        return;
    }
    call->object = response->object ? jv_ref((struct jv *)response->object) : jv_null();
}

static bool find_is_done(void *arg)
{
    return ((const struct find *)arg)->is_done;
}

static void on_kind(void *arg, const struct kube_kind *kind, const struct err *err)
{
    struct find *find = arg;
    find->is_done = true;
    find->kind = kind;
    if (err) {
        *find->err = *err;
    }
}

static char *text_replace(const char *text, const char *from, const char *to)
{
    struct buf out;
    buf_init(&out, YAML_BYTES_MAX);
    const char *next;
    while ((next = strstr(text, from)) != NULL) {
        buf_add(&out, text, (size_t)(next - text));
        buf_add_str(&out, to);
        text = next + strlen(from);
    }
    buf_add_str(&out, text);
    return buf_take(&out, NULL);
}

static char *file_read(const char *path, struct err *err)
{
    FILE *file = fopen(path, "r");
    if (!file) {
        err_set(err, ERR_IO, "cannot read `%s`", path);
        return NULL;
    }
    struct buf text;
    buf_init(&text, YAML_BYTES_MAX);
    char block[4096];
    size_t got;
    while ((got = fread(block, 1, sizeof(block), file)) > 0 && buf_add(&text, block, got) == 0) {
    }
    fclose(file);
    if (text.failed) {
        err_set(err, ERR_TOO_LARGE, "`%s` is larger than %d bytes", path, YAML_BYTES_MAX);
        buf_deinit(&text);
        return NULL;
    }
    return text.len ? buf_take(&text, NULL) : mem_str("");
}

int bench_open(struct bench *bench, const char *kubeconfig, struct err *err)
{
    *bench = (struct bench){.clock = clock_real_new(), .random = random_system_new()};
    struct log_options log_options = {.level = LOG_ERROR,
                                      .format = LOG_TEXT,
                                      .fd = STDERR_FILENO,
                                      .wall_ns = bench_wall,
                                      .wall_arg = bench->clock};
    struct http_options http = {.user_agent = "nemeton-bench",
                                .in_flight_max = BENCH_IN_FLIGHT,
                                .queue_max = BENCH_NAMES_MAX};
    bench->log = log_new(&log_options);
    bench->loop = loop_new(bench->clock, err);
    bench->transport = bench->loop ? http_transport_new(bench->loop, &http, err) : NULL;
    if (!bench->transport) {
        return -1;
    }
    if (!kubeconfig) {
        return 0;
    }
    struct kube_config_options options = {
        .kubeconfig = kubeconfig, .env = (const char *const *)environ, .log = bench->log};
    bench->config = kube_config_load(bench->loop, &options, err);
    if (!bench->config) {
        return -1;
    }
    struct rest_options rest = {
        .log = bench->log, .random = bench->random, .user_agent = "nemeton-bench"};
    bench->rest = rest_new(bench->loop, bench->transport, bench->config, &rest);
    bench->discovery = discovery_new(bench->rest);
    return 0;
}

void bench_close(struct bench *bench)
{
    if (bench->rest) {
        discovery_free(bench->discovery);
        rest_free(bench->rest);
        kube_config_free(bench->config);
    }
    transport_free(bench->transport);
    if (bench->loop) {
        loop_free(bench->loop);
    }
    log_free(bench->log);
    random_free(bench->random);
    clock_free(bench->clock);
}

int64_t bench_now(const struct bench *bench)
{
    return clock_mono_ns(bench->clock);
}

bool bench_wait(struct bench *bench, bool (*done)(void *arg), void *arg, int64_t timeout_s)
{
    return loop_run_until(bench->loop, done, arg, timeout_s * 1000);
}

void bench_sleep(struct bench *bench, int64_t ms)
{
    loop_run_until(bench->loop, never, NULL, ms);
}

const struct kube_kind *bench_kind(struct bench *bench, const char *api_version, const char *kind,
                                   struct err *err)
{
    struct find find = {.err = err};
    discovery_find(bench->discovery, api_version, kind, on_kind, &find);
    if (!bench_wait(bench, find_is_done, &find, 60)) {
        discovery_cancel(bench->discovery, &find);
        err_set(err, ERR_TIMEOUT, "the server does not say where %s is", kind);
        return NULL;
    }
    return find.kind;
}

struct jv *bench_call(struct bench *bench, const char *method, const char *path,
                      const char *content_type, const struct jv *body, struct err *err)
{
    struct call call = {.err = err};
    char *text = body ? jv_print_str(body, 0) : NULL;
    struct rest_request request = {.method = method,
                                   .path = path,
                                   .content_type = content_type,
                                   .body = text,
                                   .body_len = text ? strlen(text) : 0};
    struct rest_call *under_way = rest_start(bench->rest, &request, on_answer, &call);
    free(text);
    if (!bench_wait(bench, call_is_done, &call, 120)) {
        rest_cancel(bench->rest, under_way);
        err_set(err, ERR_TIMEOUT, "no answer to `%s %s`", method, path);
        return NULL;
    }
    return call.failed ? NULL : call.object;
}

void bench_name(int64_t index, char out[BENCH_NAME_BYTES])
{
    snprintf(out, BENCH_NAME_BYTES, "bench-%04lld", (long long)index);
}

struct jv *bench_file(const char *file, const char *name, struct err *err)
{
    char *text = file_read(file, err);
    if (!text) {
        return NULL;
    }
    char *named = text_replace(text, BENCH_PLACEHOLDER, name);
    free(text);
    struct yaml_docs *docs = yaml_parse(named, strlen(named), err);
    free(named);
    if (!docs) {
        return NULL;
    }
    struct jv *objects = jv_array();
    for (size_t i = 0; i < yaml_docs_count(docs); i++) {
        jv_append(objects, jv_dup(yaml_docs_get(docs, i)));
    }
    yaml_docs_free(docs);
    return objects;
}
