/* Which policies are in force, and how others come into force: the transaction of a reload.
 *
 * Layers: at the bottom the directory given, else the ConfigMap labelled `base`, else what the
 * binary carries; on top all other ConfigMaps labelled nemeton.dev/policies, by name. A change is
 * loaded, checked, tested, its caches filled, and tried on every cached primary without effects; only
 * then it is swapped in and everything is looked at again. Whatever fails on the way changes nothing
 * and is told: log line, metric, event and the annotation nemeton.dev/error on the ConfigMaps that
 * changed. nemeton.dev/loaded names the version in force; nemeton.dev/use-version asks for a former
 * one. At the start, when there is no last good version to keep, overlays that do not load, whose tests fail, or
 * that were refused as they are (nemeton.dev/refused) are left out and marked; so is the ConfigMap that asks for a
 * former version, for its own content is what people went back from.
 *
 * The bottom may be several ConfigMaps. Those of one version carry the same annotation
 * nemeton.dev/part-of, which begins with their number: one after another they are waited for, so that
 * parts of two versions are never mixed.
 */
#ifndef NEMETON_CONTROL_POLICIES_H
#define NEMETON_CONTROL_POLICIES_H

#include "control/metrics.h"
#include "control/watches.h"
#include "kube/event.h"
#include "script/policy.h"

#define POLICIES_LABEL "nemeton.dev/policies"
#define POLICIES_LABEL_BASE "base"
#define POLICIES_LOADED "nemeton.dev/loaded"
#define POLICIES_ERROR "nemeton.dev/error"
#define POLICIES_REFUSED                                                                           \
    "nemeton.dev/refused" /* digest of all policies, as they were refused for good */
#define POLICIES_USE_VERSION "nemeton.dev/use-version"
#define POLICIES_PART_OF "nemeton.dev/part-of" /* of a base in several ConfigMaps: "3-<digest>" */

enum {
    POLICIES_SETTLE_MS = 20,       /* several ConfigMaps applied together count as one change */
    POLICIES_PARTS_WAIT_MS = 3000, /* until parts that are missing are told */
    POLICIES_SYNC_MS = 30000,      /* for the caches that a new version wants */
    POLICIES_SYNC_POLL_MS = 10,
    POLICIES_MARK_MIN_MS = 500, /* until an annotation that could not be written is tried again … */
    POLICIES_MARK_MAX_MS = 60000, /* … the longest, after many failures */
    POLICIES_MISSING_MS =
        30000, /* until a change is tried again whose kinds were missing or unread */
    POLICIES_PREVIEWS_AT_ONCE = 4,
    POLICIES_PREVIEWS_MAX = 100000,
    POLICIES_HISTORY = 6,
    POLICIES_VERSION_PREFIX_MIN = 8, /* a version may be named by its first digits */
};

struct policies;
struct policies_options { /* all must outlive it */
    struct policy_env env;
    struct rest *rest;
    struct discovery *discovery;
    struct informer_set *informers;
    struct event_recorder *events;
    struct metrics *metrics;
    struct watches_env watches;
    const char *namespace;             /* NULL: no ConfigMaps */
    const struct policy_set *embedded; /* one layer; may be NULL when dir is given */
    const char *dir;
    /* A version comes into force: one watches for each controller, to be taken over. */
    void (*on_swap)(void *arg, struct policy *policy, struct watches **watches, size_t count);
    /* Does the version in force fail on this primary already? Then a failure says nothing new. */
    bool (*is_failing)(void *arg, const char *controller, const char *kind, const char *namespace,
                       const char *name);
    /* Whether a controller runs at all, by its module; NULL: each does. */
    bool (*wants)(void *arg, const char *controller);
    /* Nothing at all can be loaded. */
    void (*on_fatal)(void *arg, const struct err *err);
    void *arg;
};

struct policies *policies_new(const struct policies_options *options);
void policies_start(struct policies *policies);
void policies_free(struct policies *policies);
void policies_reload_files(struct policies *policies);
/* Marks and events are written by who leads. */
void policies_set_leading(struct policies *policies, bool leading);
struct policy *policies_current(const struct policies *policies); /* lent; NULL before the first */
bool policies_busy(const struct policies *policies);
char *policies_problem(const struct policies *policies); /* yours; NULL when all is well */

#endif
