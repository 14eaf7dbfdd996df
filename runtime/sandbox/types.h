/* The fields of built-in kinds: one table that decoding, strategic merge, apply and OpenAPI read.
 *
 * The table is text, generated from a release's published OpenAPI (types_generate.py). A line is a
 * type: its name (`%` after it: atomic) and its fields, `name:REF` and marks. REF is a letter
 *   s string, b boolean, i int32, l int64, n number, q quantity, x int-or-string, t time, m time with
 *   microseconds, y base64 bytes, r anything,
 * the name of a type, `[REF]` a list, `{REF}` a map by string. Marks:
 *   `@a,b` associative list with these keys, `^k` merged by key k in a strategic patch (`^` alone:
 *   a merged list of scalars), `#k,l` both (merge key = first), `=` set, `*` retainKeys, `%` atomic,
 *   `/4` number in the protobuf encoding (`/2.4`: inside message 2, which JSON has inline),
 *   `!` required, `~` left out when zero or empty, `+` always there, zero when not given.
 * The parsed table is immutable; everything it hands out is lent until types_free.
 */
#ifndef NEMETON_SANDBOX_TYPES_H
#define NEMETON_SANDBOX_TYPES_H

#include "base/json.h"

extern const char types_core_text[], types_apps_text[], types_meta_text[];

enum type_form { TYPE_SCALAR, TYPE_NAMED, TYPE_LIST, TYPE_MAP };
enum { TYPE_KEYS_MAX = 4 };

struct type_ref {
    enum type_form form;
    char letter;                    /* TYPE_SCALAR */
    const struct type *type;        /* TYPE_NAMED */
    const struct type_ref *element; /* TYPE_LIST, TYPE_MAP */
};

struct type_field {
    const char *name;
    struct type_ref ref;
    const char *keys[TYPE_KEYS_MAX]; /* associative list; NULL behind the last */
    const char *merge_key;           /* NULL: replaced by a strategic patch; "": list of scalars */
    bool set, retain_keys, atomic, required;
    bool omit_zero, always;
    unsigned outer, number; /* protobuf; outer 0: not nested, number 0: none */
};

struct type {
    const char *name;
    bool atomic;
    size_t field_count;
    struct type_field *fields; /* sorted by name */
};

struct types;
struct types *types_new(struct err *err);
void types_free(struct types *types);
const struct type *types_find(const struct types *types, const char *name); /* NULL when absent */
const struct type_field *type_field(const struct type *type, const char *name);
size_t types_count(const struct types *types);
const struct type *types_at(const struct types *types, size_t index);

#endif
