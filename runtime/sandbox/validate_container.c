#include "sandbox/strategy_internal.h"

#include "sandbox/meta.h"
#include "sandbox/quantity.h"

#include <ctype.h>
#include <string.h>

static bool has_value(const struct jv *list, const char *member, const char *value)
{
    for (size_t i = 0; i < jv_size(list); i++)
        if (strcmp(member_str(jv_at(list, i), member), value) == 0)
            return true;
    return false;
}

static void check_port_number(const struct jv *value, const char *path, struct field_errors *errors)
{
    int64_t number = jv_int_value(value);
    if (number < 1 || number > 65535)
        field_invalid(errors, path, value, "must be between 1 and 65535, inclusive");
}

bool name_is_port(const char *name)
{
    bool letter = false;
    size_t len = strlen(name);
    if (len == 0 || len > 15 || name[0] == '-' || name[len - 1] == '-' || strstr(name, "--"))
        return false;
    for (size_t i = 0; i < len; i++) {
        letter |= islower((unsigned char)name[i]) != 0;
        if (!islower((unsigned char)name[i]) && !isdigit((unsigned char)name[i]) && name[i] != '-')
            return false;
    }
    return letter;
}

static void check_ports(const struct jv *ports, const char *path, struct field_errors *errors)
{
    static const char *const protocols[] = {"SCTP", "TCP", "UDP", NULL};
    char at[FIELD_PATH_BYTES];
    struct jv *seen = jv_array();
    for (size_t i = 0; i < jv_size(ports); i++) {
        struct jv *port = jv_at(ports, i);
        const char *name = member_str(port, "name");
        field_path(at, "%s[%zu].name", path, i);
        if (*name && !name_is_port(name))
            field_invalid_str(errors, at, name,
                              "must contain only alpha-numeric characters (a-z, 0-9), and hyphens "
                              "(-)");
        else if (*name && has_value(seen, "name", name))
            field_duplicate_str(errors, at, name);
        field_path(at, "%s[%zu].containerPort", path, i);
        if (jv_int_value(jv_get(port, "containerPort")) == 0)
            field_required(errors, at, NULL);
        else
            check_port_number(jv_get(port, "containerPort"), at, errors);
        validate_one_of(port, "protocol", field_path(at, "%s[%zu].protocol", path, i), protocols,
                        errors);
        jv_append(seen, jv_ref(port));
    }
    jv_unref(seen);
}

static void check_env(const struct jv *env, const char *path, struct field_errors *errors)
{
    char at[FIELD_PATH_BYTES];
    for (size_t i = 0; i < jv_size(env); i++) {
        const struct jv *entry = jv_at(env, i);
        const char *name = member_str(entry, "name");
        field_path(at, "%s[%zu].name", path, i);
        if (!*name)
            field_required(errors, at, NULL);
        else if (strchr(name, '='))
            field_invalid_str(errors, at, name,
                              "a valid environment variable name must consist only of printable "
                              "ASCII characters other than '='");
        if (*member_str(entry, "value") && jv_get(entry, "valueFrom"))
            field_invalid_str(errors, field_path(at, "%s[%zu].valueFrom", path, i), "",
                              "may not be specified when `value` is not empty");
    }
}

static void check_mounts(const struct jv *mounts, const struct jv *volumes, const char *path,
                         struct field_errors *errors)
{
    char at[FIELD_PATH_BYTES];
    struct jv *seen = jv_array();
    for (size_t i = 0; i < jv_size(mounts); i++) {
        struct jv *mount = jv_at(mounts, i);
        const char *name = member_str(mount, "name");
        const char *place = member_str(mount, "mountPath");
        field_path(at, "%s[%zu].name", path, i);
        if (!*name)
            field_required(errors, at, NULL);
        if (*name && !has_value(volumes, "name", name))
            field_not_found(errors, at, name);
        field_path(at, "%s[%zu].mountPath", path, i);
        if (!*place)
            field_required(errors, at, NULL);
        else if (has_value(seen, "mountPath", place))
            field_invalid_str(errors, at, place, "must be unique");
        jv_append(seen, jv_ref(mount));
    }
    jv_unref(seen);
}

