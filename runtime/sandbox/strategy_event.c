#include "sandbox/strategy_internal.h"

#include "sandbox/meta.h"
#include "sandbox/write.h"

#include <string.h>

enum { SHORT_BYTES_MAX = 128, NOTE_BYTES_MAX = 1024 };
enum { EVENT_LIFE_MS = 3600000, SWEEP_EVERY_MS = 60000 };

static bool has_time(const struct jv *event, const char *member)
{
    return jv_str(jv_get(event, member)) != NULL;
}

static void check_namespace(const struct jv *event, bool modern, struct field_errors *errors)
{
    const char *about = member_str(jv_get(event, "involvedObject"), "namespace");
    const char *namespace = meta_namespace(event);
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
}

static int prepare_create(struct request *request, struct jv *event, struct refusal *refusal)
{
    struct field_errors errors;
    bool core = request->kind == request->kind->home, modern = has_time(event, "eventTime");
    int result = 0;
    field_errors_init(&errors);
    check_namespace(event, modern, &errors);
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

static void validate_update(const struct jv *before, const struct jv *after,
                            struct field_errors *errors)
{
    (void)before;
    check_namespace(after, has_time(after, "eventTime"), errors);
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
    .validate_update = validate_update,
    .committed = committed,
};
