/* Objects of built-in types as a server's codec leaves them: what the type does not know is dropped,
 * zero values are left out or filled in as the real encoding does, quantities are canonical.
 */
#ifndef NEMETON_SANDBOX_DECODE_H
#define NEMETON_SANDBOX_DECODE_H

#include "sandbox/types.h"

/* A new value, yours; NULL when something has the wrong type (err says what, as Go's decoder does).
 * The paths of unknown fields are appended to `unknown` (array of strings) unless it is NULL. */
struct jv *decode_object(const struct type *type, const struct jv *object, struct jv *unknown,
                         struct err *err);

/* The same for one value that is not null. */
struct jv *decode_value(const struct type_ref *ref, const struct jv *value, struct err *err);

/* As messages call them: Go's type of a scalar by its letter, and what JSON calls a value. */
const char *decode_go_scalar(char letter);
const char *decode_json_name(const struct jv *value);

#endif
