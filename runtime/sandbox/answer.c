#include "sandbox/answer.h"

#include "sandbox/tables.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { HEADERS_MAX = 40 };

/* Warning headers: 299 - "text". */
static size_t warning_headers(const struct request *request, struct http_header *headers,
                              size_t count, char **texts)
{
    size_t first = count;
    for (size_t i = 0; i < jv_size(request->warnings) && count < HEADERS_MAX; i++) {
        char *quoted = jv_print_str(jv_at(request->warnings, i), 0);
        texts[count - first] = mem_printf("299 - %s", quoted);
        free(quoted);
        headers[count] = (struct http_header){"Warning", texts[count - first]};
        count++;
    }
    return count;
}

/* The fault of a gateway that gave up on a server that did not. */
static void reply_late(struct request *request)
{
    struct refusal refusal = {0};
    refuse(&refusal, 504, "Timeout", "request did not complete within requested timeout");
    request->late_error = false;
    answer_refusal(request, &refusal);
    refusal_deinit(&refusal);
}

static void reply(struct request *request, int code, const char *type, int retry_after_s,
                  const char *data, size_t len)
{
    if (request->late_error && code < 300) {
        reply_late(request);
        return;
    }
    struct http_header headers[HEADERS_MAX] = {{"Content-Type", type},
                                               {"Cache-Control", "no-cache, private"}};
    char *texts[HEADERS_MAX] = {NULL}, retry[16];
    size_t count = 2;
    if (retry_after_s > 0) {
        snprintf(retry, sizeof(retry), "%d", retry_after_s);
        headers[count++] = (struct http_header){"Retry-After", retry};
    }
    count = warning_headers(request, headers, count, texts);
    exchange_reply(request->exchange, code, headers, count, data, len);
    for (size_t i = 0; i < HEADERS_MAX; i++)
        free(texts[i]);
}

static void print_head(const struct request *request, struct buf *out)
{
    char version[KIND_TEXT_BYTES];
    buf_printf(out, "{\"kind\":\"%s\",\"apiVersion\":\"%s\",", request->kind->kind,
               kind_api_version(request->kind, request->version, version, sizeof(version)));
}

static struct jv *table_of(const struct request *request, const struct stored *stored)
{
    struct jv *table = jv_object(), *metadata = jv_object(), *rows = jv_array();
    jv_set_str(table, "kind", "Table");
    jv_set(table, "apiVersion", jv_stringf("meta.k8s.io/%s", request->form_version));
    jv_set(metadata, "resourceVersion", jv_stringf("%llu", (unsigned long long)stored->revision));
    jv_set(table, "metadata", metadata);
    jv_set(table, "columnDefinitions", request->no_columns ? jv_null() : table_columns(request));
    jv_append(rows, table_row(request, stored));
    jv_set(table, "rows", rows);
    return table;
}

void answer_bytes(struct request *request, int code, const char *type, const char *data, size_t len)
{
    reply(request, code, type, 0, data, len);
}

void answer_json(struct request *request, int code, const struct jv *value)
{
    struct buf text;
    buf_init(&text, LIST_BYTES_MAX);
    jv_print(value, 0, &text);
    buf_add_char(&text, '\n');
    reply(request, code, "application/json", 0, text.data, text.len);
    buf_deinit(&text);
}

void answer_print(const struct request *request, const struct stored *stored, bool in_list,
                  struct buf *out)
{
    struct jv *object = NULL;
    if (request->form == ANSWER_TABLE)
        object = table_of(request, stored);
    else if (request->form == ANSWER_METADATA)
        object = answer_partial(request, stored);
    else if (request->kind != request->kind->home)
        object = request_shape(request, stored_parse(stored));
    if (object && in_list && request->form == ANSWER_OBJECT) { /* the list says it */
        jv_remove(object, "kind");
        jv_remove(object, "apiVersion");
    }
    if (object) {
        jv_print(object, 0, out);
        jv_unref(object);
        return;
    }
    if (in_list && !kind_is(request->kind, KIND_CUSTOM)) {
        buf_add(out, stored->body, stored->body_len);
        return;
    }
    print_head(request, out);
    buf_add(out, stored->body + 1, stored->body_len - 1);
}

struct jv *answer_partial(const struct request *request, const struct stored *stored)
{
    struct jv *object = stored_parse(stored), *out = jv_object();
    jv_set_str(out, "kind", "PartialObjectMetadata");
    jv_set(out, "apiVersion", jv_stringf("meta.k8s.io/%s", request->form_version));
    jv_set(out, "metadata", jv_ref(jv_get(object, "metadata")));
    jv_unref(object);
    return out;
}

void answer_stored(struct request *request, int code, const struct stored *stored)
{
    struct buf text;
    buf_init(&text, LIST_BYTES_MAX);
    answer_print(request, stored, false, &text);
    buf_add_char(&text, '\n');
    reply(request, code, "application/json", 0, text.data, text.len);
    buf_deinit(&text);
}

void answer_refusal(struct request *request, const struct refusal *refusal)
{
    struct buf text;
    buf_init(&text, LIST_BYTES_MAX);
    jv_print(refusal->status, 0, &text);
    buf_add_char(&text, '\n');
    reply(request, refusal->code, "application/json", refusal->retry_after_s, text.data, text.len);
    buf_deinit(&text);
}

void answer_success(struct request *request, const struct kind *kind, const char *name,
                    const char *uid)
{
    struct jv *status = jv_object(), *details = jv_object();
    jv_set_str(status, "kind", "Status");
    jv_set_str(status, "apiVersion", "v1");
    jv_set(status, "metadata", jv_object());
    jv_set_str(status, "status", "Success");
    jv_set_str(details, "name", name);
    if (*kind->group)
        jv_set_str(details, "group", kind->group);
    jv_set_str(details, "kind", kind->plural);
    jv_set_str(details, "uid", uid);
    jv_set(status, "details", details);
    answer_json(request, 200, status);
    jv_unref(status);
}

void answer_text(struct exchange *exchange, int code, const char *text)
{
    const struct http_header headers[] = {{"Content-Type", "text/plain; charset=utf-8"},
                                          {"X-Content-Type-Options", "nosniff"}};
    exchange_reply(exchange, code, headers, 2, text, strlen(text));
}
