#include "sandbox/strategy_internal.h"

#include "base/selector.h"
#include "sandbox/meta.h"

#include <stdlib.h>
#include <string.h>

static bool has_name(const struct jv *list, const char *name)
{
    for (size_t i = 0; i < jv_size(list); i++)
        if (strcmp(member_str(jv_at(list, i), "name"), name) == 0)
            return true;
    return false;
}

/* The first type counts, in the real server's order; the next is one too many. */
static void forbid_second(const struct jv *volume, size_t sources, const char *path,
                          struct field_errors *errors)
{
    static const char *const order[] = {
        "emptyDir",    "hostPath", "secret",     "nfs",       "iscsi",     "persistentVolumeClaim",
        "downwardAPI", "fc",       "flexVolume", "configMap", "projected", "csi",
        "ephemeral",   "image"};
    char at[FIELD_PATH_BYTES];
    size_t found = 0;
    for (size_t i = 0; sources > 1 && i < sizeof(order) / sizeof(order[0]); i++)
        if (jv_get(volume, order[i]) && found++)
            field_forbidden(errors, field_path(at, "%s.%s", path, order[i]),
                            "may not specify more than 1 volume type");
}

static void check_volume_source(const struct jv *volume, const char *path,
                                struct field_errors *errors)
{
    char at[FIELD_PATH_BYTES];
    size_t sources = jv_size(volume) - (jv_get(volume, "name") != NULL);
    if (sources == 0)
        field_required(errors, path, "must specify a volume type");
    forbid_second(volume, sources, path, errors);
    const struct jv *config = jv_get(volume, "configMap"), *secret = jv_get(volume, "secret");
    const struct jv *claim = jv_get(volume, "persistentVolumeClaim");
    if (config && !*member_str(config, "name"))
        field_required(errors, field_path(at, "%s.configMap.name", path), NULL);
    if (secret && !*member_str(secret, "secretName"))
        field_required(errors, field_path(at, "%s.secret.secretName", path), NULL);
    if (claim && !*member_str(claim, "claimName"))
        field_required(errors, field_path(at, "%s.persistentVolumeClaim.claimName", path), NULL);
}

void validate_volumes(const struct jv *volumes, const char *path, struct field_errors *errors)
{
    char at[FIELD_PATH_BYTES], name_path[FIELD_PATH_BYTES];
    struct jv *seen = jv_array();
    for (size_t i = 0; i < jv_size(volumes); i++) {
        const struct jv *volume = jv_at(volumes, i);
        const char *name = member_str(volume, "name");
        const char *problem = *name ? name_check_label(name) : NULL;
        field_path(at, "%s[%zu]", path, i);
        field_path(name_path, "%s.name", at);
        if (!*name)
            field_required(errors, name_path, NULL);
        else if (problem)
            field_invalid_str(errors, name_path, name, "%s", problem);
        else if (has_name(seen, name))
            field_duplicate_str(errors, name_path, name);
        check_volume_source(volume, at, errors);
        jv_append(seen, jv_ref((struct jv *)volume));
    }
    jv_unref(seen);
}

static void check_restart(const struct jv *spec, const char *path, struct field_errors *errors)
{
    static const char *const policies[] = {"Always", "OnFailure", "Never", NULL};
    static const char *const dns[] = {"ClusterFirstWithHostNet", "ClusterFirst", "Default", "None",
                                      NULL};
    char at[FIELD_PATH_BYTES];
    validate_one_of(spec, "restartPolicy", field_path(at, "%s.restartPolicy", path), policies,
                    errors);
    validate_one_of(spec, "dnsPolicy", field_path(at, "%s.dnsPolicy", path), dns, errors);
}

/* What containers can mount: the pod's volumes and those that claim templates will bring. */
static struct jv *volume_names(const struct jv *volumes, const struct jv *claims)
{
    struct jv *out = jv_array();
    for (size_t i = 0; i < jv_size(volumes); i++)
        jv_append(out, jv_ref(jv_at(volumes, i)));
    for (size_t i = 0; i < jv_size(claims); i++) {
        struct jv *volume = jv_object();
        jv_set_str(volume, "name", meta_name(jv_at(claims, i)));
        jv_append(out, volume);
    }
    return out;
}

