#include "cli/live.h"

#include "loop/http.h"

int live_open(struct live *live, const struct cli *cli, const char *kubeconfig, const char *context,
              struct err *err)
{
    struct kube_config_options config = {
        .kubeconfig = kubeconfig, .context = context, .env = cli->env};
    struct http_options http = {.user_agent = "nemeton/" NEMETON_VERSION};
    *live = (struct live){.clock = clock_real_new(), .random = random_system_new()};
    live->loop = loop_new(live->clock, err);
    if (live->loop != NULL)
        live->config = kube_config_load(live->loop, &config, err);
    if (live->config != NULL)
        live->transport = http_transport_new(live->loop, &http, err);
    if (live->transport == NULL) {
        live_close(live);
        return -1;
    }
    struct client_options client = {.loop = live->loop,
                                    .transport = live->transport,
                                    .config = live->config,
                                    .random = live->random};
    live->client = client_new(&client);
    if (client_ping(live->client, err) == 0)
        return 0;
    err_wrap(err, "no connection to %s (%s)", kube_config_server(live->config),
             kube_config_source(live->config));
    live_close(live);
    return -1;
}

void live_close(struct live *live)
{
    client_free(live->client);
    if (live->transport != NULL)
        transport_free(live->transport);
    kube_config_free(live->config);
    loop_free(live->loop);
    random_free(live->random);
    clock_free(live->clock);
}
