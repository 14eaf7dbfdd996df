/* Helpers and shared parts of the strategies. */
#ifndef NEMETON_SANDBOX_STRATEGY_INTERNAL_H
#define NEMETON_SANDBOX_STRATEGY_INTERNAL_H

#include "sandbox/request.h"
#include "sandbox/strategy.h"

/* Sets a member that is not there yet. */
void default_str(struct jv *object, const char *key, const char *value);
void default_int(struct jv *object, const char *key, int64_t value);
void default_bool(struct jv *object, const char *key, bool value);
/* The member as an object or array, NULL when it is something else or absent. */
struct jv *member_object(const struct jv *object, const char *key);
const char *member_str(const struct jv *object, const char *key); /* "" when absent */
bool same_or_absent(const struct jv *a, const struct jv *b);      /* also both absent */

/* Pod specs, in pods and in templates. */
void default_pod_spec(struct jv *spec);
void warn_pod_spec(struct request *request, const struct jv *spec, const char *path);
void default_pod_template(struct jv *owner_spec); /* owner_spec.template */
/* claims: volumeClaimTemplates that bring further volumes, or NULL. */
void validate_pod_spec(const struct jv *spec, const struct jv *claims, const char *path,
                       struct field_errors *errors);
/* selector, template labels, template spec with restartPolicy Always: for workloads. `what` names
 * the kind in a message ("statefulset"). */
void validate_template(const struct jv *spec, const char *what, struct field_errors *errors);
/* Affinity, tolerations, spread. */
void validate_scheduling(const struct jv *spec, const char *path, struct field_errors *errors);
void validate_containers(const struct jv *list, const struct jv *volumes, const char *path,
                         struct jv *seen, struct field_errors *errors);
bool name_is_port(const char *name);
void validate_volumes(const struct jv *volumes, const char *path, struct field_errors *errors);

/* Claims, alone and in volumeClaimTemplates. */
void default_claim_spec(struct jv *spec);
void validate_claim_spec(const struct jv *spec, const char *path, struct field_errors *errors);

void validate_non_negative(const struct jv *spec, const char *member, const char *path,
                           struct field_errors *errors);
/* One of `supported` (sorted, NULL-terminated); absent is fine. */
void validate_one_of(const struct jv *object, const char *member, const char *path,
                     const char *const *supported, struct field_errors *errors);
void validate_label_selector(const struct jv *selector, const char *path,
                             struct field_errors *errors);
/* An absolute number or a percentage. */
void validate_int_or_percent(const struct jv *value, const char *path, struct field_errors *errors);
void validate_immutable(const struct jv *before, const struct jv *after, const char *path,
                        struct field_errors *errors);

#endif
