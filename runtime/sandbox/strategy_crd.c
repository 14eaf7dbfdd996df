#include "sandbox/strategy_internal.h"

#include "sandbox/crd.h"
#include "sandbox/meta.h"
#include "sandbox/schema.h"

#include <ctype.h>
#include <string.h>

static void defaults(struct jv *crd)
{
    struct jv *spec = jv_ensure(crd, "spec", NULL);
    struct jv *names = jv_ensure(spec, "names", NULL);
    const char *kind = member_str(names, "kind");
    char singular[FIELD_PATH_BYTES];
    size_t len = 0;
    for (; kind[len] && len + 1 < sizeof(singular); len++)
        singular[len] = (char)tolower((unsigned char)kind[len]);
    singular[len] = '\0';
    if (*kind) {
        default_str(names, "singular", singular);
        if (!*member_str(names, "listKind"))
            jv_set(names, "listKind", jv_stringf("%sList", kind));
    }
    default_str(jv_ensure(spec, "conversion", NULL), "strategy", "None");
}

static void check_names(const struct jv *crd, struct field_errors *errors)
{
    static const char *const scopes[] = {"Cluster", "Namespaced", NULL};
    const struct jv *spec = jv_get(crd, "spec"), *names = jv_get(spec, "names");
    const char *group = member_str(spec, "group"), *plural = member_str(names, "plural");
    const char *name = meta_name(crd);
    char expected[FIELD_PATH_BYTES];
    field_path(expected, "%s.%s", plural, group);
    if (name && strcmp(name, expected) != 0)
        field_invalid_str(errors, "metadata.name", name,
                          "must be spec.names.plural+\".\"+spec.group");
    if (!*group)
        field_required(errors, "spec.group", NULL);
    else if (!strchr(group, '.'))
        field_invalid_str(errors, "spec.group", group, "should be a domain with at least one dot");
    if (!*member_str(spec, "scope"))
        field_required(errors, "spec.scope", NULL);
    validate_one_of(spec, "scope", "spec.scope", scopes, errors);
    if (!*plural)
        field_required(errors, "spec.names.plural", NULL);
    if (!*member_str(names, "kind"))
        field_required(errors, "spec.names.kind", NULL);
}

/* single: the one schema of a CRD is told of as if it were for all versions. */
static void check_schema(const struct jv *version, size_t index, bool single,
                         struct field_errors *errors)
{
    char path[FIELD_PATH_BYTES];
    const struct jv *schema = jv_path(version, "schema", "openAPIV3Schema", NULL);
    field_path(path, "spec.versions[%zu].schema.openAPIV3Schema", index);
    if (!schema) {
        field_required(errors, path, NULL);
        return;
    }
    schema_free(schema_new(schema, single ? "spec.validation.openAPIV3Schema" : path, errors));
}

static void validate(const struct jv *crd, struct field_errors *errors)
{
    char path[FIELD_PATH_BYTES];
    const struct jv *versions = jv_path(crd, "spec", "versions", NULL);
    size_t storage = 0;
    check_names(crd, errors);
    if (jv_size(versions) == 0)
        field_required(errors, "spec.versions", "must have at least one version");
    for (size_t i = 0; i < jv_size(versions); i++) {
        const struct jv *version = jv_at(versions, i);
        const char *name = member_str(version, "name");
        const char *problem = *name ? name_check_service(name) : NULL;
        field_path(path, "spec.versions[%zu].name", i);
        if (!*name)
            field_required(errors, path, NULL);
        else if (problem)
            field_invalid_str(errors, path, name, "%s", problem);
        storage += jv_bool_value(jv_get(version, "storage"));
        check_schema(version, i, jv_size(versions) == 1, errors);
    }
    if (jv_size(versions) && storage != 1)
        field_invalid(errors, "spec.versions", versions,
                      "must have exactly one version marked as storage version");
}

static void validate_update(const struct jv *before, const struct jv *after,
                            struct field_errors *errors)
{
    static const char *const fixed[][2] = {{"group", NULL}, {"scope", NULL}};
    char path[FIELD_PATH_BYTES];
    for (size_t i = 0; i < 2; i++)
        validate_immutable(jv_path(before, "spec", fixed[i][0], NULL),
                           jv_path(after, "spec", fixed[i][0], NULL),
                           field_path(path, "spec.%s", fixed[i][0]), errors);
    validate_immutable(jv_path(before, "spec", "names", "kind", NULL),
                       jv_path(after, "spec", "names", "kind", NULL), "spec.names.kind", errors);
    validate_immutable(jv_path(before, "spec", "names", "plural", NULL),
                       jv_path(after, "spec", "names", "plural", NULL), "spec.names.plural",
                       errors);
}

const struct strategy strategy_crd = {
    .defaults = defaults,
    .validate = validate,
    .validate_update = validate_update,
    .committed = crd_committed,
};
