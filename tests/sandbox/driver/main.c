/* scenario: runs the scenarios of tests/sandbox/scenarios on a stage and counts them. */
#include "scenario.h"
#include "stage.h"
#include "trace.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char usage[] =
    "usage: scenario --mode virtual|http|cluster [--seed N] [--faults] [--stale]\n"
    "                [--kubeconfig FILE] [--operator-kubeconfig FILE] [--nemeton FILE]\n"
    "                [--logs DIR] [--verbose] [--crash-every N | --crash-at N]\n"
    "                [--overlay FILE]\n"
    "                [--folder DIR] [--trace FILE] [NAME...]\n"
    "       scenario --list\n"
    "\n"
    "Run from the top of the source tree. Without names: all of the folder "
    "(tests/sandbox/scenarios). A name "
    "with a\n"
    "slash is a file.\n"
    "--faults (virtual): a bad network and a grumpy server. --stale (virtual): what the operator "
    "watches\n"
    "  reaches it up to a minute late, while it reads and writes as ever\n"
    "--crash-every N (virtual): the operator dies at every Nth of its writes, each in a run of its "
    "own,\n"
    "  before it is seen and after its answer is lost; --crash-at N: at that one, with --verbose "
    "told alone\n";

struct arguments {
    struct stage_options stage;
    struct crash_options crash;
    const char *overlay, *folder, *trace;
    bool verbose, list;
    char **names;
    int name_count;
};

static int arguments_parse(struct arguments *out, int argc, char **argv)
{
    int i = 1;
    out->stage.seed = 1;
    out->folder = "tests/sandbox/scenarios";
    for (; i < argc && strncmp(argv[i], "--", 2) == 0; i++) {
        const char *value = i + 1 < argc ? argv[i + 1] : NULL;
        if (strcmp(argv[i], "--faults") == 0) {
            out->stage.faults = true;
            continue;
        }
        if (strcmp(argv[i], "--stale") == 0) {
            out->stage.stale = true;
            continue;
        }
        if (strcmp(argv[i], "--verbose") == 0) {
            out->verbose = true;
            continue;
        }
        if (strcmp(argv[i], "--list") == 0) {
            out->list = true;
            continue;
        }
        if (!value) {
            return -1;
        }
        if (strcmp(argv[i], "--mode") == 0) {
            out->stage.mode = value;
        } else if (strcmp(argv[i], "--seed") == 0) {
            out->stage.seed = strtoull(value, NULL, 10);
        } else if (strcmp(argv[i], "--overlay") == 0) {
            out->overlay = value;
        } else if (strcmp(argv[i], "--folder") == 0) {
            out->folder = value;
        } else if (strcmp(argv[i], "--trace") == 0) {
            out->trace = value;
        } else if (strcmp(argv[i], "--crash-every") == 0) {
            out->crash.every = strtoull(value, NULL, 10);
        } else if (strcmp(argv[i], "--crash-at") == 0) {
            out->crash.at = strtoull(value, NULL, 10);
        } else if (strcmp(argv[i], "--kubeconfig") == 0) {
            out->stage.kubeconfig = value;
        } else if (strcmp(argv[i], "--operator-kubeconfig") == 0) {
            out->stage.operator_kubeconfig = value;
        } else if (strcmp(argv[i], "--nemeton") == 0) {
            out->stage.nemeton = value;
        } else if (strcmp(argv[i], "--logs") == 0) {
            out->stage.folder = value;
        } else {
            return -1;
        }
        i++;
    }
    bool crashes = out->crash.every || out->crash.at;
    if (out->crash.every) {
        out->crash.offset = (out->crash.every / 2 + out->stage.seed) % out->crash.every;
    }
    out->crash.quiet_parent = out->verbose && out->crash.at;
    if (crashes && out->stage.mode && strcmp(out->stage.mode, "virtual") != 0) {
        return -1;
    }
    out->names = argv + i;
    out->name_count = argc - i;
    return out->stage.mode || out->list ? 0 : -1;
}

