/* What the tests of kube/config, rest and discovery share: a world with a log that can be read, a
 * folder for files, and a scripted API server behind the loopback network.
 */
#ifndef NEMETON_TESTS_KUBE_FRONT_SUPPORT_H
#define NEMETON_TESTS_KUBE_FRONT_SUPPORT_H

#include "unit/loop_support.h"

#include "base/log.h"
#include "kube/rest.h"
#include "loop/loopback.h"

#include <sys/stat.h>
#include <unistd.h>

/* --- a log that can be read ------------------------------------------------------------------- */

struct lines {
    struct log *log;
    struct buf text;
};

static inline void lines_sink(void *arg, const char *line, size_t len)
{
    buf_add(&((struct lines *)arg)->text, line, len);
}

static inline int64_t lines_wall(void *arg)
{
    (void)arg;
    return 0;
}

static inline void lines_init(struct lines *lines)
{
    buf_init(&lines->text, 1 << 20);
    struct log_options options = {.level = LOG_DEBUG,
                                  .format = LOG_JSON,
                                  .sink = lines_sink,
                                  .sink_arg = lines,
                                  .wall_ns = lines_wall};
    lines->log = log_new(&options);
}

static inline void lines_deinit(struct lines *lines)
{
    log_free(lines->log);
    buf_deinit(&lines->text);
}

static inline size_t text_count(const char *text, const char *part)
{
    size_t count = 0;
    for (const char *p = text; (p = strstr(p, part)); p += strlen(part))
        count++;
    return count;
}

static inline size_t lines_count(const struct lines *lines, const char *part)
{
    return text_count(buf_str(&lines->text), part);
}

#define assert_contains(text, part)                                                                \
    do {                                                                                           \
        if (!strstr((text), (part)))                                                               \
            fail_msg("expected `%s` in `%s`", (part), (text));                                     \
    } while (0)
#define assert_lacks(text, part)                                                                   \
    do {                                                                                           \
        if (strstr((text), (part)))                                                                \
            fail_msg("did not expect `%s` in `%s`", (part), (text));                               \
    } while (0)

/* --- a folder --------------------------------------------------------------------------------- */

static inline void file_write(const char *dir, const char *name, const char *text)
{
    char path[512];
    snprintf(path, sizeof path, "%s/%s", dir, name);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_int_equal(fwrite(text, 1, strlen(text), file), strlen(text));
    assert_int_equal(fclose(file), 0);
}

static inline void dir_remove(const char *path)
{
    DIR *dir = opendir(path);
    assert_non_null(dir);
    struct dirent *entry;
    while ((entry = readdir(dir))) {
        struct stat info;
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        char *child = mem_printf("%s/%s", path, entry->d_name);
        assert_int_equal(lstat(child, &info), 0);
        if (S_ISDIR(info.st_mode))
            dir_remove(child);
        else
            assert_int_equal(unlink(child), 0);
        free(child);
    }
    closedir(dir);
    assert_int_equal(rmdir(path), 0);
}

/* --- time ------------------------------------------------------------------------------------- */

static inline bool never(void *arg)
{
    (void)arg;
    return false;
}

static inline void pass_ms(struct loop *loop, int64_t ms)
{
    assert_false(loop_run_until(loop, never, NULL, ms));
}

/* --- a scripted API server -------------------------------------------------------------------- */

enum { SEEN_MAX = 64, ANSWERS_MAX = 64 };

struct answer {
    int status;               /* 0: cut the connection; -1: never answer */
    const char *body;         /* NULL: "{}" */
    const char *type;         /* NULL: application/json */
    const char *name, *value; /* one more header */
    const char *name2, *value2;
    bool is_stream; /* body in pieces, split at '|' */
    bool is_cut;    /* a stream that ends in the middle */
};

struct seen {
    char method[16], path[256], query[256], authorization[256], body[256];
    char user_agent[64], accept[64], content_type[64], impersonate[64];
    int64_t at_ms;
};

/* Answers request n with answers[n]; the last one for ever. */
struct peer {
    struct loop *loop;
    struct answer answers[ANSWERS_MAX];
    size_t answer_count;
    struct seen seen[SEEN_MAX];
    size_t seen_count;
    struct exchange *open; /* not answered */
    size_t closed;
};

static inline void peer_on_close(void *arg)
{
    struct peer *peer = arg;
    peer->open = NULL;
    peer->closed++;
}

static inline void seen_copy(char *out, size_t size, const char *text)
{
    snprintf(out, size, "%s", text ? text : "");
}

static inline void peer_stream(struct exchange *exchange, const struct answer *answer,
                               const struct http_header *headers, size_t count)
{
    exchange_stream(exchange, answer->status, headers, count);
    for (const char *p = answer->body ? answer->body : ""; *p;) {
        size_t len = strcspn(p, "|");
        assert_int_equal(exchange_write(exchange, p, len), 0);
        p += len + (p[len] == '|');
    }
    if (answer->is_cut)
        exchange_abort(exchange);
    else
        exchange_end(exchange);
}

static inline void peer_handle(void *arg, struct exchange *exchange)
{
    struct peer *peer = arg;
    assert_true(peer->seen_count < SEEN_MAX);
    assert_true(peer->answer_count > 0);
    size_t n = peer->seen_count < peer->answer_count ? peer->seen_count : peer->answer_count - 1;
    const struct answer *answer = &peer->answers[n];
    struct seen *seen = &peer->seen[peer->seen_count++];
    size_t len;
    seen->at_ms = loop_now_ms(peer->loop);
    seen_copy(seen->method, sizeof seen->method, exchange_method(exchange));
    seen_copy(seen->path, sizeof seen->path, exchange_path(exchange));
    seen_copy(seen->query, sizeof seen->query, exchange_query_raw(exchange));
    seen_copy(seen->body, sizeof seen->body, exchange_body(exchange, &len));
    seen_copy(seen->accept, sizeof seen->accept, exchange_header(exchange, "Accept"));
    seen_copy(seen->user_agent, sizeof seen->user_agent, exchange_header(exchange, "User-Agent"));
    seen_copy(seen->content_type, sizeof seen->content_type,
              exchange_header(exchange, "Content-Type"));
    seen_copy(seen->authorization, sizeof seen->authorization,
              exchange_header(exchange, "Authorization"));
    seen_copy(seen->impersonate, sizeof seen->impersonate,
              exchange_header(exchange, "Impersonate-User"));
    struct http_header headers[3] = {
        {"Content-Type", answer->type ? answer->type : "application/json"},
        {answer->name, answer->value},
        {answer->name2, answer->value2},
    };
    size_t header_count = answer->name2 ? 3 : answer->name ? 2 : 1;
    if (answer->status == 0) {
        exchange_abort(exchange);
    } else if (answer->status < 0) {
        peer->open = exchange;
        exchange_on_close(exchange, peer_on_close, peer);
    } else if (answer->is_stream) {
        peer_stream(exchange, answer, headers, header_count);
    } else {
        const char *body = answer->body ? answer->body : "{}";
        exchange_reply(exchange, answer->status, headers, header_count, body, strlen(body));
    }
}

static inline void peer_answer(struct peer *peer, struct answer answer)
{
    assert_true(peer->answer_count < ANSWERS_MAX);
    peer->answers[peer->answer_count++] = answer;
}

#endif
