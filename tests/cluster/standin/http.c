/* HTTP/1.1, one request a connection. One thread; what the Router passes on goes in a process of its own. */
#include "standin.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum { TICK_MS = 100, IDLE_MS = 10000, FORWARD_MS = 10000 };

struct connection {
    int fd; /* 0: free */
    char *bytes;
    size_t length;
    long long due_ms; /* 0: not read to its end; else when it is answered */
    long long came_ms;
};

static void drop(struct connection *connection)
{
    close(connection->fd);
    free(connection->bytes);
    memset(connection, 0, sizeof(*connection));
}

/* True when the request is there as a whole; bytes end with NUL. */
static bool complete(const struct connection *connection, size_t *head)
{
    const char *end = strstr(connection->bytes, "\r\n\r\n"), *length;
    if (!end) {
        return false;
    }
    *head = (size_t)(end - connection->bytes) + 4;
    length = strcasestr(connection->bytes, "\r\nContent-Length:");
    return connection->length >=
           *head + (length && length < end ? strtoul(length + 17, NULL, 10) : 0);
}

static void send_all(int fd, const char *bytes, size_t length)
{
    while (length > 0) {
        ssize_t sent = send(fd, bytes, length, MSG_NOSIGNAL);
        if (sent <= 0) {
            return;
        }
        bytes += sent;
        length -= (size_t)sent;
    }
}

static void send_answer(int fd, const struct request *request, const struct answer *answer)
{
    char head[1200];
    int length = snprintf(head, sizeof(head),
                          "HTTP/1.1 %d %s\r\nContent-Type: %s\r\nContent-Length: %zu\r\n"
                          "Connection: close\r\n",
                          answer->status, answer->status < 400 ? "OK" : "Error", answer->type,
                          answer->length);
    if (answer->location) {
        length +=
            snprintf(head + length, sizeof(head) - (size_t)length, "Location: http://%s%s%s%s\r\n",
                     answer->to, answer->location, request->query[0] ? "?" : "", request->query);
    }
    length += snprintf(head + length, sizeof(head) - (size_t)length, "\r\n");
    send_all(fd, head, (size_t)length);
    send_all(fd, answer->body, answer->length);
}

/* In a child: the request goes on as it came, the answer comes back as it is. */
static void forward(int fd, const struct request *request, const char *to)
{
    char host[192], bytes[4096];
    const char *port = strrchr(to, ':');
    struct addrinfo *found, hints = {.ai_family = AF_INET, .ai_socktype = SOCK_STREAM};
    snprintf(host, sizeof(host), "%.*s", (int)(port - to), to);
    struct timeval limit = {.tv_sec = FORWARD_MS / 1000};
    int out = socket(AF_INET, SOCK_STREAM, 0);
    setsockopt(out, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
    setsockopt(out, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
    if (getaddrinfo(host, port + 1, &hints, &found) ||
        connect(out, found->ai_addr, found->ai_addrlen)) {
        const char *gone =
            "HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
        send_all(fd, gone, strlen(gone));
        return;
    }
    send_all(out, request->raw, request->raw_length);
    for (ssize_t count; (count = read(out, bytes, sizeof(bytes))) > 0;) {
        send_all(fd, bytes, (size_t)count);
    }
}

static void respond(struct standin *self, struct connection *connection)
{
    size_t head = 0;
    struct request request = {.raw = connection->bytes, .raw_length = connection->length};
    struct answer *answer = calloc(1, sizeof(*answer));
    complete(connection, &head);
    request.body = connection->bytes + head;
    request.body_length = connection->length - head;
    char target[760] = "";
    if (!answer || sscanf(connection->bytes, "%7s %759s", request.method, target) != 2) {
        free(answer);
        return;
    }
    char *query = strchr(target, '?');
    if (query) {
        *query++ = '\0';
        snprintf(request.query, sizeof(request.query), "%.255s", query);
    }
    snprintf(request.path, sizeof(request.path), "%.511s", target);
    druid_answer(self, &request, answer);
    if (answer->forward) {
        if (fork() == 0) {
            forward(connection->fd, &request, answer->to);
            _exit(0);
        }
    } else {
        send_answer(connection->fd, &request, answer);
    }
    free(answer);
}

static void take(struct standin *self, struct connection *connection)
{
    size_t head;
    ssize_t count = read(connection->fd, connection->bytes + connection->length,
                         REQUEST_MAX - connection->length);
    if (count <= 0) {
        drop(connection);
        return;
    }
    connection->length += (size_t)count;
    connection->bytes[connection->length] = '\0';
    if (complete(connection, &head)) {
        bool control = strstr(connection->bytes, " /standin/") != NULL;
        connection->due_ms = now_ms() + (control ? 0 : self->slow_ms);
    } else if (connection->length == REQUEST_MAX) {
        drop(connection);
    }
}

static void add(struct connection *connections, int listener)
{
    int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
    struct timeval limit = {.tv_sec = 2};
    size_t i = 0;
    while (i < CONNECTIONS_MAX && connections[i].fd) {
        i++;
    }
    char *bytes = fd >= 0 && i < CONNECTIONS_MAX ? malloc(REQUEST_MAX + 1) : NULL;
    if (!bytes) {
        if (fd >= 0) {
            close(fd);
        }
        return;
    }
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
    connections[i] = (struct connection){.fd = fd, .bytes = bytes, .came_ms = now_ms()};
}

static void tick(struct standin *self, struct connection *connections)
{
    while (waitpid(-1, NULL, WNOHANG) > 0) {
    }
    members_poll(self);
    tasks_tick(self);
    const char *count = property(self, "standin.segments");
    if (count && self->loads_ms && now_ms() >= self->loads_ms) {
        self->loads_ms = 0;
        self->self.segments = atoi(count);
        members_tell(self);
    }
    for (size_t i = 0; i < CONNECTIONS_MAX; i++) {
        struct connection *connection = &connections[i];
        if (connection->fd && connection->due_ms && now_ms() >= connection->due_ms) {
            respond(self, connection);
            drop(connection);
        } else if (connection->fd && !connection->due_ms &&
                   now_ms() - connection->came_ms > IDLE_MS) {
            drop(connection);
        }
    }
}

int listen_on(int port)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((unsigned short)port)};
    if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof(address)) || listen(fd, 64)) {
        perror("listen");
        exit(1);
    }
    return fd;
}

void http_serve(struct standin *self, int port)
{
    struct connection connections[CONNECTIONS_MAX] = {{0}};
    int listener = listen_on(port);
    for (;;) {
        struct pollfd polled[CONNECTIONS_MAX + 2] = {
            {.fd = listener, .events = POLLIN},
            {.fd = self->link > 0 ? self->link : -1, .events = POLLIN}};
        for (size_t i = 0; i < CONNECTIONS_MAX; i++) {
            bool reads = connections[i].fd && !connections[i].due_ms;
            polled[i + 2] = (struct pollfd){.fd = reads ? connections[i].fd : -1, .events = POLLIN};
        }
        poll(polled, CONNECTIONS_MAX + 2, TICK_MS);
        for (size_t i = 0; i < CONNECTIONS_MAX; i++) {
            if (polled[i + 2].revents) {
                take(self, &connections[i]);
            }
        }
        if (polled[0].revents) {
            add(connections, listener);
        }
        tick(self, connections);
    }
}
