/* What the tests of control/ share: an API server small enough to be read at once. Objects by path,
 * discovery for the kinds used, merge patches, applies, deletes with preconditions; a recording of
 * what was asked; answers that a test puts in the way. Lists answer, watches stay silent.
 */
#ifndef NEMETON_TESTS_CONTROL_SUPPORT_H
#define NEMETON_TESTS_CONTROL_SUPPORT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "idle.h"

#include "base/json.h"
#include "base/map.h"
#include "kube/apply.h"
#include "kube/config.h"
#include "kube/discovery.h"
#include "kube/rest.h"
#include "loop/loopback.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ASKED_MAX = 256 };

struct fake {
    struct clock *clock;
    struct loop *loop;
    struct random_source *random;
    struct transport *transport;
    struct kube_config *config;
    struct rest *rest;
    struct discovery *discovery;
    struct map *objects;    /* path → struct jv */
    char *asked[ASKED_MAX]; /* "GET /api/v1/…", "DELETE … {body}" */
    size_t asked_count;
    int64_t revision;
    /* The next request whose line begins so is answered in this way instead (once). */
    const char *instead_of;
    int instead_status; /* 0: the connection is cut; -1: never answered */
    bool instead_after; /* it is done all the same */
    bool lists_go_on;   /* lists are pages, and there is another one */
};

static inline void fake_object_free(void *value)
{
    jv_unref(value);
}

static inline void fake_reply(struct exchange *exchange, int status, const struct jv *body)
{
    static const struct http_header headers[] = {{"Content-Type", "application/json"}};
    char *text = jv_print_str(body, 0);
    exchange_reply(exchange, status, headers, 1, text, strlen(text));
    free(text);
}

static inline void fake_status(struct exchange *exchange, int code, const char *reason)
{
    struct jv *status = jv_object();
    jv_set_str(status, "kind", "Status");
    jv_set_str(status, "apiVersion", "v1");
    jv_set_str(status, "status", code < 300 ? "Success" : "Failure");
    jv_set_str(status, "reason", reason);
    jv_set_str(status, "message", reason);
    jv_set_int(status, "code", code);
    fake_reply(exchange, code, status);
    jv_unref(status);
}

static inline void fake_resource(struct jv *list, const char *name, const char *kind,
                                 bool namespaced)
{
    struct jv *resource = jv_object(), *status = jv_object();
    char *path = mem_printf("%s/status", name);
    jv_set_str(resource, "name", name);
    jv_set_str(resource, "kind", kind);
    jv_set(resource, "namespaced", jv_bool(namespaced));
    jv_set(resource, "verbs", jv_array());
    jv_set_str(status, "name", path);
    jv_set_str(status, "kind", kind);
    jv_set(status, "namespaced", jv_bool(namespaced));
    jv_set(status, "verbs", jv_array());
    jv_append(list, resource);
    jv_append(list, status);
    free(path);
}

static inline bool fake_discovery(struct exchange *exchange, const char *path)
{
    struct jv *answer = jv_object(), *list = jv_array();
    jv_set_str(answer, "kind", "APIResourceList");
    bool known = true;
    if (strcmp(path, "/api/v1") == 0) {
        jv_set_str(answer, "groupVersion", "v1");
        fake_resource(list, "pods", "Pod", true);
        fake_resource(list, "configmaps", "ConfigMap", true);
        fake_resource(list, "persistentvolumeclaims", "PersistentVolumeClaim", true);
    } else if (strcmp(path, "/apis/apps/v1") == 0) {
        jv_set_str(answer, "groupVersion", "apps/v1");
        fake_resource(list, "statefulsets", "StatefulSet", true);
        fake_resource(list, "deployments", "Deployment", true);
        fake_resource(list, "replicasets", "ReplicaSet", true);
    } else if (strcmp(path, "/apis/example.com/v1") == 0) {
        jv_set_str(answer, "groupVersion", "example.com/v1");
        fake_resource(list, "things", "Thing", true);
    } else if (strcmp(path, "/apis/autoscaling/v2") == 0) {
        jv_set_str(answer, "groupVersion", "autoscaling/v2");
        fake_resource(list, "horizontalpodautoscalers", "HorizontalPodAutoscaler", true);
    } else {
        known = false;
    }
    jv_set(answer, "resources", list);
    if (known)
        fake_reply(exchange, 200, answer);
    jv_unref(answer);
    return known;
}

static inline void fake_touch(struct fake *fake, struct jv *object)
{
    char number[32];
    snprintf(number, sizeof(number), "%lld", (long long)++fake->revision);
    jv_set_str(jv_ensure(object, "metadata", NULL), "resourceVersion", number);
}

