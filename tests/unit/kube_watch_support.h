/* What the tests of kube/watch share: a watch on the stage, and what it told as one text. */
#ifndef NEMETON_TESTS_KUBE_WATCH_SUPPORT_H
#define NEMETON_TESTS_KUBE_WATCH_SUPPORT_H

#include "unit/kube_stage.h"

#include "kube/watch.h"

static struct kube_kind pods = {.group = "",
                                .version = "v1",
                                .kind = "Pod",
                                .plural = "pods",
                                .api_version = "v1",
                                .namespaced = true};

/* What the watch told, as one text: "begin +a@5 -b@6 end@7 ". */
struct fixture {
    struct stage *stage;
    struct watch *watch;
    struct buf told;
    char rv[64];
    int progresses;
    char problem[1024];
    bool stop_at_upsert;
};

static inline void tell(struct fixture *f, const char *mark, const struct jv *object)
{
    assert_null(jv_path(object, "metadata", "managedFields", NULL));
    assert_string_equal(jv_path_str(object, "kind", NULL), "Pod");
    assert_string_equal(jv_path_str(object, "apiVersion", NULL), "v1");
    buf_printf(&f->told, "%s%s@%s ", mark, jv_path_str(object, "metadata", "name", NULL),
               jv_path_str(object, "metadata", "resourceVersion", NULL));
}

static inline void on_begin(void *arg)
{
    buf_add_str(&((struct fixture *)arg)->told, "begin ");
}

static inline void on_upsert(void *arg, struct jv *object)
{
    struct fixture *f = arg;
    tell(f, "+", object);
    if (f->stop_at_upsert) {
        watch_stop(f->watch);
        f->watch = NULL;
    }
}

static inline void on_delete(void *arg, struct jv *object)
{
    tell(arg, "-", object);
}

static inline void on_end(void *arg, const char *rv)
{
    buf_printf(&((struct fixture *)arg)->told, "end@%s ", rv);
}

static inline void on_progress(void *arg, const char *rv)
{
    struct fixture *f = arg;
    snprintf(f->rv, sizeof f->rv, "%s", rv);
    f->progresses++;
}

static inline void on_problem(void *arg, const struct err *err)
{
    struct fixture *f = arg;
    buf_printf(&f->told, "%s ", err ? err_code_name(err->code) : "healthy");
    snprintf(f->problem, sizeof f->problem, "%s", err ? err->text : "");
}

static inline void on_reset(void *arg)
{
    buf_add_str(&((struct fixture *)arg)->told, "reset ");
}

static inline bool is_known(void *arg, const char *uid, const char *rv)
{
    (void)arg;
    return strcmp(uid, "known") == 0 && strcmp(rv, "77") == 0;
}

static const struct watch_callbacks callbacks = {on_begin,    on_upsert,  on_delete, on_end,
                                                 on_progress, on_problem, on_reset,  is_known};

static inline int setup(void **state)
{
    struct fixture *f = mem_alloc(sizeof *f);
    f->stage = stage_new();
    buf_init(&f->told, 1 << 20);
    *state = f;
    return 0;
}

static inline int teardown(void **state)
{
    struct fixture *f = *state;
    watch_stop(f->watch);
    stage_free(f->stage);
    buf_deinit(&f->told);
    free(f);
    return 0;
}

static inline void start(struct fixture *f)
{
    struct watch_options options = {.kind = &pods, .random = f->stage->random};
    f->watch = watch_start(f->stage->rest, &options, &callbacks, f);
    stage_run(f->stage, 0);
}

/* Exactly one of {request, timer} is alive: after every test step something goes on. */
static inline void alive(struct fixture *f)
{
    assert_true(rest_pending(f->stage->rest) == 1 || loop_stats(f->stage->world.loop).timers > 0);
    assert_true(rest_pending(f->stage->rest) <= 1);
}

static inline void told(struct fixture *f, const char *wanted)
{
    assert_string_equal(buf_str(&f->told), wanted);
    buf_clear(&f->told);
    alive(f);
}

static inline void write(struct fixture *f, const char *text)
{
    assert_int_equal(exchange_write(stage_stream(f->stage), text, strlen(text)), 0);
    stage_run(f->stage, 0);
}

static inline void finish(struct fixture *f, bool cut)
{
    struct exchange *exchange = stage_stream(f->stage);
    stage_forget(f->stage, exchange);
    if (cut)
        exchange_abort(exchange);
    else
        exchange_end(exchange);
    stage_run(f->stage, 0);
}

/* A watch whose full state is complete, streaming at 10. */
static inline void start_synced(struct fixture *f)
{
    SCRIPT(f->stage, {"sendInitialEvents=true", ACT_STREAM, 0,
                      EVENT("ADDED", POD("a", "u1", "5")) MARK("10")});
    start(f);
    told(f, "begin +a@5 end@10 ");
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

#endif
