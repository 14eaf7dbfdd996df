/* OpenAPI documents: what clients of several ages need in order to validate, patch and explain. */
#include "sandbox_support.h"

#define PROTOBUF "application/com.github.proto-openapi.spec.v2@v1.0+protobuf"
#define V1 "io.k8s.api.core.v1."

static void make_crd(struct stage *stage)
{
    call_ok(stage, "POST", "/apis/apiextensions.k8s.io/v1/customresourcedefinitions",
            "{'metadata':{'name':'things.t.example.com'},'spec':{'group':'t.example.com','scope':"
            "'Namespaced','names':{'plural':'things','kind':'Thing','singular':'thing','listKind':"
            "'ThingList'},'versions':[{'name':'v1','served':true,'storage':true,'schema':{"
            "'openAPIV3Schema':{'type':'object','description':'A thing.','required':['spec'],"
            "'properties':{'spec':{'type':'object','required':['may'],'properties':{'size':{'type':"
            "'integer','minimum':1,'default':3},'may':{'type':'string','nullable':true},'free':{"
            "'type':'object','x-kubernetes-preserve-unknown-fields':true,'properties':{'a':{"
            "'type':'string'}}},'any':{'type':'object','properties':{'x':{'type':'string'}},'anyOf'"
            ":[{'required':['x']}]}}}}}}}]}}");
}

static const struct jv *definition(const struct stage *stage, const char *name)
{
    const struct jv *found = jv_path(stage->answer, "definitions", name, NULL);
    if (!found)
        found = jv_path(stage->answer, "components", "schemas", name, NULL);
    if (!found)
        fail_msg("no definition of %s", name);
    return found;
}

static void expect_json(const struct jv *value, const char *wanted)
{
    char *text = jv_print_str(value, JV_PRINT_SORTED), *copy = strdup(wanted);
    for (char *at = copy; *at; at++)
        if (*at == '\'')
            *at = '"';
    assert_string_equal(text, copy);
    free(copy);
    free(text);
}

static void every_reference_leads_to_a_definition(const struct jv *value, const struct jv *all,
                                                  size_t prefix)
{
    struct jv_iter iter = {0};
    const char *ref = jv_str(jv_get(value, "$ref"));
    if (ref && !jv_get(all, ref + prefix))
        fail_msg("%s leads nowhere", ref);
    for (size_t i = 0; jv_type(value) == JV_ARRAY && i < jv_size(value); i++)
        every_reference_leads_to_a_definition(jv_at(value, i), all, prefix);
    while (jv_is_object(value) && jv_next(value, &iter))
        every_reference_leads_to_a_definition(iter.value, all, prefix);
}

static void built_in_kinds_say_their_fields_and_how_they_merge(void **state)
{
    (void)state;
    struct stage stage;
    stage_init(&stage);
    call_ok(&stage, "GET", "/openapi/v2", NULL);
    const struct jv *set = definition(&stage, "io.k8s.api.apps.v1.StatefulSet");
    expect_json(jv_get(set, "x-kubernetes-group-version-kind"),
                "[{'group':'apps','kind':'StatefulSet','version':'v1'}]");
    expect_json(jv_path(set, "properties", "spec", NULL),
                "{'$ref':'#/definitions/io.k8s.api.apps.v1.StatefulSetSpec'}");
    const struct jv *pod = definition(&stage, V1 "PodSpec");
    expect_json(jv_get(pod, "required"), "['containers']");
    expect_json(jv_path(pod, "properties", "volumes", NULL),
                "{'items':{'$ref':'#/definitions/" V1 "Volume'},'type':'array',"
                "'x-kubernetes-list-map-keys':['name'],'x-kubernetes-list-type':'map',"
                "'x-kubernetes-patch-merge-key':'name','x-kubernetes-patch-strategy':"
                "'merge,retainKeys'}");
    expect_json(
        jv_path(definition(&stage, V1 "ResourceRequirements"), "properties", "limits", NULL),
        "{'additionalProperties':{'$ref':"
        "'#/definitions/io.k8s.apimachinery.pkg.api.resource.Quantity'},'type':'object'}");
    every_reference_leads_to_a_definition(stage.answer, jv_get(stage.answer, "definitions"),
                                          strlen("#/definitions/"));
    stage_end(&stage);
}

