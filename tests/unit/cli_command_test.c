/* Commands that need no server: what they print, and the exit codes programs rely on. */
#include "cli_support.h"

#include "base/json.h"
#include "cli/status.h"

#include "base/yaml.h"

#define EXAMPLE "deploy/examples/tiny-cluster.yaml"

static const char broken_cluster[] = "apiVersion: druid.apache.org/v1alpha1\n"
                                     "kind: Druid\n"
                                     "metadata:\n"
                                     "  name: bad\n"
                                     "spec:\n"
                                     "  common.runtime.properties: \"\"\n"
                                     "  foo: 1\n"
                                     "  nodes: {}\n";

static const char overlay[] =
    "apiVersion: v1\n"
    "kind: ConfigMap\n"
    "metadata: {name: team, namespace: nemeton-system, labels: {nemeton.dev/policies: team}}\n"
    "data:\n"
    "  bundle.lua: return { api = 1 }\n"
    "  druid.rollout.lua: |\n"
    "    local rollout = require \"base.druid.rollout\"\n"
    "    rollout.order = {%s}\n"
    "    return rollout\n";

static void helps_on_every_command_within_80_columns(void **state)
{
    static const char *const names[] = {"run",   "sandbox", "render", "plan",
                                        "check", "test",    "status", "version"};
    (void)state;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        struct outcome o = RUN((char *)names[i], "--help");
        assert_int_equal(o.code, 0);
        assert_string_equal(o.err, "");
        assert_has(o.out, "usage: nemeton ");
        assert_has(o.out, "--help");
        for (char *line = strtok(o.out, "\n"); line != NULL; line = strtok(NULL, "\n"))
            assert_true(strlen(line) <= 84); /* bytes: an ellipsis takes three */
        outcome_free(&o);
    }
}

static void names_what_was_meant_when_a_command_or_option_is_unknown(void **state)
{
    (void)state;
    struct outcome o = RUN("rendr", EXAMPLE);
    assert_int_equal(o.code, 2);
    assert_has(o.err, "did you mean `render`?");
    outcome_free(&o);
    o = RUN("render", "--polices", "x", EXAMPLE);
    assert_int_equal(o.code, 2);
    assert_has(o.err, "did you mean --policies?");
    outcome_free(&o);
    o = RUN("render");
    assert_int_equal(o.code, 2);
    assert_has(o.err, "render needs FILE");
    outcome_free(&o);
    o = RUN("version", "now");
    assert_int_equal(o.code, 2);
    assert_has(o.err, "`now` is too much");
    outcome_free(&o);
}

static void prints_help_without_a_command_and_runs_with_options_only(void **state)
{
    (void)state;
    struct outcome o = run_program(0, NULL);
    assert_int_equal(o.code, 0);
    assert_has(o.out, "Commands:");
    outcome_free(&o);
    o = RUN("--metrics-bind-address", "nonsense");
    assert_int_equal(o.code, 2);
    assert_has(o.err, "--metrics-bind-address: an address is expected");
    outcome_free(&o);
}

static void runs_without_a_word_when_called_manager(void **state)
{
    (void)state;
    struct outcome o = run_program_as("manager", 0, NULL);
    assert_int_equal(o.code,
                     EXIT_NO_CONNECTION); /* it looked for an API server, and there is none here */
    assert_string_equal(o.out, "");
    outcome_free(&o);
    o = RUN_AS("manager", "version");
    assert_int_equal(o.code, 0);
    assert_has(o.out, "nemeton ");
    outcome_free(&o);
}

static void tells_the_version_of_program_and_policies(void **state)
{
    (void)state;
    struct outcome o = RUN("version", "-o", "json");
    struct jv *value = NULL;
    assert_int_equal(o.code, 0);
    assert_int_equal(jv_parse(o.out, strlen(o.out), &value, NULL), 0);
    assert_int_equal(strlen(jv_path_str(value, "policies", NULL)), 64);
    assert_string_equal(jv_path_str(value, "version", NULL), NEMETON_VERSION);
    jv_unref(value);
    outcome_free(&o);
}

