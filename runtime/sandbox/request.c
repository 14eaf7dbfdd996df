#include "sandbox/request.h"

#include "base/yaml.h"
#include "sandbox/decode.h"
#include "sandbox/events.h"
#include "sandbox/go_json.h"
#include "sandbox/options.h"
#include "sandbox/protobuf.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* As the real server reads it: whatever is there and is neither "false" nor "0". */
static bool is_true(const char *text)
{
    return text && strcasecmp(text, "false") != 0 && strcmp(text, "0") != 0;
}

static int parse_verb(struct request *request, struct refusal *refusal)
{
    const char *method = exchange_method(request->exchange);
    bool one = request->name != NULL;
    if (strcmp(method, "GET") == 0) {
        bool watch = is_true(exchange_query(request->exchange, "watch"));
        request->verb = one ? VERB_GET : watch ? VERB_WATCH : VERB_LIST;
    } else if (strcmp(method, "POST") == 0) {
        request->verb = VERB_CREATE;
    } else if (strcmp(method, "PUT") == 0) {
        request->verb = VERB_UPDATE;
    } else if (strcmp(method, "PATCH") == 0) {
        request->verb = VERB_PATCH;
    } else if (strcmp(method, "DELETE") == 0) {
        request->verb = one ? VERB_DELETE : VERB_DELETE_COLLECTION;
    } else {
        return refuse_method(refusal);
    }
    bool wants_name = request->verb == VERB_UPDATE || request->verb == VERB_PATCH;
    if (wants_name && !one)
        return refuse_method(refusal);
    if (request->verb == VERB_CREATE && one && !request->subresource)
        return refuse_method(refusal);
    return 0;
}

static void trim(char **text)
{
    while (isspace((unsigned char)**text))
        (*text)++;
    size_t len = strlen(*text);
    while (len && isspace((unsigned char)(*text)[len - 1]))
        (*text)[--len] = '\0';
}

/* One clause of Accept. True when it can be answered. */
static bool accept_clause(struct request *request, char *clause)
{
    char *rest = clause, *word = strsep(&rest, ";");
    trim(&word);
    bool wild = strcmp(word, "*/*") == 0 || strcmp(word, "application/*") == 0;
    if (!wild && strcmp(word, "application/json") != 0)
        return false;
    const char *as = "", *version = "v1";
    while ((word = strsep(&rest, ";"))) {
        trim(&word);
        if (strncmp(word, "as=", 3) == 0)
            as = word + 3;
        else if (strcmp(word, "v=v1beta1") == 0)
            version = "v1beta1";
    }
    request->form_version = version;
    if (strncmp(as, "PartialObjectMetadata", 21) == 0)
        request->form = ANSWER_METADATA;
    else if (strcmp(as, "Table") == 0)
        request->form = ANSWER_TABLE;
    else if (*as)
        return false;
    return true;
}

static int parse_accept(struct request *request, struct refusal *refusal)
{
    const char *accept = exchange_header(request->exchange, "Accept");
    if (!accept || !*accept)
        return 0;
    char *copy = mem_str(accept), *rest = copy, *clause;
    bool found = false;
    while (!found && (clause = strsep(&rest, ",")))
        found = accept_clause(request, clause);
    free(copy);
    if (found || strcmp(request->subresource ? request->subresource : "", "log") == 0)
        return 0;
    bool custom = kind_is(request->kind, KIND_CUSTOM);
    refuse(refusal, 406, "NotAcceptable", "%s",
           custom ? "only the following media types are accepted: application/json, "
                    "application/yaml, application/vnd.kubernetes.protobuf"
                  : "406: Not Acceptable\n\nAvailable representations: application/json, "
                    "application/yaml, application/vnd.kubernetes.protobuf");
    if (!custom)
        jv_ensure(refusal->status, "details", NULL);
    return -1;
}

/* parts: what follows the group and version. "namespaces/NS/PLURAL/NAME/SUB", but a namespace itself
 * has status and finalize below it. */
