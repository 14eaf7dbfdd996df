/* A watch that fills a store and tells which keys changed. Shared by everyone who wants the same
 * (kind, namespace, selector, fields): informers are made and found through the informer set.
 *
 * Handlers only note keys: they get the item (or the last one, when it is gone), and what it was
 * before when it has changed, and must not call policies. They may subscribe, unsubscribe and put informers. An informer that is not synced must
 * not be read for decisions: informer_synced. An object that was deleted and made again within a gap
 * is told as removed and added.
 */
#ifndef NEMETON_CACHE_INFORMER_H
#define NEMETON_CACHE_INFORMER_H

#include "cache/store.h"
#include "kube/watch.h"

struct informer;
struct informer_set;

struct informer_spec {
    const char *api_version, *kind;
    const char *older;          /* the apiVersion to read where the server lacks it; NULL = none */
    const char *namespace;      /* NULL = all */
    const char *label_selector; /* NULL = none */
    const char *const *fields;
    size_t field_count;
    bool metadata_only;
    bool optional; /* the server may lack the kind: the informer counts as synced (empty) then */
};

enum informer_event { INFORMER_ADDED, INFORMER_CHANGED, INFORMER_REMOVED };
struct informer_handler {
    /* former: NULL but for INFORMER_CHANGED. */
    void (*on_change)(void *arg, struct informer *informer, enum informer_event event,
                      struct store_item *item, const struct store_item *former, bool initial);
    void (*on_synced)(void *arg, struct informer *informer); /* first time only; may be NULL */
};

struct informer_set *informer_set_new(struct rest *rest, struct discovery *discovery,
                                      struct log *log, struct random_source *random);
void informer_set_free(struct informer_set *set); /* with every informer, put or not */
/* Memory that former items had is given back to the system. */
void informer_set_trim(struct informer_set *set);
/* Finds or starts one. A kind the server lacks is asked for every 30 s until it appears. */
struct informer *informer_get(struct informer_set *set, const struct informer_spec *spec);
void informer_put(struct informer *informer); /* done with it; stops when nobody is left */
void informer_subscribe(
    struct informer *informer, const struct informer_handler *handler,
    void *arg); /* items already there are delivered, from the loop, as initial */
void informer_unsubscribe(struct informer *informer, void *arg);

bool informer_synced(const struct informer *informer);
bool informer_set_synced(const struct informer_set *set);
/* What keeps readiness down, in words ("list statefulsets: forbidden …"); NULL when all is well. */
const char *informer_problem(const struct informer *informer);
/* The server lacks the kind (and its older version): it was asked. */
bool informer_is_missing(const struct informer *informer);
struct store *informer_store(struct informer *informer);
/* As the server has it, which may be under the older version; NULL until discovered. */
const struct kube_kind *informer_kind(const struct informer *informer);
const struct informer_spec *informer_spec_of(const struct informer *informer);
struct watch_stats informer_stats(const struct informer *informer);
/* How far the watch has come; "" before the first full state. */
const char *informer_resource_version(const struct informer *informer);
/* Own writes: the server's answer enters every informer it belongs to, before the watch brings it;
 * handlers are told of it then, and not again when the watch brings the same. */
void informer_set_observe(struct informer_set *set, const struct jv *object);
/* Only for a delete whose answer says that the object is gone (a Status with success, not an object
 * that waits for its finalizers or grace period: observe that one). */
void informer_set_observe_delete(struct informer_set *set, const char *uid);
void informer_set_each(struct informer_set *set, void (*fn)(void *arg, struct informer *),
                       void *arg);

#endif
