/* What a CRD's schema does to objects: prunes, fills in, judges; and which schemas a CRD may have.
 * Texts are those of a 1.35 server. */
#include "sandbox/schema.h"
#include "sandbox_support.h"

static struct jv *parse(const char *text)
{
    struct jv *value = NULL;
    struct err err = {0};
    char *copy = strdup(text);
    for (char *at = copy; *at; at++)
        if (*at == '\'')
            *at = '"';
    if (jv_parse(copy, strlen(copy), &value, &err) < 0)
        fail_msg("%s: %s", err.text, copy);
    free(copy);
    return value;
}

/* {'type':'object','properties':{'a':…}} */
static struct schema *schema_of(const char *a)
{
    struct field_errors errors;
    char *text = mem_printf("{'type':'object','properties':{'a':%s}}", a);
    struct jv *root = parse(text);
    field_errors_init(&errors);
    struct schema *schema = schema_new(root, "root", &errors);
    if (field_errors_count(&errors))
        fail_msg("%s", buf_str(&errors.text));
    field_errors_deinit(&errors);
    jv_unref(root);
    free(text);
    return schema;
}

/* What is said about {'a':value}; "" = nothing. before NULL: a create. */
static void expect_judged(const char *a, const char *value, const char *before, const char *wanted)
{
    struct field_errors errors;
    struct schema *schema = schema_of(a);
    char *text = mem_printf("{'a':%s}", value), *old_text = mem_printf("{'a':%s}", before);
    struct jv *object = parse(text), *old = before ? parse(old_text) : NULL;
    field_errors_init(&errors);
    schema_validate(schema, object, old, NULL, &errors);
    assert_string_equal(buf_str(&errors.text), wanted);
    field_errors_deinit(&errors);
    jv_unref(object);
    jv_unref(old);
    free(text);
    free(old_text);
    schema_free(schema);
}

