/* What the YAML files share: the result of a parse, and the reading of plain scalars. */
#ifndef NEMETON_BASE_YAML_INTERNAL_H
#define NEMETON_BASE_YAML_INTERNAL_H

#include "base/yaml.h"

enum { YAML_NO_PLACE = 0 }; /* place 0 is never used */

/* Where one node stands. Children are a list; those of an alias are the anchor's. */
struct yaml_place {
    int line, column; /* from 1; of the key for a member of a mapping */
    uint32_t first, next;
    uint32_t key; /* offset in docs->keys; 0 for elements */
};

struct yaml_doc {
    struct jv *value;
    uint32_t root;
};

struct yaml_docs {
    struct yaml_doc *docs;
    size_t count, cap;
    struct yaml_place *places;
    uint32_t place_count, place_cap;
    struct buf keys; /* NUL-terminated, one after the other; starts with an unused byte */
};

struct yaml_docs *yaml_docs_new(void);
void yaml_docs_add(struct yaml_docs *docs, struct jv *take, uint32_t root);
uint32_t yaml_place_new(struct yaml_docs *docs, int line, int column, const char *key);

/* What a plain scalar means. */
struct yaml_scalar {
    enum jv_type type; /* JV_STRING when it is just text */
    bool boolean;
    int64_t integer;
    double real;
    const char *problem; /* set when it is a number that JSON cannot hold */
};
void yaml_scalar_resolve(const char *text, size_t len, struct yaml_scalar *out);

/* The value of a scalar with its tag (NULL: none). NULL sets *problem. */
struct jv *yaml_scalar_value(const char *text, size_t len, const char *tag, bool plain,
                             const char **problem);
/* Appends a key's text: keys are strings in JSON, numbers and booleans become theirs. Returns the
 * problem, or NULL when all is well. */
const char *yaml_key_text(const struct jv *value, struct buf *key);

#endif
