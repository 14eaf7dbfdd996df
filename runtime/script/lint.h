/* What can be said about a policy's text without running it: syntax, and names that nobody gives it.
 *
 * A chunk reads and sets globals by name; a name that is neither local nor in the environment of
 * policies is a slip that would show only when that line runs.
 */
#ifndef NEMETON_SCRIPT_LINT_H
#define NEMETON_SCRIPT_LINT_H

#include "script/policy.h"

struct lint;
struct lint *lint_new(const struct policy_env *env, struct err *err);
void lint_free(struct lint *lint);
/* fn gets each line that reads an unknown global, or sets any. -1 when the text does not compile:
 * err then says "source:line: …". */
typedef void (*lint_fn)(void *arg, int line, const char *name, bool is_set);
int lint_file(struct lint *lint, const struct policy_file *file, lint_fn fn, void *arg,
              struct err *err);

#endif
