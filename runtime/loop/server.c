#include "loop/server_internal.h"

#include <arpa/inet.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

enum { HEAD_BYTES_MAX = 64 << 10, NS_PER_MS = 1000000 };

union any_address {
    struct sockaddr base;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
};

static void server_run(struct server *server);

static void timer_due(void *arg)
{
    struct server *server = arg;
    server->timer = NULL;
    server_run(server);
}

static void server_run(struct server *server)
{
    MHD_UNSIGNED_LONG_LONG timeout_ms;
    MHD_run(server->daemon);
    loop_timer_cancel(server->loop, server->timer);
    server->timer = NULL;
    if (MHD_get_timeout(server->daemon, &timeout_ms) != MHD_YES)
        return;
    int64_t ns = timeout_ms < 3600000 ? (int64_t)timeout_ms * NS_PER_MS : 3600000ll * NS_PER_MS;
    server->timer = loop_timer_add_ns(
        server->loop, clock_from_kernel_ns(loop_clock(server->loop), ns), timer_due, server);
}

static void wake_due(void *arg)
{
    struct server *server = arg;
    server->wake = NULL;
    server_run(server);
}

static void epoll_ready(void *arg, int fd, unsigned events)
{
    (void)fd;
    (void)events;
    server_run(arg);
}

static void deadline_due(void *arg)
{
    struct server_connection *connection = arg;
    connection->deadline = NULL;
    shutdown(connection->fd, SHUT_RDWR); /* the daemon sees an end and closes */
}

static void on_connection(void *arg, struct MHD_Connection *mhd, void **context,
                          enum MHD_ConnectionNotificationCode code)
{
    struct server *server = arg;
    struct server_connection *connection = *context;
    if (code == MHD_CONNECTION_NOTIFY_STARTED) {
        const union MHD_ConnectionInfo *info =
            MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CONNECTION_FD);
        connection = mem_alloc(sizeof *connection);
        connection->server = server;
        connection->fd = info->connect_fd;
        connection->next = server->connections;
        if (connection->next)
            connection->next->prev = connection;
        server->connections = connection;
        server->connection_count++;
        *context = connection;
        server_connection_deadline(connection, 2);
        return;
    }
    *context = NULL;
    if (!connection)
        return;
    /* The daemon stopped listening at the limit and looks again only when it is run. */
    if (server->connection_count-- >= server->connections_max)
        server_wake(server);
    if (connection->request)
        server_request_free(connection->request);
    loop_timer_cancel(server->loop, connection->deadline);
    if (connection->prev)
        connection->prev->next = connection->next;
    else
        server->connections = connection->next;
    if (connection->next)
        connection->next->prev = connection->prev;
    free(connection);
}

/* The request line is in, with the target as it was sent. The result becomes *context below. */
static void *on_request_line(void *arg, const char *target, struct MHD_Connection *mhd)
{
    (void)arg;
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    struct server_connection *connection = info->socket_context;
    if (connection->request)
        server_request_free(connection->request);
    connection->request = server_request_new(connection, target);
    server_connection_deadline(connection, 2);
    return connection->request;
}

static enum MHD_Result on_access(void *arg, struct MHD_Connection *mhd, const char *url,
                                 const char *method, const char *version, const char *upload,
                                 size_t *upload_len, void **context)
{
    struct server *server = arg;
    (void)url;
    (void)version;
    if (!*context || server->is_stopping)
        return MHD_NO;
    return (enum MHD_Result)server_request_step(*context, mhd, method, upload, upload_len);
}

static void on_completed(void *arg, struct MHD_Connection *mhd, void **context,
                         enum MHD_RequestTerminationCode code)
{
    struct server_request *request = *context;
    (void)arg;
    (void)mhd;
    (void)code;
    *context = NULL;
    if (!request)
        return;
    struct server_connection *connection = request->connection;
    connection->request = NULL;
    server_request_free(request);
    server_connection_deadline(connection, 1);
}

static void on_log(void *arg, const char *format, va_list args)
    __attribute__((format(printf, 2, 0)));

static void on_log(void *arg, const char *format, va_list args)
{
    struct server *server = arg;
    vsnprintf(server->log, sizeof server->log, format, args);
    server->log[strcspn(server->log, "\r\n")] = '\0';
}

static int address_parse(const char *text, uint16_t port, union any_address *out, struct err *err)
{
    memset(out, 0, sizeof *out);
    if (!text || !*text) {
        out->v6 = (struct sockaddr_in6){
            .sin6_family = AF_INET6, .sin6_port = htons(port), .sin6_addr = in6addr_any};
        return 0;
    }
    if (inet_pton(AF_INET, strcmp(text, "localhost") == 0 ? "127.0.0.1" : text,
                  &out->v4.sin_addr) == 1) {
        out->v4.sin_family = AF_INET;
        out->v4.sin_port = htons(port);
        return 0;
    }
    char bare[INET6_ADDRSTRLEN + 2] = "";
    size_t len = strlen(text);
    bool has_brackets = text[0] == '[' && text[len - 1] == ']';
    snprintf(bare, sizeof bare, "%.*s", (int)(has_brackets ? len - 2 : len),
             has_brackets ? text + 1 : text);
    if (inet_pton(AF_INET6, bare, &out->v6.sin6_addr) != 1)
        return err_set(err, ERR_INVALID, "listen on `%s`: it is not an IP address", text);
    out->v6.sin6_family = AF_INET6;
    out->v6.sin6_port = htons(port);
    return 0;
}

