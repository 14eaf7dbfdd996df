/* The policies and CRDs that travel inside the binary, in the shapes that commands need. */
#ifndef NEMETON_CLI_BUNDLE_H
#define NEMETON_CLI_BUNDLE_H

#include "control/policy_set.h"

#define BUNDLE_NAMESPACE "nemeton-system"
#define BUNDLE_CONFIGMAP "nemeton-policies"

/* One layer, `base`: what an operator runs. Yours. */
struct policy_set *bundle_operator(struct err *err);
/* One layer: what plays controllers and nodes in the sandbox. customs: the kinds from CRDs as an
 * array of { apiVersion, kind }. Yours. */
struct policy_set *bundle_world(const struct jv *customs, struct err *err);
/* The operator's policies as the ConfigMap that deploy/ installs. Yours. */
struct jv *bundle_configmap(void);
/* The CRDs, parsed; an array. Yours. */
struct jv *bundle_crds(struct err *err);
/* { apiVersion, kind } of each version a CRD serves, added to the array. */
void bundle_add_custom_kinds(struct jv *customs, const struct jv *crd);
/* The operator's policies from a directory when one is given, else from the binary. Yours. */
struct policy_set *bundle_choose(const char *dir, struct err *err);

/* What --policies names, on top of what is embedded: directories and YAML files of ConfigMaps. A
 * directory whose bundle.lua names controllers, and a ConfigMap labelled `base`, stand at the bottom
 * in place of what is embedded; everything else is an overlay, those of one file by name. Yours. */
struct policy_set *bundle_open(const struct policy_env *env, const char *const *paths, size_t count,
                               struct err *err);
/* The bundle that a directory such as policies/ has in its folder sandbox/, with its lib/. Yours. */
struct policy_set *bundle_world_of_dir(const char *dir, struct err *err);
/* Does the directory hold a bundle.lua? And does that name no controllers, so that it needs
 * something underneath? */
bool bundle_is_here(const char *dir);
bool bundle_is_overlay(const struct policy_env *env, const char *dir);

#endif
