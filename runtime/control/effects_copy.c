/* Deep copies of effects: the caller's strings live only during start. */
#include "control/effects_internal.h"

#include <stdlib.h>
#include <string.h>

struct effect *effect_copy(const struct effect *effect)
{
    struct effect *copy = mem_alloc(sizeof(*copy));
    *copy = *effect;
    const char **strings[] = {&copy->api_version,  &copy->kind,
                              &copy->namespace,    &copy->name,
                              &copy->uid,          &copy->resource_version,
                              &copy->subresource,  &copy->label_selector,
                              &copy->patch_type,   &copy->propagation,
                              &copy->value,        &copy->reason,
                              &copy->event_type,   &copy->event_reason,
                              &copy->event_action, &copy->event_note,
                              &copy->http_method,  &copy->http_url,
                              &copy->http_ca_pem,  &copy->field_selector};
    for (size_t i = 0; i < sizeof(strings) / sizeof(strings[0]); i++)
        *strings[i] = mem_str(*strings[i]);
    if (effect->http_body != NULL)
        copy->http_body = mem_strn(effect->http_body, effect->http_body_len);
    copy->body = jv_ref((struct jv *)effect->body);
    copy->http_headers = jv_ref((struct jv *)effect->http_headers);
    char **whole = mem_alloc((effect->whole_count + 1) * sizeof(*whole));
    for (size_t i = 0; i < effect->whole_count; i++)
        whole[i] = mem_str(effect->whole[i]);
    copy->whole = (const char *const *)whole;
    /* A target that is only named inside the body counts as named. */
    if (copy->body != NULL && effect->verb != EFFECT_STATUS && effect->verb != EFFECT_PATCH) {
        if (copy->name == NULL)
            copy->name = mem_str(jv_path_str(copy->body, "metadata", "name", NULL));
        if (copy->kind == NULL)
            copy->kind = mem_str(jv_path_str(copy->body, "kind", NULL));
        if (copy->api_version == NULL)
            copy->api_version = mem_str(jv_path_str(copy->body, "apiVersion", NULL));
    }
    return copy;
}

void effect_copy_free(struct effect *copy)
{
    if (copy == NULL)
        return;
    const char *strings[] = {copy->api_version,   copy->kind,
                             copy->namespace,     copy->name,
                             copy->uid,           copy->resource_version,
                             copy->subresource,   copy->label_selector,
                             copy->patch_type,    copy->propagation,
                             copy->value,         copy->reason,
                             copy->event_type,    copy->event_reason,
                             copy->event_action,  copy->event_note,
                             copy->http_method,   copy->http_url,
                             copy->http_ca_pem,   copy->http_body,
                             copy->field_selector};
    for (size_t i = 0; i < sizeof(strings) / sizeof(strings[0]); i++)
        free((char *)strings[i]);
    for (size_t i = 0; i < copy->whole_count; i++)
        free((char *)copy->whole[i]);
    free((char **)copy->whole);
    jv_unref((struct jv *)copy->body);
    jv_unref((struct jv *)copy->http_headers);
    free(copy);
}
