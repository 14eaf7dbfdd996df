#include "sandbox/strategy_internal.h"

#include "base/digest.h"
#include "sandbox/go_json.h"
#include "sandbox/meta.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

enum { DATA_BYTES_MAX = 1 << 20 };

static void set_name_label(struct jv *namespace)
{
    const char *name = meta_name(namespace);
    if (name)
        jv_set_str(jv_ensure(namespace, "metadata", "labels", NULL), "kubernetes.io/metadata.name",
                   name);
}

/* A name that the server makes is not known yet where the real one fills in defaults. */
static void namespace_defaults(struct jv *namespace)
{
    if (!jv_path(namespace, "metadata", "generateName", NULL))
        set_name_label(namespace);
}

static int namespace_prepare_create(struct request *request, struct jv *namespace,
                                    struct refusal *refusal)
{
    (void)request;
    (void)refusal;
    struct jv *finalizers = jv_array();
    jv_append(finalizers, jv_string("kubernetes"));
    jv_set(jv_ensure(namespace, "spec", NULL), "finalizers", finalizers);
    jv_set_str(jv_ensure(namespace, "status", NULL), "phase", "Active");
    set_name_label(namespace);
    return 0;
}

static int namespace_prepare_update(struct request *request, const struct jv *before,
                                    struct jv *after, struct refusal *refusal)
{
    (void)request;
    (void)refusal;
    jv_remove(after, "spec");
    if (jv_get(before, "spec"))
        jv_set(after, "spec", jv_dup(jv_get(before, "spec")));
    return 0;
}

static bool is_config_key(const char *key)
{
    size_t len = strlen(key);
    if (len == 0 || len > 253 || strcmp(key, ".") == 0 || strncmp(key, "..", 2) == 0)
        return false;
    for (; *key; key++)
        if (!isalnum((unsigned char)*key) && !strchr("-._", *key))
            return false;
    return true;
}

static size_t check_data(const struct jv *data, const char *path, struct field_errors *errors)
{
    char at[FIELD_PATH_BYTES];
    struct jv_iter iter = {0};
    size_t total = 0, len = 0;
    while (jv_size(data) && jv_next(data, &iter)) {
        if (!is_config_key(iter.key))
            field_invalid_str(errors, field_path(at, "%s[%s]", path, iter.key), iter.key,
                              "a valid config key must consist of alphanumeric characters, '-', "
                              "'_' or '.' (e.g. 'key.name',  or 'KEY_NAME',  or 'key-name', regex "
                              "used for validation is '[-._a-zA-Z0-9]+')");
        jv_strn(iter.value, &len);
        total += len;
    }
    return total;
}

static void config_map_validate(const struct jv *map, struct field_errors *errors)
{
    char at[FIELD_PATH_BYTES];
    const struct jv *data = jv_get(map, "data"), *binary = jv_get(map, "binaryData");
    struct jv_iter iter = {0};
    size_t total = check_data(data, "data", errors) + check_data(binary, "binaryData", errors);
    while (jv_size(binary) && jv_next(binary, &iter))
        if (jv_get(data, iter.key))
            field_invalid_str(errors, field_path(at, "data[%s]", iter.key), iter.key,
                              "duplicate of key present in binaryData");
    if (total > DATA_BYTES_MAX)
        field_too_long(errors, "[]", DATA_BYTES_MAX);
}

static void immutable_data(const struct jv *before, const struct jv *after,
                           struct field_errors *errors)
{
    static const char *const members[] = {"data", "binaryData"};
    if (!jv_bool_value(jv_get(before, "immutable")))
        return;
    if (!jv_bool_value(jv_get(after, "immutable")))
        field_forbidden(errors, "immutable", "field is immutable when `immutable` is set");
    for (size_t i = 0; i < 2; i++)
        if (!same_or_absent(jv_get(before, members[i]), jv_get(after, members[i])))
            field_forbidden(errors, members[i], "field is immutable when `immutable` is set");
}

/* stringData is a way to write data; it is never stored. */
static void secret_defaults(struct jv *secret)
{
    const struct jv *texts = jv_get(secret, "stringData");
    struct jv_iter iter = {0};
    default_str(secret, "type", "Opaque");
    while (jv_size(texts) && jv_next(texts, &iter)) {
        struct buf encoded;
        size_t len = 0;
        const char *text = jv_strn(iter.value, &len);
        buf_init(&encoded, 2 * DATA_BYTES_MAX);
        base64_encode(text ? text : "", len, &encoded);
        jv_set_str(jv_ensure(secret, "data", NULL), iter.key, buf_str(&encoded));
        buf_deinit(&encoded);
    }
    jv_remove(secret, "stringData");
}

