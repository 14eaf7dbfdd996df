#ifndef NEMETON_SANDBOX_DISCOVER_INTERNAL_H
#define NEMETON_SANDBOX_DISCOVER_INTERNAL_H

#include "sandbox/discover.h"

enum { SUBRESOURCES_MAX = 6 };

struct subresource {                           /* of one kind, as discovery tells them */
    const char *name, *group, *version, *kind; /* group NULL: that of the kind */
    const char *verbs;                         /* separated by spaces */
};
size_t discover_subresources(const struct kind *kind, const struct kind_version *version,
                             struct subresource out[SUBRESOURCES_MAX]);
const char *discover_verbs(const struct kind *kind);
struct jv *discover_words(const char *words); /* "a b" as an array */
/* Nothing when there are none. */
void discover_add_names(struct jv *out, const char *member, char *const *names, size_t count);

/* Groups in the order of the real server: core first, then by first registration. */
struct discover_group {
    const char *name;
    const char *versions[16]; /* in order of preference */
    size_t version_count;
};
size_t discover_groups(const struct kinds *kinds, struct discover_group *out, size_t max);

/* apidiscovery.k8s.io/v2 APIGroupDiscoveryList, of core or of all other groups. Yours. */
struct jv *discover_aggregated(const struct apiserver *server, bool core, const char *version);

enum { DISCOVER_GROUPS_MAX = 256 };

#endif
