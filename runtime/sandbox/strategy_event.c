#include "sandbox/strategy_internal.h"

#include "sandbox/meta.h"
#include "sandbox/write.h"

#include <stdlib.h>
#include <string.h>

enum { SHORT_BYTES_MAX = 128, NOTE_BYTES_MAX = 1024 };
enum { EVENT_LIFE_MS = 3600000, SWEEP_EVERY_MS = 60000 };

static bool has_time(const struct jv *event, const char *member)
{
    return jv_str(jv_get(event, member)) != NULL;
}

static void check_namespace(const struct jv *event, const char *namespace, bool modern,
                            struct field_errors *errors)
{
    const char *about = member_str(jv_get(event, "involvedObject"), "namespace");
    bool home =
        strcmp(namespace, "default") == 0 || (modern && strcmp(namespace, "kube-system") == 0);
    bool fits = *about ? modern || strcmp(about, namespace) == 0 : home;
    if (!fits)
        field_invalid_str(errors, "involvedObject.namespace", about,
                          "does not match event.namespace");
}

static void check_text(const struct jv *event, const char *member, const char *path,
                       struct field_errors *errors)
{
    const char *text = member_str(event, member);
    if (!*text)
        field_required(errors, path, NULL);
    if (strlen(text) > SHORT_BYTES_MAX)
        field_invalid_str(errors, path, "", "can have at most %d characters", SHORT_BYTES_MAX);
}

/* An event with an eventTime is of the newer kind, whichever group it came through. */
static void check_modern(const struct jv *event, bool core, struct field_errors *errors)
{
    const char *controller = member_str(event, "reportingComponent");
    const char *path = core ? "reportingComponent" : "reportingController";
    const char *problem = *controller ? name_check_qualified(controller) : NULL;
    if (!*controller)
        field_required(errors, path, NULL);
    if (problem)
        field_invalid_str(errors, path, controller, "%s", problem);
    check_text(event, "reportingInstance", "reportingInstance", errors);
    check_text(event, "action", "action", errors);
    check_text(event, "reason", "reason", errors);
    if (strlen(member_str(event, "message")) > NOTE_BYTES_MAX)
        field_invalid_str(errors, "message", "", "can have at most %d characters", NOTE_BYTES_MAX);
}

static void check_series(const struct jv *event, struct field_errors *errors)
{
    const struct jv *series = jv_get(event, "series");
    if (!series)
        return;
    if (jv_int_value(jv_get(series, "count")) < 2)
        field_invalid_str(errors, "series.count", "", "should be at least 2");
    if (!has_time(series, "lastObservedTime"))
        field_required(errors, "series.lastObservedTime", NULL);
}

/* Only what comes through events.k8s.io. */
static void check_strict(const struct jv *event, struct field_errors *errors)
{
    static const char *const unset[] = {"firstTimestamp", "lastTimestamp"};
    const char *type = member_str(event, "type");
    if (!has_time(event, "eventTime"))
        field_required(errors, "eventTime", NULL);
    if (strcmp(type, "Normal") != 0 && strcmp(type, "Warning") != 0)
        field_invalid_str(errors, "type", "", "has invalid value: %s", type);
    for (size_t i = 0; i < 2; i++)
        if (has_time(event, unset[i]))
            field_invalid_str(errors, unset[i], "", "needs to be unset");
    if (jv_int_value(jv_get(event, "count")))
        field_invalid_str(errors, "count", "", "needs to be unset");
    if (*member_str(jv_get(event, "source"), "component"))
        field_invalid_str(errors, "source", "", "needs to be unset");
    check_series(event, errors);
}

static int prepare_create(struct request *request, struct jv *event, struct refusal *refusal)
{
    struct field_errors errors;
    bool core = request->kind == request->kind->home, modern = has_time(event, "eventTime");
    int result = 0;
    field_errors_init(&errors);
    check_namespace(event, meta_namespace(event), modern, &errors);
    if (modern)
        check_modern(event, core, &errors);
    if (!core)
        check_strict(event, &errors);
    if (field_errors_count(&errors)) {
        result = refuse_invalid(refusal, request->kind->home, meta_name(event), &errors);
    }
    field_errors_deinit(&errors);
    return result;
}

/* An object as Go prints its internal form: members in capitals, all of them. */
static struct jv *as_internal(const struct jv *object, const char *const names[], size_t count)
{
    struct jv *out = jv_object();
    for (size_t i = 0; i < count; i++) {
        char *name = mem_str(names[i]);
        name[0] = (char)(name[0] - 'A' + 'a');
        const char *member = strcmp(names[i], "UID") == 0          ? "uid"
                             : strcmp(names[i], "APIVersion") == 0 ? "apiVersion"
                                                                   : name;
        jv_set_str(out, names[i], member_str(object, member));
        free(name);
    }
    return out;
}

