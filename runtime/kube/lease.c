#include "kube/lease_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    DURATION_MS = 15000,
    RENEW_DEADLINE_MS = 10000,
    RETRY_MS = 2000,
    REQUEST_MIN_MS = 1000,
    RELEASE_RETRIES_MAX = 5,
};
#define RETRY_JITTER 1.2 /* while somebody else leads: retry·(1 + 1.2·random) */

static void try_now(void *arg);

static int64_t now_ms(const struct lease *lease)
{
    return clock_mono_ms(loop_clock(lease->loop));
}

static void wait(struct lease *lease, int64_t delay_ms, loop_fn fn)
{
    loop_timer_cancel(lease->loop, lease->timer);
    lease->timer = loop_timer_add(lease->loop, delay_ms, fn, lease);
}

static void stop_everything(struct lease *lease)
{
    rest_cancel(lease->rest, lease->call);
    lease->call = NULL;
    loop_timer_cancel(lease->loop, lease->timer);
    lease->timer = NULL;
    loop_timer_cancel(lease->loop, lease->deadline);
    lease->deadline = NULL;
}

/* The end: the fence is closed for good. The owner may free the lease in the callback. */
static void lose(struct lease *lease, const struct err *why)
{
    struct err copy = *why;

    stop_everything(lease);
    lease->state = LEASE_LOST;
    lease->callbacks.on_lost(lease->arg, &copy);
}

static void deadline_passed(void *arg)
{
    struct lease *lease = arg;
    struct err err = {0};

    lease->deadline = NULL;
    err_set(&err, ERR_TIMEOUT, "the lease %s/%s was not renewed for %lld s%s%s", lease->namespace,
            lease->name, (long long)(lease->renew_deadline_ms / 1000),
            lease->trouble[0] != '\0' ? ": " : "", lease->trouble);
    lose(lease, &err);
}

static void note_trouble(struct lease *lease, const struct err *err)
{
    bool said = lease->trouble_code == err->code && lease->trouble_status == err->http_status;

    lease->trouble_code = err->code;
    lease->trouble_status = err->http_status;
    snprintf(lease->trouble, sizeof(lease->trouble), "%s", err->text);
    if (!said)
        log_warn(lease->log, "The lease cannot be read or written", "lease", lease->name, "error",
                 err->text);
}

static void observe_holder(struct lease *lease, const char *holder)
{
    if (strcmp(lease->holder, holder) == 0)
        return;
    snprintf(lease->holder, sizeof(lease->holder), "%s", holder);
    if (holder[0] == '\0' || strcmp(holder, lease->identity) == 0)
        return;
    if (lease->callbacks.on_holder != NULL)
        lease->callbacks.on_holder(lease->arg, lease->holder);
}

void lease_remember(struct lease *lease, const struct jv *object)
{
    const struct jv *spec = jv_get(object, "spec");
    char *record = jv_print_str(spec != NULL ? spec : object, JV_PRINT_SORTED);

    if (lease->record == NULL || strcmp(lease->record, record) != 0)
        lease->observed_ms = now_ms(lease); /* only our own clock judges others */
    free(lease->record);
    lease->record = record;
    jv_unref(lease->object);
    lease->object = jv_dup(object);
    if (jv_is_object(jv_get(lease->object, "metadata")))
        jv_remove(jv_get(lease->object, "metadata"), "managedFields");
}

static void schedule(struct lease *lease)
{
    int64_t delay = lease->retry_ms;

    if (lease->state == LEASE_WAITING && lease->random != NULL)
        delay += (int64_t)((double)delay * RETRY_JITTER * random_unit(lease->random));
    wait(lease, delay, try_now);
}

