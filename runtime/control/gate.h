/* The destructive gate: every DELETE and every scale-down passes here.
 *
 * In this order: the lease holds with margin for a request; the caches of the controller are
 * synced; the policy version of the run is still allowed to act; a live GET of the primary shows the
 * planned uid and generation (and the deletion state the plan assumed); a live GET of the target
 * shows the planned uid and a controller owner that is the primary (unless the bundle holds the
 * delete-any right); for a PersistentVolumeClaim live LISTs of pods and StatefulSets prove that no
 * pod uses it and no workload wants its ordinal; the budget of the primary is not used up. Then the
 * write goes out with uid and resourceVersion preconditions. After an ambiguous answer the target is
 * read again and nothing is resent blindly. A refusal is ERR_REFUSED with the check in words, and
 * nothing was changed.
 */
#ifndef NEMETON_CONTROL_GATE_H
#define NEMETON_CONTROL_GATE_H

#include "kube/apply.h"

struct gate;
struct gate_options {
    struct rest *rest;
    struct discovery *discovery;
    struct log *log;
    bool (*lease_holds)(void *arg, int64_t margin_ms);
    bool (*synced)(void *arg);
    void *arg;
    unsigned budget_per_minute; /* per primary and kind class: data objects (volumes); 0 = 60 */
};
struct gate_plan {
    const struct kube_kind *primary_kind; /* NULL: no primary (delete_any) */
    const char *primary_namespace, *primary_name, *primary_uid;
    int64_t primary_generation; /* -1: any */
    bool primary_deleting;      /* the plan assumes that it is (not) being deleted */
    bool delete_any;
    const struct kube_kind *kind; /* target */
    const char *namespace, *name, *uid;
    const char *propagation, *reason;
    bool immediate;             /* with grace period 0 (who plays a kubelet) */
    const struct jv *scale_to;  /* NULL: delete; else the object to apply, with fewer replicas */
};
typedef void (*gate_fn)(void *arg, const struct jv *object, const struct err *err);
struct gate_call;

struct gate *gate_new(const struct gate_options *options);
void gate_free(struct gate *gate);
struct gate_call *gate_pass(struct gate *gate, const struct gate_plan *plan, gate_fn fn, void *arg);
void gate_cancel(struct gate_call *call);

#endif
