/* Policies: every file by itself, then all of them together. */
#include "cli/check.h"

#include "cli/bundle.h"

#include <stdlib.h>
#include <string.h>

struct names {
    struct check *check;
    const struct policy_file *file;
};

/* Where the name stands in its line; 0 when it is not found there. */
static int find_column(const struct policy_file *file, int line, const char *name)
{
    const char *at = file->text;
    size_t len = strlen(name);
    for (int i = 1; i < line && at != NULL; i++) {
        at = strchr(at, '\n');
        at = at != NULL ? at + 1 : NULL;
    }
    if (at == NULL)
        return 0;
    const char *begin = at, *end = at + strcspn(at, "\n");
    for (at = strstr(at, name); at != NULL && at + len <= end; at = strstr(at + 1, name)) {
        char before = at > begin ? at[-1] : ' ', after = at[len];
        bool word = before == '_' || before == '.' || before == ':' || after == '_';
        word = word || (before >= '0' && before <= '9') || (after >= '0' && after <= '9');
        word = word || (before >= 'A' && before <= 'Z') || (after >= 'A' && after <= 'Z');
        word = word || (before >= 'a' && before <= 'z') || (after >= 'a' && after <= 'z');
        if (!word)
            return (int)(at - begin) + 1;
    }
    return 0;
}

static void on_name(void *arg, int line, const char *name, bool is_set)
{
    struct names *names = arg;
    char *message = is_set ? mem_printf("sets the global '%s': globals are frozen, declare `local "
                                        "%s`",
                                        name, name)
                           : mem_printf("unknown global '%s'", name);
    check_problem(names->check, names->file->source, line, find_column(names->file, line, name),
                  message);
    free(message);
}

bool check_layer(struct check *check, const struct policy_layer *layer)
{
    bool compiles = true;
    for (size_t i = 0; i < layer->file_count; i++) {
        const struct policy_file *file = &layer->files[i];
        bool seen = false; /* x.init is there as x, too */
        for (size_t k = 0; k < i && !seen; k++)
            seen = strcmp(layer->files[k].source, file->source) == 0;
        if (seen)
            continue;
        struct names names = {check, file};
        struct err err = {0};
        check->files++;
        if (lint_file(check->lint, file, on_name, &names, &err) != 0) {
            check_script_error(check, file->source, err.text);
            compiles = false;
        }
    }
    return compiles;
}

/* Takes the set over; its layers from `from` on are looked at one by one. */
static void check_set(struct check *check, const char *path, struct policy_set *take, size_t from,
                      const struct err *err)
{
    if (take == NULL) {
        check_script_error(check, path, err->text);
        return;
    }
    size_t count = 0;
    const struct policy_layer *layers = policy_set_layers(take, &count);
    bool compiles = true; /* else loading would say the same again */
    for (size_t i = from; i < count; i++)
        compiles = check_layer(check, &layers[i]) && compiles;
    struct err failure = {0};
    struct policy *policy =
        compiles ? policy_load(&check->bench->env, layers, count, &failure) : NULL;
    if (compiles && policy == NULL)
        check_script_error(check, path, failure.text);
    policy_unref(policy);
    policy_set_unref(take);
}

void check_bundle(struct check *check, const char *dir)
{
    struct err err = {0};
    char *world = mem_printf("%s/sandbox", dir);
    if (bundle_is_here(dir)) {
        bool overlay = bundle_is_overlay(&check->bench->env, dir);
        check_set(check, dir, bundle_open(&check->bench->env, &dir, 1, &err), overlay ? 1 : 0,
                  &err);
    }
    if (bundle_is_here(world))
        check_set(check, world, bundle_world_of_dir(dir, &err), 0, &err);
    free(world);
}

void check_script(struct check *check, const char *path)
{
    struct buf text;
    struct err err = {0};
    buf_init(&text, POLICY_BYTES_MAX);
    if (file_read(path, &text, &err) != 0) {
        check_problem(check, path, 0, 0, err.text);
    } else {
        struct policy_file file = {path, path, buf_str(&text), text.len};
        struct policy_layer layer = {path, &file, 1};
        check_layer(check, &layer);
    }
    buf_deinit(&text);
}
