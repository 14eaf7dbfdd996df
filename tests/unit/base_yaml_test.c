#include "base_support.h"

#include "base/yaml.h"

#include <stdio.h>
#include <stdlib.h>

static struct yaml_docs *parse(const char *text)
{
    struct err err = {0};
    struct yaml_docs *docs = yaml_parse(text, strlen(text), &err);

    if (docs == NULL)
        fail_msg("%s: %s", text, err.text);
    return docs;
}

static void assert_means(const char *yaml, const char *json)
{
    struct yaml_docs *docs = parse(yaml);
    struct jv *want = NULL;

    assert_int_equal(yaml_docs_count(docs), 1);
    assert_int_equal(jv_parse(json, strlen(json), &want, NULL), 0);
    if (!jv_equal(want, yaml_docs_get(docs, 0))) {
        char *got = jv_print_str(yaml_docs_get(docs, 0), 0);
        print_error("%s\n", got);
        free(got);
        fail_msg("`%s` is not %s", yaml, json);
    }
    jv_unref(want);
    yaml_docs_free(docs);
}

static void assert_fails(const char *yaml, size_t len, enum err_code code, const char *words)
{
    struct err err = {0};
    struct yaml_docs *docs = yaml_parse(yaml, len, &err);

    if (docs != NULL)
        fail_msg("accepted: %.100s", yaml);
    assert_int_equal(err.code, code);
    if (strstr(err.text, words) == NULL)
        fail_msg("`%s` does not say `%s`", err.text, words);
}

static void assert_prints(const char *json, const char *yaml)
{
    struct jv *value = NULL;
    struct buf out;

    buf_init(&out, 1 << 20);
    assert_int_equal(jv_parse(json, strlen(json), &value, NULL), 0);
    assert_int_equal(yaml_print(value, 0, &out), 0);
    assert_string_equal(buf_str(&out), yaml);
    buf_deinit(&out);
    jv_unref(value);
}

static void reads_plain_scalars_as_kubernetes_does(void **state)
{
    (void)state;
    assert_means("[y, Yes, ON, true, n, No, OFF, False]",
                 "[true,true,true,true,false,false,false,false]");
    assert_means("[~, null, NULL, Null, ]", "[null,null,null,null]");
    assert_means("[yEs, nULL, trUE, oN]", "[\"yEs\",\"nULL\",\"trUE\",\"oN\"]");
    assert_means("[0x1F, 0o17, 010, 0b101, -0x10, +12, 1_000, -0b11]",
                 "[31,15,8,5,-16,12,1000,-3]");
    assert_means("[0.1, .5, 1., -1.5e3, 1e3, 1.0, 08, +.5]",
                 "[0.1,0.5,1.0,-1500.0,1000.0,1.0,8.0,0.5]");
    assert_means("[9223372036854775807, -9223372036854775808, 9007199254740993]",
                 "[9223372036854775807,-9223372036854775808,9007199254740993]");
    assert_means("[1e400, 0x, 0b2, 1.2.3, 12e, 1-2, 2001-01-01, 1:30, 0xg, +, -, ., 5Gi, 1_a]",
                 "[\"1e400\",\"0x\",\"0b2\",\"1.2.3\",\"12e\",\"1-2\",\"2001-01-01\",\"1:30\","
                 "\"0xg\",\"+\",\"-\",\".\",\"5Gi\",\"1_a\"]");
    assert_means("[\"1\", '2', !!str 3, \"yes\", ! 4]", "[\"1\",\"2\",\"3\",\"yes\",\"4\"]");
    assert_means("[!!int \"7\", !!float 2, !!bool \"no\", !!null '', !!float 2.5]",
                 "[7,2.0,false,null,2.5]");
}

static void numbers_and_booleans_as_keys_become_text(void **state)
{
    (void)state;
    assert_means("1: a\ntrue: b\n1.10: c\n2.0: d\n",
                 "{\"1\":\"a\",\"true\":\"b\",\"1.1\":\"c\",\"2\":\"d\"}");
}

static void refuses_numbers_that_json_cannot_hold(void **state)
{
    static const char big[] = "a: 1\nb:\n  - 9223372036854775808\n";

    (void)state;
    assert_fails(big, strlen(big), ERR_PARSE, "line 3 column 5: integer outside 64 bits");
    assert_fails("-9223372036854775809", 20, ERR_PARSE, "outside 64 bits");
    assert_fails("0x10000000000000000", 19, ERR_PARSE, "outside 64 bits");
    assert_fails(".inf", 4, ERR_PARSE, "infinities");
    assert_fails("a: .NaN", 7, ERR_PARSE, "line 1 column 4");
    assert_fails("!!int abc", 9, ERR_PARSE, "tag");
}