/* Test data of the source tree, by their path. */
static int file_answer(const char *path, struct buf *out)
{
    FILE *file = strstr(path, "..") ? NULL : fopen(path, "re");
    if (!file) {
        buf_printf(out, "no such file: %s", path);
        return 404;
    }
    char piece[8192];
    size_t got;
    while ((got = fread(piece, 1, sizeof(piece), file)) > 0) {
        buf_add(out, piece, got);
    }
    fclose(file);
    return out->failed ? 500 : 200;
}

static int counts_answer(const struct stage *stage, struct buf *out)
{
    const struct stage_counts *counts = &stage->counts;
    buf_printf(out,
               "{\"api\":%llu,\"leases\":%llu,\"events\":%llu,\"druid\":%llu,\"druid_rounds\":%llu,"
               "\"ready\":%lld,\"away_ms\":%lld,\"away\":%s}",
               (unsigned long long)counts->api, (unsigned long long)counts->leases,
               (unsigned long long)counts->events, (unsigned long long)counts->druid,
               (unsigned long long)counts->druid_rounds, (long long)stage->outage.ready,
               (long long)stage->outage.away_ms, stage->outage.since_ms > 0 ? "true" : "false");
    return 200;
}

struct world_doors {
    struct stage *stage;
    struct trace *trace; /* NULL: nobody asked for one */
};

static int on_world(void *arg, const char *path, struct buf *out)
{
    const struct world_doors *doors = arg;
    struct stage *stage = doors->stage;
    const char *prefix = "/operator/", *files = "/file/", *say = "/say/";
    const char *trace = "/trace/", *mark = "/mark/";
    struct err err = {0};
    if (strcmp(path, "/counts") == 0) {
        return counts_answer(stage, out);
    }
    if (strcmp(path, "/revision") == 0 && stage->revision != NULL) {
        buf_printf(out, "%llu", (unsigned long long)stage->revision(stage));
        return 200;
    }
    if (strncmp(path, say, strlen(say)) == 0) {
        printf("%s\n", path + strlen(say));
        return 200;
    }
    if (doors->trace && strncmp(path, trace, strlen(trace)) == 0) {
        trace_start(doors->trace, path + strlen(trace));
        return 200;
    }
    if (doors->trace && strncmp(path, mark, strlen(mark)) == 0) {
        trace_mark(doors->trace, path + strlen(mark));
        return 200;
    }
    if (strncmp(path, files, strlen(files)) == 0) {
        return file_answer(path + strlen(files), out);
    }
    if (strncmp(path, prefix, strlen(prefix)) != 0) {
        buf_printf(out, "no such thing in this world: %s", path);
        return 404;
    }
    if (stage->command(stage, path + strlen(prefix), &err) < 0) {
        buf_add_str(out, err.text);
        return 500;
    }
    return 200;
}

static int64_t stage_wall(void *arg)
{
    return clock_wall_ns(arg);
}

/* What broke an invariant has often broken the scenario, too: then both are told. */
static int judge(struct stage *stage, int result, struct err *err)
{
    struct err broken = {0};
    if (!stage->verdict || stage->verdict(stage, &broken) == 0) {
        return result;
    }
    if (result < 0 && !strstr(err->text, broken.text)) {
        struct err both = *err;
        return err_set(err, both.code, "%s\n       %s", broken.text, both.text);
    }
    return result < 0 ? result : err_set(err, broken.code, "%s", broken.text);
}

