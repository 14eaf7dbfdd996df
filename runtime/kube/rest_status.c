#include "kube/rest_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { TEXT_SHOWN_MAX = 160, CAUSES_SHOWN_MAX = 5 };

struct reason_code {
    const char *reason;
    enum err_code code;
};

static const struct reason_code reason_codes[] = {
    {"NotFound", ERR_NOT_FOUND},
    {"AlreadyExists", ERR_EXISTS},
    {"Conflict", ERR_CONFLICT},
    {"Gone", ERR_GONE},
    {"Expired", ERR_GONE},
    {"Unauthorized", ERR_UNAUTHORIZED},
    {"Forbidden", ERR_FORBIDDEN},
    {"Invalid", ERR_INVALID},
    {"BadRequest", ERR_INVALID},
    {"TooManyRequests", ERR_TOO_MANY},
    {"RequestEntityTooLarge", ERR_TOO_LARGE},
    {"MethodNotAllowed", ERR_UNSUPPORTED},
    {"NotAcceptable", ERR_UNSUPPORTED},
    {"UnsupportedMediaType", ERR_UNSUPPORTED},
    {"Timeout", ERR_TIMEOUT},
    {"ServerTimeout", ERR_TIMEOUT},
    {"StoreReadError", ERR_SERVER},
    {"InternalError", ERR_SERVER},
    {"ServiceUnavailable", ERR_SERVER},
};

static enum err_code code_of_status(int status)
{
    switch (status) {
    case 401:
        return ERR_UNAUTHORIZED;
    case 403:
        return ERR_FORBIDDEN;
    case 404:
        return ERR_NOT_FOUND;
    case 405:
    case 406:
    case 415:
    case 501:
        return ERR_UNSUPPORTED;
    case 408:
    case 504:
        return ERR_TIMEOUT;
    case 409:
    case 412:
        return ERR_CONFLICT;
    case 410:
        return ERR_GONE;
    case 413:
        return ERR_TOO_LARGE;
    case 429:
        return ERR_TOO_MANY;
    default:
        if (status >= 500)
            return ERR_SERVER;
        return status >= 400 ? ERR_INVALID : ERR_UNSUPPORTED;
    }
}

static enum err_code code_of(int status, const char *reason)
{
    /* 401 and 410 decide what a caller does next, whatever the text beside them says. */
    if (status == 401 || status == 410)
        return code_of_status(status);
    for (size_t i = 0; reason && i < sizeof(reason_codes) / sizeof(reason_codes[0]); i++)
        if (strcmp(reason_codes[i].reason, reason) == 0)
            return reason_codes[i].code;
    return code_of_status(status);
}

/* Causes that callers act upon and that the reason above them does not tell. */
static const char *telling_cause(const struct jv *causes)
{
    static const char *const known[] = {"ResourceVersionTooLarge", "NamespaceTerminating",
                                        "FieldManagerConflict"};
    for (size_t i = 0; i < jv_size(causes); i++) {
        const char *reason = jv_path_str(jv_at(causes, i), "reason", NULL);
        for (size_t k = 0; reason && k < sizeof(known) / sizeof(known[0]); k++)
            if (strcmp(reason, known[k]) == 0)
                return known[k];
    }
    return NULL;
}

/* Names the fields at fault, unless the message already does. */
static void causes_add(struct buf *text, const char *message, const struct jv *causes)
{
    size_t shown = 0, hidden = 0;
    for (size_t i = 0; i < jv_size(causes); i++) {
        const char *field = jv_path_str(jv_at(causes, i), "field", NULL);
        const char *cause = jv_path_str(jv_at(causes, i), "message", NULL);
        bool known = (!field || strstr(message, field)) && (!cause || strstr(message, cause));
        if (known || (field && !cause && strstr(message, field)))
            continue;
        if (shown == CAUSES_SHOWN_MAX) {
            hidden++;
            continue;
        }
        buf_printf(text, "; %s%s%s", field ? field : "", field && cause ? ": " : "",
                   cause ? cause : "");
        shown++;
    }
    if (hidden > 0)
        buf_printf(text, "; and %zu more", hidden);
}

/* The beginning of an answer that is not a Status, such as a proxy's page of HTML. */
static void excerpt_add(struct buf *text, const char *body, size_t len)
{
    size_t shown = 0;
    bool space = true;
    for (size_t i = 0; i < len && shown < TEXT_SHOWN_MAX; i++) {
        unsigned char c = (unsigned char)body[i];
        bool printable = c > 0x20 && c < 0x7f;
        if (!printable && space)
            continue;
        buf_add_char(text, printable ? (char)c : ' ');
        space = !printable;
        shown++;
    }
    if (shown == 0)
        buf_add_str(text, "no explanation");
    else if (shown == TEXT_SHOWN_MAX)
        buf_add_str(text, "…");
}

