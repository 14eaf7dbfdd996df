#include "standin.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COORDINATOR "/druid/coordinator/v1/"
#define OVERLORD "/druid/indexer/v1/"

void say(struct answer *answer, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    size_t space = sizeof(answer->body) - answer->length;
    int length = vsnprintf(answer->body + answer->length, space, format, arguments);
    va_end(arguments);
    if (length > 0) {
        answer->length += (size_t)length < space ? (size_t)length : space - 1;
    }
}

static bool is(const struct standin *self, const char *type)
{
    return strcmp(self->self.type, type) == 0;
}

/* The rest of the path when it begins so, else NULL. */
static const char *under(const struct request *request, const char *prefix)
{
    size_t length = strlen(prefix);
    return strncmp(request->path, prefix, length) == 0 ? request->path + length : NULL;
}

/* Everybody ------------------------------------------------------------------------------------ */

static void status(struct standin *self, const struct request *request, struct answer *answer)
{
    const char *rest = under(request, "/status");
    if (strcmp(rest, "") == 0) {
        say(answer, "{\"version\":\"%s\",\"modules\":[],\"memory\":{\"maxMemory\":1}}",
            self->version);
    } else if (strcmp(rest, "/health") == 0) {
        answer->status = self->unhealthy ? 503 : 200;
        say(answer, "%s", self->unhealthy ? "false" : "true");
    } else if (strncmp(rest, "/selfDiscovered", 15) == 0) {
        bool known = members_find(self, self->self.host) != NULL;
        answer->status = known ? 200 : 503;
        say(answer, "{\"selfDiscovered\":%s}", known ? "true" : "false");
    } else if (strcmp(rest, "/properties") == 0) {
        say(answer, "{");
        for (size_t i = 0; i < self->property_count; i++) {
            if (!strpbrk(self->properties[i].value, "\"\\\t")) {
                say(answer, "%s\"%s\":\"%s\"", answer->length > 1 ? "," : "",
                    self->properties[i].name, self->properties[i].value);
            }
        }
        say(answer, "}");
    } else {
        answer->status = 404;
    }
}

/* The faults: POST /standin/FAULT/VALUE. */
static void control(struct standin *self, const struct request *request, struct answer *answer)
{
    char fault[24] = "";
    int value = 0;
    if (sscanf(request->path, "/standin/%23[a-z]/%d", fault, &value) != 2) {
        answer->status = 404;
        say(answer, "faults: unhealthy, unready, slow (ms), exit (code), segments (count)");
        return;
    }
    if (strcmp(fault, "unhealthy") == 0) {
        self->unhealthy = value != 0;
    } else if (strcmp(fault, "unready") == 0) {
        self->unready = value != 0;
    } else if (strcmp(fault, "slow") == 0) {
        self->slow_ms = value;
    } else if (strcmp(fault, "exit") == 0) {
        exit(value);
    } else if (strcmp(fault, "segments") == 0) {
        self->self.segments = value;
        members_tell(self);
    } else {
        answer->status = 404;
    }
}

/* Leaders -------------------------------------------------------------------------------------- */

/* Answers what any of them answers, sends elsewhere what only the leader does. True: done. */
static bool leadership(struct standin *self, const char *role, const struct request *request,
                       const char *rest, struct answer *answer)
{
    const struct member *leader = members_leader(self, role);
    bool leads = leader && strcmp(leader->host, self->self.host) == 0;
    if (strcmp(rest, "leader") == 0) {
        answer->status = leader ? 200 : 204;
        answer->type = "text/plain";
        say(answer, "%s%s", leader ? "http://" : "", leader ? leader->host : "");
        return true;
    }
    if (strcmp(rest, "isLeader") == 0) {
        answer->status = leads ? 200 : 404;
        say(answer, "{\"leader\":%s}", leads ? "true" : "false");
        return true;
    }
    if (!leader) {
        answer->status = 503;
        return true;
    }
    if (!leads) {
        answer->status = 307;
        snprintf(answer->to, sizeof(answer->to), "%s", leader->host);
        answer->location = request->path;
        return true;
    }
    return false;
}

