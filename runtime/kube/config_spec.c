/* From the stanzas of a kubeconfig to the connection they describe. */
#include "kube/config_internal.h"

#include <stdlib.h>
#include <string.h>

#define EXEC_EXTENSION "client.authentication.k8s.io/exec"

static void words_free(char **words)
{
    for (size_t i = 0; words && words[i]; i++)
        free(words[i]);
    free(words);
}

static void exec_free(struct config_exec_spec *exec)
{
    if (!exec)
        return;
    free(exec->api_version);
    free(exec->command);
    free(exec->install_hint);
    words_free(exec->args);
    words_free(exec->env);
    free(exec);
}

static void pem_deinit(struct config_pem *pem)
{
    free(pem->path);
    free(pem->text);
}

void config_spec_deinit(struct config_spec *spec)
{
    free(spec->server);
    free(spec->namespace);
    free(spec->source);
    free(spec->server_name);
    free(spec->proxy);
    pem_deinit(&spec->ca);
    pem_deinit(&spec->cert);
    pem_deinit(&spec->key);
    free(spec->token);
    free(spec->token_file);
    free(spec->username);
    free(spec->password);
    for (size_t i = 0; i < spec->impersonate_count; i++) {
        free((char *)spec->impersonate[i].name);
        free((char *)spec->impersonate[i].value);
    }
    free(spec->impersonate);
    exec_free(spec->exec);
    jv_unref(spec->exec_cluster);
    *spec = (struct config_spec){0};
}

/* --- cluster ---------------------------------------------------------------------------------- */

/* Like client-go: an address without a scheme is https exactly when TLS is spoken about. */
static char *server_complete(const char *server, const struct config_spec *spec)
{
    bool tls = spec->ca.text || spec->insecure || spec->server_name;
    char *full = strstr(server, "://") ? mem_str(server)
                                       : mem_printf("%s%s", tls ? "https://" : "http://", server);
    size_t len = strlen(full);
    while (len > 0 && full[len - 1] == '/')
        full[--len] = '\0';
    return full;
}

static int server_parse(const struct config_entry *entry, struct config_spec *spec, struct err *err)
{
    const char *server;
    if (config_entry_str(entry, entry->body, "server", &server, err) != 0)
        return -1;
    if (!server)
        return config_entry_err(entry, "server", err, ERR_INVALID,
                                "is missing; set it to the address of the API server, such as "
                                "https://10.0.0.1:6443");
    spec->server = server_complete(server, spec);
    struct config_url url;
    struct err why = {0};
    if (config_url_split(spec->server, &url, &why) != 0)
        return config_entry_err(entry, "server", err, ERR_INVALID, "%s", why.text);
    spec->tls = strcmp(url.scheme, "https") == 0;
    spec->send_credentials = spec->tls;
    int result = 0;
    if (!spec->tls && strcmp(url.scheme, "http") != 0)
        result = config_entry_err(entry, "server", err, ERR_INVALID,
                                  "scheme `%s` is not supported; use https", url.scheme);
    else if (url.has_user)
        result = config_entry_err(entry, "server", err, ERR_INVALID,
                                  "holds a user name; credentials belong into `users`");
    else if (url.has_query)
        result = config_entry_err(entry, "server", err, ERR_INVALID,
                                  "holds a query or fragment; remove it");
    config_url_deinit(&url);
    return result;
}

static int cluster_tls_parse(const struct config_entry *entry, struct config_spec *spec,
                             struct err *err)
{
    const char *name;
    if (config_pem_parse(entry, "certificate-authority", CONFIG_PEM_CERTIFICATE, &spec->ca, err) ||
        config_entry_bool(entry, entry->body, "insecure-skip-tls-verify", &spec->insecure, err) ||
        config_entry_str(entry, entry->body, "tls-server-name", &name, err))
        return -1;
    spec->server_name = mem_str(name);
    if (spec->insecure && spec->ca.text)
        return config_entry_err(entry, "insecure-skip-tls-verify", err, ERR_INVALID,
                                "given together with a certificate-authority; remove one of them");
    return 0;
}

