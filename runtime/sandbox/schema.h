/* The structural schema of one version of a custom kind, compiled from a CRD's openAPIV3Schema.
 *
 * compile once, then for each write in this order: schema_prune (drops what the schema does not
 * know, unless preserved), schema_default, schema_validate. A CRD without a schema (only possible
 * with preserveUnknownFields) has none: NULL does nothing everywhere.
 */
#ifndef NEMETON_SANDBOX_SCHEMA_H
#define NEMETON_SANDBOX_SCHEMA_H

#include "sandbox/refusal.h"
#include "sandbox/types.h"

struct schema;

/* A problem of the schema itself is told in errors, with paths below `path`
 * ("spec.versions[0].schema.openAPIV3Schema"), worded as the real server does. */
struct schema *schema_new(const struct jv *open_api_v3_schema, const char *path,
                          struct field_errors *errors);
void schema_free(struct schema *schema); /* NULL is fine */

/* Removes unknown fields in place. Their paths ("spec.nodes.a.foo") are appended to `unknown`, an
 * array of strings, unless it is NULL. metadata is not looked into (but for embedded resources). */
void schema_prune(const struct schema *schema, struct jv *object, struct jv *unknown);
/* metadata of embedded resources as ObjectMeta (meta) has it; unknown as above. */
void schema_decode_resources(const struct schema *schema, const struct type *meta,
                             struct jv *object, struct jv *unknown);
/* Members that are null but must not be and have no default: what is decoded loses them. */
void schema_drop_nulls(const struct schema *schema, struct jv *object);
void schema_default(const struct schema *schema, struct jv *object);
/* before: the live object on updates, NULL on create (ratcheting, transition rules). part: what alone is
 * written ("status"), from below which messages name fields; NULL: all. */
void schema_validate(const struct schema *schema, const struct jv *object, const struct jv *before,
                     const char *part, struct field_errors *errors);

/* For server-side apply: how the value at a node is merged. */
enum schema_list { SCHEMA_LIST_ATOMIC, SCHEMA_LIST_SET, SCHEMA_LIST_MAP };
struct schema_node; /* a place in the schema; lent, lives as long as the schema */
const struct schema_node *schema_root(const struct schema *schema);
const struct schema_node *schema_property(const struct schema_node *node, const char *name);
const struct schema_node *schema_items(const struct schema_node *node);
bool schema_map_is_atomic(const struct schema_node *node);
enum schema_list schema_list_type(const struct schema_node *node);
size_t schema_list_keys(const struct schema_node *node, const char *keys[4]);

#endif
