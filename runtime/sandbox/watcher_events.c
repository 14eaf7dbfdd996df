#include "sandbox/watcher_internal.h"

#include "sandbox/answer.h"
#include "sandbox/read.h"
#include "sandbox/strategy.h"
#include "sandbox/zero.h"

#include <stdlib.h>
#include <string.h>

struct initial {
    struct watcher *watcher;
    bool more;
};

static bool send_initial(void *arg, struct stored *stored)
{
    struct initial *initial = arg;
    struct watcher *watcher = initial->watcher;
    if (watcher->pending.len >= WATCH_PIECE_BYTES) {
        initial->more = true;
        return false;
    }
    if (filter_matches(&watcher->filter, stored))
        watcher_event(watcher, "ADDED", stored, stored->revision);
    free(watcher->after);
    watcher->after = mem_str(stored->key);
    return true;
}

static bool fill_initial(struct watcher *watcher)
{
    struct initial initial = {.watcher = watcher};
    storage_each(watcher->set->server->storage, watcher->request.kind->home,
                 watcher->filter.namespace, watcher->after, watcher->revision, send_initial,
                 &initial);
    if (initial.more)
        return true;
    watcher->initial = false;
    if (watcher->mark_initial)
        watcher_bookmark(watcher, true);
    return false;
}

/* An object that leaves the filter is gone for this reader, one that enters is new. */
static void send_change(struct watcher *watcher, const struct change *change)
{
    bool was = change->before && filter_matches(&watcher->filter, change->before);
    bool is = change->type != CHANGE_DELETED && filter_matches(&watcher->filter, change->after);
    if (is)
        watcher_event(watcher, was ? "MODIFIED" : "ADDED", change->after, change->revision);
    else if (was && change->type == CHANGE_DELETED)
        watcher_event(watcher, "DELETED", change->after, change->revision);
    else if (was)
        watcher_event(watcher, "DELETED", change->before, change->revision);
}

static bool has_faults(const struct watcher *watcher)
{
    const char *only = watcher->set->server->fault_user;
    return !only || strncmp(watcher->request.user, only, strlen(only)) == 0;
}

int64_t watcher_lag_ms(const struct watcher *watcher)
{
    return has_faults(watcher) ? watcher->set->server->faults.watch_lag_ms : 0;
}

static bool draws(const struct watcher *watcher)
{
    const struct apiserver *server = watcher->set->server;
    return server->faults.watch_gone > 0 && has_faults(watcher) &&
           random_unit(server->options.random) < server->faults.watch_gone;
}

static void expire(struct watcher *watcher)
{
    char *message =
        mem_printf("too old resource version: %llu (%llu)", (unsigned long long)watcher->revision,
                   (unsigned long long)storage_compacted(watcher->set->server->storage));
    bool cached = watcher->request.kind->home->strategy != &strategy_event;
    watcher_error(watcher, 410, "Expired",
                  cached ? message : "The resourceVersion for the provided watch is too old.");
    free(message);
}

/* The object as this reader sees it. `revision` differs from the stored one when an old state tells
 * of a deletion. */
static void print_object(struct watcher *watcher, const struct stored *stored, uint64_t revision)
{
    if (revision == stored->revision) {
        answer_print(&watcher->request, stored, false, &watcher->pending);
        return;
    }
    struct jv *object = stored_parse(stored);
    jv_set(jv_ensure(object, "metadata", NULL), "resourceVersion",
           jv_stringf("%llu", (unsigned long long)revision));
    struct stored *moved = stored_new(stored->kind, object, revision);
    jv_unref(object);
    answer_print(&watcher->request, moved, false, &watcher->pending);
    stored_unref(moved);
}

/* The last thing a watch says. */
static void send_error(struct watcher *watcher, struct refusal *refusal)
{
    buf_add_str(&watcher->pending, "{\"type\":\"ERROR\",\"object\":");
    jv_print(refusal->status, 0, &watcher->pending);
    buf_add_str(&watcher->pending, "}\n");
    refusal_deinit(refusal);
    watcher->ended = true;
}

