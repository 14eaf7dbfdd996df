#include "base/backoff.h"

int64_t backoff_delay_ms(int64_t min_ms, int64_t max_ms, unsigned failures)
{
    if (min_ms <= 0 || min_ms >= max_ms)
        return min_ms <= 0 ? 0 : max_ms;
    if (failures >= 62 || min_ms > max_ms >> failures)
        return max_ms;
    return min_ms << failures;
}

int64_t backoff_jitter_ms(int64_t delay_ms, double factor, double unit)
{
    double extra = (double)delay_ms * factor * unit;

    /* A NaN fails the first comparison, so it adds nothing. */
    if (!(extra > 0))
        return delay_ms;
    if (extra >= (double)(INT64_MAX - delay_ms))
        return INT64_MAX;
    return delay_ms + (int64_t)extra;
}
