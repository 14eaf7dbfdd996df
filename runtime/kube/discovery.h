/* Which kinds the server has, under which paths and versions.
 *
 * Read once at start and again when a kind is missing (at most every 10 s per missing kind) or when
 * asked. Answers are lent until discovery_free; a refresh only adds or updates entries in place.
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
void discovery_cancel(struct discovery *discovery, void *arg);
/* What is known already; NULL when not. */
const struct kube_kind *discovery_get(const struct discovery *discovery, const char *api_version,
                                      const char *kind);
/* The server's version, "v1.35.4"; NULL until known. discovery_ping asks /version. */
void discovery_ping(struct discovery *discovery, void (*fn)(void *arg, const struct err *err),
                    void *arg);
const char *discovery_server_version(const struct discovery *discovery);

/* "/apis/apps/v1/namespaces/NS/statefulsets/NAME/status"; NULL parts are left out. Appends. */
int kube_path(struct buf *out, const struct kube_kind *kind, const char *namespace,
              const char *name, const char *subresource);
int kube_query_add(struct buf *out, const char *name, const char *value); /* encodes; ? or & */

/* resourceVersions: <0, 0, >0 as KEP-5504 orders them; *comparable is false for foreign forms. */
int kube_rv_compare(const char *a, const char *b, bool *comparable);

#endif
