/* YAML in and out, as far as it is JSON. The only place that includes libyaml.
 *
 * Reads YAML 1.1 the way Kubernetes tools do: plain scalars become null, booleans (true/false/yes/
 * no/on/off as in the Go library used there), integers, reals or strings; anchors and aliases are expanded up to a limit,
 * merge keys (<<) are honoured, tags other than the core ones are errors, duplicate keys are errors.
 * Errors name line and column. Positions of nodes are kept so that a later check can point at the
 * line a field stands on. Writes block style, sorted or in the order given, quoting every string
 * that would read back as something else.
 */
#ifndef NEMETON_BASE_YAML_H
#define NEMETON_BASE_YAML_H

#include "base/json.h"

struct yaml_docs; /* the documents of one text and where their nodes stand */

enum { YAML_BYTES_MAX = 16 << 20, YAML_NODES_MAX = 2000000, YAML_DEPTH_MAX = 100 };

struct yaml_docs *yaml_parse(const char *text, size_t len, struct err *err);
void yaml_docs_free(struct yaml_docs *docs);
size_t yaml_docs_count(const struct yaml_docs *docs); /* empty documents are left out */
struct jv *yaml_docs_get(const struct yaml_docs *docs, size_t index); /* lent */
/* Line and column (from 1) of a path such as "spec.nodes.brokers.replicas" or "spec.ports[1].name"
 * (keys with dots in brackets and quotes: data["a.b"]); the nearest existing ancestor when the path
 * itself is absent. Returns 0, or -1 when there is no such document. */
int yaml_docs_where(const struct yaml_docs *docs, size_t index, const char *path, int *line,
                    int *column);

int yaml_print(const struct jv *value, unsigned flags, struct buf *out); /* flags of jv_print */

#endif