static const struct jv *exec_extension(const struct jv *cluster)
{
    const struct jv *list = jv_get(cluster, "extensions");
    for (size_t i = 0; i < jv_size(list); i++) {
        const char *name = jv_str(jv_get(jv_at(list, i), "name"));
        if (name && strcmp(name, EXEC_EXTENSION) == 0)
            return jv_get(jv_at(list, i), "extension");
    }
    return NULL;
}

int config_cluster_parse(const struct config_entry *entry, struct config_spec *spec,
                         struct err *err)
{
    bool plain;
    const char *proxy;
    struct err why = {0};
    if (cluster_tls_parse(entry, spec, err) != 0 || server_parse(entry, spec, err) != 0 ||
        config_entry_bool(entry, entry->body, "disable-compression", &plain, err) != 0 ||
        config_entry_str(entry, entry->body, "proxy-url", &proxy, err) != 0)
        return -1;
    spec->compressed = !plain;
    if (proxy && config_proxy_check(proxy, &spec->proxy, &why) != 0)
        return config_entry_err(entry, "proxy-url", err, why.code, "%s", why.text);

    struct jv *info = jv_object();
    jv_set_str(info, "server", spec->server);
    jv_set_str(info, "tls-server-name", spec->server_name);
    if (spec->insecure)
        jv_set(info, "insecure-skip-tls-verify", jv_bool(true));
    jv_set_str(info, "proxy-url", proxy);
    if (plain)
        jv_set(info, "disable-compression", jv_bool(true));
    const struct jv *extension = exec_extension(entry->body);
    if (extension)
        jv_set(info, "config", jv_dup(extension));
    spec->exec_cluster = info;
    return 0;
}

/* --- user ------------------------------------------------------------------------------------- */

static int impersonate_add(const struct config_entry *entry, const char *field,
                           struct config_spec *spec, char *name, const char *value, struct err *err)
{
    if (spec->impersonate_count == CONFIG_IMPERSONATE_MAX || !config_header_value_ok(value)) {
        free(name);
        if (spec->impersonate_count == CONFIG_IMPERSONATE_MAX)
            return config_entry_err(entry, field, err, ERR_LIMIT, "more than %d values",
                                    CONFIG_IMPERSONATE_MAX);
        return config_entry_err(entry, field, err, ERR_INVALID, "holds a control character");
    }
    size_t count = spec->impersonate_count++;
    spec->impersonate = mem_grow(spec->impersonate, (count + 1) * sizeof(*spec->impersonate));
    spec->impersonate[count] = (struct http_header){.name = name, .value = mem_str(value)};
    return 0;
}

/* The key of an extra value as part of a header's name: what may not stand there is %XX. */
static char *extra_name(const char *key, size_t len)
{
    struct buf name;
    buf_init(&name, SIZE_MAX);
    buf_add_str(&name, "Impersonate-Extra-");
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)key[i];
        bool alnum = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        if (alnum || (c && strchr("!#$&'*+-.^_`|~", c)))
            buf_add_char(&name, (char)c);
        else
            buf_printf(&name, "%%%02X", c);
    }
    return buf_take(&name, NULL);
}

/* A list of strings, each one header. */
static int impersonate_list(const struct config_entry *entry, const char *field,
                            const struct jv *list, const char *name, struct config_spec *spec,
                            struct err *err)
{
    if (!list || jv_type(list) == JV_NULL)
        return 0;
    if (!jv_is_array(list))
        return config_entry_err(entry, field, err, ERR_INVALID, "must be a list of strings");
    for (size_t i = 0; i < jv_size(list); i++) {
        const char *value = jv_str(jv_at(list, i));
        if (!value)
            return config_entry_err(entry, field, err, ERR_INVALID,
                                    "must be a list of strings (use quotes)");
        if (impersonate_add(entry, field, spec, mem_str(name), value, err) != 0)
            return -1;
    }
    return 0;
}

