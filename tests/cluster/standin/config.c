#include "standin.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Where the real launcher looks, and the port that the real process takes. */
static const struct {
    const char *type, *folder, *port;
} places[] = {
    {"coordinator", "/opt/druid/conf/druid/cluster/master/coordinator-overlord", "8081"},
    {"overlord", "/opt/druid/conf/druid/cluster/master/coordinator-overlord", "8090"},
    {"historical", "/opt/druid/conf/druid/cluster/data/historical", "8083"},
    {"middleManager", "/opt/druid/conf/druid/cluster/data/middleManager", "8091"},
    {"indexer", "/opt/druid/conf/druid/cluster/data/indexer", "8091"},
    {"broker", "/opt/druid/conf/druid/cluster/query/broker", "8082"},
    {"router", "/opt/druid/conf/druid/cluster/query/router", "8888"},
};

const char *property(const struct standin *self, const char *name)
{
    for (size_t i = self->property_count; i > 0; i--) {
        if (strcmp(self->properties[i - 1].name, name) == 0) {
            return self->properties[i - 1].value;
        }
    }
    return NULL;
}

/* Later ones win. A long value is cut: none that this program looks at is. */
static void read_properties(struct standin *self, const char *folder, const char *file)
{
    char path[512], line[4096];
    snprintf(path, sizeof(path), "%s/%s", folder, file);
    FILE *in = fopen(path, "r");
    if (!in) {
        fprintf(stderr, "cannot read %s: the process has no configuration\n", path);
        exit(1);
    }
    while (fgets(line, sizeof(line), in)) {
        char *equals = strchr(line, '=');
        if (line[0] == '#' || !equals || self->property_count == PROPERTIES_MAX) {
            continue;
        }
        struct property *new = &self->properties[self->property_count++];
        *equals = '\0';
        equals[1 + strcspn(equals + 1, "\r\n")] = '\0';
        snprintf(new->name, sizeof(new->name), "%.95s", line);
        snprintf(new->value, sizeof(new->value), "%.159s", equals + 1);
    }
    fclose(in);
}

/* The name that others can resolve: the long one, which Kubernetes puts before the short one. */
static void host_name(char *out, size_t size)
{
    char name[65] = "", line[512];
    gethostname(name, sizeof(name) - 1);
    snprintf(out, size, "%s", name);
    FILE *in = fopen("/etc/hosts", "r");
    while (in && fgets(line, sizeof(line), in)) {
        strtok(line, " \t\n");
        char *first = strtok(NULL, " \t\n"), *next = first;
        while (next && strcmp(next, name) != 0) {
            next = strtok(NULL, " \t\n");
        }
        if (next && line[0] != '#') {
            snprintf(out, size, "%s", first);
        }
    }
    if (in) {
        fclose(in);
    }
}

static int number(const struct standin *self, const char *name, int otherwise)
{
    const char *value = property(self, name);
    return value ? atoi(value) : otherwise;
}

void config_load(struct standin *self, const char *type)
{
    size_t i = 0, count = sizeof(places) / sizeof(places[0]);
    while (i < count && strcmp(places[i].type, type) != 0) {
        i++;
    }
    if (i == count) {
        fprintf(stderr, "no process type `%s`\n", type);
        exit(2);
    }
    read_properties(self, "/opt/druid/conf/druid/cluster/_common", "common.runtime.properties");
    read_properties(self, places[i].folder, "runtime.properties");
    FILE *in = fopen("/version", "r");
    if (!in || !fgets(self->version, sizeof(self->version), in)) {
        snprintf(self->version, sizeof(self->version), "34.0.0");
    }
    if (in) {
        fclose(in);
    }
    self->version[strcspn(self->version, "\n")] = '\0';
    const char *port = property(self, "druid.plaintextPort");
    if (!port) {
        port = property(self, "druid.port");
    }
    char name[128];
    host_name(name, sizeof(name));
    snprintf(self->self.type, sizeof(self->self.type), "%s", type);
    snprintf(self->self.host, sizeof(self->self.host), "%.127s:%.8s", name,
             port ? port : places[i].port);
    self->self.enabled = true;
    self->self.capacity = number(self, "druid.worker.capacity", 2);
    self->loads_ms = now_ms() + number(self, "standin.load_ms", 0);
    self->unhealthy = number(self, "standin.unhealthy", 0) != 0;
    self->unready = number(self, "standin.unready", 0) != 0;
    self->slow_ms = number(self, "standin.slow_ms", 0);
    self->dynamic = strdup("{\"millisToWaitBeforeDeleting\":900000,\"smartSegmentLoading\":true,"
                           "\"maxSegmentsToMove\":100,\"replicationThrottleLimit\":500,"
                           "\"decommissioningNodes\":[],\"pauseCoordination\":false}");
    usleep((useconds_t)number(self, "standin.start_ms", 0) * 1000);
    const char *broken = property(self, "standin.broken");
    if (broken) {
        fprintf(stderr, "standin.broken is set: %s\n", broken);
        exit(1);
    }
}