static void paths_tell_kinds_and_queries(void **state)
{
    (void)state;
    struct stage stage;
    stage_init(&stage);
    call_ok(&stage, "GET", "/openapi/v2", NULL);
    const struct jv *patch =
        jv_path(stage.answer, "paths", "/apis/apps/v1/namespaces/{namespace}/statefulsets/{name}",
                "patch", NULL);
    expect_json(jv_get(patch, "x-kubernetes-group-version-kind"),
                "{'group':'apps','kind':'StatefulSet','version':'v1'}");
    bool dry_run = false, validation = false;
    for (size_t i = 0; i < jv_size(jv_get(patch, "parameters")); i++) {
        const char *name = jv_path_str(jv_at(jv_get(patch, "parameters"), i), "name", NULL);
        dry_run |= strcmp(name, "dryRun") == 0;
        validation |= strcmp(name, "fieldValidation") == 0;
    }
    assert_true(dry_run && validation);
    assert_non_null(jv_path(stage.answer, "paths", "/api/v1/nodes/{name}/status", NULL));
    stage_end(&stage);
}

static void v2_of_a_custom_kind_leaves_out_what_old_readers_stumble_over(void **state)
{
    (void)state;
    struct stage stage;
    stage_init(&stage);
    make_crd(&stage);
    call_ok(&stage, "GET", "/openapi/v2", NULL);
    const struct jv *thing = definition(&stage, "com.example.t.v1.Thing");
    assert_string_equal(jv_path_str(thing, "description", NULL), "A thing.");
    expect_json(jv_path(thing, "properties", "spec", NULL),
                "{'properties':{'any':{'properties':{'x':{'type':'string'}},'type':'object'},"
                "'free':{'x-kubernetes-preserve-unknown-fields':true},'may':{},'size':{'minimum':1,"
                "'type':'integer'}},'type':'object'}");
    assert_non_null(jv_path(thing, "properties", "metadata", "$ref", NULL));
    definition(&stage, "com.example.t.v1.ThingList");
    stage_end(&stage);
}

static void v3_has_an_index_and_a_document_a_version(void **state)
{
    (void)state;
    struct stage stage;
    stage_init(&stage);
    make_crd(&stage);
    call_ok(&stage, "GET", "/openapi/v3", NULL);
    expect_json(jv_path(stage.answer, "paths", "apis/t.example.com/v1", NULL),
                "{'serverRelativeURL':'/openapi/v3/apis/t.example.com/v1'}");
    assert_non_null(jv_path(stage.answer, "paths", "api/v1", NULL));
    call_ok(&stage, "GET", "/openapi/v3/apis/t.example.com/v1", NULL);
    const struct jv *thing = definition(&stage, "com.example.t.v1.Thing");
    expect_json(jv_path(thing, "properties", "spec", "properties", "size", NULL),
                "{'default':3,'minimum':1,'type':'integer'}");
    assert_non_null(jv_path(thing, "properties", "spec", "properties", "any", "anyOf", NULL));
    assert_non_null(jv_path(stage.answer, "paths",
                            "/apis/t.example.com/v1/namespaces/{namespace}/things", "get",
                            "x-kubernetes-group-version-kind", NULL));
    assert_null(jv_path(stage.answer, "components", "schemas", V1 "Pod", NULL));
    every_reference_leads_to_a_definition(stage.answer,
                                          jv_path(stage.answer, "components", "schemas", NULL),
                                          strlen("#/components/schemas/"));
    call(&stage, "GET", "/openapi/v3/apis/apps/v9", NULL);
    assert_int_equal(stage.code, 404);
    stage_end(&stage);
}

/* A deleted kind is not shown any more. */
static void documents_follow_the_crds(void **state)
{
    (void)state;
    struct stage stage;
    stage_init(&stage);
    make_crd(&stage);
    call_ok(&stage, "DELETE",
            "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/things.t.example.com", NULL);
    call_ok(&stage, "GET", "/openapi/v2", NULL);
    assert_null(jv_path(stage.answer, "definitions", "com.example.t.v1.Thing", NULL));
    call(&stage, "GET", "/openapi/v3/apis/t.example.com/v1", NULL);
    assert_int_equal(stage.code, 404);
    stage_end(&stage);
}

/* The protobuf form, read by hand: one message is a run of (field, bytes). */
struct message {
    const unsigned char *at, *end;
};

static uint64_t read_varint(struct message *message)
{
    uint64_t value = 0;
    for (int shift = 0;; shift += 7) {
        assert_true(message->at < message->end && shift < 64);
        unsigned char byte = *message->at++;
        value |= (uint64_t)(byte & 0x7f) << shift;
        if (!(byte & 0x80))
            return value;
    }
}

