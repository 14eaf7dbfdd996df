/* Every way to get a kubeconfig wrong: one line that names file, field and remedy, and no secret. */
#include "unit/kube_config_support.h"

#include <sys/stat.h>
#include <unistd.h>

static const char two_contexts[] =
    "contexts:\n- {name: shared, context: {cluster: c}}\n- {name: other, context: {cluster: c}}\n"
    "clusters:\n- {name: c, cluster: {server: 'https://b'}}\n";

/* --- what is refused -------------------------------------------------------------------------- */

static void refuses_a_missing_file(void **state)
{
    struct fixture *f = *state;
    assert_null(load(f, "/nonexistent/config", NULL));
    assert_int_equal(f->err.code, ERR_NOT_FOUND);
    assert_contains(f->err.text, "`/nonexistent/config`");
    assert_contains(f->err.text, "correct --kubeconfig");
}

static void refuses_a_pipe_without_waiting_for_its_writer(void **state)
{
    struct fixture *f = *state;
    char path[128];
    snprintf(path, sizeof path, "%s/pipe", f->dir);
    assert_int_equal(mkfifo(path, 0600), 0);
    assert_null(load(f, path, NULL));
    assert_contains(f->err.text, "/pipe` is a pipe: a file is needed");
    unlink(path);
}

static void refuses_an_unknown_context_and_lists_those_that_exist(void **state)
{
    struct fixture *f = *state;
    char path[128];
    file_write(f->dir, "config", two_contexts);
    snprintf(path, sizeof path, "%s/config", f->dir);
    assert_null(load(f, path, "prod"));
    assert_contains(f->err.text, "--context: there is no context `prod`");
    assert_contains(f->err.text, "`shared`, `other`");
}

static void refuses_a_context_whose_cluster_or_user_is_missing(void **state)
{
    struct fixture *f = *state;
    REFUSE(f, "current-context: a\ncontexts:\n- {name: a, context: {cluster: x}}\n",
           "/config:3: context `a`: cluster: there is no cluster `x`; there are: none");
    REFUSE(f,
           "current-context: a\ncontexts:\n- {name: a, context: {cluster: c, user: x}}\n"
           "clusters:\n- {name: c, cluster: {server: 'https://a'}}\n",
           "user: there is no user `x`");
    REFUSE(f, "current-context: a\ncontexts:\n- {name: a, context: {}}\n", "cluster: is missing");
}

static void refuses_bad_base64(void **state)
{
    struct fixture *f = *state;
    REFUSE(f, one(SERVER "    certificate-authority-data: '###s3cret'\n", "    token: a\n"),
           "/config:11: cluster `c`: certificate-authority-data: is not valid base64",
           "in certificate-authority");
    REFUSE(f, one(SERVER, "    client-certificate-data: aGVsbG8=\n    client-key-data: aGVsbG8=\n"),
           "user `u`: client-certificate-data: decoded, it holds no PEM certificate");
}

static void refuses_a_certificate_without_key(void **state)
{
    struct fixture *f = *state;
    file_write(f->dir, "me.crt", pem_cert_one);
    file_write(f->dir, "me.key", pem_key_one);
    REFUSE(f, one(SERVER, "    client-certificate: me.crt\n"),
           "user `u`: client-key: is missing; a client-certificate needs");
    REFUSE(f, one(SERVER, "    client-key: me.key\n"), "client-certificate: is missing");
}

static void refuses_a_certificate_file_that_is_missing(void **state)
{
    struct fixture *f = *state;
    REFUSE(f, one(SERVER, "    client-certificate: me.crt\n    client-key: me.key\n"),
           "client-certificate: `", "/me.crt`", "No such file");
    REFUSE(f, one(SERVER "    certificate-authority: ca.crt\n", "    token: a\n"),
           "certificate-authority: `", "/ca.crt`");
    REFUSE(f, one(SERVER, "    tokenFile: tok\n"), "user `u`: tokenFile: `", "/tok`");
}

static void refuses_token_together_with_password(void **state)
{
    struct fixture *f = *state;
    REFUSE(f, one(SERVER, "    token: s3cret\n    username: joe\n    password: s3cret\n"),
           "user `u`: token: more than one authentication method", "remove one");
    file_write(f->dir, "token", "s3cret");
    REFUSE(f, one(SERVER, "    tokenFile: token\n    username: joe\n"), "tokenFile: more than one");
}

