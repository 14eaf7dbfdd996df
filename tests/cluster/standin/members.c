/*
 * Who is there. The registry plays ZooKeeper: each process keeps a connection to it and says what it is;
 * whenever something changes the registry tells all of them the whole list. Lines:
 *   to the registry    I type host segments tasks capacity enabled     this is me
 *                      T host order                                    for that process
 *   from the registry  B, M type host …, E                             the list, in order of arrival
 *                      T order
 */
#include "standin.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { LINE_MAX_LENGTH = 512, RETRY_MS = 300, CONNECT_MS = 1000 };

struct peer {
    int fd; /* 0: free */
    struct member member;
    char line[LINE_MAX_LENGTH];
    size_t length;
    unsigned long order;
};

static bool parse(const char *line, struct member *member)
{
    int enabled = 0;
    if (sscanf(line, "%*c %23s %191s %d %d %d %d", member->type, member->host, &member->segments,
               &member->tasks, &member->capacity, &enabled) != 6) {
        return false;
    }
    member->enabled = enabled != 0;
    return true;
}

static int write_member(char *out, size_t size, char kind, const struct member *member)
{
    return snprintf(out, size, "%c %s %s %d %d %d %d\n", kind, member->type, member->host,
                    member->segments, member->tasks, member->capacity, member->enabled ? 1 : 0);
}

static void tell_all(struct peer *peers)
{
    char text[MEMBERS_MAX * 300];
    const struct peer *sorted[MEMBERS_MAX];
    size_t count = 0, length = 0;
    for (size_t i = 0; i < MEMBERS_MAX; i++) {
        if (!peers[i].fd || !peers[i].member.type[0]) {
            continue;
        }
        size_t at = count++;
        for (; at > 0 && sorted[at - 1]->order > peers[i].order; at--) {
            sorted[at] = sorted[at - 1];
        }
        sorted[at] = &peers[i];
    }
    length += (size_t)snprintf(text, sizeof(text), "B\n");
    for (size_t i = 0; i < count; i++) {
        length +=
            (size_t)write_member(text + length, sizeof(text) - length, 'M', &sorted[i]->member);
    }
    length += (size_t)snprintf(text + length, sizeof(text) - length, "E\n");
    for (size_t i = 0; i < MEMBERS_MAX; i++) {
        if (peers[i].fd) {
            send(peers[i].fd, text, length, MSG_NOSIGNAL | MSG_DONTWAIT);
        }
    }
}

/* Gives whether the list changed. */
static bool registry_line(struct peer *peers, struct peer *from, const char *line)
{
    struct member member;
    char host[192], text[LINE_MAX_LENGTH];
    if (line[0] == 'I' && parse(line, &member)) {
        from->member = member;
        return true;
    }
    int used = 0;
    if (line[0] == 'T' && sscanf(line, "T %191s %n", host, &used) == 1 && used > 0) {
        int length = snprintf(text, sizeof(text), "T %s\n", line + used);
        for (size_t i = 0; i < MEMBERS_MAX; i++) {
            if (peers[i].fd && strcmp(peers[i].member.host, host) == 0) {
                send(peers[i].fd, text, (size_t)length, MSG_NOSIGNAL | MSG_DONTWAIT);
            }
        }
    }
    return false;
}

/* Gives whether the list changed. */
static bool registry_read(struct peer *peers, struct peer *peer)
{
    char bytes[1024];
    bool changed = false;
    ssize_t count = read(peer->fd, bytes, sizeof(bytes));
    if (count <= 0) {
        close(peer->fd);
        changed = peer->member.type[0] != '\0';
        memset(peer, 0, sizeof(*peer));
        return changed;
    }
    for (ssize_t i = 0; i < count; i++) {
        if (bytes[i] != '\n') {
            if (peer->length < sizeof(peer->line) - 1) {
                peer->line[peer->length++] = bytes[i];
            }
            continue;
        }
        peer->line[peer->length] = '\0';
        peer->length = 0;
        changed = registry_line(peers, peer, peer->line) || changed;
    }
    return changed;
}

void registry_run(int port)
{
    struct peer *peers = calloc(MEMBERS_MAX, sizeof(*peers));
    unsigned long order = 0;
    int listener = listen_on(port);
    if (!peers) {
        exit(1);
    }
    printf("registry on port %d\n", port);
    fflush(stdout);
    for (;;) {
        struct pollfd polled[MEMBERS_MAX + 1] = {{.fd = listener, .events = POLLIN}};
        for (size_t i = 0; i < MEMBERS_MAX; i++) {
            polled[i + 1] = (struct pollfd){.fd = peers[i].fd ? peers[i].fd : -1, .events = POLLIN};
        }
        bool changed = false;
        poll(polled, MEMBERS_MAX + 1, 1000);
        for (size_t i = 0; i < MEMBERS_MAX; i++) {
            if (polled[i + 1].revents) {
                changed = registry_read(peers, &peers[i]) || changed;
            }
        }
        if (polled[0].revents) {
            int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
            size_t i = 0;
            while (i < MEMBERS_MAX && peers[i].fd) {
                i++;
            }
            if (fd >= 0 && i < MEMBERS_MAX) {
                peers[i] = (struct peer){.fd = fd, .order = ++order};
            } else if (fd >= 0) {
                close(fd);
            }
        }
        if (changed) {
            tell_all(peers);
        }
    }
}

