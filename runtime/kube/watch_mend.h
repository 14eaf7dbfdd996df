/* Text of an object that JSON of ours cannot hold, changed so that it can.
 *
 * A server keeps what a custom kind leaves open, however deep, and numbers beyond 64 bits (as reals). One such
 * object must not end the watch over all others. Numbers become reals, as they are in the server; a value that is
 * nested too deeply becomes null, and it is told which, so that nobody takes the rest for the whole.
 */
#ifndef NEMETON_KUBE_WATCH_MEND_H
#define NEMETON_KUBE_WATCH_MEND_H

#include "base/buf.h"

#include <stdbool.h>

enum { MEND_DEPTH_MAX = 100 };

/* Appends the text to `out` and to `cut` where something became null: up to four keys, such as
 * spec.nodes.a.affinity. frame: the object is the member `object` of the text. False: nothing was to be changed. */
bool watch_mend(const char *text, size_t len, bool frame, struct buf *out, struct buf *cut);

#endif