static int impersonate_parse(const struct config_entry *entry, struct config_spec *spec,
                             struct err *err)
{
    const char *as, *uid;
    const struct jv *groups = jv_get(entry->body, "as-groups");
    const struct jv *extra = jv_get(entry->body, "as-user-extra");
    if (config_entry_str(entry, entry->body, "as", &as, err) != 0 ||
        config_entry_str(entry, entry->body, "as-uid", &uid, err) != 0)
        return -1;
    if (!as && (uid || jv_size(groups) > 0 || jv_size(extra) > 0))
        return config_entry_err(entry, "as", err, ERR_INVALID,
                                "is missing; as-uid, as-groups and as-user-extra need it");
    if (as && impersonate_add(entry, "as", spec, mem_str("Impersonate-User"), as, err) != 0)
        return -1;
    if (uid && impersonate_add(entry, "as-uid", spec, mem_str("Impersonate-Uid"), uid, err) != 0)
        return -1;
    if (impersonate_list(entry, "as-groups", groups, "Impersonate-Group", spec, err) != 0)
        return -1;
    if (extra && jv_type(extra) != JV_NULL && !jv_is_object(extra))
        return config_entry_err(entry, "as-user-extra", err, ERR_INVALID,
                                "must be a map of lists of strings");
    struct jv_iter iter = {0};
    while (jv_next(extra, &iter)) {
        char *name = extra_name(iter.key, strlen(iter.key));
        int result = impersonate_list(entry, "as-user-extra", iter.value, name, spec, err);
        free(name);
        if (result != 0)
            return -1;
    }
    return 0;
}

static int token_parse(const struct config_entry *entry, struct config_spec *spec, struct err *err)
{
    const char *token, *file, *username, *password;
    if (config_entry_str(entry, entry->body, "token", &token, err) != 0 ||
        config_entry_str(entry, entry->body, "tokenFile", &file, err) != 0 ||
        config_entry_str(entry, entry->body, "username", &username, err) != 0 ||
        config_entry_str(entry, entry->body, "password", &password, err) != 0)
        return -1;
    if ((token || file) && (username || password))
        return config_entry_err(entry, token ? "token" : "tokenFile", err, ERR_INVALID,
                                "more than one authentication method: given together with "
                                "username and password; remove one of them");
    if (token && !config_header_value_ok(token))
        return config_entry_err(entry, "token", err, ERR_INVALID,
                                "holds a line break; write it on one line");
    if (username && strchr(username, ':'))
        return config_entry_err(entry, "username", err, ERR_INVALID, "must not hold a colon");
    spec->token = mem_str(token);
    spec->username = mem_str(username);
    spec->password = mem_str(password);
    if (!file)
        return 0;
    spec->token_file = config_entry_path(entry, file);
    struct err why = {0};
    char *first = NULL;
    if (!token && config_token_read(spec->token_file, &first, &why) != 0)
        return config_entry_err(entry, "tokenFile", err, why.code, "%s", why.text);
    free(first);
    return 0;
}

static int client_certificate_parse(const struct config_entry *entry, struct config_spec *spec,
                                    struct err *err)
{
    if (config_pem_parse(entry, "client-certificate", CONFIG_PEM_CERTIFICATE, &spec->cert, err) ||
        config_pem_parse(entry, "client-key", CONFIG_PEM_KEY, &spec->key, err))
        return -1;
    if (spec->cert.text && !spec->key.text)
        return config_entry_err(entry, "client-key", err, ERR_INVALID,
                                "is missing; a client-certificate needs client-key or "
                                "client-key-data");
    if (spec->key.text && !spec->cert.text)
        return config_entry_err(entry, "client-certificate", err, ERR_INVALID,
                                "is missing; a client-key needs client-certificate or "
                                "client-certificate-data");
    return 0;
}

int config_user_parse(const struct config_entry *entry, struct config_spec *spec, struct err *err)
{
    const struct jv *exec = jv_get(entry->body, "exec");
    const struct jv *provider = jv_get(entry->body, "auth-provider");
    if (provider && jv_type(provider) != JV_NULL)
        return config_entry_err(entry, "auth-provider", err, ERR_UNSUPPORTED,
                                "built-in providers are gone from Kubernetes; use an exec plugin");
    if (token_parse(entry, spec, err) != 0 || client_certificate_parse(entry, spec, err) != 0 ||
        impersonate_parse(entry, spec, err) != 0)
        return -1;
    if (!exec || jv_type(exec) == JV_NULL)
        return 0;
    if (config_exec_parse(entry, exec, spec, err) != 0)
        return -1;
    if (spec->token || spec->token_file || spec->username || spec->password || spec->cert.text) {
        /* What is configured directly goes before the plugin. */
        exec_free(spec->exec);
        spec->exec = NULL;
    }
    return 0;
}
