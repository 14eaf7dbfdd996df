#include "sandbox/strategy_internal.h"

#include <string.h>

static void check_topology(const struct jv *term, const char *path, struct field_errors *errors)
{
    char at[FIELD_PATH_BYTES];
    const char *key = member_str(term, "topologyKey");
    field_path(at, "%s.topologyKey", path);
    if (*key)
        return;
    field_required(errors, at, "can not be empty");
    /* The real server goes on, and finds two faults more in nothing. */
    field_invalid_str(errors, at, "", "name part must be non-empty");
    field_invalid_str(errors, at, "",
                      "name part must consist of alphanumeric characters, '-', '_' or '.', and "
                      "must start and end with an alphanumeric character (e.g. 'MyName',  or "
                      "'my.name',  or '123-abc', regex used for validation is "
                      "'([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')");
}

static void check_affinity(const struct jv *affinity, const char *path, struct field_errors *errors)
{
    static const char *const members[] = {"podAffinity", "podAntiAffinity"};
    static const char required[] = "requiredDuringSchedulingIgnoredDuringExecution";
    static const char preferred[] = "preferredDuringSchedulingIgnoredDuringExecution";
    char at[FIELD_PATH_BYTES];
    for (size_t m = 0; m < 2; m++) {
        const struct jv *hard = jv_path(affinity, members[m], required, NULL);
        const struct jv *soft = jv_path(affinity, members[m], preferred, NULL);
        for (size_t i = 0; i < jv_size(hard); i++)
            check_topology(jv_at(hard, i),
                           field_path(at, "%s.%s.%s[%zu]", path, members[m], required, i), errors);
        for (size_t i = 0; i < jv_size(soft); i++)
            check_topology(
                jv_get(jv_at(soft, i), "podAffinityTerm"),
                field_path(at, "%s.%s.%s[%zu].podAffinityTerm", path, members[m], preferred, i),
                errors);
    }
}

static void check_spread(const struct jv *spread, const char *path, struct field_errors *errors)
{
    static const char *const actions[] = {"DoNotSchedule", "ScheduleAnyway", NULL};
    char at[FIELD_PATH_BYTES];
    const struct jv *skew = jv_get(spread, "maxSkew");
    struct jv *zero = jv_int(0);
    if (jv_int_value(skew) <= 0)
        field_invalid(errors, field_path(at, "%s.maxSkew", path), skew ? skew : zero,
                      "must be greater than zero");
    if (!*member_str(spread, "topologyKey"))
        field_required(errors, field_path(at, "%s.topologyKey", path), "can not be empty");
    validate_one_of(spread, "whenUnsatisfiable", field_path(at, "%s.whenUnsatisfiable", path),
                    actions, errors);
    jv_unref(zero);
}

void validate_scheduling(const struct jv *spec, const char *path, struct field_errors *errors)
{
    char at[FIELD_PATH_BYTES];
    const struct jv *tolerations = jv_get(spec, "tolerations");
    const struct jv *spreads = jv_get(spec, "topologySpreadConstraints");
    check_affinity(jv_get(spec, "affinity"), field_path(at, "%s.affinity", path), errors);
    for (size_t i = 0; i < jv_size(tolerations); i++) {
        const struct jv *toleration = jv_at(tolerations, i);
        const char *value = member_str(toleration, "value");
        if (strcmp(member_str(toleration, "operator"), "Exists") == 0 && *value)
            field_invalid_str(errors, field_path(at, "%s.tolerations[%zu].operator", path, i),
                              value, "value must be empty when `operator` is 'Exists'");
    }
    for (size_t i = 0; i < jv_size(spreads); i++)
        check_spread(jv_at(spreads, i),
                     field_path(at, "%s.topologySpreadConstraints[%zu]", path, i), errors);
}
