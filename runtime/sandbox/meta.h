/* ObjectMeta: what the server sets, what clients may change, and the rules for names. */
#ifndef NEMETON_SANDBOX_META_H
#define NEMETON_SANDBOX_META_H

#include "sandbox/request.h"

/* generateName, uid, creationTimestamp, generation; drops what only the server may set. */
/* As the ends of generated names. */
enum { GENERATED_SUFFIX = 5 };
void meta_random_suffix(struct request *request, char out[GENERATED_SUFFIX + 1]);
void meta_prepare_create(struct request *request, struct jv *object);
/* Carries over from before what an update may not change and counts the generation. */
void meta_prepare_update(const struct request *request, const struct jv *before, struct jv *after);
void meta_validate(const struct kind *kind, const struct jv *object, struct field_errors *errors);
void meta_validate_update(const struct kind *kind, const struct jv *before, const struct jv *after,
                          struct field_errors *errors);
bool meta_deleting(const struct jv *object);
bool meta_has_finalizer(const struct jv *object, const char *name);
void meta_add_finalizer(struct jv *object, const char *name);
void meta_remove_finalizer(struct jv *object, const char *name);
const char *meta_name(const struct jv *object);
const char *meta_namespace(const struct jv *object); /* NULL when none */
const char *meta_uid(const struct jv *object);
bool meta_annotations_differ(const struct jv *metadata, const struct jv *other);
void meta_sort_texts(struct jv *list); /* strings */

/* DNS forms; NULL when valid, else the server's explanation (constant text). */
const char *name_check_subdomain(const char *name);
const char *name_check_label(const char *name);
const char *name_check_service(const char *name); /* RFC 1035 */
const char *name_check_path_segment(const char *name);
const char *name_check_label_value(const char *value);
const char *name_check_qualified(const char *name); /* label and annotation keys */
void meta_validate_labels(const struct jv *labels, const char *path, struct field_errors *errors);

#endif
