#include "base/yaml.h"

#include "base/map.h"
#include "base/yaml_internal.h"

#include <yaml.h>

#include <stdlib.h>
#include <string.h>

/* Builds values from the event stream. Aliases share the value of their anchor, so an alias costs
 * nothing here; what it would cost when printed or copied is counted against the same limits. */

enum { EXPANDED_BYTES_MAX = 4 * YAML_BYTES_MAX, KEY_BYTES_MAX = 4096 };

struct node {
    struct jv *value; /* owned */
    uint32_t place;
    size_t nodes, bytes; /* with everything below, aliases expanded */
    int height;          /* levels of collections */
};

struct anchor {
    struct node node; /* value NULL: still being read */
    size_t id;
};

struct reader {
    yaml_parser_t parser;
    struct yaml_docs *docs;
    struct map *anchors; /* of the current document */
    size_t anchor_ids;
    size_t nodes, bytes;
    struct err *err;
};

static int read_node(struct reader *reader, yaml_event_t *event, int depth, struct node *out);

static int fail(struct reader *reader, yaml_mark_t mark, enum err_code code, const char *what)
{
    return err_set(reader->err, code, "YAML line %zu column %zu: %s", mark.line + 1,
                   mark.column + 1, what);
}

static int fail_key(struct reader *reader, yaml_mark_t mark, const char *what, const char *key)
{
    return err_set(reader->err, ERR_PARSE, "YAML line %zu column %zu: %s `%.200s`", mark.line + 1,
                   mark.column + 1, what, key);
}

static int next_event(struct reader *reader, yaml_event_t *event)
{
    const yaml_parser_t *parser = &reader->parser;
    const char *problem;

    if (yaml_parser_parse(&reader->parser, event))
        return 0;
    problem = parser->problem != NULL ? parser->problem : "cannot be read";
    if (parser->error == YAML_READER_ERROR)
        return err_set(reader->err, ERR_PARSE, "YAML byte %zu: %s", parser->problem_offset + 1,
                       problem);
    return fail(reader, parser->problem_mark, ERR_PARSE, problem);
}

static void node_deinit(struct node *node)
{
    jv_unref(node->value);
    node->value = NULL;
}

static void anchor_free(void *value)
{
    struct anchor *anchor = value;

    jv_unref(anchor->node.value);
    free(anchor);
}

static uint32_t place_at(struct reader *reader, yaml_mark_t mark, const char *key)
{
    return yaml_place_new(reader->docs, (int)mark.line + 1, (int)mark.column + 1, key);
}

/* Counts what a node adds to the whole. */
static int count_in(struct reader *reader, yaml_mark_t mark, size_t nodes, size_t bytes)
{
    reader->nodes += nodes;
    reader->bytes += bytes;
    if (reader->nodes > YAML_NODES_MAX || reader->bytes > EXPANDED_BYTES_MAX)
        return fail(reader, mark, ERR_LIMIT, "too much once the aliases are expanded");
    return 0;
}

/* The identity of the new anchor; 0 without a name. */
static size_t anchor_open(struct reader *reader, const yaml_char_t *name)
{
    struct anchor *anchor;

    if (name == NULL)
        return 0;
    anchor = mem_alloc(sizeof(*anchor));
    anchor->id = ++reader->anchor_ids;
    map_put(reader->anchors, (const char *)name, anchor);
    return anchor->id;
}

/* The name may have been used again inside its own node; then that one stays. */
static void anchor_close(struct reader *reader, const yaml_char_t *name, size_t id,
                         const struct node *node)
{
    struct anchor *anchor = id != 0 ? map_get(reader->anchors, (const char *)name) : NULL;

    if (anchor == NULL || anchor->id != id)
        return;
    anchor->node = *node;
    jv_ref(node->value);
}

