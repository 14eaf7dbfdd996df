/* What must hold at every commit of a simulated world, whoever made it.
 *
 * The names are those of the reliability list: S1 no claim is deleted while a pod uses it or a
 * StatefulSet wants its ordinal; S4/S25 a controlled object is changed in its spec by its owner's
 * operator only; S6 one group of a cluster rolls at a time; S16 sizes never shrink; S18 replicas
 * are lowered only when the Druid says so. The first violation is kept, with its commit.
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

#endif
