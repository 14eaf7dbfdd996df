#include "sandbox/review.h"

#include "sandbox/answer.h"

#include <string.h>

static struct jv *any(void)
{
    struct jv *out = jv_array();
    jv_append(out, jv_string("*"));
    return out;
}

static struct jv *all_rules(void)
{
    struct jv *status = jv_object(), *resources = jv_array(), *others = jv_array();
    struct jv *rule = jv_object(), *other = jv_object();
    jv_set(rule, "verbs", any());
    jv_set(rule, "apiGroups", any());
    jv_set(rule, "resources", any());
    jv_append(resources, rule);
    jv_set(other, "verbs", any());
    jv_set(other, "nonResourceURLs", any());
    jv_append(others, other);
    jv_set(status, "resourceRules", resources);
    jv_set(status, "nonResourceRules", others);
    jv_set(status, "incomplete", jv_bool(false));
    return status;
}

int review_handle(struct request *request, struct refusal *refusal)
{
    struct jv *review = NULL;
    if (request->verb != VERB_CREATE)
        return refuse_method(refusal);
    if (request_body(request, &review, refusal) < 0)
        return -1;
    bool rules = strcmp(request->kind->plural, "selfsubjectrulesreviews") == 0;
    struct jv *status = rules ? all_rules() : jv_object();
    if (!rules)
        jv_set(status, "allowed", jv_bool(true));
    char version[KIND_TEXT_BYTES];
    jv_set(review, "status", status);
    jv_set_str(review, "kind", request->kind->kind);
    jv_set_str(review, "apiVersion",
               kind_api_version(request->kind, request->version, version, sizeof(version)));
    jv_ensure(review, "metadata", NULL);
    answer_json(request, 201, review);
    jv_unref(review);
    return 0;
}