static void renders_the_example_as_objects_that_can_be_applied(void **state)
{
    (void)state;
    struct outcome o = RUN("render", EXAMPLE);
    assert_int_equal(o.code, 0);
    assert_string_equal(o.err, "");
    struct err err = {0};
    struct yaml_docs *docs = yaml_parse(o.out, strlen(o.out), &err);
    assert_non_null(docs);
    assert_int_equal(yaml_docs_count(docs), 19); /* 6 StatefulSets, 6 Services, 7 ConfigMaps */
    for (size_t i = 0; i < yaml_docs_count(docs); i++) {
        const struct jv *metadata = jv_get(yaml_docs_get(docs, i), "metadata");
        assert_string_equal(jv_path_str(metadata, "namespace", NULL), "default");
        assert_null(jv_get(metadata, "ownerReferences")); /* its uid is not known */
    }
    yaml_docs_free(docs);
    outcome_free(&o);
}

static void refuses_to_render_what_the_schema_refuses(void **state)
{
    (void)state;
    struct folder folder = folder_make();
    const char *path = folder_put(&folder, "bad.yaml", broken_cluster);
    struct outcome o = RUN("render", (char *)path);
    assert_int_equal(o.code, 1);
    assert_string_equal(o.out, "");
    assert_has(o.err, "bad.yaml:7:3: spec.foo: unknown field");
    outcome_free(&o);
    folder_remove(&folder);
}

static void says_where_a_cluster_is_wrong(void **state)
{
    (void)state;
    struct folder folder = folder_make();
    char text[1024];
    snprintf(text, sizeof(text), "%s", broken_cluster);
    char *foo = strstr(text, "  foo: 1\n");
    memmove(foo, foo + 9, strlen(foo + 9) + 1);
    const char *path = folder_put(&folder, "bad.yaml", text);
    struct outcome o = RUN("check", (char *)path);
    assert_int_equal(o.code, 1);
    assert_has(o.out, "bad.yaml:7:3: spec.nodes: has no node group");
    assert_has(o.out, "1 problem");
    outcome_free(&o);
    o = RUN("check", "-o", "json", (char *)path);
    struct jv *found = NULL;
    assert_int_equal(jv_parse(o.out, strlen(o.out), &found, NULL), 0);
    assert_int_equal(jv_size(found), 1);
    assert_int_equal(jv_int_value(jv_get(jv_at(found, 0), "line")), 7);
    jv_unref(found);
    outcome_free(&o);
    folder_remove(&folder);
}

/* As the server does: a key with nothing behind it, which templates of charts leave, is not there. */
static void takes_empty_keys_for_none(void **state)
{
    (void)state;
    struct folder folder = folder_make();
    const char *path = folder_put(
        &folder, "nulls.yaml",
        "apiVersion: druid.apache.org/v1alpha1\nkind: Druid\nmetadata: {name: a}\nspec:\n"
        "  image: i\n  common.runtime.properties: ''\n  env:\n  startScript:\n  affinity:\n"
        "  nodes:\n    b: {nodeType: broker, druid.port: 1, runtime.properties: '',\n"
        "      nodeConfigMountPath: /b, resources: , livenessProbe: {httpGet: , tcpSocket: {port: "
        "1}}}\n");
    struct outcome o = RUN("check", (char *)path);
    assert_int_equal(o.code, 0);
    outcome_free(&o);
    o = RUN("render", (char *)path);
    assert_int_equal(o.code, 0);
    assert_has(o.out, "- /druid.sh");
    outcome_free(&o);
    folder_remove(&folder);
}

/* Each of the file's, but the cluster's affinity (the group has its own) and a Service's metadata. */
static void keeps_what_only_a_newer_server_knows(void **state)
{
    (void)state;
    int count = 0;
    struct outcome o = RUN("check", "tests/policies/fields/newer.yaml");
    assert_int_equal(o.code, 0);
    outcome_free(&o);
    o = RUN("render", "tests/policies/fields/newer.yaml");
    for (const char *at = o.out; (at = strstr(at, "newer: 1")) != NULL; at++)
        count++;
    assert_int_equal(count, 38);
    outcome_free(&o);
}

