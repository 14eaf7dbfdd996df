#include "control/health.h"

#include <stdlib.h>
#include <string.h>

enum { ANSWER_BYTES_MAX = 64 << 10 };

struct check {
    char *name;
    bool live;
    health_check fn;
    void *arg;
};

struct health {
    struct loop *loop;
    struct metrics *metrics;
    struct loop_timer *beat;
    int64_t last_beat_ms, worst_late_ms;
    struct check checks[HEALTH_CHECKS_MAX];
    size_t check_count;
};

static void on_beat(void *arg)
{
    struct health *health = arg;
    int64_t now = clock_mono_ms(loop_clock(health->loop));
    health->worst_late_ms = now - health->last_beat_ms - HEALTH_BEAT_MS;
    health->last_beat_ms = now;
    health->beat = loop_timer_add(health->loop, HEALTH_BEAT_MS, on_beat, health);
}

static char *check_loop(void *arg)
{
    struct health *health = arg;
    int64_t silent = clock_mono_ms(loop_clock(health->loop)) - health->last_beat_ms;
    if (silent <= HEALTH_BEAT_MS + HEALTH_STALL_MS && health->worst_late_ms <= HEALTH_STALL_MS)
        return NULL;
    int64_t late = silent - HEALTH_BEAT_MS;
    if (health->worst_late_ms > late)
        late = health->worst_late_ms;
    return mem_printf("the event loop was stalled for %lld ms", (long long)late);
}

static void reply_text(struct exchange *exchange, int status, const char *type, const char *text,
                       size_t len)
{
    struct http_header headers[] = {{"Content-Type", type}, {"Cache-Control", "no-store"}};
    exchange_reply(exchange, status, headers, 2, text, len);
}

static void reply_metrics(struct health *health, struct exchange *exchange)
{
    struct buf out;
    buf_init(&out, METRICS_TEXT_BYTES_MAX);
    struct loop_stats stats = loop_stats(health->loop);
    metrics_set(health->metrics, "nemeton_loop_turn_longest_seconds", NULL,
                (double)stats.longest_turn_ns / 1e9);
    if (health->metrics != NULL && metrics_print(health->metrics, &out) != 0)
        reply_text(exchange, 500, "text/plain", "too many metrics\n", 17);
    else
        reply_text(exchange, 200, "text/plain; version=0.0.4; charset=utf-8", buf_str(&out),
                   out.len);
    buf_deinit(&out);
}

static bool is_excluded(const char *query, const char *name)
{
    const char *at = query;
    size_t len = strlen(name);
    while ((at = strstr(at, "exclude=")) != NULL) {
        at += strlen("exclude=");
        if (strncmp(at, name, len) == 0 && (at[len] == '\0' || at[len] == '&'))
            return true;
    }
    return false;
}

static bool has_verbose(const char *query)
{
    const char *at = strstr(query, "verbose");
    return at != NULL && (at == query || at[-1] == '&') &&
           (at[7] == '\0' || at[7] == '&' || at[7] == '=');
}

/* only: the name of one check, or NULL. */
static void reply_checks(struct health *health, struct exchange *exchange, bool live,
                         const char *only)
{
    const char *query = exchange_query_raw(exchange);
    struct buf out;
    buf_init(&out, ANSWER_BYTES_MAX);
    size_t asked = 0, bad = 0;
    for (size_t i = 0; i < health->check_count; i++) {
        const struct check *check = &health->checks[i];
        if ((live && !check->live) || (only != NULL && strcmp(only, check->name) != 0))
            continue;
        asked++;
        if (is_excluded(query, check->name)) {
            buf_printf(&out, "[+]%s excluded: ok\n", check->name);
            continue;
        }
        char *problem = check->fn(check->arg);
        if (problem == NULL) {
            buf_printf(&out, "[+]%s ok\n", check->name);
        } else {
            bad++;
            buf_printf(&out, "[-]%s failed: %s\n", check->name, problem);
        }
        free(problem);
    }
    const char *what = live ? "healthz" : "readyz";
    if (only != NULL && asked == 0) {
        reply_text(exchange, 404, "text/plain", "no such check\n", 14);
    } else if (bad > 0) {
        buf_printf(&out, "%s check failed\n", what);
        reply_text(exchange, 503, "text/plain; charset=utf-8", buf_str(&out), out.len);
    } else if (has_verbose(query)) {
        buf_printf(&out, "%s check passed\n", what);
        reply_text(exchange, 200, "text/plain; charset=utf-8", buf_str(&out), out.len);
    } else {
        reply_text(exchange, 200, "text/plain", "ok", 2);
    }
    buf_deinit(&out);
}

/* True when path is base or base/NAME; then *only is NAME or NULL. */
static bool match(const char *path, const char *base, const char **only)
{
    size_t len = strlen(base);
    if (strncmp(path, base, len) != 0)
        return false;
    *only = NULL;
    if (path[len] == '/' && path[len + 1] != '\0')
        *only = path + len + 1;
    return path[len] == '\0' || path[len] == '/';
}

struct health *health_new(struct loop *loop, struct metrics *metrics)
{
    struct health *health = mem_alloc(sizeof(*health));
    health->loop = loop;
    health->metrics = metrics;
    health->last_beat_ms = clock_mono_ms(loop_clock(loop));
    health->beat = loop_timer_add(loop, HEALTH_BEAT_MS, on_beat, health);
    health_add(health, "loop", true, check_loop, health);
    return health;
}

void health_free(struct health *health)
{
    if (health == NULL)
        return;
    loop_timer_cancel(health->loop, health->beat);
    for (size_t i = 0; i < health->check_count; i++)
        free(health->checks[i].name);
    free(health);
}

void health_add(struct health *health, const char *name, bool live, health_check check, void *arg)
{
    if (health->check_count >= HEALTH_CHECKS_MAX)
        return;
    health->checks[health->check_count++] = (struct check){mem_str(name), live, check, arg};
}

void health_remove(struct health *health, void *arg)
{
    size_t kept = 0;
    for (size_t i = 0; i < health->check_count; i++) {
        if (health->checks[i].arg != arg)
            health->checks[kept++] = health->checks[i];
        else
            free(health->checks[i].name);
    }
    health->check_count = kept;
}

void health_handle(void *arg, struct exchange *exchange)
{
    struct health *health = arg;
    const char *method = exchange_method(exchange);
    const char *path = exchange_path(exchange);
    const char *only = NULL;
    if (strcmp(method, "GET") != 0 && strcmp(method, "HEAD") != 0)
        reply_text(exchange, 405, "text/plain", "only GET\n", 9);
    else if (strcmp(path, "/metrics") == 0)
        reply_metrics(health, exchange);
    else if (match(path, "/healthz", &only) || match(path, "/livez", &only))
        reply_checks(health, exchange, true, only);
    else if (match(path, "/readyz", &only))
        reply_checks(health, exchange, false, only);
    else
        reply_text(exchange, 404, "text/plain", "/metrics, /healthz and /readyz live here\n", 41);
}
