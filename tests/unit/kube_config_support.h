/* What the tests of kube/config share: a folder with a kubeconfig in it, and loading that. */
#ifndef NEMETON_TESTS_KUBE_CONFIG_SUPPORT_H
#define NEMETON_TESTS_KUBE_CONFIG_SUPPORT_H

#include "unit/kube_front_support.h"
#include "unit/kube_pem.h"

#include "kube/config_internal.h"

struct fixture {
    char dir[64];
    char home[128];
    struct lines lines;
    struct world world;
    const char *env[8];
    struct err err;
};

static inline int setup(void **state)
{
    struct fixture *f = mem_alloc(sizeof *f);
    snprintf(f->dir, sizeof f->dir, "/tmp/nemeton-config-XXXXXX");
    assert_non_null(mkdtemp(f->dir));
    snprintf(f->home, sizeof f->home, "HOME=%s", f->dir);
    f->env[0] = f->home;
    lines_init(&f->lines);
    f->world = world_new(clock_virtual_new(0));
    *state = f;
    return 0;
}

static inline int teardown(void **state)
{
    struct fixture *f = *state;
    world_end(&f->world);
    lines_deinit(&f->lines);
    dir_remove(f->dir);
    free(f);
    return 0;
}

static inline struct kube_config *load(struct fixture *f, const char *kubeconfig,
                                       const char *context)
{
    struct kube_config_options options = {
        .kubeconfig = kubeconfig,
        .context = context,
        .env = f->env,
        .service_account_dir = f->dir,
        .log = f->lines.log,
    };
    err_clear(&f->err);
    return kube_config_load(f->world.loop, &options, &f->err);
}

/* Loads a file "config" with this text; fails the test when it is refused. */
static inline struct kube_config *accept(struct fixture *f, const char *text)
{
    char path[128];
    file_write(f->dir, "config", text);
    snprintf(path, sizeof path, "%s/config", f->dir);
    struct kube_config *config = load(f, path, NULL);
    if (!config)
        fail_msg("refused: %s", f->err.text);
    return config;
}

static inline void refuse(struct fixture *f, const char *text, const char *const *parts)
{
    char path[128];
    file_write(f->dir, "config", text);
    snprintf(path, sizeof path, "%s/config", f->dir);
    assert_null(load(f, path, NULL));
    assert_contains(f->err.text, path);
    assert_lacks(f->err.text, "\n");
    assert_lacks(f->err.text, "s3cret");
    for (size_t i = 0; parts[i]; i++)
        assert_contains(f->err.text, parts[i]);
}
#define REFUSE(f, text, ...) refuse((f), (text), (const char *const[]){__VA_ARGS__, NULL})

/* A kubeconfig of one context, with these lines for the cluster and the user. */
static inline const char *one(const char *cluster, const char *user)
{
    static char text[16384];
    snprintf(text, sizeof text,
             "apiVersion: v1\nkind: Config\ncurrent-context: here\n"
             "contexts:\n- name: here\n  context: {cluster: c, user: u}\n"
             "clusters:\n- name: c\n  cluster:\n%s"
             "users:\n- name: u\n  user:\n%s",
             cluster, user);
    return text;
}
#define SERVER "    server: https://10.0.0.1:6443\n"

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

#endif
