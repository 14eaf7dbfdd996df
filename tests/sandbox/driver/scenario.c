#include "scenario.h"

#include "script/task.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FILE_BYTES_MAX = 1 << 20, FILES_MAX = 128, HOUR_MS = 3600 * 1000 };

static int file_read(const char *path, struct buf *out, struct err *err)
{
    FILE *file = fopen(path, "re");
    if (!file) {
        return err_set(err, ERR_IO, "read `%s`: %m", path);
    }
    char piece[8192];
    size_t got;
    while ((got = fread(piece, 1, sizeof(piece), file)) > 0) {
        buf_add(out, piece, got);
    }
    fclose(file);
    return out->failed ? err_set(err, ERR_LIMIT, "`%s` is too large", path) : 0;
}

static int is_lua(const struct dirent *entry)
{
    const char *dot = strrchr(entry->d_name, '.');
    return dot && strcmp(dot, ".lua") == 0;
}

char **scenario_names(const char *folder, struct err *err)
{
    struct dirent **entries = NULL;
    int count = scandir(folder, &entries, is_lua, alphasort);
    if (count < 0) {
        err_set(err, ERR_IO, "read the folder `%s`: %m", folder);
        return NULL;
    }
    char **names = mem_alloc(((size_t)count + 1) * sizeof(char *));
    size_t used = 0;
    for (int i = 0; i < count; i++) {
        const char *file = entries[i]->d_name;
        char *name = mem_strn(file, strlen(file) - strlen(".lua"));
        if (strcmp(name, "world") == 0 || strcmp(name, "runner") == 0 ||
            strcmp(name, "former") == 0) {
            free(name);
        } else {
            names[used++] = name;
        }
        free(entries[i]);
    }
    free(entries);
    return names;
}

/* The layer: every file of the folder, the setting, and a bundle without controllers. */
struct layer {
    struct policy_file files[FILES_MAX];
    size_t count;
};

static void layer_add(struct layer *layer, const char *module, const char *source, char *text)
{
    if (layer->count < FILES_MAX) {
        layer->files[layer->count++] = (struct policy_file){.module = mem_str(module),
                                                            .source = mem_str(source),
                                                            .text = text,
                                                            .len = strlen(text)};
    }
}

static void layer_deinit(struct layer *layer)
{
    for (size_t i = 0; i < layer->count; i++) {
        free((char *)layer->files[i].module);
        free((char *)layer->files[i].source);
        free((char *)layer->files[i].text);
    }
}

/* "rollout" of "tests/bench/rollout.lua", or the name itself; yours. */
static char *module_of(const char *name)
{
    const char *slash = strrchr(name, '/');
    const char *base = slash ? slash + 1 : name, *dot = strrchr(base, '.');
    return mem_strn(base, dot ? (size_t)(dot - base) : strlen(base));
}

static int file_add(struct layer *layer, const char *module, const char *path, struct err *err)
{
    struct buf text;
    buf_init(&text, FILE_BYTES_MAX);
    int result = file_read(path, &text, err);
    layer_add(layer, module, path, mem_str(buf_str(&text)));
    buf_deinit(&text);
    return result;
}

/* The module `overlay`: where the policy belongs, and its text. */
static int overlay_add(struct layer *layer, const char *path, struct err *err)
{
    static const char head[] = "-- module: ";
    struct buf text;
    buf_init(&text, FILE_BYTES_MAX);
    int result = path ? file_read(path, &text, err) : 0;
    const char *module = buf_str(&text);
    if (result == 0 && path && strncmp(module, head, strlen(head)) != 0) {
        result = err_set(err, ERR_INVALID, "`%s` does not begin with `%s`", path, head);
    } else if (result == 0 && path) {
        module += strlen(head);
        layer_add(layer, "overlay", path,
                  mem_printf("return { module = '%.*s', text = [====[\n%s]====] }\n",
                             (int)strcspn(module, "\n"), module, buf_str(&text)));
    } else if (result == 0) {
        layer_add(layer, "overlay", "none", mem_str("return {}\n"));
    }
    buf_deinit(&text);
    return result;
}

static int layer_fill(struct layer *layer, const struct setting *setting, const char *name,
                      struct err *err)
{
    struct buf example;
    buf_init(&example, FILE_BYTES_MAX);
    if (file_read(setting->example, &example, err) < 0) {
        buf_deinit(&example);
        return -1;
    }
    char *module = module_of(name), *dashed = mem_str(module);
    for (char *c = dashed; *c; c++) {
        *c = *c == '_' ? '-' : *c;
    }
    layer_add(
        layer, "setting", "setting",
        mem_printf("return { mode = '%s', namespace = 's-%s', scenario = '%s', patience = %d, "
                   "settles = %s, policy_namespace = '%s', example = [====[\n%s]====] }\n",
                   setting->mode, dashed, module, setting->patience,
                   setting->settles ? "true" : "false", setting->policy_namespace,
                   buf_str(&example)));
    int own = strchr(name, '/') ? file_add(layer, module, name, err) : 0;
    free(module);
    free(dashed);
    buf_deinit(&example);
    if (own < 0 || overlay_add(layer, setting->overlay, err) < 0) {
        return -1;
    }
    layer_add(layer, "bundle", "bundle", mem_str("return { api = 1, controllers = {} }\n"));
    struct dirent **entries = NULL;
    int count = scandir(setting->folder, &entries, is_lua, alphasort);
    int result = 0;
    for (int i = 0; i < count; i++) {
        char *path = mem_printf("%s/%s", setting->folder, entries[i]->d_name);
        char *each = module_of(path);
        result = result == 0 ? file_add(layer, each, path, err) : result;
        free(each);
        free(path);
        free(entries[i]);
    }
    free(entries);
    return result;
}

struct outcome {
    bool done;
    int result;
    struct err *err;
};

static void on_outcome(void *arg, const struct task_result *result)
{
    struct outcome *outcome = arg;
    outcome->done = true;
    outcome->result = result->outcome == TASK_DONE ? 0 : -1;
    if (outcome->result < 0) {
        err_set(outcome->err, result->err.code ? result->err.code : ERR_SCRIPT, "%s%s%s",
                result->err.text, result->trace && *result->trace ? "\n" : "",
                result->trace ? result->trace : "");
    }
}

static bool is_done(void *arg)
{
    return ((const struct outcome *)arg)->done;
}

int scenario_run(const struct policy_env *env, const struct setting *setting, const char *name,
                 struct effects *effects, char **title, struct err *err)
{
    struct layer layer = {.count = 0};
    if (layer_fill(&layer, setting, name, err) < 0) {
        layer_deinit(&layer);
        return -1;
    }
    struct policy_layer layers[] = {{"scenario", layer.files, layer.count}};
    struct policy *policy = policy_load(env, layers, 1, err);
    layer_deinit(&layer);
    if (!policy) {
        return -1;
    }
    struct jv *text = NULL;
    int result = policy_call(policy, "runner", "title", NULL, 0, &text, err);
    if (result == 0) {
        *title = mem_str(jv_str(text) ? jv_str(text) : name);
        struct outcome outcome = {.err = err};
        struct task *task =
            task_start_function(policy, "runner", "run", effects, env->log, on_outcome, &outcome);
        int hours = strcmp(setting->mode, "virtual") == 0 ? 4 : 1;
        if (!loop_run_until(env->loop, is_done, &outcome, hours * (int64_t)HOUR_MS)) {
            task_cancel(task);
            outcome.result = err_set(err, ERR_TIMEOUT, "the scenario did not end in %d h", hours);
        }
        result = outcome.result;
    }
    jv_unref(text);
    policy_unref(policy);
    return result;
}
