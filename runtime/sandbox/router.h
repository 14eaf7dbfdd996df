/* From an exchange to the verb that answers it: authentication, faults, paths. */
#ifndef NEMETON_SANDBOX_ROUTER_H
#define NEMETON_SANDBOX_ROUTER_H

#include "sandbox/server.h"

void router_handle(struct apiserver *server, struct exchange *exchange);

#endif
