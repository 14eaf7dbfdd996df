/* Credentials that are renewed while we run: token files, certificates, plugins. Plugins are real
 * programs (shell scripts), so their tests run on the real clock; the rest is virtual time. */
#include "unit/kube_front_support.h"
#include "unit/kube_pem.h"

#include "kube/config_internal.h"

#include <fcntl.h>

struct fixture {
    char dir[64], path[128], home[128];
    struct lines lines;
    struct world world;
    struct kube_config *config;
    struct err err;
};

static struct fixture *fixture_new(struct clock *clock)
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

static int setup_virtual(void **state)
{
    *state = fixture_new(clock_virtual_new(0));
    return 0;
}

static int setup_real(void **state)
{
    *state = fixture_new(clock_real_new());
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    kube_config_free(f->config);
    world_end(&f->world);
    lines_deinit(&f->lines);
    dir_remove(f->dir);
    free(f);
    return 0;
}

static void load(struct fixture *f, const char *cluster, const char *user)
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

static void on_credentials(void *arg, const struct kube_credentials *credentials,
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

static bool has_answer(void *arg)
{
    return ((struct got *)arg)->calls > 0;
}

static struct got ask(struct fixture *f)
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

/* --- token files ------------------------------------------------------------------------------ */

static void reads_the_token_again_after_50_seconds(void **state)
{
    struct fixture *f = *state;
    file_write(f->dir, "token", "one");
    load(f, "", "    tokenFile: token\n");
    assert_token(f, "one");
    file_write(f->dir, "token", " two \n");
    pass_ms(f->world.loop, 49000);
    assert_token(f, "one");
    pass_ms(f->world.loop, 1000);
    assert_token(f, "two");
}

static void prefers_the_token_of_the_file_to_the_one_beside_it(void **state)
{
    struct fixture *f = *state;
    load(f, "", "    token: inline\n    tokenFile: token\n");
    assert_token(f, "inline"); /* the file does not exist yet */
    file_write(f->dir, "token", "of-file");
    pass_ms(f->world.loop, 1000);
    assert_token(f, "of-file");
}

static void keeps_the_old_token_while_the_file_is_unreadable(void **state)
{
    struct fixture *f = *state;
    file_write(f->dir, "token", "one");
    load(f, "", "    tokenFile: token\n");
    assert_token(f, "one");
    for (int i = 0; i < 3; i++) {
        file_write(f->dir, "token", i == 1 ? "a\nb" : "");
        pass_ms(f->world.loop, 60000);
        assert_token(f, "one");
    }
    assert_int_equal(lines_count(&f->lines, "kept the token read before"), 1);
    file_write(f->dir, "token", "two");
    pass_ms(f->world.loop, 1000);
    assert_token(f, "two");
}

static void drops_the_token_after_401_only_when_it_is_older_than_the_request(void **state)
{
    struct fixture *f = *state;
    file_write(f->dir, "token", "one");
    load(f, "", "    tokenFile: token\n");
    assert_token(f, "one");
    int64_t read_ms = loop_now_ms(f->world.loop);
    file_write(f->dir, "token", "two");
    pass_ms(f->world.loop, 5000);
    assert_true(kube_config_unauthorized(f->config, read_ms - 1)); /* the request was older */
    assert_token(f, "one");
    assert_true(kube_config_unauthorized(f->config, read_ms + 10));
    assert_token(f, "two");
}

static void does_not_replay_with_a_fixed_token(void **state)
{
    struct fixture *f = *state;
    load(f, "", "    token: one\n");
    assert_false(kube_config_unauthorized(f->config, 5));
}

/* --- certificates ----------------------------------------------------------------------------- */

static void trusts_a_new_authority_within_5_minutes_without_closing_connections(void **state)
{
    struct fixture *f = *state;
    file_write(f->dir, "ca.crt", pem_cert_one);
    load(f, "    certificate-authority: ca.crt\n", "    token: a\n");
    struct got before = ask(f);
    file_write(f->dir, "ca.crt", pem_cert_two);
    pass_ms(f->world.loop, 299000);
    struct got early = ask(f);
    pass_ms(f->world.loop, 1000);
    struct got late = ask(f);
    assert_ptr_equal(early.tls, before.tls);
    assert_ptr_not_equal(late.tls, before.tls);
    assert_int_equal(late.generation, before.generation);
    assert_string_equal(f->config->spec.ca.text, pem_cert_two);
}

static void keeps_the_authority_when_its_file_is_empty_or_broken(void **state)
{
    struct fixture *f = *state;
    file_write(f->dir, "ca.crt", pem_cert_one);
    load(f, "    certificate-authority: ca.crt\n", "    token: a\n");
    struct got before = ask(f);
    static const char *const broken[] = {
        "", "nonsense", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"};
    for (size_t i = 0; i < 3; i++) {
        file_write(f->dir, "ca.crt", broken[i]);
        pass_ms(f->world.loop, 300000);
        assert_ptr_equal(ask(f).tls, before.tls);
    }
    assert_int_equal(lines_count(&f->lines, "kept what was read before"), 1);
    assert_string_equal(f->config->spec.ca.text, pem_cert_one);
}

static void closes_connections_when_the_client_certificate_changes(void **state)
{
    struct fixture *f = *state;
    file_write(f->dir, "me.crt", pem_cert_one);
    file_write(f->dir, "me.key", pem_key_one);
    load(f, "", "    client-certificate: me.crt\n    client-key: me.key\n");
    struct got before = ask(f);
    file_write(f->dir, "me.crt", pem_cert_two); /* half of the change */
    pass_ms(f->world.loop, 300000);
    struct got half = ask(f);
    assert_ptr_equal(half.tls, before.tls);
    assert_int_equal(half.generation, before.generation);
    file_write(f->dir, "me.key", pem_key_two);
    pass_ms(f->world.loop, 300000);
    struct got after = ask(f);
    assert_ptr_not_equal(after.tls, before.tls);
    assert_int_not_equal(after.generation, before.generation);
}

static void refuses_a_key_of_another_certificate(void **state)
{
    struct fixture *f = *state;
    file_write(f->dir, "me.crt", pem_cert_one);
    file_write(f->dir, "me.key", pem_key_two);
    file_write(f->dir, "config",
               "current-context: here\ncontexts:\n- {name: here, context: {cluster: c, user: u}}\n"
               "clusters:\n- {name: c, cluster: {server: https://h}}\n"
               "users:\n- {name: u, user: {client-certificate: me.crt, client-key: me.key}}\n");
    struct kube_config_options options = {.kubeconfig = f->path};
    assert_null(kube_config_load(f->world.loop, &options, &f->err));
    assert_contains(f->err.text, f->path);
    assert_contains(f->err.text, "does not belong to the client certificate");
}

/* --- plugins ---------------------------------------------------------------------------------- */

#define V1 "client.authentication.k8s.io/v1"
#define CREDENTIAL(status)                                                                         \
    "{\"kind\":\"ExecCredential\",\"apiVersion\":\"" V1 "\",\"status\":{" status "}}"

static void plugin_write(struct fixture *f, const char *body)
{
    char text[8192], path[128];
    snprintf(text, sizeof text, "#!/bin/sh\ncd '%s'\necho run >> runs\n%s\n", f->dir, body);
    file_write(f->dir, "plugin", text);
    snprintf(path, sizeof path, "%s/plugin", f->dir);
    assert_int_equal(chmod(path, 0700), 0);
}

static void plugin_load(struct fixture *f, const char *body, const char *more)
{
    char user[1024];
    plugin_write(f, body);
    snprintf(user, sizeof user,
             "    exec:\n      apiVersion: " V1 "\n      command: ./plugin\n"
             "      interactiveMode: IfAvailable\n%s",
             more);
    load(f,
         "    tls-server-name: kube\n"
         "    extensions: [{name: client.authentication.k8s.io/exec, extension: {a: [1]}}]\n",
         user);
}

static void file_read(struct fixture *f, const char *name, char *out, size_t size)
{
    char path[128];
    snprintf(path, sizeof path, "%s/%s", f->dir, name);
    FILE *file = fopen(path, "r");
    size_t len = file ? fread(out, 1, size - 1, file) : 0;
    out[len] = '\0';
    if (file)
        fclose(file);
}

static size_t runs(struct fixture *f)
{
    char text[1024];
    file_read(f, "runs", text, sizeof text);
    return text_count(text, "run\n");
}

static void runs_the_plugin_once_for_all_who_wait_and_keeps_its_answer(void **state)
{
    struct fixture *f = *state;
    plugin_load(f, "sleep 0.05\necho '" CREDENTIAL("\"token\":\"abc\"") "'", "");
    struct got first = {0}, second = {0}, canceled = {0};
    kube_config_credentials(f->config, on_credentials, &first);
    kube_config_credentials(f->config, on_credentials, &canceled);
    kube_config_credentials(f->config, on_credentials, &second);
    kube_config_credentials_cancel(f->config, &canceled);
    assert_int_equal(first.calls, 0);
    assert_true(loop_run_until(f->world.loop, has_answer, &second, 20000));
    assert_int_equal(first.calls, 1);
    assert_int_equal(canceled.calls, 0);
    assert_string_equal(first.authorization, "Bearer abc");
    assert_token(f, "abc");
    assert_int_equal(runs(f), 1);
}

static void tells_the_plugin_about_the_cluster(void **state)
{
    struct fixture *f = *state;
    plugin_load(f,
                "printf '%s' \"$KUBERNETES_EXEC_INFO\" > info\n"
                "printf '%s %s %s %s' \"$1\" \"$OURS\" \"$THEIRS\" \"$MINE\" > words\n"
                "echo '" CREDENTIAL("\"token\":\"abc\"") "'",
                "      provideClusterInfo: true\n      args: ['a b']\n"
                "      env: [{name: THEIRS, value: theirs}, {name: MINE, value: mine}]\n");
    assert_token(f, "abc");
    char text[2048];
    file_read(f, "words", text, sizeof text);
    assert_string_equal(text, "a b 1 theirs mine");
    file_read(f, "info", text, sizeof text);
    struct jv *info = NULL;
    assert_int_equal(jv_parse(text, strlen(text), &info, &f->err), 0);
    assert_string_equal(jv_path_str(info, "apiVersion", NULL), V1);
    assert_string_equal(jv_path_str(info, "kind", NULL), "ExecCredential");
    assert_string_equal(jv_path_str(info, "spec", "cluster", "server", NULL), "https://10.0.0.1");
    assert_string_equal(jv_path_str(info, "spec", "cluster", "tls-server-name", NULL), "kube");
    assert_int_equal(jv_int_value(jv_at(jv_path(info, "spec", "cluster", "config", "a", NULL), 0)),
                     1);
    assert_false(jv_bool_value(jv_path(info, "spec", "interactive", NULL)));
    assert_int_equal(jv_type(jv_path(info, "spec", "interactive", NULL)), JV_BOOL);
    jv_unref(info);
}

static void runs_the_plugin_again_after_its_answer_expired(void **state)
{
    struct fixture *f = *state;
    plugin_load(f,
                "echo '" CREDENTIAL("\"token\":\"abc\","
                                    "\"expirationTimestamp\":\"2020-01-31T10:20:30Z\"") "'",
                "");
    assert_token(f, "abc");
    assert_token(f, "abc");
    assert_int_equal(runs(f), 2);
}

static void runs_the_plugin_again_after_401_unless_it_has_run_since(void **state)
{
    struct fixture *f = *state;
    plugin_load(f,
                "echo '" CREDENTIAL("\"token\":\"abc\","
                                    "\"expirationTimestamp\":\"2190-01-31T10:20:30+02:00\"") "'",
                "");
    assert_token(f, "abc");
    int64_t finished_ms = f->config->exec.finished_ms;
    assert_true(kube_config_unauthorized(f->config, finished_ms - 1));
    assert_token(f, "abc");
    assert_int_equal(runs(f), 1);
    assert_true(kube_config_unauthorized(f->config, finished_ms + 1));
    assert_token(f, "abc");
    assert_int_equal(runs(f), 2);
}

static void takes_a_client_certificate_from_the_plugin(void **state)
{
    struct fixture *f = *state;
    struct jv *credential = jv_object();
    jv_set_str(credential, "kind", "ExecCredential");
    jv_set_str(credential, "apiVersion", V1);
    struct jv *status = jv_ensure(credential, "status", NULL);
    jv_set_str(status, "clientCertificateData", pem_cert_one);
    jv_set_str(status, "clientKeyData", pem_key_one);
    char *json = jv_print_str(credential, 0);
    file_write(f->dir, "answer", json);
    plugin_load(f, "cat answer", "");
    struct got first = ask(f);
    assert_string_equal(first.authorization, "");
    assert_string_equal(f->config->spec.cert.text, pem_cert_one);
    /* Another certificate: connections of the old one are not used any more. */
    jv_set_str(status, "clientCertificateData", pem_cert_two);
    jv_set_str(status, "clientKeyData", pem_key_two);
    char *json_two = jv_print_str(credential, 0);
    file_write(f->dir, "answer", json_two);
    assert_true(kube_config_unauthorized(f->config, f->config->exec.finished_ms));
    struct got second = ask(f);
    assert_int_not_equal(second.generation, first.generation);
    free(json);
    free(json_two);
    jv_unref(credential);
}

static void plugin_fails(struct fixture *f, const char *body, const char *expected)
{
    unlink(f->path);
    kube_config_free(f->config);
    plugin_load(f, body, "      installHint: |\n        get it\n        there\n");
    struct got got = ask(f);
    assert_int_not_equal(got.err.code, ERR_NONE);
    assert_contains(got.err.text, "exec plugin `");
    assert_contains(got.err.text, expected);
    assert_contains(got.err.text, "(get it there");
    assert_lacks(got.err.text, "\n");
    assert_lacks(got.err.text, "s3cret");
}

static void says_what_is_wrong_with_a_plugin(void **state)
{
    struct fixture *f = *state;
    plugin_fails(f, "exit 3", "exit code 3");
    plugin_fails(f, "echo s3cret", "not JSON");
    plugin_fails(f, "echo '{\"kind\":\"Secret\"}'", "not an ExecCredential");
    plugin_fails(f,
                 "echo '{\"kind\":\"ExecCredential\",\"apiVersion\":"
                 "\"client.authentication.k8s.io/v1beta1\",\"status\":{\"token\":\"s3cret\"}}'",
                 "apiVersion `client.authentication.k8s.io/v1beta1`");
    plugin_fails(f, "echo '" CREDENTIAL("") "'", "neither a token nor a client certificate");
    plugin_fails(f, "echo '" CREDENTIAL("\"clientKeyData\":\"s3cret\"") "'", "or none");
    plugin_fails(f,
                 "echo '" CREDENTIAL("\"token\":\"s3cret\",\"expirationTimestamp\":\"soon\"") "'",
                 "expirationTimestamp");
    plugin_fails(f,
                 "echo '" CREDENTIAL("\"clientKeyData\":\"s3cret\","
                                     "\"clientCertificateData\":\"s3cret\"") "'",
                 "its client certificate");
}

static void does_not_start_a_failing_plugin_in_a_loop(void **state)
{
    struct fixture *f = *state;
    plugin_load(f, "exit 1", "");
    for (int i = 0; i < 5; i++)
        assert_contains(ask(f).err.text, "exit code 1");
    assert_int_equal(runs(f), 1);
    plugin_write(f, "echo '" CREDENTIAL("\"token\":\"abc\"") "'");
    pass_ms(f->world.loop, 1100);
    assert_token(f, "abc");
}

static void says_that_a_plugin_is_missing(void **state)
{
    struct fixture *f = *state;
    load(f, "",
         "    exec: {apiVersion: " V1 ", command: nemeton-no-such-plugin, "
         "interactiveMode: Never, installHint: get it}\n");
    struct got got = ask(f);
    assert_int_not_equal(got.err.code, ERR_NONE);
    assert_contains(got.err.text, "nemeton-no-such-plugin");
    assert_contains(got.err.text, "get it");
}

static void refuses_a_plugin_that_needs_a_terminal_when_there_is_none(void **state)
{
    struct fixture *f = *state;
    load(f, "", "    exec: {apiVersion: " V1 ", command: x, interactiveMode: Always}\n");
    assert_contains(ask(f).err.text, "standard input is no terminal");
}

static void skips_the_plugin_when_a_token_is_configured(void **state)
{
    struct fixture *f = *state;
    plugin_load(f, "exit 1", "    token: direct\n");
    assert_token(f, "direct");
    assert_int_equal(runs(f), 0);
}

static void ends_a_running_plugin_with_the_configuration(void **state)
{
    struct fixture *f = *state;
    plugin_load(f, "sleep 30", "");
    struct got got = {0};
    kube_config_credentials(f->config, on_credentials, &got);
    loop_turn(f->world.loop, 10);
    kube_config_free(f->config);
    f->config = NULL;
    assert_int_equal(got.calls, 0);
}

static void time_is_read_with_fraction_and_offset(void **state)
{
    (void)state;
    int64_t ns = 0;
    assert_int_equal(config_time_parse("1970-01-02T00:00:00Z", &ns), 0);
    assert_int_equal(ns, 86400LL * 1000000000);
    assert_int_equal(config_time_parse("1970-01-01T02:00:01.250+02:00", &ns), 0);
    assert_int_equal(ns, 1000000000);
    static const char *const bad[] = {"",
                                      "soon",
                                      "1970-01-01",
                                      "1970-01-01T00:00:00",
                                      "1970-13-01T00:00:00Z",
                                      "1970-01-01T00:00:00+2",
                                      "1970-01-01T00:00:00.Z",
                                      "1970-01-01T00:00:00Zx"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_int_equal(config_time_parse(bad[i], &ns), -1);
}

#define V(name) cmocka_unit_test_setup_teardown(name, setup_virtual, teardown)
#define R(name) cmocka_unit_test_setup_teardown(name, setup_real, teardown)

int main(void)
{
    /* Plugins must not find a terminal, wherever the tests are started. */
    int null = open("/dev/null", O_RDONLY);
    dup2(null, STDIN_FILENO);
    close(null);
    const struct CMUnitTest tests[] = {
        V(reads_the_token_again_after_50_seconds),
        V(prefers_the_token_of_the_file_to_the_one_beside_it),
        V(keeps_the_old_token_while_the_file_is_unreadable),
        V(drops_the_token_after_401_only_when_it_is_older_than_the_request),
        V(does_not_replay_with_a_fixed_token),
        V(trusts_a_new_authority_within_5_minutes_without_closing_connections),
        V(keeps_the_authority_when_its_file_is_empty_or_broken),
        V(closes_connections_when_the_client_certificate_changes),
        V(refuses_a_key_of_another_certificate),
        R(runs_the_plugin_once_for_all_who_wait_and_keeps_its_answer),
        R(tells_the_plugin_about_the_cluster),
        R(runs_the_plugin_again_after_its_answer_expired),
        R(runs_the_plugin_again_after_401_unless_it_has_run_since),
        R(takes_a_client_certificate_from_the_plugin),
        R(says_what_is_wrong_with_a_plugin),
        R(does_not_start_a_failing_plugin_in_a_loop),
        R(says_that_a_plugin_is_missing),
        R(refuses_a_plugin_that_needs_a_terminal_when_there_is_none),
        R(skips_the_plugin_when_a_token_is_configured),
        R(ends_a_running_plugin_with_the_configuration),
        cmocka_unit_test(time_is_read_with_fraction_and_offset),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
