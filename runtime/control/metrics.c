#include "control/metrics.h"

#include "base/map.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SCRAPERS_MAX = 64, BUCKETS_MAX = 64 };
#define DROPPED "nemeton_metrics_dropped_total"

struct series {
    double value; /* sum of a histogram */
    uint64_t count;
    uint64_t *buckets; /* not cumulative; one more than the bounds, for +Inf */
};

struct metric {
    enum metric_type type;
    char *help;
    double *bounds;
    size_t bound_count;
    struct map *series; /* label text → struct series */
};

struct scraper {
    void (*fn)(void *arg, struct metrics *metrics);
    void *arg;
};

struct metrics {
    uint64_t seed;
    struct map *metrics; /* name → struct metric */
    size_t series_count;
    struct scraper scrapers[SCRAPERS_MAX];
    size_t scraper_count;
};

static void series_free(void *value)
{
    struct series *series = value;
    if (series == NULL)
        return;
    free(series->buckets);
    free(series);
}

static void metric_free(void *value)
{
    struct metric *metric = value;
    if (metric == NULL)
        return;
    map_free(metric->series);
    free(metric->help);
    free(metric->bounds);
    free(metric);
}

static void drop(struct metrics *metrics)
{
    struct metric *metric = map_get(metrics->metrics, DROPPED);
    struct series *series = metric != NULL ? map_get(metric->series, "") : NULL;
    if (series != NULL)
        series->value += 1;
}

static struct series *series_of(struct metrics *metrics, const char *name, const char *labels,
                                struct metric **found)
{
    if (metrics == NULL)
        return NULL;
    struct metric *metric = map_get(metrics->metrics, name);
    if (metric == NULL) {
        drop(metrics);
        return NULL;
    }
    *found = metric;
    const char *key = labels != NULL ? labels : "";
    struct series *series = map_get(metric->series, key);
    if (series != NULL)
        return series;
    if (metrics->series_count >= METRICS_SERIES_MAX) {
        drop(metrics);
        return NULL;
    }
    series = mem_alloc(sizeof(*series));
    if (metric->type == METRIC_HISTOGRAM)
        series->buckets = mem_alloc((metric->bound_count + 1) * sizeof(*series->buckets));
    map_put(metric->series, key, series);
    metrics->series_count++;
    return series;
}

static void print_number(struct buf *out, double value)
{
    if (isnan(value))
        buf_add_str(out, "NaN");
    else if (isinf(value))
        buf_add_str(out, value > 0 ? "+Inf" : "-Inf");
    else if (value == floor(value) && fabs(value) < 1e15)
        buf_printf(out, "%.0f", value);
    else {
        char text[40];
        for (int digits = 6; digits <= 17; digits++) {
            snprintf(text, sizeof(text), "%.*g", digits, value);
            if (strtod(text, NULL) == value)
                break;
        }
        buf_add_str(out, text);
    }
}

static void print_line(struct buf *out, const char *name, const char *suffix, const char *labels,
                       const char *extra, double value)
{
    buf_add_str(out, name);
    buf_add_str(out, suffix);
    if (labels[0] != '\0' || extra != NULL) {
        buf_add_char(out, '{');
        buf_add_str(out, labels);
        if (labels[0] != '\0' && extra != NULL)
            buf_add_char(out, ',');
        if (extra != NULL)
            buf_add_str(out, extra);
        buf_add_char(out, '}');
    }
    buf_add_char(out, ' ');
    print_number(out, value);
    buf_add_char(out, '\n');
}

static void print_histogram(struct buf *out, const char *name, const struct metric *metric,
                            const char *labels, const struct series *series)
{
    uint64_t cumulative = 0;
    for (size_t i = 0; i <= metric->bound_count; i++) {
        struct buf le;
        buf_init(&le, 64);
        cumulative += series->buckets[i];
        buf_add_str(&le, "le=\"");
        print_number(&le, i < metric->bound_count ? metric->bounds[i] : INFINITY);
        buf_add_char(&le, '"');
        print_line(out, name, "_bucket", labels, buf_str(&le), (double)cumulative);
        buf_deinit(&le);
    }
    print_line(out, name, "_sum", labels, NULL, series->value);
    print_line(out, name, "_count", labels, NULL, (double)series->count);
}

struct metrics *metrics_new(uint64_t hash_seed)
{
    struct metrics *metrics = mem_alloc(sizeof(*metrics));
    metrics->seed = hash_seed;
    metrics->metrics = map_new(hash_seed, metric_free);
    metrics_declare(metrics, DROPPED, METRIC_COUNTER,
                    "Observations of names that are not declared or past the limit of series.",
                    NULL, 0);
    metrics_add(metrics, DROPPED, NULL, 0);
    return metrics;
}

void metrics_free(struct metrics *metrics)
{
    if (metrics == NULL)
        return;
    map_free(metrics->metrics);
    free(metrics);
}

