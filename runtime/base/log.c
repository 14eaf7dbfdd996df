#include "base/log.h"

#include "base/buf.h"
#include "base/utf8.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { LOG_WAIT_MS_MAX = 100 };

struct log {
    struct log *root; /* itself for the first of a family */
    char *fixed;      /* the child's own pairs and its parents', as they stand in a line */
    size_t fixed_len;
    /* The rest is used in the root only. */
    struct log_options options;
    struct buf line;
    uint64_t dropped;
    bool stalled; /* the reader was not ready last time: do not wait for it again */
    bool torn;    /* the last line went out in part */
};

/* Writes a character sequence so that it cannot leave its string or drive a terminal. */
static void add_escaped(struct buf *out, const char *text, size_t len, bool text_format)
{
    for (size_t i = 0; i < len;) {
        unsigned char c = (unsigned char)text[i];
        size_t step = c < 0x80 ? 1 : utf8_step(text + i, len - i);
        if (step == 0) {
            buf_add_str(out, "\xEF\xBF\xBD");
            step = 1;
        } else if (c == '"' || c == '\\') {
            buf_add_char(out, '\\');
            buf_add_char(out, (char)c);
        } else if (c == '\n') {
            buf_add(out, "\\n", 2);
        } else if (c == '\t') {
            buf_add(out, "\\t", 2);
        } else if (c < 0x20 || (text_format && c == 0x7F)) {
            buf_printf(out, "\\u%04x", c);
        } else if (text_format && c == 0xC2 && (unsigned char)text[i + 1] < 0xA0) {
            buf_printf(out, "\\u%04x", (unsigned char)text[i + 1]);
        } else {
            buf_add(out, text + i, step);
        }
        i += step;
    }
}

static bool needs_quotes(const char *text)
{
    if (text[0] == '\0')
        return true;
    for (const char *c = text; *c != '\0'; c++)
        if ((unsigned char)*c <= 0x20 || (unsigned char)*c >= 0x7F || strchr("\"\\=", *c) != NULL)
            return true;
    return false;
}

static void add_value(struct buf *out, const char *value, bool quotes, bool text_format)
{
    size_t len = strlen(value), kept = utf8_cut(value, len, LOG_VALUE_BYTES_MAX);

    if (quotes)
        buf_add_char(out, '"');
    add_escaped(out, value, kept, text_format);
    if (kept < len)
        buf_add_str(out, "…");
    if (quotes)
        buf_add_char(out, '"');
}

static void add_pair(const struct log *root, struct buf *out, const char *key, const char *value)
{
    if (root->options.format == LOG_JSON) {
        buf_add_char(out, ',');
        add_value(out, key, true, false);
        buf_add_char(out, ':');
        add_value(out, value, true, false);
        return;
    }
    buf_add_char(out, ' ');
    if (root->options.color)
        buf_add_str(out, "\033[2m");
    add_value(out, key, needs_quotes(key), true);
    buf_add_char(out, '=');
    if (root->options.color)
        buf_add_str(out, "\033[0m");
    add_value(out, value, needs_quotes(value), true);
}

/* A line that would be too long keeps the pairs that fit. */
static void add_pairs(const struct log *root, struct buf *out, va_list args)
{
    const char *key, *value;

    while ((key = va_arg(args, const char *)) != NULL) {
        size_t before = out->len;
        value = va_arg(args, const char *);
        if (value == NULL)
            continue;
        add_pair(root, out, key, value);
        if (out->failed) {
            out->failed = false;
            out->len = before;
        }
    }
}

static void add_head(const struct log *root, struct buf *out, enum log_level level,
                     const char *message)
{
    static const char *const names[] = {"debug", "info", "warn", "error"};
    static const char *const labels[] = {"DEBUG", "INFO ", "WARN ", "ERROR"};
    static const char *const colors[] = {"\033[36m", "\033[32m", "\033[33m", "\033[31m"};
    char time[40];

    log_time_rfc3339(root->options.wall_ns != NULL ? root->options.wall_ns(root->options.wall_arg)
                                                   : 0,
                     true, time);
    if (root->options.format == LOG_JSON) {
        buf_printf(out, "{\"time\":\"%s\",\"level\":\"%s\",\"message\":", time, names[level]);
        add_value(out, message, true, false);
        return;
    }
    if (root->options.color)
        buf_printf(out, "%s %s%s\033[0m ", time, colors[level], labels[level]);
    else
        buf_printf(out, "%s %s ", time, labels[level]);
    add_value(out, message, false, true);
}

