/* What must hold at every commit of a simulated world, whoever made it.
 *
 * The names are those of the reliability list: S1 no claim is deleted while a pod uses it or a
 * StatefulSet wants its ordinal; S4/S25 an object that somebody controls is touched by its owner's
 * operator only; S6 one group of a cluster rolls at a time; S7 a pod that is ready is taken away only
 * while all others of its set are, too (workers have a limit of their own); S13 a write changes
 * something; S16 claims never shrink, and no field is sent that the server never lets change; S18
 * replicas are lowered no further than the Druid says. The first violation is kept, with its commit.
 */
#ifndef NEMETON_TESTS_INVARIANTS_H
#define NEMETON_TESTS_INVARIANTS_H

#include "base/err.h"
#include "sandbox/apiserver.h"

struct invariants {
    struct apiserver *server;
    const char *user;  /* of the operators */
    struct err broken; /* code 0: all well */
    uint64_t commits, writes;
};

/* An on_commit of struct apiserver_options. */
void invariants_check(void *invariants, const char *verb, const char *user, const struct jv *before,
                      const struct jv *after);
/* An on_refusal of them. */
void invariants_refused(void *invariants, const char *user, const struct jv *status);

#endif
