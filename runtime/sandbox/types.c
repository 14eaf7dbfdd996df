#include "sandbox/types.h"

#include "base/map.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

enum { TYPES_PARTS = 3 };

struct types {
    char *texts[TYPES_PARTS]; /* copies; every name points into them */
    struct type **list;
    size_t count;
    struct map *by_name;
    struct type_ref **elements; /* all nested refs, to be freed */
    size_t element_count;
};

static struct type *find_or_add(struct types *types, const char *name)
{
    struct type *type = map_get(types->by_name, name);
    if (type)
        return type;
    types->list = mem_grow(types->list, (types->count + 1) * sizeof(struct type *));
    type = mem_alloc(sizeof(*type));
    types->list[types->count++] = type;
    map_put(types->by_name, name, type);
    return type;
}

static char *parse_ref(struct types *types, struct type_ref *ref, char *at)
{
    if (*at == '[' || *at == '{') {
        struct type_ref *element = mem_alloc(sizeof(*element));
        size_t size = (types->element_count + 1) * sizeof(struct type_ref *);
        types->elements = mem_grow(types->elements, size);
        types->elements[types->element_count++] = element;
        ref->form = *at == '[' ? TYPE_LIST : TYPE_MAP;
        ref->element = element;
        return parse_ref(types, element, at + 1) + 1;
    }
    if (islower((unsigned char)*at)) {
        ref->form = TYPE_SCALAR;
        ref->letter = *at;
        return at + 1;
    }
    char *end = at;
    while (isalnum((unsigned char)*end))
        end++;
    char saved = *end;
    *end = '\0';
    ref->form = TYPE_NAMED;
    ref->type = find_or_add(types, at);
    *end = saved;
    return end;
}

/* "name,name" up to the next mark; the text is cut in place. */
static char *parse_keys(struct type_field *field, char *at, char *saved)
{
    size_t count = 0;
    for (;;) {
        if (count < TYPE_KEYS_MAX - 1)
            field->keys[count++] = at;
        while (isalnum((unsigned char)*at))
            at++;
        *saved = *at;
        *at++ = '\0';
        if (*saved != ',')
            return at - 1;
    }
}

/* "4" or "2.4" */
static char *parse_number(struct type_field *field, char *at)
{
    field->number = (unsigned)strtoul(at, &at, 10);
    if (*at == '.') {
        field->outer = field->number;
        field->number = (unsigned)strtoul(at + 1, &at, 10);
    }
    return at;
}

static void parse_marks(struct type_field *field, char *at)
{
    for (char mark = *at; mark;) {
        *at = '\0'; /* ends what stands before it */
        char next = at[1];
        switch (mark) {
        case '@':
        case '#':
            at = parse_keys(field, at + 1, &next);
            if (mark == '#')
                field->merge_key = field->keys[0];
            break;
        case '^':
            field->merge_key = ++at;
            while (isalnum((unsigned char)*at))
                at++;
            next = *at;
            *at = '\0';
            break;
        case '/':
            at = parse_number(field, at + 1);
            next = *at;
            *at = '\0';
            break;
        default:
            field->set |= mark == '=';
            field->retain_keys |= mark == '*';
            field->atomic |= mark == '%';
            field->required |= mark == '!';
            field->omit_zero |= mark == '~';
            field->always |= mark == '+';
            at++;
            break;
        }
        mark = next;
    }
}

static int parse_field(struct types *types, struct type *type, char *word, struct err *err)
{
    char *colon = strchr(word, ':');
    if (!colon)
        return err_set(err, ERR_INTERNAL, "built-in type %s: field `%s` has no type", type->name,
                       word);
    *colon = '\0';
    type->fields = mem_grow(type->fields, (type->field_count + 1) * sizeof(*type->fields));
    struct type_field *field = &type->fields[type->field_count++];
    *field = (struct type_field){.name = word};
    parse_marks(field, parse_ref(types, &field->ref, colon + 1));
    return 0;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct type_field *)a)->name, ((const struct type_field *)b)->name);
}

static int parse_line(struct types *types, char *line, struct err *err)
{
    char *rest = line;
    char *word = strsep(&rest, " ");
    size_t len = strlen(word);
    bool atomic = len && word[len - 1] == '%';
    if (atomic)
        word[len - 1] = '\0';
    struct type *type = find_or_add(types, word);
    if (type->name)
        return err_set(err, ERR_INTERNAL, "built-in type %s is there twice", word);
    type->name = word;
    type->atomic = atomic;
    while ((word = strsep(&rest, " ")))
        if (*word && parse_field(types, type, word, err) < 0)
            return -1;
    qsort(type->fields, type->field_count, sizeof(*type->fields), by_name);
    return 0;
}

struct types *types_new(struct err *err)
{
    const char *const texts[TYPES_PARTS] = {types_core_text, types_apps_text, types_meta_text};
    struct types *types = mem_alloc(sizeof(*types));
    types->by_name = map_new(0, NULL);
    for (size_t i = 0; i < TYPES_PARTS; i++) {
        char *rest = types->texts[i] = mem_str(texts[i]), *line;
        while ((line = strsep(&rest, "\n")))
            if (*line && parse_line(types, line, err) < 0)
                goto failed;
    }
    for (size_t i = 0; i < types->count; i++) {
        if (!types->list[i]->name) {
            err_set(err, ERR_INTERNAL, "a built-in type is used but not described");
            goto failed;
        }
    }
    return types;
failed:
    types_free(types);
    return NULL;
}

void types_free(struct types *types)
{
    if (!types)
        return;
    for (size_t i = 0; i < types->count; i++) {
        free(types->list[i]->fields);
        free(types->list[i]);
    }
    for (size_t i = 0; i < types->element_count; i++)
        free(types->elements[i]);
    for (size_t i = 0; i < TYPES_PARTS; i++)
        free(types->texts[i]);
    free(types->elements);
    free(types->list);
    map_free(types->by_name);
    free(types);
}

const struct type *types_find(const struct types *types, const char *name)
{
    return name ? map_get(types->by_name, name) : NULL;
}

const struct type_field *type_field(const struct type *type, const char *name)
{
    size_t low = 0, high = type ? type->field_count : 0;
    while (low < high) {
        size_t middle = (low + high) / 2;
        int order = strcmp(name, type->fields[middle].name);
        if (order == 0)
            return &type->fields[middle];
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return NULL;
}

size_t types_count(const struct types *types)
{
    return types->count;
}

const struct type *types_at(const struct types *types, size_t index)
{
    return types->list[index];
}