static void check_quantities(const struct jv *resources, const char *path,
                             struct field_errors *errors)
{
    char at[FIELD_PATH_BYTES];
    const struct jv *limits = jv_get(resources, "limits");
    const struct jv *requests = jv_get(resources, "requests");
    struct jv_iter iter = {0};
    while (requests && jv_next(requests, &iter)) {
        __int128 request = 0, limit = 0;
        const char *bound = jv_str(jv_get(limits, iter.key));
        field_path(at, "%s.requests[%s]", path, iter.key);
        quantity_parse(jv_str(iter.value) ? jv_str(iter.value) : "", &request);
        if (request < 0)
            field_invalid(errors, at, iter.value, "must be greater than or equal to 0");
        if (bound && quantity_parse(bound, &limit) && request > limit)
            field_invalid(errors, field_path(at, "%s.requests", path), iter.value,
                          "must be less than or equal to %s limit of %s", iter.key, bound);
    }
}

static void check_probe(const struct jv *probe, const char *path, struct field_errors *errors)
{
    static const char *const handlers[] = {"exec", "httpGet", "tcpSocket", "grpc"};
    static const char *const counts[] = {"initialDelaySeconds", "timeoutSeconds", "periodSeconds",
                                         "successThreshold", "failureThreshold"};
    char at[FIELD_PATH_BYTES];
    size_t found = 0;
    if (!probe)
        return;
    for (size_t i = 0; i < 4; i++)
        if (jv_get(probe, handlers[i]) && found++)
            field_forbidden(errors, field_path(at, "%s.%s", path, handlers[i]),
                            "may not specify more than 1 handler type");
    if (found == 0)
        field_required(errors, path, "must specify a handler type");
    const struct jv *http = jv_get(probe, "httpGet");
    const struct jv *port = jv_get(http, "port");
    if (http && (!port || jv_type(port) == JV_INT))
        check_port_number(port, field_path(at, "%s.httpGet.port", path), errors);
    for (size_t i = 0; i < 5; i++)
        validate_non_negative(probe, counts[i], field_path(at, "%s.%s", path, counts[i]), errors);
}

static void check_names(const struct jv *container, const char *path, const struct jv *seen,
                        struct field_errors *errors)
{
    static const char *const policies[] = {"Always", "IfNotPresent", "Never", NULL};
    char at[FIELD_PATH_BYTES];
    const char *name = member_str(container, "name"), *image = member_str(container, "image");
    const char *problem = *name ? name_check_label(name) : NULL;
    field_path(at, "%s.name", path);
    if (!*name)
        field_required(errors, at, NULL);
    else if (problem)
        field_invalid_str(errors, at, name, "%s", problem);
    else if (has_value(seen, "name", name))
        field_duplicate_str(errors, at, name);
    field_path(at, "%s.image", path);
    if (!*image)
        field_required(errors, at, NULL);
    else if (isspace((unsigned char)image[0]) || isspace((unsigned char)image[strlen(image) - 1]))
        field_invalid_str(errors, at, image, "must not have leading or trailing whitespace");
    validate_one_of(container, "imagePullPolicy", field_path(at, "%s.imagePullPolicy", path),
                    policies, errors);
}

void validate_containers(const struct jv *list, const struct jv *volumes, const char *path,
                         struct jv *seen, struct field_errors *errors)
{
    static const char *const probes[] = {"livenessProbe", "readinessProbe", "startupProbe"};
    char here[FIELD_PATH_BYTES], at[FIELD_PATH_BYTES];
    for (size_t i = 0; i < jv_size(list); i++) {
        struct jv *container = jv_at(list, i);
        field_path(here, "%s[%zu]", path, i);
        check_names(container, here, seen, errors);
        jv_append(seen, jv_ref(container));
        check_ports(jv_get(container, "ports"), field_path(at, "%s.ports", here), errors);
        check_env(jv_get(container, "env"), field_path(at, "%s.env", here), errors);
        check_mounts(jv_get(container, "volumeMounts"), volumes,
                     field_path(at, "%s.volumeMounts", here), errors);
        check_quantities(jv_get(container, "resources"), field_path(at, "%s.resources", here),
                         errors);
        for (size_t p = 0; p < 3; p++)
            check_probe(jv_get(container, probes[p]), field_path(at, "%s.%s", here, probes[p]),
                        errors);
    }
}
