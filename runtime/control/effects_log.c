/* The end of a container's log, bounded in lines, bytes and time. */
#include "control/effects_internal.h"

#include "base/utf8.h"

#include <string.h>

static void on_log(void *arg, const struct rest_response *response, const struct err *err)
{
    struct effect_call *call = arg;
    call->rest_call = NULL;
    if (err != NULL) {
        effect_finish(call, NULL, err);
        return;
    }
    size_t len = response->body_len;
    size_t skip = len > EFFECTS_LOG_BYTES_MAX ? len - EFFECTS_LOG_BYTES_MAX : 0;
    struct buf text;
    buf_init(&text, 4 * EFFECTS_LOG_BYTES_MAX);
    utf8_add_valid(&text, len > 0 ? response->body + skip : "", len - skip);
    struct jv *result = jv_string(buf_str(&text));
    effect_finish(call, result, NULL);
    jv_unref(result);
    buf_deinit(&text);
}

void effect_log_start(struct effect_call *call)
{
    const struct effect *effect = call->effect;
    struct log_num_buf lines, bytes;
    struct buf path;
    struct err err = {0};
    buf_init(&path, 4096);
    int made = kube_path(&path, call->kind, effect_namespace(call), effect->name, "log");
    kube_query_add(&path, "container", effect->value);
    kube_query_add(&path, "previous", effect->log_previous ? "true" : NULL);
    kube_query_add(&path, "tailLines", log_num(&lines, effect->log_lines));
    kube_query_add(&path, "limitBytes", log_num(&bytes, EFFECTS_LOG_BYTES_MAX));
    /* A node that does not answer is not waited for: there is something to say without it. */
    struct rest_request request = {.method = "GET",
                                   .path = buf_str(&path),
                                   .accept = "application/json, */*",
                                   .timeout_ms = EFFECTS_LOG_TIMEOUT_MS,
                                   .no_retry = true};
    if (made == 0 && !path.failed)
        call->rest_call = rest_start(call->run->shared->options.rest, &request, on_log, call);
    buf_deinit(&path);
    if (call->rest_call == NULL) {
        err_set(&err, ERR_INVALID, "log: `%s` is not the name of a pod",
                effect->name != NULL ? effect->name : "");
        effect_finish(call, NULL, &err);
    }
}
