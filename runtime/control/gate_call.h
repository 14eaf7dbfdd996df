/* One passage through the gate: its plan, where it stands, and what it has read so far. */
#ifndef NEMETON_CONTROL_GATE_CALL_H
#define NEMETON_CONTROL_GATE_CALL_H

#include "control/gate.h"
#include "control/gate_internal.h"

enum gate_step {
    STEP_START,
    STEP_PRIMARY,      /* GET */
    STEP_TARGET,       /* GET */
    STEP_OWNER,        /* discovery, then GET, for each owner between */
    STEP_PODS,         /* discovery, then LIST */
    STEP_STATEFULSETS, /* discovery, then LIST */
    STEP_AUTOSCALERS,  /* discovery, then LIST; the server may lack them */
    STEP_WRITE,
    STEP_REREAD, /* GET after an ambiguous answer */
};

struct gate {
    struct gate_options options;
    struct loop *loop;
    struct gate_budget budget;
    struct gate_call *calls; /* list */
    size_t call_count;
};

struct gate_call {
    struct gate *gate;
    struct gate_call *prev, *next;
    gate_fn fn;
    void *arg;
    /* the plan; strings and objects are copies */
    const struct kube_kind *primary_kind, *kind;
    char *primary_namespace, *primary_name, *primary_uid, *gone_uid;
    int64_t primary_generation;
    bool primary_deleting, delete_any, scale_is_patch, immediate;
    char *policy_version, *namespace, *name, *uid, *propagation, *reason, *field_manager;
    bool (*synced)(void *arg);
    void *synced_arg;
    struct jv *scale_to;
    /* what is under way */
    enum gate_step step;
    struct rest_call *rest_call;
    bool autoscaling_v1; /* the server lacks v2 */
    bool finding;        /* discovery_find under way, with this call as its arg */
    struct loop_timer *timer;
    /* what was read */
    char *target_uid, *target_rv;
    unsigned owners_followed;
    char *owner_uid, *owner_name;
    struct jv *pods, *statefulsets, *autoscalers;
    struct err unclear; /* the ambiguous answer */
};

void gate_quiet(struct gate_call *call); /* ends what is under way, without an answer */
void gate_finish(struct gate_call *call, const struct jv *object, const struct err *err);
void gate_step_next(struct gate_call *call);

/* gate_check.c: each is one named check; 0, or -1 with err ERR_REFUSED. */
int gate_check_now(struct gate_call *call, struct err *err); /* lease, caches, version */
int gate_check_primary(struct gate_call *call, const struct jv *primary, struct err *err);
int gate_check_target(struct gate_call *call, const struct jv *target, struct err *err);
/* 1: the owner is the primary; 0: *next is the reference to follow (lent); -1: refused. */
int gate_check_owner(struct gate_call *call, const struct jv *object, const struct jv **next,
                     struct err *err);
int gate_check_volume(struct gate_call *call, struct err *err);
int gate_check_budget(struct gate_call *call, struct err *err);
int gate_refuse(struct err *err, const char *check, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
bool gate_is_volume(const struct kube_kind *kind);

#endif