static void documents(struct standin *self, const struct request *request, const char *otherwise,
                      struct answer *answer)
{
    struct document *found = NULL;
    for (size_t i = 0; i < self->document_count; i++) {
        if (strcmp(self->documents[i].path, request->path) == 0) {
            found = &self->documents[i];
        }
    }
    if (strcmp(request->method, "GET") == 0) {
        answer->status = found || otherwise ? 200 : 404;
        say(answer, "%s", found ? found->body : otherwise ? otherwise : "");
        return;
    }
    if (!found && self->document_count == DOCUMENTS_MAX) {
        answer->status = 500;
        return;
    }
    if (!found) {
        found = &self->documents[self->document_count++];
        snprintf(found->path, sizeof(found->path), "%.191s", request->path);
    }
    free(found->body);
    found->body = strdup(request->body);
}

/* Coordinator ---------------------------------------------------------------------------------- */

static bool is_historical(const struct member *member)
{
    return strcmp(member->type, "historical") == 0;
}

/* Servers that are told to give their segments away do not count. */
static bool gives_away(const struct standin *self, const struct member *member)
{
    return strstr(self->dynamic, member->host) != NULL;
}

static int segments(const struct standin *self)
{
    int sum = 0;
    for (size_t i = 0; i < self->member_count; i++) {
        const struct member *member = &self->members[i];
        sum += is_historical(member) && !gives_away(self, member) ? member->segments : 0;
    }
    return sum;
}

/* After decommissioningNodes has changed: all segments have a replica elsewhere, so they only go. */
static void give_away(struct standin *self)
{
    for (size_t i = 0; i < self->member_count; i++) {
        const struct member *member = &self->members[i];
        if (is_historical(member) && gives_away(self, member)) {
            members_order(self, member->host, "empty");
        }
    }
    self->most_segments = segments(self);
}

static void load_status(struct standin *self, const struct request *request, struct answer *answer)
{
    int there = segments(self), most = self->most_segments;
    if (most == 0) {
        say(answer, "{}");
    } else if (strstr(request->query, "full")) {
        bool view = strstr(request->query, "computeUsingClusterView") != NULL;
        say(answer, "{\"_default_tier\":{\"wiki\":%d}}", view ? 0 : most - there);
    } else if (strstr(request->query, "simple")) {
        say(answer, "{\"wiki\":%d}", there == 0 ? most : 0);
    } else {
        say(answer, "{\"wiki\":%.1f}", there == 0 ? 0.0 : 100.0);
    }
}

static void servers(struct standin *self, bool queues, struct answer *answer)
{
    bool first = true;
    say(answer, queues ? "{" : "[");
    for (size_t i = 0; i < self->member_count; i++) {
        const struct member *member = &self->members[i];
        if (strcmp(member->type, "historical") != 0) {
            continue;
        }
        if (queues) {
            say(answer,
                "%s\"%s\":{\"segmentsToLoad\":0,\"segmentsToDrop\":0,\"segmentsToLoadSize\":0,"
                "\"segmentsToDropSize\":0}",
                first ? "" : ",", member->host);
        } else {
            say(answer,
                "%s{\"host\":\"%s\",\"tier\":\"_default_tier\",\"type\":\"historical\","
                "\"priority\":0,\"currSize\":%d,\"maxSize\":1000000000}",
                first ? "" : ",", member->host, member->segments * 1000);
        }
        first = false;
    }
    say(answer, queues ? "}" : "]");
}

static void coordinator(struct standin *self, const struct request *request, const char *rest,
                        struct answer *answer)
{
    if (strcmp(rest, "loadstatus") == 0) {
        load_status(self, request, answer);
    } else if (strcmp(rest, "loadqueue") == 0 || strcmp(rest, "servers") == 0) {
        servers(self, rest[0] == 'l', answer);
    } else if (strcmp(rest, "metadata/datasources") == 0 || strcmp(rest, "datasources") == 0) {
        say(answer, "%s", self->most_segments > 0 ? "[\"wiki\"]" : "[]");
    } else if (strcmp(rest, "config") == 0 && strcmp(request->method, "GET") == 0) {
        say(answer, "%s", self->dynamic);
    } else if (strcmp(rest, "config") == 0) {
        char *merged = json_merge(self->dynamic, request->body);
        answer->status = merged ? 200 : 400;
        if (merged) {
            free(self->dynamic);
            self->dynamic = merged;
            give_away(self);
        }
    } else if (strncmp(rest, "rules/", 6) == 0) {
        documents(self, request, "[]", answer);
    } else if (strncmp(rest, "config/compaction", 17) == 0 || strncmp(rest, "lookups/", 8) == 0) {
        documents(self, request, NULL, answer);
    } else {
        answer->status = 404;
    }
}

