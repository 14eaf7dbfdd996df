/* Lua patterns as the manual describes them, by a backtracking matcher that counts its steps: a
 * pattern that needs more than a million of them in one call is an error of the policy, instead of a
 * loop that nothing can preempt. Internal to script/.
 *
 * A matcher lives on the C stack and points into strings that the Lua stack holds.
 */
#ifndef NEMETON_SCRIPT_VM_MATCH_H
#define NEMETON_SCRIPT_VM_MATCH_H

#include "script/vm.h"

enum { MATCHER_CAPTURES_MAX = 32 };

struct matcher {
    lua_State *L;
    const char *subject, *subject_end, *pattern, *pattern_end;
    unsigned steps;
    int nesting, captures;
    bool filtered, begins[256]; /* bytes a match can begin with */
    struct {
        const char *start;
        ptrdiff_t len;
    } capture[MATCHER_CAPTURES_MAX];
};

/* subject and pattern: stack positions of strings. A leading ^ is the caller's. */
void matcher_init(struct matcher *m, lua_State *L, int subject, int pattern);
/* The first match at or behind `at` (only at it when anchored): its begin, and its end in *end. */
RAISES const char *matcher_next(struct matcher *m, const char *at, bool anchored, const char **end);
/* Pushes capture i of the match s..e, counted from 0; the whole match when there are none. */
RAISES void matcher_push(struct matcher *m, int i, const char *s, const char *e);
/* Pushes all captures; the whole match when there are none and s is given. Returns how many. */
RAISES int matcher_push_all(struct matcher *m, const char *s, const char *e);

#endif
