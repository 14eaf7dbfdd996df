/* Secrets that come from files or inline: PEM texts and tokens. */
#include "base/digest.h"
#include "kube/config_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int pem_check(const char *text, size_t len, const char *marker, struct err *err)
{
    bool key = strcmp(marker, CONFIG_PEM_KEY) == 0;
    if (len == 0)
        return err_set(err, ERR_INVALID, "is empty");
    if (strlen(text) != len || !strstr(text, "-----BEGIN ") || !strstr(text, marker))
        return err_set(err, ERR_INVALID, "holds no PEM %s (a block that begins with -----BEGIN %s)",
                       key ? "private key" : "certificate", marker);
    return 0;
}

int config_pem_read(const char *path, const char *marker, char **text, struct err *err)
{
    struct buf bytes;
    if (config_read(path, CONFIG_SECRET_BYTES_MAX, &bytes, err) != 0)
        return -1;
    if (pem_check(buf_str(&bytes), bytes.len, marker, err) != 0) {
        err_wrap(err, "`%s`", path);
        buf_deinit(&bytes);
        return -1;
    }
    *text = buf_take(&bytes, NULL);
    return 0;
}

static int pem_decode(const struct config_entry *entry, const char *field, const char *data,
                      const char *marker, char **text, struct err *err)
{
    struct buf bytes;
    buf_init(&bytes, CONFIG_SECRET_BYTES_MAX);
    struct err why = {0};
    if (base64_decode(data, strlen(data), &bytes, &why) != 0) {
        /* The decoder's own words could repeat a piece of a key. */
        buf_deinit(&bytes);
        return config_entry_err(entry, field, err, ERR_INVALID,
                                "is not valid base64; use `base64 -w0 FILE`, or name the file in "
                                "%.*s",
                                (int)(strlen(field) - strlen("-data")), field);
    }
    if (pem_check(buf_str(&bytes), bytes.len, marker, &why) != 0) {
        buf_deinit(&bytes);
        return config_entry_err(entry, field, err, ERR_INVALID, "decoded, it %s", why.text);
    }
    *text = buf_take(&bytes, NULL);
    return 0;
}

int config_pem_parse(const struct config_entry *entry, const char *field, const char *marker,
                     struct config_pem *pem, struct err *err)
{
    char field_data[64];
    snprintf(field_data, sizeof(field_data), "%s-data", field);
    const char *path = NULL, *data = NULL;
    if (config_entry_str(entry, entry->body, field, &path, err) != 0 ||
        config_entry_str(entry, entry->body, field_data, &data, err) != 0)
        return -1;
    if (path && data)
        return config_entry_err(entry, field, err, ERR_INVALID,
                                "given together with %s; remove one of them", field_data);
    if (data)
        return pem_decode(entry, field_data, data, marker, &pem->text, err);
    if (!path)
        return 0;
    pem->path = config_entry_path(entry, path);
    struct err why = {0};
    if (config_pem_read(pem->path, marker, &pem->text, &why) != 0)
        return config_entry_err(entry, field, err, why.code, "%s", why.text);
    return 0;
}

bool config_header_value_ok(const char *value)
{
    for (const unsigned char *p = (const unsigned char *)value; *p; p++)
        if ((*p < 0x20 && *p != '\t') || *p == 0x7f)
            return false;
    return true;
}

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n' || c == '\v' || c == '\f';
}

int config_token_read(const char *path, char **token, struct err *err)
{
    struct buf bytes;
    if (config_read(path, CONFIG_SECRET_BYTES_MAX, &bytes, err) != 0)
        return -1;
    const char *start = buf_str(&bytes);
    size_t len = bytes.len;
    while (len > 0 && is_space(start[len - 1]))
        len--;
    while (len > 0 && is_space(*start)) {
        start++;
        len--;
    }
    char *text = mem_strn(start, len);
    buf_deinit(&bytes);
    if (*text == '\0') {
        err_set(err, ERR_INVALID, "`%s` is empty; a bearer token is expected in it", path);
    } else if (strlen(text) != len || !config_header_value_ok(text)) {
        err_set(err, ERR_INVALID, "`%s` holds more than one line; a bearer token is expected in it",
                path);
    } else {
        *token = text;
        return 0;
    }
    free(text);
    return -1;
}
