/* Credentials that are renewed while we run: token files, certificates, authorities. */
#include "unit/kube_config_renew_support.h"

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

int main(void)
{
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
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
