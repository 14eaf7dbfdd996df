/* Where the configuration comes from: --kubeconfig, $KUBECONFIG, the pod, ~/.kube/config. */
#include "kube/config_internal.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SERVICE_ACCOUNT_DIR "/var/run/secrets/kubernetes.io/serviceaccount"

/* --- kubeconfig files ------------------------------------------------------------------------- */

static int context_find(const struct config_files *files, const char *where, const char *wanted,
                        struct config_entry *entry, struct err *err)
{
    const char *name = wanted && *wanted ? wanted : config_files_current_context(files);
    struct buf names;
    buf_init(&names, ERR_TEXT_BYTES);
    if (name && config_files_find(files, "contexts", "context", name, entry)) {
        buf_deinit(&names);
        return 0;
    }
    config_files_names(files, "contexts", &names);
    if (!name)
        err_set(err, ERR_INVALID,
                "%s: current-context: is not set; choose a context with --context: %s", where,
                buf_str(&names));
    else
        err_set(err, ERR_INVALID, "%s: %s: there is no context `%s`; there are: %s", where,
                wanted && *wanted ? "--context" : "current-context", name, buf_str(&names));
    buf_deinit(&names);
    return -1;
}

/* The cluster or user that a context names. found is false when it names none. */
static int reference_find(const struct config_files *files, const struct config_entry *context,
                          const char *list, const char *noun, struct config_entry *entry,
                          bool *found, struct err *err)
{
    const char *name;
    *found = false;
    if (config_entry_str(context, context->body, noun, &name, err) != 0)
        return -1;
    if (!name)
        return 0;
    *found = config_files_find(files, list, noun, name, entry);
    if (*found)
        return 0;
    struct buf names;
    buf_init(&names, ERR_TEXT_BYTES);
    config_files_names(files, list, &names);
    config_entry_err(context, noun, err, ERR_INVALID, "there is no %s `%s`; there are: %s", noun,
                     name, buf_str(&names));
    buf_deinit(&names);
    return -1;
}

static int spec_from_files(const struct config_files *files, const char *where,
                           const struct kube_config_options *options, struct config_spec *spec,
                           struct err *err)
{
    struct config_entry context, cluster, user;
    bool has_cluster, has_user;
    const char *namespace;
    if (context_find(files, where, options->context, &context, err) != 0 ||
        reference_find(files, &context, "clusters", "cluster", &cluster, &has_cluster, err) != 0 ||
        reference_find(files, &context, "users", "user", &user, &has_user, err) != 0 ||
        config_entry_str(&context, context.body, "namespace", &namespace, err) != 0)
        return -1;
    if (!has_cluster)
        return config_entry_err(&context, "cluster", err, ERR_INVALID,
                                "is missing; name an entry of `clusters`");
    spec->source = mem_printf("%s (context %s)", context.file->path, context.name);
    spec->namespace = mem_str(namespace ? namespace : "default");
    if (config_cluster_parse(&cluster, spec, err) != 0)
        return -1;
    if (has_user && config_user_parse(&user, spec, err) != 0)
        return -1;
    bool secrets = spec->token || spec->token_file || spec->username || spec->password ||
                   spec->cert.text || spec->exec || spec->impersonate_count > 0;
    if (secrets && !spec->tls)
        log_warn(options->log, "credentials are not sent, because the server is not https",
                 "config", spec->source, "server", spec->server);
    if (spec->proxy)
        return 0;
    return config_proxy_from_env(spec->server, options->env, &spec->proxy, err);
}

static bool is_listed(const char *list, const char *end, const char *path, size_t len)
{
    while (list < end) {
        size_t n = strcspn(list, ":");
        if (n == len && strncmp(list, path, len) == 0)
            return true;
        list += n + 1;
    }
    return false;
}

/* A list of paths: missing ones are skipped as long as one is there. */
static int files_add_list(struct config_files *files, const char *list, struct log *log,
                          struct err *err)
{
    for (const char *p = list; *p;) {
        size_t len = strcspn(p, ":");
        if (len > 0 && !is_listed(list, p, p, len)) {
            struct err why = {0};
            char *path = mem_strn(p, len);
            int result = config_files_add(files, path, &why);
            if (result != 0 && why.code == ERR_NOT_FOUND)
                log_debug(log, "a file of KUBECONFIG does not exist", "file", path);
            free(path);
            if (result != 0 && why.code != ERR_NOT_FOUND)
                return err_set(err, why.code, "KUBECONFIG: %s", why.text);
        }
        p += len + (p[len] == ':');
    }
    if (files->count == 0)
        return err_set(err, ERR_NOT_FOUND,
                       "KUBECONFIG: none of its files exists: `%s`; correct the variable or unset "
                       "it",
                       list);
    return 0;
}

