/* JSON that stays exact. The only place that includes the JSON library.
 *
 * A `struct jv` is a reference-counted JSON value. Integers are 64-bit and stay integers, `[]` and
 * `{}` differ, objects keep the order of their keys, strings may contain NUL and are valid UTF-8.
 * An integer outside int64 and a duplicate key are parse errors that name the path. A value that
 * may be shared must be treated as immutable: change only what you just built or jv_dup'ed.
 *
 * Ownership: constructors return a reference that is yours; jv_get/jv_at/jv_path lend; jv_set and
 * jv_append take over the reference given; jv_unref(NULL) is fine.
 */
#ifndef NEMETON_BASE_JSON_H
#define NEMETON_BASE_JSON_H

#include "base/buf.h"
#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct jv;

enum jv_type { JV_NULL, JV_BOOL, JV_INT, JV_REAL, JV_STRING, JV_ARRAY, JV_OBJECT };
enum { JV_DEPTH_MAX = 128 };

void jv_seed(uint32_t seed); /* hash seed of the library; once, before the first value */

struct jv *jv_null(void);
struct jv *jv_bool(bool value);
struct jv *jv_int(int64_t value);
struct jv *jv_real(double value); /* NULL for NaN and infinities */
/* jv_string and jv_stringf never lose a text: bytes that are not UTF-8 become U+FFFD. NULL for NULL. */
struct jv *jv_string(const char *str);
struct jv *jv_stringn(const char *str, size_t len); /* NULL when not valid UTF-8 */
struct jv *jv_stringf(const char *format, ...) __attribute__((format(printf, 1, 2)));
struct jv *jv_array(void);
struct jv *jv_object(void);
struct jv *jv_ref(struct jv *value); /* returns value */
void jv_unref(struct jv *value);
struct jv *jv_dup(const struct jv *value);  /* deep copy */
struct jv *jv_copy(const struct jv *value); /* of the value itself: its members are shared */

enum jv_type jv_type(const struct jv *value);
bool jv_is_object(const struct jv *value); /* false for NULL */
bool jv_is_array(const struct jv *value);
const char *jv_str(const struct jv *value); /* lent; NULL when not a string */
const char *jv_strn(const struct jv *value, size_t *len);
int64_t jv_int_value(const struct jv *value); /* reals are truncated; 0 otherwise */
double jv_real_value(const struct jv *value);
bool jv_bool_value(const struct jv *value); /* true only for true */
size_t jv_size(const struct jv *value);     /* members or elements; 0 otherwise */

struct jv *jv_get(const struct jv *object, const char *key);
struct jv *jv_at(const struct jv *array, size_t index);
/* Follows keys; the list ends with (const char *)NULL: jv_path(o, "metadata", "name", NULL). */
struct jv *jv_path(const struct jv *object, ...) __attribute__((sentinel));
const char *jv_path_str(const struct jv *object, ...) __attribute__((sentinel));

/* A replaced member keeps its place. A NULL value, or a key that is not UTF-8, changes nothing. */
void jv_set(struct jv *object, const char *key, struct jv *take);
void jv_set_str(struct jv *object, const char *key, const char *str); /* NULL: no-op */
void jv_set_int(struct jv *object, const char *key, int64_t value);
void jv_remove(struct jv *object, const char *key);
void jv_append(struct jv *array, struct jv *take);
void jv_replace_at(struct jv *array, size_t index, struct jv *take);
void jv_insert_at(struct jv *array, size_t index, struct jv *take);
void jv_remove_at(struct jv *array, size_t index);
/* The object at the path, created where absent: jv_ensure(o, "metadata", "labels", NULL). Lent. */
struct jv *jv_ensure(struct jv *object, ...) __attribute__((sentinel));

struct jv_iter {
    void *position; /* start zeroed */
    const char *key;
    size_t key_len;
    struct jv *value; /* lent */
};
/* Members of an object in their own order: 1 and fills iter, or 0. Do not change it meanwhile. */
int jv_next(const struct jv *object, struct jv_iter *iter);

bool jv_equal(const struct jv *a, const struct jv *b); /* key order does not matter; 1 != 1.0 */

/* Parses exactly one value (white space around it is fine). */
int jv_parse(const char *text, size_t len, struct jv **out, struct err *err);

/* Appends a step to a path as errors show it: spec.ports[1].name, data["a.b"]. */
void jv_path_key(struct buf *path, const char *key);
void jv_path_index(struct buf *path, size_t index);

/* Compact unless PRETTY (two blanks). -1 when `out` is full or the value is deeper than JV_DEPTH_MAX;
 * out->failed is set then. jv_print_str returns NULL in that case. */
enum { JV_PRINT_SORTED = 1, JV_PRINT_PRETTY = 2 };
int jv_print(const struct jv *value, unsigned flags, struct buf *out);
char *jv_print_str(const struct jv *value, unsigned flags); /* yours to free */

#endif
