#include "kube/watch_internal.h"
#include "kube/mend.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LAST_APPLIED "kubectl.kubernetes.io/last-applied-configuration"
#define INITIAL_EVENTS_END "k8s.io/initial-events-end"

static void strip(struct jv *object)
{
    struct jv *metadata = jv_get(object, "metadata");
    struct jv *annotations = jv_get(metadata, "annotations");

    jv_remove(metadata, "managedFields");
    if (!jv_is_object(annotations) || jv_get(annotations, LAST_APPLIED) == NULL)
        return;
    jv_remove(annotations, LAST_APPLIED);
    if (jv_size(annotations) == 0)
        jv_remove(metadata, "annotations");
}

/* Whether the object is of our kind; fills in what lists and metadata-only answers leave out. */
static bool identify(const struct watch *watch, struct jv *object)
{
    const char *kind = jv_str(jv_get(object, "kind"));
    bool partial = kind != NULL && strcmp(kind, "PartialObjectMetadata") == 0;

    if (!jv_is_object(jv_get(object, "metadata")) ||
        jv_path_str(object, "metadata", "name", NULL) == NULL)
        return false;
    if (kind != NULL && !partial && strcmp(kind, watch->kind->kind) != 0)
        return false;
    if (partial && !watch->metadata_only)
        return false;
    if (kind == NULL || partial || jv_str(jv_get(object, "apiVersion")) == NULL) {
        jv_set_str(object, "apiVersion", watch->kind->api_version);
        jv_set_str(object, "kind", watch->kind->kind);
    }
    strip(object);
    return true;
}

static void progress(struct watch *watch, const char *rv)
{
    snprintf(watch->rv, sizeof(watch->rv), "%s", rv);
    watch->old_streak = 0;
    if (watch->callbacks.on_progress != NULL)
        watch->callbacks.on_progress(watch->arg, watch->rv);
}

/* -1: a resourceVersion that cannot be kept. */
static int check_rv(const char *rv, struct err *err)
{
    if (rv == NULL || rv[0] == '\0')
        return err_set(err, ERR_PARSE, "an object of the answer has no resourceVersion");
    if (strlen(rv) >= WATCH_RV_BYTES)
        return err_set(err, ERR_PARSE, "a resourceVersion is longer than %d bytes",
                       WATCH_RV_BYTES - 1);
    return 0;
}

bool watch_complete(struct watch *watch, const char *rv)
{
    bool comparable = false;
    int order = watch->rv[0] != '\0' ? kube_rv_compare(rv, watch->rv, &comparable) : 0;

    if (comparable && order < 0) {
        bool newest = watch->from_scratch;

        log_warn(watch->log, "the server's history went back", "kind", watch->kind->kind, "reached",
                 watch->rv, "now", rv);
        if (newest) { /* not a server that lags: asked for the most recent state */
            watch->rv[0] = '\0';
            watch->synced = false;
            if (watch->callbacks.on_reset != NULL)
                watch->callbacks.on_reset(watch->arg);
        }
        watch_relist(watch, true);
        return false;
    }
    watch->synced = true;
    watch->from_scratch = false;
    watch->init_strikes = 0;
    watch->state = WATCH_STREAM;
    snprintf(watch->rv, sizeof(watch->rv), "%s", rv);
    if (watch->callbacks.on_end != NULL)
        watch->callbacks.on_end(watch->arg, watch->rv);
    if (!watch->stopped)
        progress(watch, rv);
    if (!watch->stopped)
        watch_healthy(watch);
    return true;
}

static int on_bookmark(struct watch *watch, const struct jv *object, struct err *err)
{
    const char *rv = jv_path_str(object, "metadata", "resourceVersion", NULL);
    const char *end = jv_path_str(object, "metadata", "annotations", INITIAL_EVENTS_END, NULL);
    bool comparable = false;

    if (check_rv(rv, err) != 0)
        return -1;
    if (watch->state == WATCH_INIT) {
        if (end == NULL || strcmp(end, "true") != 0)
            return 0; /* the state is not complete: this is not a place to resume from */
        if (!watch_complete(watch, rv))
            return err_set(err, ERR_GONE, "the server's history went back");
        return 0;
    }
    if (!watch->bookmark_seen) {
        watch->bookmark_seen = true;
        watch_shorten_guard(watch); /* from now on silence means something */
    }
    if (kube_rv_compare(rv, watch->rv, &comparable) < 0 && comparable) {
        watch->from_scratch = true;
        return err_set(err, ERR_GONE, "a bookmark lies before what was reached already");
    }
    progress(watch, rv);
    watch_healthy(watch);
    return 0;
}

