/* Whether a value can become an object of a built-in type, judged as the real server's converter of
 * untyped values does, which strategic patches and server-side apply go through. It is laxer than its
 * JSON decoder (decode.h) and says the same in other words.
 */
#ifndef NEMETON_SANDBOX_CONVERT_H
#define NEMETON_SANDBOX_CONVERT_H

#include "sandbox/types.h"

/* -1 with the first problem, in the order in which the type has its fields. */
int convert_check(const struct type *type, const struct jv *object, struct err *err);

#endif
