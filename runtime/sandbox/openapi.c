#include "sandbox/openapi_internal.h"

#include <stdlib.h>
#include <string.h>

#define PROTOBUF_TYPE "application/com.github.proto-openapi.spec.v2@v1.0+protobuf"
/* As the real server writes it: an @ is not allowed in a media type. */
#define PROTOBUF_CONTENT "application/com.github.proto-openapi.spec.v2.v1.0+protobuf"

struct printing {
    struct buf *out;
    bool any;
};

static void print_member(void *arg, const char *name, const struct jv *value)
{
    struct printing *printing = arg;
    struct jv *key = jv_string(name);
    if (printing->any)
        buf_add_char(printing->out, ',');
    printing->any = true;
    jv_print(key, 0, printing->out);
    buf_add_char(printing->out, ':');
    jv_print(value, 0, printing->out);
    jv_unref(key);
}

static void print_document(const struct openapi *api, struct buf *out)
{
    struct printing printing = {.out = out};
    buf_printf(out, "{\"%s\":\"%s\",\"info\":{\"title\":\"Kubernetes\",\"version\":\"v%s.%s\"},",
               api->v3 ? "openapi" : "swagger", api->v3 ? "3.0.0" : "2.0", SERVER_MAJOR,
               SERVER_MINOR);
    buf_add_str(out, "\"paths\":{");
    openapi_each_path(api, print_member, &printing);
    buf_add_str(out, api->v3 ? "},\"components\":{\"schemas\":{" : "},\"definitions\":{");
    printing.any = false;
    openapi_each_definition(api, print_member, &printing);
    buf_add_str(out, api->v3 ? "}}}" : "}}");
}

static void send(struct exchange *exchange, const char *type, struct buf *text)
{
    const struct http_header headers[] = {
        {"Content-Type", type}, {"Cache-Control", "no-cache, private"}, {"Vary", "Accept"}};
    exchange_reply(exchange, 200, headers, 3, buf_str(text), text->len);
}

static void send_text(struct exchange *exchange, int code, const char *text)
{
    const struct http_header headers[] = {{"Content-Type", "text/plain; charset=utf-8"}};
    exchange_reply(exchange, code, headers, 1, text, strlen(text));
}

static void answer_v2(struct apiserver *server, struct exchange *exchange)
{
    const char *accept = exchange_header(exchange, "Accept");
    bool protobuf = accept && strstr(accept, PROTOBUF_TYPE);
    bool json = !accept || !*accept || strstr(accept, "json") || strstr(accept, "*/*");
    struct openapi api;
    struct buf text;
    if (!protobuf && !json) {
        send_text(exchange, 406, "only application/json and " PROTOBUF_TYPE " are served\n");
        return;
    }
    buf_init(&text, OPENAPI_BYTES_MAX);
    openapi_init(&api, server, false, NULL, NULL);
    if (protobuf)
        openapi_protobuf(&api, &text);
    else
        print_document(&api, &text);
    send(exchange, protobuf ? PROTOBUF_CONTENT : "application/json", &text);
    openapi_deinit(&api);
    buf_deinit(&text);
}

static void answer_index(struct apiserver *server, struct exchange *exchange)
{
    struct jv *index = jv_object(), *paths = jv_object();
    struct buf text;
    for (size_t i = 0; i < kinds_count(server->kinds); i++) {
        const struct kind *kind = kinds_at(server->kinds, i);
        for (size_t v = 0; !kind_is(kind, KIND_REMOVED) && v < kind->version_count; v++) {
            if (!kind->versions[v].served)
                continue;
            char *path = mem_printf("api%s%s/%s", *kind->group ? "s/" : "", kind->group,
                                    kind->versions[v].name);
            struct jv *entry = jv_object();
            jv_set(entry, "serverRelativeURL", jv_stringf("/openapi/v3/%s", path));
            jv_set(paths, path, entry);
            free(path);
        }
    }
    jv_set(index, "paths", paths);
    buf_init(&text, OPENAPI_BYTES_MAX);
    jv_print(index, 0, &text);
    send(exchange, "application/json", &text);
    buf_deinit(&text);
    jv_unref(index);
}

/* parts: "api", V or "apis", G, V. */
static bool answer_v3(struct apiserver *server, struct exchange *exchange, const char *const *parts,
                      size_t count)
{
    bool core = count == 2 && strcmp(parts[0], "api") == 0;
    if (!core && (count != 3 || strcmp(parts[0], "apis") != 0))
        return false;
    const char *group = core ? "" : parts[1], *version = parts[count - 1];
    struct openapi api;
    struct buf text;
    if (!kinds_has_group_version(server->kinds, group, version))
        return false;
    buf_init(&text, OPENAPI_BYTES_MAX);
    openapi_init(&api, server, true, group, version);
    print_document(&api, &text);
    send(exchange, "application/json", &text);
    openapi_deinit(&api);
    buf_deinit(&text);
    return true;
}

bool openapi_handle(struct apiserver *server, struct exchange *exchange, const char *const *parts,
                    size_t count)
{
    if (count < 2 || strcmp(parts[0], "openapi") != 0 ||
        strcmp(exchange_method(exchange), "GET") != 0)
        return false;
    if (strcmp(parts[1], "v2") == 0 && count == 2) {
        answer_v2(server, exchange);
        return true;
    }
    if (strcmp(parts[1], "v3") != 0)
        return false;
    if (count > 2)
        return answer_v3(server, exchange, parts + 2, count - 2);
    answer_index(server, exchange);
    return true;
}
