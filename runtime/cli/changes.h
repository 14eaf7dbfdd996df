/* What happened in a world, put together for people: of each object its state before and after, in the
 * order in which it was touched.
 *
 * Commits are those of an API server. Writes of the operator and of whoever applies something count;
 * what plays the world counts where it takes something away: pods that restart, objects that go.
 * Leases, events and statuses do not count.
 */
#ifndef NEMETON_CLI_CHANGES_H
#define NEMETON_CLI_CHANGES_H

#include "base/json.h"
#include "loop/clock.h"

enum { CHANGES_OBJECTS_MAX = 200000, CHANGES_FIELDS_MAX = 40, CHANGES_VALUE_MAX = 48 };

struct changes;
/* world_user: the beginning of the User-Agent of what plays the world. Both must outlive it. */
struct changes *changes_new(const struct clock *clock, const char *world_user);
void changes_free(struct changes *changes); /* NULL is fine */
/* An on_commit of struct apiserver_options. */
void changes_commit(struct changes *changes, const char *verb, const char *user,
                    const struct jv *before, const struct jv *after);
/* From here on it is remembered; before, only the time is. */
void changes_begin(struct changes *changes);
int64_t changes_last_ms(const struct changes *changes); /* when something was written last */

/* {"changes": [{"change": "create" | "change" | "replace" | "restart" | "delete" | "later",
 * "apiVersion", "kind", "namespace", "name", "size", "at", "fields": [{"path", "from", "to"}]}],
 * "counts": {"create": n, …, "pods": n}}; later: it goes at that time, as its annotation
 * nemeton.dev/goes-at says; size: of a volume claim that goes; pods: those that start anew. Values of
 * Secrets are left out. Yours. */
struct jv *changes_result(struct changes *changes);

/* The fields in which two objects differ, in that form; what a server or tools keep for themselves
 * is left out. An array, yours. */
struct jv *changes_fields(const struct jv *before, const struct jv *after);

#endif
