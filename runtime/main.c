/* From arguments to an exit code. */
#include "base/buf.h"
#include "cli/command.h"
#include "loop/random.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

extern char **environ;

int main(int argc, char **argv)
{
    struct random_source *random = random_system_new();
    mem_tune();
    jv_seed((uint32_t)random_u64(random));
    random_free(random);
    struct cli cli = {
        .env = (const char *const *)environ,
        .out = stdout,
        .err = stderr,
        .out_is_terminal = isatty(STDOUT_FILENO) == 1,
        .err_is_terminal = isatty(STDERR_FILENO) == 1,
    };
    const char *slash = argc > 0 ? strrchr(argv[0], '/') : NULL;
    if (argc > 0)
        cli.called = slash != NULL ? slash + 1 : argv[0];
    int code = command_main(&cli, argc - 1, argv + 1);
    /* What could not be written is a failure that nobody would see otherwise: a full disk. */
    if (fflush(stdout) != 0 && code == EXIT_DONE)
        code = EXIT_FAILED;
    return code;
}
