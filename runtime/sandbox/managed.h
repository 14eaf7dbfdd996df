/* metadata.managedFields taken apart: who manages which fields, in which way, since when. */
#ifndef NEMETON_SANDBOX_MANAGED_H
#define NEMETON_SANDBOX_MANAGED_H

#include "sandbox/fieldset.h"

struct manager {
    char *name;
    bool applied;      /* operation Apply, else Update */
    char *api_version; /* part of who it is only for updates */
    char *subresource; /* NULL: none */
    struct jv *time;   /* NULL: none */
    struct jv *fields;
    char *identity; /* how the real server tells managers apart; orders them */
};

struct managed {
    struct manager *list;
    size_t count;
};

/* -1 when the entries are not what a server writes; *out is empty then. */
int managed_decode(const struct jv *entries, struct managed *out);
void managed_deinit(struct managed *managed);
/* The entries in the order of the real server; NULL when there are none. Yours. */
struct jv *managed_encode(struct managed *managed);

/* NULL when absent. subresource may be NULL. */
struct manager *managed_find(const struct managed *managed, const char *name, bool applied,
                             const char *api_version, const char *subresource);
/* Adds it when absent. Invalidates what managed_find gave. */
struct manager *managed_add(struct managed *managed, const char *name, bool applied,
                            const char *api_version, const char *subresource);
void manager_set_fields(struct manager *manager, struct jv *take);
void manager_set_time(struct manager *manager, const char *time);
void managed_remove(struct managed *managed, size_t index);
/* Joins the oldest updaters when there are more than ten. */
void managed_cap(struct managed *managed);

#endif
