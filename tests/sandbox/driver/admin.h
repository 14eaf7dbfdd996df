/* Effects for a scenario: what a person with kubectl and admin rights does, and nothing cleverer.
 *
 * Reads and writes go straight to the API server; there is no cache, no gate and no skipping. A
 * request to `http://world/…` is answered by the function given: that is how a scenario kills an
 * operator and reads test data. Every other one goes out, as a user's would.
 */
#ifndef NEMETON_TESTS_ADMIN_H
#define NEMETON_TESTS_ADMIN_H

#include "kube/discovery.h"
#include "script/effects.h"

struct admin;
/* Answers "/operator/kill" and the like: an HTTP status, and words in out. */
typedef int (*admin_world_fn)(void *arg, const char *path, struct buf *out);

struct admin *admin_new(struct rest *rest, struct discovery *discovery, struct transport *transport,
                        admin_world_fn world, void *arg);
void admin_free(struct admin *admin);
struct effects *admin_effects(struct admin *admin);

#endif
