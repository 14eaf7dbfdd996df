#include "crash.h"

#include "base/buf.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    COPIES_MAX = 20000,
    COPY_SECONDS_MAX = 900,
    TEXT_BYTES_MAX = 64 << 20,
    DIFFERENCES_SHOWN = 4,
    BEFORE_SHOWN = 60,
    AFTER_SHOWN = 160,
};

struct copy {
    pid_t pid; /* 0: over */
    FILE *said;
    uint64_t at;
    enum crash_now side;
    char *what;
    int status;
};

struct crash {
    struct crash_options options;
    uint64_t writes;
    struct copy *copies;
    size_t copy_count, running, running_max;
    FILE *report; /* in a copy */
};

struct crash *crash_new(const struct crash_options *options)
{
    struct crash *crash = mem_alloc(sizeof(*crash));
    long processors = sysconf(_SC_NPROCESSORS_ONLN);
    crash->options = *options;
    crash->running_max = processors > 2 ? (size_t)processors - 1 : 1;
    return crash;
}

void crash_free(struct crash *crash)
{
    if (!crash) {
        return;
    }
    for (size_t i = 0; i < crash->copy_count; i++) {
        fclose(crash->copies[i].said);
        free(crash->copies[i].what);
    }
    free(crash->copies);
    free(crash);
}

uint64_t crash_writes(const struct crash *crash)
{
    return crash->writes;
}

uint64_t crash_deaths(const struct crash *crash)
{
    return crash->copy_count;
}

bool crash_has_happened(const struct crash *crash)
{
    return crash->report != NULL;
}

static bool is_write(const struct exchange *exchange, bool to_api)
{
    const char *path = exchange_path(exchange);
    if (strcmp(exchange_method(exchange), "GET") == 0) {
        return false;
    }
    if (!to_api) {
        return strncmp(path, "/druid/v2", strlen("/druid/v2")) != 0; /* queries are posted */
    }
    return !strstr(path, "/leases") && !strstr(path, "/events") &&
           !strstr(exchange_query_raw(exchange), "dryRun");
}

/* Waits until one copy is over. */
static void reap(struct crash *crash)
{
    int status = 0;
    pid_t pid = wait(&status);
    for (size_t i = 0; i < crash->copy_count; i++) {
        struct copy *copy = &crash->copies[i];
        if (copy->pid == pid) {
            copy->pid = 0;
            copy->status = status;
            crash->running--;
            return;
        }
    }
}

/* True in the copy. */
static bool make_copy(struct crash *crash, const struct exchange *exchange, enum crash_now side)
{
    FILE *said = crash->copy_count < COPIES_MAX ? tmpfile() : NULL;
    if (!said) {
        perror("scenario: a file for what a copy says");
        exit(1);
    }
    while (crash->running >= crash->running_max) {
        reap(crash);
    }
    fflush(NULL);
    pid_t pid = fork();
    if (pid < 0) {
        perror("scenario: fork");
        exit(1);
    }
    if (pid == 0) {
        crash->report = said;
        alarm(COPY_SECONDS_MAX);
        return true;
    }
    if (crash->options.quiet_parent && !freopen("/dev/null", "w", stderr)) {
        perror("scenario: /dev/null");
    }
    crash->copies = mem_grow(crash->copies, (crash->copy_count + 1) * sizeof(*crash->copies));
    crash->copies[crash->copy_count++] = (struct copy){
        .pid = pid,
        .said = said,
        .at = crash->writes,
        .side = side,
        .what = mem_printf("%s %s", exchange_method(exchange), exchange_path(exchange)),
    };
    crash->running++;
    return false;
}

enum crash_now crash_ask(struct crash *crash, const struct exchange *exchange, bool to_api)
{
    const struct crash_options *options = &crash->options;
    if (crash_has_happened(crash) || !is_write(exchange, to_api)) {
        return CRASH_NOT;
    }
    uint64_t number = ++crash->writes;
    bool chosen = options->at ? number == options->at
                              : options->every && number % options->every == options->offset;
    if (!chosen) {
        return CRASH_NOT;
    }
    if (make_copy(crash, exchange, CRASH_UNSEEN)) {
        return CRASH_UNSEEN;
    }
    return make_copy(crash, exchange, CRASH_UNANSWERED) ? CRASH_UNANSWERED : CRASH_NOT;
}

