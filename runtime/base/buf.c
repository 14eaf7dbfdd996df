#include "base/buf.h"

#include <stdint.h>
#include <stdio.h>
#ifdef __GLIBC__
#include <malloc.h>
#endif
#include <stdlib.h>
#include <string.h>

enum { BUF_CAP_MIN = 64, MEM_SMALL_MAX = 1024, MEM_TOP_KEPT = 1 << 20 };

void mem_exhausted(size_t size)
{
    fprintf(stderr, "nemeton: out of memory (%zu bytes)\n", size);
    abort();
}

/* Room for `len` more bytes and the NUL; doubles, so that appending is linear in the end. */
static int reserve(struct buf *buf, size_t len)
{
    size_t need, cap;

    if (buf->failed || buf->len > buf->bytes_max || len > buf->bytes_max - buf->len) {
        buf->failed = true;
        return -1;
    }
    need = buf->len + len + 1;
    if (need <= buf->cap)
        return 0;
    cap = buf->cap > 0 ? buf->cap : BUF_CAP_MIN;
    while (cap < need)
        cap = cap > SIZE_MAX / 2 ? need : cap * 2;
    if (cap - 1 > buf->bytes_max) /* need fits, so this keeps enough */
        cap = buf->bytes_max + 1;
    buf->data = mem_grow(buf->data, cap);
    buf->cap = cap;
    return 0;
}

void buf_init(struct buf *buf, size_t bytes_max)
{
    memset(buf, 0, sizeof(*buf));
    buf->bytes_max = bytes_max < SIZE_MAX ? bytes_max : SIZE_MAX - 1;
}

void buf_deinit(struct buf *buf)
{
    free(buf->data);
    buf->data = NULL;
    buf->len = 0;
    buf->cap = 0;
}

void buf_clear(struct buf *buf)
{
    buf->len = 0;
    buf->failed = false;
    if (buf->data != NULL)
        buf->data[0] = '\0';
}

int buf_add(struct buf *buf, const void *data, size_t len)
{
    if (reserve(buf, len) != 0)
        return -1;
    if (len > 0)
        memcpy(buf->data + buf->len, data, len);
    buf->len += len;
    buf->data[buf->len] = '\0';
    return 0;
}

int buf_add_str(struct buf *buf, const char *str)
{
    return buf_add(buf, str, strlen(str));
}

int buf_add_char(struct buf *buf, char c)
{
    return buf_add(buf, &c, 1);
}

int buf_vprintf(struct buf *buf, const char *format, va_list args)
{
    va_list again;
    size_t room;
    int len;

    if (buf->failed)
        return -1;
    va_copy(again, args);
    room = buf->cap - buf->len;
    len = vsnprintf(buf->data != NULL ? buf->data + buf->len : NULL, room, format, args);
    if (len < 0 || reserve(buf, (size_t)len) != 0) {
        buf->failed = true;
        if (buf->data != NULL)
            buf->data[buf->len] = '\0';
        va_end(again);
        return -1;
    }
    if ((size_t)len >= room)
        vsnprintf(buf->data + buf->len, (size_t)len + 1, format, again);
    buf->len += (size_t)len;
    va_end(again);
    return 0;
}

int buf_printf(struct buf *buf, const char *format, ...)
{
    va_list args;
    int result;

    va_start(args, format);
    result = buf_vprintf(buf, format, args);
    va_end(args);
    return result;
}

void buf_consume(struct buf *buf, size_t len)
{
    if (len == 0 || buf->data == NULL)
        return;
    if (len > buf->len)
        len = buf->len;
    buf->len -= len;
    memmove(buf->data, buf->data + len, buf->len + 1);
}

const char *buf_str(const struct buf *buf)
{
    return buf->data != NULL ? buf->data : "";
}

char *buf_take(struct buf *buf, size_t *len)
{
    char *data = buf->data != NULL ? buf->data : mem_alloc(1);

    if (len != NULL)
        *len = buf->len;
    buf->data = NULL;
    buf->len = 0;
    buf->cap = 0;
    buf->failed = false;
    return data;
}

/* The C library's calloc does not look where freed small pieces are kept, as its realloc does; and a
 * malloc followed by memset is made a calloc by the compiler. */
void *mem_alloc(size_t size)
{
    void *ptr;

    if (size <= MEM_SMALL_MAX)
        return memset(mem_grow(NULL, size), 0, size);
    ptr = calloc(1, size);
    if (ptr == NULL)
        mem_exhausted(size);
    return ptr;
}

void mem_tune(void)
{
#ifdef __GLIBC__
    /* Small pieces join their neighbours when they are freed, while those are at hand, and not by the
     * thousand at the next large request. */
    mallopt(M_MXFAST, 0);
    mallopt(M_TRIM_THRESHOLD, MEM_TOP_KEPT);
#endif
}

void mem_trim(void)
{
#ifdef __GLIBC__
    malloc_trim(0);
#endif
}

void *mem_grow(void *ptr, size_t size)
{
    void *grown = realloc(ptr, size > 0 ? size : 1);

    if (grown == NULL)
        mem_exhausted(size);
    return grown;
}

char *mem_str(const char *str)
{
    return str != NULL ? mem_strn(str, strlen(str)) : NULL;
}

char *mem_strn(const char *str, size_t len)
{
    char *copy = mem_grow(NULL, len + 1);

    if (len > 0)
        memcpy(copy, str, len);
    copy[len] = '\0';
    return copy;
}

char *mem_printf(const char *format, ...)
{
    va_list args;
    char *text = NULL;
    int len;

    va_start(args, format);
    len = vasprintf(&text, format, args);
    va_end(args);
    if (len < 0)
        mem_exhausted(0);
    return text;
}
