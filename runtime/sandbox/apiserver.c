#include "sandbox/apiserver.h"

#include "base/log.h"
#include "sandbox/meta.h"
#include "sandbox/router.h"
#include "sandbox/watcher.h"
#include "sandbox/write.h"

#include <stdlib.h>
#include <string.h>

static void on_change(void *arg, const struct change *change)
{
    struct apiserver *server = arg;
    (void)change; /* watches read the history themselves */
    if (server->watchers)
        watchers_notify(server->watchers);
}

/* The namespaces that every cluster is born with. */
static int create_namespaces(struct apiserver *server, struct err *err)
{
    static const char *const names[] = {"default", "kube-system", "kube-public", "kube-node-lease"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        struct jv *namespace = jv_object();
        jv_set_str(namespace, "apiVersion", "v1");
        jv_set_str(namespace, "kind", "Namespace");
        jv_set_str(jv_ensure(namespace, "metadata", NULL), "name", names[i]);
        int result = apiserver_load(server, namespace, false, err);
        jv_unref(namespace);
        if (result < 0)
            return -1;
    }
    storage_compact(server->storage); /* nobody watched from before there was a server */
    return 0;
}

static int load_create(struct request *request, struct jv *object, struct stored **out,
                       struct refusal *refusal)
{
    if (write_decode(request, &object, refusal) < 0) {
        jv_unref(object);
        return -1;
    }
    free(request->namespace);
    request->namespace = NULL;
    if (kind_is(request->kind, KIND_NAMESPACED)) {
        const char *namespace = meta_namespace(object);
        request->namespace = mem_str(namespace && *namespace ? namespace : "default");
    }
    return write_create(request, object, out, refusal);
}

/* As an admin's apply: what is there already is replaced. */
static int load_object(struct request *request, const struct jv *object, bool with_status,
                       struct refusal *refusal)
{
    struct jv *copy = jv_dup(object), *before = NULL;
    struct stored *stored = NULL;
    struct jv *metadata = jv_ensure(copy, "metadata", NULL);
    jv_remove(metadata, "resourceVersion");
    if (!with_status)
        jv_remove(copy, "status");
    int result = load_create(request, copy, &stored, refusal);
    if (result < 0 && refusal->code == 409) {
        refusal_deinit(refusal);
        copy = jv_dup(object);
        metadata = jv_ensure(copy, "metadata", NULL);
        jv_remove(metadata, "resourceVersion");
        jv_remove(metadata, "uid");
        request->verb = VERB_PATCH;
        result = write_load(request, jv_str(jv_get(metadata, "name")), &before, refusal);
        if (result == 0 && write_decode(request, &copy, refusal) < 0)
            result = -1;
        if (result == 0)
            result = write_update(request, before, copy, with_status ? WRITE_INTERNAL : WRITE_MAIN,
                                  &stored, refusal);
        else
            jv_unref(copy);
    }
    stored_unref(stored);
    jv_unref(before);
    return result;
}

static bool dump_one(void *arg, struct stored *stored)
{
    jv_append(arg, stored_parse(stored));
    return true;
}

int64_t server_now_ms(const struct apiserver *server)
{
    return clock_mono_ms(loop_clock(server->loop));
}

const char *server_time(const struct apiserver *server, bool micros, char out[TIME_TEXT_BYTES])
{
    log_time_rfc3339(clock_wall_ns(loop_clock(server->loop)), micros, out);
    return out;
}

struct apiserver *apiserver_new(struct loop *loop, const struct apiserver_options *options,
                                struct err *err)
{
    struct apiserver *server = mem_alloc(sizeof(*server));
    server->loop = loop;
    server->options = *options;
    if (!server->options.history_max)
        server->options.history_max = HISTORY_DEFAULT;
    if (!server->options.objects_max)
        server->options.objects_max = OBJECTS_DEFAULT;
    if (!server->options.body_bytes_max)
        server->options.body_bytes_max = BODY_BYTES_DEFAULT;
    server->token = mem_str(options->token);
    server->addresses = map_new(0, NULL);
    server->node_ports = map_new(0, NULL);
    const struct storage_options storage = {.history_max = server->options.history_max,
                                            .history_bytes_max = HISTORY_BYTES_MAX,
                                            .objects_max = server->options.objects_max,
                                            .on_change = on_change,
                                            .arg = server};
    server->storage = storage_new(&storage);
    server->types = types_new(err);
    server->kinds = server->types ? kinds_new(server->types, err) : NULL;
    server->watchers = watchers_new(server);
    if (server->kinds && create_namespaces(server, err) == 0)
        return server;
    apiserver_free(server);
    return NULL;
}

void apiserver_free(struct apiserver *server)
{
    if (!server)
        return;
    watchers_free(server->watchers);
    storage_free(server->storage);
    kinds_free(server->kinds);
    types_free(server->types);
    map_free(server->addresses);
    map_free(server->node_ports);
    free(server->fault_user);
    free(server->token);
    free(server);
}

void apiserver_handle(void *server, struct exchange *exchange)
{
    router_handle(server, exchange);
}

int apiserver_load(struct apiserver *server, const struct jv *object, bool with_status,
                   struct err *err)
{
    const char *version = jv_str(jv_get(object, "apiVersion"));
    const char *name = jv_str(jv_get(object, "kind"));
    struct kind_version *found = NULL;
    struct kind *kind =
        version && name ? kinds_by_kind(server->kinds, version, name, &found) : NULL;
    if (!kind)
        return err_set(err, ERR_NOT_FOUND,
                       "no matches for kind \"%s\" in version \"%s\": is its CRD loaded before it?",
                       name ? name : "", version ? version : "");
    struct request request;
    struct refusal refusal = {0};
    request_init_internal(&request, server, kind, VERB_CREATE);
    request.version = found;
    int result = load_object(&request, object, with_status, &refusal);
    if (result < 0)
        refusal_to_err(&refusal, err);
    refusal_deinit(&refusal);
    request_deinit(&request);
    return result;
}

struct jv *apiserver_dump(struct apiserver *server, const char *api_version, const char *kind)
{
    struct jv *out = jv_array();
    struct kind *only = kind ? kinds_by_kind(server->kinds, api_version, kind, NULL) : NULL;
    for (size_t i = 0; i < kinds_count(server->kinds); i++) {
        const struct kind *each = kinds_at(server->kinds, i);
        if (kind ? each == only : each->home == each)
            storage_each(server->storage, each->home, NULL, NULL, 0, dump_one, out);
    }
    return out;
}

uint64_t apiserver_revision(const struct apiserver *server)
{
    return storage_revision(server->storage);
}

void apiserver_set_faults(struct apiserver *server, const struct apiserver_faults *faults)
{
    char *only = mem_str(faults->only_user);
    free(server->fault_user);
    server->faults = *faults;
    server->faults.only_user = server->fault_user = only;
    watchers_lag_changed(server->watchers);
}

void apiserver_compact(struct apiserver *server)
{
    storage_compact(server->storage);
}
