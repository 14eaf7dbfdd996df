/* Where the API server is and who we are: files, merging, environment, proxies. What is refused is
 * in kube_config_refuse_test.c, what is renewed while we run in kube_config_renew_test.c. */
#include "unit/kube_config_support.h"

#include "base/digest.h"

static const char *base64(const char *text)
{
    static char out[4096];
    struct buf encoded;
    buf_init(&encoded, sizeof out - 1);
    assert_int_equal(base64_encode(text, strlen(text), &encoded), 0);
    snprintf(out, sizeof out, "%s", buf_str(&encoded));
    buf_deinit(&encoded);
    return out;
}

struct got {
    struct kube_credentials credentials;
    struct err err;
    int calls;
};

static void on_credentials(void *arg, const struct kube_credentials *credentials,
                           const struct err *err)
{
    struct got *got = arg;
    got->calls++;
    if (credentials)
        got->credentials = *credentials;
    if (err)
        got->err = *err;
}

static struct got credentials_of(struct kube_config *config)
{
    struct got got = {0};
    kube_config_credentials(config, on_credentials, &got);
    assert_int_equal(got.calls, 1);
    assert_int_equal(got.err.code, ERR_NONE);
    return got;
}

static const char *header_of(const struct got *got, const char *name)
{
    for (size_t i = 0; i < got->credentials.header_count; i++)
        if (strcmp(got->credentials.headers[i].name, name) == 0)
            return got->credentials.headers[i].value;
    return NULL;
}

/* --- what is accepted ------------------------------------------------------------------------- */

static void loads_current_context_with_token(void **state)
{
    struct fixture *f = *state;
    struct kube_config *config = accept(f, one(SERVER, "    token: abc\n"));
    struct got got = credentials_of(config);
    assert_string_equal(kube_config_server(config), "https://10.0.0.1:6443");
    assert_string_equal(kube_config_namespace(config), "default");
    assert_contains(kube_config_source(config), "/config (context here)");
    assert_string_equal(header_of(&got, "Authorization"), "Bearer abc");
    assert_non_null(got.credentials.tls);
    assert_null(got.credentials.proxy);
    assert_true(got.credentials.compressed);
    kube_config_free(config);
}

static void loads_json_as_well(void **state)
{
    struct fixture *f = *state;
    struct kube_config *config = accept(
        f, "{\"kind\":\"Config\",\"apiVersion\":\"v1\",\"current-context\":\"a\",\"contexts\":"
           "[{\"name\":\"a\",\"context\":{\"cluster\":\"c\",\"namespace\":\"druid\"}}],"
           "\"clusters\":[{\"name\":\"c\",\"cluster\":{\"server\":\"https://h/k8s/c-1/\"}}]}");
    struct got got = credentials_of(config);
    assert_string_equal(kube_config_server(config), "https://h/k8s/c-1");
    assert_string_equal(kube_config_namespace(config), "druid");
    assert_int_equal(got.credentials.header_count, 0);
    kube_config_free(config);
}

static void loads_inline_certificates(void **state)
{
    struct fixture *f = *state;
    char cluster[4096], user[8192];
    snprintf(cluster, sizeof cluster, SERVER "    certificate-authority-data: %s\n",
             base64(pem_cert_two));
    int len =
        snprintf(user, sizeof user, "    client-certificate-data: %s\n", base64(pem_cert_one));
    snprintf(user + len, sizeof user - (size_t)len, "    client-key-data: %s\n",
             base64(pem_key_one));
    struct kube_config *config = accept(f, one(cluster, user));
    assert_string_equal(config->spec.ca.text, pem_cert_two);
    assert_string_equal(config->spec.cert.text, pem_cert_one);
    assert_string_equal(config->spec.key.text, pem_key_one);
    kube_config_free(config);
}

