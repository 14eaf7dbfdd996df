/* The parts of policies: when to look (policies.c), what is wanted (policies_gather.c), the first load
 * (policies_first.c), sets of several ConfigMaps (policies_parts.c), the transaction (policies_reload.c), its two ends (policies_verdict.c), what is
 * told on ConfigMaps (policies_marks.c). */
#ifndef NEMETON_CONTROL_POLICIES_INTERNAL_H
#define NEMETON_CONTROL_POLICIES_INTERNAL_H

#include "base/digest.h"
#include "control/effects_preview.h"
#include "control/policies.h"
#include "control/policy_set.h"

struct policies_version {
    char version[DIGEST_SHA256_HEX];
    struct policy_set *set;
};

struct policies_blame {
    char *name, *text; /* of a ConfigMap; what is wrong with it */
};

struct policies_mark { /* one annotation write under way */
    struct policies *policies;
    struct policies_mark *prev, *next;
    struct rest_call *call;
    bool finding;
    char *name;
    struct jv *patch;
};

struct preview_run {
    struct reload *reload;
    struct preview_run *prev, *next;
    size_t controller; /* index of reload.watches */
    struct store_item *item;
    struct effects_preview *effects;
    struct task *task;
};

struct preview_item {
    size_t controller, watch;
    struct store_item *item;
};

struct reload {
    struct policies *policies;
    struct policy_set *set;
    struct policy_load *load;       /* under way, in steps … */
    struct policy_testing *testing; /* … and then this, for each layer that is new */
    size_t test_layer;
    char first_failure[ERR_TEXT_BYTES];
    struct policy *policy;
    struct watches **watches; /* one for each controller */
    size_t watches_count;
    struct loop_timer *timer;
    int64_t started_ms, deadline_ms;
    struct preview_item *items;
    size_t item_count, item_next;
    struct preview_run *runs;
    size_t run_count;
    struct preview_counts counts;
};

struct policies {
    struct policies_options options;
    char *namespace, *dir;
    struct informer *configmaps;
    bool leading;
    struct loop_timer *timer; /* the next check */
    int64_t changed_ms;       /* when the first change not yet looked at was noticed */
    int64_t incomplete_ms;    /* since when parts of the base are missing; 0 = they are not */
    struct policy *policy;
    struct policy_set *set;
    struct policies_version history[POLICIES_HISTORY];
    size_t history_count;
    struct reload *reload;
    struct loop_timer *again_timer;         /* kinds were missing or unread: they may come */
    bool again;                             /* the change was refused before: told already */
    char refused_digest[DIGEST_SHA256_HEX]; /* of what was refused last; "" = nothing */
    bool refused_for_good; /* until something is edited: no mere time will heal it */
    struct policies_blame *blames;
    size_t blame_count;
    struct policies_mark *marks;
    struct loop_timer *mark_timer; /* those that failed are written again */
    unsigned mark_failures;
};

/* policies.c: tries once more what was refused, after a while, and tells only what is new. */
void policies_look_again(struct policies *policies);

/* policies_gather.c: the ConfigMaps, parsed: those labelled base, then the others; each by name. */
struct gathered {
    struct jv **objects;
    size_t count, base_count;
    bool base;             /* which of them are being collected */
    struct err incomplete; /* why the base cannot be put together; code 0 when it can */
};
void gather(const struct policies *policies, struct gathered *gathered);
void gathered_join(struct gathered *gathered); /* policies_parts.c */
void gathered_free(struct gathered *gathered);
const char *gathered_name(const struct gathered *gathered, size_t index);
int gather_embedded(const struct policies *policies, struct policy_set *set, struct err *err);
int gather_bottom(const struct policies *policies, const struct gathered *gathered,
                  struct policy_set *set, struct err *err);
/* The whole set as it is wanted now; NULL and err when a part of it is not even text. */
struct policy_set *gather_set(const struct policies *policies, const struct gathered *gathered,
                              struct err *err);
/* The version that a ConfigMap, or any of them, asks for by its annotation; NULL: none. Lent. */
const char *gather_asked(const struct jv *configmap);
const char *gathered_asked(const struct gathered *gathered);
/* A former version that a ConfigMap asks for: 1 and *set (lent), 0: nobody asks, -1: not kept. */
int gather_asked_version(struct policies *policies, const struct gathered *gathered,
                         struct policy_set **set, struct err *err);

/* policies_verdict.c */
void policies_in_force(struct policies *policies, struct policy_set *set, struct policy *policy,
                       struct watches **watches, size_t count);
/* Nothing changed; blames the ConfigMaps that the text names, else those that differ from what is
 * in force (all, when set is NULL). digest: of what was refused. for_good: no mere time will heal it. */
void policies_refuse(struct policies *policies, const struct policy_set *set, const char *digest,
                     const struct err *err, bool for_good);
void policies_blame(struct policies *policies, const struct jv *object, const char *text);
void policies_tell_refused(struct policies *policies, const struct err *err);
int policies_tests_failed(int failed, const char *first, struct err *err); /* -1 */
void policies_pardon(struct policies *policies); /* forgets the last refusal */

/* policies_first.c */
void policies_load_first(struct policies *policies, const struct gathered *gathered);
struct policy *policies_load(struct policies *policies, const struct policy_set *set,
                             struct err *err);

/* policies_reload.c */
void reload_start(struct policies *policies, struct policy_set *take);
void reload_free(struct reload *reload);
/* Watches for each controller of a policy. */
struct watches **policies_watches(struct policies *policies, struct policy *policy, size_t *count);

/* policies_marks.c */
void marks_sync(struct policies *policies);
void marks_event(struct policies *policies, const struct jv *configmap, bool good,
                 const char *reason, const char *note);
void marks_free(struct policies *policies);

#endif
