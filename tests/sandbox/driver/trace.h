/* What happens to the objects of a namespace, written down as it happens: a line of JSON for each event of
 * the API server's own watches, and for each mark that a scenario sets. tests/conformance reads it.
 *
 *   {"at_ms":…,"type":"SET"|"GONE","object":{…}}     {"at_ms":…,"mark":"…"}
 *
 * Events of different kinds may be written in another order than that of their revisions.
 */
#ifndef NEMETON_TESTS_TRACE_H
#define NEMETON_TESTS_TRACE_H

#include "kube/rest.h"
#include "loop/loop.h"
#include "loop/random.h"

struct trace;

/* NULL when the file cannot be written. */
struct trace *trace_new(struct rest *rest, struct loop *loop, struct random_source *random,
                        const char *path, struct err *err);
void trace_free(struct trace *trace);
/* Begins to watch the namespace, and volumes of all. Once. */
void trace_start(struct trace *trace, const char *namespace);
void trace_mark(struct trace *trace, const char *text);

#endif
