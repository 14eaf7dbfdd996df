/* What can be read of an informer. */
#include "cache/informer_internal.h"

bool informer_synced(const struct informer *informer)
{
    return informer->synced || (informer->missing && informer->spec.optional);
}

const char *informer_problem(const struct informer *informer)
{
    if (informer->missing && informer->spec.optional)
        return NULL;
    if (informer->problem.code != ERR_NONE)
        return informer->problem_text;
    if (informer->synced)
        return NULL;
    return informer->resetting ? "the server's history went back, all is listed again"
                               : "the first list has not arrived yet";
}

bool informer_is_missing(const struct informer *informer)
{
    return informer->missing;
}

struct store *informer_store(struct informer *informer)
{
    return informer->store;
}

const struct kube_kind *informer_kind(const struct informer *informer)
{
    return informer->kind;
}

const struct informer_spec *informer_spec_of(const struct informer *informer)
{
    return &informer->spec;
}

const char *informer_resource_version(const struct informer *informer)
{
    return informer->rv;
}

struct watch_stats informer_stats(const struct informer *informer)
{
    struct watch_stats none = {0};

    return informer->watch != NULL ? watch_stats(informer->watch) : none;
}
