#include "trace.h"

#include "kube/watch.h"

#include <stdio.h>
#include <stdlib.h>

/* What the controllers of workloads, claims and owners write. */
static const struct kube_kind kinds[] = {
    {"", "v1", "Pod", "pods", "v1", true, true},
    {"", "v1", "PersistentVolumeClaim", "persistentvolumeclaims", "v1", true, true},
    {"", "v1", "PersistentVolume", "persistentvolumes", "v1", false, true},
    {"", "v1", "ConfigMap", "configmaps", "v1", true, false},
    {"apps", "v1", "StatefulSet", "statefulsets", "apps/v1", true, true},
    {"apps", "v1", "ControllerRevision", "controllerrevisions", "apps/v1", true, false},
    {"apps", "v1", "Deployment", "deployments", "apps/v1", true, true},
    {"apps", "v1", "ReplicaSet", "replicasets", "apps/v1", true, true},
};
enum { KINDS = sizeof(kinds) / sizeof(kinds[0]) };

struct trace {
    struct rest *rest;
    struct loop *loop;
    struct random_source *random;
    struct watch *watches[KINDS];
    FILE *file;
};

static void write_line(struct trace *trace, const char *name, const char *value, struct jv *object)
{
    struct jv *line = jv_object();
    jv_set_int(line, "at_ms", clock_mono_ms(loop_clock(trace->loop)));
    jv_set_str(line, name, value);
    if (object)
        jv_set(line, "object", jv_ref(object));
    char *text = jv_print_str(line, 0);
    fprintf(trace->file, "%s\n", text);
    free(text);
    jv_unref(line);
}

static void on_upsert(void *arg, struct jv *object)
{
    write_line(arg, "type", "SET", object);
}

static void on_delete(void *arg, struct jv *object)
{
    write_line(arg, "type", "GONE", object);
}

static void on_begin(void *arg)
{
    (void)arg;
}

static void on_revision(void *arg, const char *resource_version)
{
    (void)arg;
    (void)resource_version;
}

static void on_problem(void *arg, const struct err *err)
{
    if (err)
        write_line(arg, "problem", err->text, NULL);
}

struct trace *trace_new(struct rest *rest, struct loop *loop, struct random_source *random,
                        const char *path, struct err *err)
{
    FILE *file = fopen(path, "we");
    if (!file) {
        err_set(err, ERR_IO, "write `%s`: %m", path);
        return NULL;
    }
    struct trace *trace = mem_alloc(sizeof(*trace));
    *trace = (struct trace){.rest = rest, .loop = loop, .random = random, .file = file};
    return trace;
}

void trace_start(struct trace *trace, const char *namespace)
{
    struct watch_callbacks callbacks = {.on_begin = on_begin,
                                        .on_upsert = on_upsert,
                                        .on_delete = on_delete,
                                        .on_end = on_revision,
                                        .on_progress = on_revision,
                                        .on_problem = on_problem};
    for (size_t i = 0; i < KINDS; i++) {
        struct watch_options options = {.kind = &kinds[i],
                                        .namespace = kinds[i].namespaced ? namespace : NULL,
                                        .random = trace->random};
        trace->watches[i] = watch_start(trace->rest, &options, &callbacks, trace);
    }
}

void trace_mark(struct trace *trace, const char *text)
{
    write_line(trace, "mark", text, NULL);
}

void trace_free(struct trace *trace)
{
    if (!trace)
        return;
    for (size_t i = 0; i < KINDS; i++)
        if (trace->watches[i])
            watch_stop(trace->watches[i]);
    fclose(trace->file);
    free(trace);
}