static int read_alias(struct reader *reader, const yaml_event_t *event, int depth, struct node *out)
{
    const char *name = (const char *)event->data.alias.anchor;
    const struct anchor *anchor = map_get(reader->anchors, name);

    if (anchor == NULL)
        return fail_key(reader, event->start_mark, "unknown anchor", name);
    if (anchor->node.value == NULL)
        return fail_key(reader, event->start_mark, "an alias inside its own anchor", name);
    if (depth + anchor->node.height > YAML_DEPTH_MAX)
        return fail(reader, event->start_mark, ERR_LIMIT, "nested too deep once aliases expand");
    if (count_in(reader, event->start_mark, anchor->node.nodes, anchor->node.bytes) != 0)
        return -1;
    *out = anchor->node;
    jv_ref(out->value);
    out->place = place_at(reader, event->start_mark, NULL);
    reader->docs->places[out->place].first = reader->docs->places[anchor->node.place].first;
    return 0;
}

static int read_scalar(struct reader *reader, const yaml_event_t *event, struct node *out)
{
    const char *problem = NULL;

    out->value = yaml_scalar_value((const char *)event->data.scalar.value,
                                   event->data.scalar.length, (const char *)event->data.scalar.tag,
                                   event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE, &problem);
    if (out->value == NULL)
        return fail(reader, event->start_mark, ERR_PARSE, problem);
    out->nodes = 1;
    out->bytes = event->data.scalar.length;
    return count_in(reader, event->start_mark, out->nodes, out->bytes);
}

static int read_sequence(struct reader *reader, int depth, struct node *out)
{
    uint32_t last = YAML_NO_PLACE;

    out->value = jv_array();
    for (;;) {
        yaml_event_t event;
        struct node item = {0};
        if (next_event(reader, &event) != 0)
            return -1;
        if (event.type == YAML_SEQUENCE_END_EVENT) {
            yaml_event_delete(&event);
            return 0;
        }
        if (read_node(reader, &event, depth + 1, &item) != 0)
            return -1;
        jv_append(out->value, item.value);
        if (last == YAML_NO_PLACE)
            reader->docs->places[out->place].first = item.place;
        else
            reader->docs->places[last].next = item.place;
        last = item.place;
        out->nodes += item.nodes;
        out->bytes += item.bytes;
        out->height = item.height >= out->height ? item.height + 1 : out->height;
    }
}

/* A mapping under construction. */
struct mapping {
    struct node *node;
    uint32_t last;
    struct jv *merges; /* what << brought, in order; NULL when none */
    uint32_t *merge_places;
    int depth;
};

static void link_member(struct reader *reader, struct mapping *mapping, uint32_t place)
{
    struct yaml_place *places = reader->docs->places;

    if (mapping->last == YAML_NO_PLACE)
        places[mapping->node->place].first = place;
    else
        places[mapping->last].next = place;
    mapping->last = place;
}

static int add_merge(struct reader *reader, struct mapping *mapping, struct jv *value,
                     uint32_t place, yaml_mark_t mark)
{
    size_t count = jv_size(mapping->merges);

    if (!jv_is_object(value))
        return fail(reader, mark, ERR_PARSE, "<< needs a mapping or a list of mappings");
    if (mapping->merges == NULL)
        mapping->merges = jv_array();
    mapping->merge_places =
        mem_grow(mapping->merge_places, (count + 1) * sizeof(*mapping->merge_places));
    mapping->merge_places[count] = place;
    jv_append(mapping->merges, jv_ref(value));
    return 0;
}

static int read_merge(struct reader *reader, struct mapping *mapping, yaml_mark_t mark)
{
    yaml_event_t event;
    struct node source = {0};
    uint32_t place;
    int result = 0;

    if (next_event(reader, &event) != 0 ||
        read_node(reader, &event, mapping->depth + 1, &source) != 0)
        return -1;
    if (jv_is_array(source.value)) {
        place = reader->docs->places[source.place].first;
        for (size_t i = 0; i < jv_size(source.value) && result == 0; i++) {
            result = add_merge(reader, mapping, jv_at(source.value, i), place, mark);
            place = reader->docs->places[place].next;
        }
    } else {
        result = add_merge(reader, mapping, source.value, source.place, mark);
    }
    mapping->node->nodes += source.nodes;
    mapping->node->bytes += source.bytes;
    if (source.height > mapping->node->height)
        mapping->node->height = source.height;
    node_deinit(&source);
    return result;
}

