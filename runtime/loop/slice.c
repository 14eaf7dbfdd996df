#include "loop/slice.h"

#include "base/buf.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#ifndef sigev_notify_thread_id
#define sigev_notify_thread_id _sigev_un._tid
#endif

struct slice {
    timer_t timer;
    slice_fn fn;
    void *arg;
};

static int slice_signal(void)
{
    return SIGRTMIN + 2;
}

static void on_signal(int signo, siginfo_t *info, void *context)
{
    (void)signo;
    (void)context;
    if (info->si_code != SI_TIMER)
        return;
    struct slice *slice = info->si_value.sival_ptr;
    int saved = errno;
    slice->fn(slice->arg);
    errno = saved;
}

struct slice *slice_new(slice_fn fn, void *arg, struct err *err)
{
    struct slice *slice = mem_alloc(sizeof *slice);
    slice->fn = fn;
    slice->arg = arg;
    struct sigaction action = {.sa_sigaction = on_signal, .sa_flags = SA_SIGINFO | SA_RESTART};
    sigemptyset(&action.sa_mask);
    struct sigevent event = {.sigev_notify = SIGEV_THREAD_ID, .sigev_signo = slice_signal()};
    event.sigev_value.sival_ptr = slice;
    event.sigev_notify_thread_id = gettid();
    if (sigaction(slice_signal(), &action, NULL) != 0 ||
        timer_create(CLOCK_MONOTONIC, &event, &slice->timer) != 0) {
        err_errno(err, errno, "timer for slices");
        free(slice);
        return NULL;
    }
    return slice;
}

void slice_free(struct slice *slice)
{
    if (slice == NULL)
        return;
    slice_disarm(slice);
    timer_delete(slice->timer);
    free(slice);
}

void slice_arm(struct slice *slice, int64_t ms)
{
    struct timespec every = {.tv_sec = (time_t)(ms / 1000), .tv_nsec = (long)(ms % 1000) * 1000000};
    timer_settime(slice->timer, 0, &(struct itimerspec){.it_interval = every, .it_value = every},
                  NULL);
}

void slice_disarm(struct slice *slice)
{
    timer_settime(slice->timer, 0, &(struct itimerspec){0}, NULL);
}
