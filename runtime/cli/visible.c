#include "cli/visible.h"

#include "base/utf8.h"

#include <string.h>

enum { TEXT_BYTES_MAX = 8 << 20 };

void visible_print(FILE *out, const char *text)
{
    struct buf visible;
    buf_init(&visible, TEXT_BYTES_MAX);
    utf8_add_visible(&visible, text, strlen(text));
    fputs(buf_str(&visible), out);
    buf_deinit(&visible);
}

static struct jv *visible_text(const char *text, size_t len)
{
    struct buf visible;
    buf_init(&visible, TEXT_BYTES_MAX);
    utf8_add_visible(&visible, text, len);
    struct jv *out = jv_string(buf_str(&visible));
    buf_deinit(&visible);
    return out;
}

struct jv *visible_copy(const struct jv *value)
{
    size_t len = 0;
    const char *text = jv_strn(value, &len);
    if (text != NULL)
        return visible_text(text, len);
    if (jv_is_array(value)) {
        struct jv *out = jv_array();
        for (size_t i = 0; i < jv_size(value); i++)
            jv_append(out, visible_copy(jv_at(value, i)));
        return out;
    }
    if (!jv_is_object(value))
        return jv_ref((struct jv *)value);
    struct jv *out = jv_object();
    struct jv_iter iter = {0};
    while (jv_next(value, &iter))
        jv_set(out, iter.key, visible_copy(iter.value));
    return out;
}
