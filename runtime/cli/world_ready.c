#include "cli/world_ready.h"

#include <stdlib.h>
#include <string.h>

#define LAST_APPLIED "kubectl.kubernetes.io/last-applied-configuration"
enum { LAST_APPLIED_MAX = 200000 }; /* all annotations together may have 256 KiB */

static int load_rank(const struct jv *object)
{
    const char *kind = jv_str(jv_get(object, "kind"));
    if (strcmp(kind, "CustomResourceDefinition") == 0)
        return 0;
    return strcmp(kind, "Namespace") == 0 ? 1 : 2;
}

/* As `kubectl apply` would have made it, so that the next one knows what it may take away. What was read from a
 * server stays as it was. */
static struct jv *as_applied(const struct jv *object)
{
    struct jv *out = jv_dup(object), *metadata = jv_get(out, "metadata");
    if (!jv_is_object(metadata) || jv_get(metadata, "uid") != NULL ||
        jv_path(metadata, "annotations", LAST_APPLIED, NULL) != NULL)
        return out;
    struct jv *annotations = jv_ensure(metadata, "annotations", NULL);
    char *text = jv_print_str(out, JV_PRINT_SORTED);
    struct buf escaped;
    buf_init(&escaped, LAST_APPLIED_MAX);
    for (const char *p = text; *p != '\0'; p++) {
        if (*p == '<' || *p == '>' || *p == '&')
            buf_printf(&escaped, "\\u%04x", (unsigned)*p); /* as Go writes it */
        else
            buf_add_char(&escaped, *p);
    }
    buf_add_char(&escaped, '\n');
    if (!escaped.failed)
        jv_set_str(annotations, LAST_APPLIED, buf_str(&escaped));
    buf_deinit(&escaped);
    free(text);
    return out;
}

static int load_one(struct world *world, const struct object_file *file, size_t index,
                    struct err *err)
{
    int line = 1, column = 1;
    struct jv *object = as_applied(file->objects[index].object);
    int failed = world_load(world, object, false, err);
    jv_unref(object);
    if (failed == 0)
        return 0;
    object_file_where(file, index, "", &line, &column);
    return err_wrap(err, "%s:%d", file->path, line);
}

int world_load_files(struct world *world, const struct object_files *files, struct err *err)
{
    for (int rank = 0; rank <= 2; rank++) {
        for (size_t i = 0; i < files->count; i++) {
            const struct object_file *file = &files->files[i];
            for (size_t k = 0; k < file->count; k++) {
                if (load_rank(file->objects[k].object) == rank &&
                    load_one(world, file, k, err) != 0)
                    return -1;
            }
        }
    }
    return 0;
}

static const struct jv *find_condition(const struct jv *object, const char *type)
{
    const struct jv *conditions = jv_path(object, "status", "conditions", NULL);
    for (size_t i = 0; i < jv_size(conditions); i++) {
        const char *name = jv_path_str(jv_at(conditions, i), "type", NULL);
        if (name != NULL && strcmp(name, type) == 0)
            return jv_at(conditions, i);
    }
    return NULL;
}

/* An observedGeneration, of the status or of the condition, must have caught up. */
static bool is_current(const struct jv *object, const struct jv *condition)
{
    const struct jv *seen = jv_path(object, "status", "observedGeneration", NULL);
    if (seen == NULL)
        seen = jv_get(condition, "observedGeneration");
    return seen == NULL ||
           jv_int_value(seen) == jv_int_value(jv_path(object, "metadata", "generation", NULL));
}

static bool is_object_ready(const struct jv *object, struct buf *waits)
{
    const struct jv *ready = find_condition(object, "Ready");
    const char *status = jv_path_str(ready, "status", NULL);
    if (status != NULL && strcmp(status, "True") == 0 && is_current(object, ready))
        return true;
    const char *message = jv_path_str(ready, "message", NULL);
    if (waits->len > 0)
        buf_add_str(waits, "; ");
    object_name(object, waits);
    buf_printf(waits, ": %s", message != NULL ? message : "no condition Ready yet");
    return false;
}

bool world_is_ready(struct world *world, size_t index,
                    bool (*counts)(void *arg, const struct jv *object), void *arg,
                    struct buf *waits)
{
    struct manager *manager = world_operator(world, index);
    struct policy *policy = manager != NULL ? manager_policy(manager) : NULL;
    if (policy == NULL || !manager_is_leading(manager)) {
        buf_add_str(waits, "the operator does not lead yet");
        return false;
    }
    size_t count = 0;
    bool ready = true;
    for (size_t c = 0; c < policy_controller_count(policy); c++) {
        const struct policy_controller *controller = policy_controller_at(policy, c);
        for (size_t w = 0; w < controller->primary_count; w++) {
            struct jv *list =
                apiserver_dump(world_apiserver(world), controller->watches[w].api_version,
                               controller->watches[w].kind);
            for (size_t i = 0; i < jv_size(list); i++) {
                if (counts != NULL && !counts(arg, jv_at(list, i)))
                    continue;
                count++;
                ready = is_object_ready(jv_at(list, i), waits) && ready;
            }
            jv_unref(list);
        }
    }
    if (count == 0)
        buf_add_str(waits, WORLD_NO_PRIMARIES);
    return ready && count > 0;
}
