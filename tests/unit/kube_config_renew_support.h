/* What the tests of renewed credentials share: a kubeconfig whose secrets change while it is used. */
#ifndef NEMETON_TESTS_KUBE_CONFIG_RENEW_SUPPORT_H
#define NEMETON_TESTS_KUBE_CONFIG_RENEW_SUPPORT_H

#include "unit/kube_front_support.h"
#include "unit/kube_pem.h"

#include "kube/config_internal.h"

struct fixture {
    char dir[64], path[128], home[128];
    struct lines lines;
    struct world world;
    struct kube_config *config;
    struct err err;
};

static inline struct fixture *fixture_new(struct clock *clock)
{
    struct fixture *f = mem_alloc(sizeof *f);
    snprintf(f->dir, sizeof f->dir, "/tmp/nemeton-renew-XXXXXX");
    assert_non_null(mkdtemp(f->dir));
    snprintf(f->path, sizeof f->path, "%s/config", f->dir);
    snprintf(f->home, sizeof f->home, "HOME=%s", f->dir);
    lines_init(&f->lines);
    f->world = world_new(clock);
    return f;
}

static inline int setup_virtual(void **state)
{
    *state = fixture_new(clock_virtual_new(0));
    return 0;
}

static inline int setup_real(void **state)
{
    *state = fixture_new(clock_real_new());
    return 0;
}

static inline int teardown(void **state)
{
    struct fixture *f = *state;
    kube_config_free(f->config);
    world_end(&f->world);
    lines_deinit(&f->lines);
    dir_remove(f->dir);
    free(f);
    return 0;
}

static inline void load(struct fixture *f, const char *cluster, const char *user)
{
    char text[8192];
    const char *env[] = {f->home, "PATH=/usr/bin:/bin", "OURS=1", "THEIRS=ours", NULL};
    struct kube_config_options options = {.kubeconfig = f->path, .env = env, .log = f->lines.log};
    snprintf(text, sizeof text,
             "current-context: here\ncontexts:\n- {name: here, context: {cluster: c, user: u}}\n"
             "clusters:\n- name: c\n  cluster:\n    server: https://10.0.0.1\n%s"
             "users:\n- name: u\n  user:\n%s",
             cluster, user);
    file_write(f->dir, "config", text);
    f->config = kube_config_load(f->world.loop, &options, &f->err);
    if (!f->config)
        fail_msg("refused: %s", f->err.text);
}

struct got {
    char authorization[512];
    const struct http_tls *tls;
    uint64_t generation;
    struct err err;
    int calls;
};

static inline void on_credentials(void *arg, const struct kube_credentials *credentials,
                                  const struct err *err)
{
    struct got *got = arg;
    got->calls++;
    got->authorization[0] = '\0';
    if (err) {
        assert_null(credentials);
        got->err = *err;
        return;
    }
    err_clear(&got->err);
    got->tls = credentials->tls;
    got->generation = credentials->generation;
    for (size_t i = 0; i < credentials->header_count; i++)
        if (strcmp(credentials->headers[i].name, "Authorization") == 0)
            snprintf(got->authorization, sizeof got->authorization, "%s",
                     credentials->headers[i].value);
}

static inline bool has_answer(void *arg)
{
    return ((struct got *)arg)->calls > 0;
}

static inline struct got ask(struct fixture *f)
{
    struct got got = {0};
    kube_config_credentials(f->config, on_credentials, &got);
    assert_true(loop_run_until(f->world.loop, has_answer, &got, 20000));
    assert_int_equal(got.calls, 1);
    return got;
}

#define assert_token(f, token)                                                                     \
    do {                                                                                           \
        struct got answer = ask(f);                                                                \
        assert_int_equal(answer.err.code, ERR_NONE);                                               \
        assert_string_equal(answer.authorization, "Bearer " token);                                \
    } while (0)

#define V(name) cmocka_unit_test_setup_teardown(name, setup_virtual, teardown)
#define R(name) cmocka_unit_test_setup_teardown(name, setup_real, teardown)

#endif