/* A .dockerconfigjson (or .dockercfg) is JSON. */
static void check_docker(const struct jv *data, const char *key, struct field_errors *errors)
{
    struct buf raw;
    char path[FIELD_PATH_BYTES];
    const char *text = jv_str(jv_get(data, key));
    field_path(path, "data[%s]", key);
    if (!text) {
        field_required(errors, path, NULL);
        return;
    }
    buf_init(&raw, DATA_BYTES_MAX);
    if (base64_decode(text, strlen(text), &raw, NULL) == 0) {
        char *problem = go_json_problem(buf_str(&raw), raw.len);
        if (problem)
            field_invalid_str(errors, path, "<secret contents redacted>", "%s", problem);
        free(problem);
    }
    buf_deinit(&raw);
}

static void secret_validate(const struct jv *secret, struct field_errors *errors)
{
    static const struct {
        const char *type, *keys[2];
    } wanted[] = {{"kubernetes.io/ssh-auth", {"ssh-privatekey", NULL}},
                  {"kubernetes.io/tls", {"tls.crt", "tls.key"}}};
    char path[FIELD_PATH_BYTES];
    const struct jv *data = jv_get(secret, "data");
    const char *type = member_str(secret, "type");
    if (check_data(data, "data", errors) > DATA_BYTES_MAX * 4 / 3)
        field_too_long(errors, "data", DATA_BYTES_MAX);
    for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++)
        for (size_t k = 0; strcmp(type, wanted[i].type) == 0 && k < 2 && wanted[i].keys[k]; k++)
            if (!jv_get(data, wanted[i].keys[k]))
                field_required(errors, field_path(path, "data[%s]", wanted[i].keys[k]), NULL);
    if (strcmp(type, "kubernetes.io/basic-auth") == 0 && !jv_get(data, "username") &&
        !jv_get(data, "password")) {
        field_required(errors, "data[username]", NULL);
        field_required(errors, "data[password]", NULL);
    }
    if (strcmp(type, "kubernetes.io/dockerconfigjson") == 0)
        check_docker(data, ".dockerconfigjson", errors);
    if (strcmp(type, "kubernetes.io/dockercfg") == 0)
        check_docker(data, ".dockercfg", errors);
    const char *account =
        jv_path_str(secret, "metadata", "annotations", "kubernetes.io/service-account.name", NULL);
    if (strcmp(type, "kubernetes.io/service-account-token") == 0 && (!account || !*account))
        field_required(errors, "metadata.annotations[kubernetes.io/service-account.name]", NULL);
}

static void secret_validate_update(const struct jv *before, const struct jv *after,
                                   struct field_errors *errors)
{
    validate_immutable(jv_get(before, "type"), jv_get(after, "type"), "type", errors);
    immutable_data(before, after, errors);
}

static void lease_validate(const struct jv *lease, struct field_errors *errors)
{
    const struct jv *spec = jv_get(lease, "spec");
    const struct jv *duration = jv_get(spec, "leaseDurationSeconds");
    const struct jv *transitions = jv_get(spec, "leaseTransitions");
    if (duration && jv_int_value(duration) <= 0)
        field_invalid(errors, "spec.leaseDurationSeconds", duration, "must be greater than 0");
    if (transitions && jv_int_value(transitions) < 0)
        field_invalid(errors, "spec.leaseTransitions", transitions,
                      "must be greater than or equal to 0");
}

static void quota_validate(const struct jv *quota, struct field_errors *errors)
{
    char path[FIELD_PATH_BYTES];
    const struct jv *hard = jv_path(quota, "spec", "hard", NULL);
    struct jv_iter iter = {0};
    while (jv_size(hard) && jv_next(hard, &iter)) {
        const char *text = jv_str(iter.value);
        if (text && text[0] == '-')
            field_invalid(errors, field_path(path, "spec.hard[%s]", iter.key), iter.value,
                          "must be greater than or equal to 0");
    }
}

const struct strategy strategy_plain = {0};
const struct strategy strategy_quota = {.validate = quota_validate};
const struct strategy strategy_node = {0};
const struct strategy strategy_namespace = {
    .defaults = namespace_defaults,
    .prepare_create = namespace_prepare_create,
    .prepare_update = namespace_prepare_update,
};
const struct strategy strategy_config_map = {
    .validate = config_map_validate,
    .validate_update = immutable_data,
};
const struct strategy strategy_secret = {
    .defaults = secret_defaults,
    .validate = secret_validate,
    .validate_update = secret_validate_update,
};
const struct strategy strategy_lease = {.validate = lease_validate};
