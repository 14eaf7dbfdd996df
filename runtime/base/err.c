#include "base/err.h"

#include <stdio.h>
#include <string.h>

static const char ellipsis[] = "…";

/* Ends a cut text with "…" without leaving half a character in front of it. */
static void mark_cut(char *text, size_t size)
{
    size_t end = size - sizeof(ellipsis);

    while (end > 0 && ((unsigned char)text[end] & 0xC0U) == 0x80U)
        end--;
    memcpy(text + end, ellipsis, sizeof(ellipsis));
}

static void format_text(char *text, size_t size, const char *format, va_list args)
{
    int len = vsnprintf(text, size, format, args);

    if (len < 0)
        snprintf(text, size, "an error whose text could not be made");
    else if ((size_t)len >= size)
        mark_cut(text, size);
}

int err_vset(struct err *err, enum err_code code, const char *format, va_list args)
{
    char text[ERR_TEXT_BYTES];

    if (err == NULL)
        return -1;
    format_text(text, sizeof(text), format, args); /* an argument may be err->text itself */
    err_clear(err);
    err->code = code;
    memcpy(err->text, text, strlen(text) + 1);
    return -1;
}

int err_set(struct err *err, enum err_code code, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    err_vset(err, code, format, args);
    va_end(args);
    return -1;
}

int err_wrap(struct err *err, const char *format, ...)
{
    char context[ERR_TEXT_BYTES], text[ERR_TEXT_BYTES];
    va_list args;

    if (err == NULL)
        return -1;
    va_start(args, format);
    format_text(context, sizeof(context), format, args);
    va_end(args);
    if ((size_t)snprintf(text, sizeof(text), "%s: %s", context, err->text) >= sizeof(text))
        mark_cut(text, sizeof(text));
    memcpy(err->text, text, strlen(text) + 1);
    return -1;
}

int err_errno(struct err *err, int errnum, const char *format, ...)
{
    char reason[128];
    va_list args;

    if (err == NULL)
        return -1;
    va_start(args, format);
    err_vset(err, ERR_IO, format, args);
    va_end(args);
    const char *message = strerror_r(errnum, reason, sizeof(reason));
    size_t len = strlen(err->text);
    int added = snprintf(err->text + len, sizeof(err->text) - len, ": %s", message);
    if (added >= 0 && (size_t)added >= sizeof(err->text) - len)
        mark_cut(err->text, sizeof(err->text));
    return -1;
}

void err_clear(struct err *err)
{
    if (err != NULL)
        memset(err, 0, sizeof(*err));
}

const char *err_code_name(enum err_code code)
{
    switch (code) {
    case ERR_NONE:
        return "none";
    case ERR_USAGE:
        return "usage";
    case ERR_INVALID:
        return "invalid";
    case ERR_PARSE:
        return "parse";
    case ERR_NOT_FOUND:
        return "not_found";
    case ERR_EXISTS:
        return "exists";
    case ERR_CONFLICT:
        return "conflict";
    case ERR_GONE:
        return "gone";
    case ERR_UNAUTHORIZED:
        return "unauthorized";
    case ERR_FORBIDDEN:
        return "forbidden";
    case ERR_TOO_LARGE:
        return "too_large";
    case ERR_TOO_MANY:
        return "too_many";
    case ERR_UNSUPPORTED:
        return "unsupported";
    case ERR_SERVER:
        return "server";
    case ERR_TIMEOUT:
        return "timeout";
    case ERR_NETWORK:
        return "network";
    case ERR_LIMIT:
        return "limit";
    case ERR_IO:
        return "io";
    case ERR_CANCELED:
        return "canceled";
    case ERR_SCRIPT:
        return "script";
    case ERR_FENCED:
        return "fenced";
    case ERR_REFUSED:
        return "refused";
    case ERR_INTERNAL:
        return "internal";
    }
    return "internal";
}

bool err_is_transient(const struct err *err)
{
    if (err == NULL)
        return false;
    switch (err->code) {
    case ERR_TOO_MANY:
    case ERR_SERVER:
    case ERR_TIMEOUT:
    case ERR_NETWORK:
        return true;
    default:
        return err->retry_after_ms > 0;
    }
}
