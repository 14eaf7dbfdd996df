/* What the files of the server share: server.c (the daemon on the loop, connections, deadlines),
 * server_request.c (one request as an exchange).
 */
#ifndef NEMETON_LOOP_SERVER_INTERNAL_H
#define NEMETON_LOOP_SERVER_INTERNAL_H

#include "base/buf.h"
#include "loop/server.h"

struct MHD_Connection;
struct MHD_Daemon;
struct MHD_Response;

struct server {
    struct loop *loop;
    struct MHD_Daemon *daemon;
    int epoll_fd;
    struct loop_timer *timer; /* what the daemon itself wants to be woken for */
    struct loop_timer *wake;  /* a connection was resumed: run the daemon in this turn */
    exchange_handler handler;
    void *arg;
    size_t body_bytes_max;
    const char *too_large_type, *too_large_body;
    unsigned idle_timeout_s;
    bool is_stopping;
    struct server_connection *connections; /* doubly linked */
    size_t connection_count, connections_max;
    char log[256]; /* the daemon's last complaint */
};

struct server_connection {
    struct server *server;
    struct server_connection *prev, *next;
    int fd;
    struct loop_timer *deadline; /* until when the next request must be in; NULL: at work */
    struct server_request *request;
};

/* Lives from the request line until the daemon is done with the request; the handler's exchange ends
 * earlier, when it has answered or the peer has gone. */
struct server_request {
    struct exchange base;
    struct server_connection *connection;
    struct MHD_Connection *mhd;
    struct buf upload;
    size_t discarded; /* of an upload that is too large */
    bool is_too_large;
    bool is_dispatched; /* the handler was called */
    bool is_held;       /* by the handler: on_close must run when the peer goes */
    bool is_suspended;
    bool is_watched; /* the loop tells when the peer hangs up */
    bool is_streaming, is_ended, is_cut;
    int status;
    struct MHD_Response *response; /* decided, not yet handed to the daemon */
    struct buf out;                /* streamed, not yet taken by the daemon */
    size_t out_taken;              /* the front of it that is */
};

/* To be called after a connection was resumed: without threads of its own the daemon does not notice. */
void server_wake(struct server *server);
/* How long from now the whole of the next request may take; idle_times of 0 ends the deadline. */
void server_connection_deadline(struct server_connection *connection, unsigned idle_times);

struct server_request *server_request_new(struct server_connection *connection, const char *target);
/* The daemon calls with the next part of a request; returns an MHD_Result. */
int server_request_step(struct server_request *request, struct MHD_Connection *mhd,
                        const char *method, const char *data, size_t *len);
/* The peer is gone or the server stops: on_close runs, the daemon will close the connection. */
void server_request_cut(struct server_request *request);
void server_request_free(struct server_request *request);

#endif
