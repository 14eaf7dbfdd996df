/* A run with live effects against a scripted API server that has a Thing, and how to perform one of them. */
#ifndef NEMETON_TESTS_CONTROL_EFFECTS_SUPPORT_H
#define NEMETON_TESTS_CONTROL_EFFECTS_SUPPORT_H

#include "control_support.h"

#include "control/effects_live.h"

#define THING "/apis/example.com/v1/namespaces/ns/things/one"

struct test {
    struct fake fake;
    struct informer_set *informers;
    struct informer *sets, *maps, *things;
    struct event_recorder *events;
    struct gate *gate;
    struct metrics *metrics;
    struct effects_shared *shared;
    struct effects_run *run;
    struct policy_controller controller;
    bool done;
    struct jv *result;
    struct err err;
};

static inline struct informer *find(void *arg, const char *api_version, const char *kind)
{
    struct test *test = arg;
    (void)api_version;
    if (strcmp(kind, "StatefulSet") == 0)
        return test->sets;
    if (strcmp(kind, "ConfigMap") == 0)
        return test->maps;
    return strcmp(kind, "Thing") == 0 ? test->things : NULL;
}

static inline bool readable(void *arg, const struct informer *informer)
{
    (void)arg;
    return informer_synced(informer);
}

static inline bool yes(void *arg)
{
    (void)arg;
    return true;
}

static inline bool holds(void *arg, int64_t margin_ms)
{
    (void)arg;
    (void)margin_ms;
    return true;
}

static inline struct informer *watch(struct test *test, const char *api_version, const char *kind)
{
    struct informer_spec spec = {.api_version = api_version, .kind = kind};
    return informer_get(test->informers, &spec);
}

static inline bool all_synced(void *arg)
{
    return informer_set_synced(((struct test *)arg)->informers);
}

/* Caches are filled from what was put before. */
static inline void begin(struct test *test)
{
    test->sets = watch(test, "apps/v1", "StatefulSet");
    test->maps = watch(test, "v1", "ConfigMap");
    test->things = watch(test, "example.com/v1", "Thing");
    assert_true(loop_run_until(test->fake.loop, all_synced, test, 60000));
    struct effects_run_options options = {
        .controller = &test->controller,
        .policy_version = "v1",
        .key = {"example.com/v1", "Thing", "ns", "one", "u-one"},
        .primary = store_get(informer_store(test->things), "ns", "one"),
        .informer = find,
        .readable = readable,
        .synced = yes,
        .arg = test,
    };
    test->run = effects_run_new(test->shared, &options);
}

static inline int setup(void **state)
{
    struct test *test = mem_alloc(sizeof(*test));
    struct fake *fake = &test->fake;
    fake_start(fake);
    test->controller.name = "things";
    test->informers = informer_set_new(fake->rest, fake->discovery, NULL, fake->random);
    struct event_options events = {
        .controller = "nemeton", .instance = "i", .random = fake->random};
    test->events = event_recorder_new(fake->rest, fake->discovery, &events);
    struct gate_options gate = {
        .rest = fake->rest, .discovery = fake->discovery, .lease_holds = holds, .synced = yes};
    test->gate = gate_new(&gate);
    test->metrics = metrics_new(1);
    struct effects_shared_options shared = {
        .loop = fake->loop,
        .rest = fake->rest,
        .transport = fake->transport,
        .discovery = fake->discovery,
        .informers = test->informers,
        .events = test->events,
        .gate = test->gate,
        .metrics = test->metrics,
        .field_manager = "nemeton",
    };
    test->shared = effects_shared_new(&shared);
    fake_put(fake, THING,
             "{'apiVersion':'example.com/v1','kind':'Thing','metadata':{"
             "'generation':1},'status':{'ready':1}}");
    *state = test;
    return 0;
}

static inline int teardown(void **state)
{
    struct test *test = *state;
    effects_run_free(test->run);
    effects_shared_free(test->shared);
    metrics_free(test->metrics);
    gate_free(test->gate);
    event_recorder_free(test->events);
    informer_put(test->sets);
    informer_put(test->maps);
    informer_put(test->things);
    informer_set_free(test->informers);
    jv_unref(test->result);
    fake_end(&test->fake);
    free(test);
    return 0;
}

static inline void on_effect(void *arg, struct jv *result, const struct err *err)
{
    struct test *test = arg;
    test->done = true;
    test->result = jv_ref(result);
    if (err != NULL)
        test->err = *err;
}

static inline void perform(struct test *test, const struct effect *effect)
{
    struct effects *door = effects_run_door(test->run);
    jv_unref(test->result);
    test->result = NULL;
    test->err = (struct err){0};
    test->done = false;
    door->ops->start(door->self, effect, on_effect, test);
    assert_false(test->done);
    assert_true(loop_run_until(test->fake.loop, fake_is_true, &test->done, 60000));
}

static inline struct jv *parse(const char *text)
{
    struct jv *value = NULL;
    char *plain = mem_str(text);
    for (char *c = plain; *c != '\0'; c++)
        *c = *c == '\'' ? '"' : *c;
    assert_int_equal(jv_parse(plain, strlen(plain), &value, NULL), 0);
    free(plain);
    return value;
}

#endif
