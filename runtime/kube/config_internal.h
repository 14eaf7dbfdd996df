/* What the files of kube/config share: a kubeconfig as read, the connection it describes, and the
 * parts that keep a connection's secrets fresh.
 *
 * config_file reads and merges files, config_entry speaks about one stanza of them, config_cluster
 * and config_user turn stanzas into a struct config_spec, config_load chooses between the sources,
 * config_tls and config_exec renew what gets old, config.c hands credentials out.
 */
#ifndef NEMETON_KUBE_CONFIG_INTERNAL_H
#define NEMETON_KUBE_CONFIG_INTERNAL_H

#include "base/json.h"
#include "base/yaml.h"
#include "kube/config.h"
#include "loop/child.h"

enum {
    CONFIG_FILES_MAX = 64,
    CONFIG_FILE_BYTES_MAX = 4 << 20,
    CONFIG_SECRET_BYTES_MAX = 1 << 20, /* a token, a certificate, a bundle of authorities */
    CONFIG_IMPERSONATE_MAX = 128,      /* headers */
    CONFIG_EXEC_WORDS_MAX = 256,       /* arguments, environment entries */
    CONFIG_EXEC_OUTPUT_MAX = 1 << 20,
    CONFIG_EXEC_TIMEOUT_MS = 60000,
    CONFIG_EXEC_FAILURE_HOLD_MS = 1000, /* a plugin that failed is not started again before */
    CONFIG_WAITERS_MAX = 4096,
    CONFIG_TOKEN_AGE_MS = 50000,
    CONFIG_TOKEN_RETRY_MS = 1000,
    CONFIG_PEM_AGE_MS = 300000,
};

/* --- files ------------------------------------------------------------------------------------ */

struct config_file {
    char *path;
    char *dir; /* relative paths in the file start here */
    struct yaml_docs *docs;
    const struct jv *root; /* lent by docs; NULL for an empty file */
};
struct config_files {
    struct config_file items[CONFIG_FILES_MAX];
    size_t count;
};

/* Bytes of a file, at most bytes_max. ERR_NOT_FOUND when it does not exist; the text names it. */
int config_read(const char *path, size_t bytes_max, struct buf *out, struct err *err);
int config_files_add(struct config_files *files, const char *path, struct err *err);
void config_files_deinit(struct config_files *files);
const char *config_files_current_context(const struct config_files *files); /* NULL: none is set */

/* One named stanza. */
struct config_entry {
    const struct config_file *file;
    const char *list; /* "users" */
    const char *noun; /* "user": what it is called, and the key of its body */
    const char *name;
    size_t index;
    const struct jv *body;
};
/* The first file that has it wins. Returns false when no file does. */
bool config_files_find(const struct config_files *files, const char *list, const char *noun,
                       const char *name, struct config_entry *entry);
/* "a, b and 3 more", or "none". */
void config_files_names(const struct config_files *files, const char *list, struct buf *out);

/* Sets "FILE:LINE: user `NAME`: FIELD: text" and returns -1. */
int config_entry_err(const struct config_entry *entry, const char *field, struct err *err,
                     enum err_code code, const char *format, ...)
    __attribute__((format(printf, 5, 6)));
/* *out is lent; NULL when the field is absent, null or empty. */
int config_entry_str(const struct config_entry *entry, const struct jv *object, const char *field,
                     const char **out, struct err *err);
int config_entry_bool(const struct config_entry *entry, const struct jv *object, const char *field,
                      bool *out, struct err *err);
char *config_entry_path(const struct config_entry *entry, const char *path); /* yours */

/* --- the connection --------------------------------------------------------------------------- */

struct config_pem {
    char *path; /* NULL: given inline */
    char *text; /* in force; NULL: absent */
};

enum config_interactive { INTERACTIVE_NEVER, INTERACTIVE_IF_AVAILABLE, INTERACTIVE_ALWAYS };

struct config_exec_spec {
    char *api_version;
    char *command;
    char **args, **env; /* NULL-terminated; env as NAME=VALUE */
    char *install_hint; /* one line */
    enum config_interactive interactive;
    bool provide_cluster_info;
};