void watcher_event(struct watcher *watcher, const char *type, const struct stored *stored,
                   uint64_t revision)
{
    buf_printf(&watcher->pending, "{\"type\":\"%s\",\"object\":", type);
    print_object(watcher, stored, revision);
    buf_add_str(&watcher->pending, "}\n");
    watcher->request.no_columns = true;
}

/* In a table the bookmark is a row whose object carries the metadata. */
static struct jv *bookmark_rows(const struct request *request, struct jv *metadata)
{
    struct jv *rows = jv_array(), *row = jv_object(), *object = jv_object();
    jv_set_str(object, "kind", "PartialObjectMetadata");
    jv_set(object, "apiVersion", jv_stringf("meta.k8s.io/%s", request->form_version));
    jv_set(object, "metadata", jv_ref(metadata));
    jv_set(row, "cells", jv_array());
    jv_set(row, "object", object);
    jv_append(rows, row);
    return rows;
}

/* A bookmark in another form than the object's own. */
static struct jv *bookmark_form(const struct request *request, struct jv *metadata)
{
    struct jv *object = jv_object();
    bool table = request->form == ANSWER_TABLE;
    jv_set_str(object, "kind", table ? "Table" : "PartialObjectMetadata");
    jv_set(object, "apiVersion", jv_stringf("meta.k8s.io/%s", request->form_version));
    if (table)
        jv_set(object, "rows", bookmark_rows(request, metadata));
    jv_set(object, "metadata", metadata);
    return object;
}

void watcher_bookmark(struct watcher *watcher, bool end_of_initial)
{
    const struct request *request = &watcher->request;
    struct jv *event = jv_object(), *metadata = jv_object();
    jv_set_str(event, "type", "BOOKMARK");
    jv_set(metadata, "resourceVersion", jv_stringf("%llu", (unsigned long long)watcher->revision));
    if (end_of_initial)
        jv_set_str(jv_ensure(metadata, "annotations", NULL), "k8s.io/initial-events-end", "true");
    jv_set(event, "object",
           request->form == ANSWER_OBJECT ? zero_object(request->kind, request->version, metadata)
                                          : bookmark_form(request, metadata));
    jv_print(event, 0, &watcher->pending);
    buf_add_char(&watcher->pending, '\n');
    jv_unref(event);
}

void watcher_too_large(struct watcher *watcher, uint64_t wanted)
{
    struct refusal refusal = {0};
    refuse_too_large_revision(&refusal, wanted, storage_revision(watcher->set->server->storage));
    send_error(watcher, &refusal);
}

void watcher_error(struct watcher *watcher, int code, const char *reason, const char *message)
{
    struct refusal refusal = {0};
    refuse(&refusal, code, reason, "%s", message);
    send_error(watcher, &refusal);
}

bool watcher_fill(struct watcher *watcher)
{
    const struct apiserver *server = watcher->set->server;
    const struct storage *storage = server->storage;
    if (watcher->ended)
        return false;
    if (watcher->revision < storage_compacted(storage) &&
        watcher->sequence < storage_sequence_begin(storage)) {
        expire(watcher);
        return false;
    }
    if (watcher->initial && fill_initial(watcher))
        return true;
    int64_t lag_ms = watcher_lag_ms(watcher), until_ms = server_now_ms(server) - lag_ms;
    uint64_t end = storage_sequence_end(storage);
    for (; watcher->sequence < end; watcher->sequence++) {
        const struct change *change = storage_change(storage, watcher->sequence);
        if (lag_ms > 0 && change->at_ms > until_ms)
            return false;
        if (watcher->pending.len >= WATCH_PIECE_BYTES)
            return true;
        if (change->revision <= watcher->revision)
            continue;
        if (change->after->kind == watcher->request.kind->home) {
            if (draws(watcher)) {
                expire(watcher);
                return false;
            }
            send_change(watcher, change);
        }
        watcher->revision = change->revision;
    }
    return false;
}
