#include "base/json_internal.h"

#include "base/json.h"

#include <stdint.h>
#include <stdlib.h>

/* These scanners know only strings and brackets: the library has judged the rest. */

enum { PATH_BYTES_MAX = 512, KEY_BYTES_MAX = 128 };

struct level {
    bool is_object;
    bool key_next;
    size_t index;
    const char *key; /* as written, without quotes; NULL before the first */
    size_t key_len;
};

/* The position of the closing quote of the string that opens at `start`, or `len`. */
static size_t string_end(const char *text, size_t len, size_t start)
{
    for (size_t i = start + 1; i < len; i++) {
        if (text[i] == '\\')
            i++;
        else if (text[i] == '"')
            return i;
    }
    return len;
}

enum json_flaw json_prescan(const char *text, size_t len, size_t depth_max, size_t *position)
{
    size_t depth = 0;

    for (size_t i = 0; i < len; i++) {
        switch (text[i]) {
        case '"':
            i = string_end(text, len, i);
            break;
        case '[':
        case '{':
            if (++depth > depth_max) {
                *position = i;
                return JSON_TOO_DEEP;
            }
            break;
        case '\0':
            *position = i;
            return JSON_NUL;
        case ']':
        case '}':
            if (depth > 0)
                depth--;
            break;
        default:
            break;
        }
    }
    return JSON_FLAWLESS;
}

static void add_key(struct buf *path, const char *key, size_t len)
{
    char *copy = mem_strn(key, len < KEY_BYTES_MAX ? len : KEY_BYTES_MAX);

    jv_path_key(path, copy);
    free(copy);
}

static void scan(const char *text, size_t end, struct level *levels, size_t *depth)
{
    for (size_t i = 0; i < end; i++) {
        struct level *top = *depth > 0 ? &levels[*depth - 1] : NULL;
        char c = text[i];
        if (c == '"') {
            size_t close = string_end(text, end, i);
            if (top != NULL && top->is_object && top->key_next) {
                top->key = text + i + 1;
                top->key_len = close - i - 1;
                top->key_next = false;
            }
            i = close;
        } else if (c == '[' || c == '{') {
            if (*depth > JV_DEPTH_MAX)
                return;
            levels[(*depth)++] = (struct level){.is_object = c == '{', .key_next = c == '{'};
        } else if (c == ']' || c == '}') {
            *depth -= *depth > 0;
        } else if (c == ',' && top != NULL) {
            top->index++;
            top->key_next = top->is_object;
        }
    }
}

void json_locate(const char *text, size_t len, size_t position, struct json_place *place)
{
    struct level levels[JV_DEPTH_MAX + 1];
    size_t depth = 0;

    buf_init(&place->path, PATH_BYTES_MAX);
    place->line = 1;
    place->column = 1;
    if (position > len)
        position = len;
    for (size_t i = 0; i < position; i++) {
        place->column++;
        if (text[i] == '\n') {
            place->line++;
            place->column = 1;
        }
    }
    scan(text, position, levels, &depth);
    for (size_t i = 0; i < depth; i++) {
        if (!levels[i].is_object)
            jv_path_index(&place->path, levels[i].index);
        else if (levels[i].key != NULL)
            add_key(&place->path, levels[i].key, levels[i].key_len);
    }
}
