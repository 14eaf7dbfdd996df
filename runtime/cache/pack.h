/* Text packed against a dictionary of its own kind.
 *
 * Objects of one kind are alike: a hundred StatefulSets differ in a few names and numbers. The first
 * texts that bring something new become the dictionary (at most PACK_DICTIONARY_MAX bytes, it only
 * grows); every text is stored as references into it, into itself, and the rest literally. Packing
 * and unpacking cost about as much as copying. A dictionary is reference-counted, because what was
 * packed against it can outlive who made it.
 */
#ifndef NEMETON_CACHE_PACK_H
#define NEMETON_CACHE_PACK_H

#include "base/buf.h"

#include <stdint.h>

enum { PACK_DICTIONARY_MAX = 48 << 10, PACK_TEXT_MAX = 64 << 20 };

struct pack_dictionary;
struct pack_dictionary *pack_dictionary_new(void);
struct pack_dictionary *pack_dictionary_ref(struct pack_dictionary *dictionary);
void pack_dictionary_unref(struct pack_dictionary *dictionary); /* NULL is fine */
size_t pack_dictionary_bytes(const struct pack_dictionary *dictionary);

/* Appends the packed form of text to out; may add the text to the dictionary first. */
int pack(struct pack_dictionary *dictionary, const char *text, size_t len, struct buf *out);
/* text holds text_len + 1 bytes and is terminated. -1: not what pack made. */
int unpack(const struct pack_dictionary *dictionary, const unsigned char *packed, size_t len,
           char *text, size_t text_len);

#endif
