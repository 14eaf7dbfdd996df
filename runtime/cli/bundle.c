#include "cli/bundle.h"

#include "base/yaml.h"
#include "cli/embed.h"
#include "control/policies.h"

#include <stdlib.h>
#include <string.h>

#define POLICIES "policies/"
#define WORLD "policies/sandbox/"
#define SHARED "policies/lib/"

enum { CUSTOMS_BYTES_MAX = 256 << 10 };

static bool starts_with(const char *text, const char *begin)
{
    return strncmp(text, begin, strlen(begin)) == 0;
}

/* A layer whose strings are borrowed from the embedded files, but for the module names. */
struct draft {
    struct policy_file files[POLICY_FILES_MAX];
    size_t count;
};

static int draft_add(struct draft *draft, const struct embed_file *file, size_t prefix,
                     struct err *err)
{
    char *module = policy_module_of_path(file->path + prefix);
    if (module == NULL)
        return 0;
    if (draft->count == POLICY_FILES_MAX) {
        free(module);
        return err_set(err, ERR_LIMIT, "more than %d policy files in the binary", POLICY_FILES_MAX);
    }
    draft->files[draft->count++] = (struct policy_file){module, file->path, file->data, file->len};
    return 0;
}

static struct policy_set *draft_finish(struct draft *draft, const char *name, int failed, bool lent,
                                       struct err *err)
{
    struct policy_set *set = policy_set_new(NULL);
    struct policy_layer layer = {name, draft->files, draft->count};
    if (failed == 0)
        failed = lent ? policy_set_lend(set, &layer, err) : policy_set_add(set, &layer, err);
    for (size_t i = 0; i < draft->count; i++)
        free((char *)draft->files[i].module);
    free(draft);
    if (failed == 0)
        return set;
    policy_set_unref(set);
    return NULL;
}

struct policy_set *bundle_operator(struct err *err)
{
    struct draft *draft = mem_alloc(sizeof(*draft));
    int failed = 0;
    for (size_t i = 0; i < embed_file_count && failed == 0; i++) {
        const struct embed_file *file = &embed_files[i];
        if (starts_with(file->path, POLICIES) && !starts_with(file->path, WORLD))
            failed = draft_add(draft, file, strlen(POLICIES), err);
    }
    return draft_finish(draft, POLICIES_LABEL_BASE, failed, true, err);
}

/* return { { apiVersion = "…", kind = "…" }, … } */
static void print_customs(const struct jv *customs, struct buf *out)
{
    buf_add_str(out, "return {");
    for (size_t i = 0; i < jv_size(customs); i++)
        buf_printf(out, "\n  { apiVersion = \"%s\", kind = \"%s\" },",
                   jv_path_str(jv_at(customs, i), "apiVersion", NULL),
                   jv_path_str(jv_at(customs, i), "kind", NULL));
    buf_add_str(out, "\n}\n");
}

struct policy_set *bundle_world(const struct jv *customs, struct err *err)
{
    struct draft *draft = mem_alloc(sizeof(*draft));
    struct buf text;
    int failed = 0;
    buf_init(&text, CUSTOMS_BYTES_MAX);
    print_customs(customs, &text);
    struct embed_file own = {WORLD "customs.lua", buf_str(&text), text.len};
    for (size_t i = 0; i < embed_file_count && failed == 0; i++) {
        const struct embed_file *file = &embed_files[i];
        if (strcmp(file->path, own.path) == 0)
            file = &own;
        if (starts_with(file->path, WORLD))
            failed = draft_add(draft, file, strlen(WORLD), err);
        else if (starts_with(file->path, SHARED))
            failed = draft_add(draft, file, strlen(POLICIES), err);
    }
    struct policy_set *set = draft_finish(draft, "world", failed, false, err);
    buf_deinit(&text);
    return set;
}

struct jv *bundle_configmap(void)
{
    struct jv *object = jv_object();
    jv_set_str(object, "apiVersion", "v1");
    jv_set_str(object, "kind", "ConfigMap");
    struct jv *metadata = jv_ensure(object, "metadata", NULL);
    jv_set_str(metadata, "name", BUNDLE_CONFIGMAP);
    jv_set_str(metadata, "namespace", BUNDLE_NAMESPACE);
    jv_set_str(jv_ensure(metadata, "labels", NULL), POLICIES_LABEL, POLICIES_LABEL_BASE);
    struct jv *data = jv_ensure(object, "data", NULL);
    for (size_t i = 0; i < embed_file_count; i++) {
        const struct embed_file *file = &embed_files[i];
        if (!starts_with(file->path, POLICIES) || starts_with(file->path, WORLD))
            continue;
        char *module = policy_module_of_path(file->path + strlen(POLICIES));
        struct jv *value = module != NULL ? jv_stringn(file->data, file->len) : NULL;
        if (value != NULL) {
            char *key = mem_printf("%s.lua", module);
            jv_set(data, key, value);
            free(key);
        }
        free(module);
    }
    return object;
}

struct jv *bundle_crds(struct err *err)
{
    struct jv *crds = jv_array();
    for (size_t i = 0; i < embed_file_count; i++) {
        const struct embed_file *file = &embed_files[i];
        if (!starts_with(file->path, "crd/"))
            continue;
        struct yaml_docs *docs = yaml_parse(file->data, file->len, err);
        if (docs == NULL) {
            err_wrap(err, "%s", file->path);
            jv_unref(crds);
            return NULL;
        }
        for (size_t j = 0; j < yaml_docs_count(docs); j++)
            jv_append(crds, jv_ref(yaml_docs_get(docs, j)));
        yaml_docs_free(docs);
    }
    return crds;
}

void bundle_add_custom_kinds(struct jv *customs, const struct jv *crd)
{
    const char *group = jv_path_str(crd, "spec", "group", NULL);
    const char *kind = jv_path_str(crd, "spec", "names", "kind", NULL);
    const struct jv *versions = jv_path(crd, "spec", "versions", NULL);
    for (size_t i = 0; group != NULL && kind != NULL && i < jv_size(versions); i++) {
        const struct jv *version = jv_at(versions, i);
        const char *name = jv_path_str(version, "name", NULL);
        if (name == NULL || !jv_bool_value(jv_get(version, "served")))
            continue;
        struct jv *entry = jv_object();
        jv_set(entry, "apiVersion", jv_stringf("%s/%s", group, name));
        jv_set_str(entry, "kind", kind);
        jv_append(customs, entry);
    }
}

struct policy_set *bundle_choose(const char *dir, struct err *err)
{
    if (dir == NULL)
        return bundle_operator(err);
    struct policy_set *set = policy_set_new(NULL);
    if (policy_set_add_dir(set, POLICIES_LABEL_BASE, dir, "sandbox", err) == 0)
        return set;
    policy_set_unref(set);
    return NULL;
}
