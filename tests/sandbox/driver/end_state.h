/* What a world has become: its lasting objects without what differs from run to run, and how often an
 * operator made or removed each. Two runs of a scenario are compared by it, line by line.
 */
#ifndef NEMETON_TESTS_END_STATE_H
#define NEMETON_TESTS_END_STATE_H

#include "sandbox/apiserver.h"

struct end_state;
struct end_state *end_state_new(void);
void end_state_free(struct end_state *state);
/* Each commit of an operator is told. */
void end_state_count(struct end_state *state, const char *verb, const struct jv *before,
                     const struct jv *after);
/* One line a fact, sorted by kind and name; yours to free. */
char *end_state_text(const struct end_state *state, struct apiserver *server);

#endif
