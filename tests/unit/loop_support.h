/* What the tests of loop/ share: a loop with its clock, a recording client, and the proof that
 * nothing is left open.
 */
#ifndef NEMETON_TESTS_LOOP_SUPPORT_H
#define NEMETON_TESTS_LOOP_SUPPORT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "idle.h"

#include "base/buf.h"
#include "loop/loop.h"
#include "loop/transport.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static inline size_t open_fds(void)
{
    size_t count = 0;
    DIR *dir = opendir("/proc/self/fd");
    assert_non_null(dir);
    while (readdir(dir))
        count++;
    closedir(dir);
    return count;
}

struct world {
    struct clock *clock;
    struct loop *loop;
    size_t fds_before;
};

static inline struct world world_new(struct clock *clock)
{
    struct world world = {.clock = clock, .fds_before = open_fds()};
    struct err err = {0};
    world.loop = loop_new(clock, &err);
    assert_non_null(world.loop);
    return world;
}

static inline void world_end(struct world *world)
{
    loop_free_idle(world->loop);
    clock_free(world->clock);
    assert_int_equal(open_fds(), world->fds_before);
}

/* Records what a call got. */
struct client {
    struct transport *transport;
    struct http_call *call;
    int heads, dones;
    int status;
    struct err err;
    char body[4096]; /* what of it fits */
    size_t body_len;
    char header[256]; /* value of header `wanted` */
    const char *wanted;
    int stop_after_bytes; /* > 0: on_data says -1 from there on */
    bool cancel_in_data;
};

static inline void client_on_head(void *arg, const struct http_response *head)
{
    struct client *client = arg;
    client->heads++;
    client->status = head->status;
}

static inline void client_keep(struct client *client, const char *data, size_t len)
{
    size_t room = sizeof client->body - 1;
    if (client->body_len < room)
        memcpy(client->body + client->body_len, data,
               len < room - client->body_len ? len : room - client->body_len);
    client->body_len += len;
}

static inline int client_on_data(void *arg, const char *data, size_t len)
{
    struct client *client = arg;
    client_keep(client, data, len);
    if (client->cancel_in_data) {
        transport_cancel(client->transport, client->call);
        client->call = NULL;
    }
    return client->stop_after_bytes > 0 && client->body_len >= (size_t)client->stop_after_bytes ? -1
                                                                                                : 0;
}

static inline void client_on_done(void *arg, const struct http_response *response,
                                  const struct err *err)
{
    struct client *client = arg;
    client->dones++;
    client->call = NULL;
    if (err) {
        assert_null(response);
        client->err = *err;
        return;
    }
    client->status = response->status;
    client_keep(client, response->body, response->body_len);
    const char *value = client->wanted ? http_response_header(response, client->wanted) : NULL;
    snprintf(client->header, sizeof client->header, "%s", value ? value : "");
}

static const struct http_callbacks client_callbacks = {
    .on_head = client_on_head,
    .on_data = client_on_data,
    .on_done = client_on_done,
};

static inline void client_start(struct client *client, struct transport *transport,
                                const struct http_request *request)
{
    struct err err = {0};
    client->transport = transport;
    client->call = transport_start(transport, request, &client_callbacks, client, &err);
    if (!client->call)
        fail_msg("start: %s", err.text);
    assert_int_equal(client->dones, 0);
}

static inline bool client_is_done(void *arg)
{
    return ((struct client *)arg)->dones > 0;
}

static inline void client_wait(struct client *client, struct loop *loop)
{
    assert_true(loop_run_until(loop, client_is_done, client, 20000));
    assert_int_equal(client->dones, 1);
}

#endif