/* What a copy leaves: a line, and the end state. */
static void report(struct crash *crash, int result, const struct err *err, const char *end_state)
{
    if (result < 0) {
        fprintf(crash->report, "%s", err->text);
    } else {
        fprintf(crash->report, "\n%s", end_state ? end_state : "");
    }
    fflush(crash->report);
    _exit(result < 0 ? 1 : 0);
}

static char *read_all(FILE *file)
{
    struct buf text;
    char piece[65536];
    size_t got;
    buf_init(&text, TEXT_BYTES_MAX);
    rewind(file);
    while ((got = fread(piece, 1, sizeof(piece), file)) > 0) {
        buf_add(&text, piece, got);
    }
    char *out = mem_str(buf_str(&text));
    buf_deinit(&text);
    return out;
}

/* A line and the next one's place. */
static const char *line_take(const char **rest, size_t *len)
{
    const char *line = *rest;
    *len = strcspn(line, "\n");
    *rest = line[*len] ? line + *len + 1 : line + *len;
    return line;
}

static size_t key_len(const char *line, size_t len)
{
    const char *end = memchr(line, '\t', len);
    return end ? (size_t)(end - line) : len;
}

static int line_compare(const char *a, size_t a_len, const char *b, size_t b_len)
{
    size_t shorter = a_len < b_len ? a_len : b_len;
    int order = memcmp(a, b, shorter);
    return order ? order : (a_len > b_len) - (a_len < b_len);
}

static void show(const char *mark, const char *line, size_t len, size_t from)
{
    size_t start = from > BEFORE_SHOWN ? from - BEFORE_SHOWN : 0;
    size_t end =
        len - start > BEFORE_SHOWN + AFTER_SHOWN ? start + BEFORE_SHOWN + AFTER_SHOWN : len;
    printf("       %s %.*s: …%.*s\n", mark, (int)key_len(line, len), line, (int)(end - start),
           line + start);
}

/* Prints where two texts of sorted lines differ; gives how often. */
static int differences(const char *calm, const char *crashed)
{
    int count = 0;
    while (*calm || *crashed) {
        const char *a_rest = calm, *b_rest = crashed;
        size_t a_len, b_len, same = 0;
        const char *a = line_take(&a_rest, &a_len), *b = line_take(&b_rest, &b_len);
        int order = !*calm      ? 1
                    : !*crashed ? -1
                                : line_compare(a, key_len(a, a_len), b, key_len(b, b_len));
        while (order == 0 && same < a_len && same < b_len && a[same] == b[same]) {
            same++;
        }
        bool differs = order != 0 || same < a_len || same < b_len;
        if (differs && count++ < DIFFERENCES_SHOWN) {
            if (order <= 0) {
                show("without a crash:", a, a_len, same);
            }
            if (order >= 0) {
                show("with a crash:   ", b, b_len, same);
            }
        }
        calm = order <= 0 ? a_rest : calm;
        crashed = order >= 0 ? b_rest : crashed;
    }
    return count;
}

static bool copy_judge(const struct copy *copy, const char *name, const char *end_state)
{
    const char *side = copy->side == CRASH_UNSEEN ? "not seen" : "answer lost";
    bool exited = WIFEXITED(copy->status);
    char *said = read_all(copy->said);
    bool held = exited && WEXITSTATUS(copy->status) == 0;
    if (held && strcmp(said + 1, end_state) == 0) {
        free(said);
        return true;
    }
    printf("FAILED %s: the operator dies at its write %llu, %s: %s\n", name,
           (unsigned long long)copy->at, side, copy->what);
    if (!exited) {
        printf("       ended by signal %d\n", WTERMSIG(copy->status));
    } else if (!held) {
        printf("       %s\n", said);
    } else {
        differences(end_state, said + 1);
    }
    free(said);
    return false;
}

void crash_end(struct crash *crash, const char *name, int result, const struct err *err,
               const char *end_state, int *passed, int *failed)
{
    if (crash_has_happened(crash)) {
        report(crash, result, err, end_state);
    }
    while (crash->running > 0) {
        reap(crash);
    }
    for (size_t i = 0; i < crash->copy_count && result == 0; i++) {
        *(copy_judge(&crash->copies[i], name, end_state ? end_state : "") ? passed : failed) += 1;
    }
}
