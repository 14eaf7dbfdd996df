/* Text of an object that JSON of ours cannot hold, changed so that it can.
 *
 * A server keeps what a custom kind leaves open, however deep, and numbers beyond 64 bits (as reals). One such
 * object must not end the watch over all others, nor make a list of them useless. Numbers become reals, as they are in the server; a value that is
 * nested too deeply becomes null, and it is told which, so that nobody takes the rest for the whole.
 */
#ifndef NEMETON_KUBE_MEND_H
#define NEMETON_KUBE_MEND_H

#include "base/buf.h"
#include "base/json.h"
#include "base/log.h"

#include <stdbool.h>

enum { MEND_DEPTH_MAX = 100 };

/* Put on an object with what of it could not be kept, such as spec.nodes.a.affinity. */
#define MEND_ANNOTATION "nemeton.dev/unreadable"

/* Appends the text to `out` and to `cut` where something became null: up to four keys. frame: the object is the
 * member `object` of the text. False: nothing was to be changed. */
bool mend_text(const char *text, size_t len, bool frame, struct buf *out, struct buf *cut);

/* Parses text that jv_parse has refused, mended; the object carries the annotation where something is missing,
 * and the log tells which. kind: what to call one that does not say it (log and kind may be NULL). -1: even so
 * it is no JSON. */
int mend_parse(const char *text, size_t len, bool frame, struct log *log, const char *kind,
               struct jv **out);

#endif