static int parse_place(struct request *request, const char *const *parts, size_t count,
                       const char *group, const char *version, struct refusal *refusal)
{
    bool scoped = count >= 3 && strcmp(parts[0], "namespaces") == 0 &&
                  !(strcmp(parts[2], "status") == 0 || strcmp(parts[2], "finalize") == 0);
    if (scoped) {
        request->namespace = mem_str(parts[1]);
        parts += 2;
        count -= 2;
    }
    struct kind_version *found = NULL;
    request->kind =
        count ? kinds_by_resource(request->server->kinds, group, version, parts[0], &found) : NULL;
    request->version = found;
    bool fits = request->kind && count <= 3 &&
                (!scoped || kind_is(request->kind, KIND_NAMESPACED)) &&
                (scoped || count == 1 || !kind_is(request->kind, KIND_NAMESPACED));
    if (!fits)
        return refuse_unknown(refusal);
    if (count > 1)
        request->name = mem_str(parts[1]);
    if (count > 2)
        request->subresource = mem_str(parts[2]);
    return 0;
}

static int check_include(const struct request *request, struct refusal *refusal)
{
    static const char *const known[] = {"", "None", "Metadata", "Object"};
    const char *include = request_query(request, "includeObject");
    for (size_t i = 0; include && i < sizeof(known) / sizeof(known[0]); i++)
        if (strcmp(include, known[i]) == 0)
            return 0;
    if (!include)
        return 0;
    return refuse_bad_request(refusal,
                              "Unable to convert to Table as requested: includeObject: Invalid "
                              "value: \"%s\": must be 'Metadata', 'Object', 'None', or empty",
                              include);
}

static void warn_deprecated(struct request *request)
{
    char version[KIND_TEXT_BYTES];
    const char *own = jv_str(jv_get(request->version->definition, "deprecationWarning"));
    if (own)
        request_warn(request, "%s", own);
    else
        request_warn(request, "%s %s is deprecated",
                     kind_api_version(request->kind, request->version, version, sizeof(version)),
                     request->kind->kind);
}

int request_parse(struct request *request, struct apiserver *server, struct exchange *exchange,
                  const char *const *parts, size_t count, struct refusal *refusal)
{
    *request = (struct request){.server = server, .exchange = exchange, .form_version = "v1"};
    const char *user = exchange_header(exchange, "User-Agent");
    request->user = user ? user : "";
    request->warnings = jv_array();
    bool core = strcmp(parts[0], "api") == 0;
    const char *group = core ? "" : parts[1], *version = core ? parts[1] : parts[2];
    size_t skip = core ? 2 : 3;
    if (parse_place(request, parts + skip, count - skip, group, version, refusal) < 0)
        return -1;
    if (parse_verb(request, refusal) < 0 || parse_accept(request, refusal) < 0)
        return -1;
    if (request->version->deprecated)
        warn_deprecated(request);
    if (request->form == ANSWER_TABLE && check_include(request, refusal) < 0)
        return -1;
    return options_of_write(request, refusal);
}

void request_init_internal(struct request *request, struct apiserver *server,
                           const struct kind *kind, enum verb verb)
{
    *request = (struct request){.server = server,
                                .verb = verb,
                                .kind = kind,
                                .version = &kind->versions[kind->storage_version],
                                .form_version = "v1",
                                .fields = FIELDS_IGNORE,
                                .user = "nemeton-sandbox"};
    request->field_manager = mem_str("nemeton-sandbox");
    request->warnings = jv_array();
}

void request_deinit(struct request *request)
{
    free(request->namespace);
    free(request->name);
    free(request->subresource);
    free(request->field_manager);
    free(request->other_kind);
    jv_unref(request->warnings);
}

void request_warn(struct request *request, const char *format, ...)
{
    enum { WARNING_BYTES_MAX = 1024, WARNINGS_MAX = 32 };
    struct buf text;
    va_list args;
    if (jv_size(request->warnings) >= WARNINGS_MAX)
        return;
    buf_init(&text, WARNING_BYTES_MAX);
    va_start(args, format);
    buf_vprintf(&text, format, args);
    va_end(args);
    jv_append(request->warnings, jv_string(buf_str(&text)));
    buf_deinit(&text);
}

struct kind *request_home(const struct request *request)
{
    /* The table hands out kinds as constant; their objects are not. */
    return (struct kind *)request->kind->home;
}

const char *request_query(const struct request *request, const char *name)
{
    return request->exchange ? exchange_query(request->exchange, name) : NULL;
}

const char *request_key(const struct request *request, const char *name, char out[KIND_TEXT_BYTES])
{
    return storage_key(out, KIND_TEXT_BYTES, request->namespace, name);
}

