/* The files, applied in the world of a plan as `kubectl apply` would. */
#include "cli/plan.h"

#include <string.h>

#define LAST_APPLIED "kubectl.kubernetes.io/last-applied-configuration"

static int rank(const struct jv *object)
{
    const char *kind = jv_str(jv_get(object, "kind"));
    if (strcmp(kind, "CustomResourceDefinition") == 0)
        return 0;
    return strcmp(kind, "Namespace") == 0 ? 1 : 2;
}

/* kubectl notes what it applies among the annotations, so a file always has some: those that others
 * have set stay, also where the file names none. */
static struct jv *with_annotations(const struct jv *wanted)
{
    struct jv *form = jv_copy(wanted);
    const struct jv *metadata = jv_get(wanted, "metadata");
    if (jv_is_object(metadata))
        jv_set(form, "metadata", jv_copy(metadata));
    jv_ensure(form, "metadata", "annotations", NULL);
    return form;
}

/* What was applied last and is not any more is removed; what is in the file is set; what others have
 * set besides stays. */
static struct jv *merged(const struct jv *live, const struct jv *file)
{
    const char *text = jv_path_str(live, "metadata", "annotations", LAST_APPLIED, NULL);
    struct jv *last = NULL, *base = jv_ref((struct jv *)live);
    struct jv *wanted = with_annotations(file);
    if (text != NULL && jv_parse(text, strlen(text), &last, NULL) == 0) {
        struct jv *patch = merge_patch_diff(last, wanted);
        if (patch != NULL) {
            struct jv *next = merge_patch_apply(base, patch);
            jv_unref(base);
            base = next;
            jv_unref(patch);
        }
        jv_unref(last);
    }
    struct jv *out = merge_patch_apply(base, wanted);
    jv_unref(wanted);
    jv_unref(base);
    return out;
}

/* What is there under the name of `wanted`, which gets its namespace; *live is NULL when there is
 * nothing. */
static int find_object(struct plan *plan, struct jv *wanted, struct jv **live, struct err *err)
{
    const char *api_version = jv_path_str(wanted, "apiVersion", NULL);
    const char *kind = jv_path_str(wanted, "kind", NULL);
    struct err missing = {0};
    int namespaced = client_is_namespaced(plan->client, api_version, kind, err);
    if (namespaced < 0)
        return -1;
    struct jv *metadata = jv_get(wanted, "metadata");
    if (namespaced && jv_get(metadata, "namespace") == NULL)
        jv_set_str(metadata, "namespace", plan->default_namespace);
    const char *namespace = jv_path_str(metadata, "namespace", NULL);
    *live = client_get(plan->client, api_version, kind, namespace,
                       jv_path_str(metadata, "name", NULL), &missing);
    if (*live == NULL && missing.code != ERR_NOT_FOUND) {
        *err = missing;
        return -1;
    }
    return 0;
}

static int delete_object(struct plan *plan, struct jv *wanted, struct err *err)
{
    struct jv *live = NULL;
    if (find_object(plan, wanted, &live, err) != 0)
        return -1;
    if (live == NULL)
        return err_set(err, ERR_NOT_FOUND, "there is no %s `%s` to delete",
                       jv_path_str(wanted, "kind", NULL),
                       jv_path_str(wanted, "metadata", "name", NULL));
    int failed = client_delete(plan->client, live, err);
    jv_unref(live);
    return failed;
}

static int apply_object(struct plan *plan, struct jv *wanted, struct err *err)
{
    struct jv *live = NULL;
    jv_remove(wanted, "status");
    jv_remove(jv_get(wanted, "metadata"), "resourceVersion");
    if (find_object(plan, wanted, &live, err) != 0)
        return -1;
    if (live == NULL)
        return client_write(plan->client, WRITE_CREATE, wanted, err);
    struct jv *next = merged(live, wanted);
    int failed = jv_equal(live, next) ? 0 : client_write(plan->client, WRITE_UPDATE, next, err);
    jv_unref(next);
    jv_unref(live);
    return failed;
}

int plan_make_namespaces(struct plan *plan, struct err *err)
{
    if (world_make_namespace(plan->world, plan->default_namespace, err) != 0)
        return -1;
    for (size_t i = 0; i < plan->files.count; i++) {
        for (size_t k = 0; k < plan->files.files[i].count; k++) {
            const char *namespace =
                jv_path_str(plan->files.files[i].objects[k].object, "metadata", "namespace", NULL);
            if (namespace != NULL && world_make_namespace(plan->world, namespace, err) != 0)
                return -1;
        }
    }
    return 0;
}

static int each_object(struct plan *plan,
                       int (*act)(struct plan *plan, struct jv *object, struct err *err),
                       struct err *err)
{
    for (int turn = 0; turn <= 2; turn++) {
        for (size_t i = 0; i < plan->files.count; i++) {
            const struct object_file *file = &plan->files.files[i];
            for (size_t k = 0; k < file->count; k++) {
                if (rank(file->objects[k].object) != turn)
                    continue;
                struct jv *wanted = jv_dup(file->objects[k].object);
                int failed = act(plan, wanted, err), line = 1, column = 1;
                jv_unref(wanted);
                if (failed == 0)
                    continue;
                object_file_where(file, k, "", &line, &column);
                return err_wrap(err, "%s:%d", file->path, line);
            }
        }
    }
    return 0;
}

int plan_apply(struct plan *plan, struct err *err)
{
    return each_object(plan, apply_object, err);
}

int plan_delete(struct plan *plan, struct err *err)
{
    return each_object(plan, delete_object, err);
}
