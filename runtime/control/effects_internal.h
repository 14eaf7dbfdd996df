/* One effect under way, and what its verbs share. Everything here runs from the loop, never inside
 * the start of the effect; effect_finish frees the call. */
#ifndef NEMETON_CONTROL_EFFECTS_INTERNAL_H
#define NEMETON_CONTROL_EFFECTS_INTERNAL_H

#include "base/map.h"
#include "control/effects_live.h"

struct effects_tls {
    uint64_t digest;
    struct http_tls *tls;
};

struct effects_shared {
    struct effects_shared_options options;
    char *field_manager;
    struct map *figures;      /* "controller/namespace/name" → what its last run told */
    struct map *figure_names; /* of the metrics they are in */
    struct effects_tls tls[EFFECTS_HTTP_TLS_MAX];
    size_t tls_next;
};

struct effects_run {
    struct effects_shared *shared;
    struct effects_run_options options;
    char *api_version, *kind, *namespace, *name, *uid, *policy_version;
    const struct kube_kind *primary_kind; /* NULL until found */
    struct effects door;
    struct effect_call *calls;
    size_t writes;
    int looked_after; /* the primary has a status: 1, 0, or -1: not asked yet */
};

struct effect_call {
    struct effects_run *run;
    struct effect_call *prev, *next;
    effect_fn fn;
    void *arg;
    struct effect *effect; /* a copy */
    const struct kube_kind *kind;
    void (*with_kind)(struct effect_call *call);
    /* under way: at most one of them */
    bool finding;
    struct rest_call *rest_call;
    struct gate_call *gate_call;
    struct http_call *http_call;
    struct loop_timer *timer;
    /* apply */
    struct jv *wanted, *live;
    uint64_t digest; /* of what is wanted; 0 = none */
    bool gentle;     /* sent without force: an object nobody knew of may be someone else's */
    bool handed_over;
    bool is_fresh,
        owner_asked; /* `live` is as the server has it; so is the owner of what is wanted */
    bool
        refused; /* with a conflict, though nobody knew of an object: looked at once, not for ever */
};

struct effect *effect_copy(const struct effect *effect);
void effect_copy_free(struct effect *copy);

void effect_finish(struct effect_call *call, struct jv *result, const struct err *err);
/* Finds the kind of the target, then calls with_kind. Errors finish the call. */
void effect_find_kind(struct effect_call *call, void (*with_kind)(struct effect_call *call));
void effect_write(struct effect_call *call, const struct write_request *request, rest_fn fn);
/* The namespace of the target: named, else the primary's; NULL for cluster-scoped kinds. */
const char *effect_namespace(const struct effect_call *call);
struct informer *effect_informer(const struct effect_call *call);
/* The target as cached: 1 and *item (lent, or NULL: it does not exist), or 0: the cache cannot say
 * (not declared, not synced, or only parts are kept). */
int effect_cached(const struct effect_call *call, const char *name, struct store_item **item);
/* A write of ours was answered: into the caches, counted. */
void effect_wrote(struct effect_call *call, const struct jv *object);
void effect_count(struct effect_call *call, const char *metric);
bool effect_is_primary(const struct effect_call *call);
void effect_plan(struct effect_call *call, struct gate_plan *plan);

void effect_apply_start(struct effect_call *call);
void effect_http_start(struct effect_call *call);
void effect_create_start(struct effect_call *call);
void effect_patch_start(struct effect_call *call);
void effect_delete_start(struct effect_call *call);
void effect_status_start(struct effect_call *call);
void effect_finalizer_start(struct effect_call *call);
void effect_read_start(struct effect_call *call);
void effect_log_start(struct effect_call *call);

/* What a run tells of its primary in figures (effects_gauges.c): noted at once. */
void effect_gauges_note(struct effects_run *run, const struct jv *list);
void effects_gauges_init(struct effects_shared *shared);
void effects_gauges_deinit(struct effects_shared *shared);

#endif
