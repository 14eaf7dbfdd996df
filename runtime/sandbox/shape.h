/* The shape of a value as server-side apply sees it: struct, map, list of which kind, or a scalar.
 *
 * One view on the two sources there are: the types table of built-in kinds and the schema of a CRD.
 * What no schema knows (unknown fields that are preserved) takes the shape of its value: objects
 * merge, arrays are atomic. A shape is a small value to be copied; what it points to is lent by the
 * request's kind.
 */
#ifndef NEMETON_SANDBOX_SHAPE_H
#define NEMETON_SANDBOX_SHAPE_H

#include "sandbox/request.h"
#include "sandbox/schema.h"

enum shape_source { SHAPE_DEDUCED, SHAPE_TYPE, SHAPE_SCHEMA };

struct shape {
    enum shape_source source;
    struct type_ref ref;            /* SHAPE_TYPE */
    const struct type_field *field; /* SHAPE_TYPE: how a list or map in it merges; may be NULL */
    const struct schema_node *node; /* SHAPE_SCHEMA */
    const struct type *meta;        /* the type of a resource's metadata */
    bool resource;                  /* SHAPE_SCHEMA: has apiVersion, kind and metadata */
};

enum shape_form { FORM_SCALAR, FORM_MAP, FORM_LIST };

/* What a value of this shape is; value NULL or null: as the schema says. */
enum shape_form shape_form(const struct shape *shape, const struct jv *value);
bool shape_is_atomic(const struct shape *shape, enum shape_form form);

/* meta: the type of ObjectMeta. */
struct shape shape_of(const struct kind_version *version, const struct type *meta);
/* The member of a map or struct. *declared: by its name, not as any member of a map. False when the
 * shape has no such member. */
bool shape_member(const struct shape *shape, const char *name, struct shape *out, bool *declared);
struct shape shape_items(const struct shape *shape);
/* The step that tells an item of an associative list: "k:{…}" or "v:…". -1: it has none (err). */
int shape_step(const struct shape *shape, const struct jv *item, struct buf *out, struct err *err);
/* Does a scalar fit? NULL, or what was expected ("string"). */
const char *shape_scalar_mismatch(const struct shape *shape, const struct jv *value);

#endif