static void resolves_relative_paths_against_the_folder_of_the_file(void **state)
{
    struct fixture *f = *state;
    file_write(f->dir, "ca.crt", pem_cert_one);
    file_write(f->dir, "me.crt", pem_cert_two);
    file_write(f->dir, "me.key", pem_key_two);
    file_write(f->dir, "token", "from-file\n");
    struct kube_config *config =
        accept(f, one(SERVER "    certificate-authority: ca.crt\n",
                      "    client-certificate: me.crt\n    client-key: me.key\n"
                      "    tokenFile: token\n"));
    struct got got = credentials_of(config);
    assert_string_equal(config->spec.ca.text, pem_cert_one);
    assert_string_equal(config->spec.key.text, pem_key_two);
    assert_string_equal(header_of(&got, "Authorization"), "Bearer from-file");
    kube_config_free(config);
}

static void sends_basic_authentication(void **state)
{
    struct fixture *f = *state;
    struct kube_config *config =
        accept(f, one(SERVER, "    username: aladdin\n    password: opensesame\n"));
    struct got got = credentials_of(config);
    assert_string_equal(header_of(&got, "Authorization"), "Basic YWxhZGRpbjpvcGVuc2VzYW1l");
    kube_config_free(config);
}

static void impersonates_user_groups_and_extra(void **state)
{
    struct fixture *f = *state;
    struct kube_config *config =
        accept(f, one(SERVER, "    token: abc\n    as: jane\n    as-uid: u-1\n"
                              "    as-groups: [dev, ops]\n"
                              "    as-user-extra: {example.com/scope: [a, b]}\n"));
    struct got got = credentials_of(config);
    static const char *const expected[][2] = {
        {"Authorization", "Bearer abc"},
        {"Impersonate-User", "jane"},
        {"Impersonate-Uid", "u-1"},
        {"Impersonate-Group", "dev"},
        {"Impersonate-Group", "ops"},
        {"Impersonate-Extra-example.com%2Fscope", "a"},
        {"Impersonate-Extra-example.com%2Fscope", "b"},
    };
    assert_int_equal(got.credentials.header_count, 7);
    for (size_t i = 0; i < 7; i++) {
        assert_string_equal(got.credentials.headers[i].name, expected[i][0]);
        assert_string_equal(got.credentials.headers[i].value, expected[i][1]);
    }
    kube_config_free(config);
}

static void reads_the_options_of_a_cluster(void **state)
{
    struct fixture *f = *state;
    struct kube_config *config =
        accept(f, one(SERVER "    insecure-skip-tls-verify: true\n    tls-server-name: kube\n"
                             "    proxy-url: socks5://proxy:1080\n    disable-compression: true\n",
                      "    token: abc\n"));
    struct got got = credentials_of(config);
    assert_true(config->spec.insecure);
    assert_string_equal(config->spec.server_name, "kube");
    assert_string_equal(got.credentials.proxy, "socks5h://proxy:1080");
    assert_false(got.credentials.compressed);
    kube_config_free(config);
}

static void attaches_no_credentials_without_tls(void **state)
{
    struct fixture *f = *state;
    struct kube_config *config =
        accept(f, one("    server: http://localhost:8001\n", "    token: s3cret\n    as: jane\n"));
    struct got got = credentials_of(config);
    assert_int_equal(got.credentials.header_count, 0);
    assert_null(got.credentials.tls);
    assert_int_equal(lines_count(&f->lines, "credentials are not sent"), 1);
    assert_int_equal(lines_count(&f->lines, "s3cret"), 0);
    assert_false(kube_config_unauthorized(config, 0));
    kube_config_free(config);
}

static void attaches_the_token_of_a_fixed_address_without_tls(void **state)
{
    struct fixture *f = *state;
    struct kube_config *config = kube_config_fixed(f->world.loop, "http://sandbox/", "abc");
    struct got got = credentials_of(config);
    assert_string_equal(kube_config_server(config), "http://sandbox");
    assert_string_equal(header_of(&got, "Authorization"), "Bearer abc");
    kube_config_free(config);
}

