/* The real API server of a command that only reads. */
#ifndef NEMETON_CLI_LIVE_H
#define NEMETON_CLI_LIVE_H

#include "cli/client.h"
#include "cli/options.h"

struct live { /* parts are lent */
    struct clock *clock;
    struct random_source *random;
    struct loop *loop;
    struct kube_config *config;
    struct transport *transport;
    struct client *client;
};

/* Reads the configuration and asks for the server's version. -1: there is no connection. */
int live_open(struct live *live, const struct cli *cli, const char *kubeconfig, const char *context,
              struct err *err);
void live_close(struct live *live);

#endif