/* Overlord ------------------------------------------------------------------------------------- */

static void workers(struct standin *self, struct answer *answer)
{
    bool first = true;
    say(answer, "[");
    for (size_t i = 0; i < self->member_count; i++) {
        const struct member *member = &self->members[i];
        if (strcmp(member->type, "middleManager") != 0 && strcmp(member->type, "indexer") != 0) {
            continue;
        }
        say(answer,
            "%s{\"worker\":{\"scheme\":\"http\",\"host\":\"%s\",\"capacity\":%d,\"version\":\"%s\","
            "\"category\":\"_default_worker_category\"},\"currCapacityUsed\":%d,\"runningTasks\":[",
            first ? "" : ",", member->host, member->capacity, member->enabled ? "0" : "",
            member->tasks);
        bool first_task = true;
        for (size_t j = 0; j < self->task_count; j++) {
            if (!self->tasks[j].done && strcmp(self->tasks[j].worker, member->host) == 0) {
                say(answer, "%s\"%s\"", first_task ? "" : ",", self->tasks[j].id);
                first_task = false;
            }
        }
        say(answer, "],\"availabilityGroups\":[],\"blacklistedUntil\":null}");
        first = false;
    }
    say(answer, "]");
}

/* worker/HOST/enable and /disable */
static void worker_switch(struct standin *self, const char *rest, struct answer *answer)
{
    char host[192], verb[16];
    if (sscanf(rest, "worker/%191[^/]/%15s", host, verb) != 2) {
        answer->status = 404;
        return;
    }
    if (!members_find(self, host)) {
        answer->status = 500;
        say(answer, "{\"error\":\"Worker on host %s does not exists\"}", host);
        return;
    }
    members_order(self, host, verb);
    say(answer, "{\"%s\":\"%sd\"}", host, verb);
}

static void task(struct standin *self, const char *rest, struct answer *answer)
{
    char id[128], verb[16] = "";
    if (sscanf(rest, "task/%127[^/]/%15s", id, verb) < 1) {
        answer->status = 404;
    } else if (strcmp(verb, "status") == 0) {
        tasks_status(self, id, answer);
    } else if (strcmp(verb, "shutdown") == 0) {
        answer->status = tasks_stop(self, id);
        say(answer, "{\"task\":\"%s\"}", id);
    } else {
        answer->status = 404;
    }
}

static void overlord(struct standin *self, const struct request *request, const char *rest,
                     struct answer *answer)
{
    char state[24];
    bool get = strcmp(request->method, "GET") == 0;
    if (strcmp(rest, "workers") == 0) {
        workers(self, answer);
    } else if (strcmp(rest, "worker") == 0) {
        documents(self, request, "", answer);
    } else if (strncmp(rest, "worker/", 7) == 0) {
        worker_switch(self, rest, answer);
    } else if (strcmp(rest, "tasks") == 0) {
        bool some = sscanf(request->query, "state=%23[a-z]", state) == 1;
        tasks_list(self, some ? state : NULL, answer);
    } else if (strcmp(rest, "task") == 0 && !get) {
        answer->status = tasks_submit(self, request, answer);
    } else if (strncmp(rest, "task/", 5) == 0) {
        task(self, rest, answer);
    } else if (strcmp(rest, "supervisor") == 0 && get) {
        say(answer, "[]");
    } else {
        answer->status = 404;
    }
}

/* Workers, Historicals, Brokers ---------------------------------------------------------------- */