static void says_when_a_kind_or_version_is_a_slip(void **state)
{
    (void)state;
    struct folder folder = folder_make();
    const char *path = folder_put(&folder, "slip.yaml",
                                  "metadata: {name: a}\nkind: Droid\n"
                                  "apiVersion: druid.apache.org/v1alpha1\n");
    struct outcome o = RUN("check", (char *)path);
    assert_int_equal(o.code, 1);
    assert_has(o.out,
               "slip.yaml:2:1: kind: there is no Droid of druid.apache.org/v1alpha1; use "
               "DruidIngestion of druid.apache.org/v1alpha1, Druid of druid.apache.org/v1alpha1");
    outcome_free(&o);
    path = folder_put(&folder, "slip.yaml",
                      "apiVersion: example.com/v1\nkind: Droid\nmetadata: {name: a}\n");
    o = RUN("check", (char *)path);
    assert_int_equal(o.code, 0);
    outcome_free(&o);
    folder_remove(&folder);
}

static void keeps_each_problem_in_one_line(void **state)
{
    (void)state;
    struct folder folder = folder_make();
    const char *path =
        folder_put(&folder, "line.yaml",
                   "apiVersion: druid.apache.org/v1alpha1\nkind: Druid\n"
                   "metadata: {name: \"a\\nb\"}\nspec:\n  image: i\n"
                   "  common.runtime.properties: a=b\n  nodes:\n"
                   "    \"c\\u001bd\": {nodeType: broker, druid.port: 1, nodeConfigMountPath: /b,\n"
                   "      runtime.properties: '', replicas: 1}\n");
    struct outcome o = RUN("check", (char *)path);
    assert_int_equal(o.code, 1);
    assert_has(o.out, "line.yaml:3:12: metadata.name: \"a\\nb\" cannot be part of");
    assert_has(o.out, "line.yaml:8:5: spec.nodes.c\\u001bd: the key \"c\\u001bd\" cannot be part");
    outcome_free(&o);
    folder_remove(&folder);
}

static void says_where_yaml_is_broken(void **state)
{
    (void)state;
    struct folder folder = folder_make();
    const char *path = folder_put(&folder, "x.yaml", "a: [\n");
    struct outcome o = RUN("check", (char *)path);
    assert_int_equal(o.code, 1);
    assert_has(o.out, "x.yaml:2:1: ");
    outcome_free(&o);
    path = folder_put(&folder, "y.yaml", "apiVersion: v1\nkind: Pod\n");
    o = RUN("check", (char *)path);
    assert_int_equal(o.code, 1);
    assert_has(o.out, "y.yaml:1:1: metadata.name is missing");
    outcome_free(&o);
    folder_remove(&folder);
}

static void finds_nothing_wrong_with_what_is_shipped(void **state)
{
    (void)state;
    struct outcome o = RUN("check", "policies", "deploy", "crd");
    if (o.code != 0)
        fail_msg("%s%s", o.out, o.err);
    assert_has(o.out, ", 0 problems");
    outcome_free(&o);
}

static void advice_is_said_and_no_problem(void **state)
{
    (void)state;
    struct folder folder = folder_make();
    const char *path = folder_put(&folder, "a.yaml",
                                  "apiVersion: druid.apache.org/v1alpha1\n"
                                  "kind: Druid\n"
                                  "metadata: {name: a}\n"
                                  "spec:\n"
                                  "  image: apache/druid:33.0.0\n"
                                  "  common.runtime.properties: a=b\n"
                                  "  nodes:\n"
                                  "    brokers: {nodeType: broker, druid.port: 8082, replicas: 1,\n"
                                  "      runtime.properties: a=b, nodeConfigMountPath: /a}\n");
    struct outcome o = RUN("check", (char *)path);
    assert_int_equal(o.code, 0);
    assert_has(o.out, "advice: spec.jvm.options: ");
    assert_has(o.out, "1 object checked, 0 problems, 1 thing advised");
    outcome_free(&o);
    o = RUN("check", "-o", "json", (char *)path);
    assert_int_equal(o.code, 0);
    assert_has(o.out, "\"advice\": true");
    outcome_free(&o);
    folder_remove(&folder);
}

static void says_how_to_check_a_helm_chart(void **state)
{
    (void)state;
    struct outcome o = RUN("check", "deploy/helm");
    assert_int_equal(o.code, 1);
    assert_has(o.err, "`deploy/helm` is a Helm chart: give what `helm template` makes of it");
    outcome_free(&o);
}

