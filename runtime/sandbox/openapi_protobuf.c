#include "sandbox/openapi_internal.h"

#include <stdlib.h>
#include <string.h>

/* Field numbers are those of gnostic's OpenAPIv2.proto. A message is written into a buffer of its
 * own and then into the outer one behind its length. */

enum wire { WIRE_VARINT = 0, WIRE_FIXED64 = 1, WIRE_BYTES = 2 };

typedef void (*write_fn)(const struct jv *value, struct buf *out);

static void write_schema(const struct jv *schema, struct buf *out);

static void put_varint(struct buf *out, uint64_t value)
{
    while (value >= 0x80) {
        buf_add_char(out, (char)(value | 0x80));
        value >>= 7;
    }
    buf_add_char(out, (char)value);
}

static void put_tag(struct buf *out, unsigned field, enum wire wire)
{
    put_varint(out, (uint64_t)field << 3 | (unsigned)wire);
}

static void put_bytes(struct buf *out, unsigned field, const char *data, size_t len)
{
    put_tag(out, field, WIRE_BYTES);
    put_varint(out, len);
    buf_add(out, data, len);
}

static void put_text(struct buf *out, unsigned field, const char *text)
{
    if (text && *text)
        put_bytes(out, field, text, strlen(text));
}

static void put_member(struct buf *out, unsigned field, const struct jv *object, const char *name)
{
    put_text(out, field, jv_str(jv_get(object, name)));
}

static void put_int(struct buf *out, unsigned field, const struct jv *value)
{
    if (!value)
        return;
    put_tag(out, field, WIRE_VARINT);
    put_varint(out, (uint64_t)jv_int_value(value));
}

static void put_flag(struct buf *out, unsigned field, const struct jv *value)
{
    if (!jv_bool_value(value))
        return;
    put_tag(out, field, WIRE_VARINT);
    put_varint(out, 1);
}

static void put_double(struct buf *out, unsigned field, const struct jv *value)
{
    uint64_t bits;
    double number = jv_real_value(value);
    if (!value)
        return;
    memcpy(&bits, &number, sizeof(bits));
    put_tag(out, field, WIRE_FIXED64);
    for (int i = 0; i < 8; i++)
        buf_add_char(out, (char)(bits >> (8 * i)));
}

static void put_message(struct buf *out, unsigned field, write_fn fn, const struct jv *value)
{
    struct buf inner;
    buf_init(&inner, OPENAPI_BYTES_MAX);
    fn(value, &inner);
    put_bytes(out, field, inner.len ? inner.data : "", inner.len);
    buf_deinit(&inner);
}

static void put_texts(struct buf *out, unsigned field, const struct jv *list)
{
    for (size_t i = 0; i < jv_size(list); i++)
        put_text(out, field, jv_str(jv_at(list, i)));
}

/* Any: YAML text, of which JSON is a form. */
static void write_any(const struct jv *value, struct buf *out)
{
    char *text = jv_print_str(value, JV_PRINT_SORTED), *line = mem_printf("%s\n", text);
    put_text(out, 2, line);
    free(line);
    free(text);
}

/* {name, value} as Named…: name 1, value 2. */
static void put_named(struct buf *out, unsigned field, const char *name, write_fn fn,
                      const struct jv *value)
{
    struct buf inner;
    buf_init(&inner, OPENAPI_BYTES_MAX);
    put_text(&inner, 1, name);
    put_message(&inner, 2, fn, value);
    put_bytes(out, field, inner.data, inner.len);
    buf_deinit(&inner);
}

static void put_extensions(struct buf *out, unsigned field, const struct jv *object)
{
    struct jv_iter iter = {0};
    while (jv_next(object, &iter))
        if (strncmp(iter.key, "x-", 2) == 0)
            put_named(out, field, iter.key, write_any, iter.value);
}

static void write_properties(const struct jv *properties, struct buf *out)
{
    struct jv_iter iter = {0};
    while (jv_next(properties, &iter))
        put_named(out, 1, iter.key, write_schema, iter.value);
}

static void write_first_schema(const struct jv *schema, struct buf *out)
{
    put_message(out, 1, write_schema, schema);
}

static void write_additional(const struct jv *value, struct buf *out)
{
    if (jv_is_object(value))
        put_message(out, 1, write_schema, value);
    else
        put_flag(out, 2, value);
}

static void write_type(const struct jv *type, struct buf *out)
{
    put_text(out, 1, jv_str(type));
}

static void write_limits(const struct jv *schema, struct buf *out)
{
    put_double(out, 6, jv_get(schema, "multipleOf"));
    put_double(out, 7, jv_get(schema, "maximum"));
    put_flag(out, 8, jv_get(schema, "exclusiveMaximum"));
    put_double(out, 9, jv_get(schema, "minimum"));
    put_flag(out, 10, jv_get(schema, "exclusiveMinimum"));
    put_int(out, 11, jv_get(schema, "maxLength"));
    put_int(out, 12, jv_get(schema, "minLength"));
    put_member(out, 13, schema, "pattern");
    put_int(out, 14, jv_get(schema, "maxItems"));
    put_int(out, 15, jv_get(schema, "minItems"));
    put_int(out, 17, jv_get(schema, "maxProperties"));
    put_int(out, 18, jv_get(schema, "minProperties"));
}

