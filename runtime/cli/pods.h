/* What plays the processes of simulated pods: requests that have reached a pod go to the policies. */
#ifndef NEMETON_CLI_PODS_H
#define NEMETON_CLI_PODS_H

#include "control/manager.h"
#include "loop/exchange.h"

/* For apiserver_options.pod_request. manager: a struct manager **, of what plays the world; while it
 * points to NULL nothing listens. What serve(ctx) may return is written down in
 * policies/sandbox/README.md. */
void pods_request(void *manager, const struct jv *pod, unsigned port, struct exchange *exchange);

/* What a simulated pod has written, for apiserver_options.pod_log: its annotation PODS_LOG, yours; NULL without it. */
#define PODS_LOG "sandbox.nemeton.dev/log"
char *pods_log(void *arg, const struct jv *pod);

#endif
