/* The informers that one version of a controller declares, in each namespace it looks after.
 *
 * A scope is one namespace (or all of them). A run of a key reads from the informers of its scope
 * only. Reference-counted: a run keeps the watches it began with while a new version brings its own
 * (informers of the same specification are shared underneath). Kinds that are declared optional and
 * that the server lacks count as synced and empty. A kind that the server has under the older version
 * only is found under both.
 */
#ifndef NEMETON_CONTROL_WATCHES_H
#define NEMETON_CONTROL_WATCHES_H

#include "cache/informer.h"
#include "script/policy.h"

struct watches;
struct watches_env {
    struct informer_set *informers;
    const char *const *namespaces; /* count 0: all */
    size_t namespace_count;
};
/* watch: the declaration that the change came through. */
typedef void (*watches_change_fn)(void *arg, const struct policy_watch *watch, size_t watch_index,
                                  enum informer_event event, struct store_item *item,
                                  const struct store_item *former, bool initial);

/* policy is kept alive; controller belongs to it. */
struct watches *watches_new(const struct watches_env *env, struct policy *policy,
                            const struct policy_controller *controller);
struct watches *watches_ref(struct watches *watches);
void watches_unref(struct watches *watches);
/* Changes (what is there already first, as initial), and a call whenever a cache became complete. */
void watches_listen(struct watches *watches, watches_change_fn on_change,
                    void (*on_synced)(void *arg), void *arg);
void watches_unlisten(struct watches *watches);

struct policy *watches_policy(const struct watches *watches);
const struct policy_controller *watches_controller(const struct watches *watches);
/* namespace NULL: every scope. */
bool watches_synced(const struct watches *watches, const char *namespace);
/* Why not, in words; NULL when synced and healthy. Lent until the next turn. */
const char *watches_problem(const struct watches *watches);
bool watches_readable(const struct watches *watches, const struct informer *informer);
/* The informer that a run for a key of this namespace reads the kind from, or NULL. */
/* A watch of a kind that the server lacks and that is not optional; NULL when there is none. */
const struct policy_watch *watches_missing(const struct watches *watches);
struct informer *watches_find(const struct watches *watches, const char *namespace,
                              const char *api_version, const char *kind);
/* Primaries of a kind (by its index among the watches), in every scope or in a namespace's. */
void watches_each_primary(const struct watches *watches, size_t watch_index, const char *namespace,
                          store_fn fn, void *arg);
struct store_item *watches_primary(const struct watches *watches, size_t watch_index,
                                   const char *namespace, const char *name);

#endif
