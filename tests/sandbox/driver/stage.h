/* Where a scenario plays: an API server, and operators that can be started and killed.
 *
 * Two kinds. In a virtual stage everything is in this process under a virtual clock and a seed, and
 * killing an operator drops it in the middle of whatever it does. A process stage has an API server
 * behind a kubeconfig and operators that are processes of the built binary.
 */
#ifndef NEMETON_TESTS_STAGE_H
#define NEMETON_TESTS_STAGE_H

#include "base/log.h"
#include "crash.h"
#include "outage.h"
#include "kube/config.h"
#include "loop/loop.h"
#include "loop/random.h"

/* Requests of operators that have arrived (virtual). */
struct stage_counts {
    uint64_t api, leases, events, druid;
    uint64_t druid_rounds; /* several requests to a Druid within a second are one */
};

struct stage {
    struct loop *loop;
    struct clock *clock;
    struct random_source *random;
    struct transport *transport;
    struct kube_config *config;
    const char *mode, *policy_namespace;
    struct stage_counts counts;
    struct outage outage; /* virtual */
    char *end_state;      /* as "settled" found it; NULL: nobody asked */
    /* "start", "second", "kill", "stop-all"; in a virtual stage "settled"; with processes "adopt", which
     * fails when a takeover would restart a pod: 0, or -1 with the reason. */
    int (*command)(struct stage *stage, const char *what, struct err *err);
    uint64_t (*revision)(struct stage *stage); /* of the API server; NULL: nobody knows */
    /* -1 when an invariant broke at any commit so far; NULL: nobody looks. */
    int (*verdict)(struct stage *stage, struct err *err);
    void (*free)(struct stage *stage);
};

struct stage_options {
    struct log *log;
    const char *mode;
    uint64_t seed;       /* virtual */
    bool faults;         /* virtual: a bad network and a grumpy server */
    bool stale;          /* virtual: what operators watch reaches them up to a minute late */
    struct crash *crash; /* virtual: operators die at their writes; may be NULL */
    const char *kubeconfig, *operator_kubeconfig, *nemeton, *folder; /* process */
};

struct stage *stage_virtual_new(const struct stage_options *options, struct err *err);
struct stage *stage_process_new(const struct stage_options *options, struct err *err);

#endif
