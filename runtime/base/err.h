/* Errors: one struct, one convention.
 *
 * A function that can fail returns `int` (0 done, -1 failed) or a pointer (NULL failed) and takes
 * `struct err *err` last. It leaves *err untouched on success and sets it exactly once on failure;
 * callers add context with err_wrap. err may be NULL when the caller does not care. The text is
 * inline, so nothing has to be freed and an err may live across a longjmp.
 *
 * The text is for people: verb and object in back-ticks, the remedy where one is known. The code is
 * for programs. Secrets never enter a text.
 */
#ifndef NEMETON_BASE_ERR_H
#define NEMETON_BASE_ERR_H

#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>

enum err_code {
    ERR_NONE = 0,
    ERR_USAGE,     /* the command line */
    ERR_INVALID,   /* well-formed but not acceptable: 400, 422, a bad field */
    ERR_PARSE,     /* not well-formed */
    ERR_NOT_FOUND, /* 404, a missing file */
    ERR_EXISTS,    /* 409 AlreadyExists */
    ERR_CONFLICT, /* 409 Conflict: stale resourceVersion, failed precondition, other field manager */
    ERR_GONE,     /* 410: the resourceVersion or continue token is too old */
    ERR_UNAUTHORIZED, /* 401 */
    ERR_FORBIDDEN,    /* 403 */
    ERR_TOO_LARGE,    /* 413, or a body over our own maximum */
    ERR_TOO_MANY,     /* 429 */
    ERR_UNSUPPORTED,  /* 405, 406, 415, 501 */
    ERR_SERVER,       /* other 5xx */
    ERR_TIMEOUT,      /* 504, or our own deadline */
    ERR_NETWORK,      /* no connection, TLS failure, reset, garbage on the wire */
    ERR_LIMIT,        /* one of our own maxima: memory, depth, queue, budget */
    ERR_IO,           /* files, processes, system calls */
    ERR_CANCELED,     /* we stopped it */
    ERR_SCRIPT,       /* a policy raised an error */
    ERR_FENCED,       /* the lease does not cover this write */
    ERR_REFUSED,      /* the destructive gate said no */
    ERR_INTERNAL,     /* a broken assumption of ours */
};

enum { ERR_TEXT_BYTES = 768, ERR_REASON_BYTES = 64 };

struct err {
    enum err_code code;
    int http_status;               /* 0 when no HTTP answer is behind it */
    int64_t retry_after_ms;        /* what a server asked for; 0 = nothing */
    char reason[ERR_REASON_BYTES]; /* Kubernetes Status.reason, "" when there is none */
    char text[ERR_TEXT_BYTES];     /* always terminated, cut with "…" when too long */
};

/* Sets code and text; returns -1 so that `return err_set(err, …);` reads well. */
int err_set(struct err *err, enum err_code code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
int err_vset(struct err *err, enum err_code code, const char *format, va_list args)
    __attribute__((format(printf, 3, 0)));

/* Prefixes the text with "<context>: ". Returns -1. */
int err_wrap(struct err *err, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Text for errno-style failures: "<context>: <strerror>". Returns -1. */
int err_errno(struct err *err, int errnum, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

void err_clear(struct err *err);
const char *err_code_name(enum err_code code); /* "not_found", … : stable, used in logs and Lua */

/* Codes after which the same request may succeed later without anybody changing anything. */
bool err_is_transient(const struct err *err);

#endif
