#include "sandbox/answer.h"
#include "sandbox/convert.h"
#include "sandbox/meta.h"
#include "sandbox/patch_apply.h"
#include "sandbox/write.h"

#include <stdlib.h>
#include <string.h>

/* An object that is there already has its name. */
static int check_name(const struct request *request, const struct jv *applied, bool exists,
                      struct refusal *refusal)
{
    const char *name = meta_name(applied);
    if (!name || !*name)
        return exists ? 0
                      : refuse_bad_request(refusal,
                                           "the name of the object (%s based on URL) was "
                                           "undeterminable: name must be provided",
                                           request->name);
    if (strcmp(name, request->name) == 0)
        return 0;
    return refuse_bad_request(refusal,
                              "the name of the object (%s) does not match the name on the URL (%s)",
                              name, request->name);
}

/* What cannot be decoded after a merge is the server's fault in the real one's eyes. */
static int refuse_conversion(const struct request *request, const struct jv *applied,
                             const char *why, struct refusal *refusal)
{
    char version[KIND_TEXT_BYTES];
    const char *namespace = meta_namespace(applied), *group = request->kind->group;
    kind_api_version(request->kind, request->version, version, sizeof(version));
    const char *core = *group ? "" : "/";
    char *text = mem_printf("failed to convert new object (%s/%s; %s%s, Kind=%s) to proper "
                            "version: unable to convert unstructured object to %s%s, Kind=%s: "
                            "%s",
                            namespace ? namespace : "", request->name, core, version,
                            request->kind->kind, core, version, request->kind->kind, why);
    refuse(refusal, 500, "", "%s", text);
    free(text);
    return -1;
}

/* before: NULL when the object does not exist yet. */
static int apply_on(struct request *request, const struct jv *before, const struct jv *applied,
                    enum write_part part, struct stored **out, struct refusal *refusal)
{
    /* What is merged shares with what is live, and custom objects are pruned in place. */
    const struct type *type = request->version->type;
    struct err err = {0};
    bool copy = request->kind != request->kind->home || !type;
    struct jv *own = copy && before ? jv_dup(before) : jv_ref((struct jv *)before);
    struct jv *live = own ? request_shape(request, own) : NULL, *after = NULL;
    int result = patch_apply(request, live, applied, &after, refusal);
    jv_unref(live);
    if (result == 0 && type && convert_check(type, after, &err) < 0)
        result = refuse_conversion(request, applied, err.text, refusal);
    if (result == 0)
        result = write_decode(request, &after, refusal);
    if (result < 0) {
        jv_unref(after);
        return -1;
    }
    if (before)
        return write_update(request, before, after, part, out, refusal);
    jv_remove(jv_get(after, "metadata"), "resourceVersion");
    return write_create(request, after, out, refusal);
}

int verb_apply(struct request *request, struct refusal *refusal)
{
    char key[KIND_TEXT_BYTES];
    struct jv *applied = NULL, *before = NULL;
    struct stored *stored = NULL;
    bool status = request->subresource && strcmp(request->subresource, "status") == 0;
    request->managed = true;
    if (request_body(request, &applied, refusal) < 0)
        return -1;
    bool exists = storage_get(request->kind->home, request_key(request, request->name, key));
    int result = check_name(request, applied, exists, refusal);
    if (result == 0 && (exists || status))
        result = write_load(request, request->name, &before, refusal);
    if (result == 0)
        result = apply_on(request, before, applied, status ? WRITE_STATUS : WRITE_MAIN, &stored,
                          refusal);
    if (result == 0)
        answer_stored(request, before ? 200 : 201, stored);
    stored_unref(stored);
    jv_unref(before);
    jv_unref(applied);
    return result;
}