static int spec_from_list(const char *list, const struct kube_config_options *options,
                          struct config_spec *spec, struct err *err)
{
    struct config_files *files = mem_alloc(sizeof(*files));
    int result = files_add_list(files, list, options->log, err);
    if (result == 0) {
        const char *where = files->count == 1 ? files->items[0].path : "KUBECONFIG";
        result = spec_from_files(files, where, options, spec, err);
    }
    config_files_deinit(files);
    free(files);
    return result;
}

static int spec_from_file(const char *path, const char *remedy,
                          const struct kube_config_options *options, struct config_spec *spec,
                          struct err *err)
{
    struct config_files *files = mem_alloc(sizeof(*files));
    struct err why = {0};
    int result = config_files_add(files, path, &why);
    if (result == 0)
        result = spec_from_files(files, path, options, spec, err);
    else
        err_set(err, why.code, "kubeconfig %s; %s", why.text, remedy);
    config_files_deinit(files);
    free(files);
    return result;
}

/* --- in a pod --------------------------------------------------------------------------------- */

static char *pod_namespace(const char *const *env, const char *dir)
{
    const char *name = config_env(env, "POD_NAMESPACE");
    if (name)
        return mem_str(name);
    char *path = mem_printf("%s/namespace", dir);
    char *text = NULL;
    if (config_token_read(path, &text, NULL) != 0)
        text = mem_str("default");
    free(path);
    return text;
}

static int spec_from_pod(const struct kube_config_options *options, const char *host,
                         const char *port, const char *dir, struct config_spec *spec,
                         struct err *err)
{
    struct err why = {0};
    char *first = NULL;
    bool v6 = strchr(host, ':') != NULL;
    spec->source = mem_str("in-cluster");
    spec->tls = spec->send_credentials = spec->ca_optional = true;
    spec->server =
        v6 ? mem_printf("https://[%s]:%s", host, port) : mem_printf("https://%s:%s", host, port);
    spec->namespace = pod_namespace(options->env, dir);
    spec->token_file = mem_printf("%s/token", dir);
    spec->ca.path = mem_printf("%s/ca.crt", dir);
    if (config_token_read(spec->token_file, &first, &why) != 0)
        return err_set(err, why.code,
                       "in-cluster: %s; mount a service account token "
                       "(automountServiceAccountToken) or give --kubeconfig",
                       why.text);
    free(first);
    struct config_url url;
    if (config_url_split(spec->server, &url, &why) != 0)
        return err_set(err, ERR_INVALID, "in-cluster: KUBERNETES_SERVICE_HOST and _PORT: %s",
                       why.text);
    config_url_deinit(&url);
    if (config_pem_read(spec->ca.path, CONFIG_PEM_CERTIFICATE, &spec->ca.text, &why) != 0)
        log_error(options->log, "the certificate authority is not usable; the system's are used",
                  "error", why.text);
    return config_proxy_from_env(spec->server, options->env, &spec->proxy, err);
}

static int spec_choose(const struct kube_config_options *options, struct config_spec *spec,
                       struct err *err)
{
    const char *const *env = options->env;
    const char *list = config_env(env, "KUBECONFIG");
    const char *host = config_env(env, "KUBERNETES_SERVICE_HOST");
    const char *port = config_env(env, "KUBERNETES_SERVICE_PORT");
    const char *home = config_env(env, "HOME");
    const char *dir =
        options->service_account_dir ? options->service_account_dir : SERVICE_ACCOUNT_DIR;
    bool context = options->context && *options->context;
    if (options->kubeconfig && *options->kubeconfig)
        return spec_from_file(options->kubeconfig, "correct --kubeconfig", options, spec, err);
    if (list)
        return spec_from_list(list, options, spec, err);
    char *home_file = home ? mem_printf("%s/.kube/config", home) : NULL;
    char *token = mem_printf("%s/token", dir);
    bool has_home = home_file && access(home_file, F_OK) == 0;
    bool in_pod = host && port && !context && (access(token, F_OK) == 0 || !has_home);
    int result;
    if (in_pod)
        result = spec_from_pod(options, host, port, dir, spec, err);
    else if (has_home)
        result = spec_from_file(home_file, "correct or remove it", options, spec, err);
    else
        result = err_set(err, ERR_NOT_FOUND,
                         "no cluster is configured: no --kubeconfig, KUBECONFIG is not set, not in "
                         "a pod, and `%s` does not exist; give one of them",
                         home_file ? home_file : "~/.kube/config");
    free(home_file);
    free(token);
    return result;
}

struct kube_config *kube_config_load(struct loop *loop, const struct kube_config_options *options,
                                     struct err *err)
{
    struct config_spec spec = {0};
    if (spec_choose(options, &spec, err) != 0) {
        config_spec_deinit(&spec);
        return NULL;
    }
    return config_new(loop, options->log, &spec, options->env, err);
}
