/*
 * A stand-in for Druid's processes, small and quick to start: it answers the endpoints that an operator
 * calls, as the real ones do, and has faults to switch on. One process is one Druid process; who is there
 * they learn from each other through a registry that plays ZooKeeper (members.c). There is no data: a
 * Historical has as many segments as its properties say.
 *
 * Everything has a maximum; what does not fit is refused. Memory is not given back: a process is small
 * and short-lived.
 */
#ifndef STANDIN_H
#define STANDIN_H

#include <stdbool.h>
#include <stddef.h>

enum {
    MEMBERS_MAX = 64,
    TASKS_MAX = 64,
    DOCUMENTS_MAX = 64,
    CONNECTIONS_MAX = 64,
    PROPERTIES_MAX = 128,
    BODY_MAX = 64 * 1024,
    REQUEST_MAX = BODY_MAX + 8 * 1024
};

struct property {
    char name[96], value[160];
};

/* One process of the cluster, as the registry tells it. */
struct member {
    char type[24], host[192]; /* host: "name:port" */
    int segments, tasks, capacity;
    bool enabled;
};

struct task {
    char id[128], type[48], worker[192], source[64];
    long long ends_ms; /* 0: pending */
    bool done, failed;
};

/* What was sent to a path and is given back from there: rules, compaction, the workers' configuration. */
struct document {
    char path[192];
    char *body;
};

struct standin {
    struct member self, members[MEMBERS_MAX]; /* in the order in which they came: the first leads */
    size_t member_count;
    struct property properties[PROPERTIES_MAX];
    size_t property_count;
    struct task tasks[TASKS_MAX]; /* on an Overlord all of them, on a worker its own */
    size_t task_count;
    struct document documents[DOCUMENTS_MAX];
    size_t document_count;
    char version[32];
    char *dynamic; /* the Coordinator's dynamic configuration */
    int most_segments;
    long long loads_ms; /* when a Historical has its segments */
    /* faults */
    bool unhealthy, unready;
    int slow_ms;
    /* link to the registry */
    int link;
    char heard[4096];
    size_t heard_count;
    long long retry_ms;
    struct member hearing[MEMBERS_MAX];
    size_t hearing_count;
};

struct request {
    char method[8], path[512], query[256];
    const char *body;
    size_t body_length;
    const char *raw; /* as it came, for the Router */
    size_t raw_length;
};

struct answer {
    int status;
    const char *type, *location;
    char body[BODY_MAX];
    size_t length;
    bool forward; /* to the host in `to` */
    char to[192];
};

long long now_ms(void);
/* NULL when it is not set. */
const char *property(const struct standin *self, const char *name);

/* config.c: properties files, the host's name, the version. Exits with a message when they are missing. */
void config_load(struct standin *self, const char *type);

/* members.c */
void registry_run(int port);             /* plays ZooKeeper; does not return */
void members_poll(struct standin *self); /* connects, hears and repeats; never blocks for long */
void members_tell(struct standin *self); /* what changed about this process */
void members_order(struct standin *self, const char *host, const char *text); /* to one of them */
const struct member *members_leader(const struct standin *self, const char *role);
const struct member *members_find(const struct standin *self, const char *host);

/* tasks.c */
void tasks_order(struct standin *self,
                 const char *text); /* what another process wants of this one */
void tasks_tick(struct standin *self);
int tasks_submit(struct standin *self, const struct request *request, struct answer *answer);
void tasks_list(const struct standin *self, const char *state, struct answer *answer);
void tasks_status(const struct standin *self, const char *id, struct answer *answer);
int tasks_stop(struct standin *self, const char *id);

/* druid.c */
void druid_answer(struct standin *self, const struct request *request, struct answer *answer);

/* http.c: serves until the process ends */
int listen_on(int port);
void http_serve(struct standin *self, int port);

/* json.c: members of an object's top level. */
struct json_member {
    const char *key, *value;
    size_t key_length, value_length;
};
bool json_next(const char **at, struct json_member *member);
/* The text or number of a member, cut to what fits; false when it is not there. */
bool json_text(const char *object, const char *key, char *out, size_t size);
/* What is in both, with `changes` winning; NULL when either is no object. */
char *json_merge(const char *object, const char *changes);

void say(struct answer *answer, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
