/* The load client of tests/bench/run: one measurement a call, figures on stdout. */
#include "bench.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char usage[] =
    "usage: bench_client COMMAND --kubeconfig FILE [--namespace NAME] [OPTION VALUE]...\n"
    "\n"
    "  create     --file CR --from A --to B --objects N: clusters, until N objects of each are "
    "there\n"
    "  yardstick  --file OBJECTS --from A --to B: the same objects, 64 requests in flight\n"
    "  settle     --from A --to B: until they are Ready\n"
    "  edit       --from A --to B --samples N: from a changed CR to the changed template\n"
    "  drift      --how delete|edit, the rest as edit: from the damage to its repair\n"
    "  lose       --from A --to B: deletes one Service of each cluster\n"
    "  whole      --objects N: until N objects of each cluster are there\n"
    "  policy     --namespace NAME --samples N: from an edited policy to its being in force\n"
    "  clear      --how clusters|objects: all in the namespace\n"
    "  events     how many events tell of clusters\n"
    "  start      --url URL: until it answers 200\n"
    "  render     --file CR --how OVERLAY --samples N: CPU of the policies for one rendering; asks "
    "no server\n"
    "\n"
    "Also --gap-ms N (between samples) and --timeout-s N.\n";

static const struct {
    const char *name;
    int (*run)(struct bench *bench, const struct options *options, struct err *err);
} commands[] = {
    {"create", load_create}, {"yardstick", load_yardstick}, {"settle", load_settle},
    {"edit", latency_edit},  {"drift", latency_drift},      {"lose", load_lose},
    {"whole", load_whole},   {"policy", latency_policy},    {"clear", load_clear},
    {"events", load_events}, {"start", latency_start},      {"render", render_large},
};

static int options_read(struct options *out, int argc, char **argv)
{
    for (int i = 2; i + 1 < argc; i += 2) {
        const char *name = argv[i], *value = argv[i + 1];
        const struct {
            const char *name;
            const char **text;
            int64_t *number;
        } known[] = {
            {"--kubeconfig", &out->kubeconfig, NULL},
            {"--namespace", &out->namespace, NULL},
            {"--file", &out->file, NULL},
            {"--how", &out->how, NULL},
            {"--url", &out->url, NULL},
            {"--from", NULL, &out->from},
            {"--to", NULL, &out->to},
            {"--objects", NULL, &out->objects},
            {"--samples", NULL, &out->samples},
            {"--gap-ms", NULL, &out->gap_ms},
            {"--timeout-s", NULL, &out->timeout_s},
        };
        size_t n = 0, count = sizeof(known) / sizeof(known[0]);
        while (n < count && strcmp(known[n].name, name) != 0) {
            n++;
        }
        if (n == count) {
            return -1;
        }
        if (known[n].text) {
            *known[n].text = value;
        } else {
            *known[n].number = strtoll(value, NULL, 10);
        }
    }
    bool is_sane = out->from >= 1 && out->to >= out->from && out->to <= BENCH_NAMES_MAX &&
                   out->samples >= 1 && out->samples <= BENCH_NAMES_MAX && out->timeout_s >= 1;
    return argc % 2 == 0 && is_sane ? 0 : -1;
}

int main(int argc, char **argv)
{
    struct options options = {.namespace = "bench",
                              .file = "tests/bench/cluster.yaml",
                              .how = "",
                              .from = 1,
                              .to = 1,
                              .objects = 13,
                              .samples = 20,
                              .gap_ms = 200,
                              .timeout_s = 300};
    size_t n = 0, count = sizeof(commands) / sizeof(commands[0]);
    while (argc > 1 && n < count && strcmp(commands[n].name, argv[1]) != 0) {
        n++;
    }
    if (argc < 2 || n == count || options_read(&options, argc, argv) < 0 ||
        (!options.kubeconfig && !options.url && commands[n].run != render_large)) {
        fputs(usage, stderr);
        return 2;
    }
    struct err err = {0};
    struct bench bench;
    int failed = bench_open(&bench, options.kubeconfig, &err);
    if (!failed) {
        failed = commands[n].run(&bench, &options, &err);
    }
    bench_close(&bench);
    if (failed) {
        fprintf(stderr, "bench: %s: %s\n", argv[1], err.text);
        return 1;
    }
    return 0;
}
