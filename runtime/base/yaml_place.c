#include "base/yaml_internal.h"

#include <stdlib.h>
#include <string.h>

struct yaml_docs *yaml_docs_new(void)
{
    struct yaml_docs *docs = mem_alloc(sizeof(*docs));

    buf_init(&docs->keys, UINT32_MAX / 2);
    buf_add_char(&docs->keys, '\0');
    docs->place_count = 1;
    return docs;
}

void yaml_docs_add(struct yaml_docs *docs, struct jv *take, uint32_t root)
{
    if (docs->count == docs->cap) {
        docs->cap = docs->cap > 0 ? docs->cap * 2 : 4;
        docs->docs = mem_grow(docs->docs, docs->cap * sizeof(*docs->docs));
    }
    docs->docs[docs->count++] = (struct yaml_doc){.value = take, .root = root};
}

uint32_t yaml_place_new(struct yaml_docs *docs, int line, int column, const char *key)
{
    struct yaml_place *place;

    if (docs->place_count >= docs->place_cap) {
        docs->place_cap = docs->place_cap > 0 ? docs->place_cap * 2 : 64;
        docs->places = mem_grow(docs->places, docs->place_cap * sizeof(*docs->places));
    }
    place = &docs->places[docs->place_count];
    *place = (struct yaml_place){.line = line, .column = column};
    if (key != NULL) {
        place->key = (uint32_t)docs->keys.len;
        buf_add(&docs->keys, key, strlen(key) + 1);
    }
    return docs->place_count++;
}

void yaml_docs_free(struct yaml_docs *docs)
{
    if (docs == NULL)
        return;
    for (size_t i = 0; i < docs->count; i++)
        jv_unref(docs->docs[i].value);
    free(docs->docs);
    free(docs->places);
    buf_deinit(&docs->keys);
    free(docs);
}

size_t yaml_docs_count(const struct yaml_docs *docs)
{
    return docs->count;
}

struct jv *yaml_docs_get(const struct yaml_docs *docs, size_t index)
{
    return index < docs->count ? docs->docs[index].value : NULL;
}

/* One step of a path: a key, or an index when key is empty. */
struct step {
    struct buf key;
    bool is_key;
    size_t index;
};

/* Reads ["a.b"] as the JSON string it is. Returns what follows, or NULL. */
static const char *read_quoted(const char *path, struct step *step)
{
    const char *end = path + 1;
    struct jv *key = NULL;
    bool ok;

    for (; *end != '"' && *end != '\0'; end++)
        if (*end == '\\' && end[1] != '\0')
            end++;
    if (end[0] != '"' || end[1] != ']')
        return NULL;
    ok = jv_parse(path, (size_t)(end - path) + 1, &key, NULL) == 0;
    if (ok)
        buf_add_str(&step->key, jv_str(key));
    jv_unref(key);
    return ok ? end + 2 : NULL;
}

/* Reads the next step; NULL at the end and where the path makes no sense. */
static const char *read_step(const char *path, struct step *step)
{
    size_t len;
    char *end;

    buf_clear(&step->key);
    step->is_key = true;
    if (*path == '[' && path[1] == '"')
        return read_quoted(path + 1, step);
    if (*path == '[') {
        step->is_key = false;
        if (path[1] < '0' || path[1] > '9')
            return NULL;
        step->index = strtoul(path + 1, &end, 10);
        return *end == ']' ? end + 1 : NULL;
    }
    path += *path == '.';
    len = strcspn(path, ".[");
    buf_add(&step->key, path, len);
    return len > 0 ? path + len : NULL;
}

static uint32_t find_child(const struct yaml_docs *docs, uint32_t parent, const struct step *step)
{
    uint32_t child = docs->places[parent].first;
    size_t index = 0;

    for (; child != YAML_NO_PLACE; child = docs->places[child].next, index++) {
        uint32_t key = docs->places[child].key;
        if (step->is_key ? key != 0 && strcmp(docs->keys.data + key, buf_str(&step->key)) == 0
                         : key == 0 && index == step->index)
            return child;
    }
    return YAML_NO_PLACE;
}

int yaml_docs_where(const struct yaml_docs *docs, size_t index, const char *path, int *line,
                    int *column)
{
    struct step step = {.is_key = true};
    uint32_t at, child;

    if (index >= docs->count)
        return -1;
    at = docs->docs[index].root;
    buf_init(&step.key, YAML_BYTES_MAX);
    while ((path = read_step(path, &step)) != NULL) {
        child = find_child(docs, at, &step);
        if (child == YAML_NO_PLACE)
            break;
        at = child;
    }
    buf_deinit(&step.key);
    *line = docs->places[at].line;
    *column = docs->places[at].column;
    return 0;
}