static void values_are_judged_as_the_server_does(void **state)
{
    static const struct {
        const char *schema, *value, *said;
    } rows[] = {
        {"{'type':'integer'}", "1", ""},
        {"{'type':'integer'}", "1.0", ""},
        {"{'type':'number'}", "1", ""},
        {"{'type':'integer'}", "'x'",
         "a: Invalid value: \"string\": a in body must be of type integer: \"string\""},
        {"{'type':'object'}", "[]",
         "a: Invalid value: \"array\": a in body must be of type object: \"array\""},
        {"{'type':'string'}", "null",
         "a: Invalid value: \"null\": a in body must be of type string: \"null\""},
        {"{'type':'string','nullable':true}", "null", ""},
        {"{'type':'integer','minimum':1,'maximum':9}", "0",
         "a: Invalid value: 0: a in body should be greater than or equal to 1"},
        {"{'type':'integer','maximum':9,'exclusiveMaximum':true}", "9",
         "a: Invalid value: 9: a in body should be less than 9"},
        {"{'type':'number','multipleOf':0.5}", "0.7",
         "a: Invalid value: 0.7: a in body should be a multiple of 0.5"},
        {"{'type':'string','minLength':2}", "'x'",
         "a: Invalid value: \"x\": a in body should be at least 2 chars long"},
        {"{'type':'string','maxLength':2}", "'äöü'", "a: Too long: may not be more than 2 bytes"},
        {"{'type':'string','maxLength':3}", "'äöü'", ""},
        {"{'type':'string','pattern':'^[a-z]+$'}", "'ABC'",
         "a: Invalid value: \"ABC\": a in body should match '^[a-z]+$'"},
        {"{'type':'string','enum':['x','y']}", "'z'",
         "a: Unsupported value: \"z\": supported values: \"x\", \"y\""},
        {"{'type':'array','items':{'type':'string'},'maxItems':1}", "['x','y']",
         "a: Too many: 2: must have at most 1 item"},
        {"{'type':'array','items':{'type':'string'},'minItems':1}", "[]",
         "a: Invalid value: 0: a in body should have at least 1 items"},
        {"{'type':'array','items':{'type':'string'}}", "['x',1]",
         "a[1]: Invalid value: \"integer\": a[1] in body must be of type string: \"integer\""},
        {"{'type':'object','additionalProperties':{'type':'string'}}", "{'k':1}",
         "a.k: Invalid value: \"integer\": a.k in body must be of type string: \"integer\""},
        {"{'type':'object','required':['x'],'properties':{'x':{'type':'string'}}}", "{}",
         "a.x: Required value"},
        {"{'x-kubernetes-int-or-string':true}", "'http'", ""},
        {"{'x-kubernetes-int-or-string':true}", "true",
         "a: Invalid value: \"boolean\": a in body must be of type integer,string: \"boolean\""},
        {"{'type':'array','x-kubernetes-list-type':'set','items':{'type':'string'}}",
         "['x','y','x','x']", "a[2]: Duplicate value: \"x\""},
        {"{'type':'array','x-kubernetes-list-type':'map','x-kubernetes-list-map-keys':['n'],"
         "'items':{'type':'object','required':['n'],'properties':{'n':{'type':'string'}}}}",
         "[{'n':'x'},{'n':'x'}]", "a[1]: Duplicate value: {\"n\":\"x\"}"},
        {"{'type':'object','properties':{'x':{'type':'string'},'y':{'type':'string'}},"
         "'oneOf':[{'required':['x']},{'required':['y']}]}",
         "{'x':'1','y':'2'}",
         "<nil>: Invalid value: \"\": \"a\" must validate one and only one schema (oneOf). Found 2 "
         "valid alternatives"},
        {"{'type':'object','properties':{'x':{'type':'string'}},'not':{'required':['x']}}",
         "{'x':'1'}", "<nil>: Invalid value: \"\": \"a\" must not validate the schema (not)"},
        {"{'type':'object','x-kubernetes-embedded-resource':true,"
         "'x-kubernetes-preserve-unknown-fields':true}",
         "{'kind':'Pod'}", "a.apiVersion: Required value"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        expect_judged(rows[i].schema, rows[i].value, NULL, rows[i].said);
}

static void formats_that_are_known_are_judged(void **state)
{
    static const struct {
        const char *format, *good, *bad;
    } rows[] = {
        {"date-time", "2026-01-31T10:20:30.5+02:00", "yesterday"},
        {"date", "2024-02-29", "2023-02-29"},
        {"duration", "1h30m", "soon"},
        {"ipv4", "10.0.0.1", "10.0.0.256"},
        {"ipv6", "fe80::1", "10.0.0.1"},
        {"cidr", "10.0.0.0/8", "10.0.0.0/33"},
        {"uuid", "8d7c1f1e-0000-4000-8000-000000000000", "8d7c"},
        {"hostname", "a-b.example.com", "-a.example.com"},
        {"uri", "https://example.com/x", "no spaces"},
        {"byte", "YWJj", "YWJ"},
        {"mac", "00:11:22:33:44:55", "00:11:22"},
        {"unheard-of", "anything", NULL},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char schema[128], good[64], bad[64], said[256];
        snprintf(schema, sizeof(schema), "{'type':'string','format':'%s'}", rows[i].format);
        snprintf(good, sizeof(good), "'%s'", rows[i].good);
        expect_judged(schema, good, NULL, "");
        if (!rows[i].bad)
            continue;
        snprintf(bad, sizeof(bad), "'%s'", rows[i].bad);
        snprintf(said, sizeof(said),
                 "a: Invalid value: \"%s\": a in body must be of type %s: \"%s\"", rows[i].bad,
                 rows[i].format, rows[i].bad);
        expect_judged(schema, bad, NULL, said);
    }
}

static void patterns_mean_what_they_mean_in_go(void **state)
{
    static const struct {
        const char *pattern, *fits, *does_not;
    } rows[] = {
        {"^\\\\d+$", "123", "12a"},
        {"^[\\\\d.]+$", "1.2", "1-2"},
        {"^[\\\\w-]+$", "a_b-c", "a b"},
        {"^(?:a|b)+$", "abba", "abc"},
        {"(?i)^yes$", "YES", "yess"},
        {"^a+?b*?$", "aab", "ba"},
        {"^[^/]+/[^/]+$", "a/b", "a/b/c"},
        {"^\\\\S+$", "abc", "a b"},
        {"^(\\\\d+(e\\\\d+)?(m|[KMGTPE]i?)?)$", "500Mi", "five"},
        {"^[]a]+$", "a]", "b"},
        {"^[a\\\\]\\\\-z]+$", "a]-z", "b"},
        {"^x{2,3}$", "xx", "x"},
        {"\\\\pL", "cannot be judged", NULL},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char schema[128], fits[64], does_not[64];
        snprintf(schema, sizeof(schema), "{'type':'string','pattern':'%s'}", rows[i].pattern);
        snprintf(fits, sizeof(fits), "'%s'", rows[i].fits);
        expect_judged(schema, fits, NULL, "");
        if (!rows[i].does_not)
            continue;
        struct schema *compiled = schema_of(schema);
        struct field_errors errors;
        snprintf(does_not, sizeof(does_not), "{'a':'%s'}", rows[i].does_not);
        struct jv *object = parse(does_not);
        field_errors_init(&errors);
        schema_validate(compiled, object, NULL, NULL, &errors);
        if (field_errors_count(&errors) != 1)
            fail_msg("%s took %s", rows[i].pattern, rows[i].does_not);
        field_errors_deinit(&errors);
        jv_unref(object);
        schema_free(compiled);
    }
}

static void what_was_wrong_before_may_stay(void **state)
{
    const char *map = "{'type':'object','properties':{'x':{'type':'integer','minimum':5},'y':{"
                      "'type':'string'}}}";
    const char *list = "{'type':'array','x-kubernetes-list-type':'map','x-kubernetes-list-map-keys'"
                       ":['n'],'items':{'type':'object','required':['n'],'properties':{'n':{'type':"
                       "'string'},'v':{'type':'integer','minimum':5}}}}";
    (void)state;
    expect_judged(map, "{'x':1,'y':'b'}", "{'x':1,'y':'a'}", "");
    expect_judged(map, "{'x':2}", "{'x':1}",
                  "a.x: Invalid value: 2: a.x in body should be greater than or equal to 5");
    expect_judged(list, "[{'n':'q','v':9},{'n':'p','v':1}]", "[{'n':'p','v':1}]", "");
    expect_judged(list, "[{'n':'q','v':1}]", "[{'n':'p','v':1}]",
                  "a[0].v: Invalid value: 1: a[0].v in body should be greater than or equal to 5");
}

static void unknown_fields_are_dropped_and_told(void **state)
{
    struct schema *schema = schema_of(
        "{'type':'object','properties':{'x':{'type':'string'},'free':{'type':'object',"
        "'x-kubernetes-preserve-unknown-fields':true,'properties':{'k':{'type':'object'}}},'l':{"
        "'type':'array','items':{'type':'object','properties':{'n':{'type':'string'}}}}}}");
    struct jv *object = parse("{'apiVersion':'v1','kind':'K','metadata':{'any':1},'b':1,'a':{'x':"
                              "'1','y':'2','free':{'z':{'q':1},'k':{'w':1}},'l':[{'n':'1','m':2}]}"
                              "}");
    struct jv *unknown = jv_array();
    (void)state;
    schema_prune(schema, object, unknown);
    char *left = jv_print_str(object, 0), *said = jv_print_str(unknown, 0);
    assert_string_equal(left, "{\"apiVersion\":\"v1\",\"kind\":\"K\",\"metadata\":{\"any\":1},"
                              "\"a\":{\"x\":\"1\",\"free\":{\"z\":{\"q\":1},\"k\":{}},\"l\":[{"
                              "\"n\":\"1\"}]}}");
    assert_string_equal(said, "[\"b\",\"a.y\",\"a.free.k.w\",\"a.l[0].m\"]");
    free(left);
    free(said);
    jv_unref(unknown);
    jv_unref(object);
    schema_free(schema);
}

static void defaults_fill_what_is_missing(void **state)
{
    struct schema *schema = schema_of(
        "{'type':'object','default':{},'properties':{'x':{'type':'integer','default':7},'y':{"
        "'type':'object','properties':{'z':{'type':'string','default':'d'}}},'n':{'type':'string',"
        "'default':'n'},'o':{'type':'string','nullable':true,'default':'o'},'p':{'type':'string'}}"
        "}");
    static const struct {
        const char *given, *filled;
    } rows[] = {
        {"{}", "{\"a\":{\"x\":7,\"n\":\"n\",\"o\":\"o\"}}"},
        {"{'a':{'x':1,'y':{},'n':null,'o':null,'p':null}}",
         "{\"a\":{\"x\":1,\"y\":{\"z\":\"d\"},\"n\":\"n\",\"o\":null,\"p\":null}}"},
    };
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct jv *object = parse(rows[i].given);
        schema_default(schema, object);
        char *text = jv_print_str(object, 0);
        assert_string_equal(text, rows[i].filled);
        free(text);
        schema_drop_nulls(schema, object);
        assert_null(jv_path(object, "a", "p", NULL));
        jv_unref(object);
    }
    schema_free(schema);
}

static void schemas_that_are_not_structural_are_refused(void **state)
{
    static const struct {
        const char *schema, *said;
    } rows[] = {
        {"{'type':'string'}", "r.type: Invalid value: \"string\": must be object at the root"},
        {"{'properties':{}}", "r.type: Required value: must not be empty at the root"},
        {"{'type':'object','properties':{'a':{}}}",
         "r.properties[a].type: Required value: must not be empty for specified object fields"},
        {"{'type':'object','properties':{'a':{'type':'array'}}}",
         "r.properties[a].items: Required value: must be specified"},
        {"{'type':'object','properties':{'a':{'$ref':'x'}}}",
         "r.properties[a].$ref: Forbidden: $ref is not supported"},
        {"{'type':'object','properties':{'a':{'type':'object','properties':{'x':{'type':'string'}},"
         "'additionalProperties':{'type':'string'}}}}",
         "r.properties[a].additionalProperties: Forbidden: additionalProperties and properties are "
         "mutual exclusive"},
        {"{'type':'object','properties':{'a':{'type':'integer','default':'x'}}}",
         "r.properties[a].default: Invalid value: \"string\":  in body must be of type integer: "
         "\"string\""},
        {"{'type':'object','properties':{'a':{'type':'string','anyOf':[{'type':'string'}]}}}",
         "r.properties[a].anyOf[0].type: Forbidden: must be empty to be structural"},
        {"{'type':'object','properties':{'a':{'x-kubernetes-int-or-string':true,'anyOf':[{'type':"
         "'integer'},{'type':'string'}]}}}",
         ""},
        {"{'type':'object','properties':{'metadata':{'type':'object','properties':{'labels':{"
         "'type':'object'}}}}}",
         "r.properties[metadata]: Forbidden: must not specify anything other than name and "
         "generateName, but metadata is implicitly specified"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct field_errors errors;
        struct jv *root = parse(rows[i].schema);
        field_errors_init(&errors);
        schema_free(schema_new(root, "r", &errors));
        assert_string_equal(buf_str(&errors.text), rows[i].said);
        field_errors_deinit(&errors);
        jv_unref(root);
    }
}

#define CRDS "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
#define THINGS "/apis/t.example.com/v1/namespaces/default/things"
#define HEAD "'apiVersion':'t.example.com/v1','kind':'Thing','metadata':{'name':'t'}"

static void field_validation_says_what_to_do_with_unknown_fields(void **state)
{
    (void)state;
    struct stage stage;
    stage_init(&stage);
    call_ok(&stage, "POST", CRDS,
            "{'metadata':{'name':'things.t.example.com'},'spec':{'group':'t.example.com','scope':"
            "'Namespaced','names':{'plural':'things','kind':'Thing','singular':'thing','listKind':"
            "'ThingList'},'versions':[{'name':'v1','served':true,'storage':true,'schema':{"
            "'openAPIV3Schema':{'type':'object','properties':{'spec':{'type':'object','properties':"
            "{'x':{'type':'string'}}}}}}}]}}");
    call(&stage, "POST", THINGS "?fieldValidation=Strict",
         "{" HEAD ",'spec':{'x':'1','y':1,'b':2}}");
    expect_refusal(&stage, 400, "BadRequest",
                   "Thing in version \"v1\" cannot be handled as a Thing: strict decoding error: "
                   "unknown field \"spec.b\", unknown field \"spec.y\"");
    call_ok(&stage, "POST", THINGS, "{" HEAD ",'spec':{'x':null,'y':1}}");
    assert_string_equal(stage.warning, "299 - \"unknown field \\\"spec.y\\\"\"");
    assert_int_equal(jv_size(jv_path(stage.answer, "spec", NULL)), 0);
    call_ok(&stage, "PATCH", THINGS "/t?fieldValidation=Ignore", "{'spec':{'y':1}}");
    assert_string_equal(stage.warning, "");
    call(&stage, "PATCH", THINGS "/t", "{'spec':{'x':5}}");
    expect_refusal(&stage, 422, "Invalid",
                   "Thing.t.example.com \"t\" is invalid: spec.x: Invalid value: \"integer\": "
                   "spec.x in body must be of type string: \"integer\"");
    stage_end(&stage);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_are_judged_as_the_server_does),
        cmocka_unit_test(formats_that_are_known_are_judged),
        cmocka_unit_test(patterns_mean_what_they_mean_in_go),
        cmocka_unit_test(what_was_wrong_before_may_stay),
        cmocka_unit_test(unknown_fields_are_dropped_and_told),
        cmocka_unit_test(defaults_fill_what_is_missing),
        cmocka_unit_test(schemas_that_are_not_structural_are_refused),
        cmocka_unit_test(field_validation_says_what_to_do_with_unknown_fields),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
