/* Counters, gauges and histograms with labels, printed in Prometheus text format 0.0.4.
 *
 * Names follow controller-runtime where it has one, so that
 * existing dashboards go on working. A series is found by name and label text; both are bounded:
 * what does not fit is counted in nemeton_metrics_dropped_total. A name must be declared once before
 * it is used; metrics_declare_runtime declares all names of this runtime.
 */
#ifndef NEMETON_CONTROL_METRICS_H
#define NEMETON_CONTROL_METRICS_H

#include "base/buf.h"

#include <stdint.h>

enum { METRICS_SERIES_MAX = 4096, METRICS_TEXT_BYTES_MAX = 8 << 20 };
enum metric_type { METRIC_COUNTER, METRIC_GAUGE, METRIC_HISTOGRAM };

struct metrics;
struct metrics *metrics_new(uint64_t hash_seed);
void metrics_free(struct metrics *metrics);
void metrics_declare(struct metrics *metrics, const char *name, enum metric_type type,
                     const char *help, const double *buckets, size_t bucket_count);
void metrics_declare_runtime(struct metrics *metrics);
/* labels: `controller="things",result="success"` or NULL. All take a NULL metrics. metrics_set on a
 * counter is for totals that are kept elsewhere and copied at a scrape. */
void metrics_add(struct metrics *metrics, const char *name, const char *labels, double value);
void metrics_set(struct metrics *metrics, const char *name, const char *labels, double value);
void metrics_observe(struct metrics *metrics, const char *name, const char *labels, double value);
/* Forgets the series of a name, for gauges whose labels come and go. */
void metrics_clear(struct metrics *metrics, const char *name);
/* The value of a counter or gauge, the number of observations of a histogram; 0 when absent. */
double metrics_value(const struct metrics *metrics, const char *name, const char *labels);
/* Asked for at each scrape: gauges that are computed. */
void metrics_on_scrape(struct metrics *metrics, void (*fn)(void *arg, struct metrics *), void *arg);
void metrics_off_scrape(struct metrics *metrics, void *arg);
int metrics_print(struct metrics *metrics, struct buf *out);
/* A label value with its quotes, escaped as the format wants it: k="v". Appends; adds the comma. */
void metrics_label(struct buf *out, const char *key, const char *value);

#endif
