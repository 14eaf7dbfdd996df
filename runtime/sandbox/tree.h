/* An ordered map from strings to pointers: the index that lists, pages and prefixes need.
 *
 * A treap whose priorities are hashes of the keys, so its shape depends on its content alone and a
 * simulated run is reproducible. Keys are lent by the values and must live as long as they are in.
 */
#ifndef NEMETON_SANDBOX_TREE_H
#define NEMETON_SANDBOX_TREE_H

#include <stdbool.h>
#include <stddef.h>

struct tree;
struct tree *tree_new(void);
void tree_free(struct tree *tree, void (*value_free)(void *value));
size_t tree_count(const struct tree *tree);
void *tree_get(const struct tree *tree, const char *key);
void *tree_put(struct tree *tree, const char *key, void *value); /* returns what was there */
void *tree_remove(struct tree *tree, const char *key);
/* The first entry whose key is >= key (> key when after). NULL at the end. */
void *tree_seek(const struct tree *tree, const char *key, bool after, const char **found);
/* All entries from there on, in order; the callback returns false to stop and changes nothing. */
typedef bool (*tree_fn)(void *arg, const char *key, void *value);
void tree_walk(const struct tree *tree, const char *key, bool after, tree_fn fn, void *arg);

#endif
