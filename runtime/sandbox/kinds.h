/* The kinds this server has: built-in ones from a table, custom ones from CRDs.
 *
 * A kind is a resource of one group ("statefulsets" of "apps"), served in one or more versions and
 * stored once, in its storage version. A kind with a `home` has no objects of its own: it shows the
 * home's in another shape (events.k8s.io Events are core Events). Kinds are never freed before
 * kinds_free, because stored versions point at them; the kind of a deleted CRD is only not served.
 */
#ifndef NEMETON_SANDBOX_KINDS_H
#define NEMETON_SANDBOX_KINDS_H

#include "sandbox/refusal.h"
#include "sandbox/tree.h"
#include "sandbox/types.h"

struct apiserver;
struct request;
struct schema;
struct kind;

/* What a built-in kind does besides the general. Every member may be NULL. Objects are complete
 * (apiVersion, kind, metadata). */
struct strategy {
    void (*defaults)(struct jv *object);
    /* Fields that the server fills or drops; may refuse. dry_run: take nothing (addresses). */
    int (*prepare_create)(struct request *request, struct jv *object, struct refusal *refusal);
    int (*prepare_update)(struct request *request, const struct jv *before, struct jv *after,
                          struct refusal *refusal);
    void (*validate)(const struct jv *object, struct field_errors *errors);
    void (*validate_update)(const struct jv *before, const struct jv *after,
                            struct field_errors *errors);
    void (*validate_status)(const struct jv *before, const struct jv *after,
                            struct field_errors *errors);
    void (*committed)(struct apiserver *server, const struct jv *before, const struct jv *after);
};

enum kind_flags {
    KIND_JUDGED_TWICE = 32768, /* an update is judged as a create, too: its causes tell */
    KIND_CHANGE_FIRST = 16384, /* an update's change is judged before the object as such */
    KIND_NAMESPACED = 1,
    KIND_STATUS = 2,
    KIND_SCALE = 4,
    KIND_GENERATION = 8,       /* counts changes outside metadata and status */
    KIND_UPSERT = 16,          /* PUT may create */
    KIND_GRACEFUL = 32,        /* pods */
    KIND_NO_STATUS_RESET = 64, /* status is accepted on create */
    KIND_NEEDS_VERSION = 128,  /* PUT must name the resourceVersion it is based on */
    KIND_CUSTOM = 256,
    KIND_REMOVED = 512,           /* its CRD is gone */
    KIND_DELETING = 1024,         /* its CRD is being deleted: no creates */
    KIND_RETURNS_OBJECT = 4096,   /* DELETE answers with the object, others with a Status */
    KIND_PLAIN_FINALIZERS = 8192, /* may have finalizers without a domain */
    KIND_PATH_NAME = 2048,        /* names are path segments (RBAC), not DNS subdomains */
};

struct kind_version {
    char *name; /* "v1" */
    bool served;
    bool status, scale;
    const struct type *type; /* built-in */
    struct schema *schema;   /* custom; see schema.h */
    struct jv *definition;   /* custom: the CRD's entry of spec.versions, owned */
    bool deprecated;
};

struct kind {
    char *group, *plural, *singular, *kind, *list_kind;
    char **short_names;
    size_t short_name_count;
    char **categories;
    size_t category_count;
    unsigned flags;
    struct kind_version *versions; /* in order of preference */
    size_t version_count, storage_version;
    const struct strategy *strategy; /* never NULL */
    const struct kind *home;         /* itself for most */
    struct tree *objects;            /* key → struct stored; owned by storage.c */
    char *key_prefix;                /* "/registry/…", for messages */
};

struct kinds;
struct kinds *kinds_new(const struct types *types, struct err *err);
void kinds_free(struct kinds *kinds);
size_t kinds_count(const struct kinds *kinds);
struct kind *kinds_at(const struct kinds *kinds, size_t index); /* also removed ones */

/* Served: by URL parts, and by apiVersion and kind. *version may be NULL. */
struct kind *kinds_by_resource(const struct kinds *kinds, const char *group, const char *version,
                               const char *plural, struct kind_version **found);
struct kind *kinds_by_kind(const struct kinds *kinds, const char *api_version, const char *kind,
                           struct kind_version **found);
/* Any version, served or not: for CRDs. */
struct kind *kinds_find(const struct kinds *kinds, const char *group, const char *plural);
struct kind *kinds_add(struct kinds *kinds, const char *group, const char *plural);
void kinds_index(struct kinds *kinds, struct kind *kind); /* after its name was set */
bool kinds_has_group(const struct kinds *kinds, const char *group);
bool kinds_has_group_version(const struct kinds *kinds, const char *group, const char *version);
void kind_clear_names(struct kind *kind); /* forgets everything but group and plural */

/* "apps/v1", "v1" */
const char *kind_api_version(const struct kind *kind, const struct kind_version *version, char *out,
                             size_t size);
static inline bool kind_is(const struct kind *kind, unsigned flag)
{
    return (kind->flags & flag) != 0;
}

enum { KIND_TEXT_BYTES = 512 };

#endif
