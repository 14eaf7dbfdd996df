/* nemeton check: policies and objects, before anybody loads them. */
#include "cli/check.h"

#include "cli/bundle.h"
#include "cli/visible.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

static void say(struct check *check, const char *file, int line, int column, const char *message,
                bool advice)
{
    if (check->found != NULL) {
        struct jv *one = jv_object();
        jv_set_str(one, "file", file);
        if (line > 0)
            jv_set_int(one, "line", line);
        if (column > 0)
            jv_set_int(one, "column", column);
        jv_set_str(one, "message", message);
        if (advice)
            jv_set(one, "advice", jv_bool(true));
        jv_append(check->found, one);
        return;
    }
    visible_print(check->cli->out, file);
    if (line > 0)
        fprintf(check->cli->out, ":%d", line);
    if (column > 0)
        fprintf(check->cli->out, ":%d", column);
    fputs(advice ? ": advice: " : ": ", check->cli->out);
    visible_print(check->cli->out, message);
    fputc('\n', check->cli->out);
}

void check_problem(struct check *check, const char *file, int line, int column, const char *message)
{
    char *place = mem_printf("%s:%d", file, line);
    map_put(check->places, place, check);
    free(place);
    check->problems++;
    if (check_configmap_place(check, file, line, &file, &line))
        column = 0;
    say(check, file, line, column, message, false);
}

void check_advice(struct check *check, const char *file, int line, int column, const char *message)
{
    check->advices++;
    say(check, file, line, column, message, true);
}

void check_script_error(struct check *check, const char *file, const char *text)
{
    /* The place where it was raised comes first; the file may be another one than that asked for. */
    const char *end = strstr(text, ".lua:");
    const char *from = text;
    for (const char *at = text; end != NULL && at < end; at++) {
        if (at[0] == ':' && at[1] == ' ')
            from = at + 2;
    }
    char *rest = NULL;
    long line = end != NULL ? strtol(end + 5, &rest, 10) : 0;
    if (line <= 0 || *rest != ':' || from != text) {
        check_problem(check, file, 0, 0, text);
        return;
    }
    char *path = mem_strn(from, (size_t)(end + 4 - from));
    char *place = mem_printf("%s:%ld", path, line);
    if (map_get(check->places, place) == NULL)
        check_problem(check, path, (int)line, 0, rest + 1 + (rest[1] == ' '));
    free(place);
    free(path);
}

static int check_path(struct check *check, const char *path, int depth, struct err *err);

static int is_visible(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

static int check_entry(struct check *check, const char *path, int depth, struct err *err)
{
    bool objects = file_has_ending(path, ".yaml") || file_has_ending(path, ".yml") ||
                   file_has_ending(path, ".json");
    if (file_is_dir(path) || objects || file_has_ending(path, ".lua"))
        return check_path(check, path, depth, err);
    return 0;
}

static int check_dir(struct check *check, const char *dir, int depth, struct err *err)
{
    struct dirent **entries = NULL;
    if (depth > FILE_DEPTH_MAX)
        return err_set(err, ERR_LIMIT, "`%s` is nested too deeply", dir);
    bool pass = false;
    int failed = dir_pass_chart(dir, depth == 0, &pass, err);
    if (failed != 0 || pass)
        return failed;
    int count = scandir(dir, &entries, is_visible, alphasort);
    if (count < 0)
        return err_errno(err, errno, "cannot read the directory `%s`", dir);
    for (int i = 0; i < count; i++) {
        char *path = mem_printf("%s/%s", dir, entries[i]->d_name);
        if (failed == 0)
            failed = check_entry(check, path, depth + 1, err);
        free(path);
        free(entries[i]);
    }
    free(entries);
    return failed;
}

static int check_path(struct check *check, const char *path, int depth, struct err *err)
{
    if (file_is_dir(path)) {
        char *world = mem_printf("%s/sandbox", path);
        bool bundle = bundle_is_here(path) || bundle_is_here(world);
        free(world);
        if (!bundle)
            return check_dir(check, path, depth, err);
        check_bundle(check, path);
        return 0;
    }
    if (file_has_ending(path, ".lua")) {
        check_script(check, path);
        return 0;
    }
    return check_objects(check, path, err);
}

static void say_result(struct check *check)
{
    FILE *out = check->cli->out;
    if (check->found != NULL) {
        char *text = jv_print_str(check->found, JV_PRINT_PRETTY);
        fprintf(out, "%s\n", text);
        free(text);
        return;
    }
    fprintf(out, "%zu policy file%s and %zu object%s checked, ", check->files,
            check->files == 1 ? "" : "s", check->objects, check->objects == 1 ? "" : "s");
    if (check->passed_by > 0)
        fprintf(out, "%zu of other kinds passed by, ", check->passed_by);
    fprintf(out, "%zu problem%s", check->problems, check->problems == 1 ? "" : "s");
    if (check->advices > 0)
        fprintf(out, ", %zu thing%s advised", check->advices, check->advices == 1 ? "" : "s");
    fputc('\n', out);
}

static void close_all(struct check *check)
{
    schemas_free(check->schemas);
    lint_free(check->lint);
    policy_unref(check->policy);
    jv_unref(check->found);
    map_free(check->places);
    workbench_deinit(check->bench);
    option_list_deinit(&check->policy_paths);
}

static int run(struct cli *cli, int argc, char *const *argv)
{
    struct workbench bench = {0};
    struct check check = {.cli = cli, .bench = &bench};
    const char *format = "text";
    const struct option options[] = {OPTION_POLICIES(&check.policy_paths),
                                     OPTION_OUTPUT(&format, "text|json")};
    struct arguments arguments;
    struct err err = {0};
    int code = command_begin(cli, &command_check, options, 2, argc, argv, 1, OPTION_ARGUMENTS_MAX,
                             &arguments);
    if (code != COMMAND_GOES_ON) {
        option_list_deinit(&check.policy_paths);
        return code;
    }
    check.found = strcmp(format, "json") == 0 ? jv_array() : NULL;
    check.places = map_new(0, NULL);
    int failed = workbench_init(&bench, &err);
    if (failed == 0) {
        check.lint = lint_new(&bench.env, &err);
        check.schemas = check.lint != NULL ? schemas_new(&err) : NULL;
        failed = check.schemas != NULL ? 0 : -1;
    }
    for (size_t i = 0; failed == 0 && i < arguments.count; i++)
        failed = check_path(&check, arguments.items[i], 0, &err);
    if (failed == 0 && check.files + check.objects + check.passed_by + check.problems == 0)
        failed = err_set(&err, ERR_NOT_FOUND, "there is nothing to check");
    if (failed == 0)
        say_result(&check);
    code = failed != 0 ? command_fail(cli, &err) : check.problems > 0 ? EXIT_FAILED : EXIT_DONE;
    close_all(&check);
    return code;
}

const struct command command_check = {
    .name = "check",
    .arguments = "PATH…",
    .summary = "policies and objects in files, before anybody loads them",
    .about = "Says with file, line and column what is wrong. What PATH holds decides: a directory "
             "with a "
             "bundle.lua is loaded as policies (syntax, the contract, the rules of the sandbox, "
             "names that "
             "nobody defines); one that names no controllers is taken as an overlay. YAML is held "
             "against "
             "the CRD's schema and the policies' own rules; policy ConfigMaps in it are loaded.",
    .examples = "  nemeton check policies/\n"
                "  nemeton check deploy/examples/\n"
                "  nemeton check my-cluster.yaml --policies overlay.yaml",
    .run = run,
};