/* --- which file ------------------------------------------------------------------------------- */

static const char file_a[] =
    "contexts:\n- {name: shared, context: {cluster: c, namespace: from-a}}\n"
    "clusters:\n- {name: c, cluster: {server: 'https://a'}}\n";
static const char file_b[] =
    "current-context: shared\n"
    "contexts:\n- {name: shared, context: {cluster: c, user: u, namespace: from-b}}\n"
    "- {name: other, context: {cluster: d, user: u}}\n"
    "clusters:\n- {name: c, cluster: {server: 'https://b', tls-server-name: b}}\n"
    "- {name: d, cluster: {server: 'https://d'}}\n"
    "users:\n- {name: u, user: {tokenFile: token}}\n";

static void write_pair(struct fixture *f, char *variable, size_t size)
{
    char sub[128];
    snprintf(sub, sizeof sub, "%s/sub", f->dir);
    assert_int_equal(mkdir(sub, 0700), 0);
    file_write(f->dir, "a", file_a);
    file_write(sub, "b", file_b);
    file_write(sub, "token", "of-b");
    snprintf(variable, size, "KUBECONFIG=%s/none:%s/a::%s/sub/b:%s/a", f->dir, f->dir, f->dir,
             f->dir);
    f->env[1] = variable;
}

static void merges_files_so_that_the_first_stanza_wins_whole(void **state)
{
    struct fixture *f = *state;
    char variable[512];
    write_pair(f, variable, sizeof variable);
    struct kube_config *config = load(f, NULL, NULL);
    assert_non_null(config);
    assert_string_equal(kube_config_server(config), "https://a");
    assert_string_equal(kube_config_namespace(config), "from-a");
    assert_null(config->spec.server_name); /* nothing of the other stanza of this name */
    kube_config_free(config);
}

static void merges_files_and_resolves_paths_against_the_file_of_the_stanza(void **state)
{
    struct fixture *f = *state;
    char variable[512];
    write_pair(f, variable, sizeof variable);
    struct kube_config *config = load(f, NULL, "other");
    assert_non_null(config);
    struct got got = credentials_of(config);
    assert_string_equal(kube_config_server(config), "https://d");
    assert_string_equal(header_of(&got, "Authorization"), "Bearer of-b");
    kube_config_free(config);
}

static void explicit_file_is_not_merged(void **state)
{
    struct fixture *f = *state;
    char variable[512], path[128];
    write_pair(f, variable, sizeof variable);
    snprintf(path, sizeof path, "%s/a", f->dir);
    assert_null(load(f, path, NULL));
    assert_contains(f->err.text, "current-context: is not set");
    assert_contains(f->err.text, "`shared`");
}

static void refuses_a_broken_file_among_several(void **state)
{
    struct fixture *f = *state;
    char variable[512];
    write_pair(f, variable, sizeof variable);
    file_write(f->dir, "a", "contexts: [\n");
    assert_null(load(f, NULL, NULL));
    assert_contains(f->err.text, "/a");
    assert_int_equal(f->err.code, ERR_PARSE);
}

static void refuses_when_no_file_of_several_exists(void **state)
{
    struct fixture *f = *state;
    f->env[1] = "KUBECONFIG=/nonexistent/a:/nonexistent/b";
    assert_null(load(f, NULL, NULL));
    assert_contains(f->err.text, "KUBECONFIG: none of its files exists");
    assert_contains(f->err.text, "/nonexistent/a:/nonexistent/b");
}

static void falls_back_to_the_home_folder(void **state)
{
    struct fixture *f = *state;
    char kube[128];
    snprintf(kube, sizeof kube, "%s/.kube", f->dir);
    assert_int_equal(mkdir(kube, 0700), 0);
    file_write(kube, "config", one(SERVER, "    token: home\n"));
    struct kube_config *config = load(f, NULL, NULL);
    assert_non_null(config);
    assert_contains(kube_config_source(config), "/.kube/config (context here)");
    kube_config_free(config);
}

