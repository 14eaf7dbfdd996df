#include "sandbox/patch.h"

/* A new object never holds the nulls of the patch. */
struct jv *patch_merge(const struct jv *target, const struct jv *patch)
{
    if (!jv_is_object(patch))
        return jv_dup(patch);
    struct jv *out = jv_is_object(target) ? jv_dup(target) : jv_object();
    struct jv_iter iter = {0};
    while (jv_next(patch, &iter)) {
        if (jv_type(iter.value) == JV_NULL)
            jv_remove(out, iter.key);
        else
            jv_set(out, iter.key, patch_merge(jv_get(out, iter.key), iter.value));
    }
    return out;
}
