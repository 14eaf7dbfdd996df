/* Delays between tries: pure arithmetic, no clock. */
#ifndef NEMETON_BASE_BACKOFF_H
#define NEMETON_BASE_BACKOFF_H

#include <stdint.h>

/* min·2^failures capped at max; failures from 0. */
int64_t backoff_delay_ms(int64_t min_ms, int64_t max_ms, unsigned failures);
/* delay·[1, 1+factor) for unit in [0,1). */
int64_t backoff_jitter_ms(int64_t delay_ms, double factor, double unit);

#endif