static struct MHD_Daemon *daemon_start(struct server *server, const struct server_options *options,
                                       const union any_address *address)
{
    bool is_tls = options->cert_pem && options->key_pem;
    unsigned flags = MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG;
    if (address->base.sa_family == AF_INET6)
        flags |= options->address && *options->address ? MHD_USE_IPv6 : MHD_USE_DUAL_STACK;
    if (is_tls)
        flags |= MHD_USE_TLS;
    struct MHD_OptionItem items[] = {
        {MHD_OPTION_NOTIFY_CONNECTION, (intptr_t)on_connection, server},
        {MHD_OPTION_NOTIFY_COMPLETED, (intptr_t)on_completed, server},
        {MHD_OPTION_URI_LOG_CALLBACK, (intptr_t)on_request_line, server},
        {MHD_OPTION_SOCK_ADDR, 0, (void *)(uintptr_t)&address->base},
        {MHD_OPTION_CONNECTION_LIMIT, (intptr_t)options->connections_max, NULL},
        {MHD_OPTION_CONNECTION_TIMEOUT, (intptr_t)options->idle_timeout_s, NULL},
        {MHD_OPTION_CONNECTION_MEMORY_LIMIT, HEAD_BYTES_MAX, NULL},
        {is_tls ? MHD_OPTION_HTTPS_MEM_CERT : MHD_OPTION_END, 0,
         (void *)(uintptr_t)options->cert_pem},
        {MHD_OPTION_HTTPS_MEM_KEY, 0, (void *)(uintptr_t)options->key_pem},
        {MHD_OPTION_END, 0, NULL},
    };
    /* The logger goes first: it tells what is wrong with the others. */
    return MHD_start_daemon(flags, 0, NULL, NULL, on_access, server, MHD_OPTION_EXTERNAL_LOGGER,
                            on_log, server, MHD_OPTION_ARRAY, items, MHD_OPTION_END);
}

void server_wake(struct server *server)
{
    if (!server->wake && !server->is_stopping)
        server->wake = loop_defer(server->loop, wake_due, server);
}

void server_connection_deadline(struct server_connection *connection, unsigned idle_times)
{
    struct server *server = connection->server;
    loop_timer_cancel(server->loop, connection->deadline);
    connection->deadline = NULL;
    if (idle_times == 0 || server->idle_timeout_s == 0 || server->is_stopping)
        return;
    int64_t ns = (int64_t)idle_times * server->idle_timeout_s * 1000 * NS_PER_MS;
    connection->deadline = loop_timer_add_ns(
        server->loop, clock_from_kernel_ns(loop_clock(server->loop), ns), deadline_due, connection);
}

struct server *server_start(struct loop *loop, const struct server_options *options,
                            exchange_handler handler, void *arg, struct err *err)
{
    union any_address address;
    if (address_parse(options->address, options->port, &address, err) != 0)
        return NULL;
    struct server *server = mem_alloc(sizeof *server);
    server->loop = loop;
    server->handler = handler;
    server->arg = arg;
    server->body_bytes_max = options->body_bytes_max;
    server->too_large_type = options->too_large_body ? options->too_large_type : "text/plain";
    server->too_large_body = options->too_large_body ? options->too_large_body
                                                     : "the request body is over the maximum\n";
    server->idle_timeout_s = options->idle_timeout_s;
    server->connections_max = options->connections_max;
    server->daemon = daemon_start(server, options, &address);
    if (!server->daemon && (!options->address || !*options->address)) {
        address_parse("0.0.0.0", options->port, &address, NULL); /* a host without IPv6 */
        server->daemon = daemon_start(server, options, &address);
    }
    if (!server->daemon) {
        /* "Failed to bind to port 0: Address already in use": that port is not the one asked for. */
        const char *why = strstr(server->log, "bind to port") ? strstr(server->log, ": ") : NULL;
        err_set(err, ERR_IO, "listen on `%s` port %u: %s",
                options->address && *options->address ? options->address : "*",
                (unsigned)options->port, why != NULL ? why + 2 : server->log);
        free(server);
        return NULL;
    }
    server->epoll_fd = MHD_get_daemon_info(server->daemon, MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd;
    if (loop_fd_set(loop, server->epoll_fd, LOOP_READ, epoll_ready, server, err) != 0) {
        MHD_stop_daemon(server->daemon);
        free(server);
        return NULL;
    }
    return server;
}

uint16_t server_port(const struct server *server)
{
    return MHD_get_daemon_info(server->daemon, MHD_DAEMON_INFO_BIND_PORT)->port;
}

void server_free(struct server *server)
{
    if (!server)
        return;
    server->is_stopping = true;
    loop_fd_remove(server->loop, server->epoll_fd);
    loop_timer_cancel(server->loop, server->timer);
    loop_timer_cancel(server->loop, server->wake);
    struct server_connection *connection = server->connections;
    for (; connection; connection = connection->next)
        if (connection->request) /* the daemon may not stop while a connection is suspended */
            server_request_cut(connection->request);
    MHD_stop_daemon(server->daemon);
    free(server);
}