static void write_schema(const struct jv *schema, struct buf *out)
{
    const struct jv *items = jv_get(schema, "items"), *values = jv_get(schema, "enum");
    put_member(out, 1, schema, "$ref");
    put_member(out, 2, schema, "format");
    put_member(out, 3, schema, "title");
    put_member(out, 4, schema, "description");
    write_limits(schema, out);
    put_texts(out, 19, jv_get(schema, "required"));
    for (size_t i = 0; i < jv_size(values); i++)
        put_message(out, 20, write_any, jv_at(values, i));
    if (jv_get(schema, "additionalProperties"))
        put_message(out, 21, write_additional, jv_get(schema, "additionalProperties"));
    if (jv_get(schema, "type"))
        put_message(out, 22, write_type, jv_get(schema, "type"));
    if (jv_is_object(items))
        put_message(out, 23, write_first_schema, items);
    if (jv_get(schema, "properties"))
        put_message(out, 25, write_properties, jv_get(schema, "properties"));
    if (jv_get(schema, "example"))
        put_message(out, 30, write_any, jv_get(schema, "example"));
    put_extensions(out, 31, schema);
}

static void write_body_parameter(const struct jv *parameter, struct buf *out)
{
    put_member(out, 2, parameter, "name");
    put_member(out, 3, parameter, "in");
    put_flag(out, 4, jv_get(parameter, "required"));
    put_message(out, 5, write_schema, jv_get(parameter, "schema"));
}

static void write_path_parameter(const struct jv *parameter, struct buf *out)
{
    put_flag(out, 1, jv_get(parameter, "required"));
    put_member(out, 2, parameter, "in");
    put_member(out, 4, parameter, "name");
    put_member(out, 5, parameter, "type");
}

static void write_query_parameter(const struct jv *parameter, struct buf *out)
{
    put_flag(out, 1, jv_get(parameter, "required"));
    put_member(out, 2, parameter, "in");
    put_member(out, 4, parameter, "name");
    put_member(out, 6, parameter, "type");
}

static bool is_in(const struct jv *parameter, const char *place)
{
    const char *in = jv_str(jv_get(parameter, "in"));
    return in && strcmp(in, place) == 0;
}

static void write_non_body(const struct jv *parameter, struct buf *out)
{
    if (is_in(parameter, "path"))
        put_message(out, 4, write_path_parameter, parameter);
    else
        put_message(out, 3, write_query_parameter, parameter);
}

static void write_parameter(const struct jv *parameter, struct buf *out)
{
    if (is_in(parameter, "body"))
        put_message(out, 1, write_body_parameter, parameter);
    else
        put_message(out, 2, write_non_body, parameter);
}

static void write_parameters_item(const struct jv *parameter, struct buf *out)
{
    put_message(out, 1, write_parameter, parameter);
}

static void write_response(const struct jv *response, struct buf *out)
{
    put_member(out, 1, response, "description");
    if (jv_get(response, "schema"))
        put_message(out, 2, write_first_schema, jv_get(response, "schema"));
}

static void write_response_value(const struct jv *response, struct buf *out)
{
    put_message(out, 1, write_response, response);
}

static void write_responses(const struct jv *responses, struct buf *out)
{
    struct jv_iter iter = {0};
    while (jv_next(responses, &iter))
        put_named(out, 1, iter.key, write_response_value, iter.value);
}

static void write_operation(const struct jv *operation, struct buf *out)
{
    const struct jv *parameters = jv_get(operation, "parameters");
    put_member(out, 5, operation, "operationId");
    for (size_t i = 0; i < jv_size(parameters); i++)
        put_message(out, 8, write_parameters_item, jv_at(parameters, i));
    put_message(out, 9, write_responses, jv_get(operation, "responses"));
    put_extensions(out, 13, operation);
}

static void write_path_item(const struct jv *item, struct buf *out)
{
    static const struct {
        const char *method;
        unsigned field;
    } methods[] = {{"get", 2}, {"put", 3}, {"post", 4}, {"delete", 5}, {"patch", 8}};
    const struct jv *parameters = jv_get(item, "parameters");
    for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++)
        if (jv_get(item, methods[i].method))
            put_message(out, methods[i].field, write_operation, jv_get(item, methods[i].method));
    for (size_t i = 0; i < jv_size(parameters); i++)
        put_message(out, 9, write_parameters_item, jv_at(parameters, i));
}

static void write_info(const struct jv *info, struct buf *out)
{
    put_member(out, 1, info, "title");
    put_member(out, 2, info, "version");
}

static void add_path(void *arg, const char *name, const struct jv *value)
{
    put_named(arg, 2, name, write_path_item, value);
}

static void add_definition(void *arg, const char *name, const struct jv *value)
{
    put_named(arg, 1, name, write_schema, value);
}

void openapi_protobuf(const struct openapi *api, struct buf *out)
{
    struct buf part;
    struct jv *info = jv_object();
    jv_set_str(info, "title", "Kubernetes");
    jv_set_str(info, "version", "v" SERVER_MAJOR "." SERVER_MINOR);
    put_text(out, 1, "2.0");
    put_message(out, 2, write_info, info);
    jv_unref(info);
    buf_init(&part, OPENAPI_BYTES_MAX);
    openapi_each_path(api, add_path, &part);
    put_bytes(out, 8, buf_str(&part), part.len);
    buf_clear(&part);
    openapi_each_definition(api, add_definition, &part);
    put_bytes(out, 9, buf_str(&part), part.len);
    buf_deinit(&part);
}
