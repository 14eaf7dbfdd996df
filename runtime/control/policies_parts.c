/* A base that is too large for one ConfigMap comes in several: each says what it is a part of, in a
 * text that all have alike and that begins with their number. They are one layer, and only together. */
#include "control/policies_internal.h"

#include <stdlib.h>
#include <string.h>

static const char *part_of(const struct gathered *gathered, size_t index)
{
    return jv_path_str(gathered->objects[index], "metadata", "annotations", POLICIES_PART_OF, NULL);
}

/* The data of all in the first, which stands for them; a key that is in two is the first's. */
static void join(struct gathered *gathered)
{
    struct jv *data = jv_ensure(gathered->objects[0], "data", NULL);
    for (size_t i = 1; i < gathered->base_count; i++) {
        struct jv_iter iter = {0};
        while (jv_next(jv_get(gathered->objects[i], "data"), &iter)) {
            if (jv_get(data, iter.key) == NULL)
                jv_set(data, iter.key, jv_ref(iter.value));
        }
        jv_unref(gathered->objects[i]);
    }
    memmove(gathered->objects + 1, gathered->objects + gathered->base_count,
            (gathered->count - gathered->base_count) * sizeof(*gathered->objects));
    gathered->count -= gathered->base_count - 1;
    gathered->base_count = 1;
}

void gathered_join(struct gathered *gathered)
{
    const char *whole = NULL;
    for (size_t i = 0; i < gathered->base_count && whole == NULL; i++)
        whole = part_of(gathered, i);
    if (whole == NULL)
        return;
    for (size_t i = 0; i < gathered->base_count; i++) {
        const char *its = part_of(gathered, i);
        if (its == NULL || strcmp(its, whole) != 0) {
            err_set(&gathered->incomplete, ERR_INVALID,
                    "ConfigMap %s: %s is `%.64s` and not `%.64s` like the others'; apply all parts "
                    "of one version, and delete what is left of another",
                    gathered_name(gathered, i), POLICIES_PART_OF, its != NULL ? its : "", whole);
            return;
        }
    }
    unsigned long parts = strtoul(whole, NULL, 10);
    if (parts == gathered->base_count)
        join(gathered);
    else
        err_set(&gathered->incomplete, ERR_NOT_FOUND,
                "ConfigMap %s: %zu of the %lu parts of `%.64s` are there; apply all of them",
                gathered_name(gathered, 0), gathered->base_count, parts, whole);
}
