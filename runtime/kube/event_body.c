#include "kube/event_internal.h"

#include <string.h>

enum { NAME_MAX_BYTES = 253 };

static bool is_subdomain(const char *name)
{
    size_t len = strlen(name);

    if (len == 0 || len > NAME_MAX_BYTES || name[0] == '.' || name[0] == '-')
        return false;
    return strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-.") == len &&
           strstr(name, "..") == NULL && strstr(name, ".-") == NULL && strstr(name, "-.") == NULL;
}

char *event_make_name(struct event_recorder *recorder, const char *object_name)
{
    int64_t now = clock_wall_ns(loop_clock(recorder->loop));
    char *name;

    if (now <= recorder->last_name_ns)
        now = recorder->last_name_ns + 1;
    recorder->last_name_ns = now;
    name = mem_printf("%s.%llx", object_name, (unsigned long long)now);
    if (is_subdomain(name) || recorder->random == NULL)
        return name;
    name = mem_grow(name, 37);
    random_uuid(recorder->random, name);
    return name;
}

struct jv *event_reference(const struct jv *object)
{
    static const char *const keys[] = {"namespace", "name", "uid", "resourceVersion"};
    struct jv *reference = jv_object();

    jv_set_str(reference, "apiVersion", jv_str(jv_get(object, "apiVersion")));
    jv_set_str(reference, "kind", jv_str(jv_get(object, "kind")));
    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
        jv_set_str(reference, keys[i], jv_path_str(object, "metadata", keys[i], NULL));
    return reference;
}

char *event_cut(const char *text, size_t max)
{
    static const char ellipsis[] = "…";
    size_t len = strlen(text);

    if (len <= max)
        return mem_str(text);
    len = max - strlen(ellipsis);
    while (len > 0 && ((unsigned char)text[len] & 0xc0) == 0x80)
        len--;
    return mem_printf("%.*s%s", (int)len, text, ellipsis);
}

static void set_common(const struct event *event, struct jv *body)
{
    struct jv *metadata = jv_ensure(body, "metadata", NULL);

    jv_set_str(metadata, "namespace", event->namespace);
    jv_set_str(metadata, "name", event->name);
    jv_set_str(body, "type", event->type);
    jv_set_str(body, "reason", event->reason);
    jv_set_str(body, "action", event->action);
    jv_set_str(body, "reportingInstance", event->recorder->instance);
}

struct jv *event_create_body(const struct event *event)
{
    struct jv *body = jv_object();
    char first[40], last[40];

    if (!event->recorder->legacy) {
        log_time_rfc3339(event->first_ns, true, first);
        jv_set_str(body, "apiVersion", "events.k8s.io/v1");
        jv_set_str(body, "kind", "Event");
        set_common(event, body);
        jv_set_str(body, "eventTime", first);
        jv_set_str(body, "reportingController", event->recorder->controller);
        jv_set_str(body, "note", event->note);
        jv_set(body, "regarding", jv_ref(event->regarding));
        return body;
    }
    log_time_rfc3339(event->first_ns, false, first);
    log_time_rfc3339(event->last_ns, false, last);
    jv_set_str(body, "apiVersion", "v1");
    jv_set_str(body, "kind", "Event");
    set_common(event, body);
    jv_set_str(body, "reportingComponent", event->recorder->controller);
    jv_set_str(jv_ensure(body, "source", NULL), "component", event->recorder->controller);
    jv_set_str(body, "message", event->note);
    jv_set(body, "involvedObject", jv_ref(event->regarding));
    jv_set_str(body, "firstTimestamp", first);
    jv_set_str(body, "lastTimestamp", last);
    jv_set_int(body, "count", event->count);
    return body;
}

struct jv *event_series_patch(const struct event *event)
{
    struct jv *patch = jv_object(), *series;
    char last[40];

    log_time_rfc3339(event->last_ns, !event->recorder->legacy, last);
    if (event->recorder->legacy) {
        jv_set_int(patch, "count", event->count);
        jv_set_str(patch, "lastTimestamp", last);
        return patch;
    }
    series = jv_ensure(patch, "series", NULL);
    jv_set_int(series, "count", event->count);
    jv_set_str(series, "lastObservedTime", last);
    return patch;
}