/* A write of ours went through; it was begun at started_ms. */
static void written(struct lease *lease, const struct jv *object)
{
    const char *preferred = jv_path_str(object, "spec", "preferredHolder", NULL);
    int64_t fence = lease->started_ms + lease->renew_deadline_ms;
    struct err err = {0};

    lease_remember(lease, object);
    observe_holder(lease, lease->identity);
    lease->trouble[0] = '\0';
    lease->trouble_code = ERR_NONE;
    lease->fresh = false;
    if (now_ms(lease) >= fence) { /* the answer came so late that it proves nothing any more */
        err_set(&err, ERR_TIMEOUT, "the answer to a renewal of the lease %s/%s came too late",
                lease->namespace, lease->name);
        if (lease->state == LEASE_HELD)
            lose(lease, &err);
        else
            schedule(lease);
        return;
    }
    if (lease->state == LEASE_HELD && preferred != NULL && preferred[0] != '\0' &&
        strcmp(preferred, lease->identity) != 0) {
        err_set(&err, ERR_CANCELED, "the lease %s/%s is wanted by %s", lease->namespace,
                lease->name, preferred);
        lose(lease, &err);
        return;
    }
    lease->fence_ms = fence;
    loop_timer_cancel(lease->loop, lease->deadline);
    lease->deadline = loop_timer_add(lease->loop, fence - now_ms(lease), deadline_passed, lease);
    wait(lease, lease->retry_ms, try_now);
    if (lease->state == LEASE_HELD)
        return;
    lease->state = LEASE_HELD;
    lease->callbacks.on_acquired(lease->arg);
}

static void slow_down(struct lease *lease)
{
    lease->slow_paths += lease->fast;
    lease->fast = false;
}

static void failed(struct lease *lease, const struct err *err)
{
    note_trouble(lease, err);
    slow_down(lease);
    lease->fresh = err->code == ERR_NETWORK || err->code == ERR_TIMEOUT;
    schedule(lease);
}

static void on_write(void *arg, const struct rest_response *response, const struct err *err)
{
    struct lease *lease = arg;
    bool raced = err != NULL && (err->code == ERR_CONFLICT || err->code == ERR_EXISTS);

    lease->call = NULL;
    if (err == NULL && response->object != NULL) {
        lease->fast = true;
        written(lease, response->object);
    } else if (lease->fast && (raced || (err != NULL && err->code == ERR_NOT_FOUND))) {
        slow_down(lease); /* somebody wrote in between: look at what is there now, at once */
        try_now(lease);
    } else if (raced) {
        schedule(lease); /* another candidate was faster */
    } else if (err != NULL) {
        failed(lease, err);
    } else {
        struct err odd = {0};

        err_set(&odd, ERR_PARSE, "the server's answer to a write of the lease is not an object");
        failed(lease, &odd);
    }
}

static void write_lease(struct lease *lease, bool create)
{
    struct jv *object = lease_body(lease, create ? NULL : lease->object, lease->identity);

    lease->started_ms = now_ms(lease);
    lease->call = lease_send(lease, create ? "POST" : "PUT", object, on_write);
    jv_unref(object);
}

static void judge(struct lease *lease, const struct jv *object)
{
    const struct jv *spec = jv_get(object, "spec");
    const char *holder = jv_str(jv_get(spec, "holderIdentity"));
    const char *preferred = jv_str(jv_get(spec, "preferredHolder"));
    int64_t seconds = jv_int_value(jv_get(spec, "leaseDurationSeconds"));
    int64_t duration = seconds > 0 && seconds < 86400 ? seconds * 1000 : lease->duration_ms;
    struct err err = {0};

    if (holder == NULL)
        holder = "";
    lease_remember(lease, object);
    if (strcmp(holder, lease->identity) != 0 && lease->state == LEASE_HELD && holder[0] != '\0') {
        observe_holder(lease, holder);
        err_set(&err, ERR_CONFLICT, "the lease %s/%s was taken by %s", lease->namespace,
                lease->name, holder);
        lose(lease, &err);
        return;
    }
    if (preferred != NULL && preferred[0] != '\0' && strcmp(preferred, lease->identity) != 0 &&
        lease->state == LEASE_WAITING) {
        schedule(lease);
        return;
    }
    if (holder[0] != '\0' && strcmp(holder, lease->identity) != 0 &&
        lease->observed_ms + duration > now_ms(lease)) {
        observe_holder(lease, holder);
        schedule(lease);
        return;
    }
    write_lease(lease, false);
}

static void on_read(void *arg, const struct rest_response *response, const struct err *err)
{
    struct lease *lease = arg;

    lease->call = NULL;
    if (err != NULL && err->code == ERR_NOT_FOUND)
        write_lease(lease, true);
    else if (err != NULL)
        failed(lease, err);
    else if (response->object != NULL)
        judge(lease, response->object);
    else
        schedule(lease);
}

static void try_now(void *arg)
{
    struct lease *lease = arg;

    lease->timer = NULL;
    if (lease->state == LEASE_HELD && lease->fast)
        write_lease(lease, false);
    else
        lease->call = lease_send(lease, "GET", NULL, on_read);
}

