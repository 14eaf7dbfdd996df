/* /druid.sh TYPE: a process of Druid. Called /docker-entrypoint.sh …: the registry instead of ZooKeeper.
   Called /bin/sh -c …: what the example lets an Overlord wait for, which the stand-in does not need. */
#include "standin.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

long long now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (long long)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* As a JVM that is told to end. */
static void end(int signo)
{
    _exit(128 + signo);
}

int main(int argc, char **argv)
{
    signal(SIGTERM, end);
    signal(SIGINT, end);
    signal(SIGPIPE, SIG_IGN);
    if (strstr(argv[0], "docker-entrypoint")) {
        registry_run(2181);
    }
    if (strcmp(argv[0], "/bin/sh") == 0) {
        return 0;
    }
    if (argc != 2) {
        fprintf(stderr, "usage: /druid.sh "
                        "coordinator|overlord|historical|middleManager|indexer|broker|router\n");
        return 2;
    }
    struct standin *self = calloc(1, sizeof(*self));
    if (!self) {
        return 1;
    }
    config_load(self, argv[1]);
    printf("%s %s at %s\n", self->self.type, self->version, self->self.host);
    fflush(stdout);
    http_serve(self, atoi(strrchr(self->self.host, ':') + 1));
    return 0;
}