void metrics_declare(struct metrics *metrics, const char *name, enum metric_type type,
                     const char *help, const double *buckets, size_t bucket_count)
{
    if (metrics == NULL || map_get(metrics->metrics, name) != NULL)
        return;
    if (bucket_count > BUCKETS_MAX)
        bucket_count = BUCKETS_MAX;
    struct metric *metric = mem_alloc(sizeof(*metric));
    metric->type = type;
    metric->help = mem_str(help);
    metric->series = map_new(metrics->seed, series_free);
    if (bucket_count > 0) {
        metric->bounds = mem_alloc(bucket_count * sizeof(*buckets));
        memcpy(metric->bounds, buckets, bucket_count * sizeof(*buckets));
        metric->bound_count = bucket_count;
    }
    map_put(metrics->metrics, name, metric);
}

void metrics_add(struct metrics *metrics, const char *name, const char *labels, double value)
{
    struct metric *metric;
    struct series *series = series_of(metrics, name, labels, &metric);
    if (series != NULL && metric->type != METRIC_HISTOGRAM)
        series->value += value;
}

void metrics_set(struct metrics *metrics, const char *name, const char *labels, double value)
{
    struct metric *metric;
    struct series *series = series_of(metrics, name, labels, &metric);
    if (series != NULL && metric->type != METRIC_HISTOGRAM)
        series->value = value;
}

void metrics_observe(struct metrics *metrics, const char *name, const char *labels, double value)
{
    struct metric *metric;
    struct series *series = series_of(metrics, name, labels, &metric);
    if (series == NULL || metric->type != METRIC_HISTOGRAM)
        return;
    size_t i = 0;
    while (i < metric->bound_count && value > metric->bounds[i])
        i++;
    series->buckets[i]++;
    series->count++;
    series->value += value;
}

void metrics_clear(struct metrics *metrics, const char *name)
{
    struct metric *metric = metrics != NULL ? map_get(metrics->metrics, name) : NULL;
    if (metric == NULL)
        return;
    metrics->series_count -= map_count(metric->series);
    map_clear(metric->series);
}

double metrics_value(const struct metrics *metrics, const char *name, const char *labels)
{
    const struct metric *metric = metrics != NULL ? map_get(metrics->metrics, name) : NULL;
    if (metric == NULL)
        return 0;
    const struct series *series = map_get(metric->series, labels != NULL ? labels : "");
    if (series == NULL)
        return 0;
    return metric->type == METRIC_HISTOGRAM ? (double)series->count : series->value;
}

void metrics_on_scrape(struct metrics *metrics, void (*fn)(void *arg, struct metrics *), void *arg)
{
    if (metrics == NULL || metrics->scraper_count >= SCRAPERS_MAX)
        return;
    metrics->scrapers[metrics->scraper_count++] = (struct scraper){fn, arg};
}

void metrics_off_scrape(struct metrics *metrics, void *arg)
{
    if (metrics == NULL)
        return;
    size_t kept = 0;
    for (size_t i = 0; i < metrics->scraper_count; i++) {
        if (metrics->scrapers[i].arg != arg)
            metrics->scrapers[kept++] = metrics->scrapers[i];
    }
    metrics->scraper_count = kept;
}

int metrics_print(struct metrics *metrics, struct buf *out)
{
    static const char *const types[] = {"counter", "gauge", "histogram"};
    for (size_t i = 0; i < metrics->scraper_count; i++)
        metrics->scrapers[i].fn(metrics->scrapers[i].arg, metrics);
    struct map_iter iter = {0};
    while (map_next(metrics->metrics, &iter)) {
        const struct metric *metric = iter.value;
        if (map_count(metric->series) == 0)
            continue;
        buf_printf(out, "# HELP %s %s\n# TYPE %s %s\n", iter.key, metric->help, iter.key,
                   types[metric->type]);
        struct map_iter each = {0};
        while (map_next(metric->series, &each)) {
            const struct series *series = each.value;
            if (metric->type == METRIC_HISTOGRAM)
                print_histogram(out, iter.key, metric, each.key, series);
            else
                print_line(out, iter.key, "", each.key, NULL, series->value);
        }
    }
    return out->failed ? -1 : 0;
}

void metrics_label(struct buf *out, const char *key, const char *value)
{
    if (out->len > 0)
        buf_add_char(out, ',');
    buf_add_str(out, key);
    buf_add_str(out, "=\"");
    for (const char *c = value != NULL ? value : ""; *c != '\0'; c++) {
        if (*c == '\\' || *c == '"') {
            buf_add_char(out, '\\');
            buf_add_char(out, *c);
        } else if (*c == '\n') {
            buf_add_str(out, "\\n");
        } else {
            buf_add_char(out, *c);
        }
    }
    buf_add_char(out, '"');
}