/* Members of the merged mappings that the mapping does not have itself; earlier ones win. */
static void apply_merges(struct reader *reader, struct mapping *mapping)
{
    for (size_t i = 0; i < jv_size(mapping->merges); i++) {
        struct jv_iter iter = {0};
        uint32_t from = reader->docs->places[mapping->merge_places[i]].first;
        while (jv_next(jv_at(mapping->merges, i), &iter)) {
            if (jv_get(mapping->node->value, iter.key) == NULL) {
                struct yaml_place at = reader->docs->places[from];
                uint32_t place = yaml_place_new(reader->docs, at.line, at.column, iter.key);
                reader->docs->places[place].first = at.first;
                link_member(reader, mapping, place);
                jv_set(mapping->node->value, iter.key, jv_ref(iter.value));
            }
            from = reader->docs->places[from].next;
        }
    }
}

static int read_member(struct reader *reader, struct mapping *mapping, const char *key,
                       yaml_mark_t mark)
{
    yaml_event_t event;
    struct node member = {0};
    struct node *node = mapping->node;
    uint32_t place;

    if (jv_get(node->value, key) != NULL)
        return fail_key(reader, mark, "duplicate key", key);
    if (next_event(reader, &event) != 0 ||
        read_node(reader, &event, mapping->depth + 1, &member) != 0)
        return -1;
    place = place_at(reader, mark, key);
    reader->docs->places[place].first = reader->docs->places[member.place].first;
    link_member(reader, mapping, place);
    jv_set(node->value, key, member.value);
    node->nodes += member.nodes;
    node->bytes += member.bytes + strlen(key);
    node->height = member.height >= node->height ? member.height + 1 : node->height;
    return count_in(reader, mark, 0, strlen(key));
}

/* The key whose event was read, and its value. */
static int read_pair(struct reader *reader, struct mapping *mapping, yaml_event_t *event)
{
    yaml_mark_t mark = event->start_mark;
    struct node key_node = {0};
    const char *problem;
    struct buf key;
    int result;

    if (event->type == YAML_SCALAR_EVENT && event->data.scalar.tag == NULL &&
        event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE &&
        strcmp((const char *)event->data.scalar.value, "<<") == 0) {
        yaml_event_delete(event);
        return read_merge(reader, mapping, mark);
    }
    if (read_node(reader, event, mapping->depth + 1, &key_node) != 0)
        return -1;
    buf_init(&key, KEY_BYTES_MAX);
    problem = yaml_key_text(key_node.value, &key);
    result = problem != NULL ? fail(reader, mark, ERR_PARSE, problem)
                             : read_member(reader, mapping, buf_str(&key), mark);
    buf_deinit(&key);
    node_deinit(&key_node);
    return result;
}

static int read_mapping(struct reader *reader, int depth, struct node *out)
{
    struct mapping mapping = {.node = out, .depth = depth};
    int result = 0;

    out->value = jv_object();
    for (;;) {
        yaml_event_t event;
        result = next_event(reader, &event);
        if (result != 0)
            break;
        if (event.type == YAML_MAPPING_END_EVENT) {
            yaml_event_delete(&event);
            apply_merges(reader, &mapping);
            break;
        }
        result = read_pair(reader, &mapping, &event);
        if (result != 0)
            break;
    }
    jv_unref(mapping.merges);
    free(mapping.merge_places);
    return result;
}

