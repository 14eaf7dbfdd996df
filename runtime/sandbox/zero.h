/* Objects with nothing in them, as the real server prints the zero values of its structs.
 *
 * They come where it has no object to tell: in bookmarks, and in what a dry run answers to a deletion
 * that lets go what only the collector's finalizers hold.
 */
#ifndef NEMETON_SANDBOX_ZERO_H
#define NEMETON_SANDBOX_ZERO_H

#include "sandbox/kinds.h"

/* Yours. The metadata, which may be NULL, are taken. */
struct jv *zero_object(const struct kind *kind, const struct kind_version *version,
                       struct jv *metadata);

#endif
