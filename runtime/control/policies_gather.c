/* From the ConfigMaps (and the directory, or the binary) to the set that is wanted. */
#include "control/policies_internal.h"

#include <stdlib.h>
#include <string.h>

static bool gather_one(void *arg, struct store_item *item)
{
    struct gathered *gathered = arg;
    struct jv *object = store_item_parse(item);
    const char *value = jv_path_str(object, "metadata", "labels", POLICIES_LABEL, NULL);
    bool base = value != NULL && strcmp(value, POLICIES_LABEL_BASE) == 0;
    if (base != gathered->base) {
        jv_unref(object);
        return true;
    }
    gathered->objects =
        mem_grow(gathered->objects, (gathered->count + 1) * sizeof(*gathered->objects));
    gathered->objects[gathered->count++] = object;
    return true;
}

void gather(const struct policies *policies, struct gathered *gathered)
{
    *gathered = (struct gathered){.base = true};
    if (policies->configmaps == NULL)
        return;
    store_each(informer_store(policies->configmaps), NULL, gather_one, gathered);
    gathered->base_count = gathered->count;
    gathered->base = false;
    store_each(informer_store(policies->configmaps), NULL, gather_one, gathered);
    gathered_join(gathered);
}

void gathered_free(struct gathered *gathered)
{
    for (size_t i = 0; i < gathered->count; i++)
        jv_unref(gathered->objects[i]);
    free(gathered->objects);
}

const char *gathered_name(const struct gathered *gathered, size_t index)
{
    return jv_path_str(gathered->objects[index], "metadata", "name", NULL);
}

int gather_embedded(const struct policies *policies, struct policy_set *set, struct err *err)
{
    size_t count = 0;
    if (policies->options.embedded == NULL)
        return err_set(err, ERR_NOT_FOUND, "no policies: neither a directory nor a ConfigMap");
    return policy_set_add(set, policy_set_layers(policies->options.embedded, &count), err);
}

int gather_bottom(const struct policies *policies, const struct gathered *gathered,
                  struct policy_set *set, struct err *err)
{
    if (policies->dir != NULL)
        return policy_set_add_dir(set, POLICIES_LABEL_BASE, policies->dir, "sandbox", err);
    if (gathered->incomplete.code != ERR_NONE) {
        if (err != NULL)
            *err = gathered->incomplete;
        return -1;
    }
    for (size_t i = 0; i < gathered->base_count; i++) {
        if (policy_set_add_configmap(set, gathered_name(gathered, i), gathered->objects[i], err) !=
            0)
            return -1;
    }
    if (gathered->base_count > 0)
        return 0;
    return gather_embedded(policies, set, err);
}

struct policy_set *gather_set(const struct policies *policies, const struct gathered *gathered,
                              struct err *err)
{
    struct policy_set *set =
        policy_set_new(policies->set != NULL ? policies->set : policies->options.embedded);
    int failed = gather_bottom(policies, gathered, set, err);
    for (size_t i = gathered->base_count; failed == 0 && i < gathered->count; i++)
        failed =
            policy_set_add_configmap(set, gathered_name(gathered, i), gathered->objects[i], err);
    if (failed == 0)
        return set;
    policy_set_unref(set);
    return NULL;
}

const char *gather_asked(const struct jv *configmap)
{
    const char *asked =
        jv_path_str(configmap, "metadata", "annotations", POLICIES_USE_VERSION, NULL);
    return asked != NULL && asked[0] != '\0' ? asked : NULL;
}

const char *gathered_asked(const struct gathered *gathered)
{
    const char *asked = NULL;
    for (size_t i = 0; i < gathered->count && asked == NULL; i++)
        asked = gather_asked(gathered->objects[i]);
    return asked;
}

int gather_asked_version(struct policies *policies, const struct gathered *gathered,
                         struct policy_set **set, struct err *err)
{
    const char *asked = gathered_asked(gathered);
    if (asked == NULL)
        return 0;
    for (size_t i = policies->history_count; i-- > 0;) {
        if (strlen(asked) >= POLICIES_VERSION_PREFIX_MIN &&
            strncmp(policies->history[i].version, asked, strlen(asked)) == 0) {
            *set = policies->history[i].set;
            return 1;
        }
    }
    struct buf kept;
    buf_init(&kept, 512);
    for (size_t i = 0; i < policies->history_count; i++)
        buf_printf(&kept, "%s%.12s", i > 0 ? ", " : "", policies->history[i].version);
    err_set(err, ERR_NOT_FOUND, "%s: version `%.64s` is not kept in memory; kept are: %s",
            POLICIES_USE_VERSION, asked, buf_str(&kept));
    buf_deinit(&kept);
    return -1;
}
