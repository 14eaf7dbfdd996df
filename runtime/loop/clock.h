/* The clock door. Nobody else reads time.
 *
 * Three kinds: the kernel's (CLOCK_BOOTTIME, so that a suspended machine counts; CLOCK_REALTIME for
 * people), the same running N times faster (the sandbox's --speed), and a virtual one that moves
 * only when it is told to (tests: the loop advances it to the next timer). A clock belongs to who
 * made it and must outlive everything that reads it.
 */
#ifndef NEMETON_LOOP_CLOCK_H
#define NEMETON_LOOP_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

struct clock;

struct clock *clock_real_new(void);
struct clock *clock_fast_new(double speed);             /* 0 < speed <= 1e6; 1 = real */
struct clock *clock_virtual_new(int64_t wall_start_ns); /* monotonic time starts at 1 s */
void clock_free(struct clock *clock);

int64_t clock_mono_ns(const struct clock *clock);
int64_t clock_mono_ms(const struct clock *clock);
int64_t clock_wall_ns(const struct clock *clock);
bool clock_is_virtual(const struct clock *clock);
void clock_advance_ns(struct clock *clock, int64_t ns);    /* virtual only; ns >= 0 */
void clock_shift_wall_ns(struct clock *clock, int64_t ns); /* virtual only: somebody set the date */
/* How long the kernel must sleep for `ns` of this clock to pass (fast clocks divide). */
int64_t clock_sleep_ns(const struct clock *clock, int64_t ns);
/* The other way round: how much of this clock passes in `ns` of the kernel's (fast ones multiply). */
int64_t clock_from_kernel_ns(const struct clock *clock, int64_t ns);
/* CPU time of this thread, for budgets; a virtual clock answers 0 and budgets count instructions. */
int64_t clock_cpu_ns(const struct clock *clock);

#endif
