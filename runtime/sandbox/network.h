/* The pod network, as far as a client sees it: names, cluster addresses, pods that listen.
 *
 * Names are those of cluster DNS (SERVICE.NAMESPACE, with or without .svc and .svc.cluster.local,
 * HOSTNAME.SUBDOMAIN.NAMESPACE for pods that have them). A headless Service stands for the addresses of
 * its pods, a cluster address for one of them at its target port; one that is not Ready counts only
 * where publishNotReadyAddresses says so. Which of several is drawn from the random source. What a pod
 * does with a request is the business of options.pod_request.
 */
#ifndef NEMETON_SANDBOX_NETWORK_H
#define NEMETON_SANDBOX_NETWORK_H

#include "sandbox/server.h"

struct network_target {
    struct jv *pod; /* yours */
    unsigned port;
};

/* Who listens at "host:port" (the port of the scheme when there is none). -1: nobody can; err says
 * what a client would be told, its code is ERR_NETWORK. */
int network_find(struct apiserver *server, const char *scheme, const char *authority,
                 struct network_target *out, struct err *err);

#endif
