/* The destructive gate: every DELETE and every scale-down passes here.
 *
 * In this order: the lease holds with margin for a request; the caches of the controller are
 * synced; the policy version of the run is the one in force; a live GET of the primary shows the
 * planned uid and generation (and the deletion state the plan assumed); a live GET of the target
 * shows the planned uid and a controller owner that is the primary, directly or through at most two
 * owners between (unless the bundle holds the delete-any right); for a PersistentVolumeClaim live
 * LISTs of pods, StatefulSets and autoscalers prove that no pod uses it and no workload wants its
 * ordinal (unless it is the gate of what plays Kubernetes' own controllers, whose collector does not
 * ask); the budget of the primary is not used up. Then the write goes out with uid and
 * resourceVersion preconditions. After an ambiguous answer the target is read again and nothing is
 * resent blindly. A refusal is ERR_REFUSED with the check in words (and its name in err.reason), and
 * nothing was changed.
 */
#ifndef NEMETON_CONTROL_GATE_H
#define NEMETON_CONTROL_GATE_H

#include "control/metrics.h"
#include "kube/apply.h"

enum {
    GATE_STEP_MS = 5000,      /* each read and the write itself; also the lease margin asked for */
    GATE_OWNERS_MAX = 3,      /* controller owners followed from the target to the primary */
    GATE_BUDGET_DEFAULT = 60, /* volumes per primary and minute */
    GATE_BUDGET_OTHER_FACTOR = 10,
    GATE_BUDGET_PRIMARIES_MAX = 4096,
    GATE_CALLS_MAX = 4096,
};

/* Names of the checks, in err.reason and in the metric. */
#define GATE_LEASE "Lease"
#define GATE_SYNCED "CachesSynced"
#define GATE_VERSION "PolicyVersion"
#define GATE_PRIMARY "Primary"
#define GATE_TARGET "Target"
#define GATE_OWNER "Owner"
#define GATE_IN_USE "VolumeInUse"
#define GATE_BUDGET "Budget"

struct gate;
struct gate_options {
    struct rest *rest;
    struct discovery *discovery;
    struct log *log;
    struct metrics *metrics; /* may be NULL */
    bool (*lease_holds)(void *arg, int64_t margin_ms);
    bool (*synced)(void *arg);
    bool (*version_in_force)(void *arg, const char *version); /* NULL: every version is */
    void *arg;
    uint64_t hash_seed;
    unsigned budget_per_minute; /* per primary: data objects (volumes); others ten times that */
    bool
        plays_kubernetes; /* claims that are in use are marked for deletion, and no budget counts */
};
struct gate_plan {
    const struct kube_kind *primary_kind; /* NULL: no primary (delete_any) */
    const char *primary_namespace, *primary_name;
    const char *primary_uid; /* "": the plan assumes that it is gone (delete_any) … */
    const char *gone_uid; /* … and this was it; another one of its name may exist; may be NULL */
    int64_t primary_generation; /* -1: any */
    bool primary_deleting;      /* the plan assumes that it is (not) being deleted */
    bool delete_any;
    const char *policy_version; /* of the run; NULL: not asked */
    bool (*synced)(void *arg);  /* the caches this plan was made from; NULL: gate_options.synced */
    void *synced_arg;
    const struct kube_kind *kind; /* target */
    const char *namespace, *name;
    const char *uid;                  /* NULL: whichever is there */
    const char *propagation, *reason; /* propagation NULL = Background */
    bool immediate;                   /* delete with grace period 0 */
    const struct jv *scale_to; /* NULL: delete; else the object to apply, with fewer replicas */
    bool scale_is_patch;       /* scale_to is a merge patch */
    const char *field_manager; /* of scale_to; NULL = APPLY_FIELD_MANAGER */
};
/* object: what the server answered to the write, NULL when the target is gone. */
typedef void (*gate_fn)(void *arg, const struct jv *object, const struct err *err);
struct gate_call;

struct gate *gate_new(const struct gate_options *options);
void gate_free(struct gate *gate); /* cancels what is under way */
/* Copies the plan (kinds are lent by discovery). fn runs exactly once, from the loop, never inside
 * gate_pass and never after gate_cancel. */
struct gate_call *gate_pass(struct gate *gate, const struct gate_plan *plan, gate_fn fn, void *arg);
void gate_cancel(struct gate_call *call);

#endif
