/* The oracle of the model of Druid: the number of segments that no query can reach never rises because of us.
 *
 * Told of every commit. It notes who takes a Historical away: who deletes its pod, or, where its StatefulSet's
 * controller or the garbage collector does that, who wrote or deleted the StatefulSet last. A rise right after that is
 * whose deed it was. So a scenario may take away what it likes. What an operator may do all the same is what nobody
 * could do in another way: end a Historical beside which the cluster wants no other, end those of a cluster that is
 * deleted, or all at once where that is asked for (rollingDeploy: false).
 */
#ifndef NEMETON_TESTS_SEGMENTS_H
#define NEMETON_TESTS_SEGMENTS_H

#include "base/err.h"
#include "sandbox/apiserver.h"

struct segments;
struct segments *segments_new(const char *operators); /* the User-Agent of the operators; lent */
void segments_free(struct segments *segments);
/* Sets broken, when a rise is ours and nothing else was broken before. */
void segments_commit(struct segments *segments, struct apiserver *server, const char *user,
                     const struct jv *before, const struct jv *after, int64_t now_ms,
                     struct err *broken);

#endif
