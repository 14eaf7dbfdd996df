#include "sandbox/refusal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FIELD_TEXT_BYTES_MAX = 64 << 10 };

/* What was said already is not said again. */
static void add_text(struct field_errors *errors, const char *path, const char *message)
{
    char *text = mem_printf("%s: %s", path, message);
    for (size_t i = 0; i + 1 < jv_size(errors->causes); i++) {
        const struct jv *other = jv_at(errors->causes, i);
        if (strcmp(jv_path_str(other, "message", NULL), message) == 0 &&
            strcmp(jv_path_str(other, "field", NULL), path) == 0) {
            free(text);
            return;
        }
    }
    buf_printf(&errors->text, "%s%s", errors->text.len ? ", " : "", text);
    errors->texts++;
    free(text);
}

/* Takes message over. Beyond FIELD_ERRORS_MAX nobody reads on. */
static void add(struct field_errors *errors, const char *reason, const char *path, char *message)
{
    if (!errors->causes)
        errors->causes = jv_array();
    if (jv_size(errors->causes) < FIELD_ERRORS_MAX) {
        struct jv *cause = jv_object();
        jv_set_str(cause, "reason", reason);
        jv_set_str(cause, "message", message);
        jv_set_str(cause, "field", path);
        jv_append(errors->causes, cause);
        add_text(errors, path, message);
    }
    free(message);
}

static char *quoted(const char *text)
{
    struct jv *value = jv_string(text ? text : "");
    char *out = jv_print_str(value, 0);
    jv_unref(value);
    return out;
}

static void add_value(struct field_errors *errors, const char *reason, const char *title,
                      const char *path, const char *value, const char *format, va_list args)
{
    struct buf text;
    buf_init(&text, FIELD_TEXT_BYTES_MAX);
    buf_printf(&text, "%s: %s: ", title, value);
    buf_vprintf(&text, format, args);
    add(errors, reason, path, mem_str(buf_str(&text)));
    buf_deinit(&text);
}

void field_errors_init(struct field_errors *errors)
{
    *errors = (struct field_errors){0};
    buf_init(&errors->text, FIELD_TEXT_BYTES_MAX);
}

void field_errors_deinit(struct field_errors *errors)
{
    jv_unref(errors->causes);
    errors->causes = NULL;
    buf_deinit(&errors->text);
}

size_t field_errors_count(const struct field_errors *errors)
{
    return jv_size(errors->causes);
}

const char *field_path(char out[FIELD_PATH_BYTES], const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(out, FIELD_PATH_BYTES, format, args);
    va_end(args);
    return out;
}

void field_required(struct field_errors *errors, const char *path, const char *detail)
{
    bool plain = !detail || !*detail;
    add(errors, "FieldValueRequired", path,
        plain ? mem_str("Required value") : mem_printf("Required value: %s", detail));
}

void field_invalid(struct field_errors *errors, const char *path, const struct jv *value,
                   const char *format, ...)
{
    char *text = value ? jv_print_str(value, 0) : mem_str("null");
    va_list args;
    va_start(args, format);
    add_value(errors, "FieldValueInvalid", "Invalid value", path, text, format, args);
    va_end(args);
    free(text);
}

void field_invalid_str(struct field_errors *errors, const char *path, const char *value,
                       const char *format, ...)
{
    char *text = quoted(value);
    va_list args;
    va_start(args, format);
    add_value(errors, "FieldValueInvalid", "Invalid value", path, text, format, args);
    va_end(args);
    free(text);
}

void field_type_invalid(struct field_errors *errors, const char *path, const struct jv *value,
                        const char *format, ...)
{
    char *text = value ? jv_print_str(value, 0) : mem_str("null");
    va_list args;
    va_start(args, format);
    add_value(errors, "FieldValueTypeInvalid", "Invalid value", path, text, format, args);
    va_end(args);
    free(text);
}

void field_forbidden(struct field_errors *errors, const char *path, const char *format, ...)
{
    struct buf text;
    buf_init(&text, FIELD_TEXT_BYTES_MAX);
    buf_add_str(&text, "Forbidden: ");
    va_list args;
    va_start(args, format);
    buf_vprintf(&text, format, args);
    va_end(args);
    add(errors, "FieldValueForbidden", path, mem_str(buf_str(&text)));
    buf_deinit(&text);
}

void field_duplicate(struct field_errors *errors, const char *path, const struct jv *value)
{
    char *text = jv_print_str(value, JV_PRINT_SORTED);
    add(errors, "FieldValueDuplicate", path, mem_printf("Duplicate value: %s", text));
    free(text);
}

void field_duplicate_text(struct field_errors *errors, const char *path, const char *shown)
{
    add(errors, "FieldValueDuplicate", path, mem_printf("Duplicate value: %s", shown));
}

void field_duplicate_str(struct field_errors *errors, const char *path, const char *value)
{
    char *text = quoted(value);
    add(errors, "FieldValueDuplicate", path, mem_printf("Duplicate value: %s", text));
    free(text);
}

void field_not_found(struct field_errors *errors, const char *path, const char *value)
{
    char *text = quoted(value);
    add(errors, "FieldValueNotFound", path, mem_printf("Not found: %s", text));
    free(text);
}

void field_too_long(struct field_errors *errors, const char *path, size_t bytes_max)
{
    add(errors, "FieldValueTooLong", path,
        mem_printf("Too long: may not be more than %zu bytes", bytes_max));
}

void field_too_many(struct field_errors *errors, const char *path, size_t actual, size_t max)
{
    add(errors, "FieldValueTooMany", path,
        mem_printf("Too many: %zu: must have at most %zu item%s", actual, max,
                   max == 1 ? "" : "s"));
}

void field_unsupported(struct field_errors *errors, const char *path, const char *value,
                       const char *const *supported)
{
    struct jv *text = jv_string(value ? value : "");
    field_unsupported_value(errors, path, text, supported);
    jv_unref(text);
}

void field_unsupported_value(struct field_errors *errors, const char *path, const struct jv *value,
                             const char *const *supported)
{
    char *shown = jv_print_str(value, JV_PRINT_SORTED);
    field_unsupported_text(errors, path, shown, supported);
    free(shown);
}

void field_unsupported_text(struct field_errors *errors, const char *path, const char *value,
                            const char *const *supported)
{
    struct buf text;
    buf_init(&text, FIELD_TEXT_BYTES_MAX);
    buf_printf(&text, "Unsupported value: %s: supported values: ", value);
    for (size_t i = 0; supported[i]; i++)
        buf_printf(&text, "%s\"%s\"", i ? ", " : "", supported[i]);
    add(errors, "FieldValueNotSupported", path, mem_str(buf_str(&text)));
    buf_deinit(&text);
}
