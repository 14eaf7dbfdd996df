/* Leader election by a Lease (coordination.k8s.io/v1), on a connection of its own.
 *
 * Durations 15/10/2 s as in client-go; other holders are judged only by our own monotonic clock.
 * Losing is final for a struct lease: on_lost runs once and the owner stops the process. lease_holds
 * is the fence: true only while now < start of the last successful renewal + renew deadline.
 */
#ifndef NEMETON_KUBE_LEASE_H
#define NEMETON_KUBE_LEASE_H

#include "kube/rest.h"

struct lease;
struct lease_options {
    const char *namespace, *name;
    const char *identity;                             /* host_uuid */
    int64_t duration_ms, renew_deadline_ms, retry_ms; /* 0 = 15000, 10000, 2000 */
    struct log *log;
    struct random_source *random;
};
struct lease_callbacks {
    void (*on_acquired)(void *arg);
    void (*on_lost)(void *arg, const struct err *why);
    void (*on_holder)(void *arg, const char *identity); /* somebody else leads; may be NULL */
};

struct lease *lease_start(struct rest *rest, const struct lease_options *options,
                          const struct lease_callbacks *callbacks, void *arg);
bool lease_holds(const struct lease *lease);
int64_t lease_margin_ms(const struct lease *lease); /* until the fence closes; <= 0: closed */
/* Gives the lease back (holder "") and calls fn, at the latest after timeout_ms. */
void lease_release(struct lease *lease, int64_t timeout_ms, void (*fn)(void *arg), void *arg);
/* How often a renewal did not go through at once and the lease was read first. */
uint64_t lease_slow_paths(const struct lease *lease);
void lease_free(struct lease *lease); /* no request, no callback afterwards */

#endif
