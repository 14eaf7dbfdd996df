/* The two ends of a change: it comes into force, or it is refused; and who is told. */
#include "control/policies_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* True when the text names a file of this ConfigMap. */
static bool names(const char *text, const struct jv *object)
{
    char *named = mem_printf("ConfigMap %s/%s ", jv_path_str(object, "metadata", "namespace", NULL),
                             jv_path_str(object, "metadata", "name", NULL));
    bool found = strstr(text, named) != NULL;
    free(named);
    return found;
}

static void count_load(struct policies *policies, const char *result)
{
    struct buf labels;
    buf_init(&labels, 64);
    metrics_label(&labels, "result", result);
    metrics_add(policies->options.metrics, "nemeton_policy_loads_total", buf_str(&labels), 1);
    buf_deinit(&labels);
}

int policies_tests_failed(int failed, const char *first, struct err *err)
{
    return err_set(err, ERR_INVALID, "%d of its tests failed; the first: %s", failed, first);
}

void policies_pardon(struct policies *policies)
{
    for (size_t i = 0; i < policies->blame_count; i++) {
        free(policies->blames[i].name);
        free(policies->blames[i].text);
    }
    free(policies->blames);
    policies->blames = NULL;
    policies->blame_count = 0;
    policies->refused_digest[0] = '\0';
    policies->refused_for_good = false;
}

void policies_blame(struct policies *policies, const struct jv *object, const char *text)
{
    const char *name = jv_path_str(object, "metadata", "name", NULL);
    size_t count = policies->blame_count + 1;
    policies->blames = mem_grow(policies->blames, count * sizeof(*policies->blames));
    policies->blames[policies->blame_count++] =
        (struct policies_blame){mem_str(name), mem_str(text)};
    if (!policies->again)
        marks_event(policies, object, false, "PolicyRefused", text);
}

void policies_tell_refused(struct policies *policies, const struct err *err)
{
    count_load(policies, "refused");
    log_error(policies->options.env.log, "A change of the policies was refused", "error", err->text,
              "in_force", policies->policy != NULL ? policy_version(policies->policy) : NULL);
}

/* True when the ConfigMap is not in force as it is now. */
static bool is_new(const struct policies *policies, const struct policy_set *set,
                   const struct gathered *gathered, size_t index)
{
    return set == NULL ||
           !policy_set_same_layer(set, policies->set, gathered_name(gathered, index));
}

void policies_refuse(struct policies *policies, const struct policy_set *set, const char *digest,
                     const struct err *err, bool for_good)
{
    struct gathered gathered;
    policies_pardon(policies);
    policies->refused_for_good = for_good;
    snprintf(policies->refused_digest, sizeof(policies->refused_digest), "%s", digest);
    if (!policies->again)
        policies_tell_refused(policies, err);
    gather(policies, &gathered);
    /* An error may show in a file underneath (a budget that an overlay used up, say): then it is the
     * change that has to hear of it, not the file. */
    bool named = false;
    for (size_t i = 0; i < gathered.count; i++) {
        if (is_new(policies, set, &gathered, i) && names(err->text, gathered.objects[i])) {
            policies_blame(policies, gathered.objects[i], err->text);
            named = true;
        }
    }
    for (size_t i = 0; i < gathered.count && !named; i++) {
        if (is_new(policies, set, &gathered, i))
            policies_blame(policies, gathered.objects[i], err->text);
    }
    gathered_free(&gathered);
    policies->again = false;
    marks_sync(policies);
}

static void remember(struct policies *policies, struct policy_set *set, const char *version)
{
    for (size_t i = 0; i < policies->history_count; i++) {
        if (strcmp(policies->history[i].version, version) == 0)
            return;
    }
    if (policies->history_count == POLICIES_HISTORY) {
        policy_set_unref(policies->history[0].set);
        memmove(&policies->history[0], &policies->history[1],
                (POLICIES_HISTORY - 1) * sizeof(policies->history[0]));
        policies->history_count--;
    }
    struct policies_version *entry = &policies->history[policies->history_count++];
    snprintf(entry->version, sizeof(entry->version), "%s", version);
    entry->set = policy_set_ref(set);
}

/* An event on each ConfigMap whose content is new. */
static void tell_loaded(struct policies *policies, const struct policy_set *former)
{
    struct gathered gathered;
    char note[256];
    struct preview_counts counts = {0};
    if (policies->reload != NULL)
        counts = policies->reload->counts;
    snprintf(note, sizeof(note),
             "version %.12s is in force; it would create %zu, change %zu and restart %zu",
             policy_version(policies->policy), counts.creates, counts.updates, counts.restarts);
    gather(policies, &gathered);
    for (size_t i = 0; i < gathered.count; i++) {
        if (!policy_set_same_layer(policies->set, former, gathered_name(&gathered, i)))
            marks_event(policies, gathered.objects[i], true, "PolicyLoaded", note);
    }
    gathered_free(&gathered);
}

void policies_in_force(struct policies *policies, struct policy_set *set, struct policy *policy,
                       struct watches **watches, size_t count)
{
    const struct policies_options *options = &policies->options;
    struct policy *former = policies->policy;
    struct policy_set *former_set = policies->set;
    struct buf labels;
    policies->policy = policy_ref(policy);
    policies->set = policy_set_ref(set);
    remember(policies, set, policy_version(policy));
    policies_pardon(policies);
    policies->again = false;
    count_load(policies, "loaded");
    metrics_observe(options->metrics, "nemeton_policy_load_seconds", NULL,
                    (double)(loop_now_ms(options->env.loop) - policies->changed_ms) / 1e3);
    buf_init(&labels, 256);
    metrics_label(&labels, "version", policy_version(policy));
    metrics_clear(options->metrics, "nemeton_policy_info");
    metrics_set(options->metrics, "nemeton_policy_info", buf_str(&labels), 1);
    buf_deinit(&labels);
    options->on_swap(options->arg, policy, watches, count);
    if (former != NULL)
        tell_loaded(policies, former_set);
    policy_unref(former);
    policy_set_unref(former_set);
    marks_sync(policies);
}
