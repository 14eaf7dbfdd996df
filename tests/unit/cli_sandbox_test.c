/* `nemeton sandbox` as a process of its own, where signals and real time matter. */
#include "cli_support.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <time.h>

static void sleep_ms(long ms)
{
    struct timespec time = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};
    nanosleep(&time, NULL);
}

static char *file_text(const char *path)
{
    char *text = calloc(1, 1 << 16);
    FILE *file = fopen(path, "r");
    if (file != NULL) {
        size_t len = fread(text, 1, (1 << 16) - 1, file);
        text[len] = '\0';
        fclose(file);
    }
    return text;
}

/* The command as a child, its error stream in a file. */
static pid_t start(char *const *argv, int argc, const char *errors)
{
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid > 0)
        return pid;
    int fd = open(errors, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    dup2(fd, STDERR_FILENO);
    struct outcome outcome = run_program(argc, argv);
    outcome_free(&outcome);
    _exit(outcome.code);
}

/* Waits for a text behind another one, which may be "". */
static bool wait_for(const char *path, const char *before, const char *text)
{
    for (int i = 0; i < 3000; i++) {
        char *got = file_text(path);
        const char *from = strstr(got, before);
        bool found = from != NULL && strstr(from, text) != NULL;
        free(got);
        if (found)
            return true;
        sleep_ms(20);
    }
    return false;
}

/* A stall of a third of a second is half a minute of the sandbox's clock: longer than any lease. */
static void starts_the_operator_again_when_it_lost_its_lease(void **state)
{
    (void)state;
    struct folder folder = folder_make();
    char errors[128], kubeconfig[128];
    snprintf(errors, sizeof(errors), "%s/errors", folder.path);
    snprintf(kubeconfig, sizeof(kubeconfig), "%s/kubeconfig", folder.path);
    const char *ended = "The operator has ended and starts again";
    char *argv[] = {"sandbox", "--speed", "100", "--kubeconfig-out", kubeconfig};
    pid_t pid = start(argv, 5, errors);
    assert_true(wait_for(errors, "", "\"Leading\""));
    kill(pid, SIGSTOP);
    sleep_ms(350);
    kill(pid, SIGCONT);
    bool leads_again = wait_for(errors, ended, "\"Leading\"");
    int status = 0;
    kill(pid, SIGTERM);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    char *text = file_text(errors);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), EXIT_DONE);
    if (!leads_again)
        fail_msg("it does not lead again:\n%s", text);
    assert_has(strstr(text, ended), "the lease nemeton-system/nemeton was lost");
    free(text);
    folder_remove(&folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(starts_the_operator_again_when_it_lost_its_lease),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
