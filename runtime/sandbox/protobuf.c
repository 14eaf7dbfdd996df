#include "sandbox/protobuf.h"

#include "base/digest.h"
#include "base/log.h"

#include <string.h>

enum wire { WIRE_VARINT = 0, WIRE_FIXED64 = 1, WIRE_BYTES = 2, WIRE_FIXED32 = 5 };

struct reader {
    const unsigned char *at, *end;
    bool broken;
};

struct item { /* one field of a message */
    uint64_t number;
    enum wire wire;
    uint64_t value;     /* varint and fixed */
    struct reader body; /* bytes */
};

static int decode_message(const struct type *type, unsigned outer, struct reader reader,
                          struct jv *out, int depth);
static struct jv *decode_value(const struct type_ref *ref, const struct item *item, int depth);

static uint64_t read_varint(struct reader *reader)
{
    uint64_t value = 0;
    for (int shift = 0; shift < 64 && reader->at < reader->end; shift += 7) {
        unsigned char byte = *reader->at++;
        value |= (uint64_t)(byte & 0x7f) << shift;
        if (!(byte & 0x80))
            return value;
    }
    reader->broken = true;
    return 0;
}

static uint64_t read_fixed(struct reader *reader, size_t len)
{
    uint64_t value = 0;
    if ((size_t)(reader->end - reader->at) < len) {
        reader->broken = true;
        return 0;
    }
    for (size_t i = 0; i < len; i++)
        value |= (uint64_t)*reader->at++ << (8 * i);
    return value;
}

/* False at the end and when the bytes are broken. */
static bool next_item(struct reader *reader, struct item *item)
{
    if (reader->broken || reader->at >= reader->end)
        return false;
    uint64_t tag = read_varint(reader);
    *item = (struct item){.number = tag >> 3, .wire = (enum wire)(tag & 7)};
    switch (item->wire) {
    case WIRE_VARINT:
        item->value = read_varint(reader);
        break;
    case WIRE_FIXED64:
        item->value = read_fixed(reader, 8);
        break;
    case WIRE_FIXED32:
        item->value = read_fixed(reader, 4);
        break;
    case WIRE_BYTES: {
        uint64_t len = read_varint(reader);
        if (len > (uint64_t)(reader->end - reader->at))
            reader->broken = true;
        else
            item->body = (struct reader){.at = reader->at, .end = reader->at + len};
        if (!reader->broken)
            reader->at += len;
        break;
    }
    default:
        reader->broken = true;
    }
    return !reader->broken;
}

static struct jv *text_of(const struct reader *body)
{
    return jv_stringn((const char *)body->at, (size_t)(body->end - body->at));
}

/* The field of a small message whose fields are numbered as we expect. */
static bool find_item(struct reader reader, uint64_t number, struct item *out)
{
    struct item item;
    bool found = false;
    while (next_item(&reader, &item)) {
        if (item.number == number) {
            *out = item;
            found = true;
        }
    }
    return found;
}

/* seconds = 1, nanos = 2; an empty one is no time. */
static struct jv *decode_time(struct reader body, bool micros)
{
    char text[40];
    struct item seconds = {0}, nanos = {0};
    if (!find_item(body, 1, &seconds))
        return jv_null();
    find_item(body, 2, &nanos);
    int64_t whole = (int64_t)seconds.value;
    if (whole < 0 || whole > 253402300799) /* the year 9999 */
        return NULL;
    log_time_rfc3339(whole * 1000000000 + (int64_t)(nanos.value % 1000000000), micros, text);
    return jv_string(text);
}

/* type = 1 (0 number, 1 text), intVal = 2, strVal = 3 */
static struct jv *decode_int_or_string(struct reader body)
{
    struct item item = {0};
    bool text = find_item(body, 1, &item) && item.value == 1;
    if (find_item(body, text ? 3 : 2, &item))
        return text ? text_of(&item.body) : jv_int((int32_t)item.value);
    return text ? jv_string("") : jv_int(0);
}

/* raw = 1: the JSON itself */
static struct jv *decode_raw(struct reader body)
{
    struct item item = {0};
    struct jv *out = NULL;
    if (!find_item(body, 1, &item))
        return jv_null();
    if (jv_parse((const char *)item.body.at, (size_t)(item.body.end - item.body.at), &out, NULL) <
        0)
        return NULL;
    return out;
}

static struct jv *decode_bytes(struct reader body)
{
    struct buf text;
    size_t len = (size_t)(body.end - body.at);
    buf_init(&text, len * 2 + 16);
    base64_encode(body.at, len, &text);
    struct jv *out = jv_string(buf_str(&text));
    buf_deinit(&text);
    return out;
}

static struct jv *decode_scalar(char letter, const struct item *item)
{
    struct item inner = {0};
    double real;
    bool number = strchr("bil", letter) != NULL;
    if (number ? item->wire != WIRE_VARINT
               : item->wire != (letter == 'n' ? WIRE_FIXED64 : WIRE_BYTES))
        return NULL;
    switch (letter) {
    case 'b':
        return jv_bool(item->value != 0);
    case 'i':
        return jv_int((int32_t)item->value);
    case 'l':
        return jv_int((int64_t)item->value);
    case 'n':
        memcpy(&real, &item->value, sizeof(real));
        return jv_real(real);
    case 'q':
        return find_item(item->body, 1, &inner) ? text_of(&inner.body) : jv_string("0");
    case 't':
    case 'm':
        return decode_time(item->body, letter == 'm');
    case 'x':
        return decode_int_or_string(item->body);
    case 'r':
        return decode_raw(item->body);
    case 'y':
        return decode_bytes(item->body);
    default:
        return text_of(&item->body);
    }
}

