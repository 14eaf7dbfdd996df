/* The schemas of custom kinds, for commands that judge files without a server: those of the CRDs that
 * travel in the binary, and of CRDs that a user gives.
 */
#ifndef NEMETON_CLI_SCHEMAS_H
#define NEMETON_CLI_SCHEMAS_H

#include "base/json.h"

struct schemas;
struct schemas *schemas_new(struct err *err);
void schemas_free(struct schemas *schemas); /* NULL is fine */
/* A CustomResourceDefinition; its versions take the place of ones known before. */
int schemas_add(struct schemas *schemas, const struct jv *crd, struct err *err);

typedef void (*schemas_fn)(void *arg, const char *field, const char *message);
/* Tells every problem that a server would have with the object (unknown fields, wrong values).
 * False when the kind is not a custom one that is known: nothing was looked at. */
bool schemas_check(const struct schemas *schemas, const struct jv *object, schemas_fn fn,
                   void *arg);
/* For an object of no known kind: is its group that of one in the binary? If so, the kinds of that
 * group are appended to `kinds`: "Thing of example.com/v1, …". */
bool schemas_know_group(const struct schemas *schemas, const struct jv *object, struct buf *kinds);
/* The object as a server would keep it: defaults filled in, unknown fields dropped. Yours. */
struct jv *schemas_default(const struct schemas *schemas, const struct jv *object);

#endif