static void says_what_was_tried_when_nothing_is_configured(void **state)
{
    struct fixture *f = *state;
    assert_null(load(f, NULL, NULL));
    assert_int_equal(f->err.code, ERR_NOT_FOUND);
    assert_contains(f->err.text, "--kubeconfig");
    assert_contains(f->err.text, "/.kube/config");
}

/* --- in a pod --------------------------------------------------------------------------------- */

static void in_pod(struct fixture *f)
{
    file_write(f->dir, "token", "pod-token");
    file_write(f->dir, "ca.crt", pem_cert_one);
    file_write(f->dir, "namespace", "druid-ns\n");
    f->env[1] = "KUBERNETES_SERVICE_HOST=10.96.0.1";
    f->env[2] = "KUBERNETES_SERVICE_PORT=443";
}

static void uses_the_service_account_in_a_pod(void **state)
{
    struct fixture *f = *state;
    in_pod(f);
    struct kube_config *config = load(f, NULL, NULL);
    assert_non_null(config);
    struct got got = credentials_of(config);
    assert_string_equal(kube_config_source(config), "in-cluster");
    assert_string_equal(kube_config_server(config), "https://10.96.0.1:443");
    assert_string_equal(kube_config_namespace(config), "druid-ns");
    assert_string_equal(header_of(&got, "Authorization"), "Bearer pod-token");
    assert_false(got.credentials.compressed);
    kube_config_free(config);
}

static void brackets_the_address_of_an_ipv6_pod(void **state)
{
    struct fixture *f = *state;
    in_pod(f);
    f->env[1] = "KUBERNETES_SERVICE_HOST=fd00::1";
    f->env[3] = "POD_NAMESPACE=from-env";
    struct kube_config *config = load(f, NULL, NULL);
    assert_non_null(config);
    assert_string_equal(kube_config_server(config), "https://[fd00::1]:443");
    assert_string_equal(kube_config_namespace(config), "from-env");
    kube_config_free(config);
}

static void survives_a_broken_authority_in_a_pod(void **state)
{
    struct fixture *f = *state;
    in_pod(f);
    file_write(f->dir, "ca.crt", "nonsense");
    struct kube_config *config = load(f, NULL, NULL);
    assert_non_null(config);
    assert_int_equal(lines_count(&f->lines, "authority is not usable"), 1);
    kube_config_free(config);
}

static void refuses_a_pod_without_a_token(void **state)
{
    struct fixture *f = *state;
    in_pod(f);
    char path[128];
    snprintf(path, sizeof path, "%s/token", f->dir);
    assert_int_equal(unlink(path), 0);
    assert_null(load(f, NULL, NULL));
    assert_contains(f->err.text, "in-cluster:");
    assert_contains(f->err.text, "automountServiceAccountToken");
}

static void kubeconfig_goes_before_the_pod(void **state)
{
    struct fixture *f = *state;
    char variable[128];
    in_pod(f);
    file_write(f->dir, "config", one(SERVER, "    token: abc\n"));
    snprintf(variable, sizeof variable, "KUBECONFIG=%s/config", f->dir);
    f->env[3] = variable;
    struct kube_config *config = load(f, NULL, NULL);
    assert_non_null(config);
    assert_string_equal(kube_config_server(config), "https://10.0.0.1:6443");
    kube_config_free(config);
}

/* --- proxies ---------------------------------------------------------------------------------- */

