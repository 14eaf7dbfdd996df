/* Structured log lines: a constant message and key/value pairs.
 *
 * On a terminal a line is for people (time, level, message, key=value); otherwise each entry is one
 * JSON object in one write. A log never blocks for long and never fails its caller; what cannot be
 * written is counted. A child log carries fixed pairs. Values are strings; numbers are formatted by
 * the caller with log_num. Secrets must not be passed: there is no redaction that would make it safe.
 * Time comes from a function given at creation, because `base` knows no clock.
 */
#ifndef NEMETON_BASE_LOG_H
#define NEMETON_BASE_LOG_H

#include "base/err.h"

#include <stddef.h>
#include <stdint.h>

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR };
enum { LOG_VALUE_BYTES_MAX = 8192, LOG_LINE_BYTES_MAX = 65536 };
enum log_format { LOG_TEXT, LOG_JSON };

struct log;
typedef int64_t (*log_wall_ns)(void *arg);
typedef void (*log_sink)(void *arg, const char *line, size_t len); /* one line with its newline */

struct log_options {
    enum log_level level;
    enum log_format format;
    bool color;    /* only with LOG_TEXT */
    int fd;        /* where lines go when sink is NULL */
    log_sink sink; /* tests */
    void *sink_arg;
    log_wall_ns wall_ns;
    void *wall_arg;
};

struct log *log_new(const struct log_options *options);
struct log *log_child(struct log *parent, ...) __attribute__((sentinel)); /* key, value, …, NULL */
void log_free(struct log *log); /* children before parents; NULL is fine */
bool log_enabled(const struct log *log, enum log_level level);

/* Pairs end with (char *)NULL; values are cut at LOG_VALUE_BYTES_MAX and lines at LOG_LINE_BYTES_MAX.
 * Control characters never reach a terminal. A line of up to PIPE_BUF bytes is one write.
 * A pair with a NULL value is left out. A NULL log is silent. */
void log_write(struct log *log, enum log_level level, const char *message, ...)
    __attribute__((sentinel));
#define log_debug(log, ...) log_write((log), LOG_DEBUG, __VA_ARGS__, (char *)NULL)
#define log_info(log, ...) log_write((log), LOG_INFO, __VA_ARGS__, (char *)NULL)
#define log_warn(log, ...) log_write((log), LOG_WARN, __VA_ARGS__, (char *)NULL)
#define log_error(log, ...) log_write((log), LOG_ERROR, __VA_ARGS__, (char *)NULL)

/* A number as text in a small caller-owned buffer: log_info(l, "listed", "items", log_num(b, n)). */
struct log_num_buf {
    char text[32];
};
const char *log_num(struct log_num_buf *buf, int64_t value);

/* Lines that could not be written so far, of this log and all its relatives. */
uint64_t log_dropped(const struct log *log);

int log_level_parse(const char *text, enum log_level *level, struct err *err);

/* "2026-01-31T10:20:30Z", with .123456 before the Z when micros is set. `out` holds 40 bytes. */
void log_time_rfc3339(int64_t wall_ns, bool micros, char out[40]);

#endif
