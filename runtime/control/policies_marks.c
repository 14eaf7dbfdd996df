/* What people see on their ConfigMaps: which version is in force, and why an edit is not. */
#include "control/policies_internal.h"

#include "base/backoff.h"
#include "kube/apply.h"

#include <stdlib.h>
#include <string.h>

static void mark_free(struct policies_mark *mark)
{
    struct policies *policies = mark->policies;
    if (mark->finding)
        discovery_cancel(policies->options.discovery, mark);
    rest_cancel(policies->options.rest, mark->call);
    if (mark->prev != NULL)
        mark->prev->next = mark->next;
    else
        policies->marks = mark->next;
    if (mark->next != NULL)
        mark->next->prev = mark->prev;
    jv_unref(mark->patch);
    free(mark->name);
    free(mark);
}

static void on_mark_again(void *arg)
{
    struct policies *policies = arg;
    policies->mark_timer = NULL;
    marks_sync(policies);
}

/* Nothing else would write it: whoever waits for the mark would wait for ever. */
static void mark_again(struct policies *policies)
{
    if (policies->mark_timer != NULL)
        return;
    int64_t delay_ms =
        backoff_delay_ms(POLICIES_MARK_MIN_MS, POLICIES_MARK_MAX_MS, policies->mark_failures++);
    policies->mark_timer =
        loop_timer_add(policies->options.env.loop, delay_ms, on_mark_again, policies);
}

static void on_marked(void *arg, const struct rest_response *response, const struct err *err)
{
    struct policies_mark *mark = arg;
    struct policies *policies = mark->policies;
    mark->call = NULL;
    if (err == NULL) {
        policies->mark_failures = 0;
        informer_set_observe(policies->options.informers, response->object);
    } else {
        log_warn(policies->options.env.log, "Could not annotate the policies' ConfigMap", "name",
                 mark->name, "error", err->text);
        mark_again(policies);
    }
    mark_free(mark);
}

static void on_kind(void *arg, const struct kube_kind *kind, const struct err *err)
{
    struct policies_mark *mark = arg;
    mark->finding = false;
    if (kind == NULL) {
        on_marked(mark, NULL, err);
        return;
    }
    struct write_request request = {.verb = WRITE_PATCH_MERGE,
                                    .kind = kind,
                                    .namespace = mark->policies->namespace,
                                    .name = mark->name,
                                    .body = mark->patch,
                                    .grace_period_s = -1};
    mark->call = write_start(mark->policies->options.rest, &request, on_marked, mark);
}

static bool under_way(const struct policies *policies, const char *name)
{
    for (const struct policies_mark *mark = policies->marks; mark != NULL; mark = mark->next) {
        if (strcmp(mark->name, name) == 0)
            return true;
    }
    return false;
}

static const char *blamed_for(const struct policies *policies, const char *name)
{
    for (size_t i = 0; i < policies->blame_count; i++) {
        if (strcmp(policies->blames[i].name, name) == 0)
            return policies->blames[i].text;
    }
    return NULL;
}

static bool same(const char *a, const char *b)
{
    return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

static bool mark_one(void *arg, struct store_item *item)
{
    struct policies *policies = arg;
    struct jv *object = store_item_parse(item);
    const struct jv *annotations = jv_path(object, "metadata", "annotations", NULL);
    const char *loaded = policies->policy != NULL ? policy_version(policies->policy) : NULL;
    const char *error = blamed_for(policies, item->name);
    const char *refused =
        error != NULL && policies->refused_for_good ? policies->refused_digest : NULL;
    bool fine = same(jv_path_str(annotations, POLICIES_LOADED, NULL), loaded) &&
                same(jv_path_str(annotations, POLICIES_ERROR, NULL), error) &&
                same(jv_path_str(annotations, POLICIES_REFUSED, NULL), refused);
    jv_unref(object);
    if (fine || under_way(policies, item->name))
        return true;
    struct policies_mark *mark = mem_alloc(sizeof(*mark));
    mark->policies = policies;
    mark->name = mem_str(item->name);
    mark->patch = jv_object();
    struct jv *wanted = jv_ensure(mark->patch, "metadata", "annotations", NULL);
    jv_set(wanted, POLICIES_LOADED, loaded != NULL ? jv_string(loaded) : jv_null());
    jv_set(wanted, POLICIES_ERROR, error != NULL ? jv_string(error) : jv_null());
    jv_set(wanted, POLICIES_REFUSED, refused != NULL ? jv_string(refused) : jv_null());
    mark->next = policies->marks;
    if (policies->marks != NULL)
        policies->marks->prev = mark;
    policies->marks = mark;
    mark->finding = true;
    discovery_find(policies->options.discovery, "v1", "ConfigMap", on_kind, mark);
    return true;
}

void marks_sync(struct policies *policies)
{
    if (!policies->leading || policies->configmaps == NULL ||
        !informer_synced(policies->configmaps))
        return;
    store_each(informer_store(policies->configmaps), NULL, mark_one, policies);
}

void marks_event(struct policies *policies, const struct jv *configmap, bool good,
                 const char *reason, const char *note)
{
    if (policies->leading)
        event_record(policies->options.events, configmap, good ? "Normal" : "Warning", reason,
                     "Load", note);
}

void marks_free(struct policies *policies)
{
    loop_timer_cancel(policies->options.env.loop, policies->mark_timer);
    while (policies->marks != NULL)
        mark_free(policies->marks);
}
