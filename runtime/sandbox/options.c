#include "sandbox/options.h"

#include "loop/exchange.h"

#include <stdlib.h>
#include <string.h>

enum { FIELD_MANAGER_BYTES_MAX = 128 };

static const char *kind_of(enum verb verb)
{
    static const char *const kinds[] = {[VERB_CREATE] = "CreateOptions",
                                        [VERB_UPDATE] = "UpdateOptions",
                                        [VERB_PATCH] = "PatchOptions",
                                        [VERB_DELETE] = "DeleteOptions",
                                        [VERB_DELETE_COLLECTION] = "DeleteOptions"};
    bool known = verb < sizeof(kinds) / sizeof(kinds[0]) && kinds[verb];
    return known ? kinds[verb] : "GetOptions";
}

static bool is(const char *text, const char *wanted)
{
    return text && strcmp(text, wanted) == 0;
}

static void check_dry_run(struct request *request, struct field_errors *errors)
{
    static const char *const supported[] = {"All", NULL};
    const char *text = request_query(request, "dryRun");
    request->dry_run = text && *text;
    if (!request->dry_run || is(text, "All"))
        return;
    struct jv *list = jv_array();
    jv_append(list, jv_string(text));
    field_unsupported_value(errors, "dryRun", list, supported);
    jv_unref(list);
}

static void check_validation(struct request *request, struct field_errors *errors)
{
    static const char *const supported[] = {"", "Ignore", "Strict", "Warn", NULL};
    const char *text = request_query(request, "fieldValidation");
    if (is(text, "Strict"))
        request->fields = FIELDS_STRICT;
    else if (is(text, "Ignore"))
        request->fields = FIELDS_IGNORE;
    else if (text && *text && !is(text, "Warn"))
        field_unsupported(errors, "fieldValidation", text, supported);
}

/* The manager of a request that names none: the User-Agent up to its slash. */
static void check_manager(struct request *request, struct field_errors *errors)
{
    const char *manager = request_query(request, "fieldManager");
    size_t len = strcspn(request->user, "/");
    if (manager && strlen(manager) > FIELD_MANAGER_BYTES_MAX)
        field_too_long(errors, "fieldManager", FIELD_MANAGER_BYTES_MAX);
    if (manager && *manager)
        request->field_manager = mem_str(manager);
    else
        request->field_manager = len ? mem_strn(request->user, len) : mem_str("unknown");
}

static void check_list(const struct request *request, const char *match, const char *revision,
                       struct field_errors *errors)
{
    static const char *const supported[] = {"Exact", "NotOlderThan", "", NULL};
    const char *token = request_query(request, "continue");
    if (request_query(request, "sendInitialEvents"))
        field_forbidden(errors, "sendInitialEvents", "sendInitialEvents is forbidden for list");
    if (!match || !*match)
        return;
    if (!revision || !*revision)
        field_forbidden(errors, "resourceVersionMatch",
                        "resourceVersionMatch is forbidden unless resourceVersion is provided");
    if (token && *token)
        field_forbidden(errors, "resourceVersionMatch",
                        "resourceVersionMatch is forbidden when continue is provided");
    if (!is(match, "Exact") && !is(match, "NotOlderThan"))
        field_unsupported(errors, "resourceVersionMatch", match, supported);
    if (is(match, "Exact") && is(revision, "0"))
        field_forbidden(errors, "resourceVersionMatch",
                        "resourceVersionMatch \"exact\" is forbidden for resourceVersion \"0\"");
}

static void check_watch(const struct request *request, const char *match,
                        struct field_errors *errors)
{
    static const char *const supported[] = {"NotOlderThan", NULL};
    const char *send = request_query(request, "sendInitialEvents");
    const char *token = request_query(request, "continue");
    if (send && !is(match, "NotOlderThan"))
        field_forbidden(errors, "resourceVersionMatch",
                        "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan");
    if (!match || !*match)
        return;
    if (!send)
        field_forbidden(errors, "resourceVersionMatch",
                        "resourceVersionMatch is forbidden for watch unless sendInitialEvents is "
                        "provided");
    if (!is(match, "NotOlderThan"))
        field_unsupported(errors, "resourceVersionMatch", match, supported);
    if (token && *token)
        field_forbidden(errors, "resourceVersionMatch",
                        "resourceVersionMatch is forbidden when continue is provided");
}

int options_of_write(struct request *request, struct refusal *refusal)
{
    struct field_errors errors;
    int result = 0;
    field_errors_init(&errors);
    check_dry_run(request, &errors);
    check_validation(request, &errors);
    check_manager(request, &errors);
    if (field_errors_count(&errors))
        result = refuse_options(refusal, kind_of(request->verb), &errors);
    field_errors_deinit(&errors);
    return result;
}

/* As Go's strconv.ParseInt would complain. */
static int check_integers(const struct request *request, struct refusal *refusal)
{
    static const char *const names[] = {"limit", "timeoutSeconds"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        const char *text = request_query(request, names[i]);
        const char *digits = text ? text + (text[0] == '-' || text[0] == '+') : NULL;
        if (text && text[0] && (!digits[0] || digits[strspn(digits, "0123456789")]))
            return refuse(refusal, 400, "BadRequest",
                          "strconv.ParseInt: parsing \"%s\": invalid syntax", text);
    }
    return 0;
}

int options_of_list(const struct request *request, struct refusal *refusal)
{
    if (check_integers(request, refusal) < 0)
        return -1;
    struct field_errors errors;
    const char *match = request_query(request, "resourceVersionMatch");
    int result = 0;
    field_errors_init(&errors);
    if (request->verb == VERB_WATCH)
        check_watch(request, match, &errors);
    else
        check_list(request, match, request_query(request, "resourceVersion"), &errors);
    if (field_errors_count(&errors))
        result = refuse_options(refusal, "ListOptions", &errors);
    field_errors_deinit(&errors);
    return result;
}

int refuse_options(struct refusal *refusal, const char *kind, const struct field_errors *errors)
{
    bool many = errors->texts > 1;
    refuse(refusal, 422, "Invalid", "%s.meta.k8s.io \"\" is invalid: %s%s%s", kind, many ? "[" : "",
           buf_str(&errors->text), many ? "]" : "");
    struct jv *details = jv_ensure(refusal->status, "details", NULL);
    jv_set_str(details, "group", "meta.k8s.io");
    jv_set_str(details, "kind", kind);
    jv_set(details, "causes", jv_ref(errors->causes));
    return -1;
}
