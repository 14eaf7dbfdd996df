/* OpenAPI: the shape of every kind, for clients that validate and explain.
 *
 * /openapi/v2 is one document of all kinds, as JSON or in the protobuf form that older clients ask
 * for; /openapi/v3 is an index and one document a group version. They are made on demand, piece by
 * piece, from the types table and the schemas of CRDs: there is nothing to keep up to date.
 * Built-in fields have no descriptions.
 */
#ifndef NEMETON_SANDBOX_OPENAPI_H
#define NEMETON_SANDBOX_OPENAPI_H

#include "sandbox/server.h"

/* True when it answered. */
bool openapi_handle(struct apiserver *server, struct exchange *exchange, const char *const *parts,
                    size_t count);

#endif