static void refuses_duplicate_and_impossible_keys(void **state)
{
    static const char twice[] = "a:\n  x: 1\n  y: 2\n  \"x\": 3\n";

    (void)state;
    assert_fails(twice, strlen(twice), ERR_PARSE, "line 4 column 3: duplicate key `x`");
    assert_fails("1: a\n\"1\": b\n", 12, ERR_PARSE, "duplicate key `1`");
    assert_fails("? [a]\n: b\n", 10, ERR_PARSE, "a key must be a string");
    assert_fails("~: b\n", 5, ERR_PARSE, "a key must be a string");
    assert_fails("\"a\\0b\": 1\n", 10, ERR_PARSE, "NUL");
    assert_fails("!foo a: 1", 9, ERR_PARSE, "tag");
    assert_fails("!!set {a}", 9, ERR_PARSE, "tag");
    assert_fails("!!binary aGk=", 13, ERR_PARSE, "tag");
}

static void expands_aliases_and_merges(void **state)
{
    (void)state;
    assert_means("a: &x {b: 1, c: [1]}\nd: *x\n",
                 "{\"a\":{\"b\":1,\"c\":[1]},\"d\":{\"b\":1,\"c\":[1]}}");
    assert_means("- &a {x: 1, q: 2}\n- &b {q: 3, z: 4}\n- x: 0\n  <<: [*a, *b]\n  w: 5\n",
                 "[{\"x\":1,\"q\":2},{\"q\":3,\"z\":4},{\"x\":0,\"q\":2,\"z\":4,\"w\":5}]");
    assert_means("- &a {x: 1}\n- <<: *a\n  x: 2\n- {<<: *a}\n", "[{\"x\":1},{\"x\":2},{\"x\":1}]");
    assert_means("- &a 1\n- &a 2\n- *a\n", "[1,2,2]");
    assert_means("- &a [&a 1, *a]\n- *a\n", "[[1,1],1]");
    assert_means("\"<<\": 1\n", "{\"<<\":1}");
    assert_fails("a: *x", 5, ERR_PARSE, "unknown anchor `x`");
    assert_fails("&a [*a]", 7, ERR_PARSE, "inside its own anchor");
    assert_fails("&a {b: {<<: *a}}", 16, ERR_PARSE, "inside its own anchor");
    assert_fails("<<: 3", 5, ERR_PARSE, "<< needs a mapping");
    assert_fails("- &a {}\n---\n- *a\n", 17, ERR_PARSE, "unknown anchor");
}

static void stops_alias_bombs(void **state)
{
    struct buf text;

    (void)state;
    buf_init(&text, 1 << 20);
    buf_add_str(&text, "a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n");
    for (int i = 1; i < 12; i++) {
        buf_printf(&text, "a%d: &a%d [", i, i);
        for (int j = 0; j < 10; j++)
            buf_printf(&text, "%s*a%d", j > 0 ? "," : "", i - 1);
        buf_add_str(&text, "]\n");
    }
    assert_fails(buf_str(&text), text.len, ERR_LIMIT, "aliases are expanded");

    buf_clear(&text); /* few nodes, much text */
    buf_add_str(&text, "a: &a \"");
    for (int i = 0; i < 100000; i++)
        buf_add_char(&text, 'x');
    buf_add_str(&text, "\"\nb: [");
    for (int i = 0; i < 20000; i++)
        buf_add_str(&text, "*a,");
    buf_add_str(&text, "]\n");
    assert_fails(buf_str(&text), text.len, ERR_LIMIT, "aliases are expanded");

    buf_clear(&text); /* merges multiply too */
    buf_add_str(&text, "- &m0 {k: 1}\n");
    for (int i = 1; i < 40; i++)
        buf_printf(&text, "- &m%d {<<: [*m%d, *m%d], k%d: 1}\n", i, i - 1, i - 1, i);
    assert_fails(buf_str(&text), text.len, ERR_LIMIT, "aliases are expanded");

    buf_clear(&text); /* depth through aliases */
    buf_add_str(&text, "- &d0 [x]\n");
    for (int i = 1; i < 200; i++)
        buf_printf(&text, "- &d%d [*d%d]\n", i, i - 1);
    assert_fails(buf_str(&text), text.len, ERR_LIMIT, "too deep");
    buf_deinit(&text);
}

