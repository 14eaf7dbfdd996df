/* Where an API server is and who we are to it: kubeconfig files or the pod's own service account.
 *
 * Loads and validates as client-go does (reference list: "Credentials"); every error is one line
 * that names file, field and remedy. Token files, certificates and CA are re-read on their schedule;
 * exec plugins run off the loop's critical path and their answer is cached. rest asks for the
 * current credentials before each request and reports a 401 back.
 */
#ifndef NEMETON_KUBE_CONFIG_H
#define NEMETON_KUBE_CONFIG_H

#include "base/buf.h"
#include "base/log.h"
#include "loop/http.h"
#include "loop/loop.h"

struct kube_config;

struct kube_config_options {
    const char *kubeconfig; /* --kubeconfig: one file, no merging; NULL = see env */
    const char *context;    /* --context; NULL = current-context; passes over in-cluster */
    const char *const
        *env; /* environment, NULL-terminated: KUBECONFIG, HOME, KUBERNETES_*, proxies */
    const char *service_account_dir; /* NULL = the usual place; tests */
    struct log *log;
};

/* Precedence: kubeconfig option, $KUBECONFIG, in-cluster, ~/.kube/config. Nothing is contacted. */
struct kube_config *kube_config_load(struct loop *loop, const struct kube_config_options *options,
                                     struct err *err);
/* A fixed address without files: the in-process sandbox. token may be NULL; it is the only kind of
 * configuration whose credentials are sent without TLS, because nothing leaves the process. */
struct kube_config *kube_config_fixed(struct loop *loop, const char *server_url, const char *token);
void kube_config_free(struct kube_config *config);

const char *kube_config_server(const struct kube_config *config);    /* no trailing slash */
const char *kube_config_namespace(const struct kube_config *config); /* never empty */
const char *
kube_config_source(const struct kube_config *config); /* "in-cluster", "FILE (context C)" */

/* What a request needs. Lent until the next call. */
struct kube_credentials {
    const struct http_header *headers; /* Authorization, Impersonate-*; values are secret */
    size_t header_count;
    struct http_tls *tls;
    const char *proxy;
    bool compressed;
    uint64_t generation; /* changes when the connection must not be reused */
};
/* Calls fn once, at once or when a plugin has answered, with either credentials or err. */
typedef void (*kube_credentials_fn)(void *arg, const struct kube_credentials *credentials,
                                    const struct err *err);
void kube_config_credentials(struct kube_config *config, kube_credentials_fn fn, void *arg);
/* No callback with this arg afterwards. */
void kube_config_credentials_cancel(struct kube_config *config, void *arg);
/* A 401 came for credentials fetched at started_mono_ms. True: fetch again and replay once. */
bool kube_config_unauthorized(struct kube_config *config, int64_t started_mono_ms);

/* The proxy that HTTP_PROXY, HTTPS_PROXY and NO_PROXY of an environment (NULL-terminated, or NULL) mean
 * for a URL, by the rules of Go's HTTP library. *out is yours; NULL: none. */
int kube_proxy_from_env(const char *url, const char *const *env, char **out, struct err *err);

#endif
