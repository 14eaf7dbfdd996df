/* The TLS identity: made from the PEM texts, and made anew when their files have changed. */
#include "kube/config_internal.h"

#include <stdlib.h>
#include <string.h>

static struct http_tls *tls_make(const struct kube_config *config, const char *ca, const char *cert,
                                 const char *key, struct err *err)
{
    struct http_tls_options options = {
        .ca_pem = ca,
        .cert_pem = cert,
        .key_pem = key,
        .server_name = config->spec.server_name,
        .insecure = config->spec.insecure,
    };
    return http_tls_new(&options, err);
}

static void tls_put(struct kube_config *config, struct http_tls *take)
{
    http_tls_unref(config->tls);
    config->tls = take;
}

static void text_put(char **text, char *take)
{
    free(*text);
    *text = take;
}

/* What could not be renewed stays in force; said once until it works again. */
static void complain(struct kube_config *config, const char *what, const struct err *err)
{
    if (!config->pem_complained)
        log_warn(config->log, "kept what was read before", "what", what, "error", err->text);
    config->pem_complained = true;
}

/* New connections trust the new CA; old ones drain. */
static bool ca_renew(struct kube_config *config)
{
    struct config_pem *ca = &config->spec.ca;
    struct err err = {0};
    char *text = NULL;
    if (!ca->path)
        return true;
    if (config_pem_read(ca->path, CONFIG_PEM_CERTIFICATE, &text, &err) != 0) {
        complain(config, "certificate authority", &err);
        return false;
    }
    if (ca->text && strcmp(ca->text, text) == 0) {
        free(text);
        return true;
    }
    struct http_tls *tls =
        tls_make(config, text, config->spec.cert.text, config->spec.key.text, &err);
    if (!tls) {
        complain(config, "certificate authority", &err);
        free(text);
        return false;
    }
    tls_put(config, tls);
    text_put(&ca->text, text);
    log_info(config->log, "certificate authority read again", "file", ca->path);
    return true;
}

int config_tls_set_client(struct kube_config *config, const char *cert, const char *key,
                          struct err *err)
{
    struct config_spec *spec = &config->spec;
    if (spec->cert.text && strcmp(spec->cert.text, cert) == 0 && strcmp(spec->key.text, key) == 0)
        return 0;
    if (spec->tls) {
        struct http_tls *tls = tls_make(config, spec->ca.text, cert, key, err);
        if (!tls)
            return -1;
        tls_put(config, tls);
    }
    text_put(&spec->cert.text, mem_str(cert));
    text_put(&spec->key.text, mem_str(key));
    config->generation++;
    return 0;
}

static bool client_renew(struct kube_config *config)
{
    struct config_spec *spec = &config->spec;
    if (!spec->cert.path && !spec->key.path)
        return true;
    struct err err = {0};
    char *cert = spec->cert.path ? NULL : mem_str(spec->cert.text);
    char *key = spec->key.path ? NULL : mem_str(spec->key.text);
    uint64_t before = config->generation;
    bool ok =
        (cert || config_pem_read(spec->cert.path, CONFIG_PEM_CERTIFICATE, &cert, &err) == 0) &&
        (key || config_pem_read(spec->key.path, CONFIG_PEM_KEY, &key, &err) == 0) &&
        config_tls_set_client(config, cert, key, &err) == 0;
    free(cert);
    free(key);
    if (!ok)
        complain(config, "client certificate", &err);
    else if (config->generation != before)
        log_info(config->log, "client certificate read again", "file",
                 spec->cert.path ? spec->cert.path : spec->key.path);
    return ok;
}

static int tls_first(struct kube_config *config, struct err *err)
{
    struct config_spec *spec = &config->spec;
    struct err why = {0};
    config->tls = tls_make(config, spec->ca.text, spec->cert.text, spec->key.text, &why);
    if (!config->tls && spec->ca_optional && spec->ca.text) {
        log_error(config->log, "the certificate authority is not usable; the system's are used",
                  "file", spec->ca.path, "error", why.text);
        text_put(&spec->ca.text, NULL);
        config->tls = tls_make(config, NULL, spec->cert.text, spec->key.text, &why);
    }
    if (config->tls)
        return 0;
    return err_set(err, why.code, "%s", why.text);
}

int config_tls_refresh(struct kube_config *config, struct err *err)
{
    int64_t now_ms = loop_now_ms(config->loop);
    if (!config->spec.tls)
        return 0;
    if (!config->tls) {
        config->pem_checked_ms = now_ms;
        return tls_first(config, err);
    }
    if (now_ms - config->pem_checked_ms < CONFIG_PEM_AGE_MS)
        return 0;
    config->pem_checked_ms = now_ms;
    bool ca_ok = ca_renew(config), client_ok = client_renew(config);
    if (ca_ok && client_ok)
        config->pem_complained = false;
    return 0;
}
