/* Objects in YAML: the CRD's schema, the policies' own rules, and policies in ConfigMaps. */
#include "cli/check.h"

#include "cli/bundle.h"
#include "control/policies.h"

#include <stdlib.h>
#include <string.h>

#define CONFIGMAP "ConfigMap "

enum { KINDS_BYTES_MAX = 64 << 10 };

struct looking {
    struct check *check;
    const struct object_file *file;
    size_t index;
};

static void say(struct looking *looking, const char *field, const char *message, bool advice)
{
    int line, column;
    object_file_where(looking->file, looking->index, field, &line, &column);
    char *text = field[0] != '\0' ? mem_printf("%s: %s", field, message) : mem_str(message);
    (advice ? check_advice : check_problem)(looking->check, looking->file->path, line, column,
                                            text);
    free(text);
}

static void on_problem(void *arg, const char *field, const char *message)
{
    say(arg, field, message, false);
}

static void apply_rules(struct looking *looking, const struct policy_controller *controller)
{
    struct check *check = looking->check;
    const struct jv *given = looking->file->objects[looking->index].object;
    struct jv *object = schemas_default(check->schemas, given), *result = NULL;
    struct err err = {0};
    if (policy_call(check->policy, controller->module, "check", &object, 1, &result, &err) != 0)
        on_problem(looking, "", err.text);
    for (size_t i = 0; i < jv_size(result); i++) {
        const struct jv *problem = jv_at(result, i);
        const char *field = jv_path_str(problem, "field", NULL);
        const char *message = jv_path_str(problem, "message", NULL);
        const char *remedy = jv_path_str(problem, "remedy", NULL);
        char *text = mem_printf("%s%s%s", message != NULL ? message : "is wrong",
                                remedy != NULL ? "; " : "", remedy != NULL ? remedy : "");
        say(looking, field != NULL ? field : "", text, jv_bool_value(jv_get(problem, "advice")));
        free(text);
    }
    jv_unref(result);
    jv_unref(object);
}

static bool is_kind(const struct jv *object, const char *kind)
{
    const char *own = jv_str(jv_get(object, "kind"));
    return own != NULL && strcmp(own, kind) == 0;
}

static int need_policy(struct check *check, struct err *err)
{
    if (check->policy == NULL)
        check->policy =
            workbench_policy(check->bench, (const char *const *)check->policy_paths.items,
                             check->policy_paths.count, err);
    return check->policy != NULL ? 0 : -1;
}

/* A kind that nobody here judges passes by, but for a slip in the group of one that is judged. */
static void pass_by(struct looking *looking)
{
    const struct jv *object = looking->file->objects[looking->index].object;
    struct buf kinds;
    buf_init(&kinds, KINDS_BYTES_MAX);
    if (schemas_know_group(looking->check->schemas, object, &kinds)) {
        char *text = mem_printf("there is no %s of %s; use %s", jv_path_str(object, "kind", NULL),
                                jv_path_str(object, "apiVersion", NULL), buf_str(&kinds));
        on_problem(looking, "kind", text);
        free(text);
    } else {
        looking->check->passed_by++;
    }
    buf_deinit(&kinds);
}

static void look_at(struct looking *looking, bool *has_policies)
{
    struct check *check = looking->check;
    const struct jv *object = looking->file->objects[looking->index].object;
    const struct policy_controller *controller = workbench_controller(check->policy, object);
    struct err err = {0};
    size_t before = check->problems;
    if (is_kind(object, "ConfigMap") &&
        jv_path_str(object, "metadata", "labels", POLICIES_LABEL, NULL) != NULL) {
        *has_policies = true;
        return;
    }
    if (is_kind(object, "CustomResourceDefinition")) {
        check->objects++;
        if (schemas_add(check->schemas, object, &err) != 0)
            on_problem(looking, "", err.text);
        return;
    }
    bool known = schemas_check(check->schemas, object, on_problem, looking);
    bool ruled = controller != NULL && controller->has_check;
    if (ruled && check->problems == before)
        apply_rules(looking, controller);
    if (known || ruled)
        check->objects++;
    else
        pass_by(looking);
}