static int on_change(struct watch *watch, const char *type, struct jv *object, struct err *err)
{
    bool gone = strcmp(type, "DELETED") == 0, comparable = false;
    char rv[WATCH_RV_BYTES];

    if (!identify(watch, object)) {
        watch->stats.ignored++;
        return 0;
    }
    if (check_rv(jv_path_str(object, "metadata", "resourceVersion", NULL), err) != 0)
        return -1;
    snprintf(rv, sizeof(rv), "%s", jv_path_str(object, "metadata", "resourceVersion", NULL));
    if (watch->state == WATCH_STREAM && kube_rv_compare(rv, watch->rv, &comparable) <= 0 &&
        comparable) {
        watch->stats.dropped_old++;
        if (++watch->old_streak < WATCH_OLD_MAX)
            return 0;
        watch->from_scratch = true;
        return err_set(err, ERR_GONE, "the stream repeats what lies before its beginning");
    }
    watch->stats.events++;
    watch->stats.last_event_ms = watch_now(watch);
    if (gone)
        watch->callbacks.on_delete(watch->arg, object);
    else
        watch->callbacks.on_upsert(watch->arg, object);
    if (watch->state == WATCH_STREAM && !watch->stopped) {
        watch->stream_strikes = 0;
        progress(watch, rv);
        if (!watch->stopped)
            watch_healthy(watch);
    }
    return 0;
}

static int on_error(const struct watch *watch, const struct jv *object, struct err *err)
{
    int code = (int)jv_int_value(jv_get(object, "code"));
    char *text = jv_print_str(object, 0);

    rest_err_from_status(err, "watch", watch->kind->plural, code > 0 ? code : 500, text,
                         strlen(text));
    free(text);
    return -1;
}

static int dispatch(struct watch *watch, struct jv *frame, struct err *err)
{
    const char *type = jv_str(jv_get(frame, "type"));
    struct jv *object = jv_get(frame, "object");

    if (type == NULL || !jv_is_object(object))
        return err_set(err, ERR_PARSE, "a watch event has no type or no object");
    if (strcmp(type, "ERROR") == 0)
        return on_error(watch, object, err);
    watch->stream_events++;
    if (strcmp(type, "BOOKMARK") == 0)
        return on_bookmark(watch, object, err);
    if (strcmp(type, "ADDED") == 0 || strcmp(type, "MODIFIED") == 0 || strcmp(type, "DELETED") == 0)
        return on_change(watch, type, object, err);
    watch->stats.ignored++;
    log_debug(watch->log, "watch event of an unknown type", "type", type);
    return 0;
}

/* An echo of our own write, or what did not change between two full states. */
static bool take_known(struct watch *watch)
{
    const char *rv = watch->scan.resource_version;
    bool comparable = true;

    if (watch->callbacks.is_known == NULL || watch->scan.uid[0] == '\0' || rv[0] == '\0')
        return false;
    if (watch->state == WATCH_STREAM &&
        (kube_rv_compare(rv, watch->rv, &comparable) <= 0 || !comparable))
        return false;
    if (!watch->callbacks.is_known(watch->arg, watch->scan.uid, rv))
        return false;
    watch->stats.events++;
    watch->stats.last_event_ms = watch_now(watch);
    if (watch->state == WATCH_STREAM) {
        watch->stream_events++;
        watch->stream_strikes = 0;
        progress(watch, rv);
    }
    return true;
}

/* Servers write the type first; any other order only costs the shortcut. */
static bool is_upsert(const char *text, size_t len)
{
    static const char added[] = "{\"type\":\"ADDED\"", modified[] = "{\"type\":\"MODIFIED\"";

    return (len > sizeof(added) && memcmp(text, added, sizeof(added) - 1) == 0) ||
           (len > sizeof(modified) && memcmp(text, modified, sizeof(modified) - 1) == 0);
}