static void stops_at_the_depth_limit(void **state)
{
    size_t len = 1 << 20;
    char *bomb = malloc(len);

    (void)state;
    memset(bomb, '[', len);
    assert_fails(bomb, len, ERR_LIMIT, "too deep");
    memset(bomb, '{', len);
    assert_fails(bomb, len, ERR_LIMIT, "too deep");
    for (size_t i = 0; i + 2 <= len; i += 2)
        memcpy(bomb + i, "- ", 2);
    assert_fails(bomb, len, ERR_LIMIT, "too deep");
    free(bomb);
}

static void refuses_broken_text_with_line_and_column(void **state)
{
    static const char tab[] = "a:\n\tb: 1\n";
    static const char indent[] = "a:\n  b: 1\n c: 2\n";
    char *large = calloc(1, YAML_BYTES_MAX + 1);

    (void)state;
    assert_fails(tab, strlen(tab), ERR_PARSE, "YAML line 2");
    assert_fails(indent, strlen(indent), ERR_PARSE, "YAML line 3");
    assert_fails("a: \"b", 5, ERR_PARSE, "YAML line 1");
    assert_fails("a: [1, 2", 8, ERR_PARSE, "YAML line");
    assert_fails("a: \xFF", 4, ERR_PARSE, "YAML byte 4");
    assert_fails("a: \xE2\x82", 5, ERR_PARSE, "YAML byte");
    assert_fails("a: \xED\xA0\x80", 6, ERR_PARSE, "YAML byte");
    assert_fails("a: \0b", 5, ERR_PARSE, "YAML byte");
    assert_fails("a: \"\\ud800\"", 11, ERR_PARSE, "YAML line 1");
    assert_fails(large, YAML_BYTES_MAX + 1, ERR_TOO_LARGE, "bytes");
    assert_null(yaml_parse("[", 1, NULL));
    free(large);
}

static void leaves_out_empty_documents(void **state)
{
    struct yaml_docs *docs = parse("# only a comment\n---\n---\na: 1\n---\n~\n...\n---\n- 2\n");
    struct yaml_docs *none = parse("");
    int line, column;

    (void)state;
    assert_int_equal(yaml_docs_count(none), 0);
    assert_null(yaml_docs_get(none, 0));
    assert_int_equal(yaml_docs_where(none, 0, "a", &line, &column), -1);
    assert_int_equal(yaml_docs_count(docs), 2);
    assert_true(jv_is_object(yaml_docs_get(docs, 0)));
    assert_true(jv_is_array(yaml_docs_get(docs, 1)));
    yaml_docs_free(none);
    yaml_docs_free(docs);
    yaml_docs_free(NULL);
}

static void assert_where(const struct yaml_docs *docs, const char *path, int line, int column)
{
    int l = 0, c = 0;

    assert_int_equal(yaml_docs_where(docs, 0, path, &l, &c), 0);
    if (l != line || c != column)
        fail_msg("%s is at %d:%d, not %d:%d", path, l, c, line, column);
}

static void knows_where_fields_stand(void **state)
{
    struct yaml_docs *docs = parse("# head\n"
                                   "spec:\n"
                                   "  base: &b\n"
                                   "    image: x\n"
                                   "  ports:\n"
                                   "  - name: a\n"
                                   "  - name: b\n"
                                   "    port: 1\n"
                                   "  data: {\"a.b\": 1, 'c\"d': 2}\n"
                                   "  copy: *b\n"
                                   "  merged:\n"
                                   "    <<: *b\n"
                                   "    own: 1\n");

    (void)state;
    assert_where(docs, "", 2, 1);
    assert_where(docs, "spec", 2, 1);
    assert_where(docs, "spec.ports[1].name", 7, 5);
    assert_where(docs, "spec.ports[1].port", 8, 5);
    assert_where(docs, "spec.ports[1]", 7, 5);
    assert_where(docs, "spec.ports[7].port", 5, 3);
    assert_where(docs, "spec.ports[1].none.deeper", 7, 5);
    assert_where(docs, "spec.data[\"a.b\"]", 9, 10);
    assert_where(docs, "spec.data[\"c\\\"d\"]", 9, 20);
    assert_where(docs, "spec.copy.image", 4, 5);
    assert_where(docs, "spec.merged.image", 4, 5);
    assert_where(docs, "spec.merged.own", 13, 5);
    assert_where(docs, "spec.ports[", 5, 3);
    assert_where(docs, "spec.ports[x]", 5, 3);
    assert_where(docs, "spec.data[\"a", 9, 3);
    assert_where(docs, "nothing", 2, 1);
    yaml_docs_free(docs);
}

