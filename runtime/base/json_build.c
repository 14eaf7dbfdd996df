#include "base/json_build.h"

#include "base/json_internal.h"
#include "base/json_object.h"

#include <stdlib.h>
#include <string.h>

enum { OPEN_MIN = 64 };

static int compare_keys(const void *a, const void *b)
{
    return strcmp(((const struct member *)a)->key, ((const struct member *)b)->key);
}

void json_build_open(struct json_build *build, size_t expected_bytes)
{
    *build = (struct json_build){0};
    arena_open(&build->arena, expected_bytes);
}

void json_build_close(struct json_build *build)
{
    json_build_forget(build, 0);
    free(build->open);
    arena_close(&build->arena);
}

struct jv *json_build_string(struct json_build *build, const char *text, size_t len,
                             struct json_key *key)
{
    return json_make_string(text, len, key, &build->arena);
}

struct jv *json_build_int(struct json_build *build, int64_t value, struct json_key *key)
{
    return json_make_int(value, key, &build->arena);
}

struct jv *json_build_begin(struct json_build *build, enum jv_type type, struct json_key *key,
                            size_t *mark)
{
    *mark = build->used;
    return json_make_container(type, key, &build->arena);
}

void json_build_put(struct json_build *build, const struct json_key *key, struct jv *take)
{
    if (build->used == build->cap) {
        build->cap = build->cap > 0 ? build->cap * 2 : OPEN_MIN;
        build->open = mem_grow(build->open, build->cap * sizeof(*build->open));
    }
    struct member *member = &build->open[build->used++];
    *member = (struct member){.value = take};
    if (key == NULL)
        return;
    member->key = key->text;
    member->key_len = (uint32_t)key->len;
    if (!key->beside) {
        char *own = arena_take(&build->arena, key->len + 1, &member->key_home);

        memcpy(own, key->text, key->len);
        own[key->len] = '\0';
        member->key = own;
        member->own_key = true;
    }
}

bool json_build_end(struct json_build *build, struct jv *container, size_t mark, bool sort)
{
    size_t count = build->used - mark;

    if (sort && count > 1)
        qsort(build->open + mark, count, sizeof(*build->open), compare_keys);
    build->used = mark; /* the container has them, whether good or not */
    return json_fill(container, build->open + mark, count, &build->arena);
}

void json_build_forget(struct json_build *build, size_t mark)
{
    while (build->used > mark)
        member_release(&build->open[--build->used]);
}