/* key = 1, value = 2. A list as value is a message of its own with items = 1. */
static int decode_entry(const struct type_ref *element, struct reader body, struct jv *map,
                        int depth)
{
    struct item key = {0}, value = {0}, inner;
    struct jv *name = find_item(body, 1, &key) ? text_of(&key.body) : jv_string("");
    struct jv *decoded;
    bool has_value = find_item(body, 2, &value);
    if (element->form == TYPE_LIST) {
        decoded = jv_array();
        while (decoded && next_item(&value.body, &inner)) {
            struct jv *each = decode_value(element->element, &inner, depth);
            if (each)
                jv_append(decoded, each);
        }
    } else {
        decoded = has_value ? decode_value(element, &value, depth) : jv_string("");
    }
    if (name && decoded)
        jv_set(map, jv_str(name), jv_ref(decoded));
    int result = name && decoded ? 0 : -1;
    jv_unref(name);
    jv_unref(decoded);
    return result;
}

static struct jv *decode_value(const struct type_ref *ref, const struct item *item, int depth)
{
    if (ref->form == TYPE_SCALAR)
        return decode_scalar(ref->letter, item);
    if (ref->form != TYPE_NAMED || item->wire != WIRE_BYTES)
        return NULL;
    struct jv *out = jv_object();
    if (decode_message(ref->type, 0, item->body, out, depth + 1) == 0)
        return out;
    jv_unref(out);
    return NULL;
}

static int decode_field(const struct type_field *field, const struct item *item, struct jv *out,
                        int depth)
{
    const struct type_ref *ref = &field->ref;
    struct jv *value;
    if (ref->form == TYPE_SCALAR || ref->form == TYPE_NAMED) {
        value = decode_value(ref, item, depth);
        if (value)
            jv_set(out, field->name, value);
        return value ? 0 : -1;
    }
    if (!jv_get(out, field->name))
        jv_set(out, field->name, ref->form == TYPE_LIST ? jv_array() : jv_object());
    struct jv *holder = jv_get(out, field->name);
    if (ref->form == TYPE_MAP)
        return item->wire == WIRE_BYTES ? decode_entry(ref->element, item->body, holder, depth)
                                        : -1;
    value = decode_value(ref->element, item, depth);
    if (value)
        jv_append(holder, value);
    return value ? 0 : -1;
}

/* outer 0: the message of the type itself; else the one that JSON shows inline. */
static int decode_message(const struct type *type, unsigned outer, struct reader reader,
                          struct jv *out, int depth)
{
    struct item item;
    if (depth > PROTOBUF_DEPTH_MAX)
        return -1;
    while (next_item(&reader, &item)) {
        bool done = false, nested = false;
        for (size_t i = 0; i < type->field_count && !done; i++) {
            const struct type_field *field = &type->fields[i];
            nested |= outer == 0 && field->outer == item.number && field->outer != 0;
            if (field->outer != outer || field->number != item.number || field->number == 0)
                continue;
            done = true;
            if (decode_field(field, &item, out, depth) < 0)
                return -1;
        }
        if (!done && nested && item.wire == WIRE_BYTES &&
            decode_message(type, (unsigned)item.number, item.body, out, depth + 1) < 0)
            return -1;
    }
    return reader.broken ? -1 : 0;
}

static int broken(struct err *err, const char *what)
{
    return err_set(err, ERR_PARSE, "the protobuf body %s", what);
}

int protobuf_parse(const struct types *types, const char *data, size_t len, struct jv **out,
                   struct err *err)
{
    struct item meta = {0}, raw = {0}, version = {0}, kind = {0};
    if (len < 4 || memcmp(data, "k8s\0", 4) != 0)
        return broken(err, "lacks its k8s prefix");
    struct reader envelope = {.at = (const unsigned char *)data + 4,
                              .end = (const unsigned char *)data + len};
    if (!find_item(envelope, 1, &meta) || !find_item(envelope, 2, &raw) ||
        !find_item(meta.body, 1, &version) || !find_item(meta.body, 2, &kind))
        return broken(err, "has no kind");
    struct jv *object = jv_object(), *name = text_of(&kind.body), *group = text_of(&version.body);
    const char *text = name ? jv_str(name) : "";
    bool events = group && strncmp(jv_str(group), "events.k8s.io/", 14) == 0;
    const struct type *type =
        types_find(types, events && strcmp(text, "Event") == 0 ? "EventsEvent" : text);
    int result = type && group ? decode_message(type, 0, raw.body, object, 0) : -1;
    if (result == 0) {
        jv_set(object, "apiVersion", jv_ref(group));
        jv_set(object, "kind", jv_ref(name));
        *out = jv_ref(object);
    } else {
        broken(err, "is not one of a built-in kind");
    }
    jv_unref(object);
    jv_unref(name);
    jv_unref(group);
    return result;
}
