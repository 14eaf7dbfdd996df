#include "loop/clock.h"

#include "base/buf.h"

#include <assert.h>
#include <stdlib.h>
#include <time.h>

enum { NS_PER_MS = 1000000, NS_PER_S = 1000000000 };

enum clock_kind { CLOCK_KIND_REAL, CLOCK_KIND_FAST, CLOCK_KIND_VIRTUAL };

struct clock {
    enum clock_kind kind;
    double speed;          /* fast: how many of its seconds pass in one of the kernel's */
    int64_t start_mono_ns; /* fast: the kernel's clocks when it was made */
    int64_t start_wall_ns;
    int64_t mono_ns; /* virtual: now */
    int64_t wall_ns;
};

static int64_t kernel_ns(clockid_t id)
{
    struct timespec now;
    if (clock_gettime(id, &now) != 0)
        abort(); /* only a wrong id can fail */
    return (int64_t)now.tv_sec * NS_PER_S + now.tv_nsec;
}

static struct clock *clock_new(enum clock_kind kind)
{
    struct clock *clock = mem_alloc(sizeof *clock);
    clock->kind = kind;
    clock->speed = 1;
    return clock;
}

/* Multiplies without losing the nanoseconds that a double of an absolute time would lose. */
static int64_t scaled(int64_t start_ns, int64_t now_ns, double speed)
{
    return start_ns + (int64_t)((double)(now_ns - start_ns) * speed);
}

static int64_t rounded_up(double ns)
{
    return ns < 9e18 ? (int64_t)ns + 1 : INT64_MAX;
}

struct clock *clock_real_new(void)
{
    return clock_new(CLOCK_KIND_REAL);
}

struct clock *clock_fast_new(double speed)
{
    assert(speed > 0 && speed <= 1e6);
    struct clock *clock = clock_new(CLOCK_KIND_FAST);
    clock->speed = speed;
    clock->start_mono_ns = kernel_ns(CLOCK_BOOTTIME);
    clock->start_wall_ns = kernel_ns(CLOCK_REALTIME);
    return clock;
}

struct clock *clock_virtual_new(int64_t wall_start_ns)
{
    struct clock *clock = clock_new(CLOCK_KIND_VIRTUAL);
    clock->mono_ns = NS_PER_S;
    clock->wall_ns = wall_start_ns;
    return clock;
}

void clock_free(struct clock *clock)
{
    free(clock);
}

int64_t clock_mono_ns(const struct clock *clock)
{
    switch (clock->kind) {
    case CLOCK_KIND_REAL:
        return kernel_ns(CLOCK_BOOTTIME);
    case CLOCK_KIND_FAST:
        return scaled(clock->start_mono_ns, kernel_ns(CLOCK_BOOTTIME), clock->speed);
    case CLOCK_KIND_VIRTUAL:
        return clock->mono_ns;
    }
    abort();
}

int64_t clock_mono_ms(const struct clock *clock)
{
    return clock_mono_ns(clock) / NS_PER_MS;
}

int64_t clock_wall_ns(const struct clock *clock)
{
    switch (clock->kind) {
    case CLOCK_KIND_REAL:
        return kernel_ns(CLOCK_REALTIME);
    case CLOCK_KIND_FAST:
        return scaled(clock->start_wall_ns, kernel_ns(CLOCK_REALTIME), clock->speed);
    case CLOCK_KIND_VIRTUAL:
        return clock->wall_ns;
    }
    abort();
}

bool clock_is_virtual(const struct clock *clock)
{
    return clock->kind == CLOCK_KIND_VIRTUAL;
}

void clock_advance_ns(struct clock *clock, int64_t ns)
{
    assert(clock_is_virtual(clock) && ns >= 0);
    clock->mono_ns += ns;
    clock->wall_ns += ns;
}

void clock_shift_wall_ns(struct clock *clock, int64_t ns)
{
    assert(clock_is_virtual(clock));
    clock->wall_ns += ns;
}

int64_t clock_sleep_ns(const struct clock *clock, int64_t ns)
{
    if (clock->kind != CLOCK_KIND_FAST)
        return ns;
    return rounded_up((double)ns / clock->speed);
}

int64_t clock_from_kernel_ns(const struct clock *clock, int64_t ns)
{
    if (clock->kind != CLOCK_KIND_FAST)
        return ns;
    return rounded_up((double)ns * clock->speed);
}

int64_t clock_cpu_ns(const struct clock *clock)
{
    return clock_is_virtual(clock) ? 0 : kernel_ns(CLOCK_THREAD_CPUTIME_ID);
}
