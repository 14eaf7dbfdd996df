/* A growing byte buffer with a hard maximum.
 *
 * The struct lives in its owner; its bytes are freed by buf_deinit or handed over by buf_take. The
 * contents are always followed by a NUL that does not count. The first append that would pass the
 * maximum fails and latches `failed`: later appends fail too, so that a writer may check once, at
 * the end. Exhaustion of the C heap aborts the process (the kubelet restarts it).
 */
#ifndef NEMETON_BASE_BUF_H
#define NEMETON_BASE_BUF_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

struct buf {
    char *data; /* NULL until the first byte; use buf_str for a string */
    size_t len;
    size_t cap;
    size_t bytes_max;
    bool failed;
};

void buf_init(struct buf *buf, size_t bytes_max);
void buf_deinit(struct buf *buf);
void buf_clear(struct buf *buf); /* keeps the memory, forgets content and failure */
int buf_add(struct buf *buf, const void *data, size_t len);
int buf_add_str(struct buf *buf, const char *str);
int buf_add_char(struct buf *buf, char c);
int buf_printf(struct buf *buf, const char *format, ...) __attribute__((format(printf, 2, 3)));
int buf_vprintf(struct buf *buf, const char *format, va_list args)
    __attribute__((format(printf, 2, 0)));
void buf_consume(struct buf *buf, size_t len); /* drops bytes from the front */
const char *buf_str(const struct buf *buf);    /* lent; "" when empty */
char *buf_take(struct buf *buf, size_t *len);  /* yours to free(); the buf is empty afterwards */

/* malloc family that aborts instead of returning NULL. */
void *mem_alloc(size_t size); /* zeroed */
void *mem_grow(void *ptr, size_t size);
char *mem_str(const char *str);                            /* strdup; NULL stays NULL */
void mem_exhausted(size_t size) __attribute__((noreturn)); /* says so and aborts */
void mem_tune(void); /* of the process, once at its start: many small pieces, freed together */
void mem_trim(void); /* gives what is free back to the system; takes milliseconds */
char *mem_strn(const char *str, size_t len);
char *mem_printf(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
