#include "kube/config_internal.h"

#include <stdlib.h>
#include <string.h>

int config_entry_err(const struct config_entry *entry, const char *field, struct err *err,
                     enum err_code code, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    err_vset(err, code, format, args);
    va_end(args);

    char *path = mem_printf("%s[%zu].%s.%s", entry->list, entry->index, entry->noun, field);
    int line = 0, column = 0;
    int found = yaml_docs_where(entry->file->docs, 0, path, &line, &column);
    free(path);
    if (found == 0 && line > 0)
        return err_wrap(err, "%s:%d: %s `%s`: %s", entry->file->path, line, entry->noun,
                        entry->name, field);
    return err_wrap(err, "%s: %s `%s`: %s", entry->file->path, entry->noun, entry->name, field);
}

/* Fields of inner maps are named with their path: "exec.command". */
static const struct jv *field_get(const struct jv *object, const char *field)
{
    const char *dot = strrchr(field, '.');
    return jv_get(object, dot ? dot + 1 : field);
}

int config_entry_str(const struct config_entry *entry, const struct jv *object, const char *field,
                     const char **out, struct err *err)
{
    const struct jv *value = field_get(object, field);
    *out = NULL;
    if (!value || jv_type(value) == JV_NULL)
        return 0;
    size_t len = 0;
    const char *text = jv_strn(value, &len);
    if (!text)
        return config_entry_err(entry, field, err, ERR_INVALID,
                                "must be a string (put the value in quotes)");
    if (strlen(text) != len)
        return config_entry_err(entry, field, err, ERR_INVALID, "holds a NUL character");
    if (len > 0)
        *out = text;
    return 0;
}

int config_entry_bool(const struct config_entry *entry, const struct jv *object, const char *field,
                      bool *out, struct err *err)
{
    const struct jv *value = field_get(object, field);
    *out = false;
    if (!value || jv_type(value) == JV_NULL)
        return 0;
    if (jv_type(value) != JV_BOOL)
        return config_entry_err(entry, field, err, ERR_INVALID, "must be true or false");
    *out = jv_bool_value(value);
    return 0;
}

char *config_entry_path(const struct config_entry *entry, const char *path)
{
    if (path[0] == '/')
        return mem_str(path);
    return mem_printf("%s/%s", entry->file->dir, path);
}