static void worker(struct standin *self, const char *rest, struct answer *answer)
{
    bool first = true;
    if (strcmp(rest, "enabled") == 0) {
        say(answer, "{\"%s\":%s}", self->self.host, self->self.enabled ? "true" : "false");
    } else if (strcmp(rest, "enable") == 0 || strcmp(rest, "disable") == 0) {
        tasks_order(self, rest);
        say(answer, "{\"%s\":\"%sd\"}", self->self.host, rest);
    } else if (strcmp(rest, "tasks") == 0) {
        say(answer, "[");
        for (size_t i = 0; i < self->task_count; i++) {
            if (!self->tasks[i].done) {
                say(answer, "%s\"%s\"", first ? "" : ",", self->tasks[i].id);
                first = false;
            }
        }
        say(answer, "]");
    } else {
        answer->status = 404;
    }
}

static void ready(const struct standin *self, const char *rest, const char *what,
                  struct answer *answer)
{
    if (strcmp(rest, "readiness") == 0) {
        answer->status = self->unready ? 503 : 200;
    } else if (strcmp(rest, "loadstatus") == 0) {
        say(answer, "{\"%s\":%s}", what, self->unready ? "false" : "true");
    } else {
        answer->status = 404;
    }
}

/* One question is understood: how many segments each server has. */
static void sql(struct standin *self, const struct request *request, struct answer *answer)
{
    bool first = true;
    say(answer, "[");
    for (size_t i = 0; i < self->member_count && strstr(request->body, "sys.server_segments");
         i++) {
        const struct member *member = &self->members[i];
        if (strcmp(member->type, "historical") == 0 && member->segments > 0) {
            say(answer, "%s{\"server\":\"%s\",\"n\":%d,\"segments\":%d}", first ? "" : ",",
                member->host, member->segments, member->segments);
            first = false;
        }
    }
    say(answer, "]");
}

/* Whom the Router asks for it, or NULL. */
static const struct member *destination(const struct standin *self, const struct request *request)
{
    const char *proxy = property(self, "druid.router.managementProxy.enabled");
    bool manages = proxy && strcmp(proxy, "true") == 0;
    if (under(request, "/druid/coordinator/")) {
        return manages ? members_leader(self, "coordinator") : NULL;
    } else if (under(request, "/druid/indexer/")) {
        return manages ? members_leader(self, "overlord") : NULL;
    }
    return under(request, "/druid/v2") ? members_leader(self, "broker") : NULL;
}

static void router(const struct standin *self, const struct request *request, struct answer *answer)
{
    const struct member *to = destination(self, request);
    if (!to) {
        answer->status = 503;
        say(answer,
            "{\"error\":\"Unable to determine destination for [%s]; is your coordinator/"
            "overlord running?\"}",
            request->path);
        return;
    }
    answer->forward = true;
    snprintf(answer->to, sizeof(answer->to), "%s", to->host);
}

void druid_answer(struct standin *self, const struct request *request, struct answer *answer)
{
    const char *rest, *both = property(self, "druid.coordinator.asOverlord.enabled");
    bool overlords =
        is(self, "overlord") || (is(self, "coordinator") && both && strcmp(both, "true") == 0);
    int there = segments(self);
    self->most_segments = there > self->most_segments ? there : self->most_segments;
    answer->status = 200;
    answer->type = "application/json";
    if (under(request, "/status")) {
        status(self, request, answer);
    } else if (under(request, "/standin/")) {
        control(self, request, answer);
    } else if (is(self, "coordinator") && (rest = under(request, COORDINATOR))) {
        if (!leadership(self, "coordinator", request, rest, answer)) {
            coordinator(self, request, rest, answer);
        }
    } else if (overlords && (rest = under(request, OVERLORD))) {
        if (!leadership(self, "overlord", request, rest, answer)) {
            overlord(self, request, rest, answer);
        }
    } else if (is(self, "router")) {
        router(self, request, answer);
    } else if ((is(self, "middleManager") || is(self, "indexer")) &&
               (rest = under(request, "/druid/worker/v1/"))) {
        worker(self, rest, answer);
    } else if (is(self, "historical") && (rest = under(request, "/druid/historical/v1/"))) {
        ready(self, rest, "cacheInitialized", answer);
    } else if (is(self, "broker") && (rest = under(request, "/druid/broker/v1/"))) {
        ready(self, rest, "inventoryInitialized", answer);
    } else if (is(self, "broker") && under(request, "/druid/v2/sql")) {
        sql(self, request, answer);
    } else {
        answer->status = 404;
    }
}
