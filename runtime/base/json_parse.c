#include "base/json_internal.h"

static int fail_at(struct err *err, enum err_code code, const char *text, size_t len, size_t at,
                   const char *what)
{
    struct json_place place;

    if (err == NULL)
        return -1;
    json_locate(text, len, at, &place);
    if (place.path.len > 0)
        err_set(err, code, "JSON line %zu column %zu, `%s`: %s", place.line, place.column,
                buf_str(&place.path), what);
    else
        err_set(err, code, "JSON line %zu column %zu: %s", place.line, place.column, what);
    buf_deinit(&place.path);
    return -1;
}

int jv_parse(const char *text, size_t len, struct jv **out, struct err *err)
{
    struct jv *value;
    const char *why = "";
    size_t at = 0;

    if (len == 0)
        return err_set(err, ERR_PARSE, "JSON: the text is empty");
    value = json_parse_plain(text, len);
    if (value != NULL) {
        *out = value;
        return 0;
    }
    switch (json_prescan(text, len, JV_DEPTH_MAX, &at)) {
    case JSON_TOO_DEEP:
        return fail_at(err, ERR_LIMIT, text, len, at, "nested too deep (128 levels at most)");
    case JSON_NUL:
        return fail_at(err, ERR_PARSE, text, len, at, "a NUL outside a string");
    case JSON_FLAWLESS:
        break;
    }
    value = json_parse_by_library(text, len, &at, &why);
    if (value == NULL)
        return fail_at(err, ERR_PARSE, text, len, at, why);
    *out = value;
    return 0;
}