static void released(struct lease *lease)
{
    void (*fn)(void *arg) = lease->on_released;
    void *arg = lease->released_arg;

    stop_everything(lease);
    lease->state = LEASE_RELEASED;
    lease->on_released = NULL;
    if (fn != NULL)
        fn(arg);
}

static void release_over(void *arg)
{
    struct lease *lease = arg;

    lease->deadline = NULL;
    released(lease);
}

static void release_write(struct lease *lease);

static void on_release_read(void *arg, const struct rest_response *response, const struct err *err)
{
    struct lease *lease = arg;
    const char *holder;

    lease->call = NULL;
    holder = err == NULL ? jv_path_str(response->object, "spec", "holderIdentity", NULL) : NULL;
    if (holder == NULL || strcmp(holder, lease->identity) != 0) {
        released(lease); /* gone, somebody else's, or out of reach: it runs out by itself */
        return;
    }
    lease_remember(lease, response->object);
    release_write(lease);
}

static void on_release_write(void *arg, const struct rest_response *response, const struct err *err)
{
    struct lease *lease = arg;

    (void)response;
    lease->call = NULL;
    if (err == NULL || lease->release_tries >= RELEASE_RETRIES_MAX) {
        log_info(lease->log, err == NULL ? "The lease is given back" : "The lease runs out",
                 "lease", lease->name);
        released(lease);
        return;
    }
    lease->call = lease_send(lease, "GET", NULL, on_release_read);
}

static void release_write(struct lease *lease)
{
    struct jv *object = lease_body(lease, lease->object, "");

    lease->release_tries++;
    lease->call = lease_send(lease, "PUT", object, on_release_write);
    jv_unref(object);
}

struct lease *lease_start(struct rest *rest, const struct lease_options *options,
                          const struct lease_callbacks *callbacks, void *arg)
{
    struct lease *lease = mem_alloc(sizeof(*lease));

    lease->rest = rest;
    lease->loop = rest_loop(rest);
    lease->namespace = mem_str(options->namespace);
    lease->name = mem_str(options->name);
    lease->identity = mem_str(options->identity);
    lease->duration_ms = options->duration_ms > 0 ? options->duration_ms : DURATION_MS;
    lease->renew_deadline_ms =
        options->renew_deadline_ms > 0 ? options->renew_deadline_ms : RENEW_DEADLINE_MS;
    lease->retry_ms = options->retry_ms > 0 ? options->retry_ms : RETRY_MS;
    /* Others may take over after the duration: we must have stopped before. */
    if (lease->renew_deadline_ms >= lease->duration_ms)
        lease->renew_deadline_ms = lease->duration_ms * 2 / 3;
    lease->request_ms = lease->renew_deadline_ms / 2 > REQUEST_MIN_MS ? lease->renew_deadline_ms / 2
                                                                      : REQUEST_MIN_MS;
    lease->log = options->log;
    lease->random = options->random;
    lease->callbacks = *callbacks;
    lease->arg = arg;
    lease->state = LEASE_WAITING;
    wait(lease, 0, try_now);
    return lease;
}

uint64_t lease_slow_paths(const struct lease *lease)
{
    return lease->slow_paths;
}

bool lease_holds(const struct lease *lease)
{
    return lease_margin_ms(lease) > 0;
}

int64_t lease_margin_ms(const struct lease *lease)
{
    return lease->state == LEASE_HELD ? lease->fence_ms - now_ms(lease) : 0;
}

void lease_release(struct lease *lease, int64_t timeout_ms, void (*fn)(void *arg), void *arg)
{
    bool held = lease->state == LEASE_HELD && lease->object != NULL;

    stop_everything(lease);
    lease->state = LEASE_RELEASING; /* the fence is closed from here on */
    lease->on_released = fn;
    lease->released_arg = arg;
    if (!held) {
        lease->deadline = loop_defer(lease->loop, release_over, lease);
        return;
    }
    lease->deadline = loop_timer_add(lease->loop, timeout_ms, release_over, lease);
    release_write(lease);
}

void lease_free(struct lease *lease)
{
    if (lease == NULL)
        return;
    stop_everything(lease);
    jv_unref(lease->object);
    free(lease->record);
    free(lease->namespace);
    free(lease->name);
    free(lease->identity);
    free(lease);
}
