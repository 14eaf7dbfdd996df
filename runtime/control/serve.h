/* Requests to objects, answered by policies: what the controllers of a simulated world do for pods.
 *
 * A controller whose module has serve(ctx) answers for the objects it watches. Each request is a task
 * of its own, with ctx.object as cached and ctx.request as given, under the limits of a run; it takes
 * no part in the queue, so that an object may be reconciled meanwhile.
 */
#ifndef NEMETON_CONTROL_SERVE_H
#define NEMETON_CONTROL_SERVE_H

#include "control/manager.h"

enum { SERVES_MAX = 256 }; /* under way in one controller */

struct serve;
struct serve_target {
    const char *api_version, *kind, *namespace, *name, *uid;
};
/* answer: what serve returned, NULL for nothing (then err is NULL, too) and for an error. Lent. */
typedef void (*serve_fn)(void *arg, const struct jv *answer, const struct err *err);

/* The first controller that serves and has this object in its cache gets the request. NULL: there is
 * none, or it has enough to do. fn runs once, from the loop, never after serve_cancel; also with
 * ERR_CANCELED when the controller goes. */
struct serve *manager_serve(struct manager *manager, const struct serve_target *target,
                            struct jv *request, serve_fn fn, void *arg);
void serve_cancel(struct serve *serve); /* NULL is fine */

#endif