static void points_into_the_configmap_when_an_overlay_is_wrong(void **state)
{
    (void)state;
    struct folder folder = folder_make();
    char text[1024];
    snprintf(text, sizeof(text), overlay, " historical ");
    const char *path = folder_put(&folder, "overlay.yaml", text);
    struct outcome o = RUN("check", (char *)path);
    assert_int_equal(o.code, 1);
    assert_has(o.out, "overlay.yaml:8: unknown global 'historical'");
    outcome_free(&o);
    snprintf(text, sizeof(text), overlay, " = ");
    folder_put(&folder, "overlay.yaml", text);
    o = RUN("check", (char *)path);
    assert_has(o.out, "overlay.yaml:8: unexpected symbol");
    outcome_free(&o);
    snprintf(text, sizeof(text), overlay, " \"historical\" ");
    folder_put(&folder, "overlay.yaml", text);
    o = RUN("check", (char *)path);
    assert_int_equal(o.code, 0);
    outcome_free(&o);
    folder_remove(&folder);
}

static void names_every_slip_in_a_directory_of_policies(void **state)
{
    (void)state;
    struct folder folder = folder_make();
    folder_put(&folder, "bundle.lua", "return { api = 1, controllers = { 'things' } }\n");
    folder_put(&folder, "things.lua",
               "local M = {}\n"
               "M.watches = { primaries = { { apiVersion = 'v1', kind = 'Secret' } } }\n"
               "function M.reconcile(ctx)\n"
               "  local n = cuont + 1\n"
               "  total = n\n"
               "end\n"
               "return M\n");
    struct outcome o = RUN("check", folder.path);
    assert_int_equal(o.code, 1);
    assert_has(o.out, "things.lua:4:13: unknown global 'cuont'");
    assert_has(o.out, "things.lua:5:3: sets the global 'total'");
    outcome_free(&o);
    folder_put(&folder, "things.lua", "local x = = 1\n");
    o = RUN("check", folder.path);
    assert_has(o.out, "things.lua:1: ");
    outcome_free(&o);
    folder_put(&folder, "things.lua", "return {}\n");
    o = RUN("check", folder.path);
    assert_has(o.out, "things.lua");
    assert_has(o.out, "watches");
    outcome_free(&o);
    folder_remove(&folder);
}

static void runs_the_cases_beside_policies_and_counts_them(void **state)
{
    (void)state;
    struct folder folder = folder_make();
    folder_put(&folder, "bundle.lua", "return { api = 1 }\n");
    folder_put(&folder, "sum.lua", "return { add = function(a, b) return a + b end }\n");
    folder_put(&folder, "sum_test.lua",
               "local sum = require 'sum'\n"
               "return {\n"
               "  ['adds'] = function(t) t.equal(sum.add(1, 2), 3) end,\n"
               "  ['fails'] = function(t) t.equal(sum.add(1, 2), 4) end,\n"
               "}\n");
    struct outcome o = RUN("test", folder.path);
    assert_int_equal(o.code, 1);
    assert_has(o.out, "FAIL  sum_test: fails");
    assert_lacks(o.out, "sum_test: adds");
    assert_has(o.out, "\n1 passed, 1 failed\n");
    outcome_free(&o);
    o = RUN("test", "-v", "policies");
    assert_int_equal(o.code, 0);
    assert_has(o.out, "ok    ");
    assert_has(o.out, " passed, 0 failed\n");
    outcome_free(&o);
    folder_put(&folder, "sum_test.lua", "return {}\n");
    o = RUN("test", folder.path);
    assert_int_equal(o.code, 1);
    assert_has(o.err, "no cases");
    outcome_free(&o);
    folder_remove(&folder);
}

static void a_missing_file_is_one_line(void **state)
{
    (void)state;
    static const char *const names[] = {"render", "check", "test", "plan"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        struct outcome o = RUN((char *)names[i], "/nonexistent/file.yaml");
        assert_int_equal(o.code, 1);
        assert_has(o.err, "/nonexistent/file.yaml");
        assert_ptr_equal(strchr(o.err, '\n'), o.err + strlen(o.err) - 1);
        outcome_free(&o);
    }
}

static void tells_a_program_of_a_failure_as_an_object(void **state)
{
    static const char *const names[] = {"render", "check", "test", "plan"};
    (void)state;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        struct outcome o = RUN((char *)names[i], "/nonexistent/file.yaml", "-o", "json");
        struct jv *object = NULL;
        assert_int_equal(o.code, 1);
        assert_int_equal(jv_parse(o.out, strlen(o.out), &object, NULL), 0);
        assert_has(jv_path_str(object, "error", "message", NULL), "/nonexistent/file.yaml");
        assert_non_null(jv_path_str(object, "error", "code", NULL));
        assert_has(o.err, "/nonexistent/file.yaml");
        jv_unref(object);
        outcome_free(&o);
    }
}