void request_media_type(const struct request *request, char *out, size_t size)
{
    const char *type = exchange_header(request->exchange, "Content-Type");
    size_t len = 0;
    for (; type && type[len] && type[len] != ';' && len + 1 < size; len++)
        out[len] = (char)tolower((unsigned char)type[len]);
    while (len && out[len - 1] == ' ')
        len--;
    out[len] = '\0';
}

/* "YAML line L column C: WHAT" in the real server's words; its parser does not name the first line. */
static int refuse_yaml(const char *text, struct refusal *refusal)
{
    static const char before[] = "error decoding YAML: error converting YAML to JSON: yaml: ";
    const char *what = strstr(text, ": ");
    long line = 0;
    if (sscanf(text, "YAML line %ld column", &line) != 1 || !what)
        return refuse_bad_request(refusal, "%s%s", before, text);
    if (line <= 1)
        return refuse_bad_request(refusal, "%s%s", before, what + 2);
    return refuse_bad_request(refusal, "%sline %ld: %s", before, line - 1, what + 2);
}

/* Bodies of a delete are options, of which the real server's decoder does not name the kind. */
static int refuse_json(const struct request *request, const char *body, size_t len,
                       const char *otherwise, struct refusal *refusal)
{
    char *problem = go_json_problem(body, len);
    const char *why = problem ? problem : otherwise;
    if (request->verb == VERB_DELETE || request->verb == VERB_DELETE_COLLECTION)
        refuse_bad_request(refusal, "couldn't get version/kind; json parse error: %s", why);
    else
        refuse_bad_request(refusal,
                           "the object provided is unrecognized (must be of type %s): couldn't "
                           "get version/kind; json parse error: %s%s",
                           request->kind->kind, why, len ? "" : " (<empty>)");
    free(problem);
    return -1;
}

int request_body(const struct request *request, struct jv **out, struct refusal *refusal)
{
    char type[128];
    size_t len;
    struct err err = {0};
    const char *body = exchange_body(request->exchange, &len);
    request_media_type(request, type, sizeof(type));
    if (strcmp(type, "application/vnd.kubernetes.protobuf") == 0 && request->version->type &&
        protobuf_parse(request->server->types, body, len, out, &err) == 0)
        return 0;
    if (strstr(type, "yaml")) {
        /* Most that is sent as YAML is JSON, which is read much faster. */
        if (len && *body == '{' && jv_parse(body, len, out, NULL) == 0)
            return 0;
        struct yaml_docs *docs = yaml_parse(body, len, &err);
        if (docs && yaml_docs_count(docs) == 1)
            *out = jv_dup(yaml_docs_get(docs, 0));
        else if (docs)
            err_set(&err, ERR_PARSE, "the body holds no object, or more than one");
        yaml_docs_free(docs);
        return *out ? 0 : refuse_yaml(err.text, refusal);
    }
    if (*type && strcmp(type, "application/json") != 0 && strcmp(type, "*/*") != 0)
        return refuse(refusal, 415, "UnsupportedMediaType",
                      "the body of the request was in an unknown format - accepted media types "
                      "include: application/json, application/yaml, "
                      "application/vnd.kubernetes.protobuf");
    if (jv_parse(body, len, out, &err) < 0)
        return refuse_json(request, body, len, err.text, refusal);
    if (jv_is_object(*out))
        return 0;
    jv_unref(*out);
    *out = NULL;
    return refuse_bad_request(refusal,
                              "the object provided is unrecognized (must be of type %s): "
                              "the body is not a JSON object",
                              request->kind->kind);
}

struct jv *request_shape(const struct request *request, struct jv *object)
{
    char text[KIND_TEXT_BYTES];
    if (request->kind != request->kind->home) {
        object = events_to_new(object);
        struct jv *clean = decode_object(request->version->type, object, NULL, NULL);
        jv_unref(object);
        return clean;
    }
    jv_set_str(object, "apiVersion",
               kind_api_version(request->kind, request->version, text, sizeof(text)));
    return object;
}

struct jv *request_unshape(const struct request *request, struct jv *object)
{
    char text[KIND_TEXT_BYTES];
    const struct kind *kind = request->kind;
    if (kind != kind->home)
        return events_to_core(object);
    jv_set_str(object, "apiVersion",
               kind_api_version(kind, &kind->versions[kind->storage_version], text, sizeof(text)));
    return object;
}