/* The next field; *body is set for those with bytes. 0 at the end. */
static unsigned read_field(struct message *message, struct message *body)
{
    if (message->at == message->end)
        return 0;
    uint64_t tag = read_varint(message);
    *body = (struct message){NULL, NULL};
    if ((tag & 7) == 2) {
        uint64_t len = read_varint(message);
        assert_true(len <= (uint64_t)(message->end - message->at));
        *body = (struct message){message->at, message->at + len};
        message->at += len;
    } else if ((tag & 7) == 1) {
        assert_true(message->end - message->at >= 8);
        message->at += 8;
    } else {
        assert_int_equal(tag & 7, 0);
        read_varint(message);
    }
    return (unsigned)(tag >> 3);
}

/* The first field of that number. */
static struct message child(struct message message, unsigned wanted)
{
    struct message body;
    for (unsigned field; (field = read_field(&message, &body));)
        if (field == wanted)
            return body;
    fail_msg("no field %u", wanted);
    return message;
}

static bool is_text(struct message message, const char *text)
{
    size_t len = (size_t)(message.end - message.at);
    return len == strlen(text) && memcmp(message.at, text, len) == 0;
}

/* Of repeated {name 1, value 2} in field `list`, the value of that name. */
static struct message named(struct message message, unsigned list, const char *name)
{
    struct message body;
    for (unsigned field; (field = read_field(&message, &body));)
        if (field == list && is_text(child(body, 1), name))
            return child(body, 2);
    fail_msg("no entry named %s", name);
    return message;
}

static void body_done(void *arg, const struct http_response *response, const struct err *err)
{
    struct buf *out = arg;
    assert_null(err);
    assert_int_equal(response->status, 200);
    assert_string_equal(http_response_header(response, "Content-Type"),
                        "application/com.github.proto-openapi.spec.v2.v1.0+protobuf");
    buf_add(out, response->body, response->body_len);
}

static bool has_body(void *arg)
{
    return ((struct buf *)arg)->len > 0;
}

static void old_clients_get_protobuf(void **state)
{
    (void)state;
    struct stage stage;
    struct buf bytes;
    stage_init(&stage);
    make_crd(&stage);
    const struct http_header accept = {"Accept", PROTOBUF};
    const struct http_request request = {.method = "GET",
                                         .url = SERVER_URL "/openapi/v2?timeout=32s",
                                         .headers = &accept,
                                         .header_count = 1,
                                         .timeout_ms = 10000};
    const struct http_callbacks callbacks = {.on_done = body_done};
    buf_init(&bytes, 8 << 20);
    assert_non_null(transport_start(stage.transport, &request, &callbacks, &bytes, NULL));
    assert_true(loop_run_until(stage.loop, has_body, &bytes, 10000));
    const unsigned char *data = (const unsigned char *)bytes.data;
    struct message document = {data, data + bytes.len};
    assert_true(is_text(child(document, 1), "2.0"));
    struct message definitions = child(document, 9);
    struct message pod = named(definitions, 1, V1 "PodSpec");
    assert_true(is_text(child(child(pod, 22), 1), "object"));
    struct message volumes = named(child(pod, 25), 1, "volumes");
    assert_true(is_text(child(child(child(volumes, 23), 1), 1), "#/definitions/" V1 "Volume"));
    assert_true(
        is_text(child(named(volumes, 31, "x-kubernetes-patch-merge-key"), 2), "\"name\"\n"));
    struct message thing = named(definitions, 1, "com.example.t.v1.Thing");
    assert_true(is_text(child(thing, 4), "A thing."));
    struct message patch = child(
        named(child(document, 8), 2, "/apis/t.example.com/v1/namespaces/{namespace}/things/{name}"),
        8);
    assert_true(is_text(child(named(patch, 13, "x-kubernetes-group-version-kind"), 2),
                        "{\"group\":\"t.example.com\",\"kind\":\"Thing\",\"version\":\"v1\"}\n"));
    buf_deinit(&bytes);
    stage_end(&stage);
}

static void other_forms_are_refused(void **state)
{
    (void)state;
    struct stage stage;
    stage_init(&stage);
    stage.accept = "text/html";
    call(&stage, "GET", "/openapi/v2", NULL);
    assert_int_equal(stage.code, 406);
    stage.accept = NULL;
    call(&stage, "GET", "/openapi/v4", NULL);
    assert_int_equal(stage.code, 404);
    stage_end(&stage);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(built_in_kinds_say_their_fields_and_how_they_merge),
        cmocka_unit_test(paths_tell_kinds_and_queries),
        cmocka_unit_test(v2_of_a_custom_kind_leaves_out_what_old_readers_stumble_over),
        cmocka_unit_test(v3_has_an_index_and_a_document_a_version),
        cmocka_unit_test(documents_follow_the_crds),
        cmocka_unit_test(old_clients_get_protobuf),
        cmocka_unit_test(other_forms_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
