/*
 * Tasks that only pass time. An Overlord keeps them and orders workers about through the registry; a worker
 * knows its own. Orders: "run ID MILLISECONDS", "stop ID", "enable", "disable", and to
 * a Historical "empty".
 */
#include "standin.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct task *find(struct standin *self, const char *id)
{
    for (size_t i = 0; i < self->task_count; i++) {
        if (strcmp(self->tasks[i].id, id) == 0) {
            return &self->tasks[i];
        }
    }
    return NULL;
}

/* A new one; in the place of one that has ended when there is no other. */
static struct task *add(struct standin *self, const char *id)
{
    struct task *task = NULL;
    if (self->task_count < TASKS_MAX) {
        task = &self->tasks[self->task_count++];
    }
    for (size_t i = 0; !task && i < TASKS_MAX; i++) {
        task = self->tasks[i].done ? &self->tasks[i] : NULL;
    }
    if (task) {
        memset(task, 0, sizeof(*task));
        snprintf(task->id, sizeof(task->id), "%s", id);
    }
    return task;
}

static int running(const struct standin *self)
{
    int count = 0;
    for (size_t i = 0; i < self->task_count; i++) {
        count += !self->tasks[i].done && self->tasks[i].ends_ms > 0;
    }
    return count;
}

static bool is_worker(const struct standin *self)
{
    return strcmp(self->self.type, "middleManager") == 0 || strcmp(self->self.type, "indexer") == 0;
}

void tasks_order(struct standin *self, const char *text)
{
    char id[128];
    long long lasts_ms = 0;
    if (sscanf(text, "run %127s %lld", id, &lasts_ms) == 2 && !find(self, id)) {
        struct task *task = add(self, id);
        if (task) {
            task->ends_ms = now_ms() + lasts_ms;
        }
    } else if (sscanf(text, "stop %127s", id) == 1) {
        struct task *task = find(self, id);
        if (task) {
            task->done = true;
        }
    } else if (strcmp(text, "enable") == 0 || strcmp(text, "disable") == 0) {
        self->self.enabled = text[0] == 'e';
    } else if (strcmp(text, "empty") == 0) {
        self->self.segments = 0;
    }
    self->self.tasks = running(self);
    members_tell(self);
}

/* The first worker that has a place, as the strategy fillCapacity would. */
static const struct member *place(const struct standin *self)
{
    for (size_t i = 0; i < self->member_count; i++) {
        const struct member *member = &self->members[i];
        int used = 0;
        if (!member->enabled ||
            (strcmp(member->type, "middleManager") != 0 && strcmp(member->type, "indexer") != 0)) {
            continue;
        }
        for (size_t j = 0; j < self->task_count; j++) {
            used += !self->tasks[j].done && strcmp(self->tasks[j].worker, member->host) == 0;
        }
        if (used < member->capacity) {
            return member;
        }
    }
    return NULL;
}

void tasks_tick(struct standin *self)
{
    int before = self->self.tasks;
    for (size_t i = 0; i < self->task_count; i++) {
        struct task *task = &self->tasks[i];
        if (task->done) {
            continue;
        }
        if (task->ends_ms > 0 && task->ends_ms <= now_ms()) {
            task->done = true;
        } else if (task->worker[0] && self->member_count > 0 && !members_find(self, task->worker)) {
            task->done = task->failed = true; /* it disappeared on the worker where it was */
        } else if (!is_worker(self) && !task->worker[0]) {
            const struct member *worker = place(self);
            if (worker) {
                char order[200];
                /* Until now ends_ms has said, negated, how long it lasts. */
                snprintf(order, sizeof(order), "run %s %lld", task->id, -task->ends_ms);
                snprintf(task->worker, sizeof(task->worker), "%s", worker->host);
                task->ends_ms = now_ms() - task->ends_ms;
                members_order(self, worker->host, order);
            }
        }
    }
    self->self.tasks = running(self);
    if (is_worker(self) && before != self->self.tasks) {
        members_tell(self);
    }
}

int tasks_submit(struct standin *self, const struct request *request, struct answer *answer)
{
    char id[128], type[48], time[24] = "60000", source[64] = "none";
    if (!json_text(request->body, "type", type, sizeof(type))) {
        say(answer, "{\"error\":\"Could not resolve type id: no type\"}");
        return 400;
    }
    if (!json_text(request->body, "id", id, sizeof(id))) {
        snprintf(id, sizeof(id), "%.40s_%lld", type, now_ms());
    }
    json_text(request->body, "runTime", time, sizeof(time));
    json_text(request->body, "dataSource", source, sizeof(source));
    if (find(self, id)) {
        say(answer, "{\"error\":\"Task[%s] already exists!\"}", id);
        return 400;
    }
    struct task *task = strchr(id, ' ') ? NULL : add(self, id);
    if (!task) {
        say(answer, "{\"error\":\"no place for a task\"}");
        return 500;
    }
    snprintf(task->type, sizeof(task->type), "%s", type);
    snprintf(task->source, sizeof(task->source), "%s", source);
    task->ends_ms = -atoll(time) - 1;
    say(answer, "{\"task\":\"%s\"}", id);
    return 200;
}

static void describe(const struct task *task, struct answer *answer)
{
    const char *status = !task->done ? "RUNNING" : task->failed ? "FAILED" : "SUCCESS";
    const char *runner = task->done ? "NONE" : task->worker[0] ? "RUNNING" : "PENDING";
    char host[192] = "";
    snprintf(host, sizeof(host), "%.*s", (int)strcspn(task->worker, ":"), task->worker);
    say(answer,
        "{\"id\":\"%s\",\"groupId\":\"%s\",\"type\":\"%s\",\"statusCode\":\"%s\",\"status\":\"%s\","
        "\"runnerStatusCode\":\"%s\",\"duration\":-1,\"location\":{\"host\":%s%s%s,\"port\":%d,"
        "\"tlsPort\":-1},\"dataSource\":\"%s\",\"errorMsg\":%s}",
        task->id, task->id, task->type, status, status, runner, host[0] ? "\"" : "",
        host[0] ? host : "null", host[0] ? "\"" : "", host[0] ? 8100 : -1, task->source,
        task->failed ? "\"This task disappeared on the worker where it was assigned\"" : "null");
}

/* state: running, pending, waiting or complete; NULL for all. */
void tasks_list(const struct standin *self, const char *state, struct answer *answer)
{
    bool first = true;
    say(answer, "[");
    for (size_t i = 0; i < self->task_count; i++) {
        const struct task *task = &self->tasks[i];
        const char *is = task->done ? "complete" : task->worker[0] ? "running" : "pending";
        if (state && strcmp(state, is) != 0) {
            continue;
        }
        say(answer, "%s", first ? "" : ",");
        describe(task, answer);
        first = false;
    }
    say(answer, "]");
}

void tasks_status(const struct standin *self, const char *id, struct answer *answer)
{
    for (size_t i = 0; i < self->task_count; i++) {
        if (strcmp(self->tasks[i].id, id) == 0) {
            say(answer, "{\"task\":\"%s\",\"status\":", id);
            describe(&self->tasks[i], answer);
            say(answer, "}");
            return;
        }
    }
    answer->status = 404;
    say(answer, "{\"task\":\"%s\",\"status\":null}", id);
}

int tasks_stop(struct standin *self, const char *id)
{
    struct task *task = find(self, id);
    char order[160];
    if (!task) {
        return 404;
    }
    if (!task->done && task->worker[0]) {
        snprintf(order, sizeof(order), "stop %s", id);
        members_order(self, task->worker, order);
        task->failed = true;
    }
    task->done = true;
    return 200;
}
