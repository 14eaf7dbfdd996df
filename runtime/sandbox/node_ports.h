/* The node ports of Services: those that a client chose are looked at, the others found. Taken they are
 * when the Service is committed. A dry run takes none: it counts from beyond the range, and does not look
 * whether what was chosen is inside of it. */
#ifndef NEMETON_SANDBOX_NODE_PORTS_H
#define NEMETON_SANDBOX_NODE_PORTS_H

#include "sandbox/request.h"

/* before: what has some already, NULL for a new Service. Refuses one that is taken or out of range. */
int node_ports_give(const struct request *request, const struct jv *before, struct jv *service,
                    struct refusal *refusal);

#endif
