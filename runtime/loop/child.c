#include "loop/child.h"

#include "base/buf.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

struct child {
    struct loop *loop;
    child_fn fn;
    void *arg;
    pid_t pid;
    int pidfd;
    int out_fd; /* the pipe's reading end; -1 after its end */
    struct loop_timer *timeout;
    int64_t timeout_ms;
    char *name;
    struct buf output;
    bool has_exited;
    int wait_status;
};

static void child_free(struct child *child)
{
    loop_timer_cancel(child->loop, child->timeout);
    if (child->out_fd >= 0) {
        loop_fd_remove(child->loop, child->out_fd);
        close(child->out_fd);
    }
    if (child->pidfd >= 0) {
        loop_fd_remove(child->loop, child->pidfd);
        close(child->pidfd);
    }
    buf_deinit(&child->output);
    free(child->name);
    free(child);
}

/* Its own process group goes with it, so that no helper of a plugin keeps the pipe or runs on. */
static void child_kill(struct child *child)
{
    if (child->has_exited)
        return;
    if (kill(-child->pid, SIGKILL) != 0)
        kill(child->pid, SIGKILL);
    while (waitpid(child->pid, &child->wait_status, 0) < 0 && errno == EINTR)
        ;
    child->has_exited = true;
}

static void child_finish(struct child *child, const struct err *err)
{
    child_kill(child);
    int code = WIFEXITED(child->wait_status) ? WEXITSTATUS(child->wait_status)
                                             : 128 + WTERMSIG(child->wait_status);
    child->fn(child->arg, code, buf_str(&child->output), child->output.len, err);
    child_free(child);
}

static void child_fail(struct child *child, enum err_code code, const char *what)
{
    struct err err = {0};
    err_set(&err, code, "run `%s`: %s", child->name, what);
    child_finish(child, &err);
}

static void timed_out(void *arg)
{
    struct child *child = arg;
    struct err err = {0};
    child->timeout = NULL;
    err_set(&err, ERR_TIMEOUT, "run `%s`: it did not end within %lld ms and was killed",
            child->name, (long long)child->timeout_ms);
    child_finish(child, &err);
}

static void output_ended(struct child *child)
{
    loop_fd_remove(child->loop, child->out_fd);
    close(child->out_fd);
    child->out_fd = -1;
}

/* Reads what is there. Returns -1 when the child was finished because of its output. */
static int output_read(struct child *child)
{
    char piece[4096];
    for (;;) {
        ssize_t got = read(child->out_fd, piece, sizeof piece);
        if (got > 0) {
            if (buf_add(&child->output, piece, (size_t)got) == 0)
                continue;
            child_fail(child, ERR_TOO_LARGE, "its output is over the maximum, it was killed");
            return -1;
        }
        if (got < 0 && errno == EINTR)
            continue;
        if (got == 0 || errno != EAGAIN)
            output_ended(child);
        return 0;
    }
}

static void output_ready(void *arg, int fd, unsigned events)
{
    struct child *child = arg;
    (void)fd;
    (void)events;
    if (output_read(child) == 0 && child->out_fd < 0 && child->has_exited)
        child_finish(child, NULL);
}

static void exit_ready(void *arg, int fd, unsigned events)
{
    struct child *child = arg;
    (void)fd;
    (void)events;
    pid_t got = waitpid(child->pid, &child->wait_status, WNOHANG);
    if (got == 0 || (got < 0 && errno == EINTR))
        return;
    child->has_exited = true;
    /* What it wrote is in the pipe by now; a grandchild that keeps the pipe open is not waited for. */
    if (child->out_fd >= 0 && output_read(child) != 0)
        return;
    child_finish(child, NULL);
}

static int actions_fill(posix_spawn_file_actions_t *actions, posix_spawnattr_t *attributes,
                        const struct child_options *options, int out_fd)
{
    sigset_t none, all;
    sigemptyset(&none);
    sigfillset(&all);
    int failed = 0;
    if (!options->interactive)
        failed |= posix_spawn_file_actions_addopen(actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    failed |= posix_spawn_file_actions_adddup2(actions, out_fd, STDOUT_FILENO);
    failed |= posix_spawn_file_actions_addclosefrom_np(actions, STDERR_FILENO + 1);
    failed |= posix_spawnattr_setsigmask(attributes, &none);
    failed |= posix_spawnattr_setsigdefault(attributes, &all);
    short flags = POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF;
    /* One that asks at the terminal must stay in the foreground's group, or its read would stop it. */
    if (!options->interactive) {
        flags |= POSIX_SPAWN_SETPGROUP;
        failed |= posix_spawnattr_setpgroup(attributes, 0);
    }
    return failed | posix_spawnattr_setflags(attributes, flags);
}

static int spawn(const struct child_options *options, int out_fd, pid_t *pid)
{
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    posix_spawn_file_actions_init(&actions);
    posix_spawnattr_init(&attributes);
    int errnum = actions_fill(&actions, &attributes, options, out_fd);
    if (errnum == 0) /* argv and env are constant to us; the interface only forgot to say so */
        errnum = posix_spawnp(pid, options->argv[0], &actions, &attributes,
                              (char *const *)(uintptr_t)options->argv,
                              (char *const *)(uintptr_t)options->env);
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
    return errnum;
}

static int child_watch(struct child *child, struct err *err)
{
    child->pidfd = (int)syscall(SYS_pidfd_open, child->pid, 0);
    if (child->pidfd < 0)
        return err_errno(err, errno, "run `%s`: watch the process", child->name);
    if (loop_fd_set(child->loop, child->pidfd, LOOP_READ, exit_ready, child, err) != 0)
        return -1;
    return loop_fd_set(child->loop, child->out_fd, LOOP_READ, output_ready, child, err);
}

struct child *child_start(struct loop *loop, const struct child_options *options, child_fn fn,
                          void *arg, struct err *err)
{
    int pipe_fd[2];
    if (pipe2(pipe_fd, O_CLOEXEC) != 0) {
        err_errno(err, errno, "run `%s`: make a pipe", options->argv[0]);
        return NULL;
    }
    pid_t pid;
    int errnum = spawn(options, pipe_fd[1], &pid);
    close(pipe_fd[1]);
    if (errnum != 0) {
        close(pipe_fd[0]);
        err_errno(err, errnum, "run `%s`", options->argv[0]);
        return NULL;
    }
    fcntl(pipe_fd[0], F_SETFL, O_NONBLOCK);
    struct child *child = mem_alloc(sizeof *child);
    child->loop = loop;
    child->fn = fn;
    child->arg = arg;
    child->pid = pid;
    child->out_fd = pipe_fd[0];
    child->timeout_ms = options->timeout_ms;
    child->name = mem_str(options->argv[0]);
    buf_init(&child->output, options->output_bytes_max);
    if (child_watch(child, err) != 0) {
        child_cancel(child);
        return NULL;
    }
    if (options->timeout_ms > 0)
        child->timeout = loop_timer_add(loop, options->timeout_ms, timed_out, child);
    return child;
}

void child_cancel(struct child *child)
{
    if (!child)
        return;
    child_kill(child);
    child_free(child);
}
