/* The report of `nemeton status` on a terminal. */
#include "cli/status.h"

#include "cli/visible.h"

#include <string.h>

enum { NAME_WIDTH_MAX = 48, SHA_DIGITS = 12 };

static const char *text_of(const struct jv *object, const char *key)
{
    const char *text = jv_path_str(object, key, NULL);
    return text != NULL ? text : "";
}

static void print_operator(FILE *out, const struct jv *report)
{
    const struct jv *lease = jv_get(report, "operator");
    fprintf(out, "Server    %s, Kubernetes %s\n", text_of(report, "server"),
            text_of(report, "version"));
    const char *holder = text_of(lease, "holder");
    if (lease == NULL)
        fprintf(out, "Operator  has never run here: there is no Lease in %s\n",
                text_of(report, "policyNamespace"));
    else if (holder[0] == '\0')
        fprintf(out, "Operator  nobody leads; the last one gave the lease back\n");
    else
        fprintf(out, "Operator  %s, lease renewed %lld s ago%s\n", holder,
                (long long)jv_int_value(jv_get(lease, "renewedSecondsAgo")),
                jv_bool_value(jv_get(lease, "expired")) ? ": it is gone" : "");
}

static void print_policies(FILE *out, const struct jv *report)
{
    const struct jv *policies = jv_get(report, "policies");
    if (jv_size(policies) == 0)
        fprintf(out, "Policies  no ConfigMaps: those in the program, or of --policies\n");
    for (size_t i = 0; i < jv_size(policies); i++) {
        const struct jv *one = jv_at(policies, i);
        const char *error = text_of(one, "error"), *loaded = text_of(one, "loaded");
        fprintf(out, "%s%s: ", i == 0 ? "Policies  " : "          ", text_of(one, "name"));
        if (error[0] != '\0')
            fprintf(out, "REFUSED: %s\n", error);
        else if (loaded[0] != '\0')
            fprintf(out, "in force as part of %.*s\n", SHA_DIGITS, loaded);
        else
            fprintf(out, "not looked at yet\n");
    }
}

static int name_width(const struct jv *objects)
{
    size_t wide = strlen("NAME");
    for (size_t i = 0; i < jv_size(objects); i++) {
        const struct jv *object = jv_at(objects, i);
        size_t len = strlen(text_of(object, "namespace")) + strlen(text_of(object, "name")) + 1;
        wide = len > wide ? len : wide;
    }
    return wide < NAME_WIDTH_MAX ? (int)wide : NAME_WIDTH_MAX;
}

static bool row_is_quiet(const struct jv *row)
{
    return text_of(row, "waits")[0] == '\0' &&
           jv_int_value(jv_get(row, "ready")) == jv_int_value(jv_get(row, "total"));
}

static void print_groups(FILE *out, const struct jv *object, bool all_groups)
{
    const struct jv *groups = jv_get(object, "groups");
    for (size_t i = 0; i < jv_size(groups); i++) {
        const struct jv *row = jv_at(groups, i);
        if (!all_groups && row_is_quiet(row))
            continue;
        char ready[48];
        snprintf(ready, sizeof(ready), "%lld/%lld", (long long)jv_int_value(jv_get(row, "ready")),
                 (long long)jv_int_value(jv_get(row, "total")));
        fprintf(out, "    %-24s %-7s %s\n", text_of(row, "group"), ready, text_of(row, "waits"));
    }
}

static void print_conditions(FILE *out, const struct jv *object)
{
    const struct jv *conditions = jv_get(object, "conditions");
    for (size_t i = 0; i < jv_size(conditions); i++) {
        const struct jv *one = jv_at(conditions, i);
        fprintf(out, "    %-12s %-8s %s\n", text_of(one, "type"), text_of(one, "status"),
                text_of(one, "message"));
    }
}

void status_print(FILE *out, const struct jv *gathered, bool all_groups)
{
    struct jv *report = visible_copy(gathered);
    const struct jv *objects = jv_get(report, "objects");
    int width = name_width(objects);
    print_operator(out, report);
    print_policies(out, report);
    if (jv_size(objects) == 0)
        fprintf(out, "\nThere is nothing that the operator looks after.\n");
    else
        fprintf(out, "\n%-16s %-*s %-7s %s\n", "KIND", width, "NAME", "READY", "MESSAGE");
    for (size_t i = 0; i < jv_size(objects); i++) {
        const struct jv *object = jv_at(objects, i);
        char name[512];
        snprintf(name, sizeof(name), "%s/%s", text_of(object, "namespace"),
                 text_of(object, "name"));
        fprintf(out, "%-16s %-*s %-7s %s\n", text_of(object, "kind"), width, name,
                text_of(object, "ready"), text_of(object, "message"));
        print_groups(out, object, all_groups);
        if (all_groups)
            print_conditions(out, object);
    }
    jv_unref(report);
}
