#include "loop/loop_internal.h"

#include "base/buf.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

static uint32_t epoll_mask(unsigned events)
{
    uint32_t mask = 0;
    if (events & LOOP_READ)
        mask |= EPOLLIN | EPOLLRDHUP;
    if (events & LOOP_WRITE)
        mask |= EPOLLOUT;
    if (events & LOOP_HANGUP)
        mask |= EPOLLRDHUP;
    return mask;
}

static unsigned loop_mask(uint32_t mask, unsigned wanted)
{
    unsigned events = 0;
    if (mask & EPOLLIN)
        events |= LOOP_READ;
    if (mask & EPOLLOUT)
        events |= LOOP_WRITE;
    if (mask & EPOLLRDHUP)
        events |= LOOP_READ | LOOP_HANGUP;
    if (mask & (EPOLLERR | EPOLLHUP))
        events |= LOOP_READ | LOOP_WRITE | LOOP_HANGUP;
    return wanted & LOOP_HANGUP ? events : events & (LOOP_READ | LOOP_WRITE);
}

/* epoll reports errors even for an empty mask, so a silent descriptor leaves the set. */
static int epoll_update(struct loop *loop, int fd, unsigned before, unsigned after)
{
    struct loop_slot *slot = &loop->slots[fd];
    struct epoll_event event = {
        .events = epoll_mask(after),
        .data.u64 = (uint64_t)slot->generation << 32 | (uint32_t)fd,
    };
    if (after == 0) {
        if (before != 0)
            epoll_ctl(loop->epoll_fd, EPOLL_CTL_DEL, fd, NULL);
        return 0;
    }
    int op = before == 0 ? EPOLL_CTL_ADD : EPOLL_CTL_MOD;
    if (epoll_ctl(loop->epoll_fd, op, fd, &event) == 0)
        return 0;
    /* The number was closed and opened again behind our back, or its old file still lives. */
    if (op == EPOLL_CTL_MOD && errno == ENOENT)
        return epoll_ctl(loop->epoll_fd, EPOLL_CTL_ADD, fd, &event);
    if (op == EPOLL_CTL_ADD && errno == EEXIST)
        return epoll_ctl(loop->epoll_fd, EPOLL_CTL_MOD, fd, &event);
    return -1;
}

static int slots_reserve(struct loop *loop, int fd, struct err *err)
{
    if (fd < 0 || fd >= LOOP_FD_MAX)
        return err_set(err, ERR_LIMIT, "watch descriptor %d: must be 0 to %d", fd, LOOP_FD_MAX - 1);
    if ((size_t)fd < loop->slot_count)
        return 0;
    size_t count = loop->slot_count ? loop->slot_count : 64;
    while (count <= (size_t)fd)
        count *= 2;
    loop->slots = mem_grow(loop->slots, count * sizeof *loop->slots);
    memset(loop->slots + loop->slot_count, 0, (count - loop->slot_count) * sizeof *loop->slots);
    loop->slot_count = count;
    return 0;
}

static int signals_dispatch(struct loop *loop)
{
    struct signalfd_siginfo info;
    int count = 0;
    while (read(loop->signal_fd, &info, sizeof info) == (ssize_t)sizeof info) {
        struct loop_signal handler = loop->handlers[info.ssi_signo];
        if (!handler.fn)
            continue;
        handler.fn(handler.arg, (int)info.ssi_signo);
        count++;
    }
    return count;
}

static int signal_fd_update(struct loop *loop, struct err *err)
{
    int fd = signalfd(loop->signal_fd, &loop->signals, SFD_NONBLOCK | SFD_CLOEXEC);
    if (fd < 0)
        return err_errno(err, errno, "make a signalfd");
    if (loop->signal_fd >= 0)
        return 0;
    struct epoll_event event = {.events = EPOLLIN, .data.u64 = LOOP_TAG_SIGNAL};
    if (epoll_ctl(loop->epoll_fd, EPOLL_CTL_ADD, fd, &event) != 0) {
        int saved = errno;
        close(fd);
        return err_errno(err, saved, "watch the signalfd");
    }
    loop->signal_fd = fd;
    return 0;
}

static void signal_unblock(struct loop *loop, int signo)
{
    if (loop->handlers[signo].was_blocked)
        return;
    sigset_t one;
    sigemptyset(&one);
    sigaddset(&one, signo);
    pthread_sigmask(SIG_UNBLOCK, &one, NULL);
}

int loop_fd_dispatch(struct loop *loop, const struct epoll_event *event)
{
    if (event->data.u64 == LOOP_TAG_TIMER) {
        loop->armed_ns = -1;
        return 0;
    }
    if (event->data.u64 == LOOP_TAG_SIGNAL)
        return signals_dispatch(loop);
    int fd = (int)(uint32_t)event->data.u64;
    struct loop_slot slot = loop->slots[fd];
    if (!slot.fn || slot.generation != event->data.u64 >> 32 || slot.events == 0)
        return 0; /* removed or silenced by an earlier callback of this turn */
    slot.fn(slot.arg, fd, loop_mask(event->events, slot.events));
    return 1;
}

void loop_fd_free_all(struct loop *loop)
{
    free(loop->slots);
    if (loop->signal_fd < 0)
        return;
    struct signalfd_siginfo info;
    while (read(loop->signal_fd, &info, sizeof info) > 0)
        ; /* what is pending was meant for us: unblocking would deliver it to the default action */
    for (int signo = 1; signo < NSIG; signo++)
        if (loop->handlers[signo].fn)
            signal_unblock(loop, signo);
    close(loop->signal_fd);
}

int loop_fd_set(struct loop *loop, int fd, unsigned events, loop_fd_fn fn, void *arg,
                struct err *err)
{
    if (slots_reserve(loop, fd, err) != 0)
        return -1;
    struct loop_slot *slot = &loop->slots[fd];
    bool is_new = !slot->fn;
    if (is_new)
        slot->generation = (slot->generation + 1) & 0x7fffffff; /* never equal to a tag */
    unsigned before = is_new ? 0 : slot->events;
    if (epoll_update(loop, fd, before, events) != 0)
        return err_errno(err, errno, "watch descriptor %d", fd);
    slot->fn = fn;
    slot->arg = arg;
    slot->events = events;
    if (is_new)
        loop->fd_count++;
    return 0;
}

void loop_fd_remove(struct loop *loop, int fd)
{
    if (fd < 0 || (size_t)fd >= loop->slot_count || !loop->slots[fd].fn)
        return;
    struct loop_slot *slot = &loop->slots[fd];
    epoll_update(loop, fd, slot->events, 0);
    slot->fn = NULL;
    slot->events = 0;
    loop->fd_count--;
}

int loop_signal_set(struct loop *loop, int signo, void (*fn)(void *arg, int signo), void *arg,
                    struct err *err)
{
    if (signo <= 0 || signo >= NSIG)
        return err_set(err, ERR_INVALID, "handle signal %d: there is no such signal", signo);
    struct loop_signal *handler = &loop->handlers[signo];
    bool had = handler->fn != NULL;
    if (fn)
        sigaddset(&loop->signals, signo);
    else
        sigdelset(&loop->signals, signo);
    if (fn && !had) {
        sigset_t one, old;
        sigemptyset(&one);
        sigaddset(&one, signo);
        pthread_sigmask(SIG_BLOCK, &one, &old);
        handler->was_blocked = sigismember(&old, signo) == 1;
    }
    if ((fn || had) && signal_fd_update(loop, err) != 0)
        return -1;
    if (!fn && had)
        signal_unblock(loop, signo);
    handler->fn = fn;
    handler->arg = arg;
    return 0;
}
