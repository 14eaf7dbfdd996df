/* How an object becomes an item: its identity, the cut to the declared fields, the one allocation. */
#ifndef NEMETON_CACHE_ITEM_H
#define NEMETON_CACHE_ITEM_H

#include "cache/pack.h"
#include "cache/store.h"

/* Fills the strings of a probe that lend from the object; ERR_INVALID without a name. */
int item_identify(const struct jv *object, struct store_item *probe, struct err *err);
/* The object with only the fields (see store_options); yours. */
struct jv *item_cut(const struct jv *object, const char *const *fields, size_t count);
/* text and packed are scratch space, cleared first. One reference is yours. */
struct store_item *item_new(const struct store_item *probe, const struct jv *object,
                            struct pack_dictionary *dictionary, struct slab *slab, struct buf *text,
                            struct buf *packed, struct err *err);
/* Equal except for the resourceVersion. text: the printed `b`. */
bool item_same(const struct store_item *a, const struct store_item *b, const struct buf *text);

#endif