static void what_others_say_does_not_reach_the_terminal_raw(void **state)
{
    (void)state;
    char *out = NULL;
    size_t len = 0;
    struct outcome o = RUN("check", "/nonexistent/\033[31mred\nnext");
    assert_has(o.err, "/nonexistent/\\u001b[31mred\\nnext");
    assert_ptr_equal(strchr(o.err, '\n'), o.err + strlen(o.err) - 1);
    outcome_free(&o);
    struct jv *report = NULL;
    static const char text[] =
        "{\"objects\":[{\"kind\":\"Thing\",\"name\":\"a\",\"message\":\"\\u001b[2J and\\nmore\"}]}";
    assert_int_equal(jv_parse(text, sizeof(text) - 1, &report, NULL), 0);
    FILE *file = open_memstream(&out, &len);
    status_print(file, report, false);
    fclose(file);
    assert_null(strchr(out, '\033'));
    assert_has(out, "\\u001b[2J and\\nmore");
    free(out);
    jv_unref(report);
}

static void names_of_namespaces_that_cannot_be_are_slips(void **state)
{
    static const char *const rows[][2] = {{"--watch-namespace", "good,Bad_one"},
                                          {"--policy-namespace", "a.b"},
                                          {"--policy-namespace", "-a"}};
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct outcome o = RUN("run", (char *)rows[i][0], (char *)rows[i][1]);
        assert_int_equal(o.code, 2);
        assert_has(o.err, rows[i][0]);
        assert_has(o.err, "is not the name of a namespace");
        outcome_free(&o);
    }
    struct outcome o = RUN("plan", EXAMPLE, "-n", "No/where");
    assert_int_equal(o.code, 2);
    outcome_free(&o);
}

static void no_connection_is_exit_code_3(void **state)
{
    (void)state;
    struct outcome o = RUN("status", "--kubeconfig", "/nonexistent/config");
    assert_int_equal(o.code, 3);
    assert_has(o.err, "/nonexistent/config");
    outcome_free(&o);
    o = RUN("plan", EXAMPLE, "--live", "--kubeconfig", "/nonexistent/config");
    assert_int_equal(o.code, 3);
    outcome_free(&o);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(helps_on_every_command_within_80_columns),
        cmocka_unit_test(names_what_was_meant_when_a_command_or_option_is_unknown),
        cmocka_unit_test(prints_help_without_a_command_and_runs_with_options_only),
        cmocka_unit_test(runs_without_a_word_when_called_manager),
        cmocka_unit_test(tells_the_version_of_program_and_policies),
        cmocka_unit_test(renders_the_example_as_objects_that_can_be_applied),
        cmocka_unit_test(refuses_to_render_what_the_schema_refuses),
        cmocka_unit_test(says_where_a_cluster_is_wrong),
        cmocka_unit_test(takes_empty_keys_for_none),
        cmocka_unit_test(says_where_yaml_is_broken),
        cmocka_unit_test(finds_nothing_wrong_with_what_is_shipped),
        cmocka_unit_test(advice_is_said_and_no_problem),
        cmocka_unit_test(keeps_what_only_a_newer_server_knows),
        cmocka_unit_test(says_when_a_kind_or_version_is_a_slip),
        cmocka_unit_test(keeps_each_problem_in_one_line),
        cmocka_unit_test(says_how_to_check_a_helm_chart),
        cmocka_unit_test(points_into_the_configmap_when_an_overlay_is_wrong),
        cmocka_unit_test(names_every_slip_in_a_directory_of_policies),
        cmocka_unit_test(runs_the_cases_beside_policies_and_counts_them),
        cmocka_unit_test(a_missing_file_is_one_line),
        cmocka_unit_test(tells_a_program_of_a_failure_as_an_object),
        cmocka_unit_test(what_others_say_does_not_reach_the_terminal_raw),
        cmocka_unit_test(names_of_namespaces_that_cannot_be_are_slips),
        cmocka_unit_test(no_connection_is_exit_code_3),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