/* Waits a little for a slow reader, once; a reader that stays slow costs lines, not time. */
static bool wait_writable(struct log *root)
{
    struct pollfd poller = {.fd = root->options.fd, .events = POLLOUT};
    int ready;

    do {
        ready = poll(&poller, 1, root->stalled ? 0 : LOG_WAIT_MS_MAX);
    } while (ready < 0 && errno == EINTR);
    root->stalled = ready <= 0;
    return ready > 0;
}

/* At most PIPE_BUF bytes a write: after poll that much does not block on a pipe. */
static bool write_all(struct log *root, const char *data, size_t len)
{
    size_t done = 0;

    while (done < len) {
        size_t piece = len - done < PIPE_BUF ? len - done : PIPE_BUF;
        ssize_t n = wait_writable(root) ? write(root->options.fd, data + done, piece) : -1;
        if (n < 0 && errno == EINTR && !root->stalled)
            continue;
        if (n <= 0)
            break;
        done += (size_t)n;
    }
    if (done < len && done > 0)
        root->torn = true;
    return done == len;
}

static void emit(struct log *root, const struct buf *line)
{
    if (root->options.sink != NULL) {
        root->options.sink(root->options.sink_arg, buf_str(line), line->len);
        return;
    }
    if (root->torn) {
        root->torn = false;
        if (!write_all(root, "\n", 1)) {
            root->torn = true;
            root->dropped++;
            return;
        }
    }
    if (!write_all(root, buf_str(line), line->len))
        root->dropped++;
}

struct log *log_new(const struct log_options *options)
{
    struct log *log = mem_alloc(sizeof(*log));

    log->root = log;
    log->options = *options;
    /* The end of a line must always fit. */
    buf_init(&log->line, LOG_LINE_BYTES_MAX - 2);
    return log;
}

struct log *log_child(struct log *parent, ...)
{
    struct log *child;
    struct buf fixed;
    va_list args;

    if (parent == NULL)
        return NULL;
    child = mem_alloc(sizeof(*child));
    child->root = parent->root;
    buf_init(&fixed, LOG_LINE_BYTES_MAX / 2);
    buf_add(&fixed, parent->fixed, parent->fixed_len);
    va_start(args, parent);
    add_pairs(child->root, &fixed, args);
    va_end(args);
    child->fixed = buf_take(&fixed, &child->fixed_len);
    return child;
}

void log_free(struct log *log)
{
    if (log == NULL)
        return;
    free(log->fixed);
    buf_deinit(&log->line);
    free(log);
}

bool log_enabled(const struct log *log, enum log_level level)
{
    return log != NULL && level >= log->root->options.level;
}

void log_write(struct log *log, enum log_level level, const char *message, ...)
{
    struct log *root;
    va_list args;

    if (!log_enabled(log, level))
        return;
    root = log->root;
    buf_clear(&root->line);
    add_head(root, &root->line, level, message);
    buf_add(&root->line, log->fixed, log->fixed_len);
    va_start(args, message);
    add_pairs(root, &root->line, args);
    va_end(args);
    root->line.bytes_max += 2;
    buf_add_str(&root->line, root->options.format == LOG_JSON ? "}\n" : "\n");
    root->line.bytes_max -= 2;
    emit(root, &root->line);
}

const char *log_num(struct log_num_buf *buf, int64_t value)
{
    snprintf(buf->text, sizeof(buf->text), "%lld", (long long)value);
    return buf->text;
}

uint64_t log_dropped(const struct log *log)
{
    return log != NULL ? log->root->dropped : 0;
}

int log_level_parse(const char *text, enum log_level *level, struct err *err)
{
    static const char *const names[] = {"debug", "info", "warn", "error"};

    for (int i = 0; i < 4; i++) {
        if (strcmp(text, names[i]) == 0) {
            *level = (enum log_level)i;
            return 0;
        }
    }
    return err_set(err, ERR_USAGE, "unknown log level `%s`: use debug, info, warn or error", text);
}

void log_time_rfc3339(int64_t wall_ns, bool micros, char out[40])
{
    const int64_t second_ns = 1000000000;
    int64_t rest_ns = wall_ns % second_ns;
    time_t seconds = (time_t)(wall_ns / second_ns);
    struct tm tm;

    if (rest_ns < 0) { /* before 1970: round down */
        rest_ns += second_ns;
        seconds--;
    }
    gmtime_r(&seconds, &tm);
    strftime(out, 40, "%Y-%m-%dT%H:%M:%S", &tm);
    if (micros)
        snprintf(out + strlen(out), 9, ".%06lldZ", (long long)(rest_ns / 1000));
    else
        strcat(out, "Z");
}