/* path: of the object. text: its JSON. uid is "u-NAME" unless given. */
static inline void fake_put(struct fake *fake, const char *path, const char *text)
{
    struct jv *object = NULL;
    struct err err = {0};
    char *plain = mem_str(text);
    for (char *c = plain; *c != '\0'; c++)
        *c = *c == '\'' ? '"' : *c;
    assert_int_equal(jv_parse(plain, strlen(plain), &object, &err), 0);
    free(plain);
    struct jv *metadata = jv_ensure(object, "metadata", NULL);
    const char *name = strrchr(path, '/') + 1;
    jv_set_str(metadata, "name", name);
    const char *at = strstr(path, "/namespaces/");
    if (at != NULL) {
        at += strlen("/namespaces/");
        char *namespace = mem_strn(at, strcspn(at, "/"));
        jv_set_str(metadata, "namespace", namespace);
        free(namespace);
    }
    if (jv_get(metadata, "uid") == NULL)
        jv_set(metadata, "uid", jv_stringf("u-%s", name));
    fake_touch(fake, object);
    map_put(fake->objects, path, object);
}

static inline struct jv *fake_get(struct fake *fake, const char *path)
{
    return map_get(fake->objects, path);
}

/* Is this the path of an object in the collection, in a namespace or in all of them? */
static inline bool fake_within(const char *collection, const char *path)
{
    char *plain = mem_str(path);
    char *at = strstr(plain, "/namespaces/");
    if (at != NULL && strstr(collection, "/namespaces/") == NULL) {
        const char *rest = strchr(at + strlen("/namespaces/"), '/');
        memmove(at, rest, strlen(rest) + 1);
    }
    size_t len = strlen(collection);
    bool within = strncmp(plain, collection, len) == 0 && plain[len] == '/' &&
                  strchr(plain + len + 1, '/') == NULL;
    free(plain);
    return within;
}

static inline void fake_list(struct fake *fake, struct exchange *exchange, const char *path)
{
    struct jv *list = jv_object(), *items = jv_array();
    struct map_iter iter = {0};
    jv_set_str(list, "kind", "List");
    jv_set(jv_ensure(list, "metadata", NULL), "resourceVersion",
           jv_stringf("%lld", (long long)fake->revision));
    while (map_next(fake->objects, &iter)) {
        if (fake_within(path, iter.key))
            jv_append(items, jv_ref(iter.value));
    }
    jv_set(list, "items", items);
    if (fake->lists_go_on)
        jv_set_str(jv_get(list, "metadata"), "continue", "more");
    fake_reply(exchange, 200, list);
    jv_unref(list);
}

/* Preconditions of a delete, or uid and resourceVersion inside a patch. */
static inline bool fake_precondition(const struct jv *object, const struct jv *wanted)
{
    const char *uid = jv_path_str(wanted, "uid", NULL);
    const char *rv = jv_path_str(wanted, "resourceVersion", NULL);
    return (uid == NULL || strcmp(uid, jv_path_str(object, "metadata", "uid", NULL)) == 0) &&
           (rv == NULL ||
            strcmp(rv, jv_path_str(object, "metadata", "resourceVersion", NULL)) == 0);
}

static inline void fake_write(struct fake *fake, struct exchange *exchange, const char *path,
                              bool answer)
{
    size_t len = 0;
    const char *text = exchange_body(exchange, &len);
    const char *method = exchange_method(exchange);
    const char *type = exchange_header(exchange, "Content-Type");
    struct jv *body = NULL;
    struct jv *object = map_get(fake->objects, path);
    if (len > 0)
        assert_int_equal(jv_parse(text, len, &body, NULL), 0);
    if (strcmp(method, "DELETE") == 0) {
        bool fits = object != NULL && fake_precondition(object, jv_get(body, "preconditions"));
        if (fits)
            map_remove(fake->objects, path);
        if (answer)
            fake_status(exchange,
                        object == NULL ? 404
                        : fits         ? 200
                                       : 409,
                        object == NULL ? "NotFound"
                        : fits         ? ""
                                       : "Conflict");
        jv_unref(body);
        return;
    }
    bool apply = strstr(type, "apply-patch") != NULL;
    if (object == NULL && !apply) {
        fake_status(exchange, 404, "NotFound");
    } else if (object != NULL && !fake_precondition(object, jv_get(body, "metadata"))) {
        fake_status(exchange, 409, "Conflict");
    } else if (strstr(type, "json-patch") != NULL) {
        fake_reply(exchange, 200, object); /* what it says is read from the recording */
    } else {
        struct jv *empty = jv_object();
        struct jv *after = merge_patch_apply(object != NULL ? object : empty, body);
        struct jv *copy = jv_dup(after);
        if (jv_path(copy, "metadata", "uid", NULL) == NULL)
            jv_set(jv_ensure(copy, "metadata", NULL), "uid",
                   jv_stringf("u-%s", strrchr(path, '/') + 1));
        if (object == NULL || !jv_equal(object, copy))
            fake_touch(fake, copy);
        if (answer)
            fake_reply(exchange, object == NULL ? 201 : 200, copy);
        map_put(fake->objects, path, copy);
        jv_unref(after);
        jv_unref(empty);
    }
    jv_unref(body);
}

