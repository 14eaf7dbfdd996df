#include "bench.h"

#include <stdio.h>
#include <stdlib.h>

static int compare(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

/* The smallest value that `percent` of all do not pass. */
static double percentile_ms(const struct samples *samples, size_t percent)
{
    size_t rank = (samples->count * percent + 99) / 100;
    return (double)samples->ns[rank ? rank - 1 : 0] / 1e6;
}

void samples_init(struct samples *samples, size_t max)
{
    *samples = (struct samples){.ns = mem_alloc((max + 1) * sizeof(int64_t)), .max = max};
}

void samples_deinit(struct samples *samples)
{
    free(samples->ns);
}

void samples_add(struct samples *samples, int64_t ns)
{
    if (samples->count < samples->max) {
        samples->ns[samples->count++] = ns;
    }
}

void samples_print(struct samples *samples, const char *title)
{
    if (samples->count == 0) {
        return;
    }
    qsort(samples->ns, samples->count, sizeof(int64_t), compare);
    printf("%s_p50_ms %.1f\n", title, percentile_ms(samples, 50));
    printf("%s_p99_ms %.1f\n", title, percentile_ms(samples, 99));
    printf("%s_max_ms %.1f\n", title, percentile_ms(samples, 100));
}
