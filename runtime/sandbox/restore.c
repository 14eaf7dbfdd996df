/* Objects as they are, from another server: nothing is made up, defaulted or judged. */
#include "sandbox/apiserver.h"

#include "sandbox/meta.h"
#include "sandbox/write.h"

#include <stdlib.h>

/* Servers before 1.34 keep `creationTimestamp: null` in each template; newer ones and this one do not,
 * so that the first write would seem to take it away. */
static void drop_empty_times(struct jv *value)
{
    struct jv_iter iter = {0};
    struct jv *metadata = jv_get(value, "metadata");
    struct jv *time = jv_get(metadata, "creationTimestamp");
    if (time && jv_type(time) == JV_NULL)
        jv_remove(metadata, "creationTimestamp");
    while (jv_is_object(value) && jv_next(value, &iter))
        drop_empty_times(iter.value);
    for (size_t i = 0; jv_is_array(value) && i < jv_size(value); i++)
        drop_empty_times(jv_at(value, i));
}

int apiserver_restore(struct apiserver *server, const struct jv *object, struct err *err)
{
    const char *version = jv_path_str(object, "apiVersion", NULL);
    const char *name = jv_path_str(object, "kind", NULL);
    struct kind_version *found = NULL;
    struct kind *kind =
        version && name ? kinds_by_kind(server->kinds, version, name, &found) : NULL;
    if (!kind)
        return err_set(err, ERR_NOT_FOUND, "no matches for kind \"%s\" in version \"%s\"",
                       name ? name : "", version ? version : "");
    if (!meta_name(object) || !meta_uid(object))
        return err_set(err, ERR_INVALID, "%s: metadata.name or metadata.uid is missing", name);
    struct request request;
    request_init_internal(&request, server, kind, VERB_CREATE);
    request.version = found;
    if (kind_is(kind, KIND_NAMESPACED))
        request.namespace = mem_str(meta_namespace(object));
    struct jv *copy = request_unshape(&request, jv_dup(object));
    if (!kind_is(kind, KIND_CUSTOM))
        drop_empty_times(jv_get(copy, "spec"));
    char key[KIND_TEXT_BYTES];
    struct stored *there =
        storage_get(request_home(&request), request_key(&request, meta_name(copy), key));
    struct jv *before = there ? stored_parse(there) : NULL;
    stored_unref(write_commit(&request, request_home(&request), before, copy));
    jv_unref(before);
    jv_unref(copy);
    request_deinit(&request);
    return 0;
}