static void status_err(struct err *err, const char *method, const char *path, int status,
                       const struct jv *object, const char *body, size_t len)
{
    const char *kind = jv_path_str(object, "kind", NULL);
    bool is_status = kind && strcmp(kind, "Status") == 0;
    const struct jv *details = is_status ? jv_get(object, "details") : NULL;
    const struct jv *causes = jv_get(details, "causes");
    const char *reason = is_status ? jv_path_str(object, "reason", NULL) : NULL;
    const char *message = is_status ? jv_path_str(object, "message", NULL) : NULL;
    const char *cause = telling_cause(causes);
    struct buf text;
    buf_init(&text, 8192);
    if (message)
        buf_add_str(&text, message);
    else
        excerpt_add(&text, body, len);
    if (is_status)
        causes_add(&text, message ? message : "", causes);
    err_set(err, code_of(status, reason), "`%s %.*s`: %s (%d%s%s)", method, (int)strcspn(path, "?"),
            path, buf_str(&text), status, reason ? " " : "", reason ? reason : "");
    buf_deinit(&text);
    if (!err)
        return;
    err->http_status = status;
    snprintf(err->reason, sizeof(err->reason), "%s", cause ? cause : reason ? reason : "");
    int64_t retry_s = jv_int_value(jv_get(details, "retryAfterSeconds"));
    err->retry_after_ms = retry_s > 0 && retry_s < 1000000 ? retry_s * 1000 : 0;
}

void rest_err_from_status(struct err *err, const char *method, const char *path, int status,
                          const char *body, size_t len)
{
    struct jv *object = NULL;
    if (len > 0 && jv_parse(body, len, &object, NULL) != 0)
        object = NULL;
    status_err(err, method, path, status, object, body, len);
    jv_unref(object);
}

void rest_err_words(struct err *err)
{
    char tail[32];
    char *words = err->text[0] == '`' ? strstr(err->text, "`: ") : NULL;
    if (words && strchr(err->text, '/') && strchr(err->text, '/') < words)
        memmove(err->text, words + 3, strlen(words + 3) + 1);
    snprintf(tail, sizeof(tail), " (%d", err->http_status);
    char *end = err->http_status > 0 ? strrchr(err->text, '(') : NULL;
    if (end && end > err->text && strncmp(end - 1, tail, strlen(tail)) == 0 &&
        err->text[strlen(err->text) - 1] == ')')
        end[-1] = '\0';
}

int64_t rest_retry_after_ms(const struct http_response *response)
{
    const char *text = http_response_header(response, "Retry-After");
    size_t len = text ? strlen(text) : 0;
    if (len == 0 || len > 6 || strspn(text, "0123456789") != len)
        return -1;
    return strtoll(text, NULL, 10) * 1000;
}

int rest_response_err(const struct rest_call *call, const struct http_response *response,
                      const char *body, size_t len, struct err *err)
{
    rest_err_from_status(err, call->method, call->path, response->status, body, len);
    int64_t retry_ms = rest_retry_after_ms(response);
    if (retry_ms > 0)
        err->retry_after_ms = retry_ms;
    return -1;
}

/* 299 agent "text" "date", several of them separated by commas. Returns what follows, or NULL. */
static const char *warning_next(const char *p, bool *is_299, struct buf *text)
{
    p += strspn(p, " ,\t");
    if (strlen(p) < 4)
        return NULL;
    *is_299 = strncmp(p, "299 ", 4) == 0;
    p = strchr(p, '"');
    if (!p)
        return NULL;
    buf_clear(text);
    for (p++; *p && *p != '"'; p++) {
        if (*p == '\\' && p[1])
            p++;
        buf_add_char(text, *p);
    }
    if (*p != '"')
        return NULL;
    p++;
    const char *date = p + strspn(p, " \t");
    if (*date == '"') {
        const char *end = strchr(date + 1, '"');
        return end ? end + 1 : NULL;
    }
    return p;
}

void rest_warnings_log(struct rest *rest, const char *path, const struct http_response *response)
{
    struct buf text;
    buf_init(&text, REST_WARNING_BYTES_MAX);
    for (size_t i = 0; i < response->header_count; i++) {
        if (strcasecmp(response->headers[i].name, "Warning") != 0)
            continue;
        bool is_299 = false;
        const char *p = response->headers[i].value;
        while ((p = warning_next(p, &is_299, &text))) {
            if (!is_299 || map_get(rest->warnings, buf_str(&text)))
                continue;
            if (map_count(rest->warnings) >= REST_WARNINGS_MAX)
                map_clear(rest->warnings);
            map_put(rest->warnings, buf_str(&text), rest);
            log_warn(rest->options.log, "the API server warns", "text", buf_str(&text), "path",
                     path);
        }
    }
    buf_deinit(&text);
}

void rest_throttled_log(struct rest *rest, const struct rest_call *call,
                        const struct http_response *response)
{
    log_warn(rest->options.log, "the API server asks to slow down", "method", call->method, "path",
             call->path, "retry_after_s", http_response_header(response, "Retry-After"),
             "flow_schema", http_response_header(response, "X-Kubernetes-PF-FlowSchema-UID"),
             "priority_level", http_response_header(response, "X-Kubernetes-PF-PriorityLevel-UID"));
}