/* The ConfigMaps of one file, each file in them by itself, then all on top of what is underneath. */
static void check_configmaps(struct check *check, const char *path,
                             const struct object_files *files)
{
    struct err err = {0};
    size_t count = 0;
    bool compiles = true;
    check->origin = files;
    check->objects++;
    struct policy_set *set = bundle_open(&check->bench->env, &path, 1, &err);
    const struct policy_layer *layers = set != NULL ? policy_set_layers(set, &count) : NULL;
    for (size_t i = 0; i < count; i++) {
        if (layers[i].file_count > 0 &&
            strncmp(layers[i].files[0].source, CONFIGMAP, strlen(CONFIGMAP)) == 0)
            compiles = check_layer(check, &layers[i]) && compiles;
    }
    struct policy *policy =
        set != NULL && compiles ? policy_load(&check->bench->env, layers, count, &err) : NULL;
    if (policy == NULL && compiles)
        check_script_error(check, path, err.text);
    policy_unref(policy);
    policy_set_unref(set);
    check->origin = NULL;
}

bool check_configmap_place(const struct check *check, const char *source, int line,
                           const char **path, int *out)
{
    if (check->origin == NULL || strncmp(source, CONFIGMAP, strlen(CONFIGMAP)) != 0)
        return false;
    const char *key = strstr(source, " key ");
    const char *name = strchr(source, '/');
    if (key == NULL || name == NULL || name > key)
        return false;
    size_t name_len = (size_t)(key - name - 1);
    for (size_t i = 0; i < check->origin->count; i++) {
        const struct object_file *file = &check->origin->files[i];
        for (size_t k = 0; k < file->count; k++) {
            const struct jv *object = file->objects[k].object;
            const char *own = jv_path_str(object, "metadata", "name", NULL);
            int at = 0, column = 0;
            if (!is_kind(object, "ConfigMap") || strlen(own) != name_len ||
                strncmp(own, name + 1, name_len) != 0)
                continue;
            char *field = mem_printf("data.%s", key + strlen(" key "));
            object_file_where(file, k, field, &at, &column);
            free(field);
            *path = file->path;
            *out = at + line; /* the text of a block begins on the next line */
            return true;
        }
    }
    return false;
}

/* "path:3:1: text" of a file that cannot be read as objects. */
static void check_file_error(struct check *check, const char *path, const char *text)
{
    size_t len = strlen(path);
    int line = 0, column = 0, used = 0;
    if (strncmp(text, path, len) == 0 && text[len] == ':')
        text += len + 1;
    if (sscanf(text, "%d:%d: %n", &line, &column, &used) != 2 || used == 0) {
        line = column = used = 0; /* "YAML line 3 column 1: …" */
        sscanf(text, " %*s line %d column %d: %n", &line, &column, &used);
    }
    text += used;
    check_problem(check, path, line, column, text + (*text == ' '));
}

int check_objects(struct check *check, const char *path, struct err *err)
{
    struct object_files files;
    struct err failure = {0};
    bool has_policies = false;
    if (need_policy(check, err) != 0)
        return -1;
    if (object_files_read(&files, &path, 1, &failure) != 0) {
        if (failure.code == ERR_IO || failure.code == ERR_NOT_FOUND) {
            *err = failure;
            return -1;
        }
        check_file_error(check, path, failure.text);
        return 0;
    }
    for (size_t i = 0; i < files.count; i++) {
        struct looking looking = {check, &files.files[i], 0};
        for (; looking.index < files.files[i].count; looking.index++)
            look_at(&looking, &has_policies);
    }
    if (has_policies)
        check_configmaps(check, path, &files);
    object_files_deinit(&files);
    return 0;
}