static struct jv *as_quoted(const char *member, const struct jv *value)
{
    static const char *const reference[] = {"Kind",       "Namespace",       "Name",     "UID",
                                            "APIVersion", "ResourceVersion", "FieldPath"};
    static const char *const source[] = {"Component", "Host"};
    if (strcmp(member, "source") == 0)
        return as_internal(value, source, 2);
    if (jv_is_object(value))
        return as_internal(value, reference, 7);
    return value ? jv_ref((struct jv *)value) : jv_null();
}

/* Absent, null, "", 0 and {} are one to Go. */
static bool is_zero(const struct jv *value)
{
    const char *text = jv_str(value);
    return !value || jv_type(value) == JV_NULL || (text && !*text) ||
           (jv_type(value) == JV_INT && !jv_int_value(value)) ||
           (jv_is_object(value) && !jv_size(value));
}

static bool is_same(const struct jv *a, const struct jv *b)
{
    return (is_zero(a) && is_zero(b)) || jv_equal(a, b);
}

/* Through events.k8s.io only the series and the metadata of an event may change. */
static void check_unchanged(const struct jv *before, const struct jv *after,
                            struct field_errors *errors)
{
    static const struct {
        const char *member, *path;
    } fixed[] = {{"involvedObject", NULL},
                 {"reason", NULL},
                 {"message", NULL},
                 {"source", NULL},
                 {"firstTimestamp", NULL},
                 {"lastTimestamp", NULL},
                 {"count", NULL},
                 {"type", NULL},
                 {"eventTime", NULL},
                 {"action", NULL},
                 {"related", NULL},
                 {"reportingComponent", "reportingController"},
                 {"reportingInstance", NULL}};
    for (size_t i = 0; i < sizeof(fixed) / sizeof(fixed[0]); i++) {
        const struct jv *now = jv_get(after, fixed[i].member);
        if (is_same(jv_get(before, fixed[i].member), now))
            continue;
        struct jv *quoted = as_quoted(fixed[i].member, now);
        field_invalid(errors, fixed[i].path ? fixed[i].path : fixed[i].member, quoted,
                      "field is immutable");
        jv_unref(quoted);
    }
}

static int prepare_update(struct request *request, const struct jv *before, struct jv *after,
                          struct refusal *refusal)
{
    struct field_errors errors;
    bool core = request->kind == request->kind->home, modern = has_time(after, "eventTime");
    int result = 0;
    field_errors_init(&errors);
    check_namespace(after, meta_namespace(before), modern, &errors);
    if (!core && modern)
        check_modern(after, core, &errors);
    if (!core && !is_same(jv_get(before, "series"), jv_get(after, "series")))
        check_series(after, &errors);
    if (!core)
        check_unchanged(before, after, &errors);
    if (field_errors_count(&errors))
        result = refuse_invalid(refusal, request->kind->home, meta_name(after), &errors);
    field_errors_deinit(&errors);
    return result;
}

struct sweep {
    int64_t until_ms;
    struct jv *keys;
};

static bool collect_old(void *arg, struct stored *stored)
{
    struct sweep *sweep = arg;
    if (stored->at_ms <= sweep->until_ms)
        jv_append(sweep->keys, jv_string(stored->key));
    return true;
}

/* Events live for an hour. New ones make room: no timer is needed for what nobody adds to. */
static void committed(struct apiserver *server, const struct jv *before, const struct jv *after)
{
    struct kind *kind = kinds_find(server->kinds, "", "events");
    int64_t now_ms = server_now_ms(server);
    (void)before;
    if (!after || now_ms - server->events_swept_ms < SWEEP_EVERY_MS)
        return;
    server->events_swept_ms = now_ms;
    struct sweep sweep = {.until_ms = now_ms - EVENT_LIFE_MS, .keys = jv_array()};
    storage_each(server->storage, kind, NULL, NULL, 0, collect_old, &sweep);
    for (size_t i = 0; i < jv_size(sweep.keys); i++) {
        struct request request;
        struct jv *event = stored_parse(storage_get(kind, jv_str(jv_at(sweep.keys, i))));
        struct jv *last = jv_dup(event);
        request_init_internal(&request, server, kind, VERB_DELETE);
        write_commit_delete(&request, kind, event, last);
        request_deinit(&request);
        jv_unref(last);
        jv_unref(event);
    }
    jv_unref(sweep.keys);
}

const struct strategy strategy_event = {
    .prepare_create = prepare_create,
    .prepare_update = prepare_update,
    .committed = committed,
};