static void refuses_two_forms_of_the_same(void **state)
{
    struct fixture *f = *state;
    file_write(f->dir, "me.crt", pem_cert_one);
    REFUSE(f, one(SERVER, "    client-certificate: me.crt\n    client-certificate-data: aGk=\n"),
           "client-certificate: given together with client-certificate-data");
    REFUSE(f,
           one(SERVER "    certificate-authority: me.crt\n    insecure-skip-tls-verify: true\n",
               "    token: a\n"),
           "insecure-skip-tls-verify: given together with a certificate-authority");
}

static void refuses_wrong_types_and_shapes(void **state)
{
    struct fixture *f = *state;
    REFUSE(f, one(SERVER, "    token: 12345\n"),
           "token: must be a string (put the value in quotes)");
    REFUSE(f, one(SERVER "    insecure-skip-tls-verify: 'yes'\n", "    token: a\n"),
           "insecure-skip-tls-verify: must be true or false");
    REFUSE(f, "- a\n- b\n", "not a kubeconfig");
    REFUSE(f, "kind: Pod\napiVersion: v1\n", "not a kubeconfig: it is `Pod`");
    REFUSE(f, "kind: Config\n---\nkind: Config\n", "2 YAML documents");
    REFUSE(f, "users: {}\n", "users: must be a list");
    REFUSE(f, "users:\n- {name: a}\n- {name: a}\n", "two entries are named `a`");
    REFUSE(f, "contexts:\n- {name: 1}\n", "contexts[0]: name: must be a string");
    REFUSE(f, one(SERVER, "    token: \"a\\nInjected: s3cret\"\n"), "token: holds a line break");
    REFUSE(f, one(SERVER, "    as-groups: [a]\n"), "as: is missing");
    REFUSE(f, one(SERVER, "    as: x\n    as-groups: a\n"), "as-groups: must be a list");
    REFUSE(f, one(SERVER, "    auth-provider: {name: gcp}\n"), "auth-provider:", "exec plugin");
}

static void refuses_bad_addresses(void **state)
{
    struct fixture *f = *state;
    REFUSE(f, one("    tls-server-name: x\n", "    {}\n"), "server: is missing");
    REFUSE(f, one("    server: ftp://a\n", "    {}\n"), "server: scheme `ftp` is not supported");
    REFUSE(f, one("    server: https://a:99999\n", "    {}\n"), "server: the port is not a number");
    REFUSE(f, one("    server: 'https://a b'\n", "    {}\n"), "server: is not a URL");
    REFUSE(f, one("    server: https://me:s3cret@a\n", "    {}\n"), "server: holds a user name");
    REFUSE(f, one("    server: https://a?x=1\n", "    {}\n"), "server: holds a query");
    REFUSE(f, one(SERVER "    proxy-url: ftp://u:s3cret@p\n", "    {}\n"),
           "proxy-url: scheme `ftp` is not supported");
    f->env[1] = "HTTPS_PROXY=ftp://u:s3cret@p";
    file_write(f->dir, "config", one(SERVER, "    {}\n"));
    char path[128];
    snprintf(path, sizeof path, "%s/config", f->dir);
    assert_null(load(f, path, NULL));
    assert_contains(f->err.text, "environment variable HTTPS_PROXY");
    assert_lacks(f->err.text, "s3cret");
}

static void refuses_a_bad_plugin(void **state)
{
    struct fixture *f = *state;
#define EXEC "    exec:\n      apiVersion: client.authentication.k8s.io/v1\n"
    REFUSE(f, one(SERVER, EXEC "      interactiveMode: Never\n"), "exec.command: is missing");
    REFUSE(f, one(SERVER, EXEC "      command: x\n"), "exec.interactiveMode: is missing");
    REFUSE(f, one(SERVER, EXEC "      command: x\n      interactiveMode: Maybe\n"),
           "exec.interactiveMode: `Maybe` is unknown");
    REFUSE(f,
           one(SERVER, "    exec: {apiVersion: client.authentication.k8s.io/v1alpha1, "
                       "command: x}\n"),
           "exec.apiVersion:", "v1alpha1");
    REFUSE(f,
           one(SERVER, EXEC "      command: x\n      interactiveMode: Never\n"
                            "      env: [{name: A=B, value: s3cret}]\n"),
           "exec.env: each entry needs");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(refuses_a_missing_file),
        T(refuses_a_pipe_without_waiting_for_its_writer),
        T(refuses_an_unknown_context_and_lists_those_that_exist),
        T(refuses_a_context_whose_cluster_or_user_is_missing),
        T(refuses_bad_base64),
        T(refuses_a_certificate_without_key),
        T(refuses_a_certificate_file_that_is_missing),
        T(refuses_token_together_with_password),
        T(refuses_two_forms_of_the_same),
        T(refuses_wrong_types_and_shapes),
        T(refuses_bad_addresses),
        T(refuses_a_bad_plugin),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
