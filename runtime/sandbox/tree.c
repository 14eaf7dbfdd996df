#include "sandbox/tree.h"

#include "base/buf.h"
#include "base/digest.h"

#include <stdlib.h>
#include <string.h>

struct node {
    const char *key;
    void *value;
    uint64_t priority;
    struct node *left, *right;
};

struct tree {
    struct node *root;
    size_t count;
};

/* Everything before key (and key itself when it is `after`) goes left. */
static void split(struct node *node, const char *key, struct node **left, struct node **right)
{
    if (!node) {
        *left = *right = NULL;
    } else if (strcmp(node->key, key) < 0) {
        *left = node;
        split(node->right, key, &node->right, right);
    } else {
        *right = node;
        split(node->left, key, left, &node->left);
    }
}

static struct node *join(struct node *left, struct node *right)
{
    if (!left || !right)
        return left ? left : right;
    if (left->priority >= right->priority) {
        left->right = join(left->right, right);
        return left;
    }
    right->left = join(left, right->left);
    return right;
}

static struct node **find(const struct tree *tree, const char *key)
{
    struct node **at = (struct node **)&tree->root;
    while (*at) {
        int order = strcmp(key, (*at)->key);
        if (order == 0)
            break;
        at = order < 0 ? &(*at)->left : &(*at)->right;
    }
    return at;
}

static void free_nodes(struct node *node, void (*value_free)(void *value))
{
    if (!node)
        return;
    free_nodes(node->left, value_free);
    free_nodes(node->right, value_free);
    if (value_free)
        value_free(node->value);
    free(node);
}

/* key NULL: the whole subtree lies behind the start. */
static bool walk(const struct node *node, const char *key, bool after, tree_fn fn, void *arg)
{
    if (!node)
        return true;
    int order = key ? strcmp(key, node->key) : -1;
    if (order < 0 && !walk(node->left, key, after, fn, arg))
        return false;
    if ((order < 0 || (order == 0 && !after)) && !fn(arg, node->key, node->value))
        return false;
    return walk(node->right, order <= 0 ? NULL : key, after, fn, arg);
}

struct tree *tree_new(void)
{
    return mem_alloc(sizeof(struct tree));
}

void tree_free(struct tree *tree, void (*value_free)(void *value))
{
    if (!tree)
        return;
    free_nodes(tree->root, value_free);
    free(tree);
}

size_t tree_count(const struct tree *tree)
{
    return tree->count;
}

void *tree_get(const struct tree *tree, const char *key)
{
    struct node *node = *find(tree, key);
    return node ? node->value : NULL;
}

void *tree_put(struct tree *tree, const char *key, void *value)
{
    struct node *node = *find(tree, key);
    if (node) {
        void *old = node->value;
        node->key = key;
        node->value = value;
        return old;
    }
    node = mem_alloc(sizeof(*node));
    node->key = key;
    node->value = value;
    node->priority = digest_fnv1a_64(key, strlen(key), 0);
    struct node **at = &tree->root;
    while (*at && (*at)->priority >= node->priority)
        at = strcmp(key, (*at)->key) < 0 ? &(*at)->left : &(*at)->right;
    split(*at, key, &node->left, &node->right);
    *at = node;
    tree->count++;
    return NULL;
}

void *tree_remove(struct tree *tree, const char *key)
{
    struct node **at = find(tree, key);
    struct node *node = *at;
    if (!node)
        return NULL;
    void *value = node->value;
    *at = join(node->left, node->right);
    free(node);
    tree->count--;
    return value;
}

void *tree_seek(const struct tree *tree, const char *key, bool after, const char **found)
{
    const struct node *best = NULL;
    for (const struct node *node = tree->root; node;) {
        int order = strcmp(key, node->key);
        if (order < 0 || (order == 0 && !after)) {
            best = node;
            node = node->left;
        } else {
            node = node->right;
        }
    }
    if (found)
        *found = best ? best->key : NULL;
    return best ? best->value : NULL;
}

void tree_walk(const struct tree *tree, const char *key, bool after, tree_fn fn, void *arg)
{
    walk(tree->root, key, after, fn, arg);
}
