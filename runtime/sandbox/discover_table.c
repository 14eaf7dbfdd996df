#include "sandbox/discover_internal.h"

#include "sandbox/strategy.h"

#include <string.h>

struct jv *discover_words(const char *words)
{
    struct jv *out = jv_array();
    while (*words) {
        size_t len = strcspn(words, " ");
        jv_append(out, jv_stringn(words, len));
        words += len + (words[len] == ' ');
    }
    return out;
}

const char *discover_verbs(const struct kind *kind)
{
    if (strcmp(kind->group, "authorization.k8s.io") == 0)
        return "create";
    if (kind->strategy == &strategy_namespace)
        return "create delete get list patch update watch";
    return "create delete deletecollection get list patch update watch";
}

size_t discover_subresources(const struct kind *kind, const struct kind_version *version,
                             struct subresource out[SUBRESOURCES_MAX])
{
    size_t count = 0;
    if (kind->strategy == &strategy_pod) {
        out[count++] = (struct subresource){"binding", NULL, NULL, "Binding", "create"};
        out[count++] = (struct subresource){"eviction", "policy", "v1", "Eviction", "create"};
        out[count++] = (struct subresource){"log", NULL, NULL, "Pod", "get"};
    }
    if (kind->strategy == &strategy_namespace)
        out[count++] = (struct subresource){"finalize", NULL, NULL, "Namespace", "update"};
    if (version->scale)
        out[count++] =
            (struct subresource){"scale", "autoscaling", "v1", "Scale", "get patch update"};
    if (version->status)
        out[count++] = (struct subresource){"status", NULL, NULL, kind->kind, "get patch update"};
    return count;
}

/* "v1" before "v1beta2" before "v1alpha1" before anything else; higher numbers first. */
static int version_rank(const char *name)
{
    int major = 0, minor = 0, at = 0;
    if (*name != 'v')
        return 0;
    for (at = 1; name[at] >= '0' && name[at] <= '9' && at < 5; at++)
        major = major * 10 + (name[at] - '0');
    if (at == 1)
        return 0;
    int stage = !name[at] ? 3 : strncmp(name + at, "beta", 4) == 0 ? 2 : 1;
    const char *digits = name + at + strcspn(name + at, "0123456789");
    for (; *digits >= '0' && *digits <= '9' && minor < 999; digits++)
        minor = minor * 10 + (*digits - '0');
    return stage * 10000000 + major * 1000 + minor;
}

static void add_version(struct discover_group *group, const char *name)
{
    size_t at = group->version_count;
    for (size_t i = 0; i < group->version_count; i++)
        if (strcmp(group->versions[i], name) == 0)
            return;
    if (at >= sizeof(group->versions) / sizeof(group->versions[0]))
        return;
    for (; at > 0 && version_rank(group->versions[at - 1]) < version_rank(name); at--)
        group->versions[at] = group->versions[at - 1];
    group->versions[at] = name;
    group->version_count++;
}

size_t discover_groups(const struct kinds *kinds, struct discover_group *out, size_t max)
{
    size_t count = 0;
    for (size_t i = 0; i < kinds_count(kinds); i++) {
        const struct kind *kind = kinds_at(kinds, i);
        size_t at = 0;
        if (kind_is(kind, KIND_REMOVED))
            continue;
        while (at < count && strcmp(out[at].name, kind->group) != 0)
            at++;
        if (at == max)
            continue;
        if (at == count)
            out[count++] = (struct discover_group){.name = kind->group};
        for (size_t v = 0; v < kind->version_count; v++)
            if (kind->versions[v].served)
                add_version(&out[at], kind->versions[v].name);
    }
    return count;
}