static void prints_as_kubectl_does(void **state)
{
    (void)state;
    assert_prints("{\"a\":{\"b\":[{\"c\":1,\"d\":[]},[1,[2]]]},\"e\":{}}",
                  "a:\n  b:\n  - c: 1\n    d: []\n  - - 1\n    - - 2\ne: {}\n");
    assert_prints(
        "{\"run\":\"a\\n  b\\n\",\"keep\":\"a\\n\\n\",\"strip\":\"a\\nb\",\"lead\":\" a\\nb\"}",
        "run: |\n  a\n    b\nkeep: |+\n  a\n\nstrip: |-\n  a\n  b\nlead: |2-\n   a\n  b\n");
    assert_prints(
        "[\"true\",\"8080\",\"\",\"~\",\"1e3\",\"y\",\"a: b\",\"a #b\",\"- a\",\"it's\",\"{}\","
        "\"2024-01-01T00:00:00Z\",\"1:30\",\"a\\tb\",\"\\u0085\",\"-Xmx1g\",\"a:b\",\"é\",\" \"]",
        "- \"true\"\n- \"8080\"\n- \"\"\n- \"~\"\n- \"1e3\"\n- \"y\"\n- 'a: b'\n- 'a #b'\n"
        "- '- a'\n- it's\n- '{}'\n- \"2024-01-01T00:00:00Z\"\n- \"1:30\"\n- \"a\\tb\"\n"
        "- \"\\x85\"\n- -Xmx1g\n- a:b\n- é\n- ' '\n");
    assert_prints("\"x\"", "x\n");
    assert_prints("[]", "[]\n");
}

static void reads_back_what_it_prints(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 4000; seed++) {
        uint64_t s = seed;
        struct jv *value = gen_value(&s, 5, true);
        struct yaml_docs *docs;
        struct err err = {0};
        struct buf out;
        buf_init(&out, 1 << 24);
        assert_int_equal(yaml_print(value, seed % 2 ? JV_PRINT_SORTED : 0, &out), 0);
        docs = yaml_parse(buf_str(&out), out.len, &err);
        if (docs == NULL)
            fail_msg("seed %llu: %s\n%s", (unsigned long long)seed, err.text, buf_str(&out));
        if (jv_type(value) == JV_NULL)
            assert_int_equal(yaml_docs_count(docs), 0);
        else if (!jv_equal(value, yaml_docs_get(docs, 0)))
            fail_msg("seed %llu differs:\n%s", (unsigned long long)seed, buf_str(&out));
        yaml_docs_free(docs);
        buf_deinit(&out);
        jv_unref(value);
    }
}

static void long_keys_survive(void **state)
{
    struct jv *value = jv_object();
    struct yaml_docs *docs;
    char key[3000];
    struct buf out;

    (void)state;
    buf_init(&out, 1 << 20);
    memset(key, 'k', sizeof(key));
    key[sizeof(key) - 1] = '\0';
    jv_set(value, key, jv_object());
    jv_set(jv_get(value, key), key, jv_int(1));
    key[1500] = '\n';
    jv_set(value, key, jv_array());
    jv_append(jv_get(value, key), jv_int(2));
    assert_int_equal(yaml_print(value, 0, &out), 0);
    docs = parse(buf_str(&out));
    assert_true(jv_equal(value, yaml_docs_get(docs, 0)));
    yaml_docs_free(docs);
    jv_unref(value);
    buf_deinit(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_plain_scalars_as_kubernetes_does),
        cmocka_unit_test(numbers_and_booleans_as_keys_become_text),
        cmocka_unit_test(refuses_numbers_that_json_cannot_hold),
        cmocka_unit_test(refuses_duplicate_and_impossible_keys),
        cmocka_unit_test(expands_aliases_and_merges),
        cmocka_unit_test(stops_alias_bombs),
        cmocka_unit_test(stops_at_the_depth_limit),
        cmocka_unit_test(refuses_broken_text_with_line_and_column),
        cmocka_unit_test(leaves_out_empty_documents),
        cmocka_unit_test(knows_where_fields_stand),
        cmocka_unit_test(prints_as_kubectl_does),
        cmocka_unit_test(reads_back_what_it_prints),
        cmocka_unit_test(long_keys_survive),
    };

    jv_seed(7);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
