/* What --policies names. */
#include "cli/bundle.h"

#include "cli/files.h"
#include "control/policies.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define WORLD_MODULES "sandbox."
#define LIB_MODULES "lib."

struct opening {
    const struct policy_env *env;
    struct policy_set *set;
    bool has_bottom;
};

static const char *policies_label(const struct jv *object)
{
    const char *kind = jv_str(jv_get(object, "kind"));
    if (kind == NULL || strcmp(kind, "ConfigMap") != 0)
        return NULL;
    return jv_path_str(object, "metadata", "labels", POLICIES_LABEL, NULL);
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(jv_path_str(*(struct jv *const *)a, "metadata", "name", NULL),
                  jv_path_str(*(struct jv *const *)b, "metadata", "name", NULL));
}

/* The policy ConfigMaps of a file that are (or are not) the bottom, by name. */
static int add_configmaps(struct opening *opening, const char *path, bool base, size_t *found,
                          struct err *err)
{
    struct object_files files;
    if (object_files_read(&files, &path, 1, err) != 0)
        return -1;
    struct jv **maps = NULL;
    size_t count = 0;
    for (size_t i = 0; i < files.count; i++) {
        for (size_t k = 0; k < files.files[i].count; k++) {
            struct jv *object = files.files[i].objects[k].object;
            const char *label = policies_label(object);
            if (label == NULL)
                continue;
            ++*found;
            if ((strcmp(label, POLICIES_LABEL_BASE) == 0) != base)
                continue;
            maps = mem_grow(maps, (count + 1) * sizeof(*maps));
            maps[count++] = object;
        }
    }
    if (count > 1)
        qsort(maps, count, sizeof(*maps), compare_names);
    int failed = 0;
    for (size_t i = 0; failed == 0 && i < count; i++) {
        const char *name = jv_path_str(maps[i], "metadata", "name", NULL);
        failed = policy_set_add_configmap(opening->set, name, maps[i], err);
        if (failed != 0)
            err_wrap(err, "%s", path);
        opening->has_bottom |= base;
    }
    free(maps);
    object_files_deinit(&files);
    return failed;
}

static int add_bottom(struct opening *opening, const char *path, struct err *err)
{
    if (!file_is_dir(path)) {
        size_t found = 0;
        if (add_configmaps(opening, path, true, &found, err) != 0)
            return -1;
        return found > 0 ? 0
                         : err_set(err, ERR_INVALID,
                                   "`%s` holds no ConfigMap with the label %s, and is no directory",
                                   path, POLICIES_LABEL);
    }
    if (!bundle_is_here(path))
        return err_set(err, ERR_NOT_FOUND, "`%s` holds no bundle.lua", path);
    if (bundle_is_overlay(opening->env, path))
        return 0;
    if (opening->has_bottom)
        return err_set(
            err, ERR_INVALID,
            "`%s` names controllers, as does another of --policies: one bundle stands at "
            "the bottom",
            path);
    opening->has_bottom = true;
    return policy_set_add_dir(opening->set, POLICIES_LABEL_BASE, path, "sandbox", err);
}

static int add_overlay(struct opening *opening, const char *path, struct err *err)
{
    size_t found = 0;
    if (!file_is_dir(path))
        return add_configmaps(opening, path, false, &found, err);
    if (!bundle_is_overlay(opening->env, path))
        return 0;
    return policy_set_add_dir(opening->set, path, path, NULL, err);
}

bool bundle_is_here(const char *dir)
{
    struct stat info;
    char *path = mem_printf("%s/bundle.lua", dir);
    bool here = stat(path, &info) == 0 && S_ISREG(info.st_mode);
    free(path);
    return here;
}

bool bundle_is_overlay(const struct policy_env *env, const char *dir)
{
    struct buf text;
    char *path = mem_printf("%s/bundle.lua", dir);
    buf_init(&text, POLICY_BYTES_MAX);
    bool overlay = false;
    /* Alone it loads only when it names no controllers. */
    if (file_read(path, &text, NULL) == 0) {
        struct policy_file file = {"bundle", path, buf_str(&text), text.len};
        struct policy_layer layer = {dir, &file, 1};
        struct policy *policy = policy_load(env, &layer, 1, NULL);
        overlay = policy != NULL && policy_controller_count(policy) == 0;
        policy_unref(policy);
    }
    buf_deinit(&text);
    free(path);
    return overlay;
}

struct policy_set *bundle_world_of_dir(const char *dir, struct err *err)
{
    size_t count = 0;
    struct policy_set *all = policy_set_new(NULL), *set = NULL;
    if (policy_set_add_dir(all, "world", dir, NULL, err) == 0) {
        struct policy_layer layer = *policy_set_layers(all, &count);
        struct policy_file *files = mem_alloc((layer.file_count + 1) * sizeof(*files));
        size_t kept = 0;
        for (size_t i = 0; i < layer.file_count; i++) {
            files[kept] = layer.files[i];
            if (strncmp(files[kept].module, WORLD_MODULES, strlen(WORLD_MODULES)) == 0)
                files[kept++].module += strlen(WORLD_MODULES);
            else if (strncmp(files[kept].module, LIB_MODULES, strlen(LIB_MODULES)) == 0)
                kept++;
        }
        layer.files = files;
        layer.file_count = kept;
        set = policy_set_new(all);
        if (policy_set_add(set, &layer, err) != 0) {
            policy_set_unref(set);
            set = NULL;
        }
        free(files);
    }
    policy_set_unref(all);
    return set;
}

struct policy_set *bundle_open(const struct policy_env *env, const char *const *paths, size_t count,
                               struct err *err)
{
    struct opening opening = {.env = env, .set = policy_set_new(NULL)};
    int failed = 0;
    for (size_t i = 0; failed == 0 && i < count; i++)
        failed = add_bottom(&opening, paths[i], err);
    if (failed == 0 && !opening.has_bottom) {
        size_t layers = 0;
        struct policy_set *embedded = bundle_operator(err);
        failed = embedded != NULL
                     ? policy_set_add(opening.set, policy_set_layers(embedded, &layers), err)
                     : -1;
        policy_set_unref(embedded);
    }
    for (size_t i = 0; failed == 0 && i < count; i++)
        failed = add_overlay(&opening, paths[i], err);
    if (failed == 0)
        return opening.set;
    policy_set_unref(opening.set);
    return NULL;
}
