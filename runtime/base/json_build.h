/* Making a JSON value part by part, in one arena: for whoever reads it from somewhere.
 *
 * Containers are begun and ended like brackets; what is put by in between becomes the members of the
 * one that is ended next. A value is made with the key it will stand under, which then lies beside
 * it: a member costs a piece of the arena and nothing else. Texts and keys must be valid UTF-8
 * without a NUL in a key. The values are ordinary ones and outlive the build.
 */
#ifndef NEMETON_BASE_JSON_BUILD_H
#define NEMETON_BASE_JSON_BUILD_H

#include "base/arena.h"
#include "base/json.h"

/* The key that a value is made for; its text is lent. Making the value moves it beside it. */
struct json_key {
    const char *text;
    size_t len;
    bool beside;
};

struct member;
struct json_build {
    struct arena arena;
    struct member *open; /* of the containers that are not at their end yet */
    size_t used, cap;
};

/* expected_bytes: of all values, a guess. */
void json_build_open(struct json_build *build, size_t expected_bytes);
void json_build_close(struct json_build *build); /* what is put by and in no container is dropped */

/* key: NULL for an element of an array or the root. The value is yours until it is put by. */
struct jv *json_build_string(struct json_build *build, const char *text, size_t len,
                             struct json_key *key);
struct jv *json_build_int(struct json_build *build, int64_t value, struct json_key *key);
/* An object or an array, empty so far. *mark is for its end. */
struct jv *json_build_begin(struct json_build *build, enum jv_type type, struct json_key *key,
                            size_t *mark);
/* Takes over the value, wherever it was made; key: the one given when it was, NULL in an array. */
void json_build_put(struct json_build *build, const struct json_key *key, struct jv *take);
/* sort: by key. False for a key that is there twice; the container is yours to unref all the same. */
bool json_build_end(struct json_build *build, struct jv *container, size_t mark, bool sort);
/* In place of the end: drops what was put by since. */
void json_build_forget(struct json_build *build, size_t mark);

#endif
