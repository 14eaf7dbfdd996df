#include "control/policies_internal.h"

#include <stdlib.h>
#include <string.h>

static void check(struct policies *policies);

static void on_check(void *arg)
{
    struct policies *policies = arg;
    policies->timer = NULL;
    check(policies);
}

static void check_soon(struct policies *policies)
{
    struct loop *loop = policies->options.env.loop;
    if (policies->timer != NULL)
        return;
    policies->changed_ms = loop_now_ms(loop);
    policies->timer = loop_timer_add(loop, POLICIES_SETTLE_MS, on_check, policies);
}

static void on_again(void *arg)
{
    struct policies *policies = arg;
    policies->again_timer = NULL;
    policies->again = true;
    check(policies);
}

void policies_look_again(struct policies *policies)
{
    struct loop *loop = policies->options.env.loop;
    loop_timer_cancel(loop, policies->again_timer);
    policies->again_timer = loop_timer_add(loop, POLICIES_MISSING_MS, on_again, policies);
}

static void on_change(void *arg, struct informer *informer, enum informer_event event,
                      struct store_item *item, const struct store_item *former, bool initial)
{
    (void)informer;
    (void)event;
    (void)item;
    (void)former;
    (void)initial;
    check_soon(arg);
}

static void on_synced(void *arg, struct informer *informer)
{
    (void)informer;
    check_soon(arg);
}

/* A set that cannot even be put together is told apart by what is wrong with it. */
static void refuse_ungathered(struct policies *policies, const struct err *err)
{
    char digest[DIGEST_SHA256_HEX];
    digest_sha256_hex(err->text, strlen(err->text), digest);
    if (strcmp(digest, policies->refused_digest) != 0)
        policies_refuse(policies, NULL, digest, err, false);
    else
        marks_sync(policies);
}

static void consider(struct policies *policies, struct policy_set *set)
{
    const char *digest = policy_set_digest(set);
    if (policies->reload != NULL && strcmp(policy_set_digest(policies->reload->set), digest) == 0)
        return; /* that very change is being tried */
    reload_free(policies->reload);
    policies->reload = NULL;
    if (strcmp(policy_set_digest(policies->set), digest) == 0) {
        policies_pardon(policies);
        marks_sync(policies);
    } else if (strcmp(policies->refused_digest, digest) == 0 && !policies->again) {
        marks_sync(policies);
    } else {
        reload_start(policies, policy_set_ref(set));
    }
}

/* Parts that are applied one after another are not blamed for the moment in between. */
static bool parts_may_come(struct policies *policies, const struct gathered *gathered)
{
    struct loop *loop = policies->options.env.loop;
    if (gathered->incomplete.code == ERR_NONE || policies->dir != NULL) {
        policies->incomplete_ms = 0;
        return false;
    }
    if (policies->incomplete_ms == 0)
        policies->incomplete_ms = loop_now_ms(loop);
    if (loop_now_ms(loop) - policies->incomplete_ms >= POLICIES_PARTS_WAIT_MS)
        return false;
    if (policies->timer == NULL)
        policies->timer = loop_timer_add(loop, POLICIES_PARTS_WAIT_MS, on_check, policies);
    return true;
}

static void check(struct policies *policies)
{
    struct gathered gathered;
    struct policy_set *set = NULL;
    struct err err = {0};
    if (policies->configmaps != NULL && !informer_synced(policies->configmaps))
        return;
    gather(policies, &gathered);
    if (parts_may_come(policies, &gathered)) {
        gathered_free(&gathered);
        return;
    }
    if (policies->policy == NULL) {
        policies_load_first(policies, &gathered);
    } else {
        int asked = gather_asked_version(policies, &gathered, &set, &err);
        if (asked == 1)
            policy_set_ref(set);
        else if (asked == 0)
            set = gather_set(policies, &gathered, &err);
        if (set != NULL)
            consider(policies, set);
        else
            refuse_ungathered(policies, &err);
        policy_set_unref(set);
    }
    gathered_free(&gathered);
}

struct policies *policies_new(const struct policies_options *options)
{
    struct policies *policies = mem_alloc(sizeof(*policies));
    policies->options = *options;
    policies->namespace = mem_str(options->namespace);
    policies->dir = mem_str(options->dir);
    return policies;
}

void policies_start(struct policies *policies)
{
    static const struct informer_handler handler = {on_change, on_synced};
    if (policies->namespace != NULL) {
        struct informer_spec spec = {
            .api_version = "v1",
            .kind = "ConfigMap",
            .namespace = policies->namespace,
            .label_selector = POLICIES_LABEL,
        };
        policies->configmaps = informer_get(policies->options.informers, &spec);
        informer_subscribe(policies->configmaps, &handler, policies);
    }
    check_soon(policies);
}

void policies_free(struct policies *policies)
{
    if (policies == NULL)
        return;
    loop_timer_cancel(policies->options.env.loop, policies->timer);
    loop_timer_cancel(policies->options.env.loop, policies->again_timer);
    reload_free(policies->reload);
    marks_free(policies);
    if (policies->configmaps != NULL) {
        informer_unsubscribe(policies->configmaps, policies);
        informer_put(policies->configmaps);
    }
    policies_pardon(policies);
    for (size_t i = 0; i < policies->history_count; i++)
        policy_set_unref(policies->history[i].set);
    policy_unref(policies->policy);
    policy_set_unref(policies->set);
    free(policies->namespace);
    free(policies->dir);
    free(policies);
}

void policies_reload_files(struct policies *policies)
{
    /* A person who asks again wants to be told again. */
    policies->refused_digest[0] = '\0';
    check_soon(policies);
}

void policies_set_leading(struct policies *policies, bool leading)
{
    policies->leading = leading;
    marks_sync(policies);
}

struct policy *policies_current(const struct policies *policies)
{
    return policies->policy;
}

bool policies_busy(const struct policies *policies)
{
    return policies->policy == NULL || policies->timer != NULL || policies->reload != NULL ||
           policies->marks != NULL;
}

char *policies_problem(const struct policies *policies)
{
    if (policies->policy != NULL)
        return NULL;
    const char *problem =
        policies->configmaps != NULL ? informer_problem(policies->configmaps) : NULL;
    return mem_printf("policies are not loaded yet%s%s", problem != NULL ? ": " : "",
                      problem != NULL ? problem : "");
}
