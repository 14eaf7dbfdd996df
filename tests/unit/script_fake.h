/* A policy environment without a cluster, for the tests of script/: a virtual or real clock, and an
 * effects door that records what is asked and answers from the loop. */
#ifndef NEMETON_TESTS_SCRIPT_FAKE_H
#define NEMETON_TESTS_SCRIPT_FAKE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "idle.h"

#include "script/task.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct effect_call {
    struct fake *fake;
    struct effect_call *next, **link;
    struct loop_timer *timer;
    effect_fn fn;
    void *arg;
    struct jv *result;
    struct err err;
    bool failed;
};

struct fake {
    struct clock *clock;
    struct loop *loop;
    struct random_source *random;
    struct log *log;
    struct buf lines;
    struct policy_env env;
    struct effects effects;
    struct effect_call *calls; /* under way */
    size_t in_flight, in_flight_max, started, cancelled;
    struct buf record; /* one line an effect */
    struct store *store;
    bool unsynced;
    int64_t delay_ms;
    /* Answers: how the next effects end. NULL result: the body. */
    enum err_code fail_code;
    struct jv *result;
    /* The last task's end. */
    int ended;
    struct task_result last;
    char trace[4096];
};

static void fake_answer(void *arg)
{
    struct effect_call *call = arg;
    *call->link = call->next;
    if (call->next != NULL)
        call->next->link = call->link;
    call->fake->in_flight--;
    call->fn(call->arg, call->failed ? NULL : call->result, call->failed ? &call->err : NULL);
    jv_unref(call->result);
    free(call);
}

static struct effect_call *fake_start(void *self, const struct effect *effect, effect_fn fn,
                                      void *arg)
{
    static const char *const names[] = {
        "read",          "read_list",        "apply", "create", "patch", "delete", "status",
        "finalizer_add", "finalizer_remove", "event", "http",   "sleep", "gauges", "log"};
    struct fake *fake = self;
    struct effect_call *call = mem_alloc(sizeof *call);
    call->fake = fake;
    call->fn = fn;
    call->arg = arg;
    fake->started++;
    if (++fake->in_flight > fake->in_flight_max)
        fake->in_flight_max = fake->in_flight;
    char *body = effect->body != NULL ? jv_print_str(effect->body, JV_PRINT_SORTED) : NULL;
    buf_printf(&fake->record, "%s %s %s/%s %s\n", names[effect->verb],
               effect->kind != NULL ? effect->kind : "-",
               effect->namespace != NULL ? effect->namespace : "-",
               effect->name != NULL ? effect->name : "-", body != NULL ? body : "-");
    free(body);
    if (fake->fail_code != ERR_NONE) {
        call->failed = true;
        err_set(&call->err, fake->fail_code, "no luck");
        call->err.http_status = 409;
    } else if (fake->result != NULL) {
        call->result = jv_ref(fake->result);
    } else if (effect->verb == EFFECT_APPLY) {
        call->result = jv_object();
        jv_set(call->result, "object", jv_dup(effect->body));
        jv_set_str(call->result, "change", "created");
    } else if (effect->body != NULL) {
        call->result = jv_dup(effect->body);
    }
    call->next = fake->calls;
    call->link = &fake->calls;
    if (fake->calls != NULL)
        fake->calls->link = &call->next;
    fake->calls = call;
    int64_t delay = effect->verb == EFFECT_SLEEP ? effect->delay_ms : fake->delay_ms;
    call->timer = loop_timer_add(fake->loop, delay, fake_answer, call);
    return call;
}

static void fake_cancel(void *self, struct effect_call *call)
{
    struct fake *fake = self;
    fake->cancelled++;
    fake->in_flight--;
    loop_timer_cancel(fake->loop, call->timer);
    *call->link = call->next;
    if (call->next != NULL)
        call->next->link = call->link;
    jv_unref(call->result);
    free(call);
}

static struct store *fake_store(void *self, const char *api_version, const char *kind,
                                struct err *err)
{
    struct fake *fake = self;
    if (!fake->unsynced)
        return fake->store;
    err_set(err, ERR_NETWORK, "%s %s is not synced", api_version, kind);
    return NULL;
}

static int64_t fake_wall_ns(void *self)
{
    return clock_wall_ns(((struct fake *)self)->clock);
}

static bool fake_previewing(void *self)
{
    (void)self;
    return false;
}

static void fake_line(void *arg, const char *line, size_t len)
{
    buf_add(arg, line, len);
}

static void fake_init(struct fake *fake, struct clock *clock)
{
    static const struct effects_ops ops = {fake_start, fake_cancel, fake_store, fake_wall_ns,
                                           fake_previewing};
    *fake = (struct fake){.clock = clock};
    fake->loop = loop_new(clock, NULL);
    fake->random = random_seeded_new(7);
    buf_init(&fake->lines, 1 << 20);
    buf_init(&fake->record, 4 << 20);
    fake->log = log_new(&(struct log_options){
        .level = LOG_DEBUG, .format = LOG_TEXT, .sink = fake_line, .sink_arg = &fake->lines});
    fake->store = store_new(&(struct store_options){0});
    fake->env = (struct policy_env){.loop = fake->loop, .random = fake->random, .log = fake->log};
    fake->effects = (struct effects){&ops, fake};
}

static void fake_deinit(struct fake *fake)
{
    assert_int_equal(fake->in_flight, 0);
    store_free(fake->store);
    log_free(fake->log);
    random_free(fake->random);
    loop_free_idle(fake->loop);
    clock_free(fake->clock);
    jv_unref(fake->result);
    buf_deinit(&fake->lines);
    buf_deinit(&fake->record);
}

/* Policies of one file each: pairs of module and text, NULL at the end; bundle.lua is added. */
__attribute__((unused)) static struct policy *fake_policy(struct fake *fake, struct err *err,
                                                          const char *module, const char *text, ...)
{
    struct policy_file files[16] = {{"bundle", "bundle.lua", "return { api = 1 }", 18}};
    char sources[16][80];
    size_t count = 1;
    va_list args;
    va_start(args, text);
    while (module != NULL) {
        if (strcmp(module, "bundle") == 0)
            files[0] = (struct policy_file){module, "bundle.lua", text, strlen(text)};
        else {
            snprintf(sources[count], sizeof sources[count], "policies/%s.lua", module);
            files[count] = (struct policy_file){module, sources[count], text, strlen(text)};
            count++;
        }
        module = va_arg(args, const char *);
        text = module != NULL ? va_arg(args, const char *) : NULL;
    }
    va_end(args);
    struct policy_layer layer = {"test", files, count};
    return policy_load(&fake->env, &layer, 1, err);
}

__attribute__((unused)) static void fake_ended(void *arg, const struct task_result *result)
{
    struct fake *fake = arg;
    fake->ended++;
    fake->last = *result;
    snprintf(fake->trace, sizeof fake->trace, "%s", result->trace);
    fake->last.trace = fake->trace;
}

__attribute__((unused)) static bool fake_has_ended(void *arg)
{
    return ((struct fake *)arg)->ended > 0;
}

/* Runs module.run(ctx) of the policy to its end. */
__attribute__((unused)) static enum task_outcome fake_run(struct fake *fake, struct policy *policy,
                                                          const char *module)
{
    fake->ended = 0;
    task_start_function(policy, module, "run", &fake->effects, fake->log, fake_ended, fake);
    assert_int_equal(fake->ended, 0);
    assert_true(loop_run_until(fake->loop, fake_has_ended, fake, 600000));
    assert_int_equal(fake->ended, 1);
    return fake->last.outcome;
}

#endif
