#include "sandbox/refusal.h"

#include "sandbox/kinds.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MESSAGE_BYTES_MAX = 64 << 10 };

static struct jv *status_new(int code, const char *reason, const char *message)
{
    struct jv *status = jv_object();
    jv_set_str(status, "kind", "Status");
    jv_set_str(status, "apiVersion", "v1");
    jv_set(status, "metadata", jv_object());
    jv_set_str(status, "status", "Failure");
    jv_set_str(status, "message", message);
    if (*reason)
        jv_set_str(status, "reason", reason);
    jv_set_int(status, "code", code);
    return status;
}

static int refuse_text(struct refusal *refusal, int code, const char *reason,
                       const struct kind *kind, const char *name, const char *message)
{
    refusal_deinit(refusal);
    refusal->code = code;
    refusal->status = status_new(code, reason, message);
    if (!kind)
        return -1;
    struct jv *details = jv_ensure(refusal->status, "details", NULL);
    if (name && *name)
        jv_set_str(details, "name", name);
    if (*kind->group)
        jv_set_str(details, "group", kind->group);
    jv_set_str(details, "kind", kind->plural);
    return -1;
}

static char *format_text(const char *format, va_list args)
{
    struct buf text;
    buf_init(&text, MESSAGE_BYTES_MAX);
    buf_vprintf(&text, format, args);
    char *out = mem_str(buf_str(&text));
    buf_deinit(&text);
    return out;
}

void refusal_deinit(struct refusal *refusal)
{
    jv_unref(refusal->status);
    *refusal = (struct refusal){0};
}

int refuse(struct refusal *refusal, int code, const char *reason, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    char *message = format_text(format, args);
    va_end(args);
    refuse_text(refusal, code, reason, NULL, NULL, message);
    free(message);
    return -1;
}

int refuse_object(struct refusal *refusal, int code, const char *reason, const struct kind *kind,
                  const char *name, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    char *message = format_text(format, args);
    va_end(args);
    refuse_text(refusal, code, reason, kind, name, message);
    free(message);
    return -1;
}

void refusal_add_cause(struct refusal *refusal, const char *reason, const char *message,
                       const char *field)
{
    struct jv *details = jv_ensure(refusal->status, "details", NULL);
    if (!jv_is_array(jv_get(details, "causes")))
        jv_set(details, "causes", jv_array());
    struct jv *cause = jv_object();
    jv_set_str(cause, "reason", reason);
    jv_set_str(cause, "message", message);
    jv_set_str(cause, "field", field);
    jv_append(jv_get(details, "causes"), cause);
}

int refuse_bad_request(struct refusal *refusal, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    char *message = format_text(format, args);
    va_end(args);
    refuse_text(refusal, 400, "BadRequest", NULL, NULL, message);
    free(message);
    return -1;
}

int refuse_not_found(struct refusal *refusal, const struct kind *kind, const char *name)
{
    char text[KIND_TEXT_BYTES];
    return refuse_object(refusal, 404, "NotFound", kind, name, "%s \"%s\" not found",
                         kind_resource_text(kind, text, sizeof(text)), name);
}

int refuse_exists(struct refusal *refusal, const struct kind *kind, const char *name)
{
    char text[KIND_TEXT_BYTES];
    return refuse_object(refusal, 409, "AlreadyExists", kind, name, "%s \"%s\" already exists",
                         kind_resource_text(kind, text, sizeof(text)), name);
}

int refuse_conflict(struct refusal *refusal, const struct kind *kind, const char *name,
                    const char *format, ...)
{
    char text[KIND_TEXT_BYTES];
    va_list args;
    va_start(args, format);
    char *why = format_text(format, args);
    va_end(args);
    refuse_object(refusal, 409, "Conflict", kind, name,
                  "Operation cannot be fulfilled on %s \"%s\": %s",
                  kind_resource_text(kind, text, sizeof(text)), name, why);
    free(why);
    return -1;
}

int refuse_modified(struct refusal *refusal, const struct kind *kind, const char *name)
{
    return refuse_conflict(refusal, kind, name,
                           "the object has been modified; please apply your changes to the latest "
                           "version and try again");
}

int refuse_forbidden(struct refusal *refusal, const struct kind *kind, const char *name,
                     const char *format, ...)
{
    char text[KIND_TEXT_BYTES];
    va_list args;
    va_start(args, format);
    char *why = format_text(format, args);
    va_end(args);
    kind_resource_text(kind, text, sizeof(text));
    if (name && *name)
        refuse_object(refusal, 403, "Forbidden", kind, name, "%s \"%s\" is forbidden: %s", text,
                      name, why);
    else
        refuse_object(refusal, 403, "Forbidden", kind, NULL, "%s is forbidden: %s", text, why);
    free(why);
    return -1;
}

int refuse_method(struct refusal *refusal)
{
    refuse(refusal, 405, "MethodNotAllowed",
           "the server does not allow this method on the requested resource");
    jv_ensure(refusal->status, "details", NULL);
    return -1;
}

int refuse_unknown(struct refusal *refusal)
{
    refuse(refusal, 404, "NotFound", "the server could not find the requested resource");
    jv_ensure(refusal->status, "details", NULL);
    return -1;
}

int refuse_expired(struct refusal *refusal, const char *message)
{
    return refuse(refusal, 410, "Expired", "%s", message);
}

int refusal_to_err(const struct refusal *refusal, struct err *err)
{
    enum err_code code = ERR_INVALID;
    if (refusal->code == 404)
        code = ERR_NOT_FOUND;
    else if (refusal->code == 409)
        code = ERR_CONFLICT;
    else if (refusal->code >= 500)
        code = ERR_SERVER;
    return err_set(err, code, "%s", jv_str(jv_get(refusal->status, "message")));
}

const char *kind_resource_text(const struct kind *kind, char *out, size_t size)
{
    snprintf(out, size, "%s%s%s", kind->plural, *kind->group ? "." : "", kind->group);
    return out;
}

int refuse_invalid(struct refusal *refusal, const struct kind *kind, const char *name,
                   const struct field_errors *errors)
{
    bool many = errors->texts > 1;
    refuse_object(refusal, 422, "Invalid", kind, name, "%s%s%s \"%s\" is invalid: %s%s%s",
                  kind->kind, *kind->group ? "." : "", kind->group, name ? name : "",
                  many ? "[" : "", buf_str(&errors->text), many ? "]" : "");
    struct jv *details = jv_get(refusal->status, "details");
    jv_set_str(details, "kind", kind->kind);
    jv_set(details, "causes", jv_ref(errors->causes));
    return -1;
}