static void proxy_follows_the_environment(void **state)
{
    (void)state;
    static const struct {
        const char *server, *no_proxy, *expected;
    } cases[] = {
        {"https://api.example.com:6443", "", "http://p:3128"},
        {"https://api.example.com:6443", "*", NULL},
        {"https://api.example.com:6443", "example.com", NULL},
        {"https://example.com", "example.com", NULL},
        {"https://example.com", ".example.com", "http://p:3128"},
        {"https://api.example.com", " .Example.com ,x", NULL},
        {"https://api.example.com", "*.example.com", NULL},
        {"https://badexample.com", "example.com", "http://p:3128"},
        {"https://api.example.com:6443", "example.com:6443", NULL},
        {"https://api.example.com:6443", "example.com:443", "http://p:3128"},
        {"https://api.example.com", "api.example.com:443", NULL},
        {"https://10.1.2.3:6443", "10.0.0.0/8", NULL},
        {"https://10.1.2.3:6443", "10.1.2.0/23,192.168.0.0/16", NULL},
        {"https://10.1.4.3:6443", "10.1.2.0/23", "http://p:3128"},
        {"https://10.1.2.3:6443", "10.1.2.3", NULL},
        {"https://10.1.2.3:6443", "10.1.2.3:6443", NULL},
        {"https://10.1.2.3:6443", "10.1.2.3:443", "http://p:3128"},
        {"https://10.1.2.3", "0.0.0.0/0", NULL},
        {"https://[fd00::7]:443", "fd00::/16", NULL},
        {"https://[fd00::7]:443", "[fd00::7]:443", NULL},
        {"https://[fd00::7]:443", "fd01::/16", "http://p:3128"},
        {"https://localhost:6443", "", NULL},
        {"https://127.0.0.1:6443", "", NULL},
        {"https://[::1]:6443", "", NULL},
        {"http://api.example.com", "", NULL}, /* HTTP_PROXY is another variable */
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char no_proxy[128], *proxy = NULL;
        struct err err = {0};
        snprintf(no_proxy, sizeof no_proxy, "NO_PROXY=%s", cases[i].no_proxy);
        const char *env[] = {"HTTPS_PROXY=p:3128", no_proxy, NULL};
        assert_int_equal(config_proxy_from_env(cases[i].server, env, &proxy, &err), 0);
        if (cases[i].expected ? !proxy || strcmp(proxy, cases[i].expected) != 0 : proxy != NULL)
            fail_msg("case %zu: `%s` with `%s` gave `%s`", i, cases[i].server, cases[i].no_proxy,
                     proxy ? proxy : "none");
        free(proxy);
    }
}

static void proxy_url_of_the_cluster_goes_before_the_environment(void **state)
{
    struct fixture *f = *state;
    f->env[1] = "https_proxy=http://env:1";
    struct kube_config *config = accept(f, one(SERVER "    proxy-url: http://own:2\n", "    {}\n"));
    assert_string_equal(credentials_of(config).credentials.proxy, "http://own:2");
    kube_config_free(config);
    config = accept(f, one(SERVER, "    {}\n"));
    assert_string_equal(credentials_of(config).credentials.proxy, "http://env:1");
    kube_config_free(config);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(loads_current_context_with_token),
        T(loads_json_as_well),
        T(loads_inline_certificates),
        T(resolves_relative_paths_against_the_folder_of_the_file),
        T(sends_basic_authentication),
        T(impersonates_user_groups_and_extra),
        T(reads_the_options_of_a_cluster),
        T(attaches_no_credentials_without_tls),
        T(attaches_the_token_of_a_fixed_address_without_tls),
        T(merges_files_so_that_the_first_stanza_wins_whole),
        T(merges_files_and_resolves_paths_against_the_file_of_the_stanza),
        T(explicit_file_is_not_merged),
        T(refuses_a_broken_file_among_several),
        T(refuses_when_no_file_of_several_exists),
        T(falls_back_to_the_home_folder),
        T(says_what_was_tried_when_nothing_is_configured),
        T(uses_the_service_account_in_a_pod),
        T(brackets_the_address_of_an_ipv6_pod),
        T(survives_a_broken_authority_in_a_pod),
        T(refuses_a_pod_without_a_token),
        T(kubeconfig_goes_before_the_pod),
        cmocka_unit_test(proxy_follows_the_environment),
        T(proxy_url_of_the_cluster_goes_before_the_environment),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
