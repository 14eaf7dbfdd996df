#include "base/utf8.h"

static bool is_tail(unsigned char c)
{
    return (c & 0xC0U) == 0x80U;
}

size_t utf8_step(const char *text, size_t len)
{
    const unsigned char *s = (const unsigned char *)text;

    if (len == 0)
        return 0;
    if (s[0] < 0x80)
        return 1;
    if (s[0] < 0xC2 || s[0] > 0xF4)
        return 0;
    if (s[0] < 0xE0)
        return len >= 2 && is_tail(s[1]) ? 2 : 0;
    if (s[0] < 0xF0) {
        if (len < 3 || !is_tail(s[1]) || !is_tail(s[2]))
            return 0;
        return (s[0] == 0xE0 && s[1] < 0xA0) || (s[0] == 0xED && s[1] > 0x9F) ? 0 : 3;
    }
    if (len < 4 || !is_tail(s[1]) || !is_tail(s[2]) || !is_tail(s[3]))
        return 0;
    return (s[0] == 0xF0 && s[1] < 0x90) || (s[0] == 0xF4 && s[1] > 0x8F) ? 0 : 4;
}

bool utf8_valid(const char *text, size_t len)
{
    size_t i = 0;

    while (i < len) {
        size_t step = (unsigned char)text[i] < 0x80 ? 1 : utf8_step(text + i, len - i);
        if (step == 0)
            return false;
        i += step;
    }
    return true;
}

int utf8_add_valid(struct buf *out, const char *text, size_t len)
{
    size_t start = 0, i = 0;

    while (i < len) {
        size_t step = utf8_step(text + i, len - i);
        if (step > 0) {
            i += step;
            continue;
        }
        buf_add(out, text + start, i - start);
        buf_add_str(out, "\xEF\xBF\xBD");
        start = ++i;
    }
    return buf_add(out, text + start, len - start);
}

/* C0, DEL and C1: the code of the control character, or -1. */
static int control_of(const char *text, size_t step)
{
    unsigned char first = (unsigned char)text[0];

    if (step == 1 && (first < 0x20 || first == 0x7F))
        return first;
    return step == 2 && first == 0xC2 && (unsigned char)text[1] < 0xA0 ? (unsigned char)text[1]
                                                                       : -1;
}

int utf8_add_visible(struct buf *out, const char *text, size_t len)
{
    for (size_t i = 0, step; i < len; i += step) {
        step = utf8_step(text + i, len - i);
        int control = step > 0 ? control_of(text + i, step) : -1;
        if (step == 0) {
            buf_add_str(out, "\xEF\xBF\xBD");
            step = 1;
        } else if (control == '\n' || control == '\t') {
            buf_add_str(out, control == '\n' ? "\\n" : "\\t");
        } else if (control >= 0) {
            buf_printf(out, "\\u%04x", (unsigned)control);
        } else {
            buf_add(out, text + i, step);
        }
    }
    return out->failed ? -1 : 0;
}

size_t utf8_cut(const char *text, size_t len, size_t max)
{
    if (len <= max)
        return len;
    while (max > 0 && is_tail((unsigned char)text[max]))
        max--;
    return max;
}
