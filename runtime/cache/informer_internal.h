/* The parts of an informer: informer.c has its life and its handlers, informer_state.c what can be read of it,
 * informer_set.c the sharing. */
#ifndef NEMETON_CACHE_INFORMER_INTERNAL_H
#define NEMETON_CACHE_INFORMER_INTERNAL_H

#include "cache/informer.h"

enum {
    INFORMER_MISSING_MS = 30000, /* between two questions for a kind the server lacks */
    INFORMER_RETRY_MIN_MS = 1000,
    INFORMER_RETRY_MAX_MS = 30000,
    INFORMER_RV_BYTES = 128,
};

struct informer_subscription {
    struct informer_subscription *next;
    struct informer *informer;
    struct informer_handler handler;
    void *arg;
    struct loop_timer *deferred; /* the first delivery is still to come */
    bool dead, told_synced;
};

struct informer {
    struct informer *next;
    struct informer_set *set;
    char *key;
    unsigned refs;
    struct informer_spec spec; /* owns what it points to */
    struct selector *selector;
    const struct kube_kind *kind;
    struct store *store;
    struct watch *watch;
    struct loop_timer *retry;
    struct informer_subscription *subscriptions;
    bool asking; /* discovery has the question */
    bool asking_older;
    bool missing, synced, ever_synced, resetting;
    unsigned failures;
    char rv[INFORMER_RV_BYTES];
    struct err problem; /* code ERR_NONE: none */
    char problem_text[ERR_TEXT_BYTES];
    unsigned depth; /* of calls into handlers */
    bool doomed;
};

struct informer_set {
    struct rest *rest;
    struct loop *loop;
    struct discovery *discovery;
    struct log *log;
    struct random_source *random;
    struct informer *informers;
    struct slab *slab; /* of all their items */
};

struct informer *informer_new(struct informer_set *set, const struct informer_spec *spec,
                              char *take_key);
void informer_stop(struct informer *informer); /* frees, now or when its callers have returned */
/* What came of a write of our own, or of a delete. */
void informer_observe(struct informer *informer, const struct jv *object);
void informer_forget(struct informer *informer, const char *uid);

#endif