static inline void fake_record(struct fake *fake, struct exchange *exchange)
{
    size_t len = 0;
    const char *body = exchange_body(exchange, &len);
    assert_true(fake->asked_count < ASKED_MAX);
    fake->asked[fake->asked_count++] =
        mem_printf("%s %s%s%s %.*s", exchange_method(exchange), exchange_path(exchange),
                   exchange_query_raw(exchange)[0] != '\0' ? "?" : "", exchange_query_raw(exchange),
                   (int)len, body != NULL ? body : "");
}

static inline void fake_handle(void *arg, struct exchange *exchange)
{
    struct fake *fake = arg;
    const char *path = exchange_path(exchange);
    bool get = strcmp(exchange_method(exchange), "GET") == 0;
    if (get && fake_discovery(exchange, path))
        return;
    fake_record(fake, exchange);
    const char *line = fake->asked[fake->asked_count - 1];
    if (fake->instead_of != NULL &&
        strncmp(line, fake->instead_of, strlen(fake->instead_of)) == 0) {
        int status = fake->instead_status;
        fake->instead_of = NULL;
        if (fake->instead_after)
            fake_write(fake, exchange, path, false);
        if (status > 0)
            fake_status(exchange, status, status == 403 ? "Forbidden" : "InternalError");
        else if (status == 0)
            exchange_abort(exchange);
        return;
    }
    char *plain = mem_str(path);
    size_t len = strlen(plain);
    if (len > 7 && strcmp(plain + len - 7, "/status") == 0)
        plain[len - 7] = '\0';
    struct jv *object = map_get(fake->objects, plain);
    if (!get)
        fake_write(fake, exchange, plain, true);
    else if (exchange_query(exchange, "watch") != NULL)
        exchange_stream(exchange, 200, NULL, 0);
    else if (object != NULL)
        fake_reply(exchange, 200, object);
    else if (strchr("s", plain[len - 1]) != NULL && strstr(plain, "/u-") == NULL &&
             (strstr(plain, "pods") == plain + len - 4 ||
              strstr(plain, "statefulsets") == plain + len - 12 ||
              strstr(plain, "configmaps") == plain + len - 10 ||
              strstr(plain, "things") == plain + len - 6 ||
              strstr(plain, "autoscalers") == plain + len - 11))
        fake_list(fake, exchange, plain);
    else
        fake_status(exchange, 404, "NotFound");
    free(plain);
}

static inline void fake_start(struct fake *fake)
{
    struct err err = {0};
    *fake = (struct fake){0};
    fake->clock = clock_virtual_new(1700000000000000000);
    fake->loop = loop_new(fake->clock, &err);
    fake->random = random_seeded_new(7);
    fake->transport = loopback_new(fake->loop, fake->random);
    loopback_route(fake->transport, "https://api", fake_handle, fake);
    fake->config = kube_config_fixed(fake->loop, "https://api", NULL);
    fake->objects = map_new(1, fake_object_free);
    fake->revision = 100;
    struct rest_options options = {.random = fake->random};
    fake->rest = rest_new(fake->loop, fake->transport, fake->config, &options);
    fake->discovery = discovery_new(fake->rest);
}

/* Ends, and proves that nothing is left open. */
static inline void fake_end(struct fake *fake)
{
    assert_int_equal(rest_pending(fake->rest), 0);
    discovery_free(fake->discovery);
    rest_free(fake->rest);
    kube_config_free(fake->config);
    assert_int_equal(transport_pending(fake->transport), 0);
    transport_free(fake->transport);
    loop_free_idle(fake->loop);
    clock_free(fake->clock);
    random_free(fake->random);
    map_free(fake->objects);
    for (size_t i = 0; i < fake->asked_count; i++)
        free(fake->asked[i]);
}

struct fake_found {
    const struct kube_kind *kind;
    bool done;
};

static inline void fake_on_kind(void *arg, const struct kube_kind *kind, const struct err *err)
{
    struct fake_found *found = arg;
    assert_null(err);
    found->kind = kind;
    found->done = true;
}

static inline bool fake_is_true(void *arg)
{
    return *(bool *)arg;
}

static inline const struct kube_kind *fake_kind(struct fake *fake, const char *api_version,
                                                const char *kind)
{
    struct fake_found found = {0};
    discovery_find(fake->discovery, api_version, kind, fake_on_kind, &found);
    assert_true(loop_run_until(fake->loop, fake_is_true, &found.done, 5000));
    return found.kind;
}

/* How many requests began so. */
static inline size_t fake_asked(const struct fake *fake, const char *begin)
{
    size_t count = 0;
    for (size_t i = 0; i < fake->asked_count; i++)
        count += strncmp(fake->asked[i], begin, strlen(begin)) == 0;
    return count;
}

static inline const char *fake_last(const struct fake *fake, const char *begin)
{
    for (size_t i = fake->asked_count; i-- > 0;) {
        if (strncmp(fake->asked[i], begin, strlen(begin)) == 0)
            return fake->asked[i];
    }
    return "";
}

#endif
