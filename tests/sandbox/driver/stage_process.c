#include "stage.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { OPERATORS = 2, STOP_TRIES = 200, STOP_PAUSE_MS = 50 };

extern char **environ;

struct process_stage {
    struct stage stage;
    pid_t pids[OPERATORS]; /* 0: none */
    char *nemeton, *folder;
    char *kubeconfig; /* of the operator */
    char *admin;      /* kubeconfig of the person */
    unsigned started;
};

static void reap(struct process_stage *self, size_t index, int signo, bool patiently)
{
    if (self->pids[index] == 0) {
        return;
    }
    kill(self->pids[index], signo);
    for (int i = 0; patiently && i < STOP_TRIES; i++) {
        if (waitpid(self->pids[index], NULL, WNOHANG) == self->pids[index]) {
            self->pids[index] = 0;
            return;
        }
        usleep(STOP_PAUSE_MS * 1000);
    }
    kill(self->pids[index], SIGKILL);
    waitpid(self->pids[index], NULL, 0);
    self->pids[index] = 0;
}

static int start(struct process_stage *self, size_t index, struct err *err)
{
    if (self->pids[index] != 0) {
        return err_set(err, ERR_INVALID, "operator %zu runs already", index);
    }
    char *log = mem_printf("%s/operator-%u.log", self->folder, self->started++);
    posix_spawn_file_actions_t files;
    posix_spawn_file_actions_init(&files);
    posix_spawn_file_actions_addopen(&files, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_addopen(&files, STDERR_FILENO, log, O_WRONLY | O_CREAT | O_TRUNC,
                                     0600);
    posix_spawn_file_actions_adddup2(&files, STDERR_FILENO, STDOUT_FILENO);
    const char *argv[] = {self->nemeton,
                          "run",
                          "--kubeconfig",
                          self->kubeconfig,
                          "--metrics-bind-address",
                          "0",
                          "--health-probe-bind-address",
                          "0",
                          NULL};
    posix_spawnattr_t attributes;
    posix_spawnattr_init(&attributes);
    sigset_t none;
    sigemptyset(&none);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK);
    int failed = posix_spawn(&self->pids[index], self->nemeton, &files, &attributes,
                             (char *const *)argv, environ);
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&files);
    free(log);
    if (failed) {
        self->pids[index] = 0;
        return err_errno(err, failed, "start `%s`", self->nemeton);
    }
    return 0;
}

/* The command that tells what a takeover would do: fails when a pod would restart. */
static int adopt(struct process_stage *self, struct err *err)
{
    const char *argv[] = {self->nemeton, "adopt", "--dry-run", "--kubeconfig", self->admin, NULL};
    char *log = mem_printf("%s/adopt.log", self->folder);
    posix_spawn_file_actions_t files;
    posix_spawn_file_actions_init(&files);
    posix_spawn_file_actions_addopen(&files, STDOUT_FILENO, log, O_WRONLY | O_CREAT | O_TRUNC,
                                     0600);
    posix_spawn_file_actions_adddup2(&files, STDOUT_FILENO, STDERR_FILENO);
    pid_t pid;
    int status = 0;
    int failed = posix_spawn(&pid, self->nemeton, &files, NULL, (char *const *)argv, environ);
    posix_spawn_file_actions_destroy(&files);
    if (failed) {
        err_errno(err, failed, "start `%s adopt`", self->nemeton);
    } else if (waitpid(pid, &status, 0) != pid || status != 0) {
        failed = err_set(err, ERR_INVALID, "`nemeton adopt --dry-run` ended with %d, see %s",
                         WIFEXITED(status) ? WEXITSTATUS(status) : -1, log);
    }
    free(log);
    return failed ? -1 : 0;
}

static int process_command(struct stage *stage, const char *what, struct err *err)
{
    struct process_stage *self = (struct process_stage *)stage;
    if (strcmp(what, "start") == 0) {
        return start(self, 0, err);
    }
    if (strcmp(what, "second") == 0) {
        return start(self, 1, err);
    }
    if (strcmp(what, "kill") == 0) {
        reap(self, 0, SIGKILL, false);
        return 0;
    }
    if (strcmp(what, "adopt") == 0) {
        return adopt(self, err);
    }
    if (strcmp(what, "stop-all") == 0) {
        for (size_t i = 0; i < OPERATORS; i++) {
            reap(self, i, SIGTERM, true);
        }
        return 0;
    }
    return err_set(err, ERR_INVALID, "no such command: %s", what);
}

static void process_free(struct stage *stage)
{
    struct process_stage *self = (struct process_stage *)stage;
    for (size_t i = 0; i < OPERATORS; i++) {
        reap(self, i, SIGKILL, false);
    }
    kube_config_free(stage->config);
    if (stage->transport) {
        transport_free(stage->transport);
    }
    loop_free(stage->loop);
    random_free(stage->random);
    clock_free(stage->clock);
    free(self->nemeton);
    free(self->kubeconfig);
    free(self->admin);
    free(self->folder);
    free(self);
}

struct stage *stage_process_new(const struct stage_options *options, struct err *err)
{
    struct process_stage *self = mem_alloc(sizeof(*self));
    struct stage *stage = &self->stage;
    self->nemeton = mem_str(options->nemeton);
    self->admin = mem_str(options->kubeconfig);
    self->kubeconfig =
        mem_str(options->operator_kubeconfig ? options->operator_kubeconfig : options->kubeconfig);
    self->folder = mem_str(options->folder);
    stage->mode = options->mode;
    stage->policy_namespace = "nemeton-system";
    stage->command = process_command;
    stage->free = process_free;
    stage->clock = clock_real_new();
    stage->random = random_system_new();
    stage->loop = loop_new(stage->clock, err);
    struct http_options http = {
        .user_agent = "nemeton-scenario", .in_flight_max = 64, .queue_max = 1024};
    stage->transport = stage->loop ? http_transport_new(stage->loop, &http, err) : NULL;
    struct kube_config_options config = {.kubeconfig = options->kubeconfig,
                                         .env = (const char *const *)environ,
                                         .log = options->log};
    stage->config = stage->transport ? kube_config_load(stage->loop, &config, err) : NULL;
    if (!stage->config) {
        process_free(stage);
        return NULL;
    }
    return stage;
}
