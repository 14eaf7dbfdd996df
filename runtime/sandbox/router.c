#include "sandbox/router.h"

#include "sandbox/answer.h"
#include "sandbox/delete.h"
#include "sandbox/discover.h"
#include "sandbox/openapi.h"
#include "sandbox/read.h"
#include "sandbox/review.h"
#include "sandbox/subresource.h"
#include "sandbox/watcher.h"
#include "sandbox/write.h"

#include <stdlib.h>
#include <string.h>

enum { PATH_PARTS_MAX = 10 };

struct path {
    char *text;
    const char *parts[PATH_PARTS_MAX];
    size_t count;
};

static int hex(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static void decode_part(char *part)
{
    char *to = part;
    for (const char *from = part; *from; from++) {
        bool escape = *from == '%' && hex(from[1]) >= 0 && hex(from[2]) >= 0;
        if (escape && (from[1] != '0' || from[2] != '0')) {
            *to++ = (char)(hex(from[1]) * 16 + hex(from[2]));
            from += 2;
        } else {
            *to++ = *from;
        }
    }
    *to = '\0';
}

/* False when there are more parts than any path of ours has. */
static bool path_split(struct path *path, const char *text)
{
    char *rest = path->text = mem_str(text), *part;
    path->count = 0;
    while ((part = strsep(&rest, "/"))) {
        if (!*part)
            continue;
        if (path->count == PATH_PARTS_MAX)
            return false;
        decode_part(part);
        path->parts[path->count++] = part;
    }
    return true;
}

static bool is_health(const struct path *path)
{
    static const char *const names[] = {"healthz", "livez", "readyz"};
    for (size_t i = 0; path->count && i < sizeof(names) / sizeof(names[0]); i++)
        if (strcmp(path->parts[0], names[i]) == 0)
            return true;
    return false;
}

/* Compares without giving away by time how much of it was right. */
static bool same_secret(const char *a, const char *b)
{
    size_t len = strlen(a), other = strlen(b);
    unsigned char differs = len != other;
    for (size_t i = 0; i < len && other; i++)
        differs = (unsigned char)(differs | (a[i] ^ b[i % other]));
    return !differs;
}

static bool authorized(const struct apiserver *server, const struct exchange *exchange)
{
    static const char scheme[] = "Bearer ";
    const char *header = exchange_header(exchange, "Authorization");
    if (!server->token)
        return true;
    return header && strncmp(header, scheme, sizeof(scheme) - 1) == 0 &&
           same_secret(header + sizeof(scheme) - 1, server->token);
}

static bool draw(struct apiserver *server, double probability)
{
    return probability > 0 && random_unit(server->options.random) < probability;
}

/* Faults that answer instead of doing it; late_error is noted in the request. */
static int draw_faults(struct request *request, struct refusal *refusal)
{
    struct apiserver *server = request->server;
    const struct apiserver_faults *faults = &server->faults;
    const char *only = server->fault_user;
    bool write =
        request->verb != VERB_GET && request->verb != VERB_LIST && request->verb != VERB_WATCH;
    bool change = request->verb == VERB_UPDATE || request->verb == VERB_PATCH;
    if (only && strncmp(request->user, only, strlen(only)) != 0)
        return 0;
    if (draw(server, faults->too_many)) {
        refuse(refusal, 429, "TooManyRequests", "Too many requests, please try again later.");
        refusal->retry_after_s = 1;
        return -1;
    }
    if (draw(server, faults->server_error))
        return refuse(refusal, 500, "InternalError",
                      "Internal error occurred: etcdserver: leader changed");
    if (draw(server, faults->forbidden))
        return refuse_forbidden(refusal, request->kind, request->name,
                                "User \"sandbox\" cannot access this resource at the moment");
    if (change && draw(server, faults->conflict))
        return refuse_modified(refusal, request->kind, request->name);
    request->late_error = write && draw(server, faults->late_error);
    return 0;
}

/* A verb that a subresource does not have. */
static int refuse_verb(const struct request *request, const char *verb, struct refusal *refusal)
{
    char text[KIND_TEXT_BYTES];
    if (!kind_is(request->kind, KIND_CUSTOM))
        return refuse_method(refusal);
    return refuse_object(refusal, 405, "MethodNotAllowed", request->kind, NULL,
                         "%s is not supported on resources of kind \"%s\"", verb,
                         kind_resource_text(request->kind, text, sizeof(text)));
}

static int dispatch(struct request *request, struct refusal *refusal)
{
    if (draw_faults(request, refusal) < 0)
        return -1;
    if (strcmp(request->kind->group, "authorization.k8s.io") == 0)
        return review_handle(request, refusal);
    if (request->subresource && !subresource_exists(request))
        return kind_is(request->kind, KIND_CUSTOM)
                   ? refuse_not_found(refusal, request->kind, request->name)
                   : refuse_unknown(refusal);
    if (request->subresource && strcmp(request->subresource, "status") != 0)
        return subresource_handle(request, refusal);
    switch (request->verb) {
    case VERB_GET:
        return verb_get(request, refusal);
    case VERB_LIST:
        return verb_list(request, refusal);
    case VERB_WATCH:
        return verb_watch(request, refusal);
    case VERB_CREATE:
        return request->subresource ? refuse_verb(request, "create", refusal)
                                    : verb_create(request, refusal);
    case VERB_UPDATE:
        return verb_update(request, refusal);
    case VERB_PATCH:
        return verb_patch(request, refusal);
    case VERB_DELETE:
        return request->subresource ? refuse_verb(request, "delete", refusal)
                                    : verb_delete(request, refusal);
    case VERB_DELETE_COLLECTION:
        return verb_delete_collection(request, refusal);
    }
    return refuse_method(refusal);
}

static void refuse_exchange(struct apiserver *server, struct exchange *exchange,
                            struct refusal *refusal)
{
    struct request bare = {.server = server, .exchange = exchange, .warnings = jv_array()};
    answer_refusal(&bare, refusal);
    jv_unref(bare.warnings);
    refusal_deinit(refusal);
}

static void tell_refusal(const struct request *request, const struct refusal *refusal)
{
    const struct apiserver_options *options = &request->server->options;
    if (options->on_refusal && request->verb >= VERB_CREATE && !request->dry_run && request->user)
        options->on_refusal(options->on_refusal_arg, request->user, refusal->status);
}

static void handle_resource(struct apiserver *server, struct exchange *exchange,
                            const struct path *path)
{
    struct request request;
    struct refusal refusal = {0};
    int result = request_parse(&request, server, exchange, path->parts, path->count, &refusal);
    if (result == 0)
        result = dispatch(&request, &refusal);
    if (result < 0)
        tell_refusal(&request, &refusal);
    if (result < 0)
        answer_refusal(&request, &refusal);
    refusal_deinit(&refusal);
    request_deinit(&request);
}

static bool is_resource(const struct apiserver *server, const struct path *path)
{
    if (path->count < 3)
        return false;
    if (strcmp(path->parts[0], "api") == 0)
        return strcmp(path->parts[1], "v1") == 0;
    return strcmp(path->parts[0], "apis") == 0 && path->count > 3 &&
           kinds_has_group(server->kinds, path->parts[1]);
}

void router_handle(struct apiserver *server, struct exchange *exchange)
{
    struct refusal refusal = {0};
    struct path path = {0};
    size_t len;
    bool fits = path_split(&path, exchange_path(exchange));
    exchange_body(exchange, &len);
    if (is_health(&path)) {
        answer_text(exchange, 200, "ok");
    } else if (!authorized(server, exchange)) {
        refuse(&refusal, 401, "Unauthorized", "Unauthorized");
        refuse_exchange(server, exchange, &refusal);
    } else if (len > server->options.body_bytes_max) {
        refuse(&refusal, 413, "RequestEntityTooLarge", "Request entity too large: limit is %zu",
               server->options.body_bytes_max);
        refuse_exchange(server, exchange, &refusal);
    } else if (fits && is_resource(server, &path)) {
        handle_resource(server, exchange, &path);
    } else if (!fits || !(discover_handle(server, exchange, path.parts, path.count) ||
                          openapi_handle(server, exchange, path.parts, path.count))) {
        answer_text(exchange, 404, "404 page not found\n");
    }
    free(path.text);
}
