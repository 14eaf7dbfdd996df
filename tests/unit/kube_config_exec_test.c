/* Credential plugins. They are real programs (shell scripts), so these tests run on the real clock. */
#include "unit/kube_config_renew_support.h"

#include <fcntl.h>

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

int main(void)
{
    /* Plugins must not find a terminal, wherever the tests are started. */
    int null = open("/dev/null", O_RDONLY);
    dup2(null, STDIN_FILENO);
    close(null);
    const struct CMUnitTest tests[] = {
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