/* Plays a scenario to its end on a stage of its own. title and end_state: yours. */
static int play(const struct arguments *arguments, struct crash *crash, const char *name,
                char **title, char **end_state, struct err *err)
{
    struct stage_options options = arguments->stage;
    struct clock *clock = clock_real_new();
    struct log_options log_options = {.level = arguments->verbose ? LOG_DEBUG : LOG_ERROR,
                                      .format = LOG_TEXT,
                                      .fd = STDERR_FILENO,
                                      .wall_ns = stage_wall,
                                      .wall_arg = clock};
    struct log *log = log_new(&log_options);
    options.log = arguments->verbose ? log : NULL;
    options.crash = crash;
    int result = -1;
    struct stage *stage = strcmp(options.mode, "virtual") == 0 ? stage_virtual_new(&options, err)
                                                               : stage_process_new(&options, err);
    if (stage) {
        struct rest_options rest_options = {
            .log = options.log, .random = stage->random, .user_agent = "scenario"};
        struct rest *rest = rest_new(stage->loop, stage->transport, stage->config, &rest_options);
        struct discovery *discovery = discovery_new(rest);
        struct world_doors doors = {.stage = stage};
        if (arguments->trace) {
            doors.trace = trace_new(rest, stage->loop, stage->random, arguments->trace, err);
        }
        struct admin *admin = admin_new(rest, discovery, stage->transport, on_world, &doors);
        struct policy_env env = {.loop = stage->loop,
                                 .random = stage->random,
                                 .log = log,
                                 .limits = {.memory_bytes_max = 512 << 20,
                                            .run_cpu_ms = 600000,
                                            .run_wall_ms = 5 * 3600 * 1000,
                                            .run_instructions = UINT64_MAX / 2,
                                            .slice_instructions = 1000000,
                                            .effects_max = 10000000}};
        struct setting setting = {.mode = options.mode,
                                  .patience = options.faults || options.stale ? 10
                                              : crash                         ? 3
                                                                              : 1,
                                  .settles = crash != NULL,
                                  .policy_namespace = stage->policy_namespace,
                                  .overlay = arguments->overlay,
                                  .folder = arguments->folder,
                                  .example = "deploy/examples/tiny-cluster.yaml"};
        if (doors.trace || !arguments->trace) {
            result = scenario_run(&env, &setting, name, admin_effects(admin), title, err);
        }
        result = judge(stage, result, err);
        *end_state = stage->end_state;
        stage->end_state = NULL;
        admin_free(admin);
        trace_free(doors.trace);
        discovery_free(discovery);
        rest_free(rest);
        stage->free(stage);
    }
    log_free(log);
    clock_free(clock);
    return result;
}

static void run_one(const struct arguments *arguments, const char *name, int *passed, int *failed)
{
    struct err err = {0};
    char *title = NULL, *end_state = NULL;
    bool crashes = arguments->crash.every || arguments->crash.at;
    struct crash *crash = crashes ? crash_new(&arguments->crash) : NULL;
    int result = play(arguments, crash, name, &title, &end_state, &err);
    if (!crash || !crash_has_happened(crash)) {
        printf("%s %s: %s\n", result == 0 ? "ok    " : "FAILED", name, title ? title : "");
        if (result < 0) {
            printf("       %s\n", err.text);
        }
        *(result == 0 ? passed : failed) += 1;
    }
    if (crash) {
        int before = *passed;
        crash_end(crash, name, result, &err, end_state, passed, failed);
        printf("       %d of %d deaths changed nothing; %llu writes\n", *passed - before,
               (int)crash_deaths(crash), (unsigned long long)crash_writes(crash));
    }
    fflush(stdout);
    crash_free(crash);
    free(title);
    free(end_state);
}

int main(int argc, char **argv)
{
    struct arguments arguments = {0};
    if (arguments_parse(&arguments, argc, argv) < 0) {
        fputs(usage, stderr);
        return 2;
    }
    jv_seed((uint32_t)arguments.stage.seed + 1);
    struct err err = {0};
    int passed = 0, failed = 0;
    char **all = scenario_names(arguments.folder, &err);
    if (!all) {
        fprintf(stderr, "scenario: %s\n", err.text);
        return 1;
    }
    for (int i = 0; i < arguments.name_count; i++) {
        run_one(&arguments, arguments.names[i], &passed, &failed);
    }
    for (char **name = all; *name; name++) {
        if (arguments.list) {
            puts(*name);
        } else if (arguments.name_count == 0) {
            run_one(&arguments, *name, &passed, &failed);
        }
        free(*name);
    }
    free(all);
    if (!arguments.list) {
        printf("%d passed, %d failed\n", passed, failed);
    }
    return failed == 0 ? 0 : 1;
}
