/* The operator's own HTTP answers: /metrics, /healthz (also /livez) and /readyz.
 *
 * A check is a name and a function that says in words what is wrong, or NULL. /healthz is the
 * liveness of the process: its own check is the heartbeat of the loop, for a loop that stalls cannot
 * renew a lease either. /readyz asks all checks. `?verbose` lists each check, `?exclude=NAME` leaves
 * one out, /readyz/NAME asks one. health_handle is an exchange handler and serves any number of
 * servers.
 */
#ifndef NEMETON_CONTROL_HEALTH_H
#define NEMETON_CONTROL_HEALTH_H

#include "control/metrics.h"
#include "loop/exchange.h"
#include "loop/loop.h"

enum { HEALTH_BEAT_MS = 5000, HEALTH_STALL_MS = 15000, HEALTH_CHECKS_MAX = 16 };

struct health;
/* Yours to free(); NULL when all is well. */
typedef char *(*health_check)(void *arg);

struct health *health_new(struct loop *loop, struct metrics *metrics);
void health_free(struct health *health);
void health_add(struct health *health, const char *name, bool live, health_check check, void *arg);
void health_remove(struct health *health, void *arg);
void health_handle(void *health, struct exchange *exchange);

#endif
