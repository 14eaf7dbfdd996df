/* All names this runtime exports, with their help texts and buckets. */
#include "control/metrics.h"

struct declaration {
    const char *name;
    enum metric_type type;
    const char *help;
    char buckets; /* 'r'econcile, 'q'ueue, 'h'ttp, 'b'ytes, or 0 */
};

static const double reconcile_buckets[] = {
    .005, .01, .025, .05, .1,  .15, .2,  .25, .3, .35, .4, .45, .5, .6, .7, .8, .9, 1,  1.25, 1.5,
    1.75, 2,   2.5,  3,   3.5, 4,   4.5, 5,   6,  7,   8,  9,   10, 15, 20, 25, 30, 40, 50,   60};
static const double queue_buckets[] = {1e-8, 1e-7, 1e-6, 1e-5, 1e-4, 1e-3,
                                       1e-2, 1e-1, 1,    10,   100,  1000};
static const double byte_buckets[] = {64,    256,    512,     1024,    4096,    16384,
                                      65536, 262144, 1048576, 4194304, 16777216};
static const double http_buckets[] = {.005, .01, .025, .05, .1, .25, .5, 1, 2, 4, 8, 15, 30, 60};

static const struct declaration declarations[] = {
    {"controller_runtime_reconcile_total", METRIC_COUNTER,
     "Total number of reconciliations per controller.", 0},
    {"controller_runtime_reconcile_errors_total", METRIC_COUNTER,
     "Total number of reconciliation errors per controller.", 0},
    {"controller_runtime_terminal_reconcile_errors_total", METRIC_COUNTER,
     "Total number of terminal reconciliation errors per controller.", 0},
    {"controller_runtime_reconcile_panics_total", METRIC_COUNTER,
     "Total number of reconciliations that raised an error per controller.", 0},
    {"controller_runtime_reconcile_timeouts_total", METRIC_COUNTER,
     "Total number of reconciliations killed over a budget per controller.", 0},
    {"controller_runtime_reconcile_time_seconds", METRIC_HISTOGRAM,
     "Length of time per reconciliation per controller.", 'r'},
    {"controller_runtime_max_concurrent_reconciles", METRIC_GAUGE,
     "Maximum number of concurrent reconciles per controller.", 0},
    {"controller_runtime_active_workers", METRIC_GAUGE,
     "Number of currently used workers per controller.", 0},
    {"workqueue_depth", METRIC_GAUGE, "Current depth of the work queue.", 0},
    {"workqueue_adds_total", METRIC_COUNTER, "Total number of adds handled by the work queue.", 0},
    {"workqueue_retries_total", METRIC_COUNTER, "Total number of retries.", 0},
    {"workqueue_queue_duration_seconds", METRIC_HISTOGRAM,
     "How long a key waits in the work queue before it is taken.", 'q'},
    {"workqueue_work_duration_seconds", METRIC_HISTOGRAM,
     "How long processing a key from the work queue takes.", 'q'},
    {"workqueue_unfinished_work_seconds", METRIC_GAUGE,
     "Seconds of work in progress that work_duration has not observed yet.", 0},
    {"workqueue_longest_running_processor_seconds", METRIC_GAUGE,
     "How long the longest run under way has been going on.", 0},
    {"rest_client_requests_total", METRIC_COUNTER,
     "Number of HTTP requests, partitioned by status code, method, and host.", 0},
    {"rest_client_request_duration_seconds", METRIC_HISTOGRAM,
     "Request latency in seconds, by verb and host.", 'h'},
    {"rest_client_request_size_bytes", METRIC_HISTOGRAM, "Request size in bytes, by verb and host.",
     'b'},
    {"rest_client_response_size_bytes", METRIC_HISTOGRAM,
     "Response size in bytes, by verb and host.", 'b'},
    {"rest_client_request_retries_total", METRIC_COUNTER,
     "Number of request retries, partitioned by status code, verb, and host.", 0},
    {"leader_election_slowpath_total", METRIC_COUNTER,
     "Renewals of the lease that did not go through at once.", 0},
    {"leader_election_master_status", METRIC_GAUGE, "1 while this process holds the lease, else 0.",
     0},
    {"nemeton_informer_objects", METRIC_GAUGE, "Objects in the cache, by kind.", 0},
    {"nemeton_informer_bytes", METRIC_GAUGE, "Bytes of objects in the cache, by kind.", 0},
    {"nemeton_informer_relists_total", METRIC_COUNTER, "Full lists made, by kind.", 0},
    {"nemeton_informer_restarts_total", METRIC_COUNTER, "Watch streams opened anew, by kind.", 0},
    {"nemeton_informer_last_event_seconds", METRIC_GAUGE,
     "Seconds since the last event of the watch, by kind.", 0},
    {"nemeton_informer_synced", METRIC_GAUGE, "1 when the cache of the kind is complete.", 0},
    {"nemeton_policy_info", METRIC_GAUGE, "The version of the policies in force.", 0},
    {"nemeton_policy_loads_total", METRIC_COUNTER,
     "Policy bundles that were tried, by result (loaded, refused).", 0},
    {"nemeton_policy_load_seconds", METRIC_HISTOGRAM,
     "From the edit of the policies to its being in force.", 'h'},
    {"nemeton_policy_memory_bytes", METRIC_GAUGE, "Memory of the Lua state in force.", 0},
    {"nemeton_policy_memory_peak_bytes", METRIC_GAUGE, "Peak memory of the Lua state.", 0},
    {"nemeton_policy_cpu_seconds", METRIC_GAUGE, "CPU time spent in the Lua state.", 0},
    {"nemeton_policy_kills_total", METRIC_COUNTER, "Runs killed over a budget by this version.", 0},
    {"nemeton_policy_errors_total", METRIC_COUNTER, "Errors raised by policies, by controller.", 0},
    {"nemeton_breaker_open", METRIC_GAUGE, "Keys that are parked after repeated kills.", 0},
    {"nemeton_gate_total", METRIC_COUNTER,
     "Deletes and scale-downs that asked the gate, by result and check.", 0},
    {"nemeton_writes_total", METRIC_COUNTER, "Writes sent by runs, by verb and kind.", 0},
    {"nemeton_writes_skipped_total", METRIC_COUNTER,
     "Writes that were not needed because nothing differed, by verb and kind.", 0},
    {"nemeton_loop_turn_longest_seconds", METRIC_GAUGE, "The longest turn of the event loop.", 0},
};

void metrics_declare_runtime(struct metrics *metrics)
{
    for (size_t i = 0; i < sizeof(declarations) / sizeof(declarations[0]); i++) {
        const struct declaration *d = &declarations[i];
        const double *buckets = NULL;
        size_t count = 0;
        if (d->buckets == 'r') {
            buckets = reconcile_buckets;
            count = sizeof(reconcile_buckets) / sizeof(reconcile_buckets[0]);
        } else if (d->buckets == 'q') {
            buckets = queue_buckets;
            count = sizeof(queue_buckets) / sizeof(queue_buckets[0]);
        } else if (d->buckets == 'b') {
            buckets = byte_buckets;
            count = sizeof(byte_buckets) / sizeof(byte_buckets[0]);
        } else if (d->buckets == 'h') {
            buckets = http_buckets;
            count = sizeof(http_buckets) / sizeof(http_buckets[0]);
        }
        metrics_declare(metrics, d->name, d->type, d->help, buckets, count);
    }
}
