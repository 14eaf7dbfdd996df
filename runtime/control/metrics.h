/* Counters, gauges and histograms with labels, printed in Prometheus text format 0.0.4.
 *
 * Names follow controller-runtime where it has one (reference/runtime-semantics §1.1), so that
 * existing dashboards go on working. A series is found by name and label text; both are bounded.
 */
#ifndef NEMETON_CONTROL_METRICS_H
#define NEMETON_CONTROL_METRICS_H

#include "base/buf.h"

#include <stdint.h>

enum { METRICS_SERIES_MAX = 4096 };
enum metric_type { METRIC_COUNTER, METRIC_GAUGE, METRIC_HISTOGRAM };

struct metrics;
struct metrics *metrics_new(uint64_t hash_seed);
void metrics_free(struct metrics *metrics);
void metrics_declare(struct metrics *metrics, const char *name, enum metric_type type,
                     const char *help, const double *buckets, size_t bucket_count);
/* labels: `controller="druid",result="success"` or NULL. All take a NULL metrics. */
void metrics_add(struct metrics *metrics, const char *name, const char *labels, double value);
void metrics_set(struct metrics *metrics, const char *name, const char *labels, double value);
void metrics_observe(struct metrics *metrics, const char *name, const char *labels, double value);
/* Asked for at each scrape: gauges that are computed. */
void metrics_on_scrape(struct metrics *metrics, void (*fn)(void *arg, struct metrics *), void *arg);
void metrics_off_scrape(struct metrics *metrics, void *arg);
int metrics_print(struct metrics *metrics, struct buf *out);

#endif