/* One object that we cannot hold as it is must not end the watch over all others. */
static int parse(struct watch *watch, const char *text, size_t len, bool frame, struct jv **out)
{
    if (jv_parse(text, len, out, &watch->verdict) == 0)
        return 0;
    if (mend_parse(text, len, frame, watch->log, watch->kind->kind, out) != 0)
        return -1;
    err_clear(&watch->verdict);
    return 0;
}

int watch_on_frame(void *arg, const char *text, size_t len)
{
    struct watch *watch = arg;
    struct jv *frame = NULL;
    int result;

    if (is_upsert(text, len) && take_known(watch))
        return 0;
    if (parse(watch, text, len, true, &frame) != 0) {
        err_wrap(&watch->verdict, "watch %s", watch->kind->plural);
        return -1;
    }
    result = dispatch(watch, frame, &watch->verdict);
    jv_unref(frame);
    return watch->stopped ? -1 : result;
}

int watch_on_item(void *arg, const char *text, size_t len)
{
    struct watch *watch = arg;
    struct jv *item = NULL;

    if (take_known(watch))
        return 0;
    if (parse(watch, text, len, false, &item) != 0) {
        err_wrap(&watch->verdict, "list %s", watch->kind->plural);
        return -1;
    }
    if (identify(watch, item)) {
        watch->stats.events++;
        watch->stats.last_event_ms = watch_now(watch);
        watch->callbacks.on_upsert(watch->arg, item);
    } else {
        watch->stats.ignored++;
    }
    jv_unref(item);
    return watch->stopped ? -1 : 0;
}

int watch_read_envelope(struct watch *watch, struct err *err)
{
    struct jv *list = NULL;
    const char *kind, *rv, *token;
    size_t len;

    if (!watch->scan.finished)
        return err_set(err, ERR_NETWORK, "list %s: the answer ends in the middle",
                       watch->kind->plural);
    if (jv_parse(buf_str(&watch->scan.envelope), watch->scan.envelope.len, &list, err) != 0)
        return err_wrap(err, "list %s", watch->kind->plural);
    kind = jv_str(jv_get(list, "kind"));
    len = kind != NULL ? strlen(kind) : 0;
    rv = jv_path_str(list, "metadata", "resourceVersion", NULL);
    token = jv_path_str(list, "metadata", "continue", NULL);
    if (len < 4 || strcmp(kind + len - 4, "List") != 0 || jv_get(list, "items") == NULL) {
        jv_unref(list);
        return err_set(err, ERR_PARSE, "list %s: the answer is not a list", watch->kind->plural);
    }
    if (watch->continue_token == NULL) {
        if (check_rv(rv, err) != 0) {
            jv_unref(list);
            return err_wrap(err, "list %s", watch->kind->plural);
        }
        snprintf(watch->list_rv, sizeof(watch->list_rv), "%s", rv);
    }
    free(watch->continue_token);
    watch->continue_token = token != NULL && token[0] != '\0' ? mem_str(token) : NULL;
    jv_unref(list);
    return 0;
}

static struct jv *copy_without(const struct jv *object, const char *key)
{
    struct jv *copy = jv_object();
    struct jv_iter iter = {0};

    while (jv_next(object, &iter)) {
        if (strcmp(iter.key, key) != 0)
            jv_set(copy, iter.key, jv_ref(iter.value));
    }
    return copy;
}

struct jv *watch_stripped(const struct jv *object)
{
    const struct jv *metadata = jv_get(object, "metadata");
    const struct jv *annotations = jv_get(metadata, "annotations");
    struct jv *copy = copy_without(object, ""), *inner;

    if (!jv_is_object(metadata))
        return copy;
    inner = copy_without(metadata, "managedFields");
    if (jv_is_object(annotations) && jv_get(annotations, LAST_APPLIED) != NULL) {
        struct jv *rest = copy_without(annotations, LAST_APPLIED);

        jv_set(inner, "annotations", rest);
        if (jv_size(rest) == 0)
            jv_remove(inner, "annotations");
    }
    jv_set(copy, "metadata", inner);
    return copy;
}
