/* The text of one version of the policies: layers of files, bottom first, owned and immutable.
 *
 * Comes from a directory, from ConfigMaps, or from what the binary carries. Reference-counted, so
 * that former versions can be kept to go back to. A file x/init.lua (or a key x.init.lua) is the
 * module `x.init` and, where nothing else is called so, `x`.
 */
#ifndef NEMETON_CONTROL_POLICY_SET_H
#define NEMETON_CONTROL_POLICY_SET_H

#include "base/json.h"
#include "script/policy.h"

struct policy_set;
/* kin (NULL: none), lent until the set is filled: texts that it has, too, are shared with it. */
struct policy_set *policy_set_new(const struct policy_set *kin);
struct policy_set *policy_set_ref(struct policy_set *set);
void policy_set_unref(struct policy_set *set);

/* A copy of a layer. */
int policy_set_add(struct policy_set *set, const struct policy_layer *layer, struct err *err);
/* The same, but its texts are not copied: they must outlive all sets. */
int policy_set_lend(struct policy_set *set, const struct policy_layer *layer, struct err *err);
/* All *.lua below a directory: a/b.lua is the module a.b. `skip` names a top folder to leave out
 * (NULL: none). */
int policy_set_add_dir(struct policy_set *set, const char *name, const char *dir, const char *skip,
                       struct err *err);
/* A ConfigMap: the key a.b.lua is the module a.b; *.md and *.txt are for people; anything else, and
 * binary data, is an error. */
int policy_set_add_configmap(struct policy_set *set, const char *name, const struct jv *configmap,
                             struct err *err);
/* Lent; for policy_load. */
const struct policy_layer *policy_set_layers(const struct policy_set *set, size_t *count);
/* SHA-256 over names, modules and texts. */
const char *policy_set_digest(struct policy_set *set);
/* True when both have a layer of this name with the same files. */
bool policy_set_same_layer(const struct policy_set *a, const struct policy_set *b,
                           const char *name);

/* "things/order.lua" → "things.order"; NULL when it is not a module's file. Yours. */
char *policy_module_of_path(const char *path);

#endif
