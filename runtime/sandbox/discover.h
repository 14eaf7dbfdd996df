/* Discovery: which groups, versions and kinds there are. The documents are made on demand. */
#ifndef NEMETON_SANDBOX_DISCOVER_H
#define NEMETON_SANDBOX_DISCOVER_H

#include "sandbox/server.h"

/* /api, /apis, /api/v1, /apis/G, /apis/G/V, /version: true when it answered. */
bool discover_handle(struct apiserver *server, struct exchange *exchange, const char *const *parts,
                     size_t count);

#endif
