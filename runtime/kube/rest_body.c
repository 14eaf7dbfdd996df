/* What the body of an answer is: JSON, also where one object of it is more than ours can hold. */
#include "kube/mend.h"
#include "kube/rest_internal.h"
#include "kube/watch_scan.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

struct items {
    struct jv *all;
    struct log *log;
};

static int on_item(void *arg, const char *text, size_t len)
{
    struct items *items = arg;
    struct jv *item = NULL;
    if (jv_parse(text, len, &item, NULL) != 0 &&
        mend_parse(text, len, false, items->log, NULL, &item) != 0)
        return -1;
    jv_append(items->all, item);
    return 0;
}

/* A list of which one object or more has to be mended; NULL: it is none. */
static struct jv *parse_list(const char *text, size_t len, struct log *log)
{
    struct items items = {jv_array(), log};
    struct jv *list = NULL;
    struct scan scan;
    scan_init(&scan, SCAN_LIST, REST_BODY_BYTES_MAX);
    if (scan_feed(&scan, text, len, on_item, &items, NULL) == 0 && scan_at_rest(&scan) &&
        jv_size(items.all) > 0 &&
        jv_parse(buf_str(&scan.envelope), scan.envelope.len, &list, NULL) == 0)
        jv_set(list, "items", jv_ref(items.all));
    scan_deinit(&scan);
    jv_unref(items.all);
    return list;
}

static int on_sparse(void *arg, const char *text, size_t len)
{
    struct jv **out = arg;
    return *out ? -1 : jv_parse(text, len, out, NULL);
}

/* NULL: this is no plain object; let the parser have all of it. */
static struct jv *parse_sparse(const struct http_response *response)
{
    struct jv *object = NULL;
    struct scan scan;
    scan_init(&scan, SCAN_OBJECT, REST_BODY_BYTES_MAX);
    int result = scan_feed(&scan, response->body, response->body_len, on_sparse, &object, NULL);
    if ((result != 0 || !scan_at_rest(&scan)) && object) {
        jv_unref(object);
        object = NULL;
    }
    scan_deinit(&scan);
    return object;
}

int rest_body_parse(const struct http_response *response, bool sparse, struct log *log,
                    struct jv **out, struct err *err)
{
    const char *type = http_response_header(response, "Content-Type");
    *out = NULL;
    if (response->body_len == 0 || (type && !strcasestr(type, "json")))
        return 0;
    struct err why = {0};
    if (sparse && (*out = parse_sparse(response)))
        return 0;
    if (jv_parse(response->body, response->body_len, out, &why) == 0)
        return 0;
    *out = NULL;
    if (!type)
        return 0;
    if ((*out = parse_list(response->body, response->body_len, log)) ||
        mend_parse(response->body, response->body_len, false, log, NULL, out) == 0)
        return 0;
    *out = NULL;
    return err_set(err, why.code, "the answer is not valid JSON: %s", why.text);
}