/* The process's side -------------------------------------------------------------------------- */

static void unlink_registry(struct standin *self)
{
    if (self->link > 0) {
        close(self->link);
    }
    self->link = 0;
    self->heard_count = 0;
    self->member_count = 0; /* as a process that lost ZooKeeper: it knows nobody */
    self->retry_ms = now_ms() + RETRY_MS;
}

static void connect_registry(struct standin *self)
{
    char host[160], *comma;
    const char *set = property(self, "druid.zk.service.host");
    snprintf(host, sizeof(host), "%s", set ? set : "localhost");
    comma = strchr(host, ',');
    if (comma) {
        *comma = '\0';
    }
    char *port = strchr(host, ':');
    if (port) {
        *port++ = '\0';
    }
    struct addrinfo *found, hints = {.ai_family = AF_INET, .ai_socktype = SOCK_STREAM};
    self->retry_ms = now_ms() + RETRY_MS;
    if (getaddrinfo(host, port ? port : "2181", &hints, &found)) {
        return;
    }
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    struct pollfd ready = {.fd = fd, .events = POLLOUT};
    int failed = 0;
    socklen_t length = sizeof(failed);
    if (connect(fd, found->ai_addr, found->ai_addrlen) && errno != EINPROGRESS) {
        failed = errno;
    } else if (poll(&ready, 1, CONNECT_MS) != 1 ||
               getsockopt(fd, SOL_SOCKET, SO_ERROR, &failed, &length)) {
        failed = ETIMEDOUT;
    }
    freeaddrinfo(found);
    if (failed) {
        close(fd);
        return;
    }
    self->link = fd;
    members_tell(self);
}

void members_tell(struct standin *self)
{
    char line[LINE_MAX_LENGTH];
    int length = write_member(line, sizeof(line), 'I', &self->self);
    if (self->link > 0 && send(self->link, line, (size_t)length, MSG_NOSIGNAL) < 0) {
        unlink_registry(self);
    }
}

void members_order(struct standin *self, const char *host, const char *text)
{
    char line[LINE_MAX_LENGTH];
    if (strcmp(host, self->self.host) == 0) {
        tasks_order(self, text);
        return;
    }
    int length = snprintf(line, sizeof(line), "T %s %s\n", host, text);
    if (self->link > 0 && length < (int)sizeof(line)) {
        send(self->link, line, (size_t)length, MSG_NOSIGNAL);
    }
}

static void hear(struct standin *self, char *line)
{
    if (line[0] == 'B') {
        self->hearing_count = 0;
    } else if (line[0] == 'M' && self->hearing_count < MEMBERS_MAX &&
               parse(line, &self->hearing[self->hearing_count])) {
        self->hearing_count++;
    } else if (line[0] == 'E') {
        memcpy(self->members, self->hearing, sizeof(self->members));
        self->member_count = self->hearing_count;
    } else if (line[0] == 'T' && line[1] == ' ') {
        tasks_order(self, line + 2);
    }
}

void members_poll(struct standin *self)
{
    if (self->link <= 0) {
        if (now_ms() >= self->retry_ms) {
            connect_registry(self);
        }
        return;
    }
    char *free_part = self->heard + self->heard_count;
    ssize_t count = read(self->link, free_part, sizeof(self->heard) - 1 - self->heard_count);
    if (count == 0 || (count < 0 && errno != EAGAIN)) {
        unlink_registry(self);
        return;
    }
    self->heard_count += count > 0 ? (size_t)count : 0;
    self->heard[self->heard_count] = '\0';
    char *at = self->heard, *end;
    while ((end = strchr(at, '\n'))) {
        *end = '\0';
        hear(self, at);
        at = end + 1;
    }
    self->heard_count -= (size_t)(at - self->heard);
    memmove(self->heard, at, self->heard_count);
}

const struct member *members_leader(const struct standin *self, const char *role)
{
    const struct member *instead = NULL;
    const char *both = property(self, "druid.coordinator.asOverlord.enabled");
    for (size_t i = 0; i < self->member_count; i++) {
        const struct member *member = &self->members[i];
        if (strcmp(member->type, role) == 0) {
            return member;
        }
        if (!instead && strcmp(role, "overlord") == 0 && strcmp(member->type, "coordinator") == 0 &&
            both && strcmp(both, "true") == 0) {
            instead = member;
        }
    }
    return instead;
}

const struct member *members_find(const struct standin *self, const char *host)
{
    for (size_t i = 0; i < self->member_count; i++) {
        if (strcmp(self->members[i].host, host) == 0) {
            return &self->members[i];
        }
    }
    return NULL;
}
