/* LIST and WATCH of one resource in one scope, for ever: the state machine of an informer.
 *
 * It pages, streams lists where the server can (KEP-3157), follows bookmarks, survives 410, cut and
 * silent streams, 401/403/404/429/5xx, and never ends by itself: at any moment it has a request
 * under way or a timer. It hands over objects and knows nothing of a store:
 *
 *   on_begin()      a full state follows (first list or relist); nothing is known to be gone yet
 *   on_upsert(o)    an object, new or changed
 *   on_delete(o)    an object is gone (last known state)
 *   on_end(rv)      the full state is complete at this resourceVersion: what was not upserted since
 *                   on_begin and is not newer than rv is gone
 *
 * Objects are lent and complete (apiVersion and kind are filled in where a list leaves them out);
 * managedFields and kubectl's last-applied-configuration are stripped. Callbacks may call watch_stop.
 * An object that is nested too deeply for us comes without that part, and says which in an annotation (kube/mend.h).
 */
#ifndef NEMETON_KUBE_WATCH_H
#define NEMETON_KUBE_WATCH_H

#include "kube/discovery.h"

struct watch;

struct watch_options {
    const struct kube_kind *kind;
    const char *namespace;      /* NULL = all */
    const char *label_selector; /* NULL = none; canonical form */
    const char *field_selector;
    bool metadata_only;
    size_t frame_bytes_max; /* 0 = 16 MiB */
    struct log *log;
    struct random_source *random;
};
struct watch_callbacks {
    void (*on_begin)(void *arg);
    void (*on_upsert)(void *arg, struct jv *object);
    void (*on_delete)(void *arg, struct jv *object);
    void (*on_end)(void *arg, const char *resource_version);
    /* resource_version: the stream has reached it (event or bookmark). */
    void (*on_progress)(void *arg, const char *resource_version);
    /* NULL err: healthy again. Repeated problems of one kind come once; what goes wrong after the
     * first full state is reported when it has lasted for a minute. */
    void (*on_problem)(void *arg, const struct err *err);
    /* The server's history went back (a restored etcd): the resourceVersions known so far mean
     * nothing any more, the full state that follows decides. May be NULL. */
    void (*on_reset)(void *arg);
    /* The object is known in exactly this version (noting that it was seen): it is not parsed and
     * not handed over. May be NULL. */
    bool (*is_known)(void *arg, const char *uid, const char *resource_version);
};

struct watch *watch_start(struct rest *rest, const struct watch_options *options,
                          const struct watch_callbacks *callbacks, void *arg);
void watch_stop(struct watch *watch); /* frees; no callback afterwards */

struct watch_stats {
    uint64_t relists, restarts, events;
    uint64_t dropped_old;  /* not newer than what the stream had reached */
    uint64_t ignored;      /* of another kind or of an unknown type */
    int64_t last_event_ms; /* monotonic */
    bool synced, streaming;
};
/* For objects that come another way: a copy (sharing what is inside) without what a watch strips. */
struct jv *watch_stripped(const struct jv *object);

struct watch_stats watch_stats(const struct watch *watch);

#endif