static int read_collection(struct reader *reader, const yaml_event_t *event, int depth,
                           struct node *out)
{
    bool is_sequence = event->type == YAML_SEQUENCE_START_EVENT;
    const yaml_char_t *tag =
        is_sequence ? event->data.sequence_start.tag : event->data.mapping_start.tag;
    const yaml_char_t *name =
        is_sequence ? event->data.sequence_start.anchor : event->data.mapping_start.anchor;
    size_t anchor;

    if (tag != NULL && strcmp((const char *)tag, is_sequence ? YAML_SEQ_TAG : YAML_MAP_TAG) != 0)
        return fail(reader, event->start_mark, ERR_PARSE, "this tag cannot be used here");
    if (depth >= YAML_DEPTH_MAX)
        return fail(reader, event->start_mark, ERR_LIMIT, "nested too deep (100 levels at most)");
    if (count_in(reader, event->start_mark, 1, 0) != 0)
        return -1;
    anchor = anchor_open(reader, name);
    out->place = place_at(reader, event->start_mark, NULL);
    out->nodes = 1;
    out->height = 1;
    if ((is_sequence ? read_sequence(reader, depth, out) : read_mapping(reader, depth, out)) != 0)
        return -1;
    anchor_close(reader, name, anchor, out);
    return 0;
}

/* Reads the node that `event` begins and deletes the event. On failure nothing is left in out. */
static int read_node(struct reader *reader, yaml_event_t *event, int depth, struct node *out)
{
    int result = -1;

    switch (event->type) {
    case YAML_ALIAS_EVENT:
        result = read_alias(reader, event, depth, out);
        break;
    case YAML_SCALAR_EVENT:
        out->place = place_at(reader, event->start_mark, NULL);
        result = read_scalar(reader, event, out);
        if (result == 0)
            anchor_close(reader, event->data.scalar.anchor,
                         anchor_open(reader, event->data.scalar.anchor), out);
        break;
    case YAML_SEQUENCE_START_EVENT:
    case YAML_MAPPING_START_EVENT:
        result = read_collection(reader, event, depth, out);
        break;
    default:
        fail(reader, event->start_mark, ERR_INTERNAL, "unexpected event");
        break;
    }
    yaml_event_delete(event);
    if (result != 0)
        node_deinit(out);
    return result;
}

/* Reads one document after its start; the end event comes right behind the root. */
static int read_document(struct reader *reader)
{
    yaml_event_t event;
    struct node root = {0};

    map_clear(reader->anchors);
    if (next_event(reader, &event) != 0 || read_node(reader, &event, 0, &root) != 0)
        return -1;
    if (jv_type(root.value) == JV_NULL)
        node_deinit(&root);
    else
        yaml_docs_add(reader->docs, root.value, root.place);
    return 0;
}

static int read_stream(struct reader *reader)
{
    for (;;) {
        yaml_event_t event;
        yaml_event_type_t type;
        if (next_event(reader, &event) != 0)
            return -1;
        type = event.type;
        yaml_event_delete(&event);
        if (type == YAML_STREAM_END_EVENT)
            return 0;
        if (type == YAML_DOCUMENT_START_EVENT && read_document(reader) != 0)
            return -1;
    }
}

struct yaml_docs *yaml_parse(const char *text, size_t len, struct err *err)
{
    struct reader reader = {.err = err};
    int result;

    if (len > YAML_BYTES_MAX) {
        err_set(err, ERR_TOO_LARGE, "YAML: %zu bytes, at most %d are read", len, YAML_BYTES_MAX);
        return NULL;
    }
    if (!yaml_parser_initialize(&reader.parser)) {
        err_set(err, ERR_LIMIT, "YAML: out of memory");
        return NULL;
    }
    yaml_parser_set_input_string(&reader.parser, (const unsigned char *)text, len);
    reader.docs = yaml_docs_new();
    reader.anchors = map_new(0, anchor_free);
    result = read_stream(&reader);
    map_free(reader.anchors);
    yaml_parser_delete(&reader.parser);
    if (result != 0) {
        yaml_docs_free(reader.docs);
        return NULL;
    }
    return reader.docs;
}
