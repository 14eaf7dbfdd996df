/* One version of the policies: layers of Lua files, loaded into one Lua state.
 *
 * Layers go from the bottom (shipped) to the top (overlays, in name order). A module is looked up
 * from the top; inside a layer `require "base.x"` means x as the layers underneath have it. Loading
 * compiles text chunks only, runs them under a budget, checks the contract (policies/README.md), and
 * reads the declarations of each controller into C. A policy is reference-counted: running tasks
 * keep theirs; the last unref closes the state. Nothing here touches the network.
 */
#ifndef NEMETON_SCRIPT_POLICY_H
#define NEMETON_SCRIPT_POLICY_H

#include "base/digest.h"
#include "base/log.h"
#include "loop/loop.h"
#include "loop/random.h"
#include "script/effects.h"

enum { POLICY_API = 1, POLICY_FILES_MAX = 512, POLICY_BYTES_MAX = 8 << 20 };

struct policy_file {
    const char *module; /* "things.order"; "bundle" declares api and controllers */
    const char *source; /* for messages: "policies/things/order.lua" or "ConfigMap ns/name key k" */
    const char *text;
    size_t len;
};
struct policy_layer {
    const char *name;
    const struct policy_file *files;
    size_t file_count;
};

enum { POLICY_CPU_MS_PER_KIB = 2 }; /* that a run has besides run_cpu_ms, of the primary's JSON */

struct policy_limits {                             /* 0 = the default in brackets */
    size_t memory_bytes_max;                       /* [64 MiB] of the Lua state */
    int64_t slice_ms;                              /* [5] */
    int64_t run_cpu_ms;                            /* [250] of one run; also of loading one file */
    int64_t run_wall_ms;                           /* [120000] */
    uint64_t slice_instructions, run_instructions; /* [1e5, 2e7] with a virtual clock */
    size_t effects_max;                            /* [2000] per run */
};

struct policy_env { /* what a state needs from outside; all must outlive the policy */
    struct loop *loop;
    struct random_source *random;
    struct log *log;
    struct policy_limits limits;
};

/* How a changed object becomes a key of the primary. */
enum policy_map {
    POLICY_MAP_SELF,  /* it is a primary */
    POLICY_MAP_OWNER, /* its controller owner, when that is of a primary kind */
    POLICY_MAP_LABEL, /* label `map_label` holds the primary's name, same namespace */
    POLICY_MAP_ALL,   /* every primary of its namespace (or all, for cluster-scoped objects) */
    POLICY_MAP_NONE,  /* read, but changes wake nobody */
};
struct policy_watch {
    char *api_version, *kind, *labels; /* labels: selector or NULL */
    char **fields;
    size_t field_count;
    enum policy_map map;
    char *map_label;
    char *older;     /* apiVersion that stands in where the server lacks the other; or NULL */
    bool optional;   /* the server may lack the kind */
    int64_t calm_ms; /* after a run, changes of status are looked at together; 0: each at once */
};
struct policy_right {
    char *api_version, *kind;
    unsigned verbs;  /* bit (1 << enum effect_verb) */
    bool delete_any; /* may delete what the primary does not own (garbage collection) */
};
/* Is the watch of this kind, under either version? */
bool policy_watch_covers(const struct policy_watch *watch, const char *api_version,
                         const char *kind);
/* Is the right about this kind? The kind "*" stands for every kind. A right to what is watched is one
 * to its older version, too. */
bool policy_right_covers(const struct policy_right *right, const char *api_version,
                         const char *kind);
/* A figure that runs may set (ctx.gauges), and what it says, for who reads the metrics. */
struct policy_gauge {
    char *name, *help;
};
struct policy_controller {
    char *name, *module;
    struct policy_watch *watches; /* primaries first */
    size_t watch_count, primary_count;
    struct policy_right *rights;
    size_t right_count;
    struct policy_gauge *gauges;
    size_t gauge_count;
    int64_t resync_ms; /* 0 = none */
    bool has_render, has_check, has_summary, has_failed, has_going_back, has_reads;
    bool has_serve; /* it answers requests to the objects it watches (task_start_serve) */
};

struct policy;
struct policy *policy_load(const struct policy_env *env, const struct policy_layer *layers,
                           size_t layer_count, struct err *err);
/* The same in steps, each a slice long (but a file is compiled in one go), for who has a loop to turn.
 * The layers must outlive it. A step gives 1 with *policy, 0 when there is more to do, or -1. */
struct policy_load;
struct policy_load *policy_load_begin(const struct policy_env *env,
                                      const struct policy_layer *layers, size_t layer_count,
                                      struct err *err);
int policy_load_step(struct policy_load *load, struct policy **policy, struct err *err);
void policy_load_end(struct policy_load *load); /* at any time; NULL is fine */
struct policy *policy_ref(struct policy *policy);
void policy_unref(struct policy *policy);
/* Where a module's text comes from, for messages; its name when it is not there. Lent. */
const char *policy_module_source(struct policy *policy, const char *module);
const char *policy_version(const struct policy *policy); /* SHA-256 of the sorted files, hex */
size_t policy_controller_count(const struct policy *policy);
const struct policy_controller *policy_controller_at(const struct policy *policy, size_t index);

/* Calls a pure function of a module under the load budget: function(args...) -> value. Synchronous.
 * A `nil, err` answer is ERR_INVALID with its message; *result is then whatever err was. */
int policy_call(struct policy *policy, const char *module, const char *function,
                struct jv *const *args, size_t arg_count, struct jv **result, struct err *err);

/* Runs the `*_test` modules of the layers named by `layer` (NULL = all): each case by itself, under
 * a budget. fn gets each result. Returns the number of failed cases, or -1. */
typedef void (*policy_test_fn)(void *arg, const char *module, const char *test,
                               const char *failure);
int policy_test(struct policy *policy, const char *layer, policy_test_fn fn, void *arg,
                struct err *err);

/* The same in steps, as loading: 1 when all have run, 0 when there is more to do, -1. */
struct policy_testing;
struct policy_testing *policy_test_begin(struct policy *policy, const char *layer,
                                         policy_test_fn fn, void *arg);
int policy_test_step(struct policy_testing *testing, struct err *err);
int policy_test_failed(const struct policy_testing *testing); /* cases so far */
void policy_test_end(struct policy_testing *testing);         /* at any time; NULL is fine */

struct policy_stats {
    size_t memory_bytes, memory_peak_bytes, tasks;
    uint64_t kills;
    int64_t cpu_ns;
};
struct policy_stats policy_stats(const struct policy *policy);
void policy_collect(struct policy *policy); /* all garbage, while nothing runs */

#endif
