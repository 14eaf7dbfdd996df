/* Which kinds the server has, under which paths and versions.
 *
 * The resource list of a group and version is read when it is first asked for, again when a kind is
 * missing in it (at most every 10 s per missing kind), and when it was forgotten. Answers are lent
 * until discovery_free, even of kinds that are gone; nothing in them ever changes but the flags.
 */
#ifndef NEMETON_KUBE_DISCOVERY_H
#define NEMETON_KUBE_DISCOVERY_H

#include "kube/rest.h"

struct kube_kind {
    char *group, *version, *kind, *plural; /* group "" for core */
    char *api_version;                     /* "v1", "apps/v1" */
    bool namespaced;
    bool has_status;
};

struct discovery;
typedef void (*discovery_fn)(void *arg, const struct kube_kind *kind, const struct err *err);

struct discovery *discovery_new(struct rest *rest);
void discovery_free(struct discovery *discovery);

/* The kind in exactly this apiVersion; reads the group's resources when they are not known yet.
 * ERR_NOT_FOUND when the server does not have it. fn runs from the loop, exactly once. */
void discovery_find(struct discovery *discovery, const char *api_version, const char *kind,
                    discovery_fn fn, void *arg);
/* No callback with this arg afterwards, also none of discovery_ping. */
void discovery_cancel(struct discovery *discovery, void *arg);
/* What was read of this apiVersion may be out of date (a 404 where there should be none): the next
 * discovery_find asks the server again. */
void discovery_forget(struct discovery *discovery, const char *api_version);
/* What is known already; NULL when not. */
const struct kube_kind *discovery_get(const struct discovery *discovery, const char *api_version,
                                      const char *kind);
/* The server's version, "v1.35.4"; NULL until known. discovery_ping asks /version. */
void discovery_ping(struct discovery *discovery, void (*fn)(void *arg, const struct err *err),
                    void *arg);
const char *discovery_server_version(const struct discovery *discovery);

/* "/apis/apps/v1/namespaces/NS/statefulsets/NAME/status"; NULL parts are left out, as is the
 * namespace of a cluster-scoped kind. Appends, percent-encoded. -1 for what would name something
 * else than meant: an empty part, "." or "..", a slash, a namespaced name without its namespace, a
 * subresource without a name. */
int kube_path(struct buf *out, const struct kube_kind *kind, const char *namespace,
              const char *name, const char *subresource);
/* Encodes; ? or & as needed; a NULL value adds nothing. */
int kube_query_add(struct buf *out, const char *name, const char *value);

/* resourceVersions: <0, 0, >0 as KEP-5504 orders them. *comparable is false for other forms, where
 * only 0 means something: they are equal. */
int kube_rv_compare(const char *a, const char *b, bool *comparable);

#endif
