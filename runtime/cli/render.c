/* nemeton render: the objects that policies make of an object. */
#include "cli/command.h"
#include "cli/files.h"
#include "cli/schemas.h"
#include "cli/workbench.h"

#include <stdlib.h>
#include <string.h>

enum { OUTPUT_BYTES_MAX = 256 << 20 };

struct render {
    struct cli *cli;
    struct policy *policy;
    struct schemas *schemas;
    const char *namespace;
    struct jv *given;   /* all objects of the files */
    struct jv *objects; /* all that was rendered */
    size_t problems, rendered;
    const struct object_file *file; /* the one looked at */
    size_t index;
};

static void complain(void *arg, const char *field, const char *message)
{
    struct render *render = arg;
    int line, column;
    object_file_where(render->file, render->index, field, &line, &column);
    fprintf(render->cli->err, "%s:%d:%d: %s%s%s\n", render->file->path, line, column, field,
            field[0] != '\0' ? ": " : "", message);
    render->problems++;
}

/* The object may not be on any server, and then it has no uid: an owner without one is refused. */
static struct jv *without_unknown_owner(const struct jv *object)
{
    struct jv *copy = jv_dup(object), *metadata = jv_get(copy, "metadata");
    struct jv *owners = jv_get(metadata, "ownerReferences");
    for (size_t i = jv_size(owners); i-- > 0;) {
        if (jv_path_str(jv_at(owners, i), "uid", NULL) == NULL)
            jv_remove_at(owners, i);
    }
    if (owners != NULL && jv_size(owners) == 0)
        jv_remove(metadata, "ownerReferences");
    return copy;
}

static void render_object(struct render *render, const struct policy_controller *controller)
{
    const struct jv *given = render->file->objects[render->index].object;
    size_t before = render->problems;
    schemas_check(render->schemas, given, complain, render);
    if (render->problems > before)
        return;
    struct err err = {0};
    struct jv *object = schemas_default(render->schemas, given), *result = NULL;
    struct jv *metadata = jv_ensure(object, "metadata", NULL);
    if (jv_get(metadata, "namespace") == NULL)
        jv_set_str(metadata, "namespace", render->namespace);
    struct jv *arguments[] = {object, render->given};
    if (policy_call(render->policy, controller->module, "render", arguments, 2, &result, &err) != 0)
        complain(render, "", err.text);
    else if (!jv_is_array(result))
        complain(render, "", "render did not return a list of objects");
    for (size_t i = 0; jv_is_array(result) && i < jv_size(result); i++)
        jv_append(render->objects, without_unknown_owner(jv_at(result, i)));
    jv_unref(result);
    jv_unref(object);
    render->rendered++;
}

static void render_file(struct render *render, const struct object_file *file)
{
    render->file = file;
    for (render->index = 0; render->index < file->count; render->index++) {
        const struct jv *object = file->objects[render->index].object;
        const struct policy_controller *controller = workbench_controller(render->policy, object);
        if (controller != NULL && controller->has_render) {
            render_object(render, controller);
            continue;
        }
        struct buf name;
        buf_init(&name, 1024);
        object_name(object, &name);
        fprintf(render->cli->err, "%s: %s is only read: no policy renders objects of its kind\n",
                file->path, buf_str(&name));
        buf_deinit(&name);
    }
}

static void print(struct render *render, const char *format)
{
    struct buf out;
    buf_init(&out, OUTPUT_BYTES_MAX);
    if (strcmp(format, "json") == 0) {
        struct jv *list = jv_object();
        jv_set_str(list, "apiVersion", "v1");
        jv_set_str(list, "kind", "List");
        jv_set(list, "items", jv_ref(render->objects));
        jv_print(list, JV_PRINT_PRETTY, &out);
        buf_add_char(&out, '\n');
        jv_unref(list);
    }
    for (size_t i = 0; strcmp(format, "yaml") == 0 && i < jv_size(render->objects); i++) {
        buf_add_str(&out, i > 0 ? "---\n" : "");
        yaml_print(jv_at(render->objects, i), 0, &out);
    }
    if (out.failed)
        fprintf(render->cli->err, "nemeton: the objects are larger than %d bytes\n",
                OUTPUT_BYTES_MAX);
    else
        fwrite(out.data, 1, out.len, render->cli->out);
    render->problems += out.failed;
    buf_deinit(&out);
}

static int render_all(struct cli *cli, const struct arguments *arguments,
                      const struct option_list *policies, const char *namespace, const char *format)
{
    struct render render = {
        .cli = cli, .namespace = namespace, .given = jv_array(), .objects = jv_array()};
    struct workbench bench = {0};
    struct object_files files = {0};
    struct err err = {0};
    int failed = workbench_init(&bench, &err);
    if (failed == 0)
        failed = object_files_read(&files, arguments->items, arguments->count, &err);
    if (failed == 0) {
        render.policy =
            workbench_policy(&bench, (const char *const *)policies->items, policies->count, &err);
        render.schemas = render.policy != NULL ? schemas_new(&err) : NULL;
        failed = render.schemas != NULL ? 0 : -1;
    }
    for (size_t i = 0; failed == 0 && i < files.count; i++)
        for (size_t k = 0; k < files.files[i].count; k++)
            jv_append(render.given, jv_ref(files.files[i].objects[k].object));
    for (size_t i = 0; failed == 0 && i < files.count; i++)
        render_file(&render, &files.files[i]);
    if (failed == 0 && render.rendered == 0 && render.problems == 0)
        failed = err_set(&err, ERR_INVALID, "there is nothing to render");
    int code = failed != 0 ? command_fail(cli, &err) : EXIT_DONE;
    if (failed == 0 && render.problems == 0)
        print(&render, format);
    if (render.problems > 0)
        code = EXIT_FAILED;
    schemas_free(render.schemas);
    policy_unref(render.policy);
    object_files_deinit(&files);
    workbench_deinit(&bench);
    jv_unref(render.given);
    jv_unref(render.objects);
    return code;
}

static int run(struct cli *cli, int argc, char *const *argv)
{
    struct option_list policies = {0};
    const char *namespace = "default", *format = "yaml";
    const struct option options[] = {
        OPTION_OUTPUT(&format, "yaml|json"),
        {.name = "namespace",
         .letter = 'n',
         .kind = OPTION_STRING,
         .value_name = "NAME",
         .help = "of objects that name none (default `default`)",
         .value = &namespace},
        OPTION_POLICIES(&policies),
    };
    struct arguments arguments;
    int code = command_begin(cli, &command_render, options, sizeof(options) / sizeof(options[0]),
                             argc, argv, 1, OPTION_ARGUMENTS_MAX, &arguments);
    if (code == COMMAND_GOES_ON)
        code = render_all(cli, &arguments, &policies, namespace, format);
    option_list_deinit(&policies);
    return code;
}

const struct command command_render = {
    .name = "render",
    .arguments = "FILE…",
    .summary = "the objects that the policies make of the objects in a file",
    .about =
        "Prints, as YAML, every object that the operator would create for the custom objects in "
        "the files, as for a new cluster. Nothing is contacted: what is read from other objects "
        "(ConfigMaps of extraCommonConfig) has to be in the files, too. FILE may be a directory, "
        "or - for "
        "the standard input.",
    .examples = "  nemeton render deploy/examples/tiny-cluster.yaml\n"
                "  nemeton render my-cluster.yaml --policies overlay.yaml | kubectl diff -f -",
    .run = run,
};
