/* One request: what was asked, of which kind, and how the answer should look.
 *
 * request_parse fills it from the exchange; the verbs (read.h, write.h, delete.h, watcher.h) act on
 * it and either answer or set a refusal, which the router turns into the answer. Internal writes
 * (loading, cleaning up after a CRD) use a request without an exchange.
 */
#ifndef NEMETON_SANDBOX_REQUEST_H
#define NEMETON_SANDBOX_REQUEST_H

#include "sandbox/server.h"

enum verb {
    VERB_GET,
    VERB_LIST,
    VERB_WATCH,
    VERB_CREATE,
    VERB_UPDATE,
    VERB_PATCH,
    VERB_DELETE,
    VERB_DELETE_COLLECTION,
};
enum answer_form { ANSWER_OBJECT, ANSWER_TABLE, ANSWER_METADATA };
enum field_validation { FIELDS_WARN, FIELDS_STRICT, FIELDS_IGNORE };

struct request {
    struct apiserver *server;
    struct exchange *exchange; /* NULL for internal ones */
    enum verb verb;
    const struct kind *kind; /* as addressed; objects are in kind->home */
    const struct kind_version *version;
    char *namespace, *name, *subresource; /* decoded; NULL when absent */
    enum answer_form form;
    const char *form_version; /* "v1", "v1beta1": of meta.k8s.io */
    bool dry_run;
    bool late_error; /* a fault: do it, then say that it timed out */
    enum field_validation fields;
    char *field_manager; /* never NULL */
    const char *user;    /* User-Agent, never NULL */
    bool no_columns;     /* tables without columnDefinitions: a watch told them already */
    bool managed;        /* managedFields are worked out: writes leave them */
    /* The real server keeps bytes, and now and then others than it would read back: whoever writes the
     * object next writes it anew, though nothing has changed. */
    bool unsettled;
    char *other_kind;    /* what a custom object calls itself when it is not its kind; owned */
    struct jv *warnings; /* array of strings, owned */
};

/* -1 when refused; request_deinit is needed either way. */
int request_parse(struct request *request, struct apiserver *server, struct exchange *exchange,
                  const char *const *parts, size_t count, struct refusal *refusal);
void request_init_internal(struct request *request, struct apiserver *server,
                           const struct kind *kind, enum verb verb);
void request_deinit(struct request *request);
void request_warn(struct request *request, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
struct kind *request_home(const struct request *request);
const char *request_query(const struct request *request, const char *name); /* NULL when none */
/* The request's namespace (NULL: all) and name as a storage key. */
const char *request_key(const struct request *request, const char *name, char out[KIND_TEXT_BYTES]);

/* The body as one object; yaml too, and protobuf of built-in kinds. Other encodings are a 415. */
int request_body(const struct request *request, struct jv **out, struct refusal *refusal);
/* Content-Type without parameters, lower case. */
void request_media_type(const struct request *request, char *out, size_t size);

/* Objects of the home kind in the shape of the request's kind and version, and back. Both take
 * over and give one reference. */
struct jv *request_shape(const struct request *request, struct jv *object);
struct jv *request_unshape(const struct request *request, struct jv *object);

#endif