struct config_spec {
    char *server, *namespace, *source;
    bool tls;              /* the server is https */
    bool send_credentials; /* over TLS, or in process */
    bool insecure, compressed;
    bool ca_optional;  /* in a pod: an unusable CA is logged, and the system's are used */
    char *server_name; /* tls-server-name */
    char *proxy;
    struct config_pem ca, cert, key;
    char *token, *token_file;
    char *username, *password;
    struct http_header *impersonate; /* owned with its strings */
    size_t impersonate_count;
    struct config_exec_spec *exec;
    struct jv *exec_cluster; /* spec.cluster of the plugin's input; NULL without a plugin */
};
void config_spec_deinit(struct config_spec *spec);

int config_cluster_parse(const struct config_entry *entry, struct config_spec *spec,
                         struct err *err);
int config_user_parse(const struct config_entry *entry, struct config_spec *spec, struct err *err);
int config_exec_parse(const struct config_entry *entry, const struct jv *exec,
                      struct config_spec *spec, struct err *err);
/* FIELD or FIELD-data, not both; checks that the text holds a "-----BEGIN" of this kind. */
int config_pem_parse(const struct config_entry *entry, const char *field, const char *marker,
                     struct config_pem *pem, struct err *err);
/* Reads the file of a pem. -1 when unreadable, empty or without the marker. */
int config_pem_read(const char *path, const char *marker, char **text, struct err *err);
#define CONFIG_PEM_CERTIFICATE "CERTIFICATE-----"
#define CONFIG_PEM_KEY "PRIVATE KEY-----"
/* Trimmed content of a token file; empty or multi-line content is an error. */
int config_token_read(const char *path, char **token, struct err *err);
bool config_header_value_ok(const char *value); /* no control characters */

/* --- addresses -------------------------------------------------------------------------------- */

struct config_url {
    char *scheme, *host, *port; /* host without brackets, lower case; port "" when absent */
    bool has_user, has_path, has_query;
};
int config_url_split(const char *text, struct config_url *url, struct err *err);
void config_url_deinit(struct config_url *url);
/* Whether it may be used as a proxy; *out is its form for the transport. The error does not repeat
 * the text, which may hold a password. */
int config_proxy_check(const char *text, char **out, struct err *err);
/* What HTTPS_PROXY, HTTP_PROXY and NO_PROXY mean for this server; *out NULL: no proxy. */
int config_proxy_from_env(const char *server, const char *const *env, char **out, struct err *err);
const char *config_env(const char *const *env, const char *name); /* NULL when unset or empty */

/* --- a live configuration --------------------------------------------------------------------- */

struct config_waiter {
    kube_credentials_fn fn;
    void *arg;
    struct config_waiter *next;
};

struct config_exec_state {
    struct child *child; /* NULL: not running */
    bool has, stale;
    char *token, *cert, *key;
    int64_t expires_wall_ns;        /* INT64_MAX: never */
    int64_t finished_ms, failed_ms; /* monotonic; -1: not yet */
    struct err failure;
};

struct kube_config {
    struct loop *loop;
    struct log *log;
    struct config_spec spec;
    char **env; /* for plugins */

    char *token; /* from token or token_file */
    int64_t token_read_ms;
    bool token_stale, token_complained;

    struct http_tls *tls;
    int64_t pem_checked_ms;
    bool pem_complained;
    uint64_t generation;

    struct config_exec_state exec;
    struct config_waiter *waiters, *delivering;
    size_t waiter_count;

    char *authorization; /* value of the header */
    struct http_header *headers;
};

/* Takes over what spec owns, also on failure. */
struct kube_config *config_new(struct loop *loop, struct log *log, struct config_spec *spec,
                               const char *const *env, struct err *err);
/* Builds the TLS identity, and builds it again when its files have changed. */
int config_tls_refresh(struct kube_config *config, struct err *err);
/* The plugin gave another certificate. */
int config_tls_set_client(struct kube_config *config, const char *cert, const char *key,
                          struct err *err);

bool config_exec_ready(const struct kube_config *config);
/* Starts the plugin unless it runs. */
int config_exec_start(struct kube_config *config, struct err *err);
void config_exec_deinit(struct kube_config *config);
/* The plugin has ended: everybody who waits gets err, or the new credentials. */
void config_deliver(struct kube_config *config, const struct err *err);
void config_token_set(struct kube_config *config, char *take);

struct config_exec_answer {
    char *token, *cert, *key;
    int64_t expires_wall_ns;
};
int config_exec_answer_parse(const char *output, size_t len, const char *api_version,
                             struct config_exec_answer *answer, struct err *err);
void config_exec_answer_deinit(struct config_exec_answer *answer);
/* RFC 3339 with optional fraction and offset. */
int config_time_parse(const char *text, int64_t *wall_ns);

#endif