static void check_selector(const struct jv *spec, const char *what, struct field_errors *errors)
{
    const struct jv *selector = jv_get(spec, "selector");
    const struct jv *labels = jv_path(spec, "template", "metadata", "labels", NULL);
    size_t before = field_errors_count(errors);
    if (!selector) {
        field_required(errors, "spec.selector", NULL);
    } else {
        validate_label_selector(selector, "spec.selector", errors);
        if (jv_size(jv_get(selector, "matchLabels")) == 0 &&
            jv_size(jv_get(selector, "matchExpressions")) == 0)
            field_invalid(errors, "spec.selector", selector, "empty selector is invalid for %s",
                          what);
        if (field_errors_count(errors) > before)
            return;
    }
    struct selector *parsed = selector_of_object(selector, NULL);
    if (!parsed || selector_matches(parsed, labels)) {
        selector_free(parsed);
        return;
    }
    field_invalid(errors, "spec.template.metadata.labels", labels,
                  "`selector` does not match template `labels`");
    selector_free(parsed);
}

void warn_pod_spec(struct request *request, const struct jv *spec, const char *path)
{
    if (jv_int_value(jv_get(spec, "terminationGracePeriodSeconds")) < 0)
        request_warn(request,
                     "%s.terminationGracePeriodSeconds: must be >= 0; negative values are invalid "
                     "and will be treated as 1",
                     path);
}

void validate_pod_spec(const struct jv *spec, const struct jv *claims, const char *path,
                       struct field_errors *errors)
{
    char at[FIELD_PATH_BYTES];
    struct jv *seen = jv_array();
    struct jv *volumes = volume_names(jv_get(spec, "volumes"), claims);
    validate_volumes(jv_get(spec, "volumes"), field_path(at, "%s.volumes", path), errors);
    field_path(at, "%s.containers", path);
    if (jv_size(jv_get(spec, "containers")) == 0)
        field_required(errors, at, NULL);
    validate_containers(jv_get(spec, "containers"), volumes, at, seen, errors);
    validate_containers(jv_get(spec, "initContainers"), volumes,
                        field_path(at, "%s.initContainers", path), seen, errors);
    check_restart(spec, path, errors);
    meta_validate_labels(jv_get(spec, "nodeSelector"), field_path(at, "%s.nodeSelector", path),
                         errors);
    const char *account = member_str(spec, "serviceAccountName");
    const char *problem = *account ? name_check_subdomain(account) : NULL;
    if (problem)
        field_invalid_str(errors, field_path(at, "%s.serviceAccountName", path), account, "%s",
                          problem);
    const char *host = member_str(spec, "hostname");
    problem = *host ? name_check_label(host) : NULL;
    if (problem)
        field_invalid_str(errors, field_path(at, "%s.hostname", path), host, "%s", problem);
    const struct jv *deadline = jv_get(spec, "activeDeadlineSeconds");
    if (deadline && (jv_int_value(deadline) < 1 || jv_int_value(deadline) > INT32_MAX))
        field_invalid(errors, field_path(at, "%s.activeDeadlineSeconds", path), deadline,
                      "must be between 1 and 2147483647, inclusive");
    validate_scheduling(spec, path, errors);
    jv_unref(volumes);
    jv_unref(seen);
}

void validate_template(const struct jv *spec, const char *what, struct field_errors *errors)
{
    static const char *const always[] = {"Always", NULL};
    const struct jv *template = jv_get(spec, "template");
    check_selector(spec, what, errors);
    /* The real server judges those of a StatefulSet twice; its causes tell. */
    for (int i = strcmp(what, "statefulset") == 0 ? 0 : 1; i < 2; i++)
        meta_validate_labels(jv_path(template, "metadata", "labels", NULL), "spec.template.labels",
                             errors);
    validate_pod_spec(jv_get(template, "spec"), jv_get(spec, "volumeClaimTemplates"),
                      "spec.template.spec", errors);
    const char *restart = jv_path_str(template, "spec", "restartPolicy", NULL);
    if (restart && strcmp(restart, "Always") != 0)
        field_unsupported(errors, "spec.template.spec.restartPolicy", restart, always);
}
