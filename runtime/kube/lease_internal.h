/* The parts of a lease: lease.c decides and waits, lease_record.c writes the record. */
#ifndef NEMETON_KUBE_LEASE_INTERNAL_H
#define NEMETON_KUBE_LEASE_INTERNAL_H

#include "kube/lease.h"

enum { LEASE_HOLDER_BYTES = 256 };

enum lease_state { LEASE_WAITING, LEASE_HELD, LEASE_LOST, LEASE_RELEASING, LEASE_RELEASED };

struct lease {
    struct rest *rest;
    struct loop *loop;
    char *namespace, *name, *identity;
    int64_t duration_ms, renew_deadline_ms, retry_ms, request_ms;
    struct log *log;
    struct random_source *random;
    struct lease_callbacks callbacks;
    void *arg;

    enum lease_state state;
    struct rest_call *call;
    struct loop_timer *timer;    /* the next try */
    struct loop_timer *deadline; /* the fence, or the end of the patience with a release */
    struct jv *object;           /* as the server has it */
    char *record;                /* its spec as text, to see that it changed */
    int64_t observed_ms;         /* when it last changed, by our own clock */
    int64_t started_ms;          /* of the write under way */
    int64_t fence_ms;            /* start of the last successful write + renew deadline */
    uint64_t slow_paths;
    bool fast;  /* the last answer was to a write: no GET before the next one */
    bool fresh; /* the connection may be dead */
    char holder[LEASE_HOLDER_BYTES];
    char trouble[ERR_TEXT_BYTES];
    enum err_code trouble_code;
    int trouble_status;
    unsigned release_tries;
    void (*on_released)(void *arg);
    void *released_arg;
};

/* lease.c */
void lease_remember(struct lease *lease, const struct jv *object);

/* lease_record.c */
/* The object to write so that holder ("" = nobody) has the lease; old NULL: a new one. Yours. */
struct jv *lease_body(const struct lease *lease, const struct jv *old, const char *holder);
struct rest_call *lease_send(struct lease *lease, const char *method, const struct jv *body,
                             rest_fn fn);

#endif
